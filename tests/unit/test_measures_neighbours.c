/* The neighbour measures as pure functions of evidence made by hand. */
#include "infostrata/measures.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* ---- one measure with its parameters ----------------------------------------------------------- */

/* Parameters as a manifest would give them: "k=3", ..., the rest by default. */
typedef struct {
    const ist_measure *measure;
    ist_value value[IST_MAX_PARAMS];
    const ist_value *list[IST_MAX_PARAMS];
} setting;

static const ist_measure *measure_of(const char *name)
{
    for (size_t m = 0; m < ist_measure_count; m++)
        if (strcmp(ist_measures[m]->planner.schema->name, name) == 0)
            return ist_measures[m];
    cr_assert(false, "there is no %s", name);
    return NULL;
}

static void set(setting *s, const char *name, const char *const given[])
{
    s->measure = measure_of(name);
    const ist_measure_schema *schema = s->measure->planner.schema;
    for (size_t i = 0; i < schema->param_count; i++) {
        const char *text = schema->params[i].standard;
        size_t length = strlen(schema->params[i].name);
        for (size_t g = 0; given[g]; g++)
            if (strncmp(given[g], schema->params[i].name, length) == 0 && given[g][length] == '=')
                text = given[g] + length + 1;
        s->value[i] = (ist_value){.text = (char *)text};
        s->list[i] = &s->value[i];
    }
}
#define SET(s, name, ...) set((s), (name), (const char *const[]){__VA_ARGS__, NULL})

enum { MOST = 16 };

/* Its numbers, its sums, and the record made of both; whether it failed, with the reason. */
typedef struct {
    double value[MOST];
    int64_t sum[8];
    ist_record record;
    ist_error error;
} found;

static found finish(const setting *s, ist_totals totals, const found *from)
{
    found f = *from;
    ist_record records[IST_MAX_RECORDS] = {{0}};
    size_t count = 0;
    totals.values = f.value;
    totals.all = f.sum;
    ist_code code = s->measure->finish(s->list, &totals, records, &count, &f.error);
    cr_assert(code == f.error.code && count == (code == IST_OK));
    f.record = records[0];
    return f;
}

/* All rows of the evidence on one rank. */
static found compute(const setting *s, ist_evidence evidence, ist_totals totals)
{
    static const int64_t row[MOST] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    found f = {.value = {0}};
    cr_assert(s->measure->sum_count <= 8 && evidence.n <= MOST);
    evidence.count = evidence.n;
    evidence.row = row;
    s->measure->values(s->list, &evidence, f.value);
    if (s->measure->partial)
        s->measure->partial(s->list, &evidence, f.sum);
    totals.n = evidence.n;
    return finish(s, totals, &f);
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-13 * fmax(1, fabs(b));
}

/* psi by its recurrence. */
static double psi(int n)
{
    double sum = -0.57721566490153286061;
    for (int i = 1; i < n; i++)
        sum += 1.0 / i;
    return sum;
}

/* ---- mi-ross ----------------------------------------------------------------------------------- */

/* Classes of 3, 2 and 1 with k = 2: the pair has one neighbour each, the single is left out. */
Test(mi_ross, classes_of_few)
{
    enum { N = 6, K = 2 };
    setting s;
    SET(&s, "mi-ross", "k=2", "se=none");
    const int32_t class_of[N] = {0, 0, 0, 1, 1, 2}, held[N] = {2, 2, 2, 1, 1, 0};
    const int32_t reach[N * K] = {1, 2, 1, 2, 2, 2, 1, 9, 1, 9, 9, 9};
    const int64_t size[] = {3, 2, 1}, closer[N] = {2, 3, 1, 2, 0, 9}, equal[N] = {1, 1, 2, 1, 1, 9};
    ist_evidence e = {.n = N,
                      .k = K,
                      .held = held,
                      .list_reach = reach,
                      .closer = {closer},
                      .equal = {equal},
                      .class_of = class_of,
                      .class_size = size};
    ist_totals totals = {.labels_target = true, .class_size = size, .class_count = 3};
    found f = compute(&s, e, totals);
    double of_three = 3 * (psi(2) - psi(3)) - psi(3) - psi(4) - psi(3);
    double of_two = 2 * (psi(1) - psi(2)) - psi(3) - psi(1);
    cr_expect(near(f.record.value, psi(5) + (of_three + of_two) / 5), "%.17g", f.record.value);
    cr_expect(isnan(f.value[5]) && f.sum[0] == 3 && f.sum[1] == 1);
    double ceiling = 0;
    const char *detail = f.record.detail;
    cr_expect(sscanf(detail, "ceiling=%lf;classes=3;left_out=1", &ceiling) == 1, "%s", detail);
    cr_expect(near(ceiling, psi(5) - (3 * psi(3) + 2 * psi(2)) / 5) &&
              strstr(detail, "left_out=1"));
    cr_expect(strncmp(f.record.note, "small-classes", 13) == 0, "%s", f.record.note);
    ist_record_release(&f.record);
}

