/* Checkpoints that are not to be believed: damaged, of other rows, of a program that was killed while it wrote. */
#include "../program/support.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 3000 };

static const char *write_job(void)
{
    input_example("rows.h5", N, 3);
    return job_new("rows", "input: {file: rows.h5, layers: [a, b]}\n"
                           "measures:\n  - imbalance: {k: [2], se: none}\n");
}

/* A run that is killed when it has written this many checkpoints on one rank. */
static void leave(const char *job, const char *output, int nth)
{
    const char *env[] = {scratch_text("INFOSTRATA_FAULT=checkpoint.create:%d:kill9@0", nth), NULL};
    const char *argv[] = {
        IST_PROGRAM, "run",          job, "--output", output, "--checkpoint-minutes", "0.0000001",
        "--quiet",   "--tree=never", NULL};
    spawn_result r = spawn_run(&(spawn_options){.deadline = 45, .env = env}, argv);
    EXPECT_CODE(r, 137);
}

/* The newest file of the checkpoint folder with this ending. */
static const char *newest(const char *output, const char *ending)
{
    const char *folder = scratch_text("%s/checkpoint", output), *found = NULL;
    int best = -1;
    DIR *directory = opendir(folder);
    cr_assert(directory, "%s is not there", folder);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        const char *dash = strchr(entry->d_name, '-'), *end = strstr(entry->d_name, ending);
        if (dash && end && atoi(dash + 1) > best) {
            best = atoi(dash + 1);
            found = scratch_text("%s/%s", folder, entry->d_name);
        }
    }
    closedir(directory);
    cr_assert(found, "no %s in %s", ending, folder);
    return found;
}

static const char *log_of(const char *output)
{
    return file_read(scratch_text("%s/run.log", output), NULL);
}

Test(checkpoints, F13_damaged_ones_are_not_used, .timeout = 240)
{
    const char *job = write_job(), *expected = scratch_path("expected");
    RUN(0, 0, job, expected);
    for (int kind = 0; kind < 7; kind++) {
        const char *output = scratch_path("out%d", kind);
        leave(job, output, 6);
        const char *raw = newest(output, ".raw"), *line = newest(output, ".json");
        long long bytes = file_size(scratch_text("%.*s.0.raw", (int)(strlen(line) - 5), line));
        const char *own = scratch_text("%.*s.0.raw", (int)(strlen(line) - 5), line);
        (void)raw;
        switch (kind) {
        case 0: file_flip(own, (size_t)bytes / 2, 3); break;
        case 1: file_truncate(own, (size_t)bytes - 1); break;
        case 2: file_truncate(own, 0); break;
        case 3: remove(own); break;
        case 4: file_flip(line, 200, 1); break;
        case 5: file_truncate(line, (size_t)file_size(line) - 1); break;
        default: file_truncate(line, 0);
        }
        RUN(0, 3, job, output);
        expect_same_results(output, expected, scratch_text("damage of kind %d", kind));
        const char *log = log_of(output);
        cr_expect(strstr(log, kind < 4 ? "is not used: some of its rows are damaged or missing"
                                       : "damaged checkpoint(s) dropped"),
                  "kind %d: the log does not say so\n%s", kind, log);
        /* The generation before is there and serves. */
        cr_expect(strstr(log, "' goes on at "), "kind %d: nothing was taken up\n%s", kind, log);
    }
}

Test(checkpoints, F18_of_other_rows_are_not_used, .timeout = 120)
{
    const char *job = write_job(), *output = scratch_path("out"), *fresh = scratch_path("fresh");
    leave(job, output, 6);
    input_change(scratch_path("rows.h5"), "/layers/a", 1234, 5.0);
    RUN(0, 2, job, output);
    RUN(0, 2, job, fresh);
    expect_same_results(output, fresh, "after a change");
    cr_expect(!strstr(log_of(output), "' goes on at "), "%s", log_of(output));
}

/* Lists that are whole survive a kill in the passes after them, with more and fewer ranks; what is not needed any more is
 * deleted. */
