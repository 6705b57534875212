/* dense: distributed dense matrices: Gram matrices, eigenvalues, Cholesky factors, products. The only room that knows ScaLAPACK.
 *
 * Unless it says "local", every function is collective on the grid's communicator: ranks outside the grid call it too, and get the same
 * numbers. Numbers depend on the number of ranks in their last bits (BLAS, order of sums): agreement within 1e-10 relative is
 * what is promised, and what rows in results that are made of them say (reproducible=1e-10). Matrices of one call lie on one grid.
 * Errors are agreed: one message, the same code on all ranks; IST_FAILED where the numbers do not allow it (a matrix that is not positive
 * definite), IST_BROKEN where ScaLAPACK itself reports a fault. A matrix is what the caller owns and releases.
 */
#ifndef INFOSTRATA_DENSE_H
#define INFOSTRATA_DENSE_H

#include "infostrata/comm.h"
#include "infostrata/data.h"
#include "infostrata/layout.h"
#include "infostrata/pairs.h"

/* ---- grids and matrices ---------------------------------------------------------------------- */

typedef struct {
    const ist_comm *comm; /* borrowed; outlives the grid */
    ist_grid_shape shape;
    int row, column; /* of this rank; -1: it holds nothing */
    int block;
    int system, context; /* BLACS */
} ist_grid;

/* A grid of comm's first ranks, rank by rank along its rows; layout.h says of which shape and what `together` is (1: nothing). */
void ist_grid_new(const ist_comm *comm, int64_t together, ist_grid *grid);
void ist_grid_release(ist_grid *grid);

typedef struct {
    const ist_grid *grid; /* borrowed */
    int64_t rows, columns;
    int64_t local_rows, local_columns; /* 0 on a rank outside the grid */
    double *
        values; /* local_rows x local_columns, column-major, leading dimension max(1, local_rows) */
    int descriptor[9];
} ist_dense;

/* Zeros. IST_FAILED where a rank's part has too many entries for ScaLAPACK (ist_dense_countable). */
ist_code ist_dense_new(const ist_grid *grid, int64_t rows, int64_t columns, ist_dense *matrix,
                       ist_error *error);
/* Local. */
void ist_dense_release(ist_dense *matrix);
/* A new matrix of the same values. */
ist_code ist_dense_copy(const ist_dense *from, ist_dense *to, ist_error *error);

/* Local. The place in `values` of entry (i, j), or -1: it lies elsewhere. */
int64_t ist_dense_place(const ist_dense *matrix, int64_t i, int64_t j);
/* Local. matrix(i, j) = entry(i, j, data), of this rank's entries. */
typedef double ist_dense_entry(int64_t i, int64_t j, const void *data);
void ist_dense_fill(ist_dense *matrix, ist_dense_entry *entry, const void *data);
/* Local. matrix(i, j) = change(matrix(i, j), i, j, data). */
typedef double ist_dense_change(double value, int64_t i, int64_t j, const void *data);
void ist_dense_apply(ist_dense *matrix, ist_dense_change *change, const void *data);
/* Rows [first, first + count) of this rank, row-major (all columns), into the matrix; other rows stay as they are. Ranks may have
 * different counts, 0 too; no row may come from two ranks. */
void ist_dense_put_rows(ist_dense *matrix, int64_t first, int64_t count, const double *values);
/* All entries on every rank, row-major; for small matrices. */
void ist_dense_gather(const ist_dense *matrix, double *values);
/* The block of `to` whose first entry is (i, j) = from, or its transpose. */
void ist_dense_place_block(const ist_dense *from, bool transpose, ist_dense *to, int64_t i,
                           int64_t j);

/* A dataset of shape->rows x shape->d (that is the matrix's shape; ist_probe_layer), read by all ranks in strips of rows. NaN and
 * Inf are counted, not refused. Errors as ist_read_rows. */
ist_code ist_dense_read(const ist_grid *grid, const ist_location *at, const ist_shape *shape,
                        ist_dense *matrix, ist_census *census, ist_error *error);

/* ---- Gram matrices --------------------------------------------------------------------------- */

/* distances(i, j) = the defined distance of rows i and j of the set (pairs.h; euclidean: the square), bit for bit, i and j being positions in the set.
 * Whole matrix (both triangles), n x n. The set must have its values; its twin may have them; no joint sets. */
