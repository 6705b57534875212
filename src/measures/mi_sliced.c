/* Sliced mutual information: the mean, over random directions, of that of projections (Goldfeld & Greenewald, NeurIPS
 * 2021, arXiv 2110.05279; several orthonormal directions: Goldfeld et al., NeurIPS 2022, arXiv 2206.08526; of layers and
 * labels: Wongso, Ghosh & Motani, AISTATS 2023; measures.md 3):
 *
 *     labels  E I(theta'X; y), theta uniform on the sphere        layers  E I(theta'X; phi'Y), theta and phi independent
 *
 * Each slice is estimated as mi-ross or mi-ksg estimate a layer. The mean over the slices drawn has an error of its own,
 * beside that of the samples.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common.h"

enum {
    PARAM_ESTIMATOR,
    PARAM_SLICES,
    PARAM_K,
    PARAM_COLUMNS,
    PARAM_SCALE,
    PARAM_MAX,
    PARAM_PER_SLICE,
    PARAM_TIES,
    PARAM_SEED,
    PARAM_SE,
    PARAMS
};

static const char *const estimators[] = {"auto", "ross", "kl-difference", "ksg1", "ksg2", NULL};
static const char *const answers[] = {"false", "true", NULL};
enum { MOST_SLICES = 1000000 };

static const ist_param_spec params[PARAMS] = {
    [PARAM_ESTIMATOR] = {"estimator", IST_PARAM_WORD, 0, 0, estimators, "auto", NULL},
    [PARAM_SLICES] = {"slices", IST_PARAM_INTEGER, 1, MOST_SLICES, NULL, "1000", NULL},
    [PARAM_K] = {"k", IST_PARAM_INTEGER, 1, INT32_MAX - 1, NULL, "3", NULL},
    [PARAM_COLUMNS] = {"projection_dim", IST_PARAM_INTEGER, 1, IST_SLICE_COLUMNS, NULL, "1", NULL},
    [PARAM_SCALE] = IST_PARAM_SCALE_ROW("rms"),
    [PARAM_MAX] = {"max", IST_PARAM_WORD, 0, 0, answers, "false", NULL},
    [PARAM_PER_SLICE] = {"per_slice", IST_PARAM_WORD, 0, 0, answers, "false", NULL},
    [PARAM_TIES] = IST_PARAM_TIES_ROW,
    [PARAM_SEED] = IST_PARAM_SEED_ROW,
    [PARAM_SE] = IST_PARAM_SE_ROW,
};

static const ist_measure_schema schema = {
    .name = "mi-sliced",
    .summary = "sliced mutual information of a layer and labels or of two layers, by random "
               "projections (Goldfeld & Greenewald 2021)",
    .params = params,
    .param_count = PARAMS,
    .symmetric = true,
    .takes_labels = true,
    .tail = IST_TAIL_UPPER,
    .series = "slice",
};

static ist_needs needs(const ist_value *const *values, const ist_label_vector *labels)
{
    (void)labels;
    ist_scale scale = ist_param_scale(values, PARAM_SCALE);
    return (ist_needs){.slices = {.count = ist_param_integer(values, PARAM_SLICES),
                                  .columns = (int)ist_param_integer(values, PARAM_COLUMNS),
                                  .seed = (uint64_t)ist_param_integer(values, PARAM_SEED)},
                       .neighbours = ist_param_integer(values, PARAM_K),
                       .parts = ist_param_is(values, PARAM_SE, "parts"),
                       .ties = ist_param_tie_rule(values, PARAM_TIES, PARAM_SEED),
                       /* rms is that of each projection: the layer itself stays as it is. */
                       .scale = scale == IST_SCALE_ZSCORE ? IST_SCALE_ZSCORE : IST_SCALE_NONE};
}

/* "auto" by the target. */
static const char *estimator_of(const ist_value *const *values, bool labels)
{
    const char *word = values[PARAM_ESTIMATOR]->text;
    return strcmp(word, "auto") != 0 ? word : labels ? "ross" : "ksg1";
}

static ist_code check(const ist_value *const *values, int64_t n, const ist_label_vector *labels,
                      ist_error *error)
{
    const char *word = estimator_of(values, labels != NULL);
    bool of_layers = strncmp(word, "ksg", strlen("ksg")) == 0;
    if (of_layers != !labels)
        return ist_fail(error, IST_REFUSED, "'estimator: %s' is for %s target; of %s write %s",
                        word, of_layers ? "a layer" : "a labels", of_layers ? "labels" : "layers",
                        of_layers ? "ross or kl-difference" : "ksg1 or ksg2");
    if (labels && labels->classes == n)
        return ist_fail(error, IST_REFUSED,
                        "every sample has a label of its own (%" PRId64
                        " different ones): there is no class to find neighbours in",
                        n);
    return ist_check_neighbours(schema.name, ist_param_integer(values, PARAM_K), n, error);
}

