/* Matrix-based entropies: eigenvalues of kernels over their traces. */
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
    if (ist_gram_distances(w->grid, w->s->engine.kernel, ist_dense_rows(w, side), kernel, error) ==
        IST_OK)
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
void ist_spectrum_of_labels(ist_dense_work *w)
{
    double *values = ist_dense_room_for(w, w->n);
    int64_t classes = w->classes.class_count;
    for (int64_t c = 0; c < classes; c++)
        values[w->n - classes + c] = (double)w->classes.size[c] / (double)w->n;
    w->found.spectrum[1] = values;
}

ist_code ist_kernel_widths(ist_dense_work *w, ist_error *error)
{
    for (int side = 0; side <= w->two && error->code == IST_OK; side++)
        ist_kernel_width(w, side, &w->found.width[side], error);
    return error->code;
}

ist_code ist_find_spectra(ist_dense_work *w, ist_error *error)
{
    const ist_task *task = w->task;
    ist_session *s = w->s;
    if (ist_kernel_widths(w, error) != IST_OK)
        return error->code;
    const double *width = w->found.width;
    if (spectrum(w, key_of(w, "layer", task->source, width[0], 0), make_source,
                 &w->found.spectrum[0], error) != IST_OK ||
        task->alone || ist_stop_soon(s, error) != IST_OK)
        return error->code;
    if (!w->two)
        ist_spectrum_of_labels(w);
    else if (spectrum(w, key_of(w, "layer", task->target, width[1], 0), make_target,
                      &w->found.spectrum[1], error) != IST_OK ||
             ist_stop_soon(s, error) != IST_OK)
        return error->code;
    ist_hash joint = key_of(w, w->two ? "joint" : "within", task->source, width[0], task->target);
    if (w->two)
        joint = key_of(w, "with", (size_t)joint.low, width[1], (size_t)joint.high);
    return spectrum(w, joint, make_joint, &w->found.spectrum[2], error);
}
