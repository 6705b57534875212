/* The order of the passes. The layers are walked as the plan has them: the passes 1 of one layer,
 * then every pass 2 whose sources are all known by now, the one on the layer in memory first. So
 * a neighbour list is used, and may be freed, as early as this walk allows. */
#include <stdlib.h>

#include "schedule.h"

/* For each of `groups` groups the items that belong to it: item[start[g]] .. item[start[g + 1]]. */
typedef struct {
    size_t *start, *item;
} grouping;

static void release_grouping(grouping *g)
{
    ist_free(g->start);
    ist_free(g->item);
}

/* counts[g + 1] holds the size of group g on entry; afterwards start[g] is the group's first. */
static void sum_up(size_t *counts, size_t groups)
{
    for (size_t g = 0; g < groups; g++)
        counts[g + 1] += counts[g];
}

static grouping sources_of_layers(const ist_schedule *s, size_t layers)
{
    grouping g = {ist_alloc(layers + 2, sizeof *g.start),
                  ist_alloc(s->source_count, sizeof *g.item)};
    size_t *next = g.start + 1;
    for (size_t i = 0; i < s->source_count; i++)
        g.start[s->sources[i].layer + 2]++;
    sum_up(next, layers);
    for (size_t i = 0; i < s->source_count; i++)
        g.item[next[s->sources[i].layer]++] = i;
    return g;
}

/* The target passes that wait for each source pass. */
static grouping targets_of_sources(const ist_schedule *s)
{
    size_t uses = 0;
    for (size_t t = 0; t < s->target_count; t++)
        uses += s->targets[t].slot_count;
    grouping g = {ist_alloc(s->source_count + 2, sizeof *g.start), ist_alloc(uses, sizeof *g.item)};
    size_t *next = g.start + 1;
    for (size_t t = 0; t < s->target_count; t++) {
        for (size_t i = 0; i < s->targets[t].slot_count; i++)
            g.start[s->targets[t].slots[i].pass + 2]++;
    }
    sum_up(next, s->source_count);
    for (size_t t = 0; t < s->target_count; t++) {
        for (size_t i = 0; i < s->targets[t].slot_count; i++)
            g.item[next[s->targets[t].slots[i].pass]++] = t;
    }
    return g;
}

static void add_step(ist_schedule *s, bool counts, size_t index)
{
    size_t step = s->step_count++;
    s->steps[step] = (ist_step){.counts = counts, .index = index};
    if (!counts) {
        s->sources[index].last_step = step;
        return;
    }
    const ist_target_pass *target = &s->targets[index];
    for (size_t i = 0; i < target->slot_count; i++)
        s->sources[target->slots[i].pass].last_step = step;
}

/* A pass 2 that has become possible. */
typedef struct {
    size_t layer, target;
} ready_pass;

/* Passes 2 of one layer (two tie modes) meet; nothing depends on which source came last. */
static int by_layer(const void *a, const void *b)
{
    const ready_pass *x = a, *y = b;
    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    return (x->target > y->target) - (x->target < y->target);
}

/* Those on the layer in memory first, then the others. */
static void add_ready(ist_schedule *s, ready_pass *ready, size_t count, size_t layer)
{
    qsort(ready, count, sizeof *ready, by_layer);
    for (size_t i = 0; i < count; i++) {
        if (ready[i].layer == layer)
            add_step(s, true, ready[i].target);
    }
    for (size_t i = 0; i < count; i++) {
        if (ready[i].layer != layer)
            add_step(s, true, ready[i].target);
    }
}

/* The passes 1 of one layer; ready[0..count) are the passes 2 that this makes possible. */
static size_t add_sources(ist_schedule *s, const grouping *of_layer, const grouping *waiting,
                          size_t layer, size_t *missing, ready_pass *ready)
{
    size_t count = 0;
    for (size_t i = of_layer->start[layer]; i < of_layer->start[layer + 1]; i++) {
        size_t source = of_layer->item[i];
        add_step(s, false, source);
        for (size_t w = waiting->start[source]; w < waiting->start[source + 1]; w++) {
            size_t target = waiting->item[w];
            if (--missing[target] == 0)
                ready[count++] = (ready_pass){s->targets[target].layer, target};
        }
    }
    return count;
}

void ist_schedule_order(ist_schedule *s, const ist_plan *plan)
{
    grouping of_layer = sources_of_layers(s, plan->layer_count);
    grouping waiting = targets_of_sources(s);
    size_t *missing = ist_alloc(s->target_count, sizeof *missing);
    ready_pass *ready = ist_alloc(s->target_count, sizeof *ready);
    for (size_t t = 0; t < s->target_count; t++)
        missing[t] = s->targets[t].slot_count;
    s->steps = ist_alloc(s->source_count + s->target_count, sizeof *s->steps);
    for (size_t layer = 0; layer < plan->layer_count; layer++) {
        size_t count = add_sources(s, &of_layer, &waiting, layer, missing, ready);
        add_ready(s, ready, count, layer);
    }
    release_grouping(&of_layer);
    release_grouping(&waiting);
    ist_free(missing);
    ist_free(ready);
}

size_t ist_step_layer(const ist_schedule *schedule, const ist_step *step)
{
    return step->counts ? schedule->targets[step->index].layer
                        : schedule->sources[step->index].layer;
}
