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
enum { LANES = 8 };
#define FUSED(a, b, c) _mm512_fmadd_pd(a, b, c)
#else
typedef __m256d lanes;
enum { LANES = 4 };
#define FUSED(a, b, c) _mm256_fmadd_pd(a, b, c)
#endif
typedef long long bits __attribute__((vector_size(sizeof(lanes))));
#define BELOW(a, b) ((bits)((a) < (b)))
#define EQUAL(a, b) ((bits)((a) == (b)))
#else
typedef double lanes;
typedef long long bits;
enum { LANES = 1 };
#define FUSED(a, b, c) fma(a, b, c)
#define BELOW(a, b) (-(bits)((a) < (b)))
#define EQUAL(a, b) (-(bits)((a) == (b)))
#endif

enum { ROWS = 4, WIDE = 3 };
_Static_assert(IST_PANEL % (LANES * WIDE) == 0, "a panel's row is whole vectors");

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

/* sum = fma(x, y, sum), features in order. The first tiles of a row or column sum their own squares, too. */
INLINE void register_tile(const double *const row[ROWS], const double *columns, int64_t d,
                          bool row_squares, bool column_squares, double *const out[ROWS],
                          double *row_square, double *column_square)
{
    lanes sum[ROWS][WIDE], of_row[ROWS], of_column[WIDE];
    for (int r = 0; r < ROWS; r++) {
        of_row[r] = all(0);
        for (int v = 0; v < WIDE; v++)
            sum[r][v] = of_column[v] = all(0);
    }
    for (int64_t f = 0; f < d; f++) {
        lanes y[WIDE];
        for (int v = 0; v < WIDE; v++) {
            y[v] = load(columns + f * IST_PANEL + v * LANES);
            if (column_squares)
                of_column[v] = FUSED(y[v], y[v], of_column[v]);
        }
        for (int r = 0; r < ROWS; r++) {
            lanes x = all(row[r][f]);
            if (row_squares)
                of_row[r] = FUSED(x, x, of_row[r]);
            for (int v = 0; v < WIDE; v++)
                sum[r][v] = FUSED(x, y[v], sum[r][v]);
        }
    }
    for (int r = 0; r < ROWS; r++) {
        memcpy(out[r], sum[r], sizeof sum[r]);
        if (row_squares)
            memcpy(row_square + r, &of_row[r], sizeof *row_square);
    }
    if (column_squares)
        memcpy(column_square, of_column, sizeof of_column);
}

INLINE void finish_row(double own, const double *column_square, double *tile)
{
    for (int j = 0; j < IST_TILE; j += LANES) {
        lanes square = (own + load(column_square + j)) - 2 * load(tile + j);
        square = real_of(bits_of(square) & BELOW(all(0), square));
        memcpy(tile + j, &square, sizeof square);
    }
}

void NAMED(squares)(const double *rows, int row_count, const double *columns, int64_t d,
                    double *tile);
void NAMED(squares)(const double *rows, int row_count, const double *columns, int64_t d,
                    double *tile)
{
    double row_square[IST_TILE + ROWS], column_square[IST_TILE];
    for (int j = 0; j < IST_TILE; j += WIDE * LANES)
        for (int i = 0; i < row_count; i += ROWS) {
            const double *row[ROWS];
            double spare[ROWS][WIDE * LANES], *out[ROWS];
            for (int r = 0; r < ROWS; r++) {
                int there = i + r < row_count;
                row[r] = rows + (there ? i + r : row_count - 1) * d;
                out[r] = there ? tile + (i + r) * IST_TILE + j : spare[r];
            }
            const double *panel = columns + j / IST_PANEL * IST_PANEL * d + j % IST_PANEL;
            if (i == 0 && j == 0)
                register_tile(row, panel, d, true, true, out, row_square, column_square);
            else if (i == 0)
                register_tile(row, panel, d, false, true, out, NULL, column_square + j);
            else if (j == 0)
                register_tile(row, panel, d, true, false, out, row_square + i, NULL);
            else
                register_tile(row, panel, d, false, false, out, NULL, NULL);
        }
    for (int i = 0; i < row_count; i++)
        finish_row(row_square[i], column_square, tile + i * IST_TILE);
}

/* ---- the exponential ----------------------------------------------------------------------------- */

/* exp(-x), x >= 0, within 2^-52 of the truth; 0 from NOTHING on, where it is below 2^-53. exp(-x) = 2^-n exp(r), |r| <= ln 2 / 2; the
 * polynomial interpolates (exp(r) - 1 - r) / r^2 at Chebyshev's nodes. */
