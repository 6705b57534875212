/* What cannot be right is refused before any work: code 2, one message whatever the ranks, the file, dataset, row or numbers in
 * it, nothing written. */
#include "support.h"

#include <criterion/parameterized.h>
#include <math.h>
#include <signal.h>
#include <string.h>

enum { N = 100 };

/* ---- inputs with one fault each ---------------------------------------------------------------- */

static void write_ids(const char *name, int64_t n, int64_t differs_at)
{
    hid_t file = input_new(scratch_path("%s", name));
    int64_t id[N + 1];
    for (int64_t i = 0; i < n; i++)
        id[i] = 7 * i + (i == differs_at);
    input_layer(file, "/layers/c", H5T_IEEE_F32LE, N, 2, draw_normals(3, 2 * N));
    input_integers(file, "/sample_id", n, id);
    input_close(file);
}

static void write_texts(hid_t file)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, (const hsize_t[]){N}, NULL);
    H5Tset_size(type, 4);
    H5Dclose(H5Dcreate2(file, "/layers/texts", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    H5Tclose(type);
}

static void write_odd_file(void)
{
    hid_t file = input_new(scratch_path("odd.h5"));
    input_layer(file, "/layers/short", H5T_IEEE_F32LE, N - 10, 3, draw_normals(1, 3 * N));
    input_layer(file, "/layers/other", H5T_IEEE_F32LE, N, 3, draw_normals(2, 3 * N));
    input_layer(file, "/labels/reals", H5T_IEEE_F64LE, N, 1, draw_normals(4, N));
    int64_t y[N];
    memcpy(y, draw_labels(1, N, 4), sizeof y); /* those of good.h5, but one */
    y[42] += 1;
    input_integers(file, "/labels/y", N, y);
    input_integers(file, "/labels/few", N / 2, y);
    write_texts(file);
    input_close(file);
}

/* Labels of one class, all different, and with classes of one and of four samples. */
static void write_odd_labels(void)
{
    hid_t file = H5Fopen(scratch_path("good.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    int64_t one[N] = {0}, each[N], rare[N];
    for (int i = 0; i < N; i++) {
        each[i] = N - i;
        rare[i] = i < 1 ? 9 : i < 5 ? 8 : i % 3;
    }
    input_integers(file, "/labels/one", N, one);
    input_integers(file, "/labels/each", N, each);
    input_integers(file, "/labels/rare", N, rare);
    input_close(file);
}

static void write_inputs(void)
{
    input_example("good.h5", N, 1);
    write_odd_labels();
    write_odd_file();
    write_ids("ids.h5", N, -1);
    write_ids("other-ids.h5", N, 61);
    write_ids("fewer-ids.h5", N - 1, -1);
    input_example("cut.h5", N, 2);
    file_truncate(scratch_path("cut.h5"), 1500);
    file_write_text(scratch_path("noise.h5"), "this is no HDF5 file, whatever its name may say\n");
    file_write_text(scratch_path("empty.h5"), "");
}

/* ---- cases ------------------------------------------------------------------------------------- */

typedef struct {
    const char *layers, *measures, *says[4];
} refusal;

#define AB "a: /layers/a, b: /layers/b"

static const refusal refusals[] = {
    {"a: /layers/a, s: 'odd.h5:/layers/short'",
     "imbalance",
     {"good.h5:/layers/a has 100 samples", "odd.h5:/layers/short has 90"}},
    {"a: /layers/a, g: 'gone.h5:/layers/a'", "imbalance", {"gone.h5", "no such file"}},
    {"a: /layers/a, g: /layers/gone", "imbalance", {"good.h5", "/layers/gone"}},
    {"a: /layers/a, t: 'odd.h5:/layers/texts'",
     "imbalance",
     {"odd.h5", "/layers/texts", "float32"}},
    {"a: /layers/a, c: 'cut.h5:/layers/a'", "imbalance", {"cut.h5"}},
    {"a: /layers/a, x: 'noise.h5:/layers/a'", "imbalance", {"noise.h5"}},
    {"a: /layers/a, x: 'empty.h5:/layers/a'", "imbalance", {"empty.h5"}},
    {"c: 'ids.h5:/layers/c', d: 'other-ids.h5:/layers/c'",
     "imbalance",
     {"not the same samples", "/sample_id row 61 is 427", "ids.h5 and 428", "other-ids.h5"}},
    {"a: /layers/a, d: 'fewer-ids.h5:/layers/c'",
     "imbalance",
     {"fewer-ids.h5:/layers/c has 100 rows", "99 sample ids"}},
    {"a: /layers/a, o: 'odd.h5:/layers/other'",
     "imbalance",
     {"not the same samples", "/labels/y row 42 is", "good.h5", "odd.h5"}},
    {"a: /layers/a, b: /layers/b", "imbalance: {k: 100}", {"k = 100", "N = 100", "99"}},
    {"a: /layers/a, b: /layers/b", "imbalance: {k: [1, 7, 4000]}", {"k = 4000", "N = 100"}},
    {"a: /layers/a, b: /layers/b", "imbalance: {pairs: [[y, a]]}", {"'y'", "labels"}},
    {"a: /layers/a", "imbalance: {target: reals}", {"odd.h5:/labels/reals", "integer"}},
    {"a: /layers/a, b: '/layers/b[0, :]'", "imbalance", {"/layers/b[0, :]", "100", "3"}},
    {"a: /layers/a, b: '/layers/b[:, 3]'", "imbalance", {"/layers/b[:, 3]"}},
    {AB, "mi-ross: {target: y, k: 100}", {"job.yaml:7:29", "k = 100", "N = 100", "99"}},
    {AB, "mi-ksg: {k: [3, 100]}", {"job.yaml:7:21", "k = 100", "N = 100"}},
    {AB, "mi-mixed: {k: 100}", {"k = 100", "N = 100"}},
    {AB, "entropy-kl: {k: 100}", {"k = 100", "N = 100"}},
    {AB, "overlap: {k: 100}", {"k = 100", "N = 100"}},
    {AB, "overlap: {k: 100, target: y}", {"k = 100", "N = 100"}},
    {AB, "dimension: {method: mle, k: 100}", {"k = 100", "N = 100"}},
    {AB, "dimension: {method: gride, n1: [1, 50]}", {"k = 100", "N = 100"}},
    {AB, "dimension: {method: twonn-fit, keep: 0.009}", {"keep = 0.009", "N = 100"}},
    {AB, "mi-mixed: {target: rare}", {"k = 5", "smallest class, 1", "mi-ross"}},
    {AB, "mi-mixed: {target: rare, k: 1}", {"k = 1", "smallest class, 1"}},
    {AB, "mi-ross: {target: each}", {"every sample has a label of its own", "100 different"}},
    {AB, "mi-mixed: {target: each}", {"smallest class, 1"}},
    {AB, "mi-ross", {"job.yaml:7:5", "'mi-ross' is information about labels", "target: NAME"}},
    {AB, "mi-ross: {layers: [a], target: b}", {"'mi-ross' takes labels only", "'b' is a layer"}},
    {AB, "mi-ross: {pairs: [[a, b]]}", {"job.yaml:7:", "'mi-ross'", "labels"}},
    {AB, "mi-ross: {target: z}", {"unknown layer or labels 'z'", "job.yaml:7:23"}},
    {AB, "mi-ksg: {target: y}", {"'mi-ksg' takes no labels", "'y' is labels"}},
    {AB, "mi-ksg: {type: 3}", {"job.yaml:7:20", "'type'", "3"}},
    {AB, "mi-ksg: {metric: hamming}", {"job.yaml:7:22", "'metric'", "hamming", "chebyshev"}},
    {AB, "entropy-kl: {metric: cosine}", {"job.yaml:7:5", "metric: cosine", "no volume"}},
    {AB, "mi-ksg: {scale: std}", {"'scale'", "std", "zscore"}},
    {AB,
     "overlap: {layers: [a], target: y, k: 9, null: {permutations: 2, within: few}}",
     {"job.yaml:7:5", "good.h5:/layers/a has 100", "odd.h5:/labels/few has 50"}},
    {AB,
     "mi-ksg: {null: {permutations: 2, within: few}}",
     {"job.yaml:7:5", "good.h5:/layers/a has 100", "odd.h5:/labels/few has 50"}},
    {AB,
     "imbalance: {target: b, null: {permutations: 2, within: a}}",
     {"job.yaml:7:", "permuted within classes of labels", "'a' is none"}},
    {AB, "mi-mixed: {null: {permutations: 0}}", {"'permutations'", "at least 1", "0"}},
    {AB, "entropy-kl: {null: {permutations: 9}}", {"job.yaml:7:", "'entropy-kl' has no 'null'"}},
    {AB, "overlap: {class_fraction: 0.1}", {"class_fraction", "labels target"}},
    {AB, "overlap: {class_fraction: 1.5, target: y}", {"'class_fraction'", "at most 1, not 1.5"}},
    {AB, "dimension: {pairs: [[a, b]]}", {"job.yaml:7:", "'dimension'", "pairs"}},
    {AB, "entropy-kl: {target: y}", {"job.yaml:7:", "'entropy-kl'", "target"}},
    {AB, "dimension: {method: mle, k: 1}", {"'k' must be at least 2, not 1"}},
    {"a: /layers/a", "mi-ksg", {"one layer alone"}},
};
enum { REFUSALS = sizeof refusals / sizeof refusals[0] };

ParameterizedTestParameters(refusals, inputs)
{
    int *cases = cr_malloc(REFUSALS * sizeof *cases);
    for (int i = 0; i < REFUSALS; i++)
        cases[i] = i;
    return cr_make_param_array(int, cases, REFUSALS);
}

static const char *job_of(const refusal *r)
{
    return job_new("job",
                   scratch_text("input:\n"
                                "  file: good.h5\n"
                                "  layers: {%s}\n"
                                "  labels: {y: /labels/y, one: /labels/one, each: "
                                "/labels/each, rare: /labels/rare, "
                                "reals: 'odd.h5:/labels/reals'%s}\n"
                                "measures:\n  - %s\n",
                                r->layers,
                                strstr(r->measures, "few") ? ", few: 'odd.h5:/labels/few'" : "",
                                r->measures));
}

/* The program's own lines: mpirun adds blocks of its own, each between two lines of dashes. */
static const char *own_lines(const char *text)
{
    const char *own = "";
    bool inside = false;
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
        bool dashes = strncmp(text, "--------------------", 20) == 0;
        if (!dashes && !inside)
            own = scratch_text("%s%.*s\n", own, (int)strcspn(text, "\n"), text);
        inside ^= dashes;
    }
    return own;
}

static void expect_one_message(const spawn_result *r, const char *const says[])
{
    EXPECT_CODE(*r, 2);
    cr_expect(count_text(r->err, "error:") == 1, "not one message\n%s", spawn_story(r));
    for (int i = 0; i < 4 && says[i]; i++)
        cr_expect(strstr(r->err, says[i]), "it does not say '%s'\n%s", says[i], spawn_story(r));
}

ParameterizedTest(int *i, refusals, inputs, .timeout = 60)
{
    const refusal *r = &refusals[*i];
    write_inputs();
    const char *job = job_of(r), *output = scratch_path("out");
    spawn_result run = PROGRAM(3, "run", job, "--output", output);
    expect_one_message(&run, r->says);
    spawn_result plan = PROGRAM(0, "plan", job, "--output", output);
    expect_one_message(&plan, r->says);
    spawn_result check = PROGRAM(0, "check", job, "--output", output);
    expect_one_message(&check, r->says);
    cr_expect(!text_difference(own_lines(run.err), plan.err), "run and plan differ: %s",
              text_difference(own_lines(run.err), plan.err));
    cr_expect(!file_exists(output), "the output folder was made");
}

Test(refusals, faults_of_the_manifest_at_once, .timeout = 60)
{
    write_inputs();
    const char *job =
        job_new("bad", "input: {file: good.h5, layers: [a, b]}\n"
                       "measures:\n  - imbalanc: {k: 0}\n  - imbalance: {k: 0, maxk: 3}\n");
    spawn_result r = PROGRAM(3, "run", job);
    EXPECT_CODE(r, 2);
    cr_expect(count_text(r.err, "error:") == 3, "%s", spawn_story(&r));
    EXPECT_SAYS(r, "bad.yaml:4:5: error: ");
    EXPECT_SAYS(r, "bad.yaml:5:20: error: ");
    EXPECT_SAYS(r, "did you mean 'imbalance'?");
}

/* What is just possible is not refused. */
Test(refusals, last_neighbour_is_accepted, .timeout = 60)
{
    input_example("good.h5", N, 1);
    const char *job =
        job_new("last", "input: {file: good.h5}\nmeasures:\n  - imbalance: {k: 99}\n");
    const char *output = scratch_path("out");
    RUN(0, 2, job, output);
    table t = results_of(output);
    cr_assert(t.rows == 2);
    for (size_t row = 0; row < 2; row++) {
        EXPECT_CELL(&t, row, "value", "1"); /* all ranks 1 ... N-1 of every row */
        EXPECT_CELL(&t, row, "rank_sum", "495000");
    }
}

/* What can be said of odd labels is, with a note. */
Test(refusals, odd_labels_are_noted, .timeout = 60)
{
    write_inputs();
    const char *job =
        job_new("odd", "input: {file: good.h5, layers: [a], labels: [y, one, rare, each]}\n"
                       "measures:\n"
                       "  - mi-ross: {target: [one, rare], k: [4, 99]}\n"
                       "  - mi-mixed: {target: one}\n"
                       "  - overlap: {target: [one, rare, each], k: 99}\n"
                       "  - overlap: {target: [one, rare, each], class_fraction: 1}\n");
    const char *output = scratch_path("out");
    RUN(0, 3, job, output);
    table t = results_of(output);
    cr_expect(t.rows == 11 && table_count(&t, WHERE("status=ok")) == t.rows);
    size_t row = table_find(&t, WHERE("measure=mi-ross", "target=one", "k=4"));
    cr_expect(close_to(table_real(&t, row, "value"), 0, 1e-12));
    cr_expect(strstr(table_text(&t, row, "note"), "one-class"));
    row = table_find(&t, WHERE("measure=mi-ross", "target=rare", "k=4"));
    cr_expect(strstr(table_text(&t, row, "note"), "small-classes"));
    EXPECT_CELL(&t, row, "left_out", "1");
    EXPECT_CELL(&t, row, "classes", "5");
    for (size_t r = 0; r < t.rows; r++)
        cr_expect(isfinite(table_real(&t, r, "value")));
    row = table_find(&t, WHERE("measure=overlap", "target=one", "k=99"));
    EXPECT_CELL(&t, row, "value", "1");
    row = table_find(&t, WHERE("measure=overlap", "target=each", "k=99"));
    EXPECT_CELL(&t, row, "value", "0");
}

/* ---- the command line -------------------------------------------------------------------------- */

/* With and without mpirun; the first text stands there once. */
static void expect_refused(const char *const arguments[], const char *const says[])
{
    for (int ranks = 0; ranks <= 3; ranks += 3) {
        spawn_result r = program(ranks, arguments);
        EXPECT_CODE(r, 2);
        const char *own = own_lines(r.err);
        cr_expect(count_text(own, says[0]) == 1, "'%s' is not there once\n%s", says[0],
                  spawn_story(&r));
        for (int i = 0; says[i]; i++)
            cr_expect(strstr(own, says[i]), "it does not say '%s'\n%s", says[i], spawn_story(&r));
        cr_expect(!*r.out && r.left == 0, "%s", spawn_story(&r));
    }
}

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(refusals, command_line, .timeout = 60)
{
    input_example("good.h5", N, 1);
    const char *job = job_new("job", "input: {file: good.h5}\nmeasures: [imbalance]\n");
    expect_refused(ARGUMENTS("rum", job),
                   ARGUMENTS("unknown command 'rum'", "did you mean 'run'?"));
    expect_refused(ARGUMENTS("run", job, "--kernels", "avx2"),
                   ARGUMENTS("unrecognized option '--kernels'"));
    expect_refused(ARGUMENTS("run", job, "--kernel", "fast"),
                   ARGUMENTS("no kernel 'fast'", "reference"));
    expect_refused(ARGUMENTS("run"), ARGUMENTS("needs a manifest"));
    expect_refused(ARGUMENTS("run", job, job), ARGUMENTS("one manifest at a time"));
    expect_refused(ARGUMENTS("run", job, "--chunk-rows", "0"),
                   ARGUMENTS("--chunk-rows", "not '0'"));
    expect_refused(ARGUMENTS("run", job, "--skipping", "sometimes"),
                   ARGUMENTS("--skipping takes auto, always or never", "not 'sometimes'"));
    expect_refused(ARGUMENTS("run", job, "--tree", "oak"),
                   ARGUMENTS("--tree takes auto, always or never", "not 'oak'"));
    expect_refused(ARGUMENTS("run", scratch_path("gone.yaml")), ARGUMENTS("error:", "gone.yaml"));
    cr_expect(!file_exists(scratch_path("results")), "something was started");
}

Test(refusals, job_that_does_not_fit, .timeout = 60)
{
    enum { LARGE = 6000 };
    hid_t file = input_new(scratch_path("large.h5"));
    input_layer(file, "/layers/a", H5T_IEEE_F64LE, LARGE, 30, draw_normals(1, LARGE * 30));
    input_layer(file, "/layers/b", H5T_IEEE_F64LE, LARGE, 30, draw_normals(2, LARGE * 30));
    input_close(file);
    const char *job = job_new("large", "input: {file: large.h5}\nmeasures: [imbalance]\n");
    const char *output = scratch_path("out");
    spawn_result plan = PROGRAM(0, "plan", job, "--output", output, "--max-memory", "1");
    spawn_result run = PROGRAM(3, "run", job, "--output", output, "--max-memory", "1");
    const spawn_result *both[] = {&plan, &run};
    for (int i = 0; i < 2; i++) {
        EXPECT_CODE(*both[i], 2);
        cr_expect(count_text(both[i]->err, "error:") == 1, "%s", spawn_story(both[i]));
        EXPECT_SAYS(*both[i], "does not fit");
        EXPECT_SAYS(*both[i], "1.0 MiB are there");
    }
    EXPECT_SAYS(run, "large.h5:/layers/");
    cr_expect(journal_count(output, "pass") + journal_count(output, "task") == 0);
    RUN(0, 3, job, output, "--max-memory", "100");
}

/* ---- two runs on one folder -------------------------------------------------------------------- */

/* The first is held by a signal while the second tries. */
Test(refusals, folder_in_use, .timeout = 100)
{
    enum { LARGE = 3000 };
    input_example("large.h5", LARGE, 1);
    const char *job = job_new("job", "input: {file: large.h5}\nmeasures: [imbalance]\n");
    const char *output = scratch_path("out");
    spawn_process first =
        spawn_start(NULL, (const char *const[]){IST_PROGRAM, "run", job, "--output", output,
                                                "--kernel", "reference", NULL});
    cr_assert(spawn_wait_text(&first, "tasks to do", 30));
    spawn_signal(&first, SIGSTOP);
    cr_assert(!file_exists(scratch_text("%s/results.csv", output)), "it has ended already");
    const char *journal = file_read(scratch_text("%s/journal.jsonl", output), NULL);
    for (int ranks = 0; ranks <= 3; ranks += 3) {
        spawn_result second = RUN(2, ranks, job, output);
        cr_expect(count_text(second.err, "error:") == 1, "%s", spawn_story(&second));
        EXPECT_SAYS(second, "in use by another run");
        EXPECT_SAYS(second, scratch_text("process %d,", (int)first.pid));
    }
    const char *now = file_read(scratch_text("%s/journal.jsonl", output), NULL);
    cr_expect(!text_difference(now, journal), "the second run wrote into the folder");
    spawn_signal(&first, SIGCONT);
    spawn_result r = spawn_finish(&first);
    EXPECT_CODE(r, 0);
    const char *fresh = scratch_path("fresh");
    RUN(0, 2, job, fresh);
    expect_same_results(output, fresh, "the first run");
    spawn_result again = RUN(0, 2, job, output);
    EXPECT_SAYS(again, "nothing to compute");
}

/* ---- NaN and Inf -------------------------------------------------------------------------------- */

static void write_broken_values(const char *name, const char *set, hid_t type, int64_t row,
                                double value)
{
    hid_t file = H5Fopen(scratch_path("%s", name), H5F_ACC_RDWR, H5P_DEFAULT);
    double *x = draw_normals(9, 4 * N);
    x[4 * row + 1] = value;
    x[4 * (N - 1)] = value;
    input_layer(file, set, type, N, 4, x);
    input_close(file);
}

Test(refusals, values_that_are_no_numbers, .timeout = 60)
{
    input_example("in.h5", N, 1);
    write_broken_values("in.h5", "/layers/nan", H5T_IEEE_F32LE, 33, NAN);
    write_broken_values("in.h5", "/layers/inf", H5T_IEEE_F64LE, 0, -INFINITY);
    write_broken_values("in.h5", "/layers/half", type_half(), 98, 1e9);
    const char *job =
        job_new("job", "input: {file: in.h5, labels: [y]}\n"
                       "measures:\n  - imbalance: {k: [1, 4]}\n  - imbalance: {target: y}\n");
    const char *output = scratch_path("out");
    spawn_result r = RUN(4, 3, job, output);
    cr_expect(
        count_text(r.err,
                   "in.h5:/layers/nan has 2 NaN and 0 infinite values, the first in row 33") == 1,
        "%s", spawn_story(&r));
    table t = results_of(output);
    cr_assert(t.rows == 2 * 20 + 5, "%zu rows", t.rows);
    for (size_t row = 0; row < t.rows; row++) {
        const char *pair =
            scratch_text("%s %s", table_text(&t, row, "source"), table_text(&t, row, "target"));
        bool good = !strstr(pair, "nan") && !strstr(pair, "inf") && !strstr(pair, "half");
        EXPECT_CELL(&t, row, "status", good ? "ok" : "failed");
        cr_expect(good == (*table_text(&t, row, "value") != '\0'), "%s", pair);
        if (good)
            continue;
        const char *reason = table_text(&t, row, "reason");
        cr_expect(strstr(reason, "in.h5:/layers/"), "%s: %s", pair, reason);
        /* Results are the same where the folders stand elsewhere: no absolute paths. */
        cr_expect_not(strstr(reason, scratch_path("in.h5")), "%s", reason);
    }
    size_t half = table_find(&t, WHERE("source=half", "target=y"));
    cr_expect(strstr(table_text(&t, half, "reason"), "2 infinite values, the first in row 98"));
    cr_expect(strstr(table_text(&t, half, "reason"), "float16 overflows"));
    int tasks = journal_count(output, "task"), passes = journal_count(output, "pass");
    r = RUN(4, 2, job, output);
    EXPECT_SAYS(r, "nothing to compute");
    cr_expect(journal_count(output, "task") == tasks && journal_count(output, "pass") == passes);
    const char *fresh = scratch_path("fresh");
    RUN(4, 1, job, fresh);
    expect_same_results(output, fresh, "again");
}
