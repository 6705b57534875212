/* k-d trees against tiles, to the integer: the same lists, ranks and counts on any number of ranks. (Tiles are held
 * against brute force by check_pairs.c and check_joint.c.) */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "infostrata/ring.h"
#include "rows.h"

enum { N = 640, K = 6, STRIDE = 12, TOLD = 2, PARTS = 3 };

static double uniform(uint64_t item)
{
    return (double)(ist_random_word(23, IST_RANDOM_PARTS, item) >> 11) * 0x1p-53;
}

typedef double value_rule(uint64_t cell, int64_t row, int64_t column);

static double spread(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return uniform(cell);
}
static double lattice(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return floor(4 * uniform(cell));
}
static double clusters(uint64_t cell, int64_t row, int64_t column)
{
    return 1e6 + 50 * (double)(row % 7) * (double)(column + 1) + 1e-4 * uniform(cell);
}
static double repeated(uint64_t cell, int64_t row, int64_t column)
{
    return row % 2 ? sin((double)(row % 10) * 17 + (double)column * 3) : uniform(cell);
}
static double all_equal(uint64_t cell, int64_t row, int64_t column)
{
    (void)cell, (void)row, (void)column;
    return 0.1;
}

static const struct {
    const char *name;
    value_rule *rule;
} kinds[] = {{"spread", spread},
             {"lattice", lattice},
             {"clusters", clusters},
             {"repeated", repeated},
             {"all equal", all_equal}};
enum { KINDS = sizeof kinds / sizeof *kinds };

typedef struct {
    ist_metric metric;
    int64_t d[2]; /* d[1] > 0: joint */
    bool wide, parts, by_index, twin;
} tree_case;

typedef struct {
    ist_rows whole[2], parts[2], joint;
    int64_t order[N], start[PARTS + 1];
} sets;

static const ist_engine tiles = {.chunk_bytes = 1 << 20, .chunk_rows = 150};

/* The set that is asked about. */
static const ist_rows *sets_new(const ist_comm *comm, const tree_case *c, value_rule *rule, sets *s)
{
    ist_engine engine = tiles;
    engine.kernel = ist_kernel_choose(NULL);
    engine.skipping = c->twin ? IST_SKIP_ALWAYS : IST_SKIP_NEVER;
    *s = (sets){0};
    ist_random_parts(N, PARTS, s->order, s->start);
    const ist_rows *component[2];
    for (int p = 0; p < (c->d[1] > 0 ? 2 : 1); p++) {
        double *values = ist_alloc((size_t)(N * c->d[p]), sizeof *values);
        for (int64_t e = 0; e < N * c->d[p]; e++)
            values[e] = rule((uint64_t)e + ((uint64_t)p << 40), e / c->d[p], e % c->d[p]);
        rows_distributed(comm, c->metric, values, N, c->d[p], c->wide, &s->whole[p]);
        ist_free(values);
        ist_rows_cluster(comm, &engine, &s->whole[p]);
        component[p] = &s->whole[p];
        if (c->parts) {
            ist_rows_by_part(comm, &s->whole[p], PARTS, s->order, s->start, &s->parts[p]);
            ist_rows_cluster(comm, &engine, &s->parts[p]);
            component[p] = &s->parts[p];
        }
    }
    if (c->d[1] == 0)
        return component[0];
    ist_rows_joint(comm, component[0], 0.7, component[1], 3.1, &s->joint);
    return &s->joint;
}

static void sets_release(sets *s)
{
    ist_rows_release(&s->joint);
    for (int p = 0; p < 2; p++) {
        ist_rows_release(&s->parts[p]);
        ist_rows_release(&s->whole[p]);
    }
}

/* What a way of answering says. */
typedef struct {
    ist_nearest *nearest;
    int64_t *rank, *equal, *closer, *same;
    ist_pass_stats stats;
} answers;

/* Targets: the neighbours, and rows anywhere in the segment; where they decide by number all must be targets. */
static answers ask(const ist_comm *comm, const ist_rows *rows, const tree_case *c,
                   ist_tree_use tree)
{
    ist_engine engine = tiles;
    engine.kernel = ist_kernel_choose(NULL);
    engine.tree = tree;
    size_t count = (size_t)rows->home.count, entries = count * STRIDE;
    answers a = {0};
    ist_tie_rule ties = {.by_index = c->by_index, .seed = 2};
    a.nearest = ist_pass_nearest(comm, &engine, rows, K, ties, &a.stats);
    int32_t *target = ist_alloc(entries, sizeof *target);
    double *given = ist_alloc(entries, sizeof *given);
    for (int64_t e = 0; e < (int64_t)entries; e++) {
        int64_t i = e / STRIDE, m = e % STRIDE;
        target[e] = a.nearest->neighbour[i * K + m % K];
        if (m == STRIDE - 1 && !c->by_index) {
            given[e] = 3 * a.nearest->distance[i * K + K - 1];
            target[e] = -1;
        }
    }
    a.rank = ist_alloc(entries, sizeof *a.rank);
    a.equal = ist_alloc(count * TOLD, sizeof *a.equal);
    ist_thresholds thresholds = {
        .stride = STRIDE, .target = target, .given = c->by_index ? NULL : given, .told = TOLD};
    ist_pass_counts(comm, &engine, rows, c->by_index, &thresholds, 9, a.rank, a.equal, &a.stats);
    a.closer = ist_alloc(count * K, sizeof *a.closer);
    a.same = ist_alloc(count * K, sizeof *a.same);
    ist_pass_counts_below(comm, &engine, rows, K, a.nearest->distance, a.closer, a.same, &a.stats);
    ist_free(target);
    ist_free(given);
    return a;
}

