/* A job run again: nothing is computed twice, and what changed is computed. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { N = 180 };

static void write_cells(int count)
{
    for (int cell = 0; cell < count; cell++)
        input_example(scratch_text("s%d.h5", cell), N, 30 + (uint64_t)cell);
}

/* Each cell: a -> b and b -> a for each k, and what else is said. */
static const char *job_of(const char *seeds, const char *k, const char *more)
{
    return job_new("job", scratch_text("grid: {seed: [%s]}\n"
                                       "input: {file: 's{seed}.h5', layers: [a, b], labels: [y]}\n"
                                       "measures:\n  - imbalance: {k: [%s]}\n%s",
                                       seeds, k, more));
}

static const char *const labels_too = "  - imbalance: {target: y, layers: [a]}\n";

/* How much one run adds to the journal: tasks and passes. */
typedef struct {
    int tasks, passes;
    spawn_result result;
} added;

static added run_and_count(const char *job, const char *output)
{
    int tasks = journal_count(output, "task"), passes = journal_count(output, "pass");
    spawn_result r = RUN(0, 2, job, output);
    return (added){journal_count(output, "task") - tasks, journal_count(output, "pass") - passes,
                   r};
}

#define EXPECT_ADDED(a, t, p)                                                                     \
    cr_expect((a).tasks == (t) && (a).passes == (p), "%d tasks and %d passes, not %d and %d\n%s", \
              (a).tasks, (a).passes, (t), (p), spawn_story(&(a).result))

/* What a run in a new folder says, the truth for a continued one. */
static void expect_as_new(const char *job, const char *output, const char *what)
{
    static int runs;
    const char *fresh = scratch_path("fresh%d", runs++);
    RUN(0, 0, job, fresh);
    expect_same_results(output, fresh, what);
}

Test(again, nothing_new, .timeout = 60)
{
    write_cells(2);
    const char *job = job_of("0, 1", "1, 3", labels_too), *output = scratch_path("out");
    added first = run_and_count(job, output);
    EXPECT_ADDED(first, 10, 8);
    const char *journal = scratch_text("%s/journal.jsonl", output);
    const char *before = file_read(journal, NULL);
    const char *results = file_read(scratch_text("%s/results.csv", output), NULL);
    added second = run_and_count(job, output);
    EXPECT_ADDED(second, 0, 0);
    EXPECT_SAYS(second.result, "all 10 tasks are done already: nothing to compute");
    cr_expect(strcmp(file_read(journal, NULL), before) == 0, "the journal grew");
    cr_expect(strcmp(file_read(scratch_text("%s/results.csv", output), NULL), results) == 0);
    spawn_result plan = PROGRAM(0, "plan", job, "--output", output);
    EXPECT_SAYS(plan, "to do       0, the others are done\n");
}

Test(again, more_is_asked, .timeout = 100)
{
    write_cells(3);
    const char *output = scratch_path("out");
    added a = run_and_count(job_of("0, 1", "1, 3", ""), output);
    EXPECT_ADDED(a, 8, 8);
    const char *job = job_of("0, 1, 2", "1, 3", "");
    a = run_and_count(job, output);
    EXPECT_ADDED(a, 4, 4);
    EXPECT_SAYS(a.result, "4 of 12 tasks to do");
    expect_as_new(job, output, "another value of the axis");
    job = job_of("0, 1, 2", "1, 2, 3", "");
    a = run_and_count(job, output);
    EXPECT_ADDED(a, 6, 12);
    expect_as_new(job, output, "another k");
    job = job_of("0, 1, 2", "1, 2, 3", labels_too);
    a = run_and_count(job, output);
    EXPECT_ADDED(a, 3, 3);
    expect_as_new(job, output, "another measure");
    job = job_of("2, 0", "3", labels_too);
    a = run_and_count(job, output);
    EXPECT_ADDED(a, 0, 0);
    expect_as_new(job, output, "less, in another order");
}

Test(again, other_parameters_are_other_tasks, .timeout = 60)
{
    write_cells(1);
    const char *output = scratch_path("out");
    const char *const more[] = {"  - imbalance: {se: rows}\n", "  - imbalance: {seed: 1}\n",
                                "  - imbalance: {ties: index}\n"};
    run_and_count(job_of("0", "1", ""), output);
    for (int i = 0; i < 3; i++) {
        added a = run_and_count(job_of("0", "1", more[i]), output);
        cr_expect(a.tasks == 2, "%s: %d tasks\n%s", more[i], a.tasks, spawn_story(&a.result));
    }
    expect_as_new(job_of("0", "1", more[2]), output, "entry after entry");
}

