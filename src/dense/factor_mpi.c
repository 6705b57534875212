/* What ScaLAPACK does with a whole matrix: eigenvalues, Cholesky factors, products. */
#include <math.h>
#include <string.h>

#include "room.h"
#include "scalapack.h"

static const int FIRST = 1;

/* ---- eigenvalues ------------------------------------------------------------------------------- */

/* Diagonal and subdiagonal of the tridiagonal matrix, on every rank. */
static int tridiagonalise(ist_dense *m, double *diagonal, double *beside)
{
    const int n = dense_int(m->rows), ask = -1;
    const size_t mine = (size_t)ist_max(1, m->local_columns);
    double *d = ist_alloc(mine, sizeof *d), *e = ist_alloc(mine, sizeof *e);
    double *tau = ist_alloc(mine, sizeof *tau), wanted = 0;
    int info = 0;
    if (dense_is_inside(m->grid)) {
        pdsytrd_("L", &n, m->values, &FIRST, &FIRST, m->descriptor, d, e, tau, &wanted, &ask, &info,
                 1);
        const int room = (int)wanted;
        double *work = ist_alloc((size_t)ist_max(1, room), sizeof *work);
        if (info == 0)
            pdsytrd_("L", &n, m->values, &FIRST, &FIRST, m->descriptor, d, e, tau, work, &room,
                     &info, 1);
        ist_free(work);
    }
    /* Every row of the grid has the same. */
    if (m->grid->row == 0)
        for (int64_t c = 0; c < m->local_columns; c++) {
            const int64_t j = dense_column_index(m, c);
            diagonal[j] = d[c];
            beside[j] = e[c];
        }
    ist_free(d);
    ist_free(e);
    ist_free(tau);
    info = dense_info(m->grid, info);
    dense_sum(m->grid->comm, diagonal, m->rows);
    dense_sum(m->grid->comm, beside, m->rows);
    return info;
}

ist_code ist_dense_eigenvalues(ist_dense *matrix, double *values, ist_error *error)
{
    const int n = dense_int(matrix->rows);
    memset(values, 0, (size_t)n * sizeof *values);
    double *beside = ist_alloc((size_t)ist_max(1, n), sizeof *beside);
    int info = tridiagonalise(matrix, values, beside);
    if (info != 0) {
        dense_fault("pdsytrd", info, error);
    } else {
        if (matrix->grid->comm->rank == 0)
            dsterf_(&n, values, beside, &info);
        info = dense_info(matrix->grid, info);
        dense_share(matrix->grid->comm, values, n);
        if (info != 0)
            ist_fail(
                error, IST_FAILED,
                "%d of %d eigenvalues were not found in 30 steps each (LAPACK's dsterf): are there "
                "NaN or infinite entries?",
                info, n);
    }
    ist_free(beside);
    return error->code;
}

/* ---- Cholesky ---------------------------------------------------------------------------------- */

double ist_dense_norm(const ist_dense *m)
{
    const int n = dense_int(m->rows);
    double norm = 0;
    if (dense_is_inside(m->grid)) {
        const size_t room = 4 * (size_t)(m->rows + 2 * m->grid->block + 2);
        double *work = ist_alloc(room, sizeof *work);
        norm = pdlansy_("1", "L", &n, m->values, &FIRST, &FIRST, m->descriptor, work, 1, 1);
        ist_free(work);
    }
    dense_share(m->grid->comm, &norm, 1);
    return norm;
}

static double lower_alone(double value, int64_t i, int64_t j, const void *data)
{
    (void)data;
    return i < j ? 0 : value;
}

ist_code ist_dense_cholesky(ist_dense *matrix, const char *what, ist_error *error)
{
    const int n = dense_int(matrix->rows);
    int info = 0;
    if (dense_is_inside(matrix->grid))
        pdpotrf_("L", &n, matrix->values, &FIRST, &FIRST, matrix->descriptor, &info, 1);
    info = dense_info(matrix->grid, info);
    if (info < 0)
        return dense_fault("pdpotrf", info, error);
    if (info > 0)
        return ist_fail(error, IST_FAILED,
                        "%s is not positive definite: its leading minor of order %d is not "
                        "positive; a ridge on the diagonal helps",
                        what, info);
    ist_dense_apply(matrix, lower_alone, NULL);
    return IST_OK;
}

double ist_dense_log_determinant(const ist_dense *factor)
{
    double *diagonal = ist_alloc((size_t)factor->rows, sizeof *diagonal);
    ist_dense_diagonal(factor, diagonal);
    for (int64_t i = 0; i < factor->rows; i++)
        diagonal[i] = 2 * ist_ln(diagonal[i]);
    const double sum = ist_sum_in_order(diagonal, factor->rows);
    ist_free(diagonal);
    return sum;
}

ist_code ist_dense_solve_lower(const ist_dense *factor, ist_dense *right, ist_error *error)
{
    const int n = dense_int(factor->rows), columns = dense_int(right->columns);
    int info = 0;
    if (dense_is_inside(factor->grid))
        pdtrtrs_("L", "N", "N", &n, &columns, factor->values, &FIRST, &FIRST, factor->descriptor,
                 right->values, &FIRST, &FIRST, right->descriptor, &info, 1, 1, 1);
    info = dense_info(factor->grid, info);
    return info == 0 ? IST_OK : dense_fault("pdtrtrs", info, error);
}

