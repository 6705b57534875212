/* Clustered rows and skipped tiles against brute-force float64, to the integer: data in which tiles
 * are really skipped, thinned and counted whole, and data that makes their bounds hard. */
#include <math.h>
#include <stdio.h>

#include "brute.h"
#include "checks.h"
#include "infostrata/ring.h"
#include "rows.h"

/* ---- data ---------------------------------------------------------------------------------- */

static double uniform(uint64_t item)
{
    return (double)(ist_random_word(77, IST_RANDOM_PARTS, item) >> 11) * 0x1p-53;
}

static double normal(uint64_t item)
{
    return sqrt(-2 * log(1 - uniform(2 * item))) * cos(6.283185307179586 * uniform(2 * item + 1));
}

/* Value of a column; `cell` numbers the cells of the matrix, and of the matrix of the other layer. */
typedef double value_rule(uint64_t cell, int64_t row, int64_t column);

static double spread(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return uniform(cell);
}
static double centre_of(int64_t row, int64_t column)
{
    return 8 * normal(((uint64_t)(row % 11) << 20) + (uint64_t)column + (UINT64_C(1) << 40));
}
static double far_clusters(uint64_t cell, int64_t row, int64_t column)
{
    return centre_of(row, column) + 0.3 * normal(cell);
}
static double tight_clusters(uint64_t cell, int64_t row, int64_t column)
{
    return centre_of(row, column) + 1e-6 * normal(cell);
}
static double tight_far_away(uint64_t cell, int64_t row, int64_t column)
{
    return 1e5 + centre_of(row, column) + 1e-2 * normal(cell);
}
static double copies(uint64_t cell, int64_t row, int64_t column)
{
    (void)cell;
    return centre_of(row, column);
}
static double lattice(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return floor(20 * uniform(cell));
}
static double heavy_tails(uint64_t cell, int64_t row, int64_t column)
{
    (void)column;
    double size = uniform((uint64_t)row + (UINT64_C(1) << 41));
    return normal(cell) / (0.001 + size * size);
}
static double tiny(uint64_t cell, int64_t row, int64_t column)
{
    return 1e-36 * far_clusters(cell, row, column);
}
static double large(uint64_t cell, int64_t row, int64_t column)
{
    return 1e17 * far_clusters(cell, row, column);
}
static double all_equal(uint64_t cell, int64_t row, int64_t column)
{
    (void)cell, (void)row, (void)column;
    return 0.1;
}

static const struct {
    const char *name;
    value_rule *rule;
    bool
        skips; /* at the sizes of these checks, so many tiles that the check would be void otherwise */
} kinds[] = {
    {"uniform", spread, false},
    {"far clusters", far_clusters, true},
    {"tight clusters", tight_clusters, true},
    {"tight clusters far away", tight_far_away, true},
    {"copies", copies, true},
    {"lattice", lattice, false},
    {"heavy tails", heavy_tails, false},
    {"tiny", tiny, true},
    {"large", large, true},
    {"all equal", all_equal, false},
};

static double *make_data(value_rule *rule, int64_t n, int64_t d, bool wide, uint64_t layer)
{
    double *values = ist_alloc((size_t)(n * d), sizeof *values);
    for (int64_t e = 0; e < n * d; e++) {
        double value = rule((layer << 36) + (uint64_t)e, e / d, e % d);
        values[e] = wide ? value : (double)(float)value;
    }
    return values;
}

/* ---- one case ------------------------------------------------------------------------------ */

typedef struct {
    int64_t n, k, batch, chunk_rows, d[2];
    bool wide, parts;
    ist_tie_rule ties;
} skip_case;

static bool row_right(const ist_rows *rows, const double *values, const skip_case *c, int64_t i,
                      const ist_nearest *nearest, brute_other *found)
{
    int64_t count = brute_others(rows, values, rows->home.first + i, c->ties, found);
    brute_sort(found, count);
    bool right = nearest->held[i] == c->k;
    for (int64_t p = 0; p < c->k && right; p++)
        right = ist_row_number(rows, nearest->neighbour[i * c->k + p]) == found[p].row &&
                nearest->distance[i * c->k + p] == found[p].distance;
    return right;
}

