/* What a run says of its memory: planned and measured. */
#include "support.h"

#include <criterion/logging.h>

#include <stdio.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
enum { SHADOWED = 1 }; /* a sanitizer's memory is not the program's */
#else
enum { SHADOWED = 0 };
#endif

/* The last line of its kind in run.log, in MiB. */
typedef struct {
    double peak, planned, program;
} told;

static told told_by(const char *output)
{
    const char *log = file_read(scratch_text("%s/run.log", output), NULL);
    const char *line = strstr(log, "memory: ");
    told t = {0};
    cr_assert(line &&
                  sscanf(line, "memory: at most %lf MiB a rank; planned %lf MiB, of which %lf MiB",
                         &t.peak, &t.planned, &t.program) == 3,
              "%s", log);
    return t;
}

/* What timings.csv says of each pass: memory never falls, messages are part of what was sent. */
static size_t wrong_passes(const table *passes, int ranks, double most)
{
    double before = 0;
    size_t wrong = 0;
    for (size_t row = 0; row < passes->rows; row++) {
        double peak = table_real(passes, row, "peak_memory");
        double in_flight = table_real(passes, row, "most_in_flight");
        bool rises = peak > 0 && peak >= before && peak / 1048576 <= most + 0.1;
        bool moved = in_flight <= table_real(passes, row, "bytes_sent");
        wrong += !rises || !moved || (in_flight > 0) != (ranks > 1);
        before = peak;
    }
    return wrong;
}

/* Where nothing is measured one of them is enough, and fewer rows: slow builds have the time for no more. */
static const char *const skippings[] = {"auto", "always", "never"};
enum { SETTINGS = SHADOWED ? 1 : sizeof skippings / sizeof *skippings };

/* The program's own share is known when the plan is made: what is left must not be more by a fifth, nor less by
 * more than `spare`, whether or not there are twins. */
static void expect_memory_within(int ranks, const char *skipping, const char *output, double spare)
{
    told t = told_by(output);
    double arrays = t.planned - t.program, used = t.peak - t.program;
    cr_log_info("%d rank(s), %s: %.1f MiB planned, %.1f used", ranks, skipping, arrays, used);
    if (!SHADOWED)
        cr_expect(arrays > 20 && used < 1.2 * arrays && used > (1 - spare) * arrays,
                  "%d rank(s), %s: %.1f MiB planned, %.1f used, beside %.1f", ranks, skipping,
                  arrays, used, t.program);
}

static void expect_within(int ranks, const char *job, const char *skipping, const char *folder,
                          double spare)
{
    const char *output = scratch_path("%s", folder);
    RUN(0, ranks, job, output, "--skipping", skipping);
    table passes = table_read(scratch_text("%s/timings.csv", output));
    cr_expect(wrong_passes(&passes, ranks, told_by(output).peak) == 0);
    expect_memory_within(ranks, skipping, output, spare);
}

static void expect_as_planned(int ranks, const char *job, const char *skipping, const char *folder)
{
    expect_within(ranks, job, skipping, folder, 0.2);
}

Test(memory, one_threshold, .timeout = 100)
{
    enum { ROWS = SHADOWED ? 5000 : 20000, WIDE = 200 };
    hid_t file = input_new(scratch_path("wide.h5"));
    input_layer(file, "/layers/a", H5T_IEEE_F32LE, ROWS, 4, draw_normals(1, ROWS * 4));
    input_layer(file, "/layers/b", H5T_IEEE_F32LE, ROWS, WIDE, draw_normals(2, ROWS * WIDE));
    input_close(file);
    const char *job =
        job_new("one", "input: {file: wide.h5}\n"
                       "measures: [{imbalance: {target: b, layers: [a], se: rows}}]\n");
    for (int ranks = 1; ranks <= 2; ranks++)
        for (int s = 0; s < SETTINGS; s++)
            expect_as_planned(ranks, job, skippings[s],
                              scratch_text("out-%s-%d", skippings[s], ranks));
}

