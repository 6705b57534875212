/* Joint sets against brute force, to the integer: the k nearest by the larger of two scaled distances, what else
 * a pass and a turn can be asked, and the counts of KSG in each component alone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brute.h"
#include "checks.h"
#include "infostrata/ring.h"
#include "rows.h"

enum { N = 210 };

/* ---- data ---------------------------------------------------------------------------------- */

static double uniform(uint64_t item)
{
    return (double)(ist_random_word(11, IST_RANDOM_PARTS, item) >> 11) * 0x1p-53;
}

static double normal(uint64_t item)
{
    return sqrt(-2 * log(1 - uniform(2 * item))) * cos(6.283185307179586 * uniform(2 * item + 1));
}

typedef double value_rule(uint64_t cell, int64_t row, int64_t column);

static double normals(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return normal(cell);
}
static double lattice(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return floor(3 * uniform(cell));
}
static double all_equal(uint64_t cell, int64_t row, int64_t column)
{
    (void)cell, (void)row, (void)column;
    return 0.1;
}
/* Half of the rows repeat one of ten. */
static double repeated(uint64_t cell, int64_t row, int64_t column)
{
    return row % 2 ? sin((double)(row % 10) * 17 + (double)column * 3) : normal(cell);
}
static double zero_rows(uint64_t cell, int64_t row, int64_t column)
{
    (void)column;
    return row % 3 == 0 ? (row % 2 ? -0.0 : 0.0) : normal(cell);
}
static double two_values(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return uniform(cell) < 0.2 ? -1.7 : 0.3;
}
static double near_duplicates(uint64_t cell, int64_t row, int64_t column)
{
    return (double)(row % 7) + (double)column + 1e-6 * normal(cell);
}
static double one_outlier(uint64_t cell, int64_t row, int64_t column)
{
    (void)column;
    return (row == 3 ? 1e7 : 1) * normal(cell);
}
static double shifted(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return 1e5 + normal(cell);
}
static double tiny(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return 1e-40 * normal(cell);
}
static double huge(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return 1e30 * normal(cell);
}

typedef struct {
    const char *name;
    value_rule *rule[2];
} data_kind;

static const data_kind kinds[] = {
    {"normals", {normals, normals}},
    {"lattices", {lattice, lattice}},
    {"lattice and normals", {lattice, normals}},
    {"equal rows in one", {all_equal, normals}},
    {"equal rows in both", {all_equal, all_equal}},
    {"repeated rows", {repeated, repeated}},
    {"zero rows", {zero_rows, zero_rows}},
    {"two values and lattice", {two_values, lattice}},
    {"two values", {two_values, two_values}},
    {"near-duplicates", {near_duplicates, normals}},
    {"outlier", {one_outlier, shifted}},
    {"tiny and huge", {tiny, huge}},
    {"tiny", {tiny, tiny}},
};

/* The whole matrix of a component, the same on every rank, as the engine will see it. */
static double *make_data(value_rule *rule, int component, int64_t d, bool wide)
{
    double *values = ist_alloc((size_t)(N * d), sizeof *values);
    for (int64_t e = 0; e < N * d; e++) {
        double value = rule((uint64_t)e + ((uint64_t)component << 40), e / d, e % d);
        values[e] = wide ? value : (double)(float)value;
    }
    return values;
}

/* ---- one case ------------------------------------------------------------------------------ */

typedef struct {
    ist_metric metric;
    int64_t d[2], k, chunk_rows;
    bool wide[2], parts, twins, integers[2];
    double factor[2];
    ist_tie_rule ties;
    const char *kernel;
} joint_case;

/* Both sets, whole and in parts, and the joint one of those that are asked about. */
typedef struct {
    const joint_case *c;
    double *values[2];
    ist_rows whole[2], parts[2], joint;
    const ist_rows *component[2];
    int64_t order[N], start[4];
    int segment[N];           /* of a row number */
    double distance[2][N][N]; /* by definition, of row numbers; not scaled */
} joint_data;

