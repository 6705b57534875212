#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "counts.h"
#include "sort.h"

/* ---- states ---------------------------------------------------------------------------------- */

typedef struct {
    double threshold;
    int64_t number; /* of the target */
    int32_t target, slot;
} entry;

static int compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->threshold != y->threshold)
        return x->threshold < y->threshold ? -1 : 1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
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
                      .few = thresholds <= IST_FEW_THRESHOLDS,
                      .rows = rows,
                      .stride = slab->count + IST_TILE};
    return s;
}

static void prepare(ist_counts *s, const ist_packed *packed)
{
    if (s->few)
        ist_counts_few_prepare(s, packed);
    else
        ist_counts_many_prepare(s, packed);
}

int64_t ist_counts_bytes(int64_t thresholds)
{
    const int64_t given = sizeof(double) + sizeof(int32_t);
    if (thresholds <= IST_FEW_THRESHOLDS)
        return thresholds * (given + 3 * (int64_t)sizeof(float) + 3 * (int64_t)sizeof(int32_t));
    const int64_t slot = sizeof(int32_t), same = sizeof(int32_t);
    const int64_t width_and_sure = sizeof(float) + 1, ends = 2 * sizeof(float);
    int levels = ist_counts_many_levels(thresholds);
    return thresholds * (given + slot + same) + (INT64_C(1) << levels) * (int64_t)sizeof(float) +
           ist_between_stride(levels) * (int64_t)sizeof(int32_t) + width_and_sure + ends;
}

/* The slots of a row in the order of their thresholds, and among equal ones of their targets. */
static void order_row(const ist_counts *s, int64_t row, entry *sorted, ist_at_distance *rank)
{
    int64_t thresholds = s->thresholds, base = row * thresholds;
    for (int64_t m = 0; m < thresholds; m++)
        rank[m] = (ist_at_distance){s->threshold[base + m], m};
    bool distinct = ist_sort_by_distance(thresholds, rank, rank + thresholds);
    for (int64_t m = 0; m < thresholds; m++) {
        int64_t slot = rank[m].at;
        int32_t to = s->target ? s->target[base + slot] : -1;
        int64_t number = to < 0 || distinct ? -1 : ist_row_number(s->rows, to);
        sorted[m] = (entry){rank[m].distance, number, to, (int32_t)slot};
    }
    if (!distinct)
        qsort(sorted, (size_t)thresholds, sizeof *sorted, compare_entries);
}

/* Sorts each row's thresholds and remembers where each stood. */
static void sort_thresholds(ist_counts *s)
{
    int64_t thresholds = s->thresholds;
    entry *sorted = ist_alloc((size_t)thresholds, sizeof *sorted);
    ist_at_distance *rank = ist_alloc((size_t)(2 * thresholds), sizeof *rank);
    s->slot = ist_alloc((size_t)(s->count * thresholds), sizeof *s->slot);
    for (int64_t i = 0; i < s->count; i++) {
        int64_t base = i * thresholds;
        order_row(s, i, sorted, rank);
        for (int64_t m = 0; m < thresholds; m++) {
            s->threshold[base + m] = sorted[m].threshold;
            s->slot[base + m] = sorted[m].slot;
            if (s->target)
                s->target[base + m] = sorted[m].target;
        }
    }
    ist_free(rank);
    ist_free(sorted);
}

ist_counts *ist_counts_new(const ist_rows *rows, int64_t thresholds, bool by_index, int32_t *target,
                           double *distance)
{
    ist_counts *s = state_new(rows, &rows->home, thresholds, by_index && target);
    s->threshold = distance;
    s->target = target;
    if (!s->few)
        sort_thresholds(s);
    prepare(s, &rows->packed);
    return s;
}

void ist_counts_free(ist_counts **counts)
{
    ist_counts *s = *counts;
    if (!s)
        return;
    ist_counts_scanned(s);
    ist_free(s->threshold);
    ist_free(s->slot);
    ist_free(s->below);
    ist_free(s->same);
    ist_free(s->between);
    ist_free(s);
    *counts = NULL;
}

void ist_counts_scanned(ist_counts *counts)
{
    ist_free(counts->target);
    ist_free(counts->low);
    ist_free(counts->high);
    ist_free(counts->sure);
    ist_free(counts->tie_kind);
    ist_free(counts->first);
    ist_free(counts->last);
    ist_free(counts->tree);
    ist_free(counts->tree_width);
    ist_free(counts->tree_sure);
    counts->target = counts->tie_kind = NULL;
    counts->low = counts->high = counts->sure = counts->first = counts->last = NULL;
    counts->tree = counts->tree_width = NULL;
    counts->tree_sure = NULL;
}

/* ---- results --------------------------------------------------------------------------------- */

