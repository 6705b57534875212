/* Rows of results.csv -> arrays. Which positions a dimension has follows from the entry's tasks, finished or not, so that
 * a stopped run's arrays have the shape of the finished ones. */
#include <string.h>

#include "arrays.h"

typedef enum { AXIS, QUANTITY, SOURCE, SOURCE_AT, TARGET, TARGET_AT, PARAMETER } role;

typedef struct {
    role role;
    size_t which; /* axis or parameter */
} meaning;

typedef struct {
    const ist_plan *plan;
    const ist_entry *entry;
    const ist_measure_schema *schema;
    ist_array *out;
    meaning *means; /* by dimension */
    size_t count;
    ist_index interned;
} maker;

/* ---- keys: what tells positions apart, in the order that they shall have --------------------- */

static size_t intern(maker *m, const char *text)
{
    size_t key =
        *ist_index_add(&m->interned, ist_hash_bytes(text, strlen(text), 0), m->out->text_count);
    if (key == m->out->text_count) {
        m->out->texts = ist_grow(m->out->texts, key, key + 1, sizeof *m->out->texts);
        m->out->texts[m->out->text_count++] = ist_copy_text(text);
    }
    return key;
}

static size_t difference(maker *m, const ist_task *task, size_t other)
{
    ist_text text = {0};
    ist_plan_difference(m->plan, task->cell, other, &text);
    size_t key = intern(m, text.data ? text.data : "");
    ist_text_release(&text);
    return key;
}

static size_t key_of(maker *m, const meaning *meant, const ist_task *task, const ist_record *record)
{
    const ist_value *values[IST_MAX_PARAMS];
    switch (meant->role) {
    case AXIS: return ist_plan_cell(m->plan, task->cell)[meant->which];
    case QUANTITY: return record ? intern(m, record->quantity) : IST_EVERYWHERE;
    case SOURCE: return task->source_name;
    case SOURCE_AT: return difference(m, task, task->source_cell);
    case TARGET: return task->target_name + (task->labels_target ? m->plan->job->layer_count : 0);
    case TARGET_AT: return difference(m, task, task->target_cell);
    case PARAMETER:
        ist_task_params(m->plan, task, values);
        return ist_param_applies(m->schema, meant->which, values) ? task->param[meant->which]
                                                                  : IST_EVERYWHERE;
    }
    return IST_EVERYWHERE;
}

static const ist_value *value_of_key(const maker *m, const meaning *meant, size_t key)
{
    if (meant->role == AXIS)
        return &m->plan->job->axes[meant->which].values[key];
    return meant->role == PARAMETER ? &m->entry->params[meant->which].values[key] : NULL;
}

static const char *text_of_key(const maker *m, const meaning *meant, size_t key)
{
    const ist_job *job = m->plan->job;
    switch (meant->role) {
    case AXIS:
    case PARAMETER: return value_of_key(m, meant, key)->text;
    case SOURCE: return job->layers[key].name;
    case TARGET:
        return key < job->layer_count ? job->layers[key].name
                                      : job->labels[key - job->layer_count].name;
    case QUANTITY:
    case SOURCE_AT:
    case TARGET_AT: return m->out->texts[key];
    }
    return "";
}

/* ---- dimensions ------------------------------------------------------------------------------ */

