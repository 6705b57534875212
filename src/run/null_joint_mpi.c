/* Nulls of joint neighbours: with the second layer's rows permuted, the pairs of rows are others, and so are their nearest:
 * a joint pass a permutation. What is counted in either layer comes for many permutations in one pass 2. */
#include "null.h"

/* Some rounds: their lists, and of each the slots' thresholds side by side, by the rows of the first layer. */
typedef struct {
    ist_session *s;
    const ist_null_passes *of;
    const ist_source_pass *pass;
    ist_permutations *permutations;
    int64_t first, count, width, stride; /* rounds [first, first + count) */
    ist_list *list;
    double *threshold
        [2]; /* in the units of the layers; the second's are with the rows that have been taken */
    int64_t *closer[2], *equal[2];
} rounds;

static const ist_rows *rows_of(const rounds *r, int side)
{
    return side ? &r->s->other.all : &r->s->loaded.all;
}

/* The k nearest, among the joint rows of one round, and the thresholds that come of them; false: broken off. */
static bool find_round(rounds *r, int64_t at, ist_pass_stats *stats)
{
    ist_session *s = r->s;
    ist_source_pass pass = *r->pass;
    const int64_t start[2] = {0, r->permutations->n};
    ist_rows moved;
    pass.k = 0;
    for (size_t slot = 0; slot < r->of->slot_count; slot++)
        pass.k = ist_max(pass.k, r->of->slots[slot].k);
    pass.distance_k = pass.k;
    pass.list_counts = r->of->list_counts;
    ist_permute(r->permutations, r->of->seed, r->first + at);
    ist_rows_by_part(s->comm, rows_of(r, 1), 1, r->permutations->taken, start, &moved);
    const ist_rows *sets[2] = {rows_of(r, 0), &moved};
    const ist_joint_search search = {.pass = &pass, .rows = sets[0], .list = &r->list[at]};
    ist_find_joint(s, &search, 1, sets[1], stats);
    bool complete = !ist_stop_broke_off(s->engine.stop);
    for (int side = 0; side < 2 && complete; side++)
        for (size_t slot = 0; slot < r->of->slot_count; slot++)
            ist_joint_thresholds(s, &pass, side, &r->of->slots[slot], sets[side], &r->list[at],
                                 r->stride, r->threshold[side] + at * r->width + (int64_t)slot,
                                 stats);
    ist_rows_release(&moved);
    ist_carry_columns(s, rows_of(r, 1), r->permutations->taken, IST_CARRY_BACK, sizeof(double),
                      r->stride, at * r->width, r->width, r->threshold[1]);
    return complete;
}

static bool count_rounds(rounds *r, ist_pass_stats *stats)
{
    ist_session *s = r->s;
    bool complete = true;
    for (int side = 0; side < 2 && complete; side++) {
        const ist_rows *rows = rows_of(r, side);
        size_t entries = (size_t)(rows->home.count * r->stride);
        r->closer[side] = ist_alloc(entries, sizeof *r->closer[side]);
        r->equal[side] = ist_alloc(entries, sizeof *r->equal[side]);
        complete = ist_pass_counts_below(s->comm, &s->engine, rows, r->stride, r->threshold[side],
                                         r->closer[side], r->equal[side], stats);
        ist_free(r->threshold[side]);
        r->threshold[side] = NULL;
    }
    return complete;
}

/* The tasks' values for one round. */
static void take_values(rounds *r, int64_t at)
{
    ist_session *s = r->s;
    int64_t round = r->first + at, column = at * r->width;
    int64_t *const counted[2] = {r->closer[1], r->equal[1]};
    ist_permute(r->permutations, r->of->seed, round);
    for (int c = 0; c < 2; c++)
        ist_carry_columns(s, rows_of(r, 1), r->permutations->taken, IST_CARRY_THERE,
                          sizeof(int64_t), r->stride, column, r->width, counted[c]);
    for (size_t t = s->first_of_null[r->of - s->schedule->nulls]; t != SIZE_MAX;
         t = s->next_of_null[t]) {
        const ist_task *task = &s->known.plan->tasks[t];
        const ist_route *route = ist_schedule_route(s->schedule, task);
        int64_t slot = column + (int64_t)route->permuted_slot;
        if (round >= task->permutations)
            continue;
        const ist_lists lists = {.all = r->list[at],
                                 .tie_fraction = s->lists[route->source].tie_fraction};
        ist_found found = {.task = t, .lists = &lists};
        for (int side = 0; side < 2; side++) {
            found.all.closer[side] = r->closer[side] + slot;
            found.all.equal[side] = r->equal[side] + slot;
            found.all.stride[side] = r->stride;
        }
        ist_null_value(s, &found, round);
    }
}

/* False: broken off. */
static bool take_rounds(rounds *r, ist_pass_stats *stats)
{
    r->stride = r->count * r->width;
    r->list = ist_alloc((size_t)r->count, sizeof *r->list);
    for (int side = 0; side < 2; side++)
        r->threshold[side] = ist_alloc((size_t)(rows_of(r, side)->home.count * r->stride),
                                       sizeof *r->threshold[side]);
    bool complete = true;
    for (int64_t at = 0; at < r->count && complete; at++) {
        complete = find_round(r, at, stats);
        ist_null_progress(r->s, (size_t)(r->of - r->s->schedule->nulls), r->first + at + 1);
    }
    complete = complete && count_rounds(r, stats);
    for (int64_t at = 0; at < r->count; at++) {
        if (complete)
            take_values(r, at);
        ist_list_release(&r->list[at]);
    }
    for (int side = 0; side < 2; side++) {
        ist_free(r->threshold[side]);
        ist_free(r->closer[side]);
        ist_free(r->equal[side]);
        r->closer[side] = r->equal[side] = NULL;
    }
    ist_free(r->list);
    return complete;
}

void ist_null_of_joint(ist_session *s, size_t null, ist_pass_stats *stats)
{
    ist_null_rounds all;
    const ist_null_passes *of = &s->schedule->nulls[null];
    rounds r = {.s = s,
                .of = of,
                .pass = &s->schedule->sources[of->pass],
                .permutations = &all.permutations,
                .width = (int64_t)of->slot_count};
    bool complete = ist_null_begin(s, null, &all);
    while (complete && ist_null_next(&all)) {
        r.first = all.done;
        r.count = all.count;
        complete = take_rounds(&r, stats);
        ist_null_end(&all, complete);
    }
    ist_null_rounds_release(&all);
}
