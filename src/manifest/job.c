/* The whole manifest: its top level, from a file or from text, and the job's end. */
#include "room.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

/* ---- the top level --------------------------------------------------------------------------- */

static void read_version(reader *r, const char *key, const node *value, void *into)
{
    (void)r, (void)key, (void)value, (void)into; /* judged before all others */
}

static bool job_name_is_good(const char *text)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-";
    return *text && *text != '.' && *text != '-' && strspn(text, letters) == strlen(text) &&
           !strstr(text, "..") && strlen(text) <= KEY_BYTES;
}

static void read_name(reader *r, const char *key, const node *value, void *into)
{
    (void)key, (void)into;
    const char *text = want_word(r, "'name'", "a word", value);
    if (!text)
        return;
    if (!job_name_is_good(text)) {
        ist_faults_add(r->faults, value->place, MSG_JOB_NAME, describe(r, value));
        return;
    }
    r->job->name = pool_copy(r->memory, text);
}

static void read_output(reader *r, const char *key, const node *value, void *into)
{
    (void)key, (void)into;
    const char *text = want_word(r, "'output'", "a folder", value);
    if (!text)
        return;
    if (strpbrk(text, "{}"))
        ist_faults_add(r->faults, value->place, MSG_OUTPUT);
    char *path = ist_join_path(r->job->folder, text);
    r->job->output = pool_copy(r->memory, path);
    ist_free(path);
}

const key_spec top_keys[] = {
    {"version", read_version, true},   {"name", read_name, false},
    {"grid", read_grid, false},        {"zip", read_zip, false},
    {"exclude", read_exclude, false},  {"input", read_input, true},
    {"measures", read_measures, true}, {"output", read_output, false},
};
const size_t top_key_count = sizeof top_keys / sizeof top_keys[0];

/* Another version's manifest would only give misleading faults. */
static bool check_version(reader *r, const node *root)
{
    const node *version = root->kind == NODE_MAP ? map_get(root, "version") : NULL;
    if (!version || version->broken)
        return true;
    if (version->kind == NODE_SCALAR && strcmp(version->text, "1") == 0)
        return true;
    ist_faults_add(r->faults, version->place, MSG_VERSION, describe(r, version));
    return false;
}

/* A path that the user gave, seen from the current folder. */
static char *absolute(const char *path)
{
    char here[PATH_MAX];
    return ist_join_path(getcwd(here, sizeof here) ? here : "/", path);
}

/* ---- defaults -------------------------------------------------------------------------------- */

/* The manifest's base name without its ending, made fit for a folder's name. */
static char *name_from_path(pool *memory, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    char *name = pool_copy(memory, base), *dot = strrchr(name, '.');
    if (dot && dot != name)
        *dot = '\0';
    for (char *c = name; *c; c++) {
        char one[] = {'a', *c, '\0'}; /* an 'a' before it: any letter may follow */
        bool after_dot = c > name && *c == '.' && c[-1] == '.';
        if (!job_name_is_good(one) || after_dot)
            *c = '_';
    }
    if (*name == '.' || *name == '-')
        *name = '_';
    if (strlen(name) > KEY_BYTES)
        name[KEY_BYTES] = '\0';
    return *name ? name : pool_copy(memory, "job");
}

static void set_defaults(reader *r, const ist_overrides *overrides)
{
    const char *output = overrides->output;
    ist_job *job = r->job;
    if (!job->name)
        job->name = name_from_path(r->memory, job->path);
    if (!job->sample_id)
        job->sample_id = pool_copy(r->memory, "/sample_id");
    if (job->output && !output)
        return;
    char *standard = pool_format(r->scratch, "results/%s", job->name);
    char *path = output ? absolute(output) : ist_join_path(job->folder, standard);
    job->output = pool_copy(r->memory, path);
    ist_free(path);
}

static void set_paths(ist_job *job, pool *memory, const char *path)
{
    char *whole = absolute(path), *folder = ist_folder_of(whole);
    job->path = pool_copy(memory, whole);
    job->folder = pool_copy(memory, folder);
    ist_free(folder);
    ist_free(whole);
}

