#include <string.h>

#include "kdtree_pass.h"

/* ---- home's rows ----------------------------------------------------------------------------- */

/* The home row at a place, by its index; -1: another rank's. */
static int64_t home_row(const ist_kdtree *tree, int64_t place)
{
    const ist_slab *home = &tree->rows->home;
    int64_t row = tree->position[place] - home->first;
    return row >= 0 && row < home->count ? row : -1;
}

/* Home's rows, one after the other: near places need the same cells. */
typedef struct {
    const ist_kdtree *tree;
    const ist_kd_watch *watch;
    const ist_kd_segment *segment;
    int64_t segments, place; /* of those gone by; the next one of this segment */
    int64_t untold;          /* rows since the last poke */
    double pairs, told;
    bool left;
} walk;

static walk walk_new(const ist_kdtree *tree, const ist_kd_watch *watch)
{
    return (walk){.tree = tree,
                  .watch = watch,
                  .segment = tree->segment,
                  .place = tree->segments > 0 ? tree->segment->first : 0};
}

static void poke(walk *w)
{
    enum { ROWS = 16 };
    if (++w->untold < ROWS || !w->watch)
        return;
    w->left = w->watch->poke(w->watch->data, w->pairs - w->told);
    w->told = w->pairs;
    w->untold = 0;
}

/* The next home row, by its index, and its place; -1: none is left, or the pass was. */
static int64_t next_row(walk *w, int64_t *place)
{
    const ist_kdtree *tree = w->tree;
    while (!w->left && w->segments < tree->segments) {
        if (w->place == w->segment->first + w->segment->count) {
            w->segment = &tree->segment[++w->segments];
            w->place = w->segments < tree->segments ? w->segment->first : 0;
            continue;
        }
        *place = w->place++;
        int64_t row = home_row(tree, *place);
        if (row < 0)
            continue;
        w->pairs += (double)(tree->position[*place] - w->segment->first);
        poke(w);
        return w->left ? -1 : row;
    }
    return -1;
}

static bool walk_end(const walk *w, const ist_kd_work *work, ist_pass_stats *stats)
{
    stats->pairs += w->pairs;
    stats->compared += work->rows;
    if (w->watch && !w->left)
        w->watch->poke(w->watch->data, w->pairs - w->told);
    return !w->left;
}

double ist_kdtree_pairs(const ist_kdtree *tree)
{
    const ist_slab *home = &tree->rows->home;
    double pairs = 0;
    for (int64_t s = 0; s < tree->segments; s++) {
        const ist_kd_segment *segment = &tree->segment[s];
        int64_t first = ist_max(segment->first, home->first) - segment->first;
        int64_t last =
            ist_min(segment->first + segment->count, home->first + home->count) - segment->first;
        pairs += (double)(last - first) * (double)(first + last - 1) / 2;
    }
    return pairs;
}

bool ist_kdtree_nearest(const ist_kdtree *tree, int64_t k, const ist_kd_watch *watch,
                        ist_nearest *lists, ist_pass_stats *stats)
{
    ist_kd_search *search = ist_kd_search_new(tree, k);
    ist_kd_work work = {0};
    walk w = walk_new(tree, watch);
    int64_t place, row;
    while ((row = next_row(&w, &place)) >= 0)
        lists->held[row] = ist_kd_nearest(search, w.segment, place, lists->distance + row * k,
                                          lists->neighbour + row * k, &work);
    ist_kd_search_free(&search);
    return walk_end(&w, &work, stats);
}

static void put_ranks(const ist_kd_question *q, const ist_kd_answer *to, int64_t row,
                      const int64_t *closer, const int64_t *equal)
{
    int64_t *ranks = to->twice_rank + row * to->stride;
    for (int64_t m = 0; m < q->thresholds; m++)
        ranks[m] = 2 * (1 + closer[m]) + (q->by_index ? 0 : equal[m] - 1);
    if (to->told > 0)
        memcpy(to->told_equal + row * to->told_stride, equal + q->thresholds - to->told,
               (size_t)to->told * sizeof *equal);
}

static void put_counts(const ist_kd_question *q, const ist_kd_answer *to, int64_t row,
                       const int64_t *closer, const int64_t *equal)
{
    size_t bytes = (size_t)q->thresholds * sizeof *closer;
    memcpy(to->closer + row * q->thresholds, closer, bytes);
    if (to->equal)
        memcpy(to->equal + row * q->thresholds, equal, bytes);
}

