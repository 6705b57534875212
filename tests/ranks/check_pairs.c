/* The engine against brute-force float64, to the integer: neighbours, ranks, duplicates and reverse
 * pairs, for every kernel, two chunk sizes, both tie rules, whole sets and random parts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brute.h"
#include "checks.h"
#include "infostrata/anchors.h"
#include "rows.h"

/* ---- data ---------------------------------------------------------------------------------- */

static uint64_t split_mix(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static double uniform(uint64_t *state)
{
    return (double)(split_mix(state) >> 11) * 0x1p-53;
}

static double normal(uint64_t *state)
{
    double r = sqrt(-2 * log(1 - uniform(state)));
    return r * cos(6.283185307179586 * uniform(state));
}

typedef double value_rule(uint64_t *state, int64_t row, int64_t column);

static double normals(uint64_t *state, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return normal(state);
}
static double lattice(uint64_t *state, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return floor(3 * uniform(state));
}
static double all_equal(uint64_t *state, int64_t row, int64_t column)
{
    (void)state, (void)row, (void)column;
    return 0.1;
}
static double shifted(uint64_t *state, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return 1e5 + normal(state);
}
static double near_duplicates(uint64_t *state, int64_t row, int64_t column)
{
    return (double)(row % 7) + (double)column + 1e-6 * normal(state);
}
static double clusters(uint64_t *state, int64_t row, int64_t column)
{
    return sin((double)(row % 5) * 3 + (double)column) + 1e-7 * normal(state);
}
static double mostly_zero_rows(uint64_t *state, int64_t row, int64_t column)
{
    (void)column;
    return row % 3 == 0 ? (row % 2 ? -0.0 : 0.0) : normal(state);
}
static double denormals(uint64_t *state, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return 1e-40 * normal(state);
}
static double huge(uint64_t *state, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return 1e30 * normal(state);
}
static double one_outlier(uint64_t *state, int64_t row, int64_t column)
{
    (void)column;
    return (row == 3 ? 1e7 : 1) * normal(state);
}
static double constant_columns(uint64_t *state, int64_t row, int64_t column)
{
    (void)row;
    return column % 2 ? 4.25 : normal(state);
}
static double dominated(uint64_t *state, int64_t row, int64_t column)
{
    (void)row;
    return (column == 0 ? 1e4 : 1) * normal(state);
}

static double small_integers(uint64_t *state, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return floor(256 * uniform(state)) - 128;
}
static double ten_rows(uint64_t *state, int64_t row, int64_t column)
{
    (void)state;
    return sin((double)(row * row % 10) * 17 + (double)column * 3);
}
/* All distances between different rows are equal in truth, and not numbers of float32. */
static double one_hot(uint64_t *state, int64_t row, int64_t column)
{
    (void)state;
    return column == row % 9 ? 0.1 : 0;
}
static double far_clusters(uint64_t *state, int64_t row, int64_t column)
{
    (void)column;
    return (double)(1 + row % 3) * (1 + 1e-7 * normal(state));
}
/* Only the first row lies on a grid that would make all sums exact. */
static double grid_left(uint64_t *state, int64_t row, int64_t column)
{
    (void)column;
    return 1e5 + (row == 0 ? 0x1p-10 : 0.2 * uniform(state));
}
/* Probabilities in float64: exponents over a thousand binades, tiny numbers first. */
static double probabilities(uint64_t *state, int64_t row, int64_t column)
{
    return row + column == 0 ? 1e-300 : exp(-700 * uniform(state) * uniform(state));
}
/* Squares that float64 rounds to few bits or loses, of values that copies could hold. */
static double lost_squares(uint64_t *state, int64_t row, int64_t column)
{
    (void)row;
    return column == 0 ? 0x1p-458 : 0x1p-538 * normal(state);
}

/* Two values that float32 does not hold; sums of equal squares round. */
static double two_values(uint64_t *state, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return uniform(state) < 0.2 ? -1.7 : 0.3;
}
/* A third value that one rank alone meets. */
static double third_value(uint64_t *state, int64_t row, int64_t column)
{
    return row == 7 && column == 1 ? 0.7 : two_values(state, row, column);
}
/* Rows that differ in their last bits, and some that do not. */
static double nearly_equal_rows(uint64_t *state, int64_t row, int64_t column)
{
    double off = uniform(state) < 0.05 ? 0x1p-52 : 0;
    return sin((double)(row % 6) * 17 + (double)column * 3 + 1) * (1 + off);
}

typedef struct {
    const char *name;
    value_rule *rule;
} data_kind;

static const data_kind kinds[] = {
    {"normals", normals},
    {"lattice", lattice},
    {"all equal", all_equal},
    {"shifted by 1e5", shifted},
    {"near-duplicates", near_duplicates},
    {"clusters", clusters},
    {"zero rows", mostly_zero_rows},
    {"denormals", denormals},
    {"huge", huge},
    {"one outlier", one_outlier},
    {"constant columns", constant_columns},
    {"one dimension dominating", dominated},
    {"small integers", small_integers},
    {"ten rows", ten_rows},
    {"one hot", one_hot},
    {"far clusters", far_clusters},
    {"grid left", grid_left},
    {"probabilities", probabilities},
    {"lost squares", lost_squares},
    {"two values", two_values},
    {"third value", third_value},
    {"nearly equal rows", nearly_equal_rows},
};

/* The whole matrix, the same on every rank, as the engine will see it. */
static double *make_data(value_rule *rule, int64_t n, int64_t d, bool wide, uint64_t seed)
{
    double *values = ist_alloc((size_t)(n * d), sizeof *values);
    uint64_t state = seed;
    for (int64_t e = 0; e < n * d; e++) {
        double value = rule(&state, e / d, e % d);
        values[e] = wide ? value : (double)(float)value;
    }
    return values;
}

/* ---- one case ------------------------------------------------------------------------------ */

typedef struct {
    int64_t n, k, batch, chunk_rows;
    int64_t source_d, target_d;
    ist_metric metric;
    bool wide, parts;
    bool integers; /* the sets have integer copies, too */
    ist_tie_rule ties;
    const char *kernel;
    ist_filter_form form; /* NONE: as the engine chooses */
} engine_case;

static bool neighbours_right(const ist_rows *rows, const double *values, const engine_case *c,
                             const ist_nearest *nearest)
{
    brute_other *sorted = ist_alloc((size_t)rows->n, sizeof *sorted);
    bool right = true;
    for (int64_t i = 0; i < rows->home.count && right; i++) {
        int64_t count = brute_others(rows, values, rows->home.first + i, c->ties, sorted);
        brute_sort(sorted, count);
        right = nearest->held[i] == c->k;
        for (int64_t p = 0; p < c->k && right; p++) {
            int32_t position = nearest->neighbour[i * c->k + p];
            right = ist_row_number(rows, position) == sorted[p].row &&
                    nearest->distance[i * c->k + p] == sorted[p].distance;
        }
    }
    ist_free(sorted);
    return right;
}

static bool ranks_right(const ist_rows *rows, const double *values, const engine_case *c,
                        const int32_t *target, const int64_t *twice_rank)
{
    brute_other *others = ist_alloc((size_t)rows->n, sizeof *others);
    bool right = true;
    for (int64_t i = 0; i < rows->home.count && right; i++) {
        int64_t count = brute_others(rows, values, rows->home.first + i, c->ties, others);
        for (int64_t p = 0; p < c->k && right; p++) {
            int64_t j = ist_row_number(rows, target[i * c->k + p]);
            right =
                twice_rank[i * c->k + p] == brute_twice_rank(others, count, j, c->ties.by_index);
        }
    }
    ist_free(others);
    return right;
}

/* It instead of the one that the engine has chosen. */
static void force_form(const double *values, const engine_case *c, ist_rows *rows)
{
    if (c->form == IST_FILTER_NONE)
        return;
    ist_filter_release(&rows->filter);
    rows->filter = rows_filter(rows, values, c->form);
    ist_packed_release(&rows->packed);
    rows->packed = ist_pack(rows, &rows->home);
}

/* Neighbours in the source and their ranks in the target; false on this rank if any is wrong. */
static bool case_right(const ist_comm *comm, value_rule *rule, const engine_case *c)
{
    ist_engine engine = {.kernel = ist_kernel_choose(c->kernel),
                         .chunk_bytes = 1 << 20,
                         .chunk_rows = c->chunk_rows,
                         .skipping = getenv("IST_SKIP") ? IST_SKIP_ALWAYS : IST_SKIP_NEVER};
    double *a = make_data(rule, c->n, c->source_d, c->wide, 1);
    double *b = make_data(rule, c->n, c->target_d, c->wide, 2);
    ist_rows source, target, source_parts = {0}, target_parts = {0};
    rows_distributed(comm, c->metric, a, c->n, c->source_d, c->wide, &source);
    rows_distributed(comm, c->metric, b, c->n, c->target_d, c->wide, &target);
    force_form(a, c, &source);
    force_form(b, c, &target);
    if (c->integers) {
        rows_add_integers(&source, a);
        rows_add_integers(&target, b);
    }
    int64_t *order = ist_alloc((size_t)c->n, sizeof *order), start[4];
    ist_random_parts(c->n, 3, order, start);
    const ist_rows *from = &source, *to = &target;
    if (c->parts) {
        ist_rows_by_part(comm, &source, 3, order, start, &source_parts);
        ist_rows_by_part(comm, &target, 3, order, start, &target_parts);
        from = &source_parts;
        to = &target_parts;
    }
    ist_pass_stats stats = {0};
    ist_nearest *nearest = ist_pass_nearest(comm, &engine, from, c->k, c->ties, &stats);
    bool right = neighbours_right(from, a, c, nearest);
    int64_t *ranks = ist_alloc((size_t)(to->home.count * c->k), sizeof *ranks);
    ist_thresholds thresholds = {.stride = c->k, .target = nearest->neighbour};
    ist_pass_counts(comm, &engine, to, c->ties.by_index, &thresholds, c->batch, ranks, NULL,
                    &stats);
    right = right && ranks_right(to, b, c, nearest->neighbour, ranks);
    ist_free(ranks);
    ist_nearest_free(&nearest);
    ist_rows_release(&source);
    ist_rows_release(&target);
    ist_rows_release(&source_parts);
    ist_rows_release(&target_parts);
    ist_free(order);
    ist_free(a);
    ist_free(b);
    return right;
}

static const char *const all_kernels[] = {"reference", "avx2", "avx512-skylake", "avx512"};

/* What two kernels share need not be checked twice: these differ in counting below many thresholds. Integer copies are for those
 * that have a filter for them. */
static bool is_worth_while(const char *kernel, const engine_case *c)
{
    const ist_kernel *chosen = ist_kernel_choose(kernel);
    bool same = strcmp(kernel, "avx512-skylake") == 0 && c->batch <= IST_FEW_THRESHOLDS;
    bool integer = c->integers || c->form == IST_FILTER_INTEGER;
    return chosen && !same && (!integer || chosen->filter[IST_FILTER_INTEGER]);
}

static void check_kinds(MPI_Comm handle, engine_case c)
{
    ist_comm comm = ist_comm_new(handle);
    for (size_t kernel = 0; kernel < sizeof all_kernels / sizeof *all_kernels; kernel++) {
        if (!is_worth_while(all_kernels[kernel], &c))
            continue;
        c.kernel = all_kernels[kernel];
        for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
            bool right = case_right(&comm, kinds[kind].rule, &c);
            CHECK_ALL_TELL(comm.handle, right, "%s, kernel %s", kinds[kind].name, c.kernel);
        }
    }
    ist_comm_release(&comm);
}

