/* Steps -> portions that have no layer in common, and how many ranks work on each. */
#include <stdlib.h>
#include <string.h>

#include "schedule.h"

/* ---- which steps belong together --------------------------------------------------------------- */

/* The steps of each set (and stage) side by side, in their order; sets in the order of their first steps. Those of the middle stage
 * are `apart`, sets without hubs; others are `whole`. */
static void collect_steps(const ist_schedule *schedule, size_t *whole, size_t *apart, size_t layers,
                          ist_division *division)
{
    enum { STAGES = 3 };
    size_t *portion = ist_alloc(STAGES * layers, sizeof *portion); /* 1 + its number */
    size_t *own = ist_alloc(schedule->step_count, sizeof *own);
    division->portions = ist_alloc(schedule->step_count, sizeof *division->portions);
    division->step = ist_alloc(schedule->step_count, sizeof *division->step);
    for (size_t i = 0; i < schedule->step_count; i++) {
        const ist_step *step = &schedule->steps[i];
        size_t set = ist_set_of(step->stage == 1 ? apart : whole, ist_step_layer(schedule, step));
        size_t *number = &portion[(size_t)step->stage * layers + set];
        if (*number == 0)
            *number = ++division->portion_count;
        own[i] = *number - 1;
        division->portions[own[i]].steps.count++;
        division->portions[own[i]].stage = step->stage;
    }
    const size_t *from = division->step;
    for (size_t p = 0; p < division->portion_count; p++) {
        division->portions[p].steps.step = from;
        from += division->portions[p].steps.count;
        division->portions[p].steps.count = 0;
    }
    for (size_t i = 0; i < schedule->step_count; i++) {
        ist_steps *steps = &division->portions[own[i]].steps;
        division->step[(size_t)(steps->step - division->step) + steps->count++] = i;
    }
    ist_free(portion);
    ist_free(own);
}

/* ---- how many ranks ---------------------------------------------------------------------------- */

static ist_cost cost_in_groups(const ist_plan *plan, const ist_schedule *schedule,
                               const ist_portion *portion, int groups, const ist_machine *machine)
{
    ist_machine group = *machine;
    group.ranks = machine->ranks / groups;
    return ist_steps_cost(plan, schedule, &portion->steps, &group);
}

/* The next smaller power of two. */
static int fewer(int groups)
{
    int power = 1;
    while (2 * power < groups)
        power *= 2;
    return power;
}

/* As many groups as can be, for within a group ranks wait for each other; but none may be at its last portion long after
 * the others are done, and all of it must fit. */
static int groups_for(const ist_plan *plan, const ist_schedule *schedule,
                      const ist_portion *portion, double all_seconds, const ist_machine *machine)
{
    const double SHARE = 0.25, SHORT_SECONDS = 0.25;
    double longest = SHARE * all_seconds / machine->ranks;
    if (longest < SHORT_SECONDS)
        longest = SHORT_SECONDS;
    int groups = machine->ranks;
    for (; groups > 1; groups = fewer(groups)) {
        ist_cost cost = cost_in_groups(plan, schedule, portion, groups, machine);
        bool fits = machine->memory_limit == 0 || cost.memory <= machine->memory_limit;
        if (fits && cost.seconds <= longest)
            break;
    }
    return groups;
}

static int64_t layer_bytes(const ist_layer *layer, const ist_machine *machine)
{
    ist_pass_shape least = {.n = layer->n,
                            .d = ist_layer_columns(layer),
                            .wide = ist_layer_is_wide(layer),
                            .parts = true,
                            .k = 1};
    return machine->pass_memory(&least, machine);
}

/* Bytes a rank of all layers of a portion, if that is little: then nothing is read twice. */
static int64_t kept_bytes(const ist_plan *plan, const ist_schedule *schedule,
                          const ist_portion *portion, const ist_machine *machine, bool *seen)
{
    const int64_t LITTLE = 16 << 20;
    ist_machine group = *machine;
    group.ranks = machine->ranks / portion->groups;
    int64_t kept = 0;
    for (size_t i = 0; i < portion->steps.count && kept <= LITTLE; i++) {
        const ist_step *step = &schedule->steps[portion->steps.step[i]];
        size_t other = step->kind == IST_STEP_PASS ? SIZE_MAX : ist_step_other(schedule, step);
        const size_t needed[2] = {ist_step_layer(schedule, step), other};
        for (int l = 0; l < 2; l++) {
            if (needed[l] == SIZE_MAX || seen[needed[l]])
                continue;
            kept += layer_bytes(&plan->layers[needed[l]], &group);
            seen[needed[l]] = true;
        }
    }
    if (kept > LITTLE)
        return 0;
    ist_cost cost = ist_steps_cost(plan, schedule, &portion->steps, &group);
    bool fits = machine->memory_limit == 0 || cost.memory + kept <= machine->memory_limit;
    return fits ? kept : 0;
}

/* Stages follow each other. Large groups come first; small ones take the longest first, so that what is left at the end is short. */
static int by_phase(const void *a, const void *b)
{
    const ist_portion *x = a, *y = b;
    if (x->stage != y->stage)
        return x->stage < y->stage ? -1 : 1;
    if (x->groups != y->groups)
        return x->groups < y->groups ? -1 : 1;
    if (x->groups > 1 && x->seconds != y->seconds)
        return x->seconds > y->seconds ? -1 : 1;
    return x->steps.step < y->steps.step ? -1 : x->steps.step > y->steps.step;
}

