/* Counting below few thresholds: whole tiles against one threshold a row after the other. */
#include <math.h>
#include <string.h>

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
    s->tie_kind = ist_alloc(entries, sizeof *s->tie_kind);
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

/* ---- open pairs ------------------------------------------------------------------------------ */

/* Settles a pair if the other row is the target; its kind is then known to be at the threshold. */
static bool settle_target(ist_counts *s, int64_t row, int64_t m, int64_t position,
                          const int32_t *kind)
{
    int64_t at = m * s->stride + row;
    if (!ist_counts_is_target(s, row, m, position))
        return false;
    s->same[at]++;
    if (kind)
        s->tie_kind[at] = *kind >= 0 ? *kind : IST_ANY_KIND;
    return true;
}

static void add_sides(ist_counts *rows, ist_counts *columns, const ist_tile *tile,
                      const ist_open_marks *sides, int64_t m, ist_open_list *open)
{
    const int32_t *row_kind = tile->row_kind, *col_kind = tile->col_kind;
    for (int i = 0; i < tile->rows; i++)
        for (int w = 0; w < IST_MARK_WORDS; w++)
            for (uint32_t bits = sides->row[i][w] | sides->column[i][w]; bits; bits &= bits - 1) {
                int j = 32 * w + __builtin_ctz(bits), open_for = 0;
                uint32_t bit = bits & -bits;
                if ((sides->row[i][w] & bit) &&
                    !settle_target(rows, tile->row + i, m, tile->col_position + j,
                                   col_kind ? col_kind + j : NULL))
                    open_for |= IST_ROW_SIDE;
                if ((sides->column[i][w] & bit) &&
                    !settle_target(columns, tile->col + j, m, tile->row_position + i,
                                   row_kind ? row_kind + i : NULL))
                    open_for |= IST_COL_SIDE;
                if (open_for)
                    ist_open_add(open, (ist_open_pair){(uint8_t)i, (uint8_t)j, (uint16_t)open_for,
                                                       (uint16_t)m});
            }
}

/* ---- many open pairs ------------------------------------------------------------------------- */

/* A tile that has many is looked at again before they are decided one by one. */
enum { MANY = IST_TILE * IST_TILE / 128, MANY_VALUES = 11000, FUTILE_SPELL = 64 };

static bool are_many(int64_t marked, int64_t d)
{
    return marked > MANY || marked * d > MANY_VALUES;
}

typedef struct {
    double sum[IST_TILE * IST_TILE];
    ist_marks known; /* of the sums */
    bool any;
} looked_at;

static void settle_kinds(ist_counts *rows, ist_counts *columns, const ist_tile *tile, int64_t m,
                         ist_open_marks *open)
{
    int32_t nothing[IST_TILE], nobody[IST_TILE];
    for (int j = 0; j < IST_TILE; j++)
        nothing[j] = IST_ANY_KIND;
    int64_t row_at = m * rows->stride + tile->row, col_at = m * columns->stride + tile->col;
    ist_kind_side row = {tile->row_kind, rows->tie_kind + row_at, rows->same + row_at};
    ist_kind_side column = {tile->col_kind, nothing, nobody};
    memset(nobody, 0, sizeof nobody);
    if (!tile->one_sided) {
        column.tie = columns->tie_kind + col_at;
        column.same = columns->same + col_at;
    }
    tile->kernel->settle_kinds(&row, &column, open);
}

/* Sums of the pairs that are open for either side and have none yet. */
static void look(const ist_tile *tile, int64_t d, const ist_open_marks *open, looked_at *looked)
{
    ist_look pairs = {.column_count = tile->cols};
    if (!looked->any)
        memset(looked->known, 0, sizeof looked->known);
    looked->any = true;
    for (int i = 0; i < tile->rows; i++)
        for (int w = 0; w < IST_MARK_WORDS; w++) {
            pairs.marks[i][w] = (open->row[i][w] | open->column[i][w]) & ~looked->known[i][w];
            looked->known[i][w] |= pairs.marks[i][w];
        }
    if (tile->row_slab->wide) {
        pairs.wide_rows = tile->row_slab->wide + tile->row_at * d;
        pairs.wide_columns = tile->col_slab->wide + tile->col_at * d;
    } else {
        pairs.rows = tile->row_slab->narrow + tile->row_at * d;
        pairs.columns = tile->col_slab->narrow + tile->col_at * d;
    }
    tile->kernel->look_marked(&pairs, d, looked->sum);
}

