/* What is read off a tile of filter values: compiled once per instruction set. Everything here is
 * comparisons of given numbers; that they prove something is the business of filter.c. */
#include "lanes.h"

void NAMED(within)(const float *tile, const float *row_limit, const float *column_limit,
                   ist_places *row_side, ist_places *column_side);
void NAMED(within_ties)(const float *tile, const ist_tie_side *row, const ist_tie_side *column,
                        ist_places *row_side, ist_places *column_side);
int NAMED(count)(const float *tile, const ist_threshold_side *row, const ist_threshold_side *column,
                 bool with_sure, ist_marks marks);
void NAMED(place)(const float *tile, int rows, const float *width, const ist_threshold_trees *trees,
                  ist_places *open, int32_t *threshold);
void NAMED(transpose)(const float *tile, float *turned);
int32_t NAMED(keep)(float limit, int32_t count, float *low, float *high, int32_t *position);
float NAMED(upper_of)(const float *value, int64_t count, int64_t k);

/* The bits of vector v of a row. */
/* Is nothing asked of this row (skip.c)? The diagonal, and columns that are not there, are NaN too, but of
 * the first two columns one has a value in every row that has any. */
static inline bool is_empty(const float *row)
{
    return row[0] != row[0] && row[1] != row[1];
}

static inline void put_bits(uint32_t *words, int v, uint32_t bits)
{
    words[v * LANES / 32] |= bits << (v * LANES % 32);
}

static inline __attribute__((always_inline)) void list_row(const uint32_t *bits, int i,
                                                           ist_places *places)
{
    uint32_t any = 0;
    for (int v = 0; v < VECTORS; v++)
        any |= bits[v];
    if (!any)
        return;
    for (int v = 0; v < VECTORS; v++)
        places->count += list_bits(bits[v], i * IST_TILE + v * LANES, places->at + places->count);
}

void NAMED(within)(const float *tile, const float *row_limit, const float *column_limit,
                   ist_places *row_side, ist_places *column_side)
{
    row_side->count = column_side->count = 0;
    for (int i = 0; i < IST_TILE; i++) {
        if (is_empty(tile + i * IST_TILE))
            continue;
        uint32_t row[VECTORS], column[VECTORS];
        lanes limit = all(row_limit[i]);
        for (int v = 0; v < VECTORS; v++) {
            lanes l = load(tile + i * IST_TILE + v * LANES);
            row[v] = at_most(l, limit);
            column[v] = at_most(l, load(column_limit + v * LANES));
        }
        list_row(row, i, row_side);
        list_row(column, i, column_side);
    }
}

void NAMED(within_ties)(const float *tile, const ist_tie_side *row, const ist_tie_side *column,
                        ist_places *row_side, ist_places *column_side)
{
    row_side->count = column_side->count = 0;
    for (int i = 0; i < IST_TILE; i++) {
        if (is_empty(tile + i * IST_TILE))
            continue;
        uint32_t in_row[VECTORS], in_column[VECTORS];
        for (int v = 0; v < VECTORS; v++) {
            int j = v * LANES;
            lanes l = load(tile + i * IST_TILE + j);
            in_row[v] = at_most(l, all(row->limit[i])) &
                        (less(l, all(row->strict[i])) |
                         row_ties(column->word + j, row->base[i], row->bound_tie[i]));
            in_column[v] = at_most(l, load(column->limit + j)) &
                           (less(l, load(column->strict + j)) |
                            column_ties(row->word[i], column->base + j, column->bound_tie + j));
        }
        list_row(in_row, i, row_side);
        list_row(in_column, i, column_side);
    }
}

/* `below` and `open` pairs of one vector against one threshold a lane; `same` if asked for. */
typedef struct {
    uint32_t below, same, open;
} verdict;

static inline __attribute__((always_inline)) verdict judge(lanes l, lanes upper, lanes low,
                                                           lanes high, lanes sure, bool with_sure)
{
    verdict v = {.below = less(upper, low)};
    v.open = at_most(l, high) & ~v.below;
    if (with_sure) {
        v.same = v.open & at_most(l, sure);
        v.open &= ~v.same;
    }
    return v;
}

