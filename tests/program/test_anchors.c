/* `anchors` of the imbalance: some rows' neighbours and ranks among all, against brute force, against all rows, and against many draws. */
#include "oracle.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 130, A_COLUMNS = 4, B_COLUMNS = 2 };

/* Normals; halves of whole numbers, with many ties; labels. */
static const char *write_input(void)
{
    const char *path = scratch_path("anchors.h5");
    double *a = draw_normals(1, (int64_t)N * A_COLUMNS),
           *b = draw_normals(2, (int64_t)N * B_COLUMNS);
    for (int64_t e = 0; e < (int64_t)N * B_COLUMNS; e++)
        b[e] = floor(2 * (b[e] + a[e / B_COLUMNS * A_COLUMNS]));
    for (int64_t c = 0; c < A_COLUMNS; c++)
        a[7 * A_COLUMNS + c] = a[90 * A_COLUMNS + c];
    hid_t file = input_new(path);
    input_layer(file, "/layers/a", H5T_IEEE_F64LE, N, A_COLUMNS, a);
    input_layer(file, "/layers/b", H5T_STD_I8LE, N, B_COLUMNS, b);
    input_integers(file, "/labels/y", N, draw_labels(3, N, 3));
    input_close(file);
    return path;
}

/* ---- against brute force ----------------------------------------------------------------------- */

typedef struct {
    oracle_space a, b, y;
} spaces;

static const oracle_space *space_named(const spaces *s, const char *name)
{
    return strcmp(name, "a") == 0 ? &s->a : strcmp(name, "b") == 0 ? &s->b : &s->y;
}

static void expect_row(const table *t, size_t row, const spaces *s)
{
    const oracle_space *source = space_named(s, table_text(t, row, "source"));
    const oracle_space *target = space_named(s, table_text(t, row, "target"));
    int64_t k = (int64_t)table_real(t, row, "k");
    int64_t count = (int64_t)table_real(t, row, "anchors");
    uint64_t seed = strtoull(table_text(t, row, "seed"), NULL, 10);
    ist_tie_rule ties = {strcmp(table_text(t, row, "ties"), "index") == 0, seed};
    oracle_anchors_answer right = oracle_anchors(source, target, k, ties, count, seed);
    const char *sum = scratch_text("%lld%s", (long long)right.twice_rank_sum / 2,
                                   right.twice_rank_sum % 2 ? ".5" : "");
    double value = (double)right.twice_rank_sum / ((double)count * N * (double)k);
    EXPECT_CELL(t, row, "status", "ok");
    EXPECT_CELL(t, row, "rank_sum", sum);
    EXPECT_CELL(t, row, "se_method", "anchors");
    cr_expect(close_to(table_real(t, row, "value"), value, 1e-15), "row %zu: value", row);
    cr_expect(close_to(table_real(t, row, "tie_fraction"), right.tie_fraction, 1e-15),
              "row %zu: tie_fraction %s, not %.17g", row, table_text(t, row, "tie_fraction"),
              right.tie_fraction);
    cr_expect(close_to(table_real(t, row, "std_error"), right.error, 1e-12),
              "row %zu: standard error %s, not %.17g", row, table_text(t, row, "std_error"),
              right.error);
}

Test(anchors, brute_force, .timeout = 60)
{
    const char *path = write_input(), *output = scratch_path("out");
    const char *job =
        job_new("brute", "input: {file: anchors.h5, layers: [a, b], labels: [y]}\n"
                         "measures:\n"
                         "  - imbalance: {k: [1, 9], anchors: [2, 30, 100], seed: [0, "
                         "5], ties: [random, index]}\n"
                         "  - imbalance: {target: y, k: [1, 4], anchors: 30}\n");
    RUN(0, 3, job, output);
    spaces s = {oracle_layer(input_read(path, "/layers/a", N, A_COLUMNS), N, A_COLUMNS),
                oracle_layer(input_read(path, "/layers/b", N, B_COLUMNS), N, B_COLUMNS),
                oracle_labels(draw_labels(3, N, 3), N)};
    table t = results_of(output);
    cr_assert(t.rows == 48 + 4, "%zu rows", t.rows);
    for (size_t row = 0; row < t.rows; row++)
        expect_row(&t, row, &s);
}

/* ---- against all rows -------------------------------------------------------------------------- */