Test(checkpoints, finished_lists_survive, .timeout = 120)
{
    const char *job = write_job(), *output = scratch_path("out"),
               *expected = scratch_path("expected");
    RUN(0, 0, job, expected);
    const char *env[] = {"INFOSTRATA_FAULT=step:3:kill9", NULL};
    const char *argv[] = {
        IST_PROGRAM, "run",          job, "--output", output, "--checkpoint-minutes", "0.0000001",
        "--quiet",   "--tree=never", NULL};
    spawn_result r = spawn_ranks(2, &(spawn_options){.deadline = 45, .env = env}, argv);
    EXPECT_CODE(r, 137);
    int before = journal_count(output, "pass");
    cr_expect(before == 2, "%d passes", before);
    for (int ranks = 1; ranks <= 3; ranks += 2) {
        spawn_result again = spawn_ranks(ranks, &(spawn_options){.deadline = 45, .env = env}, argv);
        EXPECT_CODE(again, 137);
    }
    RUN(0, 1, job, output, "--tree=never");
    expect_same_results(output, expected, "after kills in pass 2");
    cr_expect(count_text(log_of(output), "the pass 'nearest' is there from an earlier start") == 6,
              "%s", log_of(output));
    cr_expect(!file_exists(scratch_text("%s/checkpoint", output)));
}

/* A stop leaves a checkpoint, too. */
Test(checkpoints, F06_a_stop_writes_one, .timeout = 120)
{
    enum { MANY = 20000 };
    hid_t file = input_new(scratch_path("many.h5"));
    input_layer(file, "/layers/a", H5T_IEEE_F32LE, MANY, 100, draw_normals(8, (int64_t)MANY * 100));
    input_integers(file, "/labels/y", MANY, draw_labels(7, MANY, 3));
    input_close(file);
    const char *job = job_new("many", "input: {file: many.h5, layers: [a], labels: [y]}\n"
                                      "measures:\n  - imbalance: {target: y, se: none}\n");
    const char *output = scratch_path("out"), *expected = scratch_path("expected");
    const char *env[] = {"INFOSTRATA_FAULT=tile:20:sleep", NULL};
    const char *argv[] = {IST_PROGRAM, "run", job, "--output", output, NULL};
    RUN(0, 2, job, expected);
    spawn_process p = spawn_start_ranks(2, &(spawn_options){.deadline = 60, .env = env}, argv);
    cr_assert(spawn_wait_text(&p, "tasks to do", 30));
    usleep(500000);
    spawn_signal(&p, SIGUSR1);
    spawn_result r = spawn_finish(&p);
    EXPECT_CODE(r, 75);
    EXPECT_SAYS(r, "which goes on from here");
    RUN(0, 3, job, output);
    expect_same_results(output, expected, "after a stop");
    cr_expect(strstr(log_of(output), "the pass 'nearest' goes on at "), "%s", log_of(output));
}

/* ---- steps of many rounds ----------------------------------------------------------------------- */

/* Broken off by a signal, then killed, then finished, each time by another number of ranks: the rounds that are done are not
 * done again, and the bytes are those of an undisturbed run. */