static void answers_release(answers *a)
{
    ist_nearest_free(&a->nearest);
    ist_free(a->rank);
    ist_free(a->equal);
    ist_free(a->closer);
    ist_free(a->same);
}

static bool same_bytes(const void *a, const void *b, size_t bytes)
{
    return bytes == 0 || memcmp(a, b, bytes) == 0;
}

static bool agree(const answers *a, const answers *b, const tree_case *c)
{
    size_t count = (size_t)a->nearest->count;
    return a->nearest->count == b->nearest->count && a->nearest->position == b->nearest->position &&
           same_bytes(a->nearest->held, b->nearest->held, count * sizeof(int32_t)) &&
           same_bytes(a->nearest->neighbour, b->nearest->neighbour, count * K * sizeof(int32_t)) &&
           same_bytes(a->nearest->distance, b->nearest->distance, count * K * sizeof(double)) &&
           same_bytes(a->rank, b->rank, count * STRIDE * sizeof(int64_t)) &&
           (c->by_index || same_bytes(a->equal, b->equal, count * TOLD * sizeof(int64_t))) &&
           same_bytes(a->closer, b->closer, count * K * sizeof(int64_t)) &&
           same_bytes(a->same, b->same, count * K * sizeof(int64_t));
}

static void check_kinds(MPI_Comm handle, const tree_case *c)
{
    ist_comm comm = ist_comm_new(handle);
    for (size_t kind = 0; kind < KINDS; kind++) {
        sets s;
        const ist_rows *rows = sets_new(&comm, c, kinds[kind].rule, &s);
        answers right = ask(&comm, rows, c, IST_TREE_NEVER);
        for (int way = 0; way < 2; way++) {
            answers found = ask(&comm, rows, c, way ? IST_TREE_AUTO : IST_TREE_ALWAYS);
            int64_t sums[3] = {(int64_t)right.stats.pairs, (int64_t)found.stats.pairs,
                               found.stats.tiles};
            bool same = agree(&found, &right, c);
            ist_sum(&comm, sums, 3);
            answers_release(&found);
            CHECK_ALL_TELL(handle, same, "%s, way %d", kinds[kind].name, way);
            CHECK_ALL_TELL(handle, sums[0] == sums[1], "%s, way %d: %lld pairs, not %lld",
                           kinds[kind].name, way, (long long)sums[1], (long long)sums[0]);
            CHECK_ALL_TELL(handle, way == 1 || sums[2] == 0, "%s: tiles", kinds[kind].name);
        }
        answers_release(&right);
        sets_release(&s);
    }
    ist_comm_release(&comm);
}

RANK_CHECK(kdtree_line)
{
    check_kinds(comm, &(tree_case){.d = {1}});
}

RANK_CHECK(kdtree_wide)
{
    check_kinds(comm, &(tree_case){.d = {3}, .wide = true});
}

RANK_CHECK(kdtree_by_index)
{
    check_kinds(comm, &(tree_case){.d = {2}, .by_index = true, .metric = IST_METRIC_MANHATTAN});
}

RANK_CHECK(kdtree_in_parts)
{
    check_kinds(comm, &(tree_case){.d = {2}, .parts = true, .wide = true});
}

RANK_CHECK(kdtree_of_a_twin)
{
    check_kinds(comm, &(tree_case){.d = {3}, .twin = true});
}

RANK_CHECK(kdtree_of_parts_of_a_twin)
{
    check_kinds(comm, &(tree_case){.d = {2}, .twin = true, .parts = true, .by_index = true});
}

RANK_CHECK(kdtree_joint)
{
    check_kinds(comm, &(tree_case){.d = {2, 3}, .wide = true});
}

RANK_CHECK(kdtree_joint_in_parts)
{
    check_kinds(
        comm,
        &(tree_case){.d = {1, 2}, .metric = IST_METRIC_CHEBYSHEV, .parts = true, .twin = true});
}
