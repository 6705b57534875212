/* What must hold for every measure of the table, those that come later included: each with all its words (metrics, scales, forms,
 * methods), between layers, with labels, or alone. */
#include "support.h"

#include "infostrata/measures.h"

#include <math.h>
#include <string.h>

/* ---- an entry for every measure ---------------------------------------------------------------- */

/* "metric: [euclidean, manhattan]": all words of a parameter. A layer alone may be measured by its volumes, which directions
 * do not have. */
static const char *all_words(const ist_param_spec *spec, bool alone)
{
    const char *text = scratch_text("%s: [%s", spec->name, spec->words[0]);
    for (size_t w = 1; spec->words[w]; w++)
        if (!alone || strcmp(spec->words[w], "cosine") != 0)
            text = scratch_text("%s, %s", text, spec->words[w]);
    return scratch_text("%s]", text);
}

/* What is said of one parameter; empty: nothing, it has its default. */
static const char *parameter(const ist_param_spec *spec, bool alone, bool labels, const char *se,
                             bool everything)
{
    if (strcmp(spec->name, "slices") == 0)
        return ", slices: 12";
    if (strcmp(spec->name, "rmi") == 0 && labels) /* of two layers only */
        return "";
    if (strcmp(spec->name, "estimator") == 0 && everything) /* words for either target */
        return labels ? ", estimator: [ross, kl-difference]" : ", estimator: [ksg1, ksg2]";
    if (strcmp(spec->name, "se") == 0)
        return scratch_text(", se: %s", se);
    if (strcmp(spec->name, "k") == 0)
        return ", k: 4";
    if (!everything || strcmp(spec->name, "ties") == 0)
        return "";
    if (spec->type == IST_PARAM_WORD)
        return scratch_text(", %s", all_words(spec, alone));
    if (spec->type == IST_PARAM_INTEGER && spec->most - spec->least == 1)
        return scratch_text(", %s: [%d, %d]", spec->name, (int)spec->least, (int)spec->most);
    return "";
}

/* Measures of matrices have no standard error and laws of their own, to the digits that BLAS leaves: tests/python/test_dense.py. */
static bool is_of_distances(const ist_measure_schema *schema)
{
    for (size_t p = 0; p < schema->param_count; p++)
        if (strcmp(schema->params[p].name, "se") == 0)
            return true;
    return false;
}

static size_t measures_of_distances(void)
{
    size_t count = 0;
    for (size_t m = 0; m < ist_measure_count; m++)
        count += is_of_distances(ist_measures[m]->planner.schema);
    return count;
}

/* Entries for the whole table: of pairs, of layers and labels, of single layers. */
static const char *entries(const char *pairs, const char *layers, const char *se, bool everything,
                           const char *null)
{
    const char *text = "measures:\n";
    for (size_t m = 0; m < ist_measure_count; m++) {
        const ist_measure_schema *schema = ist_measures[m]->planner.schema;
        const char *params = "", *label_params = "";
        if (!is_of_distances(schema))
            continue;
        for (size_t p = 0; p < schema->param_count; p++) {
            const ist_param_spec *spec = &schema->params[p];
            params =
                scratch_text("%s%s", params, parameter(spec, schema->alone, false, se, everything));
            label_params =
                scratch_text("%s%s", label_params, parameter(spec, false, true, se, everything));
        }
        if (schema->tail != IST_TAIL_NONE) {
            params = scratch_text("%s%s", params, null);
            label_params = scratch_text("%s%s", label_params, null);
        }
        if (schema->alone)
            text = scratch_text("%s  - %s: {layers: [%s]%s}\n", text, schema->name, layers, params);
        if (schema->takes_labels)
            text = scratch_text("%s  - %s: {layers: [%s], target: y%s}\n", text, schema->name,
                                layers, label_params);
        if (!schema->alone && !schema->wants_labels)
            text = scratch_text("%s  - %s: {pairs: [%s]%s}\n", text, schema->name, pairs, params);
    }
    return text;
}

/* ---- data without ties ------------------------------------------------------------------------- */

