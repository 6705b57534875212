/* bench: what it measures hangs together, wrong machines are told, OpenBLAS's variables do no harm. Speeds are not judged. */
#include "support.h"

#include <string.h>

static table bench(int ranks, const char *const env[], const char *const arguments[])
{
    const char *csv = scratch_path("bench-%d.csv", ranks);
    const char *argv[20] = {IST_PROGRAM, "bench", "--rounds", "1", "--csv", csv};
    for (int i = 0; arguments[i]; i++)
        argv[6 + i] = arguments[i];
    const spawn_options options = {.deadline = 100, .dir = scratch_dir(), .env = env};
    spawn_result r = ranks > 0 ? spawn_ranks(ranks, &options, argv) : spawn_run(&options, argv);
    EXPECT_CODE(r, 0);
    table t = table_read(csv);
    cr_assert(t.rows == 1, "%s", spawn_story(&r));
    const char *comparable = table_text(&t, 0, "valid");
    EXPECT_SAYS(r, table_text(&t, 0, "work"));
    cr_expect((strcmp(comparable, "no") == 0) == (strstr(r.out, " invalid ") != NULL), "%s",
              spawn_story(&r));
    return t;
}
#define BENCH(ranks, ...) bench((ranks), NULL, (const char *const[]){__VA_ARGS__, NULL})

static void expect_rates(const table *t, double n, double d)
{
    double seconds = table_real(t, 0, "seconds"), pairs = table_real(t, 0, "pairs_per_second");
    double peak = table_real(t, 0, "peak_gflops"), ratio = table_real(t, 0, "ratio");
    cr_expect(seconds > 0 && peak > 0.1 && table_real(t, 0, "fma_gflops") > 0.1);
    cr_expect(close_to(pairs * seconds / (n * (n - 1)), 1, 1e-12));
    cr_expect(close_to(table_real(t, 0, "gflops") / (2e-9 * d * pairs), 1, 1e-12));
    cr_expect(close_to(ratio * peak / (2e-9 * d * pairs), 1, 1e-12));
}

Test(bench, nearest_at_1_2_3_ranks, .timeout = 320)
{
    for (int ranks = 1; ranks <= 3; ranks++) {
        table t = BENCH(ranks, "-n", "700", "-d", "9", "-k", "5");
        EXPECT_CELL(&t, 0, "work", "nearest-k5-n700-d9");
        EXPECT_CELL(&t, 0, "data", "normal");
        EXPECT_CELL(&t, 0, "ranks", scratch_text("%d", ranks));
        EXPECT_CELL(&t, 0, "rounds", "1");
        EXPECT_CELL(&t, 0, "verified", "20");
        EXPECT_CELL(&t, 0, "neighbours", "5");
        EXPECT_CELL(&t, 0, "thresholds", "0");
        cr_expect((table_real(&t, 0, "bytes_sent") > 0) == (ranks > 1));
        expect_rates(&t, 700, 9);
    }
}

Test(bench, skipping, .timeout = 220)
{
    const char *ordered[] = {"no", "yes", "no"}, *names[] = {"never", "always", "auto"};
    for (int s = 0; s < 3; s++) {
        table t = BENCH(s, "-n", "3000", "-d", "2", "-k", "3", "--skipping", names[s]);
        double skipped = table_real(&t, 0, "skipped"), thinned = table_real(&t, 0, "thinned");
        EXPECT_CELL(&t, 0, "skipping", names[s]);
        EXPECT_CELL(&t, 0, "ordered", ordered[s]);
        cr_expect((skipped + thinned > 0.1) == (s == 1) && skipped + thinned < 1);
        cr_expect((table_real(&t, 0, "ordering_seconds") > 0) == (s > 0));
    }
    BENCH(2, "-n", "3000", "-d", "2", "-t", "3", "--skipping", "always");
}

Test(bench, counts_of_a_layer, .timeout = 220)
{
    input_example("acts.h5", 300, 1);
    for (int ranks = 1; ranks <= 2; ranks++) {
        table t =
            BENCH(ranks, "--layer", "acts.h5:/layers/b", "--thresholds", "4", "--samples", "250");
        EXPECT_CELL(&t, 0, "work", "counts-t4-n250-d3");
        EXPECT_CELL(&t, 0, "data", "acts.h5:/layers/b");
        expect_rates(&t, 250, 3);
    }
}

