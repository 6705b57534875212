/* Known answers of the neighbour measures: T9 to T15 and data set F of measures.md section 11. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- data set F -------------------------------------------------------------------------------- */

/* A row of the results and its value. */
typedef struct {
    const char *where[7];
    double value;
} known;

static void expect_row(const table *t, const known *k, double tolerance)
{
    size_t row = table_find(t, k->where);
    EXPECT_CELL(t, row, "status", "ok");
    double value = table_real(t, row, "value");
    cr_expect(fabs(value / k->value - 1) < tolerance, "%s %s %s: %.13g, not %.13g", k->where[0],
              k->where[1], k->where[2], value, k->value);
}

/* At one rank and at three: 256 rows are fewer than three ranks' superblocks. */
static void expect_known(const char *job, const known *all, size_t count, double tolerance)
{
    for (int ranks = 1; ranks <= 3; ranks += 2) {
        const char *output = scratch_path("known%d", ranks);
        RUN(0, ranks, job, output);
        table t = results_of(output);
        for (size_t i = 0; i < count; i++)
            expect_row(&t, &all[i], tolerance);
        cr_expect(table_count(&t, WHERE("status=ok")) == t.rows);
    }
}
#define EXPECT_KNOWN(job, all, tolerance) \
    expect_known((job), (all), sizeof(all) / sizeof *(all), (tolerance))

static const char *job_f(const char *measures)
{
    const data_set_f *f = input_data_set_f();
    double cells[3 * F_ROWS];
    for (int i = 0; i < 3 * F_ROWS; i++)
        cells[i] = floor(f->b[i] / 0.5);
    hid_t file = input_new(scratch_path("cells.h5"));
    input_layer(file, "/cells", H5T_STD_I8LE, F_ROWS, 3, cells);
    input_close(file);
    return job_new("f", scratch_text("input:\n"
                                     "  file: f.h5\n"
                                     "  layers: {a: /layers/a, b: /layers/b, a0: '/layers/a[:, 0]',"
                                     " b0: '/layers/b[:, 0]', cells: 'cells.h5:/cells'}\n"
                                     "  labels: {y: /labels/y}\n"
                                     "measures:\n%s",
                                     measures));
}

Test(fixtures, f_labels, .timeout = 60)
{
    const char *job =
        job_f("  - mi-ross: {layers: [a, b], target: y}\n"
              "  - mi-ross: {layers: [b], target: y, metric: chebyshev}\n"
              "  - mi-mixed: {layers: [b, cells], target: y, metric: chebyshev, scale: none}\n"
              "  - overlap: {layers: [a, b], target: y, k: 10}\n");
    const known all[] = {
        {{"measure=mi-ross", "source=b", "metric=euclidean"}, 0.926766752929},
        {{"measure=mi-ross", "source=a", "metric=euclidean"}, 1.08600041459},
        {{"measure=mi-ross", "source=b", "metric=chebyshev"}, 0.937558848592},
        {{"measure=mi-mixed", "source=b", "k=5"}, 0.934628590763},
        {{"measure=mi-mixed", "source=cells", "k=5"}, 1.50264431544},
        {{"measure=overlap", "source=a"}, 1822 / 2560.0},
        {{"measure=overlap", "source=b"}, 1807 / 2560.0},
    };
    EXPECT_KNOWN(job, all, 1e-9);
}

