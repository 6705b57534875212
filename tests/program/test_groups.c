/* Groups of ranks: what has no layer in common is done at the same time, with the same results. */
#include "support.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CELLS = 9, TASKS = 3 * CELLS };

/* One cell is larger than the others, and one has a layer that cannot be used. */
static const char *write_cells(int64_t n, int64_t large)
{
    for (int cell = 0; cell < CELLS; cell++)
        input_example(scratch_text("s%d.h5", cell), cell == 7 ? large : n, 50 + (uint64_t)cell);
    input_change(scratch_path("s3.h5"), "/layers/b", 5, NAN);
    return job_new("cells", "grid: {s: {from: 0, to: 8}}\n"
                            "input: {file: 's{s}.h5', layers: [a, b], labels: [y]}\n"
                            "measures: [imbalance: {k: 2}, imbalance: {layers: [a], target: y}]\n");
}

/* Passes that so many ranks ran. */
static size_t passes_by(const char *output, const char *ranks)
{
    table t = table_read(scratch_text("%s/timings.csv", output));
    return table_count(&t, WHERE(scratch_text("ranks=%s", ranks)));
}

Test(groups, the_same_results_at_any_number_of_ranks, .timeout = 100)
{
    const char *job = write_cells(300, 1200), *right = scratch_path("right");
    RUN(4, 0, job, right);
    table t = results_of(right);
    cr_assert(t.rows == TASKS);
    cr_expect(table_count(&t, WHERE("status=failed", "s=3")) == 2);
    for (int ranks = 2; ranks <= 5; ranks++) {
        const char *output = scratch_path("ranks%d", ranks);
        spawn_result r = RUN(4, ranks, job, output);
        expect_same_results(output, right, scratch_text("%d ranks", ranks));
        EXPECT_SAYS(r, scratch_text("%d of %d tasks done", TASKS, TASKS));
        cr_expect(passes_by(output, "1") == passes_by(right, "1"), "%s", spawn_story(&r));
        cr_expect(journal_count(output, "task") == TASKS);
        cr_expect(file_read(scratch_text("%s/journal-%d.jsonl", output, ranks - 1), NULL) != NULL);
        r = RUN(4, 2, job, output);
        EXPECT_SAYS(r, "nothing to compute");
    }
}

/* Permuted layers and labels, also where a layer cannot be used: each group has permutations of its own. */
Test(groups, nulls, .timeout = 100)
{
    write_cells(150, 300);
    const char *job = job_new(
        "nulls", "grid: {s: {from: 0, to: 8}}\n"
                 "input: {file: 's{s}.h5', layers: [a, b], labels: [y]}\n"
                 "measures:\n"
                 "  - imbalance: {k: [1, 4], se: none, null: {permutations: 5}}\n"
                 "  - mi-ksg: {type: [1, 2], se: none, null: {permutations: 3, within: y}}\n"
                 "  - overlap: {target: y, k: 5, se: none, null: {permutations: 5}}\n");
    const char *right = scratch_path("right"), *output = scratch_path("three");
    RUN(4, 0, job, right);
    RUN(4, 3, job, output);
    expect_same_results(output, right, "three ranks");
    table t = results_of(right);
    cr_expect(t.rows == CELLS * (4 + 2 + 2));
    cr_expect(table_count(&t, WHERE("status=failed", "s=3")) == 4 + 2 + 1);
    cr_expect(table_count(&t, WHERE("permutations=5")) == 6 * (CELLS - 1) + 1);
    cr_expect(table_count(&t, WHERE("permutations=3")) == 2 * (CELLS - 1));
}

/* What fits on one rank alone is done by one; what needs the memory of two by two. */
Test(groups, memory_decides, .timeout = 100)
{
    const char *job = write_cells(400, 20000), *output = scratch_path("out"), *least = "";
    spawn_result plan = {.code = 2};
    for (int mib = 3; mib < 60 && plan.code != 0; mib++) {
        least = scratch_text("%d", mib);
        plan = PROGRAM(0, "plan", job, "--output", output, "--ranks", "2", "--max-memory", least);
    }
    EXPECT_CODE(plan, 0);
    EXPECT_SAYS(plan, "9 portions without a common layer: 1 in 1 group of 2, 8 in 2 groups of 1");
    RUN(4, 2, job, output, "--max-memory", least);
    cr_expect(passes_by(output, "2") == 4 && passes_by(output, "1") > 0);
    const char *right = scratch_path("right");
    RUN(4, 2, job, right);
    expect_same_results(output, right, "two phases");
}

