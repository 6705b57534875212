/* Neighbourhood overlap (Doimo et al., NeurIPS 2020, arXiv 2007.03506): of the k nearest of a sample, the share
 * that are among its k nearest in the other layer, too, or have its label; the mean over the samples. With
 * `class_fraction: f` a sample of a class of n_c looks at its max(1, int(f n_c)) nearest.
 */
#include <math.h>

#include "common.h"

enum {
    PARAM_K,
    PARAM_FRACTION,
    PARAM_METRIC,
    PARAM_SCALE,
    PARAM_TIES,
    PARAM_SEED,
    PARAM_SE,
    PARAMS
};

static const ist_param_spec params[PARAMS] = {
    [PARAM_K] = {"k", IST_PARAM_INTEGER, 1, INT32_MAX - 1, NULL, "30", NULL},
    [PARAM_FRACTION] = {"class_fraction", IST_PARAM_REAL, 0, 1, NULL, "0", NULL},
    [PARAM_METRIC] = IST_PARAM_METRIC_ROW,
    [PARAM_SCALE] = IST_PARAM_SCALE_ROW("none"),
    [PARAM_TIES] = IST_PARAM_TIES_ROW,
    [PARAM_SEED] = IST_PARAM_SEED_ROW,
    [PARAM_SE] = IST_PARAM_SE_ROW,
};

static const ist_measure_schema schema = {
    .name = "overlap",
    .summary =
        "neighbourhood overlap: the share of a sample's nearest that are its nearest in another "
        "layer, or have its label",
    .params = params,
    .param_count = PARAMS,
    .symmetric = true,
    .takes_labels = true,
    .tail = IST_TAIL_UPPER,
};

static int64_t of_class(double fraction, int64_t size)
{
    return ist_max(1, (int64_t)(fraction * (double)size));
}

static ist_needs needs(const ist_value *const *values, const ist_label_vector *labels)
{
    double fraction = ist_param_real(values, PARAM_FRACTION);
    bool by_class = labels && fraction > 0;
    int64_t k = ist_param_integer(values, PARAM_K);
    return (ist_needs){
        .neighbours = by_class ? ist_min(of_class(fraction, labels->largest), labels->n - 1) : k,
        .both = !labels,
        .parts = ist_param_is(values, PARAM_SE, "parts"),
        .metric = ist_param_metric(values, PARAM_METRIC),
        .scale = ist_param_scale(values, PARAM_SCALE),
        .ties = ist_param_tie_rule(values, PARAM_TIES, PARAM_SEED)};
}

static ist_code check(const ist_value *const *values, int64_t n, const ist_label_vector *labels,
                      ist_error *error)
{
    double fraction = ist_param_real(values, PARAM_FRACTION);
    if (fraction > 0 && !labels)
        return ist_fail(error, IST_REFUSED,
                        "class_fraction is a share of a class: it needs a labels target");
    int64_t k = fraction > 0 ? 1 : ist_param_integer(values, PARAM_K);
    return ist_check_neighbours(schema.name, k, n, error);
}

/* Numbers of rows, by their hashes: at least twice as many slots as numbers. */
typedef struct {
    int bits;
    int32_t *slot; /* 2^bits; FREE: none */
} number_set;
enum { FREE = -1 };

static number_set set_new(int64_t numbers)
{
    number_set set = {.bits = 1};
    while ((INT64_C(1) << set.bits) < 2 * numbers)
        set.bits++;
    set.slot = ist_alloc((size_t)1 << set.bits, sizeof *set.slot);
    return set;
}

/* Where the number is, or would be. */
static int32_t *slot_of(const number_set *set, int32_t number)
{
    const uint32_t golden = 0x9E3779B9;
    uint32_t last = (UINT32_C(1) << set->bits) - 1;
    uint32_t at = (uint32_t)number * golden >> (32 - set->bits);
    while (set->slot[at] != FREE && set->slot[at] != number)
        at = (at + 1) & last;
    return &set->slot[at];
}

/* How many of the first k of both lists are the same. */
static int64_t common(const int32_t *a, const int32_t *b, int64_t k, const number_set *set)
{
    int64_t found = 0;
    for (int64_t at = 0; at < INT64_C(1) << set->bits; at++)
        set->slot[at] = FREE;
    for (int64_t p = 0; p < k; p++)
        *slot_of(set, a[p]) = a[p];
    for (int64_t p = 0; p < k; p++)
        found += *slot_of(set, b[p]) == b[p];
    return found;
}

static int64_t same_class(const ist_evidence *e, int64_t i, int64_t k)
{
    int64_t found = 0;
    int32_t own = e->class_of[e->row[i]];
    for (int64_t p = 0; p < k; p++)
        found += e->class_of[e->neighbour[i * e->k + p]] == own;
    return found;
}

static void values_of_rows(const ist_value *const *values, const ist_evidence *e, double *value)
{
    double fraction = ist_param_real(values, PARAM_FRACTION);
    number_set set = set_new(e->k);
    for (int64_t i = 0; i < e->count; i++) {
        int64_t at = i * e->k, k = e->k;
        if (e->target_neighbour) {
            value[i] =
                (double)common(e->neighbour + at, e->target_neighbour + at, k, &set) / (double)k;
            continue;
        }
        if (fraction > 0)
            k = ist_min(k, of_class(fraction, e->class_size[e->class_of[e->row[i]]]));
        value[i] = (double)same_class(e, i, k) / (double)k;
    }
    ist_free(set.slot);
}

static double estimate(const ist_value *const *values, const ist_totals *t, const double *value,
                       int64_t n, int part)
{
    (void)values, (void)t, (void)part;
    return ist_sum_in_order(value, n) / (double)n;
}

/* What unrelated lists have in common. */
static double by_chance(const ist_totals *t, int64_t k)
{
    double n = (double)t->n, sum = 0;
    if (!t->labels_target)
        return (double)k / (n - 1);
    for (int64_t c = 0; c < t->class_count; c++) {
        double size = (double)t->class_size[c];
        sum += size / n * (size - 1) / (n - 1);
    }
    return sum;
}

static ist_code finish(const ist_value *const *values, const ist_totals *t, ist_record *records,
                       size_t *count, ist_error *error)
{
    (void)error;
    int64_t k = ist_param_integer(values, PARAM_K);
    ist_text notes = {0}, detail = {0};
    ist_detail_real(&detail, "by_chance", by_chance(t, k));
    if (!t->labels_target)
        ist_detail_integer(&detail, "duplicates_target", t->duplicates_target);
    records[0] =
        ist_record_of(values, PARAM_SE, t, "overlap", "ratio", k, estimate, &notes, &detail);
    *count = 1;
    return IST_OK;
}

const ist_measure ist_measure_overlap = {
    .planner = {.schema = &schema, .version = 1, .needs = needs, .check = check},
    .values = values_of_rows,
    .finish = finish,
};
