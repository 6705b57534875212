/* `subsets`: the mean over runs on files of the drawn rows alone; continued, failed, refused. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infostrata/base.h"

enum { N = 260, A = 5, B = 3, SIZE = 60, COUNT = 4, SEED = 3 };

/* By rank in the order of the words: the row. */
static int64_t *order_of_words(void)
{
    int64_t *order = scratch_alloc(N * sizeof *order);
    for (int64_t i = 0; i < N; i++) {
        int64_t before = 0;
        for (int64_t j = 0; j < N; j++)
            before += ist_random_word(SEED, IST_RANDOM_SAMPLES, (uint64_t)j) <
                      ist_random_word(SEED, IST_RANDOM_SAMPLES, (uint64_t)i);
        order[before] = i;
    }
    return order;
}

static int subset_of(int64_t row)
{
    const int64_t *order = order_of_words();
    int64_t place = 0;
    while (order[place] != row)
        place++;
    return (int)(place / SIZE);
}

static void write_cut(int subset)
{
    const int64_t *order = order_of_words();
    const double *a = input_read(scratch_path("all.h5"), "/layers/a", N, A);
    const double *b = input_read(scratch_path("all.h5"), "/layers/b", N, B);
    const double *y = input_read(scratch_path("all.h5"), "/labels/y", N, 1);
    double x[SIZE * A], z[SIZE * B];
    int64_t labels[SIZE], count = 0;
    for (int64_t row = 0; row < N; row++) {
        bool here = false;
        for (int64_t i = 0; i < SIZE; i++)
            here |= order[(int64_t)subset * SIZE + i] == row;
        if (!here)
            continue;
        memcpy(x + count * A, a + row * A, A * sizeof *x);
        memcpy(z + count * B, b + row * B, B * sizeof *z);
        labels[count++] = (int64_t)y[row];
    }
    hid_t file = input_new(scratch_path("cut%d.h5", subset));
    input_layer(file, "/layers/a", H5T_IEEE_F32LE, SIZE, A, x);
    input_layer(file, "/layers/b", H5T_IEEE_F32LE, SIZE, B, z);
    input_integers(file, "/labels/y", SIZE, labels);
    input_close(file);
}

static const char *job_of(const char *name, const char *head, const char *more)
{
    return job_new(name, scratch_text("%smeasures:\n"
                                      "  - imbalance: {k: [1, 3]%s}\n"
                                      "  - imbalance: {target: y, layers: [a], scale: zscore%s}\n"
                                      "  - mi-ross: {target: y, layers: [b]%s}\n"
                                      "  - mi-ksg: {scale: rms%s}\n"
                                      "  - mi-sliced: {target: y, layers: [a], slices: 5%s}\n",
                                      head, more, more, more, more, more));
}

static const char *subsets_of(int count)
{
    return scratch_text(", subsets: {size: %d, count: %d, seed: %d}", SIZE, count, SEED);
}

static const char all[] = "input: {file: all.h5, layers: [a, b], labels: [y]}\n";

/* Of row r of every cell. */
static double mean_of(const table *cells, size_t r, double *error)
{
    const size_t each = cells->rows / COUNT;
    double mean = 0, squares = 0;
    for (size_t c = 0; c < COUNT; c++)
        mean += table_real(cells, c * each + r, "value") / COUNT;
    for (size_t c = 0; c < COUNT; c++) {
        double off = table_real(cells, c * each + r, "value") - mean;
        squares += off * off;
    }
    *error = sqrt(squares / (COUNT - 1) / COUNT);
    return mean;
}

static void expect_mean(const table *means, const table *cells, size_t r)
{
    static const char *const same[] = {"measure", "source", "target", "k", "n"};
    double error, mean = mean_of(cells, r, &error);
    cr_expect(close_to(table_real(means, r, "value"), mean, 1e-14), "row %zu", r);
    cr_expect(error > 0 && close_to(table_real(means, r, "std_error"), error, 1e-13), "row %zu", r);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        EXPECT_CELL(means, r, same[i], table_text(cells, r, same[i]));
    EXPECT_CELL(means, r, "se_method", "subsets");
    EXPECT_CELL(means, r, "subset_size", "60");
}

/* Each row is the mean of the rows of the cells, and their spread its error. */
static void expect_means(const table *means, const table *cells)
{
    cr_assert(means->rows > 0 && cells->rows == COUNT * means->rows, "%zu and %zu rows",
              means->rows, cells->rows);
    for (size_t r = 0; r < means->rows; r++)
        expect_mean(means, cells, r);
}

Test(subsets, means_of_runs_on_them, .timeout = 120)
{
    input_example("all.h5", N, 40);
    for (int s = 0; s < COUNT; s++)
        write_cut(s);
    const char *right = scratch_path("right");
    RUN(0, 2,
        job_of("cut",
               "grid: {part: {from: 0, to: 3}}\n"
               "input: {file: 'cut{part}.h5', layers: [a, b], labels: [y]}\n",
               ", se: none"),
        right);
    const char *job = job_of("drawn", all, subsets_of(COUNT)), *alone = scratch_path("alone");
    RUN(0, 0, job, alone);
    table means = results_of(alone), cells = results_of(right);
    expect_means(&means, &cells);
    for (int ranks = 3; ranks <= 5; ranks += 2) {
        const char *output = scratch_path("ranks%d", ranks);
        RUN(0, ranks, job, output);
        expect_same_results(output, alone, "more ranks");
    }
    spawn_result collected = PROGRAM(0, "collect", job, "--output", alone);
    EXPECT_CODE(collected, 0);
    expect_same_results(alone, scratch_path("ranks3"), "collected");
}

