/* What can only be known once the shapes are: do the operands have the same rows, and enough? */
#include <string.h>

#include "schedule.h"

typedef struct {
    const ist_plan *plan;
    ist_faults *faults;
    ist_index seen; /* what was checked or said before */
    bool good;
} checker;

/* Is it the first time? Many tasks would give the same fault. */
static bool first_time(checker *c, const ist_text *what)
{
    size_t before = c->seen.count;
    ist_index_add(&c->seen, ist_hash_bytes(what->data, what->length, 0), 0);
    return c->seen.count > before;
}

static void check_first(checker *c, ist_place place, const ist_location *at, int64_t rows)
{
    const ist_samples *samples = &c->plan->job->samples;
    int64_t first = samples->kind == IST_SAMPLES_FIRST ? samples->count : 0;
    if (first <= rows)
        return;
    ist_text where = {0};
    ist_location_text(at, &where);
    ist_faults_add(c->faults, place,
                   "'samples: {first: %lld}' asks for more than the %lld rows of %s",
                   (long long)first, (long long)rows, where.data);
    ist_text_release(&where);
    c->good = false;
}

static void check_rows(checker *c)
{
    const ist_plan *plan = c->plan;
    for (size_t i = 0; i < plan->layer_count; i++) {
        const ist_layer *layer = &plan->layers[i];
        if (!layer->own_rows)
            check_first(c, layer->place, &layer->at, layer->shape.rows);
    }
    for (size_t i = 0; i < plan->label_count; i++) {
        const ist_label_vector *labels = &plan->labels[i];
        check_first(c, plan->job->labels[labels->name].place, &labels->at, labels->rows);
    }
}

/* Subsets are the same samples where they are drawn among the same number. */
static int64_t samples_of_layer(const ist_layer *layer)
{
    return layer->draw.of ? layer->population : layer->n;
}

static int64_t samples_of_labels(const ist_label_vector *labels)
{
    return labels->draw.of ? labels->population : labels->n;
}

/* Have layer and `other`, of n samples, the same number? Said once per pair of operands. */
static bool same_rows(checker *c, const ist_task *task, const char *pair, const ist_location *other,
                      int64_t n)
{
    const ist_plan *plan = c->plan;
    const ist_layer *source = &plan->layers[task->source];
    const int64_t own = samples_of_layer(source);
    if (own == n)
        return true;
    c->good = false;
    ist_text what = {0}, first = {0}, second = {0};
    ist_text_add(&what, "%s", pair);
    if (first_time(c, &what)) {
        ist_location_text(&source->at, &first);
        ist_location_text(other, &second);
        ist_faults_add(c->faults, plan->job->entries[task->entry].place,
                       "%s has %lld samples, but %s has %lld: the rows must be the same samples in "
                       "both",
                       first.data, (long long)own, second.data, (long long)n);
    }
    ist_text_release(&what);
    ist_text_release(&first);
    ist_text_release(&second);
    return false;
}

/* All tasks of a pair have the same fault, whichever of two layers is the source. */
static bool check_pair(checker *c, const ist_task *task)
{
    const ist_plan *plan = c->plan;
    char pair[64];
    bool swap = !task->labels_target && task->target < task->source, good = true;
    if (task->within != SIZE_MAX) {
        const ist_label_vector *within = &plan->labels[task->within];
        snprintf(pair, sizeof pair, "1 %zu %zu", task->source, task->within);
        good = same_rows(c, task, pair, &within->at, within->n);
    }
    if (task->by != SIZE_MAX) {
        const ist_label_vector *by = &plan->labels[task->by];
        snprintf(pair, sizeof pair, "2 %zu %zu", task->source, task->by);
        good = same_rows(c, task, pair, &by->at, by->n) && good;
    }
    snprintf(pair, sizeof pair, "%d %zu %zu", task->labels_target,
             swap ? task->target : task->source, swap ? task->source : task->target);
    if (task->labels_target) {
        const ist_label_vector *labels = &plan->labels[task->target];
        return same_rows(c, task, pair, &labels->at, samples_of_labels(labels)) && good;
    }
    const ist_layer *target = &plan->layers[task->target];
    return same_rows(c, task, pair, &target->at, samples_of_layer(target)) && good;
}

