/* Products with a kernel that is never stored. Private to the room. */
#ifndef INFOSTRATA_DENSE_KERNEL_PRODUCT_H
#define INFOSTRATA_DENSE_KERNEL_PRODUCT_H

#include "infostrata/stop.h"
#include "room.h"

/* A kernel's layers, where a rank's rows are. */
typedef struct {
    const ist_comm *comm;
    const ist_engine *engine;
    const ist_kernel_product *kernel;
    int64_t first, count; /* this rank's rows */
    dense_rows *home;     /* of each factor */
} kernel_operator;

/* Collective. */
kernel_operator kernel_operator_new(const ist_comm *comm, const ist_engine *engine,
                                    const ist_kernel_product *kernel);
void kernel_operator_release(kernel_operator *op);
/* Collective. y = K x of `columns` vectors, this rank's rows of them, row-major. False: broken off by a stop. */
bool kernel_operator_apply(const kernel_operator *op, int columns, const double *x, double *y);

#endif
