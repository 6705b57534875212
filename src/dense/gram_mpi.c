/* Gram matrices: each rank gets the rows that its part of the matrix is made of, and makes it. */
#include <cblas.h>
#include <string.h>

#include "room.h"

/* ---- the rows of a part ------------------------------------------------------------------------ */

/* Values as they are stored, of the rows of this rank's part of the matrix, and of those of its columns. */
typedef struct {
    int64_t d, rows, columns;
    size_t bytes; /* of a row */
    bool wide;
    char *row, *column;
} sides;

static void keep_row(sides *s, const ist_grid *grid, int64_t i, const char *values)
{
    const int block = grid->block;
    if (ist_cyclic_part(i, block, grid->shape.rows) == grid->row)
        memcpy(s->row + (size_t)ist_cyclic_place(i, block, grid->shape.rows) * s->bytes, values,
               s->bytes);
    if (ist_cyclic_part(i, block, grid->shape.columns) == grid->column)
        memcpy(s->column + (size_t)ist_cyclic_place(i, block, grid->shape.columns) * s->bytes,
               values, s->bytes);
}

/* Every rank in turn shows its rows to all, some at a time. */
static void show_rows(const ist_grid *grid, const dense_rows *mine, sides *s)
{
    const ist_comm *comm = grid->comm;
    const int64_t at_once = ist_gram_rows_at_once((int64_t)s->bytes);
    char *message = ist_alloc_unset((size_t)at_once, s->bytes);
    const char *own = mine->wide ? (const char *)mine->wide : (const char *)mine->narrow;
    MPI_Datatype type = ist_bytes_type(s->bytes);
    for (int r = 0; r < comm->size; r++) {
        int64_t range[2] = {mine->first, mine->count};
        MPI_Bcast(range, 2, MPI_INT64_T, r, comm->handle);
        for (int64_t done = 0; done < range[1]; done += at_once) {
            const int64_t now = ist_min(at_once, range[1] - done);
            if (r == comm->rank)
                memcpy(message, own + (size_t)done * s->bytes, (size_t)now * s->bytes);
            MPI_Bcast(message, ist_narrow(now), type, r, comm->handle);
            for (int64_t i = 0; i < now && dense_is_inside(grid); i++)
                keep_row(s, grid, range[0] + done + i, message + (size_t)i * s->bytes);
        }
    }
    MPI_Type_free(&type);
    ist_free(message);
}

static sides sides_new(const ist_grid *grid, const ist_rows *rows, const ist_dense *gram)
{
    sides s = {.d = rows->d,
               .rows = gram->local_rows,
               .columns = gram->local_columns,
               .bytes = (size_t)rows->d * (rows->wide ? sizeof(double) : sizeof(float)),
               .wide = rows->wide};
    s.row = ist_alloc_unset((size_t)s.rows, s.bytes);
    s.column = ist_alloc_unset((size_t)s.columns, s.bytes);
    dense_rows mine = dense_rows_of(grid->comm, rows);
    show_rows(grid, &mine, &s);
    dense_rows_release(&mine);
    return s;
}

static void sides_release(sides *s)
{
    ist_free(s->row);
    ist_free(s->column);
}

/* Features [from, from + count) of one of them. */
static void values_of(const sides *s, const char *rows, int64_t i, int64_t from, int64_t count,
                      const double *mean, double *to)
{
    const dense_rows all = {.d = s->d,
                            .narrow = s->wide ? NULL : (const float *)(const void *)rows,
                            .wide = s->wide ? (const double *)(const void *)rows : NULL};
    dense_row_values(&all, i, from, count, mean, to);
}

/* ---- distances --------------------------------------------------------------------------------- */

typedef struct {
    double *rows, *columns; /* a tile's, as the kernel takes them */
    double distance[IST_TILE * IST_TILE];
} workshop;

/* Rows of one of the sides, from `first` on. */
static const float *narrow_at(const sides *s, const char *rows, int64_t first)
{
    return s->wide ? NULL : (const float *)(const void *)rows + first * s->d;
}

static const double *wide_at(const sides *s, const char *rows, int64_t first)
{
    return s->wide ? (const double *)(const void *)rows + first * s->d : NULL;
}

