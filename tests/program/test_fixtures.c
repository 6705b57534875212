/* Known answers: data set F and T1 to T8 of measures.md section 11. */
#include "support.h"

#include <math.h>
#include <string.h>

/* ---- data set F ------------------------------------------------------------------------------ */

static void expect_f(const table *t, const char *source, const char *target, const char *k,
                     const char *ties, const char *se, const char *rank_sum, double value)
{
    size_t row = table_find(t, WHERE(scratch_text("source=%s", source),
                                     scratch_text("target=%s", target), scratch_text("k=%s", k),
                                     scratch_text("ties=%s", ties), scratch_text("se=%s", se)));
    EXPECT_CELL(t, row, "status", "ok");
    EXPECT_CELL(t, row, "n", "256");
    EXPECT_CELL(t, row, "se_method", se);
    EXPECT_CELL(t, row, "tie_fraction", "0");
    if (rank_sum)
        EXPECT_CELL(t, row, "rank_sum", rank_sum);
    cr_expect(fabs(table_real(t, row, "value") / value - 1) < 1e-9, "%s -> %s k=%s: %s", source,
              target, k, table_text(t, row, "value"));
    bool error = table_text(t, row, "std_error")[0];
    bool expected = strcmp(se, "rows") == 0 || (strcmp(se, "parts") == 0 && strcmp(k, "1") == 0);
    cr_expect(error == expected, "%s -> %s k=%s se=%s: standard error '%s'", source, target, k, se,
              table_text(t, row, "std_error"));
}

Test(fixtures, data_set_f, .timeout = 60)
{
    input_data_set_f();
    const char *job =
        job_new("f", "input: {file: f.h5, layers: [a, b], labels: [y]}\n"
                     "measures:\n"
                     "  - imbalance: {k: [1, 5], ties: [random, index], se: [parts, rows, none]}\n"
                     "  - imbalance: {layers: [a], target: y, ties: [random, index], "
                     "se: [parts, rows, none]}\n");
    const char *const ties[] = {"random", "index"}, *const errors[] = {"parts", "rows", "none"};
    for (int ranks = 1; ranks <= 3; ranks += 2) {
        const char *output = scratch_path("f%d", ranks);
        RUN(0, ranks, job, output);
        table t = results_of(output);
        cr_expect(t.rows == 30, "%zu rows", t.rows);
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 3; j++) {
                expect_f(&t, "a", "b", "1", ties[i], errors[j], "5953", 0.181671142578);
                expect_f(&t, "b", "a", "1", ties[i], errors[j], "11005", 0.335845947266);
                expect_f(&t, "a", "b", "5", ties[i], errors[j], "39670", 0.242126464844);
                expect_f(&t, "b", "a", "5", ties[i], errors[j], "65078", 0.397204589844);
                expect_f(&t, "a", "y", "1", ties[i], errors[j], NULL, 0.410308837891);
            }
    }
}

/* F-iig: 16 bins of the ranks, 1.44670211133 before the bias of the bins is taken off; nothing else changes. */
Test(fixtures, restricted_information, .timeout = 60)
{
    input_data_set_f();
    const char *job = job_new("f", "input: {file: f.h5, layers: [a, b], labels: [y]}\n"
                                   "measures:\n"
                                   "  - imbalance: {rmi: true, bins: [16, 20], k: [1, 5]}\n");
    const char *first = scratch_path("rmi");
    for (int ranks = 1; ranks <= 3; ranks += 2) {
        const char *output = scratch_path("rmi%s", ranks > 1 ? "3" : "");
        RUN(0, ranks, job, output);
        expect_same_results(output, first, "ranks");
    }
    table t = results_of(first);
    cr_assert(t.rows == 24, "%zu rows", t.rows);
    size_t row = table_find(&t, WHERE("quantity=rmi", "source=a", "k=1", "bins=16"));
    double rmi = table_real(&t, row, "value");
    cr_expect(close_to(rmi, 1.44670211133 - 15 / 512.0, 1e-10), "%.12g", rmi);
    EXPECT_CELL(&t, row, "unit", "nat");
    EXPECT_CELL(&t, row, "se_method", "parts");
    for (row = 0; row < t.rows; row += 3) {
        double value = table_real(&t, row, "value"), bound = table_real(&t, row + 2, "value");
        EXPECT_CELL(&t, row, "quantity", "imbalance");
        EXPECT_CELL(&t, row + 2, "quantity", "bound");
        cr_expect(bound < 1.01 * value && bound > 0.5 * value, "%.4f, bound %.4f", value, bound);
    }
    row = table_find(&t, WHERE("quantity=imbalance", "source=b", "k=5", "bins=20"));
    EXPECT_CELL(&t, row, "rank_sum", "65078");
    spawn_result labels = PROGRAM(0, "check", job, "--set", "measures.0.imbalance.target=y");
    EXPECT_CODE(labels, 2);
    EXPECT_SAYS(labels, "rmi: true is of two layers");
}

