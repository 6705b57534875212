/* Matrix-based entropies: eigenvalues of kernels over their traces, or sums of their powers without a matrix. */
#include <math.h>
#include <string.h>

#include "dense.h"

/* ---- eigenvalues ----------------------------------------------------------------------------- */

static ist_hash key_of(const ist_dense_work *w, const char *what, size_t a, double width, size_t b)
{
    ist_text text = {0};
    ist_text_add(&text, "%s %zu %.17g %zu", what, a, width, b);
    ist_hash key = ist_hash_bytes(text.data, text.length, 0);
    ist_text_release(&text);
    (void)w;
    return key;
}

static ist_code make_kernel(ist_dense_work *w, int side, ist_dense *kernel, ist_error *error)
{
    if (ist_dense_new(w->grid, w->n, w->n, kernel, error) != IST_OK)
        return error->code;
    if (ist_gram_distances(w->grid, w->s->engine.kernel, ist_dense_rows(w, side), kernel, error) !=
        IST_OK)
        ist_dense_release(kernel);
    else
        ist_gram_gaussian(kernel, w->found.width[side], kernel);
    return error->code;
}

/* The eigenvalues of K / n, which has the trace 1; of a positive semidefinite matrix what is below 0 is rounding. The
 * matrix is released. */
static ist_code eigenvalues(ist_dense_work *w, ist_dense *kernel, double *values, ist_error *error)
{
    ist_dense_eigenvalues(kernel, values, error);
    ist_dense_release(kernel);
    for (int64_t i = 0; i < w->n && error->code == IST_OK; i++)
        values[i] = values[i] > 0 ? values[i] / (double)w->n : 0;
    return error->code;
}

/* Looked up, or found by `make` and remembered for the portion. */
typedef ist_code matrix_maker(ist_dense_work *w, ist_dense *kernel, ist_error *error);

static ist_code spectrum(ist_dense_work *w, ist_hash key, matrix_maker *make, const double **found,
                         ist_error *error)
{
    double *values = ist_remember(w->s, key)->values;
    if (!values) {
        ist_dense kernel;
        values = ist_alloc((size_t)w->n, sizeof *values);
        if (make(w, &kernel, error) == IST_OK)
            eigenvalues(w, &kernel, values, error);
        if (error->code != IST_OK) {
            ist_free(values);
            return error->code;
        }
        ist_remember(w->s, key)->values = values;
    }
    *found = values;
    return IST_OK;
}

static ist_code make_source(ist_dense_work *w, ist_dense *kernel, ist_error *error)
{
    return make_kernel(w, 0, kernel, error);
}

static ist_code make_target(ist_dense_work *w, ist_dense *kernel, ist_error *error)
{
    return make_kernel(w, 1, kernel, error);
}

static ist_code make_joint(ist_dense_work *w, ist_dense *kernel, ist_error *error)
{
    if (make_kernel(w, 0, kernel, error) != IST_OK)
        return error->code;
    if (!w->two) {
        ist_dense_within(kernel, w->label);
        return IST_OK;
    }
    ist_dense other;
    if (make_kernel(w, 1, &other, error) != IST_OK) {
        ist_dense_release(kernel);
        return error->code;
    }
    ist_dense_times(kernel, &other);
    ist_dense_release(&other);
    return IST_OK;
}

/* The labels' matrix has the classes' shares as its eigenvalues, and n less the classes zeros. */
static void spectrum_of_labels(ist_dense_work *w)
{
    double *values = ist_dense_room_for(w, w->n);
    int64_t classes = w->classes.class_count;
    for (int64_t c = 0; c < classes; c++)
        values[w->n - classes + c] = (double)w->classes.size[c] / (double)w->n;
    w->found.spectrum[1] = values;
}

static ist_code find_widths(ist_dense_work *w, ist_error *error)
{
    for (int side = 0; side <= w->two && error->code == IST_OK; side++)
        ist_kernel_width(w, side, &w->found.width[side], error);
    return error->code;
}

