/* Intrinsic dimension from the distances r_1 <= r_2 <= ... of each sample to its nearest (measures.md 9.1):
 *
 *   twonn      Facco et al. 2017, maximum likelihood: (N-1) / sum_i ln mu_i, mu = r_2 / r_1
 *   twonn-fit  the same paper: slope through the origin of -ln(1 - i/N) over the sorted ln mu, the first int(keep N)
 *   gride      Denti et al. 2022: mu = r_{2 n1} / r_{n1}, root of the likelihood's derivative
 *   mle        Levina & Bickel 2005: m_i = mean over j < k of ln(r_k / r_j); 1 / mean m_i (mackay: MacKay &
 *              Ghahramani 2005) or mean 1 / m_i (levina)
 *
 * All of distinct rows: copies of an earlier row are left out, and N is less by them.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "common.h"

enum {
    PARAM_METHOD,
    PARAM_N1,
    PARAM_K,
    PARAM_AVERAGE,
    PARAM_KEEP,
    PARAM_SCALE,
    PARAM_TIES,
    PARAM_SEED,
    PARAM_SE,
    PARAMS
};

static const char *const methods[] = {"twonn", "twonn-fit", "gride", "mle", NULL};
static const char *const averages[] = {"mackay", "levina", NULL};

static const ist_param_spec params[PARAMS] = {
    [PARAM_METHOD] = {"method", IST_PARAM_WORD, 0, 0, methods, "twonn", NULL},
    [PARAM_N1] = {"n1", IST_PARAM_INTEGER, 1, INT32_MAX / 2, NULL, "1, 2, 4, 8", "method=gride"},
    [PARAM_K] = {"k", IST_PARAM_INTEGER, 2, INT32_MAX - 1, NULL, "10", "method=mle"},
    [PARAM_AVERAGE] = {"average", IST_PARAM_WORD, 0, 0, averages, "mackay", "method=mle"},
    [PARAM_KEEP] = {"keep", IST_PARAM_REAL, 0, 1, NULL, "0.9", "method=twonn-fit"},
    [PARAM_SCALE] = IST_PARAM_SCALE_ROW("none"),
    [PARAM_TIES] = IST_PARAM_TIES_ROW,
    [PARAM_SEED] = IST_PARAM_SEED_ROW,
    [PARAM_SE] = IST_PARAM_SE_ROW,
};

static const ist_measure_schema schema = {
    .name = "dimension",
    .summary = "intrinsic dimension of a layer, by nearest neighbours",
    .params = params,
    .param_count = PARAMS,
    .alone = true,
};

static bool is_gride(const ist_value *const *values)
{
    return ist_param_is(values, PARAM_METHOD, "gride");
}

static bool is_mle(const ist_value *const *values)
{
    return ist_param_is(values, PARAM_METHOD, "mle");
}

static int64_t neighbours(const ist_value *const *values)
{
    return is_gride(values) ? 2 * ist_param_integer(values, PARAM_N1)
           : is_mle(values) ? ist_param_integer(values, PARAM_K)
                            : 2;
}

static ist_needs needs(const ist_value *const *values, const ist_label_vector *labels)
{
    (void)labels;
    return (ist_needs){.neighbours = neighbours(values),
                       .among = IST_AMONG_DISTINCT,
                       .distances = true,
                       .any_order = true,
                       .scale = ist_param_scale(values, PARAM_SCALE),
                       .parts = ist_param_is(values, PARAM_SE, "parts")};
}

static ist_code check(const ist_value *const *values, int64_t n, const ist_label_vector *labels,
                      ist_error *error)
{
    (void)labels;
    double keep = ist_param_real(values, PARAM_KEEP);
    if (ist_param_is(values, PARAM_METHOD, "twonn-fit") && keep * (double)n < 1)
        return ist_fail(error, IST_REFUSED,
                        "keep = %g leaves none of N = %" PRId64 " samples to fit the line to", keep,
                        n);
    return ist_check_neighbours(schema.name, neighbours(values), n, error);
}

/* ---- one number a row ---------------------------------------------------------------------- */

/* Half of the logarithm of a ratio of squares. */
static double log_ratio(double far, double near)
{
    return (ist_ln(far) - ist_ln(near)) / 2;
}

static double of_row(const ist_value *const *values, const double *square, int64_t k)
{
    if (!is_mle(values))
        return log_ratio(square[k - 1], square[is_gride(values) ? k / 2 - 1 : 0]);
    double sum = 0;
    for (int64_t j = 0; j < k - 1; j++)
        sum += log_ratio(square[k - 1], square[j]);
    return sum / (double)(k - 1);
}

static void values_of_rows(const ist_value *const *values, const ist_evidence *e, double *value)
{
    for (int64_t i = 0; i < e->count; i++)
        value[i] = e->held && e->held[i] < e->k ? (double)NAN
                                                : of_row(values, e->distance + i * e->k, e->k);
}

