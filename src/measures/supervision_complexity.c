/* Supervision complexity: how much a kernel has to be stretched to give the targets (Harutyunyan et al. 2023,
 * arXiv 2301.12245; measures.md 7.3):
 *
 *     Omega = sum over outputs of y' K^-1 y     adjusted = sqrt(Omega tr K) / n
 *
 * K: a dumped kernel (of the network's gradients, say) or one made of a layer, with `ridge` on its diagonal.
 */
#include <math.h>

#include "common.h"

static const ist_param_spec params[IST_SOLUTION_PARAMS] = {IST_SOLUTION_ROWS};

static const ist_measure_schema schema = {
    .name = "supervision-complexity",
    .summary = "y' K^-1 y: how hard a target is for a kernel (Harutyunyan et al. 2023)",
    .params = params,
    .param_count = IST_SOLUTION_PARAMS,
    .symmetric = true,
    .takes_labels = true,
    .wants_target = true,
};

static ist_code check(const ist_value *const *values, int64_t n, const ist_label_vector *labels,
                      ist_error *error)
{
    (void)n;
    return ist_check_solution(values, labels, error);
}

static ist_code finish(const ist_value *const *values, const ist_totals *t, ist_record *records,
                       size_t *count, ist_error *error)
{
    (void)values, (void)error;
    const ist_dense_totals *d = t->dense;
    double adjusted = sqrt(d->complexity * d->kernel_trace) /
                      ((double)t->n * (d->whole ? sqrt((double)d->outputs) : 1));
    ist_text notes = {0}, detail = {0};
    ist_add_solution_facts(t, 1, &notes, &detail);
    records[0] = ist_matrix_record(t, "complexity", "1", d->complexity, (double)NAN, "none", &notes,
                                   &detail);
    ist_add_solution_facts(t, 1, &notes, &detail);
    records[1] = ist_matrix_record(t, "complexity-adjusted", "ratio", adjusted, (double)NAN, "none",
                                   &notes, &detail);
    *count = 2;
    return IST_OK;
}

const ist_measure ist_measure_supervision_complexity = {
    .planner = {.schema = &schema, .version = 1, .needs = ist_solution_needs, .check = check},
    .finish = finish,
};