ist_code ist_find_spectra(ist_dense_work *w, ist_error *error)
{
    const ist_task *task = w->task;
    ist_session *s = w->s;
    if (find_widths(w, error) != IST_OK)
        return error->code;
    const double *width = w->found.width;
    if (spectrum(w, key_of(w, "layer", task->source, width[0], 0), make_source,
                 &w->found.spectrum[0], error) != IST_OK ||
        task->alone || ist_stop_soon(s, error) != IST_OK)
        return error->code;
    if (!w->two)
        spectrum_of_labels(w);
    else if (spectrum(w, key_of(w, "layer", task->target, width[1], 0), make_target,
                      &w->found.spectrum[1], error) != IST_OK ||
             ist_stop_soon(s, error) != IST_OK)
        return error->code;
    ist_hash joint = key_of(w, w->two ? "joint" : "within", task->source, width[0], task->target);
    if (w->two)
        joint = key_of(w, "with", (size_t)joint.low, width[1], (size_t)joint.high);
    return spectrum(w, joint, make_joint, &w->found.spectrum[2], error);
}

/* ---- powers without a matrix ------------------------------------------------------------------- */

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

static ist_code find_traces(ist_dense_work *w, ist_error *error)
{
    const ist_rows *rows[2] = {ist_dense_rows(w, 0), ist_dense_rows(w, 1)};
    const double *width = w->found.width;
    if (trace_of(w, 1, rows, width, NULL, 0, error) != IST_OK || w->task->alone)
        return error->code;
    if (w->two && trace_of(w, 1, rows + 1, width + 1, NULL, 1, error) != IST_OK)
        return error->code;
    if (!w->two)
        spectrum_of_labels(w);
    return trace_of(w, w->two ? 2 : 1, rows, width, w->label, 2, error);
}

/* ---- squares: alpha = 2 ------------------------------------------------------------------------ */

static ist_code moments_of(ist_dense_work *w, const ist_rows *rows, ist_moment_kernel kernel,
                           ist_moments *found, ist_error *error)
{
    ist_session *s = w->s;
    ist_pass_stats stats = {0};
    if (!ist_pass_moments(s->comm, &s->engine, rows, w->label, 1, &kernel, found, &stats))
        return ist_stop_in_pass(s, "matrices", error);
    return IST_OK;
}

static ist_code find_joint_squares(ist_dense_work *w, const double weight[2], double *squares,
                                   ist_error *error)
{
    ist_rows joint;
    ist_moments found;
    ist_rows_joint(w->s->comm, ist_dense_rows(w, 0), 1, ist_dense_rows(w, 1), 1, &joint);
    if (moments_of(w, &joint, (ist_moment_kernel){{weight[0], weight[1]}}, &found, error) == IST_OK)
        *squares = found.squares;
    ist_rows_release(&joint);
    return error->code;
}

static ist_code find_squares(ist_dense_work *w, ist_error *error)
{
    double weight[2] = {0}, pairs = (double)w->n * (double)w->n;
    ist_moments found[2] = {{0}};
    for (int side = 0; side <= w->two; side++) {
        weight[side] = ist_gaussian_weight(w->found.width[side]);
        if (moments_of(w, ist_dense_rows(w, side), (ist_moment_kernel){{weight[side], 0}},
                       &found[side], error) != IST_OK)
            return error->code;
        w->found.squares[side] = found[side].squares / pairs;
    }
    if (w->task->alone)
        return IST_OK;
    double joint = found[0].squares_within;
    if (w->two && find_joint_squares(w, weight, &joint, error) != IST_OK)
        return error->code;
    w->found.squares[2] = joint / pairs;
    double equal = 0; /* pairs of one label: an integer */
    for (int64_t c = 0; c < w->classes.class_count && !w->two; c++)
        equal += (double)w->classes.size[c] * (double)w->classes.size[c];
    if (!w->two)
        w->found.squares[1] = equal / pairs;
    return IST_OK;
}

ist_code ist_find_powers(ist_dense_work *w, ist_error *error)
{
    if (find_widths(w, error) != IST_OK)
        return error->code;
    return w->needs.dense.kind == IST_DENSE_MOMENTS ? find_squares(w, error) : find_traces(w, error);
}
