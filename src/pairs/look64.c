/* A second look, in float64, at pairs that the float32 filter leaves open: compiled once per instruction
 * set. Its sums are not the definition's, as they grow in the order that suits the vectors; what they prove
 * is the business of filter.c. */
#include "lanes.h"

typedef double lanes64 __attribute__((vector_size(64)));
typedef float lanes32 __attribute__((vector_size(32)));
typedef int32_t eight_counts __attribute__((vector_size(32)));
enum { EIGHT = 8, AT_ONCE = 4 };

void NAMED(look_narrow)(const float *x, const float *const *y, int64_t d, double *sum);
void NAMED(look_wide)(const double *x, const double *const *y, int64_t d, double *sum);
void NAMED(look_marked)(const ist_look *look, int64_t d, double *tile);
void NAMED(open_sides)(const float *tile, const ist_threshold_side *row,
                       const ist_threshold_side *column, ist_marks marks, ist_open_marks *open);
void NAMED(settle_kinds)(const ist_kind_side *row, const ist_kind_side *column,
                         ist_open_marks *open);
int NAMED(settle_looked)(const double *tile, const ist_look_side *row, const ist_look_side *column,
                         ist_open_marks *open);

/* By address: vectors of this width are no arguments where the set has none. */
static inline void widen_float(const float *at, lanes64 *v)
{
    lanes32 narrow;
    memcpy(&narrow, at, sizeof narrow);
#ifdef __AVX512F__
    *v = (lanes64)_mm512_cvtps_pd((__m256)narrow); /* gcc 12 would widen halves and join them */
#else
    *v = __builtin_convertvector(narrow, lanes64);
#endif
}

static inline void widen_double(const double *at, lanes64 *v)
{
    memcpy(v, at, sizeof *v);
}

/* The sums of four vectors. */
static inline void sums_of(const lanes64 v[AT_ONCE], double *sum)
{
    lanes64 a = __builtin_shufflevector(v[0], v[1], 0, 8, 2, 10, 4, 12, 6, 14) +
                __builtin_shufflevector(v[0], v[1], 1, 9, 3, 11, 5, 13, 7, 15);
    lanes64 b = __builtin_shufflevector(v[2], v[3], 0, 8, 2, 10, 4, 12, 6, 14) +
                __builtin_shufflevector(v[2], v[3], 1, 9, 3, 11, 5, 13, 7, 15);
    lanes64 c = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) +
                __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    lanes64 s = c + __builtin_shufflevector(c, c, 4, 5, 6, 7, 0, 1, 2, 3);
    memcpy(sum, &s, AT_ONCE * sizeof *sum);
}

