#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infostrata/pairs.h"

/* Up to so many thresholds a row, comparing whole tile rows with each of them is cheaper than a
 * binary search for each pair. */
enum { LINEAR_MOST = 128 };

typedef struct {
    double threshold;
    int32_t target, slot;
} entry;

static int compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->threshold != y->threshold)
        return x->threshold < y->threshold ? -1 : 1;
    if (x->target != y->target)
        return x->target < y->target ? -1 : 1;
    return (x->slot > y->slot) - (x->slot < y->slot);
}

static ist_counts *state_new(const ist_rows *rows, const ist_slab *slab, int64_t thresholds,
                             bool by_index)
{
    ist_counts *s = ist_alloc(1, sizeof *s);
    *s = (ist_counts){.position = slab->first,
                      .count = slab->count,
                      .thresholds = thresholds,
                      .by_index = by_index,
                      .rows = rows,
                      .radius = slab->radius};
    size_t entries = (size_t)(slab->count * thresholds);
    s->threshold = ist_alloc(entries, sizeof *s->threshold);
    s->target = ist_alloc(entries, sizeof *s->target);
    s->band = ist_alloc(entries, sizeof *s->band);
    s->bin = ist_alloc(entries, sizeof *s->bin);
    s->equal = ist_alloc(entries, sizeof *s->equal);
    if (thresholds <= LINEAR_MOST) {
        size_t columns = (size_t)thresholds * IST_TILE;
        s->column_low = ist_alloc(columns, sizeof *s->column_low);
        s->column_high = ist_alloc(columns, sizeof *s->column_high);
        s->column_count = ist_alloc(columns, sizeof *s->column_count);
    }
    return s;
}

static void set_bands(ist_counts *s)
{
    for (int64_t i = 0; i < s->count; i++) {
        double radius = s->radius ? (double)s->radius[i] + (double)s->rows->largest_radius : 0;
        for (int64_t m = i * s->thresholds; m < (i + 1) * s->thresholds; m++)
            s->band[m] = ist_band_of(s->threshold[m], radius, s->rows->d);
    }
}

ist_counts *ist_counts_new(const ist_rows *rows, int64_t thresholds, bool by_index,
                           const int32_t *target, const double *distance)
{
    ist_counts *s = state_new(rows, &rows->home, thresholds, by_index);
    s->slot = ist_alloc((size_t)(s->count * thresholds), sizeof *s->slot);
    entry *sorted = ist_alloc((size_t)thresholds, sizeof *sorted);
    for (int64_t i = 0; i < s->count; i++) {
        int64_t base = i * thresholds;
        for (int64_t m = 0; m < thresholds; m++)
            sorted[m] = (entry){distance[base + m], target[base + m], (int32_t)m};
        qsort(sorted, (size_t)thresholds, sizeof *sorted, compare_entries);
        for (int64_t m = 0; m < thresholds; m++) {
            s->threshold[base + m] = sorted[m].threshold;
            s->target[base + m] = sorted[m].target;
            s->slot[base + m] = sorted[m].slot;
        }
    }
    ist_free(sorted);
    set_bands(s);
    return s;
}

void ist_counts_free(ist_counts **counts)
{
    ist_counts *s = *counts;
    if (!s)
        return;
    ist_free(s->threshold);
    ist_free(s->target);
    ist_free(s->slot);
    ist_free(s->band);
    ist_free(s->bin);
    ist_free(s->equal);
    ist_free(s->column_low);
    ist_free(s->column_high);
    ist_free(s->column_count);
    ist_free(s);
    *counts = NULL;
}

/* Closer rows of threshold m: all bins up to the first threshold equal to it, and the rows at equal
 * distance of the smaller thresholds. */
static void row_ranks(const ist_counts *s, int64_t row, int64_t *twice_rank)
{
    int64_t base = row * s->thresholds, below = 0, equal = 0;
    for (int64_t m = 0; m < s->thresholds; m++) {
        bool again = m > 0 && s->threshold[base + m] == s->threshold[base + m - 1];
        if (s->by_index) {
            below += s->bin[base + m];
            twice_rank[s->slot[base + m]] = 2 * (1 + below);
        } else {
            if (!again) {
                below += equal + s->bin[base + m];
                equal = s->equal[base + m];
            }
            twice_rank[s->slot[base + m]] = 2 * (1 + below) + (equal - 1);
        }
    }
}

