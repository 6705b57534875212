/* Log-determinants and centred alignment: products of columns, or Gram matrices of the samples where these are fewer. */
#include <math.h>
#include <string.h>

#include "dense_products.h"

/* ---- Gram matrices of samples ------------------------------------------------------------------ */

/* The labels' columns, centred and scaled, of two samples. */
typedef struct {
    const ist_dense_work *w;
    const ist_side_columns *c;
    double all; /* sum over the classes of (scale share)^2 */
} label_entry;

static double of_labels(int64_t i, int64_t j, const void *data)
{
    const label_entry *l = data;
    const ist_side_columns *c = l->c;
    int32_t x = l->w->classes.class_of[i], y = l->w->classes.class_of[j];
    double at_x = c->scale[x] * c->scale[x], at_y = c->scale[y] * c->scale[y];
    return (x == y) * at_x - at_x * c->share[x] - at_y * c->share[y] + l->all;
}

static double times(double value, int64_t i, int64_t j, const void *data)
{
    (void)i, (void)j;
    return value * *(const double *)data;
}

static ist_code gram_of(ist_dense_work *w, const ist_side_columns *c, ist_dense *gram,
                        ist_error *error)
{
    if (!c->rows) {
        if (ist_dense_new(w->grid, w->n, w->n, gram, error) != IST_OK)
            return error->code;
        label_entry entry = {.w = w, .c = c};
        for (int64_t k = 0; k < c->d; k++)
            entry.all += c->scale[k] * c->scale[k] * c->share[k] * c->share[k];
        ist_dense_fill(gram, of_labels, &entry);
        return IST_OK;
    }
    if (ist_gram_linear(w->grid, c->rows, true, gram, error) != IST_OK)
        return error->code;
    double factor = c->scale[0] * c->scale[0]; /* one for all columns of a layer */
    ist_dense_apply(gram, times, &factor);
    return IST_OK;
}

/* ---- log-determinants -------------------------------------------------------------------------- */

/* ln det(I + beta M); M is released. */
static ist_code logdet_of(ist_dense *m, double beta, double *found, ist_error *error)
{
    ist_dense_scale(m, beta);
    ist_dense_add_diagonal(m, 1);
    if (ist_dense_cholesky(m, "the matrix I + beta M", error) == IST_OK)
        *found = ist_dense_log_determinant(m);
    ist_dense_release(m);
    return error->code;
}

static double plus(double value, int64_t i, int64_t j, const void *data)
{
    const ist_dense *other = data;
    return value + other->values[ist_dense_place(other, i, j)];
}

/* The matrix of one side: of its columns, or of the samples. */
static ist_code matrix_of(ist_dense_work *w, const ist_side_columns c[2], int side, bool samples,
                          ist_dense *m, ist_error *error)
{
    ist_dense *product;
    if (samples)
        return gram_of(w, &c[side], m, error);
    if (ist_product_of_sides(w, c, side, side, &product, error) == IST_OK &&
        ist_dense_copy(product, m, error) == IST_OK)
        ist_scale_entries(m, c[side].scale, c[side].scale);
    return error->code;
}

/* AB' is the block below the diagonal of [A B]'[A B]. */
static ist_code put_across(ist_dense_work *w, const ist_side_columns c[2], ist_dense *joint,
                           ist_error *error)
{
    ist_dense *product, across;
    if (ist_product_of_sides(w, c, 0, 1, &product, error) != IST_OK ||
        ist_dense_copy(product, &across, error) != IST_OK)
        return error->code;
    ist_scale_entries(&across, c[0].scale, c[1].scale);
    ist_dense_place_block(&across, true, joint, c[0].d, 0);
    ist_dense_release(&across);
    return IST_OK;
}

/* Of each side, and of both together: columns side by side, Gram matrices of samples add up. Never more than two matrices beside the
 * products that are held. */
