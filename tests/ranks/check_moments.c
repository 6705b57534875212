/* Sums of Gaussian kernels over all pairs: the same to the bit for any ranks and kernels, and what brute force finds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "brute.h"
#include "checks.h"
#include "infostrata/moments.h"
#include "rows.h"

enum { N = 130, D = 3, E = 5, KERNELS = 3 };

/* Rows that every rank knows, some of them equal. */
static double *layer_of(int64_t d, double phase)
{
    double *values = ist_alloc((size_t)(N * d), sizeof *values);
    for (int64_t e = 0; e < N * d; e++) {
        int64_t row = e / d % 50 == 7 ? 3 : e / d;
        values[e] = (float)sin(phase + 1.3 * (double)(row * d + e % d) + 0.2 * (double)row);
    }
    return values;
}

static int64_t label_of(int64_t row)
{
    return row * row % 11 % 4 - 1;
}

/* One pair, by the plain kernel: in units of 2^-52. */
static void pair_moments(const double distance[2], bool joint, const double weight[2],
                         int64_t found[IST_MOMENTS])
{
    const int64_t label = 0;
    double tile[2][IST_TILE * IST_TILE];
    int64_t all[1][IST_MOMENTS], labels[IST_TILE] = {0};
    tile[0][0] = distance[0];
    tile[1][0] = distance[1];
    for (int j = 1; j < 24; j++)
        tile[0][j] = tile[1][j] = 0;
    ist_kernel_choose("reference")
        ->moments(&(ist_moment_tile){.distance = {tile[0], joint ? tile[1] : NULL},
                                     .weight = {weight[0], weight[1]},
                                     .rows = 1,
                                     .columns = 1,
                                     .row_label = &label,
                                     .column_label = labels},
                  all);
    memcpy(found, all[0], sizeof all[0]);
}

/* The mean of the 64 rows with the smallest words, added in the order of the set. */
static void centre_of(const double *x, int64_t d, int parts, double *centre)
{
    enum { MOST = 64 };
    uint64_t word[N];
    double column[MOST];
    for (int64_t i = 0; i < N; i++)
        word[i] = ist_random_word(0, IST_RANDOM_BANDWIDTH, (uint64_t)i);
    for (int64_t f = 0; f < d; f++) {
        int64_t count = 0;
        for (int64_t s = 0; s < parts; s++)
            for (int64_t i = s; i < N; i += parts) {
                int64_t before = 0;
                for (int64_t j = 0; j < N; j++)
                    before += word[j] < word[i];
                if (before < MOST)
                    column[count++] = x[i * d + f];
            }
        centre[f] = ist_sum_in_order(column, count) / (double)count;
    }
}

static double product_about(const double *centre, const double *x, const double *y, int64_t d)
{
    double sum = 0;
    for (int64_t f = 0; f < d; f++)
        sum = fma(x[f] - centre[f], y[f] - centre[f], sum);
    return sum;
}

static double kernel_distance(const double *centre, const double *x, const double *y, int64_t d)
{
    return fmax(0, product_about(centre, x, x, d) + product_about(centre, y, y, d) -
                       2 * product_about(centre, x, y, d));
}

/* All ordered pairs of the rows of `segment` (of `parts`, by row mod parts). */
static ist_moments brute(const double *x, int64_t d, const double *y, int64_t e,
                         const double weight[2], bool labels, int parts, int segment,
                         long double truth[2])
{
    ist_int128 sum[IST_MOMENTS] = {0};
    double x_centre[D], y_centre[E];
    truth[0] = truth[1] = 0;
    centre_of(x, d, parts, x_centre);
    if (y)
        centre_of(y, e, parts, y_centre);
    for (int64_t i = segment; i < N; i += parts)
        for (int64_t j = segment; j < N; j += parts) {
            int64_t found[IST_MOMENTS];
            double distance[2] = {kernel_distance(x_centre, x + i * d, x + j * d, d),
                                  y ? kernel_distance(y_centre, y + i * e, y + j * e, e) : 0};
            double k = weight[0] * brute_distance(IST_METRIC_EUCLIDEAN, x + i * d, x + j * d, d);
            if (y)
                k += weight[1] * brute_distance(IST_METRIC_EUCLIDEAN, y + i * e, y + j * e, e);
            k = exp(-k);
            truth[0] += k;
            truth[1] += k * k;
            pair_moments(distance, y != NULL, weight, found);
            for (int q = 0; q < IST_MOMENTS; q++)
                sum[q] += q < 2 || (labels && label_of(i) == label_of(j)) ? found[q] : 0;
        }
    double value[IST_MOMENTS];
    for (int q = 0; q < IST_MOMENTS; q++)
        value[q] = (double)sum[q] * 0x1p-52;
    return (ist_moments){value[0], value[1], value[2], value[3]};
}

