/* results.h5: the records as arrays by name. The file is made in memory and written as any other view. */
#include <math.h>
#include <string.h>

#include "columns.h"
#include "netcdf_hdf5.h"
#include "shown.h"

/* ---- coordinates ----------------------------------------------------------------------------- */

typedef struct {
    hid_t group, text;
    hid_t scale[IST_MAX_SCALES];
    hsize_t size[IST_MAX_SCALES];
    int scales;
    ist_text
        others; /* names of the coordinates that are no dimensions, for the attribute `coordinates` */
    bool good;
} writer;

static void write_closed(writer *w, hid_t set)
{
    w->good &= set >= 0;
    if (set >= 0)
        H5Dclose(set);
}

static void add_scale(writer *w, const char *name, hid_t type, size_t count, const void *values)
{
    w->size[w->scales] = count;
    hid_t set = ist_netcdf_dataset(w->group, name, type, 1, &w->size[w->scales], NULL, values);
    w->good &= set >= 0;
    if (set >= 0)
        w->scale[w->scales++] = set;
}

static void add_numbered_scale(writer *w, const char *name, size_t count)
{
    int64_t *number = ist_alloc_unset(count, sizeof *number);
    for (size_t i = 0; i < count; i++)
        number[i] = (int64_t)i;
    add_scale(w, name, H5T_NATIVE_INT64, count, number);
    ist_free(number);
}

/* The names of its positions: texts, integers or reals. The caller frees it. */
static void *coordinate_values(const writer *w, const ist_dimension *d, hid_t *type)
{
    if (d->type == IST_COORDINATE_INTEGER) {
        int64_t *integers = ist_alloc_unset(d->count, sizeof *integers);
        for (size_t i = 0; i < d->count; i++)
            ist_parse_integer(d->text[i], &integers[i]);
        *type = H5T_NATIVE_INT64;
        return integers;
    }
    const bool text = d->type == IST_COORDINATE_TEXT;
    *type = text ? w->text : H5T_NATIVE_DOUBLE;
    void *values = ist_alloc_unset(d->count, text ? sizeof *d->text : sizeof *d->number);
    memcpy(values, text ? (const void *)d->text : (const void *)d->number,
           d->count * (text ? sizeof *d->text : sizeof *d->number));
    return values;
}

static void add_other(writer *w, const char *name)
{
    ist_text_add(&w->others, "%s%s", w->others.length ? " " : "", name);
}

static void write_dimensions(writer *w, const ist_array *array)
{
    for (size_t i = 0; i < array->dimension_count; i++) {
        const ist_dimension *d = &array->dimensions[i];
        if (d->count == 0)
            continue;
        hid_t type;
        void *values = coordinate_values(w, d, &type);
        if (d->scalar) {
            write_closed(w, ist_netcdf_dataset(w->group, d->name, type, 0, NULL, NULL, values));
            add_other(w, d->name);
        } else {
            add_scale(w, d->name, type, d->count, values);
        }
        ist_free(values);
    }
}

/* A coordinate of a list of rows: a text or a float64 each; "" and NaN where it says nothing of the row. */
static void write_row_coordinate(writer *w, const ist_array *array, size_t i)
{
    const ist_dimension *d = &array->dimensions[i];
    const bool text = d->type == IST_COORDINATE_TEXT;
    const char **texts = ist_alloc(array->row_count, sizeof *texts);
    double *numbers = ist_alloc(array->row_count, sizeof *numbers);
    for (size_t r = 0; r < array->row_count; r++) {
        size_t at = array->rows[r].at[i];
        texts[r] = at == IST_EVERYWHERE ? "" : d->text[at];
        numbers[r] = at == IST_EVERYWHERE ? (double)NAN : d->number[at];
    }
    write_closed(w, ist_netcdf_dataset(w->group, d->name, text ? w->text : H5T_NATIVE_DOUBLE, 1,
                                       w->size, w->scale,
                                       text ? (const void *)texts : (const void *)numbers));
    add_other(w, d->name);
    ist_free(texts);
    ist_free(numbers);
}

static void write_list_coordinates(writer *w, const ist_array *array)
{
    add_numbered_scale(w, "record", array->row_count);
    for (size_t i = 0; w->good && i < array->dimension_count; i++)
        if (array->dimensions[i].count > 0)
            write_row_coordinate(w, array, i);
}