/* What does not depend on the factors and the kernel. */
static void data_new(const data_kind *kind, const joint_case *c, joint_data *data)
{
    memset(data, 0, sizeof *data);
    ist_random_parts(N, 3, data->order, data->start);
    for (int s = 0; s < 3 && c->parts; s++)
        for (int64_t p = data->start[s]; p < data->start[s + 1]; p++)
            data->segment[data->order[p]] = s;
    for (int x = 0; x < 2; x++) {
        const double *values = data->values[x] = make_data(kind->rule[x], x, c->d[x], c->wide[x]);
        for (int64_t i = 0; i < N; i++)
            for (int64_t j = 0; j < N; j++)
                data->distance[x][i][j] =
                    brute_distance(c->metric, values + i * c->d[x], values + j * c->d[x], c->d[x]);
    }
}

static void sets_new(const ist_comm *comm, const ist_engine *engine, const joint_case *c,
                     joint_data *data)
{
    data->c = c;
    for (int x = 0; x < 2; x++) {
        rows_distributed(comm, c->metric, data->values[x], N, c->d[x], c->wide[x], &data->whole[x]);
        data->component[x] = &data->whole[x];
        if (c->integers[x])
            rows_add_integers(&data->whole[x], data->values[x]);
        if (c->parts) {
            ist_rows_by_part(comm, &data->whole[x], 3, data->order, data->start, &data->parts[x]);
            data->component[x] = &data->parts[x];
        }
        if (c->twins)
            ist_rows_cluster(comm, engine, c->parts ? &data->parts[x] : &data->whole[x]);
    }
    ist_rows_joint(comm, data->component[0], c->factor[0], data->component[1], c->factor[1],
                   &data->joint);
}

static void sets_release(joint_data *data)
{
    ist_rows_release(&data->joint);
    for (int x = 0; x < 2; x++) {
        ist_rows_release(&data->whole[x]);
        ist_rows_release(&data->parts[x]);
    }
}

/* Scaled distances of rows by number: component 0 or 1, or (2) the larger. */
static double scaled(const joint_data *data, int x, int64_t i, int64_t j)
{
    const joint_case *c = data->c;
    if (x == 2)
        return fmax(scaled(data, 0, i, j), scaled(data, 1, i, j));
    return data->distance[x][i][j] * c->factor[x];
}

/* The other rows of i's segment, in the order seen from it. */
static int64_t brute_order(const joint_data *data, int64_t i, brute_other *sorted)
{
    const ist_tie_rule *ties = &data->c->ties;
    int64_t found = 0;
    for (int64_t j = 0; j < N; j++)
        if (j != i && data->segment[i] == data->segment[j])
            sorted[found++] = (brute_other){scaled(data, 2, i, j),
                                            ist_tie_word(ties, j) - ist_tie_base(ties, i), j};
    brute_sort(sorted, found);
    return found;
}

static bool neighbours_right(const joint_data *data, const ist_nearest *nearest)
{
    const ist_rows *rows = &data->joint;
    int64_t k = data->c->k;
    for (int64_t i = 0; i < rows->home.count; i++) {
        brute_other sorted[N];
        brute_order(data, ist_row_number(rows, rows->home.first + i), sorted);
        if (nearest->held[i] != k)
            return false;
        for (int64_t p = 0; p < k; p++)
            if (ist_row_number(rows, nearest->neighbour[i * k + p]) != sorted[p].row ||
                nearest->distance[i * k + p] != sorted[p].distance)
                return false;
    }
    return true;
}

/* Ranks in the joint set of its own neighbours. */
static bool ranks_right(const joint_data *data, const int32_t *target, const int64_t *twice_rank)
{
    const ist_rows *rows = &data->joint;
    int64_t k = data->c->k;
    for (int64_t e = 0; e < rows->home.count * k; e++) {
        int64_t i = ist_row_number(rows, rows->home.first + e / k), closer = 0, equal = 0;
        int64_t j = ist_row_number(rows, target[e]), before = 0;
        double t = scaled(data, 2, i, j);
        for (int64_t l = 0; l < N; l++) {
            if (l == i || l == j || data->segment[l] != data->segment[i])
                continue;
            double distance = scaled(data, 2, i, l);
            closer += distance < t;
            equal += distance == t;
            before += distance == t && l < j;
        }
        int64_t right =
            data->c->ties.by_index ? 2 * (1 + closer + before) : 2 * (1 + closer) + equal;
        if (twice_rank[e] != right)
            return false;
    }
    return true;
}

