/* results.csv: one row a record, in the plan's order, and nothing that depends on time, machine or
 * ranks. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "shown.h"
#include "tables.h"

static const char *const columns[] = {
    "measure",  "quantity",     "source",     "source_at", "target", "target_at", "k",
    "params",   "value",        "std_error",  "se_method", "unit",   "n",         "d_source",
    "d_target", "tie_fraction", "duplicates", "status",    "note",   "detail",
};

/* What is needed to write rows. The meta columns are the union of all cells' names. */
typedef struct {
    const ist_plan *plan;
    const ist_journal *journal;
    ist_csv *out;
    const char **meta;
    size_t meta_count;
} table;

/* ---- meta ------------------------------------------------------------------------------------ */

static const ist_meta *meta_of_cell(const table *t, size_t cell)
{
    ist_text name = {0};
    ist_plan_cell_text(t->plan, cell, &name);
    const ist_meta *meta = ist_journal_meta_of(t->journal, name.data);
    ist_text_release(&name);
    return meta;
}

static int by_name(const void *a, const void *b)
{
    return ist_compare_natural(*(const char *const *)a, *(const char *const *)b);
}

static void collect_meta(table *t)
{
    ist_index seen = {0};
    for (size_t cell = 0; cell < t->plan->cell_count; cell++) {
        const ist_meta *meta = meta_of_cell(t, cell);
        for (size_t i = 0; meta && i < meta->count; i++) {
            ist_hash hash = ist_hash_bytes(meta->names[i], strlen(meta->names[i]), 0);
            size_t before = seen.count;
            ist_index_add(&seen, hash, 0);
            if (seen.count == before)
                continue;
            t->meta = ist_grow(t->meta, t->meta_count, t->meta_count + 1, sizeof *t->meta);
            t->meta[t->meta_count++] = meta->names[i];
        }
    }
    ist_index_release(&seen);
    if (t->meta_count)
        qsort(t->meta, t->meta_count, sizeof *t->meta, by_name);
}

