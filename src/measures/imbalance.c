/* Information Imbalance (Glielmo et al., PNAS Nexus 2022, doi 10.1093/pnasnexus/pgac039):
 *
 *     Delta_k(A -> B) = 2 / (N^2 k)  sum_i sum_{p <= k}  r^B_i( j_p(i) ),
 *
 * j_p(i) the p-th neighbour of i in A, r^B_i(j) the rank of j among the neighbours of i in B, 1..N-1.
 * Every rank is exact; sums are of twice the rank, integers also for mid-ranks (measures.md 1.1, P2, P3). With `anchors`
 * the first sum, and its mean, go over so many rows drawn from the N; ranks are those among all N all the same.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common.h"

enum {
    PARAM_K,
    PARAM_METRIC,
    PARAM_SCALE,
    PARAM_TIES,
    PARAM_SEED,
    PARAM_ANCHORS,
    PARAM_SE,
    PARAM_RMI,
    PARAM_BINS,
    PARAMS
};

enum { MOST_BINS = 100 };

static const char *const se_methods[] = {"parts", "rows", "none", NULL};
static const char *const answers[] = {"false", "true", NULL};

static const ist_param_spec params[PARAMS] = {
    [PARAM_K] = {"k", IST_PARAM_INTEGER, 1, INT32_MAX - 1, NULL, "1", NULL},
    [PARAM_METRIC] = IST_PARAM_METRIC_ROW,
    [PARAM_SCALE] = IST_PARAM_SCALE_ROW("none"),
    [PARAM_TIES] = IST_PARAM_TIES_ROW,
    [PARAM_SEED] = IST_PARAM_SEED_ROW,
    [PARAM_ANCHORS] = {"anchors", IST_PARAM_INTEGER, 0, INT32_MAX, NULL, "0", NULL},
    [PARAM_SE] = {"se", IST_PARAM_WORD, 0, 0, se_methods, "parts", "anchors=0"},
    [PARAM_RMI] = {"rmi", IST_PARAM_WORD, 0, 0, answers, "false", NULL},
    [PARAM_BINS] = {"bins", IST_PARAM_INTEGER, 2, MOST_BINS, NULL, "20", "rmi=true"},
};

static const ist_measure_schema schema = {
    .name = "imbalance",
    .summary = "Information Imbalance: how well neighbours in the source predict those in the "
               "target (0: source contains target; 1: it says nothing about it)",
    .params = params,
    .param_count = PARAMS,
    .symmetric = false,
    .takes_labels = true,
    .by_class = true,
    .tail = IST_TAIL_LOWER,
};

static int64_t anchors_of(const ist_value *const *values)
{
    return ist_param_integer(values, PARAM_ANCHORS);
}

static ist_needs needs(const ist_value *const *values, const ist_label_vector *labels)
{
    (void)labels;
    bool all = anchors_of(values) == 0;
    return (ist_needs){
        .neighbours = ist_param_integer(values, PARAM_K),
        .counts = IST_COUNTS_RANKS,
        .parts = all && ist_param_is(values, PARAM_SE, "parts"),
        .edges = all && ist_param_is(values, PARAM_SE, "rows"),
        .anchors = {anchors_of(values), all ? 0 : (uint64_t)ist_param_integer(values, PARAM_SEED)},
        .metric = ist_param_metric(values, PARAM_METRIC),
        .scale = ist_param_scale(values, PARAM_SCALE),
        .ties = ist_param_tie_rule(values, PARAM_TIES, PARAM_SEED),
    };
}

static ist_code check_anchors(const ist_value *const *values, int64_t n, ist_error *error)
{
    int64_t anchors = anchors_of(values);
    if (anchors == 1)
        return ist_fail(error, IST_REFUSED,
                        "anchors: 1: a mean needs at least 2, a useful one some hundred (0: all "
                        "samples)");
    if (anchors > n)
        return ist_fail(error, IST_REFUSED,
                        "anchors: %" PRId64 " of N = %" PRId64 " samples: at most all of them",
                        anchors, n);
    if (anchors > 0 && ist_param_is(values, PARAM_SE, "rows"))
        return ist_fail(error, IST_REFUSED,
                        "se: rows needs the neighbours of all samples: leave it out, the error of "
                        "anchors is that of their mean");
    return IST_OK;
}

static ist_code check(const ist_value *const *values, int64_t n, const ist_label_vector *labels,
                      ist_error *error)
{
    int64_t k = ist_param_integer(values, PARAM_K);
    if (labels && ist_param_is(values, PARAM_RMI, "true"))
        return ist_fail(error, IST_REFUSED,
                        "rmi: true is of two layers: a target of labels has two ranks only");
    if (n > INT32_MAX || (ist_int128)2 * n * n * k > INT64_MAX)
        return ist_fail(error, IST_REFUSED,
                        "N = %" PRId64 " samples and k = %" PRId64
                        " are beyond this version: rank sums must fit 63 bits, N 31",
                        n, k);
    if (ist_check_neighbours(schema.name, k, n, error) != IST_OK)
        return error->code;
    return check_anchors(values, n, error);
}

/* ---- sums over rows ------------------------------------------------------------------------ */

