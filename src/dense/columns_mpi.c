/* Products of columns of layers: each rank multiplies its own rows, the products are added. */
#include <cblas.h>
#include <string.h>

#include "room.h"

/* Rows of numbers: a layer's, or a table's that every rank has. */
typedef struct {
    const ist_rows *set;
    dense_rows rows;
    const double *mean, *table;
    int64_t d;
} source;

static source source_of(const ist_comm *comm, const ist_columns *columns)
{
    return (source){.set = columns->rows,
                    .rows = dense_rows_of(comm, columns->rows),
                    .mean = columns->mean,
                    .d = columns->rows->d};
}

static void source_row(const source *s, int64_t i, int64_t from, int64_t count, double *to)
{
    if (!s->table)
        dense_row_values(&s->rows, i, from, count, s->mean, to);
    else
        memcpy(to, s->table + ist_row_number(s->set, s->set->home.first + i) * s->d + from,
               (size_t)count * sizeof *to);
}

/* ---- means ------------------------------------------------------------------------------------- */

/* sum[d] of the rows taken, less `mean`, over all ranks; returns their number. */
static int64_t sum_of_rows(const ist_comm *comm, const source *s, const bool *taken,
                           const double *mean, double *sum)
{
    double *row = ist_alloc((size_t)s->d, sizeof *row);
    int64_t count = 0;
    memset(sum, 0, (size_t)s->d * sizeof *sum);
    for (int64_t i = 0; i < s->rows.count; i++) {
        if (taken && !taken[i])
            continue;
        dense_row_values(&s->rows, i, 0, s->d, mean, row);
        for (int64_t f = 0; f < s->d; f++)
            sum[f] += row[f];
        count++;
    }
    ist_free(row);
    dense_sum(comm, sum, s->d);
    return ist_sum_one(comm, count);
}

void ist_column_means(const ist_comm *comm, const ist_columns *columns, double *mean,
                      int64_t *count)
{
    source s = source_of(comm, columns);
    double *rest = ist_alloc((size_t)s.d, sizeof *rest);
    *count = sum_of_rows(comm, &s, columns->taken, NULL, mean);
    const double n = (double)ist_max(1, *count);
    for (int64_t f = 0; f < s.d; f++)
        mean[f] /= n;
    sum_of_rows(comm, &s, columns->taken, mean, rest);
    for (int64_t f = 0; f < s.d; f++)
        mean[f] += rest[f] / n;
    ist_free(rest);
    dense_rows_release(&s.rows);
}

/* ---- products ---------------------------------------------------------------------------------- */

typedef struct {
    const source *a, *b;
    const bool *taken;
    int64_t first, columns; /* of b */
    bool same;              /* the product of a with itself, all columns */
    double *sum;            /* a->d x columns, column-major */
} panel;

/* `rows` rows of both, row-major. */
static void add_product(const panel *p, int64_t rows, const double *a, const double *b)
{
    const int m = dense_int(p->a->d), n = dense_int(p->columns), k = dense_int(rows);
    if (p->same)
        cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, m, k, 1, a, m, 1, p->sum, m);
    else
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, m, n, k, 1, a, m, b, n, 1, p->sum, m);
}

static void mirror_lower(double *values, int64_t n)
{
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < j; i++)
            values[j * n + i] = values[i * n + j];
}

static void multiply_home(const panel *p)
{
    double *a = ist_alloc_unset((size_t)(IST_PRODUCT_ROWS * p->a->d), sizeof *a);
    double *b = ist_alloc_unset((size_t)(IST_PRODUCT_ROWS * p->columns), sizeof *b);
    int64_t rows = 0;
    for (int64_t i = 0; i < p->a->set->home.count; i++) {
        if (p->taken && !p->taken[i])
            continue;
        source_row(p->a, i, 0, p->a->d, a + rows * p->a->d);
        if (!p->same)
            source_row(p->b, i, p->first, p->columns, b + rows * p->columns);
        if (++rows == IST_PRODUCT_ROWS) {
            add_product(p, rows, a, b);
            rows = 0;
        }
    }
    if (rows > 0)
        add_product(p, rows, a, b);
    if (p->same)
        mirror_lower(p->sum, p->a->d);
    ist_free(a);
    ist_free(b);
}