/* How many neighbours are looked for in each subset? */
static int64_t neighbours_of(const ist_plan *plan, const ist_task *task)
{
    const ist_value *params[IST_MAX_PARAMS];
    ist_task_params(plan, task, params);
    return plan->measures[plan->job->entries[task->entry].measure]
        ->needs(params, task->labels_target ? &plan->labels[task->target] : NULL)
        .neighbours;
}

/* Subsets are disjoint, and in each a sample has more neighbours than are looked for: among all others there is nothing
 * left to choose. */
static bool check_subsets(checker *c, const ist_task *task)
{
    const ist_plan *plan = c->plan;
    const ist_subsets *subsets = ist_task_subsets(plan, task);
    if (!subsets)
        return true;
    const ist_layer *source = &plan->layers[task->source];
    const int64_t asked = subsets->count * subsets->size;
    const int64_t k = asked > source->population ? 0 : neighbours_of(plan, task);
    ist_text what = {0}, where = {0}, once = {0}; /* many operands have as many samples */
    ist_location_text(&source->at, &where);
    if (asked > source->population)
        ist_text_add(&what,
                     "%lld disjoint subsets of %lld samples are %lld, more than the %lld of %s",
                     (long long)subsets->count, (long long)subsets->size, (long long)asked,
                     (long long)source->population, where.data);
    else if (subsets->size < k + 2)
        ist_text_add(
            &what,
            "subsets of %lld samples are too small for k = %lld neighbours: 'size' must be "
            "at least k + 2 = %lld",
            (long long)subsets->size, (long long)k, (long long)(k + 2));
    const bool good = what.length == 0;
    c->good &= good;
    ist_text_add(&once, "subsets %d:%d %lld", subsets->place.line, subsets->place.column,
                 (long long)source->population);
    if (!good && first_time(c, &once))
        ist_faults_add(c->faults, subsets->place, "%s", what.data);
    ist_text_release(&what);
    ist_text_release(&where);
    ist_text_release(&once);
    return good;
}

/* What a measure refuses is mostly its k; else the whole entry is shown. */
static ist_place place_of_k(const ist_plan *plan, const ist_task *task)
{
    const ist_entry *entry = &plan->job->entries[task->entry];
    const ist_measure_schema *schema = plan->measures[entry->measure]->schema;
    for (size_t p = 0; p < schema->param_count; p++) {
        ist_place place =
            entry->params[p].places ? entry->params[p].places[task->param[p]] : (ist_place){0};
        if (strcmp(schema->params[p].name, "k") == 0 && place.line != 0)
            return place;
    }
    return entry->place;
}

/* A layer cannot be projected onto more orthonormal directions than it has features. */
static void check_directions(checker *c, const ist_task *task, const ist_value *const *params)
{
    const ist_plan *plan = c->plan;
    const ist_entry *entry = &plan->job->entries[task->entry];
    ist_needs needs = plan->measures[entry->measure]->needs(
        params, task->labels_target ? &plan->labels[task->target] : NULL);
    const size_t sides[2] = {task->source, task->labels_target ? task->source : task->target};
    for (int side = 0; side < 2 && needs.slices.count > 0; side++) {
        const ist_layer *layer = &plan->layers[sides[side]];
        if (layer->shape.d >= needs.slices.columns)
            continue;
        c->good = false;
        ist_text what = {0}, where = {0};
        ist_text_add(&what, "directions %d %zu", needs.slices.columns, sides[side]);
        ist_location_text(&layer->at, &where);
        if (first_time(c, &what))
            ist_faults_add(c->faults, entry->place,
                           "%s has %lld features, too few for %d orthonormal directions: choose a "
                           "smaller 'projection_dim' or leave this layer out",
                           where.data, (long long)layer->shape.d, needs.slices.columns);
        ist_text_release(&what);
        ist_text_release(&where);
    }
}

