/* Compiled without contraction (CMakeLists.txt): each operation is rounded, as docs/numerics.md section 15 says. */
#include <math.h>

#include "infostrata/pairs.h"

static double value_at(const float *narrow, const double *wide, int64_t e)
{
    return wide ? wide[e] : (double)narrow[e];
}

/* The power of two that brings a row's largest value into [1/2, 1): squares neither overflow nor vanish. */
static int exponent_of(const float *narrow, const double *wide, int64_t first, int64_t d)
{
    double most = 0;
    int exponent = 0;
    for (int64_t f = 0; f < d; f++)
        most = fmax(most, fabs(value_at(narrow, wide, first + f)));
    frexp(most, &exponent);
    return exponent;
}

static double sum_of_squares(const double *row, int64_t d)
{
    double sum = 0;
    for (int64_t f = 0; f < d; f++)
        sum = sum + row[f] * row[f];
    return sum;
}

int64_t ist_normalise(int64_t count, int64_t d, const float *narrow, const double *wide,
                      double *unit)
{
    int64_t zeros = 0;
    for (int64_t i = 0; i < count; i++) {
        double *row = unit + i * d;
        int exponent = exponent_of(narrow, wide, i * d, d);
        for (int64_t f = 0; f < d; f++)
            row[f] = ldexp(value_at(narrow, wide, i * d + f), -exponent);
        double square = sum_of_squares(row, d), length = sqrt(square);
        zeros += square == 0;
        for (int64_t f = 0; f < d && square > 0; f++)
            row[f] = row[f] / length;
    }
    return zeros;
}

/* What stands opposite the 1 of a zero row: s, the squared length as distances add it up, is 1 only nearly. With it
 * s + (mark - 1)^2 rounds to 2: above 1 it takes off just what s has too much; below 1 the steps of the square are
 * 2^-51, and all that is left within half a step of 2 (or on the border, of which 2 is the even side) rounds to it. */
static double mark_of(double s)
{
    if (s >= 1)
        return (s - 1) / 2;
    double missing = (1 - s) * 0x1p53;
    return -floor((missing + 2) / 4) * 0x1p-52;
}

void ist_mark_zero_rows(int64_t count, int64_t d, const double *unit, double *marked)
{
    for (int64_t i = 0; i < count; i++) {
        const double *row = unit + i * d;
        double *out = marked + i * (d + 1), square = sum_of_squares(row, d);
        for (int64_t f = 0; f < d; f++)
            out[f] = row[f];
        out[d] = square == 0 ? 1 : mark_of(square);
    }
}