Test(memory, many_thresholds, .timeout = 100)
{
    enum { ROWS = 6000, FEATURES = 4 };
    hid_t file = input_new(scratch_path("many.h5"));
    for (int layer = 0; layer < 4; layer++)
        input_layer(file, scratch_text("/layers/l%d", layer), H5T_IEEE_F32LE, ROWS, FEATURES,
                    draw_normals((uint64_t)layer, ROWS * FEATURES));
    input_close(file);
    const char *job = job_new(
        "many", "input: {file: many.h5, layers: {a: /layers/l0, b: /layers/l1, c: /layers/l2, "
                "top: /layers/l3}}\n"
                "measures: [{imbalance: {target: top, layers: [a, b, c], k: 90, se: none}}]\n");
    for (int ranks = 1; ranks <= 2; ranks++)
        for (int s = 0; s < SETTINGS; s++)
            expect_as_planned(ranks, job, skippings[s],
                              scratch_text("out-%s-%d", skippings[s], ranks));
    table passes = table_read(scratch_path("out-auto-2/timings.csv"));
    cr_expect(table_count(&passes, WHERE("kind=counts", "thresholds=270")) == 1);
}

/* Permuted layers: thresholds of many permutations at once, and their joint lists. */
Test(memory, permuted_layers, .timeout = 100)
/* 84: the first 20 by themselves, to see how long they take, then as many as fit. */
{
    enum { ROWS = SHADOWED ? 2000 : 6000, FEATURES = 4 };
    static const char *const entries[] = {
        "imbalance: {layers: [a], target: b, k: 4, se: none, null: {permutations: 84}}",
        "mi-ksg: {pairs: [[a, b]], k: [3, 30], type: [1, 2], se: none, null: {permutations: 16}}"};
    hid_t file = input_new(scratch_path("permuted.h5"));
    for (int layer = 0; layer < 2; layer++)
        input_layer(file, scratch_text("/layers/%c", 'a' + layer), H5T_IEEE_F32LE, ROWS, FEATURES,
                    draw_normals((uint64_t)layer, ROWS * FEATURES));
    input_close(file);
    for (int i = 0; i < 4; i++) {
        const char *job =
            job_new(scratch_text("permuted-%d", i),
                    scratch_text("input: {file: permuted.h5, layers: [a, b]}\nmeasures: [%s]\n",
                                 entries[i / 2]));
        expect_within(1 + i % 2, job, "auto", scratch_text("permuted-out-%d", i),
                      i < 2 ? 0.2 : 0.5);
    }
    table passes = table_read(scratch_path("permuted-out-3/timings.csv"));
    cr_expect(table_count(&passes, WHERE("kind=nearest-permuted", "k=30", "thresholds=64")) == 1);
    passes = table_read(scratch_path("permuted-out-1/timings.csv"));
    cr_expect(table_count(&passes, WHERE("kind=counts-permuted", "k=4", "thresholds=336")) == 2);
}

/* Rows on a line in 20 dimensions: `auto` skips. Both sets have twins. */
Test(memory, twins, .timeout = 100)
{
    enum { ROWS = SHADOWED ? 15000 : 60000, WIDE = 60 };
    const double *x = draw_normals(5, ROWS);
    double *values = draw_normals(6, ROWS * WIDE);
    for (int64_t e = 0; e < ROWS * WIDE; e++)
        values[e] = 1e-3 * values[e] + x[e / WIDE];
    hid_t file = input_new(scratch_path("line.h5"));
    input_layer(file, "/layers/narrow", H5T_IEEE_F32LE, ROWS, WIDE, values);
    input_layer(file, "/layers/wide", H5T_IEEE_F64LE, ROWS, WIDE, values);
    input_close(file);
    const char *layers[] = {"narrow", "wide"}, *errors[] = {"none", "parts"};
    for (int i = 0; i < 4; i++) {
        const char *job =
            job_new(scratch_text("line-%d", i),
                    scratch_text("input: {file: line.h5}\n"
                                 "measures: [{imbalance: {layers: [%s], target: %s, se: %s}}]\n",
                                 layers[i / 2], layers[1 - i / 2], errors[i % 2]));
        expect_as_planned(1 + i % 2, job, "auto", scratch_text("line-out-%d", i));
    }
}

/* ---- the passes of the neighbour measures ------------------------------------------------------ */

/* Layers of 20,000 rows, two of them wide, with ten classes: 20 MiB and more a rank, so that shares can be told. */
static void write_classes(void)
{
    enum { ROWS = SHADOWED ? 5000 : 20000, WIDE = 120 };
    hid_t file = input_new(scratch_path("classes.h5"));
    input_layer(file, "/layers/a", H5T_IEEE_F32LE, ROWS, WIDE, draw_normals(11, ROWS * WIDE));
    input_layer(file, "/layers/b", H5T_IEEE_F64LE, ROWS, WIDE, draw_normals(12, ROWS * WIDE));
    input_layer(file, "/layers/c", H5T_IEEE_F32LE, ROWS, 4, draw_normals(13, ROWS * 4));
    input_integers(file, "/labels/y", ROWS, draw_labels(14, ROWS, 10));
    input_close(file);
}

