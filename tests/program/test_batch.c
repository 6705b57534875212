/* For batch systems: shares of a job side by side, the script for Slurm, and what is refused before the start. */
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Six cells of unequal size. */
static const char *shared_job(void)
{
    for (int cell = 0; cell < 6; cell++)
        input_example(scratch_text("s%d.h5", cell), cell < 3 ? 120 : 60 + 20 * cell,
                      90 + (uint64_t)cell);
    return job_new("job", "grid: {seed: {from: 0, to: 5}}\n"
                          "input: {file: 's{seed}.h5', layers: [a, b], labels: [y]}\n"
                          "measures:\n"
                          "  - imbalance: {k: [1, 5]}\n"
                          "  - imbalance: {target: y}\n");
}

/* Of a share's journals: that of its rank 0 and those of other leaders. */
static int tasks_of(const char *output, const char *share)
{
    enum { LEADERS = 3 };
    int count = 0;
    for (int leader = 0; leader < LEADERS; leader++) {
        const char *number = leader ? scratch_text("-%d", leader) : "";
        const char *text =
            file_read(scratch_text("%s/journal%s%s.jsonl", output, share, number), NULL);
        count += text ? count_text(text, "{\"kind\":\"task\"") : 0;
    }
    return count;
}

/* ---- shards ------------------------------------------------------------------------------------ */

Test(batch, shards_are_put_together, .timeout = 100)
{
    const char *job = shared_job(), *output = scratch_path("out"), *whole = scratch_path("whole");
    RUN(0, 0, job, whole);
    RUN(0, 2, job, output, "--shard", "2/3");
    cr_expect(!file_exists(scratch_text("%s/results.csv", output)), "a share has results");
    cr_expect(!file_exists(scratch_text("%s/journal.jsonl", output)));
    RUN(0, 0, job, output, "--shard", "0/3");
    spawn_result r = RUN(0, 3, job, output, "--shard", "1/3");
    EXPECT_SAYS(r, "shard 1 of 3: `infostrata collect` makes the results of all");
    int sum = 0;
    for (int i = 0; i < 3; i++) {
        int tasks = tasks_of(output, scratch_text("-%d-of-3", i));
        cr_expect(tasks > 4, "share %d has %d tasks", i, tasks);
        sum += tasks;
    }
    cr_expect(sum == tasks_of(whole, ""), "%d tasks", sum);
    spawn_result status = PROGRAM(0, "status", output);
    EXPECT_SAYS(status,
                scratch_text("together: %d of %d tasks done, 0 failed; 0 of 3 running", sum, sum));
    spawn_result collect = PROGRAM(0, "collect", job, "--output", output);
    EXPECT_CODE(collect, 0);
    expect_same_results(output, whole, "three shares");
    /* The whole job knows what shares have done, and a share of another cut, too. */
    r = RUN(0, 0, job, output, "--shard", "0/2");
    EXPECT_SAYS(r, "are done already");
    r = RUN(0, 0, job, output);
    EXPECT_SAYS(r, scratch_text("all %d tasks are done already", sum));
    expect_same_results(output, whole, "the whole after its shares");
}

Test(batch, shards_that_are_none, .timeout = 30)
{
    const char *job = shared_job();
    const char *const wrong[] = {"3/3", "-1/3", "1", "/3", "1/", "a/3", "1/0", "1/3/4"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        spawn_result r =
            PROGRAM(0, "run", job, "--output", scratch_path("out"), "--shard", wrong[i]);
        EXPECT_CODE(r, 2);
        EXPECT_SAYS(r, "--shard takes I/N with I from 0 to N-1");
    }
}

/* ---- the script -------------------------------------------------------------------------------- */

static spawn_result shell(const char *text)
{
    const spawn_options options = {.deadline = 30, .dir = scratch_dir()};
    return spawn_run(&options, (const char *[]){"/bin/bash", "-c", text, NULL});
}

