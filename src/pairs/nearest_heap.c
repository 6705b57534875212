#include <math.h>

#include "nearest_heap.h"
#include "sort.h"

uint64_t ist_tie_word(const ist_tie_rule *ties, int64_t number)
{
    return ties->by_index ? (uint64_t)number
                          : ist_random_word(ties->seed, IST_RANDOM_TIES, (uint64_t)number);
}

uint64_t ist_tie_base(const ist_tie_rule *ties, int64_t number)
{
    return ties->by_index ? 0 : ist_tie_word(ties, number);
}

/* ---- the heap of settled neighbours ---------------------------------------------------------- */

static uint64_t tie_of(const ist_nearest *s, int64_t row, int32_t position)
{
    return ist_tie_word(&s->ties, ist_row_number(s->rows, position)) - s->base[row];
}

/* Is row a (a position, at a distance) worse than row b, seen from `row`? Ties are rare, so that their
 * words are computed where one is met. */
static bool worse(const ist_nearest *s, int64_t row, double distance_a, int32_t a,
                  double distance_b, int32_t b)
{
    if (distance_a != distance_b)
        return distance_a > distance_b;
    uint64_t tie_a = tie_of(s, row, a), tie_b = tie_of(s, row, b);
    if (tie_a != tie_b)
        return tie_a > tie_b;
    return ist_row_number(s->rows, a) > ist_row_number(s->rows, b);
}

static bool worse_held(const ist_nearest *s, int64_t row, int64_t a, int64_t b)
{
    const double *distance = s->distance + row * s->k;
    const int32_t *position = s->neighbour + row * s->k;
    return worse(s, row, distance[a], position[a], distance[b], position[b]);
}

static void swap(ist_nearest *s, int64_t row, int64_t a, int64_t b)
{
    double *distance = s->distance + row * s->k;
    int32_t *neighbour = s->neighbour + row * s->k;
    double d = distance[a];
    int32_t n = neighbour[a];
    distance[a] = distance[b];
    neighbour[a] = neighbour[b];
    distance[b] = d;
    neighbour[b] = n;
}

static void sift_down(ist_nearest *s, int64_t row, int64_t at, int64_t count)
{
    for (;;) {
        int64_t worst = at, left = 2 * at + 1;
        for (int64_t child = left; child < left + 2 && child < count; child++)
            if (worse_held(s, row, child, worst))
                worst = child;
        if (worst == at)
            return;
        swap(s, row, at, worst);
        at = worst;
    }
}

static void sift_up(ist_nearest *s, int64_t row, int64_t at)
{
    while (at > 0 && worse_held(s, row, at, (at - 1) / 2)) {
        swap(s, row, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

void ist_heap_set_bound(ist_nearest *s, int64_t row, double bound, uint64_t tie)
{
    const ist_filter *filter = &s->rows->filter;
    s->bound[row] = bound;
    s->bound_tie[row] = tie;
    s->limit[row] = ist_filter_high(filter, bound);
    float sure = isinf(bound) ? -INFINITY : ist_filter_sure(filter, bound);
    s->strict[row] = sure >= 0 ? sure : INFINITY;
    s->any_strict |= sure >= 0;
}

void ist_heap_settle_bound(ist_nearest *s, int64_t row)
{
    if (s->held[row] == s->k)
        ist_heap_set_bound(s, row, s->distance[row * s->k],
                           tie_of(s, row, s->neighbour[row * s->k]));
}

void ist_heap_offer(ist_nearest *s, int64_t row, double distance, int32_t position)
{
    double *held = s->distance + row * s->k;
    int32_t *neighbour = s->neighbour + row * s->k;
    if (distance > s->bound[row])
        return;
    if (s->held[row] < s->k) {
        int64_t at = s->held[row]++;
        held[at] = distance;
        neighbour[at] = position;
        sift_up(s, row, at);
    } else {
        if (!worse(s, row, held[0], neighbour[0], distance, position))
            return;
        held[0] = distance;
        neighbour[0] = position;
        sift_down(s, row, 0, s->k);
    }
    if (s->held[row] == s->k) {
        if (s->bound[row] != held[0])
            s->tie_kind[row] = IST_ANY_KIND;
        s->bound[row] = held[0];
    }
}

/* ---- sorting --------------------------------------------------------------------------------- */

/* Where no two are at the same distance nothing else counts. */
static bool sort_by_distance(ist_nearest *s, int64_t row, ist_at_distance *rank)
{
    double *distance = s->distance + row * s->k;
    int32_t *neighbour = s->neighbour + row * s->k;
    int64_t held = s->held[row];
    for (int64_t p = 0; p < held; p++)
        rank[p] = (ist_at_distance){distance[p], neighbour[p]};
    if (!ist_sort_by_distance(held, rank, rank + held))
        return false;
    for (int64_t p = 0; p < held; p++) {
        distance[p] = rank[p].distance;
        neighbour[p] = (int32_t)rank[p].at;
    }
    return true;
}

static void sort_heap(ist_nearest *s, int64_t row)
{
    for (int64_t last = s->held[row] - 1; last > 0; last--) {
        swap(s, row, 0, last);
        sift_down(s, row, 0, last);
    }
}

void ist_nearest_sort(ist_nearest *nearest)
{
    ist_at_distance *rank = ist_alloc((size_t)(2 * nearest->k), sizeof *rank);
    for (int64_t row = 0; row < nearest->count; row++)
        if (!sort_by_distance(nearest, row, rank))
            sort_heap(nearest, row);
    ist_free(rank);
}
