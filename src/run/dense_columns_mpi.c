/* Log-determinants and centred alignment: products of columns, or Gram matrices of the samples where these are fewer. */
#include <math.h>
#include <string.h>

#include "dense.h"

/* One side of a task: the columns of a layer, or one for each class. */
typedef struct {
    int64_t d;
    const ist_rows *rows; /* NULL: labels */
    double *mean;         /* of a layer's columns; NULL: they have none */
    double *scale;        /* what each column is multiplied with */
    double *share;        /* labels: of the classes */
} side_columns;

static double share_of(const ist_dense_work *w, int64_t c)
{
    return (double)w->classes.size[c] / (double)w->n;
}

/* Columns less their means; `unit`: as columns of norm 1 (a layer is standardised then), else over the root of n. */
static side_columns columns_of(ist_dense_work *w, int side, bool unit, bool scaled)
{
    int64_t n = w->n;
    side_columns c = {.d = side == 1 && !w->two ? w->classes.class_count : 0};
    if (c.d == 0) {
        c.rows = ist_dense_rows(w, side);
        c.d = c.rows->d;
        c.mean = ist_alloc((size_t)c.d, sizeof *c.mean);
        int64_t count;
        ist_column_means(w->s->comm, &(ist_columns){.rows = c.rows}, c.mean, &count);
    } else {
        c.share = ist_alloc((size_t)c.d, sizeof *c.share);
        for (int64_t k = 0; k < c.d; k++)
            c.share[k] = share_of(w, k);
    }
    c.scale = ist_alloc((size_t)c.d, sizeof *c.scale);
    for (int64_t f = 0; f < c.d; f++) {
        double norm = c.rows ? (double)(n - 1) : (double)n * c.share[f] * (1 - c.share[f]);
        c.scale[f] = !scaled ? 1 : unit ? (norm > 0 ? 1 / sqrt(norm) : 0) : 1 / sqrt((double)n);
    }
    return c;
}

static void release_columns(side_columns *c)
{
    ist_free(c->mean);
    ist_free(c->scale);
    ist_free(c->share);
    *c = (side_columns){0};
}

/* ---- products -------------------------------------------------------------------------------- */

typedef struct {
    const double *row, *column, *share;
    double n;
} entry_scales;

static double scaled(double value, int64_t i, int64_t j, const void *data)
{
    const entry_scales *s = data;
    return value * s->row[i] * s->column[j];
}

/* Of centred columns of two classes: n_c (1 where they are one) - n_c n_c' / n. */
static double of_classes(int64_t i, int64_t j, const void *data)
{
    const entry_scales *s = data;
    return s->n * ((i == j) * s->share[i] - s->share[i] * s->share[j]);
}

/* One column for each class, n x classes. */
static double *one_hot(const ist_dense_work *w)
{
    int64_t classes = w->classes.class_count;
    double *table = ist_alloc((size_t)(w->n * classes), sizeof *table);
    for (int64_t i = 0; i < w->n; i++)
        table[i * classes + w->classes.class_of[i]] = 1;
    return table;
}

/* product (d_a x d_b) = A'B of centred and scaled columns. A is a layer unless both are the labels. */
static ist_code product_of(ist_dense_work *w, const side_columns *a, const side_columns *b,
                           ist_dense *product, ist_error *error)
{
    const ist_columns x = {.rows = a->rows, .mean = a->mean},
                      y = {.rows = b->rows, .mean = b->mean};
    entry_scales scales = {a->scale, b->scale, a->share, (double)w->n};
    if (!a->rows) {
        if (ist_dense_new(w->grid, a->d, b->d, product, error) == IST_OK)
            ist_dense_fill(product, of_classes, &scales);
    } else if (!b->rows) {
        double *table = one_hot(w);
        ist_column_product_table(w->grid, &x, b->d, table, product, error);
        ist_free(table);
    } else {
        ist_column_product(w->grid, &x, &y, product, error);
    }
    if (error->code == IST_OK)
        ist_dense_apply(product, scaled, &scales);
    return error->code;
}

/* ---- Gram matrices of samples ------------------------------------------------------------------ */

/* The labels' columns, centred and scaled, of two samples. */
typedef struct {
    const ist_dense_work *w;
    const side_columns *c;
    double all; /* sum over the classes of (scale share)^2 */
} label_entry;

static double of_labels(int64_t i, int64_t j, const void *data)
{
    const label_entry *l = data;
    const side_columns *c = l->c;
    int32_t x = l->w->classes.class_of[i], y = l->w->classes.class_of[j];
    double at_x = c->scale[x] * c->scale[x], at_y = c->scale[y] * c->scale[y];
    return (x == y) * at_x - at_x * c->share[x] - at_y * c->share[y] + l->all;
}

static double times(double value, int64_t i, int64_t j, const void *data)
{
    (void)i, (void)j;
    return value * *(const double *)data;
}

