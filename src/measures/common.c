#include "common.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* By ist_metric, by ist_scale. */
const char *const ist_metric_words[] = {"euclidean", "manhattan", "chebyshev", "cosine", NULL};
const char *const ist_scale_words[] = {"none", "rms", "zscore", NULL};
const char *const ist_tie_words[] = {"random", "index", NULL};
const char *const ist_se_words[] = {"parts", "none", NULL};

int64_t ist_param_integer(const ist_value *const *values, int param)
{
    int64_t value = 0;
    ist_parse_integer(values[param]->text, &value);
    return value;
}

double ist_param_real(const ist_value *const *values, int param)
{
    double value = 0;
    ist_parse_real(values[param]->text, &value);
    return value;
}

bool ist_param_is(const ist_value *const *values, int param, const char *word)
{
    return strcmp(values[param]->text, word) == 0;
}

static int position_of(const ist_value *value, const char *const *words)
{
    int position = 0;
    while (words[position] && strcmp(value->text, words[position]) != 0)
        position++;
    return position;
}

ist_metric ist_param_metric(const ist_value *const *values, int param)
{
    return (ist_metric)position_of(values[param], ist_metric_words);
}

ist_scale ist_param_scale(const ist_value *const *values, int param)
{
    return (ist_scale)position_of(values[param], ist_scale_words);
}

ist_tie_rule ist_param_tie_rule(const ist_value *const *values, int ties, int seed)
{
    return (ist_tie_rule){.by_index = ist_param_is(values, ties, "index"),
                          .seed = (uint64_t)ist_param_integer(values, seed)};
}

ist_code ist_check_neighbours(const char *name, int64_t k, int64_t n, ist_error *error)
{
    if (n < 2)
        return ist_fail(error, IST_REFUSED, "%s needs at least 2 samples, there is %" PRId64, name,
                        n);
    if (n > INT32_MAX)
        return ist_fail(error, IST_REFUSED,
                        "N = %" PRId64 " samples are beyond this version: N must fit 31 bits", n);
    if (k >= n)
        return ist_fail(error, IST_REFUSED,
                        "k = %" PRId64 " is not below the number of samples, N = %" PRId64
                        ": a sample has N - 1 = %" PRId64 " neighbours",
                        k, n, n - 1);
    return IST_OK;
}

/* ---- texts --------------------------------------------------------------------------------- */

void ist_note_if(ist_text *notes, bool holds, const char *code)
{
    if (holds)
        ist_text_add(notes, "%s%s", notes->length ? ";" : "", code);
}

void ist_detail_real(ist_text *detail, const char *name, double value)
{
    char real[IST_REAL_TEXT];
    ist_text_add(detail, "%s%s=%s", detail->length ? ";" : "", name, ist_format_real(value, real));
}

void ist_detail_integer(ist_text *detail, const char *name, int64_t value)
{
    ist_text_add(detail, "%s%s=%" PRId64, detail->length ? ";" : "", name, value);
}

void ist_add_dimension(const ist_totals *t, ist_text *notes, ist_text *detail)
{
    const double HIGH = 10;
    if (!isnan(t->dimension_source))
        ist_detail_real(detail, "dimension_source", t->dimension_source);
    ist_note_if(notes, t->dimension_source > HIGH, "high-dimension");
}

/* The normal layer that a layer is compared with has no more columns than it: of a column of whole numbers, with its
 * equal distances, any dimension is found. */
static double normal_columns(const ist_totals *t, double dimension, int64_t d)
{
    if (isnan(dimension))
        return (double)NAN;
    return fmin(ist_calibrated_columns(dimension, t->dimension_rows), (double)d);
}

void ist_add_calibration(const ist_totals *t, ist_calibrated estimator, int64_t k, bool rms,
                         ist_text *notes, ist_text *detail)
{
    const double OFF = 0.3;
    if (t->labels_target)
        return;
    if (!isnan(t->dimension_target))
        ist_detail_real(detail, "dimension_target", t->dimension_target);
    if (!rms)
        return;
    double x = normal_columns(t, t->dimension_source, t->d_source);
    double y = normal_columns(t, t->dimension_target, t->d_target);
    double found = ist_calibration(estimator, t->n, k, x, y);
    if (!isnan(found))
        ist_detail_real(detail, "calibration", found);
    ist_note_if(notes, fabs(found - 1) > OFF, "calibration");
}

double ist_label_ceiling(const ist_totals *t)
{
    double sum = 0;
    int64_t n = 0;
    for (int64_t c = 0; c < t->class_count; c++) {
        if (t->class_size[c] < 2)
            continue;
        sum += (double)t->class_size[c] * ist_digamma(t->class_size[c]);
        n += t->class_size[c];
    }
    return n == 0 ? 0 : ist_digamma(n) - sum / (double)n;
}