INLINE lanes decay(lanes x)
{
    const double NOTHING = 37, ROUND = 0x1.8p52;
    const double LOG2_E = 0x1.71547652b82fep+0;
    const double LN2_HIGH = 0x1.62e42fefa3000p-1, LN2_LOW = 0x1.3de6af278ece6p-42;
    static const double c[] = {0x1.0000000000001p-1,  0x1.5555555555556p-3,  0x1.5555555553d63p-5,
                               0x1.11111111109b3p-7,  0x1.6c16c1788bd90p-10, 0x1.a01a01a7c41d5p-13,
                               0x1.a019b90d2ae7ap-16, 0x1.71de0dae63bb3p-19, 0x1.289185613a3d6p-22,
                               0x1.af38a9b0ec855p-26};
    enum { DEGREE = sizeof c / sizeof *c - 1, EXPONENT = 52 };
    bits some = BELOW(x, all(NOTHING));
    lanes near = real_of(bits_of(x) & some);
    lanes shifted = FUSED(near, all(LOG2_E), all(ROUND)), n = shifted - ROUND;
    lanes r = FUSED(n, all(LN2_LOW), FUSED(n, all(LN2_HIGH), -near));
    lanes p = all(c[DEGREE]);
    for (int k = DEGREE - 1; k >= 0; k--)
        p = FUSED(p, r, all(c[k]));
    p = FUSED(r * r, p, r) + 1.0;
    return real_of((bits_of(p) - (bits_of(shifted) << EXPONENT)) & some);
}

void NAMED(decay)(double *values, int64_t count);
void NAMED(decay)(double *values, int64_t count)
{
    for (int64_t e = 0; e < count; e += LANES) {
        lanes x = decay(load(values + e));
        memcpy(values + e, &x, sizeof x);
    }
}

/* ---- sums ---------------------------------------------------------------------------------------- */

/* With K from 0 to 1, the bits of 1 + K are larger than those of 1 by K 2^52, rounded. */
INLINE bits units_of(lanes k)
{
    const long long ONE = 0x3ffLL << 52;
    return bits_of(k + 1.0) - ONE;
}

INLINE int64_t sum_of(bits v)
{
    long long each[LANES];
    int64_t sum = 0;
    memcpy(each, &v, sizeof each);
    for (int l = 0; l < LANES; l++)
        sum += each[l];
    return sum;
}

INLINE void add_vector(const ist_moment_tile *t, bool joint, bool labels, int i, int j,
                       bits sums[IST_MOMENTS])
{
    static const long long index[] = {0, 1, 2, 3, 4, 5, 6, 7};
    lanes x = load(t->distance[0] + i * IST_TILE + j) * t->weight[0];
    if (joint)
        x = x + load(t->distance[1] + i * IST_TILE + j) * t->weight[1];
    bits where, label;
    memcpy(&where, index, sizeof where);
    where = BELOW(where, where - where + (t->columns - j));
    x = decay(x);
    bits k = units_of(x) & where, square = units_of(x * x) & where;
    sums[0] += k;
    sums[1] += square;
    if (labels) {
        memcpy(&label, t->column_label + j, sizeof label);
        where = EQUAL(label, label - label + t->row_label[i]);
        sums[2] += k & where;
        sums[3] += square & where;
    }
}

INLINE void all_rows(const ist_moment_tile *t, bool joint, bool labels,
                     int64_t (*found)[IST_MOMENTS])
{
    for (int i = 0; i < t->rows; i++) {
        bits sums[IST_MOMENTS];
        memset(sums, 0, sizeof sums);
        for (int j = 0; j < t->columns; j += WIDE * LANES)
            for (int v = 0; v < WIDE; v++)
                add_vector(t, joint, labels, i, j + v * LANES, sums);
        for (int m = 0; m < IST_MOMENTS; m++)
            found[i][m] = sum_of(sums[m]);
    }
}

void NAMED(moments)(const ist_moment_tile *tile, int64_t (*found)[IST_MOMENTS]);
void NAMED(moments)(const ist_moment_tile *tile, int64_t (*found)[IST_MOMENTS])
{
    bool joint = tile->distance[1] != NULL, labels = tile->row_label != NULL;
    if (joint && labels)
        all_rows(tile, true, true, found);
    else if (joint)
        all_rows(tile, true, false, found);
    else if (labels)
        all_rows(tile, false, true, found);
    else
        all_rows(tile, false, false, found);
}