static void look_bounds(const ist_counts *s, int64_t first, int count, int64_t m, double *low,
                        double *high)
{
    for (int i = 0; i < IST_TILE; i++) {
        double t = i < count ? s->threshold[(first + i) * s->thresholds + m] : 0;
        low[i] = ist_look_low(t, s->rows->d);
        high[i] = ist_look_high(t, s->rows->d);
    }
}

static int settle_looked(ist_counts *rows, ist_counts *columns, const ist_tile *tile, int64_t m,
                         ist_open_marks *open, looked_at *looked)
{
    double low[2][IST_TILE], high[2][IST_TILE];
    int32_t nobody[IST_TILE] = {0};
    look(tile, rows->rows->d, open, looked);
    look_bounds(rows, tile->row, tile->rows, m, low[0], high[0]);
    look_bounds(columns, tile->col, tile->one_sided ? 0 : tile->cols, m, low[1], high[1]);
    ist_look_side row = {low[0], high[0], rows->below + m * rows->stride + tile->row};
    ist_look_side column = {low[1], high[1], nobody};
    if (!tile->one_sided)
        column.below = columns->below + m * columns->stride + tile->col;
    return tile->kernel->settle_looked(looked->sum, &row, &column, open);
}

/* Equal rows and float64 sums leave true ties alone. Where these are many and no row repeats, the second
 * look is in vain for a while. */
static void settle_many(ist_counts *rows, ist_counts *columns, const ist_tile *tile, int marked,
                        int64_t m, looked_at *looked, ist_open_marks *sides)
{
    if (tile->row_kind && !rows->by_index)
        settle_kinds(rows, columns, tile, m, sides);
    if (!ist_rows_can_look(rows->rows))
        return;
    int left = settle_looked(rows, columns, tile, m, sides, looked);
    if (!tile->row_kind && left > marked / 2)
        rows->futile = FUTILE_SPELL * rows->thresholds;
}

void ist_counts_few_scan(ist_counts *rows, ist_counts *columns, const ist_tile *tile,
                         ist_open_list *open)
{
    float nothing[IST_TILE];
    int32_t nobody[2][IST_TILE] = {{0}};
    looked_at looked;
    looked.any = false;
    for (int j = 0; j < IST_TILE; j++)
        nothing[j] = -INFINITY;
    for (int64_t m = 0; m < rows->thresholds; m++) {
        ist_threshold_side row = side_of(rows, m, tile->row, tile->row_width);
        ist_threshold_side column = {nothing,         nothing,   nothing,
                                     tile->col_width, nobody[0], nobody[1]};
        if (!tile->one_sided)
            column = side_of(columns, m, tile->col, tile->col_width);
        ist_marks marks;
        bool with_sure = rows->any_sure || columns->any_sure;
        int marked = tile->kernel->count(tile->l, &row, &column, with_sure, marks);
        if (marked == 0)
            continue;
        ist_open_marks sides;
        tile->kernel->open_sides(tile->l, &row, &column, marks, &sides);
        bool many = are_many(marked, rows->rows->d);
        if (many && rows->futile == 0)
            settle_many(rows, columns, tile, marked, m, &looked, &sides);
        else if (many)
            rows->futile--;
        add_sides(rows, columns, tile, &sides, m, open);
    }
}

void ist_counts_few_meet(ist_counts *s)
{
    for (int64_t at = 0; at < s->thresholds * s->stride; at++)
        s->tie_kind[at] = IST_ANY_KIND;
}

void ist_counts_few_settle(ist_counts *s, int64_t row, int64_t m, double distance, int64_t position,
                           int32_t kind)
{
    double threshold = s->threshold[row * s->thresholds + m];
    int64_t at = m * s->stride + row;
    if (distance < threshold) {
        s->below[at]++;
    } else if (distance == threshold) {
        s->tie_kind[at] = kind >= 0 ? kind : s->tie_kind[at];
        if (!s->by_index)
            s->same[at]++;
        else if (ist_row_number(s->rows, position) <
                 ist_row_number(s->rows, s->target[row * s->thresholds + m]))
            s->below[at]++;
    }
}
