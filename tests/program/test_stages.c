/* A layer that all cells share: their own work is dealt out between two stages of all ranks, with the same results. */
#include "support.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { CELLS = 10, SHARED = 7 };

/* Each cell has layers a and b, `in` is the same for all and has equal rows; one cell has a layer that cannot be used. */
static void write_cells(int64_t n)
{
    for (int cell = 0; cell < CELLS; cell++)
        input_example(scratch_text("s%d.h5", cell), n, 70 + (uint64_t)cell);
    double *values = draw_normals(5, n * SHARED);
    memcpy(values + SHARED, values, SHARED * sizeof *values);
    hid_t file = input_new(scratch_path("data.h5"));
    input_layer(file, "/x", H5T_IEEE_F32LE, n, SHARED, values);
    input_integers(file, "/y", n, draw_labels(6, n, 3));
    input_close(file);
}

#define INPUT                                                                           \
    "grid: {s: {from: 0, to: 9}}\n"                                                     \
    "input: {file: 's{s}.h5', layers: {a: /layers/a, b: /layers/b, in: 'data.h5:/x'}, " \
    "labels: {y: 'data.h5:/y'}}\n"

/* Lists of all kinds go from stage to stage: with parts, of distinct rows, with the reach of their entries. */
static const char *write_job(void)
{
    return job_new("shared", INPUT
                   "measures:\n"
                   "  - imbalance: {k: [1, 3], pairs: [[a, in], [a, b]], by: y}\n"
                   "  - imbalance: {k: 2, se: rows, pairs: [[b, in]], null: {permutations: 2}}\n"
                   "  - overlap: {k: 3, se: none, pairs: [[a, in], [b, in]]}\n"
                   "  - imbalance: {anchors: 40, pairs: [[a, in]]}\n"
                   "  - mi-ksg: {pairs: [[a, in], [b, in]]}\n"
                   "  - mi-ross: {layers: [b], target: y}\n"
                   "  - mi-sliced: {pairs: [[a, in]], slices: 3, se: none}\n");
}

static size_t passes_by(const char *output, const char *kind, const char *ranks)
{
    table t = table_read(scratch_text("%s/timings.csv", output));
    return table_count(&t, WHERE(scratch_text("kind=%s", kind), scratch_text("ranks=%s", ranks)));
}

Test(stages, the_same_results_at_any_number_of_ranks, .timeout = 100)
{
    write_cells(400);
    input_change(scratch_path("s3.h5"), "/layers/b", 5, NAN);
    const char *job = write_job(), *right = scratch_path("right");
    RUN(4, 0, job, right);
    const int some[] = {2, 3, 5};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        int ranks = some[i];
        const char *output = scratch_path("ranks%d", ranks);
        spawn_result r = RUN(4, ranks, job, output);
        expect_same_results(output, right, scratch_text("%d ranks", ranks));
        /* Passes 1 of two layers a cell, less the one that cannot be used; the input by all ranks. */
        cr_expect(passes_by(output, "nearest", "1") == 2 * CELLS - 1, "%s", spawn_story(&r));
        cr_expect(passes_by(output, "nearest", scratch_text("%d", ranks)) == 1);
        /* In the input, and in layers below what was found near in a layer and the input. */
        cr_expect(passes_by(output, "counts", scratch_text("%d", ranks)) == 2 * CELLS);
    }
    spawn_result r = RUN(4, 0, job, scratch_path("ranks3"));
    EXPECT_SAYS(r, "nothing to compute");
}

/* The shared layer itself cannot be used, or goes away: what does not need it is done. */
Test(stages, a_shared_layer_that_cannot_be_used, .timeout = 100)
{
    write_cells(300);
    input_change(scratch_path("data.h5"), "/x", 2, NAN);
    const char *job = job_new("some", INPUT "measures: [imbalance: {pairs: [[a, in], [a, b]]}]\n");
    const char *right = scratch_path("right"), *output = scratch_path("three");
    RUN(4, 0, job, right);
    RUN(4, 3, job, output);
    expect_same_results(output, right, "three ranks");
    table t = results_of(right);
    cr_expect(table_count(&t, WHERE("status=failed")) == 2 * CELLS && t.rows == 4 * CELLS);
}

static size_t wanted;

static bool has_some(void *output)
{
    return (size_t)journal_count(output, "task") >= wanted;
}

/* Killed among the cells' own work, and when it is done; each continued by another number of ranks. */
Test(stages, killed, .timeout = 100)
{
    write_cells(700);
    const char *job = job_new("some", INPUT "measures: [imbalance: {pairs: [[a, in], [a, b]]}]\n");
    const char *right = scratch_path("right");
    RUN(0, 0, job, right);
    const int ranks[] = {2, 3}, again[] = {3, 2};
    const size_t tasks[] = {4, 3 * CELLS};
    for (int i = 0; i < 2; i++) {
        const char *output = scratch_path("killed%d", i);
        wanted = tasks[i];
        spawn_process p = spawn_start_ranks(
            ranks[i], NULL, (const char *[]){IST_PROGRAM, "run", job, "--output", output, NULL});
        spawn_wait_until(&p, has_some, (void *)output, 30);
        spawn_signal_all(&p, SIGKILL);
        spawn_finish(&p);
        RUN(0, again[i], job, output);
        expect_same_results(output, right, scratch_text("%d ranks, then %d", ranks[i], again[i]));
    }
}

/* Long passes leave lists on disk: those of the shared layer stay until no group needs them. */
Test(stages, kept_on_disk, .timeout = 100)
{
    write_cells(400);
    const char *job = write_job(), *right = scratch_path("right"), *output = scratch_path("out");
    RUN(0, 0, job, right);
    RUN(0, 2, job, output, "--checkpoint-minutes", "0.0000001");
    expect_same_results(output, right, "with checkpoints");
}
