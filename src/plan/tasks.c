/* Entries x cells x operands x parameters -> tasks, in the order of the results. */
#include <string.h>

#include "build.h"

enum { MOST_TASKS = 5000000 };

/* One end of a task: job->layers or job->labels index, and the cell in which it lies. */
typedef struct {
    size_t layer, cell;
} operand;

/* An entry as it is expanded: the texts of its parameter combinations start every task's identity
 * and are the same in all cells. */
typedef struct {
    size_t index;
    const ist_entry *entry;
    const ist_measure_schema *schema;
    size_t combination_count;
    ist_text *combinations;
} expansion;

static size_t layers_of(const ist_builder *builder, const ist_entry *entry)
{
    return entry->all_layers ? builder->plan->job->layer_count : entry->layer_count;
}

static size_t layer_of(const ist_entry *entry, size_t i)
{
    return entry->all_layers ? i : entry->layers[i].index;
}

/* ---- parameters ------------------------------------------------------------------------------ */

/* Which value each parameter has in a combination; the first parameter is the slowest. */
static void chosen(const expansion *e, size_t combination, size_t param[IST_MAX_PARAMS])
{
    for (size_t p = e->schema->param_count; p-- > 0;) {
        param[p] = combination % e->entry->params[p].count;
        combination /= e->entry->params[p].count;
    }
}

/* "k: 1", "k: +1" and "k: 01" are one number. */
static void add_canonical(ist_text *out, const ist_param_spec *spec, const ist_value *value)
{
    int64_t number = 0;
    if (spec->type == IST_PARAM_INTEGER && ist_parse_integer(value->text, &number)) {
        ist_text_add(out, " %s=%lld", spec->name, (long long)number);
    } else {
        ist_text_add(out, " %s=%s", spec->name, value->text);
    }
}

/* A parameter that says nothing in a combination stands at its first value: the others would be the same
 * task again. */
static bool is_needless(const expansion *e, const size_t param[IST_MAX_PARAMS])
{
    const ist_value *values[IST_MAX_PARAMS];
    for (size_t p = 0; p < e->schema->param_count; p++)
        values[p] = &e->entry->params[p].values[param[p]];
    for (size_t p = 0; p < e->schema->param_count; p++)
        if (param[p] > 0 && !ist_param_applies(e->schema, p, values))
            return true;
    return false;
}

static void add_identity(ist_text *out, const expansion *e, const size_t param[IST_MAX_PARAMS])
{
    const ist_value *values[IST_MAX_PARAMS];
    for (size_t p = 0; p < e->schema->param_count; p++)
        values[p] = &e->entry->params[p].values[param[p]];
    for (size_t p = 0; p < e->schema->param_count; p++)
        if (ist_param_applies(e->schema, p, values) && !ist_param_is_address(&e->schema->params[p]))
            add_canonical(out, &e->schema->params[p], values[p]);
}

static bool init_expansion(expansion *e, const ist_builder *builder, size_t index)
{
    const ist_plan *plan = builder->plan;
    const ist_entry *entry = &plan->job->entries[index];
    const ist_measure_planner *planner = plan->measures[entry->measure];
    *e = (expansion){.index = index, .entry = entry, .schema = planner->schema};
    double combinations = 1;
    for (size_t p = 0; p < e->schema->param_count; p++)
        combinations *= (double)entry->params[p].count;
    if (combinations > MOST_TASKS) {
        ist_faults_add(builder->faults, entry->place,
                       "%s: %.6g combinations of parameters; the most is %d", e->schema->name,
                       combinations, MOST_TASKS);
        return false;
    }
    e->combination_count = (size_t)combinations;
    e->combinations = ist_alloc(e->combination_count, sizeof *e->combinations);
    const ist_samples *samples = &plan->job->samples; /* others are in the keys alone */
    int64_t first = samples->kind == IST_SAMPLES_FIRST ? samples->count : 0;
    for (size_t c = 0; c < e->combination_count; c++) {
        size_t param[IST_MAX_PARAMS];
        chosen(e, c, param);
        ist_text *text = &e->combinations[c];
        ist_text_add(text, "%s/%d", e->schema->name, planner->version);
        add_identity(text, e, param);
        ist_text_add(text, "\nfirst=%lld\n", (long long)first);
    }
    return true;
}