static void keep_own(const panel *p, ist_dense *product)
{
    for (int64_t c = 0; c < product->local_columns; c++) {
        const int64_t j = dense_column_index(product, c) - p->first;
        if (j < 0 || j >= p->columns)
            continue;
        for (int64_t r = 0; r < product->local_rows; r++)
            dense_column(product, c)[r] = p->sum[j * p->a->d + dense_row_index(product, r)];
    }
}

static ist_code product_of(const ist_grid *grid, const source *a, const source *b,
                           const bool *taken, bool same, ist_dense *product, ist_error *error)
{
    if (ist_dense_new(grid, a->d, b->d, product, error) != IST_OK)
        return error->code;
    const int64_t at_once = ist_product_columns_at_once(a->d, b->d);
    panel p = {.a = a, .b = b, .taken = taken, .same = same && at_once == b->d};
    p.sum = ist_alloc_unset((size_t)(a->d * at_once), sizeof *p.sum);
    for (p.first = 0; p.first < b->d; p.first += at_once) {
        p.columns = ist_min(at_once, b->d - p.first);
        memset(p.sum, 0, (size_t)(a->d * p.columns) * sizeof *p.sum);
        multiply_home(&p);
        dense_sum(grid->comm, p.sum, a->d * p.columns);
        keep_own(&p, product);
    }
    ist_free(p.sum);
    return IST_OK;
}

ist_code ist_column_product(const ist_grid *grid, const ist_columns *a, const ist_columns *b,
                            ist_dense *product, ist_error *error)
{
    const bool same = a->rows == b->rows && a->mean == b->mean;
    source left = source_of(grid->comm, a);
    source right = same ? left : source_of(grid->comm, b);
    product_of(grid, &left, &right, a->taken, same, product, error);
    dense_rows_release(&left.rows);
    if (!same)
        dense_rows_release(&right.rows);
    return error->code;
}

ist_code ist_column_product_table(const ist_grid *grid, const ist_columns *a, int64_t m,
                                  const double *table, ist_dense *product, ist_error *error)
{
    source left = source_of(grid->comm, a);
    const source right = {.set = a->rows, .table = table, .d = m};
    product_of(grid, &left, &right, a->taken, false, product, error);
    dense_rows_release(&left.rows);
    return error->code;
}

/* ---- rows -------------------------------------------------------------------------------------- */

static double dot_of(const double *x, const double *y, int64_t d)
{
    return cblas_ddot(dense_int(d), x, 1, y, 1);
}

void ist_row_products(const ist_comm *comm, const ist_columns *columns, double *squares,
                      double *sums)
{
    source s = source_of(comm, columns);
    const int64_t n = s.set->n;
    double *row = ist_alloc((size_t)s.d, sizeof *row), *sum = ist_alloc((size_t)s.d, sizeof *sum);
    sum_of_rows(comm, &s, columns->taken, s.mean, sum);
    memset(squares, 0, (size_t)n * sizeof *squares);
    if (sums)
        memset(sums, 0, (size_t)n * sizeof *sums);
    for (int64_t i = 0; i < s.rows.count; i++) {
        if (columns->taken && !columns->taken[i])
            continue;
        dense_row_values(&s.rows, i, 0, s.d, s.mean, row);
        squares[s.rows.first + i] = dot_of(row, row, s.d);
        if (sums)
            sums[s.rows.first + i] = dot_of(row, sum, s.d);
    }
    dense_sum(comm, squares, n);
    if (sums)
        dense_sum(comm, sums, n);
    ist_free(row);
    ist_free(sum);
    dense_rows_release(&s.rows);
}
