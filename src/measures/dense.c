/* What measures made of matrices share. */
#include <math.h>
#include <string.h>

#include "common.h"

/* By ist_width_rule, from IST_WIDTH_MEDIAN on. */
const char *const ist_bandwidth_words[] = {"median", "silverman", "knn", "alignment", NULL};

void ist_param_bandwidth(const ist_value *const *values, int param, ist_dense_needs *needs)
{
    needs->rule = IST_WIDTH_GIVEN;
    for (int w = 0; ist_bandwidth_words[w]; w++)
        if (ist_param_is(values, param, ist_bandwidth_words[w]))
            needs->rule = (ist_width_rule)(IST_WIDTH_MEDIAN + w);
    if (needs->rule == IST_WIDTH_GIVEN)
        needs->width = ist_param_real(values, param);
}

ist_code ist_check_bandwidth(const ist_value *const *values, int param,
                             const ist_label_vector *labels, ist_error *error)
{
    ist_dense_needs needs = {0};
    ist_param_bandwidth(values, param, &needs);
    if (needs.rule == IST_WIDTH_GIVEN && needs.width <= 0)
        return ist_fail(error, IST_REFUSED,
                        "'bandwidth' must be above 0: it is the width of a "
                        "kernel exp(-d^2 / (2 s^2))");
    if (needs.rule == IST_WIDTH_ALIGNED && !labels)
        return ist_fail(error, IST_REFUSED,
                        "'bandwidth: alignment' is alignment with labels: give labels as 'target', "
                        "or another rule");
    return IST_OK;
}

/* The next power of ten above what rounding errors have grown to. */
static void add_reproducible(double lost, ist_text *detail)
{
    const double LEAST = 1e-10, ROUNDING = 16 * 0x1p-52;
    double off = LEAST;
    while (off < ROUNDING * lost && off < 1)
        off *= 10;
    ist_text_add(detail, "%sreproducible=%.0e", detail->length ? ";" : "", off);
}

void ist_add_matrix_facts(const ist_totals *t, double lost, ist_text *notes, ist_text *detail)
{
    static const char *const names[] = {"width_source", "width_target"};
    for (int side = 0; side < 2; side++)
        if (!isnan(t->dense->width[side]))
            ist_detail_real(detail, names[side], t->dense->width[side]);
    if (t->constant_source + t->constant_target > 0)
        ist_detail_integer(detail, "constant_columns", t->constant_source + t->constant_target);
    ist_note_if(notes, t->labels_target && t->class_count == 1, "one-class");
    ist_note_if(notes, t->duplicates_source > 0 || t->duplicates_target > 0, "duplicates");
    ist_note_if(notes, t->dense->unequal[0] || t->dense->unequal[1], "width-of-unequal");
    if (lost > 0)
        add_reproducible(lost, detail);
}

ist_record ist_matrix_record(const ist_totals *t, const char *quantity, const char *unit,
                             double value, double std_error, const char *se_method, ist_text *notes,
                             ist_text *detail)
{
    return (ist_record){.quantity = ist_copy_text(quantity),
                        .unit = ist_copy_text(unit),
                        .value = value,
                        .std_error = std_error,
                        .se_method = ist_copy_text(se_method),
                        .n = t->n,
                        .d_source = t->d_source,
                        .d_target = t->d_target,
                        .duplicates = t->duplicates_source,
                        .tie_fraction = (double)NAN,
                        .note = ist_take_text(notes),
                        .detail = ist_take_text(detail)};
}

/* ---- solutions with a kernel ------------------------------------------------------------------- */

const char *const ist_kernel_words[] = {"dumped", "linear", "gaussian", NULL};
const char *const ist_coding_words[] = {"one-hot", "signs", NULL};
const char *const ist_answer_words[] = {"false", "true", NULL};

ist_needs ist_solution_needs(const ist_value *const *values, const ist_label_vector *labels)
{
    ist_dense_needs dense = {.kind = IST_DENSE_SOLUTIONS,
                             .form = IST_KERNEL_DUMPED,
                             .ridge = ist_param_real(values, IST_SOLUTION_RIDGE),
                             .signs = labels && ist_param_is(values, IST_SOLUTION_CODING, "signs"),
                             .centred = ist_param_is(values, IST_SOLUTION_CENTRED, "true")};
    if (ist_param_is(values, IST_SOLUTION_KERNEL, "linear"))
        dense.form = IST_KERNEL_LINEAR;
    if (ist_param_is(values, IST_SOLUTION_KERNEL, "gaussian")) {
        dense.form = IST_KERNEL_GAUSSIAN;
        ist_param_bandwidth(values, IST_SOLUTION_BANDWIDTH, &dense);
    }
    return (ist_needs){.dense = dense};
}

ist_code ist_check_solution(const ist_value *const *values, const ist_label_vector *labels,
                            ist_error *error)
{
    bool signs = ist_param_is(values, IST_SOLUTION_CODING, "signs");
    if (signs && labels && labels->classes != 2)
        return ist_fail(error, IST_REFUSED,
                        "'coding: signs' is for labels of two classes, these have %lld: take "
                        "'one-hot'",
                        (long long)labels->classes);
    if (ist_param_is(values, IST_SOLUTION_KERNEL, "gaussian"))
        return ist_check_bandwidth(values, IST_SOLUTION_BANDWIDTH, labels, error);
    return IST_OK;
}

void ist_add_solution_facts(const ist_totals *t, double lost, ist_text *notes, ist_text *detail)
{
    const double ILL = 1e10, UNLIKE = 1e-6;
    const ist_dense_totals *d = t->dense;
    ist_detail_integer(detail, "outputs", d->outputs);
    ist_text_add(detail, ";kernel_of=%s", d->whole ? "all-outputs" : "each-output");
    ist_detail_real(detail, "trace", d->kernel_trace);
    ist_detail_real(detail, "condition", d->condition);
    if (d->condition > ILL)
        ist_detail_real(detail, "ridge_wanted", d->ridge_wanted);
    if (d->asymmetry > 0)
        ist_detail_real(detail, "asymmetry", d->asymmetry);
    ist_note_if(notes, d->condition > ILL, "ill-conditioned");
    ist_note_if(notes, d->asymmetry > UNLIKE, "asymmetric");
    ist_add_matrix_facts(t, lost > d->condition ? lost : d->condition, notes, detail);
}
