/* The same bytes whatever the ranks, kernels and chunks, and whenever a run is killed and started again. */
#include "support.h"

#include <criterion/parameterized.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* ---- a job of many tasks ----------------------------------------------------------------------- */

/* Cells of width x seed, each with two layers and labels, and a shared file with the input. */
static void write_inputs(int64_t n, int64_t d)
{
    const char *const widths[] = {"4", "8"};
    const double *x = draw_normals(77, n * d);
    int64_t *id = scratch_alloc((size_t)n * sizeof *id);
    for (int64_t i = 0; i < n; i++)
        id[i] = 3 * i;
    hid_t file = input_new(scratch_path("shared.h5"));
    input_layer(file, "/images", H5T_IEEE_F32LE, n, d, x);
    input_integers(file, "/sample_id", n, id);
    input_integers(file, "/clean", n, draw_labels(5, n, 3));
    input_close(file);
    for (int w = 0; w < 2; w++)
        for (int seed = 0; seed < 3; seed++) {
            uint64_t key = (uint64_t)(10 * w + seed);
            double *h = draw_normals(key, n * d);
            for (int64_t i = 0; i < n * d; i++)
                h[i] = h[i] + x[i] > 0 ? h[i] + x[i] : 0;
            file = input_new(scratch_path("acts-w%s-s%d.h5", widths[w], seed));
            input_layer(file, "/layers/h1", H5T_IEEE_F32LE, n, d, h);
            input_layer(file, "/layers/h2", H5T_IEEE_F64LE, n, 2, h + n);
            input_integers(file, "/sample_id", n, id);
            input_integers(file, "/labels/given", n, draw_labels(key, n, 5));
            input_attribute(file, "/", "test_error", 0.1 * (double)key);
            input_close(file);
        }
}

static const char job_text[] =
    "name: many\n"
    "grid: {width: [4, 8], seed: [0, 1, 2]}\n"
    "input:\n"
    "  file: acts-w{width}-s{seed}.h5\n"
    "  layers: {h1: /layers/h1, h2: /layers/h2, input: 'shared.h5:/images'}\n"
    "  labels: {given: /labels/given, clean: 'shared.h5:/clean'}\n"
    "measures:\n"
    "  - imbalance: {pairs: [[h1, h2], [h1, input]], k: [1, 6], se: [parts, rows, none]}\n"
    "  - imbalance: {layers: [h2], against: {seed: others}, ties: index}\n"
    "  - imbalance: {layers: [h1, h2], target: [given, clean], k: [1, 3], se: [parts, rows]}\n"
    "  - imbalance: {pairs: [[h2, input]], against: {width: 8}, where: {seed: [0, 2]}, seed: 9}\n";

/* Per cell 24 + 16 rows; per width 6 of seed pairs; two cells of width 4 against width 8, 2 rows. */
enum { TASKS = 6 * (24 + 16) + 2 * 6 + 2 * 2 };

/* ---- a job of all measures --------------------------------------------------------------------- */

/* Layers of three types, a fifth of the rows zero in two of them and at the same samples; a lattice; labels with
 * classes of one sample and of three. */
static void write_neighbours(int64_t n)
{
    enum { D = 6 };
    double *x = draw_normals(91, n * D), *relu = draw_normals(92, n * D);
    double *lattice = draw_normals(93, n * D);
    int64_t *five = draw_labels(94, n, 5), *rare = scratch_alloc((size_t)n * sizeof *rare);
    uint64_t state = 95;
    for (int64_t i = 0; i < n; i++) {
        bool dead = random_uniform(&state) < 0.2;
        for (int64_t e = D * i; e < D * (i + 1); e++) {
            x[e] += (double)(e == D * i + five[i]);
            relu[e] = dead ? 0 : fmax(0, relu[e] + x[e]);
            x[e] = dead ? 0 : x[e];
            lattice[e] = floor(2 * (lattice[e] + x[e]));
        }
        rare[i] = i < 4 ? -(i + 2) / 3 : five[i];
    }
    hid_t file = input_new(scratch_path("neighbours.h5"));
    input_layer(file, "/layers/relu", H5T_IEEE_F32LE, n, D, relu);
    input_layer(file, "/layers/real", H5T_IEEE_F64LE, n, D, x);
    input_layer(file, "/layers/lattice", H5T_STD_I8LE, n, 2, lattice);
    input_integers(file, "/labels/five", n, five);
    input_integers(file, "/labels/rare", n, rare);
    input_close(file);
}