static bool ranks_right(const ist_rows *rows, const double *values, const skip_case *c, int64_t i,
                        const int32_t *target, const int64_t *twice_rank, brute_other *found)
{
    int64_t count = brute_others(rows, values, rows->home.first + i, c->ties, found);
    bool right = true;
    for (int64_t p = 0; p < c->k && right; p++) {
        int64_t j = ist_row_number(rows, target[i * c->k + p]);
        right = twice_rank[i * c->k + p] == brute_twice_rank(found, count, j, c->ties.by_index);
    }
    return right;
}

/* Counts below the distance of the last neighbour, and below four times as much. */
static bool below_right(const ist_rows *rows, const double *values, const skip_case *c, int64_t i,
                        const double *threshold, const int64_t *closer, const int64_t *equal,
                        brute_other *found)
{
    int64_t count = brute_others(rows, values, rows->home.first + i, c->ties, found);
    for (int m = 0; m < 2; m++) {
        int64_t below = 0, same = 0;
        for (int64_t o = 0; o < count; o++) {
            below += found[o].distance < threshold[m];
            same += found[o].distance == threshold[m];
        }
        if (closer[m] != below || equal[m] != same)
            return false;
    }
    return true;
}

static bool all_below_right(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                            const double *values, const skip_case *c, const ist_nearest *nearest)
{
    size_t entries = 2 * (size_t)rows->home.count;
    double *threshold = ist_alloc(entries, sizeof *threshold);
    int64_t *closer = ist_alloc(entries, sizeof *closer),
            *equal = ist_alloc(entries, sizeof *equal);
    for (int64_t i = 0; i < rows->home.count; i++) {
        threshold[2 * i] = nearest->distance[i * c->k + c->k - 1];
        threshold[2 * i + 1] = 4 * threshold[2 * i];
    }
    ist_pass_stats stats = {0};
    ist_pass_counts_below(comm, engine, rows, 2, threshold, closer, equal, &stats);
    brute_other *found = ist_alloc((size_t)c->n, sizeof *found);
    bool right = true;
    for (int64_t i = 0; i < rows->home.count && right; i++)
        right = below_right(rows, values, c, i, threshold + 2 * i, closer + 2 * i, equal + 2 * i,
                            found);
    ist_free(found);
    ist_free(threshold);
    ist_free(closer);
    ist_free(equal);
    return right;
}

static bool all_right(const ist_rows *from, const ist_rows *to, const double *const values[2],
                      const skip_case *c, const ist_nearest *nearest, const int64_t *ranks)
{
    brute_other *found = ist_alloc((size_t)c->n, sizeof *found);
    bool right = nearest->count == from->home.count;
    for (int64_t i = 0; i < from->home.count && right; i++)
        right = row_right(from, values[0], c, i, nearest, found) &&
                ranks_right(to, values[1], c, i, nearest->neighbour, ranks, found);
    ist_free(found);
    return right;
}

static bool case_right(const ist_comm *comm, value_rule *rule, const skip_case *c,
                       const char *kernel, ist_pass_stats stats[2])
{
    ist_engine engine = {.kernel = ist_kernel_choose(kernel),
                         .chunk_bytes = 1 << 20,
                         .chunk_rows = c->chunk_rows,
                         .skipping = IST_SKIP_ALWAYS};
    const double *values[2];
    ist_rows whole[2], parts[2] = {{0}}, *rows[2];
    int64_t *order = ist_alloc((size_t)c->n, sizeof *order), start[4];
    ist_random_parts(c->n, 3, order, start);
    for (int l = 0; l < 2; l++) {
        double *data = make_data(rule, c->n, c->d[l], c->wide, (uint64_t)l + 1);
        values[l] = data;
        rows_distributed(comm, IST_METRIC_EUCLIDEAN, data, c->n, c->d[l], c->wide, &whole[l]);
        ist_rows_cluster(comm, &engine, &whole[l]);
        rows[l] = &whole[l];
        if (c->parts) {
            ist_rows_by_part(comm, &whole[l], 3, order, start, &parts[l]);
            ist_rows_cluster(comm, &engine, &parts[l]);
            rows[l] = &parts[l];
        }
    }
    ist_nearest *nearest = ist_pass_nearest(comm, &engine, rows[0], c->k, c->ties, &stats[0]);
    int64_t *ranks = ist_alloc((size_t)(rows[1]->home.count * c->k), sizeof *ranks);
    ist_thresholds thresholds = {.stride = c->k, .target = nearest->neighbour};
    ist_pass_counts(comm, &engine, rows[1], c->ties.by_index, &thresholds, c->batch, ranks, NULL,
                    &stats[1]);
    bool right = all_right(rows[0], rows[1], values, c, nearest, ranks);
    right = all_below_right(comm, &engine, rows[0], values[0], c, nearest) && right;
    ist_free(ranks);
    ist_nearest_free(&nearest);
    for (int l = 0; l < 2; l++) {
        ist_rows_release(&whole[l]);
        ist_rows_release(&parts[l]);
        ist_free((void *)(uintptr_t)values[l]);
    }
    ist_free(order);
    return right;
}

