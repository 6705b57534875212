/* What a schedule keeps on disk while it is walked. */
#include "schedule.h"

/* What is kept of a pass: lists, with the neighbour that is looked for beyond k; two counts a threshold. */
static int64_t kept_bytes(const ist_plan *plan, const ist_schedule *schedule, const ist_step *step)
{
    const int64_t entry = sizeof(double) + sizeof(int32_t), counts = 2 * sizeof(int32_t);
    int64_t n = plan->layers[ist_step_layer(schedule, step)].n;
    ist_anchor_choice anchors = step->counts ? schedule->targets[step->index].anchors
                                             : schedule->sources[step->index].anchors;
    n = ist_asking_rows(n, anchors);
    if (step->counts) {
        const ist_target_pass *pass = &schedule->targets[step->index];
        int64_t thresholds = 0;
        for (size_t i = 0; i < pass->slot_count; i++)
            thresholds += ist_slot_width(&pass->slots[i]);
        return n * thresholds * counts * (pass->parts ? 2 : 1);
    }
    int64_t bytes = 0;
    for (size_t i = step->index; i != SIZE_MAX; i = schedule->sources[i].together) {
        const ist_source_pass *pass = &schedule->sources[i];
        int64_t sets = (pass->distinct_k > 0 ? 2 : 1) * (pass->parts ? 2 : 1);
        bytes += n * ((pass->k + 1) * entry + (int64_t)sizeof(int32_t)) * sets;
    }
    return bytes;
}

/* Of permutations of a pass: those that are counted at once, each with its list where it has one, and two counts a threshold.
 * When their values are on disk the passes go. */
static int64_t null_bytes_from(const ist_schedule *schedule, size_t first, int64_t n)
{
    const int64_t entry = sizeof(double) + sizeof(int32_t), counts = 2 * sizeof(int32_t);
    int64_t most = 0;
    for (size_t i = first; i != SIZE_MAX; i = schedule->nulls[i].next) {
        const ist_null_passes *null = &schedule->nulls[i];
        int64_t k = 0, thresholds = 0;
        for (size_t s = 0; s < null->slot_count; s++) {
            k = ist_max(k, null->slots[s].k);
            thresholds += ist_slot_width(&null->slots[s]);
        }
        int64_t list = null->counts ? 0 : (k + 1) * entry + (int64_t)sizeof(int32_t);
        int64_t counted = thresholds * counts * (null->counts ? 1 : 2);
        most = ist_max(most, n * ist_null_most_at_once(null) * (list + counted));
    }
    return most;
}

static int64_t null_bytes(const ist_plan *plan, const ist_schedule *schedule, const ist_step *step)
{
    int64_t n = plan->layers[ist_step_layer(schedule, step)].n, most = 0;
    if (step->counts)
        return null_bytes_from(schedule, schedule->targets[step->index].first_null, n);
    for (size_t i = step->index; i != SIZE_MAX; i = schedule->sources[i].together)
        most = ist_max(most, null_bytes_from(schedule, schedule->sources[i].first_null, n));
    return most;
}

int64_t ist_schedule_disk(const ist_plan *plan, const ist_schedule *schedule)
{
    enum { GENERATIONS = 3 }; /* two, and the one that is being written */
    int64_t *gone = ist_alloc(schedule->step_count + 1, sizeof *gone), kept = 0, most = 0;
    for (size_t i = 0; i < schedule->step_count; i++) {
        const ist_step *step = &schedule->steps[i];
        if (step->kind != IST_STEP_PASS)
            continue;
        int64_t bytes = kept_bytes(plan, schedule, step);
        size_t last = step->counts ? schedule->targets[step->index].last_step
                                   : ist_together_last_step(schedule, step->index);
        most = ist_max(most, kept + GENERATIONS * bytes);
        most = ist_max(most, kept + bytes + null_bytes(plan, schedule, step));
        kept += bytes;
        gone[last] += bytes;
        kept -= gone[i];
    }
    ist_free(gone);
    return most;
}
