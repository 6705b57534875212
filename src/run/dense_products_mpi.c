#include "dense_products.h"

#include <math.h>
#include <string.h>

double ist_class_share(const ist_dense_work *w, int64_t class)
{
    return (double)w->classes.size[class] / (double)w->n;
}

/* ---- columns ----------------------------------------------------------------------------------- */

/* Every task of a layer has the same means. */
static double *means_of(ist_dense_work *w, int side)
{
    const ist_rows *rows = ist_dense_rows(w, side);
    const size_t d = (size_t)rows->d;
    double *mean = ist_alloc(d, sizeof *mean);
    ist_text what = {0};
    ist_text_add(&what, "means %zu", ist_dense_layer(w, side));
    ist_remembered *known = ist_remember(w->s, ist_hash_bytes(what.data, what.length, 0));
    ist_text_release(&what);
    if (!known->values) {
        int64_t count;
        known->values = ist_alloc(d, sizeof *mean);
        ist_column_means(w->s->comm, &(ist_columns){.rows = rows}, known->values, &count);
    }
    memcpy(mean, known->values, d * sizeof *mean);
    return mean;
}

ist_side_columns ist_side_columns_of(ist_dense_work *w, int side, bool unit, bool scaled)
{
    const double n = (double)w->n;
    ist_side_columns c = {.d = side == 1 && !w->two ? w->classes.class_count : 0};
    if (c.d == 0) {
        c.rows = ist_dense_rows(w, side);
        c.d = c.rows->d;
        c.mean = means_of(w, side);
    } else {
        c.share = ist_alloc((size_t)c.d, sizeof *c.share);
        for (int64_t k = 0; k < c.d; k++)
            c.share[k] = ist_class_share(w, k);
    }
    c.scale = ist_alloc((size_t)c.d, sizeof *c.scale);
    for (int64_t f = 0; f < c.d; f++) {
        double norm = c.rows ? n - 1 : n * c.share[f] * (1 - c.share[f]);
        c.scale[f] = !scaled ? 1 : unit ? (norm > 0 ? 1 / sqrt(norm) : 0) : 1 / sqrt(n);
    }
    return c;
}

void ist_release_columns(ist_side_columns *c)
{
    ist_free(c->mean);
    ist_free(c->scale);
    ist_free(c->share);
    *c = (ist_side_columns){0};
}

/* ---- entries ----------------------------------------------------------------------------------- */

typedef struct {
    const double *row, *column;
} entry_scales;

static double scaled(double value, int64_t i, int64_t j, const void *data)
{
    const entry_scales *s = data;
    return value * s->row[i] * s->column[j];
}

void ist_scale_entries(ist_dense *m, const double *row, const double *column)
{
    ist_dense_apply(m, scaled, &(entry_scales){row, column});
}

typedef struct {
    const double *share;
    double n;
} class_columns;

/* Of centred columns of two classes: n_c (1 where they are one) - n_c n_c' / n. */
static double of_classes(int64_t i, int64_t j, const void *data)
{
    const class_columns *c = data;
    return c->n * ((i == j) * c->share[i] - c->share[i] * c->share[j]);
}

/* ---- products ---------------------------------------------------------------------------------- */

/* One column for each class, n x classes. */
static double *one_hot(const ist_dense_work *w)
{
    int64_t classes = w->classes.class_count;
    double *table = ist_alloc((size_t)(w->n * classes), sizeof *table);
    for (int64_t i = 0; i < w->n; i++)
        table[i * classes + w->classes.class_of[i]] = 1;
    return table;
}

/* A is a layer unless both are the labels. */
static ist_code make_product(ist_dense_work *w, const ist_side_columns *a,
                             const ist_side_columns *b, ist_dense *product, ist_error *error)
{
    const ist_columns x = {.rows = a->rows, .mean = a->mean},
                      y = {.rows = b->rows, .mean = b->mean};
    if (!a->rows) {
        const class_columns classes = {a->share, (double)w->n};
        if (ist_dense_new(w->grid, a->d, b->d, product, error) == IST_OK)
            ist_dense_fill(product, of_classes, &classes);
    } else if (!b->rows) {
        double *table = one_hot(w);
        ist_column_product_table(w->grid, &x, b->d, table, product, error);
        ist_free(table);
    } else {
        ist_column_product(w->grid, &x, &y, product, error);
    }
    return error->code;
}

static void release_product(ist_held_products *held, int which)
{
    if (held->there[which])
        ist_dense_release(&held->product[which]);
    held->there[which] = false;
}

void ist_release_products(ist_held_products *held)
{
    for (int which = 0; which < IST_PRODUCTS; which++)
        release_product(held, which);
}

ist_code ist_product_of_sides(ist_dense_work *w, const ist_side_columns c[2], int a, int b,
                              ist_dense **product, ist_error *error)
{
    const int which = a + b; /* AA, AB, BB */
    ist_held_products *held = w->products;
    /* All tasks of a step have the same source; where there is no second layer, each may have labels of its own. */
    const size_t labels = w->task->labels_target ? w->task->target : SIZE_MAX;
    if (held->labels != labels) {
        release_product(held, 1);
        release_product(held, 2);
    }
    held->labels = labels;
    if (!held->there[which] &&
        make_product(w, &c[a], &c[b], &held->product[which], error) != IST_OK)
        return error->code;
    held->there[which] = true;
    *product = &held->product[which];
    return IST_OK;
}

ist_code ist_square_of_product(ist_dense_work *w, const ist_side_columns c[2], int a, int b,
                               double *square, ist_error *error)
{
    double once = NAN, *number = &once;
    if (c[b].rows) {
        ist_text what = {0};
        ist_text_add(&what, "square %zu %zu", ist_dense_layer(w, a), ist_dense_layer(w, b));
        number = &ist_remember(w->s, ist_hash_bytes(what.data, what.length, 0))->number;
        ist_text_release(&what);
    }
    if (isnan(*number)) {
        ist_dense *product;
        if (ist_product_of_sides(w, c, a, b, &product, error) != IST_OK)
            return error->code;
        *number = ist_dense_dot(product, product);
    }
    *square = *number;
    return IST_OK;
}
