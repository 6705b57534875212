/* What is read off a tile of filter values: compiled once per instruction set. Everything here is
 * comparisons of given numbers; that they prove something is the business of filter.c. */
#include "lanes.h"

void NAMED(within)(const float *tile, const float *row_limit, const float *column_limit, bool rare,
                   ist_places *row_side, ist_places *column_side);
void NAMED(within_ties)(const float *tile, const ist_tie_side *row, const ist_tie_side *column,
                        ist_places *row_side, ist_places *column_side);
int NAMED(count)(const float *tile, const ist_threshold_side *row, const ist_threshold_side *column,
                 bool with_sure, ist_marks marks);
void NAMED(turn)(const float *tile, int column, float *turned);
int32_t NAMED(keep)(float limit, int32_t count, float *value, int32_t *position);
float NAMED(upper_of)(const float *value, int64_t count, int64_t k);

/* Is nothing asked of this row (skip.c)? The diagonal, and columns that are not there, are NaN too, but of
 * the first two columns one has a value in every row that has any. */
static inline bool is_empty(const float *row)
{
    return row[0] != row[0] && row[1] != row[1];
}

/* The bits of vector v of a row. */
static inline void put_bits(uint32_t *words, int v, uint32_t bits)
{
    words[v * LANES / 32] |= bits << (v * LANES % 32);
}

/* Lists the bits of row i from `at` on; returns where the list ends. */
static inline __attribute__((always_inline)) int32_t *list_row(const uint32_t *bits, int i,
                                                               int32_t *at)
{
    uint32_t any = 0;
    for (int v = 0; v < VECTORS; v++)
        any |= bits[v];
    if (!any)
        return at;
    for (int v = 0; v < VECTORS; v++)
        at += list_bits(bits[v], i * IST_TILE + v * LANES, at);
    return at;
}

static inline int32_t *list_some(uint32_t bits, int first, int32_t *at)
{
    return bits ? at + list_bits(bits, first, at) : at;
}

enum { TOGETHER = 8 };

/* The vectors of TOGETHER rows in which there is something within the largest of their limits, or of the
 * columns': few where N is large. */
static inline uint32_t vectors_within(const float *tile, const float *row_limit,
                                      const float *column_limit)
{
    float most = row_limit[0];
    for (int r = 1; r < TOGETHER; r++)
        most = row_limit[r] > most ? row_limit[r] : most;
    uint32_t vectors = 0;
    for (int v = 0; v < VECTORS; v++) {
        lanes least = all(__builtin_inff());
        for (int r = 0; r < TOGETHER; r++)
            least = least_of(load(tile + r * IST_TILE + v * LANES), least);
        lanes limit = larger(load(column_limit + v * LANES), all(most));
        vectors |= (uint32_t)(at_most(least, limit) != 0) << v;
    }
    return vectors;
}

/* Where the two lists end. */
typedef struct {
    int32_t *row, *column;
} list_ends;

static inline list_ends row_within(const float *tile, int i, float row_limit,
                                   const float *column_limit, list_ends end)
{
    uint32_t row[VECTORS], column[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        lanes l = load(tile + i * IST_TILE + v * LANES);
        row[v] = at_most(l, all(row_limit));
        column[v] = at_most(l, load(column_limit + v * LANES));
    }
    return (list_ends){list_row(row, i, end.row), list_row(column, i, end.column)};
}

/* What vector v of TOGETHER rows has. */
static inline list_ends vector_within(const float *tile, int i, int v, const float *row_limit,
                                      const float *column_limit, list_ends end)
{
    uint32_t row[TOGETHER], column[TOGETHER];
    lanes limit = load(column_limit + v * LANES);
    for (int r = 0; r < TOGETHER; r++) {
        lanes l = load(tile + (i + r) * IST_TILE + v * LANES);
        row[r] = at_most(l, all(row_limit[i + r]));
        column[r] = at_most(l, limit);
    }
    for (int r = 0; r < TOGETHER; r++) {
        end.row = list_some(row[r], (i + r) * IST_TILE + v * LANES, end.row);
        end.column = list_some(column[r], (i + r) * IST_TILE + v * LANES, end.column);
    }
    return end;
}

void NAMED(within)(const float *tile, const float *row_limit, const float *column_limit, bool rare,
                   ist_places *row_side, ist_places *column_side)
{
    list_ends end = {row_side->at, column_side->at};
    for (int i = 0; i < IST_TILE; i += TOGETHER) {
        uint32_t vectors = -1u;
        if (rare)
            vectors = vectors_within(tile + i * IST_TILE, row_limit + i, column_limit);
        if (vectors == 0)
            continue;
        if ((vectors & (vectors - 1)) == 0) {
            end = vector_within(tile, i, __builtin_ctz(vectors), row_limit, column_limit, end);
            continue;
        }
        for (int r = i; r < i + TOGETHER; r++)
            end = row_within(tile, r, row_limit[r], column_limit, end);
    }
    row_side->count = (int)(end.row - row_side->at);
    column_side->count = (int)(end.column - column_side->at);
}