/* What KSG of type 1 asks: the rows of component x that are closer than the k-th joint neighbour. */
static bool marginal_right(const ist_comm *comm, const ist_engine *engine, const joint_data *data,
                           int x, const ist_nearest *nearest)
{
    const ist_rows *rows = data->component[x];
    int64_t k = data->c->k, count = rows->home.count;
    double *threshold = ist_alloc((size_t)count, sizeof *threshold);
    int64_t *closer = ist_alloc((size_t)count, sizeof *closer);
    for (int64_t i = 0; i < count; i++)
        threshold[i] = ist_scaled_threshold(nearest->distance[i * k + k - 1], data->c->factor[x]);
    ist_pass_stats stats = {0};
    ist_pass_counts_below(comm, engine, rows, 1, threshold, closer, NULL, &stats);
    bool right = true;
    for (int64_t i = 0; i < count && right; i++) {
        int64_t number = ist_row_number(rows, rows->home.first + i), below = 0;
        for (int64_t j = 0; j < N; j++)
            below += j != number && data->segment[j] == data->segment[number] &&
                     scaled(data, x, number, j) < nearest->distance[i * k + k - 1];
        right = closer[i] == below;
    }
    ist_free(threshold);
    ist_free(closer);
    return right;
}

/* KSG of type 2: the neighbours' distances in one component; and the turn of the joint set itself. */
static bool turns_right(const ist_comm *comm, const ist_engine *engine, const joint_data *data,
                        const ist_nearest *nearest)
{
    int64_t k = data->c->k, entries = data->joint.home.count * k;
    double *distance = ist_alloc((size_t)entries, sizeof *distance);
    bool right = true;
    for (int x = 0; x < 3; x++) {
        const ist_rows *rows = x < 2 ? data->component[x] : &data->joint;
        double factor = x < 2 ? data->c->factor[x] : 1;
        ist_pass_stats stats = {0};
        ist_turn_distances(comm, engine, rows, k, nearest->neighbour, distance, &stats);
        for (int64_t e = 0; e < entries && right; e++)
            right = distance[e] * factor == scaled(data, x,
                                                   ist_row_number(rows, rows->home.first + e / k),
                                                   ist_row_number(rows, nearest->neighbour[e]));
    }
    ist_free(distance);
    return right;
}

/* Those passes that are to visit integer copies do. */
static bool integers_right(const ist_engine *engine, const joint_data *data)
{
    ist_rows *made = ist_rows_join_integers(engine->kernel, &data->joint);
    bool right = true;
    for (int x = 0; x < 2 && made; x++) {
        bool has = data->component[x]->integer != NULL;
        right =
            right && made->component[x] == (has ? data->component[x]->integer : data->component[x]);
    }
    bool any = data->component[0]->integer || data->component[1]->integer;
    bool may = any && engine->kernel->filter[IST_FILTER_INTEGER] &&
               data->joint.filter.form == IST_FILTER_JOINT;
    right = right && (may || !made) && (made || !may || data->c->factor[1] < 1e-50);
    if (made)
        ist_rows_release(made);
    ist_free(made);
    return right;
}

static const char *wrong_part(const ist_comm *comm, const joint_case *c, joint_data *data)
{
    ist_engine engine = {.kernel = ist_kernel_choose(c->kernel),
                         .chunk_bytes = 1 << 20,
                         .chunk_rows = c->chunk_rows,
                         .skipping = c->twins ? IST_SKIP_ALWAYS : IST_SKIP_NEVER};
    sets_new(comm, &engine, c, data);
    ist_pass_stats stats = {0};
    ist_nearest *nearest = ist_pass_nearest(comm, &engine, &data->joint, c->k, c->ties, &stats);
    int64_t *ranks = ist_alloc((size_t)(data->joint.home.count * c->k), sizeof *ranks);
    const ist_thresholds thresholds = {.stride = c->k, .target = nearest->neighbour};
    ist_pass_counts(comm, &engine, &data->joint, c->ties.by_index, &thresholds, c->k, ranks, NULL,
                    &stats);
    bool turns = turns_right(comm, &engine, data, nearest);
    bool marginal[2];
    for (int x = 0; x < 2; x++)
        marginal[x] = marginal_right(comm, &engine, data, x, nearest);
    const char *wrong = !neighbours_right(data, nearest)                ? "neighbours"
                        : !ranks_right(data, nearest->neighbour, ranks) ? "ranks"
                        : !integers_right(&engine, data)                ? "integer copies"
                        : !turns                                        ? "turns"
                        : !marginal[0] || !marginal[1]                  ? "counts below"
                                                                        : "";
    ist_free(ranks);
    ist_nearest_free(&nearest);
    sets_release(data);
    return wrong;
}

