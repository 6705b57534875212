/* Directions, and rows projected onto them: the same bits for every instruction set and shape of the batch. */
#include "infostrata/slices.h"

#include "infostrata/pairs.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* ---- directions -------------------------------------------------------------------------------- */

static double dot(const double *a, const double *b, int64_t d)
{
    double sum = 0;
    for (int64_t f = 0; f < d; f++)
        sum += a[f] * b[f];
    return sum;
}

Test(slices, directions_are_orthonormal)
{
    enum { D = 37, MOST = IST_SLICE_COLUMNS };
    double v[MOST * D];
    for (int64_t d = MOST; d <= D; d += D - MOST)
        for (int64_t slice = 0; slice < 200; slice++) {
            ist_slice_directions(3, slice, (int)(slice % 2), d, MOST, v);
            for (int a = 0; a < MOST; a++)
                for (int b = 0; b < MOST; b++)
                    cr_assert_float_eq(dot(v + a * d, v + b * d, d), a == b, 1e-14);
        }
}

/* Different ones for each slice, side and seed; the first column does not depend on how many there are. One feature
 * leaves +1 and -1, which change nothing. */
Test(slices, directions_of_their_own)
{
    enum { D = 6 };
    double v[D], w[D], three[3 * D];
    ist_slice_directions(1, 7, 0, D, 1, v);
    ist_slice_directions(1, 7, 0, D, 3, three);
    cr_expect(memcmp(v, three, sizeof v) == 0);
    const struct {
        uint64_t seed;
        int64_t slice;
        int side;
    } others[] = {{2, 7, 0}, {1, 8, 0}, {1, 7, 1}};
    for (int i = 0; i < 3; i++) {
        ist_slice_directions(others[i].seed, others[i].slice, others[i].side, D, 1, w);
        cr_expect(fabs(dot(v, w, D)) < 0.999);
    }
    int ones = 0;
    for (int64_t slice = 0; slice < 64; slice++) {
        ist_slice_directions(1, slice, 1, 1, 1, v);
        cr_assert(fabs(v[0]) == 1);
        ones += v[0] > 0;
    }
    cr_expect(ones > 16 && ones < 48);
}

/* Uniform on the sphere: mean 0 and mean square 1 / d of every feature, also of later columns. */
Test(slices, directions_are_uniform)
{
    enum { D = 4, SLICES = 4000, COLUMNS = 2 };
    double sum[COLUMNS][D] = {{0}}, square[COLUMNS][D] = {{0}}, v[COLUMNS * D];
    for (int64_t slice = 0; slice < SLICES; slice++) {
        ist_slice_directions(0, slice, 0, D, COLUMNS, v);
        for (int c = 0; c < COLUMNS; c++)
            for (int f = 0; f < D; f++) {
                sum[c][f] += v[c * D + f];
                square[c][f] += v[c * D + f] * v[c * D + f];
            }
    }
    for (int c = 0; c < COLUMNS; c++)
        for (int f = 0; f < D; f++) {
            cr_expect_float_eq(sum[c][f] / SLICES, 0, 4 * 0.5 / sqrt(SLICES));
            cr_expect_float_eq(square[c][f] / SLICES, 0.25, 4 * 0.25 / sqrt(SLICES));
        }
}

/* ---- projection -------------------------------------------------------------------------------- */

enum { ROWS = 150, D = 300, COLUMNS = 53 };

static double *values_of(int64_t count, uint64_t seed)
{
    double *v = ist_alloc((size_t)count, sizeof *v);
    ist_random_normals(seed, IST_RANDOM_BENCH, 0, 0, count, v);
    return v;
}

static void expect_projection(const char *kernel, int64_t rows, int64_t d, int64_t columns,
                              bool wide, const double *x, const double *directions)
{
    float *narrow = ist_alloc((size_t)(rows * d), sizeof *narrow);
    for (int64_t e = 0; e < rows * d; e++)
        narrow[e] = (float)x[e];
    double *panels = ist_project_panels(directions, columns, d);
    double *room = ist_alloc((size_t)ist_project_room(columns), sizeof *room);
    double *out = ist_alloc((size_t)(rows * columns), sizeof *out);
    ist_slice_project(ist_project_tile_of(kernel), wide ? NULL : narrow, wide ? x : NULL, rows, d,
                      panels, columns, room, out);
    int64_t wrong = 0;
    for (int64_t c = 0; c < columns; c++)
        for (int64_t r = 0; r < rows; r++) {
            double sum = 0;
            for (int64_t f = 0; f < d; f++)
                sum = fma(wide ? x[r * d + f] : (double)narrow[r * d + f], directions[c * d + f],
                          sum);
            wrong += memcmp(&sum, &out[c * rows + r], sizeof sum) != 0;
        }
    cr_expect(wrong == 0, "%s, %d rows, %d features, %d columns: %d wrong", kernel, (int)rows,
              (int)d, (int)columns, (int)wrong);
    ist_free(narrow);
    ist_free(panels);
    ist_free(room);
    ist_free(out);
}

Test(slices, projections_are_defined_to_the_bit)
{
    double *x = values_of(ROWS * D, 1), *directions = values_of(COLUMNS * D, 2);
    const char *const kernels[] = {"avx512", "avx512-skylake", "avx2", "reference"};
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
        if (!ist_kernel_choose(kernels[k]))
            continue;
        for (int wide = 0; wide < 2; wide++) {
            expect_projection(kernels[k], ROWS, D, COLUMNS, wide, x, directions);
            expect_projection(kernels[k], 65, 128, 24, wide, x, directions);
            expect_projection(kernels[k], 9, 7, 16, wide, x, directions);
            expect_projection(kernels[k], 1, 1, 1, wide, x, directions);
            expect_projection(kernels[k], 0, 5, 3, wide, x, directions);
        }
    }
    ist_free(x);
    ist_free(directions);
}

/* T16 of measures.md: of two copies of normals of d features a slice has -ln(1 - (theta phi)^2) / 2. */
Test(slices, mean_over_directions_is_the_closed_form)
{
    enum { SLICES = 2000, MOST = 100 };
    const struct {
        int64_t d;
        double truth;
    } known[] = {{3, 0.3068528194}, {4, 0.1931471806}, {10, 0.0586233710}, {MOST, 0.0050760114}};
    double theta[MOST], phi[MOST];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double sum = 0, squares = 0;
        for (int64_t s = 0; s < SLICES; s++) {
            ist_slice_directions(0, s, 0, known[i].d, 1, theta);
            ist_slice_directions(0, s, 1, known[i].d, 1, phi);
            double rho = dot(theta, phi, known[i].d), value = -log1p(-rho * rho) / 2;
            sum += value;
            squares += value * value;
        }
        double mean = sum / SLICES, sd = sqrt(squares / SLICES - mean * mean);
        cr_expect_float_eq(mean, known[i].truth, 4 * sd / sqrt(SLICES), "d = %d: %g, not %g",
                           (int)known[i].d, mean, known[i].truth);
    }
}