/* R: twice the rank of a neighbour pair, which is also how often rows lie in its ball, times 2. A sampled row's part: A is R of its own
 * pairs and of those that point at it, and in how many balls it lies; B is how many pairs these are, k of them for the last. The sums of
 * `se: rows` are 128 bits wide. */
enum {
    SUM_R,
    SUM_MUTUAL,   /* pairs whose reverse is a pair too */
    SUM_R_MUTUAL, /* R + reverse R over them */
    SUM_SAMPLED,  /* rows whose balls were looked for */
    SUM_A_A,      /* four limbs each, from here on */
    SUM_A_B = SUM_A_A + IST_WIDE_LIMBS,
    SUM_B_B = SUM_A_B + IST_WIDE_LIMBS,
    SUM_R_R = SUM_B_B + IST_WIDE_LIMBS,
    SUM_R_REVERSE = SUM_R_R + IST_WIDE_LIMBS,
    SUM_ROW_SQUARES = SUM_R_REVERSE + IST_WIDE_LIMBS, /* of the R of a row; anchors alone */
    SUM_BIN = SUM_ROW_SQUARES + IST_WIDE_LIMBS,       /* pairs by their place among the ranks */
    SUM_BY = SUM_BIN + MOST_BINS,                     /* R of the rows of each class */
    SUMS = SUM_BY + IST_MAX_BY
};

static void add_pairs(const ist_evidence *e, int64_t i, int64_t *sums)
{
    bool sampled = e->twice_inside[i] >= 0;
    int64_t a = e->in_sum[i] + e->twice_inside[i], b = 2 * e->k + e->in_count[i];
    for (int64_t p = 0; p < e->k; p++) {
        int64_t at = i * e->k + p;
        int64_t r = e->twice_rank[at], reverse = e->reverse_twice_rank[at];
        a += r;
        ist_wide_add(sums + SUM_R_R, (ist_int128)r * r);
        if (reverse >= 0) {
            sums[SUM_MUTUAL]++;
            sums[SUM_R_MUTUAL] += r + reverse;
            ist_wide_add(sums + SUM_R_REVERSE, (ist_int128)r * reverse);
        }
    }
    if (!sampled)
        return;
    sums[SUM_SAMPLED]++;
    ist_wide_add(sums + SUM_A_A, (ist_int128)a * a);
    ist_wide_add(sums + SUM_A_B, (ist_int128)a * b);
    ist_wide_add(sums + SUM_B_B, (ist_int128)b * b);
}

/* The bin of (r - 1/2) / (N - 1), which is inside (0, 1). */
static void add_to_bins(const ist_evidence *e, int64_t bins, int64_t *sums)
{
    int64_t range = 2 * (e->n - 1);
    for (int64_t at = 0; at < e->count * e->k; at++)
        sums[SUM_BIN + (e->twice_rank[at] - 1) * bins / range]++;
}

