/* Columns on the two sides of a task, and their products, which tasks of one step share. Private to the room. */
#ifndef INFOSTRATA_RUN_DENSE_PRODUCTS_H
#define INFOSTRATA_RUN_DENSE_PRODUCTS_H

#include "dense.h"

/* One side of a task: the columns of a layer, or one for each class. */
typedef struct {
    int64_t d;
    const ist_rows *rows; /* NULL: labels */
    double *mean;         /* of a layer's columns; NULL: they have none */
    double *scale;        /* what each column is multiplied with */
    double *share;        /* labels: of the classes */
} ist_side_columns;

/* Collective. Columns less their means; `scaled`: as columns of norm 1 (`unit`; a layer is standardised then), else over the root of n. */
ist_side_columns ist_side_columns_of(ist_dense_work *w, int side, bool unit, bool scaled);
void ist_release_columns(ist_side_columns *c);
double ist_class_share(const ist_dense_work *w, int64_t class);

/* Collective. *product = A'B (d_a x d_b) of sides a <= b, centred, not scaled. It is held: until the step has a task that wants no
 * products, or those of other columns. */
ist_code ist_product_of_sides(ist_dense_work *w, const ist_side_columns c[2], int a, int b,
                              ist_dense **product, ist_error *error);
/* Collective. The sum of the squares of its entries; that of two layers is remembered until the portion is done. */
ist_code ist_square_of_product(ist_dense_work *w, const ist_side_columns c[2], int a, int b,
                               double *square, ist_error *error);

/* Local. m(i, j) *= row[i] column[j]. */
void ist_scale_entries(ist_dense *m, const double *row, const double *column);

#endif
