/* Mutual information of two layers by nearest neighbours (Kraskov, Stoegbauer & Grassberger, Phys. Rev. E 69, 066138,
 * 2004; measures.md 2.2), d = max(d_X, d_Y):
 *
 *     type 1   I = psi(N) + (1/N) sum_i [ psi(k) - psi(n_x + 1) - psi(n_y + 1) ],  n: strictly nearer than the k-th
 *              joint neighbour in X, in Y
 *     type 2   I = psi(N) + (1/N) sum_i [ psi(k) - 1/k - psi(n_x) - psi(n_y) ],  n: not farther than the farthest, in X,
 *              in Y, of the k joint neighbours
 *
 * Type 1, where the k-th joint distance is 0: the rows equal in both layers instead of k, those equal in X, in Y
 * instead of n + 1, all with row i itself (measures.md 2.4).
 */
#include <math.h>

#include "common.h"

enum { PARAM_TYPE, PARAM_K, PARAM_METRIC, PARAM_SCALE, PARAM_TIES, PARAM_SEED, PARAM_SE, PARAMS };

static const ist_param_spec params[PARAMS] = {
    [PARAM_TYPE] = {"type", IST_PARAM_INTEGER, 1, 2, NULL, "1", NULL},
    [PARAM_K] = {"k", IST_PARAM_INTEGER, 1, INT32_MAX - 1, NULL, "3", NULL},
    [PARAM_METRIC] = IST_PARAM_METRIC_ROW,
    [PARAM_SCALE] = IST_PARAM_SCALE_ROW("rms"),
    [PARAM_TIES] = IST_PARAM_TIES_ROW,
    [PARAM_SEED] = IST_PARAM_SEED_ROW,
    [PARAM_SE] = IST_PARAM_SE_ROW,
};

static const ist_measure_schema schema = {
    .name = "mi-ksg",
    .summary = "mutual information of two layers, by nearest neighbours (Kraskov et al. 2004)",
    .params = params,
    .param_count = PARAMS,
    .symmetric = true,
    .tail = IST_TAIL_UPPER,
};

static bool is_first(const ist_value *const *values)
{
    return ist_param_integer(values, PARAM_TYPE) == 1;
}

static ist_needs needs(const ist_value *const *values, const ist_label_vector *labels)
{
    (void)labels;
    return (ist_needs){.neighbours = ist_param_integer(values, PARAM_K),
                       .among = IST_AMONG_JOINT,
                       .counts = is_first(values) ? IST_COUNTS_JOINT : IST_COUNTS_BOX,
                       .distances = true,
                       .list_counts = is_first(values),
                       .any_order = is_first(values),
                       .parts = ist_param_is(values, PARAM_SE, "parts"),
                       .ties = ist_param_tie_rule(values, PARAM_TIES, PARAM_SEED),
                       .metric = ist_param_metric(values, PARAM_METRIC),
                       .scale = ist_param_scale(values, PARAM_SCALE),
                       .dimension = true};
}

static ist_code check(const ist_value *const *values, int64_t n, const ist_label_vector *labels,
                      ist_error *error)
{
    (void)labels;
    return ist_check_neighbours(schema.name, ist_param_integer(values, PARAM_K), n, error);
}

enum { SUM_ZERO, SUMS };

static void partial(const ist_value *const *values, const ist_evidence *e, int64_t *sums)
{
    (void)values;
    for (int64_t i = 0; i < e->count; i++)
        sums[SUM_ZERO] += e->distance[i * e->k + e->k - 1] == 0;
}

static double of_first_type(const ist_evidence *e, int64_t i)
{
    int64_t last = i * e->k + e->k - 1;
    if (e->distance[last] == 0)
        return ist_digamma(e->list_reach[last] + 1) - ist_digamma(e->equal[0][i] + 1) -
               ist_digamma(e->equal[1][i] + 1);
    return ist_digamma(e->k) - ist_digamma(e->closer[0][i] + 1) - ist_digamma(e->closer[1][i] + 1);
}

static double of_second_type(const ist_evidence *e, int64_t i)
{
    return ist_digamma(e->k) - 1 / (double)e->k - ist_digamma(e->closer[0][i] + e->equal[0][i]) -
           ist_digamma(e->closer[1][i] + e->equal[1][i]);
}

static void values_of_rows(const ist_value *const *values, const ist_evidence *e, double *value)
{
    bool first = is_first(values);
    for (int64_t i = 0; i < e->count; i++)
        value[i] = first ? of_first_type(e, i) : of_second_type(e, i);
}

static double estimate(const ist_value *const *values, const ist_totals *t, const double *value,
                       int64_t n, int part)
{
    (void)values, (void)t, (void)part;
    return ist_digamma(n) + ist_sum_in_order(value, n) / (double)n;
}

static ist_code finish(const ist_value *const *values, const ist_totals *t, ist_record *records,
                       size_t *count, ist_error *error)
{
    (void)error;
    records[0] = ist_joint_record(values, PARAM_K, PARAM_SCALE, PARAM_SE, t, t->all[SUM_ZERO],
                                  is_first(values) ? IST_CALIBRATED_TYPE_1 : IST_CALIBRATED_TYPE_2,
                                  estimate);
    *count = 1;
    return IST_OK;
}

const ist_measure ist_measure_mi_ksg = {
    .planner = {.schema = &schema, .version = 2, .needs = needs, .check = check},
    .sum_count = SUMS,
    .partial = partial,
    .values = values_of_rows,
    .finish = finish,
};
