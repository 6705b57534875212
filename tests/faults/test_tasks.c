/* Tasks that fail: F19 (an input that changes while it is read), F20 (NaN), --fail-fast and --retry-failed. */
#include "../program/support.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { N = 200 };

static bool stands_still(void *process)
{
    const spawn_process *p = process;
    const char *stat = file_read(scratch_text("/proc/%d/stat", (int)p->pid), NULL);
    const char *state = stat ? strrchr(stat, ')') : NULL;
    return state && state[2] == 'T';
}

Test(tasks, F19_an_input_changes_while_it_is_read, .timeout = 90)
{
    const char *path = input_example("x.h5", N, 1), *output = scratch_path("out");
    const char *job = job_new("x", "input: {file: x.h5, layers: [a, b]}\nmeasures: [imbalance]\n");
    const char *env[] = {"INFOSTRATA_FAULT=layer.read:1:stop", NULL};
    const char *argv[] = {IST_PROGRAM, "run", job, "--output", output, NULL};
    spawn_process p = spawn_start(&(spawn_options){.deadline = 45, .env = env}, argv);
    cr_assert(spawn_wait_until(&p, stands_still, &p, 30));
    const struct timespec later[2] = {{2000000000, 0}, {2000000000, 0}};
    cr_assert(utimensat(AT_FDCWD, path, later, 0) == 0);
    spawn_signal(&p, SIGCONT);
    spawn_result r = spawn_finish(&p);
    EXPECT_CODE(r, 4);
    EXPECT_SAYS(r, "changed while it was read");
    table t = results_of(output);
    cr_expect(table_count(&t, WHERE("status=failed")) == 2);
    /* The next run reads it again. */
    RUN(0, 2, job, output);
    t = results_of(output);
    cr_expect(table_count(&t, WHERE("status=ok")) == 2);
}

/* Cells 0 and 2 have a NaN. */
static const char *write_cells(void)
{
    for (int cell = 0; cell < 4; cell++) {
        const char *path = input_example(scratch_text("c%d.h5", cell), N, (uint64_t)cell);
        if (cell % 2 == 0)
            input_change(path, "/layers/a", 17, NAN);
    }
    return job_new("cells", "grid: {c: [0, 1, 2, 3]}\n"
                            "input: {file: 'c{c}.h5', layers: [a], labels: [y]}\n"
                            "measures:\n  - imbalance: {target: y}\n");
}

Test(tasks, F20_the_sweep_goes_on, .timeout = 60)
{
    const char *job = write_cells(), *output = scratch_path("out");
    RUN(4, 2, job, output);
    table t = results_of(output);
    cr_expect(table_count(&t, WHERE("status=failed")) == 2 &&
              table_count(&t, WHERE("status=ok")) == 2);
}

Test(tasks, fail_fast, .timeout = 120)
{
    const char *job = write_cells(), *output = scratch_path("out"),
               *expected = scratch_path("expected");
    RUN(4, 2, job, expected);
    spawn_result r = RUN(4, 0, job, output, "--fail-fast");
    EXPECT_SAYS(r, "the first failed task ends the run (--fail-fast): ");
    EXPECT_SAYS(r, "NaN");
    table t = results_of(output);
    cr_expect(table_count(&t, WHERE("status=failed")) == 1 && t.rows < 4, "%zu rows", t.rows);
    RUN(4, 3, job, output, "--fail-fast");
    RUN(4, 2, job, output);
    expect_same_results(output, expected, "after --fail-fast");
}

Test(tasks, retry_failed, .timeout = 120)
{
    const char *job = write_cells(), *output = scratch_path("out");
    RUN(4, 2, job, output);
    int tasks = journal_count(output, "task");
    RUN(4, 2, job, output);
    cr_expect(journal_count(output, "task") == tasks, "failed tasks were tried again");
    RUN(4, 2, job, output, "--retry-failed");
    cr_expect(journal_count(output, "task") == tasks + 2);
    table t = results_of(output);
    cr_expect(t.rows == 4 && table_count(&t, WHERE("status=failed")) == 2);
}
