/* The parts of kernel moments: the same bits by every kernel, and right. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "test_pairs_support.h"

static const char *const names[] = {"reference", "avx2", "avx512-skylake", "avx512"};
enum { NAMES = sizeof names / sizeof *names, TILE = IST_TILE * IST_TILE };

/* From 0 to beyond where nothing is left, finely where much is. */
static void fill(double *values, int64_t count)
{
    uint64_t state = 7;
    for (int64_t e = 0; e < count; e++) {
        double u = next_uniform(&state) + 0.5;
        values[e] = e % 3 == 0 ? 40 * u : e % 3 == 1 ? u : u * 1e-9;
    }
    static const double odd[] = {0, -0.0, 37, 36.999999, 1e300, 0x1p-1074, 1e-17, INFINITY};
    memcpy(values, odd, sizeof odd);
}

Test(pairs_moments, exponential)
{
    static double x[TILE], plain[TILE], found[TILE];
    fill(x, TILE);
    for (int n = 0; n < NAMES; n++) {
        const ist_kernel *kernel = ist_kernel_choose(names[n]);
        if (!kernel)
            continue;
        memcpy(found, x, sizeof x);
        kernel->decay(found, TILE);
        if (n == 0)
            memcpy(plain, found, sizeof found);
        int wrong = 0;
        for (int e = 0; e < TILE; e++)
            wrong += found[e] != plain[e];
        cr_expect_eq(wrong, 0, "%s: %d", names[n], wrong);
    }
    cr_expect(plain[0] == 1 && plain[1] == 1 && plain[2] == 0 && plain[4] == 0 && plain[7] == 0);
    double worst = 0;
    for (int e = 0; e < TILE; e++) {
        long double truth = expl(-(long double)x[e]);
        if (x[e] < 37)
            worst = fmax(worst, (double)fabsl((long double)plain[e] / truth - 1));
        cr_assert(plain[e] >= 0 && plain[e] <= 1);
    }
    cr_expect_leq(worst, 0x1p-52);
}

/* Rows and columns of a tile about a centre, and the kernel distances by the definition. */
Test(pairs_moments, squares)
{
    enum { D = 21, ROWS = 93, COLUMNS = 50 };
    static float narrow[2][IST_TILE * D];
    static double wide[2][IST_TILE * D], rows[IST_TILE * D], columns[IST_TILE * D], tile[TILE];
    double centre[D], square[ROWS];
    uint64_t state = 3;
    for (int e = 0; e < IST_TILE * D; e++)
        for (int side = 0; side < 2; side++) {
            narrow[side][e] = (float)(100 + next_uniform(&state));
            wide[side][e] = (double)narrow[side][e];
        }
    memcpy(narrow[1], narrow[0], 7 * D * sizeof(float));
    memcpy(wide[1], wide[0], 7 * D * sizeof(double));
    for (int f = 0; f < D; f++)
        centre[f] = 100.01 + 0.001 * f;
    for (int form = 0; form < 2 * NAMES; form++) {
        const ist_kernel *kernel = ist_kernel_choose(names[form / 2]);
        if (!kernel)
            continue;
        const float *n[2] = {form % 2 ? NULL : narrow[0], form % 2 ? NULL : narrow[1]};
        const double *w[2] = {form % 2 ? wide[0] : NULL, form % 2 ? wide[1] : NULL};
        kernel->load_rows(n[0], w[0], ROWS, D, centre, rows);
        kernel->load_columns(n[1], w[1], COLUMNS, D, centre, columns);
        kernel->row_squares(rows, ROWS, D, square);
        kernel->squares(rows, square, ROWS, columns, D, tile);
        int wrong = 0;
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < COLUMNS; j++) {
                double a = 0, b = 0, q = 0;
                for (int f = 0; f < D; f++) {
                    double x = wide[0][i * D + f] - centre[f], y = wide[1][j * D + f] - centre[f];
                    a = fma(x, x, a);
                    b = fma(y, y, b);
                    q = fma(x, y, q);
                }
                double expected = fmax(0, a + b - 2 * q), found = tile[i * IST_TILE + j];
                wrong += found != expected || (i == j && i < 7 && found != 0);
            }
        cr_expect_eq(wrong, 0, "%s, %s: %d", kernel->name, form % 2 ? "float64" : "float32", wrong);
    }
}

/* Sums of a tile: integers, whatever the kernel; masks of labels and of columns that are not there. */
Test(pairs_moments, sums)
{
    enum { ROWS = 90, SOME = 61 };
    static double tile[2][TILE], k[TILE];
    int64_t row_label[IST_TILE], column_label[IST_TILE];
    fill(tile[0], TILE);
    fill(tile[1], TILE);
    for (int i = 0; i < IST_TILE; i++) {
        row_label[i] = i % 3;
        column_label[i] = i % 4 - 1;
    }
    for (int form = 0; form < 8; form++)
        for (int n = 0; n < NAMES; n++) {
            const ist_kernel *kernel = ist_kernel_choose(names[n]);
            if (!kernel)
                continue;
            const bool joint = form & 1, labels = form & 2;
            const int columns = form & 4 ? IST_TILE : SOME;
            int64_t found[IST_TILE][IST_MOMENTS];
            ist_moment_tile t = {.distance = {tile[0], joint ? tile[1] : NULL},
                                 .weight = {0.7, 1.3},
                                 .rows = ROWS,
                                 .columns = columns,
                                 .row_label = labels ? row_label : NULL,
                                 .column_label = column_label};
            kernel->moments(&t, found);
            for (int e = 0; e < TILE; e++)
                k[e] = tile[0][e] * 0.7 + (joint ? tile[1][e] * 1.3 : 0);
            ist_kernel_choose("reference")->decay(k, TILE);
            int wrong = 0;
            for (int i = 0; i < ROWS; i++) {
                int64_t expected[IST_MOMENTS] = {0};
                for (int j = 0; j < columns; j++) {
                    double value = k[i * IST_TILE + j];
                    int64_t unit = llrint(value * 0x1p52), square = llrint(value * value * 0x1p52);
                    const bool same = labels && row_label[i] == column_label[j];
                    expected[0] += unit;
                    expected[1] += square;
                    expected[2] += same ? unit : 0;
                    expected[3] += same ? square : 0;
                }
                wrong += memcmp(expected, found[i],
                                (size_t)(labels ? IST_MOMENTS : 2) * sizeof *expected) != 0;
            }
            cr_expect_eq(wrong, 0, "%s, form %d: %d rows", kernel->name, form, wrong);
        }
}