static const char neighbours_input[] = "input: {file: neighbours.h5, layers: [relu, real, "
                                       "lattice], labels: [five, rare]}\nmeasures:\n";
static const char *const neighbours_entries[] = {
    "imbalance: {pairs: [[relu, real]], k: [1, 7], metric: [cosine, manhattan]}",
    "imbalance: {target: five, metric: chebyshev, scale: zscore, se: rows}",
    "imbalance: {pairs: [[relu, lattice]], k: [1, 9], anchors: [50, 200], ties: [random, index]}",
    "imbalance: {layers: [real], target: five, metric: manhattan, anchors: 20}",
    "mi-ross: {target: [five, rare], k: [1, 3]}",
    "mi-ross: {layers: [real, lattice], target: rare, metric: [cosine, chebyshev]}",
    "mi-ksg: {type: [1, 2], scale: zscore}",
    "mi-ksg: {pairs: [[relu, lattice]], type: [1, 2], metric: [chebyshev, cosine], scale: "
    "none}",
    "mi-mixed: {pairs: [[real, lattice]], form: [code, paper]}",
    "mi-mixed: {target: five, form: [code, paper]}",
    "entropy-kl: {metric: [euclidean, chebyshev], scale: [none, rms]}",
    "dimension: {layers: [relu, real], method: [twonn, twonn-fit, gride, mle]}",
    "overlap: {k: 10}",
    "overlap: {target: [five, rare], k: [1, 10]}",
    "overlap: {layers: [relu], target: five, class_fraction: 0.01, ties: index, metric: "
    "cosine}",
    "mi-ross: {target: five, se: none, null: {permutations: 9}}",
    "mi-mixed: {layers: [relu], target: five, se: none, null: {permutations: 9}}",
    "overlap: {target: five, k: 10, null: {permutations: 9, within: rare}}",
    "imbalance: {layers: [relu], target: five, k: 3, null: {permutations: 9}}",
    "imbalance: {pairs: [[relu, lattice]], k: [1, 3], null: {permutations: 3, within: five}}",
    "imbalance: {pairs: [[relu, lattice]], ties: index, null: {permutations: 3}}",
    "mi-ksg: {pairs: [[lattice, relu]], type: [1, 2], se: none, null: {permutations: 3}}",
    "mi-mixed: {pairs: [[relu, real]], se: none, null: {permutations: 3, within: rare}}",
    "mi-sliced: {layers: [real], target: [five, rare], estimator: [ross, kl-difference], slices: "
    "9}",
    "mi-sliced: {pairs: [[relu, lattice]], estimator: [ksg1, ksg2], slices: 7, null: "
    "{permutations: 2}}",
    "mi-sliced: {layers: [relu], target: rare, slices: [1, 5], projection_dim: 2}",
    "mi-sliced: {pairs: [[relu, real]], estimator: [ksg1, ksg2], slices: 4, projection_dim: 3}",
    "mi-sliced: {layers: [relu], target: five, slices: 6, null: {permutations: 5, within: rare}}",
};
enum { NEIGHBOUR_ENTRIES = sizeof neighbours_entries / sizeof *neighbours_entries };

/* In the order of the entries. */
enum {
    NEIGHBOUR_TASKS = 8 + 3 + 16 + 1 + 12 + 4 + 6 + 4 + 2 + 6 + 12 + 2 * 7 + 3 + 12 + 1 + 3 + 1 +
                      3 + 1 + 4 + 2 + 2 + 1 + 4 + 2 + 2 + 2 + 1
};

/* ---- undisturbed ------------------------------------------------------------------------------- */

/* With sanitizers a run costs ten times as much: there every second setting. Other tests run what is left out, avx512, by default. */
#ifdef __SANITIZE_ADDRESS__
enum { TOO_SLOW = true, SETTINGS_STEP = 2 };
#else
enum { TOO_SLOW = false, SETTINGS_STEP = 1 };
#endif

