/* Tasks -> the passes that serve them, each run once with the largest k. */
#include <string.h>

#include "schedule.h"

typedef struct {
    const ist_plan *plan;
    ist_schedule *schedule;
    ist_index sources, targets, slots; /* by what makes a pass (a slot) one */
    size_t source_capacity, target_capacity;
} collector;

static ist_hash key_of(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t words[3] = {a, b, c};
    return ist_hash_bytes(words, sizeof words, 0);
}

static size_t source_pass(collector *c, const ist_task *task, const ist_needs *needs)
{
    ist_schedule *s = c->schedule;
    ist_tie_rule ties = needs->ties;
    if (ties.by_index)
        ties.seed = 0; /* nothing random in it */
    ist_hash key = key_of(task->source, ties.by_index, ties.seed);
    size_t pass = *ist_index_add(&c->sources, key, s->source_count);
    if (pass == s->source_count) {
        if (s->source_count == c->source_capacity) {
            c->source_capacity = c->source_capacity ? 2 * c->source_capacity : 64;
            s->sources =
                ist_grow(s->sources, s->source_count, c->source_capacity, sizeof *s->sources);
        }
        s->sources[s->source_count++] = (ist_source_pass){.layer = task->source, .ties = ties};
    }
    s->sources[pass].k = ist_max(s->sources[pass].k, needs->neighbours);
    s->sources[pass].parts |= needs->parts;
    return pass;
}

static size_t target_pass(collector *c, const ist_task *task, const ist_needs *needs)
{
    ist_schedule *s = c->schedule;
    size_t pass =
        *ist_index_add(&c->targets, key_of(task->target, needs->ties.by_index, 0), s->target_count);
    if (pass == s->target_count) {
        if (s->target_count == c->target_capacity) {
            c->target_capacity = c->target_capacity ? 2 * c->target_capacity : 64;
            s->targets =
                ist_grow(s->targets, s->target_count, c->target_capacity, sizeof *s->targets);
        }
        s->targets[s->target_count++] =
            (ist_target_pass){.layer = task->target, .by_index = needs->ties.by_index};
    }
    s->targets[pass].parts |= needs->parts;
    return pass;
}

/* A target's slots grow by doubling: the capacity is the next power of two of the count. */
static size_t slot_of(collector *c, size_t target, size_t source, int64_t k)
{
    ist_target_pass *pass = &c->schedule->targets[target];
    size_t slot = *ist_index_add(&c->slots, key_of(target, source, 1), pass->slot_count);
    if (slot == pass->slot_count) {
        size_t count = pass->slot_count;
        if ((count & (count - 1)) == 0)
            pass->slots = ist_grow(pass->slots, count, count ? 2 * count : 1, sizeof *pass->slots);
        pass->slots[pass->slot_count++] = (ist_slot){.pass = source};
    }
    pass->slots[slot].k = ist_max(pass->slots[slot].k, k);
    return slot;
}

static void collect(collector *c, const ist_task *task)
{
    ist_schedule *s = c->schedule;
    const ist_plan *plan = c->plan;
    const ist_value *params[IST_MAX_PARAMS];
    ist_task_params(plan, task, params);
    size_t measure = plan->job->entries[task->entry].measure;
    ist_needs needs = plan->measures[measure]->needs(params, task->labels_target);
    bool counts = needs.ranks && !task->labels_target;
    needs.parts = needs.parts && ist_parts_usable(plan->layers[task->source].n, needs.neighbours);
    s->asked += counts ? 2 : 1;
    ist_route *route = &s->routes[task->twin];
    if (route->source != SIZE_MAX)
        return; /* a twin has asked for the same */
    s->tasks++;
    route->source = source_pass(c, task, &needs);
    if (counts) {
        route->target = target_pass(c, task, &needs);
        route->slot = slot_of(c, route->target, route->source, needs.neighbours);
    }
}

ist_schedule *ist_schedule_new(const ist_plan *plan, const bool *pending)
{
    ist_schedule *schedule = ist_alloc(1, sizeof *schedule);
    schedule->routes = ist_alloc(plan->task_count, sizeof *schedule->routes);
    for (size_t t = 0; t < plan->task_count; t++)
        schedule->routes[t] = (ist_route){SIZE_MAX, SIZE_MAX, SIZE_MAX};
    collector c = {.plan = plan, .schedule = schedule};
    for (size_t t = 0; t < plan->task_count; t++) {
        if (!pending || pending[t])
            collect(&c, &plan->tasks[t]);
    }
    ist_index_release(&c.sources);
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

bool ist_schedule_find(const ist_schedule *schedule, const ist_plan *plan, const ist_task *task,
                       size_t *source_pass_of, size_t *target_pass_of, size_t *slot)
{
    (void)plan;
    const ist_route *route = &schedule->routes[task->twin];
    *source_pass_of = route->source;
    *target_pass_of = route->target;
    *slot = route->slot;
    return route->source != SIZE_MAX;
}