/* ---- T1, T2: exact, N below the number of superblocks and of ranks ----------------------------- */

/* A = B: every rank is the neighbour's number; with ties only in the order of distance and index. */
Test(fixtures, t1_equal_spaces, .timeout = 60)
{
    enum { N = 211 };
    double lattice[3 * N];
    uint64_t state = 5;
    for (int i = 0; i < 3 * N; i++)
        lattice[i] = floor(4 * random_uniform(&state));
    hid_t file = input_new(scratch_path("t1.h5"));
    const char *const names[] = {"/layers/a", "/layers/b", "/layers/u", "/layers/v"};
    for (int i = 0; i < 2; i++) {
        input_layer(file, names[i], H5T_IEEE_F32LE, N, 3, draw_normals(3, 3 * N));
        input_layer(file, names[2 + i], H5T_IEEE_F32LE, N, 3, lattice);
    }
    input_close(file);
    const char *job =
        job_new("t1", "input: {file: t1.h5}\nmeasures:\n"
                      "  - imbalance: {pairs: [[a, b]], k: [1, 2, 17, 210], ties: "
                      "[random, index]}\n"
                      "  - imbalance: {pairs: [[u, v]], k: [1, 2, 17, 210], ties: index}\n");
    const char *output = scratch_path("t1");
    RUN(0, 2, job, output);
    table t = results_of(output);
    cr_assert(t.rows == 24, "%zu rows", t.rows);
    for (size_t row = 0; row < t.rows; row++) {
        int k = (int)table_real(&t, row, "k");
        EXPECT_CELL(&t, row, "rank_sum", scratch_text("%d", N * k * (k + 1) / 2));
        cr_expect(fabs(table_real(&t, row, "value") - (k + 1.0) / N) < 1e-15);
    }
}

Test(fixtures, t2_four_samples, .timeout = 60)
{
    hid_t file = input_new(scratch_path("t2.h5"));
    input_layer(file, "/layers/a", H5T_IEEE_F64LE, 4, 1, (const double[]){0, 1, 3, 7});
    input_layer(file, "/layers/b", H5T_IEEE_F64LE, 4, 1, (const double[]){0, 5, 1, 2.6});
    input_close(file);
    const char *job =
        job_new("t2", "input: {file: t2.h5}\nmeasures:\n  - imbalance: {ties: [random, index]}\n");
    const char *output = scratch_path("t2");
    RUN(0, 3, job, output);
    table t = results_of(output);
    cr_assert(t.rows == 4, "%zu rows", t.rows);
    for (size_t row = 0; row < t.rows; row++) {
        bool there = strcmp(table_text(&t, row, "source"), "a") == 0;
        EXPECT_CELL(&t, row, "rank_sum", there ? "10" : "8");
        EXPECT_CELL(&t, row, "value", there ? "1.25" : "1");
    }
}

/* ---- T3 to T6: limits of large N --------------------------------------------------------------- */

typedef struct {
    const char *source, *target;
    double limit, tolerance;
} limit_case;

static void expect_limits(const char *name, const char *pairs, const limit_case *cases)
{
    const char *job = job_new(name, scratch_text("input: {file: %s.h5}\nmeasures:\n"
                                                 "  - imbalance: {pairs: [%s], se: none}\n",
                                                 name, pairs));
    const char *output = scratch_path("%s", name);
    RUN(0, 2, job, output);
    table t = results_of(output);
    for (; cases->source; cases++) {
        size_t row = table_find(&t, WHERE(scratch_text("source=%s", cases->source),
                                          scratch_text("target=%s", cases->target)));
        double value = table_real(&t, row, "value");
        cr_expect(fabs(value - cases->limit) < cases->tolerance, "%s -> %s: %g, not %g",
                  cases->source, cases->target, value, cases->limit);
    }
}