Test(bench, variables_of_openblas_are_cleared, .timeout = 220)
{
    static const char *const narrow[] = {"OPENBLAS_CORETYPE=Nehalem", "OPENBLAS_NUM_THREADS=3",
                                         NULL};
    static const char *const small[] = {"-n", "100", "-d", "2", "-k", "1", NULL};
    table clean = bench(0, NULL, small), forced = bench(0, narrow, small);
    EXPECT_CELL(&forced, 0, "blas_core", table_text(&clean, 0, "blas_core"));
    if (strcmp(table_text(&clean, 0, "kernel"), "reference") != 0) {
        EXPECT_CELL(&forced, 0, "valid", "yes");
        EXPECT_CELL(&forced, 0, "blas_set", table_text(&forced, 0, "kernel_set"));
    }
}

/* A run's matrices get the core that bench chooses, unless one is named. */
Test(bench, a_run_has_the_same_core, .timeout = 120)
{
    table own = BENCH(0, "-n", "100", "-d", "2", "-k", "1");
    const spawn_options free = {.env = (const char *const[]){"OPENBLAS_CORETYPE", NULL}},
                        named = {.env = (const char *const[]){"OPENBLAS_CORETYPE=Nehalem", NULL}};
    const char *const version[] = {IST_PROGRAM, "run", "--version", NULL};
    spawn_result r = spawn_run(&free, version);
    EXPECT_CODE(r, 0);
    EXPECT_SAYS(r, table_text(&own, 0, "blas_core"));
    r = spawn_run(&named, version);
    EXPECT_CODE(r, 0);
    if (strcmp(table_text(&own, 0, "kernel"), "reference") != 0)
        EXPECT_SAYS(r, "Nehalem");
}

Test(bench, another_instruction_set_is_told, .timeout = 120)
{
    table t = BENCH(0, "-n", "100", "-d", "2", "-k", "1", "--kernel", "reference");
    EXPECT_CELL(&t, 0, "valid", "no");
    EXPECT_CELL(&t, 0, "kernel", "reference");
    EXPECT_CELL(&t, 0, "kernel_set", "plain C");
}

Test(bench, lists_its_works_without_mpi, .timeout = 60)
{
    const spawn_options no_mpi = {.env = (const char *const[]){"OPAL_PREFIX=/nowhere", NULL}};
    spawn_result r = spawn_run(&no_mpi, (const char *[]){IST_PROGRAM, "bench", "--list", NULL});
    EXPECT_CODE(r, 0);
    cr_expect_eq(count_text(r.out, "\n"), 14);
    cr_expect_eq(count_text(r.out, "nearest-k"), 10);
    EXPECT_SAYS(r, "nearest-k100-n50000-d128\n");
    EXPECT_SAYS(r, "counts-t64-n50000-d128\n");
}

Test(bench, refusals, .timeout = 120)
{
    static const struct {
        const char *arguments[8], *says;
    } bad[] = {
        {{"--work", "nearest-k10-n5000-d64"}, "did you mean 'nearest-k10-n50000-d64'?"},
        {{"-n", "50", "-d", "3"}, "either --neighbours or --thresholds"},
        {{"-n", "50", "-d", "3", "-k", "1", "-t", "1"}, "either --neighbours or --thresholds"},
        {{"-n", "50", "-k", "3"}, "--samples and --dimensions, or --layer"},
        {{"-n", "50", "-d", "3", "-k", "50"}, "50 samples have 49 neighbours at most"},
        {{"-d", "3", "-k", "1", "--layer", "x.npy"}, "--dimensions are the layer's"},
        {{"--rounds", "0"}, "--rounds takes a positive whole number"},
        {{"job.yaml"}, "'bench' takes no manifest"},
        {{"-k", "1", "--layer", "x.npy"}, "x.npy"},
    };
    for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
        const char *argv[10] = {"bench"};
        memcpy(argv + 1, bad[b].arguments, sizeof bad[b].arguments);
        spawn_result r = program(0, argv);
        EXPECT_CODE(r, 2);
        EXPECT_SAYS(r, bad[b].says);
    }
    spawn_result r =
        PROGRAM(0, "bench", "-n", "50", "-d", "2", "-k", "1", "--csv", "/nowhere/a.csv");
    EXPECT_CODE(r, 3);
    EXPECT_SAYS(r, "cannot write '/nowhere/a.csv'");
}
