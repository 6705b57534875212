/* What permuted target layers cost: R joint passes, and thresholds to be counted for each permutation. */
#include "cost.h"

/* Thresholds a row whose permutations are held at once. More would cost less time (one pass serves them all) and more
 * memory, which grows with each: a joint one has a neighbour list beside it. */
enum { RANKS_AT_ONCE = IST_NULL_BATCH, JOINT_AT_ONCE = 64 };

static int64_t thresholds_of(const ist_null_passes *null)
{
    int64_t count = 0;
    for (size_t i = 0; i < null->slot_count; i++)
        count += ist_slot_width(&null->slots[i]);
    return count;
}

int64_t ist_null_most_at_once(const ist_null_passes *null)
{
    int64_t most = (null->counts ? RANKS_AT_ONCE : JOINT_AT_ONCE) / ist_max(thresholds_of(null), 1);
    return ist_max(1, ist_min(most, null->permutations));
}

/* With as many permutations at once as fit. */
static ist_pass_shape null_shape(const ist_plan *plan, const ist_schedule *schedule, size_t at,
                                 int64_t kept, const ist_machine *machine)
{
    const ist_null_passes *null = &schedule->nulls[at];
    ist_pass_shape shape = null->counts ? ist_target_shape(plan, &schedule->targets[null->pass])
                                        : ist_source_shape(plan, &schedule->sources[null->pass]);
    /* Lists of passes that go together are all there; their layers no longer. */
    if (!null->counts)
        shape.together =
            ist_together_shape(plan, schedule, schedule->sources[null->pass].head).together;
    shape.permutes = true;
    shape.batch = 1;
    shape.null_thresholds = thresholds_of(null);
    for (size_t i = 0; i < null->slot_count; i++)
        shape.null_k = ist_max(shape.null_k, null->slots[i].k);
    ist_most_that_fit(&shape, &shape.null_at_once, ist_null_most_at_once(null), kept, machine);
    return shape;
}

int64_t ist_schedule_null_batch(const ist_plan *plan, const ist_schedule *schedule,
                                const ist_steps *steps, size_t null, const ist_machine *machine)
{
    const ist_null_passes *of = &schedule->nulls[null];
    int64_t kept = ist_kept_at(plan, schedule, steps, of->counts, of->pass, machine);
    return null_shape(plan, schedule, null, kept, machine).null_at_once;
}

/* The passes 2 in a layer for `count` permutations. */
static void add_counts(ist_cost *own, const ist_layer *layer, const ist_pass_shape *shape,
                       int64_t count)
{
    int64_t each = ist_ceil_div(shape->null_at_once * shape->null_thresholds, IST_NULL_BATCH);
    int64_t batches = each * ist_ceil_div(count, shape->null_at_once);
    ist_add_counting(own, layer, count * shape->null_thresholds, batches, false);
    own->null_counts += batches;
}

static void add_joint(ist_cost *own, const ist_plan *plan, const ist_source_pass *pass,
                      const ist_pass_shape *shape, int64_t count, const ist_machine *machine)
{
    const size_t layers[2] = {pass->layer, pass->other};
    for (int side = 0; side < 2; side++) {
        const ist_layer *layer = &plan->layers[layers[side]];
        ist_add_searches(own, layer, (double)count * ist_pairs_of(layer, false), machine);
        add_counts(own, layer, shape, count);
    }
    double n = (double)plan->layers[pass->layer].n;
    own->seconds += (double)count * ist_candidate_seconds(n, n, shape->null_k);
    own->null_joint += count;
}

void ist_add_null(ist_cost *cost, const ist_plan *plan, const ist_schedule *schedule, size_t null,
                  int64_t kept, const ist_machine *machine)
{
    const ist_null_passes *of = &schedule->nulls[null];
    ist_pass_shape shape = null_shape(plan, schedule, null, kept, machine);
    size_t layer = ist_null_layer(schedule, of);
    int64_t memory = machine->pass_memory(&shape, machine) + kept;
    ist_cost own = {0};
    if (of->counts)
        add_counts(&own, &plan->layers[layer], &shape, of->permutations);
    else
        add_joint(&own, plan, &schedule->sources[of->pass], &shape, of->permutations, machine);
    cost->pairs += own.pairs;
    cost->operations += own.operations;
    cost->seconds += own.seconds;
    cost->null_joint += own.null_joint;
    cost->null_counts += own.null_counts;
    cost->null_seconds += ist_seconds_of(&own, machine);
    cost->null_memory = ist_max(cost->null_memory, memory);
    if (memory > cost->memory) {
        cost->memory = memory;
        cost->worst_layer = layer;
    }
}