void ist_counts_ranks(const ist_counts *counts, int64_t *twice_rank)
{
    for (int64_t i = 0; i < counts->count; i++)
        row_ranks(counts, i, twice_rank + i * counts->thresholds);
}

/* ---- settling ------------------------------------------------------------------------------ */

/* The first threshold of a row that does not lie before (distance, position). */
static int64_t first_not_before(const ist_counts *s, int64_t base, double distance,
                                int32_t position)
{
    int64_t low = 0, high = s->thresholds;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        double t = s->threshold[base + middle];
        bool before =
            t < distance || (s->by_index && t == distance && s->target[base + middle] <= position);
        if (before)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void settle_side(ist_counts *s, int64_t row, double distance, int32_t position)
{
    int64_t base = row * s->thresholds;
    int64_t m = first_not_before(s, base, distance, position);
    if (m == s->thresholds)
        return;
    if (!s->by_index && s->threshold[base + m] == distance)
        s->equal[base + m]++;
    else
        s->bin[base + m]++;
}

static void settle(void *rows, void *columns, const ist_tile *tile, ist_open_pair pair,
                   double distance)
{
    if (pair.sides & IST_ROW_SIDE)
        settle_side(rows, tile->row + pair.row, distance, (int32_t)(tile->col_position + pair.col));
    if (pair.sides & IST_COL_SIDE)
        settle_side(columns, tile->col + pair.col, distance,
                    (int32_t)(tile->row_position + pair.row));
}

/* ---- scanning ------------------------------------------------------------------------------ */

/* The first threshold that c does not lie surely above. */
static int64_t first_not_above(const ist_band *band, int64_t thresholds, float c)
{
    int64_t low = 0, high = thresholds;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (c > band[middle].high)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Counts one pair by its filter value; returns true if it is open instead. */
static bool place_by_filter(ist_counts *s, int64_t row, float c)
{
    const ist_band *band = s->band + row * s->thresholds;
    int64_t m = first_not_above(band, s->thresholds, c);
    if (m == s->thresholds)
        return false;
    if (!(c < band[m].low))
        return true;
    s->bin[row * s->thresholds + m]++;
    return false;
}

/* Thresholds too many for linear counts: each pair by binary search. */
static void scan_pairs(ist_counts *r, ist_counts *s, const ist_tile *tile, int i,
                       ist_open_list *open)
{
    const float *c = tile->c + i * IST_TILE;
    for (int j = 0; j < tile->cols; j++) {
        if (isnan(c[j]))
            continue;
        int sides = place_by_filter(r, tile->row + i, c[j]) ? IST_ROW_SIDE : 0;
        if (!tile->diagonal && place_by_filter(s, tile->col + j, c[j]))
            sides |= IST_COL_SIDE;
        if (sides)
            open->pair[open->count++] = (ist_open_pair){(uint8_t)i, (uint8_t)j, (uint8_t)sides};
    }
}

/* A pair that is open at threshold m. The linear counts have put it into the bin of the first
 * threshold that it surely lies below: there it is taken out again, for `settle` to place. A pair
 * open at several thresholds is met first at the smallest. */
static void leave_open(ist_counts *s, int64_t row, int64_t m, float c, ist_open_pair pair,
                       ist_open_list *open)
{
    const ist_band *band = s->band + row * s->thresholds;
    if (m > 0 && c <= band[m - 1].high)
        return;
    while (m < s->thresholds && !(c < band[m].low))
        m++;
    if (m < s->thresholds)
        s->bin[row * s->thresholds + m]--;
    open->pair[open->count++] = pair;
}

static void count_row_side(ist_counts *s, const ist_tile *tile, int i, ist_open_list *open)
{
    const float *c = tile->c + i * IST_TILE;
    int64_t row = tile->row + i, base = row * s->thresholds;
    uint8_t which[IST_TILE];
    int before = 0;
    for (int64_t m = 0; m < s->thresholds; m++) {
        bool is_open = false;
        int below = tile->kernel->count_row(c, s->band[base + m], &is_open);
        s->bin[base + m] += below - before;
        before = below;
        int count = is_open ? tile->kernel->within_row(c, s->band[base + m], which) : 0;
        for (int p = 0; p < count; p++)
            leave_open(s, row, m, c[which[p]], (ist_open_pair){(uint8_t)i, which[p], IST_ROW_SIDE},
                       open);
    }
}

static void count_column_side(ist_counts *s, const ist_tile *tile, int i, ist_open_list *open)
{
    const float *c = tile->c + i * IST_TILE;
    uint8_t which[IST_TILE];
    for (int64_t m = 0; m < s->thresholds; m++) {
        const float *low = s->column_low + m * IST_TILE, *high = s->column_high + m * IST_TILE;
        bool is_open = false;
        tile->kernel->count_columns(c, low, high, s->column_count + m * IST_TILE, &is_open);
        int count = is_open ? tile->kernel->within_columns(c, low, high, which) : 0;
        for (int p = 0; p < count; p++)
            leave_open(s, tile->col + which[p], m, c[which[p]],
                       (ist_open_pair){(uint8_t)i, which[p], IST_COL_SIDE}, open);
    }
}

static void add_column_counts(ist_counts *s, const ist_tile *tile)
{
    for (int j = 0; j < tile->cols; j++) {
        int64_t base = (tile->col + j) * s->thresholds;
        int32_t before = 0;
        for (int64_t m = 0; m < s->thresholds; m++) {
            int32_t below = s->column_count[m * IST_TILE + j];
            s->bin[base + m] += below - before;
            before = below;
        }
    }
    memset(s->column_count, 0, (size_t)s->thresholds * IST_TILE * sizeof *s->column_count);
}

static void scan(void *rows, void *columns, const ist_tile *tile, ist_open_list *open)
{
    ist_counts *r = rows, *s = columns;
    bool linear = r->thresholds <= LINEAR_MOST;
    for (int i = 0; i < tile->rows; i++) {
        if (!linear) {
            scan_pairs(r, s, tile, i, open);
            continue;
        }
        count_row_side(r, tile, i, open);
        if (!tile->diagonal)
            count_column_side(s, tile, i, open);
    }
    if (linear && !tile->diagonal)
        add_column_counts(s, tile);
}

/* Lays the bands of one column tile out by threshold, so that a tile row meets 96 of them side by
 * side. */
static void enter(void *columns, int64_t col, int cols)
{
    ist_counts *s = columns;
    if (s->thresholds > LINEAR_MOST)
        return;
    for (int j = 0; j < cols; j++)
        for (int64_t m = 0; m < s->thresholds; m++) {
            ist_band band = s->band[(col + j) * s->thresholds + m];
            s->column_low[m * IST_TILE + j] = band.low;
            s->column_high[m * IST_TILE + j] = band.high;
        }
}

/* ---- travelling ---------------------------------------------------------------------------- */

static size_t out_bytes(const void *state)
{
    const ist_counts *s = state;
    return (size_t)s->thresholds * (sizeof(double) + sizeof(int32_t));
}

static size_t back_bytes(const void *state)
{
    const ist_counts *s = state;
    return (size_t)s->thresholds * 2 * sizeof(int64_t);
}

static void pack_out(const void *home, int64_t first, int64_t count, void *message)
{
    const ist_counts *s = home;
    size_t from = (size_t)(first * s->thresholds), entries = (size_t)(count * s->thresholds);
    memcpy(message, s->threshold + from, entries * sizeof *s->threshold);
    memcpy((double *)message + entries, s->target + from, entries * sizeof *s->target);
}

static void *init(const void *home, const ist_slab *slab, const void *message)
{
    const ist_counts *origin = home;
    ist_counts *s = state_new(origin->rows, slab, origin->thresholds, origin->by_index);
    size_t entries = (size_t)(slab->count * s->thresholds);
    memcpy(s->threshold, message, entries * sizeof *s->threshold);
    memcpy(s->target, (const double *)message + entries, entries * sizeof *s->target);
    set_bands(s);
    return s;
}

static void pack_back(const void *visiting, void *message)
{
    const ist_counts *s = visiting;
    size_t entries = (size_t)(s->count * s->thresholds);
    memcpy(message, s->bin, entries * sizeof *s->bin);
    memcpy((int64_t *)message + entries, s->equal, entries * sizeof *s->equal);
}

static void merge(void *home, int64_t first, int64_t count, const void *message)
{
    ist_counts *s = home;
    size_t from = (size_t)(first * s->thresholds), entries = (size_t)(count * s->thresholds);
    const int64_t *bin = message, *equal = bin + entries;
    for (size_t e = 0; e < entries; e++) {
        s->bin[from + e] += bin[e];
        s->equal[from + e] += equal[e];
    }
}

static void release(void *visiting)
{
    ist_counts *s = visiting;
    ist_counts_free(&s);
}

const ist_consumer ist_counts_consumer = {out_bytes, back_bytes, pack_out, init, pack_back,
                                          merge,     release,    enter,    scan, settle};