/* A manifest that is too long is still read, up to here, so that its size can be told. */
enum { READ_BYTES = 64 * MANIFEST_BYTES };

/* ---- reading --------------------------------------------------------------------------------- */

static void read_root(reader *r, const node *root)
{
    if (!check_version(r, root))
        return;
    if (!walk_map(r, root, MSG_TOP, top_keys, top_key_count, NULL))
        return;
    const node *grid = map_get(root, "grid");
    if (grid && r->job->axis_count)
        check_cells(r, grid, map_get(root, "exclude"));
    if (r->names_known)
        resolve_entries(r);
}

static void read_text(owned_job *made, const char *text, size_t length,
                      const ist_overrides *overrides, ist_faults *faults)
{
    pool scratch = {0};
    ist_job *job = &made->job;
    reader r = {.job = job,
                .memory = &made->memory,
                .scratch = &scratch,
                .faults = faults,
                .axes_known = true};
    if (length > MANIFEST_BYTES) {
        ist_faults_add(faults, (ist_place){0}, MSG_SIZE, (double)length / MANIFEST_BYTES,
                       MANIFEST_BYTES >> 20);
    } else {
        node *root = tree_read(&scratch, text, length, faults);
        size_t before = faults->count + faults->dropped;
        if (root)
            apply_settings(&scratch, root, overrides, faults);
        if (root && faults->count + faults->dropped == before)
            read_root(&r, root);
        set_defaults(&r, overrides);
    }
    pool_release(&scratch);
}

static void keep_settings(ist_faults *faults, const ist_overrides *overrides)
{
    if (faults->set || overrides->set_count == 0)
        return;
    faults->set = ist_alloc(overrides->set_count, sizeof *faults->set);
    for (; faults->set_count < overrides->set_count; faults->set_count++)
        faults->set[faults->set_count] = ist_copy_text(overrides->set[faults->set_count]);
}

ist_job *ist_job_parse(const char *text, size_t length, const char *path,
                       const ist_overrides *overrides, const ist_measure_schema *const *schemas,
                       size_t schema_count, ist_faults *faults)
{
    static const ist_overrides none = {0};
    overrides = overrides ? overrides : &none;
    keep_settings(faults, overrides);
    owned_job *made = ist_alloc(1, sizeof *made);
    ist_job *job = &made->job;
    ist_text copy = {0};
    ist_text_add_bytes(&copy, text, length);
    job->text = pool_take(&made->memory, &copy);
    job->schemas = schemas;
    job->schema_count = schema_count;
    job->all_layers = job->deterministic = true;
    if (!faults->file)
        faults->file = ist_copy_text(path);
    if (!faults->source)
        faults->source = ist_copy_text(job->text);
    set_paths(job, &made->memory, path);
    size_t before = faults->count + faults->dropped;
    read_text(made, job->text, length, overrides, faults);
    if (faults->count + faults->dropped > before)
        ist_job_free(&job);
    return job;
}

ist_job *ist_job_read(const char *path, const ist_overrides *overrides,
                      const ist_measure_schema *const *schemas, size_t schema_count,
                      ist_faults *faults)
{
    ist_text text = {0};
    ist_error error = {0};
    ist_job *job = NULL;
    if (ist_read_file(path, READ_BYTES, &text, &error) != IST_OK) {
        if (!faults->file)
            faults->file = ist_copy_text(path);
        ist_faults_add(faults, (ist_place){0}, MSG_NO_MANIFEST, error.text);
    } else {
        job = ist_job_parse(text.data, text.length, path, overrides, schemas, schema_count, faults);
    }
    ist_text_release(&text);
    return job;
}

void ist_job_free(ist_job **job)
{
    owned_job *made = (owned_job *)*job;
    if (!made)
        return;
    pool memory = made->memory;
    pool_release(&memory);
    ist_free(made);
    *job = NULL;
}