void NAMED(within_ties)(const float *tile, const ist_tie_side *row, const ist_tie_side *column,
                        ist_places *row_side, ist_places *column_side)
{
    list_ends end = {row_side->at, column_side->at};
    for (int i = 0; i < IST_TILE; i++) {
        if (is_empty(tile + i * IST_TILE))
            continue;
        uint32_t in_row[VECTORS], in_column[VECTORS];
        for (int v = 0; v < VECTORS; v++) {
            int j = v * LANES;
            lanes l = load(tile + i * IST_TILE + j);
            uint32_t row_free = less(l, all(row->strict[i]));
            uint32_t column_free = less(l, load(column->strict + j));
            if (row->kind) {
                row_free &=
                    ~equal_counts(load_counts(column->kind + j), (counts){0} + row->tie_kind[i]);
                column_free &=
                    ~equal_counts((counts){0} + row->kind[i], load_counts(column->tie_kind + j));
            }
            in_row[v] = at_most(l, all(row->limit[i])) &
                        (row_free | row_ties(column->word + j, row->base[i], row->bound_tie[i]));
            in_column[v] =
                at_most(l, load(column->limit + j)) &
                (column_free | column_ties(row->word[i], column->base + j, column->bound_tie + j));
        }
        end.row = list_row(in_row, i, end.row);
        end.column = list_row(in_column, i, end.column);
    }
    row_side->count = (int)(end.row - row_side->at);
    column_side->count = (int)(end.column - column_side->at);
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

#ifdef __AVX512F__

/* Rows r, r + 4, r + 8, r + 12, four columns of each. */
static inline __m512 quarters(const float *at)
{
    __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(at));
    x = _mm512_insertf32x4(x, _mm_loadu_ps(at + 4 * IST_TILE), 1);
    x = _mm512_insertf32x4(x, _mm_loadu_ps(at + 8 * IST_TILE), 2);
    return _mm512_insertf32x4(x, _mm_loadu_ps(at + 12 * IST_TILE), 3);
}

/* Four columns of 16 rows become four rows. */
static inline void turn_columns(const float *from, float *to)
{
    __m512 a = quarters(from), b = quarters(from + IST_TILE);
    __m512 c = quarters(from + 2 * IST_TILE), d = quarters(from + 3 * IST_TILE);
    __m512d low = (__m512d)_mm512_unpacklo_ps(a, b), low2 = (__m512d)_mm512_unpacklo_ps(c, d);
    __m512d high = (__m512d)_mm512_unpackhi_ps(a, b), high2 = (__m512d)_mm512_unpackhi_ps(c, d);
    _mm512_storeu_ps(to, (__m512)_mm512_unpacklo_pd(low, low2));
    _mm512_storeu_ps(to + IST_TILE, (__m512)_mm512_unpackhi_pd(low, low2));
    _mm512_storeu_ps(to + 2 * IST_TILE, (__m512)_mm512_unpacklo_pd(high, high2));
    _mm512_storeu_ps(to + 3 * IST_TILE, (__m512)_mm512_unpackhi_pd(high, high2));
}

void NAMED(turn)(const float *tile, int column, float *turned)
{
    for (int i = 0; i < IST_TILE; i += LANES)
        for (int j = 0; j < IST_STRIP; j += 4)
            turn_columns(tile + i * IST_TILE + column + j, turned + j * IST_TILE + i);
}

#else

void NAMED(turn)(const float *tile, int column, float *turned)
{
    enum { SIDE = 4 };
    for (int i = 0; i < IST_TILE; i += SIDE)
        for (int j = 0; j < IST_STRIP; j += SIDE) {
            __m128 row[SIDE];
            for (int r = 0; r < SIDE; r++)
                row[r] = _mm_loadu_ps(tile + (i + r) * IST_TILE + column + j);
            _MM_TRANSPOSE4_PS(row[0], row[1], row[2], row[3]);
            for (int r = 0; r < SIDE; r++)
                _mm_storeu_ps(turned + (j + r) * IST_TILE + i, row[r]);
        }
}

#endif

int32_t NAMED(keep)(float limit, int32_t count, float *value, int32_t *position)
{
    int32_t kept = 0;
    for (int32_t c = 0; c < count; c += LANES) {
        lanes l = load(value + c);
        counts p = load_counts(position + c);
        uint32_t there = count - c < LANES ? (1u << (count - c)) - 1 : (uint32_t)-1;
        uint32_t bits = at_most(l, all(limit)) & there;
        store(value + kept, (lanes)gathered((counts)l, bits));
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

/* Also the least and the largest of them; 0 if that is negative. */
static inline int64_t count_finite(const float *value, int64_t count, float *least, float *most)
{
    const lanes infinity = all(__builtin_inff());
    lanes low = infinity, high = all(0);
    int64_t finite = 0;
    for (int64_t i = 0; i < count; i += LANES) {
        lanes x = infinity;
        if (i + LANES <= count)
            x = load(value + i);
        else
            memcpy(&x, value + i, (size_t)(count - i) * sizeof *value);
        uint32_t counted = less(x, infinity);
        finite += __builtin_popcount(counted);
        low = least_of(x, low);
        high = larger(choose(counted, all(0), x), high);
    }
    *least = least_lane(larger(low, all(0)));
    *most = largest_lane(high);
    return finite;
}

static inline int32_t bits_of(float value)
{
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
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
    enum { STEPS = 16 };
    float least, most;
    if (count_finite(value, count, &least, &most) < k)
        return __builtin_inff();
    int32_t low = bits_of(least) - 1, high = bits_of(most);
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
