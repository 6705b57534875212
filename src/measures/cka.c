/* Centred kernel alignment of two layers, or of a layer and labels (Kornblith et al. 2019; measures.md 9.3):
 *
 *     CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))     HSIC(K, L) = tr(K H L H), H = I - 1/n
 *
 * linear: K = X X', which is |A'B|^2 / (|A'A| |B'B|) of centred columns; gaussian: K_ij = exp(-d_ij^2 / (2 s^2)); labels:
 * 1 where they are equal, else 0. debiased: the HSIC of Song et al. (2012), with diagonals of 0.
 */
#include <math.h>

#include "common.h"

enum { PARAM_KERNEL, PARAM_BANDWIDTH, PARAM_DEBIASED, PARAMS };

static const char *const kernels[] = {"linear", "gaussian", NULL};
static const char *const answers[] = {"false", "true", NULL};

static const ist_param_spec params[PARAMS] = {
    [PARAM_KERNEL] = {"kernel", IST_PARAM_WORD, 0, 0, kernels, "linear", NULL},
    [PARAM_BANDWIDTH] = IST_PARAM_BANDWIDTH_ROW("kernel=gaussian"),
    [PARAM_DEBIASED] = {"debiased", IST_PARAM_WORD, 0, 0, answers, "false", NULL},
};

static const ist_measure_schema schema = {
    .name = "cka",
    .summary = "centred kernel alignment of two layers or of a layer and labels (Kornblith 2019)",
    .params = params,
    .param_count = PARAMS,
    .symmetric = true,
    .takes_labels = true,
};

static bool is_gaussian(const ist_value *const *values)
{
    return ist_param_is(values, PARAM_KERNEL, "gaussian");
}

static ist_needs needs(const ist_value *const *values, const ist_label_vector *labels)
{
    (void)labels;
    ist_dense_needs dense = {.kind = IST_DENSE_ALIGNMENT,
                             .form = is_gaussian(values) ? IST_KERNEL_GAUSSIAN : IST_KERNEL_LINEAR};
    if (is_gaussian(values))
        ist_param_bandwidth(values, PARAM_BANDWIDTH, &dense);
    return (ist_needs){.dense = dense};
}

static ist_code check(const ist_value *const *values, int64_t n, const ist_label_vector *labels,
                      ist_error *error)
{
    if (n < 4)
        return ist_fail(error, IST_REFUSED, "centred alignment needs 4 samples or more");
    return is_gaussian(values) ? ist_check_bandwidth(values, PARAM_BANDWIDTH, labels, error)
                               : IST_OK;
}

/* Of matrices a and b (0: source, 1: target), `dot` being the sum of their entries' products. 0 where the terms cancel but for
 * their roundings. */
static double hsic(const ist_totals *t, int a, int b, double dot, bool debiased)
{
    const ist_dense_totals *d = t->dense;
    const double ROUNDING = 64 * 0x1p-52;
    double n = (double)t->n, sums[2] = {0, 0}, rows = 0, least = ROUNDING * fabs(dot);
    for (int64_t i = 0; i < t->n; i++) {
        double x = d->row_sum[a][i], y = d->row_sum[b][i];
        if (debiased) {
            dot -= d->diagonal[a][i] * d->diagonal[b][i];
            x -= d->diagonal[a][i];
            y -= d->diagonal[b][i];
        }
        sums[0] += x;
        sums[1] += y;
        rows += x * y;
    }
    double found = dot + sums[0] * sums[1] / ((n - 1) * (n - 2)) - 2 / (n - 2) * rows;
    if (!debiased)
        found = d->centred ? dot : dot - 2 / n * rows + sums[0] * sums[1] / (n * n);
    return fabs(found) <= least ? 0 : debiased ? found / (n * (n - 3)) : found;
}

static ist_code finish(const ist_value *const *values, const ist_totals *t, ist_record *records,
                       size_t *count, ist_error *error)
{
    const double *dot = t->dense->dot;
    bool debiased = ist_param_is(values, PARAM_DEBIASED, "true");
    double both = hsic(t, 0, 1, dot[0], debiased);
    double source = hsic(t, 0, 0, dot[1], debiased), target = hsic(t, 1, 1, dot[2], debiased);
    if (!(source > 0 && target > 0))
        return ist_fail(error, IST_FAILED,
                        debiased ? "the %s has no variation between samples beyond chance"
                                 : "the %s has no variation: all of its samples are alike",
                        source > 0 ? "target" : "source");
    ist_text notes = {0}, detail = {0};
    ist_add_matrix_facts(t, 1, &notes, &detail);
    records[0] = ist_matrix_record(t, "similarity", "ratio", both / sqrt(source * target),
                                   (double)NAN, "none", &notes, &detail);
    *count = 1;
    return IST_OK;
}

const ist_measure ist_measure_cka = {
    .planner = {.schema = &schema, .version = 1, .needs = needs, .check = check},
    .finish = finish,
};
