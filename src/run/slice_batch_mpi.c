/* A batch of slices: each rank looks at whole slices, rank 0 gets one number a slice (and part, and permutation) in the order of
 * the slices. */
#include "infostrata/place.h"
#include "slicing.h"

/* `each` numbers of every slice that a task wants, of all ranks, on rank 0 in the order of the slices (NULL elsewhere);
 * the caller frees it. */
static double *gather(const ist_slicing *w, const ist_slice_task *t, int each, const double *mine)
{
    const ist_comm *comm = w->s->comm;
    int *count = ist_alloc((size_t)comm->size, sizeof *count);
    int *at = ist_alloc((size_t)comm->size, sizeof *at), all = 0;
    for (int r = 0; r < comm->size; r++) {
        count[r] = ist_narrow(each * ist_slices_wanted(w, t, r));
        at[r] = all;
        all += count[r];
    }
    double *numbers = comm->rank == 0 ? ist_alloc((size_t)all, sizeof *numbers) : NULL;
    MPI_Gatherv(mine, count[comm->rank], MPI_DOUBLE, numbers, count, at, MPI_DOUBLE, 0,
                comm->handle);
    ist_free(count);
    ist_free(at);
    return numbers;
}

/* On rank 0: the numbers of a batch to those of the task. */
static void keep(const ist_slicing *w, ist_slice_task *t, int each, const double *numbers)
{
    int64_t slices = t->needs.slices.count,
            count = ist_min(w->batch.count, slices - w->batch.first);
    for (int64_t i = 0; i < count; i++) {
        t->value[w->batch.first + i] = numbers[i * each];
        for (int p = 0; p + 1 < each; p++)
            t->part[p * slices + w->batch.first + i] = numbers[i * each + 1 + p];
    }
}

bool ist_slices_left(ist_slicing *w)
{
    ist_attend(w->s);
    w->left |= ist_stop_poll(w->s->engine.stop);
    return w->left;
}

void ist_slices_estimate(ist_slicing *w)
{
    enum { MOST_EACH = 1 + IST_PARTS };
    double *numbers = ist_alloc((size_t)w->batch.mine * w->count * MOST_EACH, sizeof *numbers);
    double started = ist_seconds();
    for (int64_t i = 0; i < w->batch.mine && !ist_slices_left(w); i++) {
        double factor[2];
        ist_slice_factors(w, w->any_factors, i, factor);
        ist_fault("slice");
        if (w->any_parts)
            ist_slice_split(w, i);
        for (size_t t = 0; t < w->count; t++) {
            ist_slice_task *task = &w->tasks[t];
            int each = task->parts ? MOST_EACH : 1;
            ist_place_tile();
            if (!task->failure && i < ist_slices_wanted(w, task, w->s->comm->rank))
                ist_slice_estimate(w, task, i, factor,
                                   numbers + (size_t)(w->batch.mine * MOST_EACH) * t +
                                       (size_t)(each * i));
        }
    }
    w->times.estimate += ist_seconds() - started;
    for (size_t t = 0; t < w->count; t++) {
        int each = w->tasks[t].parts ? MOST_EACH : 1;
        if (w->tasks[t].failure || w->tasks[t].needs.slices.count <= w->batch.first)
            continue;
        double *all =
            gather(w, &w->tasks[t], each, numbers + (size_t)(w->batch.mine * MOST_EACH) * t);
        if (all)
            keep(w, &w->tasks[t], each, all);
        ist_free(all);
    }
    ist_free(numbers);
}

/* ---- permutations ---------------------------------------------------------------------------- */

static double permuted_value(ist_slicing *w, ist_slice_task *t, int64_t i)
{
    const int64_t *taken = t->permutations.taken;
    double factor[2];
    ist_slice_factors(w, t->needs.slices.factors, i, factor);
    ist_slice slice = ist_slice_whole(w, t, i, factor);
    if (w->two) {
        for (int c = 0; c < w->pass->columns; c++)
            for (int64_t row = 0; row < w->n; row++)
                w->permuted[c * w->n + row] = slice.y[c * w->n + taken[row]];
        slice.y = w->permuted;
    } else {
        slice.classes.class_of = t->permuted;
    }
    return t->measure->slice(t->params, w->room, &slice).value;
}

static void permute_task(ist_slicing *w, ist_slice_task *t)
{
    int64_t mine = ist_slices_wanted(w, t, w->s->comm->rank);
    double *numbers = ist_alloc((size_t)mine, sizeof *numbers);
    for (int64_t r = 0; r < ist_slice_task_of(w, t)->permutations; r++) {
        ist_permute(&t->permutations, t->needs.slices.seed, r);
        for (int64_t row = 0; row < w->n && !w->two; row++)
            t->permuted[row] = t->classes.class_of[t->permutations.taken[row]];
        for (int64_t i = 0; i < mine && !ist_slices_left(w); i++) {
            numbers[i] = permuted_value(w, t, i);
            ist_place_tile();
        }
        double *all = gather(w, t, 1, numbers);
        int64_t count = ist_min(w->batch.count, t->needs.slices.count - w->batch.first);
        for (int64_t i = 0; i < count && all; i++)
            ist_slice_add(&t->null[r], all[i]);
        ist_free(all);
    }
    ist_free(numbers);
}

void ist_slices_permute(ist_slicing *w)
{
    double started = ist_seconds();
    for (size_t t = 0; t < w->count; t++)
        if (!w->tasks[t].failure && ist_slice_task_of(w, &w->tasks[t])->permutations > 0 &&
            w->tasks[t].needs.slices.count > w->batch.first)
            permute_task(w, &w->tasks[t]);
    w->times.estimate += ist_seconds() - started;
}