/* ---- one group ------------------------------------------------------------------------------- */

static hid_t write_variable(writer *w, const char *name, hid_t type, int dimensions,
                            const void *values, const char *says)
{
    if (!w->good)
        return -1;
    hid_t set = ist_netcdf_dataset(w->group, name, type, dimensions, w->size, w->scale, values);
    w->good = set >= 0 && ist_netcdf_text(set, "long_name", says) &&
              (!w->others.length || ist_netcdf_text(set, "coordinates", w->others.data));
    return set;
}

static const char *unit_of(const ist_array *array)
{
    const char *unit = NULL;
    for (size_t r = 0; r < array->row_count; r++) {
        const ist_record *record = array->rows[r].record;
        if (!record)
            continue;
        if (unit && strcmp(unit, record->unit ? record->unit : "") != 0)
            return "";
        unit = record->unit ? record->unit : "";
    }
    return unit ? unit : "";
}

static void write_flags(writer *w, hid_t status)
{
    static const int8_t values[] = {IST_STATUS_ABSENT, IST_STATUS_OK, IST_STATUS_FAILED};
    const hsize_t count = sizeof values;
    hid_t space = H5Screate_simple(1, &count, NULL);
    hid_t flags =
        H5Acreate2(status, "flag_values", H5T_NATIVE_INT8, space, H5P_DEFAULT, H5P_DEFAULT);
    w->good &= flags >= 0 && H5Awrite(flags, H5T_NATIVE_INT8, values) >= 0 &&
               ist_netcdf_text(status, "flag_meanings", "absent ok failed");
    if (flags >= 0)
        H5Aclose(flags);
    H5Sclose(space);
}

/* Numbers of each slice, or of each sample: one dimension more. */
static hid_t write_series(writer *w, const char *item, const ist_columns *c)
{
    ist_text name = {0}, what = {0};
    int dimensions = w->scales;
    ist_text_add(&name, "per_%s", item);
    ist_text_add(&what, "value of each %s", item);
    add_numbered_scale(w, item, c->width);
    hid_t set =
        write_variable(w, name.data, H5T_NATIVE_DOUBLE, dimensions + 1, c->slices, what.data);
    ist_text_release(&name);
    ist_text_release(&what);
    return set;
}

static void write_variables(writer *w, const ist_array *array, const ist_measure_schema *schema)
{
    const char *summary = schema->summary;
    ist_columns c = ist_columns_of(array);
    const char *unit = unit_of(array);
    int dimensions = w->scales;
    hid_t value = write_variable(w, "value", H5T_NATIVE_DOUBLE, dimensions, c.value, summary);
    if (w->good && *unit)
        w->good = ist_netcdf_text(value, "units", unit);
    hid_t error = write_variable(w, "std_error", H5T_NATIVE_DOUBLE, dimensions, c.std_error,
                                 "standard error of value");
    if (w->good && *unit)
        w->good = ist_netcdf_text(error, "units", unit);
    hid_t status = write_variable(w, "status", H5T_NATIVE_INT8, dimensions, c.status,
                                  "whether the record is there");
    if (w->good)
        write_flags(w, status);
    hid_t row = write_variable(w, "row", H5T_NATIVE_INT64, dimensions, c.row,
                               "row of results.csv, from 0; -1: absent");
    hid_t series = c.width > 0 ? write_series(w, schema->series, &c) : -1;
    const hid_t sets[] = {value, error, status, row, series};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (sets[i] >= 0)
            H5Dclose(sets[i]);
    ist_columns_release(&c);
}