static void partial(const ist_value *const *values, const ist_evidence *e, int64_t *sums)
{
    bool anchors = anchors_of(values) > 0;
    bool pairs = ist_param_is(values, PARAM_SE, "rows") && e->reverse_twice_rank;
    for (int64_t i = 0; i < e->count; i++) {
        int64_t sum = 0;
        for (int64_t p = 0; p < e->k; p++)
            sum += e->twice_rank[i * e->k + p];
        sums[SUM_R] += sum;
        if (e->by)
            sums[SUM_BY + e->by[e->row[i]]] += sum;
        if (anchors)
            ist_wide_add(sums + SUM_ROW_SQUARES, (ist_int128)sum * sum);
        if (pairs)
            add_pairs(e, i, sums);
    }
    if (ist_param_is(values, PARAM_RMI, "true"))
        add_to_bins(e, ist_param_integer(values, PARAM_BINS), sums);
}

/* ---- standard errors ----------------------------------------------------------------------- */

/* The mean over `rows` of n samples; all of them: rows = n. */
static double imbalance_of(int64_t twice_rank_sum, int64_t rows, int64_t n, int64_t k)
{
    return (double)twice_rank_sum / ((double)rows * (double)n * (double)k);
}

static int64_t rows_of(const ist_totals *t)
{
    return t->anchors > 0 ? t->anchors : t->n;
}

/* 2 / (N^2 k) sqrt(sum_v (out_v + in_v + inside_v)^2 - sum_e e^2 - sum_e e rev(e)), e the rank of a directed neighbour pair less its mean
 * m, inside_v in how many balls v lies less the mean k m: every row with the parts that it has in the sum of ranks, as the one that asks,
 * as a neighbour, and as one that is counted (docs/numerics.md section 10). Of more rows than were sampled the first sum is estimated.
 * Here ranks count double, which the leading factor 1 (for 2) makes good. */
static double error_of_rows(const ist_totals *t, int64_t k)
{
    const int64_t *s = t->all;
    double pairs = (double)t->n * (double)k, m = (double)s[SUM_R] / pairs;
    double aa = (double)ist_wide_value(s + SUM_A_A), ab = (double)ist_wide_value(s + SUM_A_B);
    double bb = (double)ist_wide_value(s + SUM_B_B), rr = (double)ist_wide_value(s + SUM_R_R);
    double reverse = (double)ist_wide_value(s + SUM_R_REVERSE);
    double share = (double)s[SUM_SAMPLED] / (double)t->n;
    double rows = (aa - 2 * m * ab + m * m * bb) / share;
    double squares = rr - m * (double)s[SUM_R];
    double mutual = reverse - m * (double)s[SUM_R_MUTUAL] + m * m * (double)s[SUM_MUTUAL];
    double variance = rows - squares - mutual;
    return variance > 0 ? sqrt(variance) / ((double)t->n * pairs) : 0;
}

/* Of the mean over a of N rows drawn without replacement (Cochran, Sampling Techniques, 1977, theorem 2.2): sd / sqrt(a)
 * sqrt(1 - a / N), ddof 1. What is under the root is an integer before it is a real number: below 2^126, for a rank sum
 * of all rows fits 63 bits (check). */
static double error_of_anchors(const ist_totals *t, int64_t k)
{
    double a = (double)t->anchors, n = (double)t->n;
    ist_int128 sum = t->all[SUM_R], squares = ist_wide_value(t->all + SUM_ROW_SQUARES);
    double scatter = (double)(t->anchors * squares - sum * sum) / (a * (a - 1));
    return sqrt(scatter / a * (double)(t->n - t->anchors) / n) / (n * (double)k);
}

/* NaN where a part is too small. */
static double error_of_parts(const ist_totals *t, int64_t k, double *mean)
{
    double value[IST_PARTS];
    *mean = NAN;
    if (!t->has_parts)
        return NAN;
    for (int p = 0; p < IST_PARTS; p++)
        value[p] = imbalance_of(t->parts[p][SUM_R], t->part_n[p], t->part_n[p], k);
    return ist_error_of_parts(value, mean);
}

/* ---- the record ---------------------------------------------------------------------------- */