static void release_expansion(expansion *e)
{
    for (size_t c = 0; c < e->combination_count; c++)
        ist_text_release(&e->combinations[c]);
    ist_free(e->combinations);
}

/* ---- one task -------------------------------------------------------------------------------- */

static void add_task(ist_builder *builder, const ist_task *task)
{
    ist_plan *plan = builder->plan;
    if (plan->task_count == builder->task_capacity) {
        builder->task_capacity = builder->task_capacity ? 2 * builder->task_capacity : 256;
        plan->tasks =
            ist_grow(plan->tasks, plan->task_count, builder->task_capacity, sizeof *plan->tasks);
    }
    ist_task *last = &plan->tasks[plan->task_count];
    *last = *task;
    last->twin = *ist_index_add(&builder->tasks, last->id, plan->task_count);
    plan->task_count++;
}

/* In what form a combination takes its layers. */
static ist_layer_form form_of(const ist_builder *builder, const expansion *e,
                              const size_t param[IST_MAX_PARAMS])
{
    const ist_value *values[IST_MAX_PARAMS];
    for (size_t p = 0; p < e->schema->param_count; p++)
        values[p] = &e->entry->params[p].values[param[p]];
    ist_needs needs = builder->plan->measures[e->entry->measure]->needs(values, NULL);
    return (ist_layer_form){needs.metric, needs.scale, needs.dimension};
}

/* The datasets that parameters name, and what they add to the task's identity. */
static void add_extras(ist_builder *builder, const expansion *e, ist_draw draw, ist_task *task,
                       ist_text *id)
{
    const ist_value *values[IST_MAX_PARAMS];
    size_t count = 0;
    for (size_t x = 0; x < IST_MAX_ADDRESSES; x++)
        task->extra[x] = SIZE_MAX;
    for (size_t p = 0; p < e->schema->param_count; p++)
        values[p] = &e->entry->params[p].values[task->param[p]];
    for (size_t p = 0; p < e->schema->param_count; p++) {
        const ist_param_spec *spec = &e->schema->params[p];
        if (!ist_param_is_address(spec))
            continue;
        size_t *extra = &task->extra[count++];
        if (strcmp(values[p]->text, IST_NO_ADDRESS) == 0 ||
            !ist_param_applies(e->schema, p, values))
            continue;
        const ist_param_values *given = &e->entry->params[p];
        *extra =
            ist_locate_address(builder, task->source_cell, values[p]->text,
                               given->places[task->param[p]], spec->type == IST_PARAM_ROWS, draw);
        ist_text_add(id, "\n%s=%s", spec->name, builder->plan->layers[*extra].key);
    }
}

/* One combination of parameters, among all samples or within one subset of them: the operands as layers (labels), and
 * the identity. */
static void add_combination(ist_builder *builder, const expansion *e, size_t combination,
                            ist_draw draw, ist_task task)
{
    ist_plan *plan = builder->plan;
    ist_text id = {0};
    ist_layer_form form = form_of(builder, e, task.param);
    task.subset = draw.index;
    task.source = ist_locate_layer(builder, task.source_cell, task.source_name, form, draw);
    task.target = task.labels_target
                      ? ist_locate_labels(builder, task.target_cell, task.target_name, draw)
                      : ist_locate_layer(builder, task.target_cell, task.target_name, form, draw);
    plan->layers[task.source].dimension |= form.dimension;
    if (!task.labels_target)
        plan->layers[task.target].dimension |= form.dimension;
    const char *source_key = plan->layers[task.source].key;
    const char *target_key =
        task.labels_target ? plan->labels[task.target].key : plan->layers[task.target].key;
    ist_text_add_bytes(&id, e->combinations[combination].data, e->combinations[combination].length);
    ist_text_add_bytes(&id, source_key, strlen(source_key));
    const char *kind = task.labels_target ? "\nlabels\n" : task.alone ? "\nalone" : "\nlayer\n";
    ist_text_add_bytes(&id, kind, strlen(kind));
    if (!task.alone)
        ist_text_add_bytes(&id, target_key, strlen(target_key));
    if (task.permutations > 0)
        ist_text_add(&id, "\nnull=%lld", (long long)task.permutations);
    if (task.within != SIZE_MAX)
        ist_text_add(&id, " within=%s", plan->labels[task.within].key);
    if (task.by != SIZE_MAX)
        ist_text_add(&id, "\nby=%s", plan->labels[task.by].key);
    add_extras(builder, e, draw, &task, &id);
    task.id = ist_hash_bytes(id.data, id.length, 0);
    add_task(builder, &task);
    ist_text_release(&id);
}