static void tile_column(const ist_kernel *kernel, ist_metric metric, const sides *s, int64_t first,
                        int64_t count, workshop *w, ist_dense *distances)
{
    kernel->load_columns(narrow_at(s, s->column, first), wide_at(s, s->column, first), (int)count,
                         s->d, NULL, w->columns);
    for (int64_t row = 0; row < s->rows; row += IST_TILE) {
        const int64_t rows = ist_min(IST_TILE, s->rows - row);
        kernel->load_rows(narrow_at(s, s->row, row), wide_at(s, s->row, row), (int)rows, s->d, NULL,
                          w->rows);
        kernel->exact[metric].tile(w->rows, (int)rows, w->columns, s->d, w->distance);
        for (int64_t j = 0; j < count; j++)
            for (int64_t i = 0; i < rows; i++)
                dense_column(distances, first + j)[row + i] = w->distance[i * IST_TILE + j];
    }
}

ist_code ist_gram_distances(const ist_grid *grid, const ist_kernel *kernel, const ist_rows *rows,
                            ist_dense *distances, ist_error *error)
{
    if (ist_dense_new(grid, rows->n, rows->n, distances, error) != IST_OK)
        return error->code;
    sides s = sides_new(grid, rows, distances);
    workshop *w = ist_alloc(1, sizeof *w);
    const size_t tile = (size_t)(IST_TILE * s.d);
    w->rows = ist_alloc_unset(tile, sizeof(double));
    w->columns = ist_alloc(tile, sizeof(double));
    for (int64_t c = 0; c < s.columns; c += IST_TILE)
        tile_column(kernel, rows->metric, &s, c, ist_min(IST_TILE, s.columns - c), w, distances);
    ist_free(w->rows);
    ist_free(w->columns);
    ist_free(w);
    sides_release(&s);
    return IST_OK;
}

void ist_gram_gaussian(const ist_dense *distances, double s, ist_dense *kernel)
{
    const double weight = -1 / (2 * s * s);
    for (int64_t e = 0; e < kernel->local_rows * kernel->local_columns; e++)
        kernel->values[e] = ist_exp(weight * distances->values[e]);
}

/* ---- scalar products and labels ---------------------------------------------------------------- */

/* Some features at a time, in float64. */
static void multiply_sides(const sides *s, const double *mean, ist_dense *gram)
{
    const int64_t at_once = ist_gram_features_at_once(s->rows, s->columns, s->d);
    double *row = ist_alloc_unset((size_t)(s->rows * at_once), sizeof *row);
    double *column = ist_alloc_unset((size_t)(s->columns * at_once), sizeof *column);
    for (int64_t from = 0; from < s->d && s->rows > 0 && s->columns > 0; from += at_once) {
        const int64_t now = ist_min(at_once, s->d - from);
        for (int64_t i = 0; i < s->rows; i++)
            values_of(s, s->row, i, from, now, mean, row + i * now);
        for (int64_t j = 0; j < s->columns; j++)
            values_of(s, s->column, j, from, now, mean, column + j * now);
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, dense_int(s->rows),
                    dense_int(s->columns), dense_int(now), 1, row, dense_int(now), column,
                    dense_int(now), 1, gram->values, dense_int(s->rows));
    }
    ist_free(row);
    ist_free(column);
}

ist_code ist_gram_linear(const ist_grid *grid, const ist_rows *rows, bool centred, ist_dense *gram,
                         ist_error *error)
{
    if (ist_dense_new(grid, rows->n, rows->n, gram, error) != IST_OK)
        return error->code;
    double *mean = NULL;
    if (centred) {
        int64_t count;
        mean = ist_alloc((size_t)rows->d, sizeof *mean);
        ist_column_means(grid->comm, &(ist_columns){.rows = rows}, mean, &count);
    }
    sides s = sides_new(grid, rows, gram);
    multiply_sides(&s, mean, gram);
    sides_release(&s);
    ist_free(mean);
    return IST_OK;
}

static double same_label(int64_t i, int64_t j, const void *data)
{
    const int64_t *label = data;
    return label[i] == label[j];
}

ist_code ist_gram_labels(const ist_grid *grid, int64_t n, const int64_t *label, ist_dense *gram,
                         ist_error *error)
{
    if (ist_dense_new(grid, n, n, gram, error) == IST_OK)
        ist_dense_fill(gram, same_label, label);
    return error->code;
}
