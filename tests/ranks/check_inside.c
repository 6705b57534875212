/* In how many balls rows lie, against brute force: whole sets and samples of them, with and without a twin, both tie rules. */
#include <math.h>
#include <string.h>

#include "brute.h"
#include "checks.h"
#include "rows.h"

enum { N = 230, D = 3, K = 3, STRIDE = 4 };

/* On a lattice: many rows are equal, and many distances. Or anywhere. */
static double *values_of(bool lattice)
{
    double *values = ist_alloc((size_t)(N * D), sizeof *values);
    for (int64_t e = 0; e < N * D; e++) {
        double x = (double)(ist_random_word(3, IST_RANDOM_BENCH, (uint64_t)e) >> 40) / (1 << 24);
        values[e] = lattice ? floor(3 * x) : (double)(float)x;
    }
    return values;
}

/* The targets of row i, by a rule that every rank knows: near or far, never i. */
static int64_t target_of(int64_t i, int64_t p)
{
    static const int64_t step[K] = {1, 17, N - 40};
    return (i + step[p]) % N;
}

static int64_t brute_twice(ist_metric metric, const double *values, bool by_index, int64_t p,
                           int64_t v)
{
    int64_t twice = 0;
    for (int64_t i = 0; i < N; i++) {
        int64_t j = target_of(i, p);
        double limit = brute_distance(metric, values + i * D, values + j * D, D);
        double distance = brute_distance(metric, values + i * D, values + v * D, D);
        if (v == i || (v != j && distance < limit))
            twice += 2;
        else if (v != j && distance == limit)
            twice += by_index ? 2 * (v < j) : 1;
    }
    return twice;
}

/* All that are looked at; and that these are `most` rows, or all. */
static bool inside_right(ist_metric metric, const double *values, bool by_index, int64_t most,
                         const ist_inside *inside)
{
    bool right = inside->sampled == ist_min(most, N) && inside->k == K;
    for (int64_t s = 0; s < inside->sampled && right; s++) {
        int64_t v = inside->position[s];
        right = v >= 0 && v < N && (s == 0 || inside->position[s - 1] < v);
        for (int64_t p = 0; p < K && right; p++)
            right = inside->twice[p * inside->sampled + s] ==
                    brute_twice(metric, values, by_index, p, v);
    }
    return right;
}

/* The first two balls together, of the rows from 5 on; all others were not looked at. */
static bool taken_right(const ist_inside *inside)
{
    int64_t twice[N];
    ist_inside_take(inside, 5, N - 5, 2, twice);
    int64_t seen = 0;
    for (int64_t i = 0; i < N - 5; i++)
        seen += twice[i] >= 0;
    for (int64_t s = 0; s < inside->sampled; s++) {
        int64_t at = inside->position[s] - 5;
        seen += at < 0;
        if (at >= 0 && twice[at] != inside->twice[s] + inside->twice[inside->sampled + s])
            return false;
    }
    return seen == inside->sampled;
}

RANK_CHECK(inside_balls)
{
    ist_comm mine = ist_comm_new(comm);
    for (int kind = 0; kind < 16; kind++) {
        bool lattice = kind & 1, by_index = kind & 2, twin = kind & 4, wide = kind & 8;
        ist_metric metric = kind < 12 ? IST_METRIC_EUCLIDEAN : IST_METRIC_MANHATTAN;
        int64_t most = kind % 3 == 0 ? 100 : N;
        ist_engine engine = {.kernel = ist_kernel_choose(NULL),
                             .chunk_bytes = 1 << 20,
                             .skipping = twin ? IST_SKIP_ALWAYS : IST_SKIP_NEVER};
        double *values = values_of(lattice);
        ist_rows rows;
        rows_distributed(&mine, metric, values, N, D, wide, &rows);
        ist_rows_cluster(&mine, &engine, &rows);
        CHECK_ALL(comm, (rows.twin != NULL) == (twin && metric == IST_METRIC_EUCLIDEAN));
        int32_t *target = ist_alloc((size_t)(rows.home.count * STRIDE), sizeof *target);
        for (int64_t i = 0; i < rows.home.count; i++)
            for (int64_t p = 0; p < STRIDE; p++)
                target[i * STRIDE + p] =
                    p < K ? (int32_t)target_of(rows.home.first + i, p) : INT32_MIN;
        ist_pass_stats stats = {0};
        ist_inside inside =
            ist_inside_find(&mine, &engine, &rows, by_index, K, STRIDE, target, most, &stats);
        CHECK_ALL_TELL(
            comm, inside_right(metric, values, by_index, most, &inside) && taken_right(&inside),
            "kind %d", kind);
        ist_inside_release(&inside);
        ist_rows_release(&rows);
        ist_free(target);
        ist_free(values);
    }
    ist_comm_release(&mine);
}
