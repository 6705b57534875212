/* Layers that are compared with those of many cells, and the order of steps in which the rest can be dealt out. */
#include <stdlib.h>
#include <string.h>

#include "schedule.h"

enum { FIRST, MIDDLE, LAST };

/* ---- sets of layers ------------------------------------------------------------------------------ */

size_t ist_set_of(size_t *parent, size_t layer)
{
    while (parent[layer] != layer) {
        parent[layer] = parent[parent[layer]];
        layer = parent[layer];
    }
    return layer;
}

static void unite(size_t *parent, const bool *hub, size_t a, size_t b)
{
    if (hub && (hub[a] || hub[b]))
        return;
    a = ist_set_of(parent, a);
    b = ist_set_of(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

/* The layers that a task compares with its source; returns how many. */
static size_t partners(const ist_task *task, size_t other[1 + IST_MAX_ADDRESSES])
{
    size_t count = 0;
    if (!task->labels_target)
        other[count++] = task->target;
    for (size_t x = 0; x < IST_MAX_ADDRESSES; x++)
        if (task->extra[x] != SIZE_MAX)
            other[count++] = task->extra[x];
    return count;
}

size_t *ist_sets_of_layers(const ist_plan *plan, const ist_schedule *schedule, const bool *hub)
{
    size_t *parent = ist_alloc(plan->layer_count, sizeof *parent), other[1 + IST_MAX_ADDRESSES];
    for (size_t l = 0; l < plan->layer_count; l++)
        parent[l] = l;
    for (size_t t = 0; t < plan->task_count; t++) {
        const ist_task *task = &plan->tasks[t];
        if (!ist_schedule_route(schedule, task))
            continue;
        for (size_t i = partners(task, other); i-- > 0;)
            unite(parent, hub, task->source, other[i]);
    }
    return parent;
}

/* ---- hubs ---------------------------------------------------------------------------------------- */

/* With how many others each layer is compared. */
static size_t *degrees(const ist_plan *plan, const ist_schedule *schedule)
{
    size_t *degree = ist_alloc(plan->layer_count, sizeof *degree), other[1 + IST_MAX_ADDRESSES];
    ist_index pairs = {0};
    size_t count = 0;
    for (size_t t = 0; t < plan->task_count; t++) {
        const ist_task *task = &plan->tasks[t];
        if (!ist_schedule_route(schedule, task))
            continue;
        for (size_t i = partners(task, other); i-- > 0;) {
            size_t a = task->source, b = other[i];
            const uint64_t pair[2] = {a < b ? a : b, a < b ? b : a};
            if (a == b ||
                *ist_index_add(&pairs, ist_hash_bytes(pair, sizeof pair, 0), count) != count)
                continue;
            count++;
            degree[a]++;
            degree[b]++;
        }
    }
    ist_index_release(&pairs);
    return degree;
}

/* The largest degree below a bound; 0: none. */
static size_t next_degree(const size_t *degree, size_t layers, size_t bound)
{
    size_t most = 0;
    for (size_t l = 0; l < layers; l++)
        if (degree[l] < bound && degree[l] > most)
            most = degree[l];
    return most;
}

/* Sets of layers with some step, without those of hubs. */
static size_t count_sets(const ist_plan *plan, const ist_schedule *schedule, const bool *hub)
{
    size_t *parent = ist_sets_of_layers(plan, schedule, hub), count = 0;
    bool *seen = ist_alloc(plan->layer_count, sizeof *seen);
    for (size_t i = 0; i < schedule->step_count; i++) {
        size_t layer = ist_step_layer(schedule, &schedule->steps[i]);
        size_t set = ist_set_of(parent, layer);
        count += !hub[layer] && !seen[set];
        seen[set] = true;
    }
    ist_free(parent);
    ist_free(seen);
    return count;
}

bool *ist_find_hubs(const ist_plan *plan, const ist_schedule *schedule, int ranks)
{
    enum { TRIALS = 8 };
    size_t wanted = 2 * (size_t)ranks, bound = SIZE_MAX;
    bool *hub = ist_alloc(plan->layer_count, sizeof *hub), found = false;
    size_t *degree = degrees(plan, schedule);
    size_t before = ranks > 1 ? count_sets(plan, schedule, hub) : 0;
    for (int trial = 0; ranks > 1 && trial < TRIALS && !found; trial++) {
        bound = next_degree(degree, plan->layer_count, bound);
        if (bound < wanted)
            break;
        for (size_t l = 0; l < plan->layer_count; l++)
            hub[l] = degree[l] >= bound;
        found = count_sets(plan, schedule, hub) + 1 >= before + wanted;
    }
    ist_free(degree);
    if (found)
        return hub;
    ist_free(hub);
    return NULL;
}

/* ---- stages -------------------------------------------------------------------------------------- */

/* Also for one of the joint passes that go together. */
static bool loads_hub(const ist_schedule *s, const ist_step *step, const bool *hub)
{
    size_t other = ist_step_other(s, step);
    bool lists = step->kind == IST_STEP_PASS && !step->counts;
    bool loads = hub[ist_step_layer(s, step)] || (other != SIZE_MAX && hub[other]);
    for (size_t i = step->index; lists && !loads && i != SIZE_MAX; i = s->sources[i].together)
        loads = hub[s->sources[i].layer];
    return loads;
}

/* Lists of hubs alone need nothing; what loads a hub for something else, or needs what does, comes last. */
static void set_stages(const ist_plan *plan, const ist_schedule *s, const bool *hub,
                       ist_step *steps)
{
    size_t *source_stage = ist_alloc(s->source_count, sizeof *source_stage);
    bool *last_dense = ist_alloc(s->dense_count, sizeof *last_dense);
    size_t other[1 + IST_MAX_ADDRESSES];
    for (size_t t = 0; t < plan->task_count; t++) {
        const ist_route *route = ist_schedule_route(s, &plan->tasks[t]);
        for (size_t i = partners(&plan->tasks[t], other); route && i-- > 0;)
            if (route->dense != SIZE_MAX && hub[other[i]])
                last_dense[route->dense] = true;
    }
    for (size_t i = 0; i < s->step_count; i++) {
        ist_step *step = &steps[i];
        bool lists = step->kind == IST_STEP_PASS && !step->counts;
        bool alone = ist_step_other(s, step) == SIZE_MAX;
        step->stage = !loads_hub(s, step, hub) ? MIDDLE : lists && alone ? FIRST : LAST;
        if (step->kind == IST_STEP_DENSE && last_dense[step->index])
            step->stage = LAST;
        for (size_t m = step->index; lists && m != SIZE_MAX; m = s->sources[m].together)
            source_stage[m] = (size_t)step->stage;
        const ist_target_pass *target = step->counts ? &s->targets[step->index] : NULL;
        for (size_t slot = 0; target && slot < target->slot_count; slot++)
            if (source_stage[target->slots[slot].pass] == LAST)
                step->stage = LAST;
    }
    ist_free(source_stage);
    ist_free(last_dense);
}

/* Lists are brought from stage to stage, counts and values of permutations are not. */
static bool all_is_brought(const ist_plan *plan, const ist_schedule *s)
{
    size_t *target_step = ist_alloc(s->target_count, sizeof *target_step);
    size_t *source_step = ist_alloc(s->source_count, sizeof *source_step);
    for (size_t i = 0; i < s->step_count; i++) {
        const ist_step *step = &s->steps[i];
        bool lists = step->kind == IST_STEP_PASS && !step->counts;
        if (step->kind == IST_STEP_PASS && step->counts)
            target_step[step->index] = i;
        for (size_t m = step->index; lists && m != SIZE_MAX; m = s->sources[m].together)
            source_step[m] = i;
    }
    bool good = true;
    for (size_t t = 0; t < plan->task_count && good; t++) {
        const ist_route *route = ist_schedule_route(s, &plan->tasks[t]);
        if (!route || route->source == SIZE_MAX)
            continue;
        int stage = s->steps[route->last_step].stage;
        for (int side = 0; side < 2; side++)
            if (route->target[side] != SIZE_MAX)
                good &= s->steps[target_step[route->target[side]]].stage == stage;
        if (route->permuted != SIZE_MAX) {
            const ist_null_passes *null = &s->nulls[route->permuted];
            size_t step = null->counts ? target_step[null->pass] : source_step[null->pass];
            good &= s->steps[step].stage == stage;
        }
    }
    ist_free(target_step);
    ist_free(source_step);
    return good;
}

bool ist_order_by_stage(const ist_plan *plan, ist_schedule *schedule, const bool *hub)
{
    size_t count = schedule->step_count, bytes = count * sizeof *schedule->steps, filled = 0;
    ist_step *before = ist_alloc(count, sizeof *before), *steps = ist_alloc(count, sizeof *steps);
    ist_step *ordered = ist_alloc(count, sizeof *ordered);
    memcpy(before, schedule->steps, bytes);
    memcpy(steps, schedule->steps, bytes);
    set_stages(plan, schedule, hub, steps);
    for (int stage = FIRST; stage <= LAST; stage++)
        for (size_t i = 0; i < count; i++)
            if (steps[i].stage == stage)
                ordered[filled++] = steps[i];
    ist_schedule_reorder(schedule, plan, ordered);
    bool good = all_is_brought(plan, schedule);
    if (good)
        schedule->carried = ist_carried_bytes(plan, schedule);
    else
        ist_schedule_reorder(schedule, plan, before);
    ist_free(before);
    ist_free(steps);
    ist_free(ordered);
    return good;
}

bool ist_schedule_is_staged(const ist_schedule *schedule)
{
    return schedule->step_count > 0 && schedule->steps[schedule->step_count - 1].stage > FIRST;
}