Test(fixtures, f_pairs, .timeout = 60)
{
    const char *job = job_f(
        "  - mi-ksg: {pairs: [[a, b]], k: [3, 5], type: [1, 2], metric: chebyshev, scale: none}\n"
        "  - mi-ksg: {pairs: [[b, a]], type: [1, 2], metric: chebyshev, scale: zscore}\n"
        "  - mi-ksg: {pairs: [[b, a]], scale: none}\n"
        "  - mi-ksg: {pairs: [[a0, b0]], type: [1, 2], scale: none}\n"
        "  - mi-mixed: {pairs: [[a0, b0]], scale: none}\n"
        "  - overlap: {pairs: [[a, b]], k: 10}\n");
    const known all[] = {
        {{"type=1", "k=3", "scale=none", "metric=chebyshev"}, 1.49429361271},
        {{"type=2", "k=3", "scale=none", "metric=chebyshev"}, 1.72392009255},
        {{"type=1", "k=5", "scale=none", "metric=chebyshev"}, 1.27277964703},
        {{"type=2", "k=5", "scale=none", "metric=chebyshev"}, 1.46118319468},
        {{"type=1", "k=3", "scale=zscore"}, 1.64505925022},
        {{"type=2", "k=3", "scale=zscore"}, 1.75958891192},
        {{"type=1", "source=b", "scale=none"}, 1.50184237738},
        {{"type=1", "source=a0"}, 1.27167795514},
        {{"type=2", "source=a0"}, 1.40634107589},
        {{"measure=mi-mixed", "source=a0"}, 1.20887940407},
        {{"measure=overlap", "source=a"}, 674 / 2560.0},
    };
    EXPECT_KNOWN(job, all, 1e-9);
}

Test(fixtures, f_of_one_layer, .timeout = 60)
{
    const char *job =
        job_f("  - entropy-kl: {layers: [a, b], metric: [chebyshev, euclidean]}\n"
              "  - dimension: {layers: [a, b]}\n"
              "  - dimension: {layers: [a, b], method: twonn-fit, keep: [0.9, 1]}\n"
              "  - dimension: {layers: [a, b], method: gride, n1: [1, 2, 4]}\n"
              "  - dimension: {layers: [a, b], method: mle, average: [levina, mackay]}\n");
    const known all[] = {
        {{"measure=entropy-kl", "source=a", "metric=chebyshev"}, 5.77053079173},
        {{"measure=entropy-kl", "source=a", "metric=euclidean"}, 5.72768603892},
        {{"measure=entropy-kl", "source=b", "metric=chebyshev"}, 2.09545467304},
        {{"method=twonn", "source=a"}, 4.15959503516},
        {{"method=twonn", "source=b"}, 2.48764561795},
        {{"method=twonn-fit", "source=a", "keep=0.9"}, 4.21305099464},
        {{"method=twonn-fit", "source=b", "keep=0.9"}, 2.52732072173},
        {{"method=twonn-fit", "source=b", "keep=1"}, 2.48764561795},
        {{"method=gride", "source=a", "n1=1"}, 4.15959503516},
        {{"method=gride", "source=a", "n1=2"}, 4.03145264759},
        {{"method=gride", "source=b", "n1=2"}, 2.53519264909},
        {{"method=gride", "source=a", "n1=4"}, 4.14957442139},
        {{"method=gride", "source=b", "n1=4"}, 2.37584261627},
        {{"average=levina", "source=a"}, 4.5654917675},
        {{"average=levina", "source=b"}, 2.79589811581},
        {{"average=mackay", "source=a"}, 4.04750775625},
        {{"average=mackay", "source=b"}, 2.35543237779},
    };
    EXPECT_KNOWN(job, all, 1e-9);
}

/* The entropy of b less that within the classes, each class a file of its own. */
Test(fixtures, f_kld, .timeout = 60)
{
    const data_set_f *f = input_data_set_f();
    for (int c = 0; c < F_CLASSES; c++) {
        double rows[3 * F_ROWS];
        int64_t count = 0;
        for (int i = 0; i < F_ROWS; i++)
            if (f->y[i] == c)
                memcpy(rows + 3 * count++, f->b + 3 * i, 3 * sizeof *rows);
        hid_t file = input_new(scratch_path("class%d.h5", c));
        input_layer(file, "/layers/b", H5T_IEEE_F64LE, count, 3, rows);
        input_close(file);
    }
    rename(scratch_path("f.h5"), scratch_path("class4.h5"));
    const char *job = job_new("kld", "grid: {c: {from: 0, to: 4}}\n"
                                     "input: {file: 'class{c}.h5', layers: [b]}\n"
                                     "measures: [entropy-kl: {metric: chebyshev, se: none}]\n");
    for (int ranks = 1; ranks <= 3; ranks += 2) {
        const char *output = scratch_path("kld%d", ranks);
        RUN(0, ranks, job, output);
        table t = results_of(output);
        double information = table_real(&t, table_find(&t, WHERE("c=4")), "value");
        for (int c = 0; c < F_CLASSES; c++)
            information -= (double)f->size[c] / F_ROWS *
                           table_real(&t, table_find(&t, WHERE(scratch_text("c=%d", c))), "value");
        cr_expect(fabs(information / 0.872566812241 - 1) < 1e-9, "%.13g", information);
    }
}