static bool write_group(hid_t file, const ist_plan *plan, size_t entry, const ist_array *array)
{
    const ist_job *job = plan->job;
    size_t measure = job->entries[entry].measure;
    const ist_measure_schema *schema = job->schemas[measure];
    writer w = {.group = ist_netcdf_group(file, array->name), .text = ist_netcdf_text_type()};
    w.good = w.group >= 0 && ist_netcdf_text(w.group, "measure", schema->name) &&
             ist_netcdf_integer(w.group, "measure_version", plan->measures[measure]->version) &&
             ist_netcdf_integer(w.group, "entry", (int64_t)entry);
    if (w.good && job->entries[entry].permutations > 0)
        w.good = ist_netcdf_integer(w.group, "null", job->entries[entry].permutations);
    if (w.good && job->entries[entry].has_within)
        w.good = ist_netcdf_text(w.group, "within", job->entries[entry].within.text);
    const ist_subsets *subsets = &job->entries[entry].subsets;
    if (w.good && subsets->count > 0)
        w.good = ist_netcdf_integer(w.group, "subsets", subsets->count) &&
                 ist_netcdf_integer(w.group, "subset_size", subsets->size) &&
                 ist_netcdf_integer(w.group, "subset_seed", subsets->seed);
    if (w.good && array->list)
        write_list_coordinates(&w, array);
    else if (w.good)
        write_dimensions(&w, array);
    if (w.good)
        write_variables(&w, array, schema);
    for (int s = 0; s < w.scales; s++)
        H5Dclose(w.scale[s]);
    H5Tclose(w.text);
    if (w.group >= 0)
        H5Gclose(w.group);
    ist_text_release(&w.others);
    return w.good;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* A line an input: the hash of the values that were used, and where they lie. */
static void say_input(const char *key, ist_hash content, ist_text *out)
{
    char hash[IST_HASH_TEXT];
    ist_text_add(out, "%s %s\n", ist_hash_format(content, hash), key);
}

static bool write_provenance(hid_t file, const ist_plan *plan, const ist_contents *contents)
{
    ist_text inputs = {0};
    for (size_t i = 0; i < plan->layer_count; i++)
        if (contents->layer_known[i])
            say_input(plan->layers[i].key, contents->layer_content[i], &inputs);
    for (size_t i = 0; i < plan->label_count; i++)
        if (contents->label_known[i])
            say_input(plan->labels[i].key, contents->label_content[i], &inputs);
    bool good = ist_netcdf_text(file, "title", plan->job->name) &&
                ist_netcdf_text(file, "written_by", "infostrata " IST_VERSION " (" IST_GIT ")") &&
                ist_netcdf_text(file, "manifest", plan->job->text) &&
                ist_netcdf_text(file, "inputs", inputs.data ? inputs.data : "");
    ist_text_release(&inputs);
    return good;
}

/* The rows of results.csv: one a record, one a failure. */
static void number_rows(const ist_plan *plan, const ist_outcome *const *outcomes,
                        int64_t *first_row)
{
    int64_t row = 0;
    for (size_t t = 0; t < plan->task_count; t++) {
        first_row[t] = outcomes[t] ? row : -1;
        if (outcomes[t])
            row += outcomes[t]->failed ? 1 : (int64_t)outcomes[t]->record_count;
    }
}

static char *make_file(const ist_plan *plan, const ist_journal *journal,
                       const ist_contents *contents, size_t *count)
{
    int64_t *first_row = ist_alloc(plan->task_count, sizeof *first_row);
    ist_shown shown;
    ist_shown_new(plan, journal, contents, &shown);
    number_rows(plan, shown.of, first_row);
    hid_t file = ist_netcdf_new();
    bool good = file >= 0 && write_provenance(file, plan, contents);
    for (size_t e = 0; e < plan->job->entry_count && good; e++) {
        ist_array array;
        if (ist_array_make(plan, e, first_row, shown.of, &array))
            good = write_group(file, plan, e, &array);
        ist_array_release(&array);
    }
    char *bytes = good ? ist_netcdf_image(file, count) : NULL;
    if (file >= 0)
        H5Fclose(file);
    ist_free(first_row);
    ist_shown_release(&shown);
    return bytes;
}

ist_code ist_arrays_write(const char *folder, const ist_plan *plan, const ist_journal *journal,
                          const ist_contents *contents, ist_error *error)
{
    char *path = ist_join_path(folder, "results.h5");
    size_t count = 0;
    char *bytes = make_file(plan, journal, contents, &count);
    if (bytes)
        ist_write_file(path, bytes, count, error);
    else
        ist_fail(error, IST_BROKEN, "cannot write %s: HDF5 could not make it", path);
    ist_free(bytes);
    ist_free(path);
    return error->code;
}
