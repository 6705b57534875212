/* The table of the note `calibration`: its order, what is between its entries, and some of them by brute force. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "infostrata/bench.h"
#include "infostrata/measures.h"

enum {
    D = IST_CALIBRATED_DIMENSIONS,
    NS = IST_CALIBRATED_SAMPLES,
    KS = IST_CALIBRATED_NEIGHBOURS,
    SETS = IST_CALIBRATED_SETS,
    ESTIMATORS = IST_CALIBRATED_ESTIMATORS
};

static const int64_t *const columns = ist_calibrated_dimensions;

typedef struct {
    int64_t n, d_x, d_y;
    double thousandths[ESTIMATORS * KS];
} information_line;

typedef struct {
    int64_t rows, d;
    double thousandths;
} dimension_line;

#define INFORMATION(n, d_x, d_y, ...) {n, d_x, d_y, {__VA_ARGS__}},
#define DIMENSION(rows, d, found)
static const information_line information[] = {
#include "../../src/measures/calibration.def"
};
#undef INFORMATION
#undef DIMENSION
#define INFORMATION(n, d_x, d_y, ...)
#define DIMENSION(rows, d, found) {rows, d, found},
static const dimension_line dimensions[] = {
#include "../../src/measures/calibration.def"
};

enum {
    LINES = sizeof information / sizeof information[0],
    ALONE = sizeof dimensions / sizeof dimensions[0]
};

static const information_line *line_of(int64_t n, int64_t d_x, int64_t d_y)
{
    for (int l = 0; l < LINES; l++)
        if (information[l].n == n && information[l].d_x == d_x && information[l].d_y == d_y)
            return &information[l];
    cr_assert_fail("no line of N = %d, %d, %d", (int)n, (int)d_x, (int)d_y);
    return NULL;
}

/* The code that reads the file takes its lines by their places. */
Test(calibration, lines_are_whole_and_in_the_order_of_the_axes)
{
    int at = 0;
    cr_assert(LINES == NS * D * (D + 1) / 2 && ALONE == SETS * D);
    for (int n = 0; n < NS; n++)
        for (int x = 0; x < D; x++)
            for (int y = x; y < D; y++, at++) {
                const information_line *line = &information[at];
                cr_expect(line->n == ist_calibrated_samples[n] && line->d_x == columns[x] &&
                              line->d_y == columns[y],
                          "line %d", at);
                for (int c = 0; c < ESTIMATORS * KS; c++)
                    cr_expect(line->thousandths[c] != 0 && fabs(line->thousandths[c]) < 1100);
            }
    for (at = 0; at < ALONE; at++)
        cr_expect(dimensions[at].rows == ist_calibrated_sets[at / D] &&
                  dimensions[at].d == columns[at % D]);
}

Test(calibration, exact_at_its_entries)
{
    for (int l = 0; l < LINES; l++)
        for (int c = 0; c < ESTIMATORS * KS; c++) {
            const information_line *line = &information[l];
            int64_t k = ist_calibrated_neighbours[c % KS];
            double wanted = line->thousandths[c] / 1000, x = (double)line->d_x;
            ist_calibrated which = (ist_calibrated)(c / KS);
            double y = (double)line->d_y;
            cr_expect(ist_calibration(which, line->n, k, x, y) == wanted);
            cr_expect(ist_calibration(which, line->n, k, y, x) == wanted);
        }
    for (int a = 0; a < ALONE; a++)
        cr_expect(
            fabs(ist_calibrated_columns(dimensions[a].thousandths / 1000, dimensions[a].rows) /
                     (double)dimensions[a].d -
                 1) < 1e-12);
}

/* Along each axis from one entry to the next. */
static double along(int axis, double t)
{
    const double from[] = {1024, 3, 3, 8}, to[] = {4096, 10, 5, 12};
    double at[4];
    for (int a = 0; a < 4; a++)
        at[a] = a == axis ? from[a] * pow(to[a] / from[a], t) : from[a];
    return ist_calibration(IST_CALIBRATED_TYPE_1, llround(at[0]), llround(at[1]), at[2], at[3]);
}