static void count_row(ist_kd_counter *counter, const ist_kd_segment *segment, int64_t place,
                      const ist_kd_question *q, int64_t row, int64_t *closer, int64_t *equal,
                      ist_kd_work *work)
{
    ist_kd_count(counter, segment, place, q->distance + row * q->thresholds,
                 q->target ? q->target + row * q->thresholds : NULL, closer, equal, work);
}

bool ist_kdtree_counts(const ist_kdtree *tree, const ist_kd_question *q, const ist_kd_watch *watch,
                       const ist_kd_answer *to, ist_pass_stats *stats)
{
    size_t thresholds = (size_t)q->thresholds;
    ist_kd_counter *counter = ist_kd_counter_new(tree, q->thresholds, q->by_index);
    int64_t *closer = ist_alloc(thresholds, sizeof *closer),
            *equal = ist_alloc(thresholds, sizeof *equal);
    ist_kd_work work = {0};
    walk w = walk_new(tree, watch);
    int64_t place, row;
    while ((row = next_row(&w, &place)) >= 0) {
        count_row(counter, w.segment, place, q, row, closer, equal, &work);
        if (to->closer)
            put_counts(q, to, row, closer, equal);
        else
            put_ranks(q, to, row, closer, equal);
    }
    ist_free(closer);
    ist_free(equal);
    ist_kd_counter_free(&counter);
    return walk_end(&w, &work, stats);
}

void ist_kdtree_distances(const ist_kdtree *tree, int64_t stride, const int32_t *target,
                          double *distance)
{
    const ist_slab *home = &tree->rows->home;
    for (int64_t e = 0; e < home->count * stride; e++)
        distance[e] = target[e] < 0
                          ? 0
                          : ist_kdtree_distance(tree, tree->place[home->first + e / stride],
                                                tree->place[target[e]]);
}

/* ---- trials ---------------------------------------------------------------------------------- */

/* Every so manieth row of home's, by position. */
enum { TRIED = 64 };

int64_t ist_kdtree_tried(const ist_kdtree *tree)
{
    return ist_min(TRIED, tree->rows->home.count);
}

static int64_t tried_row(const ist_kdtree *tree, int64_t t)
{
    return ist_share(tree->rows->home.count, ist_kdtree_tried(tree), t);
}

static const ist_kd_segment *segment_of(const ist_kdtree *tree, int64_t place)
{
    const ist_kd_segment *segment = tree->segment;
    while (place >= segment->first + segment->count)
        segment++;
    return segment;
}

ist_kd_work ist_kdtree_try_nearest(const ist_kdtree *tree, int64_t k)
{
    ist_kd_work work = {0};
    ist_kd_search *search = ist_kd_search_new(tree, k);
    double *distance = ist_alloc((size_t)k, sizeof *distance);
    int32_t *neighbour = ist_alloc((size_t)k, sizeof *neighbour);
    for (int64_t t = 0; t < ist_kdtree_tried(tree); t++) {
        int64_t place = tree->place[tree->rows->home.first + tried_row(tree, t)];
        ist_kd_nearest(search, segment_of(tree, place), place, distance, neighbour, &work);
    }
    ist_free(distance);
    ist_free(neighbour);
    ist_kd_search_free(&search);
    return work;
}

ist_kd_work ist_kdtree_try_counts(const ist_kdtree *tree, const ist_kd_question *q)
{
    ist_kd_work work = {0};
    ist_kd_counter *counter = ist_kd_counter_new(tree, q->thresholds, q->by_index);
    size_t thresholds = (size_t)q->thresholds;
    int64_t *closer = ist_alloc(thresholds, sizeof *closer),
            *equal = ist_alloc(thresholds, sizeof *equal);
    for (int64_t t = 0; t < ist_kdtree_tried(tree); t++) {
        int64_t row = tried_row(tree, t), place = tree->place[tree->rows->home.first + row];
        count_row(counter, segment_of(tree, place), place, q, row, closer, equal, &work);
    }
    ist_free(closer);
    ist_free(equal);
    ist_kd_counter_free(&counter);
    return work;
}