RANK_CHECK(nearest_and_ranks_narrow)
{
    engine_case c = {.n = 331, .k = 4, .batch = 4, .source_d = 5, .target_d = 70};
    check_kinds(comm, c);
}

RANK_CHECK(nearest_and_ranks_wide)
{
    engine_case c = {
        .n = 331, .k = 4, .batch = 3, .source_d = 70, .target_d = 3, .wide = true, .chunk_rows = 1};
    check_kinds(comm, c);
}

RANK_CHECK(nearest_and_ranks_by_index)
{
    engine_case c = {.n = 250, .k = 3, .batch = 2, .source_d = 4, .target_d = 9, .chunk_rows = 100};
    c.ties.by_index = true;
    check_kinds(comm, c);
    c.wide = true;
    check_kinds(comm, c);
}

RANK_CHECK(nearest_and_ranks_in_parts)
{
    engine_case c = {.n = 500, .k = 3, .batch = 3, .source_d = 6, .target_d = 2, .parts = true};
    check_kinds(comm, c);
    c.wide = true;
    c.ties.seed = 7;
    check_kinds(comm, c);
}

/* Above 128 thresholds a row counts go by binary search; k = N - 1 is every other row. */
RANK_CHECK(every_neighbour)
{
    engine_case c = {.n = 130, .k = 129, .batch = 129, .source_d = 3, .target_d = 4};
    check_kinds(comm, c);
    c.n = 3;
    c.k = c.batch = 2;
    check_kinds(comm, c);
}