/* ---- estimates ----------------------------------------------------------------------------- */

/* The rows that are not left out, in their order. */
static double *take_kept(const double *value, int64_t n, int64_t *count)
{
    double *kept = ist_alloc((size_t)n, sizeof *kept);
    *count = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(value[i]))
            kept[(*count)++] = value[i];
    return kept;
}

static double fit(double keep, double *log_mu, int64_t n)
{
    int64_t kept = (int64_t)(keep * (double)n);
    double *xy = ist_alloc((size_t)kept, sizeof *xy), *xx = ist_alloc((size_t)kept, sizeof *xx);
    ist_sort_reals(log_mu, n);
    for (int64_t i = 0; i < kept; i++) {
        double y = -ist_ln(1 - (double)(i + 1) / (double)n);
        xy[i] = log_mu[i] * y;
        xx[i] = log_mu[i] * log_mu[i];
    }
    double slope = ist_sum_in_order(xy, kept) / ist_sum_in_order(xx, kept);
    ist_free(xy);
    ist_free(xx);
    return slope;
}

/* x / (1 - e^(-d x)), 1 / d at x = 0 */
static double weighted(double x, double d)
{
    double power = 1 - ist_exp(-d * x);
    return power > 0 ? x / power : 1 / d;
}

/* The derivative of the likelihood, (N-1) / d - sum ln mu [(1 + n1 - n2) / (1 - mu^-d) + n2 - 1] with n2 = 2 n1;
 * it falls with d. */
static double slope_at(double d, int64_t n1, const double *log_mu, int64_t n, double *room)
{
    for (int64_t i = 0; i < n; i++)
        room[i] = (double)(2 * n1 - 1) * log_mu[i] - (double)(n1 - 1) * weighted(log_mu[i], d);
    return (double)(n - 1) / d - ist_sum_in_order(room, n);
}

static double gride(int64_t n1, const double *log_mu, int64_t n)
{
    enum { HALVINGS = 60 };
    double low = 1e-3, high = 1e3, *room = ist_alloc((size_t)n, sizeof *room);
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (slope_at(middle, n1, log_mu, n, room) > 0)
            low = middle;
        else
            high = middle;
    }
    ist_free(room);
    return (low + high) / 2;
}

static double levina(double *m, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        m[i] = 1 / m[i];
    return ist_sum_in_order(m, n) / (double)n;
}

static double estimate(const ist_value *const *values, const ist_totals *t, const double *value,
                       int64_t rows, int part)
{
    (void)t, (void)part;
    int64_t n;
    double *kept = take_kept(value, rows, &n), d = NAN;
    double keep = ist_param_real(values, PARAM_KEEP);
    int64_t n1 = is_gride(values) ? ist_param_integer(values, PARAM_N1) : 1;
    if (n < 2)
        d = NAN;
    else if (is_mle(values) && ist_param_is(values, PARAM_AVERAGE, "levina"))
        d = levina(kept, n);
    else if (is_mle(values))
        d = (double)n / ist_sum_in_order(kept, n);
    else if (is_gride(values) && n1 > 1)
        d = gride(n1, kept, n);
    else if (ist_param_is(values, PARAM_METHOD, "twonn-fit") && keep < 1)
        d = fit(keep, kept, n);
    else
        d = (double)(n - 1) / ist_sum_in_order(kept, n);
    ist_free(kept);
    return d;
}

/* ---- the record ---------------------------------------------------------------------------- */

static ist_code finish(const ist_value *const *values, const ist_totals *t, ist_record *records,
                       size_t *count, ist_error *error)
{
    int64_t k = neighbours(values), distinct = ist_sum_counted(t->values, t->n).count;
    if (distinct < 2)
        return ist_fail(error, IST_FAILED,
                        "of %" PRId64 " rows %" PRId64 " are copies of an earlier one: fewer than "
                        "k + 1 = %" PRId64 " are left",
                        t->n, t->duplicates_source, k + 1);
    ist_text notes = {0}, detail = {0};
    ist_detail_integer(&detail, "distinct", distinct);
    records[0] = ist_record_of(values, PARAM_SE, t, "dimension", "", k, estimate, &notes, &detail);
    *count = 1;
    if (!isnan(records[0].value))
        return IST_OK;
    ist_record_release(&records[0]);
    *count = 0;
    return ist_fail(error, IST_FAILED,
                    "of %" PRId64
                    " distinct rows too many have their neighbours at equal distances, "
                    "or too few are kept: there is no dimension in them",
                    distinct);
}

const ist_measure ist_measure_dimension = {
    .planner = {.schema = &schema, .version = 1, .needs = needs, .check = check},
    .values = values_of_rows,
    .finish = finish,
};
