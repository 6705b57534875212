/* Sliced mutual information: what slices have in common with the plain estimators, what is known of Gaussians and of classes,
 * and where there is hardly anything to measure. */
#include "support.h"

#include "infostrata/slices.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- one feature is one slice ------------------------------------------------------------------ */

enum { N = 700 };

/* Layers of one feature, of which a third is the same value; labels with a class of one sample. */
static void write_columns(void)
{
    double *x = draw_normals(1, N), *y = draw_normals(2, N), dead[N], lattice[N];
    int64_t label[N];
    for (int i = 0; i < N; i++) {
        y[i] += x[i];
        dead[i] = i % 3 == 0 ? 0 : x[i] + y[i];
        lattice[i] = floor(2 * y[i]);
        label[i] = i == 5 ? -4 : (int64_t)floor(x[i]);
    }
    hid_t file = input_new(scratch_path("columns.h5"));
    input_layer(file, "/layers/x", H5T_IEEE_F64LE, N, 1, x);
    input_layer(file, "/layers/y", H5T_IEEE_F32LE, N, 1, y);
    input_layer(file, "/layers/dead", H5T_IEEE_F64LE, N, 1, dead);
    input_layer(file, "/layers/lattice", H5T_STD_I8LE, N, 1, lattice);
    input_integers(file, "/labels/label", N, label);
    input_close(file);
}

/* The text of a number of two rows: the same to the last digit. */
static void expect_same_numbers(const table *t, size_t plain, size_t sliced)
{
    static const char *const columns[] = {"value", "std_error", "tie_fraction", "duplicates", "n"};
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
        EXPECT_CELL(t, sliced, columns[c], table_text(t, plain, columns[c]));
}

Test(sliced, one_feature_is_the_plain_estimator, .timeout = 100)
{
    write_columns();
    const char *job = job_new(
        "columns",
        "input: {file: columns.h5, layers: [x, y, dead, lattice], labels: [label]}\n"
        "measures:\n"
        "  - mi-ross: {target: label, k: [1, 4]}\n"
        "  - mi-sliced: {target: label, k: [1, 4], slices: 3}\n"
        "  - mi-ksg: {k: [1, 4], type: [1, 2], scale: [rms, none], ties: [random, index], seed: "
        "9}\n"
        "  - mi-sliced: {k: [1, 4], estimator: [ksg1, ksg2], scale: [rms, none], ties: [random, "
        "index], seed: 9, slices: 2}\n");
    const char *output = scratch_path("columns");
    RUN(0, 2, job, output);
    table t = results_of(output);
    enum { LABELS = 4 * 2, PAIRS = 6 * 2 * 2 * 2 * 2 };
    cr_assert(t.rows == 2 * (LABELS + PAIRS) && table_count(&t, WHERE("status=ok")) == t.rows);
    size_t compared = 0;
    for (size_t row = 0; row < LABELS; row++, compared++)
        expect_same_numbers(&t, row, LABELS + row);
    static const char *const keys[] = {"source", "target", "k", "scale", "ties"};
    for (size_t row = 2 * LABELS; row < 2 * LABELS + PAIRS; row++) {
        const char *where[sizeof keys / sizeof *keys + 3] = {"measure=mi-sliced"};
        size_t count = 1;
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            where[count++] = scratch_text("%s=%s", keys[k], table_text(&t, row, keys[k]));
        where[count] = scratch_text("estimator=ksg%s", table_text(&t, row, "type"));
        expect_same_numbers(&t, row, table_find(&t, where));
        compared++;
    }
    cr_expect(compared == LABELS + PAIRS);
}

/* ---- fewer slices are the first of many ---------------------------------------------------------- */

/* All series of a group, one after another: the last dimension is the slice. */
static double *per_slice(const char *output, const char *group, hsize_t size[2])
{
    enum { MOST = 32 };
    hsize_t all[MOST];
    hid_t file = H5Fopen(scratch_text("%s/results.h5", output), H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, scratch_text("/%s/per_slice", group), H5P_DEFAULT);
    hid_t space = H5Dget_space(set);
    cr_assert(file >= 0 && set >= 0);
    int dimensions = H5Sget_simple_extent_dims(space, all, NULL);
    cr_assert(dimensions > 1);
    size[0] = (hsize_t)H5Sget_simple_extent_npoints(space) / all[dimensions - 1];
    size[1] = all[dimensions - 1];
    double *values = scratch_alloc(size[0] * size[1] * sizeof *values);
    H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Sclose(space);
    H5Dclose(set);
    H5Fclose(file);
    return values;
}