/* All forms of the euclidean filter on all kinds, over several tiles: few thresholds and many, each tie rule with
 * one of them. */
static void check_forms(MPI_Comm handle, bool wide)
{
    static const ist_filter_form forms[] = {IST_FILTER_DIRECT, IST_FILTER_PRODUCT,
                                            IST_FILTER_INTEGER};
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        ist_filter_form form = forms[f];
        engine_case few = {.n = 300,
                           .k = 3,
                           .batch = 3,
                           .source_d = 10,
                           .target_d = 67,
                           .wide = wide,
                           .ties.by_index = form == IST_FILTER_PRODUCT,
                           .form = form};
        engine_case many = {.n = 210,
                            .k = 20,
                            .batch = 20,
                            .source_d = 130,
                            .target_d = 10,
                            .wide = wide,
                            .ties.by_index = form == IST_FILTER_DIRECT,
                            .form = form};
        check_kinds(handle, few);
        check_kinds(handle, many);
    }
}

RANK_CHECK(all_forms_narrow)
{
    check_forms(comm, false);
}

RANK_CHECK(all_forms_wide)
{
    check_forms(comm, true);
}

/* Sets that have both kinds of copies: the k nearest and few thresholds by the integer ones, many by the others; whole sets
 * and parts. */
static void check_integers(MPI_Comm handle, bool wide)
{
    engine_case c = {.n = 300,
                     .k = 12,
                     .batch = 5,
                     .source_d = 33,
                     .target_d = 64,
                     .wide = wide,
                     .integers = true};
    check_kinds(handle, c);
    c.parts = true;
    c.ties.by_index = true;
    check_kinds(handle, c);
    c.parts = false;
    c.batch = 12;
    c.chunk_rows = 100;
    check_kinds(handle, c);
}

