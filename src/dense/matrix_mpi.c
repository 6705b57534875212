/* Grids and matrices: where entries lie, and what is done to each where it lies. */
#include <cblas.h>
#include <math.h>
#include <string.h>

#include "room.h"
#include "scalapack.h"

/* ---- over the ranks ---------------------------------------------------------------------------- */

enum { AT_ONCE = 1 << 24 };

void dense_sum(const ist_comm *comm, double *values, int64_t count)
{
    for (int64_t done = 0; done < count; done += AT_ONCE)
        MPI_Allreduce(MPI_IN_PLACE, values + done, (int)ist_min(AT_ONCE, count - done), MPI_DOUBLE,
                      MPI_SUM, comm->handle);
}

void dense_share(const ist_comm *comm, double *values, int64_t count)
{
    for (int64_t done = 0; done < count; done += AT_ONCE)
        MPI_Bcast(values + done, (int)ist_min(AT_ONCE, count - done), MPI_DOUBLE, 0, comm->handle);
}

int dense_info(const ist_grid *grid, int info)
{
    MPI_Bcast(&info, 1, MPI_INT, 0, grid->comm->handle);
    return info;
}

ist_code dense_fault(const char *routine, int info, ist_error *error)
{
    return ist_fail(error, IST_BROKEN,
                    "ScaLAPACK's %s ended with info = %d: its arguments or the library are at "
                    "fault, not the data; please report this",
                    routine, info);
}

/* ---- grids ------------------------------------------------------------------------------------- */

void ist_grid_new(const ist_comm *comm, int64_t together, ist_grid *grid)
{
    *grid = (ist_grid){.comm = comm,
                       .shape = ist_grid_shape_of(comm->size),
                       .row = -1,
                       .column = -1,
                       .block = ist_grid_block(together)};
    openblas_set_num_threads(1);
    int rows = grid->shape.rows, columns = grid->shape.columns;
    /* BLACS wants the map column by column. */
    int *map = ist_alloc((size_t)(rows * columns), sizeof *map);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            map[c * rows + r] = r * columns + c;
    grid->system = Csys2blacs_handle(comm->handle);
    grid->context = grid->system;
    Cblacs_gridmap(&grid->context, map, rows, rows, columns);
    ist_free(map);
    if (comm->rank < rows * columns) {
        grid->row = comm->rank / columns;
        grid->column = comm->rank % columns;
    }
}

void ist_grid_release(ist_grid *grid)
{
    if (dense_is_inside(grid))
        Cblacs_gridexit(grid->context);
    Cfree_blacs_system_handle(grid->system);
    *grid = (ist_grid){0};
}

/* ---- matrices ---------------------------------------------------------------------------------- */

static void describe(ist_dense *m)
{
    enum { DENSE = 1 };
    const int block = m->grid->block;
    const int lines[9] = {DENSE,
                          dense_is_inside(m->grid) ? m->grid->context : -1,
                          dense_int(m->rows),
                          dense_int(m->columns),
                          block,
                          block,
                          0,
                          0,
                          dense_int(ist_max(1, m->local_rows))};
    memcpy(m->descriptor, lines, sizeof lines);
}

ist_code ist_dense_new(const ist_grid *grid, int64_t rows, int64_t columns, ist_dense *matrix,
                       ist_error *error)
{
    const int block = grid->block;
    *matrix = (ist_dense){.grid = grid, .rows = rows, .columns = columns};
    if (!ist_dense_countable(rows, columns, grid->comm->size, block) ||
        rows > IST_DENSE_MOST_ENTRIES || columns > IST_DENSE_MOST_ENTRIES)
        return ist_fail(error, IST_FAILED,
                        "a matrix of %lld x %lld is too large for %d ranks: ScaLAPACK counts a "
                        "rank's entries in 32 bits; use more ranks",
                        (long long)rows, (long long)columns, grid->comm->size);
    if (dense_is_inside(grid)) {
        matrix->local_rows = ist_cyclic_count(rows, block, grid->row, grid->shape.rows);
        matrix->local_columns = ist_cyclic_count(columns, block, grid->column, grid->shape.columns);
    }
    matrix->values = ist_alloc((size_t)ist_max(1, matrix->local_rows * matrix->local_columns),
                               sizeof *matrix->values);
    describe(matrix);
    return IST_OK;
}

void ist_dense_release(ist_dense *matrix)
{
    ist_free(matrix->values);
    *matrix = (ist_dense){0};
}

ist_code ist_dense_copy(const ist_dense *from, ist_dense *to, ist_error *error)
{
    if (ist_dense_new(from->grid, from->rows, from->columns, to, error) == IST_OK)
        memcpy(to->values, from->values,
               (size_t)(from->local_rows * from->local_columns) * sizeof *to->values);
    return error->code;
}

int64_t ist_dense_place(const ist_dense *m, int64_t i, int64_t j)
{
    const ist_grid *grid = m->grid;
    if (ist_cyclic_part(i, grid->block, grid->shape.rows) != grid->row ||
        ist_cyclic_part(j, grid->block, grid->shape.columns) != grid->column)
        return -1;
    return ist_cyclic_place(j, grid->block, grid->shape.columns) * ist_max(1, m->local_rows) +
           ist_cyclic_place(i, grid->block, grid->shape.rows);
}

void ist_dense_fill(ist_dense *m, ist_dense_entry *entry, const void *data)
{
    for (int64_t c = 0; c < m->local_columns; c++) {
        const int64_t j = dense_column_index(m, c);
        double *column = dense_column(m, c);
        for (int64_t r = 0; r < m->local_rows; r++)
            column[r] = entry(dense_row_index(m, r), j, data);
    }
}