/* Names that the arrays themselves have; an axis cannot have the name of a column of results.csv, but of these. */
static bool is_reserved(const char *name)
{
    static const char *const names[] = {"value",     "std_error", "status",     "row",   "slice",
                                        "per_slice", "sample",    "per_sample", "record"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void add_dimension(maker *m, role part, size_t which, const char *name, const char *prefix)
{
    bool taken = is_reserved(name);
    for (size_t d = 0; d < m->count; d++)
        taken |= strcmp(m->out->dimensions[d].name, name) == 0;
    ist_text text = {0};
    ist_text_add(&text, "%s%s", taken ? prefix : "", name);
    m->out->dimensions[m->count] = (ist_dimension){.name = text.data};
    m->means[m->count++] = (meaning){part, which};
}

static void add_dimensions(maker *m, bool alone)
{
    const ist_job *job = m->plan->job;
    for (size_t a = 0; a < job->axis_count; a++)
        add_dimension(m, AXIS, a, job->axes[a].name, "axis.");
    add_dimension(m, QUANTITY, 0, "quantity", "");
    add_dimension(m, SOURCE, 0, "source", "");
    if (m->entry->has_against)
        add_dimension(m, SOURCE_AT, 0, "source_at", "");
    if (!alone)
        add_dimension(m, TARGET, 0, "target", "");
    if (m->entry->has_against)
        add_dimension(m, TARGET_AT, 0, "target_at", "");
    for (size_t p = 0; p < m->schema->param_count; p++)
        if (m->entry->subsets.count == 0 || strcmp(m->schema->params[p].name, "se") != 0)
            add_dimension(m, PARAMETER, p, m->schema->params[p].name, "params.");
}

static void set_type(maker *m, size_t d, const size_t *keys)
{
    ist_dimension *dimension = &m->out->dimensions[d];
    bool numbers = dimension->count > 0, integers = true;
    for (size_t i = 0; i < dimension->count; i++) {
        const ist_value *value = value_of_key(m, &m->means[d], keys[i]);
        int64_t integer;
        numbers &= value && value->is_number;
        integers &= value && ist_parse_integer(value->text, &integer);
        dimension->text[i] = text_of_key(m, &m->means[d], keys[i]);
        dimension->number[i] = value ? value->number : 0;
    }
    dimension->type = !numbers   ? IST_COORDINATE_TEXT
                      : integers ? IST_COORDINATE_INTEGER
                                 : IST_COORDINATE_REAL;
}

/* The keys that occur become positions: keys[] of all tasks and rows, one every `stride`, are replaced. */
static void settle_dimension(maker *m, size_t d, size_t *keys, size_t count, size_t stride)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        if (keys[i * stride] != IST_EVERYWHERE && keys[i * stride] >= most)
            most = keys[i * stride] + 1;
    size_t *position = ist_alloc(most, sizeof *position), *used = ist_alloc(most, sizeof *used);
    for (size_t i = 0; i < count; i++)
        if (keys[i * stride] != IST_EVERYWHERE)
            position[keys[i * stride]] = 1;
    ist_dimension *dimension = &m->out->dimensions[d];
    for (size_t key = 0; key < most; key++) {
        if (position[key] == 0)
            continue;
        position[key] = dimension->count;
        used[dimension->count++] = key;
    }
    for (size_t i = 0; i < count; i++)
        if (keys[i * stride] != IST_EVERYWHERE)
            keys[i * stride] = position[keys[i * stride]];
    dimension->text = ist_alloc(dimension->count, sizeof *dimension->text);
    dimension->number = ist_alloc(dimension->count, sizeof *dimension->number);
    set_type(m, d, used);
    role part = m->means[d].role;
    dimension->scalar = dimension->count <= 1 && (part == QUANTITY || part == PARAMETER);
    ist_free(position);
    ist_free(used);
}

/* ---- the array ------------------------------------------------------------------------------- */

static void settle_size(ist_array *array)
{
    size_t dimensions = array->slices > 0, rows = array->row_count ? array->row_count : 1;
    double numbers = array->slices > 0 ? (double)array->slices : 1;
    double there = numbers * (double)rows;
    array->size = 1;
    for (size_t d = 0; d < array->dimension_count; d++) {
        if (array->dimensions[d].scalar)
            continue;
        dimensions++;
        numbers *= (double)array->dimensions[d].count;
    }
    array->list = dimensions > IST_ARRAY_DIMENSIONS ||
                  (numbers > IST_ARRAY_SMALL && numbers > IST_ARRAY_SPARSE * there);
    for (size_t d = 0; d < array->dimension_count && !array->list; d++)
        if (!array->dimensions[d].scalar)
            array->size *= array->dimensions[d].count;
}

/* Calls for each task of the entry, and each of its rows. Returns how many; keys NULL: counts only. */
static size_t walk(maker *m, const int64_t *first_row, const ist_outcome *const *outcomes,
                   size_t *keys, ist_array_row *rows, size_t *row_count)
{
    size_t count = 0;
    *row_count = 0;
    for (size_t t = 0; t < m->plan->task_count; t++) {
        const ist_task *task = &m->plan->tasks[t];
        if (&m->plan->job->entries[task->entry] != m->entry || task->subset > 0)
            continue;
        const ist_outcome *outcome = first_row[t] >= 0 ? outcomes[t] : NULL;
        size_t records = outcome && !outcome->failed ? outcome->record_count : 1;
        for (size_t r = 0; r < records; r++, count++) {
            const ist_record *record = outcome && !outcome->failed ? &outcome->records[r] : NULL;
            for (size_t d = 0; keys && d < m->count; d++)
                keys[count * m->count + d] = key_of(m, &m->means[d], task, record);
            if (!outcome)
                continue;
            if (keys)
                rows[*row_count] =
                    (ist_array_row){record, first_row[t] + (int64_t)r, &keys[count * m->count]};
            ++*row_count;
            if (record && record->series_count > m->out->slices)
                m->out->slices = record->series_count;
        }
    }
    return count;
}

static bool find_entry(const ist_plan *plan, size_t entry, bool *alone)
{
    for (size_t t = 0; t < plan->task_count; t++)
        if (plan->tasks[t].entry == entry) {
            *alone = plan->tasks[t].alone;
            return true;
        }
    return false;
}

bool ist_array_make(const ist_plan *plan, size_t entry, const int64_t *first_row,
                    const ist_outcome *const *outcomes, ist_array *out)
{
    enum { OPERANDS = 5 };
    *out = (ist_array){0};
    bool alone;
    if (!find_entry(plan, entry, &alone))
        return false;
    const ist_job *job = plan->job;
    maker m = {.plan = plan, .entry = &job->entries[entry], .out = out};
    m.schema = job->schemas[m.entry->measure];
    size_t most = job->axis_count + OPERANDS + m.schema->param_count;
    out->dimensions = ist_alloc(most, sizeof *out->dimensions);
    m.means = ist_alloc(most, sizeof *m.means);
    add_dimensions(&m, alone);
    out->dimension_count = m.count;
    size_t count = walk(&m, first_row, outcomes, NULL, NULL, &out->row_count);
    size_t *keys = out->positions = ist_alloc(count * m.count, sizeof *keys);
    out->rows = ist_alloc(out->row_count, sizeof *out->rows);
    walk(&m, first_row, outcomes, keys, out->rows, &out->row_count);
    for (size_t d = 0; d < m.count; d++)
        settle_dimension(&m, d, keys + d, count, m.count);
    ist_free(m.means);
    ist_index_release(&m.interned);
    settle_size(out);
    ist_text name = {0};
    ist_text_add(&name, "%zu-%s", entry, m.schema->name);
    out->name = name.data;
    return true;
}

void ist_array_release(ist_array *array)
{
    for (size_t d = 0; d < array->dimension_count; d++) {
        ist_free(array->dimensions[d].name);
        ist_free(array->dimensions[d].text);
        ist_free(array->dimensions[d].number);
    }
    for (size_t t = 0; t < array->text_count; t++)
        ist_free(array->texts[t]);
    ist_free(array->positions);
    ist_free(array->texts);
    ist_free(array->rows);
    ist_free(array->dimensions);
    ist_free(array->name);
    *array = (ist_array){0};
}

/* From dimension d on, with the offset of those before. */
static void places_from(const ist_array *array, const ist_array_row *row, size_t d, size_t offset,
                        ist_array_visit visit, void *context)
{
    while (d < array->dimension_count && array->dimensions[d].scalar)
        d++;
    if (d == array->dimension_count) {
        visit(context, offset);
        return;
    }
    size_t count = array->dimensions[d].count;
    size_t first = row->at[d] == IST_EVERYWHERE ? 0 : row->at[d];
    size_t last = row->at[d] == IST_EVERYWHERE ? count : first + 1;
    for (size_t i = first; i < last; i++)
        places_from(array, row, d + 1, offset * count + i, visit, context);
}

void ist_array_places(const ist_array *array, const ist_array_row *row, ist_array_visit visit,
                      void *context)
{
    places_from(array, row, 0, 0, visit, context);
}