static char *detail_of(const ist_totals *t, double parts_mean)
{
    ist_text detail = {0};
    ist_text_add(&detail, "rank_sum=%" PRId64 "%s", t->all[SUM_R] / 2,
                 t->all[SUM_R] % 2 ? ".5" : "");
    if (!isnan(parts_mean))
        ist_detail_real(&detail, "parts_mean", parts_mean);
    ist_add_made_rows(t, &detail);
    if (t->labels_target) {
        double squares = 0;
        for (int64_t c = 0; c < t->class_count; c++)
            squares += (double)t->class_size[c] * (double)t->class_size[c];
        double floor = squares / ((double)t->n * (double)t->n);
        ist_detail_real(&detail, "floor", floor);
        ist_detail_integer(&detail, "independent", 1);
    } else {
        ist_detail_integer(&detail, "duplicates_target", t->duplicates_target);
    }
    return ist_take_text(&detail);
}

/* ---- restricted mutual information ------------------------------------------------------------- */

/* Our reconstruction (docs/measures/imbalance.md): the divergence, from evenly spread ones, of the places that the
 * neighbours in the source have among the ranks in the target; less the bias of so many bins. */
double ist_rmi(const int64_t *bin, int64_t bins, int64_t pairs)
{
    double all = (double)pairs, sum = 0;
    for (int64_t b = 0; b < bins; b++) {
        double share = (double)bin[b] / all;
        sum += share > 0 ? share * ist_ln((double)bins * share) : 0;
    }
    return sum - (double)(bins - 1) / (2 * all);
}

/* Of the density t e^(-t c) / (1 - e^(-t)) on [0, 1]: its divergence from 1, and twice its mean. It has the largest
 * mean of all with this divergence, below 1/2. */
static double divergence_of(double t)
{
    const double SMALL = 1e-3, LARGE = 600;
    if (t < SMALL)
        return t * t / 24;
    double rest = t < LARGE ? t / (ist_exp(t) - 1) : 0;
    return ist_ln(t / (1 - ist_exp(-t))) - 1 + rest;
}

static double twice_mean_of(double t)
{
    const double SMALL = 1e-3, LARGE = 600;
    if (t < SMALL)
        return 1 - t / 6;
    return 2 / t - (t < LARGE ? 2 / (ist_exp(t) - 1) : 0);
}

double ist_imbalance_bound(double rmi)
{
    enum { HALVINGS = 100 };
    double low = 0, high = 1e6;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (divergence_of(middle) < rmi)
            low = middle;
        else
            high = middle;
    }
    return twice_mean_of(low);
}

/* One of the two, from all samples or (part >= 0) from a random part. */
static double restricted(const ist_value *const *values, const ist_totals *t, bool bound, int part)
{
    const int64_t *sums = part < 0 ? t->all : t->parts[part];
    int64_t n = part < 0 ? rows_of(t) : t->part_n[part];
    double rmi = ist_rmi(sums + SUM_BIN, ist_param_integer(values, PARAM_BINS),
                         n * ist_param_integer(values, PARAM_K));
    return bound ? ist_imbalance_bound(rmi) : rmi;
}

/* The record beside that of the imbalance. */
static ist_record restricted_record(const ist_value *const *values, const ist_totals *t, bool bound,
                                    const ist_record *imbalance)
{
    double value[IST_PARTS], mean = NAN, std_error = NAN;
    int64_t bins = ist_param_integer(values, PARAM_BINS);
    ist_text notes = {0}, detail = {0};
    for (int p = 0; p < IST_PARTS && t->has_parts; p++)
        value[p] = restricted(values, t, bound, p);
    if (t->has_parts) {
        std_error = ist_error_of_parts(value, &mean);
        ist_detail_real(&detail, "parts_mean", mean);
    }
    ist_text_add(&notes, "%s", imbalance->note);
    /* Half of the ranks lie inside two bins: how far inside, nothing tells. */
    ist_note_if(&notes, imbalance->value * (double)bins < 4, "coarse-bins");
    ist_record record = *imbalance;
    record.quantity = ist_copy_text(bound ? "bound" : "rmi");
    record.unit = ist_copy_text(bound ? "ratio" : "nat");
    record.value = restricted(values, t, bound, -1);
    record.std_error = std_error;
    record.se_method = ist_copy_text(t->has_parts ? "parts" : "none");
    record.note = ist_take_text(&notes);
    record.detail = ist_take_text(&detail);
    return record;
}

