/* Counting below many thresholds: each value goes down its row's search tree to a place between two
 * thresholds. Columns are the rows of the transposed tile. */
#include <math.h>

#include "counts.h"

enum { LEAST_LEVELS = 4 };

static int64_t places_of(const ist_counts *s)
{
    return 2 * s->thresholds + 2;
}

/* The in-order place of a node (1 the root) of a full tree. */
static int64_t place_of_node(int64_t node, int levels)
{
    int level = 63 - __builtin_clzll((uint64_t)node);
    return ((2 * (node - (INT64_C(1) << level)) + 1) << (levels - 1 - level)) - 1;
}

void ist_counts_many_prepare(ist_counts *s, const ist_packed *packed)
{
    const ist_filter *filter = &s->rows->filter;
    s->levels = LEAST_LEVELS;
    while ((INT64_C(1) << s->levels) - 1 < s->thresholds)
        s->levels++;
    int64_t size = INT64_C(1) << s->levels;
    s->places = ist_alloc((size_t)(s->count * places_of(s)), sizeof *s->places);
    if (filter->form == IST_FILTER_NONE)
        return;
    s->tree = ist_alloc((size_t)(s->count * size), sizeof *s->tree);
    s->tree_width = ist_alloc((size_t)s->count, sizeof *s->tree_width);
    s->tree_sure = ist_alloc((size_t)s->count, sizeof *s->tree_sure);
    for (int64_t t = 0; t < packed->tiles; t++)
        for (int64_t i = packed->row[t]; i < packed->row[t + 1]; i++) {
            const double *threshold = s->threshold + i * s->thresholds;
            float *tree = s->tree + i * size;
            for (int64_t node = 1; node < size; node++) {
                int64_t place = place_of_node(node, s->levels);
                tree[node] =
                    place < s->thresholds ? ist_filter_high(filter, threshold[place]) : INFINITY;
            }
            s->tree_width[i] =
                ist_filter_tree_width(filter, packed->width[t * IST_TILE + i - packed->row[t]]);
            bool sure = !s->by_index;
            for (int64_t m = 0; m < s->thresholds && filter->exact; m++)
                sure = sure && ist_filter_sure(filter, threshold[m]) >= 0;
            s->tree_sure[i] = !sure ? 0 : filter->exact ? 2 : filter->zero_exact ? 1 : 0;
        }
}

static ist_threshold_tree tree_of(const ist_counts *s, int64_t row)
{
    return (ist_threshold_tree){.heap = s->tree + (row << s->levels),
                                .levels = s->levels,
                                .last = (int)s->thresholds,
                                .shrink = ist_filter_tree_shrink(&s->rows->filter),
                                .width = s->tree_width[row],
                                .sure = s->tree_sure[row],
                                .places = s->places + row * places_of(s)};
}

static void place_rows(ist_counts *s, const ist_tile *tile, const float *values, int count,
                       int64_t first, const float *width, int side, ist_open_list *open)
{
    for (int i = 0; i < count; i++) {
        ist_threshold_tree tree = tree_of(s, first + i);
        uint32_t marks[IST_MARK_WORDS];
        if (tile->kernel->place(values + i * IST_TILE, width, &tree, marks) == 0)
            continue;
        for (int w = 0; w < IST_MARK_WORDS; w++)
            for (uint32_t bits = marks[w]; bits; bits &= bits - 1) {
                int j = 32 * w + __builtin_ctz(bits);
                uint8_t row = (uint8_t)(side == IST_ROW_SIDE ? i : j);
                uint8_t col = (uint8_t)(side == IST_ROW_SIDE ? j : i);
                ist_open_add(open, (ist_open_pair){row, col, (uint16_t)side, 0});
            }
    }
}

void ist_counts_many_scan(ist_counts *rows, ist_counts *columns, const ist_tile *tile,
                          ist_open_list *open)
{
    place_rows(rows, tile, tile->l, tile->rows, tile->row, tile->col_width, IST_ROW_SIDE, open);
    if (tile->diagonal)
        return;
    float turned[IST_TILE * IST_TILE];
    tile->kernel->transpose(tile->l, turned);
    place_rows(columns, tile, turned, tile->cols, tile->col, tile->row_width, IST_COL_SIDE, open);
}

/* The first threshold of a row that does not lie before (distance, number). */
static int64_t first_not_before(const ist_counts *s, int64_t row, double distance, int64_t position)
{
    int64_t base = row * s->thresholds, low = 0, high = s->thresholds;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        double t = s->threshold[base + middle];
        bool before = t < distance || (s->by_index && t == distance &&
                                       ist_row_number(s->rows, s->target[base + middle]) <=
                                           ist_row_number(s->rows, position));
        if (before)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void ist_counts_many_settle(ist_counts *s, int64_t row, double distance, int64_t position)
{
    int64_t m = first_not_before(s, row, distance, position);
    bool same =
        !s->by_index && m < s->thresholds && s->threshold[row * s->thresholds + m] == distance;
    s->places[row * places_of(s) + 2 * m + same]++;
}