ist_code ist_gram_distances(const ist_grid *grid, const ist_kernel *kernel, const ist_rows *rows,
                            ist_dense *distances, ist_error *error);
/* Local. kernel(i, j) = exp(-distances(i, j) / (2 s^2)), s > 0 (measures.md 4.3: ours); kernel may be `distances` itself. */
void ist_gram_gaussian(const ist_dense *distances, double s, ist_dense *kernel);
/* gram = X X', with centred: of columns less their means. */
ist_code ist_gram_linear(const ist_grid *grid, const ist_rows *rows, bool centred, ist_dense *gram,
                         ist_error *error);
/* gram(i, j) = 1 where label[i] == label[j], else 0; label has n entries on every rank. */
ist_code ist_gram_labels(const ist_grid *grid, int64_t n, const int64_t *label, ist_dense *gram,
                         ist_error *error);
/* Local. matrix(i, j) = 0 where labels differ: the entrywise product with the kernel of the labels. */
void ist_dense_within(ist_dense *matrix, const int64_t *label);

/* ---- entrywise -------------------------------------------------------------------------------- */

/* Local. a(i, j) *= b(i, j); all entries *= factor; the diagonal += value (the ridge). */
void ist_dense_times(ist_dense *a, const ist_dense *b);
void ist_dense_scale(ist_dense *matrix, double factor);
void ist_dense_add_diagonal(ist_dense *matrix, double value);
double ist_dense_trace(const ist_dense *matrix);
/* sum of a(i, j) b(i, j); a and b may be the same: the square of the Frobenius norm. */
double ist_dense_dot(const ist_dense *a, const ist_dense *b);
/* The sum of all entries. */
double ist_dense_total(const ist_dense *matrix);
/* diagonal[min(rows, columns)]; sums[columns]: of each column; on every rank. */
void ist_dense_diagonal(const ist_dense *matrix, double *diagonal);
void ist_dense_column_sums(const ist_dense *matrix, double *sums);
/* Of `group` consecutive columns each (the grid's `together` is a multiple of group; columns too) their group x group Gram matrix:
 * grams[(g group + p) group + q] = sum_i m(i, g group + p) m(i, g group + q). Of one column: its sum of squares. Measures.md 7.2:
 * (M^2)_II is a Gram matrix of the columns I of M. */
void ist_dense_column_grams(const ist_dense *matrix, int64_t group, double *grams);
/* The group x group blocks on the diagonal: blocks[(g group + p) group + q] = m(g group + p, g group + q). */
void ist_dense_diagonal_blocks(const ist_dense *matrix, int64_t group, double *blocks);

/* ---- eigenvalues ------------------------------------------------------------------------------ */

/* values[n], ascending, of a symmetric matrix, of which the lower triangle is read; the matrix is destroyed. Householder
 * tridiagonalisation (pdsytrd), then the QL form without square roots (dsterf). */
ist_code ist_dense_eigenvalues(ist_dense *matrix, double *values, ist_error *error);

/* ---- Cholesky --------------------------------------------------------------------------------- */

/* The 1-norm (largest column sum of |entries|) of a symmetric matrix, of which the lower triangle is read: what ist_dense_condition asks. */
double ist_dense_norm(const ist_dense *matrix);
/* The lower triangle becomes L, matrix = L L'; the upper one is 0. IST_FAILED, naming `what` ("the kernel of ...") and the order of the
 * leading minor that is not positive, if it is not positive definite; the matrix is then of no use. */
ist_code ist_dense_cholesky(ist_dense *matrix, const char *what, ist_error *error);
/* ln det of L L'. */
double ist_dense_log_determinant(const ist_dense *factor);
/* right = L^-1 right (m x k): for y' K^-1 y = |L^-1 y|^2 (measures.md 7.3). right = K^-1 right. */
ist_code ist_dense_solve_lower(const ist_dense *factor, ist_dense *right, ist_error *error);
ist_code ist_dense_solve(const ist_dense *factor, ist_dense *right, ist_error *error);
/* The factor becomes K^-1, both triangles. */
ist_code ist_dense_invert(ist_dense *factor, ist_error *error);
/* An estimate of the condition |K| |K^-1| in the 1-norm, seldom less than a third of it and never more (Hager 1984, Higham 1988: a few
 * solutions with the factor; pdpocon was seen at a fifth). norm = ist_dense_norm of K before it was factored. infinity: singular to working precision. */
