/* Integer copies, where the program itself decides for them: enough rows and features, and a processor that has the instruction. */
#include "support.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 4800, FEATURES = 16, WIDE = 24 };

static void skip_without_integers(void)
{
    const spawn_result version = PROGRAM(0, "--version");
    if (!strstr(version.out, "avx512 "))
        cr_skip_test("this processor has no instructions for them");
}

static void write_layers(void)
{
    const double *x = draw_normals(1, (int64_t)ROWS * WIDE);
    double *y = draw_normals(2, (int64_t)ROWS * FEATURES);
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t f = 0; f < FEATURES; f++)
            y[i * FEATURES + f] = 0.1 * y[i * FEATURES + f] + x[i * WIDE + f];
    hid_t file = input_new(scratch_path("in.h5"));
    input_layer(file, "/layers/x", H5T_IEEE_F64LE, ROWS, WIDE, x);
    input_layer(file, "/layers/y", H5T_IEEE_F32LE, ROWS, FEATURES, y);
    input_integers(file, "/labels/c", ROWS, draw_labels(3, ROWS, 4));
    input_close(file);
}

/* Searches that were decided again are not the same for both kinds of copies. */
static double decided_in(const char *output, const char *kind)
{
    table passes = table_read(scratch_text("%s/timings.csv", output));
    double decided = 0;
    for (size_t row = 0; row < passes.rows; row++)
        if (strcmp(table_text(&passes, row, "kind"), kind) == 0)
            decided += table_real(&passes, row, "decided_again");
    return decided;
}

/* The kernel without integer copies says what is right. */
Test(integers, same_bytes, .timeout = 100)
{
    skip_without_integers();
    write_layers();
    const char *job = job_new("both", "input: {file: in.h5, layers: [x, y], labels: [c]}\n"
                                      "measures:\n"
                                      "  - imbalance: {k: [1, 3, 12]}\n"
                                      "  - mi-ross: {target: c}\n"
                                      "  - overlap: {pairs: [[x, y]]}\n"
                                      "  - mi-ksg: {pairs: [[x, y]]}\n");
    const char *right = scratch_path("right");
    const char *const kinds[] = {"nearest", "nearest-joint"};
    RUN(0, 1, job, right, "--kernel", "avx512-skylake");
    for (int ranks = 1; ranks <= 3; ranks++) {
        const char *output = scratch_path("out%d", ranks);
        RUN(0, ranks, job, output, "--kernel", "avx512", "--skipping",
            ranks == 3 ? "auto" : "never");
        expect_same_results(output, right, scratch_text("%d rank(s)", ranks));
        for (int kind = 0; kind < 2; kind++)
            cr_expect(decided_in(output, kinds[kind]) != decided_in(right, kinds[kind]),
                      "%s: they were not used by %d rank(s)", kinds[kind], ranks);
    }
}

/* A joint pass that is killed goes on with copies of the other kind. */
Test(integers, joint_checkpoints, .timeout = 100)
{
    skip_without_integers();
    write_layers();
    const char *job =
        job_new("joint", "input: {file: in.h5, layers: [x, y]}\n"
                         "measures: [mi-ksg: {pairs: [[x, y]], k: [3, 20], se: none}]\n");
    const char *right = scratch_path("right");
    const char *const kernels[] = {"avx512", "avx512-skylake"};
    RUN(0, 1, job, right, "--kernel", "avx512-skylake");
    for (int first = 0; first < 2; first++) {
        const char *output = scratch_path("from-%s", kernels[first]);
        const char *env[] = {"INFOSTRATA_FAULT=checkpoint.create:3:kill9@0", NULL};
        const char *argv[] = {IST_PROGRAM, "run",      job,
                              "--output",  output,     "--checkpoint-minutes",
                              "0.0000001", "--kernel", kernels[first],
                              NULL};
        spawn_result r = spawn_run(&(spawn_options){.deadline = 45, .env = env}, argv);
        EXPECT_CODE(r, 137);
        RUN(0, 2, job, output, "--kernel", kernels[!first]);
        expect_same_results(output, right, kernels[first]);
        const char *log = file_read(scratch_text("%s/run.log", output), NULL);
        cr_expect(strstr(log, "the pass 'nearest' goes on at "), "%s", log);
    }
}

static double planned_megabytes(const char *job, const char *kernel)
{
    const spawn_result r =
        PROGRAM(0, "plan", job, "--ranks", "1", "--skipping", "never", "--kernel", kernel);
    const char *line = strstr(r.out, "memory ");
    double megabytes = 0;
    cr_assert(line && sscanf(line, "memory %lf MB", &megabytes) == 1, "%s", spawn_story(&r));
    return megabytes;
}

/* The permuted layer's set has integer copies, too, beside those of all samples and of the parts: 2 d bytes a row each. */
Test(integers, planned_for_permutations)
{
    enum { MANY = 1000 };
    skip_without_integers();
    hid_t file = input_new(scratch_path("null.h5"));
    input_layer(file, "/layers/x", H5T_IEEE_F32LE, ROWS, 8, draw_normals(1, (int64_t)ROWS * 8));
    input_layer(file, "/layers/y", H5T_IEEE_F32LE, ROWS, MANY,
                draw_normals(2, (int64_t)ROWS * MANY));
    input_close(file);
    const char *job = job_new(
        "null", "input: {file: null.h5, layers: [x, y]}\n"
                "measures: [mi-ksg: {pairs: [[x, y]], se: none, null: {permutations: 2}}]\n");
    double copies = 2e-6 * MANY * ROWS;
    double more = planned_megabytes(job, "avx512") - planned_megabytes(job, "avx512-skylake");
    cr_expect(more > 2.9 * copies && more < 3.2 * copies, "%g MB more, copies of %g", more, copies);
}

/* A cluster of two kinds of processors: all ranks plan for the same copies, and refuse together. 18 MiB would do without integer
 * copies, 20 with them. */
Test(integers, mixed_processors, .timeout = 60)
{
    enum { MANY = 400 };
    skip_without_integers();
    hid_t file = input_new(scratch_path("wide.h5"));
    input_layer(file, "/layers/x", H5T_IEEE_F32LE, ROWS, MANY,
                draw_normals(1, (int64_t)ROWS * MANY));
    input_layer(file, "/layers/y", H5T_IEEE_F32LE, ROWS, 3, draw_normals(2, (int64_t)ROWS * 3));
    input_close(file);
    const char *job = job_new("mixed", "input: {file: wide.h5, layers: [x, y]}\n"
                                       "measures: [{imbalance: {k: 1, se: none}}]\n");
    const char *right = scratch_path("right"), *output = scratch_path("out");
    RUN(0, 1, job, right, "--kernel", "avx512-skylake");
    int refused = 0, done = 0;
    for (int limit = 18; limit <= 20; limit += 2) {
        const char *most = scratch_text("%d", limit);
        const char *const arguments[] = {IST_PROGRAM, "run",      job,
                                         "--output",  output,     "--max-memory",
                                         most,        "--kernel", "avx512",
                                         ":",         "-n",       "1",
                                         IST_PROGRAM, "run",      job,
                                         "--output",  output,     "--max-memory",
                                         most,        "--kernel", "avx512-skylake",
                                         NULL};
        spawn_result r = spawn_ranks(1, NULL, arguments);
        cr_expect(r.code == 0 || r.code == 2, "%s MiB\n%s", most, spawn_story(&r));
        refused += r.code == 2;
        done += r.code == 0;
    }
    cr_expect(refused == 1 && done == 1, "%d refused, %d done", refused, done);
    expect_same_results(output, right, "two kinds of processors");
}
