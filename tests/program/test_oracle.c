/* Every number of results.csv against brute force, for data of all kinds. */
#include "oracle.h"
#include "support.h"

#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- data ------------------------------------------------------------------------------------ */

typedef double rule(double normal, double uniform, int64_t row, int64_t column);

static double plain(double normal, double uniform, int64_t row, int64_t column)
{
    (void)uniform, (void)row, (void)column;
    return normal;
}
static double lattice(double normal, double uniform, int64_t row, int64_t column)
{
    (void)normal, (void)row, (void)column;
    return floor(3 * uniform);
}
static double dead_rows(double normal, double uniform, int64_t row, int64_t column)
{
    (void)uniform;
    return row % 5 < 2 ? (column % 2 ? -0.0 : 0.0) : fmax(normal, 0);
}
static double constant_columns(double normal, double uniform, int64_t row, int64_t column)
{
    (void)uniform, (void)row;
    return column % 2 ? 4.25 : normal;
}
static double constant(double normal, double uniform, int64_t row, int64_t column)
{
    (void)normal, (void)uniform, (void)row, (void)column;
    return 0.1;
}
static double offset(double normal, double uniform, int64_t row, int64_t column)
{
    (void)uniform, (void)row, (void)column;
    return 1e5 + normal;
}
static double near_duplicates(double normal, double uniform, int64_t row, int64_t column)
{
    (void)uniform;
    return sin((double)(3 * (row % 40) + column)) * (1 + 1e-6 * normal);
}
static double bytes(double normal, double uniform, int64_t row, int64_t column)
{
    (void)uniform, (void)row, (void)column;
    return fmax(-128, fmin(127, round(30 * normal)));
}
static double huge(double normal, double uniform, int64_t row, int64_t column)
{
    (void)uniform, (void)row, (void)column;
    return 1e30 * normal;
}
static double tiny(double normal, double uniform, int64_t row, int64_t column)
{
    (void)uniform, (void)row, (void)column;
    return 1e-160 * normal;
}

typedef enum { HALF, SINGLE, DOUBLE, BYTE } stored_type;

/* A parameter is copied to the test's process as bytes: no pointers in it. */
typedef struct {
    int kind, ranks;
} oracle_case;