Test(calibration, linear_in_logarithms_between_them)
{
    const int64_t k_of[] = {3, 4, 5, 6, 7, 8, 9, 10};
    double first = along(1, 0), last = along(1, 1);
    for (int i = 0; i < 8; i++) {
        double t = log((double)k_of[i] / 3) / log(10.0 / 3);
        cr_expect(fabs(along(1, t) - (first + t * (last - first))) < 1e-12);
    }
    for (int axis = 0; axis < 4; axis++) {
        double sign = along(axis, 1) > along(axis, 0) ? 1 : -1, before = along(axis, 0);
        cr_expect(sign * (along(axis, 1) - before) > 0.01);
        for (int i = 1; i <= 64; i++) {
            double now = along(axis, i / 64.0);
            cr_expect(sign * (now - before) >= -1e-15, "axis %d, %d / 64", axis, i);
            before = now;
        }
    }
    cr_expect(fabs(along(0, 0.5) - (along(0, 0) + along(0, 1)) / 2) < 1e-12);
    cr_expect(fabs(along(3, 0.25) - (0.75 * along(3, 0) + 0.25 * along(3, 1))) < 1e-12);
}

Test(calibration, layers_change_places)
{
    for (int i = 0; i < 20; i++)
        for (int j = 0; j < 20; j++) {
            double x = 0.7 * pow(1.3, i), y = 0.8 * pow(1.27, j);
            cr_expect(ist_calibration(IST_CALIBRATED_PAPER, 3000, 5, x, y) ==
                      ist_calibration(IST_CALIBRATED_PAPER, 3000, 5, y, x));
        }
}

Test(calibration, beyond_the_axes_the_nearest_end)
{
    const ist_calibrated which = IST_CALIBRATED_TYPE_2;
    cr_expect(ist_calibration(which, 20, 3, 2, 5) == ist_calibration(which, 256, 3, 2, 5));
    cr_expect(ist_calibration(which, 1000000, 3, 2, 5) == ist_calibration(which, 32768, 3, 2, 5));
    cr_expect(ist_calibration(which, 1024, 500, 2, 5) == ist_calibration(which, 1024, 100, 2, 5));
    cr_expect(ist_calibration(which, 1024, 3, 0.3, 5) == ist_calibration(which, 1024, 3, 1, 5));
    cr_expect(ist_calibration(which, 1024, 3, 2, 900) == ist_calibration(which, 1024, 3, 2, 64));
    cr_expect(isnan(ist_calibration(which, 1024, 3, NAN, 5)));
    cr_expect(isnan(ist_calibration(which, 1024, 3, 5, NAN)));
    cr_expect(ist_calibrated_columns(0.2, 400) == 1 && ist_calibrated_columns(1e3, 400) == 64);
    cr_expect(ist_calibrated_columns(7, 3) == ist_calibrated_columns(7, 64));
    cr_expect(ist_calibrated_columns(7, 1 << 20) == ist_calibrated_columns(7, 32768));
    cr_expect(isnan(ist_calibrated_columns(NAN, 400)));
}

Test(calibration, columns_rise_with_the_dimension_found)
{
    for (int64_t rows = 20; rows < 200000; rows = rows * 3 / 2) {
        double before = 1;
        for (int i = 2; i < 320; i++) {
            double found = i / 4.0;
            double now = ist_calibrated_columns(found, rows);
            cr_expect(now >= before && now <= 64);
            cr_expect(found < 9 || now >= fmin(found, 64), "%g among %d: %g", found, (int)rows,
                      now);
            before = now;
        }
        cr_expect(before == 64);
    }
}

/* What is known of the estimators: they shrink with dimension, less so with more samples or fewer neighbours. */
Test(calibration, entries_are_plausible)
{
    for (int n = 0; n < NS; n++)
        for (int x = 0; x < D; x++) {
            int64_t samples = ist_calibrated_samples[n];
            const double *here = line_of(samples, columns[x], columns[x])->thousandths;
            cr_expect(x > 0 || fabs(here[1] - 1000) < 50);
            if (columns[x] >= 5) {
                const double *lower = line_of(samples, columns[x - 1], columns[x - 1])->thousandths;
                cr_expect(here[0] > here[1] && here[1] > here[2] && here[2] > here[3] &&
                          here[3] > here[4]);
                cr_expect(here[1] < lower[1]);
            }
            if (columns[x] >= 5 && n > 0)
                cr_expect(
                    here[1] >
                    line_of(ist_calibrated_samples[n - 1], columns[x], columns[x])->thousandths[1]);
        }
}

/* ---- by brute force ------------------------------------------------------------------------------ */

enum { N = 256, D_X = 2, D_Y = 3, DRAWS = 32768 / N };

/* Squared distances of row i to all rows, over the mean of all pairs. */
static void distances(const float *rows, int d, int i, double mean, double *to)
{
    for (int j = 0; j < N; j++) {
        to[j] = 0;
        for (int f = 0; f < d; f++)
            to[j] += pow((double)rows[i * d + f] - (double)rows[j * d + f], 2);
        to[j] /= mean;
    }
}