static const char *const kernels[] = {"reference", "avx2", "avx512"};

static void check_kinds(MPI_Comm handle, joint_case c)
{
    static const double factors[][2] = {{1, 1}, {1.0 / 3, 0.0123456789}, {0x1p-7, 1e-60}};
    static joint_data data;
    ist_comm comm = ist_comm_new(handle);
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        data_new(&kinds[kind], &c, &data);
        for (size_t n = 0; n < sizeof kernels / sizeof *kernels; n++)
            for (size_t f = 0; f < 3 && ist_kernel_choose(kernels[n]); f++) {
                c.kernel = kernels[n];
                c.factor[0] = factors[f][0];
                c.factor[1] = factors[f][1];
                const char *wrong = wrong_part(&comm, &c, &data);
                CHECK_ALL_TELL(handle, !*wrong, "%s, factors %zu, kernel %s: %s", kinds[kind].name,
                               f, c.kernel, wrong);
            }
        ist_free(data.values[0]);
        ist_free(data.values[1]);
    }
    ist_comm_release(&comm);
}

RANK_CHECK(joint_narrow)
{
    check_kinds(comm, (joint_case){.d = {5, 70}, .k = 3});
}

RANK_CHECK(joint_mixed)
{
    check_kinds(comm, (joint_case){.d = {3, 2}, .wide = {false, true}, .k = 10, .chunk_rows = 100});
}

RANK_CHECK(joint_by_index)
{
    check_kinds(
        comm,
        (joint_case){
            .d = {1, 9}, .wide = {true, true}, .k = 2, .chunk_rows = 1, .ties.by_index = true});
}

RANK_CHECK(joint_of_parts)
{
    check_kinds(comm, (joint_case){.d = {4, 4}, .k = 1, .parts = true, .ties.seed = 5});
}

/* The components' values have moved to their twins. */
RANK_CHECK(joint_of_twins)
{
    check_kinds(comm, (joint_case){.d = {4, 6}, .wide = {true, false}, .k = 4, .twins = true});
    check_kinds(comm, (joint_case){.d = {4, 6}, .k = 4, .parts = true, .twins = true});
}

RANK_CHECK(joint_of_other_metrics)
{
    check_kinds(comm, (joint_case){.metric = IST_METRIC_CHEBYSHEV, .d = {2, 3}, .k = 5});
    check_kinds(comm, (joint_case){.metric = IST_METRIC_MANHATTAN,
                                   .d = {20, 3},
                                   .wide = {true, false},
                                   .k = 4,
                                   .ties.by_index = true});
}

RANK_CHECK(joint_of_integers)
{
    check_kinds(comm, (joint_case){.d = {64, 9}, .k = 3, .integers = {true, true}});
    check_kinds(comm, (joint_case){.d = {2, 70},
                                   .wide = {true, false},
                                   .k = 10,
                                   .chunk_rows = 100,
                                   .integers = {false, true}});
    check_kinds(comm, (joint_case){.d = {12, 5},
                                   .wide = {false, true},
                                   .k = 2,
                                   .parts = true,
                                   .ties.by_index = true,
                                   .integers = {true, false}});
}

/* ---- sets that go together ------------------------------------------------------------------ */

enum { TOGETHER = 4 };

/* Layers of several kinds with one second layer; one of them leaves no filter. */
typedef struct {
    ist_rows first[TOGETHER], second, joint[TOGETHER];
    ist_rows *own;
} joined;

static const double scales[TOGETHER][2] = {
    {0x1p-7, 1e-60}, {1, 1}, {1.0 / 3, 0.0123456789}, {1, 0.5}};