/* Datasets that must be of one size with others. */
static void check_matrices(checker *c, const ist_task *task, const ist_value *const *params)
{
    const ist_plan *plan = c->plan;
    const ist_entry *entry = &plan->job->entries[task->entry];
    ist_needs needs = plan->measures[entry->measure]->needs(
        params, task->labels_target ? &plan->labels[task->target] : NULL);
    ist_text what = {0};
    if (!ist_check_dense(plan, task, &needs.dense, &what)) {
        c->good = false;
        if (first_time(c, &what))
            ist_faults_add(c->faults, entry->place, "%s", what.data);
    }
    ist_text_release(&what);
}

/* Records are a row a class. */
static void check_classes(checker *c, const ist_task *task)
{
    const ist_plan *plan = c->plan;
    if (task->by == SIZE_MAX || plan->labels[task->by].classes <= IST_MAX_BY)
        return;
    c->good = false;
    ist_text what = {0}, where = {0};
    const ist_label_vector *by = &plan->labels[task->by];
    ist_text_add(&what, "by %zu", task->by);
    ist_location_text(&by->at, &where);
    if (first_time(c, &what))
        ist_faults_add(c->faults, plan->job->entries[task->entry].by.place,
                       "%s has %lld classes: 'by' takes labels with at most %d", where.data,
                       (long long)by->classes, IST_MAX_BY);
    ist_text_release(&what);
    ist_text_release(&where);
}

/* Permuted targets have passes of all rows; a subset's ranks are not those among all. */
static void check_anchors(checker *c, const ist_task *task, const ist_value *const *params)
{
    const ist_plan *plan = c->plan;
    const ist_entry *entry = &plan->job->entries[task->entry];
    ist_needs needs = plan->measures[entry->measure]->needs(
        params, task->labels_target ? &plan->labels[task->target] : NULL);
    const char *fault = NULL;
    if (task->permutations > 0)
        fault = "'anchors' and 'null' do not go together: permute all samples, or fewer of them "
                "('samples')";
    else if (ist_task_subsets(plan, task))
        fault = "'anchors' and 'subsets' do not go together: ranks are those among all samples, or "
                "those among the samples of a subset";
    if (needs.anchors.count == 0 || !fault)
        return;
    c->good = false;
    ist_text what = {0};
    ist_text_add(&what, "anchors %zu", task->entry);
    if (first_time(c, &what))
        ist_faults_add(c->faults, entry->place, "%s", fault);
    ist_text_release(&what);
}

static void check_measure(checker *c, const ist_task *task)
{
    const ist_plan *plan = c->plan;
    const ist_entry *entry = &plan->job->entries[task->entry];
    const ist_value *params[IST_MAX_PARAMS];
    ist_task_params(plan, task, params);
    ist_error error = {0};
    const ist_label_vector *labels = task->labels_target ? &plan->labels[task->target] : NULL;
    if (task->subset == 0) { /* the others have the same features and as many samples */
        check_directions(c, task, params);
        check_matrices(c, task, params);
        check_classes(c, task);
        check_anchors(c, task, params);
    }
    if (plan->measures[entry->measure]->check(params, plan->layers[task->source].n, labels,
                                              &error) == IST_OK)
        return;
    c->good = false;
    ist_place place = place_of_k(plan, task);
    ist_text what = {0};
    ist_text_add(&what, "%d:%d:%s", place.line, place.column, error.text);
    if (first_time(c, &what))
        ist_faults_add(c->faults, place, "%s%s", error.text,
                       ist_task_subsets(plan, task) ? " (in each of the subsets)" : "");
    ist_text_release(&what);
}

bool ist_plan_check(const ist_plan *plan, ist_faults *faults)
{
    checker c = {.plan = plan, .faults = faults, .good = true};
    bool fits = true; /* all subsets of an entry's operands, or none */
    check_rows(&c);
    for (size_t t = 0; t < plan->task_count; t++) {
        const ist_task *task = &plan->tasks[t];
        if (task->subset == 0)
            fits = check_pair(&c, task) && check_subsets(&c, task);
        if (fits)
            check_measure(&c, task);
    }
    ist_index_release(&c.seen);
    return c.good;
}