Test(mi_ross, one_class_and_apart)
{
    enum { N = 4 };
    setting s;
    SET(&s, "mi-ross", "k=1", "se=none");
    const int32_t one[N] = {0}, two[N] = {0, 0, 1, 1}, held[N] = {1, 1, 1, 1};
    const int32_t reach[N] = {1, 1, 1, 1};
    const int64_t all[] = {4}, halves[] = {2, 2}, closer[N] = {0}, equal[N] = {1, 1, 1, 1};
    ist_evidence e = {.n = N,
                      .k = 1,
                      .held = held,
                      .list_reach = reach,
                      .closer = {closer},
                      .equal = {equal},
                      .class_of = one,
                      .class_size = all};
    ist_totals totals = {.labels_target = true, .class_size = all, .class_count = 1};
    found f = compute(&s, e, totals);
    cr_expect(f.record.value == 0 && strcmp(f.record.note, "one-class") == 0, "%s", f.record.note);
    ist_record_release(&f.record);
    e.class_of = two;
    totals.class_size = e.class_size = halves;
    totals.class_count = 2;
    f = compute(&s, e, totals);
    cr_expect(near(f.record.value, psi(4) - psi(2)) && strcmp(f.record.note, "saturated") == 0,
              "%g %s", f.record.value, f.record.note);
    ist_record_release(&f.record);
}

/* ---- mi-ksg, mi-mixed -------------------------------------------------------------------------- */

/* Rows 0 to 2 equal in both layers (k = 2), row 3 in the first alone. */
static const double radius[4 * 2] = {0, 0, 0, 0, 0, 0, 1, 4};
static const int32_t joint_reach[4 * 2] = {2, 2, 2, 2, 2, 2, 1, 2};
static const int64_t near_x[4] = {0, 0, 0, 3}, near_y[4] = {0, 0, 0, 1};
static const int64_t equal_x[4] = {3, 3, 3, 0}, equal_y[4] = {2, 2, 2, 1};

static const ist_evidence joint = {.n = 4,
                                   .k = 2,
                                   .distance = radius,
                                   .list_reach = joint_reach,
                                   .closer = {near_x, near_y},
                                   .equal = {equal_x, equal_y}};

Test(mi_ksg, rows_at_distance_0)
{
    setting s;
    SET(&s, "mi-ksg", "k=2", "se=none", "scale=none");
    found f = compute(&s, joint, (ist_totals){.d_source = 1});
    for (int i = 0; i < 3; i++)
        cr_expect(near(f.value[i], psi(3) - psi(4) - psi(3)), "%g", f.value[i]);
    cr_expect(near(f.value[3], psi(2) - psi(4) - psi(2)));
    cr_expect(f.sum[0] == 3 && strcmp(f.record.note, "zero-radius") == 0, "%s", f.record.note);
    cr_expect(strncmp(f.record.detail, "zero_radius=0.75", 16) == 0, "%s", f.record.detail);
    cr_expect(near(f.record.value, psi(4) + (f.value[0] * 3 + f.value[3]) / 4));
    ist_record_release(&f.record);
}

Test(mi_ksg, second_type)
{
    setting s;
    SET(&s, "mi-ksg", "k=2", "type=2", "se=none", "scale=none");
    found f = compute(&s, joint, (ist_totals){.deterministic = true});
    cr_expect(near(f.value[0], psi(2) - 0.5 - psi(3) - psi(2)));
    cr_expect(near(f.value[3], psi(2) - 0.5 - psi(3) - psi(2)));
    cr_expect(strcmp(f.record.note, "deterministic;zero-radius") == 0, "%s", f.record.note);
    ist_record_release(&f.record);
}