static ist_slice_found slice(const ist_value *const *values, ist_slice_room *room,
                             const ist_slice *s)
{
    int64_t k = ist_param_integer(values, PARAM_K);
    bool labels = s->columns[1] == 0, rms = ist_param_is(values, PARAM_SCALE, "rms");
    const char *estimator = estimator_of(values, labels);
    bool difference = strcmp(estimator, "kl-difference") == 0;
    if (labels && s->columns[0] == 1)
        return ist_slice_labels(room, s->n, s->value, s->row, &s->classes, k, difference);
    if (labels)
        return ist_slice_labels_cloud(room, s->n, s->columns[0], s->x, &s->classes, k, difference);
    ist_slice_ksg ksg = {.type = strcmp(estimator, "ksg2") == 0 ? 2 : 1,
                         .k = k,
                         .factor = {rms ? s->factor[0] : 1, rms ? s->factor[1] : 1},
                         .by_index = ist_param_is(values, PARAM_TIES, "index"),
                         .word = s->word};
    return ist_slice_layers(room, s->n, s->columns, s->x, s->y, &ksg);
}

/* ---- the record ------------------------------------------------------------------------------ */

/* What was found, over the slices. */
typedef struct {
    ist_slice_sum sum;
    double sd;         /* of the slices' values; NaN of one slice */
    double slices;     /* the mean's error by them */
    double parts;      /* by the samples; NaN: not known */
    double mean;       /* of the parts */
    double most_error; /* by the samples, of the slice with the largest value */
} summary;

static double mean_of(const double *value, int64_t count)
{
    ist_slice_sum sum = {0};
    for (int64_t s = 0; s < count; s++)
        ist_slice_add(&sum, value[s]);
    return ist_slice_mean(&sum);
}

static summary summarise(const ist_totals *t)
{
    const ist_slice_totals *slices = t->slices;
    summary all = {.parts = NAN, .mean = NAN, .most_error = NAN};
    for (int64_t s = 0; s < slices->count; s++)
        ist_slice_add(&all.sum, slices->value[s]);
    double mean = ist_slice_mean(&all.sum), count = (double)slices->count;
    double *square = ist_alloc((size_t)slices->count, sizeof *square);
    for (int64_t s = 0; s < slices->count; s++)
        square[s] = (slices->value[s] - mean) * (slices->value[s] - mean);
    bool all_alike = t->d_source == 1 && (t->labels_target || t->d_target == 1);
    double squares = ist_sum_in_order(square, slices->count);
    all.sd = all_alike ? 0 : count > 1 ? sqrt(squares / (count - 1)) : (double)NAN;
    all.slices = all.sd / sqrt(count);
    ist_free(square);
    double part[IST_PARTS], most[IST_PARTS], ignored;
    for (int p = 0; p < IST_PARTS && slices->part; p++) {
        part[p] = mean_of(slices->part + p * slices->count, slices->count);
        most[p] = slices->part[p * slices->count + all.sum.most_at];
    }
    if (slices->part) {
        all.parts = ist_error_of_parts(part, &all.mean);
        all.most_error = ist_error_of_parts(most, &ignored);
    }
    return all;
}

static void add_labels(const ist_value *const *values, const ist_totals *t, double value,
                       ist_text *notes, ist_text *detail)
{
    double ceiling = ist_label_ceiling(t);
    int64_t alone = 0, few = 0;
    for (int64_t c = 0; c < t->class_count; c++) {
        alone += t->class_size[c] == 1;
        few += t->class_size[c] <= ist_param_integer(values, PARAM_K);
    }
    ist_detail_real(detail, "ceiling", ceiling);
    ist_detail_integer(detail, "classes", t->class_count);
    if (alone > 0)
        ist_detail_integer(detail, "left_out", alone);
    ist_note_if(notes, t->class_count == 1, "one-class");
    ist_note_if(notes, few > 0, "small-classes");
    ist_note_if(notes, value > ceiling * (1 + 1e-12) && t->class_count > 1, "above-ceiling");
    ist_note_if(notes, fabs(value - ceiling) <= 0.01 * ceiling && t->class_count > 1, "saturated");
}

static void add_layers(const ist_value *const *values, const ist_totals *t, ist_text *notes,
                       ist_text *detail)
{
    int64_t columns = ist_param_integer(values, PARAM_COLUMNS);
    ist_detail_integer(detail, "duplicates_target", t->duplicates_target);
    bool whole = t->d_source <= columns && t->d_target <= columns;
    ist_note_if(notes, t->deterministic && whole, "deterministic");
}

