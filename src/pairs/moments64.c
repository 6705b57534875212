/* Sums of Gaussian kernels: the squared distances that these kernels are of, their exponentials, the sums of a tile. Compiled once per
 * instruction set. Multiplications and additions are fused by name, not by the compiler's leave: every number is defined by its
 * operations (docs/numerics.md), so that it has the same bits in any of them. */
#include <math.h>
#include <string.h>

#include "infostrata/kernels.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAMED(what) JOIN(JOIN(ist_, what), JOIN(_, IST_SET))
#define INLINE static inline __attribute__((always_inline))

#if defined __AVX512F__ || defined __AVX2__
#include <immintrin.h>
#ifdef __AVX512F__
typedef __m512d lanes;
enum { LANES = 8, ROWS = 8, ABREAST = 6 };
#define FUSED(a, b, c) _mm512_fmadd_pd(a, b, c)
#define SMALLER(a, b) _mm512_min_pd(a, b)
#define LARGER(a, b) _mm512_max_pd(a, b)
#else
typedef __m256d lanes;
enum { LANES = 4, ROWS = 4, ABREAST = 3 };
#define FUSED(a, b, c) _mm256_fmadd_pd(a, b, c)
#define SMALLER(a, b) _mm256_min_pd(a, b)
#define LARGER(a, b) _mm256_max_pd(a, b)
#endif
typedef long long bits __attribute__((vector_size(sizeof(lanes))));
typedef unsigned long long words __attribute__((vector_size(sizeof(lanes))));
#define BELOW(a, b) ((bits)((a) < (b)))
#define EQUAL(a, b) ((bits)((a) == (b)))
#else
typedef double lanes;
typedef long long bits;
typedef unsigned long long words;
enum { LANES = 1, ROWS = 4, ABREAST = 1 };
#define FUSED(a, b, c) fma(a, b, c)
/* As the instructions: the second of two that are not ordered. */
#define SMALLER(a, b) ((a) < (b) ? (a) : (b))
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#define BELOW(a, b) (-(bits)((a) < (b)))
#define EQUAL(a, b) (-(bits)((a) == (b)))
#endif

/* A register tile: ROWS rows and WIDE vectors of columns. ABREAST: exponentials, whose chains are long, side by side. */
enum { WIDE = 3 };
_Static_assert(IST_PANEL % (LANES * WIDE) == 0, "a panel's row is whole vectors");
_Static_assert(IST_STRIP % LANES == 0 && IST_PANEL % (LANES * ABREAST) == 0, "whole vectors");

INLINE bits bits_of(lanes x)
{
    bits b;
    memcpy(&b, &x, sizeof b);
    return b;
}

INLINE lanes real_of(bits b)
{
    lanes x;
    memcpy(&x, &b, sizeof x);
    return x;
}

INLINE lanes load(const double *at)
{
    lanes x;
    memcpy(&x, at, sizeof x);
    return x;
}

INLINE lanes all(double x)
{
    return x - (lanes){0};
}

/* ---- squared distances --------------------------------------------------------------------------- */

/* Of each column with itself: chains as those of products, so that equal rows are at 0. */
INLINE void column_squares(const double *columns, int64_t d, double square[IST_TILE])
{
    enum { VECTORS = IST_PANEL / LANES };
    for (int j = 0; j < IST_TILE; j += IST_PANEL) {
        lanes sum[VECTORS];
        for (int v = 0; v < VECTORS; v++)
            sum[v] = all(0);
        for (int64_t f = 0; f < d; f++)
            for (int v = 0; v < VECTORS; v++) {
                lanes y = load(columns + j * d + f * IST_PANEL + v * LANES);
                sum[v] = FUSED(y, y, sum[v]);
            }
        memcpy(square + j, sum, sizeof sum);
    }
}

void NAMED(row_squares)(const double *rows, int count, int64_t d, double *square);
void NAMED(row_squares)(const double *rows, int count, int64_t d, double *square)
{
    enum { AT_ONCE = 8 };
    for (int i = 0; i < count; i += AT_ONCE) {
        const double *row[AT_ONCE];
        double sum[AT_ONCE] = {0};
        for (int r = 0; r < AT_ONCE; r++)
            row[r] = rows + (i + r < count ? i + r : count - 1) * d;
        for (int64_t f = 0; f < d; f++)
            for (int r = 0; r < AT_ONCE; r++)
                sum[r] = fma(row[r][f], row[r][f], sum[r]);
        for (int r = 0; r < AT_ONCE && i + r < count; r++)
            square[i + r] = sum[r];
    }
}