RANK_CHECK(integers_narrow)
{
    check_integers(comm, false);
}

RANK_CHECK(integers_wide)
{
    check_integers(comm, true);
}

/* ---- metrics ------------------------------------------------------------------------------- */

/* Neighbours and ranks, few thresholds and many, in both orders of equal distances; whole sets and parts. */
static void check_metric(MPI_Comm handle, ist_metric metric, bool wide)
{
    engine_case few = {.n = 210,
                       .k = 4,
                       .batch = 3,
                       .source_d = 5,
                       .target_d = 19,
                       .metric = metric,
                       .wide = wide,
                       .chunk_rows = 100};
    check_kinds(handle, few);
    engine_case many = {.n = 130,
                        .k = 12,
                        .batch = 12,
                        .source_d = 70,
                        .target_d = 1,
                        .metric = metric,
                        .wide = wide,
                        .ties.by_index = wide};
    check_kinds(handle, many);
    engine_case parts = {.n = 300,
                         .k = 3,
                         .batch = 3,
                         .source_d = 6,
                         .target_d = 2,
                         .metric = metric,
                         .wide = wide,
                         .parts = true,
                         .ties.by_index = true};
    check_kinds(handle, parts);
}

RANK_CHECK(manhattan_narrow)
{
    check_metric(comm, IST_METRIC_MANHATTAN, false);
}

