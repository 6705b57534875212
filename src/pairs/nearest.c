#include <float.h>
#include <math.h>
#include <string.h>

#include "infostrata/pairs.h"

/* What a visiting copy of a row knows of its home: what it need not offer again. */
typedef struct {
    double bound;
    uint64_t bound_tie;
} request;

typedef struct {
    double distance;
    uint64_t tie;
    int32_t position;
} candidate;

static bool worse(candidate a, candidate b)
{
    if (a.distance != b.distance)
        return a.distance > b.distance;
    if (a.tie != b.tie)
        return a.tie > b.tie;
    return a.position > b.position;
}

/* Ties are rare, so that a stored neighbour's tie word is computed again where one is met. */
static uint64_t tie_of(const ist_nearest *s, int64_t row, int32_t position)
{
    if (s->ties.by_index)
        return (uint64_t)position;
    const ist_rows *rows = s->rows;
    uint64_t mine = (uint64_t)ist_row_number(rows, s->position + row);
    uint64_t other = (uint64_t)ist_row_number(rows, position);
    return ist_random_word(s->ties.seed, IST_RANDOM_TIES, other) -
           ist_random_word(s->ties.seed, IST_RANDOM_TIES, mine);
}

static bool worse_held(const ist_nearest *s, int64_t row, int64_t a, int64_t b)
{
    const double *distance = s->distance + row * s->k;
    const int32_t *neighbour = s->neighbour + row * s->k;
    if (distance[a] != distance[b])
        return distance[a] > distance[b];
    candidate x = {distance[a], tie_of(s, row, neighbour[a]), neighbour[a]};
    candidate y = {distance[b], tie_of(s, row, neighbour[b]), neighbour[b]};
    return worse(x, y);
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

static void set_bound(ist_nearest *s, int64_t row, double bound, uint64_t tie)
{
    s->bound[row] = bound;
    s->bound_tie[row] = tie;
    double radius = s->radius ? (double)s->radius[row] + (double)s->rows->largest_radius : 0;
    s->limit[row] = ist_band_of(bound, radius, s->rows->d).high;
}

static void offer(ist_nearest *s, int64_t row, candidate c)
{
    if (c.distance > s->bound[row] || (c.distance == s->bound[row] && c.tie > s->bound_tie[row]))
        return;
    int64_t base = row * s->k;
    if (s->held[row] < s->k) {
        int64_t at = s->held[row]++;
        s->distance[base + at] = c.distance;
        s->neighbour[base + at] = c.position;
        sift_up(s, row, at);
    } else {
        candidate worst = {s->distance[base], tie_of(s, row, s->neighbour[base]),
                           s->neighbour[base]};
        if (!worse(worst, c))
            return;
        s->distance[base] = c.distance;
        s->neighbour[base] = c.position;
        sift_down(s, row, 0, s->k);
    }
    if (s->held[row] == s->k)
        set_bound(s, row, s->distance[base], tie_of(s, row, s->neighbour[base]));
}

static ist_nearest *state_new(const ist_rows *rows, const ist_slab *slab, int64_t k,
                              ist_tie_rule ties)
{
    int64_t count = slab->count;
    ist_nearest *s = ist_alloc(1, sizeof *s);
    *s = (ist_nearest){.position = slab->first,
                       .count = count,
                       .k = k,
                       .ties = ties,
                       .rows = rows,
                       .radius = slab->radius};
    s->distance = ist_alloc((size_t)(count * k), sizeof *s->distance);
    s->neighbour = ist_alloc((size_t)(count * k), sizeof *s->neighbour);
    s->held = ist_alloc((size_t)count, sizeof *s->held);
    s->bound = ist_alloc((size_t)count, sizeof *s->bound);
    s->bound_tie = ist_alloc((size_t)count, sizeof *s->bound_tie);
    /* Scans read whole tiles of limits. */
    s->limit = ist_alloc((size_t)count + IST_TILE, sizeof *s->limit);
    return s;
}

ist_nearest *ist_nearest_new(const ist_rows *rows, int64_t k, ist_tie_rule ties)
{
    ist_nearest *s = state_new(rows, &rows->home, k, ties);
    for (int64_t i = 0; i < s->count; i++)
        set_bound(s, i, INFINITY, UINT64_MAX);
    return s;
}

void ist_nearest_free(ist_nearest **nearest)
{
    ist_nearest *s = *nearest;
    if (!s)
        return;
    ist_free(s->distance);
    ist_free(s->neighbour);
    ist_free(s->held);
    ist_free(s->bound);
    ist_free(s->bound_tie);
    ist_free(s->limit);
    ist_free(s);
    *nearest = NULL;
}

void ist_nearest_sort(ist_nearest *nearest)
{
    for (int64_t row = 0; row < nearest->count; row++)
        for (int64_t last = nearest->held[row] - 1; last > 0; last--) {
            swap(nearest, row, 0, last);
            sift_down(nearest, row, 0, last);
        }
}

/* ---- the consumer -------------------------------------------------------------------------- */

static size_t out_bytes(const void *state)
{
    (void)state;
    return sizeof(request);
}

/* A visiting copy brings back: how many, their distances, their positions. */
static size_t back_bytes(const void *state)
{
    const ist_nearest *s = state;
    return sizeof(int32_t) + (size_t)s->k * (sizeof(double) + sizeof(int32_t));
}

static void pack_out(const void *home, int64_t first, int64_t count, void *message)
{
    const ist_nearest *s = home;
    request *requests = message;
    for (int64_t i = 0; i < count; i++)
        requests[i] = (request){s->bound[first + i], s->bound_tie[first + i]};
}

static void *init(const void *home, const ist_slab *slab, const void *message)
{
    const ist_nearest *origin = home;
    const request *requests = message;
    ist_nearest *s = state_new(origin->rows, slab, origin->k, origin->ties);
    for (int64_t i = 0; i < slab->count; i++)
        set_bound(s, i, requests[i].bound, requests[i].bound_tie);
    return s;
}

static void pack_back(const void *visiting, void *message)
{
    const ist_nearest *s = visiting;
    size_t entries = (size_t)(s->count * s->k);
    char *at = message;
    memcpy(at, s->distance, entries * sizeof *s->distance);
    at += entries * sizeof *s->distance;
    memcpy(at, s->neighbour, entries * sizeof *s->neighbour);
    at += entries * sizeof *s->neighbour;
    memcpy(at, s->held, (size_t)s->count * sizeof *s->held);
}

static void merge(void *home, int64_t first, int64_t count, const void *message)
{
    ist_nearest *s = home;
    size_t entries = (size_t)(count * s->k);
    const double *distance = message;
    const int32_t *neighbour = (const int32_t *)(distance + entries);
    const int32_t *held = neighbour + entries;
    for (int64_t i = 0; i < count; i++)
        for (int64_t p = 0; p < held[i]; p++) {
            int32_t position = neighbour[i * s->k + p];
            candidate c = {distance[i * s->k + p], tie_of(s, first + i, position), position};
            offer(s, first + i, c);
        }
}

static void release(void *visiting)
{
    ist_nearest *s = visiting;
    ist_nearest_free(&s);
}

static void enter(void *columns, int64_t col, int cols)
{
    (void)columns;
    (void)col;
    (void)cols;
}

static void scan(void *rows, void *columns, const ist_tile *tile, ist_open_list *open)
{
    const ist_nearest *r = rows, *s = columns;
    float nobody[IST_TILE];
    const float *column_limit = s->limit + tile->col;
    if (tile->diagonal) {
        for (int j = 0; j < IST_TILE; j++)
            nobody[j] = -1;
        column_limit = nobody;
    }
    for (int i = 0; i < tile->rows; i++) {
        const float *c = tile->c + i * IST_TILE;
        float row_limit = r->limit[tile->row + i];
        uint8_t which[IST_TILE];
        int count = tile->kernel->select(c, row_limit, column_limit, which);
        for (int p = 0; p < count; p++) {
            uint8_t j = which[p];
            int sides = (c[j] <= row_limit ? IST_ROW_SIDE : 0) |
                        (c[j] <= column_limit[j] ? IST_COL_SIDE : 0);
            open->pair[open->count++] = (ist_open_pair){(uint8_t)i, j, (uint8_t)sides};
        }
    }
}

static void settle(void *rows, void *columns, const ist_tile *tile, ist_open_pair pair,
                   double distance)
{
    ist_nearest *r = rows, *s = columns;
    uint64_t row_word = tile->row_word[pair.row], col_word = tile->col_word[pair.col];
    int32_t row_position = (int32_t)(tile->row_position + pair.row);
    int32_t col_position = (int32_t)(tile->col_position + pair.col);
    bool by_index = r->ties.by_index;
    if (pair.sides & IST_ROW_SIDE)
        offer(r, tile->row + pair.row,
              (candidate){distance, by_index ? (uint64_t)col_position : col_word - row_word,
                          col_position});
    if (pair.sides & IST_COL_SIDE)
        offer(s, tile->col + pair.col,
              (candidate){distance, by_index ? (uint64_t)row_position : row_word - col_word,
                          row_position});
}

const ist_consumer ist_nearest_consumer = {out_bytes, back_bytes, pack_out, init, pack_back,
                                           merge,     release,    enter,    scan, settle};
