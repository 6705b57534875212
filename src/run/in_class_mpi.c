/* Neighbours within classes from the lists among all that another pass left, where these say it for most rows: no pass within the
 * classes then, and none to count what is as near. The integers are the same either way. */
#include <string.h>

#include "session.h"

/* Nanoseconds, about: of a pair in the search for rows whose lists are too short; of a pair in a pass within classes, and of a row in
 * the set that is made for it; of a pair in a pass of counts. */
static double search_cost(double d, double class_share)
{
    return 0.7 + 0.02 * d + class_share * 0.1 * d;
}

static double class_pair_cost(double d)
{
    return 0.8 + 0.02 * d;
}

static double class_row_cost(double d)
{
    return 1300 + 18 * d;
}

static double counts_cost(double d)
{
    return 0.5 + 0.006 * d;
}

/* Is it faster to look at all rows of the segments (n rows each) for so many than to run the passes? */
static bool search_pays(const ist_session *s, const ist_source_pass *pass, double count, double n)
{
    const ist_layer *layer = &s->known.plan->layers[pass->layer];
    double rows = (double)layer->n, d = (double)layer->shape.d, all = rows * (n - 1) / 2;
    double class_share = s->known.plan->labels[pass->labels].pair_share;
    double passes = all * class_share * class_pair_cost(d) + rows * class_row_cost(d);
    if (pass->counted_alone)
        passes += all * counts_cost(d);
    return count * n * search_cost(d, class_share) < passes;
}

bool ist_find_in_lists(ist_session *s, const ist_class_question *q, const ist_list *among,
                       ist_class_lists *lists, const ist_source_pass *pass, ist_pass_stats *stats)
{
    const ist_lists_among_all all = {.neighbour_k = among->k,
                                     .distance_k = among->distance_k,
                                     .neighbour = among->neighbour,
                                     .distance = among->distance};
    /* A null goes on with its next permutation, or stops between two of them. */
    ist_engine engine = s->engine;
    engine.stop = pass ? engine.stop : NULL;
    bool *is_short = ist_alloc((size_t)q->rows->home.count, sizeof *is_short);
    int64_t count = ist_sum_one(s->comm, ist_class_lists_take(q, &all, lists, is_short));
    int64_t segments = q->rows->blocks.segment[q->rows->blocks.count - 1] + 1;
    int64_t rows = q->rows->n / segments;
    bool found = !pass || search_pays(s, pass, (double)count, (double)rows);
    if (found && count > 0)
        found = ist_class_lists_search(s->comm, &engine, q, is_short, lists, stats);
    ist_free(is_short);
    return found;
}

/* For every k: the share of all rows with more of their class at the distance of their k-th. */
static double *tie_fractions(const ist_session *s, const ist_class_lists *lists,
                             const ist_rows *rows)
{
    int64_t k = lists->k;
    int64_t *tied = ist_alloc((size_t)k, sizeof *tied);
    double *fraction = ist_alloc((size_t)k, sizeof *fraction);
    for (int64_t i = 0; i < rows->home.count; i++)
        for (int64_t p = 0; p < lists->held[i]; p++)
            tied[p] += lists->reach[i * k + p] > p + 1;
    ist_sum(s->comm, tied, (size_t)k);
    for (int64_t p = 0; p < k; p++)
        fraction[p] = (double)tied[p] / (double)rows->n;
    ist_free(tied);
    return fraction;
}

/* Whose neighbours they are is not told: nobody asks. Takes the arrays over. */
static ist_list list_of(const ist_source_pass *pass, ist_class_lists *found, int64_t rows)
{
    ist_list list = {.k = found->k,
                     .held = found->held,
                     .list_reach = found->reach,
                     .closer = found->closer,
                     .equal = found->equal};
    size_t entries = (size_t)(rows * list.k);
    list.neighbour = ist_alloc(entries, sizeof *list.neighbour);
    for (size_t e = 0; e < entries; e++)
        list.neighbour[e] = -1;
    list.distance_k = ist_min(pass->distance_k, list.k);
    list.distance = ist_alloc((size_t)(rows * list.distance_k), sizeof *list.distance);
    for (int64_t i = 0; i < rows && list.distance_k > 0; i++)
        memcpy(list.distance + i * list.distance_k, found->distance + i * found->k,
               (size_t)list.distance_k * sizeof *list.distance);
    ist_free(found->distance);
    *found = (ist_class_lists){0};
    return list;
}

bool ist_find_from_lists(ist_session *s, const ist_source_pass *pass, bool parts, ist_list *list,
                         double **tie_fraction, ist_pass_stats *stats)
{
    if (pass->reads == SIZE_MAX)
        return false;
    const ist_lists *from = &s->lists[pass->reads];
    const ist_list *among = parts ? &from->parts : &from->all;
    if (ist_largest(s->comm, among->distance_k == 0))
        return false;
    const ist_rows *rows = parts ? &s->loaded.parts : &s->loaded.all;
    ist_class_question q = {.rows = rows,
                            .class_of = s->classes.class_of,
                            .classes = s->classes.class_count,
                            .class_size = parts ? s->classes.part_size : s->classes.size,
                            .k = ist_min(pass->k, (parts ? rows->n / IST_PARTS : rows->n) - 1)};
    ist_class_lists found = ist_class_lists_new(&q);
    bool whole = ist_find_in_lists(s, &q, among, &found, pass, stats);
    if (whole && tie_fraction)
        *tie_fraction = tie_fractions(s, &found, rows);
    if (whole)
        *list = list_of(pass, &found, rows->home.count);
    ist_class_lists_release(&found);
    return whole;
}
