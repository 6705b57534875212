/* The commands: what they say, and that only `run` needs MPI. */
#include "support.h"

#include <string.h>

enum { N = 120 };

/* An environment in which MPI_Init cannot work. */
static const char *const no_mpi[] = {"OPAL_PREFIX=/nowhere", NULL};

static spawn_result without_mpi(const char *const arguments[])
{
    const char *argv[10] = {IST_PROGRAM};
    for (int i = 0; arguments[i]; i++)
        argv[1 + i] = arguments[i];
    return spawn_run(&(spawn_options){.env = no_mpi, .dir = scratch_dir()}, argv);
}
#define WITHOUT_MPI(...) without_mpi((const char *const[]){__VA_ARGS__, NULL})

static const char *new_job(void)
{
    input_example("acts.h5", N, 1);
    return job_new("job", "input: {file: acts.h5, labels: [y]}\n"
                          "measures:\n  - imbalance\n  - imbalance: {target: y, k: 3}\n"
                          "output: out/of/job\n");
}

Test(commands, version_names_its_libraries, .timeout = 60)
{
    const char *const ways[] = {"--version", "-V"};
    for (int i = 0; i < 2; i++) {
        spawn_result r = WITHOUT_MPI(ways[i]);
        EXPECT_CODE(r, 0);
        EXPECT_SAYS(r, "infostrata " IST_VERSION " (");
        EXPECT_SAYS(r, "\nMPI:     Open MPI v");
        EXPECT_SAYS(r, "\nHDF5:    1.");
        EXPECT_SAYS(r, "\nBLAS:    OpenBLAS");
        EXPECT_SAYS(r, "reference");
        cr_expect(!*r.err, "%s", spawn_story(&r));
    }
}

Test(commands, help_everywhere, .timeout = 60)
{
    const char *const commands[] = {"run", "plan", "check", "info", "collect", "measures", "bench"};
    spawn_result all = WITHOUT_MPI("--help");
    EXPECT_CODE(all, 0);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        cr_expect(strstr(all.out, scratch_text("\n  %s ", commands[i])), "%s", all.out);
        const char *const flags[] = {"--help", "--usage", "--version"};
        for (int f = 0; f < 3; f++) {
            spawn_result r = WITHOUT_MPI(commands[i], flags[f]);
            EXPECT_CODE(r, 0);
            EXPECT_SAYS(r, f < 2 ? scratch_text("infostrata %s", commands[i])
                                 : "infostrata " IST_VERSION);
            cr_expect(!*r.err, "%s", spawn_story(&r));
        }
    }
    spawn_result r = WITHOUT_MPI("help");
    cr_expect(r.code == 0 && !text_difference(r.out, all.out));
    r = program(0, (const char *const[]){NULL});
    EXPECT_CODE(r, 2);
    EXPECT_SAYS(r, "Usage: infostrata COMMAND");
}

Test(commands, without_mpi, .timeout = 60)
{
    const char *job = new_job();
    spawn_result r = WITHOUT_MPI("run", job);
    cr_assert(r.code != 0, "this environment does not keep MPI away");
    r = WITHOUT_MPI("check", job);
    EXPECT_CODE(r, 0);
    EXPECT_SAYS(r, "1 cell, 4 tasks, 2 layers and 1 label vector found");
    r = WITHOUT_MPI("plan", job);
    EXPECT_CODE(r, 0);
    EXPECT_SAYS(r, "tasks       4: imbalance 4\n");
    EXPECT_SAYS(r, "acts.h5:/layers/a");
    EXPECT_SAYS(r, "a rank of ");
    r = WITHOUT_MPI("plan", job, "--ranks", "1000");
    EXPECT_CODE(r, 0);
    EXPECT_SAYS(r, "on 1000 ranks\n");
    r = WITHOUT_MPI("measures");
    EXPECT_CODE(r, 0);
    cr_expect(strncmp(r.out, "imbalance\n", 10) == 0, "%s", r.out);
    const char *const parameters[] = {"  k ", "  ties ", "  seed ", "  se "};
    for (int i = 0; i < 4; i++)
        EXPECT_SAYS(r, parameters[i]);
    EXPECT_SAYS(r,
                "  keep           default 0.9        number from 0 to 1 (with method=twonn-fit)\n");
    EXPECT_SAYS(r, "  type           default 1          integer from 1 to 2\n");
    r = WITHOUT_MPI("measures", "--notes");
    EXPECT_CODE(r, 0);
    const char *const notes[] = {"ties\n", "duplicates\n", "parts-too-small\n",
                                 "row-order-unverified\n"};
    for (int i = 0; i < 4; i++)
        EXPECT_SAYS(r, notes[i]);
}

/* As one rank without mpirun; the folder of the manifest's `output` is made, its parents too. */
Test(commands, run_and_collect, .timeout = 60)
{
    const char *job = new_job();
    spawn_result r = PROGRAM(0, "run", job);
    EXPECT_CODE(r, 0);
    EXPECT_SAYS(r, "job 'job' on 1 rank(s)");
    EXPECT_SAYS(r, "4 of 4 tasks done");
    EXPECT_SAYS(r, "out/of/job/results.csv");
    const char *output = scratch_path("out/of/job");
    cr_expect(file_exists(scratch_text("%s/run.log", output)));
    cr_expect(!file_exists(scratch_text("%s/lock", output)), "the lock is still there");
    cr_assert(remove(scratch_text("%s/results.csv", output)) == 0);
    r = WITHOUT_MPI("collect", job);
    EXPECT_CODE(r, 0);
    cr_expect(file_exists(scratch_text("%s/results.csv", output)));
    r = RUN(0, 2, job, scratch_path("quiet"), "--quiet");
    cr_expect(!*r.out && !*r.err, "%s", spawn_story(&r));
    expect_same_results(scratch_path("quiet"), output, "mpirun or not");
}

/* What was filled in reads back as the same job, with nothing left to do. */
Test(commands, resolved_manifest, .timeout = 60)
{
    const char *job = new_job(), *output = scratch_path("out/of/job");
    RUN(0, 2, job, output);
    const char *resolved = scratch_text("%s/manifest.resolved.yaml", output);
    const char *text = file_read(resolved, NULL);
    cr_assert(text && strstr(text, "random") && strstr(text, "parts"), "%s",
              text ? text : "missing");
    spawn_result r = RUN(0, 2, resolved, output);
    EXPECT_SAYS(r, "nothing to compute");
    const char *again = file_read(resolved, NULL);
    cr_expect(!text_difference(again, text), "%s", text_difference(again, text));
}

/* Nothing but what runs print of their own goes to stdout or stderr in a folder that cannot be written. */
Test(commands, output_that_cannot_be_made, .timeout = 60)
{
    const char *job = new_job();
    file_write_text(scratch_path("file"), "in the way\n");
    spawn_result r = RUN(3, 3, job, scratch_path("file"));
    cr_expect(count_text(r.err, "error:") == 1, "%s", spawn_story(&r));
    EXPECT_SAYS(r, "there is a file of this name");
}