/* sum = fma(x, y, sum), features in order; then what is between rows and columns of these squares. */
INLINE void register_tile(const double *const row[ROWS], const double row_square[ROWS],
                          const double *columns, const double *column_square, int64_t d,
                          double *const out[ROWS])
{
    lanes sum[ROWS][WIDE];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < WIDE; v++)
            sum[r][v] = all(0);
    for (int64_t f = 0; f < d; f++) {
        lanes y[WIDE];
        for (int v = 0; v < WIDE; v++)
            y[v] = load(columns + f * IST_PANEL + v * LANES);
        for (int r = 0; r < ROWS; r++) {
            lanes x = all(row[r][f]);
            for (int v = 0; v < WIDE; v++)
                sum[r][v] = FUSED(x, y[v], sum[r][v]);
        }
    }
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < WIDE; v++) {
            /* Twice a number is exact: one rounding, as of a difference. */
            lanes square =
                FUSED(all(-2), sum[r][v], row_square[r] + load(column_square + v * LANES));
            square = LARGER(square, all(0));
            memcpy(out[r] + v * LANES, &square, sizeof square);
        }
}

void NAMED(squares)(const double *rows, const double *row_square, int row_count,
                    const double *columns, int64_t d, double *tile);
void NAMED(squares)(const double *rows, const double *row_square, int row_count,
                    const double *columns, int64_t d, double *tile)
{
    double column_square[IST_TILE];
    column_squares(columns, d, column_square);
    for (int j = 0; j < IST_TILE; j += WIDE * LANES)
        for (int i = 0; i < row_count; i += ROWS) {
            const double *row[ROWS];
            double own[ROWS], spare[ROWS][WIDE * LANES], *out[ROWS];
            for (int r = 0; r < ROWS; r++) {
                bool there = i + r < row_count;
                int at = there ? i + r : row_count - 1;
                row[r] = rows + at * d;
                own[r] = row_square[at];
                out[r] = there ? tile + at * IST_TILE + j : spare[r];
            }
            register_tile(row, own, columns + j / IST_PANEL * IST_PANEL * d + j % IST_PANEL,
                          column_square + j, d, out);
        }
}

/* ---- the exponential ----------------------------------------------------------------------------- */

/* From here on exp(-x) is below 2^-53. */
#define NOTHING 37.0

/* x becomes exp(-x), x from 0 to NOTHING, within 2^-52 of the truth: exp(-x) = 2^-n exp(r), |r| <= ln 2 / 2; the polynomial
 * interpolates (exp(r) - 1 - r) / r^2 at Chebyshev's nodes. */
INLINE void decay(int count, lanes *x)
{
    const double ROUND = 0x1.8p52, LOG2_E = 0x1.71547652b82fep+0;
    const double LN2_HIGH = 0x1.62e42fefa3000p-1, LN2_LOW = 0x1.3de6af278ece6p-42;
    static const double c[] = {0x1.0000000000001p-1,  0x1.5555555555556p-3,  0x1.5555555553d63p-5,
                               0x1.11111111109b3p-7,  0x1.6c16c1788bd90p-10, 0x1.a01a01a7c41d5p-13,
                               0x1.a019b90d2ae7ap-16, 0x1.71de0dae63bb3p-19, 0x1.289185613a3d6p-22,
                               0x1.af38a9b0ec855p-26};
    enum { DEGREE = sizeof c / sizeof *c - 1, EXPONENT = 52 };
    lanes shifted[ABREAST], r[ABREAST], p[ABREAST];
    for (int v = 0; v < count; v++) {
        shifted[v] = FUSED(x[v], all(LOG2_E), all(ROUND));
        lanes n = shifted[v] - ROUND;
        r[v] = FUSED(n, all(LN2_LOW), FUSED(n, all(LN2_HIGH), -x[v]));
        p[v] = all(c[DEGREE]);
    }
    for (int k = DEGREE - 1; k >= 0; k--)
        for (int v = 0; v < count; v++)
            p[v] = FUSED(p[v], r[v], all(c[k]));
    for (int v = 0; v < count; v++) {
        p[v] = FUSED(r[v] * r[v], p[v], r[v]) + 1.0;
        x[v] = real_of((bits)((words)bits_of(p[v]) - ((words)bits_of(shifted[v]) << EXPONENT)));
    }
}

