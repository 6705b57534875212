/* What the files of the dense room share. */
#ifndef INFOSTRATA_DENSE_ROOM_H
#define INFOSTRATA_DENSE_ROOM_H

#include "infostrata/dense.h"

static inline bool dense_is_inside(const ist_grid *grid)
{
    return grid->row >= 0;
}

/* ScaLAPACK's int of a size; ist_dense_new has seen that it fits. */
static inline int dense_int(int64_t size)
{
    return (int)size;
}

static inline double *dense_column(const ist_dense *matrix, int64_t place)
{
    return matrix->values + place * ist_max(1, matrix->local_rows);
}

static inline int64_t dense_row_index(const ist_dense *m, int64_t place)
{
    return ist_cyclic_index(place, m->grid->block, m->grid->row, m->grid->shape.rows);
}

static inline int64_t dense_column_index(const ist_dense *m, int64_t place)
{
    return ist_cyclic_index(place, m->grid->block, m->grid->column, m->grid->shape.columns);
}

/* Collective: values[count] summed over the ranks. */
void dense_sum(const ist_comm *comm, double *values, int64_t count);
/* Collective: rank 0's to all. */
void dense_share(const ist_comm *comm, double *values, int64_t count);
/* Collective: `info` of a routine as rank 0 has it, for those outside the grid, too. */
int dense_info(const ist_grid *grid, int info);
/* A fault of ScaLAPACK's: info != 0 where the numbers are not to blame. */
ist_code dense_fault(const char *routine, int info, ist_error *error);

/* This rank's rows of a set, in the set's own order, wherever their values are now. */
typedef struct {
    int64_t first, count, d;
    const float *narrow;
    const double *wide;
    void *owned; /* NULL: the set's own values */
} dense_rows;
dense_rows dense_rows_of(const ist_comm *comm, const ist_rows *rows);
void dense_rows_release(dense_rows *rows);
/* to[0..count) = values [from, from + count) of row i, less those of `mean` (NULL: nothing). */
void dense_row_values(const dense_rows *rows, int64_t i, int64_t from, int64_t count,
                      const double *mean, double *to);

#endif