Test(mi_mixed, both_forms)
{
    setting s;
    SET(&s, "mi-mixed", "k=2", "se=none", "scale=none");
    found f = compute(&s, joint, (ist_totals){.d_source = 1});
    cr_expect(near(f.value[0], psi(3) - psi(4) - psi(3)));
    cr_expect(near(f.value[3], psi(2) - psi(4) - psi(2)));
    cr_expect(near(f.record.value, log(4) + (f.value[0] * 3 + f.value[3]) / 4));
    ist_record_release(&f.record);
    SET(&s, "mi-mixed", "k=2", "se=none", "scale=none", "form=paper");
    const int64_t reach_x[4] = {3, 3, 3, 3}, reach_y[4] = {2, 2, 2, 2};
    ist_evidence e = joint;
    e.closer[0] = reach_x;
    e.closer[1] = reach_y;
    f = compute(&s, e, (ist_totals){.d_source = 1});
    cr_expect(near(f.value[0], psi(3) - log(4) - log(3)));
    cr_expect(near(f.value[3], psi(2) - log(4) - log(3)));
    ist_record_release(&f.record);
}

/* A part in which a class is too small has no estimate, and the error of all of them is not there: it says why. */
Test(mi_mixed, part_without_estimate)
{
    setting s;
    SET(&s, "mi-mixed", "k=2", "se=parts", "scale=none");
    const double even[4] = {-1, -1, -1, -1}, lacks[4] = {-1, (double)NAN, -1, -1};
    ist_totals totals = {.d_source = 1, .has_parts = true};
    for (int p = 0; p < IST_PARTS; p++) {
        totals.part_values[p] = even;
        totals.part_n[p] = 4;
    }
    found f = compute(&s, joint, totals);
    cr_expect(f.record.std_error < 1e-12 && !strstr(f.record.note, "parts-too-small"));
    ist_record_release(&f.record);
    totals.part_values[3] = lacks;
    f = compute(&s, joint, totals);
    cr_expect(isnan(f.record.std_error) && strstr(f.record.note, "parts-too-small"), "%s",
              f.record.note);
    ist_record_release(&f.record);
}

/* ---- entropy-kl -------------------------------------------------------------------------------- */

Test(entropy_kl, radii_and_units)
{
    setting s;
    SET(&s, "entropy-kl", "k=1", "se=none");
    ist_evidence e = {.n = 4, .k = 1, .distance = (const double[]){1, 1, 4, 16}};
    found f = compute(&s, e, (ist_totals){.d_source = 1});
    cr_expect(near(f.record.value, 3.0463408993131956), "%.17g", f.record.value);
    ist_record_release(&f.record);
    SET(&s, "entropy-kl", "k=1", "se=none", "scale=rms");
    f = compute(&s, e, (ist_totals){.d_source = 1, .square_source = 16});
    cr_expect(near(f.record.value, 3.0463408993131956 - log(4)), "%.17g", f.record.value);
    ist_record_release(&f.record);
    e.distance = (const double[]){0, 0, 4, 16};
    f = compute(&s, e, (ist_totals){.d_source = 1, .square_source = 16});
    cr_expect(isinf(f.record.value) && f.record.value < 0 &&
              strcmp(f.record.note, "zero-radius") == 0);
    ist_record_release(&f.record);
}

/* All rows equal: their root mean square is 0, too. */
Test(entropy_kl, no_unit)
{
    setting s;
    SET(&s, "entropy-kl", "k=1", "se=none", "scale=rms");
    ist_evidence e = {.n = 3, .k = 1, .distance = (const double[]){0, 0, 0}};
    found f = compute(&s, e, (ist_totals){.d_source = 2});
    cr_expect(isinf(f.record.value) && f.record.value < 0, "%g", f.record.value);
    ist_record_release(&f.record);
}

/* ---- dimension --------------------------------------------------------------------------------- */

/* Four rows with mu = r_2 / r_1 = 2, 2, 4, 8, and one left out. */
static const double two_nearest[5 * 2] = {1, 4, 4, 16, 1, 16, 0, 0, 2, 128};
static const int32_t distinct_held[5] = {2, 2, 2, 0, 2};
static const ist_evidence distinct = {
    .n = 5, .k = 2, .held = distinct_held, .distance = two_nearest};