Test(identity, ranks_kernels_chunks, .timeout = 100)
{
    write_inputs(700, 9);
    const char *job = job_new("many", job_text), *right = scratch_path("right");
    RUN(0, 1, job, right, "--kernel", "reference");
    table t = results_of(right);
    cr_assert(t.rows == TASKS, "%zu rows", t.rows);
    cr_expect(table_count(&t, WHERE("status=ok")) == t.rows);
    cr_expect(journal_count(right, "task") == TASKS);
    const struct {
        int ranks;
        const char *kernel, *chunk_rows;
    } runs[] = {{0, "reference", "700"}, {2, "avx2", "1"},   {3, "avx512", "100"},
                {4, "avx512", "700"},    {5, "avx2", "300"}, {5, "reference", "97"},
                {2, "avx512", "193"},    {3, "avx2", "1000"}};
    const spawn_result version = PROGRAM(0, "--version");
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        /* Not every processor has every kernel. */
        if (!strstr(version.out, runs[i].kernel))
            continue;
        const char *output = scratch_path("run%zu", i);
        RUN(0, runs[i].ranks, job, output, "--kernel", runs[i].kernel, "--chunk-rows",
            runs[i].chunk_rows);
        expect_same_results(output, right,
                            scratch_text("%d ranks, kernel %s, %s rows a chunk", runs[i].ranks,
                                         runs[i].kernel, runs[i].chunk_rows));
    }
}

static const char *neighbours_right(void)
{
    write_neighbours(1200);
    const char *text = neighbours_input, *right = scratch_path("right");
    for (int i = 0; i < NEIGHBOUR_ENTRIES; i++)
        text = scratch_text("%s  - %s\n", text, neighbours_entries[i]);
    const char *job = job_new("neighbours", text);
    RUN(0, 1, job, right, "--kernel", "reference", "--skipping", "never", "--tree", "never");
    table t = results_of(right);
    cr_assert(t.rows == NEIGHBOUR_TASKS, "%zu rows", t.rows);
    cr_expect(table_count(&t, WHERE("status=ok")) == t.rows);
    cr_expect(journal_count(right, "task") == NEIGHBOUR_TASKS);
    return right;
}

Test(identity, all_measures, .timeout = 100)
{
    const char *right = neighbours_right(), *job = scratch_path("neighbours.yaml");
    const struct {
        int ranks;
        const char *kernel, *chunk_rows, *skipping, *tree;
    } runs[] = {
        {0, "avx512", "1200", "auto", "auto"},  {2, "avx2", "61", "always", "always"},
        {3, "avx512", "100", "never", "never"}, {4, "avx512-skylake", "700", "always", "never"},
        {5, "avx2", "300", "never", "always"},  {5, "reference", "97", "always", "always"}};
    const spawn_result version = PROGRAM(0, "--version");
    for (size_t i = SETTINGS_STEP - 1; i < sizeof runs / sizeof *runs; i += SETTINGS_STEP) {
        if (!strstr(version.out, runs[i].kernel))
            continue;
        const char *output = scratch_path("run%zu", i);
        RUN(0, runs[i].ranks, job, output, "--kernel", runs[i].kernel, "--chunk-rows",
            runs[i].chunk_rows, "--skipping", runs[i].skipping, "--tree", runs[i].tree);
        expect_same_results(
            output, right,
            scratch_text("%d ranks, kernel %s, %s rows a chunk, skipping %s, tree %s",
                         runs[i].ranks, runs[i].kernel, runs[i].chunk_rows, runs[i].skipping,
                         runs[i].tree));
    }
}

/* The rows of the results as text. */
static const char *rows_of(const char *output)
{
    const char *text = file_read(scratch_text("%s/results.csv", output), NULL);
    cr_assert(text && strchr(text, '\n'));
    return strchr(text, '\n') + 1;
}

