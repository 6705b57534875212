/* What a schedule costs: memory a rank, bytes read, pairs, operations, time (docs/plan.md). */
#include "cost.h"

/* Reading, exchange and bookkeeping that even the smallest step has. */
static const double STEP_SECONDS = 0.01;

/* ---- memory ---------------------------------------------------------------------------------- */

static int64_t home_rows(int64_t n, const ist_machine *machine)
{
    return ist_ceil_div(n, ist_max(machine->ranks, 1));
}

static int64_t list_bytes(int64_t n, const ist_source_pass *pass, const ist_machine *machine)
{
    int64_t entry = 4 + (pass->list_counts ? 4 : 0) + (pass->reads != SIZE_MAX ? 8 : 0);
    int64_t held = pass->in_class || pass->distinct_k > 0 ? 4 : 0;
    return (entry * pass->k + 12 * pass->distinct_k + 8 * pass->distance_k + held) *
           home_rows(ist_asking_rows(n, pass->anchors), machine) * (pass->parts ? 2 : 1);
}

static ist_pass_shape shape_of(const ist_layer *layer, bool parts)
{
    return (ist_pass_shape){.n = layer->n,
                            .d = ist_layer_columns(layer),
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

int64_t ist_carried_bytes(const ist_plan *plan, const ist_schedule *s)
{
    const ist_machine one = {.ranks = 1};
    int64_t bytes = 0;
    for (size_t i = 0; i < s->step_count; i++) {
        const ist_step *step = &s->steps[i];
        if (step->kind != IST_STEP_PASS || step->counts)
            continue;
        for (size_t m = step->index; m != SIZE_MAX; m = s->sources[m].together) {
            const ist_source_pass *pass = &s->sources[m];
            if (s->steps[pass->last_step].stage > step->stage)
                bytes += list_bytes(plan->layers[pass->layer].n, pass, &one);
        }
    }
    return bytes;
}

/* Lists of other portions that lie in memory while these steps are taken. In the middle stage a group may have them all,
 * and between two stages ranks have what they give and what they get. */
static int64_t carried_here(const ist_schedule *s, const ist_steps *steps,
                            const ist_machine *machine)
{
    int stage = steps->count > 0 ? s->steps[steps->step[0]].stage : 0;
    int64_t share = ist_ceil_div(s->carried, ist_max(machine->ranks, 1));
    return stage == 0 ? 0 : stage == 1 ? 2 * share : share;
}

/* Bytes of the neighbour lists and of the counts that lie in memory at each of the steps, less those a pass 1 makes in
 * it. */
static int64_t *kept_lists(const ist_plan *plan, const ist_schedule *s, const ist_steps *steps,
                           const ist_machine *machine)
{
    int64_t *kept = ist_alloc(steps->count + 2, sizeof *kept);
    for (size_t i = 0; i < steps->count; i++) {
        const ist_step *step = &s->steps[steps->step[i]];
        if (step->kind != IST_STEP_PASS)
            continue; /* their tasks are done at once */
        if (step->counts) {
            const ist_target_pass *counted = &s->targets[step->index];
            int64_t bytes = told_bytes(plan->layers[counted->layer].n, counted, machine);
            kept[i] += bytes;
            kept[place_of(steps, counted->last_step) + 1] -= bytes;
            continue;
        }
        for (size_t m = step->index; m != SIZE_MAX; m = s->sources[m].together) {
            const ist_source_pass *pass = &s->sources[m];
            int64_t bytes = list_bytes(plan->layers[pass->layer].n, pass, machine);
            kept[i + 1] += bytes;
            kept[place_of(steps, pass->last_step) + 1] -= bytes;
        }
    }
    kept[0] += carried_here(s, steps, machine);
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

ist_pass_shape ist_source_shape(const ist_plan *plan, const ist_source_pass *pass)
{
    ist_pass_shape shape = shape_of(&plan->layers[pass->layer], pass->parts);
    shape.anchors = pass->anchors.count;
    shape.k = pass->k;
    shape.distance_k = pass->distance_k;
    shape.list_counts = pass->list_counts;
    shape.reads = pass->reads != SIZE_MAX;
    if (pass->in_class)
        shape.some_segments = plan->labels[pass->labels].classes * (pass->parts ? IST_PARTS : 1);
    else if (pass->distinct_k > 0)
        shape.some_segments = pass->parts ? IST_PARTS : 1;
    if (pass->other != SIZE_MAX) {
        shape.other_d = ist_layer_columns(&plan->layers[pass->other]);
        shape.other_wide = ist_layer_is_wide(&plan->layers[pass->other]);
    }
    return shape;
}

ist_pass_shape ist_target_shape(const ist_plan *plan, const ist_target_pass *pass)
{
    ist_pass_shape shape = shape_of(&plan->layers[pass->layer], pass->parts);
    shape.anchors = pass->anchors.count;
    shape.thresholds = threshold_count(pass);
    for (size_t i = 0; i < pass->slot_count; i++)
        shape.k = ist_max(shape.k, pass->slots[i].k);
    shape.some_segments = pass->labels == SIZE_MAX ? 0 : pass->parts ? IST_PARTS : 1;
    return shape;
}

int64_t ist_most_that_fit(ist_pass_shape *shape, int64_t *number, int64_t most, int64_t kept,
                          const ist_machine *machine)
{
    int64_t low = 1, high = ist_max(most, 1);
    while (low < high && machine->memory_limit > 0) {
        int64_t middle = low + (high - low + 1) / 2;
        *number = middle;
        if (machine->pass_memory(shape, machine) + kept <= machine->memory_limit) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    *number = high;
    return high;
}

/* Fills in the most thresholds a row that fit beside `kept` bytes. */
static void choose_batch(ist_pass_shape *shape, int64_t kept, const ist_machine *machine)
{
    ist_most_that_fit(shape, &shape->batch, shape->thresholds, kept, machine);
}

int64_t ist_kept_at(const ist_plan *plan, const ist_schedule *schedule, const ist_steps *steps,
                    bool counts, size_t index, const ist_machine *machine)
{
    if (machine->memory_limit <= 0)
        return 0; /* nobody asks */
    int64_t *kept = kept_lists(plan, schedule, steps, machine);
    size_t at = 0;
    if (!counts)
        index = schedule->sources[index].head;
    while (schedule->steps[steps->step[at]].kind != IST_STEP_PASS ||
           schedule->steps[steps->step[at]].counts != counts ||
           schedule->steps[steps->step[at]].index != index)
        at++;
    int64_t bytes = kept[at];
    ist_free(kept);
    return bytes;
}

int64_t ist_schedule_batch(const ist_plan *plan, const ist_schedule *schedule,
                           const ist_steps *steps, size_t target, const ist_machine *machine)
{
    ist_pass_shape shape = ist_target_shape(plan, &schedule->targets[target]);
    choose_batch(&shape, ist_kept_at(plan, schedule, steps, true, target, machine), machine);
    return shape.batch;
}

/* ---- steps ------------------------------------------------------------------------------------- */

static void raise_memory(ist_cost *cost, const ist_pass_shape *shape, int64_t kept, size_t layer,
                         const ist_machine *machine)
{
    int64_t bytes = machine->pass_memory(shape, machine) + kept;
    if (bytes <= cost->memory)
        return;
    cost->memory = bytes;
    cost->worst_layer = layer;
}

/* The permutations of a step's pass. */
static void add_nulls(ist_cost *cost, const ist_plan *plan, const ist_schedule *schedule,
                      const ist_step *step, int64_t kept, const ist_machine *machine)
{
    if (step->kind != IST_STEP_PASS)
        return;
    size_t pass = step->index;
    while (pass != SIZE_MAX) {
        size_t null =
            step->counts ? schedule->targets[pass].first_null : schedule->sources[pass].first_null;
        for (; null != SIZE_MAX; null = schedule->nulls[null].next)
            ist_add_null(cost, plan, schedule, null, kept, machine);
        pass = step->counts ? SIZE_MAX : schedule->sources[pass].together;
    }
}

/* Joint passes that go together, as many at once as fit: each visits its own layer, all of these the second one. */
static void add_together(ist_cost *cost, const ist_plan *plan, const ist_schedule *schedule,
                         const ist_step *step, int64_t kept, const ist_machine *machine)
{
    const ist_source_pass *head = &schedule->sources[step->index];
    ist_pass_shape shape = ist_together_shape(plan, schedule, step->index);
    shape.permutes = step->permutes;
    shape.class_k = step->class_k;
    ist_choose_together(&shape, kept, machine);
    raise_memory(cost, &shape, kept, head->layer, machine);
    cost->most_together = ist_max(cost->most_together, shape.at_once);
    bool parts = false;
    for (size_t m = step->index; m != SIZE_MAX; m = schedule->sources[m].together) {
        const ist_source_pass *pass = &schedule->sources[m];
        const ist_layer *layer = &plan->layers[pass->layer];
        double n = (double)layer->n;
        parts |= pass->parts;
        ist_add_searches(cost, layer, ist_pairs_of(layer, pass->parts), machine);
        cost->seconds += ist_candidate_seconds(n, n, pass->k) * (pass->parts ? 2 : 1);
    }
    const ist_layer *other = &plan->layers[head->other];
    double batches = (double)ist_ceil_div(shape.together, shape.at_once);
    ist_add_searches(cost, other, batches * ist_pairs_of(other, parts), machine);
}

static void add_source(ist_cost *cost, const ist_plan *plan, const ist_source_pass *pass,
                       const ist_step *step, int64_t kept, const ist_machine *machine)
{
    const ist_layer *layer = &plan->layers[pass->layer];
    ist_pass_shape shape = ist_source_shape(plan, pass);
    shape.permutes = step->permutes;
    shape.class_k = step->class_k;
    raise_memory(cost, &shape, kept, pass->layer, machine);
    if (pass->anchors.count > 0) {
        ist_add_anchors(cost, layer, pass->anchors.count, pass->k, 0, 1);
        return;
    }
    double share = pass->in_class ? plan->labels[pass->labels].pair_share : 1;
    const ist_layer *other = pass->other != SIZE_MAX ? &plan->layers[pass->other] : NULL;
    ist_cost tiles = {0};
    double pairs = ist_pairs_of(layer, pass->parts);
    if (pass->in_class)
        ist_add_visits(&tiles, layer, share * pairs);
    else
        ist_add_searches(&tiles, layer, pairs, machine);
    if (other)
        ist_add_searches(&tiles, other, pairs, machine);
    double n = (double)layer->n;
    tiles.seconds += ist_candidate_seconds(n, n, pass->k) * (pass->parts ? 2 : 1);
    double tree = ist_tree_seconds(layer, pass->k, 0, pass->parts, machine);
    double both = other ? ist_tree_seconds(other, pass->k, 0, pass->parts, machine) : tree;
    ist_add_faster(cost, &tiles, both > tree ? both : tree, machine);
}

static void add_target(ist_cost *cost, const ist_plan *plan, const ist_target_pass *pass,
                       const ist_step *step, int64_t kept, const ist_machine *machine)
{
    const ist_layer *layer = &plan->layers[pass->layer];
    ist_pass_shape shape = ist_target_shape(plan, pass);
    shape.permutes = step->permutes;
    shape.class_k = step->class_k;
    choose_batch(&shape, kept, machine);
    raise_memory(cost, &shape, kept, pass->layer, machine);
    int64_t batches = ist_ceil_div(shape.thresholds, shape.batch);
    cost->most_batches = ist_max(cost->most_batches, batches);
    if (pass->anchors.count > 0) {
        ist_add_anchors(cost, layer, pass->anchors.count, 0, shape.thresholds, batches);
        return;
    }
    ist_cost tiles = {0};
    ist_add_counting(&tiles, layer, shape.thresholds, batches, pass->parts);
    ist_add_faster(cost, &tiles, ist_tree_seconds(layer, 0, shape.thresholds, pass->parts, machine),
                   machine);
}

/* Projection in float64 at half of the float32 rate; what every sample of a slice takes. */
static void add_slices(ist_cost *cost, const ist_plan *plan, const ist_slice_pass *pass,
                       int64_t kept, const ist_machine *machine)
{
    bool layers = pass->other != SIZE_MAX;
    const ist_layer *layer = &plan->layers[pass->layer];
    ist_pass_shape shape = shape_of(layer, false);
    shape.parts = false;
    shape.slices = pass->slices;
    shape.columns = pass->columns;
    shape.permutes = pass->permutes;
    shape.estimates = pass->estimates;
    double features = (double)layer->shape.d;
    if (layers) {
        shape.other_d = ist_layer_columns(&plan->layers[pass->other]);
        shape.other_wide = ist_layer_is_wide(&plan->layers[pass->other]);
        features += (double)shape.other_d;
    }
    raise_memory(cost, &shape, kept, pass->layer, machine);
    cost->slice_memory = ist_max(cost->slice_memory, machine->pass_memory(&shape, machine) + kept);
    cost->slices += pass->slices;
    double samples = (double)layer->n * (double)pass->slices;
    double each = ist_slice_sample_seconds((double)layer->n, pass->columns, layers);
    cost->slice_seconds += each * samples * pass->estimates;
    if (machine->flops > 0)
        cost->slice_seconds += 2 * 2 * samples * features * pass->columns / machine->flops;
}

ist_pass_shape ist_dense_shape(const ist_plan *plan, const ist_dense_pass *pass)
{
    ist_pass_shape shape = shape_of(&plan->layers[pass->layer], false);
    shape.parts = false;
    shape.dense = pass;
    if (pass->other != SIZE_MAX) {
        shape.other_d = plan->layers[pass->other].shape.d;
        shape.other_wide = ist_layer_is_wide(&plan->layers[pass->other]);
    }
    return shape;
}

/* Float64 at half of the float32 rate; half of an eigenvalue decomposition waits for memory. */
static void add_dense(ist_cost *cost, const ist_plan *plan, const ist_dense_pass *pass,
                      int64_t kept, const ist_machine *machine)
{
    const double SHARE_OF_RATE = 0.25;
    ist_pass_shape shape = ist_dense_shape(plan, pass);
    raise_memory(cost, &shape, kept, pass->layer, machine);
    cost->dense_memory = ist_max(cost->dense_memory, machine->pass_memory(&shape, machine) + kept);
    if (pass->order > cost->dense_order && machine->layout) {
        cost->matrix_memory = machine->layout(pass->order, machine->ranks, pass->outputs).bytes;
        cost->dense_outputs = pass->outputs;
    }
    cost->dense_order = ist_max(cost->dense_order, pass->order);
    cost->dense_matrices = ist_max(cost->dense_matrices, pass->matrices);
    if (machine->flops > 0)
        cost->dense_seconds += pass->operations / (SHARE_OF_RATE * machine->flops);
}

/* ---- all of it ---------------------------------------------------------------------------------- */

/* What a layer costs beside the passes: its reading, if it is not in memory (the dimension is found then, the first
 * time). */
static void add_loading(ist_cost *cost, const ist_layer *layer, bool *has_dimension)
{
    cost->bytes_read += layer->n * layer->shape.row_values * layer->shape.value_bytes;
    if (!layer->dimension || *has_dimension)
        return;
    *has_dimension = true;
    cost->dimensions++;
    double n = (double)layer->n, among = (double)ist_dimension_rows(layer->n);
    ist_add_visits(cost, layer, n * (among - 1) / 2);
    cost->seconds += ist_candidate_seconds(n, among, 2);
}

/* The second of the passes that go together in a step; SIZE_MAX: its pass is alone. */
static size_t together_with(const ist_schedule *schedule, const ist_step *step)
{
    return step->kind == IST_STEP_PASS && !step->counts ? schedule->sources[step->index].together
                                                        : SIZE_MAX;
}

ist_cost ist_steps_cost(const ist_plan *plan, const ist_schedule *schedule, const ist_steps *steps,
                        const ist_machine *machine)
{
    ist_cost cost = {.most_batches = 1};
    int64_t *kept = kept_lists(plan, schedule, steps, machine);
    bool *has_dimension = ist_alloc(plan->layer_count, sizeof *has_dimension);
    size_t held = SIZE_MAX;
    for (size_t i = 0; i < steps->count; i++) {
        const ist_step *step = &schedule->steps[steps->step[i]];
        size_t layer = ist_step_layer(schedule, step);
        size_t other = ist_step_other(schedule, step);
        if (layer != held)
            add_loading(&cost, &plan->layers[layer], &has_dimension[layer]);
        size_t next = together_with(schedule, step);
        for (; next != SIZE_MAX; next = schedule->sources[next].together) {
            layer = schedule->sources[next].layer;
            add_loading(&cost, &plan->layers[layer], &has_dimension[layer]);
        }
        if (other != SIZE_MAX)
            add_loading(&cost, &plan->layers[other], &has_dimension[other]);
        held = layer;
        if (step->kind == IST_STEP_SLICES)
            add_slices(&cost, plan, &schedule->slices[step->index], kept[i], machine);
        else if (step->kind == IST_STEP_DENSE)
            add_dense(&cost, plan, &schedule->dense[step->index], kept[i], machine);
        else if (together_with(schedule, step) != SIZE_MAX)
            add_together(&cost, plan, schedule, step, kept[i], machine);
        else if (step->counts)
            add_target(&cost, plan, &schedule->targets[step->index], step, kept[i], machine);
        else
            add_source(&cost, plan, &schedule->sources[step->index], step, kept[i], machine);
        add_nulls(&cost, plan, schedule, step, kept[i], machine);
    }
    ist_free(kept);
    ist_free(has_dimension);
    cost.slice_seconds /= (double)ist_max(machine->ranks, 1);
    cost.dense_seconds /= (double)ist_max(machine->ranks, 1);
    cost.seconds = cost.slice_seconds + cost.dense_seconds + ist_seconds_of(&cost, machine) +
                   STEP_SECONDS * (double)steps->count;
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
