/* What a schedule costs: memory a rank, bytes read, pairs, operations, time (docs/plan.md). */
#include <math.h>

#include "schedule.h"

/* Reading, exchange and bookkeeping that even the smallest step has. */
static const double STEP_SECONDS = 0.01;

/* What the engine does beside the operations, on one core of the 2-core test machine, for both rows of
 * a pair: to look at a distance; to handle one that may be among the k nearest; to hold it against one of
 * FEW thresholds, or to place it among more, a little longer for each. */
static const double PAIR_SECONDS = 1.8e-10, CANDIDATE_SECONDS = 2e-8;
static const double FEW_SECONDS = 2.5e-10, MANY_SECONDS = 2e-9, MORE_SECONDS = 1e-11;
enum { FEW = 8 };

/* By a k-d tree: a row, each of its neighbours, each threshold; of the rows of a layer of d features that lie at a
 * threshold's distance, as many as about n to the power of 1 - 1/d. */
static const double TREE_SECONDS = 5e-7, TREE_NEIGHBOUR_SECONDS = 8e-8, TREE_EDGE_SECONDS = 2e-8;

/* ---- memory ---------------------------------------------------------------------------------- */

static int64_t home_rows(int64_t n, const ist_machine *machine)
{
    return ist_ceil_div(n, ist_max(machine->ranks, 1));
}

static int64_t list_bytes(int64_t n, const ist_source_pass *pass, const ist_machine *machine)
{
    int64_t entry = 4 + (pass->list_counts ? 4 : 0);
    int64_t held = pass->in_class || pass->distinct_k > 0 ? 4 : 0;
    return (entry * pass->k + 12 * pass->distinct_k + 8 * pass->distance_k + held) *
           home_rows(n, machine) * (pass->parts ? 2 : 1);
}

static ist_pass_shape shape_of(const ist_layer *layer, bool parts)
{
    return (ist_pass_shape){.n = layer->n,
                            .d = layer->shape.d,
                            .wide = ist_layer_is_wide(layer),
                            .parts = parts || layer->dimension};
}

/* Of slots of one threshold: how many are nearer, and how many as near. */
static int64_t told_bytes(int64_t n, const ist_target_pass *pass, const ist_machine *machine)
{
    int64_t told = 0;
    for (size_t i = 0; i < pass->slot_count; i++)
        told += pass->slots[i].kind != IST_COUNTS_RANKS;
    return 16 * told * home_rows(n, machine) * (pass->parts ? 2 : 1);
}

