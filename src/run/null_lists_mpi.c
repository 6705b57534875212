/* Nulls from what is known of the layers: of labels, neighbours within a permuted class are those of its members in one long
 * list among all; of two layers, a permuted one's lists are its own with other row numbers. */
#include <math.h>

#include "null.h"

/* The target's lists with its samples permuted: row i has that of the sample taken for it, whose neighbours are
 * where they were taken to. */
static void permute_lists(const ist_work *w, const int64_t *taken, ist_made *m)
{
    const ist_rows *rows = &w->s->loaded.all;
    int64_t k = m->evidence.k;
    int32_t *back = ist_alloc((size_t)rows->n, sizeof *back);
    for (int64_t row = 0; row < rows->n; row++)
        back[taken[row]] = (int32_t)row;
    ist_carry_columns(w->s, rows, taken, IST_CARRY_THERE, sizeof *m->second, k, 0, k, m->second);
    for (int64_t e = 0; e < rows->home.count * k; e++)
        m->second[e] = back[m->second[e]];
    ist_free(back);
}

/* The evidence of all samples with a permuted target; class_of: of labels. */
static ist_made permuted_rows(const ist_work *w, const int64_t *taken, const int32_t *class_of,
                              ist_class_lists *lists)
{
    const ist_rows *rows = &w->s->loaded.all;
    ist_made m = ist_make_rows(w, rows, 0, rows->home.count, rows->n, false,
                               w->classes ? w->classes->size : NULL);
    ist_evidence *e = &m.evidence;
    if (!w->classes) {
        permute_lists(w, taken, &m);
        return m;
    }
    e->class_of = class_of;
    if (w->needs.counts == IST_COUNTS_RANKS)
        ist_label_ranks(e->n, e->count, e->k, e->k, m.row, m.number, class_of, e->class_size,
                        m.ranks);
    if (w->needs.among == IST_AMONG_CLASS) {
        *lists = ist_class_lists_new(w->s, &w->found->null->all, e->k, class_of, e->class_size,
                                     w->needs.counts == IST_COUNTS_REACH);
        e->held = lists->held;
        e->distance = lists->distance;
        e->list_reach = lists->list_reach;
        e->closer[0] = lists->closer;
        e->equal[0] = lists->equal;
    }
    return m;
}

static int32_t *permuted_classes(const ist_work *w, const int64_t *taken)
{
    int64_t n = w->s->loaded.all.n;
    int32_t *class_of = ist_alloc((size_t)n, sizeof *class_of);
    for (int64_t row = 0; row < n && w->classes; row++)
        class_of[row] = w->classes->class_of[taken[row]];
    return class_of;
}

ist_code ist_null_of_lists(const ist_work *w, double *null, ist_error *error)
{
    ist_permutations p;
    if (ist_permutations_new(w->s, w->s->loaded.all.n, w->task->within, &p, error) == IST_OK)
        for (int64_t r = 0; r < w->task->permutations && error->code == IST_OK; r++) {
            ist_class_lists lists = {0};
            ist_permute(&p, w->needs.ties.seed, r);
            int32_t *class_of = permuted_classes(w, p.taken);
            ist_made m = permuted_rows(w, p.taken, class_of, &lists);
            null[r] = ist_value_of(w, &m);
            ist_made_release(&m);
            ist_class_lists_release(&lists);
            ist_free(class_of);
            ist_stop_soon(w->s, error);
        }
    ist_permutations_release(&p);
    return error->code;
}