Test(fixtures, t3_t4_limits, .timeout = 60)
{
    enum { N = 10000 };
    hid_t file = input_new(scratch_path("t34.h5"));
    const double *x = draw_normals(1, N);
    input_layer(file, "/layers/u", H5T_IEEE_F32LE, N, 5, draw_normals(2, 5 * N));
    input_layer(file, "/layers/v", H5T_IEEE_F32LE, N, 3, draw_normals(3, 3 * N));
    input_layer(file, "/layers/x", H5T_IEEE_F64LE, N, 1, x);
    input_layer(file, "/layers/y", H5T_IEEE_F64LE, N, 1, draw_correlated(x, 0.9, 4, N));
    input_close(file);
    const limit_case cases[] = {{"u", "v", 1, 0.03},
                                {"v", "u", 1, 0.03},
                                {"x", "y", 0.515645, 0.025},
                                {"y", "x", 0.515645, 0.025},
                                {0}};
    expect_limits("t34", "[u, v], [x, y]", cases);
}

Test(fixtures, t6_limit, .timeout = 60)
{
    enum { N = 4000 };
    const double *both = draw_normals(7, 2 * N);
    double one[N];
    for (int i = 0; i < N; i++)
        one[i] = both[2 * i];
    hid_t file = input_new(scratch_path("t6.h5"));
    input_layer(file, "/layers/one", H5T_IEEE_F32LE, N, 1, one);
    input_layer(file, "/layers/both", H5T_IEEE_F32LE, N, 2, both);
    input_close(file);
    const limit_case cases[] = {{"one", "both", 0.56027, 0.03}, {"both", "one", 0.023, 0.01}, {0}};
    expect_limits("t6", "[one, both]", cases);
}

/* One sample of 4,000 has a standard deviation of 0.008: the mean of four is held against the limit. */
Test(fixtures, t5_limit, .timeout = 60)
{
    enum { N = 4000, SAMPLES = 4 };
    for (int s = 0; s < SAMPLES; s++) {
        const double *x = draw_normals(10 + (uint64_t)s, 2 * N);
        hid_t file = input_new(scratch_path("t5-%d.h5", s));
        input_layer(file, "/layers/x", H5T_IEEE_F32LE, N, 2, x);
        input_layer(file, "/layers/y", H5T_IEEE_F32LE, N, 2,
                    draw_correlated(x, 0.9, 20 + (uint64_t)s, 2 * N));
        input_close(file);
    }
    const char *job = job_new("t5", "grid: {sample: {from: 0, to: 3}}\n"
                                    "input: {file: 't5-{sample}.h5', layers: [x, y]}\n"
                                    "measures: [imbalance]\n");
    const char *output = scratch_path("t5");
    RUN(0, 2, job, output);
    table t = results_of(output);
    double mean = 0;
    cr_assert(t.rows == 2 * SAMPLES, "%zu rows", t.rows);
    for (size_t row = 0; row < t.rows; row++)
        mean += table_real(&t, row, "value") / (double)t.rows;
    cr_expect(fabs(mean - 0.3105) < 0.012, "%g", mean);
}

/* ---- T7: what must not matter ------------------------------------------------------------------ */

/* Every entry of the rotation by 0.7 in one plane and by 1.1 in another, then scaled and shifted. */
static double *moved(const double *x, int64_t n)
{
    double *y = scratch_alloc((size_t)(4 * n) * sizeof *y);
    for (int64_t i = 0; i < n; i++) {
        const double *from = x + 4 * i;
        double *to = y + 4 * i, first = from[0] * cos(0.7) - from[2] * sin(0.7);
        to[0] = first * cos(1.1) - from[3] * sin(1.1);
        to[1] = -from[1];
        to[2] = from[0] * sin(0.7) + from[2] * cos(0.7);
        to[3] = first * sin(1.1) + from[3] * cos(1.1);
        for (int c = 0; c < 4; c++)
            to[c] = 3.7 * to[c] + 11;
    }
    return y;
}