static bool has_some(void *output)
{
    return journal_count(output, "task") >= 4;
}

/* Each continued by fewer or more ranks than before. */
Test(groups, killed, .timeout = 100)
{
    const char *job = write_cells(900, 3600), *right = scratch_path("right");
    RUN(4, 0, job, right);
    const int ranks[] = {3, 2, 5}, again[] = {2, 3, 1};
    for (int i = 0; i < 3; i++) {
        const char *output = scratch_path("killed%d", i);
        spawn_process p = spawn_start_ranks(
            ranks[i], NULL, (const char *[]){IST_PROGRAM, "run", job, "--output", output, NULL});
        spawn_wait_until(&p, has_some, (void *)output, 30);
        spawn_signal_all(&p, SIGKILL);
        spawn_finish(&p);
        RUN(4, again[i], job, output);
        expect_same_results(output, right, scratch_text("%d ranks, then %d", ranks[i], again[i]));
    }
}

/* The journal of one leader cannot be written: one message, and no rank waits for it. */
Test(groups, a_leader_without_a_journal, .timeout = 100)
{
    const char *job = write_cells(200, 800), *output = scratch_path("out");
    cr_assert(mkdir(output, 0777) == 0);
    cr_assert(mkdir(scratch_text("%s/journal-1.jsonl", output), 0777) == 0);
    spawn_result r = RUN(3, 3, job, output);
    EXPECT_SAYS(r, "journal-1.jsonl");
    cr_expect(count_text(r.err, "infostrata: error:") == 1, "%s", spawn_story(&r));
    cr_assert(rmdir(scratch_text("%s/journal-1.jsonl", output)) == 0);
    RUN(4, 3, job, output);
}

/* A file that could not be read is read by another leader in the next run: the later line is the one that holds. */
Test(groups, the_latest_run_wins, .timeout = 100)
{
    const char *job = write_cells(250, 1000), *output = scratch_path("out"),
               *right = scratch_path("right");
    input_example("s3.h5", 250, 53);
    RUN(0, 0, job, right);
    input_change(scratch_path("s3.h5"), "/layers/a", 7, INFINITY);
    RUN(4, 1, job, output);
    const char *main_journal = scratch_text("%s/journal.jsonl", output);
    cr_assert(strstr(file_read(main_journal, NULL), "\"failed\""));
    input_example("s3.h5", 250, 53);
    RUN(0, 4, job, output);
    expect_same_results(output, right, "read again");
    spawn_result r = PROGRAM(0, "collect", job, "--output", output);
    EXPECT_CODE(r, 0);
    expect_same_results(output, right, "collected");
    r = RUN(0, 1, job, output);
    EXPECT_SAYS(r, "nothing to compute");
}

/* All ranks on one portion, then groups: what only the first rank remembers of labels is of no use to another leader. */
Test(groups, labels_are_read_by_each_leader, .timeout = 100)
{
    enum { N = 10000, WIDE = 64 };
    const int64_t d[3] = {WIDE, 4, 4};
    hid_t file = input_new(scratch_path("data.h5"));
    input_integers(file, "/y", N, draw_labels(1, N, 3));
    for (int s = 0; s < 3; s++)
        for (int l = 0; l < 2; l++)
            input_layer(file, scratch_text("/s%d/%c", s, 'a' + l), H5T_IEEE_F32LE, N, d[s],
                        draw_normals((uint64_t)(2 * s + l), N * d[s]));
    input_close(file);
    const char *job = job_new(
        "by", "grid: {s: [0, 1, 2]}\n"
              "input: {file: data.h5, layers: {a: '/s{s}/a', b: '/s{s}/b'}, labels: {y: /y}}\n"
              "measures: [imbalance: {by: y, se: none}]\n");
    const char *output = scratch_path("out"), *right = scratch_path("right"), *least = "";
    spawn_result plan = {.code = 2};
    for (int mib = 3; mib < 60 && plan.code != 0; mib++) {
        least = scratch_text("%d", mib);
        plan = PROGRAM(0, "plan", job, "--output", output, "--ranks", "2", "--max-memory", least);
    }
    EXPECT_CODE(plan, 0);
    EXPECT_SAYS(plan, "3 portions without a common layer: 1 in 1 group of 2, 2 in 2 groups of 1");
    RUN(0, 0, job, right);
    RUN(0, 2, job, output, "--max-memory", least);
    expect_same_results(output, right, "two phases");
}