/* On one rank least and most are the same, and time went there. */
static void expect_slices_in_closing_table(const char *output)
{
    const char *log = file_read(scratch_text("%s/run.log", output), NULL);
    const char *line = strstr(log, "   slices ");
    double least, mean, most;
    cr_assert(line && sscanf(line, " slices %lf %lf %lf", &least, &mean, &most) == 3, "%s", log);
    cr_expect(least > 0 && least == most, "%s", log);
}

/* Batches of different sizes, more ranks than slices, the file of the slices made again by `collect`. */
Test(sliced, first_slices_of_many, .timeout = 100)
{
    enum { FEW = 20, MANY = 260 };
    input_example("first.h5", 150, 3);
    const char *job = job_new(
        "first", scratch_text("input: {file: first.h5, layers: [a, b], labels: [y]}\n"
                              "measures:\n"
                              "  - mi-sliced: {layers: [a], target: y, slices: [%d, %d, 2, 1], "
                              "per_slice: true, max: true, projection_dim: [1, 3]}\n"
                              "  - mi-sliced: {slices: [%d, %d], per_slice: true, seed: 4}\n",
                              FEW, MANY, FEW, MANY));
    const char *right = scratch_path("first1");
    RUN(0, 1, job, right, "--kernel", "reference");
    const char *file = file_read(scratch_text("%s/results.h5", right), NULL);
    const int ranks[] = {0, 3, 5};
    for (size_t r = 0; r < sizeof ranks / sizeof *ranks; r++) {
        const char *output = scratch_path("first%d-again", ranks[r]);
        RUN(0, ranks[r], job, output);
        expect_same_results(output, right, "slices");
        size_t size, expected;
        const char *again = file_read(scratch_text("%s/results.h5", output), &size);
        file = file_read(scratch_text("%s/results.h5", right), &expected);
        cr_expect(size == expected && memcmp(again, file, size) == 0, "results.h5");
    }
    expect_slices_in_closing_table(right);
    table t = results_of(right);
    hsize_t size[2];
    double *v = per_slice(right, "1-mi-sliced", size);
    cr_assert(size[0] == 2 && size[1] == MANY);
    cr_expect(memcmp(v, v + MANY, FEW * sizeof *v) == 0 && isnan(v[FEW]));
    double sum = 0, most = -INFINITY;
    for (int s = 0; s < MANY; s++)
        sum += v[MANY + s];
    size_t many = table_find(&t, WHERE("source=a", "target=b", "slices=260"));
    cr_expect(close_to(table_real(&t, many, "value"), sum / MANY, 1e-13));
    /* Of `mi` and of `mi-max`, which has no series. */
    v = per_slice(right, "0-mi-sliced", size);
    cr_assert(size[0] == 16 && size[1] == MANY);
    for (int s = 0; s < FEW; s++)
        most = fmax(most, v[s]);
    size_t max = table_find(&t, WHERE("quantity=mi-max", "slices=20", "projection_dim=1"));
    cr_expect(table_real(&t, max, "value") == most);
    cr_expect(v[(int)table_real(&t, max, "slice")] == most);
    size_t mean = table_find(&t, WHERE("quantity=mi", "target=y", "slices=20", "projection_dim=1"));
    cr_expect(table_real(&t, mean, "max_slices") == most);
    size_t one = table_find(&t, WHERE("quantity=mi", "slices=1", "projection_dim=1"));
    EXPECT_CELL(&t, one, "std_error", "");
    cr_expect(strstr(table_text(&t, one, "note"), "one-slice") != NULL);
    remove(scratch_text("%s/results.h5", right));
    const spawn_result collect = PROGRAM(0, "collect", job, "--output", right);
    EXPECT_CODE(collect, 0);
    size_t again;
    const char *collected = file_read(scratch_text("%s/results.h5", right), &again);
    cr_expect(memcmp(collected, file, again) == 0);
}

/* ---- known truths ------------------------------------------------------------------------------ */

