/* Counting below many thresholds: each value goes down its row's search tree to a place between two
 * thresholds. Columns are the rows of the turned tile. */
#include <math.h>

#include "counts.h"
#include "fetch.h"

enum { LEAST_LEVELS = 4, READ_BEYOND = 16 };

/* The threshold that belongs into an entry of a tree. */
static int64_t threshold_at(int64_t entry, int levels)
{
    if (entry == 0)
        return (INT64_C(1) << levels) - 1;
    int level = 63 - __builtin_clzll((uint64_t)entry);
    return ist_tree_place(levels, level, entry - (INT64_C(1) << level));
}

int ist_counts_many_levels(int64_t thresholds)
{
    int levels = LEAST_LEVELS;
    while ((INT64_C(1) << levels) < thresholds)
        levels++;
    return levels;
}

void ist_counts_many_prepare(ist_counts *s, const ist_packed *packed)
{
    const ist_filter *filter = &s->rows->filter;
    s->levels = ist_counts_many_levels(s->thresholds);
    int64_t size = INT64_C(1) << s->levels;
    s->shrink = ist_filter_tree_shrink(filter);
    s->between = ist_alloc((size_t)(s->count * ist_between_stride(s->levels)), sizeof *s->between);
    s->same = ist_alloc((size_t)(s->count * s->thresholds), sizeof *s->same);
    if (filter->form == IST_FILTER_NONE)
        return;
    s->tree = ist_alloc((size_t)(s->count * size + READ_BEYOND), sizeof *s->tree);
    s->tree_width = ist_alloc((size_t)s->count, sizeof *s->tree_width);
    s->tree_sure = ist_alloc((size_t)s->count, sizeof *s->tree_sure);
    s->first = ist_alloc((size_t)s->stride, sizeof *s->first);
    s->last = ist_alloc((size_t)s->stride, sizeof *s->last);
    for (int64_t t = 0; t < packed->tiles; t++)
        for (int64_t i = packed->row[t]; i < packed->row[t + 1]; i++) {
            const double *threshold = s->threshold + i * s->thresholds;
            float *tree = s->tree + i * size;
            s->first[i] = ist_filter_low(filter, threshold[0], 0);
            s->last[i] = ist_filter_high(filter, threshold[s->thresholds - 1]);
            for (int64_t node = 0; node < size; node++) {
                int64_t place = threshold_at(node, s->levels);
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

/* Some rows of one side, from `from` on; their values are the rows of `values`. */
static void place_rows(ist_counts *s, const ist_tile *tile, const float *values, int from, int rows,
                       bool row_side, ist_open_list *open)
{
    int64_t first = (row_side ? tile->row : tile->col) + from;
    ist_threshold_trees trees = {.tree = s->tree + (first << s->levels),
                                 .levels = s->levels,
                                 .thresholds = (int)s->thresholds,
                                 .shrink = s->shrink,
                                 .width = s->tree_width + first,
                                 .sure = s->tree_sure + first,
                                 .between = s->between + first * ist_between_stride(s->levels),
                                 .same = s->same + first * s->thresholds};
    ist_places found;
    int32_t threshold[IST_TILE * IST_TILE];
    tile->kernel->place(values, rows, row_side ? tile->col_width : tile->row_width, &trees, &found,
                        threshold);
    for (int p = 0; p < found.count; p++) {
        int own = found.at[p] / IST_TILE, other = found.at[p] % IST_TILE;
        int64_t at = (first + own) * s->thresholds + threshold[p];
        if (s->target)
            __builtin_prefetch(s->target + at);
        __builtin_prefetch(s->same + at, 1);
        ist_open_pair pair = {.row = (uint8_t)(row_side ? from + own : other),
                              .col = (uint8_t)(row_side ? other : from + own),
                              .sides = row_side ? IST_ROW_SIDE : IST_COL_SIDE,
                              .threshold = (uint16_t)ist_min(threshold[p], UINT16_MAX)};
        ist_open_add(open, pair);
    }
}

/* Is an open pair that of a row and a target? Then it is counted. */
static bool count_target(ist_counts *rows, ist_counts *columns, const ist_tile *tile,
                         ist_open_pair pair)
{
    bool row_side = pair.sides == IST_ROW_SIDE;
    ist_counts *s = row_side ? rows : columns;
    int64_t row = row_side ? tile->row + pair.row : tile->col + pair.col;
    int64_t other = row_side ? tile->col_position + pair.col : tile->row_position + pair.row;
    __builtin_prefetch(s->threshold + row * s->thresholds + pair.threshold);
    if (!ist_counts_is_target(s, row, pair.threshold, other))
        return false;
    s->same[row * s->thresholds + pair.threshold]++;
    return true;
}

/* Open pairs from one to another: those that are not targets will be decided by the rows themselves, which lie
 * anywhere in memory. */
static void check_targets(ist_counts *rows, ist_counts *columns, const ist_tile *tile,
                          ist_open_list *open, int64_t from, int64_t to)
{
    for (int64_t p = from; p < to; p++) {
        ist_open_pair *pair = &open->pair[p];
        if (count_target(rows, columns, tile, *pair)) {
            pair->sides = 0;
            continue;
        }
        ist_fetch_row(rows->rows, tile->row_slab, tile->row_at + pair->row);
        ist_fetch_row(rows->rows, tile->col_slab, tile->col_at + pair->col);
    }
}

static void drop_counted(ist_open_list *open)
{
    int64_t kept = 0;
    for (int64_t p = 0; p < open->count; p++)
        if (open->pair[p].sides)
            open->pair[kept++] = open->pair[p];
    open->count = kept;
}

/* Columns are turned a strip at a time: tile and strip stay in the first-level cache. Targets are checked
 * a strip later, when they have come from memory. */
void ist_counts_many_scan(ist_counts *rows, ist_counts *columns, const ist_tile *tile,
                          ist_open_list *open)
{
    int64_t checked = 0;
    place_rows(rows, tile, tile->l, 0, tile->rows, true, open);
    for (int j = 0; j < tile->cols && !tile->one_sided; j += IST_STRIP) {
        float turned[IST_STRIP * IST_TILE];
        int64_t placed = open->count;
        tile->kernel->turn(tile->l, j, turned);
        place_rows(columns, tile, turned, j, (int)ist_min(IST_STRIP, tile->cols - j), false, open);
        check_targets(rows, columns, tile, open, checked, placed);
        checked = placed;
    }
    check_targets(rows, columns, tile, open, checked, open->count);
    drop_counted(open);
}

void ist_counts_many_settle(ist_counts *s, int64_t row, int64_t from, double distance,
                            int64_t position)
{
    const double *threshold = s->threshold + row * s->thresholds;
    const int32_t *target = s->by_index ? s->target + row * s->thresholds : NULL;
    int64_t m = from, number = ist_row_number(s->rows, position);
    while (m < s->thresholds &&
           (threshold[m] < distance ||
            (target && threshold[m] == distance && ist_row_number(s->rows, target[m]) <= number)))
        m++;
    if (m == s->thresholds)
        return;
    if (!s->by_index && threshold[m] == distance)
        s->same[row * s->thresholds + m]++;
    else
        s->between[row * ist_between_stride(s->levels) + m]++;
}

int64_t ist_counts_many_find(const ist_counts *s, int64_t row, double distance)
{
    const double *threshold = s->threshold + row * s->thresholds;
    int64_t low = 0, high = s->thresholds;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (threshold[middle] < distance)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
