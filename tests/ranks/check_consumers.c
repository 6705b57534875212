/* What is built on a pass beside imbalances: counts below any thresholds, the k nearest within classes, sums of real
 * numbers over all pairs. */
#include "brute.h"
#include "checks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infostrata/ring.h"
#include "rows.h"

enum { N = 230, D = 7 };

/* Row values that every rank knows: real numbers, or few small integers. */
static double value_at(int64_t row, int64_t column, bool lattice)
{
    static double sine[N][D];
    double *value = &sine[row][column];
    if (*value == 0)
        *value = sin((double)(row * 31 + column * 17) + 0.37 * (double)(row * column));
    return lattice ? floor(2 * *value) : (double)(float)*value;
}

static double distance_of(ist_metric metric, int64_t a, int64_t b, bool lattice)
{
    double x[D], y[D];
    for (int64_t f = 0; f < D; f++) {
        x[f] = value_at(a, f, lattice);
        y[f] = value_at(b, f, lattice);
    }
    return brute_distance(metric, x, y, D);
}

static void make_rows(const ist_comm *comm, ist_metric metric, bool lattice, bool wide,
                      ist_rows *rows)
{
    double *values = ist_alloc((size_t)(N * D), sizeof *values);
    for (int64_t e = 0; e < N * D; e++)
        values[e] = value_at(e / D, e % D, lattice);
    rows_distributed(comm, metric, values, N, D, wide, rows);
    ist_free(values);
}

/* ---- counts below thresholds --------------------------------------------------------------- */

/* Distances to other rows, numbers between them, 0, repeated ones, one beyond all. */
static double threshold_at(ist_metric metric, int64_t row, int64_t m, bool lattice)
{
    switch (m % 5) {
    case 0: return distance_of(metric, row, (row + 3 + m) % N, lattice);
    case 1: return 0.1 + 0.37 * (double)m;
    case 2: return m % 2 ? 0 : 1e9;
    case 3: return distance_of(metric, row, (row + 3 + m - 3) % N, lattice);
    default: return nextafter(distance_of(metric, row, (row + 11) % N, lattice), m % 2 ? 0 : 1e9);
    }
}

static bool counts_right(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                         int64_t thresholds, bool lattice)
{
    ist_metric metric = rows->metric;
    size_t entries = (size_t)(rows->home.count * thresholds);
    double *threshold = ist_alloc(entries, sizeof *threshold);
    int64_t *closer = ist_alloc(entries, sizeof *closer),
            *equal = ist_alloc(entries, sizeof *equal);
    for (size_t e = 0; e < entries; e++)
        threshold[e] = threshold_at(metric, rows->home.first + (int64_t)e / thresholds,
                                    (int64_t)e % thresholds, lattice);
    ist_pass_stats stats = {0};
    ist_pass_counts_below(comm, engine, rows, thresholds, threshold, closer, equal, &stats);
    bool right = true;
    for (int64_t i = 0; i < rows->home.count; i++) {
        int64_t row = rows->home.first + i;
        double distance[N];
        for (int64_t j = 0; j < N; j++)
            distance[j] = j == row ? INFINITY : distance_of(metric, row, j, lattice);
        for (int64_t e = i * thresholds; e < (i + 1) * thresholds; e++) {
            int64_t below = 0, same = 0;
            for (int64_t j = 0; j < N; j++) {
                below += distance[j] < threshold[e];
                same += distance[j] == threshold[e];
            }
            right = right && closer[e] == below && equal[e] == same;
        }
    }
    ist_free(threshold);
    ist_free(closer);
    ist_free(equal);
    return right;
}

static const char *const kernels[] = {"reference", "avx2", "avx512-skylake", "avx512"};