/* All combinations of parameters, each in all subsets, for one direction of one pair of operands. */
static void add_tasks(ist_builder *builder, const expansion *e, size_t cell, const operand *source,
                      const operand *target, bool labels, bool alone)
{
    const ist_entry *entry = e->entry;
    const ist_draw all = {0};
    ist_task task = {
        .entry = e->index,
        .cell = cell,
        .source_name = source->layer,
        .target_name = target->layer,
        .source_cell = source->cell,
        .target_cell = target->cell,
        .labels_target = labels,
        .alone = alone,
        .permutations = entry->permutations,
        .within = entry->has_within ? ist_locate_labels(builder, cell, entry->within.index, all)
                                    : SIZE_MAX,
        .by = entry->has_by ? ist_locate_labels(builder, cell, entry->by.index, all) : SIZE_MAX,
    };
    for (size_t c = 0; c < e->combination_count; c++) {
        chosen(e, c, task.param);
        if (is_needless(e, task.param))
            continue;
        for (int64_t s = 0; s < ist_max(1, entry->subsets.count); s++)
            if (builder->plan->task_count < MOST_TASKS)
                add_combination(builder, e, c,
                                entry->subsets.count ? (ist_draw){&entry->subsets, s} : all, task);
    }
}

/* Both directions, or the one that the measure has. */
static void add_pair(ist_builder *builder, const expansion *e, size_t cell, const operand *first,
                     const operand *second, bool labels)
{
    add_tasks(builder, e, cell, first, second, labels, false);
    if (!labels && !e->schema->symmetric)
        add_tasks(builder, e, cell, second, first, false, false);
}

/* ---- operands -------------------------------------------------------------------------------- */

static void add_each(ist_builder *builder, const expansion *e, size_t cell)
{
    for (size_t i = 0; i < layers_of(builder, e->entry); i++) {
        operand here = {.layer = layer_of(e->entry, i), .cell = cell};
        add_tasks(builder, e, cell, &here, &here, false, true);
    }
}

static void add_targets(ist_builder *builder, const expansion *e, size_t cell, size_t other)
{
    const ist_entry *entry = e->entry;
    for (size_t i = 0; i < layers_of(builder, entry); i++) {
        for (size_t t = 0; t < entry->target_count; t++) {
            const ist_name *target = &entry->targets[t];
            operand here = {.layer = layer_of(entry, i), .cell = cell};
            operand there = {.layer = target->index, .cell = other};
            bool itself = !target->is_labels && here.layer == there.layer && cell == other;
            if (!itself)
                add_pair(builder, e, cell, &here, &there, target->is_labels);
        }
    }
}

static void add_pairs(ist_builder *builder, const expansion *e, size_t cell, size_t other)
{
    const ist_entry *entry = e->entry;
    for (size_t p = 0; p < entry->pair_count; p++) {
        const ist_name_pair *pair = &entry->pairs[p];
        operand here = {.layer = pair->first.index, .cell = cell};
        operand there = {.layer = pair->second.index, .cell = other};
        add_pair(builder, e, cell, &here, &there, pair->second.is_labels);
    }
}

static void add_namesakes(ist_builder *builder, const expansion *e, size_t cell, size_t other)
{
    for (size_t i = 0; i < layers_of(builder, e->entry); i++) {
        operand here = {.layer = layer_of(e->entry, i), .cell = cell};
        operand there = {.layer = here.layer, .cell = other};
        add_pair(builder, e, cell, &here, &there, false);
    }
}

