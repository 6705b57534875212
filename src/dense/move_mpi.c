/* Rows into block-cyclic matrices, and matrices to everybody. */
#include <string.h>

#include "room.h"

/* ---- from rows --------------------------------------------------------------------------------- */

/* Rows [first, first + count) of those that lie in row `part` of the grid. */
static int64_t rows_of_part(const ist_grid *grid, int64_t first, int64_t count, int part)
{
    int64_t found = 0;
    for (int64_t i = first; i < first + count; i++)
        found += ist_cyclic_part(i, grid->block, grid->shape.rows) == part;
    return found;
}

/* values: row-major, all columns. Appends what belongs to the rank at (row, column). */
static double *pack_for(const ist_dense *m, int64_t first, int64_t count, const double *values,
                        int row, int column, double *to)
{
    const ist_grid *grid = m->grid;
    const int block = grid->block, parts = grid->shape.columns;
    for (int64_t i = 0; i < count; i++) {
        if (ist_cyclic_part(first + i, block, grid->shape.rows) != row)
            continue;
        for (int64_t j = (int64_t)column * block; j < m->columns; j += (int64_t)parts * block) {
            const int64_t width = ist_min(block, m->columns - j);
            memcpy(to, values + i * m->columns + j, (size_t)width * sizeof *to);
            to += width;
        }
    }
    return to;
}

/* What another rank's rows have for this one. */
static const double *unpack(ist_dense *m, int64_t first, int64_t count, const double *from)
{
    const ist_grid *grid = m->grid;
    for (int64_t i = first; i < first + count; i++) {
        if (ist_cyclic_part(i, grid->block, grid->shape.rows) != grid->row)
            continue;
        const int64_t row = ist_cyclic_place(i, grid->block, grid->shape.rows);
        for (int64_t c = 0; c < m->local_columns; c++)
            dense_column(m, c)[row] = *from++;
    }
    return from;
}

typedef struct {
    int *count, *at; /* by rank */
} traffic;

static traffic traffic_new(int ranks)
{
    return (traffic){ist_alloc((size_t)ranks, sizeof(int)), ist_alloc((size_t)ranks, sizeof(int))};
}

static int64_t traffic_total(traffic *t, int ranks)
{
    int64_t total = 0;
    for (int r = 0; r < ranks; r++) {
        t->at[r] = ist_narrow(total);
        total += t->count[r];
    }
    return total;
}

static void traffic_release(traffic *t)
{
    ist_free(t->count);
    ist_free(t->at);
}

void ist_dense_put_rows(ist_dense *m, int64_t first, int64_t count, const double *values)
{
    const ist_grid *grid = m->grid;
    const ist_comm *comm = grid->comm;
    const int ranks = comm->size, columns = grid->shape.columns;
    int64_t mine[2] = {first, count}, *all = ist_alloc(2 * (size_t)ranks, sizeof *all);
    MPI_Allgather(mine, 2, MPI_INT64_T, all, 2, MPI_INT64_T, comm->handle);
    traffic out = traffic_new(ranks), in = traffic_new(ranks);
    for (int r = 0; r < grid->shape.rows * columns; r++)
        out.count[r] = ist_narrow(rows_of_part(grid, first, count, r / columns) *
                                  ist_cyclic_count(m->columns, grid->block, r % columns, columns));
    if (dense_is_inside(grid))
        for (int r = 0; r < ranks; r++)
            in.count[r] = ist_narrow(rows_of_part(grid, all[2 * r], all[2 * r + 1], grid->row) *
                                     m->local_columns);
    double *packed = ist_alloc((size_t)traffic_total(&out, ranks), sizeof *packed);
    double *arrived = ist_alloc((size_t)traffic_total(&in, ranks), sizeof *arrived);
    double *to = packed;
    for (int r = 0; r < grid->shape.rows * columns; r++)
        to = pack_for(m, first, count, values, r / columns, r % columns, to);
    MPI_Alltoallv(packed, out.count, out.at, MPI_DOUBLE, arrived, in.count, in.at, MPI_DOUBLE,
                  comm->handle);
    const double *from = arrived;
    if (dense_is_inside(grid))
        for (int r = 0; r < ranks; r++)
            from = unpack(m, all[2 * r], all[2 * r + 1], from);
    traffic_release(&out);
    traffic_release(&in);
    ist_free(packed);
    ist_free(arrived);
    ist_free(all);
}

/* ---- to everybody ------------------------------------------------------------------------------ */

void ist_dense_gather(const ist_dense *m, double *values)
{
    memset(values, 0, (size_t)(m->rows * m->columns) * sizeof *values);
    for (int64_t c = 0; c < m->local_columns; c++)
        for (int64_t r = 0; r < m->local_rows; r++)
            values[dense_row_index(m, r) * m->columns + dense_column_index(m, c)] =
                dense_column(m, c)[r];
    dense_sum(m->grid->comm, values, m->rows * m->columns);
}

/* ---- from a file ------------------------------------------------------------------------------- */

static void add_census(ist_census *total, const ist_census *more)
{
    total->nan += more->nan;
    total->inf += more->inf;
    if (total->first_row < 0)
        total->first_row = more->first_row;
}

/* Collective. Rows [first, last) of the file, an equal share for each rank. */
static ist_code read_strip(const ist_grid *grid, const ist_location *at, const ist_shape *shape,
                           int64_t first, int64_t last, ist_dense *matrix, ist_census *census,
                           ist_error *error)
{
    const ist_comm *comm = grid->comm;
    const int64_t from = first + ist_share(last - first, comm->size, comm->rank);
    const int64_t to = first + ist_share(last - first, comm->size, comm->rank + 1);
    ist_matrix rows;
    ist_census found;
    if (ist_read_rows(comm, at, shape, NULL, from, to - from, &rows, &found, error) != IST_OK)
        return error->code;
    add_census(census, &found);
    double *values = rows.wide;
    if (!values) {
        values = ist_alloc((size_t)(rows.count * rows.d), sizeof *values);
        for (int64_t e = 0; e < rows.count * rows.d; e++)
            values[e] = (double)rows.narrow[e];
    }
    ist_dense_put_rows(matrix, from, to - from, values);
    if (values != rows.wide)
        ist_free(values);
    ist_matrix_release(&rows);
    return IST_OK;
}

ist_code ist_dense_read(const ist_grid *grid, const ist_location *at, const ist_shape *shape,
                        ist_dense *matrix, ist_census *census, ist_error *error)
{
    *census = (ist_census){.first_row = -1};
    if (ist_dense_new(grid, shape->rows, shape->d, matrix, error) != IST_OK)
        return error->code;
    const int64_t strip = ist_dense_rows_at_once(shape->d) * grid->comm->size;
    for (int64_t first = 0; first < shape->rows && error->code == IST_OK; first += strip)
        read_strip(grid, at, shape, first, ist_min(first + strip, shape->rows), matrix, census,
                   error);
    if (error->code != IST_OK)
        ist_dense_release(matrix);
    return error->code;
}