static void joined_new(const ist_comm *comm, const ist_engine *engine, bool parts,
                       const bool integers[2], const int64_t *order, const int64_t *start,
                       joined *j)
{
    static value_rule *const rules[TOGETHER + 1] = {normals, lattice, zero_rows, repeated, normals};
    static const int64_t d[TOGETHER + 1] = {3, 2, 70, 5, 40};
    *j = (joined){.own = NULL};
    for (int x = 0; x <= TOGETHER; x++) {
        bool wide = x % 2;
        ist_rows whole, *set = x < TOGETHER ? &j->first[x] : &j->second;
        double *values = make_data(rules[x], x, d[x], wide);
        rows_distributed(comm, IST_METRIC_EUCLIDEAN, values, N, d[x], wide, parts ? &whole : set);
        if (integers[x == TOGETHER])
            rows_add_integers(parts ? &whole : set, values);
        ist_free(values);
        if (parts) {
            ist_rows_by_part(comm, &whole, 3, order, start, set);
            ist_rows_release(&whole);
        }
        if (engine->skipping == IST_SKIP_ALWAYS && x % 2 == 0)
            ist_rows_cluster(comm, engine, set);
    }
    j->own = ist_rows_in_own_order(comm, &j->second);
    for (int x = 0; x < TOGETHER; x++)
        ist_rows_joint(comm, &j->first[x], scales[x][0], j->own ? j->own : &j->second, scales[x][1],
                       &j->joint[x]);
}

static void joined_release(joined *j)
{
    for (int x = 0; x < TOGETHER; x++) {
        ist_rows_release(&j->joint[x]);
        ist_rows_release(&j->first[x]);
    }
    if (j->own)
        ist_rows_release(j->own);
    ist_free(j->own);
    ist_rows_release(&j->second);
}

static bool same_lists(const ist_nearest *a, const ist_nearest *b)
{
    size_t entries = (size_t)(a->count * a->k);
    return a->k == b->k && a->count == b->count &&
           memcmp(a->held, b->held, (size_t)a->count * sizeof *a->held) == 0 &&
           memcmp(a->neighbour, b->neighbour, entries * sizeof *a->neighbour) == 0 &&
           memcmp(a->distance, b->distance, entries * sizeof *a->distance) == 0;
}

/* As each alone without integer copies, with the second layer's rows sent once. */
static void check_together(MPI_Comm handle, const ist_engine *engine, bool parts,
                           const bool integers[2])
{
    ist_comm comm = ist_comm_new(handle);
    const ist_tie_rule ties = {.seed = 3};
    int64_t order[N], start[4];
    joined j;
    ist_random_parts(N, 3, order, start);
    joined_new(&comm, engine, parts, integers, order, start, &j);
    ist_nearest_question ask[TOGETHER];
    ist_pass_stats alone = {0}, together = {0};
    for (int x = 0; x < TOGETHER; x++)
        ask[x] = (ist_nearest_question){.rows = &j.joint[x], .k = 2 + 3 * x};
    ist_pass_nearest_together(&comm, engine, ask, TOGETHER, ties, &together);
    bool same = true, filters[2] = {false, false};
    for (int x = 0; x <= TOGETHER; x++)
        ist_rows_drop_integers(x < TOGETHER ? &j.first[x] : &j.second);
    for (int x = 0; x < TOGETHER; x++) {
        same = same && ask[x].nearest->rows == &j.joint[x];
        ist_nearest *one = ist_pass_nearest(&comm, engine, &j.joint[x], ask[x].k, ties, &alone);
        same = same && same_lists(ask[x].nearest, one);
        filters[j.joint[x].filter.form == IST_FILTER_JOINT] = true;
        ist_nearest_free(&one);
        ist_nearest_free(&ask[x].nearest);
    }
    CHECK_ALL_TELL(handle, same, "other lists, parts %d", parts);
    CHECK_ALL(handle, filters[0] && filters[1] && together.pairs == alone.pairs);
    int64_t sent[2] = {together.bytes_sent, alone.bytes_sent};
    ist_sum(&comm, sent, 2);
    CHECK_ALL_TELL(handle, sent[0] < sent[1] || (sent[1] == 0 && (parts || comm.size == 1)),
                   "%lld bytes sent, %lld one by one", (long long)sent[0], (long long)sent[1]);
    joined_release(&j);
    ist_comm_release(&comm);
}

RANK_CHECK(joint_sets_together)
{
    for (int which = 0; which < 4; which++) {
        const ist_engine engine = {.kernel = ist_kernel_choose(which % 2 ? "reference" : NULL),
                                   .chunk_bytes = 1 << 20,
                                   .chunk_rows = which == 1 ? 96 : 0,
                                   .skipping = which == 2 ? IST_SKIP_ALWAYS : IST_SKIP_NEVER};
        for (int integers = 0; integers < 4; integers++)
            check_together(comm, &engine, which >= 2,
                           (const bool[]){integers % 2 == 1, integers >= 2});
    }
}
