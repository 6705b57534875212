/* Sums of powers of kernels' eigenvalues, estimated by probes, without a matrix. */
#include "dense.h"

static double raised(double value, double power)
{
    return value > 0 ? ist_exp(power * ist_ln(value)) : 0;
}

/* What the probes see of f(lambda) goes with what they see of lambda, whose sum is known to be 1: by this factor, which is
 * the covariance of both over the variance of the latter but for their diagonals. 1 for alpha near 1, and far less beyond 2. */
static double slope(const ist_quadrature *q, double power)
{
    double across = 0, squares = 0;
    for (int64_t at = 0; at < (int64_t)q->probes * q->steps; at++) {
        across += q->weight[at] * raised(q->node[at], power + 1);
        squares += q->weight[at] * raised(q->node[at], 2);
    }
    return squares > 0 ? across / squares : 0;
}

/* By probe: only what the powers differ by from the multiple of the eigenvalues is estimated. */
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
    double *trace = ist_dense_room_for(w, q.probes), part = slope(&q, needs->power);
    for (int p = 0; p < q.probes; p++) {
        double sum = 0;
        for (int m = 0; m < q.steps; m++) {
            double node = q.node[p * q.steps + m] > 0 ? q.node[p * q.steps + m] : 0;
            sum += q.weight[p * q.steps + m] * (raised(node, needs->power) - part * node);
        }
        trace[p] = part + (double)w->n * sum;
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
