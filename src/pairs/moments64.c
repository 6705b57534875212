/* Sums of Gaussian kernels over a tile's defined distances: compiled once per instruction set, without contraction, so that every
 * lane performs exactly the same operations: the exponential is defined by them (docs/numerics.md). */
#include <string.h>

#include "infostrata/kernels.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAMED(what) JOIN(JOIN(ist_, what), JOIN(_, IST_SET))
#define INLINE static inline __attribute__((always_inline))

typedef double lanes64 __attribute__((vector_size(64)));
typedef int64_t bits64 __attribute__((vector_size(64)));
enum { LANES = 8, WIDE = 3 };
_Static_assert(IST_TILE % (LANES * WIDE) == 0, "a tile's row is whole vectors");

/* Bits of 1. With K from 0 to 1, those of 1 + K are larger by K 2^52, rounded. */
static const int64_t ONE = INT64_C(0x3ff) << 52;

/* exp(-x), x >= 0, within 2^-52 of the truth; 0 from NOTHING on, where it is below 2^-53. exp(-x) = 2^-n exp(r), |r| <= ln 2 / 2; the
 * polynomial interpolates (exp(r) - 1 - r) / r^2 at Chebyshev's nodes. */
INLINE void decay(lanes64 *x)
{
    const double NOTHING = 37, ROUND = 0x1.8p52;
    const double LOG2_E = 0x1.71547652b82fep+0;
    const double LN2_HIGH = 0x1.62e42fefa3000p-1, LN2_LOW = 0x1.3de6af278ece6p-42;
    static const double c[] = {0x1.0000000000001p-1,  0x1.5555555555556p-3,  0x1.5555555553d63p-5,
                               0x1.11111111109b3p-7,  0x1.6c16c1788bd90p-10, 0x1.a01a01a7c41d5p-13,
                               0x1.a019b90d2ae7ap-16, 0x1.71de0dae63bb3p-19, 0x1.289185613a3d6p-22,
                               0x1.af38a9b0ec855p-26};
    enum { DEGREE = sizeof c / sizeof *c - 1 };
    bits64 some = *x < NOTHING;
    lanes64 near = (lanes64)((bits64)*x & some);
    lanes64 shifted = near * LOG2_E + ROUND, n = shifted - ROUND;
    lanes64 r = (n * LN2_HIGH - near) + n * LN2_LOW;
    lanes64 p = c[DEGREE] - (lanes64){0};
    for (int k = DEGREE - 1; k >= 0; k--)
        p = p * r + c[k];
    p = (r * r * p + r) + 1.0;
    bits64 exponent = (bits64)shifted << 52;
    *x = (lanes64)(((bits64)p - exponent) & some);
}

INLINE void add_unit(bits64 *sum, const lanes64 *value, const bits64 *where)
{
    *sum += ((bits64)(*value + 1.0) - ONE) & *where;
}

INLINE int64_t sum_of(const bits64 *v)
{
    int64_t sum = 0;
    for (int l = 0; l < LANES; l++)
        sum += (*v)[l];
    return sum;
}

INLINE void add_vector(const ist_moment_tile *t, bool joint, bool labels, int i, int j,
                       bits64 sums[IST_MOMENTS])
{
    const bits64 lane = {0, 1, 2, 3, 4, 5, 6, 7};
    lanes64 x, y;
    memcpy(&x, t->distance[0] + i * IST_TILE + j, sizeof x);
    x = x * t->weight[0];
    if (joint) {
        memcpy(&y, t->distance[1] + i * IST_TILE + j, sizeof y);
        x = x + y * t->weight[1];
    }
    decay(&x);
    y = x * x;
    bits64 where = lane < (int64_t)(t->columns - j);
    add_unit(&sums[0], &x, &where);
    add_unit(&sums[1], &y, &where);
    if (labels) {
        bits64 label;
        memcpy(&label, t->column_label + j, sizeof label);
        where &= label == t->row_label[i];
        add_unit(&sums[2], &x, &where);
        add_unit(&sums[3], &y, &where);
    }
}

INLINE void all_rows(const ist_moment_tile *t, bool joint, bool labels,
                     int64_t (*found)[IST_MOMENTS])
{
    for (int i = 0; i < t->rows; i++) {
        bits64 sums[IST_MOMENTS] = {{0}};
        for (int j = 0; j < t->columns; j += WIDE * LANES)
            for (int v = 0; v < WIDE; v++)
                add_vector(t, joint, labels, i, j + v * LANES, sums);
        for (int m = 0; m < IST_MOMENTS; m++)
            found[i][m] = sum_of(&sums[m]);
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