/* ---- by class ---------------------------------------------------------------------------------- */

/* Of the samples of one class, among all: 2 / (N n_c k) times the sum of their ranks. NaN where there are none. */
static double of_class(const int64_t *sums, int64_t c, int64_t size, int64_t n, int64_t k)
{
    double pairs = (double)size * (double)k;
    return size > 0 ? (double)sums[SUM_BY + c] / (pairs * (double)n) : (double)NAN;
}

static ist_record class_record(const ist_value *const *values, const ist_totals *t, int64_t c,
                               const ist_record *imbalance)
{
    double value[IST_PARTS], mean = NAN, std_error = NAN;
    int64_t k = ist_param_integer(values, PARAM_K);
    ist_text quantity = {0}, detail = {0}, notes = {0};
    for (int p = 0; p < IST_PARTS && t->has_parts; p++)
        value[p] = of_class(t->parts[p], c, t->by_part_size[p * t->by_count + c], t->part_n[p], k);
    if (t->has_parts)
        std_error = ist_error_of_parts(value, &mean);
    ist_text_add(&quantity, "imbalance[%" PRId64 "]", t->by_label[c]);
    ist_detail_integer(&detail, "class_size", t->by_size[c]);
    if (t->by_anchors)
        ist_detail_integer(&detail, "class_anchors", t->by_anchors[c]);
    if (!isnan(mean))
        ist_detail_real(&detail, "parts_mean", mean);
    ist_text_add(&notes, "%s", imbalance->note);
    ist_note_if(&notes, t->has_parts && isnan(mean), "parts-too-small");
    ist_record record = *imbalance;
    record.quantity = ist_take_text(&quantity);
    record.unit = ist_copy_text("ratio");
    record.value = of_class(t->all, c, t->by_anchors ? t->by_anchors[c] : t->by_size[c], t->n, k);
    record.std_error = std_error;
    record.se_method = ist_copy_text(t->has_parts ? "parts" : "none");
    record.note = ist_take_text(&notes);
    record.detail = ist_take_text(&detail);
    return record;
}

static ist_code finish(const ist_value *const *values, const ist_totals *t, ist_record *records,
                       size_t *count, ist_error *error)
{
    (void)error;
    int64_t k = ist_param_integer(values, PARAM_K);
    const char *se = t->anchors > 0 ? "anchors" : values[PARAM_SE]->text;
    double parts_mean = NAN, std_error = NAN;
    if (t->anchors > 0)
        std_error = error_of_anchors(t, k);
    else if (strcmp(se, "parts") == 0)
        std_error = error_of_parts(t, k, &parts_mean);
    else if (strcmp(se, "rows") == 0)
        std_error = error_of_rows(t, k);
    ist_text notes = {0};
    ist_note_if(&notes, t->tie_fraction > 1e-3, "ties");
    ist_note_if(&notes, t->duplicates_source > 0 || t->duplicates_target > 0, "duplicates");
    ist_note_if(&notes, strcmp(se, "parts") == 0 && isnan(std_error), "parts-too-small");
    records[0] = (ist_record){
        .quantity = ist_copy_text("imbalance"),
        .unit = ist_copy_text("ratio"),
        .value = imbalance_of(t->all[SUM_R], rows_of(t), t->n, k),
        .std_error = std_error,
        .se_method = ist_copy_text(se),
        .k = k,
        .n = t->n,
        .d_source = t->d_source,
        .d_target = t->d_target,
        .duplicates = t->duplicates_source,
        .tie_fraction = t->tie_fraction,
        .note = ist_take_text(&notes),
        .detail = detail_of(t, parts_mean),
    };
    *count = 1;
    if (ist_param_is(values, PARAM_RMI, "true"))
        for (int bound = 0; bound < 2; bound++)
            records[(*count)++] = restricted_record(values, t, bound, &records[0]);
    for (int64_t c = 0; c < t->by_count; c++)
        records[(*count)++] = class_record(values, t, c, &records[0]);
    return IST_OK;
}

const ist_measure ist_measure_imbalance = {
    .planner = {.schema = &schema, .version = 2, .needs = needs, .check = check},
    .sum_count = SUMS,
    .partial = partial,
    .finish = finish,
};
