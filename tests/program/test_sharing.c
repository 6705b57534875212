/* A layer that many cells ask for is swept once. */
#include "support.h"

#include <math.h>
#include <string.h>

/* 20 cells of width x seed that all look back at one input. */
static const char *write_sweep(void)
{
    enum { N = 150 };
    hid_t file = input_new(scratch_path("data.h5"));
    input_layer(file, "/images", H5T_IEEE_F32LE, N, 7, draw_normals(1, 7 * N));
    input_close(file);
    for (int cell = 0; cell < 20; cell++) {
        file = input_new(scratch_path("w%d-s%d.h5", 2 << cell / 5, cell % 5));
        input_layer(file, "/layers/hidden", H5T_IEEE_F32LE, N, 4,
                    draw_normals(50 + (uint64_t)cell, 4 * N));
        input_close(file);
    }
    return job_new("sweep",
                   "grid: {width: [2, 4, 8, 16], seed: {from: 0, to: 4}}\n"
                   "input:\n"
                   "  file: w{width}-s{seed}.h5\n"
                   "  layers: {hidden: /layers/hidden, input: 'data.h5:/images'}\n"
                   "measures:\n"
                   "  - imbalance: {pairs: [[hidden, input]], k: [1, 4], se: [parts, rows]}\n");
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static int passes(const table *t, const char *kind, const char *layer)
{
    int count = 0;
    for (size_t row = 0; row < t->rows; row++)
        count += strcmp(table_text(t, row, "kind"), kind) == 0 &&
                 ends_with(table_text(t, row, "layer"), layer);
    return count;
}

Test(sharing, one_input_of_twenty_cells, .timeout = 60)
{
    const char *job = write_sweep(), *output = scratch_path("out");
    spawn_result plan = PROGRAM(0, "plan", job, "--output", output);
    EXPECT_CODE(plan, 0);
    EXPECT_SAYS(plan, "cells       20: width 4, seed 5\n");
    EXPECT_SAYS(plan, "tasks       160: imbalance 160\n");
    EXPECT_SAYS(plan, "layers      21 distinct of 40 asked\n");
    EXPECT_SAYS(plan, "passes      42 run of ");
    EXPECT_SAYS(plan, " asked: 21 for neighbours, 21 for ranks\n");
    cr_expect(!file_exists(output), "plan made the output folder");
    spawn_result r = RUN(0, 2, job, output);
    EXPECT_SAYS(r, "160 of 160 tasks to do: 21 + 21 passes");
    table t = table_read(scratch_text("%s/timings.csv", output));
    cr_assert(t.rows == 42, "%zu passes", t.rows);
    cr_expect(passes(&t, "nearest", "data.h5:/images") == 1);
    cr_expect(passes(&t, "counts", "data.h5:/images") == 1);
    cr_expect(passes(&t, "nearest", ":/layers/hidden") == 20);
    cr_expect(passes(&t, "counts", ":/layers/hidden") == 20);
    table results = results_of(output);
    cr_expect(results.rows == 160 && table_count(&results, WHERE("status=ok")) == 160);
}

/* A reference network that every cell is compared with, and two names for one dataset. */
Test(sharing, reference_and_twins, .timeout = 60)
{
    write_sweep();
    const char *job =
        job_new("reference", "grid: {width: [2, 4, 8, 16], seed: [0, 1]}\n"
                             "input:\n"
                             "  file: w{width}-s{seed}.h5\n"
                             "  layers: {hidden: /layers/hidden, input: 'data.h5:/images', "
                             "again: 'data.h5:/images'}\n"
                             "measures:\n"
                             "  - imbalance: {layers: [hidden], against: {width: 2, seed: 0}}\n"
                             "  - imbalance: {pairs: [[hidden, input], [hidden, again]]}\n");
    const char *output = scratch_path("out");
    RUN(0, 2, job, output);
    table t = table_read(scratch_text("%s/timings.csv", output));
    cr_expect(t.rows == 18, "%zu passes", t.rows);
    cr_expect(passes(&t, "nearest", "w2-s0.h5:/layers/hidden") == 1);
    cr_expect(passes(&t, "counts", "w2-s0.h5:/layers/hidden") == 1);
    cr_expect(journal_count(output, "task") == 14 + 16, "%d tasks", journal_count(output, "task"));
    table results = results_of(output);
    cr_expect(results.rows == 14 + 32, "%zu rows", results.rows);
    for (int cell = 0; cell < 8; cell++) {
        const char *width = scratch_text("width=%d", 2 << cell / 2);
        const char *seed = scratch_text("seed=%d", cell % 2);
        size_t row = table_find(&results, WHERE(width, seed, "source=hidden", "target=input"));
        size_t twin = table_find(&results, WHERE(width, seed, "source=hidden", "target=again"));
        EXPECT_CELL(&results, twin, "rank_sum", table_text(&results, row, "rank_sum"));
        EXPECT_CELL(&results, twin, "std_error", table_text(&results, row, "std_error"));
    }
}

static const char *company_job(const char *name, const char *layers, const char *mixed)
{
    return job_new(name,
                   scratch_text("input: {file: company.h5, layers: {a: /layers/l0, b: /layers/l1, "
                                "c: /layers/l2, d: /layers/l3, t: /layers/l4}}\n"
                                "measures:\n"
                                "  - mi-ksg: {layers: [%s], target: t, k: [2, 4], type: [1, 2], "
                                "null: {permutations: 3}}\n"
                                "  - mi-mixed: {layers: [%s], target: t, se: none}\n",
                                layers, mixed));
}

/* Layers against one target: together, one by one, some of them later and on any number of ranks the same bytes. One of them
 * cannot be used, and does the others no harm. */
Test(sharing, layers_of_one_target, .timeout = 60)
{
    enum { N = 250 };
    static const int features[] = {6, 9, 4, 5, 30};
    hid_t file = input_new(scratch_path("company.h5"));
    for (int l = 0; l < 5; l++)
        input_layer(file, scratch_text("/layers/l%d", l), H5T_IEEE_F32LE, N, features[l],
                    draw_normals(30 + (uint64_t)l, N * features[l]));
    input_close(file);
    input_change(scratch_path("company.h5"), "/layers/l1", 7, NAN);
    const char *job = company_job("company", "a, b, c, d", "b, c, d");
    const char *together = scratch_path("together"), *later = scratch_path("later");
    spawn_result r = RUN(4, 3, job, together, "--chunk-rows", "96");
    EXPECT_SAYS(r, "layer failed: ");
    table passes = table_read(scratch_text("%s/timings.csv", together));
    cr_assert(table_count(&passes, WHERE("kind=nearest-joint")) == 1);
    RUN(0, 1, company_job("first", "c", "c"), later);
    RUN(4, 2, company_job("second", "b, c", "b, c"), later);
    RUN(4, 1, job, later);
    passes = table_read(scratch_text("%s/timings.csv", later));
    cr_expect(table_count(&passes, WHERE("kind=nearest-joint")) == 2);
    const char *bytes = file_read(scratch_text("%s/results.csv", together), NULL);
    cr_expect_str_eq(bytes, file_read(scratch_text("%s/results.csv", later), NULL));
    table results = results_of(together);
    cr_expect(table_count(&results, WHERE("status=ok")) == 3 * 4 + 2);
}
