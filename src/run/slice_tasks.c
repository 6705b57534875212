/* The tasks of a step of slices: what each of them needs beside the columns. */
#include <math.h>

#include "slicing.h"

const ist_task *ist_slice_task_of(const ist_slicing *w, const ist_slice_task *t)
{
    return &w->s->known.plan->tasks[t->task];
}

static uint64_t *words_of(const ist_tie_rule *ties, int64_t n, const int64_t *order)
{
    uint64_t *word = ist_alloc_unset((size_t)n, sizeof *word);
    for (int64_t i = 0; i < n; i++)
        word[i] = ist_tie_word(ties, order ? order[i] : i);
    return word;
}

/* The order of the parts must be there. */
static void prepare_layers(ist_slicing *w, ist_slice_task *t)
{
    t->word = words_of(&t->needs.ties, w->n, NULL);
    if (t->parts)
        t->part_word = words_of(&t->needs.ties, w->n, w->s->part_order.order);
}

static ist_code prepare_labels(ist_slicing *w, ist_slice_task *t, ist_error *error)
{
    ist_session *s = w->s;
    if (ist_read_classes(s, ist_slice_task_of(w, t)->target, &t->classes, error) != IST_OK)
        return error->code;
    t->permuted = ist_alloc_unset((size_t)w->n, sizeof *t->permuted);
    if (!t->parts)
        return IST_OK;
    t->classes.part_size = ist_count_classes(t->classes.class_of, t->classes.class_count,
                                             s->part_order.order, s->part_order.start, IST_PARTS);
    t->part_class = ist_alloc_unset((size_t)w->n, sizeof *t->part_class);
    for (int64_t at = 0; at < w->n; at++)
        t->part_class[at] = t->classes.class_of[s->part_order.order[at]];
    return IST_OK;
}

void ist_slice_task_prepare(ist_slicing *w, ist_slice_task *t, size_t task)
{
    ist_session *s = w->s;
    const ist_plan *plan = s->known.plan;
    const ist_task *of = &plan->tasks[task];
    t->task = task;
    t->classes.label = SIZE_MAX;
    t->measure = ist_measures[plan->job->entries[of->entry].measure];
    ist_task_params(plan, of, t->params);
    t->needs =
        t->measure->planner.needs(t->params, of->labels_target ? &plan->labels[of->target] : NULL);
    t->parts = t->needs.parts && ist_parts_usable(w->n, t->needs.neighbours);
    if (t->parts)
        ist_part_order_for(s, w->n);
    ist_error reading = {0};
    if (of->labels_target)
        prepare_labels(w, t, &reading);
    else
        prepare_layers(w, t);
    if (of->permutations > 0 && reading.code == IST_OK)
        ist_permutations_new(s, w->n, of->within, &t->permutations, &reading);
    if (reading.code != IST_OK)
        t->failure = ist_copy_text(reading.text);
    size_t slices = (size_t)t->needs.slices.count;
    if (s->comm->rank == 0) {
        t->value = ist_alloc(slices, sizeof *t->value);
        t->part = t->parts ? ist_alloc(IST_PARTS * slices, sizeof *t->part) : NULL;
        t->null = ist_alloc((size_t)of->permutations, sizeof *t->null);
    }
    w->any_parts |= t->parts;
    w->any_null |= of->permutations > 0;
    w->any_factors |= t->needs.slices.factors;
}

void ist_slice_task_release(ist_slice_task *t)
{
    ist_classes_release(&t->classes);
    ist_permutations_release(&t->permutations);
    ist_free(t->failure);
    ist_free(t->part_class);
    ist_free(t->permuted);
    ist_free(t->word);
    ist_free(t->part_word);
    ist_free(t->null);
    ist_free(t->value);
    ist_free(t->part);
}

int64_t ist_slices_wanted(const ist_slicing *w, const ist_slice_task *t, int r)
{
    int64_t own = ist_share(w->batch.count, w->s->comm->size, r);
    int64_t next = ist_share(w->batch.count, w->s->comm->size, r + 1);
    int64_t left = t->needs.slices.count - w->batch.first;
    return ist_max(0, ist_min(next, left) - own);
}
