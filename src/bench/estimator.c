#include "estimator.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Where one differs from the defaults of its measure. */
static const struct {
    const char *measure, *name, *word;
    int column;
} choices[IST_CALIBRATED_ESTIMATORS] = {
    [IST_CALIBRATED_TYPE_1] = {"mi-ksg", "type", "1", IST_ESTIMATOR_NEARER},
    [IST_CALIBRATED_TYPE_2] = {"mi-ksg", "type", "2", IST_ESTIMATOR_BOX},
    [IST_CALIBRATED_PAPER] = {"mi-mixed", "form", "paper", IST_ESTIMATOR_REACH},
};

static const ist_measure *measure_of(const char *name)
{
    size_t m = 0;
    while (strcmp(ist_measures[m]->planner.schema->name, name) != 0)
        m++;
    return ist_measures[m];
}

void ist_estimator_init(ist_estimator *e, ist_calibrated which, int64_t k)
{
    e->measure = measure_of(choices[which].measure);
    const ist_measure_schema *schema = e->measure->planner.schema;
    for (size_t p = 0; p < schema->param_count; p++) {
        const char *name = schema->params[p].name;
        bool chosen = strcmp(name, choices[which].name) == 0;
        if (strcmp(name, "k") == 0)
            snprintf(e->text[p], sizeof e->text[p], "%" PRId64, k);
        else
            snprintf(e->text[p], sizeof e->text[p], "%s",
                     chosen ? choices[which].word : schema->params[p].standard);
        e->value[p].text = e->text[p];
        e->params[p] = &e->value[p];
    }
}

void ist_estimator_imbalance(ist_estimator *e, int64_t bins)
{
    e->measure = measure_of("imbalance");
    const ist_measure_schema *schema = e->measure->planner.schema;
    for (size_t p = 0; p < schema->param_count; p++) {
        const char *name = schema->params[p].name, *word = schema->params[p].standard;
        word = strcmp(name, "rmi") == 0 ? "true" : strcmp(name, "se") == 0 ? "rows" : word;
        if (strcmp(name, "bins") == 0)
            snprintf(e->text[p], sizeof e->text[p], "%" PRId64, bins);
        else
            snprintf(e->text[p], sizeof e->text[p], "%s", word);
        e->value[p].text = e->text[p];
        e->params[p] = &e->value[p];
    }
}

int ist_estimator_column(ist_calibrated which)
{
    return choices[which].column;
}

void ist_estimator_values(const ist_estimator *e, const ist_evidence *evidence, double *values)
{
    e->measure->values(e->params, evidence, values);
}

double ist_estimator_result(const ist_estimator *e, const double *values, int64_t n)
{
    int64_t *sums = ist_alloc(e->measure->sum_count, sizeof *sums);
    ist_totals totals = {
        .n = n, .all = sums, .values = values, .dimension_source = NAN, .dimension_target = NAN};
    ist_record records[IST_MAX_RECORDS];
    size_t count = 0;
    ist_error error = {0};
    e->measure->finish(e->params, &totals, records, &count, &error);
    double value = records[0].value;
    for (size_t r = 0; r < count; r++)
        ist_record_release(&records[r]);
    ist_free(sums);
    return value;
}
