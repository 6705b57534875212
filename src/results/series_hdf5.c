/* results.h5: what does not fit a row. The file is made in memory and written as any other view. */
#include <errno.h>
#include <hdf5.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "infostrata/results.h"

/* The records of one entry that have a series. */
typedef struct {
    size_t entry;
    const ist_record **record;
    int64_t *row;
    size_t count;
    int64_t longest;
} group;

typedef struct {
    group *groups; /* by entry */
    size_t entries;
    bool any;
} collection;

static void add(group *g, const ist_record *record, int64_t row)
{
    if ((g->count & (g->count - 1)) == 0) {
        size_t room = g->count ? 2 * g->count : 1;
        g->record = ist_grow(g->record, g->count, room, sizeof *g->record);
        g->row = ist_grow(g->row, g->count, room, sizeof *g->row);
    }
    g->record[g->count] = record;
    g->row[g->count++] = row;
    g->longest = ist_max(g->longest, record->series_count);
}

/* Rows as results.csv has them: one a record, one a failure. */
static collection collect(const ist_plan *plan, const ist_journal *journal,
                          const ist_contents *contents)
{
    collection c = {.entries = plan->job->entry_count};
    c.groups = ist_alloc(c.entries, sizeof *c.groups);
    int64_t row = 0;
    for (size_t t = 0; t < plan->task_count; t++) {
        const ist_task *task = &plan->tasks[t];
        const ist_outcome *outcome = ist_task_outcome(plan, task, contents, journal);
        if (!outcome)
            continue;
        for (size_t r = 0; !outcome->failed && r < outcome->record_count; r++) {
            if (outcome->records[r].series_count > 0) {
                add(&c.groups[task->entry], &outcome->records[r], row + (int64_t)r);
                c.any = true;
            }
        }
        row += outcome->failed ? 1 : (int64_t)outcome->record_count;
    }
    return c;
}

static void release(collection *c)
{
    for (size_t e = 0; e < c->entries; e++) {
        ist_free(c->groups[e].record);
        ist_free(c->groups[e].row);
    }
    ist_free(c->groups);
}

/* ---- HDF5 ------------------------------------------------------------------------------------ */

/* No times: the same results are the same bytes. */
static bool write_set(hid_t folder, const char *name, hid_t type, int dimensions,
                      const hsize_t *size, const void *values)
{
    hid_t plain = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(dimensions, size, NULL);
    H5Pset_obj_track_times(plain, false);
    hid_t set = H5Dcreate2(folder, name, type, space, H5P_DEFAULT, plain, H5P_DEFAULT);
    bool good = set >= 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
    if (set >= 0)
        H5Dclose(set);
    H5Sclose(space);
    H5Pclose(plain);
    return good;
}

static bool write_group(hid_t file, const ist_measure_schema *measure, const group *g)
{
    ist_text name = {0};
    ist_text_add(&name, "%zu-%s", g->entry, measure->name);
    hid_t plain = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(plain, false);
    hid_t folder = H5Gcreate2(file, name.data, H5P_DEFAULT, plain, H5P_DEFAULT);
    size_t width = (size_t)g->longest;
    double *values = ist_alloc_unset(g->count * width, sizeof *values);
    for (size_t r = 0; r < g->count; r++)
        for (size_t i = 0; i < width; i++)
            values[r * width + i] =
                (int64_t)i < g->record[r]->series_count ? g->record[r]->series[i] : (double)NAN;
    const hsize_t size[2] = {g->count, width};
    bool good = folder >= 0 &&
                write_set(folder, measure->series, H5T_NATIVE_DOUBLE, 2, size, values) &&
                write_set(folder, "row", H5T_NATIVE_INT64, 1, size, g->row);
    if (folder >= 0)
        H5Gclose(folder);
    H5Pclose(plain);
    ist_free(values);
    ist_text_release(&name);
    return good;
}

/* The file's bytes; NULL if HDF5 could not make them. */
static char *image_of(hid_t file, size_t *count)
{
    H5Fflush(file, H5F_SCOPE_GLOBAL);
    ssize_t size = H5Fget_file_image(file, NULL, 0);
    if (size <= 0)
        return NULL;
    char *bytes = ist_alloc_unset((size_t)size, 1);
    *count = (size_t)size;
    if (H5Fget_file_image(file, bytes, *count) == size)
        return bytes;
    ist_free(bytes);
    return NULL;
}

static char *make_file(const ist_plan *plan, const collection *c, size_t *count)
{
    enum { STEP = 1 << 20 };
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), plain = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_fapl_core(access, STEP, false);
    H5Pset_obj_track_times(plain, false);
    hid_t file = H5Fcreate("results.h5", H5F_ACC_TRUNC, plain, access);
    bool good = file >= 0;
    for (size_t e = 0; e < c->entries && good; e++) {
        c->groups[e].entry = e;
        const ist_job *job = plan->job;
        if (c->groups[e].count > 0)
            good = write_group(file, job->schemas[job->entries[e].measure], &c->groups[e]);
    }
    char *bytes = good ? image_of(file, count) : NULL;
    if (file >= 0)
        H5Fclose(file);
    H5Pclose(access);
    H5Pclose(plain);
    return bytes;
}

ist_code ist_series_write(const char *folder, const ist_plan *plan, const ist_journal *journal,
                          const ist_contents *contents, ist_error *error)
{
    char *path = ist_join_path(folder, "results.h5");
    collection c = collect(plan, journal, contents);
    size_t count = 0;
    if (!c.any) {
        if (unlink(path) != 0 && errno != ENOENT)
            ist_fail(error, IST_BROKEN, "cannot remove %s: %s", path, strerror(errno));
    } else {
        char *bytes = make_file(plan, &c, &count);
        if (bytes)
            ist_write_file(path, bytes, count, error);
        else
            ist_fail(error, IST_BROKEN, "cannot write %s: HDF5 could not make it", path);
        ist_free(bytes);
    }
    release(&c);
    ist_free(path);
    return error->code;
}