static void add_errors(const summary *all, ist_text *detail)
{
    if (!isnan(all->sd)) {
        ist_detail_real(detail, "se_slices", all->slices);
        ist_detail_real(detail, "sd_slices", all->sd);
    }
    if (!isnan(all->parts))
        ist_detail_real(detail, "se_parts", all->parts);
    ist_detail_real(detail, "min_slices", all->sum.least);
    ist_detail_real(detail, "max_slices", all->sum.most);
    if (isfinite(all->mean))
        ist_detail_real(detail, "parts_mean", all->mean);
}

static void add_facts(const ist_value *const *values, const ist_totals *t, double value,
                      ist_text *notes, ist_text *detail)
{
    double samples = (double)t->n * (double)t->slices->count;
    int64_t columns = ist_param_integer(values, PARAM_COLUMNS);
    int64_t constant = t->constant_source + t->constant_target;
    if (t->labels_target)
        add_labels(values, t, value, notes, detail);
    else
        add_layers(values, t, notes, detail);
    ist_detail_real(detail, "zero_radius", (double)t->slices->zero / samples);
    if (constant > 0)
        ist_detail_integer(detail, "constant_columns", constant);
    ist_note_if(notes, (double)t->slices->zero > 1e-3 * samples, "zero-radius");
    ist_note_if(notes, t->d_source > columns || (!t->labels_target && t->d_target > columns),
                "depends-on-dimension");
    ist_note_if(notes, (double)t->slices->tied > 1e-3 * samples, "ties");
    ist_note_if(notes, t->duplicates_source > 0 || t->duplicates_target > 0, "duplicates");
}

static ist_record record_of(const ist_value *const *values, const ist_totals *t,
                            const char *quantity, double value, double std_error, ist_text *notes,
                            ist_text *detail)
{
    bool parts = ist_param_is(values, PARAM_SE, "parts");
    return (ist_record){
        .quantity = ist_copy_text(quantity),
        .unit = ist_copy_text("nat"),
        .value = value,
        .std_error = parts && isfinite(std_error) ? std_error : (double)NAN,
        .se_method = ist_copy_text(values[PARAM_SE]->text),
        .k = ist_param_integer(values, PARAM_K),
        .n = t->n,
        .d_source = t->d_source,
        .d_target = t->d_target,
        .duplicates = t->duplicates_source,
        .tie_fraction = (double)t->slices->tied / ((double)t->n * (double)t->slices->count),
        .note = ist_take_text(notes),
        .detail = ist_take_text(detail),
    };
}

static ist_code finish(const ist_value *const *values, const ist_totals *t, ist_record *records,
                       size_t *count, ist_error *error)
{
    (void)error;
    summary all = summarise(t);
    bool parts = ist_param_is(values, PARAM_SE, "parts");
    double value = ist_slice_mean(&all.sum);
    double both =
        all.slices == 0 ? all.parts : sqrt(all.slices * all.slices + all.parts * all.parts);
    ist_text notes = {0}, detail = {0};
    ist_text_add(&detail, "slice_estimator=%s", estimator_of(values, t->labels_target));
    add_errors(&all, &detail);
    add_facts(values, t, value, &notes, &detail);
    ist_note_if(&notes, parts && isnan(all.sd), "one-slice");
    ist_note_if(&notes, parts && isnan(all.parts), "parts-too-small");
    records[0] = record_of(values, t, "mi", value, both, &notes, &detail);
    *count = 1;
    if (ist_param_is(values, PARAM_PER_SLICE, "true")) {
        size_t bytes = (size_t)t->slices->count * sizeof(double);
        records[0].series_count = t->slices->count;
        records[0].series = ist_alloc((size_t)t->slices->count, sizeof(double));
        memcpy(records[0].series, t->slices->value, bytes);
    }
    if (!ist_param_is(values, PARAM_MAX, "true"))
        return IST_OK;
    ist_text_add(&detail, "slice_estimator=%s", estimator_of(values, t->labels_target));
    ist_detail_integer(&detail, "slice", all.sum.most_at);
    add_facts(values, t, all.sum.most, &notes, &detail);
    ist_note_if(&notes, parts && isnan(all.parts), "parts-too-small");
    records[1] = record_of(values, t, "mi-max", all.sum.most, all.most_error, &notes, &detail);
    *count = 2;
    return IST_OK;
}

const ist_measure ist_measure_mi_sliced = {
    .planner = {.schema = &schema, .version = 1, .needs = needs, .check = check},
    .slice = slice,
    .finish = finish,
};
