/* Tasks -> the passes that serve them, each run once with the largest k. */
#include <string.h>

#include "schedule.h"

typedef struct {
    const ist_plan *plan;
    ist_schedule *schedule;
    ist_index sources, targets, slots; /* by what makes a pass (a slot) one */
    ist_index any_order;               /* a source pass of the layer, by layer and labels */
    size_t source_capacity, target_capacity;
} collector;

static ist_hash key_of(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t words[4] = {a, b, c, d};
    return ist_hash_bytes(words, sizeof words, 0);
}

/* The pass that finds a task's neighbours in one of its layers. */
static size_t source_pass(collector *c, const ist_task *task, size_t layer, const ist_needs *needs)
{
    ist_schedule *s = c->schedule;
    ist_tie_rule ties = needs->ties;
    if (ties.by_index)
        ties.seed = 0; /* nothing random in it */
    bool in_class = needs->among == IST_AMONG_CLASS;
    size_t labels = in_class ? task->target : SIZE_MAX;
    ist_hash key = key_of(layer, ties.by_index, ties.seed, labels);
    ist_hash any = key_of(layer, 0, 0, labels);
    size_t pass = needs->any_order ? ist_index_find(&c->any_order, any) : SIZE_MAX;
    if (pass == SIZE_MAX)
        pass = *ist_index_add(&c->sources, key, s->source_count);
    ist_index_add(&c->any_order, any, pass);
    if (pass == s->source_count) {
        if (s->source_count == c->source_capacity) {
            c->source_capacity = c->source_capacity ? 2 * c->source_capacity : 64;
            s->sources =
                ist_grow(s->sources, s->source_count, c->source_capacity, sizeof *s->sources);
        }
        s->sources[s->source_count++] =
            (ist_source_pass){.layer = layer, .in_class = in_class, .labels = labels, .ties = ties};
    }
    ist_source_pass *found = &s->sources[pass];
    found->k = ist_max(found->k, needs->neighbours);
    if (needs->among == IST_AMONG_DISTINCT)
        found->distinct_k = ist_max(found->distinct_k, needs->neighbours);
    found->parts |= needs->parts;
    if (needs->distances)
        found->distance_k = ist_max(found->distance_k, needs->neighbours);
    found->class_counts |= needs->class_counts;
    return pass;
}

/* The pass that counts for a task: ranks in its target, or how far its neighbours reach in its source. */
static size_t target_pass(collector *c, const ist_task *task, const ist_needs *needs)
{
    ist_schedule *s = c->schedule;
    bool reach = needs->counts == IST_COUNTS_REACH;
    bool by_index = needs->ties.by_index && !reach;
    size_t layer = reach ? task->source : task->target;
    size_t labels = SIZE_MAX;
    if (needs->among == IST_AMONG_CLASS && c->plan->labels[task->target].singles)
        labels = task->target;
    size_t pass = *ist_index_add(&c->targets, key_of(layer, by_index, labels, 0), s->target_count);
    if (pass == s->target_count) {
        if (s->target_count == c->target_capacity) {
            c->target_capacity = c->target_capacity ? 2 * c->target_capacity : 64;
            s->targets =
                ist_grow(s->targets, s->target_count, c->target_capacity, sizeof *s->targets);
        }
        s->targets[s->target_count++] =
            (ist_target_pass){.layer = layer, .labels = labels, .by_index = by_index};
    }
    s->targets[pass].parts |= needs->parts;
    return pass;
}

/* A slot of all neighbours serves every smaller k; one of the k-th alone is of this k. Their number grows by
 * doubling: the capacity is the next power of two of the count. */
static size_t slot_of(collector *c, size_t target, size_t source, int64_t k, bool last)
{
    ist_target_pass *pass = &c->schedule->targets[target];
    ist_hash key = key_of(target, source, last ? (uint64_t)k : 0, 1);
    size_t slot = *ist_index_add(&c->slots, key, pass->slot_count);
    if (slot == pass->slot_count) {
        size_t count = pass->slot_count;
        if ((count & (count - 1)) == 0)
            pass->slots = ist_grow(pass->slots, count, count ? 2 * count : 1, sizeof *pass->slots);
        pass->slots[pass->slot_count++] = (ist_slot){.pass = source, .last = last};
    }
    pass->slots[slot].k = ist_max(pass->slots[slot].k, k);
    return slot;
}

/* Tasks that take any order come second: a pass that another task needs will do for them. */
static void collect(collector *c, const ist_task *task, bool any_order)
{
    ist_schedule *s = c->schedule;
    const ist_plan *plan = c->plan;
    const ist_value *params[IST_MAX_PARAMS];
    ist_task_params(plan, task, params);
    size_t measure = plan->job->entries[task->entry].measure;
    ist_needs needs = plan->measures[measure]->needs(
        params, task->labels_target ? &plan->labels[task->target] : NULL);
    if (needs.any_order != any_order)
        return;
    bool counts = needs.counts == IST_COUNTS_REACH ||
                  (needs.counts == IST_COUNTS_RANKS && !task->labels_target);
    needs.parts = needs.parts && ist_parts_usable(plan->layers[task->source].n, needs.neighbours);
    s->asked += 1 + counts + needs.both;
    ist_route *route = &s->routes[task->twin];
    if (route->source != SIZE_MAX)
        return; /* a twin has asked for the same */
    s->tasks++;
    route->source = source_pass(c, task, task->source, &needs);
    if (needs.both)
        route->second = source_pass(c, task, task->target, &needs);
    if (counts) {
        bool last = needs.counts == IST_COUNTS_REACH;
        route->target = target_pass(c, task, &needs);
        route->slot = slot_of(c, route->target, route->source, needs.neighbours, last);
    }
}

ist_schedule *ist_schedule_new(const ist_plan *plan, const bool *pending)
{
    ist_schedule *schedule = ist_alloc(1, sizeof *schedule);
    schedule->routes = ist_alloc(plan->task_count, sizeof *schedule->routes);
    for (size_t t = 0; t < plan->task_count; t++)
        schedule->routes[t] = (ist_route){SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, 0};
    collector c = {.plan = plan, .schedule = schedule};
    for (int round = 0; round < 2; round++)
        for (size_t t = 0; t < plan->task_count; t++)
            if (!pending || pending[t])
                collect(&c, &plan->tasks[t], round);
    ist_index_release(&c.sources);
    ist_index_release(&c.any_order);
    ist_index_release(&c.targets);
    ist_index_release(&c.slots);
    ist_schedule_order(schedule, plan);
    return schedule;
}

void ist_schedule_free(ist_schedule **schedule)
{
    ist_schedule *old = *schedule;
    *schedule = NULL;
    if (!old)
        return;
    for (size_t t = 0; t < old->target_count; t++)
        ist_free(old->targets[t].slots);
    ist_free(old->targets);
    ist_free(old->sources);
    ist_free(old->steps);
    ist_free(old->routes);
    ist_free(old);
}

const ist_route *ist_schedule_route(const ist_schedule *schedule, const ist_task *task)
{
    const ist_route *route = &schedule->routes[task->twin];
    return route->source == SIZE_MAX ? NULL : route;
}