ist_code ist_dense_solve(const ist_dense *factor, ist_dense *right, ist_error *error)
{
    const int n = dense_int(factor->rows), columns = dense_int(right->columns);
    int info = 0;
    if (dense_is_inside(factor->grid))
        pdpotrs_("L", &n, &columns, factor->values, &FIRST, &FIRST, factor->descriptor,
                 right->values, &FIRST, &FIRST, right->descriptor, &info, 1);
    info = dense_info(factor->grid, info);
    return info == 0 ? IST_OK : dense_fault("pdpotrs", info, error);
}

/* The upper triangle becomes the lower one's mirror image. */
static ist_code mirror(ist_dense *matrix, ist_error *error)
{
    ist_dense turned;
    if (ist_dense_new(matrix->grid, matrix->rows, matrix->columns, &turned, error) != IST_OK)
        return error->code;
    ist_dense_place_block(matrix, true, &turned, 0, 0);
    for (int64_t c = 0; c < matrix->local_columns; c++) {
        const int64_t j = dense_column_index(matrix, c);
        double *column = dense_column(matrix, c);
        for (int64_t r = 0; r < matrix->local_rows; r++)
            if (dense_row_index(matrix, r) < j)
                column[r] = dense_column(&turned, c)[r];
    }
    ist_dense_release(&turned);
    return IST_OK;
}

ist_code ist_dense_invert(ist_dense *factor, ist_error *error)
{
    const int n = dense_int(factor->rows);
    int info = 0;
    if (dense_is_inside(factor->grid))
        pdpotri_("L", &n, factor->values, &FIRST, &FIRST, factor->descriptor, &info, 1);
    info = dense_info(factor->grid, info);
    if (info != 0)
        return dense_fault("pdpotri", info, error);
    return mirror(factor, error);
}

static double entry_of_vector(int64_t i, int64_t j, const void *data)
{
    (void)j;
    return ((const double *)data)[i];
}

/* solved = K^-1 x; returns its 1-norm. */
static double solve_vector(const ist_dense *factor, const double *x, double *solved,
                           ist_error *error)
{
    ist_dense right;
    if (ist_dense_new(factor->grid, factor->rows, 1, &right, error) != IST_OK)
        return 0;
    ist_dense_fill(&right, entry_of_vector, x);
    ist_dense_solve(factor, &right, error);
    ist_dense_gather(&right, solved);
    ist_dense_release(&right);
    double norm = 0;
    for (int64_t i = 0; i < factor->rows; i++)
        norm += fabs(solved[i]);
    return norm;
}

/* x becomes the unit vector at z's largest entry. False: it would not make the estimate larger. */
static bool next_vertex(int64_t n, const double *z, double *x)
{
    int64_t largest = 0;
    double product = 0;
    for (int64_t i = 0; i < n; i++) {
        product += z[i] * x[i];
        if (fabs(z[i]) > fabs(z[largest]))
            largest = i;
    }
    if (fabs(z[largest]) <= product)
        return false;
    memset(x, 0, (size_t)n * sizeof *x);
    x[largest] = 1;
    return true;
}

/* Hager's ascent from vertex to vertex of the unit ball, and Higham's test vector against bad luck. */
static double inverse_norm(const ist_dense *factor, ist_error *error)
{
    enum { STEPS = 5 };
    const int64_t n = factor->rows;
    double *x = ist_alloc((size_t)n, sizeof *x), *y = ist_alloc((size_t)n, sizeof *y);
    double norm = 0;
    for (int64_t i = 0; i < n; i++)
        x[i] = 1 / (double)n;
    for (int step = 0; step < STEPS && error->code == IST_OK; step++) {
        norm = fmax(norm, solve_vector(factor, x, y, error));
        for (int64_t i = 0; i < n; i++)
            y[i] = y[i] < 0 ? -1 : 1;
        solve_vector(factor, y, y, error);
        if (!next_vertex(n, y, x))
            break;
    }
    for (int64_t i = 0; i < n; i++)
        x[i] = (i % 2 ? -1 : 1) * (1 + (double)i / (double)ist_max(1, n - 1));
    if (error->code == IST_OK)
        norm = fmax(norm, 2 * solve_vector(factor, x, y, error) / (3 * (double)n));
    ist_free(x);
    ist_free(y);
    return norm;
}

ist_code ist_dense_condition(const ist_dense *factor, double norm, double *condition,
                             ist_error *error)
{
    *condition = norm * inverse_norm(factor, error);
    if (!isfinite(*condition))
        *condition = INFINITY;
    return error->code;
}

/* ---- products ---------------------------------------------------------------------------------- */

void ist_dense_multiply(const ist_dense *a, bool transpose_a, const ist_dense *b, bool transpose_b,
                        ist_dense *c)
{
    if (!dense_is_inside(c->grid))
        return;
    const int rows = dense_int(c->rows), columns = dense_int(c->columns),
              inner = dense_int(transpose_a ? a->rows : a->columns);
    const double one = 1, zero = 0;
    pdgemm_(transpose_a ? "T" : "N", transpose_b ? "T" : "N", &rows, &columns, &inner, &one,
            a->values, &FIRST, &FIRST, a->descriptor, b->values, &FIRST, &FIRST, b->descriptor,
            &zero, c->values, &FIRST, &FIRST, c->descriptor);
}

void ist_dense_multiply_symmetric(const ist_dense *k, const ist_dense *b, ist_dense *c)
{
    if (!dense_is_inside(c->grid))
        return;
    const int rows = dense_int(c->rows), columns = dense_int(c->columns);
    const double one = 1, zero = 0;
    pdsymm_("L", "L", &rows, &columns, &one, k->values, &FIRST, &FIRST, k->descriptor, b->values,
            &FIRST, &FIRST, b->descriptor, &zero, c->values, &FIRST, &FIRST, c->descriptor);
}
