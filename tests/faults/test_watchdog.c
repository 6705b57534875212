/* F42: a run that gets no further ends with a report of every rank that still can say where it is, and continues. */
#include "../program/support.h"

#include <stdio.h>
#include <string.h>

enum { N = 700 };

static spawn_result run_with(const char *fault, const char *seconds, int ranks, const char *job,
                             const char *output)
{
    const char *env[] = {scratch_text("INFOSTRATA_FAULT=%s", fault), NULL};
    const char *argv[] = {IST_PROGRAM, "run", job, "--output", output, "--watchdog", seconds, NULL};
    const spawn_options options = {.deadline = 45, .env = env, .dir = scratch_dir()};
    return ranks ? spawn_ranks(ranks, &options, argv) : spawn_run(&options, argv);
}

/* Ranks 0 and 2 wait for rank 1, which is stopped within a pass. */
Test(watchdog, F42_one_rank_stands_still, .timeout = 90)
{
    input_example("x.h5", N, 1);
    const char *job = job_new("x", "input: {file: x.h5, layers: [a, b]}\nmeasures: [imbalance]\n");
    const char *output = scratch_path("out"), *expected = scratch_path("expected");
    RUN(0, 0, job, expected);
    spawn_result r = run_with("tile:2:stop@1", "2", 3, job, output);
    EXPECT_CODE(r, 3);
    cr_expect(r.left == 0 && r.seconds < 30, "%s", spawn_story(&r));
    const char *log = file_read(scratch_text("%s/run.log", output), NULL);
    /* mpirun wakes rank 1 to end it: a second later it may have a line of its own. */
    const char *late = strstr(log, "watchdog: rank 1 ");
    for (int rank = 0; rank <= 2; rank += 2) {
        const char *line = strstr(log, scratch_text("watchdog: rank %d of 3 ", rank));
        cr_assert(line && (!late || line < late), "%s", log);
        const char *text = scratch_text("%.*s", (int)strcspn(line, "\n"), line);
        cr_expect(strstr(text, "gets no further") && strstr(text, "at neighbours in ") &&
                      strstr(text, "it waits for other ranks in ") && strstr(text, " tiles and "),
                  "%s", text);
        EXPECT_SAYS(r, text);
    }
    spawn_result status = PROGRAM(0, "status", output);
    EXPECT_SAYS(status, "could not go on: see run.log");
    RUN(0, 0, job, output);
    expect_same_results(output, expected, "after the watchdog");
}

/* Rank 0 has done its share and waits for the other group. */
Test(watchdog, F42_another_group_stands_still, .timeout = 90)
{
    for (int cell = 0; cell < 4; cell++)
        input_example(scratch_text("c%d.h5", cell), N, (uint64_t)cell);
    const char *job = job_new("cells", "grid: {c: [0, 1, 2, 3]}\n"
                                       "input: {file: 'c{c}.h5', layers: [a, b]}\n"
                                       "measures: [imbalance]\n");
    spawn_result r = run_with("step:2:stop@1", "0.5", 2, job, scratch_path("out"));
    EXPECT_CODE(r, 3);
    EXPECT_SAYS(r, "watchdog: rank 0 of 2 ");
    EXPECT_SAYS(r, "it waits for other groups");
}

/* A second of nothing is no hang where two are allowed, nor where nobody watches. */
Test(watchdog, F42_it_waits_as_long_as_it_is_told, .timeout = 60)
{
    input_example("x.h5", N, 1);
    const char *job = job_new("x", "input: {file: x.h5, layers: [a]}\nmeasures: [dimension]\n");
    spawn_result r = run_with("step:1:sleep", "2.5", 0, job, scratch_path("long"));
    EXPECT_CODE(r, 0);
    r = run_with("step:1:sleep", "0", 0, job, scratch_path("never"));
    EXPECT_CODE(r, 0);
    r = run_with("step:1:sleep", "-1", 0, job, scratch_path("wrong"));
    EXPECT_CODE(r, 2);
    EXPECT_SAYS(r, "--watchdog takes a number of seconds, or 0, not '-1'");
    r = run_with("step:1:sleep", "0.3", 0, job, scratch_path("short"));
    EXPECT_CODE(r, 3);
    EXPECT_SAYS(r, "it computes or reads");
}