/* ---- T9 to T11: by hand ------------------------------------------------------------------------ */

Test(fixtures, t9_t10_four_samples, .timeout = 60)
{
    hid_t file = input_new(scratch_path("four.h5"));
    input_layer(file, "/layers/a", H5T_IEEE_F64LE, 4, 1, (const double[]){0, 1, 3, 7});
    input_layer(file, "/layers/b", H5T_IEEE_F64LE, 4, 1, (const double[]){0, 5, 1, 2.6});
    input_close(file);
    const char *job =
        job_new("four", "input: {file: four.h5}\nmeasures:\n"
                        "  - entropy-kl: {layers: [a], k: 1, metric: [euclidean, manhattan, "
                        "chebyshev]}\n"
                        "  - mi-ksg: {k: 1, type: [1, 2], scale: none}\n");
    const known all[] = {
        {{"measure=entropy-kl", "metric=euclidean"}, 3.0463408993132},
        {{"measure=entropy-kl", "metric=manhattan"}, 3.0463408993132},
        {{"measure=entropy-kl", "metric=chebyshev"}, 3.0463408993132},
        {{"measure=mi-ksg", "type=1"}, -0.5},
        {{"measure=mi-ksg", "type=2"}, -1.0 / 6},
    };
    EXPECT_KNOWN(job, all, 1e-12);
}

Test(fixtures, t11_six_samples, .timeout = 60)
{
    hid_t file = input_new(scratch_path("six.h5"));
    input_layer(file, "/layers/x", H5T_IEEE_F64LE, 6, 1, (const double[]){0, 1, 3, 7, 8, 12});
    input_integers(file, "/labels/y", 6, (const int64_t[]){0, 0, 1, 1, 0, 1});
    input_close(file);
    const char *job = job_new("six", "input: {file: six.h5, labels: [y]}\n"
                                     "measures: [mi-ross: {target: y, k: 1}]\n");
    const known all[] = {{{"measure=mi-ross"}, -0.1055555555555555556}};
    EXPECT_KNOWN(job, all, 1e-12);
}

/* ---- T12 to T15: limits of large N ------------------------------------------------------------- */

static void expect_limit(const char *output, const char *measure, const char *source, double limit,
                         double tolerance)
{
    table t = results_of(output);
    size_t row = table_find(
        &t, WHERE(scratch_text("measure=%s", measure), scratch_text("source=%s", source)));
    double value = table_real(&t, row, "value");
    cr_expect(fabs(value - limit) < tolerance, "%s of %s: %g, not %g", measure, source, value,
              limit);
}

Test(fixtures, t12_t13_gaussian_pairs, .timeout = 100)
{
    enum { N = 5000 };
    const double *x = draw_normals(31, N);
    hid_t file = input_new(scratch_path("t12.h5"));
    input_layer(file, "/layers/x", H5T_IEEE_F64LE, N, 1, x);
    input_layer(file, "/layers/y", H5T_IEEE_F64LE, N, 1, draw_correlated(x, 0.75, 32, N));
    input_layer(file, "/layers/z", H5T_IEEE_F64LE, N, 1, draw_correlated(x, 0.9, 33, N));
    input_close(file);
    const char *job = job_new("t12", "input: {file: t12.h5}\nmeasures:\n"
                                     "  - mi-ksg: {pairs: [[y, x], [z, x]], k: 4, se: none}\n"
                                     "  - mi-mixed: {pairs: [[z, x]], se: none}\n");
    const char *output = scratch_path("t12");
    RUN(0, 2, job, output);
    expect_limit(output, "mi-ksg", "y", 0.4133392866, 0.05);
    expect_limit(output, "mi-ksg", "z", 0.8303656034, 0.06);
    expect_limit(output, "mi-mixed", "z", 0.8303656034, 0.06);
}

