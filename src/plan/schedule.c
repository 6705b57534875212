/* Tasks -> the passes that serve them, each run once with the largest k. */
#include <string.h>

#include "schedule.h"

typedef struct {
    const ist_plan *plan;
    ist_schedule *schedule;
    ist_index sources, targets, slots; /* by what makes a pass (a slot) one */
    ist_index any_order;               /* a source pass of the layer, by layer and labels */
    ist_index nulls, null_slots, slices, dense;
    size_t source_capacity, target_capacity, null_capacity;
} collector;

static ist_hash key_of(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t words[4] = {a, b, c, d};
    return ist_hash_bytes(words, sizeof words, 0);
}

static ist_source_pass *add_source(collector *c, const ist_source_pass *pass)
{
    ist_schedule *s = c->schedule;
    if (s->source_count == c->source_capacity) {
        c->source_capacity = c->source_capacity ? 2 * c->source_capacity : 64;
        s->sources = ist_grow(s->sources, s->source_count, c->source_capacity, sizeof *s->sources);
    }
    s->sources[s->source_count] = *pass;
    return &s->sources[s->source_count++];
}

/* The pass that finds a task's neighbours in one of its layers. */
static size_t source_pass(collector *c, const ist_task *task, size_t layer, const ist_needs *needs)
{
    ist_schedule *s = c->schedule;
    bool joint = needs->among == IST_AMONG_JOINT, in_class = needs->among == IST_AMONG_CLASS;
    ist_source_pass wanted = {.layer = layer,
                              .anchors = needs->anchors,
                              .in_class = in_class,
                              .labels = in_class ? task->target : SIZE_MAX,
                              .other = joint ? task->target : SIZE_MAX,
                              .scale = joint ? needs->scale : IST_SCALE_NONE,
                              .ties = needs->ties,
                              .reads = SIZE_MAX,
                              .first_null = SIZE_MAX};
    if (wanted.ties.by_index)
        wanted.ties.seed = 0; /* nothing random in it */
    uint64_t anchors = (uint64_t)wanted.anchors.count, drawn = wanted.anchors.seed;
    uint64_t any[7] = {layer, wanted.labels, wanted.other, wanted.scale, 2, anchors, drawn};
    uint64_t key[7] = {layer,
                       wanted.labels,
                       wanted.other,
                       2 * (uint64_t)wanted.scale + wanted.ties.by_index,
                       wanted.ties.seed,
                       anchors,
                       drawn};
    ist_hash any_key = ist_hash_bytes(any, sizeof any, 1);
    size_t pass = needs->any_order ? ist_index_find(&c->any_order, any_key) : SIZE_MAX;
    if (pass == SIZE_MAX)
        pass = *ist_index_add(&c->sources, ist_hash_bytes(key, sizeof key, 0), s->source_count);
    ist_index_add(&c->any_order, any_key, pass);
    ist_source_pass *found = pass == s->source_count ? add_source(c, &wanted) : &s->sources[pass];
    found->k = ist_max(found->k, needs->neighbours);
    if (needs->among == IST_AMONG_DISTINCT)
        found->distinct_k = ist_max(found->distinct_k, needs->neighbours);
    found->parts |= needs->parts;
    if (needs->distances)
        found->distance_k = ist_max(found->distance_k, needs->neighbours);
    found->list_counts |= needs->list_counts;
    return pass;
}

/* The pass that counts in a layer; `labels`: some samples are left out. */
static size_t target_pass(collector *c, size_t layer, size_t labels, bool by_index,
                          const ist_needs *needs)
{
    ist_schedule *s = c->schedule;
    uint64_t key[5] = {layer, by_index, labels, (uint64_t)needs->anchors.count,
                       needs->anchors.seed};
    size_t pass = *ist_index_add(&c->targets, ist_hash_bytes(key, sizeof key, 0), s->target_count);
    if (pass == s->target_count) {
        if (s->target_count == c->target_capacity) {
            c->target_capacity = c->target_capacity ? 2 * c->target_capacity : 64;
            s->targets =
                ist_grow(s->targets, s->target_count, c->target_capacity, sizeof *s->targets);
        }
        s->targets[s->target_count++] = (ist_target_pass){.layer = layer,
                                                          .anchors = needs->anchors,
                                                          .labels = labels,
                                                          .by_index = by_index,
                                                          .first_null = SIZE_MAX};
    }
    s->targets[pass].parts |= needs->parts;
    return pass;
}