static void add_meta(const table *t, size_t cell)
{
    const ist_meta *meta = meta_of_cell(t, cell);
    for (size_t m = 0; m < t->meta_count; m++) {
        size_t i = 0;
        while (meta && i < meta->count && strcmp(meta->names[i], t->meta[m]) != 0)
            i++;
        ist_csv_real(t->out, meta && i < meta->count ? meta->values[i] : (double)NAN);
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void add_header(const table *t)
{
    const ist_job *job = t->plan->job;
    for (size_t a = 0; a < job->axis_count; a++)
        ist_csv_text(t->out, job->axes[a].name);
    for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++)
        ist_csv_text(t->out, columns[c]);
    for (size_t m = 0; m < t->meta_count; m++) {
        ist_text name = {0};
        ist_text_add(&name, "meta.%s", t->meta[m]);
        ist_csv_text(t->out, name.data);
        ist_text_release(&name);
    }
    ist_csv_end(t->out);
}

static void add_place(const table *t, const char *name, size_t cell, size_t own)
{
    ist_text difference = {0};
    ist_plan_difference(t->plan, own, cell, &difference);
    ist_csv_text(t->out, name);
    ist_csv_text(t->out, difference.data);
    ist_text_release(&difference);
}

static void add_word(ist_text *params, const char *name, const char *value)
{
    ist_text_add(params, "%s%s=%s", params->length ? ";" : "", name, value);
}

static void add_number(ist_text *params, const char *name, int64_t value)
{
    ist_text_add(params, "%s%s=%" PRId64, params->length ? ";" : "", name, value);
}

/* k has a column of its own. Within subsets `se` is none, which is not that of the row. */
static void add_params(const table *t, const ist_task *task, const char **k, ist_text *params)
{
    const ist_entry *entry = &t->plan->job->entries[task->entry];
    const ist_measure_schema *schema = t->plan->job->schemas[entry->measure];
    const ist_subsets *subsets = ist_task_subsets(t->plan, task);
    const ist_value *values[IST_MAX_PARAMS];
    ist_task_params(t->plan, task, values);
    for (size_t p = 0; p < schema->param_count; p++) {
        const char *name = schema->params[p].name;
        if (!ist_param_applies(schema, p, values) || (subsets && strcmp(name, "se") == 0))
            continue;
        if (strcmp(name, "k") == 0)
            *k = values[p]->text;
        else
            add_word(params, name, values[p]->text);
    }
    if (subsets) {
        add_number(params, "subsets", subsets->count);
        add_number(params, "subset_size", subsets->size);
        add_number(params, "subset_seed", subsets->seed);
    }
    if (task->permutations > 0)
        add_number(params, "null", task->permutations);
    if (entry->has_within)
        add_word(params, "within", entry->within.text);
    if (entry->has_by)
        add_word(params, "by", entry->by.text);
}

/* Axes, measure, quantity, operands, k, params: what tells this row from the others. */
static void add_identity(const table *t, const ist_task *task, const char *quantity)
{
    const ist_job *job = t->plan->job;
    const ist_measure_schema *schema = job->schemas[job->entries[task->entry].measure];
    const size_t *cell = ist_plan_cell(t->plan, task->cell);
    for (size_t a = 0; a < job->axis_count; a++)
        ist_csv_text(t->out, job->axes[a].values[cell[a]].text);
    ist_csv_text(t->out, schema->name);
    ist_csv_text(t->out, quantity);
    add_place(t, job->layers[task->source_name].name, task->source_cell, task->cell);
    const char *target = task->labels_target ? job->labels[task->target_name].name
                                             : job->layers[task->target_name].name;
    add_place(t, task->alone ? NULL : target, task->target_cell, task->cell);
    const char *k = NULL;
    ist_text params = {0};
    add_params(t, task, &k, &params);
    ist_csv_text(t->out, k);
    ist_csv_text(t->out, params.data);
    ist_text_release(&params);
}

static void add_record(const table *t, const ist_task *task, const ist_record *record)
{
    add_identity(t, task, record->quantity);
    ist_csv_real(t->out, record->value);
    ist_csv_real(t->out, record->std_error);
    ist_csv_text(t->out, record->se_method);
    ist_csv_text(t->out, record->unit);
    ist_csv_integer(t->out, record->n);
    ist_csv_integer(t->out, record->d_source);
    if (task->labels_target || task->alone)
        ist_csv_text(t->out, NULL); /* labels have no width */
    else
        ist_csv_integer(t->out, record->d_target);
    ist_csv_real(t->out, record->tie_fraction);
    ist_csv_integer(t->out, record->duplicates);
    ist_csv_text(t->out, "ok");
    ist_csv_text(t->out, record->note);
    ist_csv_text(t->out, record->detail);
    add_meta(t, task->cell);
    ist_csv_end(t->out);
}

/* One row without numbers. In `detail` a ';' ends a value: the reason has none. */
static void add_failure(const table *t, const ist_task *task, const char *reason)
{
    enum { VALUE_TO_DUPLICATES = 9 };
    ist_text detail = {0};
    ist_text_add(&detail, "reason=%s", reason ? reason : "");
    for (size_t i = 0; i < detail.length; i++) {
        if (detail.data[i] == ';')
            detail.data[i] = ',';
        else if ((unsigned char)detail.data[i] < 0x20)
            detail.data[i] = ' ';
    }
    add_identity(t, task, NULL);
    for (int i = 0; i < VALUE_TO_DUPLICATES; i++)
        ist_csv_text(t->out, NULL);
    ist_csv_text(t->out, "failed");
    ist_csv_text(t->out, NULL);
    ist_csv_text(t->out, detail.data);
    add_meta(t, task->cell);
    ist_csv_end(t->out);
    ist_text_release(&detail);
}

void ist_results_table(const ist_plan *plan, const ist_journal *journal,
                       const ist_contents *contents, ist_csv *out)
{
    table t = {.plan = plan, .journal = journal, .out = out};
    collect_meta(&t);
    add_header(&t);
    ist_shown shown;
    ist_shown_new(plan, journal, contents, &shown);
    for (size_t i = 0; i < plan->task_count; i++) {
        const ist_task *task = &plan->tasks[i];
        const ist_outcome *outcome = shown.of[i];
        if (outcome && outcome->failed)
            add_failure(&t, task, outcome->reason);
        for (size_t r = 0; outcome && !outcome->failed && r < outcome->record_count; r++)
            add_record(&t, task, &outcome->records[r]);
    }
    ist_shown_release(&shown);
    ist_free(t.meta);
}
