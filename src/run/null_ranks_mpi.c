/* Nulls of ranks: with the target's rows permuted, the rank of neighbour j of row i is that of the row taken for j among
 * the neighbours of the row taken for i. Each permutation is so many thresholds more, in another place. */
#include "null.h"

/* The slots of one permutation side by side, and of several. */
typedef struct {
    ist_session *s;
    const ist_null_passes *of;
    ist_permutations *permutations;
    int64_t *offset; /* by slot, within one permutation; -1: its source failed */
    int64_t width, stride;
} layout;

static const ist_list *list_of(const layout *l, size_t slot)
{
    return &l->s->lists[l->of->slots[slot].pass].all;
}

/* Which rows' places are thresholds of which row's. */
static void fill_targets(const layout *l, int64_t column, int32_t *target)
{
    const ist_rows *rows = &l->s->loaded.all;
    const int64_t *taken = l->permutations->taken;
    for (size_t slot = 0; slot < l->of->slot_count; slot++) {
        const ist_list *list = list_of(l, slot);
        for (int64_t i = 0; i < rows->home.count && l->offset[slot] >= 0; i++) {
            int32_t *to = target + i * l->stride + column + l->offset[slot];
            for (int64_t p = 0; p < l->of->slots[slot].k; p++)
                to[p] = (int32_t)taken[list->neighbour[i * list->k + p]];
        }
    }
    ist_carry_columns(l->s, rows, taken, IST_CARRY_BACK, sizeof *target, l->stride, column,
                      l->width, target);
}

/* The tasks' values for one round, of its columns of ranks. */
static void take_values(const layout *l, int64_t round, int64_t column, int64_t *twice_rank)
{
    ist_session *s = l->s;
    ist_carry_columns(s, &s->loaded.all, l->permutations->taken, IST_CARRY_THERE,
                      sizeof *twice_rank, l->stride, column, l->width, twice_rank);
    for (size_t t = s->first_of_null[l->of - s->schedule->nulls]; t != SIZE_MAX;
         t = s->next_of_null[t]) {
        const ist_task *task = &s->known.plan->tasks[t];
        const ist_route *route = ist_schedule_route(s->schedule, task);
        int64_t offset = l->offset[route->permuted_slot];
        if (round >= task->permutations || offset < 0)
            continue;
        ist_found found = {
            .task = t,
            .lists = &s->lists[route->source],
            .all = {.twice_rank = twice_rank + column + offset, .rank_stride = l->stride}};
        ist_null_value(s, &found, round);
    }
}

/* The rounds [first, first + count); false: broken off. */
static bool take_rounds(layout *l, int64_t first, int64_t count, ist_pass_stats *stats)
{
    ist_session *s = l->s;
    const ist_rows *rows = &s->loaded.all;
    l->stride = count * l->width;
    size_t entries = (size_t)(rows->home.count * l->stride);
    int32_t *target = ist_alloc(entries, sizeof *target);
    int64_t *twice_rank = ist_alloc(entries, sizeof *twice_rank);
    for (int64_t r = 0; r < count; r++) {
        ist_permute(l->permutations, l->of->seed, first + r);
        fill_targets(l, r * l->width, target);
    }
    ist_thresholds thresholds = {.stride = l->stride, .target = target};
    bool complete =
        ist_pass_counts(s->comm, &s->engine, rows, s->schedule->targets[l->of->pass].by_index,
                        &thresholds, ist_min(l->stride, IST_NULL_BATCH), twice_rank, NULL, stats);
    ist_free(target);
    for (int64_t r = 0; r < count && complete; r++) {
        ist_permute(l->permutations, l->of->seed, first + r);
        take_values(l, first + r, r * l->width, twice_rank);
    }
    ist_free(twice_rank);
    return complete;
}

void ist_null_of_ranks(ist_session *s, size_t null, ist_pass_stats *stats)
{
    ist_null_rounds all;
    const ist_null_passes *of = &s->schedule->nulls[null];
    layout l = {.s = s, .of = of, .permutations = &all.permutations};
    l.offset = ist_alloc(of->slot_count, sizeof *l.offset);
    for (size_t slot = 0; slot < of->slot_count; slot++) {
        bool known = list_of(&l, slot)->k > 0;
        l.offset[slot] = known ? l.width : -1;
        l.width += known ? of->slots[slot].k : 0;
    }
    bool complete = ist_null_begin(s, null, &all) && l.width > 0;
    while (complete && ist_null_next(&all)) {
        complete = take_rounds(&l, all.done, all.count, stats);
        ist_null_end(&all, complete);
        ist_null_progress(s, null, all.done);
    }
    ist_null_rounds_release(&all);
    ist_free(l.offset);
}
