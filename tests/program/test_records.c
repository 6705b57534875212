/* What stands in results.csv: columns, rows and their order, cells compared with cells, meta columns, notes, addresses. */
#include "oracle.h"
#include "support.h"

#include <math.h>
#include <string.h>

enum { N = 110 };

static const char *const columns[] = {
    "measure",  "quantity",     "source",     "source_at", "target", "target_at", "k",
    "params",   "value",        "std_error",  "se_method", "unit",   "n",         "d_source",
    "d_target", "tie_fraction", "duplicates", "status",    "note",   "detail",
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* ---- one table --------------------------------------------------------------------------------- */

static void write_sweep(void)
{
    const char *const noises[] = {"0.0", "0.2"};
    for (int noise = 0; noise < 2; noise++)
        for (int seed = 0; seed < 3; seed++) {
            const char *path = input_example(scratch_text("n%s-s%d.h5", noises[noise], seed), N,
                                             (uint64_t)(10 * noise + seed));
            hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
            input_attribute(file, "/", "epoch", 100);
            input_attribute(file, "/", "test_error", 0.1 + noise + 0.01 * seed);
            if (seed == 1)
                input_attribute(file, "/", "extra", -7.5);
            input_integers(file, "/sample_id", N, draw_labels(1, N, 1000));
            input_close(file);
        }
}

static void expect_header(const table *t, const char *const axes[], const char *const meta[])
{
    size_t c = 0;
    const char *const *parts[] = {axes, columns, meta};
    const size_t counts[] = {2, COLUMNS, 3};
    for (int part = 0; part < 3; part++)
        for (size_t i = 0; i < counts[part]; i++, c++)
            cr_expect(c < t->columns && strcmp(t->header[c], parts[part][i]) == 0,
                      "column %zu is '%s', not '%s'", c, t->header[c], parts[part][i]);
    cr_expect(t->columns == c, "%zu columns", t->columns);
}

Test(records, table_of_a_sweep, .timeout = 60)
{
    write_sweep();
    const char *job =
        job_new("job", "grid: {noise: [0.0, 0.2], seed: [0, 1, 2]}\n"
                       "input: {file: 'n{noise}-s{seed}.h5', layers: [b, a], labels: [y]}\n"
                       "measures:\n"
                       "  - imbalance: {target: y, k: [2, 1], where: {noise: 0.2, seed: [0, 2]}}\n"
                       "  - imbalance: {pairs: [[a, b]], se: none, ties: index}\n");
    const char *output = scratch_path("out");
    RUN(0, 2, job, output);
    table t = results_of(output);
    expect_header(&t, (const char *const[]){"noise", "seed"},
                  (const char *const[]){"meta.epoch", "meta.extra", "meta.test_error"});
    cr_assert(t.rows == 8 + 12, "%zu rows", t.rows);
    /* Grid order, then manifest order: b before a, k = 2 before 1, here -> there before there -> here. */
    static const char *const first[] = {"a b", "b a", "a b", "b a", "a b", "b a",
                                        "b y", "b y", "a y", "a y", "a b", "b a"};
    for (size_t row = 0; row < 12; row++)
        cr_expect(strcmp(scratch_text("%s %s", table_text(&t, row, "source"),
                                      table_text(&t, row, "target")),
                         first[row]) == 0,
                  "row %zu: %s -> %s", row, table_text(&t, row, "source"),
                  table_text(&t, row, "target"));
    cr_expect(table_count(&t, WHERE("noise=0.2", "seed=0")) == 6);
    cr_expect(table_count(&t, WHERE("noise=0.2", "seed=1")) == 2);
    EXPECT_CELL(&t, 6, "k", "2");
    EXPECT_CELL(&t, 7, "k", "1");
    const char *const constants[][2] = {{"measure", "imbalance"},
                                        {"quantity", "imbalance"},
                                        {"unit", "ratio"},
                                        {"status", "ok"},
                                        {"n", "110"},
                                        {"source_at", ""},
                                        {"target_at", ""},
                                        {"meta.epoch", "100"},
                                        {"metric", "euclidean"}};
    for (size_t row = 0; row < t.rows; row++) {
        for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
            EXPECT_CELL(&t, row, constants[i][0], constants[i][1]);
        bool seed_one = strcmp(table_text(&t, row, "seed"), "1") == 0;
        EXPECT_CELL(&t, row, "meta.extra", seed_one ? "-7.5" : "");
        EXPECT_CELL(&t, row, "d_source",
                    strcmp(table_text(&t, row, "source"), "a") == 0 ? "5" : "3");
    }
    EXPECT_CELL(&t, 0, "meta.test_error", "0.10000000000000001");
    EXPECT_CELL(&t, 0, "params",
                "metric=euclidean;scale=none;ties=index;seed=0;anchors=0;se=none;rmi=false");
    EXPECT_CELL(&t, 0, "d_target", "3");
    EXPECT_CELL(&t, 6, "d_target", "");
    EXPECT_CELL(&t, 6, "independent", "1");
}

/* Of the labels target: the imbalance of a perfect classifier, sum of squared class shares. */
Test(records, floor_of_labels, .timeout = 60)
{
    double points[8];
    int64_t y[] = {5, 5, 5, -2, -2, 9, 9, 9};
    for (int i = 0; i < 8; i++)
        points[i] = 100.0 * (double)y[i] + 0.1 * i * i;
    hid_t file = input_new(scratch_path("classes.h5"));
    input_layer(file, "/layers/p", H5T_IEEE_F64LE, 8, 1, points);
    input_integers(file, "/labels/y", 8, y);
    input_close(file);
    const char *job = job_new("job", "input: {file: classes.h5, labels: [y]}\n"
                                     "measures:\n  - imbalance: {target: y}\n");
    const char *output = scratch_path("out");
    RUN(0, 3, job, output);
    table t = results_of(output);
    cr_assert(t.rows == 1);
    EXPECT_CELL(&t, 0, "floor", "0.34375"); /* (9 + 4 + 9) / 64 */
    EXPECT_CELL(&t, 0, "value", "0.34375");
    EXPECT_CELL(&t, 0, "rank_sum", "11"); /* (3 x 3 + 2 x 2 + 3 x 3) / 2 */
    EXPECT_CELL(&t, 0, "note", "parts-too-small");
}

/* ---- cells against cells ----------------------------------------------------------------------- */

static void expect_imbalance(const table *t, size_t row, const char *source, const char *target,
                             const char *layer, int64_t n, int64_t d)
{
    oracle_space a = oracle_layer(input_read(scratch_path("%s", source), layer, n, d), n, d);
    oracle_space b = oracle_layer(input_read(scratch_path("%s", target), layer, n, d), n, d);
    oracle_answer right = oracle_imbalance(&a, &b, 1, (ist_tie_rule){0}, false);
    EXPECT_CELL(t, row, "rank_sum", scratch_text("%lld", (long long)right.twice_rank_sum / 2));
}

/* Each pair of cells once, with both directions; the other cell is named by where it differs. */
Test(records, against_others, .timeout = 60)
{
    write_sweep();
    const char *job = job_new(
        "job", "grid: {noise: [0.0, 0.2], seed: [0, 1, 2]}\n"
               "input: {file: 'n{noise}-s{seed}.h5', layers: [a]}\n"
               "measures:\n  - imbalance: {against: {seed: others}, where: {noise: 0.2}}\n");
    const char *output = scratch_path("out");
    RUN(0, 2, job, output);
    table t = results_of(output);
    cr_assert(t.rows == 6, "%zu rows", t.rows);
    static const int pairs[3][2] = {{0, 1}, {0, 2}, {1, 2}};
    for (size_t p = 0; p < 3; p++) {
        const char *here = scratch_text("%d", pairs[p][0]);
        const char *there = scratch_text("seed=%d", pairs[p][1]);
        const char *file[2] = {scratch_text("n0.2-s%d.h5", pairs[p][0]),
                               scratch_text("n0.2-s%d.h5", pairs[p][1])};
        for (int back = 0; back < 2; back++) {
            size_t row = 2 * p + (size_t)back;
            EXPECT_CELL(&t, row, "seed", here);
            EXPECT_CELL(&t, row, "noise", "0.2");
            EXPECT_CELL(&t, row, "target_at", back ? "" : there);
            EXPECT_CELL(&t, row, "source_at", back ? there : "");
            expect_imbalance(&t, row, file[back], file[!back], "/layers/a", N, 5);
        }
    }
}

/* One reference cell; it is not compared with itself. Names differ on both sides. */
Test(records, against_one, .timeout = 60)
{
    write_sweep();
    const char *job = job_new(
        "job", "grid: {noise: [0.0, 0.2], seed: [0, 1, 2]}\n"
               "input: {file: 'n{noise}-s{seed}.h5', layers: [a, b]}\n"
               "measures:\n"
               "  - imbalance: {layers: [b], against: {noise: 0.0, seed: 1}}\n"
               "  - imbalance: {pairs: [[a, b]], against: {noise: 0.0}, where: {noise: 0.2}}\n");
    const char *output = scratch_path("out");
    RUN(0, 2, job, output);
    table t = results_of(output);
    cr_assert(t.rows == 10 + 6, "%zu rows", t.rows);
    cr_expect(table_count(&t, WHERE("noise=0.0", "seed=1")) == 0, "the reference has a row");
    size_t row = table_find(&t, WHERE("noise=0.2", "seed=2", "target_at=noise=0.0;seed=1"));
    expect_imbalance(&t, row, "n0.2-s2.h5", "n0.0-s1.h5", "/layers/b", N, 3);
    table_find(&t, WHERE("noise=0.2", "seed=1", "source=b", "source_at=noise=0.0", "target=b"));
    table_find(&t, WHERE("noise=0.0", "seed=2", "source=b", "source_at=seed=1", "target=b"));
    table_find(&t, WHERE("noise=0.2", "seed=1", "source=a", "target=b", "target_at=noise=0.0"));
    table_find(&t, WHERE("noise=0.2", "seed=1", "source=b", "source_at=noise=0.0", "target=a"));
}

/* ---- notes --------------------------------------------------------------------------------------- */

static const char *note_of(const table *t, const char *source, const char *target)
{
    size_t row =
        table_find(t, WHERE(scratch_text("source=%s", source), scratch_text("target=%s", target)));
    return table_text(t, row, "note");
}

#define EXPECT_NOTE(t, source, target, expected)                                           \
    cr_expect(strcmp(note_of((t), (source), (target)), (expected)) == 0, "%s -> %s: '%s'", \
              (source), (target), note_of((t), (source), (target)))

Test(records, notes, .timeout = 60)
{
    double *a = draw_normals(1, N), *grid = draw_normals(2, N), *twice = draw_normals(3, N);
    for (int i = 0; i < N; i++)
        grid[i] = i;            /* every inner row has two nearest */
    twice[70] = twice[20] = 50; /* nobody else is near */
    const char *const names[] = {"first.h5", "second.h5"};
    for (int f = 0; f < 2; f++) {
        hid_t file = input_new(scratch_path("%s", names[f]));
        input_layer(file, "/layers/a", H5T_IEEE_F64LE, N, 1, a);
        input_layer(file, "/layers/grid", H5T_IEEE_F64LE, N, 1, grid);
        input_layer(file, "/layers/twice", H5T_IEEE_F64LE, N, 1, twice);
        input_close(file);
    }
    const char *job =
        job_new("job", "input:\n  file: first.h5\n"
                       "  layers: {a: /layers/a, grid: /layers/grid, twice: /layers/twice, "
                       "other: 'second.h5:/layers/a'}\n"
                       "measures: [imbalance]\n");
    const char *output = scratch_path("out");
    RUN(0, 2, job, output);
    table t = results_of(output);
    EXPECT_NOTE(&t, "a", "grid", "");
    EXPECT_NOTE(&t, "grid", "a", "ties");
    EXPECT_NOTE(&t, "a", "twice", "duplicates");
    EXPECT_NOTE(&t, "twice", "grid", "duplicates");
    EXPECT_NOTE(&t, "grid", "twice", "ties;duplicates");
    EXPECT_NOTE(&t, "a", "other", "row-order-unverified");
    EXPECT_NOTE(&t, "twice", "other", "duplicates;row-order-unverified");
    job = job_new(
        "k", "input: {file: first.h5, layers: [a, twice]}\nmeasures:\n  - imbalance: {k: 2}\n");
    output = scratch_path("k");
    RUN(0, 2, job, output);
    t = results_of(output);
    EXPECT_NOTE(&t, "a", "twice", "duplicates;parts-too-small");
}

/* ---- addresses ----------------------------------------------------------------------------------- */

/* One array of epochs x samples x 2 x 3, cut up by the manifest, gives what plain layers give. */
Test(records, addresses, .timeout = 60)
{
    enum { EPOCHS = 3, D = 6 };
    double *all = draw_normals(4, (int64_t)EPOCHS * N * D);
    hid_t file = input_new(scratch_path("acts.h5"));
    hid_t space = H5Screate_simple(4, (const hsize_t[]){EPOCHS, N, 2, 3}, NULL);
    hid_t set =
        H5Dcreate2(file, "/acts", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, all);
    H5Dclose(set);
    H5Sclose(space);
    for (int e = 0; e < EPOCHS; e++)
        input_layer(file, scratch_text("/plain/e%d", e), H5T_IEEE_F64LE, N, D,
                    all + (size_t)e * N * D);
    input_close(file);
    const char *job = job_new(
        "job", "grid: {epoch: [10, 20, 90]}\n"
               "input:\n  file: acts.h5\n"
               "  layers: {cut: '/acts[{epoch:position}, :, :, :]', "
               "corner: '/acts[{epoch:position}, :, 1, 2]', plain: '/plain/e{epoch:position}'}\n"
               "measures:\n  - imbalance: {se: none, ties: index}\n");
    const char *output = scratch_path("out");
    RUN(0, 3, job, output);
    table t = results_of(output);
    cr_assert(t.rows == 18, "%zu rows", t.rows);
    const char *const epochs[] = {"epoch=10", "epoch=20", "epoch=90"};
    for (int e = 0; e < EPOCHS; e++) {
        size_t row = table_find(&t, WHERE(epochs[e], "source=cut", "target=plain"));
        EXPECT_CELL(&t, row, "rank_sum", scratch_text("%d", N)); /* the same space */
        size_t cut = table_find(&t, WHERE(epochs[e], "source=corner", "target=cut"));
        size_t plain = table_find(&t, WHERE(epochs[e], "source=corner", "target=plain"));
        EXPECT_CELL(&t, cut, "d_source", "1");
        EXPECT_CELL(&t, cut, "d_target", "6");
        EXPECT_CELL(&t, cut, "rank_sum", table_text(&t, plain, "rank_sum"));
    }
}

/* `layers: all` in the order of layer_index; the first n samples give what a file of n samples gives. */
Test(records, all_layers_and_first_samples, .timeout = 60)
{
    input_example("whole.h5", N, 3);
    hid_t file = H5Fopen(scratch_path("whole.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    input_attribute(file, "/layers/a", "layer_index", 1);
    input_attribute(file, "/layers/b", "layer_index", 0);
    input_close(file);
    const char *job =
        job_new("first", "input: {file: whole.h5, samples: {first: 40}}\nmeasures: [imbalance]\n");
    const char *output = scratch_path("out");
    RUN(0, 2, job, output);
    table t = results_of(output);
    cr_assert(t.rows == 2);
    EXPECT_CELL(&t, 0, "source", "b");
    EXPECT_CELL(&t, 0, "n", "40");
    double *a = input_read(scratch_path("whole.h5"), "/layers/a", N, 5);
    double *b = input_read(scratch_path("whole.h5"), "/layers/b", N, 3);
    oracle_space of_a = oracle_layer(a, 40, 5), of_b = oracle_layer(b, 40, 3);
    oracle_answer right = oracle_imbalance(&of_b, &of_a, 1, (ist_tie_rule){0}, false);
    EXPECT_CELL(&t, 0, "rank_sum", scratch_text("%lld", (long long)right.twice_rank_sum / 2));
}