enum { N = 300, CLASSES = 5, A = 4, B = 3 };

typedef struct {
    double a[N * A], b[N * B];
    int64_t y[N];
} data;

static data *new_data(void)
{
    data *d = scratch_alloc(sizeof *d);
    memcpy(d->a, draw_normals(51, N * A), sizeof d->a);
    memcpy(d->b, draw_normals(52, N * B), sizeof d->b);
    for (int i = 0; i < N; i++) {
        d->b[B * i] += d->a[A * i];
        d->y[i] = (int64_t)fmax(0, fmin(CLASSES - 1, floor(1.3 * d->a[A * i] + 2.5)));
    }
    return d;
}

static void write_data(const char *name, const data *d)
{
    hid_t file = input_new(scratch_path("%s.h5", name));
    input_layer(file, "/layers/a", H5T_IEEE_F64LE, N, A, d->a);
    input_layer(file, "/layers/b", H5T_IEEE_F64LE, N, B, d->b);
    input_integers(file, "/labels/y", N, d->y);
    input_close(file);
}

static data *shuffled(const data *d)
{
    data *other = scratch_alloc(sizeof *other);
    for (int i = 0; i < N; i++) {
        int to = (i * 101 + 57) % N;
        memcpy(other->a + A * to, d->a + A * i, A * sizeof *d->a);
        memcpy(other->b + B * to, d->b + B * i, B * sizeof *d->b);
        other->y[to] = d->y[i];
    }
    return other;
}

static data *renumbered(const data *d)
{
    static const int64_t number[CLASSES] = {70, -3, 1000000007, 0, 5};
    data *other = scratch_alloc(sizeof *other);
    *other = *d;
    for (int i = 0; i < N; i++)
        other->y[i] = number[d->y[i]];
    return other;
}

static data *multiplied(const data *d, double a, double b)
{
    data *other = scratch_alloc(sizeof *other);
    *other = *d;
    for (int i = 0; i < N * A; i++)
        other->a[i] *= a;
    for (int i = 0; i < N * B; i++)
        other->b[i] *= b;
    return other;
}

/* The results of all measures: N rows for the plain data, as many for each form of them, in the same order. */
static table all_forms(const char *names, size_t *each)
{
    const char *job =
        job_new("laws", scratch_text("grid: {form: [plain, %s]}\n"
                                     "input: {file: '{form}.h5', layers: [a, b], labels: [y]}\n%s",
                                     names, entries("[a, b]", "a, b", "none", true, "")));
    const char *output = scratch_path("laws");
    RUN(0, 2, job, output);
    table t = results_of(output);
    *each = table_count(&t, WHERE("form=plain"));
    cr_assert(*each > 3 * measures_of_distances() && table_count(&t, WHERE("status=ok")) == t.rows);
    return t;
}

static const char *row_name(const table *t, size_t row)
{
    return scratch_text("%s %s > %s %s", table_text(t, row, "measure"),
                        table_text(t, row, "source"), table_text(t, row, "target"),
                        table_text(t, row, "params"));
}

static void expect_value(const table *t, size_t row, double expected, double tolerance)
{
    cr_expect(close_to(table_real(t, row, "value"), expected, tolerance), "%s %s: %s, not %.17g",
              table_text(t, row, "form"), row_name(t, row), table_text(t, row, "value"), expected);
}

static bool is(const table *t, size_t row, const char *column, const char *text)
{
    const char *got = table_text(t, row, column);
    return got && strcmp(got, text) == 0;
}

/* ---- laws -------------------------------------------------------------------------------------- */

Test(laws, order_of_samples_and_numbers_of_classes, .timeout = 100)
{
    data *plain = new_data();
    write_data("plain", plain);
    write_data("shuffled", shuffled(plain));
    write_data("renumbered", renumbered(plain));
    size_t each;
    table t = all_forms("shuffled, renumbered", &each);
    cr_assert(t.rows == 3 * each);
    for (size_t row = 0; row < each; row++) {
        expect_value(&t, row + each, table_real(&t, row, "value"), 1e-12);
        EXPECT_CELL(&t, row + 2 * each, "value", table_text(&t, row, "value"));
    }
}