Test(batch, script_has_what_the_plan_says, .timeout = 60)
{
    const char *job = shared_job();
    spawn_result r = PROGRAM(0, "sbatch", job, "--ranks", "4", "--nodes", "2", "--output", "out");
    EXPECT_CODE(r, 0);
    cr_expect(strncmp(r.out, "#!/bin/bash\n#SBATCH ", 20) == 0, "%s", r.out);
    const char *const lines[] = {"\n#SBATCH --nodes=2\n#SBATCH --ntasks=4\n",
                                 "\n#SBATCH --mem-per-cpu=150M\n",
                                 "\n#SBATCH --time=0-00:10:00\n",
                                 "\n#SBATCH --signal=B:USR1@150\n",
                                 "\n#SBATCH --requeue\n#SBATCH --open-mode=append\n",
                                 "\ntrap 'told=yes; kill -USR1 \"$pid\"' USR1\n",
                                 "scontrol requeue \"$SLURM_JOB_ID\"",
                                 "\nexit \"$rc\"\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        EXPECT_SAYS(r, lines[i]);
    r = PROGRAM(0, "sbatch", job, "--time", "0.1", "--array", "5", "--no-requeue");
    EXPECT_CODE(r, 0);
    EXPECT_SAYS(r,
                "\n#SBATCH --time=0-00:06:00\n#SBATCH --signal=B:USR1@90\n#SBATCH --array=0-4\n");
    EXPECT_SAYS(r, "\n#SBATCH --no-requeue\n");
    EXPECT_SAYS(r, "\nexec mpirun \"$program\" run \"$manifest\" --output \"$folder\" "
                   "--shard \"$SLURM_ARRAY_TASK_ID/5\"\n");
    r = PROGRAM(0, "sbatch", job, "--ranks", "2", "--nodes", "3");
    EXPECT_CODE(r, 2);
    EXPECT_SAYS(r, "3 nodes for 2 ranks");
}

/* Whatever a folder is called, the shell takes its name for what it is. */
Test(batch, script_with_hostile_names, .timeout = 60)
{
    const char *folder = scratch_path("it's $(touch hit) `touch hit` \"; touch hit #\\");
    cr_assert(mkdir(folder, 0777) == 0);
    const char *job = scratch_text("%s/a b.yaml", folder);
    input_example("f.h5", 60, 7);
    file_write_text(job,
                    "version: 1\ninput: {file: ../f.h5, layers: [a, b]}\nmeasures: [imbalance]\n");
    spawn_result r = PROGRAM(0, "sbatch", job, "--no-requeue");
    EXPECT_CODE(r, 0);
    const char *script = scratch_path("script.sh");
    file_write_text(script, r.out);
    spawn_result run =
        shell("mpirun() { shift 1; \"$IST\" \"$@\"; }; exec() { shift; \"$@\"; }; . ./script.sh");
    EXPECT_CODE(run, 0);
    cr_expect(!file_exists(scratch_path("hit")), "a name was run");
    cr_expect(file_exists(scratch_text("%s/results/a_b/results.csv", folder)), "%s%s", r.out,
              spawn_story(&run));
    job = scratch_text("%s/a\nb.yaml", folder);
    file_write_text(job,
                    "version: 1\ninput: {file: ../f.h5, layers: [a, b]}\nmeasures: [imbalance]\n");
    r = PROGRAM(0, "sbatch", job);
    EXPECT_CODE(r, 2);
    EXPECT_SAYS(r, "control characters");
}

/* ---- F41, F50 ---------------------------------------------------------------------------------- */

static spawn_result run_with(const char *variable, const char *job)
{
    const char *const environment[] = {variable, NULL};
    const spawn_options options = {.deadline = 30, .dir = scratch_dir(), .env = environment};
    return spawn_run(&options, (const char *[]){IST_PROGRAM, "run", job, NULL});
}

Test(batch, F41_more_memory_than_the_allocation, .timeout = 60)
{
    enum { LARGE = 20000 };
    hid_t file = input_new(scratch_path("large.h5"));
    double *values = draw_normals(5, 16 * LARGE);
    input_layer(file, "/layers/a", H5T_IEEE_F32LE, LARGE, 16, values);
    input_layer(file, "/layers/b", H5T_IEEE_F32LE, LARGE, 8, values);
    input_close(file);
    const char *job =
        job_new("job", "input: {file: large.h5, layers: [a, b]}\nmeasures: [imbalance]");
    const char *const variables[][2] = {{"SLURM_MEM_PER_NODE=30", "(SLURM_MEM_PER_NODE)"},
                                        {"SLURM_MEM_PER_CPU=30", "(SLURM_MEM_PER_CPU)"}};
    for (int i = 0; i < 2; i++) {
        spawn_result r = run_with(variables[i][0], job);
        EXPECT_CODE(r, 2);
        EXPECT_SAYS(r, "does not fit: ");
        EXPECT_SAYS(r, variables[i][1]);
    }
}

Test(batch, F50_wrong_launcher, .timeout = 30)
{
    const char *job = shared_job();
    spawn_result r = run_with("SLURM_NTASKS=4", job);
    EXPECT_CODE(r, 2);
    EXPECT_SAYS(r, "started as one rank in a Slurm allocation of 4 tasks");
    EXPECT_SAYS(r, "srun --mpi=pmix");
    r = run_with("SLURM_NTASKS=1", job);
    EXPECT_CODE(r, 0);
}

/* On one host Open MPI is not to look for networks: of the layers that it asks, by name, only one is there. Who has chosen a layer
 * keeps it. */
Test(batch, no_network_on_one_host, .timeout = 60)
{
    const char *job = shared_job();
    const char *const chosen[] = {"OMPI_MCA_pml=nosuch", NULL};
    const char *const verbose[] = {"OMPI_MCA_pml", "OMPI_MCA_pml_base_verbose=10", NULL};
    const spawn_options other = {.deadline = 30, .dir = scratch_dir(), .env = chosen};
    const spawn_options own = {.deadline = 30, .dir = scratch_dir(), .env = verbose};
    const char *const run[] = {IST_PROGRAM, "run", job, NULL};
    for (int ranks = 0; ranks <= 2; ranks += 2) {
        spawn_result r = ranks ? spawn_ranks(ranks, &own, run) : spawn_run(&own, run);
        EXPECT_CODE(r, 0);
        EXPECT_SAYS(r, "initializing pml component ob1");
        cr_expect(!strstr(r.err, "component cm"), "%s", spawn_story(&r));
        r = ranks ? spawn_ranks(ranks, &other, run) : spawn_run(&other, run);
        cr_expect(r.code != 0, "%s", spawn_story(&r));
    }
}