static void few_counts(const ist_counts *s, int64_t row, int64_t *closer, int64_t *equal)
{
    for (int64_t m = 0; m < s->thresholds; m++) {
        closer[m] = s->below[m * s->stride + row];
        equal[m] = s->same[m * s->stride + row];
    }
}

/* Closer rows of threshold m: all that lie between thresholds up to the first that equals it, and those at
 * the smaller thresholds. */
static void many_counts(const ist_counts *s, int64_t row, int64_t *closer, int64_t *equal)
{
    const int32_t *between = s->between + row * ist_between_stride(s->levels);
    const int32_t *at = s->same + row * s->thresholds;
    const double *threshold = s->threshold + row * s->thresholds;
    int64_t below = 0, same = 0;
    for (int64_t m = 0; m < s->thresholds; m++) {
        bool again = m > 0 && threshold[m] == threshold[m - 1];
        if (s->by_index) {
            below += between[m];
        } else if (!again) {
            below += same + between[m];
            same = at[m];
        }
        int64_t slot = s->slot[row * s->thresholds + m];
        closer[slot] = below;
        equal[slot] = same;
    }
}

static void row_counts(const ist_counts *s, int64_t row, int64_t *closer, int64_t *equal)
{
    if (s->few)
        few_counts(s, row, closer, equal);
    else
        many_counts(s, row, closer, equal);
}

void ist_counts_get(const ist_counts *counts, int64_t *closer, int64_t *equal)
{
    int64_t *aside = ist_alloc((size_t)counts->thresholds, sizeof *aside);
    for (int64_t i = 0; i < counts->count; i++) {
        int64_t *same = equal ? equal + i * counts->thresholds : aside;
        row_counts(counts, i, closer + i * counts->thresholds, same);
    }
    ist_free(aside);
}

void ist_counts_ranks(const ist_counts *counts, int64_t stride, int64_t *twice_rank, int64_t told,
                      int64_t equal_stride, int64_t *equal_told)
{
    int64_t *equal = ist_alloc((size_t)counts->thresholds, sizeof *equal);
    for (int64_t i = 0; i < counts->count; i++) {
        int64_t *ranks = twice_rank + i * stride;
        row_counts(counts, i, ranks, equal);
        for (int64_t m = 0; m < counts->thresholds; m++)
            ranks[m] = 2 * (1 + ranks[m]) + (counts->by_index ? 0 : equal[m] - 1);
        if (told > 0)
            memcpy(equal_told + i * equal_stride, equal + counts->thresholds - told,
                   (size_t)told * sizeof *equal);
    }
    ist_free(equal);
}

/* ---- the consumer ---------------------------------------------------------------------------- */

static void scan(void *rows, void *columns, const ist_tile *tile, ist_open_list *open)
{
    ist_counts *r = rows;
    if (r->few)
        ist_counts_few_scan(rows, columns, tile, open);
    else
        ist_counts_many_scan(rows, columns, tile, open);
}

static void meet(void *rows, void *columns, const ist_meeting *meeting)
{
    ist_counts *r = rows, *c = columns;
    if (!r->few)
        return;
    ist_counts_few_meet(r);
    if (!meeting->same && !meeting->one_sided)
        ist_counts_few_meet(c);
}

static int32_t kind_of(const int32_t *kinds, int at)
{
    return kinds ? kinds[at] : IST_NO_KIND;
}

static void settle_side(ist_counts *s, int64_t row, int64_t m, double distance, int64_t position,
                        int32_t kind)
{
    if (s->few)
        ist_counts_few_settle(s, row, m, distance, position, kind);
    else
        ist_counts_many_settle(s, row, m, distance, position);
}

static void settle(void *rows, void *columns, const ist_tile *tile, ist_open_pair pair,
                   double distance)
{
    if (pair.sides & IST_ROW_SIDE)
        settle_side(rows, tile->row + pair.row, pair.threshold, distance,
                    tile->col_position + pair.col, kind_of(tile->col_kind, pair.col));
    if (pair.sides & IST_COL_SIDE)
        settle_side(columns, tile->col + pair.col, pair.threshold, distance,
                    tile->row_position + pair.row, kind_of(tile->row_kind, pair.row));
}

static void take_side(ist_counts *s, int64_t row, int64_t m, double distance, int64_t position)
{
    settle_side(s, row, s->few ? m : ist_counts_many_find(s, row, distance), distance, position,
                IST_NO_KIND);
}

static void take(void *rows, void *columns, const ist_tile *tile)
{
    ist_counts *r = rows;
    int64_t rounds = r->few ? r->thresholds : 1;
    for (int i = 0; i < tile->rows; i++)
        for (int j = 0; j < tile->cols; j++)
            for (int64_t m = 0; m < rounds && !(tile->diagonal && i == j); m++) {
                double distance = tile->distance[i * IST_TILE + j];
                take_side(r, tile->row + i, m, distance, tile->col_position + j);
                if (!tile->one_sided)
                    take_side(columns, tile->col + j, m, distance, tile->row_position + i);
            }
}