/* A differential entropy grows by d ln f, unless it is in units of the layer; all else stays: with labels the very
 * bytes, as the factor is a power of two. */
static void expect_scaled(const table *t, size_t row, size_t scaled, double factor,
                          double tolerance)
{
    bool shifts = is(t, row, "quantity", "entropy") && is(t, row, "scale", "none");
    double shift = shifts ? table_real(t, row, "d_source") * log(factor) : 0;
    expect_value(t, scaled, table_real(t, row, "value") + shift, tolerance);
    if (is(t, row, "target", "y") && factor == 1024)
        EXPECT_CELL(t, scaled, "value", table_text(t, row, "value"));
}

Test(laws, scale_of_all_layers, .timeout = 100)
{
    data *plain = new_data();
    write_data("plain", plain);
    write_data("binary", multiplied(plain, 1024, 1024));
    write_data("decimal", multiplied(plain, 1000, 1000));
    size_t each;
    table t = all_forms("binary, decimal", &each);
    cr_assert(t.rows == 3 * each);
    for (size_t row = 0; row < each; row++) {
        expect_scaled(&t, row, row + each, 1024, 1e-12);
        expect_scaled(&t, row, row + 2 * each, 1000, 1e-9);
    }
}

/* One layer in other units than the other: with `scale: none` joint distances change, nothing else. */
Test(laws, scale_of_one_layer, .timeout = 100)
{
    data *plain = new_data();
    write_data("plain", plain);
    write_data("binary", multiplied(plain, 1024, 1));
    write_data("decimal", multiplied(plain, 1000, 1));
    size_t each, compared = 0;
    table t = all_forms("binary, decimal", &each);
    for (size_t row = 0; row < each; row++) {
        bool alone = is(&t, row, "quantity", "entropy");
        bool information = is(&t, row, "quantity", "mi") || is(&t, row, "quantity", "mi-max");
        bool joint = information && !is(&t, row, "target", "y");
        if (is(&t, row, "scale", "none") && (alone || joint))
            continue;
        compared++;
        expect_scaled(&t, row, row + each, 1024, 1e-12);
        expect_scaled(&t, row, row + 2 * each, 1000, 1e-9);
    }
    cr_expect(compared > each / 2);
}

/* ---- nothing in common ------------------------------------------------------------------------- */

/* The value where source and target know nothing of each other; NaN: the measure has none. */
static double value_of_none(const table *t, size_t row)
{
    if (is(t, row, "quantity", "mi"))
        return 0;
    if (is(t, row, "quantity", "imbalance"))
        return 1;
    return table_real(t, row, "by_chance");
}

Test(laws, independent_layers_and_labels, .timeout = 100)
{
    enum { MANY = 2000 };
    hid_t file = input_new(scratch_path("independent.h5"));
    input_layer(file, "/layers/a", H5T_IEEE_F32LE, MANY, A, draw_normals(61, MANY * A));
    input_layer(file, "/layers/b", H5T_IEEE_F64LE, MANY, B, draw_normals(62, MANY * B));
    input_integers(file, "/labels/y", MANY, draw_labels(63, MANY, CLASSES));
    input_close(file);
    const char *job =
        job_new("independent", scratch_text("input: {file: independent.h5, labels: [y]}\n%s",
                                            entries("[a, b]", "a, b", "parts", false, "")));
    const char *output = scratch_path("independent");
    RUN(0, 2, job, output);
    table t = results_of(output);
    size_t compared = 0;
    for (size_t row = 0; row < t.rows; row++) {
        double none = value_of_none(&t, row), value = table_real(&t, row, "value");
        double error = table_real(&t, row, "std_error");
        cr_expect(error > 0, "%s: no standard error", row_name(&t, row));
        compared += !isnan(none);
        cr_expect(isnan(none) || fabs(value - none) < 4 * error, "%s: %g +- %g, not %g",
                  row_name(&t, row), value, error, none);
    }
    cr_expect(compared > measures_of_distances(), "%zu of %zu", compared, t.rows);
}

