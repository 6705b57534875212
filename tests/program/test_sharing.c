/* A layer that many cells ask for is swept once. */
#include "support.h"

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