/* ---- skipping -------------------------------------------------------------------------------- */

/* Few thresholds each decide for themselves; of many the last and the first. */
static int64_t limits(const void *state)
{
    const ist_counts *s = state;
    return s->few ? s->thresholds : 1;
}

static const float *farther(const void *state, int64_t m)
{
    const ist_counts *s = state;
    return s->few ? s->high + m * s->stride : s->last;
}

static const float *closer(const void *state, int64_t m)
{
    const ist_counts *s = state;
    return s->few ? s->low + m * s->stride : s->first;
}

static void count_closer(void *state, int64_t row, int64_t m, int32_t columns)
{
    ist_counts *s = state;
    if (s->few)
        s->below[m * s->stride + row] += columns;
    else
        s->between[row * ist_between_stride(s->levels)] += columns;
}

/* ---- travelling ------------------------------------------------------------------------------ */

static size_t out_bytes(const void *state)
{
    const ist_counts *s = state;
    return (size_t)s->thresholds * (sizeof(double) + (s->target ? sizeof(int32_t) : 0));
}

/* Counts that a visiting copy brings back, of each row. */
static int64_t results_of(const ist_counts *s)
{
    return 2 * s->thresholds;
}

static size_t back_bytes(const void *state)
{
    return (size_t)results_of(state) * sizeof(int32_t);
}

static size_t touched_bytes(const void *state)
{
    const ist_counts *s = state;
    const size_t each = 3 * sizeof(float) + 2 * sizeof(int32_t);
    if (s->few)
        return (size_t)s->thresholds * each;
    return (sizeof(float) << s->levels) + (size_t)ist_between_stride(s->levels) * sizeof(int32_t);
}

static void pack_out(const void *home, int64_t first, int64_t count, void *message)
{
    const ist_counts *s = home;
    size_t from = (size_t)(first * s->thresholds), entries = (size_t)(count * s->thresholds);
    memcpy(message, s->threshold + from, entries * sizeof *s->threshold);
    if (s->target)
        memcpy((double *)message + entries, s->target + from, entries * sizeof *s->target);
}

static void *init(const void *home, const ist_chunk *chunk, const void *message)
{
    const ist_counts *origin = home;
    ist_counts *s = state_new(origin->rows, &chunk->slab, origin->thresholds, origin->by_index);
    size_t entries = (size_t)(s->count * s->thresholds);
    s->threshold = ist_alloc(entries, sizeof *s->threshold);
    memcpy(s->threshold, message, entries * sizeof *s->threshold);
    if (origin->target) {
        s->target = ist_alloc(entries, sizeof *s->target);
        memcpy(s->target, (const double *)message + entries, entries * sizeof *s->target);
    }
    prepare(s, &chunk->packed);
    return s;
}

/* Where a row's result number e stands: below or same of a threshold, or between two. */
static int32_t *result_at(const ist_counts *s, int64_t row, int64_t e)
{
    if (s->few)
        return (e % 2 ? s->same : s->below) + e / 2 * s->stride + row;
    return e % 2 ? s->same + row * s->thresholds + e / 2
                 : s->between + row * ist_between_stride(s->levels) + e / 2;
}

static void pack_back(const void *state, int64_t first, int64_t count, void *message)
{
    const ist_counts *s = state;
    int32_t *results = message;
    for (int64_t i = 0; i < count; i++)
        for (int64_t e = 0; e < results_of(s); e++)
            *results++ = *result_at(s, first + i, e);
}

static void merge(void *home, int64_t first, int64_t count, const void *message)
{
    ist_counts *s = home;
    const int32_t *results = message;
    for (int64_t i = 0; i < count; i++)
        for (int64_t e = 0; e < results_of(s); e++)
            *result_at(s, first + i, e) += *results++;
}

static void release(void *visiting)
{
    ist_counts *s = visiting;
    ist_counts_free(&s);
}

static int64_t describe(const void *state, ist_text *what)
{
    const ist_counts *s = state;
    ist_text_add(what, "counts below %" PRId64 " thresholds%s%s", s->thresholds,
                 s->target ? "" : ", given", s->by_index ? ", by index" : "");
    return 0;
}

const ist_consumer ist_counts_consumer = {.out_bytes = out_bytes,
                                          .back_bytes = back_bytes,
                                          .touched_bytes = touched_bytes,
                                          .pack_out = pack_out,
                                          .init = init,
                                          .pack_back = pack_back,
                                          .merge = merge,
                                          .release = release,
                                          .meet = meet,
                                          .scan = scan,
                                          .settle = settle,
                                          .take = take,
                                          .limits = limits,
                                          .farther = farther,
                                          .closer = closer,
                                          .count_closer = count_closer,
                                          .describe = describe};
