/* Counting below few thresholds: whole tiles against one threshold a row after the other. */
#include <math.h>

#include "counts.h"

void ist_counts_few_prepare(ist_counts *s, const ist_packed *packed)
{
    const ist_filter *filter = &s->rows->filter;
    size_t entries = (size_t)(s->thresholds * s->stride);
    s->low = ist_alloc(entries, sizeof *s->low);
    s->high = ist_alloc(entries, sizeof *s->high);
    s->sure = ist_alloc(entries, sizeof *s->sure);
    s->below = ist_alloc(entries, sizeof *s->below);
    s->same = ist_alloc(entries, sizeof *s->same);
    if (filter->form == IST_FILTER_NONE)
        return;
    for (int64_t t = 0; t < packed->tiles; t++)
        for (int64_t i = packed->row[t]; i < packed->row[t + 1]; i++) {
            float width = packed->width[t * IST_TILE + i - packed->row[t]];
            for (int64_t m = 0; m < s->thresholds; m++) {
                double threshold = s->threshold[i * s->thresholds + m];
                int64_t at = m * s->stride + i;
                s->low[at] = ist_filter_low(filter, threshold, width);
                s->high[at] = ist_filter_high(filter, threshold);
                s->sure[at] = s->by_index ? -INFINITY : ist_filter_sure(filter, threshold);
                s->any_sure |= s->sure[at] >= 0;
            }
        }
}

static ist_threshold_side side_of(const ist_counts *s, int64_t m, int64_t first, const float *width)
{
    int64_t at = m * s->stride + first;
    return (ist_threshold_side){.low = s->low + at,
                                .high = s->high + at,
                                .sure = s->sure + at,
                                .width = width,
                                .below = s->below + at,
                                .same = s->same + at};
}

static bool is_open(const ist_threshold_side *side, int at, float l, float upper)
{
    return !(upper < side->low[at]) && l <= side->high[at] && !(l <= side->sure[at]);
}

/* Is the row at a position the target of threshold m? Then its distance is the threshold. */
static bool is_target(const ist_counts *s, int64_t row, int64_t m, int64_t position)
{
    return s->target && !s->by_index && s->target[row * s->thresholds + m] == position;
}

/* The sides for which a marked pair is open; targets are settled at once. */
static int open_sides(ist_counts *rows, ist_counts *columns, const ist_tile *tile,
                      const ist_threshold_side *row, const ist_threshold_side *column, int i, int j,
                      int64_t m)
{
    float l = tile->l[i * IST_TILE + j];
    int sides = 0;
    if (is_open(row, i, l, l + column->width[j])) {
        if (is_target(rows, tile->row + i, m, tile->col_position + j))
            row->same[i]++;
        else
            sides |= IST_ROW_SIDE;
    }
    if (is_open(column, j, l, l + row->width[i])) {
        if (is_target(columns, tile->col + j, m, tile->row_position + i))
            column->same[j]++;
        else
            sides |= IST_COL_SIDE;
    }
    return sides;
}

static void add_open(ist_counts *rows, ist_counts *columns, const ist_tile *tile,
                     const ist_threshold_side *row, const ist_threshold_side *column,
                     ist_marks marks, int64_t m, ist_open_list *open)
{
    for (int i = 0; i < tile->rows; i++)
        for (int w = 0; w < IST_MARK_WORDS; w++)
            for (uint32_t bits = marks[i][w]; bits; bits &= bits - 1) {
                int j = 32 * w + __builtin_ctz(bits);
                int sides = open_sides(rows, columns, tile, row, column, i, j, m);
                if (sides)
                    ist_open_add(open, (ist_open_pair){(uint8_t)i, (uint8_t)j, (uint16_t)sides,
                                                       (uint16_t)m});
            }
}

void ist_counts_few_scan(ist_counts *rows, ist_counts *columns, const ist_tile *tile,
                         ist_open_list *open)
{
    float nothing[IST_TILE];
    int32_t nobody[2][IST_TILE] = {{0}};
    for (int j = 0; j < IST_TILE; j++)
        nothing[j] = -INFINITY;
    for (int64_t m = 0; m < rows->thresholds; m++) {
        ist_threshold_side row = side_of(rows, m, tile->row, tile->row_width);
        ist_threshold_side column = {nothing,         nothing,   nothing,
                                     tile->col_width, nobody[0], nobody[1]};
        if (!tile->diagonal)
            column = side_of(columns, m, tile->col, tile->col_width);
        ist_marks marks;
        if (tile->kernel->count(tile->l, &row, &column, rows->any_sure || columns->any_sure, marks))
            add_open(rows, columns, tile, &row, &column, marks, m, open);
    }
}

void ist_counts_few_settle(ist_counts *s, int64_t row, int64_t m, double distance, int64_t position)
{
    double threshold = s->threshold[row * s->thresholds + m];
    int64_t at = m * s->stride + row;
    if (distance < threshold) {
        s->below[at]++;
    } else if (distance == threshold) {
        if (!s->by_index)
            s->same[at]++;
        else if (ist_row_number(s->rows, position) <
                 ist_row_number(s->rows, s->target[row * s->thresholds + m]))
            s->below[at]++;
    }
}
