/* Rows over their lengths, and the column by which zero rows are at the squared distance 2 from all others. */
#include <criterion/criterion.h>
#include <math.h>

#include "infostrata/pairs.h"

/* The definition (docs/numerics.md section 15), written apart, for rows whose squares neither vanish nor overflow. */
static void divide_by_length(const double *row, int64_t d, double *unit)
{
    double sum = 0, most = 0;
    int exponent;
    for (int64_t f = 0; f < d; f++)
        most = fmax(most, fabs(row[f]));
    frexp(most, &exponent);
    double power = ldexp(1, -exponent);
    for (int64_t f = 0; f < d; f++) {
        double square = (row[f] * power) * (row[f] * power);
        sum = sum + square;
    }
    for (int64_t f = 0; f < d; f++)
        unit[f] = row[f] * power / sqrt(sum);
}

static double uniform(uint64_t item)
{
    return (double)(ist_random_word(17, IST_RANDOM_PARTS, item) >> 11) * 0x1p-53;
}

static double square_distance(const double *x, const double *y, int64_t d)
{
    double sum = 0;
    for (int64_t f = 0; f < d; f++) {
        double t = x[f] - y[f], square = t * t;
        sum = sum + square;
    }
    return sum;
}

static bool same_numbers(const double *x, const double *y, int64_t count)
{
    for (int64_t e = 0; e < count; e++)
        if (x[e] != y[e])
            return false;
    return true;
}

Test(normalise, hand)
{
    const float narrow[] = {3, 4, 0, 0, -3e20F, -4e20F, 0, 5e-40F};
    double unit[8];
    cr_assert(ist_normalise(4, 2, narrow, NULL, unit) == 1);
    const double expected[] = {0.6, 0.8, 0, 0, -0.6, -0.8, 0, 1};
    for (int e = 0; e < 8; e++)
        cr_expect(fabs(unit[e] - expected[e]) <= 0x1p-52, "%d: %.17g", e, unit[e]);
    const double extreme[] = {3e-320, 4e-320, 1.2e308, 1.6e308};
    cr_assert(ist_normalise(2, 2, NULL, extreme, unit) == 0);
    cr_expect(fabs(unit[0] - 0.6) < 1e-4 && fabs(unit[1] - 0.8) < 1e-4); /* as they are stored */
    cr_expect(fabs(unit[2] - 0.6) < 1e-15 && fabs(unit[3] - 0.8) < 1e-15);
}

/* Bit for bit, the same of a row times a power of two, of float32 as of float64. */
Test(normalise, definition)
{
    enum { D = 37, ROWS = 300 };
    static float narrow[ROWS * D];
    static double wide[ROWS * D], unit[ROWS * D], again[ROWS * D], one[D];
    for (int e = 0; e < ROWS * D; e++) {
        narrow[e] = (float)(uniform((uint64_t)e) - 0.3);
        wide[e] = ldexp((double)narrow[e], e / D - 150);
    }
    ist_normalise(ROWS, D, narrow, NULL, unit);
    ist_normalise(ROWS, D, NULL, wide, again);
    cr_expect(same_numbers(unit, again, (int64_t)ROWS * D));
    for (int i = 0; i < ROWS; i++) {
        double row[D];
        for (int f = 0; f < D; f++)
            row[f] = (double)narrow[i * D + f];
        divide_by_length(row, D, one);
        cr_assert(same_numbers(one, unit + (int64_t)i * D, D), "row %d", i);
    }
}

/* Exactly 2 whatever the roundings of a row's length; 0 between zero rows; what rows have of each other stays. */
Test(normalise, zero_rows)
{
    static const int64_t columns[] = {1, 2, 3, 7, 64, 1000};
    int above = 0, below = 0;
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
        int64_t d = columns[c], rows = ist_min(4000, 400000 / d);
        double *x = ist_alloc((size_t)(rows * d), sizeof *x);
        double *unit = ist_alloc((size_t)(rows * d), sizeof *unit);
        double *marked = ist_alloc((size_t)(rows * (d + 1)), sizeof *marked);
        for (int64_t e = 0; e < rows * d; e++)
            x[e] = e < 2 * d ? 0 : uniform((uint64_t)(e + 1)) - (c % 2 ? 0.5 : 0.1);
        cr_assert(ist_normalise(rows, d, NULL, x, unit) == 2);
        ist_mark_zero_rows(rows, d, unit, marked);
        cr_expect(square_distance(marked, marked + d + 1, d + 1) == 0);
        for (int64_t i = 2; i < rows; i++) {
            const double *row = marked + i * (d + 1);
            double length = square_distance(marked, row, d);
            above += length > 1;
            below += length < 1;
            cr_assert(square_distance(marked, row, d + 1) == 2 &&
                          square_distance(row, marked + d + 1, d + 1) == 2,
                      "%lld columns, row %lld, length %.17g", (long long)d, (long long)i, length);
            double before = square_distance(unit + i * d, unit + (i - 1) * d, d);
            double after = square_distance(row, row - (d + 1), d + 1);
            cr_expect(i == 2 || fabs(after - before) <= 0x1p-52 * before + 0x1p-90);
        }
        ist_free(x);
        ist_free(unit);
        ist_free(marked);
    }
    cr_expect(above > 1000 && below > 1000, "%d rows too long, %d too short", above, below);
}

/* Every length that a row of 2 x 10^6 columns may come to: 1 - 4 million 2^-53 ... 1 + 4 million 2^-52. */
Test(normalise, every_length)
{
    for (int64_t units = -4000000; units <= 4000000; units += units > -50 && units < 50 ? 1 : 997) {
        double s = units < 0 ? 1 + (double)units * 0x1p-53 : 1 + (double)units * 0x1p-52;
        double row[2] = {sqrt(s), 0}, marked[3];
        ist_mark_zero_rows(1, 2, row, marked);
        double zero[3] = {0, 0, 1};
        cr_assert(square_distance(zero, marked, 3) == 2, "%lld", (long long)units);
    }
}
