/* The bench's own verification: right answers pass, a single wrong one in a sampled row does not. */
#include <stdlib.h>

#include "checks.h"
#include "infostrata/rounds.h"

enum { N = 20, D = 3, K = 4, T = 3 }; /* so few rows that every one is sampled */

static void new_rows(const ist_comm *comm, ist_rows *rows)
{
    const int64_t start[2] = {0, N};
    ist_blocks blocks = ist_blocks_new(start, 1);
    int64_t first, last;
    ist_blocks_range(&blocks, comm->size, comm->rank, &first, &last);
    ist_blocks_release(&blocks);
    ist_rows_natural(comm, IST_METRIC_EUCLIDEAN, N, D, ist_bench_normals(first, last - first, D),
                     NULL, rows);
}

static ist_engine engine_of(void)
{
    return (ist_engine){.kernel = ist_kernel_choose(NULL), .chunk_bytes = 1 << 20};
}

RANK_CHECK(bench_finds_a_wrong_neighbour)
{
    ist_comm ranks = ist_comm_new(comm);
    ist_engine engine = engine_of();
    ist_rows rows;
    new_rows(&ranks, &rows);
    ist_pass_stats stats = {0};
    ist_nearest *nearest =
        ist_pass_nearest(&ranks, &engine, &rows, K, (ist_tie_rule){false, 0}, &stats);
    ist_error none = {0}, neighbour = {0}, distance = {0};
    ist_bench_verify_nearest(&ranks, &rows, nearest, &none);
    int64_t last =
        rows.home.count * K - 1; /* the last row's last neighbour, where there are rows */
    if (last > 0)
        nearest->neighbour[last] = (nearest->neighbour[last] + 1) % N;
    ist_bench_verify_nearest(&ranks, &rows, nearest, &neighbour);
    if (last > 0) {
        nearest->neighbour[last] = (nearest->neighbour[last] + N - 1) % N;
        nearest->distance[last] *= 1 + 0x1p-52;
    }
    ist_bench_verify_nearest(&ranks, &rows, nearest, &distance);
    ist_nearest_free(&nearest);
    ist_rows_release(&rows);
    ist_comm_release(&ranks);
    CHECK_ALL(comm, none.code == IST_OK);
    CHECK_ALL(comm, neighbour.code == IST_BROKEN);
    CHECK_ALL(comm, distance.code == IST_BROKEN);
}

RANK_CHECK(bench_finds_a_wrong_count)
{
    ist_comm ranks = ist_comm_new(comm);
    ist_engine engine = engine_of();
    ist_rows rows;
    new_rows(&ranks, &rows);
    ist_pass_stats stats = {0};
    int64_t count = rows.home.count,
            *twice_rank = ist_alloc((size_t)(count * T), sizeof *twice_rank);
    int32_t *target = ist_bench_targets(N, rows.home.first, count, T);
    bool others = true;
    for (int64_t e = 0; e < count * T; e++)
        others = others && target[e] >= 0 && target[e] < N && target[e] != rows.home.first + e / T;
    ist_thresholds thresholds = {.stride = T, .target = target};
    ist_pass_counts(&ranks, &engine, &rows, false, &thresholds, T, twice_rank, NULL, &stats);
    ist_error none = {0}, wrong = {0};
    ist_bench_verify_counts(&ranks, &rows, T, twice_rank, &none);
    if (count > 0)
        twice_rank[count * T - 1] += 2;
    ist_bench_verify_counts(&ranks, &rows, T, twice_rank, &wrong);
    ist_free(target);
    ist_free(twice_rank);
    ist_rows_release(&rows);
    ist_comm_release(&ranks);
    CHECK_ALL(comm, others);
    CHECK_ALL(comm, none.code == IST_OK);
    CHECK_ALL(comm, wrong.code == IST_BROKEN);
}

RANK_CHECK(bench_data_are_normal_and_the_same_for_all)
{
    enum { ROWS = 4000, FEATURES = 5 };
    float *all = ist_bench_normals(0, ROWS, FEATURES);
    float *some = ist_bench_normals(1000, 10, FEATURES);
    bool same = true;
    double sum = 0, squares = 0, neighbours = 0;
    for (int i = 0; i < 10 * FEATURES; i++)
        same = same && some[i] == all[1000 * FEATURES + i];
    for (int i = 0; i < ROWS * FEATURES; i++) {
        sum += (double)all[i];
        squares += (double)all[i] * (double)all[i];
        neighbours += i ? (double)all[i] * (double)all[i - 1] : 0;
    }
    ist_free(all);
    ist_free(some);
    const double count = ROWS * FEATURES;
    CHECK_ALL(comm, same);
    CHECK_ALL(comm, sum / count < 0.03 && sum / count > -0.03);
    CHECK_ALL(comm, squares / count < 1.05 && squares / count > 0.95);
    CHECK_ALL(comm, neighbours / count < 0.03 && neighbours / count > -0.03);
}