static const struct {
    const char *name;
    rule *make;
    stored_type type;
} kinds[] = {
    {"normals, float32", plain, SINGLE},
    {"normals, float64", plain, DOUBLE},
    {"float16", plain, HALF},
    {"int8", bytes, BYTE},
    {"lattice", lattice, SINGLE},
    {"lattice, float64", lattice, DOUBLE},
    {"dead rows", dead_rows, SINGLE},
    {"constant columns", constant_columns, SINGLE},
    {"constant", constant, DOUBLE},
    {"shifted by 1e5, float32", offset, SINGLE},
    {"shifted by 1e5, float64", offset, DOUBLE},
    {"near-duplicates, float32", near_duplicates, SINGLE},
    {"near-duplicates, float64", near_duplicates, DOUBLE},
    {"huge", huge, SINGLE},
    {"tiny", tiny, DOUBLE},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static hid_t stored(stored_type type)
{
    return type == HALF     ? type_half()
           : type == SINGLE ? H5T_IEEE_F32LE
           : type == DOUBLE ? H5T_IEEE_F64LE
                            : H5T_STD_I8LE;
}

static double *values_of(rule *make, int64_t n, int64_t d, uint64_t seed)
{
    double *values = draw_normals(seed, n * d);
    for (int64_t e = 0; e < n * d; e++) {
        double uniform = random_uniform(&seed);
        values[e] = make(values[e], uniform, e / d, e % d);
    }
    return values;
}

/* Labels of odd values: huge, negative, and a class of one sample. */
static int64_t *odd_labels(int64_t n)
{
    static const int64_t names[] = {INT64_MIN, -1, 0, INT64_C(1) << 62, INT64_MAX};
    int64_t *labels = draw_labels(8, n, 4);
    for (int64_t i = 0; i < n; i++)
        labels[i] = names[labels[i]];
    labels[n / 2] = names[4];
    return labels;
}

enum { A_COLUMNS = 6, B_COLUMNS = 3 };

static const char *data_name; /* of what was written last, for messages */

static const char *write_data(int kind, int64_t n)
{
    const char *path = scratch_path("oracle.h5");
    data_name = kinds[kind].name;
    hid_t file = input_new(path), type = stored(kinds[kind].type);
    double *a = values_of(kinds[kind].make, n, A_COLUMNS, 100);
    double *b = values_of(kinds[kind].make, n, B_COLUMNS, 200);
    input_layer(file, "/layers/a", type, n, A_COLUMNS, a);
    input_layer(file, "/layers/b", type, n, B_COLUMNS, b);
    input_integers(file, "/labels/odd", n, odd_labels(n));
    input_integers(file, "/labels/two", n, draw_labels(9, n, 2));
    input_close(file);
    return path;
}

/* ---- comparison ------------------------------------------------------------------------------ */

typedef struct {
    oracle_space a, b, odd, two;
} spaces;

static spaces spaces_of(const char *path, int64_t n)
{
    return (spaces){
        .a = oracle_layer(input_read(path, "/layers/a", n, A_COLUMNS), n, A_COLUMNS),
        .b = oracle_layer(input_read(path, "/layers/b", n, B_COLUMNS), n, B_COLUMNS),
        .odd = oracle_labels(odd_labels(n), n),
        .two = oracle_labels(draw_labels(9, n, 2), n),
    };
}

static const oracle_space *space_named(const spaces *s, const char *name)
{
    return strcmp(name, "a") == 0     ? &s->a
           : strcmp(name, "b") == 0   ? &s->b
           : strcmp(name, "odd") == 0 ? &s->odd
                                      : &s->two;
}

static void expect_note(const table *t, size_t row, const char *code, bool expected,
                        const char *what)
{
    bool there = strstr(table_text(t, row, "note"), code);
    cr_expect(there == expected, "%s: note '%s'", what, table_text(t, row, "note"));
}

static void expect_error(const table *t, size_t row, const oracle_answer *right, const char *what)
{
    const char *se = table_text(t, row, "se");
    double error = table_real(t, row, "std_error"), expected = NAN;
    if (strcmp(se, "rows") == 0)
        expected = right->rows_error;
    else if (strcmp(se, "parts") == 0 && right->has_parts)
        expected = right->parts_error;
    /* Squares: where the true error is 0, sums that cancel leave the root of a rounding. */
    cr_expect(close_to(error * error, expected * expected, 1e-12),
              "%s: standard error %.17g, not %.17g", what, error, expected);
    bool parts = strcmp(se, "parts") == 0;
    expect_note(t, row, "parts-too-small", parts && !right->has_parts, what);
    if (parts && right->has_parts)
        cr_expect(close_to(table_real(t, row, "parts_mean"), right->parts_mean, 1e-12),
                  "%s: parts_mean", what);
}

static void expect_row(const table *t, size_t row, const spaces *s)
{
    const char *what = scratch_text("%s, row %zu: %s -> %s k=%s %s", data_name, row,
                                    table_text(t, row, "source"), table_text(t, row, "target"),
                                    table_text(t, row, "k"), table_text(t, row, "params"));
    const oracle_space *source = space_named(s, table_text(t, row, "source"));
    const oracle_space *target = space_named(s, table_text(t, row, "target"));
    int64_t k = (int64_t)table_real(t, row, "k"), n = source->n;
    ist_tie_rule ties = {.by_index = strcmp(table_text(t, row, "ties"), "index") == 0,
                         .seed = strtoull(table_text(t, row, "seed"), NULL, 10)};
    bool labels = target == &s->odd || target == &s->two;
    bool rows = strcmp(table_text(t, row, "se"), "rows") == 0;
    oracle_answer right = oracle_imbalance(source, target, k, ties, rows);
    const char *sum = scratch_text("%lld%s", (long long)right.twice_rank_sum / 2,
                                   right.twice_rank_sum % 2 ? ".5" : "");
    EXPECT_CELL(t, row, "status", "ok");
    cr_expect(strcmp(table_text(t, row, "rank_sum"), sum) == 0, "%s: rank sum %s, not %s", what,
              table_text(t, row, "rank_sum"), sum);
    double value = (double)right.twice_rank_sum / ((double)n * (double)n * (double)k);
    cr_expect(close_to(table_real(t, row, "value"), value, 1e-15), "%s: value", what);
    cr_expect(close_to(table_real(t, row, "tie_fraction"), right.tie_fraction, 1e-15),
              "%s: tie_fraction %s, not %.17g", what, table_text(t, row, "tie_fraction"),
              right.tie_fraction);
    expect_note(t, row, "ties", right.tie_fraction > 1e-3, what);
    cr_expect(table_real(t, row, "duplicates") == (double)source->duplicates, "%s: duplicates",
              what);
    expect_note(t, row, "duplicates", source->duplicates + target->duplicates > 0, what);
    if (!labels)
        cr_expect(table_real(t, row, "duplicates_target") == (double)target->duplicates, "%s",
                  what);
    expect_error(t, row, &right, what);
}

static void expect_all_rows(const char *output, const char *data, int64_t n, size_t rows)
{
    table t = results_of(output);
    spaces s = spaces_of(data, n);
    cr_assert(t.rows == rows, "%zu rows, not %zu", t.rows, rows);
    for (size_t row = 0; row < t.rows; row++)
        expect_row(&t, row, &s);
}

/* ---- tests ----------------------------------------------------------------------------------- */

ParameterizedTestParameters(oracle, kinds)
{
    oracle_case *cases = cr_malloc(KINDS * sizeof *cases);
    for (int kind = 0; kind < KINDS; kind++)
        cases[kind] = (oracle_case){kind, 1 + kind % 5};
    return cr_make_param_array(oracle_case, cases, KINDS);
}

ParameterizedTest(oracle_case *c, oracle, kinds, .timeout = 60)
{
    enum { N = 233 }; /* parts of two sizes */
    const char *data = write_data(c->kind, N);
    const char *job = job_new(
        "oracle", "input: {file: oracle.h5, layers: [a, b], labels: [odd, two]}\n"
                  "measures:\n"
                  "  - imbalance: {k: [1, 2, 7], ties: [random, index], se: [parts, rows]}\n"
                  "  - imbalance: {k: [1, 3], seed: 18, se: rows}\n"
                  "  - imbalance: {target: [odd, two], k: [1, 2, 7], se: [parts, rows]}\n");
    const char *output = scratch_path("out");
    RUN(0, c->ranks, job, output);
    expect_all_rows(output, data, N, 24 + 4 + 24);
}

/* Every k there is, up to the last neighbour: long lists, many thresholds. */
Test(oracle, every_k, .timeout = 60)
{
    enum { N = 44 };
    const char *all = "1";
    for (int k = 2; k < N; k++)
        all = scratch_text("%s, %d", all, k);
    for (int kind = 0; kind < KINDS; kind += 4) {
        const char *data = write_data(kind, N);
        const char *job = job_new(
            "every", scratch_text("input: {file: oracle.h5, layers: [a, b], labels: [odd, two]}\n"
                                  "measures:\n"
                                  "  - imbalance: {k: [%s], ties: [random, index], se: none}\n"
                                  "  - imbalance: {k: [%s], target: odd, se: none}\n",
                                  all, all));
        const char *output = scratch_path("every%d", kind);
        RUN(0, 2, job, output);
        expect_all_rows(output, data, N, (size_t)((4 + 2) * (N - 1)));
    }
}

/* Fewer samples than ranks: some have no rows at all. */
Test(oracle, three_samples_on_five_ranks, .timeout = 60)
{
    enum { N = 3 };
    for (int kind = 0; kind < 9; kind += 4) {
        const char *data = write_data(kind, N);
        const char *job = job_new(
            "three", "input: {file: oracle.h5, layers: [a, b], labels: [odd, two]}\n"
                     "measures:\n"
                     "  - imbalance: {k: [1, 2], ties: [random, index], se: [parts, rows, none]}\n"
                     "  - imbalance: {target: [odd, two], k: [1, 2], se: [parts, rows, none]}\n");
        const char *output = scratch_path("three%d", kind);
        RUN(0, 5, job, output);
        expect_all_rows(output, data, N, 24 + 24);
    }
}