RANK_CHECK(counts_below_any_thresholds)
{
    ist_comm mine = ist_comm_new(comm);
    static const int64_t thresholds[] = {1, 5, 8, 9, 16, 17, 70};
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++)
        for (int kind = 0; kind < 4 * IST_METRICS && ist_kernel_choose(kernels[k]); kind++) {
            ist_engine engine = {.kernel = ist_kernel_choose(kernels[k]), .chunk_bytes = 1 << 20};
            ist_rows rows;
            make_rows(&mine, (ist_metric)(kind / 4), kind % 2, kind / 2 % 2, &rows);
            for (size_t t = 0; t < sizeof thresholds / sizeof *thresholds; t++)
                CHECK_ALL_TELL(comm, counts_right(&mine, &engine, &rows, thresholds[t], kind % 2),
                               "%s, kind %d, %d thresholds", kernels[k], kind, (int)thresholds[t]);
            ist_rows_release(&rows);
        }
    ist_comm_release(&mine);
}

/* ---- within classes ------------------------------------------------------------------------ */

static int class_of(int64_t row)
{
    return (int)(row * row % 11 % 3);
}

static void check_classes(MPI_Comm comm, ist_metric metric)
{
    enum { CLASSES = 3, K = 4 };
    ist_comm mine = ist_comm_new(comm);
    int64_t order[N], start[CLASSES + 1] = {0}, at = 0;
    for (int c = 0; c < CLASSES; c++) {
        for (int64_t row = 0; row < N; row++)
            if (class_of(row) == c)
                order[at++] = row;
        start[c + 1] = at;
    }
    ist_engine engine = {.kernel = ist_kernel_choose(NULL), .chunk_bytes = 1 << 20};
    ist_rows natural, rows;
    make_rows(&mine, metric, false, false, &natural);
    ist_rows_by_part(&mine, &natural, CLASSES, order, start, &rows);
    ist_pass_stats stats = {0};
    ist_nearest *nearest = ist_pass_nearest(&mine, &engine, &rows, K, (ist_tie_rule){0}, &stats);
    bool right = true;
    for (int64_t i = 0; i < rows.home.count && right; i++) {
        int64_t row = order[rows.home.first + i], closer = 0;
        for (int64_t p = 0; p < K; p++)
            right = right && class_of(order[nearest->neighbour[i * K + p]]) == class_of(row);
        for (int64_t j = 0; j < N; j++)
            closer += j != row && class_of(j) == class_of(row) &&
                      distance_of(metric, row, j, false) <= nearest->distance[i * K + K - 1];
        right = right && closer == K;
    }
    CHECK_ALL(comm, right);
    ist_nearest_free(&nearest);
    ist_rows_release(&rows);
    ist_rows_release(&natural);
    ist_comm_release(&mine);
}

RANK_CHECK(nearest_within_classes)
{
    for (int metric = 0; metric < IST_METRICS; metric++)
        check_classes(comm, (ist_metric)metric);
}

/* ---- sums over all pairs ------------------------------------------------------------------- */

/* Of each row the sum of its distances, in whole thousandths: any order of additions is exact. */
typedef struct {
    int64_t count;
    int64_t *sum;
} sums;

static size_t nothing(const void *state)
{
    (void)state;
    return 1;
}

static size_t sum_bytes(const void *state)
{
    (void)state;
    return sizeof(int64_t);
}

static void pack_nothing(const void *home, int64_t first, int64_t count, void *message)
{
    (void)home, (void)first;
    memset(message, 0, (size_t)count);
}

static void *guest_sums(const void *home, const ist_chunk *chunk, const void *message)
{
    (void)home, (void)message;
    sums *s = ist_alloc(1, sizeof *s);
    s->count = chunk->slab.count;
    s->sum = ist_alloc((size_t)s->count, sizeof *s->sum);
    return s;
}

static void pack_sums(const void *state, int64_t first, int64_t count, void *message)
{
    const sums *s = state;
    memcpy(message, s->sum + first, (size_t)count * sizeof *s->sum);
}

static void merge_sums(void *home, int64_t first, int64_t count, const void *message)
{
    sums *s = home;
    const int64_t *more = message;
    for (int64_t i = 0; i < count; i++)
        s->sum[first + i] += more[i];
}

static void release_sums(void *visiting)
{
    sums *s = visiting;
    ist_free(s->sum);
    ist_free(s);
}