static double mean_of_pairs(const float *rows, int d)
{
    double sum = 0, *to = malloc(N * sizeof *to);
    for (int i = 0; i < N; i++) {
        distances(rows, d, i, 1, to);
        for (int j = 0; j < N; j++)
            sum += to[j];
    }
    free(to);
    return sum / N / (N - 1);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Other rows nearer than the limit, or as near. */
static int others(const double *to, int i, double limit, bool reach)
{
    int count = 0;
    for (int j = 0; j < N; j++)
        count += j != i && (to[j] < limit || (reach && to[j] == limit));
    return count;
}

/* The largest distance of those at most as far as the limit in both. */
static double box(const double *to, const double *joint, int i, double limit)
{
    double largest = 0;
    for (int j = 0; j < N; j++)
        if (j != i && joint[j] <= limit)
            largest = fmax(largest, to[j]);
    return largest;
}

static void add_row(const double *x, const double *y, int i, double sum[ESTIMATORS][KS])
{
    double joint[N], sorted[N];
    for (int j = 0; j < N; j++)
        sorted[j] = joint[j] = j == i ? -1 : fmax(x[j], y[j]);
    qsort(sorted, N, sizeof *sorted, ascending);
    for (int at = 0; at < KS; at++) {
        int64_t k = ist_calibrated_neighbours[at];
        double r = sorted[k], box_x = box(x, joint, i, r), box_y = box(y, joint, i, r);
        sum[IST_CALIBRATED_TYPE_1][at] += ist_digamma(N) + ist_digamma(k) -
                                          ist_digamma(others(x, i, r, false) + 1) -
                                          ist_digamma(others(y, i, r, false) + 1);
        sum[IST_CALIBRATED_TYPE_2][at] += ist_digamma(N) + ist_digamma(k) - 1.0 / (double)k -
                                          ist_digamma(others(x, i, box_x, true)) -
                                          ist_digamma(others(y, i, box_y, true));
        sum[IST_CALIBRATED_PAPER][at] += log(N) + ist_digamma(k) - log(others(x, i, r, true) + 1) -
                                         log(others(y, i, r, true) + 1);
    }
}

Test(calibration, an_entry_by_brute_force, .timeout = 120)
{
    double sum[ESTIMATORS][KS] = {{0}}, shared = 0, x[N], y[N];
    for (int64_t draw = 0; draw < DRAWS; draw++) {
        const ist_calibration_pair pair = {N, D_X, D_Y, draw};
        float *x_rows = ist_calibration_rows(&pair, 0, 0, N);
        float *y_rows = ist_calibration_rows(&pair, 1, 0, N);
        double x_mean = mean_of_pairs(x_rows, D_X), y_mean = mean_of_pairs(y_rows, D_Y);
        for (int i = 0; i < N; i++) {
            distances(x_rows, D_X, i, x_mean, x);
            distances(y_rows, D_Y, i, y_mean, y);
            add_row(x, y, i, sum);
            shared += (double)x_rows[i * D_X] * (double)y_rows[i * D_Y];
        }
        ist_free(x_rows);
        ist_free(y_rows);
    }
    /* Two columns, half a nat each. */
    cr_expect(fabs(shared / N / DRAWS - sqrt(1 - exp(-1))) < 0.02);
    for (int c = 0; c < ESTIMATORS * KS; c++) {
        double mean = sum[c / KS][c % KS] / N / DRAWS * 1000;
        double shipped = line_of(N, D_X, D_Y)->thousandths[c];
        cr_expect(fabs(mean - shipped) < 0.51, "column %d: %g instead of %g", c, mean, shipped);
    }
}

Test(calibration, draws_do_not_depend_on_who_draws)
{
    const ist_calibration_pair pair = {100, 3, 7, 2};
    for (int side = 0; side < 2; side++) {
        int64_t d = side ? 7 : 3;
        float *all = ist_calibration_rows(&pair, side, 0, 100);
        float *some = ist_calibration_rows(&pair, side, 40, 20);
        for (int64_t e = 0; e < 20 * d; e++)
            cr_expect(some[e] == all[40 * d + e]);
        double sum = 0, squares = 0;
        for (int64_t e = 0; e < 100 * d; e++) {
            sum += (double)all[e];
            squares += (double)all[e] * (double)all[e];
        }
        cr_expect(fabs(sum / 100 / (double)d) < 0.2);
        cr_expect(fabs(squares / 100 / (double)d - 1) < 0.25);
        ist_free(all);
        ist_free(some);
    }
}