/* A row against four. */
#define LOOK(name, real)                                                                 \
    void NAMED(look_##name)(const real *x, const real *const *y, int64_t d, double *sum) \
    {                                                                                    \
        lanes64 square[AT_ONCE] = {{0}};                                                 \
        int64_t f = 0;                                                                   \
        for (; f + EIGHT <= d; f += EIGHT) {                                             \
            lanes64 a, b;                                                                \
            widen_##real(x + f, &a);                                                     \
            for (int p = 0; p < AT_ONCE; p++) {                                          \
                widen_##real(y[p] + f, &b);                                              \
                lanes64 t = a - b;                                                       \
                square[p] += t * t;                                                      \
            }                                                                            \
        }                                                                                \
        sums_of(square, sum);                                                            \
        for (; f < d; f++)                                                               \
            for (int p = 0; p < AT_ONCE; p++) {                                          \
                double t = (double)x[f] - (double)y[p][f];                               \
                sum[p] += t * t;                                                         \
            }                                                                            \
    }

LOOK(narrow, float)
LOOK(wide, double)

/* ---- marks ------------------------------------------------------------------------------------- */

enum { MASK = (int)(LANES == 16 ? 0xffff : 0xff) };

static inline void set_bits(uint32_t *words, int v, uint32_t bits)
{
    words[v * LANES / 32] |= bits << (v * LANES % 32);
}

static inline uint32_t bits_at(const uint32_t *words, int v)
{
    return words[v * LANES / 32] >> (v * LANES % 32) & MASK;
}

/* A multiple of four columns of a row. */
static inline void look_at_narrow(const float *row, const float *columns, int64_t d,
                                  const int32_t *column, int count, double *out)
{
    for (int at = 0; at < count; at += AT_ONCE) {
        const float *y[AT_ONCE];
        double sum[AT_ONCE];
        for (int p = 0; p < AT_ONCE; p++)
            y[p] = columns + column[at + p] * d;
        NAMED(look_narrow)(row, y, d, sum);
        for (int p = 0; p < AT_ONCE; p++)
            out[column[at + p]] = sum[p];
    }
}

static inline void look_at_wide(const double *row, const double *columns, int64_t d,
                                const int32_t *column, int count, double *out)
{
    for (int at = 0; at < count; at += AT_ONCE) {
        const double *y[AT_ONCE];
        double sum[AT_ONCE];
        for (int p = 0; p < AT_ONCE; p++)
            y[p] = columns + column[at + p] * d;
        NAMED(look_wide)(row, y, d, sum);
        for (int p = 0; p < AT_ONCE; p++)
            out[column[at + p]] = sum[p];
    }
}

static void widen(const float *from, int64_t count, double *to)
{
    for (int64_t e = 0; e < count; e++)
        to[e] = (double)from[e];
}

/* Columns are listed a row at a time; the last one is repeated to the next multiple of four. Where a tile
 * fits into the cache as float64 numbers, it is converted once. */
void NAMED(look_marked)(const ist_look *look, int64_t d, double *tile)
{
    enum { CONVERTED = 128 };
    double row[CONVERTED], columns[IST_TILE * CONVERTED];
    bool converted = look->rows && d <= CONVERTED;
    if (converted)
        widen(look->columns, look->column_count * d, columns);
    for (int i = 0; i < IST_TILE; i++) {
        int32_t column[IST_TILE + LANES];
        int count = 0;
        for (int v = 0; v < VECTORS; v++)
            count += list_bits(bits_at(look->marks[i], v), v * LANES, column + count);
        if (count == 0)
            continue;
        for (int p = count; p % AT_ONCE; p++)
            column[p] = column[count - 1];
        double *out = tile + i * IST_TILE;
        if (converted) {
            widen(look->rows + i * d, d, row);
            look_at_wide(row, columns, d, column, count, out);
        } else if (look->rows) {
            look_at_narrow(look->rows + i * d, look->columns, d, column, count, out);
        } else {
            look_at_wide(look->wide_rows + i * d, look->wide_columns, d, column, count, out);
        }
    }
}

void NAMED(open_sides)(const float *tile, const ist_threshold_side *row,
                       const ist_threshold_side *column, ist_marks marks, ist_open_marks *open)
{
    memset(open, 0, sizeof *open);
    for (int i = 0; i < IST_TILE; i++)
        for (int v = 0; v < VECTORS && (marks[i][0] | marks[i][1] | marks[i][2]); v++) {
            int j = v * LANES;
            lanes l = load(tile + i * IST_TILE + j);
            uint32_t own = at_most(l, all(row->high[i])) & ~at_most(l, all(row->sure[i])) &
                           ~less(l + load(column->width + j), all(row->low[i]));
            uint32_t other = at_most(l, load(column->high + j)) &
                             ~at_most(l, load(column->sure + j)) &
                             ~less(l + row->width[i], load(column->low + j));
            set_bits(open->row[i], v, own);
            set_bits(open->column[i], v, other);
        }
}

void NAMED(settle_kinds)(const ist_kind_side *row, const ist_kind_side *column,
                         ist_open_marks *open)
{
    for (int i = 0; i < IST_TILE; i++)
        for (int v = 0; v < VECTORS; v++) {
            int j = v * LANES;
            uint32_t own = bits_at(open->row[i], v) &
                           equal_counts(load_counts(column->kind + j), (counts){0} + row->tie[i]);
            uint32_t other = bits_at(open->column[i], v) &
                             equal_counts((counts){0} + row->kind[i], load_counts(column->tie + j));
            row->same[i] += __builtin_popcount(own);
            store_counts(column->same + j, plus_bits(load_counts(column->same + j), other));
            open->row[i][j / 32] &= ~(own << j % 32);
            open->column[i][j / 32] &= ~(other << j % 32);
        }
}

static inline uint32_t less64(const double *a, const double *b)
{
#ifdef __AVX512F__
    return _mm512_cmp_pd_mask(_mm512_loadu_pd(a), _mm512_loadu_pd(b), _CMP_LT_OQ);
#else
    __m256d x[2], y[2];
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    return (uint32_t)(_mm256_movemask_pd(_mm256_cmp_pd(x[0], y[0], _CMP_LT_OQ)) |
                      _mm256_movemask_pd(_mm256_cmp_pd(x[1], y[1], _CMP_LT_OQ)) << 4);
#endif
}

static inline void add_bits(int32_t *at, uint32_t bits)
{
    const eight_counts bit = {1, 2, 4, 8, 16, 32, 64, 128};
    eight_counts sum;
    memcpy(&sum, at, sizeof sum);
    sum -= (((eight_counts){0} + (int32_t)bits) & bit) == bit;
    memcpy(at, &sum, sizeof sum);
}

/* Eight pairs of a word of marks, from bit `at` on, for one side: counts and drops what is settled. */
static inline uint32_t settle_eight(const double *sum, const double *low, const double *high,
                                    uint32_t marks, int at, uint32_t *settled)
{
    uint32_t open = marks >> at & 0xff, below = open & less64(sum, low);
    *settled |= (below | (open & less64(high, sum))) << at;
    return below;
}

static inline int settle_word(const double *sum, const double *low, const double *high,
                              const ist_look_side *column, ist_open_marks *open, int i, int w)
{
    uint32_t settled[2] = {0};
    int count = 0;
    for (int at = 0; at < 32; at += EIGHT) {
        int j = 32 * w + at;
        count +=
            __builtin_popcount(settle_eight(sum + j, low, high, open->row[i][w], at, &settled[0]));
        add_bits(column->below + j, settle_eight(sum + j, column->low + j, column->high + j,
                                                 open->column[i][w], at, &settled[1]));
    }
    open->row[i][w] &= ~settled[0];
    open->column[i][w] &= ~settled[1];
    return count;
}

int NAMED(settle_looked)(const double *tile, const ist_look_side *row, const ist_look_side *column,
                         ist_open_marks *open)
{
    int left = 0;
    for (int i = 0; i < IST_TILE; i++) {
        double low[EIGHT], high[EIGHT];
        for (int e = 0; e < EIGHT; e++) {
            low[e] = row->low[i];
            high[e] = row->high[i];
        }
        for (int w = 0; w < IST_MARK_WORDS; w++) {
            row->below[i] += settle_word(tile + i * IST_TILE, low, high, column, open, i, w);
            left += __builtin_popcount(open->row[i][w]) + __builtin_popcount(open->column[i][w]);
        }
    }
    return left;
}