static inline __attribute__((always_inline)) int count_sides(const float *tile,
                                                             const ist_threshold_side *row,
                                                             const ist_threshold_side *column,
                                                             bool with_sure, ist_marks marks)
{
    counts below[VECTORS], same[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        below[v] = load_counts(column->below + v * LANES);
        same[v] = load_counts(column->same + v * LANES);
    }
    int marked = 0;
    for (int i = 0; i < IST_TILE; i++) {
        uint32_t words[IST_MARK_WORDS] = {0};
        if (is_empty(tile + i * IST_TILE)) {
            memset(marks[i], 0, sizeof marks[i]);
            continue;
        }
        int row_below = 0, row_same = 0;
        for (int v = 0; v < VECTORS; v++) {
            int j = v * LANES;
            lanes l = load(tile + i * IST_TILE + j);
            verdict r = judge(l, l + load(column->width + j), all(row->low[i]), all(row->high[i]),
                              all(row->sure[i]), with_sure);
            verdict c = judge(l, l + row->width[i], load(column->low + j), load(column->high + j),
                              load(column->sure + j), with_sure);
            row_below += __builtin_popcount(r.below);
            below[v] = plus_bits(below[v], c.below);
            if (with_sure) {
                row_same += __builtin_popcount(r.same);
                same[v] = plus_bits(same[v], c.same);
            }
            put_bits(words, v, r.open | c.open);
        }
        row->below[i] += row_below;
        row->same[i] += row_same;
        for (int w = 0; w < IST_MARK_WORDS; w++) {
            marks[i][w] = words[w];
            marked += __builtin_popcount(words[w]);
        }
    }
    for (int v = 0; v < VECTORS; v++) {
        store_counts(column->below + v * LANES, below[v]);
        store_counts(column->same + v * LANES, same[v]);
    }
    return marked;
}

int NAMED(count)(const float *tile, const ist_threshold_side *row, const ist_threshold_side *column,
                 bool with_sure, ist_marks marks)
{
    return with_sure ? count_sides(tile, row, column, true, marks)
                     : count_sides(tile, row, column, false, marks);
}

/* Places found for a row, still to be counted. */
typedef struct {
    int32_t at[IST_TILE];
    int32_t *places;
} finds;

static inline __attribute__((always_inline)) void count_finds(const finds *f, int first, int last)
{
    for (int j = first; j < last; j++)
        f->places[f->at[j]]++; /* NOLINT(clang-analyzer-core.NullDereference): never null */
}

/* All vectors of a row go down its tree side by side, level by level, to hide the latency of the
 * look-ups; between the levels the places of the row before are counted, which keeps the store unit
 * at work meanwhile. `high` is the least threshold met that is not surely passed. */
static inline __attribute__((always_inline)) void place_row(
    const float *value, const float *width, const ist_threshold_trees *trees, int row, int levels,
    const finds *before, finds *now, ist_places *open, int32_t *first_threshold)
{
    const float *tree = trees->tree + ((size_t)row << levels);
    int sure = trees->sure[row];
    counts node[VECTORS];
    lanes high[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        node[v] = (counts){0} + 1;
        high[v] = all(tree[0]);
    }
    for (int level = 0; level < levels; level++) {
        for (int v = 0; v < VECTORS; v++) {
            lanes threshold = nodes(tree, 1 << level, node[v]);
            uint32_t right = above_or_nan(load(value + v * LANES), threshold);
            node[v] = plus_bits(node[v] + node[v], right);
            high[v] = choose(right, threshold, high[v]);
        }
        count_finds(before, IST_TILE * level / levels, IST_TILE * (level + 1) / levels);
    }
    for (int v = 0; v < VECTORS; v++) {
        lanes l = load(value + v * LANES);
        uint32_t beyond = above_or_nan(l, all(tree[0]));
        counts leaf = plus_bits(node[v] - (1 << levels), beyond);
        leaf = smaller_counts(leaf, (counts){0} + trees->last);
        high[v] = choose(beyond, high[v], all(__builtin_inff()));
        uint32_t same = 0;
        if (sure)
            same = at_most(l, high[v]) & at_most(high[v], l) &
                   (sure == 2 ? ~0u : at_most(high[v], all(0)));
        uint32_t is_open =
            at_most(trees->shrink * high[v] - trees->width[row], l + load(width + v * LANES)) &
            ~same;
        store_counts(now->at + v * LANES, plus_bits(leaf + leaf, same));
        if (is_open) {
            int count = list_bits(is_open, row * IST_TILE + v * LANES, open->at + open->count);
            for (int c = open->count; c < open->count + count; c++) {
                int32_t *at = now->at + open->at[c] % IST_TILE;
                first_threshold[c] = *at / 2;
                *at = 2 * trees->last + 1;
            }
            open->count += count;
        }
    }
    now->places = trees->places + (size_t)row * (2 * (size_t)trees->last + 2);
}

