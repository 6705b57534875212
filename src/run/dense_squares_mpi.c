/* Sums of the squares of kernels over their traces: alpha = 2, without a matrix and to the bit. */
#include "dense.h"

static ist_code moments_of(ist_dense_work *w, const ist_rows *rows, ist_moment_kernel kernel,
                           ist_moments *found, ist_error *error)
{
    ist_session *s = w->s;
    ist_pass_stats stats = {0};
    if (!ist_pass_moments(s->comm, &s->engine, rows, w->label, 1, &kernel, found, &stats))
        return ist_stop_in_pass(s, "matrices", error);
    return IST_OK;
}

/* Of a layer alone: many tasks have the same one, with the same width. */
static ist_code layer_moments(ist_dense_work *w, int side, double weight, ist_moments *found,
                              ist_error *error)
{
    ist_text what = {0};
    ist_text_add(&what, "squares %zu %.17g %zu", ist_dense_layer(w, side), weight,
                 w->label ? w->task->target : SIZE_MAX);
    ist_hash key = ist_hash_bytes(what.data, what.length, 0);
    ist_text_release(&what);
    double *known = ist_remember(w->s, key)->values;
    if (!known) {
        if (moments_of(w, ist_dense_rows(w, side), (ist_moment_kernel){{weight, 0}}, found,
                       error) != IST_OK)
            return error->code;
        known = ist_alloc(3, sizeof *known);
        known[0] = found->squares;
        known[1] = found->squares_within;
        known[2] = found->sum;
        ist_remember(w->s, key)->values = known;
    }
    found->squares = known[0];
    found->squares_within = known[1];
    found->sum = known[2];
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

ist_code ist_find_squares(ist_dense_work *w, ist_error *error)
{
    if (ist_kernel_widths(w, error) != IST_OK)
        return error->code;
    double weight[2] = {0}, pairs = (double)w->n * (double)w->n;
    ist_moments found[2] = {{0}};
    for (int side = 0; side <= w->two; side++) {
        weight[side] = ist_gaussian_weight(w->found.width[side]);
        if (layer_moments(w, side, weight[side], &found[side], error) != IST_OK)
            return error->code;
        w->found.squares[side] = found[side].squares / pairs;
        /* The squares of all other entries are smaller. */
        w->found.zero_or_one[side] = found[side].sum == found[side].squares;
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