static const ist_moment_kernel kernels[KERNELS] = {{{0.5, 0.3}}, {{40, 0}}, {{1e-3, 1 / 3.0}}};

/* What is to be found in a set of rows. */
typedef struct {
    bool labels;
    int parts;
    ist_moments moments[3 * KERNELS];
} expected_moments;

/* Also: is it what the exponential of the C library gives? */
static bool expect(const double *x, const double *y, bool labels, int parts,
                   expected_moments *expected)
{
    bool right = true;
    *expected = (expected_moments){.labels = labels, .parts = parts};
    for (int s = 0; s < parts; s++)
        for (int m = 0; m < KERNELS; m++) {
            long double truth[2];
            ist_moments *here = &expected->moments[s * KERNELS + m];
            *here = brute(x, D, y, E, kernels[m].weight, labels, parts, s, truth);
            right = right && fabsl(here->sum - truth[0]) < 1e-14L * truth[0] &&
                    fabsl(here->squares - truth[1]) < 1e-14L * truth[1];
        }
    return right;
}

static bool moments_right(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                          const expected_moments *expected)
{
    int64_t label[N];
    for (int64_t i = 0; i < N; i++)
        label[i] = label_of(i);
    ist_moments found[3 * KERNELS];
    ist_pass_stats stats = {0};
    return ist_pass_moments(comm, engine, rows, expected->labels ? label : NULL, KERNELS, kernels,
                            found, &stats) &&
           memcmp(found, expected->moments, (size_t)(expected->parts * KERNELS) * sizeof *found) ==
               0;
}

static const char *const names[] = {"reference", "avx2", "avx512-skylake", "avx512"};

RANK_CHECK(moments_of_kernels)
{
    ist_comm mine = ist_comm_new(comm);
    double *x = layer_of(D, 0.3), *y = layer_of(E, 0.9);
    int64_t order[N], start[] = {0, (N + 2) / 3, (N + 2) / 3 + (N + 1) / 3, N};
    for (int64_t i = 0, at = 0; at < 3; at++)
        for (int64_t row = at; row < N; row += 3)
            order[i++] = row;
    expected_moments plain, labelled, both, parted;
    CHECK_ALL(comm, expect(x, NULL, false, 1, &plain) && expect(x, NULL, true, 1, &labelled) &&
                        expect(x, y, true, 1, &both) && expect(x, NULL, true, 3, &parted));
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        ist_engine engine = {.kernel = ist_kernel_choose(names[k]),
                             .chunk_bytes = k % 2 ? 1 << 20 : 1 << 12,
                             .skipping = k % 2 ? IST_SKIP_ALWAYS : IST_SKIP_NEVER};
        if (!engine.kernel)
            continue;
        ist_rows a, b, joint, parts;
        rows_distributed(&mine, IST_METRIC_EUCLIDEAN, x, N, D, k == 1, &a);
        rows_distributed(&mine, IST_METRIC_EUCLIDEAN, y, N, E, false, &b);
        ist_rows_cluster(&mine, &engine, &a);
        CHECK_ALL_TELL(comm, moments_right(&mine, &engine, &a, k % 2 ? &labelled : &plain), "%s",
                       names[k]);
        ist_rows_joint(&mine, &a, 0.7, &b, 1.5, &joint);
        CHECK_ALL_TELL(comm, moments_right(&mine, &engine, &joint, &both), "%s, joint", names[k]);
        ist_rows_by_part(&mine, &a, 3, order, start, &parts);
        CHECK_ALL_TELL(comm, moments_right(&mine, &engine, &parts, &parted), "%s, parts", names[k]);
        ist_rows_release(&parts);
        ist_rows_release(&joint);
        ist_rows_release(&a);
        ist_rows_release(&b);
    }
    ist_free(x);
    ist_free(y);
    ist_comm_release(&mine);
}

static double *sorted_distances(ist_metric metric, const double *x, int64_t n, int64_t d)
{
    double *all = ist_alloc((size_t)(n * (n - 1) / 2), sizeof *all);
    for (int64_t i = 0, at = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++, at++) {
            all[at] = brute_distance(metric, x + i * d, x + j * d, d);
            if (metric == IST_METRIC_EUCLIDEAN)
                all[at] = sqrt(all[at]);
        }
    ist_sort_reals(all, n * (n - 1) / 2);
    return all;
}

