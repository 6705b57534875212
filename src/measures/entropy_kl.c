/* Differential entropy by nearest neighbours (Kozachenko & Leonenko 1987; Kraskov et al. 2004, measures.md 2.1):
 *
 *     h = psi(N) - psi(k) + ln c_d + (d/N) sum_i ln eps_i,
 *
 * eps_i the distance of sample i to its k-th neighbour, c_d the volume of the unit ball of the metric. A sample
 * with k copies of itself has eps_i = 0, and h is -infinity.
 */
#include <math.h>

#include "common.h"

enum { PARAM_K, PARAM_METRIC, PARAM_SCALE, PARAM_TIES, PARAM_SEED, PARAM_SE, PARAMS };

static const ist_param_spec params[PARAMS] = {
    [PARAM_K] = {"k", IST_PARAM_INTEGER, 1, INT32_MAX - 1, NULL, "3", NULL},
    [PARAM_METRIC] = IST_PARAM_METRIC_ROW,
    [PARAM_SCALE] = IST_PARAM_SCALE_ROW("none"),
    [PARAM_TIES] = IST_PARAM_TIES_ROW,
    [PARAM_SEED] = IST_PARAM_SEED_ROW,
    [PARAM_SE] = IST_PARAM_SE_ROW,
};

static const ist_measure_schema schema = {
    .name = "entropy-kl",
    .summary =
        "differential entropy of a layer, by nearest neighbours (Kozachenko & Leonenko 1987)",
    .params = params,
    .param_count = PARAMS,
    .alone = true,
};

static ist_needs needs(const ist_value *const *values, const ist_label_vector *labels)
{
    (void)labels;
    return (ist_needs){.neighbours = ist_param_integer(values, PARAM_K),
                       .distances = true,
                       .metric = ist_param_metric(values, PARAM_METRIC),
                       .scale = ist_param_scale(values, PARAM_SCALE),
                       .dimension = true,
                       .any_order = true,
                       .parts = ist_param_is(values, PARAM_SE, "parts")};
}

static ist_code check(const ist_value *const *values, int64_t n, const ist_label_vector *labels,
                      ist_error *error)
{
    (void)labels;
    if (ist_param_is(values, PARAM_METRIC, "cosine"))
        return ist_fail(error, IST_REFUSED,
                        "metric: cosine sees directions only, which have no volume in the layer's "
                        "columns: take euclidean, manhattan or chebyshev");
    return ist_check_neighbours(schema.name, ist_param_integer(values, PARAM_K), n, error);
}

enum { SUM_ZERO, SUMS };

static void partial(const ist_value *const *values, const ist_evidence *e, int64_t *sums)
{
    (void)values;
    for (int64_t i = 0; i < e->count; i++)
        sums[SUM_ZERO] += e->distance[i * e->k + e->k - 1] == 0;
}

/* ln eps; the engine has squares of euclidean distances. */
static void values_of_rows(const ist_value *const *values, const ist_evidence *e, double *value)
{
    double power = ist_param_is(values, PARAM_METRIC, "euclidean") ? 0.5 : 1;
    for (int64_t i = 0; i < e->count; i++)
        value[i] = power * ist_ln(e->distance[i * e->k + e->k - 1]);
}

static double log_ball(const ist_value *const *values, int64_t d)
{
    const double LOG_2 = 0.69314718055994530942, LOG_PI = 1.1447298858494001741;
    if (ist_param_is(values, PARAM_METRIC, "euclidean"))
        return (double)d / 2 * LOG_PI - ist_log_gamma_half(d + 2);
    double cube = (double)d * LOG_2;
    return ist_param_is(values, PARAM_METRIC, "manhattan") ? cube - ist_log_gamma_half(2 * d + 2)
                                                           : cube;
}

static double estimate(const ist_value *const *values, const ist_totals *t, const double *value,
                       int64_t n, int part)
{
    (void)part;
    double d = (double)t->d_source;
    /* Rows that are all equal have no unit; their entropy is -infinity in any. */
    bool rms = ist_param_is(values, PARAM_SCALE, "rms") && t->square_source > 0;
    double unit = rms ? ist_ln(t->square_source) / 2 : 0;
    return ist_digamma(n) - ist_digamma(ist_param_integer(values, PARAM_K)) +
           log_ball(values, t->d_source) + d / (double)n * ist_sum_in_order(value, n) - d * unit;
}

static ist_code finish(const ist_value *const *values, const ist_totals *t, ist_record *records,
                       size_t *count, ist_error *error)
{
    (void)error;
    ist_text notes = {0}, detail = {0};
    ist_detail_real(&detail, "zero_radius", (double)t->all[SUM_ZERO] / (double)t->n);
    ist_note_if(&notes, t->all[SUM_ZERO] > 0, "zero-radius");
    ist_add_dimension(t, &notes, &detail);
    records[0] = ist_record_of(values, PARAM_SE, t, "entropy", "nat",
                               ist_param_integer(values, PARAM_K), estimate, &notes, &detail);
    *count = 1;
    return IST_OK;
}

const ist_measure ist_measure_entropy_kl = {
    .planner = {.schema = &schema, .version = 1, .needs = needs, .check = check},
    .sum_count = SUMS,
    .partial = partial,
    .values = values_of_rows,
    .finish = finish,
};