/* Passes are shared: what a task shares them with must not matter, be it nothing. */
Test(identity, all_measures_one_by_one, .timeout = 100)
{
    const char *right = neighbours_right(), *all = "";
    for (int i = 0; i < NEIGHBOUR_ENTRIES; i++) {
        const char *name = scratch_text("one%d", i), *output = scratch_path("%s", name);
        const char *job = job_new(name, scratch_text("name: neighbours\n%s  - %s\n",
                                                     neighbours_input, neighbours_entries[i]));
        RUN(0, i % 3, job, output);
        const char *rows = rows_of(output);
        all = scratch_text("%s%s", all, rows);
    }
    const char *together = rows_of(right);
    const char *difference = text_difference(all, together);
    cr_assert(!difference, "%s", difference);
}

/* With the least memory that does: thresholds come in batches, beside slots of one threshold. */
Test(identity, batches, .timeout = 100)
{
    write_neighbours(1200);
    const char *job =
        job_new("batches", "input: {file: neighbours.h5, layers: [relu, real, lattice],"
                           " labels: [five]}\n"
                           "measures:\n"
                           "  - imbalance: {layers: [relu, lattice], target: real, k: [3, 120],"
                           " se: none}\n"
                           "  - mi-ross: {layers: [real], target: five, k: [1, 3]}\n"
                           "  - mi-ksg: {pairs: [[relu, real]], type: [1, 2]}\n");
    const char *right = scratch_path("right"), *output = scratch_path("few"), *least = "";
    RUN(0, 2, job, right, "--max-memory", "500");
    spawn_result plan = {.code = 2};
    for (int mib = 5; mib < 60 && plan.code != 0; mib++) {
        least = scratch_text("%d", mib);
        plan = PROGRAM(0, "plan", job, "--output", output, "--max-memory", least);
    }
    EXPECT_CODE(plan, 0);
    EXPECT_SAYS(plan, " batches, because all thresholds do not fit");
    spawn_result r = RUN(0, 2, job, output, "--max-memory", least);
    expect_same_results(output, right, scratch_text("%s MiB", least));
    table all = table_read(scratch_text("%s/timings.csv", right));
    table few = table_read(scratch_text("%s/timings.csv", output));
    cr_expect(few.rows >= all.rows, "%s", spawn_story(&r));
    double pairs[2] = {0};
    for (size_t row = 0; row < all.rows; row++)
        pairs[0] += table_real(&all, row, "pairs");
    for (size_t row = 0; row < few.rows; row++)
        pairs[1] += table_real(&few, row, "pairs");
    cr_expect(pairs[1] > pairs[0], "no pass ran twice: %g pairs", pairs[1]);
}

/* Tiles that a run skipped and thinned, in all its passes. */
static double tiles_left_out(const char *output)
{
    table t = table_read(scratch_text("%s/timings.csv", output));
    double sum = 0;
    for (size_t row = 0; row < t.rows; row++)
        sum += table_real(&t, row, "tiles_skipped") + table_real(&t, row, "tiles_thinned");
    return sum;
}

Test(identity, skipping, .timeout = 100)
{
    write_inputs(1300, 3);
    const char *job = job_new("many", job_text), *right = scratch_path("right");
    RUN(0, 2, job, right, "--skipping", "never", "--tree", "never");
    cr_expect(tiles_left_out(right) == 0);
    for (int ranks = 1; ranks <= 5; ranks++) {
        const char *output = scratch_path("ranks%d", ranks);
        RUN(0, ranks, job, output, "--skipping", "always", "--tree", "never", "--chunk-rows",
            ranks % 2 ? "1000000" : "300");
        expect_same_results(output, right, scratch_text("%d ranks, always", ranks));
        cr_expect(tiles_left_out(output) > 300, "%g tiles at %d ranks", tiles_left_out(output),
                  ranks);
    }
}