/* The slots of a pass, or of its permutations; `index` knows those of all `of` its kind. */
typedef struct {
    ist_index *index;
    size_t of;
    ist_slot **slots;
    size_t *count;
} slot_set;

/* A slot of all neighbours serves every smaller k; one of a single threshold is of this k. Their number grows by
 * doubling: the capacity is the next power of two of the count. */
static size_t slot_of(slot_set set, size_t source, int64_t k, ist_count_kind kind)
{
    ist_hash key =
        key_of(set.of, source, kind == IST_COUNTS_RANKS ? 0 : (uint64_t)k, (uint64_t)kind);
    size_t count = *set.count, slot = *ist_index_add(set.index, key, count);
    if (slot == count) {
        if ((count & (count - 1)) == 0)
            *set.slots = ist_grow(*set.slots, count, count ? 2 * count : 1, sizeof **set.slots);
        (*set.slots)[(*set.count)++] = (ist_slot){.pass = source, .kind = kind};
    }
    ist_slot *found = &(*set.slots)[slot];
    found->k = ist_max(found->k, k);
    return slot;
}

/* What is counted for a task in its source (0) or target (1) layer. */
static bool counts_in(const ist_needs *needs, const ist_task *task, int side)
{
    switch (needs->counts) {
    case IST_COUNTS_NONE: return false;
    case IST_COUNTS_RANKS: return side == 1 && !task->labels_target;
    case IST_COUNTS_REACH:
    case IST_COUNTS_NEARER: return side == 0;
    case IST_COUNTS_JOINT:
    case IST_COUNTS_JOINT_REACH:
    case IST_COUNTS_BOX: return true;
    }
    return false;
}

static void add_counts(collector *c, const ist_task *task, const ist_needs *needs, int side,
                       ist_route *route)
{
    bool leaves_out = needs->counts == IST_COUNTS_REACH && needs->among == IST_AMONG_CLASS &&
                      c->plan->labels[task->target].singles;
    bool by_index = needs->counts == IST_COUNTS_RANKS && needs->ties.by_index;
    route->target[side] = target_pass(c, side == 0 ? task->source : task->target,
                                      leaves_out ? task->target : SIZE_MAX, by_index, needs);
    ist_target_pass *pass = &c->schedule->targets[route->target[side]];
    slot_set set = {&c->slots, route->target[side], &pass->slots, &pass->slot_count};
    route->slot[side] = slot_of(set, route->source, needs->neighbours, needs->counts);
}

/* ---- permuted layers --------------------------------------------------------------------------- */

/* Another layer's rows permuted: joint neighbours are others, and so are ranks. Lists of the target layer alone are
 * the same with other row numbers. */
static bool permutes_layer(const ist_task *task, const ist_needs *needs)
{
    return task->permutations > 0 && !task->labels_target &&
           (needs->among == IST_AMONG_JOINT || needs->counts == IST_COUNTS_RANKS);
}

static size_t null_passes(collector *c, const ist_task *task, const ist_needs *needs, bool counts,
                          size_t pass)
{
    ist_schedule *s = c->schedule;
    ist_hash key = key_of(2 * pass + counts, task->within, needs->ties.seed, 1);
    size_t null = *ist_index_add(&c->nulls, key, s->null_count);
    if (null < s->null_count)
        return null;
    if (s->null_count == c->null_capacity) {
        c->null_capacity = c->null_capacity ? 2 * c->null_capacity : 16;
        s->nulls = ist_grow(s->nulls, s->null_count, c->null_capacity, sizeof *s->nulls);
    }
    size_t *first = counts ? &s->targets[pass].first_null : &s->sources[pass].first_null;
    s->nulls[s->null_count] = (ist_null_passes){.counts = counts,
                                                .pass = pass,
                                                .within = task->within,
                                                .seed = needs->ties.seed,
                                                .next = *first};
    *first = s->null_count;
    return s->null_count++;
}