RANK_CHECK(manhattan_wide)
{
    check_metric(comm, IST_METRIC_MANHATTAN, true);
}

RANK_CHECK(chebyshev_narrow)
{
    check_metric(comm, IST_METRIC_CHEBYSHEV, false);
}

RANK_CHECK(chebyshev_wide)
{
    check_metric(comm, IST_METRIC_CHEBYSHEV, true);
}

/* ---- anchors ------------------------------------------------------------------------------- */

typedef struct {
    engine_case c;
    int64_t count;
    uint64_t seed;
    bool twins; /* of both layers */
} anchors_case;

static bool lists_of_anchors_right(const ist_rows *rows, const double *values, const engine_case *c,
                                   const ist_anchors *anchors, const ist_nearest *nearest)
{
    brute_other *sorted = ist_alloc((size_t)rows->n, sizeof *sorted);
    bool right = nearest->count == anchors->own;
    for (int64_t i = 0; i < anchors->own && right; i++) {
        int64_t row = anchors->row[anchors->first + i];
        int64_t count = brute_others(rows, values, row, c->ties, sorted);
        brute_sort(sorted, count);
        right = nearest->held[i] == c->k;
        for (int64_t p = 0; p < c->k && right; p++)
            right = nearest->neighbour[i * c->k + p] == sorted[p].row &&
                    nearest->distance[i * c->k + p] == sorted[p].distance;
    }
    ist_free(sorted);
    return right;
}

static bool ranks_of_anchors_right(const ist_rows *rows, const double *values, const engine_case *c,
                                   const ist_anchors *anchors, const int32_t *target,
                                   const int64_t *twice_rank)
{
    brute_other *others = ist_alloc((size_t)rows->n, sizeof *others);
    bool right = true;
    for (int64_t i = 0; i < anchors->own && right; i++) {
        int64_t row = anchors->row[anchors->first + i];
        int64_t count = brute_others(rows, values, row, c->ties, others);
        for (int64_t e = i * c->k; e < (i + 1) * c->k && right; e++)
            right = twice_rank[e] == brute_twice_rank(others, count, target[e], c->ties.by_index);
    }
    ist_free(others);
    return right;
}

static bool anchors_right(const ist_comm *comm, value_rule *rule, const anchors_case *a)
{
    const engine_case *c = &a->c;
    ist_engine engine = {.kernel = ist_kernel_choose(c->kernel),
                         .chunk_bytes = 1 << 20,
                         .chunk_rows = c->chunk_rows,
                         .skipping = a->twins ? IST_SKIP_ALWAYS : IST_SKIP_NEVER};
    double *values[2] = {make_data(rule, c->n, c->source_d, c->wide, 1),
                         make_data(rule, c->n, c->target_d, c->wide, 2)};
    ist_rows rows[2];
    for (int side = 0; side < 2; side++) {
        rows_distributed(comm, c->metric, values[side], c->n, side ? c->target_d : c->source_d,
                         c->wide, &rows[side]);
        ist_rows_cluster(comm, &engine, &rows[side]);
    }
    ist_anchors anchors = ist_anchors_new(comm, c->n, a->count, a->seed);
    ist_pass_stats stats = {0};
    ist_nearest *nearest =
        ist_anchors_nearest(comm, &engine, &rows[0], &anchors, c->k, c->ties, &stats);
    bool right = lists_of_anchors_right(&rows[0], values[0], c, &anchors, nearest);
    int64_t *ranks = ist_alloc((size_t)(anchors.own * c->k), sizeof *ranks);
    right &= ist_anchors_ranks(comm, &engine, &rows[1], &anchors, c->ties.by_index, c->k,
                               nearest->neighbour, c->batch, ranks, &stats);
    right = right &&
            ranks_of_anchors_right(&rows[1], values[1], c, &anchors, nearest->neighbour, ranks);
    int64_t pairs = ist_sum_one(comm, (int64_t)stats.pairs);
    right = right && pairs == a->count * c->n * (1 + ist_ceil_div(c->k, c->batch));
    ist_free(ranks);
    ist_nearest_free(&nearest);
    ist_anchors_release(&anchors);
    for (int side = 0; side < 2; side++) {
        ist_rows_release(&rows[side]);
        ist_free(values[side]);
    }
    return right;
}

