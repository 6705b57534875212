/* Neighbours within classes that lists among all know already: the same rows of results.csv, and passes that are not run. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 1600, FEATURES = 6, CLASSES = 5 };

/* near: classes lie apart. far: no class is near, and many distances are equal. copies: of some rows, so that radii are 0. */
static void write_layers(void)
{
    const int64_t *c = draw_labels(3, ROWS, CLASSES);
    double *near = draw_normals(1, (int64_t)ROWS * FEATURES);
    double *far = draw_normals(2, (int64_t)ROWS * FEATURES);
    double *copies = draw_normals(4, (int64_t)ROWS * FEATURES);
    for (int64_t e = 0; e < ROWS * FEATURES; e++) {
        int64_t row = e / FEATURES;
        near[e] += 4 * (double)(c[row] == e % FEATURES);
        far[e] = floor(2 * far[e]);
        copies[e] = row % 5 == 0 ? (double)(row % 3) : copies[e];
    }
    hid_t file = input_new(scratch_path("in.h5"));
    input_layer(file, "/layers/near", H5T_IEEE_F32LE, ROWS, FEATURES, near);
    input_layer(file, "/layers/far", H5T_IEEE_F32LE, ROWS, FEATURES, far);
    input_layer(file, "/layers/copies", H5T_IEEE_F32LE, ROWS, FEATURES, copies);
    input_integers(file, "/labels/c", ROWS, c);
    input_close(file);
}

#define INPUT "input: {file: in.h5, layers: [near, far, copies], labels: [c]}\n"
#define LISTS "  - imbalance: {k: [1, 30], target: c}\n"
#define WITHIN                                                            \
    "  - mi-ross: {k: [1, 3, 8], target: c}\n"                            \
    "  - mi-ross: {k: 2, target: c, se: none, null: {permutations: 9}}\n" \
    "  - mi-mixed: {k: [1, 5], target: c}\n"

/* The lines of results.csv that are about information. */
static const char *information(const char *output)
{
    const char *line = file_read(scratch_text("%s/results.csv", output), NULL), *found = "";
    for (const char *end = strchr(line, '\n'); end; line = end + 1, end = strchr(line, '\n'))
        if (strncmp(line, "mi-", 3) == 0)
            found = scratch_text("%s%.*s\n", found, (int)(end - line), line);
    return found;
}

/* Passes of a kind over a layer; less than 0: none. */
static double pairs_of(const char *output, const char *kind, const char *layer)
{
    table passes = table_read(scratch_text("%s/timings.csv", output));
    double pairs = -1;
    for (size_t row = 0; row < passes.rows; row++)
        if (strcmp(table_text(&passes, row, "kind"), kind) == 0 &&
            strstr(table_text(&passes, row, "layer"), layer))
            pairs = fmax(pairs, 0) + table_real(&passes, row, "pairs");
    return pairs;
}

Test(class_lists, same_bytes, .timeout = 100)
{
    write_layers();
    const char *within = job_new("within", INPUT "measures:\n" WITHIN);
    const char *both = job_new("both", INPUT "measures:\n" WITHIN LISTS);
    const char *right = scratch_path("right"), *first = scratch_path("out1");
    RUN(0, 1, within, right);
    cr_expect(pairs_of(right, "nearest-in-class", "near") > 0 &&
              pairs_of(right, "counts", "near") > 0);
    for (int ranks = 1; ranks <= 5; ranks++) {
        const char *output = scratch_path("out%d", ranks);
        RUN(0, ranks, both, output, "--skipping", ranks == 3 ? "always" : "auto");
        cr_expect_str_eq(information(output), information(right), "%d rank(s)", ranks);
        expect_same_results(output, first, scratch_text("%d rank(s)", ranks));
        cr_expect_lt(pairs_of(output, "counts", "near"), 0, "lists that say it all are not used");
        cr_expect_lt(pairs_of(output, "nearest-in-class", "near"),
                     pairs_of(right, "nearest-in-class", "near") / 2);
    }
}

/* Lists longer than classes are good for keep the distances of their first entries only. */
Test(class_lists, long_lists, .timeout = 60)
{
    write_layers();
    const char *within = job_new("within", INPUT "measures:\n" WITHIN);
    const char *both =
        job_new("both", INPUT "measures:\n" WITHIN "  - imbalance: {k: [1, 300], target: c}\n");
    const char *right = scratch_path("right"), *output = scratch_path("out");
    RUN(0, 1, within, right);
    RUN(0, 2, both, output);
    cr_expect_str_eq(information(output), information(right));
    cr_expect_lt(pairs_of(output, "counts", "near"), 0, "lists that say it all are not used");
}

/* Lists of an earlier run are gone: passes find the same. */
Test(class_lists, later_measures, .timeout = 60)
{
    write_layers();
    const char *both = job_new("job", INPUT "measures:\n" LISTS WITHIN);
    const char *right = scratch_path("right"), *output = scratch_path("out");
    RUN(0, 2, both, right);
    RUN(0, 2, job_new("job", INPUT "measures:\n" LISTS), output);
    RUN(0, 3, job_new("job", INPUT "measures:\n" LISTS WITHIN), output);
    expect_same_results(output, right, "in two runs");
    cr_expect(pairs_of(output, "counts", "near") > 0);
}
