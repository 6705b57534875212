/* The log-determinant entropy of a layer and the information it gives (Zhouyin & Liu 2021, arXiv 2105.03705; measures.md
 * 4.4):
 *
 *     H(Z) = (1/2) ln det(I + beta M)     I(A; B) = H(A) + H(B) - H([A B])
 *
 * M: the correlation matrix of the columns, or their covariance (1/n); labels are one column a class, or (conditional)
 * I(Z; y) = H(Z) - sum_c p_c H(Z | c).
 */
#include <math.h>

#include "common.h"

enum { PARAM_MODE, PARAM_BETA, PARAM_CLASSES, PARAMS };
enum { MOST_BETA = 1000000000 };

static const char *const modes[] = {"correlation", "covariance", NULL};
static const char *const betas[] = {"auto", NULL};
static const char *const forms[] = {"one-hot", "conditional", NULL};

static const ist_param_spec params[PARAMS] = {
    [PARAM_MODE] = {"mode", IST_PARAM_WORD, 0, 0, modes, "correlation", NULL},
    [PARAM_BETA] = {"beta", IST_PARAM_REAL, 0, MOST_BETA, betas, "auto", NULL},
    [PARAM_CLASSES] = {"classes", IST_PARAM_WORD, 0, 0, forms, "one-hot", NULL},
};

static const ist_measure_schema schema = {
    .name = "logdet",
    .summary = "log-determinant entropy of a layer, and information of a layer and labels or of "
               "two layers (Zhouyin & Liu 2021)",
    .params = params,
    .param_count = PARAMS,
    .symmetric = true,
    .takes_labels = true,
    .may_be_alone = true,
};

static ist_needs needs(const ist_value *const *values, const ist_label_vector *labels)
{
    bool covariance = ist_param_is(values, PARAM_MODE, "covariance");
    bool own = !ist_param_is(values, PARAM_BETA, "auto");
    return (ist_needs){
        .dense = {.kind = IST_DENSE_LOGDETS,
                  .beta = own ? ist_param_real(values, PARAM_BETA) : 0,
                  .covariance = covariance,
                  .within_classes = labels && ist_param_is(values, PARAM_CLASSES, "conditional")},
        /* columns of unit norm are standardised ones over the root of n - 1 */
        .scale = covariance ? IST_SCALE_NONE : IST_SCALE_ZSCORE};
}

static ist_code check(const ist_value *const *values, int64_t n, const ist_label_vector *labels,
                      ist_error *error)
{
    (void)labels;
    if (n < 2)
        return ist_fail(error, IST_REFUSED, "one sample has no covariance");
    if (!ist_param_is(values, PARAM_BETA, "auto") && ist_param_real(values, PARAM_BETA) <= 0)
        return ist_fail(error, IST_REFUSED, "'beta' must be above 0");
    return IST_OK;
}

static ist_code finish(const ist_value *const *values, const ist_totals *t, ist_record *records,
                       size_t *count, ist_error *error)
{
    (void)error;
    const double *logdet = t->dense->logdet;
    bool alone = t->d_target == 0 && !t->labels_target;
    bool conditional = t->labels_target && ist_param_is(values, PARAM_CLASSES, "conditional");
    ist_text notes = {0}, detail = {0};
    double columns = (double)(t->d_source + (t->labels_target ? t->class_count : t->d_target));
    bool own = !ist_param_is(values, PARAM_BETA, "auto");
    ist_detail_real(&detail, "beta_used", own ? ist_param_real(values, PARAM_BETA) : 100 * columns);
    if (!alone) {
        ist_detail_real(&detail, "entropy_source", logdet[0] / 2);
        ist_detail_real(&detail, conditional ? "entropy_conditional" : "entropy_target",
                        logdet[1] / 2);
        if (!conditional)
            ist_detail_real(&detail, "entropy_joint", logdet[2] / 2);
    }
    double mi = (logdet[0] + (conditional ? -logdet[1] : logdet[1] - logdet[2])) / 2;
    /* What is left of terms that cancel has their rounding errors. */
    double terms = fabs(logdet[0]) + fabs(logdet[1]) + (conditional ? 0 : fabs(logdet[2]));
    ist_add_matrix_facts(t, alone || mi == 0 ? 1 : fmax(1, terms / 2 / fabs(mi)), &notes, &detail);
    records[0] = ist_matrix_record(t, alone ? "entropy" : "mi", "nat", alone ? logdet[0] / 2 : mi,
                                   (double)NAN, "none", &notes, &detail);
    *count = 1;
    return IST_OK;
}

const ist_measure ist_measure_logdet = {
    .planner = {.schema = &schema, .version = 1, .needs = needs, .check = check},
    .finish = finish,
};