static ist_code find_logdets(ist_dense_work *w, const ist_side_columns c[2], int sides, double beta,
                             ist_error *error)
{
    const int64_t together = c[0].d + (sides > 1 ? c[1].d : 0);
    const bool samples = together > w->n;
    const int64_t order = samples ? w->n : together;
    ist_dense joint = {0}, m;
    if (sides > 1 && ist_dense_new(w->grid, order, order, &joint, error) != IST_OK)
        return error->code;
    for (int side = 0; side < sides && error->code == IST_OK; side++) {
        const int64_t at = side * c[0].d;
        if (matrix_of(w, c, side, samples, &m, error) != IST_OK)
            break;
        if (sides > 1 && samples)
            ist_dense_apply(&joint, plus, &m);
        else if (sides > 1)
            ist_dense_place_block(&m, false, &joint, at, at);
        logdet_of(&m, beta, &w->found.logdet[side], error);
        ist_stop_soon(w->s, error);
    }
    if (sides > 1 && error->code == IST_OK &&
        (samples || put_across(w, c, &joint, error) == IST_OK))
        logdet_of(&joint, beta, &w->found.logdet[2], error);
    ist_dense_release(&joint);
    return error->code;
}

/* ---- within classes ---------------------------------------------------------------------------- */

/* Columns of unit norm within a class; those that are constant there count for nothing. */
static void unit_scales(const ist_dense *product, const double *mean, double n, double *scale)
{
    const double ROUNDING = 4 * 0x1p-52;
    ist_dense_diagonal(product, scale);
    for (int64_t f = 0; f < product->rows; f++) {
        double noise = ROUNDING * fabs(mean[f]);
        scale[f] = scale[f] > n * noise * noise ? 1 / sqrt(scale[f]) : 0;
    }
}

/* ln det of one class. */
static ist_code logdet_within(ist_dense_work *w, int64_t class, double beta, double *found,
                              ist_error *error)
{
    const ist_rows *rows = ist_dense_rows(w, 0);
    int64_t d = rows->d, count, home = rows->home.count;
    bool *taken = ist_alloc((size_t)ist_max(1, home), sizeof *taken);
    double *mean = ist_alloc((size_t)d, sizeof *mean), *scale = ist_alloc((size_t)d, sizeof *scale);
    for (int64_t i = 0; i < home; i++)
        taken[i] = w->classes.class_of[rows->home.first + i] == class;
    ist_columns columns = {.rows = rows, .taken = taken};
    ist_column_means(w->s->comm, &columns, mean, &count);
    columns.mean = mean;
    ist_dense m;
    if (ist_column_product(w->grid, &columns, &columns, &m, error) == IST_OK) {
        for (int64_t f = 0; f < d; f++)
            scale[f] = 1 / sqrt((double)count);
        if (!w->needs.dense.covariance)
            unit_scales(&m, mean, (double)count, scale);
        ist_scale_entries(&m, scale, scale);
        logdet_of(&m, beta, found, error);
    }
    ist_free(taken);
    ist_free(mean);
    ist_free(scale);
    return error->code;
}

static ist_code find_within(ist_dense_work *w, double beta, ist_error *error)
{
    for (int64_t c = 0; c < w->classes.class_count && error->code == IST_OK; c++) {
        double found = 0;
        if (logdet_within(w, c, beta, &found, error) == IST_OK)
            w->found.logdet[1] += ist_class_share(w, c) * found;
    }
    return error->code;
}

ist_code ist_find_logdets(ist_dense_work *w, ist_error *error)
{
    const ist_dense_needs *needs = &w->needs.dense;
    int sides = w->task->alone ? 1 : 2;
    ist_side_columns c[2] = {{0}};
    for (int side = 0; side < sides; side++)
        c[side] = ist_side_columns_of(w, side, !needs->covariance, true);
    double beta = needs->beta > 0 ? needs->beta : 100 * (double)(c[0].d + c[1].d);
    if (needs->within_classes && sides > 1) {
        if (find_logdets(w, c, 1, beta, error) == IST_OK)
            find_within(w, beta, error);
    } else {
        find_logdets(w, c, sides, beta, error);
    }
    ist_release_columns(&c[0]);
    ist_release_columns(&c[1]);
    return error->code;
}