/* Few rows: all pairs. Many: those of a sample of rows, the same for any ranks. */
RANK_CHECK(distances_for_bandwidths)
{
    enum { MOST = 300, MANY = MOST + 200, FEW = 2, K = 4 };
    ist_comm mine = ist_comm_new(comm);
    ist_engine engine = {
        .kernel = ist_kernel_choose(NULL), .chunk_bytes = 1 << 20, .skipping = IST_SKIP_ALWAYS};
    double *x = layer_of(D, 0.3);
    int64_t count, sampled;
    for (int metric = 0; metric < IST_METRICS; metric++) {
        ist_rows rows;
        rows_distributed(&mine, (ist_metric)metric, x, N, D, metric == 1, &rows);
        if (metric == IST_METRIC_EUCLIDEAN) {
            ist_pass_stats stats = {0};
            ist_nearest *nearest =
                ist_pass_nearest(&mine, &engine, &rows, K, (ist_tie_rule){0}, &stats);
            double expected = 0;
            for (int64_t i = 0; i < N; i++) {
                double others[N];
                for (int64_t j = 0; j < N; j++)
                    others[j] = j == i
                                    ? INFINITY
                                    : brute_distance(IST_METRIC_EUCLIDEAN, x + i * D, x + j * D, D);
                ist_sort_reals(others, N);
                for (int p = 0; p < K - 1; p++)
                    expected += others[p] / (K - 1) / N;
            }
            double mean = ist_mean_square_nearest(&mine, &rows, nearest, K - 1);
            CHECK_ALL_TELL(comm, fabs(mean - expected) < 1e-13 * expected, "%g, not %g", mean,
                           expected);
            ist_nearest_free(&nearest);
            ist_rows_cluster(&mine, &engine, &rows);
        }
        double *found = ist_sampled_distances(&mine, &rows, 1, MOST, &count, &sampled);
        double *expected = sorted_distances((ist_metric)metric, x, N, D);
        CHECK_ALL(comm, sampled == N && count == N * (N - 1) / 2);
        CHECK_ALL(comm, memcmp(found, expected, (size_t)count * sizeof *found) == 0);
        ist_free(found);
        ist_free(expected);
        ist_rows_release(&rows);
    }
    ist_free(x);
    /* Rows 0, 1, 4, 9, ...: a distance tells the rows. */
    x = ist_alloc(MANY * FEW, sizeof *x);
    for (int64_t i = 0; i < MANY; i++)
        x[FEW * i] = (double)(i * i);
    ist_rows rows;
    rows_distributed(&mine, IST_METRIC_CHEBYSHEV, x, MANY, FEW, true, &rows);
    double *found = ist_sampled_distances(&mine, &rows, 1, MOST, &count, &sampled);
    double *other = ist_sampled_distances(&mine, &rows, 2, MOST, &count, &sampled);
    CHECK_ALL(comm, sampled == MOST && count == sampled * (sampled - 1) / 2);
    CHECK_ALL(comm, memcmp(found, other, (size_t)count * sizeof *found) != 0);
    uint64_t *word = ist_alloc(MANY, sizeof *word);
    double *kept = ist_alloc(MOST, sizeof *kept);
    int64_t at = 0;
    for (int64_t i = 0; i < MANY; i++)
        word[i] = ist_random_word(1, IST_RANDOM_BANDWIDTH, (uint64_t)i);
    for (int64_t i = 0; i < MANY; i++) {
        int64_t before = 0;
        for (int64_t j = 0; j < MANY; j++)
            before += word[j] < word[i];
        if (before < MOST)
            kept[at++] = x[FEW * i];
    }
    CHECK_ALL(comm, at == MOST);
    double *expected = sorted_distances(IST_METRIC_CHEBYSHEV, kept, at, 1);
    CHECK_ALL(comm, memcmp(found, expected, (size_t)count * sizeof *found) == 0);
    CHECK_ALL(comm, ist_quantile(found, count, 0) == expected[0] &&
                        ist_quantile(found, count, 1) == expected[count - 1] &&
                        ist_quantile((double[]){1, 2, 4, 8}, 4, 0.5) == 3);
    ist_free(word);
    ist_free(kept);
    ist_free(expected);
    ist_free(found);
    ist_free(other);
    ist_rows_release(&rows);
    ist_free(x);
    ist_comm_release(&mine);
}