ist_code ist_dense_condition(const ist_dense *factor, double norm, double *condition,
                             ist_error *error);

/* ---- products --------------------------------------------------------------------------------- */

/* c = a b, of transposes where asked. c has its shape already. */
void ist_dense_multiply(const ist_dense *a, bool transpose_a, const ist_dense *b, bool transpose_b,
                        ist_dense *c);
/* c = k b of a symmetric matrix k, of which the lower triangle is read. */
void ist_dense_multiply_symmetric(const ist_dense *k, const ist_dense *b, ist_dense *c);

/* ---- products of columns (feature space) ------------------------------------------------------- */

/* Columns of a layer. */
typedef struct {
    const ist_rows *rows;
    const double *mean; /* d numbers to be taken off each row; NULL: none */
    const bool *taken;  /* by home row of the set: is it one of those wanted? NULL: all */
} ist_columns;

/* mean[d] of the columns over the rows taken, their number in *count; a second pass over the rows corrects the first. */
void ist_column_means(const ist_comm *comm, const ist_columns *columns, double *mean,
                      int64_t *count);
/* product (d_a x d_b) = A' B over all rows taken (a's and b's must be the same rows; sets of one n). Each rank's rows are multiplied as they are, in
 * float64, without being sent. */
ist_code ist_column_product(const ist_grid *grid, const ist_columns *a, const ist_columns *b,
                            ist_dense *product, ist_error *error);
/* product (d_a x m) = A' T, of a table of m numbers for each row: table[row number m + column], n x m on every rank (one-hot labels, say). */
ist_code ist_column_product_table(const ist_grid *grid, const ist_columns *a, int64_t m,
                                  const double *table, ist_dense *product, ist_error *error);
/* squares[n] = |row i less the mean|^2, on every rank, in the order of the set (the diagonal of the linear Gram matrix); sums[n] (NULL: not wanted) =
 * row i . (the sum of all rows), the same rows less the mean: its row sums. */
void ist_row_products(const ist_comm *comm, const ist_columns *columns, double *squares,
                      double *sums);

/* ---- traces of functions, without a matrix ----------------------------------------------------- */

/* A kernel that is never stored: the product of Gaussians of layers, and of the labels' kernel. K(i, i) = 1. */
typedef struct {
    int factors; /* 0: the labels alone */
    const ist_rows *const *rows;
    const double *s;      /* widths */
    const int64_t *label; /* n, on every rank; NULL: none */
    int64_t n;
} ist_kernel_product;

/* Gauss quadratures of the spectral densities of A = K / n seen from `probes` Rademacher vectors (stochastic Lanczos quadrature: Golub &
 * Meurant 1994; Ubaru, Chen, Saad 2017): for probe p, z' f(A) z = n sum_m weight[p steps + m] f(node[p steps + m]); weights sum to 1.
 * Probe p's signs are keyed by (seed, p, row); `steps` products with K for all probes at once, each a visit of all pairs. Fewer steps
 * where n is smaller; a probe that needs fewer has weights of 0. */
typedef struct {
    int64_t n;
    int probes, steps;
    double *node, *weight; /* owned; the same on every rank */
} ist_quadrature;
/* False: a stop broke it off (engine->stop), nothing is there. */
bool ist_quadrature_new(const ist_comm *comm, const ist_engine *engine,
                        const ist_kernel_product *kernel, uint64_t seed, int probes, int steps,
                        ist_quadrature *quadrature);
/* Local. */
void ist_quadrature_release(ist_quadrature *quadrature);
/* Local. The mean over the probes of the estimates of sum_i f(lambda_i), lambda_i being the eigenvalues of A (they sum to 1), and its standard
 * error: sd over probes / sqrt(probes) (NaN for one probe). Nodes below 0 (rounding) are taken as 0. For sums of lambda^alpha give f = lambda^alpha - lambda, and
 * add 1: far less noise. */
typedef double ist_spectral_function(double eigenvalue, const void *data);
double ist_quadrature_trace(const ist_quadrature *quadrature, ist_spectral_function *f,
                            const void *data, double *std_error);

#endif