/* ---- input files that change ------------------------------------------------------------------- */

Test(again, changed_input, .timeout = 60)
{
    write_cells(3);
    const char *job = job_of("0, 1, 2", "1", labels_too), *output = scratch_path("out");
    added a = run_and_count(job, output);
    EXPECT_ADDED(a, 9, 12);
    const char *old = file_read(scratch_text("%s/results.csv", output), NULL);
    /* One value of one layer: that cell's pairs, but not what the other layer gives alone. */
    input_change(scratch_path("s1.h5"), "/layers/b", 17, 100);
    a = run_and_count(job, output);
    EXPECT_ADDED(a, 2, 4);
    expect_as_new(job, output, "one value changed");
    /* And back: the journal still knows. */
    input_change(scratch_path("s1.h5"), "/layers/b", 17,
                 input_read(scratch_path("s2.h5"), "/layers/b", N, 3)[0]);
    write_cells(2);
    a = run_and_count(job, output);
    EXPECT_ADDED(a, 0, 0);
    cr_expect(strcmp(file_read(scratch_text("%s/results.csv", output), NULL), old) == 0);
}

Test(again, changed_labels, .timeout = 60)
{
    write_cells(2);
    const char *job = job_of("0, 1", "1", labels_too), *output = scratch_path("out");
    run_and_count(job, output);
    hid_t file = H5Fopen(scratch_path("s0.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, "/labels/y", H5P_DEFAULT);
    H5Dwrite(set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, draw_labels(99, N, 3));
    H5Dclose(set);
    input_close(file);
    added a = run_and_count(job, output);
    EXPECT_ADDED(a, 1, 1);
    expect_as_new(job, output, "labels changed");
}

Test(again, touched_and_copied_input, .timeout = 60)
{
    write_cells(3);
    const char *job = job_of("0, 1, 2", "1", labels_too), *output = scratch_path("out");
    run_and_count(job, output);
    const char *results = file_read(scratch_text("%s/results.csv", output), NULL);
    cr_assert(utimensat(AT_FDCWD, scratch_path("s0.h5"), NULL, 0) == 0);
    size_t size;
    char *bytes = file_read(scratch_path("s2.h5"), &size);
    file_write(scratch_path("copy"), bytes, size);
    cr_assert(rename(scratch_path("copy"), scratch_path("s2.h5")) == 0);
    added a = run_and_count(job, output);
    EXPECT_ADDED(a, 0, 0);
    EXPECT_SAYS(a.result, "nothing to compute");
    cr_expect(strcmp(file_read(scratch_text("%s/results.csv", output), NULL), results) == 0);
    int inputs = journal_count(output, "input");
    run_and_count(job, output);
    cr_expect(journal_count(output, "input") == inputs, "the files are read again and again");
}

/* Layers that only labels are asked of, and cells against cells: touched, too, they are only read. */
Test(again, touched_sources_and_targets, .timeout = 60)
{
    const char *const measures[] = {
        "imbalance: {layers: [a], target: y}",
        "imbalance: {layers: [a], against: {seed: 0}, where: {seed: 1}}"};
    for (int i = 0; i < 2; i++) {
        write_cells(2);
        const char *job =
            job_new("few", scratch_text("grid: {seed: [0, 1]}\n"
                                        "input: {file: 's{seed}.h5', layers: [a], labels: %s}\n"
                                        "measures:\n  - %s\n",
                                        i ? "{}" : "[y]", measures[i]));
        const char *output = scratch_path("few%d", i);
        added a = run_and_count(job, output);
        EXPECT_ADDED(a, 2, i ? 4 : 2);
        cr_assert(utimensat(AT_FDCWD, scratch_path("s0.h5"), NULL, 0) == 0);
        a = run_and_count(job, output);
        EXPECT_ADDED(a, 0, 0);
        cr_assert(utimensat(AT_FDCWD, scratch_path("s1.h5"), NULL, 0) == 0);
        a = run_and_count(job, output);
        EXPECT_ADDED(a, 0, 0);
    }
}

/* The whole tree is moved: inputs are known by their place beside the results. */
Test(again, moved_tree, .timeout = 60)
{
    const char *there = scratch_path("first/x");
    for (int cell = 0; cell < 2; cell++)
        input_example(scratch_text("first/s%d.h5", cell), N, 30 + (uint64_t)cell);
    const char *text = file_read(job_of("0, 1", "1", labels_too), NULL);
    file_write_text(scratch_path("first/job.yaml"), text);
    RUN(0, 2, scratch_path("first/job.yaml"), scratch_path("first/out"));
    cr_assert(rename(scratch_path("first"), scratch_path("second")) == 0, "%s", there);
    added a = run_and_count(scratch_path("second/job.yaml"), scratch_path("second/out"));
    EXPECT_ADDED(a, 0, 0);
}

/* ---- the views and the journal ------------------------------------------------------------------ */

Test(again, views_come_back, .timeout = 60)
{
    write_cells(2);
    const char *job = job_of("0, 1", "1, 3", labels_too), *output = scratch_path("out");
    const char *const views[] = {"results.csv", "timings.csv", "manifest.resolved.yaml"};
    const char *before[3];
    run_and_count(job, output);
    for (int by_run = 0; by_run < 2; by_run++) {
        for (int v = 0; v < 3; v++) {
            const char *path = scratch_text("%s/%s", output, views[v]);
            before[v] = file_read(path, NULL);
            cr_assert(before[v] && remove(path) == 0, "no %s", path);
        }
        if (by_run) {
            added a = run_and_count(job, output);
            EXPECT_ADDED(a, 0, 0);
        } else {
            spawn_result r = PROGRAM(0, "collect", job, "--output", output);
            EXPECT_CODE(r, 0);
        }
        for (int v = 0; v < 3; v++) {
            const char *now = file_read(scratch_text("%s/%s", output, views[v]), NULL);
            const char *difference = now ? text_difference(now, before[v]) : "it is missing";
            cr_expect(!difference, "%s after %s: %s", views[v], by_run ? "run" : "collect",
                      difference);
        }
    }
}

/* `collect` needs the journal alone: it shows what is done, also while inputs are away. */
Test(again, collect_without_inputs, .timeout = 60)
{
    write_cells(2);
    const char *job = job_of("0, 1", "1", labels_too), *output = scratch_path("out");
    run_and_count(job, output);
    const char *results = file_read(scratch_text("%s/results.csv", output), NULL);
    cr_assert(rename(scratch_path("s1.h5"), scratch_path("away")) == 0);
    remove(scratch_text("%s/results.csv", output));
    spawn_result r = PROGRAM(0, "collect", job, "--output", output);
    EXPECT_CODE(r, 0);
    const char *now = file_read(scratch_text("%s/results.csv", output), NULL);
    cr_assert(now, "no results.csv");
    cr_expect(!text_difference(now, results), "%s", text_difference(now, results));
}

/* A bit turned over in the journal: that task is computed again, the others are kept. */
Test(again, damaged_journal, .timeout = 60)
{
    write_cells(2);
    const char *job = job_of("0, 1", "1, 3", ""), *output = scratch_path("out");
    run_and_count(job, output);
    const char *results = file_read(scratch_text("%s/results.csv", output), NULL);
    const char *journal = scratch_text("%s/journal.jsonl", output);
    const char *text = file_read(journal, NULL);
    const char *line = strstr(strstr(text, "{\"kind\":\"task\"") + 1, "{\"kind\":\"task\"");
    file_flip(journal, (size_t)(line - text) + 100, 2);
    added a = run_and_count(job, output);
    cr_expect(a.tasks == 1, "%d tasks", a.tasks);
    EXPECT_SAYS(a.result, "1 damaged journal line");
    cr_expect(strcmp(file_read(scratch_text("%s/results.csv", output), NULL), results) == 0);
    /* Torn within its last line, as by a crash. */
    file_truncate(journal, (size_t)file_size(journal) - 7);
    run_and_count(job, output);
    cr_expect(strcmp(file_read(scratch_text("%s/results.csv", output), NULL), results) == 0);
    a = run_and_count(job, output);
    EXPECT_ADDED(a, 0, 0);
    EXPECT_SAYS(a.result, "nothing to compute");
    cr_expect(!strstr(a.result.err, "2 damaged"), "a new line was joined to the torn one");
}
