/* `input.samples`: a selection of rows gives what files of these rows alone give. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "infostrata/base.h"

enum { N = 400, D = 5, AREA = 4, CHOSEN = 90, CLASSES = 4 };

/* One layer read as it is stored, one that is converted, one pooled, one compressed. */
static void write_file(const char *name, const int64_t *rows, int64_t count)
{
    const double *all = draw_normals(11, (int64_t)N * D * AREA);
    const int64_t *labels = draw_labels(12, N, CLASSES);
    double *values = scratch_alloc((size_t)(count * D * AREA) * sizeof *values);
    int64_t *y = scratch_alloc((size_t)count * sizeof *y), *id = scratch_alloc(sizeof *id * N);
    for (int64_t i = 0; i < count; i++) {
        memcpy(values + i * D * AREA, all + rows[i] * D * AREA, D * AREA * sizeof *values);
        y[i] = labels[rows[i]];
        id[i] = 7 * rows[i];
    }
    hid_t file = input_new(scratch_path("%s", name));
    input_layer(file, "/layers/plain", H5T_IEEE_F32LE, count, (int64_t)D * AREA, values);
    input_layer(file, "/layers/half", type_half(), count, (int64_t)D * AREA, values);
    const hsize_t shape[] = {(hsize_t)count, D, AREA}, chunk[] = {16, D, AREA};
    hid_t space = H5Screate_simple(3, shape, NULL), properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(properties, 3, chunk);
    H5Pset_deflate(properties, 1);
    hid_t cube = H5Dcreate2(file, "/layers/cube", H5T_IEEE_F64LE, space, H5P_DEFAULT, properties,
                            H5P_DEFAULT);
    cr_assert(H5Dwrite(cube, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(cube);
    H5Pclose(properties);
    H5Sclose(space);
    input_integers(file, "/labels/y", count, y);
    input_integers(file, "/sample_id", count, id);
    input_close(file);
}

static const char *job_of(const char *name, const char *file, const char *samples)
{
    return job_new(name,
                   scratch_text("input:\n"
                                "  file: %s\n"
                                "  layers: {plain: /layers/plain, half: /layers/half, pooled: "
                                "{path: /layers/cube, pool: mean}}\n"
                                "  labels: [y]\n"
                                "  samples: %s\n"
                                "measures:\n"
                                "  - imbalance: {k: [1, 3]}\n"
                                "  - imbalance: {target: y}\n"
                                "  - mi-sliced: {layers: [half], target: y, slices: 5}\n",
                                file, samples));
}

static int64_t *every_row(void)
{
    int64_t *rows = scratch_alloc(N * sizeof *rows);
    for (int64_t i = 0; i < N; i++)
        rows[i] = i;
    return rows;
}

/* The rows whose words are among the first `count` (of their class, or of all). */
static int64_t *smallest_words(uint64_t seed, const int64_t *labels, int64_t count, int64_t *found)
{
    int64_t *rows = scratch_alloc(N * sizeof *rows);
    *found = 0;
    for (int64_t i = 0; i < N; i++) {
        int64_t before = 0;
        for (int64_t j = 0; j < N; j++)
            before += (!labels || labels[i] == labels[j]) &&
                      ist_random_word(seed, IST_RANDOM_SAMPLES, (uint64_t)j) <
                          ist_random_word(seed, IST_RANDOM_SAMPLES, (uint64_t)i);
        if (before < count)
            rows[(*found)++] = i;
    }
    return rows;
}

static void expect_like_file(const char *name, const char *samples, const int64_t *rows,
                             int64_t count)
{
    const char *cut = scratch_text("%s.h5", name), *right = scratch_path("%s-right", name);
    write_file(cut, rows, count);
    RUN(0, 2, job_of("cut", cut, "all"), right);
    table t = results_of(right);
    size_t whole = table_count(&t, WHERE("status=ok", scratch_text("n=%lld", (long long)count)));
    cr_expect(whole == t.rows, "%zu of %zu rows", whole, t.rows);
    for (int ranks = 1; ranks <= 3; ranks += 2) {
        const char *output = scratch_path("%s-%d", name, ranks);
        RUN(0, ranks, job_of(name, "all.h5", samples), output);
        expect_same_results(output, right, samples);
    }
}

Test(samples, like_a_file_of_them, .timeout = 120)
{
    int64_t count = 0;
    write_file("all.h5", every_row(), N);
    int64_t *rows = smallest_words(3, NULL, CHOSEN, &count);
    cr_assert(count == CHOSEN);
    expect_like_file("random", "{random: 90, seed: 3}", rows, count);
    rows = smallest_words(0, draw_labels(12, N, CLASSES), 20, &count);
    cr_assert(count == 20 * CLASSES);
    expect_like_file("classes", "{per_class: 20, labels: y}", rows, count);
}

/* Row numbers in any order; when the list changes only what it changes is computed anew. */
Test(samples, rows_of_a_list, .timeout = 120)
{
    enum { LISTED = 60 };
    write_file("all.h5", every_row(), N);
    int64_t rows[LISTED], backwards[LISTED];
    for (int i = 0; i < LISTED; i++) {
        rows[i] = i < 10 ? i : 6 * i + 1;
        backwards[LISTED - 1 - i] = rows[i];
    }
    hid_t file = input_new(scratch_path("lists.h5"));
    input_integers(file, "/rows", LISTED, backwards);
    input_close(file);
    expect_like_file("rows", "{rows: \"lists.h5:/rows\"}", rows, LISTED);
    const char *job = scratch_path("rows.yaml"), *output = scratch_path("rows-3");
    int before = journal_count(output, "task");
    RUN(0, 1, job, output);
    cr_expect(journal_count(output, "task") == before, "computed again");
    input_change(scratch_path("lists.h5"), "/rows", 0, N - 1);
    rows[LISTED - 1] = N - 1;
    write_file("changed.h5", rows, LISTED);
    const char *right = scratch_path("changed-right");
    RUN(0, 1, job_of("changed", "changed.h5", "all"), right);
    RUN(0, 1, job, output);
    expect_same_results(output, right, "the list has changed");
    spawn_result collected = PROGRAM(0, "collect", job, "--output", output);
    EXPECT_CODE(collected, 0);
    expect_same_results(output, right, "collected");
}

/* ---- what is refused --------------------------------------------------------------------------- */

static void expect_refused(const char *samples, const char *more, const char *const says[3])
{
    const char *job =
        job_new("bad", scratch_text("grid: {given: [y, z, w]}\n"
                                    "input:\n"
                                    "  file: all.h5\n"
                                    "  layers: {plain: /layers/plain%s}\n"
                                    "  labels: {y: '/labels/{given}'}\n"
                                    "  samples: %s\n"
                                    "measures: [imbalance: {%s}]\n",
                                    strstr(more, "pairs") ? ", few: 'few.h5:/layers/plain'" : "",
                                    samples, more));
    spawn_result r = PROGRAM(0, "check", job, "--output", scratch_path("never"));
    EXPECT_CODE(r, 2);
    cr_expect(count_text(r.err, "error:") == 1, "not one message\n%s", spawn_story(&r));
    for (int i = 0; i < 3 && says[i]; i++)
        cr_expect(strstr(r.err, says[i]), "it does not say '%s'\n%s", says[i], spawn_story(&r));
}

Test(samples, refused, .timeout = 60)
{
    write_file("all.h5", every_row(), N);
    write_file("few.h5", every_row(), N - 1);
    int64_t z[N], w[N], bad[2][3] = {{5, 7, 5}, {5, N, 7}};
    const int64_t *y = draw_labels(12, N, CLASSES);
    for (int i = 0; i < N; i++)
        z[i] = i == 9 ? -3 : y[i], w[i] = y[N - 1 - i];
    hid_t file = H5Fopen(scratch_path("all.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    input_integers(file, "/labels/z", N, z);
    input_integers(file, "/labels/w", N, w);
    input_integers(file, "/twice", 3, bad[0]);
    input_integers(file, "/beyond", 3, bad[1]);
    input_close(file);
#define SAYS(...) ((const char *const[3]){__VA_ARGS__})
    expect_refused("{random: 401}", "target: y",
                   SAYS("bad.yaml:7:12", "random: 401", "400 rows of"));
    expect_refused("{per_class: 2, labels: y}", "target: y",
                   SAYS("bad.yaml:7:12", "the 1 samples of class -3", "/labels/z"));
    expect_refused("{rows: \"all.h5:/twice\"}", "target: y",
                   SAYS("bad.yaml:7:12", "all.h5:/twice", "row number 5 twice"));
    expect_refused("{rows: \"all.h5:/beyond\"}", "target: y",
                   SAYS("bad.yaml:7:12", "row number 400", "rows 0 to 399"));
    expect_refused("{rows: lost.npy}", "target: y", SAYS("lost.npy"));
    /* Not the same rows: of files of different length, or by classes that differ. */
    expect_refused("{random: 50}", "pairs: [[plain, few]]",
                   SAYS("not the same samples", "all.h5", "few.h5"));
    expect_refused("{per_class: 1, labels: y}",
                   "layers: [plain], where: {given: y}, against: {given: w}",
                   SAYS("not the same samples", "their classes", "rows: FILE.npy"));
}

/* ---- --set ------------------------------------------------------------------------------------- */

/* On any number of ranks, written down, and looked at by the commands that come after. */
Test(samples, set_on_the_command_line, .timeout = 60)
{
    write_file("all.h5", every_row(), N);
    const char *job = job_new("plain", "input: {file: all.h5, layers: [plain, half]}\n"
                                       "measures: [imbalance]\n");
    const char *same = job_new("same", "input: {file: all.h5, layers: [plain, half], samples: "
                                       "{random: 50}}\nmeasures: [imbalance: {k: [1, 4]}]\n");
    const char *right = scratch_path("right"), *output = scratch_path("set");
    RUN(0, 1, same, right);
    RUN(0, 3, job, output, "--set", "input.samples={random: 50}", "--set",
        "measures.imbalance.k=[1, 4]");
    expect_same_results(output, right, "settings");
    ist_text log = {0}, resolved = {0};
    ist_error error = {0};
    ist_read_file(scratch_path("set/run.log"), 1 << 20, &log, &error);
    ist_read_file(scratch_path("set/manifest.resolved.yaml"), 1 << 20, &resolved, &error);
    cr_assert(error.code == IST_OK, "%s", error.text);
    cr_expect(strstr(log.data, "set on the command line: measures.imbalance.k=[1, 4]"));
    cr_expect(strstr(resolved.data, "samples: {random: 50, seed: 0}"));
    cr_expect(strstr(resolved.data, "k: [1, 4]"));
    ist_text_release(&log);
    ist_text_release(&resolved);
    spawn_result r = PROGRAM(0, "plan", job, "--output", output, "--set",
                             "input.samples={random: 50}", "--set", "measures.imbalance.k=[1, 4]");
    EXPECT_CODE(r, 0);
    EXPECT_SAYS(r, "to do       0, the others are done");
    r = PROGRAM(3, "run", job, "--set", "measures.imbalance.k=400", "--output", output);
    EXPECT_CODE(r, 2);
    EXPECT_SAYS(r, "--set measures.imbalance.k=400: error:");
    r = PROGRAM(0, "check", job, "--set", "measures.imbalance.k");
    EXPECT_CODE(r, 2);
    EXPECT_SAYS(r, "--set measures.imbalance.k: error: a setting is KEY=VALUE");
    r = PROGRAM(0, "sbatch", job, "--set", "name=it's");
    EXPECT_CODE(r, 2);
    r = PROGRAM(0, "sbatch", job, "--set", "input.file='all.h5'");
    EXPECT_CODE(r, 0);
    EXPECT_SAYS(r, "--set 'input.file='\\''all.h5'\\'''");
}

/* ---- by class ---------------------------------------------------------------------------------- */

static double square_distance(const double *x, int64_t d, int64_t i, int64_t j)
{
    double sum = 0;
    for (int64_t f = 0; f < d; f++)
        sum += (x[i * d + f] - x[j * d + f]) * (x[i * d + f] - x[j * d + f]);
    return sum;
}

/* The rank in y of the first neighbour in x; no ties. */
static int64_t rank_of_nearest(const double *x, int64_t x_d, const double *y, int64_t y_d,
                               int64_t n, int64_t i)
{
    int64_t nearest = i == 0, rank = 1;
    for (int64_t j = 0; j < n; j++)
        if (j != i && square_distance(x, x_d, i, j) < square_distance(x, x_d, i, nearest))
            nearest = j;
    for (int64_t j = 0; j < n; j++)
        rank += j != i && square_distance(y, y_d, i, j) < square_distance(y, y_d, i, nearest);
    return rank;
}

/* Each class' own mean of the ranks; what they make together is the value of all. */
Test(samples, by_class, .timeout = 60)
{
    enum { ROWS = 180 };
    static const char *const names[CLASSES] = {"0", "1", "2", "3"};
    input_example("example.h5", ROWS, 5);
    const double *a = input_read(scratch_path("example.h5"), "/layers/a", ROWS, 5);
    const double *b = input_read(scratch_path("example.h5"), "/layers/b", ROWS, 3);
    const int64_t *y = draw_labels(5, ROWS, CLASSES);
    double sum[CLASSES] = {0}, size[CLASSES] = {0};
    for (int64_t i = 0; i < ROWS; i++) {
        sum[y[i]] += (double)rank_of_nearest(a, 5, b, 3, ROWS, i);
        size[y[i]]++;
    }
    const char *job = job_new("by", "input: {file: example.h5, labels: [y]}\n"
                                    "measures:\n"
                                    "  - imbalance: {by: y, k: [1, 3]}\n"
                                    "  - imbalance: {layers: [b], target: y, by: y, se: none}\n");
    const char *output = scratch_path("by-1"), *other = scratch_path("by-3");
    RUN(0, 1, job, output);
    RUN(0, 3, job, other);
    expect_same_results(other, output, "ranks");
    table t = results_of(output);
    cr_assert(t.rows == 25, "%zu rows", t.rows);
    for (int c = 0; c < CLASSES; c++) {
        size_t row = table_find(
            &t, WHERE(scratch_text("quantity=imbalance[%s]", names[c]), "source=a", "k=1"));
        double expected = 2 * sum[c] / (size[c] * ROWS), value = table_real(&t, row, "value");
        cr_expect(close_to(value, expected, 1e-13), "class %d: %.17g, not %.17g", c, value,
                  expected);
        EXPECT_CELL(&t, row, "class_size", scratch_text("%.0f", size[c]));
        EXPECT_CELL(&t, row, "by", "y");
        cr_expect(table_real(&t, row, "std_error") > 0);
    }
    for (size_t all = 0; all < t.rows; all += 1 + CLASSES) {
        double together = 0;
        for (size_t c = 0; c < CLASSES; c++)
            together += size[c] / ROWS * table_real(&t, all + 1 + c, "value");
        EXPECT_CELL(&t, all, "quantity", "imbalance");
        cr_expect(close_to(together, table_real(&t, all, "value"), 1e-13));
    }
    int before = journal_count(output, "task");
    RUN(0, 1, job, output);
    cr_expect(journal_count(output, "task") == before);
    spawn_result bad = PROGRAM(0, "check", job, "--set", "measures.imbalance.by=a");
    EXPECT_CODE(bad, 2);
    EXPECT_SAYS(bad, "'a' is none of the labels");
}