static void add_permuted(collector *c, const ist_task *task, const ist_needs *needs,
                         ist_route *route)
{
    bool counts = needs->among != IST_AMONG_JOINT;
    route->permuted =
        null_passes(c, task, needs, counts, counts ? route->target[1] : route->source);
    ist_null_passes *null = &c->schedule->nulls[route->permuted];
    null->permutations = ist_max(null->permutations, task->permutations);
    null->list_counts |= needs->list_counts;
    slot_set set = {&c->null_slots, route->permuted, &null->slots, &null->slot_count};
    route->permuted_slot = slot_of(set, route->source, needs->neighbours, needs->counts);
}

/* ---- permuted labels --------------------------------------------------------------------------- */

/* Neighbours within classes, of permuted labels: those with the same label in a list among all. */
static bool needs_null_lists(const ist_task *task, const ist_needs *needs)
{
    return task->permutations > 0 && needs->among == IST_AMONG_CLASS;
}

/* So long that few rows do not find their k in it: a sample of a class with a share p of all finds m of its class in
 * a list of m / p. */
static int64_t null_length(const ist_plan *plan, const ist_task *task, const ist_needs *needs)
{
    enum { LONGEST = 1024, SHORTEST = 64, TIMES_MEAN = 8 };
    const ist_label_vector *labels = &plan->labels[task->target];
    int64_t n = plan->layers[task->source].n;
    double length = TIMES_MEAN * (double)needs->neighbours / labels->pair_share;
    int64_t bounded = length > LONGEST ? LONGEST : ist_max(SHORTEST, (int64_t)length);
    return ist_min(ist_max(bounded, needs->neighbours), n - 1);
}

/* The slices that serve a task, and others of the same layers, seed and number of directions. */
static size_t slice_pass(collector *c, const ist_task *task, const ist_needs *needs)
{
    ist_schedule *s = c->schedule;
    ist_slice_pass wanted = {.layer = task->source,
                             .other = task->labels_target ? SIZE_MAX : task->target,
                             .columns = needs->slices.columns,
                             .seed = needs->slices.seed};
    ist_hash key = key_of(wanted.layer, wanted.other, (uint64_t)wanted.columns, wanted.seed);
    size_t pass = *ist_index_add(&c->slices, key, s->slice_count);
    if (pass == s->slice_count) {
        s->slices = ist_grow(s->slices, pass, pass + 1, sizeof *s->slices);
        s->slices[s->slice_count++] = wanted;
    }
    ist_slice_pass *found = &s->slices[pass];
    found->slices = ist_max(found->slices, needs->slices.count);
    found->estimates += 1 + needs->parts + (double)task->permutations;
    found->permutes |= task->permutations > 0;
    return pass;
}

