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

/* Neighbours within permuted classes, found in a list among all that is longer. */
static void find_in_classes(const ist_work *w, const int32_t *class_of, ist_class_lists *lists)
{
    ist_session *s = w->s;
    const ist_list *all = &w->found->null->all;
    ist_pass_stats stats = {0};
    ist_class_question q = {.rows = &s->loaded.all,
                            .class_of = class_of,
                            .classes = w->classes->class_count,
                            .class_size = w->classes->size,
                            .leave_out = w->needs.counts == IST_COUNTS_REACH,
                            .k = w->needs.neighbours};
    *lists = ist_class_lists_new(&q);
    ist_find_in_lists(s, &q, all, lists, NULL, &stats);
}

/* Of each row's last neighbour in the class. */
static int64_t *last_of(const ist_class_lists *lists, const int32_t *entry, int64_t count)
{
    int64_t *last = ist_alloc((size_t)count, sizeof *last);
    for (int64_t i = 0; i < count; i++)
        last[i] = lists->held[i] > 0 ? entry[i * lists->k + lists->held[i] - 1] : 0;
    return last;
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
        e->held = lists->held;
        e->distance = lists->distance;
        e->list_reach = lists->reach;
        ist_free(m.closer[0]);
        ist_free(m.equal[0]);
        e->closer[0] = m.closer[0] = last_of(lists, lists->closer, e->count);
        e->equal[0] = m.equal[0] = last_of(lists, lists->equal, e->count);
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
            if (w->needs.among == IST_AMONG_CLASS)
                find_in_classes(w, class_of, &lists);
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