/* One entry, at one rank and at two. The plan knows neither how many rows are equal nor how the largest of its arrays
 * follow each other: it may have up to half to spare. */
static void expect_entry(const char *name, const char *entry)
{
    write_classes();
    const char *job =
        job_new(name, scratch_text("input: {file: classes.h5, layers: [a, b, c], labels: [y]}\n"
                                   "measures: [%s]\n",
                                   entry));
    for (int ranks = 1; ranks <= 2; ranks++)
        expect_within(ranks, job, "auto", scratch_text("%s-out-%d", name, ranks), 0.5);
}

Test(memory, lists_in_classes, .timeout = 100)
{
    expect_entry("classes", "mi-ross: {layers: [a], target: y, k: [3, 30]}");
}

Test(memory, lists_of_both_layers, .timeout = 100)
{
    expect_entry("both", "overlap: {pairs: [[a, c]], k: 60, se: none}");
}

Test(memory, joint_lists, .timeout = 100)
{
    expect_entry("joint", "mi-ksg: {pairs: [[a, c]], k: 30, type: [1, 2], se: none}");
}

Test(memory, joint_lists_of_wide_layers_and_parts, .timeout = 100)
{
    expect_entry("parts", "mi-mixed: {pairs: [[a, b]]}");
}

Test(memory, lists_with_distances, .timeout = 100)
{
    expect_entry("distances", "dimension: {layers: [a], method: [mle, gride], k: 60}");
}

/* Slices of labels and of two layers, in one batch and in several. */
Test(memory, slices, .timeout = 100)
{
    enum { ROWS = SHADOWED ? 5000 : 50000, WIDE = 16 };
    hid_t file = input_new(scratch_path("slices.h5"));
    input_layer(file, "/layers/a", H5T_IEEE_F32LE, ROWS, WIDE, draw_normals(15, ROWS * WIDE));
    input_layer(file, "/layers/b", H5T_IEEE_F32LE, ROWS, WIDE, draw_normals(16, ROWS * WIDE));
    input_integers(file, "/labels/y", ROWS, draw_labels(17, ROWS, 10));
    input_close(file);
    const char *const entries[] = {"layers: [a], target: y, slices: 60",
                                   "layers: [a], target: y, slices: 260, se: none",
                                   "pairs: [[a, b]], slices: 20, se: none"};
    enum { ENTRIES = SHADOWED ? 1 : sizeof entries / sizeof *entries };
    for (int i = 0; i < 2 * ENTRIES; i++) {
        const char *name = scratch_text("slices-%d", i);
        const char *job =
            job_new(name, scratch_text("input: {file: slices.h5, layers: [a, b], labels: [y]}\n"
                                       "measures: [{mi-sliced: {%s}}]\n",
                                       entries[i / 2]));
        const char *output = scratch_path("%s-out", name);
        RUN(0, 1 + i % 2, job, output);
        expect_memory_within(1 + i % 2, "auto", output, 0.2);
    }
    /* Trees of two layers and of both together. */
    const char *job =
        job_new("slices-trees", "input: {file: slices.h5, layers: [a, b]}\n"
                                "measures: [{mi-sliced: {slices: 2, projection_dim: 2, k: 1}}]\n");
    const char *output = scratch_path("slices-trees");
    RUN(0, 1, job, output);
    expect_memory_within(1, "auto", output, 0.2);
}

/* Widths that are those of the nearest: a pass like any other, with integer copies of its own where the processor has them. */
Test(memory, width_of_the_nearest, .timeout = 60)
{
    enum { ROWS = SHADOWED ? 4200 : 8000, FEATURES = SHADOWED ? 64 : 1024 };
    hid_t file = input_new(scratch_path("knn.h5"));
    input_layer(file, "/layers/a", H5T_IEEE_F32LE, ROWS, FEATURES,
                draw_normals(1, (int64_t)ROWS * FEATURES));
    input_close(file);
    const char *job = job_new("knn", "input: {file: knn.h5, layers: [a]}\n"
                                     "measures: [{renyi: {alpha: 2, bandwidth: knn}}]\n");
    RUN(0, 1, job, scratch_path("out"));
    expect_memory_within(1, "auto", scratch_path("out"), 0.2);
}
