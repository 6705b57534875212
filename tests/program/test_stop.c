/* F06 to F08: a run that is told to stop ends with 75 and loses nothing; the same command continues it. */
#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CELLS = 10, N = 3000 };

/* Ten cells, in turn: each finishes tasks of its own. The slow kernel makes each pass last, the others' results are the same. */
static const char *slow_job(void)
{
    for (int cell = 0; cell < CELLS; cell++)
        input_example(scratch_text("s%d.h5", cell), N, 70 + (uint64_t)cell);
    return job_new("job", scratch_text("grid: {seed: {from: 0, to: %d}}\n"
                                       "input: {file: 's{seed}.h5', layers: [a, b], labels: [y]}\n"
                                       "measures:\n  - imbalance: {k: [1, 5]}\n",
                                       CELLS - 1));
}

#define SLOW "--kernel", "reference"

#define START(ranks, ...) program_start((ranks), 60, (const char *const[]){__VA_ARGS__, NULL})

typedef struct {
    const char *output;
    int tasks;
} growth;

static bool has_grown(void *data)
{
    const growth *g = data;
    return journal_count(g->output, "task") > g->tasks;
}

/* Waits until the run has finished a task of its own. */
static void wait_for_a_task(spawn_process *p, const char *output)
{
    growth g = {output, journal_count(output, "task")};
    if (!spawn_wait_until(p, has_grown, &g, 40)) {
        spawn_result r = spawn_finish(p);
        cr_assert(false, "no task was finished\n%s", spawn_story(&r));
    }
}

static const char *log_of(const char *output)
{
    const char *text = file_read(scratch_text("%s/run.log", output), NULL);
    cr_assert(text, "no run.log");
    return text;
}

static void expect_stopped(spawn_process *p, const char *output, int code, const char *why)
{
    spawn_result r = spawn_finish(p);
    EXPECT_CODE(r, code);
    cr_assert(r.left == 0, "%d processes are left\n%s", r.left, spawn_story(&r));
    cr_assert(strstr(log_of(output), scratch_text("stopped by %s ", why)),
              "the log does not say '%s'\n%s\n%s", why, log_of(output), spawn_story(&r));
}

/* ---- F06 --------------------------------------------------------------------------------------- */

static void stop_by_usr1_to_all(const char *job, const char *output)
{
    spawn_process p = START(3, "run", job, "--output", output, SLOW);
    wait_for_a_task(&p, output);
    spawn_signal(&p, SIGUSR1);
    expect_stopped(&p, output, 75, "SIGUSR1");
}

static void stop_by_usr1_to_one_rank(const char *job, const char *output)
{
    spawn_process p = START(3, "run", job, "--output", output, SLOW);
    wait_for_a_task(&p, output);
    cr_assert(spawn_signal_rank(&p, 2, SIGUSR1));
    expect_stopped(&p, output, 75, "SIGUSR1");
}

static void stop_by_wish(const char *job, const char *output)
{
    spawn_process p = START(2, "run", job, "--output", output, SLOW);
    wait_for_a_task(&p, output);
    spawn_result status = PROGRAM(0, "status", output);
    EXPECT_CODE(status, 0);
    EXPECT_SAYS(status, "job 'job': running\n");
    EXPECT_SAYS(status, "2 rank(s)");
    spawn_result wish = PROGRAM(0, "stop", job, "--output", output);
    EXPECT_CODE(wish, 0);
    expect_stopped(&p, output, 75, "infostrata stop");
    status = PROGRAM(0, "status", output);
    EXPECT_SAYS(status, "stopped by infostrata stop; the same command");
    wish = PROGRAM(0, "stop", output);
    EXPECT_CODE(wish, 2);
    EXPECT_SAYS(wish, "nothing to stop");
}

/* Each of five runs closes its log with it. */
static void expect_closing_table(const char *log)
{
    const char *const phases[] = {"reading", "neighbours", "counts",  "slices",
                                  "tasks",   "waiting",    "all work"};
    cr_expect(count_text(log, "time of the ranks in seconds") == 5, "%s", log);
    for (size_t p = 0; p < sizeof phases / sizeof phases[0]; p++)
        cr_expect(count_text(log, scratch_text("   %s ", phases[p])) == 5, "%s", phases[p]);
    cr_expect(count_text(log, " core-hours used, about ") == 5);
    cr_expect(count_text(log, " core-hours used, about 0.000 left") >= 1);
}