/* Every kind of data; the kernels in turn. */
static void check_anchors(MPI_Comm handle, anchors_case a)
{
    ist_comm comm = ist_comm_new(handle);
    const size_t kernels = sizeof all_kernels / sizeof *all_kernels;
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        const char *kernel = all_kernels[kind % kernels];
        a.c.kernel = ist_kernel_choose(kernel) ? kernel : NULL;
        bool right = anchors_right(&comm, kinds[kind].rule, &a);
        CHECK_ALL_TELL(comm.handle, right, "%s, kernel %s", kinds[kind].name, kernel);
    }
    ist_comm_release(&comm);
}

RANK_CHECK(anchors_among_all)
{
    engine_case c = {.n = 331, .k = 4, .batch = 3, .source_d = 5, .target_d = 40};
    check_anchors(comm, (anchors_case){.c = c, .count = 20, .seed = 9});
    c.ties.by_index = true;
    check_anchors(comm, (anchors_case){.c = c, .count = 20, .twins = true});
}

/* Several batches of anchors, and many thresholds; all rows are anchors. */
RANK_CHECK(anchors_in_batches)
{
    engine_case c = {.n = 120,
                     .k = 14,
                     .batch = 11,
                     .source_d = 20,
                     .target_d = 3,
                     .wide = true,
                     .chunk_rows = 96};
    check_anchors(comm, (anchors_case){.c = c, .count = 120});
    c.ties.by_index = true;
    check_anchors(comm, (anchors_case){.c = c, .count = 100, .twins = true});
}

/* All but one of the other rows are neighbours, or all of them; other metrics. */
RANK_CHECK(anchors_of_few_rows)
{
    engine_case c = {.n = 3, .k = 2, .batch = 2, .source_d = 3, .target_d = 4};
    check_anchors(comm, (anchors_case){.c = c, .count = 2});
    c = (engine_case){.n = 40, .k = 38, .batch = 38, .source_d = 3, .target_d = 4};
    c.metric = IST_METRIC_MANHATTAN;
    check_anchors(comm, (anchors_case){.c = c, .count = 7});
    c.metric = IST_METRIC_CHEBYSHEV;
    c.k = c.batch = 39;
    check_anchors(comm, (anchors_case){.c = c, .count = 7});
}

/* int8 layers as wide as a network's: every sum is exact, or (wide) just not any more. */
RANK_CHECK(int8_layers)
{
    ist_comm mine = ist_comm_new(comm);
    for (int form = IST_FILTER_DIRECT; form <= IST_FILTER_PRODUCT; form++) {
        engine_case c = {.n = 200,
                         .k = 9,
                         .batch = 9,
                         .source_d = 300,
                         .target_d = 1000,
                         .form = (ist_filter_form)form};
        bool right = case_right(&mine, small_integers, &c);
        CHECK_ALL_TELL(comm, right, "form %d", form);
    }
    ist_comm_release(&mine);
}

RANK_CHECK(seed_decides_ties)
{
    engine_case c = {.n = 120, .k = 2, .batch = 2, .source_d = 2, .target_d = 2};
    c.ties.seed = UINT64_C(0x1234567890abcdef);
    check_kinds(comm, c);
}

/* ---- duplicates and reverse pairs ---------------------------------------------------------- */