static void take_sums(void *rows, void *columns, const ist_tile *tile)
{
    sums *r = rows, *s = columns;
    for (int i = 0; i < tile->rows; i++)
        for (int j = 0; j < tile->cols; j++) {
            if (tile->diagonal && i == j)
                continue;
            int64_t amount = llrint(1000 * tile->distance[i * IST_TILE + j]);
            r->sum[tile->row + i] += amount;
            if (!tile->diagonal)
                s->sum[tile->col + j] += amount;
        }
}

RANK_CHECK(sums_over_all_pairs)
{
    const ist_consumer consumer = {.out_bytes = nothing,
                                   .back_bytes = sum_bytes,
                                   .touched_bytes = sum_bytes,
                                   .pack_out = pack_nothing,
                                   .init = guest_sums,
                                   .pack_back = pack_sums,
                                   .merge = merge_sums,
                                   .release = release_sums,
                                   .take = take_sums};
    ist_comm mine = ist_comm_new(comm);
    ist_engine engine = {.kernel = ist_kernel_choose(NULL), .chunk_bytes = 1 << 20};
    for (int wide = 0; wide < 2; wide++) {
        ist_rows rows;
        make_rows(&mine, IST_METRIC_EUCLIDEAN, false, wide, &rows);
        sums state = {rows.home.count, ist_alloc((size_t)rows.home.count, sizeof(int64_t))};
        ist_pass_stats stats = {0};
        ist_pass(&mine, &engine, &rows, &consumer, &state, &(ist_tie_rule){0}, &stats);
        bool right = stats.decided_again == 0 && stats.exact_tiles == stats.tiles;
        for (int64_t i = 0; i < rows.home.count && right; i++) {
            int64_t expected = 0;
            for (int64_t j = 0; j < N; j++)
                expected +=
                    llrint(1000 * distance_of(IST_METRIC_EUCLIDEAN, rows.home.first + i, j, false));
            right = state.sum[i] == expected;
        }
        CHECK_ALL(comm, right);
        ist_free(state.sum);
        ist_rows_release(&rows);
    }
    ist_comm_release(&mine);
}

/* ---- targets and given thresholds side by side ----------------------------------------------- */

enum { MIXED = 12, TOLD = 3 };

static bool mixed_right(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                        int64_t batch, bool lattice)
{
    size_t entries = (size_t)(rows->home.count * MIXED);
    int32_t *target = ist_alloc(entries, sizeof *target);
    double *given = ist_alloc(entries, sizeof *given);
    int64_t *twice_rank = ist_alloc(entries, sizeof *twice_rank);
    int64_t *equal = ist_alloc((size_t)(rows->home.count * TOLD), sizeof *equal);
    for (size_t e = 0; e < entries; e++) {
        int64_t row = rows->home.first + (int64_t)e / MIXED, m = (int64_t)e % MIXED;
        target[e] = m % 3 == 1 ? -1 : (int32_t)((row + 1 + m) % N);
        given[e] = m % 3 == 1 ? threshold_at(rows->metric, row, m, lattice) : NAN;
    }
    ist_thresholds thresholds = {.stride = MIXED, .target = target, .given = given, .told = TOLD};
    ist_pass_stats stats = {0};
    ist_pass_counts(comm, engine, rows, false, &thresholds, batch, twice_rank, equal, &stats);
    bool right = true;
    for (size_t e = 0; e < entries && right; e++) {
        int64_t row = rows->home.first + (int64_t)e / MIXED, m = (int64_t)e % MIXED;
        double at = target[e] < 0 ? given[e] : distance_of(rows->metric, row, target[e], lattice);
        int64_t below = 0, same = 0;
        for (int64_t j = 0; j < N; j++) {
            below += j != row && distance_of(rows->metric, row, j, lattice) < at;
            same += j != row && distance_of(rows->metric, row, j, lattice) == at;
        }
        int64_t told = m - (MIXED - TOLD), home = (int64_t)e / MIXED;
        right = twice_rank[e] == 2 * (1 + below) + same - 1 &&
                (told < 0 || equal[home * TOLD + told] == same);
    }
    ist_free(target);
    ist_free(given);
    ist_free(twice_rank);
    ist_free(equal);
    return right;
}