/* At a size where the trial of `auto` finds that it pays. */
Test(identity, skipping_where_it_pays, .timeout = 100)
{
    enum { N = 12000 };
    hid_t file = input_new(scratch_path("flat.h5"));
    double *x = draw_normals(3, 3 * N);
    input_layer(file, "/layers/a", H5T_IEEE_F32LE, N, 2, x);
    input_layer(file, "/layers/b", H5T_IEEE_F64LE, N, 3, x);
    input_close(file);
    const char *job = job_new("flat", "input: {file: flat.h5}\nmeasures: [imbalance: {k: 2}]\n");
    const char *right = scratch_path("right"), *output = scratch_path("auto");
    RUN(0, 1, job, right, "--skipping", "never", "--tree", "never");
    RUN(0, 2, job, output, "--skipping", "auto", "--tree", "never");
    expect_same_results(output, right, "auto");
    cr_expect(tiles_left_out(output) > 1000, "%g tiles", tiles_left_out(output));
}

Test(identity, default_options, .timeout = 60)
{
    write_inputs(400, 5);
    const char *job = job_new("many", job_text), *right = scratch_path("right");
    RUN(0, 0, job, right);
    for (int ranks = 1; ranks <= 5; ranks++) {
        const char *output = scratch_path("ranks%d", ranks);
        RUN(0, ranks, job, output);
        expect_same_results(output, right, scratch_text("%d ranks", ranks));
    }
}

/* ---- killed ------------------------------------------------------------------------------------ */

typedef enum { EVERYTHING, ONE_RANK, LAUNCHER } victim;

/* A parameter is copied to the test's process as bytes: no pointers in it. */
typedef struct {
    victim victim;
    int ranks, ranks_again;
    double
        part; /* of the tasks that are in the journal at the kill; below 0: nothing is there yet */
} kill_case;

ParameterizedTestParameters(identity, killed)
{
    static const kill_case all[] = {
        {EVERYTHING, 3, 2, -1},  {EVERYTHING, 2, 3, 0.01}, {EVERYTHING, 1, 2, 0.3},
        {EVERYTHING, 3, 3, 0.8}, {EVERYTHING, 0, 1, 0.5},  {ONE_RANK, 3, 2, 0.6},
        {LAUNCHER, 2, 4, 0.45},
    };
    enum { COUNT = sizeof all / sizeof *all };
    kill_case *cases = cr_malloc(sizeof all);
    memcpy(cases, all, sizeof all);
    return cr_make_param_array(kill_case, cases, COUNT);
}

typedef struct {
    const char *output;
    int tasks;
} progress;

static bool has_got_far(void *argument)
{
    const progress *p = argument;
    return journal_count(p->output, "task") >= p->tasks;
}

/* Starts the job and kills it; how many tasks were in its journal by then. -1: it ended before. */
static int start_and_kill(const kill_case *c, int tasks, const char *job, const char *output)
{
    const char *const argv[] = {IST_PROGRAM, "run",      job,         "--output",
                                output,      "--kernel", "reference", NULL};
    const spawn_options options = {.deadline = 45};
    spawn_process p =
        c->ranks > 0 ? spawn_start_ranks(c->ranks, &options, argv) : spawn_start(&options, argv);
    progress wanted = {output, (int)(c->part * tasks)};
    if (c->part < 0)
        cr_assert(spawn_wait_text(&p, "tasks to do", 30), "it does not start");
    else
        cr_assert(spawn_wait_until(&p, has_got_far, &wanted, 40), "it does not get on");
    if (c->victim == EVERYTHING)
        spawn_signal_all(&p, SIGKILL);
    else if (c->victim == LAUNCHER)
        spawn_signal(&p, SIGKILL);
    else
        spawn_signal_rank(&p, c->ranks - 1, SIGKILL);
    spawn_result r = spawn_finish(&p);
    if (r.code == 0)
        return -1;
    cr_assert(r.code == 137 && !r.timed_out, "%s", spawn_story(&r));
    cr_expect(r.left == 0, "%d processes are left", r.left);
    return journal_count(output, "task");
}

/* The same in a new folder if the kill came too late. */
static int kill_in_time(const kill_case *c, int tasks, const char *job, const char **output)
{
    for (int attempt = 0; attempt < 3; attempt++) {
        *output = scratch_path("killed%d", attempt);
        int done = start_and_kill(c, tasks, job, *output);
        if (done >= 0 && done < tasks)
            return done;
    }
    cr_assert(false, "it ends too fast to be killed");
    return 0;
}

