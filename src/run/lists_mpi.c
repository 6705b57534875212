/* Pass 1 at work: the neighbour lists of one source pass, by the home rows of the layer. */
#include <math.h>
#include <string.h>

#include "session.h"

void ist_list_release(ist_list *list)
{
    ist_free(list->neighbour);
    ist_free(list->held);
    ist_free(list->distance);
    ist_free(list->list_reach);
    ist_free(list->closer);
    ist_free(list->equal);
    *list = (ist_list){0};
}

void ist_lists_release(ist_lists *lists)
{
    ist_list_release(&lists->all);
    ist_list_release(&lists->parts);
    ist_list_release(&lists->distinct);
    ist_list_release(&lists->distinct_parts);
    ist_free(lists->tie_fraction);
    ist_free(lists->failure);
    *lists = (ist_lists){0};
}

/* For every k: the share of rows whose k-th and next neighbour are at the same distance. */
static double *tie_fractions(const ist_comm *comm, const ist_nearest *nearest, int64_t k, int64_t n)
{
    int64_t *tied = ist_alloc((size_t)k, sizeof *tied);
    double *fraction = ist_alloc((size_t)k, sizeof *fraction);
    for (int64_t i = 0; i < nearest->count; i++) {
        const double *distance = nearest->distance + i * nearest->k;
        for (int64_t p = 0; p < k && p + 1 < nearest->held[i]; p++)
            tied[p] += distance[p] == distance[p + 1];
    }
    ist_sum(comm, tied, (size_t)k);
    for (int64_t p = 0; p < k; p++)
        fraction[p] = (double)tied[p] / (double)n;
    ist_free(tied);
    return fraction;
}

/* The first k of each row's entries. */
static void *first_k(const void *from, size_t bytes, int64_t rows, int64_t stride, int64_t k)
{
    char *list = ist_alloc((size_t)(rows * k), bytes);
    for (int64_t i = 0; i < rows; i++)
        memcpy(list + (size_t)(i * k) * bytes, (const char *)from + (size_t)(i * stride) * bytes,
               (size_t)k * bytes);
    return list;
}

/* ---- how many are as near ------------------------------------------------------------------- */

/* Does some row, on any rank, have more at the distance of its last entry than its list shows? */
static bool runs_over(const ist_session *s, const ist_nearest *nearest, int64_t k)
{
    int64_t over = 0;
    for (int64_t i = 0; i < nearest->count; i++) {
        const double *distance = nearest->distance + i * nearest->k;
        int64_t held = nearest->held[i];
        over += held > k && distance[k - 1] == distance[held - 1];
    }
    return ist_sum_one(s->comm, over) > 0;
}

/* Of each list's last entry: all rows of the segment that are as near. NULL where lists tell by themselves. */
static int64_t *reach_of_last(const ist_session *s, const ist_rows *rows,
                              const ist_nearest *nearest, int64_t k, ist_pass_stats *stats)
{
    if (!runs_over(s, nearest, k))
        return NULL;
    size_t count = (size_t)nearest->count;
    double *last = ist_alloc(count, sizeof *last);
    int64_t *reach = ist_alloc(count, sizeof *reach), *equal = ist_alloc(count, sizeof *equal);
    for (int64_t i = 0; i < nearest->count; i++)
        last[i] = nearest->distance[i * nearest->k + nearest->held[i] - 1];
    ist_pass_counts_below(s->comm, &s->engine, rows, 1, last, reach, equal, stats);
    for (size_t i = 0; i < count; i++)
        reach[i] += equal[i];
    ist_free(last);
    ist_free(equal);
    return reach;
}