static void add_all_pairs(ist_builder *builder, const expansion *e, size_t cell)
{
    size_t count = layers_of(builder, e->entry);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            operand first = {.layer = layer_of(e->entry, i), .cell = cell};
            operand second = {.layer = layer_of(e->entry, j), .cell = cell};
            add_pair(builder, e, cell, &first, &second, false);
        }
    }
}

/* The operands of one cell whose second one lies in `other` (the same cell without `against`). */
static void add_operands(ist_builder *builder, const expansion *e, size_t cell, size_t other)
{
    const ist_entry *entry = e->entry;
    bool named = entry->target_count > 0 || entry->pair_count > 0 || entry->has_against;
    if (e->schema->alone || (e->schema->may_be_alone && !named)) {
        add_each(builder, e, cell);
    } else if (entry->target_count) {
        add_targets(builder, e, cell, other);
    } else if (entry->pair_count) {
        add_pairs(builder, e, cell, other);
    } else if (entry->has_against) {
        add_namesakes(builder, e, cell, other);
    } else {
        add_all_pairs(builder, e, cell);
    }
}

/* ---- cells ----------------------------------------------------------------------------------- */

static void fault_excluded(ist_builder *builder, const ist_entry *entry, size_t cell)
{
    const ist_job *job = builder->plan->job;
    ist_text own = {0}, missing = {0};
    ist_plan_cell_text(builder->plan, cell, &own);
    for (size_t a = 0; a < job->axis_count; a++) {
        const ist_axis *axis = &job->axes[a];
        ist_text_add(&missing, "%s%s=%s", a ? ", " : "", axis->name,
                     axis->values[builder->references.excluded_at[a]].text);
    }
    ist_faults_add(builder->faults, entry->place,
                   "the cell %s is to be compared with the cell %s, which 'exclude' leaves out; "
                   "restrict the cells of this measure with 'where'",
                   own.data, missing.data);
    ist_text_release(&own);
    ist_text_release(&missing);
}

/* One entry in one cell; false if its reference is missing. */
static bool add_cell(ist_builder *builder, const expansion *e, size_t cell)
{
    ist_references *references = &builder->references;
    if (!ist_selection_holds(&e->entry->where, ist_plan_cell(builder->plan, cell)))
        return true;
    if (!e->entry->has_against) {
        add_operands(builder, e, cell, cell);
        return true;
    }
    ist_references_find(references, &builder->grid, builder->plan, e->entry, cell);
    if (references->excluded) {
        fault_excluded(builder, e->entry, cell);
        return false;
    }
    for (size_t r = 0; r < references->count; r++)
        add_operands(builder, e, cell, references->cells[r]);
    return true;
}

static void add_cells(ist_builder *builder, const expansion *expansions)
{
    const ist_plan *plan = builder->plan;
    bool *given_up = ist_alloc(plan->job->entry_count, sizeof *given_up); /* one fault an entry */
    for (size_t cell = 0; cell < plan->cell_count && plan->task_count < MOST_TASKS; cell++) {
        for (size_t i = 0; i < plan->job->entry_count; i++) {
            if (!given_up[i])
                given_up[i] = !add_cell(builder, &expansions[i], cell);
        }
    }
    ist_free(given_up);
    if (plan->task_count >= MOST_TASKS) {
        ist_faults_add(builder->faults, plan->job->entries[0].place,
                       "the job has more than %d tasks; cut it into several", MOST_TASKS - 1);
    }
}

void ist_build_tasks(ist_builder *builder)
{
    size_t entries = builder->plan->job->entry_count;
    expansion *expansions = ist_alloc(entries, sizeof *expansions);
    bool good = true;
    for (size_t i = 0; i < entries; i++)
        good = init_expansion(&expansions[i], builder, i) && good;
    if (good)
        add_cells(builder, expansions);
    for (size_t i = 0; i < entries; i++)
        release_expansion(&expansions[i]);
    ist_free(expansions);
}