ParameterizedTest(kill_case *c, identity, killed, .timeout = 100)
{
    write_inputs(2200, 40);
    const char *job = job_new("many", job_text), *right = scratch_path("right"), *output = NULL;
    RUN(0, 2, job, right);
    int before = kill_in_time(c, TASKS, job, &output);
    cr_expect(!file_exists(scratch_text("%s/results.csv", output)));
    spawn_result r = RUN(0, c->ranks_again, job, output);
    EXPECT_SAYS(r, scratch_text("%d of %d tasks to do", TASKS - before, TASKS));
    expect_same_results(output, right, scratch_text("killed after %d tasks", before));
    cr_expect(journal_count(output, "task") == TASKS, "%d tasks in the journal",
              journal_count(output, "task"));
}

/* Among the passes of every kind: each kill comes in another. */
Test(identity, all_measures_killed, .timeout = 100)
{
    const char *right = neighbours_right(), *job = scratch_path("neighbours.yaml");
    const char *output = scratch_path("killed");
    for (int i = 0; i < 4; i++)
        start_and_kill(&(kill_case){EVERYTHING, 1 + i, 0, 0.05 + 0.25 * i}, NEIGHBOUR_TASKS, job,
                       output);
    RUN(0, 2, job, output);
    expect_same_results(output, right, "killed four times");
    cr_expect(journal_count(output, "task") == NEIGHBOUR_TASKS);
}

/* Killed again and again, each time a little later, and at last left alone. */
Test(identity, killed_many_times, .timeout = 100)
{
    write_inputs(2200, 40);
    const char *job = job_new("many", job_text);
    const char *right = scratch_path("right"), *output = scratch_path("killed");
    RUN(0, 2, job, right);
    for (int i = 0; i < 3; i++)
        start_and_kill(&(kill_case){EVERYTHING, 1 + i, 0, 0.1 + 0.25 * i}, TASKS, job, output);
    RUN(0, 2, job, output);
    expect_same_results(output, right, "killed three times");
}

static bool is_dead(void *pid)
{
    const char *line = file_read(scratch_text("/proc/%d/stat", *(const int *)pid), NULL);
    return !line || strstr(line, ") Z ");
}

/* Where nobody buries the dead (an init in a container may not) a killed run's process stays in the table for ever. */
Test(identity, killed_and_not_buried, .timeout = 60)
{
    input_example("acts.h5", 3000, 1);
    const char *job = job_new("job", "input: {file: acts.h5}\nmeasures: [imbalance]\n");
    const char *output = scratch_path("out");
    const char *const argv[] = {IST_PROGRAM, "run",      job,         "--output",
                                output,      "--kernel", "reference", NULL};
    spawn_process first = spawn_start(NULL, argv);
    cr_assert(spawn_wait_text(&first, "tasks to do", 30));
    spawn_signal(&first, SIGKILL);
    for (int i = 0; i < 1000 && !is_dead(&first.pid); i++)
        usleep(5000);
    RUN(0, 0, job, output);
    spawn_result r = spawn_finish(&first);
    EXPECT_CODE(r, 137);
}

/* ---- large superblocks ------------------------------------------------------------------------- */

/* From 60,000 samples on a superblock has 960 rows, ten tiles. */
Test(identity, large_superblocks, .timeout = 100, .disabled = TOO_SLOW)
{
    enum { N = 60000 };
    double *x = draw_normals(1, 2 * N), *y = draw_normals(2, N);
    for (int i = 0; i < N; i++)
        y[i] = 0.9 * x[2 * i] + 0.43588989435406735 * y[i];
    hid_t file = input_new(scratch_path("large.h5"));
    input_layer(file, "/layers/x", H5T_IEEE_F32LE, N, 2, x);
    input_layer(file, "/layers/y", H5T_IEEE_F32LE, N, 1, y);
    input_close(file);
    const char *job = job_new("large", "input: {file: large.h5}\nmeasures: [imbalance]\n");
    const char *one = scratch_path("one"), *three = scratch_path("three");
    RUN(0, 2, job, one);
    RUN(0, 3, job, three, "--chunk-rows", "5000");
    expect_same_results(three, one, "three ranks");
}