void NAMED(decay)(double *values, int64_t count);
void NAMED(decay)(double *values, int64_t count)
{
    for (int64_t e = 0; e < count; e += LANES) {
        lanes x = load(values + e);
        bits some = BELOW(x, all(NOTHING));
        x = SMALLER(x, all(NOTHING));
        decay(1, &x);
        x = real_of(bits_of(x) & some);
        memcpy(values + e, &x, sizeof x);
    }
}

/* ---- sums ---------------------------------------------------------------------------------------- */

/* With K from 0 to 1, the bits of 1 + K are larger than those of 1 by K 2^52, rounded: by 0 from NOTHING on. */
static const unsigned long long ONE = 0x3ffULL << 52;

INLINE words with_one(lanes k)
{
    return (words)bits_of(k + 1.0);
}

INLINE unsigned long long sum_of(words v)
{
#ifdef __AVX512F__
    return (unsigned long long)_mm512_reduce_add_epi64((__m512i)v);
#else
    unsigned long long each[LANES], sum = 0;
    memcpy(each, &v, sizeof each);
    for (int l = 0; l < LANES; l++)
        sum += each[l];
    return sum;
#endif
}

/* What does not change within a sum of a tile. */
typedef struct {
    bool joint, labels, whole;
} moment_form;

/* Of whole tiles the first two sums have a ONE too many of each column (modulo 2^64). */
INLINE void add_vector(const ist_moment_tile *t, moment_form form, int i, int j, lanes x,
                       words sums[IST_MOMENTS])
{
    static const long long index[] = {0, 1, 2, 3, 4, 5, 6, 7};
    words k = with_one(x), square = with_one(x * x);
    if (!form.whole) {
        bits where;
        memcpy(&where, index, sizeof where);
        where = BELOW(where, where - where + (t->columns - j));
        k = (k - ONE) & (words)where;
        square = (square - ONE) & (words)where;
    }
    sums[0] += k;
    sums[1] += square;
    if (form.labels) {
        bits label;
        memcpy(&label, t->column_label + j, sizeof label);
        words same = (words)EQUAL(label, label - label + t->row_label[i]);
        sums[2] += (form.whole ? k - ONE : k) & same;
        sums[3] += (form.whole ? square - ONE : square) & same;
    }
}

INLINE void add_vectors(const ist_moment_tile *t, moment_form form, int i, int j,
                        words sums[IST_MOMENTS])
{
    lanes x[ABREAST];
    for (int v = 0; v < ABREAST; v++) {
        const int at = i * IST_TILE + j + v * LANES;
        x[v] = load(t->distance[0] + at) * t->weight[0];
        if (form.joint)
            x[v] = x[v] + load(t->distance[1] + at) * t->weight[1];
        x[v] = SMALLER(x[v], all(NOTHING));
    }
    decay(ABREAST, x);
    for (int v = 0; v < ABREAST; v++)
        add_vector(t, form, i, j + v * LANES, x[v], sums);
}

INLINE void all_rows(const ist_moment_tile *t, moment_form form, int64_t (*found)[IST_MOMENTS])
{
    const unsigned long long too_many = form.whole ? ONE * IST_TILE : 0;
    for (int i = 0; i < t->rows; i++) {
        words sums[IST_MOMENTS];
        memset(sums, 0, sizeof sums);
        for (int j = 0; j < t->columns; j += ABREAST * LANES)
            add_vectors(t, form, i, j, sums);
        for (int m = 0; m < IST_MOMENTS; m++)
            found[i][m] = (int64_t)(sum_of(sums[m]) - (m < 2 ? too_many : 0));
    }
}

INLINE void tile_of_form(const ist_moment_tile *t, bool joint, bool labels,
                         int64_t (*found)[IST_MOMENTS])
{
    if (t->columns == IST_TILE)
        all_rows(t, (moment_form){joint, labels, true}, found);
    else
        all_rows(t, (moment_form){joint, labels, false}, found);
}

void NAMED(moments)(const ist_moment_tile *tile, int64_t (*found)[IST_MOMENTS]);
void NAMED(moments)(const ist_moment_tile *tile, int64_t (*found)[IST_MOMENTS])
{
    bool joint = tile->distance[1] != NULL, labels = tile->row_label != NULL;
    if (joint && labels)
        tile_of_form(tile, true, true, found);
    else if (joint)
        tile_of_form(tile, true, false, found);
    else if (labels)
        tile_of_form(tile, false, true, found);
    else
        tile_of_form(tile, false, false, found);
}
