/* Mutual information of discrete-continuous mixtures (Gao, Kannan, Oh & Viswanath 2017, arXiv 1709.06212; measures.md
 * 2.4), d = max(d_X, d_Y), r the distance to the k-th neighbour; row i itself is in all counts but k:
 *
 *     r = 0: k' = rows at d = 0, n = rows at distance 0;  else k' = k, n = rows strictly nearer than r
 *     form code    I = (1/N) sum_i [ psi(k') + ln N - psi(n_x) - psi(n_y) ]
 *     form paper   I = (1/N) sum_i [ psi(k') + ln N - ln(n_x') - ln(n_y') ],  n': rows not farther than r
 *
 * Labels are a space of distances 0 within a class and infinity between classes: neighbours are those of the class,
 * and n_y is its size.
 */
#include <inttypes.h>
#include <math.h>

#include "common.h"

enum { PARAM_FORM, PARAM_K, PARAM_METRIC, PARAM_SCALE, PARAM_TIES, PARAM_SEED, PARAM_SE, PARAMS };

static const char *const forms[] = {"code", "paper", NULL};

static const ist_param_spec params[PARAMS] = {
    [PARAM_FORM] = {"form", IST_PARAM_WORD, 0, 0, forms, "code", NULL},
    [PARAM_K] = {"k", IST_PARAM_INTEGER, 1, INT32_MAX - 1, NULL, "5", NULL},
    [PARAM_METRIC] = IST_PARAM_METRIC_ROW,
    [PARAM_SCALE] = IST_PARAM_SCALE_ROW("rms"),
    [PARAM_TIES] = IST_PARAM_TIES_ROW,
    [PARAM_SEED] = IST_PARAM_SEED_ROW,
    [PARAM_SE] = IST_PARAM_SE_ROW,
};

static const ist_measure_schema schema = {
    .name = "mi-mixed",
    .summary = "mutual information of a layer with another or with labels, where values repeat "
               "(Gao et al. 2017)",
    .params = params,
    .param_count = PARAMS,
    .symmetric = true,
    .takes_labels = true,
    .tail = IST_TAIL_UPPER,
};

static bool is_code(const ist_value *const *values)
{
    return ist_param_is(values, PARAM_FORM, "code");
}

static ist_needs needs(const ist_value *const *values, const ist_label_vector *labels)
{
    ist_count_kind joint = is_code(values) ? IST_COUNTS_JOINT : IST_COUNTS_JOINT_REACH;
    return (ist_needs){.neighbours = ist_param_integer(values, PARAM_K),
                       .among = labels ? IST_AMONG_CLASS : IST_AMONG_JOINT,
                       .counts = labels ? IST_COUNTS_NEARER : joint,
                       .distances = true,
                       .list_counts = true,
                       .any_order = true,
                       .parts = ist_param_is(values, PARAM_SE, "parts"),
                       .ties = ist_param_tie_rule(values, PARAM_TIES, PARAM_SEED),
                       .metric = ist_param_metric(values, PARAM_METRIC),
                       .scale = ist_param_scale(values, PARAM_SCALE),
                       .dimension = true};
}

static ist_code check(const ist_value *const *values, int64_t n, const ist_label_vector *labels,
                      ist_error *error)
{
    int64_t k = ist_param_integer(values, PARAM_K);
    if (labels && labels->smallest <= k)
        return ist_fail(error, IST_REFUSED,
                        "k = %" PRId64 " is not below the size of the smallest class, %" PRId64
                        ": its samples have no k neighbours with their label (mi-ross takes what "
                        "there is)",
                        k, labels->smallest);
    return ist_check_neighbours(schema.name, k, n, error);
}

enum { SUM_ZERO, SUMS };

static double radius_of(const ist_evidence *e, int64_t i)
{
    return e->distance[i * e->k + e->k - 1];
}

/* Within a random part a class may be too small. */
static bool is_short(const ist_evidence *e, int64_t i)
{
    return e->held && e->held[i] < e->k;
}

static void partial(const ist_value *const *values, const ist_evidence *e, int64_t *sums)
{
    (void)values;
    for (int64_t i = 0; i < e->count; i++)
        sums[SUM_ZERO] += !is_short(e, i) && radius_of(e, i) == 0;
}

/* n of the source (0) or target layer (1), row i included. */
static int64_t count_of(const ist_value *const *values, const ist_evidence *e, int64_t i, int side)
{
    if (side == 1 && e->class_of)
        return e->class_size[e->class_of[e->row[i]]];
    int64_t closer = e->closer[side][i], equal = e->equal[side][i];
    if (is_code(values))
        return 1 + (radius_of(e, i) == 0 ? equal : closer);
    return 1 + (e->class_of ? closer + equal : closer);
}

static void values_of_rows(const ist_value *const *values, const ist_evidence *e, double *value)
{
    bool code = is_code(values);
    for (int64_t i = 0; i < e->count; i++) {
        if (is_short(e, i)) {
            value[i] = NAN;
            continue;
        }
        bool zero = radius_of(e, i) == 0;
        int64_t k = zero ? e->list_reach[i * e->k + e->k - 1] + 1 : e->k;
        int64_t x = count_of(values, e, i, 0), y = count_of(values, e, i, 1);
        value[i] = ist_digamma(k) -
                   (code ? ist_digamma(x) + ist_digamma(y) : ist_ln((double)x) + ist_ln((double)y));
    }
}

static double estimate(const ist_value *const *values, const ist_totals *t, const double *value,
                       int64_t n, int part)
{
    (void)values, (void)t, (void)part;
    ist_counted_sum sum = ist_sum_counted(value, n);
    return sum.count < n ? (double)NAN : ist_ln((double)n) + sum.sum / (double)n;
}

static ist_code finish(const ist_value *const *values, const ist_totals *t, ist_record *records,
                       size_t *count, ist_error *error)
{
    (void)error;
    records[0] =
        ist_joint_record(values, PARAM_K, PARAM_SCALE, PARAM_SE, t, t->all[SUM_ZERO],
                         is_code(values) ? IST_CALIBRATED_TYPE_1 : IST_CALIBRATED_PAPER, estimate);
    *count = 1;
    return IST_OK;
}

const ist_measure ist_measure_mi_mixed = {
    .planner = {.schema = &schema, .version = 2, .needs = needs, .check = check},
    .sum_count = SUMS,
    .partial = partial,
    .values = values_of_rows,
    .finish = finish,
};
