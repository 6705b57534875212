/* Layers of few features: results do not depend on whether tiles or k-d trees answer. */
#include "support.h"

#include <math.h>
#include <string.h>

/* A line, a lattice and three features with many equal rows, all of one thing; six features beside them. */
static void write_low(int64_t n)
{
    enum { LOW = 3, HIGH = 6 };
    const double *z = draw_normals(71, n * LOW), *noise = draw_normals(72, n * HIGH);
    double *line = scratch_alloc((size_t)n * sizeof *line);
    double *lattice = scratch_alloc((size_t)(2 * n) * sizeof *lattice);
    double *real = scratch_alloc((size_t)(LOW * n) * sizeof *real);
    uint64_t state = 73;
    for (int64_t i = 0; i < n; i++) {
        bool dead = random_uniform(&state) < 0.15;
        line[i] = z[LOW * i] + 0.1 * noise[i];
        for (int64_t f = 0; f < 2; f++)
            lattice[2 * i + f] = floor(2 * z[LOW * i + f]);
        for (int64_t f = 0; f < LOW; f++)
            real[LOW * i + f] = dead ? 0 : z[LOW * i + f] + 0.3 * noise[LOW * i + f];
    }
    hid_t file = input_new(scratch_path("low.h5"));
    input_layer(file, "/layers/line", H5T_IEEE_F32LE, n, 1, line);
    input_layer(file, "/layers/lattice", H5T_STD_I8LE, n, 2, lattice);
    input_layer(file, "/layers/real", H5T_IEEE_F64LE, n, LOW, real);
    input_layer(file, "/layers/high", H5T_IEEE_F32LE, n, HIGH, noise);
    input_integers(file, "/labels/five", n, draw_labels(74, n, 5));
    input_close(file);
}

static const char job_text[] =
    "input: {file: low.h5, layers: [line, lattice, real, high], labels: [five]}\n"
    "measures:\n"
    "  - imbalance: {layers: [line, real], target: high, k: [1, 9], metric: [euclidean, "
    "chebyshev]}\n"
    "  - imbalance: {pairs: [[real, lattice], [line, real]], k: [1, 9], ties: [random, index]}\n"
    "  - imbalance: {pairs: [[high, line]], metric: manhattan, scale: zscore, se: rows}\n"
    "  - mi-ross: {layers: [line, lattice, real], target: five, metric: [euclidean, manhattan, "
    "cosine]}\n"
    "  - mi-ksg: {pairs: [[line, real], [lattice, real]], type: [1, 2]}\n"
    "  - mi-ksg: {pairs: [[real, lattice], [line, high]], metric: [chebyshev, cosine], scale: "
    "none}\n"
    "  - mi-mixed: {pairs: [[line, lattice]], form: [code, paper]}\n"
    "  - mi-mixed: {layers: [lattice, real], target: five}\n"
    "  - entropy-kl: {layers: [line, real], metric: [euclidean, chebyshev]}\n"
    "  - dimension: {layers: [real], method: [twonn, gride]}\n"
    "  - overlap: {pairs: [[line, real], [real, high]], k: 10}\n"
    "  - overlap: {layers: [lattice], target: five, k: 5}\n";

/* Distances that trees computed, in all passes, and passes that they answered. */
static double compared(const char *output, size_t *passes)
{
    table t = table_read(scratch_text("%s/timings.csv", output));
    double sum = 0;
    *passes = 0;
    for (size_t row = 0; row < t.rows; row++) {
        double here = table_real(&t, row, "compared");
        sum += here;
        *passes += here > 0;
        /* Six features are not few. */
        cr_expect(here == 0 || table_real(&t, row, "d") <= 3);
    }
    return sum;
}

Test(trees, same_results, .timeout = 120)
{
    write_low(900);
    const char *job = job_new("low", job_text), *right = scratch_path("right");
    size_t passes, with_trees;
    RUN(0, 2, job, right, "--tree", "never", "--skipping", "never");
    table t = results_of(right);
    cr_expect(t.rows > 30 && table_count(&t, WHERE("status=ok")) == t.rows);
    cr_expect(compared(right, &passes) == 0);
    const struct {
        int ranks;
        const char *tree, *kernel, *skipping, *chunk_rows;
    } runs[] = {{0, "always", "avx512", "auto", "900"}, {1, "always", "reference", "never", "97"},
                {2, "always", "avx2", "always", "100"}, {3, "always", "avx512", "auto", "900"},
                {4, "auto", "avx512", "auto", "200"},   {5, "always", "avx512", "always", "61"},
                {2, "never", "avx512", "always", "300"}};
    const spawn_result version = PROGRAM(0, "--version");
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        if (!strstr(version.out, runs[i].kernel))
            continue;
        const char *output = scratch_path("run%zu", i);
        RUN(0, runs[i].ranks, job, output, "--tree", runs[i].tree, "--kernel", runs[i].kernel,
            "--skipping", runs[i].skipping, "--chunk-rows", runs[i].chunk_rows);
        expect_same_results(output, right,
                            scratch_text("%d ranks, tree %s, kernel %s, skipping %s", runs[i].ranks,
                                         runs[i].tree, runs[i].kernel, runs[i].skipping));
        double distances = compared(output, &with_trees);
        if (strcmp(runs[i].tree, "always") == 0)
            cr_expect(distances > 0 && with_trees >= 15, "%zu passes", with_trees);
        if (strcmp(runs[i].tree, "never") == 0)
            cr_expect(distances == 0);
    }
}

/* `auto` takes the tree where neighbours are near, and tiles where thresholds are everywhere in three dimensions. */
Test(trees, where_they_pay, .timeout = 120)
{
    enum { N = 20000 };
    hid_t file = input_new(scratch_path("apart.h5"));
    input_layer(file, "/layers/a", H5T_IEEE_F32LE, N, 3, draw_normals(3, 3 * N));
    input_layer(file, "/layers/b", H5T_IEEE_F32LE, N, 3, draw_normals(4, 3 * N));
    input_close(file);
    const char *job = job_new("apart", "input: {file: apart.h5}\n"
                                       "measures: [imbalance: {k: 5, se: none}]\n");
    const char *right = scratch_path("right"), *output = scratch_path("auto");
    RUN(0, 1, job, right, "--tree", "never");
    RUN(0, 2, job, output);
    expect_same_results(output, right, "auto");
    table t = table_read(scratch_text("%s/timings.csv", output));
    for (size_t row = 0; row < t.rows; row++) {
        bool nearest = strcmp(table_text(&t, row, "kind"), "nearest") == 0;
        cr_expect((table_real(&t, row, "compared") > 0) == nearest, "%s: %s",
                  table_text(&t, row, "kind"), table_text(&t, row, "compared"));
    }
}