/* The step of matrices that serves a task. Targets of one kernel share it: theirs are few columns. */
static size_t dense_pass(collector *c, const ist_task *task, const ist_needs *needs)
{
    ist_schedule *s = c->schedule;
    bool two = !task->alone && !task->labels_target && needs->dense.kind != IST_DENSE_SOLUTIONS;
    ist_dense_pass wanted = {.layer = task->source, .other = two ? task->target : SIZE_MAX};
    int64_t outputs = needs->dense.kind == IST_DENSE_SOLUTIONS
                          ? ist_dense_outputs(c->plan, task, &needs->dense)
                          : 1;
    ist_hash key = key_of(wanted.layer, wanted.other, (uint64_t)outputs, 0);
    size_t pass = *ist_index_add(&c->dense, key, s->dense_count);
    if (pass == s->dense_count) {
        s->dense = ist_grow(s->dense, pass, pass + 1, sizeof *s->dense);
        s->dense[s->dense_count++] = wanted;
    }
    ist_add_dense(&s->dense[pass], c->plan, task, &needs->dense);
    return pass;
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
    needs.parts = needs.parts && ist_parts_usable(plan->layers[task->source].n, needs.neighbours);
    if (needs.slices.count > 0) {
        ist_route *own = &s->routes[task->twin];
        if (own->slices != SIZE_MAX)
            return;
        s->tasks++;
        own->slices = slice_pass(c, task, &needs);
        return;
    }
    if (needs.dense.kind != IST_DENSE_NOTHING) {
        ist_route *own = &s->routes[task->twin];
        if (own->dense != SIZE_MAX)
            return;
        s->tasks++;
        own->dense = dense_pass(c, task, &needs);
        return;
    }
    s->asked += (size_t)1 + needs.both + counts_in(&needs, task, 0) + counts_in(&needs, task, 1);
    ist_route *route = &s->routes[task->twin];
    if (route->source != SIZE_MAX)
        return; /* a twin has asked for the same */
    s->tasks++;
    route->source = source_pass(c, task, task->source, &needs);
    if (needs.both)
        route->second = source_pass(c, task, task->target, &needs);
    if (needs_null_lists(task, &needs)) {
        ist_needs lists = {
            .neighbours = null_length(plan, task, &needs), .distances = true, .any_order = true};
        route->null = source_pass(c, task, task->source, &lists);
        route->class_k = needs.neighbours;
    }
    for (int side = 0; side < 2; side++)
        if (counts_in(&needs, task, side))
            add_counts(c, task, &needs, side, route);
    if (permutes_layer(task, &needs))
        add_permuted(c, task, &needs, route);
}

ist_schedule *ist_schedule_new(const ist_plan *plan, const bool *pending)
{
    ist_schedule *schedule = ist_alloc(1, sizeof *schedule);
    schedule->routes = ist_alloc(plan->task_count, sizeof *schedule->routes);
    for (size_t t = 0; t < plan->task_count; t++)
        schedule->routes[t] = (ist_route){.source = SIZE_MAX,
                                          .slices = SIZE_MAX,
                                          .dense = SIZE_MAX,
                                          .second = SIZE_MAX,
                                          .null = SIZE_MAX,
                                          .target = {SIZE_MAX, SIZE_MAX},
                                          .slot = {SIZE_MAX, SIZE_MAX},
                                          .permuted = SIZE_MAX};
    collector c = {.plan = plan, .schedule = schedule};
    for (int round = 0; round < 2; round++)
        for (size_t t = 0; t < plan->task_count; t++)
            if (!pending || pending[t])
                collect(&c, &plan->tasks[t], round);
    ist_index_release(&c.sources);
    ist_index_release(&c.any_order);
    ist_index_release(&c.targets);
    ist_index_release(&c.slots);
    ist_index_release(&c.nulls);
    ist_index_release(&c.null_slots);
    ist_index_release(&c.slices);
    ist_index_release(&c.dense);
    ist_schedule_read_lists(schedule, plan);
    ist_schedule_bring_together(schedule, plan);
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
    for (size_t n = 0; n < old->null_count; n++)
        ist_free(old->nulls[n].slots);
    ist_free(old->nulls);
    ist_free(old->targets);
    ist_free(old->sources);
    ist_free(old->slices);
    ist_free(old->dense);
    ist_free(old->steps);
    ist_free(old->routes);
    ist_free(old);
}

const ist_route *ist_schedule_route(const ist_schedule *schedule, const ist_task *task)
{
    const ist_route *route = &schedule->routes[task->twin];
    bool none = route->source == SIZE_MAX && route->slices == SIZE_MAX && route->dense == SIZE_MAX;
    return none ? NULL : route;
}