/* Every row an anchor: nothing is left to be drawn. */
Test(anchors, all_of_them, .timeout = 60)
{
    write_input();
    const char *output = scratch_path("out");
    const char *job = job_new(
        "all",
        "input: {file: anchors.h5, layers: [a, b], labels: [y]}\n"
        "measures:\n"
        "  - imbalance: {k: [1, 6], anchors: [0, 130], ties: [random, index], by: y, se: "
        "none}\n"
        "  - imbalance: {k: 9, anchors: [0, 130], rmi: true, bins: 5, metric: cosine, scale: "
        "zscore, se: none}\n");
    RUN(0, 2, job, output);
    table t = results_of(output);
    size_t compared = 0;
    for (size_t row = 0; row < t.rows; row++) {
        if (strcmp(table_text(&t, row, "anchors"), "0") == 0)
            continue;
        const char *equal[] = {"quantity", "source", "target", "k", "metric", "scale", "ties"};
        const char *where[sizeof equal / sizeof *equal + 2] = {0};
        for (size_t c = 0; c < sizeof equal / sizeof *equal; c++)
            where[c] = scratch_text("%s=%s", equal[c], table_text(&t, row, equal[c]));
        where[sizeof equal / sizeof *equal] = "anchors=0";
        size_t all = table_find(&t, where);
        EXPECT_CELL(&t, row, "value", table_text(&t, all, "value"));
        EXPECT_CELL(&t, row, "tie_fraction", table_text(&t, all, "tie_fraction"));
        if (strcmp(table_text(&t, row, "quantity"), "imbalance") == 0) {
            EXPECT_CELL(&t, row, "rank_sum", table_text(&t, all, "rank_sum"));
            EXPECT_CELL(&t, row, "std_error", "0");
        }
        compared++;
    }
    cr_expect(compared == 2 * (4 * 4 + 3), "%zu rows", compared);
}

/* ---- against many draws ------------------------------------------------------------------------ */

/* The mean over draws is that of all rows, their scatter what each says of itself: three fifths of the rows, so that an error without
 * the correction for a finite population would be too large by a factor of 1.6. */
Test(anchors, standard_error, .timeout = 60)
{
    enum { ROWS = 200, DRAWS = 200 };
    input_example("example.h5", ROWS, 4);
    const char *seeds = "0", *output = scratch_path("out");
    for (int seed = 1; seed < DRAWS; seed++)
        seeds = scratch_text("%s, %d", seeds, seed);
    const char *job = job_new("draws", scratch_text("input: {file: example.h5, layers: [a, b]}\n"
                                                    "measures:\n"
                                                    "  - imbalance: {anchors: 120, seed: [%s]}\n"
                                                    "  - imbalance: {se: none}\n",
                                                    seeds));
    RUN(0, 0, job, output);
    table t = results_of(output);
    double mean = 0, squares = 0, variance = 0;
    for (int seed = 0; seed < DRAWS; seed++) {
        size_t row =
            table_find(&t, WHERE("source=a", "anchors=120", scratch_text("seed=%d", seed)));
        double value = table_real(&t, row, "value"), error = table_real(&t, row, "std_error");
        mean += value / DRAWS;
        squares += value * value / DRAWS;
        variance += error * error / DRAWS;
    }
    double scatter = (squares - mean * mean) * DRAWS / (DRAWS - 1);
    double all = table_real(&t, table_find(&t, WHERE("source=a", "anchors=0")), "value");
    cr_expect(scatter > 0 && fabs(mean - all) < 4 * sqrt(scatter / DRAWS),
              "mean over draws %.6g, of all rows %.6g, scatter %.6g", mean, all, sqrt(scatter));
    cr_expect(variance > 0.7 * scatter && variance < 1.4 * scatter,
              "standard error %.6g, scatter %.6g", sqrt(variance), sqrt(scatter));
}

/* ---- what makes no sense ----------------------------------------------------------------------- */

Test(anchors, refused, .timeout = 60)
{
    static const struct {
        const char *measures, *says;
    } cases[] = {
        {"imbalance: {anchors: 1}", "anchors: 1: a mean needs at least 2"},
        {"imbalance: {anchors: [20, 131]}", "anchors: 131 of N = 130 samples"},
        {"imbalance: {anchors: -5}", "'anchors' must be at least 0, not -5"},
        {"imbalance: {anchors: 20, se: rows}", "se: rows needs the neighbours of all samples"},
        {"imbalance: {anchors: 20, null: {permutations: 3}}",
         "'anchors' and 'null' do not go together"},
        {"imbalance: {target: y, anchors: 20, null: {permutations: 3}}",
         "'anchors' and 'null' do not go together"},
        {"imbalance: {anchors: 20, subsets: {size: 40, count: 2}}",
         "'anchors' and 'subsets' do not go together"},
        {"mi-ksg: {anchors: 20}", "unknown key 'anchors'"},
    };
    write_input();
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const char *job =
            job_new("job", scratch_text("input: {file: anchors.h5, layers: [a, b], labels: [y]}\n"
                                        "measures:\n  - %s\n",
                                        cases[c].measures));
        spawn_result r = PROGRAM(0, "plan", job);
        EXPECT_CODE(r, 2);
        cr_expect(count_text(r.err, "error:") == 1, "%s", spawn_story(&r));
        EXPECT_SAYS(r, cases[c].says);
    }
}