/* Where a step stands in the list; its end if it is not there (a pass of another portion). */
static size_t place_of(const ist_steps *steps, size_t step)
{
    size_t low = 0, high = steps->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (steps->step[middle] < step)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Bytes of the neighbour lists and of the counts that lie in memory at each of the steps, less those a pass 1 makes in
 * it. */
static int64_t *kept_lists(const ist_plan *plan, const ist_schedule *s, const ist_steps *steps,
                           const ist_machine *machine)
{
    int64_t *kept = ist_alloc(steps->count + 1, sizeof *kept);
    for (size_t i = 0; i < steps->count; i++) {
        const ist_step *step = &s->steps[steps->step[i]];
        if (step->sliced)
            continue; /* their tasks are done at once */
        if (step->counts) {
            const ist_target_pass *counted = &s->targets[step->index];
            int64_t bytes = told_bytes(plan->layers[counted->layer].n, counted, machine);
            kept[i] += bytes;
            kept[place_of(steps, counted->last_step) + 1] -= bytes;
            continue;
        }
        const ist_source_pass *pass = &s->sources[step->index];
        int64_t bytes = list_bytes(plan->layers[pass->layer].n, pass, machine);
        kept[i + 1] += bytes;
        kept[place_of(steps, pass->last_step) + 1] -= bytes;
    }
    for (size_t i = 0; i < steps->count; i++)
        kept[i + 1] += kept[i];
    return kept;
}

static int64_t threshold_count(const ist_target_pass *pass)
{
    int64_t count = 0;
    for (size_t i = 0; i < pass->slot_count; i++)
        count += ist_slot_width(&pass->slots[i]);
    return count;
}

static ist_pass_shape target_shape(const ist_plan *plan, const ist_target_pass *pass)
{
    ist_pass_shape shape = shape_of(&plan->layers[pass->layer], pass->parts);
    shape.thresholds = threshold_count(pass);
    for (size_t i = 0; i < pass->slot_count; i++)
        shape.k = ist_max(shape.k, pass->slots[i].k);
    shape.some_segments = pass->labels == SIZE_MAX ? 0 : pass->parts ? IST_PARTS : 1;
    return shape;
}

/* The most thresholds a row that fit beside `kept` bytes; memory grows with their number. */
static int64_t batch_beside(const ist_plan *plan, const ist_target_pass *pass, int64_t kept,
                            const ist_machine *machine)
{
    ist_pass_shape shape = target_shape(plan, pass);
    int64_t low = 1, high = ist_max(shape.thresholds, 1);
    if (machine->memory_limit <= 0)
        return high;
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;
        shape.batch = middle;
        if (machine->pass_memory(&shape, machine) + kept <= machine->memory_limit) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

int64_t ist_schedule_batch(const ist_plan *plan, const ist_schedule *schedule,
                           const ist_steps *steps, size_t target, const ist_machine *machine)
{
    if (machine->memory_limit <= 0)
        return batch_beside(plan, &schedule->targets[target], 0, machine);
    int64_t *kept = kept_lists(plan, schedule, steps, machine);
    size_t at = 0;
    while (!schedule->steps[steps->step[at]].counts ||
           schedule->steps[steps->step[at]].index != target)
        at++;
    int64_t batch = batch_beside(plan, &schedule->targets[target], kept[at], machine);
    ist_free(kept);
    return batch;
}

/* ---- time ------------------------------------------------------------------------------------ */

/* The ten parts have a tenth of the rows each. */
static double pairs_of(const ist_layer *layer, bool parts)
{
    double n = (double)layer->n, part = n / IST_PARTS;
    return n * (n - 1) / 2 + (parts ? IST_PARTS * part * (part - 1) / 2 : 0);
}

static void add_visits(ist_cost *cost, const ist_layer *layer, double pairs)
{
    cost->pairs += pairs;
    cost->operations += pairs * 2 * (double)layer->shape.d;
    cost->seconds += PAIR_SECONDS * pairs;
}

/* The m-th row that a list of k sees enters it with probability k / m; twice as many do before it is known
 * how near the k are. */
static double candidates(const ist_layer *layer, int64_t k, bool parts)
{
    double n = (double)layer->n, width = (double)k;
    double seen = width * (1 + 2 * (n > width ? log(n / width) : 0));
    return n * seen * (parts ? 2 : 1);
}

/* Of all pairs against `total` thresholds a row, in batches. */
static double counting_seconds(double pairs, int64_t total, int64_t batches)
{
    double all = (double)total;
    if (total <= FEW * batches)
        return FEW_SECONDS * pairs * all;
    return (MANY_SECONDS * (double)batches + MORE_SECONDS * all) * pairs;
}

static bool may_have_tree(const ist_machine *machine, const ist_layer *layer)
{
    return machine->trees && layer->shape.d <= IST_TREE_FEATURES;
}

static double tree_seconds(const ist_layer *layer, int64_t k, int64_t thresholds, bool parts)
{
    double n = (double)layer->n, d = (double)layer->shape.d, log_n = log2(n + 1);
    double edge = d < 2 ? log_n : d < 3 ? sqrt(n) : cbrt(n) * cbrt(n);
    double row = TREE_SECONDS + TREE_NEIGHBOUR_SECONDS * (double)k +
                 TREE_EDGE_SECONDS * edge * (double)thresholds;
    return (parts ? 2 : 1) * n * row;
}

static void raise_memory(ist_cost *cost, int64_t bytes, size_t layer)
{
    if (bytes <= cost->memory)
        return;
    cost->memory = bytes;
    cost->worst_layer = layer;
}

/* A pass by tiles, or by a tree in so many seconds: then the pairs are answered, but not computed. */
static void add_faster(ist_cost *cost, const ist_cost *tiles, bool tree, double tree_takes,
                       const ist_machine *machine)
{
    double rate = machine->flops > 0 ? tiles->operations / machine->flops : 0;
    cost->pairs += tiles->pairs;
    if (tree && tree_takes < tiles->seconds + rate) {
        cost->seconds += tree_takes;
        return;
    }
    cost->operations += tiles->operations;
    cost->seconds += tiles->seconds;
}

static void add_source(ist_cost *cost, const ist_plan *plan, const ist_source_pass *pass,
                       int64_t kept, const ist_machine *machine)
{
    const ist_layer *layer = &plan->layers[pass->layer];
    ist_pass_shape shape = shape_of(layer, pass->parts);
    shape.k = pass->k;
    shape.distance_k = pass->distance_k;
    shape.list_counts = pass->list_counts;
    if (pass->in_class)
        shape.some_segments = plan->labels[pass->labels].classes * (pass->parts ? IST_PARTS : 1);
    else if (pass->distinct_k > 0)
        shape.some_segments = pass->parts ? IST_PARTS : 1;
    if (pass->other != SIZE_MAX) {
        shape.other_d = plan->layers[pass->other].shape.d;
        shape.other_wide = ist_layer_is_wide(&plan->layers[pass->other]);
    }
    raise_memory(cost, machine->pass_memory(&shape, machine) + kept, pass->layer);
    double share = pass->in_class ? plan->labels[pass->labels].pair_share : 1;
    const ist_layer *other = pass->other != SIZE_MAX ? &plan->layers[pass->other] : NULL;
    ist_cost tiles = {0};
    add_visits(&tiles, layer, share * pairs_of(layer, pass->parts));
    if (other)
        add_visits(&tiles, other, pairs_of(layer, pass->parts));
    tiles.seconds += CANDIDATE_SECONDS * candidates(layer, pass->k, pass->parts);
    bool tree = may_have_tree(machine, layer) && (!other || may_have_tree(machine, other));
    add_faster(cost, &tiles, tree, tree_seconds(layer, pass->k, 0, pass->parts), machine);
}

static void add_target(ist_cost *cost, const ist_plan *plan, const ist_target_pass *pass,
                       int64_t kept, const ist_machine *machine)
{
    const ist_layer *layer = &plan->layers[pass->layer];
    ist_pass_shape shape = target_shape(plan, pass);
    shape.batch = batch_beside(plan, pass, kept, machine);
    int64_t total = shape.thresholds, batches = ist_ceil_div(total, shape.batch);
    raise_memory(cost, machine->pass_memory(&shape, machine) + kept, pass->layer);
    cost->most_batches = ist_max(cost->most_batches, batches);
    double pairs = pairs_of(layer, pass->parts);
    double thresholds = (double)total * (double)layer->n * (pass->parts ? 2 : 1);
    ist_cost tiles = {0};
    add_visits(&tiles, layer, pairs * (double)batches);
    tiles.operations += 3 * thresholds * (double)layer->shape.d;
    tiles.seconds += counting_seconds(pairs, total, batches);
    add_faster(cost, &tiles, may_have_tree(machine, layer),
               tree_seconds(layer, 0, total, pass->parts), machine);
}

/* Projection in float64 at half of the float32 rate; of a sample in a slice: sorting and counting, or neighbours in
 * the plane, or in a tree. */
static void add_slices(ist_cost *cost, const ist_plan *plan, const ist_slice_pass *pass,
                       int64_t kept, const ist_machine *machine)
{
    const double LINE = 1.5e-7, PLANE = 1e-6, TREE = 4e-6;
    bool layers = pass->other != SIZE_MAX;
    const ist_layer *layer = &plan->layers[pass->layer];
    ist_pass_shape shape = shape_of(layer, false);
    shape.parts = false;
    shape.slices = pass->slices;
    shape.columns = pass->columns;
    shape.permutes = pass->permutes;
    double features = (double)layer->shape.d;
    if (layers) {
        shape.other_d = plan->layers[pass->other].shape.d;
        shape.other_wide = ist_layer_is_wide(&plan->layers[pass->other]);
        features += (double)shape.other_d;
    }
    int64_t bytes = machine->pass_memory(&shape, machine) + kept;
    raise_memory(cost, bytes, pass->layer);
    cost->slice_memory = ist_max(cost->slice_memory, bytes);
    cost->slices += pass->slices;
    double samples = (double)layer->n * (double)pass->slices;
    double each = pass->columns > 1 ? TREE : layers ? PLANE : LINE;
    cost->slice_seconds += each * samples * pass->estimates;
    if (machine->flops > 0)
        cost->slice_seconds += 2 * 2 * samples * features * pass->columns / machine->flops;
}

static int64_t stored_bytes(const ist_layer *layer)
{
    return layer->n * layer->shape.row_values * layer->shape.value_bytes;
}

ist_cost ist_steps_cost(const ist_plan *plan, const ist_schedule *schedule, const ist_steps *steps,
                        const ist_machine *machine)
{
    ist_cost cost = {.most_batches = 1};
    int64_t *kept = kept_lists(plan, schedule, steps, machine);
    size_t held = SIZE_MAX;
    for (size_t i = 0; i < steps->count; i++) {
        const ist_step *step = &schedule->steps[steps->step[i]];
        size_t layer = ist_step_layer(schedule, step);
        if (layer != held)
            cost.bytes_read += stored_bytes(&plan->layers[layer]);
        held = layer;
        size_t other = step->counts   ? SIZE_MAX
                       : step->sliced ? schedule->slices[step->index].other
                                      : schedule->sources[step->index].other;
        if (other != SIZE_MAX)
            cost.bytes_read += stored_bytes(&plan->layers[other]);
        if (step->sliced)
            add_slices(&cost, plan, &schedule->slices[step->index], kept[i], machine);
        else if (step->counts)
            add_target(&cost, plan, &schedule->targets[step->index], kept[i], machine);
        else
            add_source(&cost, plan, &schedule->sources[step->index], kept[i], machine);
    }
    ist_free(kept);
    double ranks = (double)ist_max(machine->ranks, 1);
    if (machine->flops > 0)
        cost.seconds += cost.operations / machine->flops;
    cost.slice_seconds /= ranks;
    cost.seconds = cost.slice_seconds + cost.seconds / ranks + STEP_SECONDS * (double)steps->count;
    return cost;
}

ist_cost ist_schedule_cost(const ist_plan *plan, const ist_schedule *schedule,
                           const ist_machine *machine)
{
    size_t *step = ist_alloc(schedule->step_count, sizeof *step);
    for (size_t i = 0; i < schedule->step_count; i++)
        step[i] = i;
    ist_steps all = {step, schedule->step_count};
    ist_cost cost = ist_steps_cost(plan, schedule, &all, machine);
    ist_free(step);
    return cost;
}