RANK_CHECK(targets_and_given_thresholds)
{
    ist_comm mine = ist_comm_new(comm);
    for (int kind = 0; kind < 12; kind++) {
        ist_metric metric = (ist_metric)(kind / 4);
        ist_engine engine = {.kernel = ist_kernel_choose(NULL),
                             .chunk_bytes = 1 << 20,
                             .skipping = kind / 2 % 2 ? IST_SKIP_ALWAYS : IST_SKIP_NEVER};
        ist_rows rows;
        make_rows(&mine, metric, kind % 2, false, &rows);
        ist_rows_cluster(&mine, &engine, &rows);
        for (int64_t batch = 1; batch <= MIXED; batch += batch == 1 ? 4 : 7)
            CHECK_ALL_TELL(comm, mixed_right(&mine, &engine, &rows, batch, kind % 2),
                           "kind %d, %d at once", kind, (int)batch);
        ist_rows_release(&rows);
    }
    ist_comm_release(&mine);
}

/* ---- some of the rows ------------------------------------------------------------------------ */

/* Segments of 1, 2, 3, ... rows, every fourth row left out: lists are as long as the segment allows, and come
 * back to the rows that they are of. */
RANK_CHECK(nearest_in_small_segments)
{
    enum { SEGMENTS = 18, K = 4 };
    ist_comm mine = ist_comm_new(comm);
    int64_t order[N], start[SEGMENTS + 1] = {0}, row = 0, at = 0;
    for (int s = 0; s < SEGMENTS; s++) {
        for (int i = 0; i <= s; i++, row += row % 4 == 2 ? 2 : 1)
            order[at++] = row;
        start[s + 1] = at;
    }
    ist_engine engine = {
        .kernel = ist_kernel_choose(NULL), .chunk_bytes = 1 << 20, .skipping = IST_SKIP_ALWAYS};
    for (int form = 0; form < 4; form++) {
        static const ist_metric metrics[] = {IST_METRIC_EUCLIDEAN, IST_METRIC_CHEBYSHEV};
        ist_metric metric = metrics[form / 2];
        bool twin = form % 2;
        ist_rows natural, rows;
        make_rows(&mine, metric, false, false, &natural);
        if (twin)
            ist_rows_cluster(&mine, &engine, &natural);
        ist_rows_by_part(&mine, &natural, SEGMENTS, order, start, &rows);
        CHECK_ALL(comm, rows.n == at);
        ist_pass_stats stats = {0};
        ist_nearest *nearest =
            ist_pass_nearest(&mine, &engine, &rows, K, (ist_tie_rule){0}, &stats);
        double *first = ist_alloc((size_t)natural.home.count, sizeof *first);
        double *found = ist_alloc((size_t)rows.home.count, sizeof *found);
        bool right = true;
        for (int64_t i = 0; i < rows.home.count; i++) {
            int64_t position = rows.home.first + i, s = 0;
            while (start[s + 1] <= position)
                s++;
            double least = INFINITY;
            for (int64_t p = start[s]; p < start[s + 1]; p++)
                if (p != position)
                    least = fmin(least, distance_of(metric, order[position], order[p], false));
            right = right && nearest->held[i] == (s < K ? s : K) &&
                    (s == 0 || nearest->distance[i * K] == least);
            found[i] = least;
        }
        CHECK_ALL(comm, right);
        for (int64_t i = 0; i < natural.home.count; i++)
            first[i] = -1;
        ist_carry(&mine, &natural, &rows, order, IST_CARRY_BACK, sizeof *first, found, first);
        for (int64_t i = 0; i < natural.home.count; i++) {
            int64_t p = 0;
            while (p < at && order[p] != natural.home.first + i)
                p++;
            right = right && (p == at ? first[i] == -1 : first[i] > 0);
        }
        CHECK_ALL(comm, right);
        ist_free(first);
        ist_free(found);
        ist_nearest_free(&nearest);
        ist_rows_release(&rows);
        ist_rows_release(&natural);
    }
    ist_comm_release(&mine);
}
