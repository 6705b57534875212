/* Mutual information of a layer and labels by nearest neighbours (B. C. Ross, PLoS ONE 9(2) e87357, 2014):
 *
 *     I = psi(N) + (1/N) sum_i [ psi(k_i) - psi(n_{y_i}) - psi(m_i) ],
 *
 * d_i the distance of sample i to its k-th neighbour of the same class, k_i and m_i the numbers of samples of the
 * class, and of all samples, that are as near (measures.md 2.3: with ties both include them). A class of n_c <= k
 * samples has n_c - 1 neighbours; samples alone in their class are left out and N is less by them.
 */
#include <inttypes.h>
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
    .name = "mi-ross",
    .summary = "mutual information of a layer and labels, by nearest neighbours (Ross 2014)",
    .params = params,
    .param_count = PARAMS,
    .takes_labels = true,
    .tail = IST_TAIL_UPPER,
    .wants_labels = true,
};

static ist_needs needs(const ist_value *const *values, const ist_label_vector *labels)
{
    (void)labels;
    return (ist_needs){.neighbours = ist_param_integer(values, PARAM_K),
                       .among = IST_AMONG_CLASS,
                       .counts = IST_COUNTS_REACH,
                       .list_counts = true,
                       .parts = ist_param_is(values, PARAM_SE, "parts"),
                       .metric = ist_param_metric(values, PARAM_METRIC),
                       .scale = ist_param_scale(values, PARAM_SCALE),
                       .dimension = true,
                       .any_order = true};
}

static ist_code check(const ist_value *const *values, int64_t n, const ist_label_vector *labels,
                      ist_error *error)
{
    if (labels && labels->classes == n)
        return ist_fail(error, IST_REFUSED,
                        "every sample has a label of its own (%" PRId64
                        " different ones): there is no class to find neighbours in",
                        n);
    return ist_check_neighbours(schema.name, ist_param_integer(values, PARAM_K), n, error);
}

enum {
    SUM_SHORT,
    SUM_ALONE,
    SUMS
}; /* rows with fewer than k neighbours in their class; with none */

static void partial(const ist_value *const *values, const ist_evidence *e, int64_t *sums)
{
    (void)values;
    for (int64_t i = 0; i < e->count; i++) {
        sums[SUM_SHORT] += e->held[i] < e->k;
        sums[SUM_ALONE] += e->held[i] == 0;
    }
}

static void values_of_rows(const ist_value *const *values, const ist_evidence *e, double *value)
{
    (void)values;
    for (int64_t i = 0; i < e->count; i++) {
        int64_t held = e->held[i];
        value[i] = held == 0 ? (double)NAN
                             : ist_digamma(e->list_reach[i * e->k + held - 1]) -
                                   ist_digamma(e->class_size[e->class_of[e->row[i]]]) -
                                   ist_digamma(e->closer[0][i] + e->equal[0][i]);
    }
}

static double estimate(const ist_value *const *values, const ist_totals *t, const double *value,
                       int64_t n, int part)
{
    (void)values, (void)t, (void)part;
    ist_counted_sum sum = ist_sum_counted(value, n);
    return sum.count == 0 ? (double)NAN : ist_digamma(sum.count) + sum.sum / (double)sum.count;
}

static ist_code finish(const ist_value *const *values, const ist_totals *t, ist_record *records,
                       size_t *count, ist_error *error)
{
    (void)error;
    ist_text notes = {0}, detail = {0};
    double ceiling = ist_label_ceiling(t), value = estimate(values, t, t->values, t->n, -1);
    ist_detail_real(&detail, "ceiling", ceiling);
    ist_detail_integer(&detail, "classes", t->class_count);
    if (t->all[SUM_ALONE] > 0)
        ist_detail_integer(&detail, "left_out", t->all[SUM_ALONE]);
    ist_note_if(&notes, t->class_count == 1, "one-class");
    ist_note_if(&notes, t->all[SUM_SHORT] > 0, "small-classes");
    ist_note_if(&notes, value > ceiling * (1 + 1e-12) && t->class_count > 1, "above-ceiling");
    ist_note_if(&notes, fabs(value - ceiling) <= 0.01 * ceiling && t->class_count > 1, "saturated");
    ist_add_dimension(t, &notes, &detail);
    records[0] = ist_record_of(values, PARAM_SE, t, "mi", "nat", ist_param_integer(values, PARAM_K),
                               estimate, &notes, &detail);
    *count = 1;
    return IST_OK;
}

const ist_measure ist_measure_mi_ross = {
    .planner = {.schema = &schema, .version = 1, .needs = needs, .check = check},
    .sum_count = SUMS,
    .partial = partial,
    .values = values_of_rows,
    .finish = finish,
};