/* ---- alignment --------------------------------------------------------------------------------- */

/* Diagonal and row sums of a matrix of samples. */
static void describe(ist_dense_work *w, int side, const ist_dense *k)
{
    double *diagonal = ist_dense_room_for(w, w->n), *sums = ist_dense_room_for(w, w->n);
    ist_dense_diagonal(k, diagonal);
    ist_dense_column_sums(k, sums);
    w->found.diagonal[side] = diagonal;
    w->found.row_sum[side] = sums;
}

/* Of centred columns; of labels the row of a class is the same for all of its samples. */
static void describe_columns(ist_dense_work *w, int side, const ist_side_columns *c)
{
    double *diagonal = ist_dense_room_for(w, w->n), *sums = ist_dense_room_for(w, w->n);
    double all = 0;
    for (int64_t k = 0; k < c->d && !c->rows; k++)
        all += c->share[k] * c->share[k];
    if (c->rows)
        ist_row_products(w->s->comm, &(ist_columns){.rows = c->rows, .mean = c->mean}, diagonal,
                         sums);
    for (int64_t i = 0; i < w->n && !c->rows; i++)
        diagonal[i] = 1 - 2 * c->share[w->classes.class_of[i]] + all;
    w->found.diagonal[side] = diagonal;
    w->found.row_sum[side] = sums;
}

static ist_code align_columns(ist_dense_work *w, const ist_side_columns c[2], ist_error *error)
{
    static const int sides[3][2] = {{0, 1}, {0, 0}, {1, 1}};
    for (int which = 0; which < 3; which++)
        if (ist_square_of_product(w, c, sides[which][0], sides[which][1], &w->found.dot[which],
                                  error) != IST_OK)
            return error->code;
    describe_columns(w, 0, &c[0]);
    describe_columns(w, 1, &c[1]);
    return error->code;
}

/* A kernel of the samples on one side: Gaussian, or linear of centred columns. */
static ist_code kernel_of(ist_dense_work *w, int side, const ist_side_columns *c, ist_dense *kernel,
                          ist_error *error)
{
    if (w->needs.dense.form != IST_KERNEL_GAUSSIAN)
        return gram_of(w, c, kernel, error);
    if (side == 1 && !w->two)
        return ist_gram_labels(w->grid, w->n, w->label, kernel, error);
    if (ist_kernel_width(w, side, &w->found.width[side], error) == IST_OK &&
        ist_gram_distances(w->grid, w->s->engine.kernel, ist_dense_rows(w, side), kernel, error) ==
            IST_OK)
        ist_gram_gaussian(kernel, w->found.width[side], kernel);
    return error->code;
}

static ist_code align_samples(ist_dense_work *w, const ist_side_columns c[2], ist_error *error)
{
    ist_dense k, l;
    if (kernel_of(w, 0, &c[0], &k, error) != IST_OK)
        return error->code;
    if (kernel_of(w, 1, &c[1], &l, error) == IST_OK) {
        w->found.dot[0] = ist_dense_dot(&k, &l);
        w->found.dot[1] = ist_dense_dot(&k, &k);
        w->found.dot[2] = ist_dense_dot(&l, &l);
        describe(w, 0, &k);
        describe(w, 1, &l);
        ist_dense_release(&l);
    }
    ist_dense_release(&k);
    return error->code;
}

ist_code ist_find_alignment(ist_dense_work *w, ist_error *error)
{
    bool linear = w->needs.dense.form == IST_KERNEL_LINEAR;
    ist_side_columns c[2] = {ist_side_columns_of(w, 0, false, false),
                             ist_side_columns_of(w, 1, false, false)};
    w->found.centred = linear;
    if (linear && c[0].d <= w->n && c[1].d <= w->n)
        align_columns(w, c, error);
    else
        align_samples(w, c, error);
    ist_release_columns(&c[0]);
    ist_release_columns(&c[1]);
    return error->code;
}