static int32_t *list_reach(const ist_session *s, const ist_rows *rows, const ist_nearest *nearest,
                           int64_t k, ist_pass_stats *stats)
{
    int64_t *of_last = reach_of_last(s, rows, nearest, k, stats);
    int32_t *reach = ist_alloc((size_t)(nearest->count * k), sizeof *reach);
    for (int64_t i = 0; i < nearest->count; i++) {
        const double *distance = nearest->distance + i * nearest->k;
        int64_t held = nearest->held[i];
        for (int64_t p = ist_min(k, held) - 1; p >= 0; p--) {
            int64_t end = p + 1;
            while (end < held && distance[end] == distance[p])
                end++;
            bool beyond = end == held && of_last;
            reach[i * k + p] = (int32_t)(beyond ? of_last[i] : end);
        }
    }
    ist_free(of_last);
    return reach;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static ist_list list_among_all(const ist_source_pass *pass, const ist_nearest *nearest, int64_t k)
{
    ist_list list = {.k = k};
    list.neighbour =
        first_k(nearest->neighbour, sizeof *list.neighbour, nearest->count, nearest->k, k);
    list.distance_k = ist_min(pass->distance_k, k);
    list.distance = first_k(nearest->distance, sizeof *list.distance, nearest->count, nearest->k,
                            list.distance_k);
    return list;
}

/* Arrays of the subset's home rows, as those of the base's; who is not in it has zeros. */
static void *bring(const ist_session *s, const ist_subset *set, size_t bytes, void *found)
{
    if (!found || bytes == 0)
        return found;
    void *home = ist_alloc((size_t)set->base->home.count, bytes);
    ist_subset_bring(s, set, bytes, found, home);
    ist_free(found);
    return home;
}

static ist_list list_among_some(const ist_session *s, const ist_source_pass *pass,
                                const ist_subset *set, const ist_nearest *nearest, int64_t k,
                                ist_pass_stats *stats)
{
    ist_list list = list_among_all(pass, nearest, k);
    list.held = ist_alloc((size_t)nearest->count, sizeof *list.held);
    for (int64_t i = 0; i < nearest->count; i++) {
        list.held[i] = (int32_t)ist_min(k, nearest->held[i]);
        for (int64_t p = 0; p < k; p++) {
            int64_t at = i * k + p;
            list.neighbour[at] = p < list.held[i] ? (int32_t)set->place[list.neighbour[at]] : -1;
        }
    }
    if (pass->list_counts)
        list.list_reach = list_reach(s, &set->rows, nearest, k, stats);
    size_t entries = (size_t)k;
    list.neighbour = bring(s, set, entries * sizeof *list.neighbour, list.neighbour);
    list.distance = bring(s, set, (size_t)list.distance_k * sizeof *list.distance, list.distance);
    list.list_reach = bring(s, set, entries * sizeof *list.list_reach, list.list_reach);
    list.held = bring(s, set, sizeof *list.held, list.held);
    return list;
}

/* No row has another to be its neighbour. */
static ist_list empty_list(const ist_rows *base, const ist_source_pass *pass, int64_t k)
{
    size_t rows = (size_t)base->home.count, entries = rows * (size_t)k;
    ist_list list = {.k = k, .held = ist_alloc(rows, sizeof *list.held)};
    list.neighbour = ist_alloc(entries, sizeof *list.neighbour);
    list.distance_k = ist_min(pass->distance_k, k);
    list.distance = ist_alloc(rows * (size_t)list.distance_k, sizeof *list.distance);
    if (pass->list_counts)
        list.list_reach = ist_alloc(entries, sizeof *list.list_reach);
    return list;
}

/* Among all rows of a set. One more than asked for is found, to see ties at the k-th. */
static void find_all(ist_session *s, const ist_source_pass *pass, bool parts, ist_lists *lists,
                     ist_pass_stats *stats)
{
    const ist_rows *rows = parts ? &s->loaded.parts : &s->loaded.all;
    int64_t most = (parts ? rows->n / IST_PARTS : rows->n) - 1;
    int64_t k = ist_min(pass->k, most), wanted = parts ? k : ist_min(k + 1, most);
    ist_nearest *nearest = ist_pass_nearest(s->comm, &s->engine, rows, wanted, pass->ties, stats);
    if (!nearest)
        return;
    if (!parts)
        lists->tie_fraction = tie_fractions(s->comm, nearest, k, rows->n);
    *(parts ? &lists->parts : &lists->all) = list_among_all(pass, nearest, k);
    ist_nearest_free(&nearest);
}

/* Among some of them: those of the class, or the distinct ones. The tie fraction of distinct rows is that of
 * all rows. */
static ist_list find_some(ist_session *s, const ist_source_pass *pass, ist_subset_kind kind,
                          bool parts, double **tie_fraction, ist_pass_stats *stats)
{
    ist_subset set;
    ist_subset_new(s, kind, parts, &set);
    int64_t most = (parts ? set.base->n / IST_PARTS : set.base->n) - 1;
    int64_t k = ist_min(kind == IST_SUBSET_CLASSES ? pass->k : pass->distinct_k, most);
    ist_list list = {0};
    if (set.segments == 0) {
        list = empty_list(set.base, pass, k);
        if (tie_fraction)
            *tie_fraction = ist_alloc((size_t)k, sizeof **tie_fraction);
    } else {
        ist_nearest *nearest = ist_pass_nearest(s->comm, &s->engine, &set.rows,
                                                ist_min(k + 1, most), pass->ties, stats);
        if (nearest && tie_fraction)
            *tie_fraction = tie_fractions(s->comm, nearest, k, set.base->n);
        if (nearest)
            list = list_among_some(s, pass, &set, nearest, k, stats);
        ist_nearest_free(&nearest);
    }
    ist_subset_release(&set);
    return list;
}

void ist_joint_factors(const ist_session *s, const ist_source_pass *pass, double factor[2])
{
    const size_t layer[2] = {pass->layer, pass->other};
    for (int side = 0; side < 2; side++) {
        bool squares =
            ist_metric_of_rows(s->known.plan->layers[layer[side]].metric) == IST_METRIC_EUCLIDEAN;
        double square = s->facts[layer[side]].mean_square;
        /* A constant layer has no distances, whatever they are multiplied with. */
        bool rms = pass->scale == IST_SCALE_RMS && square > 0;
        factor[side] = !rms ? 1 : squares ? 1 / square : 1 / sqrt(square);
    }
}

static ist_list list_of_joint(ist_session *s, const ist_joint_search *search, const ist_rows *joint,
                              const ist_nearest *nearest, int64_t k, ist_pass_stats *stats)
{
    const ist_source_pass *pass = search->pass;
    if (search->tie_fraction)
        *search->tie_fraction = tie_fractions(s->comm, nearest, k, joint->n);
    ist_list list = list_among_all(pass, nearest, k);
    ist_keep_in_place(s, pass->layer, pass->other);
    if (pass->list_counts)
        list.list_reach = list_reach(s, joint, nearest, k, stats);
    return list;
}

void ist_find_joint(ist_session *s, const ist_joint_search *search, int count,
                    const ist_rows *second, ist_pass_stats *stats)
{
    ist_rows *own = ist_rows_in_own_order(s->comm, second);
    ist_rows *joint = ist_alloc((size_t)count, sizeof *joint);
    ist_nearest_question *ask = ist_alloc((size_t)count, sizeof *ask);
    int64_t *k = ist_alloc((size_t)count, sizeof *k);
    bool parts = second->blocks.segment[second->blocks.count - 1] > 0;
    int64_t most = (parts ? second->n / IST_PARTS : second->n) - 1;
    for (int i = 0; i < count; i++) {
        const ist_source_pass *pass = search[i].pass;
        double factor[2];
        ist_joint_factors(s, pass, factor);
        ist_rows_joint(s->comm, search[i].rows, factor[0], own ? own : second, factor[1],
                       &joint[i]);
        k[i] = ist_min(pass->k, most);
        ask[i] = (ist_nearest_question){.rows = &joint[i],
                                        .k = ist_min(k[i] + 1, most),
                                        .place = ist_place_of_passes(s, pass->layer, pass->other)};
    }
    ist_pass_nearest_together(s->comm, &s->engine, ask, count, search->pass->ties, stats);
    for (int i = 0; i < count; i++) {
        if (ask[i].nearest)
            *search[i].list = list_of_joint(s, &search[i], &joint[i], ask[i].nearest, k[i], stats);
        ist_nearest_free(&ask[i].nearest);
        ist_rows_release(&joint[i]);
    }
    if (own)
        ist_rows_release(own);
    ist_free(own);
    ist_free(joint);
    ist_free(ask);
    ist_free(k);
}

/* Of the pass' anchors alone, among all rows. */
static void find_anchors(ist_session *s, const ist_source_pass *pass, ist_lists *lists,
                         ist_pass_stats *stats)
{
    const ist_rows *rows = &s->loaded.all;
    const ist_anchors *anchors = ist_anchors_for(s, rows->n, pass->anchors);
    int64_t k = ist_min(pass->k, rows->n - 1);
    ist_nearest *nearest = ist_anchors_nearest(s->comm, &s->engine, rows, anchors,
                                               ist_min(k + 1, rows->n - 1), pass->ties, stats);
    if (!nearest)
        return;
    lists->tie_fraction = tie_fractions(s->comm, nearest, k, anchors->count);
    lists->all = list_among_all(pass, nearest, k);
    ist_nearest_free(&nearest);
}

void ist_find_lists(ist_session *s, const ist_source_pass *pass, ist_lists *lists,
                    ist_pass_stats *stats)
{
    if (pass->anchors.count > 0) {
        find_anchors(s, pass, lists, stats);
        return;
    }
    lists->has_distinct = pass->distinct_k > 0 && s->facts[pass->layer].duplicates > 0;
    for (int parts = 0; parts <= pass->parts; parts++) {
        ist_list *list = parts ? &lists->parts : &lists->all;
        double **tie_fraction = parts ? NULL : &lists->tie_fraction;
        if (!pass->in_class)
            find_all(s, pass, parts, lists, stats);
        else if (!ist_find_from_lists(s, pass, parts, list, tie_fraction, stats))
            *list = find_some(s, pass, IST_SUBSET_CLASSES, parts, tie_fraction, stats);
        if (lists->has_distinct)
            *(parts ? &lists->distinct_parts : &lists->distinct) =
                find_some(s, pass, IST_SUBSET_DISTINCT, parts, NULL, stats);
    }
}
