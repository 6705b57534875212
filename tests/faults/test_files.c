/* F10 to F12: each write, fsync, close and rename of the journal, the views and the checkpoints fails once, in turn. What must be written
 * ends the run with code 3 and the path; what need not be written is a line of the log. The same command continues. */
#include "../program/support.h"

#include <stdio.h>
#include <string.h>

enum { N = 700 };

static const char *write_job(void)
{
    input_example("small.h5", N, 5);
    return job_new("small", "input: {file: small.h5, layers: [a, b], labels: [y]}\n"
                            "measures:\n  - imbalance: {k: [1, 3]}\n  - imbalance: {target: y}\n");
}

static spawn_result run_with(const char *fault, const char *minutes, const char *job,
                             const char *output)
{
    const char *env[] = {scratch_text("INFOSTRATA_FAULT=%s", fault), NULL};
    const char *argv[] = {IST_PROGRAM, "run", job, "--output", output, "--checkpoint-minutes",
                          minutes,     NULL};
    return spawn_run(&(spawn_options){.deadline = 45, .env = env, .dir = scratch_dir()}, argv);
}

/* Whether the fault ended the run; either way the results are right in the end. */
static bool fail_once(const char *point, int nth, const char *job, const char *expected)
{
    const char *fault = scratch_text("%s:%d:%s", point, nth, nth % 2 ? "enospc" : "eio");
    const char *output = scratch_path("%s-%d", point, nth);
    spawn_result r = run_with(fault, "0", job, output);
    cr_assert(r.code == 0 || r.code == 3, "%s\n%s", fault, spawn_story(&r));
    if (r.code == 3) {
        const char *reason = nth % 2 ? "No space left on device" : "Input/output error";
        cr_expect(strstr(r.err, reason) && strstr(r.err, output), "%s", spawn_story(&r));
        RUN(0, 0, job, output);
    }
    expect_same_results(output, expected, fault);
    return r.code == 3;
}

/* Returns how many of the times ended the run. */
static int fail_in_turn(const char *point, int times, const char *job, const char *expected)
{
    int ended = 0;
    for (int nth = 1; nth <= times; nth++)
        ended += fail_once(point, nth, job, expected);
    return ended;
}

static void expect_to_end(const char *const points[], int times)
{
    const char *job = write_job(), *expected = scratch_path("expected");
    RUN(0, 0, job, expected);
    for (; *points; points++)
        cr_expect(fail_in_turn(*points, times, job, expected) > 0, "%s ended no run", *points);
}

Test(files, F10_F11_F12_journal, .timeout = 240)
{
    expect_to_end((const char *const[]){"journal.write", NULL}, 12);
    expect_to_end((const char *const[]){"journal.sync", "journal.close", NULL}, 2);
}

Test(files, F10_F11_F12_views, .timeout = 240)
{
    expect_to_end((const char *const[]){"view.create", "view.write", "view.sync", "view.close",
                                        "view.rename", "view.folder", NULL},
                  9);
}

/* No checkpoint is no reason to end a run: it says so and goes on, every time or once. */
Test(files, F10_F11_F12_checkpoints, .timeout = 240)
{
    static const char *const points[] = {"checkpoint.create", "checkpoint.write", "checkpoint.sync",
                                         "checkpoint.close"};
    const char *job = write_job(), *expected = scratch_path("expected");
    RUN(0, 0, job, expected);
    for (size_t p = 0; p < sizeof points / sizeof *points; p++)
        for (int nth = 1; nth <= 4; nth++) {
            const char *output = scratch_path("%s-%d", points[p], nth);
            const char *fault = scratch_text("%s:%d%s:enospc", points[p], nth, nth == 1 ? "+" : "");
            spawn_result r = run_with(fault, "0.00001", job, output);
            EXPECT_CODE(r, 0);
            EXPECT_SAYS(r, "the run goes on without: cannot write");
            EXPECT_SAYS(r, "bytes needed");
            expect_same_results(output, expected, fault);
        }
}

/* What was to be on disk at a stop and is not, is told: the code of a stop would say that nothing finished is lost. */
Test(files, F12_journal_at_a_stop, .timeout = 60)
{
    const char *job = write_job(), *output = scratch_path("out"), *expected = scratch_path("whole");
    RUN(0, 0, job, expected);
    spawn_result r = run_with("task:2:usr1,journal.sync:1:eio", "0", job, output);
    EXPECT_CODE(r, 3);
    EXPECT_SAYS(r, "cannot force to disk");
    RUN(0, 0, job, output);
    expect_same_results(output, expected, "a sync that failed at a stop");
}

/* A variable with a slip is no fault at all: it must be noticed. */
Test(files, a_fault_that_there_is_not, .timeout = 60)
{
    static const char *const wrong[] = {"tile",           "tile:1",         "tile:0:kill9",
                                        "tile:x:kill9",   "tiles:1:kill9",  "tile:1:kill",
                                        "tile:1:kill9@x", "tile:1:kill9,,", "tile:1:eio,a"};
    const char *job = write_job();
    for (size_t w = 0; w < sizeof wrong / sizeof *wrong; w++) {
        spawn_result r = run_with(wrong[w], "0", job, scratch_path("out"));
        EXPECT_CODE(r, 2);
        EXPECT_SAYS(r, "INFOSTRATA_FAULT is '");
    }
}
