/* Steps of matrices that are stopped and killed: what was finished is kept, the rest is found by whatever ranks come next. */
#include "../program/support.h"

static spawn_result with_fault(int ranks, const char *fault, const char *job, const char *output,
                               const char *kernel)
{
    const char *env[] = {scratch_text("INFOSTRATA_FAULT=%s", fault), NULL};
    const char *argv[] = {IST_PROGRAM, "run",  job,
                          "--output",  output, "--kernel",
                          kernel,      "-q",   "--checkpoint-minutes",
                          "0.0002",    NULL};
    const spawn_options options = {.deadline = 40, .dir = scratch_dir(), .env = env};
    return ranks > 0 ? spawn_ranks(ranks, &options, argv) : spawn_run(&options, argv);
}

Test(matrices, stopped_and_killed_between_tasks, .timeout = 120)
{
    enum { CELLS = 3, TASKS = CELLS * (2 + 2 + 2 + 2), TOUCHED = CELLS * (2 * 2 + 2 + 2) };
    for (int cell = 0; cell < CELLS; cell++)
        input_example(scratch_text("x%d.h5", cell), 150, 3 + (uint64_t)cell);
    const char *job = job_new("x", "grid: {s: [0, 1, 2]}\n"
                                   "input: {file: 'x{s}.h5', layers: [a, b]}\n"
                                   "measures:\n"
                                   "  - renyi: {alpha: [1.01, 1.5], pairs: [[a, b]]}\n"
                                   "  - logdet: {pairs: [[a, b]], mode: [covariance, "
                                   "correlation]}\n"
                                   "  - cka: {pairs: [[a, b]], debiased: [false, true]}\n"
                                   "  - imbalance: {}\n");
    const char *right = scratch_path("right"), *output = scratch_path("out");
    RUN(0, 0, job, right);
    cr_expect(journal_count(right, "task") == TASKS);
    /* Asleep, so that the ranks have agreed before the small tasks are over. */
    spawn_result r = with_fault(2, "task:2:usr1,task:3:sleep", job, output, "reference");
    EXPECT_CODE(r, 75);
    const int first = journal_count(output, "task");
    cr_expect(first >= 2 && first + 3 < TASKS, "%d tasks", first);
    with_fault(0, "task:3:kill9", job, output, "reference");
    const int second = journal_count(output, "task");
    cr_expect(second > first && second < TASKS, "%d tasks, then %d", first, second);
    RUN(0, 3, job, output);
    cr_expect(journal_count(output, "task") == TASKS, "a task was computed twice");
    cr_expect(expect_near_results(output, right, "stopped, killed, continued") == TOUCHED);
}

/* Sums without a matrix are a pass like any other: it is left in its middle, and taken up there. */
Test(matrices, stopped_within_sums_of_kernels, .timeout = 120)
{
    enum { N = 1600 };
    input_example("x.h5", N, 4);
    const char *job = job_new("x", "input: {file: x.h5, layers: [a, b]}\n"
                                   "measures:\n  - renyi: {pairs: [[a, b]], alpha: 2, "
                                   "bandwidth: 2}\n");
    const char *right = scratch_path("right"), *output = scratch_path("out");
    RUN(0, 0, job, right);
    spawn_result r = with_fault(0, "tile:6:usr1", job, output, "reference");
    EXPECT_CODE(r, 75);
    cr_expect(journal_count(output, "task") == 0);
    RUN(0, 2, job, output);
    const char *log = file_read(scratch_text("%s/run.log", output), NULL);
    cr_expect(log && count_text(log, "' goes on at ") == 1);
    expect_same_results(output, right, "stopped within a pass");
}