static bool first_equal_right(const ist_rows *rows, const double *values, int64_t d,
                              const int32_t *first)
{
    for (int64_t i = 0; i < rows->home.count; i++) {
        int64_t own = rows->home.first + i, j = 0;
        while (brute_distance(IST_METRIC_EUCLIDEAN, values + j * d, values + own * d, d) > 0)
            j++;
        if (first[i] != j)
            return false;
    }
    return true;
}

RANK_CHECK(duplicates_counted)
{
    ist_comm mine = ist_comm_new(comm);
    ist_engine engine = {.kernel = ist_kernel_choose(NULL), .chunk_bytes = 1 << 20};
    for (int wide = 0; wide < 2; wide++) {
        ist_rows rows;
        double *values = make_data(mostly_zero_rows, 300, 4, wide, 5);
        memcpy(values + 4 * 100, values + 4 * 298, 4 * sizeof *values);
        rows_distributed(&mine, IST_METRIC_EUCLIDEAN, values, 300, 4, wide, &rows);
        ist_hash content, again;
        int32_t *first = ist_alloc((size_t)rows.home.count, sizeof *first);
        int64_t duplicates = ist_duplicates(&mine, &engine, &rows, first, &content);
        CHECK_ALL_TELL(comm, duplicates == 100, "%lld duplicates", (long long)duplicates);
        CHECK_ALL(comm, first_equal_right(&rows, values, 4, first));
        ist_free(first);
        ist_rows_release(&rows);
        values[4 * 299 + 3] += 1;
        rows_distributed(&mine, IST_METRIC_EUCLIDEAN, values, 300, 4, wide, &rows);
        ist_duplicates(&mine, &engine, &rows, NULL, &again);
        CHECK_ALL(comm, ist_hash_compare(content, again) != 0);
        ist_rows_release(&rows);
        ist_free(values);
    }
    ist_comm_release(&mine);
}

RANK_CHECK(reverse_pairs)
{
    enum { N = 200, K = 3, STRIDE = 4 };
    ist_comm mine = ist_comm_new(comm);
    ist_rows rows;
    double *values = make_data(normals, N, 2, false, 9);
    rows_distributed(&mine, IST_METRIC_EUCLIDEAN, values, N, 2, false, &rows);
    ist_free(values);
    /* Row i points at three rows by a rule that every rank knows; the value is 1000 i + p. */
    size_t entries = (size_t)(rows.home.count * STRIDE);
    int32_t *neighbour = ist_alloc(entries, sizeof *neighbour);
    int64_t *value = ist_alloc(entries, sizeof *value),
            *reverse = ist_alloc(entries, sizeof *value);
    int64_t *in_count = ist_alloc((size_t)rows.home.count, sizeof *in_count);
    int64_t *in_sum = ist_alloc((size_t)rows.home.count, sizeof *in_sum);
    static const int step[K] = {1, N - 1, 7};
    for (int64_t i = 0; i < rows.home.count; i++)
        for (int p = 0; p < K; p++) {
            neighbour[i * STRIDE + p] = (int32_t)((rows.home.first + i + step[p]) % N);
            value[i * STRIDE + p] = 1000 * (rows.home.first + i) + p;
        }
    ist_reverse_pairs(&mine, &rows, K, STRIDE, neighbour, value, reverse, in_count, in_sum);
    bool right = true;
    for (int64_t i = 0; i < rows.home.count && right; i++) {
        int64_t at = rows.home.first + i, before = (at + N - 1) % N, after = (at + 1) % N;
        int64_t seventh = (at + N - 7) % N;
        right = in_count[i] == K && in_sum[i] == 1000 * (before + after + seventh) + 0 + 1 + 2 &&
                reverse[i * STRIDE] == 1000 * after + 1 &&
                reverse[i * STRIDE + 1] == 1000 * before && reverse[i * STRIDE + 2] == -1;
    }
    CHECK_ALL(comm, right);
    ist_rows_release(&rows);
    ist_free(neighbour);
    ist_free(value);
    ist_free(reverse);
    ist_free(in_count);
    ist_free(in_sum);
    ist_comm_release(&mine);
}