static ist_division *divide(const ist_plan *plan, const ist_schedule *schedule, const bool *hub,
                            const ist_machine *machine)
{
    ist_division *division = ist_alloc(1, sizeof *division);
    size_t *whole = ist_sets_of_layers(plan, schedule, NULL);
    size_t *apart = ist_sets_of_layers(plan, schedule, hub);
    collect_steps(schedule, whole, apart, plan->layer_count, division);
    ist_free(whole);
    ist_free(apart);
    bool *seen = ist_alloc(plan->layer_count, sizeof *seen);
    double seconds = 0;
    for (size_t p = 0; p < division->portion_count; p++) {
        ist_portion *portion = &division->portions[p];
        portion->seconds = cost_in_groups(plan, schedule, portion, machine->ranks, machine).seconds;
        seconds += portion->seconds;
    }
    for (size_t p = 0; p < division->portion_count; p++) {
        ist_portion *portion = &division->portions[p];
        bool together = division->portion_count == 1 || (hub && portion->stage != 1);
        portion->groups = together ? 1 : groups_for(plan, schedule, portion, seconds, machine);
        if (p > 0 && portion->stage != portion[-1].stage)
            memset(seen, 0, plan->layer_count * sizeof *seen);
        portion->kept = kept_bytes(plan, schedule, portion, machine, seen);
    }
    ist_free(seen);
    if (division->portion_count > 0)
        qsort(division->portions, division->portion_count, sizeof *division->portions, by_phase);
    return division;
}

/* Estimated seconds of all portions, or of those that are dealt out. */
static double seconds_of(const ist_division *division, bool dealt)
{
    double seconds = 0;
    for (size_t p = 0; p < division->portion_count; p++)
        if (!dealt || division->portions[p].groups > 1)
            seconds += division->portions[p].seconds;
    return seconds;
}

/* Stages must fit, and deal out at least a tenth more of the work. */
static bool stages_pay(const ist_plan *plan, const ist_schedule *schedule,
                       const ist_division *staged, const ist_division *plain,
                       const ist_machine *machine)
{
    const double LEAST = 0.1;
    ist_cost cost = ist_division_cost(plan, schedule, staged, machine);
    bool fits = machine->memory_limit == 0 || cost.memory <= machine->memory_limit;
    double more = seconds_of(staged, true) - seconds_of(plain, true);
    return fits && more >= LEAST * seconds_of(plain, false);
}

ist_division *ist_divide(const ist_plan *plan, ist_schedule *schedule, const ist_machine *machine)
{
    ist_division *plain = divide(plan, schedule, NULL, machine), *staged = NULL;
    bool *hub = ist_find_hubs(plan, schedule, machine->ranks);
    ist_step *before = ist_alloc(schedule->step_count, sizeof *before);
    memcpy(before, schedule->steps, schedule->step_count * sizeof *before);
    if (hub && ist_order_by_stage(plan, schedule, hub)) {
        staged = divide(plan, schedule, hub, machine);
        if (!stages_pay(plan, schedule, staged, plain, machine)) {
            schedule->carried = 0;
            ist_schedule_reorder(schedule, plan, before);
            ist_division_free(&staged);
        }
    }
    ist_free(before);
    ist_free(hub);
    if (staged)
        ist_division_free(&plain);
    return staged ? staged : plain;
}

void ist_division_free(ist_division **division)
{
    ist_division *old = *division;
    *division = NULL;
    if (!old)
        return;
    ist_free(old->portions);
    ist_free(old->step);
    ist_free(old);
}

ist_cost ist_division_cost(const ist_plan *plan, const ist_schedule *schedule,
                           const ist_division *division, const ist_machine *machine)
{
    ist_cost all = {.most_batches = 1};
    for (size_t p = 0; p < division->portion_count; p++) {
        const ist_portion *portion = &division->portions[p];
        ist_cost cost = cost_in_groups(plan, schedule, portion, portion->groups, machine);
        if (cost.memory + portion->kept > all.memory) {
            all.memory = cost.memory + portion->kept;
            all.worst_layer = cost.worst_layer;
        }
        all.bytes_read += cost.bytes_read;
        all.dimensions += cost.dimensions;
        all.pairs += cost.pairs;
        all.operations += cost.operations;
        all.seconds += cost.seconds / portion->groups;
        all.slices += cost.slices;
        all.slice_seconds += cost.slice_seconds / portion->groups;
        all.slice_memory = ist_max(all.slice_memory, cost.slice_memory + portion->kept);
        all.dense_seconds += cost.dense_seconds / portion->groups;
        if (cost.dense_memory > 0)
            all.dense_memory = ist_max(all.dense_memory, cost.dense_memory + portion->kept);
        if (cost.dense_order > all.dense_order) {
            all.matrix_memory = cost.matrix_memory;
            all.dense_outputs = cost.dense_outputs;
        }
        all.dense_order = ist_max(all.dense_order, cost.dense_order);
        all.dense_matrices = ist_max(all.dense_matrices, cost.dense_matrices);
        all.most_batches = ist_max(all.most_batches, cost.most_batches);
        all.most_together = ist_max(all.most_together, cost.most_together);
        all.null_joint += cost.null_joint;
        all.null_counts += cost.null_counts;
        all.null_seconds += cost.null_seconds / portion->groups;
        if (cost.null_memory > 0)
            all.null_memory = ist_max(all.null_memory, cost.null_memory + portion->kept);
    }
    return all;
}
