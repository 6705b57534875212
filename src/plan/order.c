/* The order of the passes. The layers are walked as the plan has them: the slices of a layer, its passes 1, its
 * passes 2 if their sources are all known, then the passes 2 of other layers that have just become
 * possible. A layer that is still to come for its passes 1 is not read twice for that. */
#include <stdlib.h>
#include <string.h>

#include "schedule.h"

/* For each group the items that belong to it: item[start[g]] .. item[start[g + 1]]. It is made in
 * two walks over the items: count_item for each, open_groups, put_item for each. */
typedef struct {
    size_t *start, *item;
} grouping;

static grouping new_grouping(size_t groups)
{
    return (grouping){.start = ist_alloc(groups + 2, sizeof(size_t))};
}

static void count_item(grouping *g, size_t group)
{
    g->start[group + 2]++;
}

static void open_groups(grouping *g, size_t groups)
{
    for (size_t i = 2; i < groups + 2; i++)
        g->start[i] += g->start[i - 1];
    g->item = ist_alloc(g->start[groups + 1], sizeof *g->item);
}

static void put_item(grouping *g, size_t group, size_t item)
{
    g->item[g->start[group + 1]++] = item;
}

static void release_grouping(grouping *g)
{
    ist_free(g->start);
    ist_free(g->item);
}

/* Those within classes last: they may read the others' lists. */
static grouping sources_of_layers(const ist_schedule *s, size_t layers)
{
    grouping g = new_grouping(layers);
    for (size_t i = 0; i < s->source_count; i++)
        count_item(&g, s->sources[i].layer);
    open_groups(&g, layers);
    for (int in_class = 0; in_class < 2; in_class++)
        for (size_t i = 0; i < s->source_count; i++)
            if (s->sources[i].in_class == in_class)
                put_item(&g, s->sources[i].layer, i);
    return g;
}

static grouping targets_of_layers(const ist_schedule *s, size_t layers)
{
    grouping g = new_grouping(layers);
    for (size_t i = 0; i < s->target_count; i++)
        count_item(&g, s->targets[i].layer);
    open_groups(&g, layers);
    for (size_t i = 0; i < s->target_count; i++)
        put_item(&g, s->targets[i].layer, i);
    return g;
}

static grouping dense_of_layers(const ist_schedule *s, size_t layers)
{
    grouping g = new_grouping(layers);
    for (size_t i = 0; i < s->dense_count; i++)
        count_item(&g, s->dense[i].layer);
    open_groups(&g, layers);
    for (size_t i = 0; i < s->dense_count; i++)
        put_item(&g, s->dense[i].layer, i);
    return g;
}

static grouping slices_of_layers(const ist_schedule *s, size_t layers)
{
    grouping g = new_grouping(layers);
    for (size_t i = 0; i < s->slice_count; i++)
        count_item(&g, s->slices[i].layer);
    open_groups(&g, layers);
    for (size_t i = 0; i < s->slice_count; i++)
        put_item(&g, s->slices[i].layer, i);
    return g;
}

/* The target passes that wait for each source pass. */
static grouping targets_of_sources(const ist_schedule *s)
{
    grouping g = new_grouping(s->source_count);
    for (size_t t = 0; t < s->target_count; t++) {
        for (size_t i = 0; i < s->targets[t].slot_count; i++)
            count_item(&g, s->targets[t].slots[i].pass);
    }
    open_groups(&g, s->source_count);
    for (size_t t = 0; t < s->target_count; t++) {
        for (size_t i = 0; i < s->targets[t].slot_count; i++)
            put_item(&g, s->targets[t].slots[i].pass, t);
    }
    return g;
}

/* Lists live at least until this step, a pass. */
static void note_sources(ist_schedule *s, size_t step)
{
    size_t index = s->steps[step].index;
    for (size_t i = index; !s->steps[step].counts && i != SIZE_MAX; i = s->sources[i].together)
        s->sources[i].last_step = step;
    if (!s->steps[step].counts && s->sources[index].reads != SIZE_MAX) {
        ist_source_pass *read = &s->sources[s->sources[index].reads];
        read->last_step = step > read->last_step ? step : read->last_step;
    }
    if (!s->steps[step].counts)
        return;
    const ist_target_pass *target = &s->targets[index];
    for (size_t i = 0; i < target->slot_count; i++)
        s->sources[target->slots[i].pass].last_step = step;
}

