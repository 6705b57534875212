/* Matrix-based Renyi entropy of order alpha (Sanchez Giraldo, Rao & Principe 2014; Yu et al. 2019; measures.md 4.3):
 *
 *     A = K / tr K, K_ij = exp(-d_ij^2 / (2 s^2))         S(A) = ln(sum_i lambda_i^alpha) / (1 - alpha)
 *     I(A; B) = S(A) + S(B) - S(A o B / tr(A o B))        nmi = I / min(S(A), S(B))
 *
 * lambda: eigenvalues of A; alpha = 1 is the limit, -sum lambda ln lambda; of labels K_ij = 1 where they are equal, else 0.
 * alpha = 2 needs no eigenvalues: sum lambda^2 = sum_ij A_ij^2.
 */
#include <math.h>
#include <string.h>

#include "common.h"

enum { PARAM_ALPHA, PARAM_BANDWIDTH, PARAM_PROBES, PARAM_SEED, PARAMS };
enum { MOST_ALPHA = 100, MOST_PROBES = 4096 };

static const ist_param_spec params[PARAMS] = {
    [PARAM_ALPHA] = {"alpha", IST_PARAM_REAL, 1, MOST_ALPHA, NULL, "1.01", NULL},
    [PARAM_BANDWIDTH] = IST_PARAM_BANDWIDTH_ROW(NULL),
    [PARAM_PROBES] = {"probes", IST_PARAM_INTEGER, 0, MOST_PROBES, NULL, "0", NULL},
    [PARAM_SEED] = IST_PARAM_SEED_ROW,
};

static const ist_measure_schema schema = {
    .name = "renyi",
    .summary = "matrix-based Renyi entropy of a layer, and information of a layer and labels or of "
               "two layers (Sanchez Giraldo 2014)",
    .params = params,
    .param_count = PARAMS,
    .symmetric = true,
    .takes_labels = true,
    .may_be_alone = true,
};

static double alpha_of(const ist_value *const *values)
{
    return ist_param_real(values, PARAM_ALPHA);
}

static ist_needs needs(const ist_value *const *values, const ist_label_vector *labels)
{
    (void)labels;
    int64_t probes = ist_param_integer(values, PARAM_PROBES);
    ist_dense_needs dense = {.kind = probes > 0 ? IST_DENSE_TRACES : IST_DENSE_SPECTRA,
                             .power = alpha_of(values),
                             .probes = (int)probes,
                             .seed = (uint64_t)ist_param_integer(values, PARAM_SEED)};
    if (alpha_of(values) == 2)
        dense.kind = IST_DENSE_MOMENTS;
    ist_param_bandwidth(values, PARAM_BANDWIDTH, &dense);
    return (ist_needs){.dense = dense};
}

static ist_code check(const ist_value *const *values, int64_t n, const ist_label_vector *labels,
                      ist_error *error)
{
    if (ist_check_bandwidth(values, PARAM_BANDWIDTH, labels, error) != IST_OK)
        return error->code;
    if (ist_param_integer(values, PARAM_PROBES) > 0 && alpha_of(values) == 1)
        return ist_fail(error, IST_REFUSED,
                        "'probes' estimate sums of powers: take 'alpha: 1.01' instead of 1, or "
                        "'probes: 0'");
    if (n <= IST_WIDTH_NEIGHBOURS)
        return ist_fail(error, IST_REFUSED,
                        "an entropy of %lld samples says nothing: more than %d "
                        "are needed",
                        (long long)n, IST_WIDTH_NEIGHBOURS);
    return IST_OK;
}

/* ---- entropies ------------------------------------------------------------------------------- */

/* Each eigenvalue's part of sum lambda^alpha, or of -sum lambda ln lambda. */
static double term(double value, double alpha)
{
    if (value <= 0)
        return 0;
    return alpha == 1 ? -value * ist_ln(value) : ist_exp(alpha * ist_ln(value));
}

static double sum_of_terms(const double *spectrum, int64_t n, double alpha)
{
    double *terms = ist_alloc((size_t)n, sizeof *terms);
    for (int64_t i = 0; i < n; i++)
        terms[i] = term(spectrum[n - 1 - i], alpha);
    double sum = ist_sum_in_order(terms, n);
    ist_free(terms);
    return sum;
}

/* Not -0, and not below 0 by rounding. */
static double entropy_of_sum(double sum, double alpha)
{
    if (alpha != 1 && !(sum > 0))
        return (double)NAN; /* an estimate that says nothing */
    double s = alpha == 1 ? sum : ist_ln(sum) / (1 - alpha);
    return s > 0 ? s : 0;
}

static double mean_trace(const ist_dense_totals *d, int which)
{
    return ist_sum_in_order(d->trace[which], d->probes) / d->probes;
}