char *ist_take_text(ist_text *text)
{
    char *copy = ist_copy_text(text->data ? text->data : "");
    ist_text_release(text);
    return copy;
}

/* ---- the record ---------------------------------------------------------------------------- */

ist_counted_sum ist_sum_counted(const double *values, int64_t n)
{
    double *kept = ist_alloc((size_t)n, sizeof *kept);
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            kept[count++] = values[i];
    ist_counted_sum sum = {count, ist_sum_in_order(kept, count)};
    ist_free(kept);
    return sum;
}

double ist_error_of_parts(const double value[IST_PARTS], double *mean)
{
    double sum = 0, squares = 0;
    for (int p = 0; p < IST_PARTS; p++)
        sum += value[p];
    *mean = sum / IST_PARTS;
    for (int p = 0; p < IST_PARTS; p++)
        squares += (value[p] - *mean) * (value[p] - *mean);
    return sqrt(squares / (IST_PARTS - 1) / IST_PARTS);
}

void ist_add_made_rows(const ist_totals *totals, ist_text *detail)
{
    int64_t constant = totals->constant_source + totals->constant_target;
    int64_t zero = totals->zero_source + totals->zero_target;
    if (constant > 0)
        ist_detail_integer(detail, "constant_columns", constant);
    if (zero > 0)
        ist_detail_integer(detail, "zero_rows", zero);
}

ist_record ist_record_of(const ist_value *const *params, int se, const ist_totals *totals,
                         const char *quantity, const char *unit, int64_t k, ist_estimate estimate,
                         ist_text *notes, ist_text *detail)
{
    bool parts = ist_param_is(params, se, "parts");
    double std_error = NAN, mean = NAN;
    bool told =
        totals->has_parts; /* a part may have no estimate: classes too small, rows too few */
    if (totals->has_parts) {
        double value[IST_PARTS];
        for (int p = 0; p < IST_PARTS; p++) {
            value[p] = estimate(params, totals, totals->part_values[p], totals->part_n[p], p);
            told = told && !isnan(value[p]);
        }
        std_error = ist_error_of_parts(value, &mean);
    }
    if (isfinite(mean))
        ist_detail_real(detail, "parts_mean", mean);
    ist_add_made_rows(totals, detail);
    ist_note_if(notes, totals->tie_fraction > 1e-3, "ties");
    ist_note_if(notes, totals->duplicates_source > 0 || totals->duplicates_target > 0,
                "duplicates");
    ist_note_if(notes, parts && !told, "parts-too-small");
    return (ist_record){
        .quantity = ist_copy_text(quantity),
        .unit = ist_copy_text(unit),
        .value = estimate(params, totals, totals->values, totals->n, -1),
        .std_error = isfinite(std_error) ? std_error : (double)NAN,
        .se_method = ist_copy_text(params[se]->text),
        .k = k,
        .n = totals->n,
        .d_source = totals->d_source,
        .d_target = totals->d_target,
        .duplicates = totals->duplicates_source,
        .tie_fraction = totals->tie_fraction,
        .note = ist_take_text(notes),
        .detail = ist_take_text(detail),
    };
}

/* The share of rows whose k-th joint distance is 0; with `scale: rms` the units' ratio, source / target; between layers
 * that are functions of one input that I is infinite in theory. */
static void add_joint_facts(const ist_totals *t, bool rms, int64_t zero, ist_text *notes,
                            ist_text *detail)
{
    ist_detail_real(detail, "zero_radius", (double)zero / (double)t->n);
    if (rms && !t->labels_target && t->square_source > 0 && t->square_target > 0)
        ist_detail_real(detail, "scale_ratio", sqrt(t->square_source / t->square_target));
    if (!t->labels_target)
        ist_detail_integer(detail, "duplicates_target", t->duplicates_target);
    ist_note_if(notes, t->deterministic && !t->labels_target, "deterministic");
    ist_note_if(notes, (double)zero > 1e-3 * (double)t->n, "zero-radius");
}

ist_record ist_joint_record(const ist_value *const *params, int k, int scale, int se,
                            const ist_totals *totals, int64_t zero, ist_calibrated estimator,
                            ist_estimate estimate)
{
    ist_text notes = {0}, detail = {0};
    int64_t nearest = ist_param_integer(params, k);
    bool rms = ist_param_is(params, scale, "rms");
    add_joint_facts(totals, rms, zero, &notes, &detail);
    ist_add_dimension(totals, &notes, &detail);
    ist_add_calibration(totals, estimator, nearest, rms, &notes, &detail);
    return ist_record_of(params, se, totals, "mi", "nat", nearest, estimate, &notes, &detail);
}