/* x uniform on 0 ... 4, y uniform on [x, x + 2]. */
Test(fixtures, t14_uniform_mixture, .timeout = 100)
{
    enum { N = 5000, CLASSES = 5 };
    uint64_t state = 34;
    double *x = scratch_alloc(N * sizeof *x), *y = scratch_alloc(N * sizeof *y);
    int64_t *label = draw_labels(35, N, CLASSES);
    for (int i = 0; i < N; i++) {
        x[i] = (double)label[i];
        y[i] = x[i] + 2 * random_uniform(&state);
    }
    hid_t file = input_new(scratch_path("t14.h5"));
    input_layer(file, "/layers/x", H5T_STD_I8LE, N, 1, x);
    input_layer(file, "/layers/y", H5T_IEEE_F64LE, N, 1, y);
    input_integers(file, "/labels/class", N, label);
    input_close(file);
    const char *job = job_new("t14", "input: {file: t14.h5, layers: [x, y], labels: [class]}\n"
                                     "measures:\n"
                                     "  - mi-mixed: {pairs: [[x, y]], se: none, scale: none}\n"
                                     "  - mi-mixed: {layers: [y], target: class, se: none}\n"
                                     "  - mi-ross: {layers: [y], target: class, se: none}\n");
    const char *output = scratch_path("t14");
    RUN(0, 2, job, output);
    expect_limit(output, "mi-mixed", "x", 1.0549201680, 0.06);
    expect_limit(output, "mi-mixed", "y", 1.0549201680, 0.06);
    expect_limit(output, "mi-ross", "y", 1.0549201680, 0.06);
}

Test(fixtures, t15_two_classes, .timeout = 100)
{
    enum { N = 10000 };
    double *x = draw_normals(36, N);
    int64_t *y = draw_labels(37, N, 2);
    for (int i = 0; i < N; i++)
        x[i] += y[i] ? 1 : -1;
    hid_t file = input_new(scratch_path("t15.h5"));
    input_layer(file, "/layers/x", H5T_IEEE_F32LE, N, 1, x);
    input_integers(file, "/labels/y", N, y);
    input_close(file);
    const char *job = job_new("t15", "input: {file: t15.h5, labels: [y]}\n"
                                     "measures: [mi-ross: {target: y}]\n");
    const char *output = scratch_path("t15");
    RUN(0, 2, job, output);
    expect_limit(output, "mi-ross", "x", 0.3368308203, 0.03);
}

/* ---- duplicates: dead ReLU layers -------------------------------------------------------------- */

/* Ten classes far apart, so many rows in a hundred all zero whatever their class: the others tell their class,
 * these nothing. */
static double ross_with_zeros(int percent)
{
    enum { N = 2000, D = 10, CLASSES = 10 };
    int64_t *y = draw_labels(40, N, CLASSES);
    double *x = draw_normals(41, N * D);
    uint64_t state = 42;
    for (int i = 0; i < N; i++) {
        bool dead = 100 * random_uniform(&state) < percent;
        x[D * i + y[i]] += 9;
        for (int c = 0; c < D; c++)
            x[D * i + c] = dead ? 0 : x[D * i + c];
    }
    hid_t file = input_new(scratch_path("zeros%d.h5", percent));
    input_layer(file, "/layers/x", H5T_IEEE_F32LE, N, D, x);
    input_integers(file, "/labels/y", N, y);
    input_close(file);
    const char *job = job_new(scratch_text("zeros%d", percent),
                              scratch_text("input: {file: zeros%d.h5, labels: [y]}\n"
                                           "measures: [mi-ross: {target: y}]\n",
                                           percent));
    const char *output = scratch_path("zeros%d", percent);
    RUN(0, 2, job, output);
    table t = results_of(output);
    return table_real(&t, 0, "value");
}

Test(fixtures, ross_with_rows_of_zeros, .timeout = 100)
{
    const int percents[] = {0, 2, 20};
    for (int i = 0; i < 3; i++) {
        double truth = log(10) * (1 - percents[i] / 100.0), value = ross_with_zeros(percents[i]);
        cr_expect(fabs(value - truth) < 0.05, "%d %%: %g, not %g", percents[i], value, truth);
    }
    cr_expect(fabs(ross_with_zeros(100)) < 0.02);
}