/* ---- nothing permuted -------------------------------------------------------------------------- */

/* Inside classes of one sample every permutation leaves all as it is: each null is the value, to the last bit. */
Test(laws, permuted_inside_classes_of_one, .timeout = 100)
{
    int64_t each[N];
    for (int i = 0; i < N; i++)
        each[i] = i;
    write_data("plain", new_data());
    hid_t file = H5Fopen(scratch_path("plain.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    input_integers(file, "/labels/each", N, each);
    input_close(file);
    const char *null = ", null: {permutations: 9, within: each}";
    const char *job = job_new(
        "null", scratch_text("input: {file: plain.h5, layers: [a, b], labels: [y, each]}\n%s",
                             entries("[a, b]", "a, b", "none", true, null)));
    const char *output = scratch_path("null");
    RUN(0, 2, job, output);
    table t = results_of(output);
    size_t compared = 0;
    for (size_t row = 0; row < t.rows; row++) {
        const char *permutations = table_text(&t, row, "permutations");
        if (!permutations)
            continue;
        compared++;
        EXPECT_CELL(&t, row, "permutations", "9");
        EXPECT_CELL(&t, row, "null_mean", table_text(&t, row, "value"));
        EXPECT_CELL(&t, row, "null_sd", "0");
        EXPECT_CELL(&t, row, "p", "1");
    }
    for (size_t m = 0; m < ist_measure_count; m++) {
        const ist_measure_schema *schema = ist_measures[m]->planner.schema;
        size_t rows =
            table_count(&t, WHERE(scratch_text("measure=%s", schema->name), "permutations=9"));
        cr_expect((rows > 0) == (schema->tail != IST_TAIL_NONE), "%s: %zu rows", schema->name,
                  rows);
    }
    cr_expect(compared > 3 * measures_of_distances());
}

/* ---- nothing at all ---------------------------------------------------------------------------- */

/* A number, minus infinity for an entropy, or a reason why not; an information of nothing is nothing, but in the
 * forms that have no rule for equal rows. */
static void expect_of_dead(const table *t, size_t row)
{
    double value = table_real(t, row, "value");
    const char *reason = table_text(t, row, "reason");
    bool entropy = is(t, row, "quantity", "entropy");
    if (is(t, row, "status", "ok"))
        cr_expect(isfinite(value) || (entropy && isinf(value) && value < 0), "%s: '%s'",
                  row_name(t, row), table_text(t, row, "value"));
    else
        cr_expect(reason && strstr(reason, "299 are copies of an earlier one"), "%s: %s",
                  row_name(t, row), reason);
    bool plain = !is(t, row, "type", "2") && !is(t, row, "form", "paper") &&
                 !is(t, row, "estimator", "ksg2");
    if (is(t, row, "quantity", "mi") && plain)
        cr_expect(fabs(value) < 0.02, "%s: %g", row_name(t, row), value);
}

/* Layers of equal rows and of zeros, with each other, with one that lives and with labels. */
Test(laws, dead_layers, .timeout = 100)
{
    double equal[N * A], zeros[N * A] = {0};
    for (int i = 0; i < N * A; i++)
        equal[i] = 0.1 * (1 + i % A);
    const data *plain = new_data();
    write_data("dead", plain);
    hid_t file = H5Fopen(scratch_path("dead.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    input_layer(file, "/layers/equal", H5T_IEEE_F64LE, N, A, equal);
    input_layer(file, "/layers/zeros", H5T_IEEE_F32LE, N, A, zeros);
    input_close(file);
    const char *job = job_new("dead", scratch_text("input: {file: dead.h5, labels: [y]}\n%s",
                                                   entries("[a, equal], [zeros, a], [equal, zeros]",
                                                           "equal, zeros", "parts", true, "")));
    const char *right = scratch_path("dead1"), *output = scratch_path("dead3");
    RUN(4, 1, job, right);
    RUN(4, 3, job, output);
    expect_same_results(output, right, "3 ranks");
    table t = results_of(right);
    for (size_t row = 0; row < t.rows; row++)
        expect_of_dead(&t, row);
}