Test(dimension, two_nearest)
{
    setting s;
    SET(&s, "dimension", "se=none");
    found f = compute(&s, distinct, (ist_totals){.d_source = 3, .duplicates_source = 1});
    cr_expect(near(f.record.value, 3 / (7 * log(2))), "%.17g", f.record.value);
    cr_expect(isnan(f.value[3]) && strcmp(f.record.detail, "distinct=4") == 0);
    cr_expect(strcmp(f.record.note, "duplicates") == 0, "%s", f.record.note);
    ist_record_release(&f.record);
    SET(&s, "dimension", "method=twonn-fit", "keep=0.75", "se=none");
    f = compute(&s, distinct, (ist_totals){.d_source = 3});
    double xy = log(2) * (-log(0.75) - log(0.5) - 2 * log(0.25));
    cr_expect(near(f.record.value, xy / (6 * log(2) * log(2))), "%.17g", f.record.value);
    ist_record_release(&f.record);
    SET(&s, "dimension", "method=gride", "n1=1", "se=none");
    f = compute(&s, distinct, (ist_totals){.d_source = 3});
    cr_expect(near(f.record.value, 3 / (7 * log(2))));
    ist_record_release(&f.record);
}

/* The likelihood's derivative is 0 there; a row whose mu is 1 is taken at its limit. */
Test(dimension, gride)
{
    setting s;
    SET(&s, "dimension", "method=gride", "n1=2", "se=none");
    const double square[3 * 4] = {0, 1, 2, 4, 0, 1, 2, 9, 0, 5, 5, 5};
    ist_evidence e = {.n = 3, .k = 4, .distance = square};
    found f = compute(&s, e, (ist_totals){.d_source = 3});
    double d = f.record.value, slope = 2 / d + 1 / d;
    cr_expect(f.value[2] == 0 && near(f.value[0], log(2)) && near(f.value[1], log(3)));
    for (int i = 0; i < 2; i++)
        slope -= f.value[i] * (3 - 1 / (1 - exp(-d * f.value[i])));
    cr_expect(d > 0.5 && d < 10 && fabs(slope) < 1e-12, "%.17g: %g", d, slope);
    ist_record_release(&f.record);
}

Test(dimension, mean_logarithms)
{
    setting s;
    const double square[2 * 3] = {1, 4, 16, 1, 1, 4};
    ist_evidence e = {.n = 2, .k = 3, .distance = square};
    SET(&s, "dimension", "method=mle", "k=3", "se=none");
    found f = compute(&s, e, (ist_totals){.d_source = 3});
    cr_expect(near(f.value[0], 1.5 * log(2)) && near(f.value[1], log(2)));
    cr_expect(near(f.record.value, 2 / (2.5 * log(2))) && f.record.k == 3);
    ist_record_release(&f.record);
    SET(&s, "dimension", "method=mle", "k=3", "average=levina", "se=none");
    f = compute(&s, e, (ist_totals){.d_source = 3});
    cr_expect(near(f.record.value, (1 / 1.5 + 1) / 2 / log(2)));
    ist_record_release(&f.record);
}

/* All ratios are 1: the dimension is infinite; a line through the origin alone has no slope, and the record says so. */
Test(dimension, nothing_to_say)
{
    setting s;
    const double same[5 * 2] = {1, 1, 4, 4, 1, 1, 1, 1, 9, 9};
    ist_evidence e = {.n = 5, .k = 2, .distance = same};
    const char *const methods[] = {"method=twonn", "method=mle"};
    for (int i = 0; i < 2; i++) {
        SET(&s, "dimension", methods[i], "k=2", "average=levina", "se=none");
        found f = compute(&s, e, (ist_totals){.d_source = 3});
        cr_expect(isinf(f.record.value) && f.record.value > 0, "%s", methods[i]);
        ist_record_release(&f.record);
    }
    SET(&s, "dimension", "method=twonn-fit", "se=none");
    found f = compute(&s, e, (ist_totals){.d_source = 3});
    cr_expect(f.error.code == IST_FAILED && strstr(f.error.text, "of 5 distinct rows"), "%s",
              f.error.text);
    SET(&s, "dimension", "method=twonn-fit", "keep=0.2", "se=none");
    f = compute(&s, distinct, (ist_totals){.d_source = 3}); /* four are left, none is kept */
    cr_expect(f.error.code == IST_FAILED, "%s", f.error.text);
    SET(&s, "dimension", "se=none");
    const int32_t one[5] = {2, 0, 0, 0, 0};
    e.held = one;
    f = compute(&s, e, (ist_totals){.d_source = 3, .duplicates_source = 4});
    cr_expect(f.error.code == IST_FAILED && strstr(f.error.text, "of 5 rows 4 are copies"), "%s",
              f.error.text);
}