/* T17 and T18 of measures.md: correlated normals of two features; two classes in three. */
Test(sliced, known_truths, .timeout = 100)
{
    enum { MANY = 3000, D = 3, SLICES = 150 };
    double *x = draw_normals(5, 2 * MANY), *y = draw_correlated(x, 0.9, 6, 2 * MANY);
    double *z = draw_normals(7, D * MANY);
    int64_t *side = draw_labels(8, MANY, 2);
    for (int i = 0; i < MANY; i++)
        z[D * i] += side[i] ? 2 : -2;
    hid_t file = input_new(scratch_path("truths.h5"));
    input_layer(file, "/layers/x", H5T_IEEE_F64LE, MANY, 2, x);
    input_layer(file, "/layers/y", H5T_IEEE_F32LE, MANY, 2, y);
    input_layer(file, "/layers/z", H5T_IEEE_F32LE, MANY, D, z);
    input_integers(file, "/labels/side", MANY, side);
    input_close(file);
    const char *job = job_new(
        "truths",
        scratch_text("input: {file: truths.h5, layers: [x, y, z], labels: [side]}\n"
                     "measures:\n"
                     "  - mi-sliced: {pairs: [[x, y]], slices: %d, estimator: [ksg1, ksg2]}\n"
                     "  - mi-sliced: {layers: [z], target: side, slices: %d, estimator: "
                     "[ross, kl-difference]}\n"
                     "  - mi-sliced: {pairs: [[x, y]], slices: 4, projection_dim: 2}\n",
                     SLICES, SLICES));
    const char *output = scratch_path("truths");
    RUN(0, 2, job, output);
    table t = results_of(output);
    const double truth[] = {0.3313623881, 0.3313623881, 0.32143332, 0.32143332, 1.6607312069};
    for (size_t row = 0; row < t.rows; row++) {
        double value = table_real(&t, row, "value"), error = table_real(&t, row, "std_error");
        double bias = row < 4 ? 0 : 0.06; /* of neighbours in four dimensions */
        cr_expect(error > 0 && fabs(value - truth[row]) < 4 * error + bias, "%zu: %g +- %g, not %g",
                  row, value, error, truth[row]);
    }
}

enum { MOST = 5 };

/* By elimination: the matrix is positive definite. */
static double determinant(int n, double a[MOST][MOST])
{
    double product = 1;
    for (int p = 0; p < n; p++) {
        product *= a[p][p];
        for (int i = p + 1; i < n; i++)
            for (int j = n - 1; j >= p; j--)
                a[i][j] -= a[i][p] / a[p][p] * a[p][j];
    }
    return product;
}

/* Of normals with the same correlation rho in each of d features: with M the products of the directions of both sides,
 * -1/2 sum ln(1 - rho_i^2) over the canonical correlations is -1/2 ln det(1 - rho^2 M M'). */
static double true_slice(int64_t slice, int d, int columns, double rho)
{
    double source[MOST * 16], target[MOST * 16], m[MOST][MOST] = {{0}}, a[MOST][MOST];
    ist_slice_directions(0, slice, 0, d, columns, source);
    ist_slice_directions(0, slice, 1, d, columns, target);
    for (int i = 0; i < columns; i++)
        for (int j = 0; j < columns; j++)
            for (int f = 0; f < d; f++)
                m[i][j] += source[i * d + f] * target[j * d + f];
    for (int i = 0; i < columns; i++)
        for (int j = 0; j < columns; j++) {
            a[i][j] = i == j;
            for (int c = 0; c < columns; c++)
                a[i][j] -= rho * rho * m[i][c] * m[j][c];
        }
    return -log(determinant(columns, a)) / 2;
}

/* Fewer directions than features: every slice has its own truth. Neighbours in eight and ten dimensions see up to a quarter
 * less of it. */
Test(sliced, canonical_correlations, .timeout = 60)
{
    enum { MANY = 2500, D = 8, SLICES = 4 };
    const double rho = 0.7;
    double *x = draw_normals(5, D * MANY), *y = draw_correlated(x, rho, 6, D * MANY);
    hid_t file = input_new(scratch_path("canonical.h5"));
    input_layer(file, "/layers/x", H5T_IEEE_F64LE, MANY, D, x);
    input_layer(file, "/layers/y", H5T_IEEE_F64LE, MANY, D, y);
    input_close(file);
    const char *job = job_new(
        "canonical", scratch_text("input: {file: canonical.h5, layers: [x, y]}\n"
                                  "measures: [{mi-sliced: {slices: %d, projection_dim: [3, 4, 5], "
                                  "se: none, per_slice: true}}]\n",
                                  SLICES));
    const char *output = scratch_path("canonical");
    RUN(0, 2, job, output);
    hsize_t size[2];
    const double *v = per_slice(output, "0-mi-sliced", size);
    cr_assert(size[0] == 3 && size[1] == SLICES);
    for (int columns = 3; columns <= MOST; columns++)
        for (int s = 0; s < SLICES; s++) {
            double truth = true_slice(s, D, columns, rho), value = v[(columns - 3) * SLICES + s];
            cr_log_info("%d directions, slice %d: %g, not %g", columns, s, value, truth);
            cr_expect(value < truth + 0.04 && value > (columns == 3 ? 0.9 : 0.75) * truth - 0.03,
                      "%d directions, slice %d: %g, not %g", columns, s, value, truth);
        }
}

