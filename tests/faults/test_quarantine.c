/* F02: a task that was in flight at two crashes of the program is set aside; who kills a run from outside sets nothing aside. */
#include "../program/support.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { N = 150 };

/* Four cells, a task each, in the order of their cells. */
static const char *write_cells(void)
{
    for (int cell = 0; cell < 4; cell++)
        input_example(scratch_text("c%d.h5", cell), N, (uint64_t)cell);
    return job_new("cells", "grid: {c: [0, 1, 2, 3]}\n"
                            "input: {file: 'c{c}.h5', layers: [a], labels: [y]}\n"
                            "measures:\n  - imbalance: {target: y, se: none}\n");
}

static void crash(int code, int ranks, const char *fault, const char *job, const char *output)
{
    const char *env[] = {scratch_text("INFOSTRATA_FAULT=%s", fault), NULL};
    const char *argv[] = {IST_PROGRAM, "run", job, "--output", output, "--quiet", NULL};
    const spawn_options options = {.deadline = 45, .env = env, .dir = scratch_dir()};
    spawn_result r = ranks ? spawn_ranks(ranks, &options, argv) : spawn_run(&options, argv);
    EXPECT_CODE(r, code);
}

/* One row of so many says that its task was set aside, and where it crashed; the others are done. */
static void expect_aside(const char *output, size_t rows, const char *where)
{
    table t = results_of(output);
    cr_assert(t.rows == rows && table_count(&t, WHERE("status=ok")) == rows - 1, "%zu rows",
              t.rows);
    size_t row = table_find(&t, WHERE("status=failed"));
    const char *reason = table_text(&t, row, "reason");
    cr_expect(reason && strstr(reason, "was in flight at two crashes (SIGSEGV, ") &&
                  strstr(reason, where) && strstr(reason, "--retry-failed"),
              "%s", reason ? reason : "(no reason)");
}

/* So it stays, also in the eyes of `collect`, until --retry-failed gives the bytes of a run that nothing happened to. */
static void expect_set_aside(const char *job, const char *output, size_t rows, const char *where)
{
    const char *expected = scratch_text("%s-expected", output);
    RUN(0, 0, job, expected);
    spawn_result r = RUN(4, 0, job, output);
    EXPECT_SAYS(r, "1 of them were in flight at two crashes and are set aside");
    expect_aside(output, rows, where);
    RUN(4, 0, job, output);
    expect_aside(output, rows, where);
    spawn_result collected = PROGRAM(0, "collect", job, "--output", output);
    EXPECT_CODE(collected, 0);
    expect_aside(output, rows, where);
    RUN(0, 0, job, output, "--retry-failed");
    expect_same_results(output, expected, where);
}

/* While its layer is read, and when its numbers are put together. */
Test(quarantine, F02_two_crashes_set_a_task_aside, .timeout = 90)
{
    const char *job = write_cells(), *output = scratch_path("out0");
    crash(139, 0, "task:2:segv", job, output);
    crash(139, 0, "task:1:segv", job, output);
    expect_set_aside(job, output, 4, "neighbours in ");
    output = scratch_path("out1");
    crash(139, 0, "layer.read:1:segv", job, output);
    crash(139, 0, "layer.read:1:segv", job, output);
    expect_set_aside(job, output, 4, "c0.h5");
}

/* On another rank than the one that writes the journal: the pass of layer a is not what b -> a needs. */
Test(quarantine, F02_a_crash_of_another_rank, .timeout = 90)
{
    input_example("x.h5", N, 1);
    const char *job = job_new("x", "input: {file: x.h5, layers: [a, b]}\nmeasures: [imbalance]\n");
    const char *output = scratch_path("out");
    crash(139, 2, "step:1:segv@1", job, output);
    crash(139, 2, "step:1:segv@1", job, output);
    expect_set_aside(job, output, 2, "/layers/a");
}

/* One crash is no reason, nor are two of which --retry-failed knows. */
Test(quarantine, F02_crashes_before_a_retry_do_not_count, .timeout = 60)
{
    const char *job = write_cells(), *output = scratch_path("out");
    crash(139, 0, "task:1:segv", job, output);
    crash(139, 0, "task:1:segv", job, output);
    RUN(4, 0, job, output);
    const char *env[] = {"INFOSTRATA_FAULT=task:1:segv", NULL};
    const char *argv[] = {IST_PROGRAM,      "run",     job, "--output", output,
                          "--retry-failed", "--quiet", NULL};
    spawn_result r = spawn_run(&(spawn_options){.deadline = 45, .env = env}, argv);
    EXPECT_CODE(r, 139);
    RUN(0, 0, job, output, "--retry-failed");
}

/* Whatever is sent from outside, and however often: no task is to blame. */
static bool stands_still(void *process)
{
    const spawn_process *p = process;
    const char *stat = file_read(scratch_text("/proc/%d/stat", (int)p->pid), NULL);
    const char *state = stat ? strrchr(stat, ')') : NULL;
    return state && state[2] == 'T';
}

Test(quarantine, F01_signals_from_outside_do_not_count, .timeout = 90)
{
    const char *job = write_cells(), *output = scratch_path("out");
    static const int signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGKILL};
    const char *env[] = {"INFOSTRATA_FAULT=task:1:stop", NULL};
    const char *argv[] = {IST_PROGRAM, "run", job, "--output", output, "--quiet", NULL};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        spawn_process p = spawn_start(&(spawn_options){.deadline = 45, .env = env}, argv);
        cr_assert(spawn_wait_until(&p, stands_still, &p, 30));
        spawn_signal(&p, signals[i]);
        spawn_signal(&p, SIGCONT);
        spawn_result r = spawn_finish(&p);
        EXPECT_CODE(r, 128 + signals[i]);
    }
    RUN(0, 0, job, output);
    cr_expect(journal_count(output, "crash") == 0);
}