static ist_code gram_of(ist_dense_work *w, const side_columns *c, ist_dense *gram, ist_error *error)
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

/* Of the columns of both sides together: [A B]'[A B]. */
static ist_code joint_product(ist_dense_work *w, const side_columns c[2], ist_dense *joint,
                              ist_error *error)
{
    if (ist_dense_new(w->grid, c[0].d + c[1].d, c[0].d + c[1].d, joint, error) != IST_OK)
        return error->code;
    for (int block = 0; block < 3; block++) {
        int a = block == 2, b = block > 0; /* AA, AB, BB; below the diagonal AB' */
        ist_dense product;
        if (product_of(w, &c[a], &c[b], &product, error) != IST_OK) {
            ist_dense_release(joint);
            return error->code;
        }
        ist_dense_place_block(&product, block == 1, joint, b ? c[0].d : 0, a ? c[0].d : 0);
        ist_dense_release(&product);
    }
    return IST_OK;
}

static double plus(double value, int64_t i, int64_t j, const void *data)
{
    const ist_dense *other = data;
    return value + other->values[ist_dense_place(other, i, j)];
}

/* The same of samples: the Gram matrices add up. */
static ist_code joint_gram(ist_dense_work *w, const side_columns c[2], ist_dense *joint,
                           ist_error *error)
{
    ist_dense other;
    if (gram_of(w, &c[0], joint, error) != IST_OK)
        return error->code;
    if (gram_of(w, &c[1], &other, error) != IST_OK) {
        ist_dense_release(joint);
        return error->code;
    }
    ist_dense_apply(joint, plus, &other);
    ist_dense_release(&other);
    return IST_OK;
}

static ist_code find_logdets(ist_dense_work *w, const side_columns c[2], int sides, double beta,
                             ist_error *error)
{
    int64_t together = c[0].d + (sides > 1 ? c[1].d : 0);
    bool samples = together > w->n;
    for (int which = 0; which < (sides > 1 ? 3 : 1) && error->code == IST_OK; which++) {
        ist_dense m;
        if (which == 2)
            samples ? joint_gram(w, c, &m, error) : joint_product(w, c, &m, error);
        else
            samples ? gram_of(w, &c[which], &m, error)
                    : product_of(w, &c[which], &c[which], &m, error);
        if (error->code == IST_OK)
            logdet_of(&m, beta, &w->found.logdet[which], error);
        ist_stop_soon(w->s, error);
    }
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
        entry_scales scales = {.row = scale, .column = scale};
        ist_dense_apply(&m, scaled, &scales);
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
            w->found.logdet[1] += share_of(w, c) * found;
    }
    return error->code;
}

ist_code ist_find_logdets(ist_dense_work *w, ist_error *error)
{
    const ist_dense_needs *needs = &w->needs.dense;
    int sides = w->task->alone ? 1 : 2;
    side_columns c[2] = {{0}};
    for (int side = 0; side < sides; side++)
        c[side] = columns_of(w, side, !needs->covariance, true);
    double beta = needs->beta > 0 ? needs->beta : 100 * (double)(c[0].d + c[1].d);
    if (needs->within_classes && sides > 1) {
        if (find_logdets(w, c, 1, beta, error) == IST_OK)
            find_within(w, beta, error);
    } else {
        find_logdets(w, c, sides, beta, error);
    }
    release_columns(&c[0]);
    release_columns(&c[1]);
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
static void describe_columns(ist_dense_work *w, int side, const side_columns *c)
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

static ist_code align_columns(ist_dense_work *w, const side_columns c[2], ist_error *error)
{
    static const int sides[3][2] = {{0, 1}, {0, 0}, {1, 1}};
    for (int which = 0; which < 3 && error->code == IST_OK; which++) {
        ist_dense product;
        if (product_of(w, &c[sides[which][0]], &c[sides[which][1]], &product, error) != IST_OK)
            break;
        w->found.dot[which] = ist_dense_dot(&product, &product);
        ist_dense_release(&product);
    }
    describe_columns(w, 0, &c[0]);
    describe_columns(w, 1, &c[1]);
    return error->code;
}

/* A kernel of the samples on one side: Gaussian, or linear of centred columns. */
static ist_code kernel_of(ist_dense_work *w, int side, const side_columns *c, ist_dense *kernel,
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

static ist_code align_samples(ist_dense_work *w, const side_columns c[2], ist_error *error)
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
    side_columns c[2] = {columns_of(w, 0, false, false), columns_of(w, 1, false, false)};
    w->found.centred = linear;
    if (linear && c[0].d <= w->n && c[1].d <= w->n)
        align_columns(w, c, error);
    else
        align_samples(w, c, error);
    release_columns(&c[0]);
    release_columns(&c[1]);
    return error->code;
}