/* Layers a and b as in other tests, and c of few whole numbers: rows with copies, so that there are ties to be counted. */
static void write_rounds(void)
{
    enum { ROWS = 400, COLUMNS = 2, VALUES = 5 };
    static double c[ROWS * COLUMNS];
    const int64_t *value = draw_labels(9, ROWS * COLUMNS, VALUES);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        c[i] = (double)value[i];
    input_example("rounds.h5", ROWS, 3);
    hid_t file = H5Fopen(scratch_path("rounds.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    input_layer(file, "/layers/c", H5T_IEEE_F32LE, ROWS, COLUMNS, c);
    input_close(file);
}

static void expect_to_go_on(const char *name, const char *measure, const char *point, int stop,
                            const char *goes_on)
{
    write_rounds();
    const char *job =
        job_new(name, scratch_text("input: {file: rounds.h5, layers: [a, b, c], labels: [y]}\n"
                                   "measures: [%s]\n",
                                   measure));
    const char *expected = scratch_path("%s-expected", name), *output = scratch_path("%s", name);
    RUN(0, 0, job, expected);
    /* From then on each takes a second, so that the stop comes before the end. */
    const char *stops[] = {
        scratch_text("INFOSTRATA_FAULT=%s:%d:usr1,%s:%d+:sleep", point, stop, point, stop + 1),
        NULL};
    const char *argv[] = {IST_PROGRAM, "run",          job, "--output", output,
                          "--quiet",   "--tree=never", NULL};
    spawn_result r = spawn_ranks(2, &(spawn_options){.deadline = 45, .env = stops}, argv);
    EXPECT_CODE(r, 75);
    cr_expect(strstr(log_of(output), "which goes on from here"), "%s", log_of(output));
    const char *kills[] = {scratch_text("INFOSTRATA_FAULT=%s:2:kill9", point), NULL};
    const char *often[] = {
        IST_PROGRAM, "run",          job, "--output", output, "--checkpoint-minutes", "0.0000001",
        "--quiet",   "--tree=never", NULL};
    r = spawn_run(&(spawn_options){.deadline = 45, .env = kills}, often);
    EXPECT_CODE(r, 137);
    RUN(0, 3, job, output, "--tree=never");
    expect_same_results(output, expected, name);
    cr_expect(count_text(log_of(output), scratch_text("the pass '%s' goes on at ", goes_on)) == 2,
              "%s", log_of(output));
    cr_expect(!file_exists(scratch_text("%s/checkpoint", output)));
}

Test(checkpoints, F01_F06_slices_go_on, .timeout = 120)
{
    expect_to_go_on("slices",
                    "mi-sliced: {layers: [c], target: y, slices: 700, max: true, "
                    "null: {permutations: 3}}",
                    "slice", 150, "slices");
}

Test(checkpoints, F01_F06_permutations_go_on, .timeout = 120)
{
    expect_to_go_on("joint", "mi-ksg: {pairs: [[a, b]], k: [3, 5], null: {permutations: 70}}",
                    "round", 30, "permutations");
}

/* Ranks are counted for many permutations at once: twenty when all is kept at once, so that the second batch is the last that
 * is whole. */
Test(checkpoints, F01_permuted_ranks_go_on, .timeout = 120)
{
    input_example("rounds.h5", 400, 3);
    const char *job = job_new(
        "ranks", "input: {file: rounds.h5, layers: [a, b], labels: [y]}\n"
                 "measures: [imbalance: {pairs: [[a, b]], k: 2, null: {permutations: 70}}]\n");
    const char *expected = scratch_path("expected"), *output = scratch_path("ranks");
    RUN(0, 0, job, expected);
    const char *kills[] = {"INFOSTRATA_FAULT=round:3:kill9", NULL};
    const char *often[] = {
        IST_PROGRAM, "run",          job, "--output", output, "--checkpoint-minutes", "0.0000001",
        "--quiet",   "--tree=never", NULL};
    spawn_result r = spawn_run(&(spawn_options){.deadline = 45, .env = kills}, often);
    EXPECT_CODE(r, 137);
    RUN(0, 3, job, output, "--tree=never");
    expect_same_results(output, expected, "ranks");
    cr_expect(count_text(log_of(output), "the pass 'permutations' goes on at 85.7 %") == 1, "%s",
              log_of(output));
}

/* Cells of slices: of a second each on rank 0, of no time on rank 1. */
static const char *write_cells(int slices)
{
    for (int cell = 0; cell < 4; cell++)
        input_example(scratch_text("cell%d.h5", cell), 300, 3);
    return job_new("cells",
                   scratch_text("grid: {cell: [0, 1, 2, 3]}\n"
                                "input: {file: 'cell{cell}.h5', layers: [a], labels: [y]}\n"
                                "measures: [mi-sliced: {target: y, slices: %d}]\n",
                                slices));
}

static spawn_result run_cells(const char *fault, const char *job, const char *output)
{
    const char *env[] = {scratch_text("INFOSTRATA_FAULT=slice:1+:sleep@0%s", fault), NULL};
    const char *argv[] = {IST_PROGRAM, "run", job, "--output", output, "--quiet", NULL};
    return spawn_ranks(2, &(spawn_options){.deadline = 15, .env = env}, argv);
}

/* The group that waits hears of it, too. Without that the run would take half a minute and end with 0. */
Test(checkpoints, F06_a_stop_while_a_group_waits, .timeout = 60)
{
    const char *job = write_cells(14), *output = scratch_path("cells");
    spawn_result r = run_cells(",slice:3:usr1@0", job, output);
    EXPECT_CODE(r, 75);
    RUN(0, 2, job, output);
}

/* Rank 0 answers between two slices: while it is at its first cell the other one does all others. */
Test(checkpoints, groups_are_answered_between_slices, .timeout = 60)
{
    const char *output = scratch_path("answered");
    spawn_result r = run_cells("", write_cells(6), output);
    EXPECT_CODE(r, 0);
    const char *other = file_read(scratch_text("%s/journal-1.jsonl", output), NULL);
    cr_expect(count_text(other, "\"kind\":\"task\"") == 3, "%s", other);
}