Test(stop, F06_usr1_stop_file_and_time_limit, .timeout = 150)
{
    const char *job = slow_job(), *output = scratch_path("out"), *whole = scratch_path("whole");
    RUN(0, 0, job, whole);
    stop_by_usr1_to_all(job, output);
    stop_by_usr1_to_one_rank(job, output);
    stop_by_wish(job, output);
    spawn_result r = RUN(75, 0, job, output, "--max-hours", "0.0001", SLOW);
    EXPECT_SAYS(r, "stopped by --max-hours");
    int tasks = journal_count(output, "task");
    cr_expect(tasks >= 3 && tasks < 4 * CELLS, "%d tasks", tasks);
    RUN(0, 2, job, output);
    expect_closing_table(log_of(output));
    expect_same_results(output, whole, "after four stops");
    cr_expect(journal_count(output, "task") == 4 * CELLS, "a task was done twice");
    spawn_result status = PROGRAM(0, "status", job, "--output", output);
    EXPECT_SAYS(status,
                scratch_text("finished\n  tasks: %d of %d done, 0 failed", 4 * CELLS, 4 * CELLS));
}

/* A line that is written over while a pass is at work, and none of it in run.log. */
Test(stop, progress_on_a_terminal, .timeout = 60)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) != 0)
        cr_skip_test("the system gives no pseudo-terminal");
    close(terminal);
    const char *job = slow_job();
    const char *command = scratch_text(
        "%s run %s --output out --kernel reference --max-hours 0.0006", IST_PROGRAM, job);
    const spawn_options options = {.deadline = 50, .dir = scratch_dir()};
    spawn_result r =
        spawn_run(&options, (const char *[]){"script", "-qec", command, "/dev/null", NULL});
    EXPECT_CODE(r, 75);
    EXPECT_SAYS(r, "\r\033[K");
    EXPECT_SAYS(r, " tasks done; ");
    EXPECT_SAYS(r, " pairs/s; ");
    cr_expect(!strstr(log_of(scratch_path("out")), "\033"));
}

Test(stop, hours_must_be_positive, .timeout = 30)
{
    const char *job =
        job_new("job", "input: {file: f.h5, layers: [a, b]}\nmeasures: [imbalance]\n");
    spawn_result r = PROGRAM(0, "run", job, "--max-hours", "0");
    EXPECT_CODE(r, 2);
    EXPECT_SAYS(r, "--max-hours takes a positive number of hours, not '0'");
    spawn_result status = PROGRAM(0, "status", scratch_dir());
    EXPECT_CODE(status, 2);
}

/* ---- F07, F08 ---------------------------------------------------------------------------------- */

Test(stop, F07_terminate, .timeout = 150)
{
    const char *job = slow_job(), *output = scratch_path("out"), *whole = scratch_path("whole");
    RUN(0, 0, job, whole);
    spawn_process p = START(0, "run", job, "--output", output, SLOW);
    wait_for_a_task(&p, output);
    spawn_signal(&p, SIGTERM);
    expect_stopped(&p, output, 75, "SIGTERM");
    /* mpirun kills after a second and returns 1: whatever came of it, nothing is lost that was finished. */
    p = START(2, "run", job, "--output", output, SLOW);
    wait_for_a_task(&p, output);
    int tasks = journal_count(output, "task");
    spawn_signal(&p, SIGTERM);
    spawn_result r = spawn_finish(&p);
    EXPECT_CODE(r, 1);
    cr_expect(journal_count(output, "task") >= tasks);
    RUN(0, 3, job, output);
    expect_same_results(output, whole, "after SIGTERM");
}

Test(stop, F08_signals_together, .timeout = 150)
{
    const char *job = slow_job(), *output = scratch_path("out"), *whole = scratch_path("whole");
    RUN(0, 0, job, whole);
    spawn_process p = START(3, "run", job, "--output", output, SLOW);
    wait_for_a_task(&p, output);
    for (int rank = 0; rank < 3; rank++) {
        const int signals[] = {SIGCONT, SIGUSR1, SIGINT, SIGTERM, SIGUSR1, SIGINT};
        for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
            cr_assert(spawn_signal_rank(&p, rank, signals[(i + (size_t)rank) % 6]));
    }
    expect_stopped(&p, output, 75, "SIGTERM");
    RUN(0, 2, job, output);
    expect_same_results(output, whole, "after signals together");
}

/* One rank is held, so that the others can agree on nothing. */
Test(stop, F08_a_second_interrupt_ends_at_once, .timeout = 90)
{
    const char *job = slow_job(), *output = scratch_path("out");
    spawn_process p = START(3, "run", job, "--output", output, SLOW);
    wait_for_a_task(&p, output);
    cr_assert(spawn_signal_rank(&p, 1, SIGSTOP));
    cr_assert(spawn_signal_rank(&p, 0, SIGINT));
    usleep(2200000);
    cr_assert(spawn_alive(&p));
    cr_assert(spawn_signal_rank(&p, 0, SIGINT));
    spawn_result r = spawn_finish(&p);
    EXPECT_CODE(r, 128 + SIGINT);
    spawn_result status = PROGRAM(0, "status", output);
    EXPECT_SAYS(status, "ended without a word (killed?)");
}