static double *shuffled(const double *x, int64_t n, int64_t d)
{
    double *y = scratch_alloc((size_t)(n * d) * sizeof *y);
    for (int64_t i = 0; i < n; i++)
        memcpy(y + (i * 101 + 57) % n * d, x + i * d, (size_t)d * sizeof *y);
    return y;
}

static void write_t7(const char *name, const double *a, const double *b, const double *classes)
{
    enum { N = 400 };
    hid_t file = input_new(scratch_path("%s.h5", name));
    int64_t y[N];
    for (int i = 0; i < N; i++)
        y[i] = (int64_t)classes[i];
    input_layer(file, "/layers/a", H5T_IEEE_F64LE, N, 4, a);
    input_layer(file, "/layers/b", H5T_IEEE_F64LE, N, 2, b);
    input_integers(file, "/labels/y", N, y);
    input_close(file);
}

Test(fixtures, t7_invariances, .timeout = 60)
{
    enum { N = 400 };
    double *a = draw_normals(21, 4 * N), *b = draw_normals(22, 2 * N), classes[N];
    for (int i = 0; i < N; i++) {
        b[2 * i] += a[4 * i];
        classes[i] = a[4 * i + 1] > 0.5;
    }
    write_t7("plain", a, b, classes);
    write_t7("moved", moved(a, N), b, classes);
    write_t7("shuffled", shuffled(a, N, 4), shuffled(b, N, 2), shuffled(classes, N, 1));
    const char *job = job_new("t7", "grid: {form: [plain, moved, shuffled]}\n"
                                    "input: {file: '{form}.h5', layers: [a, b], labels: [y]}\n"
                                    "measures:\n"
                                    "  - imbalance: {k: [1, 5], se: [rows, parts]}\n"
                                    "  - imbalance: {target: y, k: [1, 5], se: [rows, parts]}\n");
    const char *output = scratch_path("t7");
    RUN(0, 2, job, output);
    table t = results_of(output);
    size_t each = t.rows / 3;
    cr_assert(t.rows == 48, "%zu rows", t.rows);
    for (size_t row = 0; row < each; row++)
        for (size_t form = 1; form < 3; form++) {
            size_t other = row + form * each;
            EXPECT_CELL(&t, other, "rank_sum", table_text(&t, row, "rank_sum"));
            EXPECT_CELL(&t, other, "value", table_text(&t, row, "value"));
            /* Random parts go by the row's number: other rows, another error. */
            bool same_rows = form == 1 || strcmp(table_text(&t, row, "se_method"), "rows") == 0;
            if (same_rows)
                EXPECT_CELL(&t, other, "std_error", table_text(&t, row, "std_error"));
        }
}

/* ---- layers whose imbalance is known ----------------------------------------------------------- */

/* `bench --verify`, of a tenth of its samples: all within what chance explains, by ranks and by distances among all pairs, whose bound is
 * below the imbalance (T8); data set F to its ten digits (F-ii1, F-iig); the same on any number of ranks. */
Test(fixtures, normal_models, .timeout = 60)
{
    spawn_result alone = PROGRAM(0, "bench", "--verify", "--samples", "2000");
    EXPECT_CODE(alone, 0);
    cr_expect(count_text(alone.out, "  ok\n") == 26 + 26 + 4, "%s", spawn_story(&alone));
    cr_expect(strstr(alone.out, "imbalance, among all pairs         0.1759571749 0.1759571749  ok"),
              "%s", alone.out);
    cr_expect(strstr(alone.out, "rmi, among all pairs               1.4549668566 1.4549668566  ok"),
              "%s", alone.out);
    spawn_result three = PROGRAM(3, "bench", "--verify", "-n", "2000", "--skipping", "auto");
    EXPECT_CODE(three, 0);
    cr_expect(strcmp(alone.out, three.out) == 0, "%s", spawn_story(&three));
    spawn_result bad = PROGRAM(0, "bench", "--verify", "-k", "3");
    EXPECT_CODE(bad, 2);
    EXPECT_SAYS(bad, "--samples alone");
    bad = PROGRAM(0, "bench", "--verify", "-n", "99");
    EXPECT_CODE(bad, 2);
    bad = PROGRAM(0, "bench", "--verify", "--calibrate");
    EXPECT_CODE(bad, 2);
    EXPECT_SAYS(bad, "one at a time");
}