static void add_step(ist_schedule *s, bool counts, size_t index)
{
    size_t step = s->step_count++;
    s->steps[step] = (ist_step){.counts = counts, .index = index};
    note_sources(s, step);
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

typedef struct {
    ist_schedule *schedule;
    grouping sources, targets, waiting; /* by layer, by layer, by source */
    grouping slices, dense;             /* by layer */
    size_t *missing;                    /* by target: sources that are not known yet */
    ready_pass *ready;
} walk;

/* Slices and matrices of a layer come before its passes, while its rows lie as they were read. */
static void add_slices(walk *w, size_t layer)
{
    ist_schedule *s = w->schedule;
    for (size_t i = w->slices.start[layer]; i < w->slices.start[layer + 1]; i++)
        s->steps[s->step_count++] = (ist_step){.kind = IST_STEP_SLICES, .index = w->slices.item[i]};
    for (size_t i = w->dense.start[layer]; i < w->dense.start[layer + 1]; i++)
        s->steps[s->step_count++] = (ist_step){.kind = IST_STEP_DENSE, .index = w->dense.item[i]};
}

/* The passes 2 that a pass 1 makes possible are ready[count], ...; returns the new count. */
static size_t add_ready(walk *w, size_t source, size_t count)
{
    for (size_t j = w->waiting.start[source]; j < w->waiting.start[source + 1]; j++) {
        size_t target = w->waiting.item[j];
        if (--w->missing[target] == 0)
            w->ready[count++] = (ready_pass){w->schedule->targets[target].layer, target};
    }
    return count;
}

/* The passes 1 of one layer, with those of later layers that go together with them; ready[0..count) are the passes 2 that
 * this makes possible. */
static size_t add_sources(walk *w, size_t layer)
{
    size_t count = 0;
    const ist_source_pass *sources = w->schedule->sources;
    for (size_t i = w->sources.start[layer]; i < w->sources.start[layer + 1]; i++) {
        size_t source = w->sources.item[i];
        if (sources[source].head != source)
            continue;
        add_step(w->schedule, false, source);
        for (size_t next = source; next != SIZE_MAX; next = sources[next].together)
            count = add_ready(w, next, count);
    }
    return count;
}

/* The passes 2 of the layer in memory; they may have been waiting for it. */
static void add_own(walk *w, size_t layer)
{
    for (size_t i = w->targets.start[layer]; i < w->targets.start[layer + 1]; i++) {
        if (w->missing[w->targets.item[i]] == 0)
            add_step(w->schedule, true, w->targets.item[i]);
    }
}

/* The new passes 2 of other layers, less those whose layer will be read for its passes 1 anyway. */
static void add_others(walk *w, size_t layer, size_t count)
{
    qsort(w->ready, count, sizeof *w->ready, by_layer);
    for (size_t i = 0; i < count; i++) {
        size_t other = w->ready[i].layer;
        bool comes = other > layer && w->sources.start[other] < w->sources.start[other + 1];
        if (other != layer && !comes)
            add_step(w->schedule, true, w->ready[i].target);
    }
}

/* When each task has all it needs: its lists live until then. */
static void settle_routes(ist_schedule *s, const ist_plan *plan)
{
    size_t *source_step = ist_alloc(s->source_count, sizeof *source_step);
    size_t *target_step = ist_alloc(s->target_count, sizeof *target_step);
    size_t *slice_step = ist_alloc(s->slice_count, sizeof *slice_step);
    size_t *dense_step = ist_alloc(s->dense_count, sizeof *dense_step);
    for (size_t i = 0; i < s->step_count; i++) {
        const ist_step *step = &s->steps[i];
        bool joint = step->kind == IST_STEP_PASS && !step->counts;
        for (size_t m = step->index; joint && m != SIZE_MAX; m = s->sources[m].together)
            source_step[m] = i;
        size_t *const of[] = {[IST_STEP_PASS] = step->counts ? target_step : source_step,
                              [IST_STEP_SLICES] = slice_step,
                              [IST_STEP_DENSE] = dense_step};
        of[step->kind][step->index] = i;
    }
    for (size_t t = 0; t < plan->task_count; t++) {
        ist_route *route = &s->routes[t];
        if (route->slices != SIZE_MAX)
            route->last_step = slice_step[route->slices];
        if (route->dense != SIZE_MAX)
            route->last_step = dense_step[route->dense];
        if (route->source == SIZE_MAX)
            continue;
        size_t last = source_step[route->source];
        if (route->second != SIZE_MAX && source_step[route->second] > last)
            last = source_step[route->second];
        if (route->null != SIZE_MAX && source_step[route->null] > last)
            last = source_step[route->null];
        for (int side = 0; side < 2; side++)
            if (route->target[side] != SIZE_MAX && target_step[route->target[side]] > last)
                last = target_step[route->target[side]];
        route->last_step = last;
        ist_step *step = &s->steps[last];
        step->permutes |= plan->tasks[t].permutations > 0 && route->permuted == SIZE_MAX;
        step->class_k = ist_max(step->class_k, route->class_k);
        size_t lists[3] = {route->source, route->second, route->null};
        for (int l = 0; l < 3; l++)
            if (lists[l] != SIZE_MAX && s->sources[lists[l]].last_step < last)
                s->sources[lists[l]].last_step = last;
        for (int l = 0; l < 2; l++) {
            if (route->target[l] != SIZE_MAX && s->targets[route->target[l]].last_step < last)
                s->targets[route->target[l]].last_step = last;
        }
    }
    ist_free(source_step);
    ist_free(target_step);
    ist_free(slice_step);
    ist_free(dense_step);
}

void ist_schedule_reorder(ist_schedule *s, const ist_plan *plan, const ist_step *steps)
{
    for (size_t t = 0; t < s->target_count; t++)
        s->targets[t].last_step = 0;
    memcpy(s->steps, steps, s->step_count * sizeof *steps);
    for (size_t i = 0; i < s->step_count; i++) {
        s->steps[i].permutes = false;
        s->steps[i].class_k = 0;
        if (s->steps[i].kind == IST_STEP_PASS)
            note_sources(s, i);
    }
    settle_routes(s, plan);
}

void ist_schedule_order(ist_schedule *s, const ist_plan *plan)
{
    walk w = {
        .schedule = s,
        .sources = sources_of_layers(s, plan->layer_count),
        .targets = targets_of_layers(s, plan->layer_count),
        .slices = slices_of_layers(s, plan->layer_count),
        .dense = dense_of_layers(s, plan->layer_count),
        .waiting = targets_of_sources(s),
        .missing = ist_alloc(s->target_count, sizeof *w.missing),
        .ready = ist_alloc(s->target_count, sizeof *w.ready),
    };
    for (size_t t = 0; t < s->target_count; t++)
        w.missing[t] = s->targets[t].slot_count;
    s->steps = ist_alloc(s->source_count + s->target_count + s->slice_count + s->dense_count,
                         sizeof *s->steps);
    for (size_t layer = 0; layer < plan->layer_count; layer++) {
        add_slices(&w, layer);
        size_t count = add_sources(&w, layer);
        if (w.sources.start[layer] < w.sources.start[layer + 1])
            add_own(&w, layer);
        add_others(&w, layer, count);
    }
    settle_routes(s, plan);
    release_grouping(&w.sources);
    release_grouping(&w.targets);
    release_grouping(&w.slices);
    release_grouping(&w.dense);
    release_grouping(&w.waiting);
    ist_free(w.missing);
    ist_free(w.ready);
}

size_t ist_step_layer(const ist_schedule *schedule, const ist_step *step)
{
    if (step->kind == IST_STEP_SLICES)
        return schedule->slices[step->index].layer;
    if (step->kind == IST_STEP_DENSE)
        return schedule->dense[step->index].layer;
    return step->counts ? schedule->targets[step->index].layer
                        : schedule->sources[step->index].layer;
}

size_t ist_step_other(const ist_schedule *schedule, const ist_step *step)
{
    if (step->kind == IST_STEP_SLICES)
        return schedule->slices[step->index].other;
    if (step->kind == IST_STEP_DENSE)
        return schedule->dense[step->index].other;
    return step->counts ? SIZE_MAX : schedule->sources[step->index].other;
}