/* ---- hardly anything --------------------------------------------------------------------------- */

Test(sliced, hardly_any_samples_and_layers_that_fail, .timeout = 100)
{
    enum { FEW = 10 };
    double *x = draw_normals(1, 3 * FEW), *y = draw_normals(2, 2 * FEW), zero[3 * FEW] = {0};
    hid_t file = input_new(scratch_path("few.h5"));
    input_layer(file, "/layers/x", H5T_IEEE_F32LE, FEW, 3, x);
    input_layer(file, "/layers/y", H5T_IEEE_F64LE, FEW, 2, y);
    input_layer(file, "/layers/zero", H5T_IEEE_F32LE, FEW, 3, zero);
    x[7] = NAN;
    input_layer(file, "/layers/nan", H5T_IEEE_F32LE, FEW, 3, x);
    input_integers(file, "/labels/two", FEW, draw_labels(3, FEW, 2));
    input_close(file);
    const char *job =
        job_new("few", "input: {file: few.h5, layers: [x, y, zero, nan], labels: [two]}\n"
                       "measures:\n"
                       "  - mi-sliced: {layers: [x, y, zero], target: two, k: [1, 9], slices: 3, "
                       "projection_dim: [1, 2]}\n"
                       "  - mi-sliced: {pairs: [[x, y], [x, zero]], k: [1, 9], slices: 3, "
                       "projection_dim: [1, 2], estimator: [ksg1, ksg2]}\n"
                       "  - mi-sliced: {layers: [nan], target: [two, x], slices: 3}\n");
    const char *right = scratch_path("few1"), *output = scratch_path("few4");
    RUN(4, 1, job, right);
    RUN(4, 4, job, output);
    expect_same_results(output, right, "4 ranks");
    table t = results_of(right);
    cr_assert(t.rows == 12 + 16 + 2 && table_count(&t, WHERE("status=ok")) == 28);
    for (size_t row = 0; row < 28; row++) {
        cr_expect(isfinite(table_real(&t, row, "value")), "row %zu", row);
        EXPECT_CELL(&t, row, "std_error", "");
        cr_expect(strstr(table_text(&t, row, "note"), "parts-too-small") != NULL);
    }
    cr_expect(strstr(table_text(&t, 29, "reason"), "NaN") != NULL);
}

/* ---- refusals and the plan --------------------------------------------------------------------- */

Test(sliced, refusals_and_plan, .timeout = 60)
{
    input_example("plan.h5", 300, 3);
    const char *input = "input: {file: plan.h5, layers: [a, b], labels: [y]}\nmeasures:\n";
    const struct {
        const char *entry, *says;
    } bad[] = {
        {"{target: y, projection_dim: 4}",
         "plan.h5:/layers/b has 3 features, too few for 4 orthonormal directions"},
        {"{target: y, estimator: ksg1}", "'estimator: ksg1' is for a layer target"},
        {"{estimator: ross}", "'estimator: ross' is for a labels target"},
        {"{target: y, slices: 0}", "'slices'"},
        {"{target: y, projection_dim: 6}", "'projection_dim'"},
        {"{target: y, k: 300}", "k = 300"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *job =
            job_new("bad", scratch_text("%s  - mi-sliced: %s\n", input, bad[i].entry));
        const spawn_result r = PROGRAM(0, "check", job);
        EXPECT_CODE(r, 2);
        EXPECT_SAYS(r, bad[i].says);
    }
    const char *job =
        job_new("plan", scratch_text("%s  - mi-sliced: {target: y, slices: [100, 400]}\n", input));
    const spawn_result r = PROGRAM(0, "plan", job);
    EXPECT_CODE(r, 0);
    EXPECT_SAYS(r, "0 run of 0 asked");
    EXPECT_SAYS(r, "800 in 2 steps: about");
}