void ist_dense_apply(ist_dense *m, ist_dense_change *change, const void *data)
{
    for (int64_t c = 0; c < m->local_columns; c++) {
        const int64_t j = dense_column_index(m, c);
        double *column = dense_column(m, c);
        for (int64_t r = 0; r < m->local_rows; r++)
            column[r] = change(column[r], dense_row_index(m, r), j, data);
    }
}

void ist_dense_place_block(const ist_dense *from, bool transpose, ist_dense *to, int64_t i,
                           int64_t j)
{
    if (!dense_is_inside(to->grid) || from->rows == 0 || from->columns == 0)
        return;
    const int rows = dense_int(transpose ? from->columns : from->rows);
    const int columns = dense_int(transpose ? from->rows : from->columns);
    const int first = 1, row = dense_int(i + 1), column = dense_int(j + 1);
    const double one = 1, zero = 0;
    if (transpose)
        pdtran_(&rows, &columns, &one, from->values, &first, &first, from->descriptor, &zero,
                to->values, &row, &column, to->descriptor);
    else
        pdgeadd_("N", &rows, &columns, &one, from->values, &first, &first, from->descriptor, &zero,
                 to->values, &row, &column, to->descriptor);
}

/* ---- entrywise --------------------------------------------------------------------------------- */

void ist_dense_within(ist_dense *m, const int64_t *label)
{
    for (int64_t c = 0; c < m->local_columns; c++) {
        const int64_t own = label[dense_column_index(m, c)];
        double *column = dense_column(m, c);
        for (int64_t r = 0; r < m->local_rows; r++)
            if (label[dense_row_index(m, r)] != own)
                column[r] = 0;
    }
}

void ist_dense_times(ist_dense *a, const ist_dense *b)
{
    for (int64_t e = 0; e < a->local_rows * a->local_columns; e++)
        a->values[e] *= b->values[e];
}

void ist_dense_scale(ist_dense *m, double factor)
{
    for (int64_t e = 0; e < m->local_rows * m->local_columns; e++)
        m->values[e] *= factor;
}

void ist_dense_add_diagonal(ist_dense *m, double value)
{
    for (int64_t i = 0; i < ist_min(m->rows, m->columns); i++) {
        const int64_t at = ist_dense_place(m, i, i);
        if (at >= 0)
            m->values[at] += value;
    }
}

void ist_dense_diagonal(const ist_dense *m, double *diagonal)
{
    const int64_t count = ist_min(m->rows, m->columns);
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = ist_dense_place(m, i, i);
        diagonal[i] = at < 0 ? 0 : m->values[at];
    }
    dense_sum(m->grid->comm, diagonal, count);
}

double ist_dense_trace(const ist_dense *m)
{
    const int64_t count = ist_min(m->rows, m->columns);
    double *diagonal = ist_alloc((size_t)count, sizeof *diagonal);
    ist_dense_diagonal(m, diagonal);
    const double trace = ist_sum_in_order(diagonal, count);
    ist_free(diagonal);
    return trace;
}

double ist_dense_dot(const ist_dense *a, const ist_dense *b)
{
    double sum = 0;
    for (int64_t c = 0; c < a->local_columns; c++)
        sum += cblas_ddot(dense_int(a->local_rows), dense_column(a, c), 1, dense_column(b, c), 1);
    dense_sum(a->grid->comm, &sum, 1);
    return sum;
}

static double sum_of(const double *values, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += values[i];
    return sum;
}

void ist_dense_column_sums(const ist_dense *m, double *sums)
{
    memset(sums, 0, (size_t)m->columns * sizeof *sums);
    for (int64_t c = 0; c < m->local_columns; c++)
        sums[dense_column_index(m, c)] = sum_of(dense_column(m, c), m->local_rows);
    dense_sum(m->grid->comm, sums, m->columns);
}

double ist_dense_total(const ist_dense *m)
{
    double *sums = ist_alloc((size_t)m->columns, sizeof *sums);
    ist_dense_column_sums(m, sums);
    const double total = ist_sum_in_order(sums, m->columns);
    ist_free(sums);
    return total;
}

/* ---- groups of columns ------------------------------------------------------------------------- */

void ist_dense_column_grams(const ist_dense *m, int64_t group, double *grams)
{
    memset(grams, 0, (size_t)(m->columns * group) * sizeof *grams);
    const int rows = dense_int(m->local_rows);
    for (int64_t c = 0; c < m->local_columns; c += group)
        for (int64_t p = 0; p < group; p++)
            for (int64_t q = 0; q <= p; q++) {
                const int64_t first = dense_column_index(m, c);
                const double sum =
                    cblas_ddot(rows, dense_column(m, c + p), 1, dense_column(m, c + q), 1);
                grams[(first + p) * group + q] = sum;
                grams[(first + q) * group + p] = sum;
            }
    dense_sum(m->grid->comm, grams, m->columns * group);
}

void ist_dense_diagonal_blocks(const ist_dense *m, int64_t group, double *blocks)
{
    memset(blocks, 0, (size_t)(m->columns * group) * sizeof *blocks);
    for (int64_t i = 0; i < m->columns; i++)
        for (int64_t q = 0; q < group; q++) {
            const int64_t at = ist_dense_place(m, i, i / group * group + q);
            if (at >= 0)
                blocks[i * group + q] = m->values[at];
        }
    dense_sum(m->grid->comm, blocks, m->columns * group);
}
