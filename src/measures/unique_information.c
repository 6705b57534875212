/* What a linearised network knows of each training sample that the others do not tell it (Harutyunyan et al. 2021,
 * arXiv 2101.06640; measures.md 7.2). With K the kernel of the training samples and its ridge, e the targets less the first
 * outputs, M = K^-1, alpha = M e, and sample i left out:
 *
 *     residual          e_i = (M_ii)^-1 alpha_i                      of its prediction by the others
 *     information       |w - w_-i|^2 / (2 sigma^2)                    = e_i' (M_ii - ridge (M^2)_ii) e_i / (2 sigma^2)
 *     functional        mean over tests of |f(x) - f_-i(x)|^2 / (2 sigma^2), f(x) - f_-i(x) = k(x) M_:i e_i
 *
 * The records are means over the samples; each sample's own number goes to results.h5.
 */
#include <math.h>
#include <string.h>

#include "common.h"

enum { PARAM_SIGMA = IST_SOLUTION_PARAMS, PARAM_TEST, PARAM_INITIAL, PARAM_PER_SAMPLE, PARAMS };

static const ist_param_spec params[PARAMS] = {
    IST_SOLUTION_ROWS,
    [PARAM_SIGMA] = {"sigma", IST_PARAM_REAL, 0, INT32_MAX, NULL, "1", NULL},
    /* in the order of ist_task.extra */
    [PARAM_TEST] = {"test", IST_PARAM_ROWS, 0, 0, NULL, IST_NO_ADDRESS, NULL},
    [PARAM_INITIAL] = {"initial", IST_PARAM_SAMPLES, 0, 0, NULL, IST_NO_ADDRESS, NULL},
    [PARAM_PER_SAMPLE] = {"per_sample", IST_PARAM_WORD, 0, 0, ist_answer_words, "true", NULL},
};

static const ist_measure_schema schema = {
    .name = "unique-information",
    .summary = "by sample, what leaving it out changes in a network linearised by its kernel "
               "(Harutyunyan et al. 2021)",
    .params = params,
    .param_count = PARAMS,
    .symmetric = true,
    .takes_labels = true,
    .wants_target = true,
    .series = "sample",
};

static ist_needs needs(const ist_value *const *values, const ist_label_vector *labels)
{
    ist_needs needs = ist_solution_needs(values, labels);
    needs.dense.left_out = true;
    return needs;
}

static ist_code check(const ist_value *const *values, int64_t n, const ist_label_vector *labels,
                      ist_error *error)
{
    if (n < 2)
        return ist_fail(error, IST_REFUSED, "of one sample none can be left out");
    if (ist_param_real(values, PARAM_SIGMA) <= 0)
        return ist_fail(error, IST_REFUSED, "'sigma' must be above 0");
    return ist_check_solution(values, labels, error);
}

/* The mean over the samples, each divided by `by`. */
static ist_record record_of(const ist_value *const *values, const ist_totals *t,
                            const char *quantity, const char *unit, const double *by_sample,
                            double by, double lost)
{
    double *series = ist_alloc((size_t)t->n, sizeof *series);
    ist_text notes = {0}, detail = {0};
    int64_t most = 0;
    for (int64_t i = 0; i < t->n; i++) {
        series[i] = by_sample[i] / by;
        if (series[i] > series[most])
            most = i;
    }
    double mean = ist_sum_in_order(series, t->n) / (double)t->n;
    ist_detail_real(&detail, "max", series[most]);
    ist_detail_integer(&detail, "max_sample", most);
    ist_add_solution_facts(t, lost, &notes, &detail);
    ist_record record =
        ist_matrix_record(t, quantity, unit, mean, (double)NAN, "none", &notes, &detail);
    if (ist_param_is(values, PARAM_PER_SAMPLE, "true")) {
        record.series = series;
        record.series_count = t->n;
    } else {
        ist_free(series);
    }
    return record;
}

static ist_code finish(const ist_value *const *values, const ist_totals *t, ist_record *records,
                       size_t *count, ist_error *error)
{
    (void)error;
    const ist_dense_totals *d = t->dense;
    double sigma = ist_param_real(values, PARAM_SIGMA), both = 2 * sigma * sigma;
    size_t made = 0;
    records[made++] = record_of(values, t, "information", "nat", d->weights, both, d->cancelled);
    if (d->tests)
        records[made++] = record_of(values, t, "functional-information", "nat", d->tests, both, 1);
    records[made++] = record_of(values, t, "loo-residual", "1", d->residual, 1, 1);
    if (t->labels_target) {
        ist_text notes = {0}, detail = {0};
        ist_detail_integer(&detail, "wrong", d->wrong);
        ist_add_solution_facts(t, 1, &notes, &detail);
        records[made++] =
            ist_matrix_record(t, "loo-error", "ratio", (double)d->wrong / (double)t->n, (double)NAN,
                              "none", &notes, &detail);
    }
    *count = made;
    return IST_OK;
}

const ist_measure ist_measure_unique_information = {
    .planner = {.schema = &schema, .version = 1, .needs = needs, .check = check},
    .finish = finish,
};