/* All pairs were answered, and where tiles can be left out some were. */
static bool stats_right(const ist_comm *comm, const ist_pass_stats *stats, const skip_case *c,
                        int64_t rounds, bool skips)
{
    int64_t expected = 0, left_out = stats->tiles_skipped + stats->tiles_thinned;
    for (int part = 0; part < (c->parts ? 3 : 1); part++) {
        int64_t n = c->parts ? ist_share(c->n, 3, part + 1) - ist_share(c->n, 3, part) : c->n;
        expected += rounds * (n * (n - 1) / 2);
    }
    int64_t sums[2] = {(int64_t)stats->pairs, left_out};
    ist_sum(comm, sums, 2);
    return sums[0] == expected && (!skips || sums[1] > 0);
}

static void check_kinds(MPI_Comm handle, const skip_case *c)
{
    static const char *const kernels[] = {"avx512", "avx2", "reference"};
    ist_comm comm = ist_comm_new(handle);
    for (size_t kernel = 0; kernel < 3; kernel++)
        for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
            /* The slow kernel, which has no filter and skips nothing, shows that orders do no harm. */
            static const size_t most[] = {SIZE_MAX, 4, 2};
            if (!ist_kernel_choose(kernels[kernel]) || kind >= most[kernel])
                continue;
            ist_pass_stats stats[2] = {{0}};
            bool filtered = kernel < 2;
            bool right = case_right(&comm, kinds[kind].rule, c, kernels[kernel], stats);
            CHECK_ALL_TELL(handle, right, "%s, kernel %s", kinds[kind].name, kernels[kernel]);
            const int64_t rounds[2] = {1, ist_ceil_div(c->k, c->batch)};
            for (int pass = 0; pass < 2; pass++)
                CHECK_ALL_TELL(handle,
                               stats_right(&comm, &stats[pass], c, rounds[pass],
                                           kinds[kind].skips && filtered),
                               "pass %d of %s, kernel %s: not what it says it did", pass + 1,
                               kinds[kind].name, kernels[kernel]);
        }
    ist_comm_release(&comm);
}

RANK_CHECK(skipping_narrow)
{
    check_kinds(comm, &(skip_case){.n = 1100, .k = 3, .batch = 3, .d = {2, 5}});
}

RANK_CHECK(skipping_one_dimension)
{
    check_kinds(comm, &(skip_case){.n = 1000, .k = 1, .batch = 1, .d = {1, 1}, .chunk_rows = 300});
}

RANK_CHECK(skipping_wide)
{
    check_kinds(comm, &(skip_case){.n = 1100, .k = 2, .batch = 2, .d = {3, 70}, .wide = true});
}

RANK_CHECK(skipping_by_index)
{
    check_kinds(comm, &(skip_case){.n = 1050,
                                   .k = 4,
                                   .batch = 2,
                                   .d = {3, 2},
                                   .chunk_rows = 1,
                                   .ties = {.by_index = true}});
}

RANK_CHECK(skipping_many_thresholds)
{
    check_kinds(comm, &(skip_case){.n = 1000, .k = 12, .batch = 12, .d = {2, 3}});
}

RANK_CHECK(skipping_in_parts)
{
    check_kinds(comm, &(skip_case){.n = 3000, .k = 2, .batch = 2, .d = {2, 2}, .parts = true});
}