static inline __attribute__((always_inline)) void place_rows(const float *tile, int rows,
                                                             const float *width,
                                                             const ist_threshold_trees *trees,
                                                             int levels, ist_places *open,
                                                             int32_t *threshold)
{
    int32_t nowhere = 0;
    finds found[2] = {{.places = &nowhere}, {.places = &nowhere}};
    int placed = 0;
    for (int row = 0; row < rows; row++) {
        if (is_empty(tile + row * IST_TILE))
            continue;
        place_row(tile + row * IST_TILE, width, trees, row, levels, &found[(placed + 1) % 2],
                  &found[placed % 2], open, threshold);
        placed++;
    }
    count_finds(&found[(placed + 1) % 2], 0, IST_TILE);
}

void NAMED(place)(const float *tile, int rows, const float *width, const ist_threshold_trees *trees,
                  ist_places *open, int32_t *threshold)
{
    open->count = 0;
    switch (trees->levels) {
    case 4: place_rows(tile, rows, width, trees, 4, open, threshold); break;
    case 5: place_rows(tile, rows, width, trees, 5, open, threshold); break;
    case 6: place_rows(tile, rows, width, trees, 6, open, threshold); break;
    case 7: place_rows(tile, rows, width, trees, 7, open, threshold); break;
    default: place_rows(tile, rows, width, trees, trees->levels, open, threshold);
    }
}

void NAMED(transpose)(const float *tile, float *turned)
{
    enum { SIDE = 4 };
    for (int i = 0; i < IST_TILE; i += SIDE)
        for (int j = 0; j < IST_TILE; j += SIDE) {
            __m128 row[SIDE];
            for (int r = 0; r < SIDE; r++)
                row[r] = _mm_loadu_ps(tile + (i + r) * IST_TILE + j);
            _MM_TRANSPOSE4_PS(row[0], row[1], row[2], row[3]);
            for (int r = 0; r < SIDE; r++)
                _mm_storeu_ps(turned + (j + r) * IST_TILE + i, row[r]);
        }
}

int32_t NAMED(keep)(float limit, int32_t count, float *low, float *high, int32_t *position)
{
    int32_t kept = 0;
    for (int32_t c = 0; c < count; c += LANES) {
        lanes l = load(low + c), h = load(high + c);
        counts p = load_counts(position + c);
        uint32_t there = count - c < LANES ? (1u << (count - c)) - 1 : (uint32_t)-1;
        uint32_t bits = at_most(l, all(limit)) & there;
        store(low + kept, (lanes)gathered((counts)l, bits));
        store(high + kept, (lanes)gathered((counts)h, bits));
        store_counts(position + kept, gathered(p, bits));
        kept += __builtin_popcount(bits);
    }
    return kept;
}

static inline int64_t count_up_to(const float *value, int64_t count, float limit)
{
    int64_t found = 0, i = 0;
    for (; i + LANES <= count; i += LANES)
        found += __builtin_popcount(at_most(load(value + i), all(limit)));
    for (; i < count; i++)
        found += value[i] <= limit;
    return found;
}

static inline float float_of(int32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* By bisection over the bits, which are in the order of the numbers where none is negative. A little
 * more than the k-th value is as good as the value, so it stops early. */
float NAMED(upper_of)(const float *value, int64_t count, int64_t k)
{
    enum { INFINITY_BITS = 0x7f800000, STEPS = 16 };
    int32_t low = INFINITY_BITS, high = 0;
    int64_t finite = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t bits;
        memcpy(&bits, value + i, sizeof bits);
        bool counted = bits < INFINITY_BITS;
        finite += counted;
        low = bits < low ? bits : low;
        high = counted && bits > high ? bits : high;
    }
    if (finite < k)
        return __builtin_inff();
    low--;
    for (int step = 0; step < STEPS && high - low > 1; step++) {
        int32_t middle = low + (high - low) / 2;
        int64_t found = middle < 0 ? 0 : count_up_to(value, count, float_of(middle));
        high = found >= k ? middle : high;
        low = found >= k ? low : middle;
        if (found == k)
            break;
    }
    return float_of(high);
}