Test(dimension, check)
{
    setting s;
    ist_error error = {0};
    SET(&s, "dimension", "method=twonn-fit", "keep=0.01");
    cr_expect(s.measure->planner.check(s.list, 100, NULL, &error) == IST_OK);
    cr_expect(s.measure->planner.check(s.list, 99, NULL, &error) == IST_REFUSED);
    cr_expect(strstr(error.text, "keep = 0.01") && strstr(error.text, "N = 99"), "%s", error.text);
    error = (ist_error){0};
    SET(&s, "dimension", "method=gride", "n1=50");
    cr_expect(s.measure->planner.check(s.list, 101, NULL, &error) == IST_OK);
    cr_expect(s.measure->planner.check(s.list, 100, NULL, &error) == IST_REFUSED);
}

/* ---- overlap ----------------------------------------------------------------------------------- */

Test(overlap, of_lists)
{
    setting s;
    SET(&s, "overlap", "k=3", "se=none");
    ist_evidence e = {.n = 4,
                      .k = 3,
                      .neighbour = (const int32_t[]){1, 2, 3, 3, 2, 0, 0, 1, 3, 2, 1, 0},
                      .target_neighbour = (const int32_t[]){3, 1, 2, 3, 0, 9, 9, 8, 7, 7, 8, 1}};
    found f = compute(&s, e, (ist_totals){.d_source = 3, .duplicates_target = 7});
    const double expected[] = {1, 2.0 / 3, 0, 1.0 / 3};
    for (int i = 0; i < 4; i++)
        cr_expect(f.value[i] == expected[i]);
    cr_expect(near(f.record.value, 0.5));
    cr_expect(strcmp(f.record.detail, "by_chance=1;duplicates_target=7") == 0, "%s",
              f.record.detail);
    ist_record_release(&f.record);
}

/* Classes of 4 and 2: with a fraction of a half their samples look at two neighbours and at one. */
Test(overlap, fraction_of_the_class)
{
    setting s;
    const int32_t class_of[6] = {0, 0, 0, 0, 1, 1};
    const int64_t size[] = {4, 2};
    ist_evidence e = {.n = 6,
                      .k = 2,
                      .neighbour = (const int32_t[]){1, 4, 0, 2, 4, 5, 4, 0, 5, 0, 0, 4},
                      .class_of = class_of,
                      .class_size = size};
    ist_totals totals = {.labels_target = true, .class_size = size, .class_count = 2};
    SET(&s, "overlap", "k=2", "se=none");
    found f = compute(&s, e, totals);
    cr_expect(near(f.record.value, (0.5 + 1 + 0 + 0.5 + 0.5 + 0.5) / 6));
    cr_expect(near(4.0 / 6 * 3 / 5 + 2.0 / 6 * 1 / 5, strtod(f.record.detail + 10, NULL)), "%s",
              f.record.detail);
    ist_record_release(&f.record);
    SET(&s, "overlap", "k=30", "class_fraction=0.5", "se=none");
    f = compute(&s, e, totals);
    cr_expect(near(f.record.value, (0.5 + 1 + 0 + 0.5 + 1 + 0) / 6));
    ist_record_release(&f.record);
    ist_label_vector labels = {.n = 6, .classes = 2, .largest = 4, .smallest = 2};
    cr_expect(s.measure->planner.needs(s.list, &labels).neighbours == 2);
    ist_error error = {0};
    cr_expect(s.measure->planner.check(s.list, 6, &labels, &error) == IST_OK);
    cr_expect(s.measure->planner.check(s.list, 6, NULL, &error) == IST_REFUSED &&
                  strstr(error.text, "class_fraction"),
              "%s", error.text);
}