/* Of the source, of the target, of both. Labels have their eigenvalues also where others are estimated. */
static double entropy_of(const ist_totals *t, double alpha, int which)
{
    const ist_dense_totals *d = t->dense;
    if (d->spectrum[which])
        return entropy_of_sum(sum_of_terms(d->spectrum[which], t->n, alpha), alpha);
    if (d->trace[which])
        return entropy_of_sum(mean_trace(d, which), alpha);
    return entropy_of_sum(d->squares[which], alpha);
}

/* By the probes: all three matrices are seen by the same ones, and what each adds to the entropies is linear in its
 * trace for small errors. signs: of the three in the number that is wanted. */
static double error_of(const ist_totals *t, double alpha, const int signs[3])
{
    const ist_dense_totals *d = t->dense;
    double squares = 0;
    for (int p = 0; p < d->probes; p++) {
        double off = 0;
        for (int which = 0; which < 3; which++)
            if (d->trace[which] && signs[which] != 0) {
                double mean = mean_trace(d, which);
                off += signs[which] * (d->trace[which][p] - mean) / (mean * (1 - alpha));
            }
        squares += off * off;
    }
    return d->probes > 1 ? sqrt(squares / (d->probes - 1) / d->probes) : (double)NAN;
}

/* ---- records --------------------------------------------------------------------------------- */

/* Of ln n: entropies that close to their limits say nothing of the samples. */
static const double SHARE = 0.01;

typedef struct {
    const ist_totals *t;
    double alpha, entropy[3];
    bool alone, exact;
} result;

/* What is left of entropies that cancel has their rounding errors, and those of a power near 1 have those of the eigenvalues' sum over
 * alpha - 1. */
static double rounding_grown(const result *r, double value)
{
    double sum = r->alpha == 1 ? 1 : 1 / fabs(r->alpha - 1);
    for (int which = 0; which < 3; which++)
        sum += fabs(r->entropy[which]);
    return fabs(value) > 0 ? fmax(1, sum / fabs(value)) : 1;
}

/* Entries of 0 and 1 alone: what is measured is which samples are equal (or far closer than the width, and all others far), not a
 * distance. Where all are alike, or none, notes of their own say so. */
static bool is_of_clusters(const result *r, int side)
{
    const double most = ist_ln((double)r->t->n);
    return r->t->dense->zero_or_one[side] && r->entropy[side] > SHARE * most &&
           r->entropy[side] < (1 - SHARE) * most;
}

static ist_record record_of(const result *r, const char *quantity, const char *unit, double value,
                            const int signs[3], double divisor)
{
    static const char *const names[] = {"entropy_source", "entropy_target", "entropy_joint"};
    const ist_totals *t = r->t;
    double most = ist_ln((double)t->n), error = NAN;
    ist_text notes = {0}, detail = {0};
    for (int which = 0; which < 3 && !r->alone; which++)
        ist_detail_real(&detail, names[which], r->entropy[which]);
    if (t->dense->probes > 0) {
        ist_detail_integer(&detail, "probes", t->dense->probes);
        error = error_of(t, r->alpha, signs) / divisor;
    }
    ist_note_if(&notes, r->entropy[0] > (1 - SHARE) * most, "narrow-kernel");
    ist_note_if(&notes, r->entropy[0] < SHARE * most, "wide-kernel");
    ist_note_if(&notes, is_of_clusters(r, 0) || is_of_clusters(r, 1), "clusters-only");
    ist_note_if(&notes, isnan(value), "no-entropy");
    ist_add_matrix_facts(t, r->exact ? 0 : rounding_grown(r, value * divisor), &notes, &detail);
    return ist_matrix_record(t, quantity, unit, value, error,
                             t->dense->probes > 0 ? "probes" : "none", &notes, &detail);
}

static ist_code finish(const ist_value *const *values, const ist_totals *t, ist_record *records,
                       size_t *count, ist_error *error)
{
    (void)error;
    static const int of_source[3] = {1, 0, 0}, of_all[3] = {1, 1, -1};
    bool exact = alpha_of(values) == 2;
    result r = {.t = t, .alpha = alpha_of(values), .exact = exact};
    r.alone = t->d_target == 0 && !t->labels_target;
    for (int which = 0; which < (r.alone ? 1 : 3); which++)
        r.entropy[which] = entropy_of(t, r.alpha, which);
    if (r.alone) {
        records[(*count)++] = record_of(&r, "entropy", "nat", r.entropy[0], of_source, 1);
        return IST_OK;
    }
    double mi = r.entropy[0] + r.entropy[1] - r.entropy[2];
    double least = r.entropy[0] < r.entropy[1] ? r.entropy[0] : r.entropy[1];
    records[(*count)++] = record_of(&r, "mi", "nat", mi, of_all, 1);
    records[(*count)++] =
        record_of(&r, "nmi", "ratio", least > 0 ? mi / least : (double)NAN, of_all, least);
    return IST_OK;
}

const ist_measure ist_measure_renyi = {
    .planner = {.schema = &schema, .version = 1, .needs = needs, .check = check},
    .finish = finish,
};
