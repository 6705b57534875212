/* Sums of powers of kernels' eigenvalues, estimated by probes, without a matrix. */
#include "dense.h"

static double excess(double value, const void *power)
{
    return value > 0 ? ist_exp(*(const double *)power * ist_ln(value)) - value : 0;
}

/* By probe: the eigenvalues add up to 1, so that only what their powers differ by is estimated. */
static ist_code trace_of(ist_dense_work *w, int factors, const ist_rows *const *rows,
                         const double *width, const int64_t *label, int which, ist_error *error)
{
    const ist_dense_needs *needs = &w->needs.dense;
    ist_session *s = w->s;
    ist_kernel_product kernel = {factors, rows, width, label, w->n};
    ist_quadrature q;
    if (!ist_quadrature_new(s->comm, &s->engine, &kernel, needs->seed, needs->probes,
                            IST_QUADRATURE_STEPS, &q))
        return ist_stop_in_pass(s, "matrices", error);
    double *trace = ist_dense_room_for(w, q.probes);
    for (int p = 0; p < q.probes; p++) {
        double sum = 0;
        for (int m = 0; m < q.steps; m++)
            sum += q.weight[p * q.steps + m] * excess(q.node[p * q.steps + m], &needs->power);
        trace[p] = 1 + (double)w->n * sum;
    }
    w->found.probes = q.probes;
    w->found.trace[which] = trace;
    ist_quadrature_release(&q);
    return IST_OK;
}

ist_code ist_find_traces(ist_dense_work *w, ist_error *error)
{
    if (ist_kernel_widths(w, error) != IST_OK)
        return error->code;
    const ist_rows *rows[2] = {ist_dense_rows(w, 0), ist_dense_rows(w, 1)};
    const double *width = w->found.width;
    if (trace_of(w, 1, rows, width, NULL, 0, error) != IST_OK || w->task->alone)
        return error->code;
    if (w->two && trace_of(w, 1, rows + 1, width + 1, NULL, 1, error) != IST_OK)
        return error->code;
    if (!w->two)
        ist_spectrum_of_labels(w);
    return trace_of(w, w->two ? 2 : 1, rows, width, w->label, 2, error);
}