/* A run that ended amid the subsets, and one with more of them, computes those that are missing. */
Test(subsets, continued, .timeout = 120)
{
    input_example("all.h5", N, 40);
    const char *job = job_of("job", all, subsets_of(COUNT)), *right = scratch_path("right");
    RUN(0, 0, job, right);
    int tasks = journal_count(right, "task");
    cr_assert(tasks == COUNT * 8);
    const char *fewer = job_of("fewer", all, subsets_of(2)), *output = scratch_path("more");
    RUN(0, 2, fewer, output);
    cr_expect(journal_count(output, "task") == tasks / 2);
    RUN(0, 2, job, output);
    cr_expect(journal_count(output, "task") == tasks);
    expect_same_results(output, right, "more subsets");
    size_t size;
    const char *path = scratch_text("%s/journal.jsonl", right);
    char *journal = file_read(path, &size);
    file_write(path, journal, size / 2);
    int left = journal_count(right, "task");
    cr_assert(left > 0 && left < tasks);
    spawn_result collected = PROGRAM(0, "collect", job, "--output", right);
    EXPECT_CODE(collected, 0);
    table part = results_of(right);
    cr_expect(part.rows < (size_t)tasks / COUNT, "rows of subsets that are missing");
    RUN(0, 2, job, right);
    expect_same_results(right, output, "continued");
}

/* A value that no number can be made of is one subset's; what stands in no subset is not looked at. */
Test(subsets, one_fails, .timeout = 60)
{
    input_example("all.h5", N, 40);
    const char *job =
        job_new("job", scratch_text("%smeasures:\n"
                                    "  - imbalance: {target: y, layers: [a]%s}\n"
                                    "  - imbalance: {target: y, layers: [a]%s}\n"
                                    "  - imbalance: {target: y, layers: [a], subsets: "
                                    "{size: 60, count: 1, seed: 3}}\n",
                                    all, subsets_of(COUNT), subsets_of(3)));
    const int64_t *order = order_of_words();
    const int64_t unused = order[COUNT * SIZE], bad = order[3 * SIZE + 7];
    cr_assert(subset_of(bad) == 3);
    input_change(scratch_path("all.h5"), "/layers/a", unused, (double)NAN);
    input_change(scratch_path("all.h5"), "/layers/a", bad, (double)NAN);
    RUN(4, 2, job, scratch_path("out"));
    table t = results_of(scratch_path("out"));
    cr_assert(t.rows == 3);
    EXPECT_CELL(&t, 0, "status", "failed");
    const char *reason = table_text(&t, 0, "detail");
    cr_expect(strstr(reason, "reason=subset 3: ") &&
                  strstr(reason, scratch_text("row %lld", (long long)bad)),
              "%s", reason);
    EXPECT_CELL(&t, 1, "status", "ok");
    EXPECT_CELL(&t, 2, "status", "ok");
    EXPECT_CELL(&t, 2, "note", "one-subset");
    EXPECT_CELL(&t, 2, "std_error", "");
}

/* Drawn among the samples that the job takes. */
Test(subsets, refused_and_planned)
{
    input_example("all.h5", N, 40);
    input_example("other.h5", N + 1, 40);
    const struct {
        const char *input, *subsets, *says;
    } refused[] = {
        {"file: all.h5, layers: [a, b], samples: {first: 120}", "{size: 61, count: 2}",
         "2 disjoint subsets of 61 samples are 122, more than the 120 of "},
        {"file: all.h5, layers: [a, b], samples: {random: 120}", "{size: 41, count: 3}",
         "3 disjoint subsets of 41 samples are 123, more than the 120 of "},
        {"file: all.h5, layers: [a, b]", "{size: 6, count: 1}",
         "'size' must be at least k + 2 = 7"},
        {"file: all.h5, layers: {a: /layers/a, b: /layers/nothing}", "{size: 60, count: 2}",
         "/layers/nothing"},
        {"layers: {a: 'all.h5:/layers/a', b: 'other.h5:/layers/b'}", "{size: 60, count: 2}",
         "/layers/b has 261: the rows must be the same samples in both"},
        {"file: all.h5, layers: [a], labels: {z: /labels/nothing}",
         "{size: 60, count: 2}, layers: [a], target: z", "/labels/nothing"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *job = job_new("bad", scratch_text("input: {%s}\nmeasures:\n"
                                                      "  - imbalance: {k: 5, subsets: %s}\n",
                                                      refused[i].input, refused[i].subsets));
        spawn_result r = PROGRAM(0, "check", job);
        EXPECT_CODE(r, 2);
        EXPECT_SAYS(r, refused[i].says);
        cr_expect(count_text(r.err, "error:") == 1, "%s", spawn_story(&r));
    }
    const char *job = job_new("good", scratch_text("%smeasures:\n"
                                                   "  - imbalance: {k: [1, 5]%s}\n"
                                                   "  - renyi: {layers: [a]%s}\n",
                                                   all, subsets_of(3), subsets_of(3)));
    spawn_result plan = PROGRAM(0, "plan", job);
    EXPECT_CODE(plan, 0);
    EXPECT_SAYS(plan, "tasks       15: imbalance 12, renyi 3\n"
                      "            15 are of one subset each, of which 5 means are made\n");
    EXPECT_SAYS(plan, "layers      6 distinct of 6 asked");
    EXPECT_SAYS(plan, "passes      12 run of 24 asked: 6 for neighbours, 6 for ranks");
    EXPECT_SAYS(plan, "the largest of order 60");
    spawn_result check = PROGRAM(0, "check", job, "--data");
    EXPECT_CODE(check, 0);
    EXPECT_SAYS(check, "2 layers read");
}
