/* The dense room against linear algebra by the definition: matrices dealt out over any grid, smaller than a block, smaller than
 * the grid, of several blocks. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../harness/scratch.h"
#include "brute.h"
#include "checks.h"
#include "infostrata/dense.h"
#include "plain.h"
#include "rows.h"

static const double NEAR = 1e-10;

/* Rows of a layer that every rank knows. */
static double *values_of(int64_t n, int64_t d, double phase)
{
    double *values = ist_alloc((size_t)(n * d), sizeof *values);
    for (int64_t e = 0; e < n * d; e++)
        values[e] = (float)(sin(phase + 1.7 * (double)e + 0.013 * (double)(e % 7 * e)) +
                            0.2 * cos((double)(e / d)));
    return values;
}

/* A positive definite matrix: a Gaussian kernel of rows with a ridge. */
static double *kernel_of(int64_t n, int64_t d, const double *values, double s, double ridge)
{
    double *kernel = ist_alloc((size_t)(n * n), sizeof *kernel);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            kernel[i * n + j] =
                exp(-brute_distance(IST_METRIC_EUCLIDEAN, values + i * d, values + j * d, d) /
                    (2 * s * s)) +
                (i == j ? ridge : 0);
    return kernel;
}

typedef struct {
    const double *values;
    int64_t columns;
} table;

static double entry_of(int64_t i, int64_t j, const void *data)
{
    const table *t = data;
    return t->values[i * t->columns + j];
}

static void deal(const ist_grid *grid, int64_t rows, int64_t columns, const double *values,
                 ist_dense *matrix)
{
    ist_error error = {0};
    ist_dense_new(grid, rows, columns, matrix, &error);
    ist_dense_fill(matrix, entry_of, &(table){values, columns});
}

static bool holds(const ist_dense *matrix, const double *expected, double tolerance)
{
    int64_t count = matrix->rows * matrix->columns;
    double *all = ist_alloc((size_t)count, sizeof *all);
    ist_dense_gather(matrix, all);
    bool near = plain_near(count, all, expected, tolerance);
    ist_free(all);
    return near;
}

/* ---- moving ------------------------------------------------------------------------------------ */

static void check_moves(MPI_Comm comm, const ist_comm *mine, int64_t rows, int64_t columns,
                        int64_t together)
{
    ist_grid grid;
    ist_grid_new(mine, together, &grid);
    ist_error error = {0};
    double *values = values_of(rows, columns, 0.3);
    ist_dense matrix, other, wide;
    deal(&grid, rows, columns, values, &matrix);
    CHECK_ALL_TELL(comm, holds(&matrix, values, 0), "%d x %d", (int)rows, (int)columns);
    /* The same from rows, in unequal shares. */
    int64_t first = ist_share(rows, mine->size + 1, mine->rank + (mine->rank > 0)),
            last = ist_share(rows, mine->size + 1, mine->rank + 2);
    ist_dense_new(&grid, rows, columns, &other, &error);
    ist_dense_put_rows(&other, first, last - first, values + first * columns);
    CHECK_ALL(comm, holds(&other, values, 0));
    /* Beside its own transpose, within a larger matrix. */
    int64_t large = rows + columns + 3;
    double *expected = ist_alloc((size_t)(large * large), sizeof *expected);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            expected[i * large + j + 2] = values[i * columns + j];
            expected[(rows + j) * large + i] = values[i * columns + j];
        }
    ist_dense_new(&grid, large, large, &wide, &error);
    ist_dense_place_block(&matrix, false, &wide, 0, 2);
    ist_dense_place_block(&matrix, true, &wide, rows, 0);
    CHECK_ALL_TELL(comm, holds(&wide, expected, 0), "%d x %d in a larger one", (int)rows,
                   (int)columns);
    CHECK_ALL(comm, error.code == IST_OK);
    ist_dense_release(&matrix);
    ist_dense_release(&other);
    ist_dense_release(&wide);
    ist_grid_release(&grid);
    ist_free(values);
    ist_free(expected);
}

/* ---- factors ----------------------------------------------------------------------------------- */

static void check_solutions(MPI_Comm comm, const ist_grid *grid, const ist_dense *factor, int64_t n,
                            const double *kernel, const double *lower)
{
    enum { RIGHT = 3 };
    double *y = values_of(n, RIGHT, 1.1), *inverse = ist_alloc((size_t)(n * n), sizeof *inverse);
    double *expected = ist_alloc((size_t)(n * n), sizeof *expected);
    ist_error error = {0};
    ist_dense solved, halved, whole;
    deal(grid, n, RIGHT, y, &solved);
    ist_dense_copy(&solved, &halved, &error);
    plain_inverse(n, kernel, inverse);
    plain_multiply(n, n, RIGHT, inverse, y, expected);
    ist_dense_solve(factor, &solved, &error);
    CHECK_ALL(comm, holds(&solved, expected, NEAR));
    /* y' K^-1 y = |L^-1 y|^2 */
    double total = 0;
    for (int64_t e = 0; e < n * RIGHT; e++)
        total += y[e] * expected[e];
    ist_dense_solve_lower(factor, &halved, &error);
    CHECK_ALL(comm, fabs(ist_dense_dot(&halved, &halved) - total) <= NEAR * total);
    plain_multiply(n, n, RIGHT, lower, y, expected); /* L y back */
    deal(grid, n, RIGHT, expected, &whole);
    ist_dense_solve_lower(factor, &whole, &error);
    CHECK_ALL(comm, holds(&whole, y, NEAR));
    ist_dense_release(&whole);
    ist_dense_copy(factor, &whole, &error);
    ist_dense_invert(&whole, &error);
    CHECK_ALL(comm, holds(&whole, inverse, NEAR));
    CHECK_ALL(comm, error.code == IST_OK);
    ist_dense_release(&solved);
    ist_dense_release(&halved);
    ist_dense_release(&whole);
    ist_free(y);
    ist_free(inverse);
    ist_free(expected);
}

static double norm_of(int64_t n, const double *matrix)
{
    double norm = 0;
    for (int64_t j = 0; j < n; j++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += fabs(matrix[i * n + j]);
        norm = fmax(norm, sum);
    }
    return norm;
}

static void check_factor(MPI_Comm comm, const ist_comm *mine, int64_t n)
{
    ist_grid grid;
    ist_grid_new(mine, 1, &grid);
    ist_error error = {0};
    double *values = values_of(n, 3, 0.8), *kernel = kernel_of(n, 3, values, 0.7, 0.05);
    double *lower = ist_alloc((size_t)(n * n), sizeof *lower), logs = 0, condition;
    ist_dense matrix;
    deal(&grid, n, n, kernel, &matrix);
    double norm = ist_dense_norm(&matrix);
    CHECK_ALL(comm, fabs(norm - norm_of(n, kernel)) <= NEAR * norm);
    memcpy(lower, kernel, (size_t)(n * n) * sizeof *lower);
    CHECK_ALL(comm, plain_cholesky(n, lower) == 0);
    ist_dense_cholesky(&matrix, "the kernel", &error);
    CHECK_ALL_TELL(comm, error.code == IST_OK && holds(&matrix, lower, NEAR), "n = %d: %.200s",
                   (int)n, error.text);
    for (int64_t i = 0; i < n; i++)
        logs += 2 * log(lower[i * n + i]);
    CHECK_ALL(comm, fabs(ist_dense_log_determinant(&matrix) - logs) <= NEAR * fabs(logs));
    double *inverse = ist_alloc((size_t)(n * n), sizeof *inverse);
    plain_inverse(n, kernel, inverse);
    ist_dense_condition(&matrix, norm, &condition, &error);
    double truth = norm_of(n, kernel) * norm_of(n, inverse);
    CHECK_ALL_TELL(comm, condition <= truth * (1 + NEAR) && condition >= 0.3 * truth, "%g, not %g",
                   condition, truth);
    check_solutions(comm, &grid, &matrix, n, kernel, lower);
    ist_dense_release(&matrix);
    /* Two equal rows and no ridge; then one entry made worse. */
    memcpy(lower, kernel, (size_t)(n * n) * sizeof *lower);
    int64_t bad = n / 2;
    lower[bad * n + bad] = -1;
    deal(&grid, n, n, lower, &matrix);
    CHECK_ALL(comm, ist_dense_cholesky(&matrix, "the kernel of fc1", &error) == IST_FAILED);
    char expected[100];
    snprintf(expected, sizeof expected,
             "the kernel of fc1 is not positive definite: its leading minor of order %d ",
             (int)bad + 1);
    CHECK_ALL_TELL(comm, strncmp(error.text, expected, strlen(expected)) == 0, "%.250s",
                   error.text);
    ist_dense_release(&matrix);
    ist_grid_release(&grid);
    ist_free(values);
    ist_free(kernel);
    ist_free(lower);
    ist_free(inverse);
}

/* ---- products ---------------------------------------------------------------------------------- */

static void check_multiply(MPI_Comm comm, const ist_comm *mine)
{
    enum { M = 70, K = 131, N = 9 };
    ist_grid grid;
    ist_grid_new(mine, 1, &grid);
    ist_error error = {0};
    double *a = values_of(M, K, 0.1), *b = values_of(K, N, 0.2);
    double *a_t = ist_alloc(M * K, sizeof *a_t), *b_t = ist_alloc(K * N, sizeof *b_t);
    double *c = ist_alloc(M * N, sizeof *c), *square = ist_alloc(K * K, sizeof *square);
    double *right = ist_alloc(K * N, sizeof *right);
    plain_transpose(M, K, a, a_t);
    plain_transpose(K, N, b, b_t);
    plain_multiply(M, K, N, a, b, c);
    plain_multiply(K, M, K, a_t, a, square);
    plain_multiply(K, K, N, square, b, right);
    for (int form = 0; form < 4; form++) {
        ist_dense x, y, z;
        deal(&grid, form & 1 ? K : M, form & 1 ? M : K, form & 1 ? a_t : a, &x);
        deal(&grid, form & 2 ? N : K, form & 2 ? K : N, form & 2 ? b_t : b, &y);
        ist_dense_new(&grid, M, N, &z, &error);
        ist_dense_multiply(&x, form & 1, &y, form & 2, &z);
        CHECK_ALL_TELL(comm, holds(&z, c, NEAR), "form %d", form);
        ist_dense_release(&x);
        ist_dense_release(&y);
        ist_dense_release(&z);
    }
    ist_dense x, y, z;
    deal(&grid, K, K, square, &x);
    deal(&grid, K, N, b, &y);
    ist_dense_new(&grid, K, N, &z, &error);
    ist_dense_multiply_symmetric(&x, &y, &z);
    CHECK_ALL(comm, holds(&z, right, NEAR) && error.code == IST_OK);
    ist_dense_release(&x);
    ist_dense_release(&y);
    ist_dense_release(&z);
    ist_grid_release(&grid);
    double *const all[] = {a, b, a_t, b_t, c, square, right};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        ist_free(all[i]);
}

/* Groups of three columns that lie together. */
static void check_groups(MPI_Comm comm, const ist_comm *mine)
{
    enum { N = 207, GROUP = 3 };
    ist_grid grid;
    ist_grid_new(mine, GROUP, &grid);
    CHECK_ALL(comm, grid.block == 63);
    double *values = values_of(N, N, 0.4);
    double *grams = ist_alloc(N * GROUP, sizeof *grams), *blocks = ist_alloc(N * GROUP, 8);
    double *sums = ist_alloc(N, sizeof *sums), total = 0, trace = 0, squares = 0;
    ist_dense matrix;
    deal(&grid, N, N, values, &matrix);
    ist_dense_column_grams(&matrix, GROUP, grams);
    ist_dense_diagonal_blocks(&matrix, GROUP, blocks);
    ist_dense_column_sums(&matrix, sums);
    bool right = true;
    for (int64_t j = 0; j < N; j++) {
        double sum = 0, product[GROUP] = {0};
        int64_t first = j / GROUP * GROUP;
        for (int64_t i = 0; i < N; i++) {
            sum += values[i * N + j];
            for (int q = 0; q < GROUP; q++)
                product[q] += values[i * N + j] * values[i * N + first + q];
        }
        for (int q = 0; q < GROUP; q++)
            right = right && fabs(grams[j * GROUP + q] - product[q]) < NEAR * N &&
                    blocks[j * GROUP + q] == values[j * N + first + q];
        right = right && fabs(sums[j] - sum) < NEAR * N;
        total += sum;
        trace += values[j * N + j];
        squares += product[j % GROUP];
    }
    CHECK_ALL(comm, right);
    CHECK_ALL(comm, fabs(ist_dense_total(&matrix) - total) < NEAR * N * N);
    CHECK_ALL(comm, fabs(ist_dense_trace(&matrix) - trace) < NEAR * N);
    CHECK_ALL(comm, fabs(ist_dense_dot(&matrix, &matrix) - squares) < NEAR * squares);
    ist_dense_release(&matrix);
    ist_grid_release(&grid);
    ist_free(values);
    ist_free(grams);
    ist_free(blocks);
    ist_free(sums);
}

RANK_CHECK(dense_matrices)
{
    ist_comm mine = ist_comm_new(comm);
    static const int64_t sizes[][3] = {
        {1, 1, 1}, {5, 2, 1}, {64, 64, 1}, {150, 70, 7}, {65, 210, 10}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        check_moves(comm, &mine, sizes[s][0], sizes[s][1], sizes[s][2]);
    check_factor(comm, &mine, 3);
    check_factor(comm, &mine, 150);
    check_multiply(comm, &mine);
    check_groups(comm, &mine);
    ist_comm_release(&mine);
}

/* ---- Gram matrices and eigenvalues ------------------------------------------------------------- */

typedef struct {
    double *values;
    int64_t n, d;
    ist_rows rows;
} layer;

/* With a twin: the values lie in another order. */
static layer layer_new(const ist_comm *mine, const ist_engine *engine, ist_metric metric, int64_t n,
                       int64_t d, double phase, bool wide)
{
    layer l = {values_of(n, d, phase), n, d, {0}};
    rows_distributed(mine, metric, l.values, n, d, wide, &l.rows);
    ist_rows_cluster(mine, engine, &l.rows);
    return l;
}

static void layer_release(layer *l)
{
    ist_rows_release(&l->rows);
    ist_free(l->values);
}

static bool distances_exact(const ist_dense *distances, const layer *l)
{
    bool right = true;
    for (int64_t i = 0; i < l->n; i++)
        for (int64_t j = 0; j < l->n; j++) {
            int64_t at = ist_dense_place(distances, i, j);
            right = right && (at < 0 || distances->values[at] ==
                                            brute_distance(l->rows.metric, l->values + i * l->d,
                                                           l->values + j * l->d, l->d));
        }
    return right;
}

static void check_gram(MPI_Comm comm, const ist_comm *mine, const ist_engine *engine, int form)
{
    enum { N = 157, D = 5 };
    ist_grid grid;
    ist_grid_new(mine, 1, &grid);
    ist_error error = {0};
    layer l = layer_new(mine, engine, form % 4 == 3 ? IST_METRIC_MANHATTAN : IST_METRIC_EUCLIDEAN,
                        N, D, 0.9, form % 2);
    ist_dense gram, kernel;
    ist_gram_distances(&grid, engine->kernel, &l.rows, &gram, &error);
    CHECK_ALL_TELL(comm, distances_exact(&gram, &l), "form %d", form);
    ist_dense_copy(&gram, &kernel, &error);
    double *expected = kernel_of(N, D, l.values, 0.6, 0), *found = ist_alloc(N, sizeof *found);
    double *others = ist_alloc(N, sizeof *others), mean[D] = {0};
    if (form % 4 != 3) {
        ist_gram_gaussian(&gram, 0.6, &kernel);
        CHECK_ALL(comm, holds(&kernel, expected, 1e-14));
        ist_dense_eigenvalues(&kernel, found, &error);
        plain_eigenvalues(N, expected, others);
        CHECK_ALL(comm, error.code == IST_OK && plain_near(N, found, others, NEAR));
    }
    ist_dense_release(&gram);
    ist_dense_release(&kernel);
    for (int64_t e = 0; e < N * D; e++)
        mean[e % D] += l.values[e] / N;
    ist_gram_linear(&grid, &l.rows, form / 2, &gram, &error);
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j < N; j++) {
            double sum = 0;
            for (int64_t f = 0; f < D; f++)
                sum += (l.values[i * D + f] - (form / 2 ? mean[f] : 0)) *
                       (l.values[j * D + f] - (form / 2 ? mean[f] : 0));
            expected[i * N + j] = sum;
        }
    CHECK_ALL(comm, holds(&gram, expected, NEAR));
    ist_dense_release(&gram);
    layer_release(&l);
    ist_grid_release(&grid);
    ist_free(expected);
    ist_free(found);
    ist_free(others);
}

/* Kernels whose eigenvalues are known: identity, two clusters far apart, equal rows. */
static void check_known_spectra(MPI_Comm comm, const ist_comm *mine)
{
    enum { N = 130, FEW = 30 };
    ist_grid grid;
    ist_grid_new(mine, 1, &grid);
    ist_error error = {0};
    double found[N];
    int64_t label[N];
    for (int form = 0; form < 3; form++) {
        for (int64_t i = 0; i < N; i++)
            label[i] = form == 0 ? i : form == 1 ? (i * 7 + 3) % N < FEW : 5;
        ist_dense gram;
        ist_gram_labels(&grid, N, label, &gram, &error);
        ist_dense_eigenvalues(&gram, found, &error);
        CHECK_ALL(comm, error.code == IST_OK);
        double expected[N] = {0};
        for (int i = 0; i < N; i++)
            expected[i] = form == 0;
        if (form == 1) {
            expected[N - 2] = FEW;
            expected[N - 1] = N - FEW;
        } else if (form == 2) {
            expected[N - 1] = N;
        }
        CHECK_ALL_TELL(comm, plain_near(N, found, expected, 1e-13), "form %d", form);
        ist_dense_release(&gram);
    }
    /* Entrywise product with the labels' kernel. */
    ist_dense gram, other;
    double *values = values_of(N, N, 0.5), *within = values_of(N, N, 0.5);
    for (int64_t i = 0; i < N; i++)
        label[i] = i % 3;
    for (int64_t e = 0; e < N * N; e++)
        within[e] *= label[e / N] == label[e % N];
    deal(&grid, N, N, values, &gram);
    ist_dense_copy(&gram, &other, &error);
    ist_dense_within(&gram, label);
    CHECK_ALL(comm, holds(&gram, within, 0));
    ist_dense_release(&gram);
    ist_gram_labels(&grid, N, label, &gram, &error);
    ist_dense_times(&other, &gram);
    CHECK_ALL(comm, holds(&other, within, 0));
    ist_dense_release(&gram);
    ist_dense_release(&other);
    ist_grid_release(&grid);
    ist_free(values);
    ist_free(within);
}

/* ---- columns ----------------------------------------------------------------------------------- */

static void check_columns(MPI_Comm comm, const ist_comm *mine, const ist_engine *engine, bool some)
{
    enum { N = 203, A = 7, B = 70, M = 4 };
    ist_grid grid;
    ist_grid_new(mine, 1, &grid);
    ist_error error = {0};
    layer a = layer_new(mine, engine, IST_METRIC_EUCLIDEAN, N, A, 0.2, false);
    layer b = layer_new(mine, engine, IST_METRIC_EUCLIDEAN, N, B, 0.6, true);
    double *table_values = values_of(N, M, 2.0);
    bool *taken = some ? ist_alloc(N, sizeof *taken) : NULL;
    int64_t count = 0, counted;
    double mean_a[A] = {0}, mean_b[B] = {0}, found_a[A], found_b[B];
    for (int64_t i = 0; i < N; i++)
        if (!some || i % 4 == 1) {
            count++;
            for (int64_t f = 0; f < A; f++)
                mean_a[f] += a.values[i * A + f];
            for (int64_t f = 0; f < B; f++)
                mean_b[f] += b.values[i * B + f];
        }
    for (int64_t f = 0; f < A; f++)
        mean_a[f] /= (double)count;
    for (int64_t f = 0; f < B; f++)
        mean_b[f] /= (double)count;
    for (int64_t i = 0; some && i < a.rows.home.count; i++)
        taken[i] = (a.rows.home.first + i) % 4 == 1;
    ist_columns x = {&a.rows, NULL, taken}, y = {&b.rows, NULL, taken};
    ist_column_means(mine, &x, found_a, &counted);
    CHECK_ALL(comm, counted == count && plain_near(A, found_a, mean_a, 1e-14));
    ist_column_means(mine, &y, found_b, &counted);
    CHECK_ALL(comm, plain_near(B, found_b, mean_b, 1e-14));
    x.mean = mean_a;
    y.mean = mean_b;
    double *expected = ist_alloc(B * B, sizeof *expected);
    double *self = ist_alloc(B * B, sizeof *self), *with_table = ist_alloc(A * M, sizeof *expected);
    double *squares = ist_alloc(N, sizeof *squares), *found = ist_alloc(N, sizeof *found);
    for (int64_t i = 0; i < N; i++)
        for (int64_t q = 0; q < B && (!some || i % 4 == 1); q++) {
            double right = b.values[i * B + q] - mean_b[q];
            squares[i] += right * right;
            for (int64_t p = 0; p < A; p++)
                expected[p * B + q] += (a.values[i * A + p] - mean_a[p]) * right;
            for (int64_t p = 0; p < B; p++)
                self[p * B + q] += (b.values[i * B + p] - mean_b[p]) * right;
            for (int64_t p = 0; p < A && q < M; p++)
                with_table[p * M + q] +=
                    (a.values[i * A + p] - mean_a[p]) * table_values[i * M + q];
        }
    ist_dense product;
    ist_column_product(&grid, &x, &y, &product, &error);
    CHECK_ALL(comm, holds(&product, expected, NEAR));
    ist_dense_release(&product);
    ist_column_product(&grid, &y, &y, &product, &error);
    CHECK_ALL(comm, holds(&product, self, NEAR));
    ist_dense_release(&product);
    ist_column_product_table(&grid, &x, M, table_values, &product, &error);
    CHECK_ALL(comm, holds(&product, with_table, NEAR) && error.code == IST_OK);
    ist_dense_release(&product);
    ist_row_products(mine, &y, found, NULL);
    CHECK_ALL(comm, plain_near(N, found, squares, NEAR));
    layer_release(&a);
    layer_release(&b);
    ist_grid_release(&grid);
    double *const all[] = {table_values, expected, self, with_table, squares, found};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        ist_free(all[i]);
    ist_free(taken);
}

RANK_CHECK(dense_layers)
{
    ist_comm mine = ist_comm_new(comm);
    ist_engine engine = {.kernel = ist_kernel_choose(NULL), .chunk_bytes = 1 << 20};
    for (int form = 0; form < 4; form++) {
        engine.skipping = form == 2 ? IST_SKIP_ALWAYS : IST_SKIP_NEVER;
        engine.kernel = ist_kernel_choose(form == 1 ? "reference" : NULL);
        check_gram(comm, &mine, &engine, form);
    }
    check_known_spectra(comm, &mine);
    for (int form = 0; form < 2; form++) {
        engine.skipping = form ? IST_SKIP_ALWAYS : IST_SKIP_NEVER;
        check_columns(comm, &mine, &engine, form);
    }
    ist_comm_release(&mine);
}

/* ---- from a file ------------------------------------------------------------------------------- */

/* Collective. A .npy file of float64, or float32, rows x columns, in a folder of its own. */
static void write_table(MPI_Comm comm, int64_t rows, int64_t columns, const double *values,
                        bool wide, char path[], size_t room)
{
    int rank;
    MPI_Comm_rank(comm, &rank);
    if (rank == 0) {
        snprintf(path, room, "%s", scratch_path("kernel.npy"));
        char header[128];
        memset(header, ' ', sizeof header);
        memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
        int length = snprintf(header + 10, sizeof header - 10,
                              "{'descr': '<f%d', 'fortran_order': False, 'shape': (%d, %d), }",
                              wide ? 8 : 4, (int)rows, (int)columns);
        header[10 + length] = ' ';
        header[sizeof header - 1] = '\n';
        FILE *file = fopen(path, "wb");
        fwrite(header, 1, sizeof header, file);
        for (int64_t e = 0; e < rows * columns; e++) {
            float narrow = (float)values[e];
            if (wide)
                fwrite(&values[e], sizeof *values, 1, file);
            else
                fwrite(&narrow, sizeof narrow, 1, file);
        }
        fclose(file);
    }
    MPI_Bcast(path, (int)room, MPI_CHAR, 0, comm);
}

RANK_CHECK(dense_from_files)
{
    enum { ROWS = 131, COLUMNS = 90 };
    ist_comm mine = ist_comm_new(comm);
    ist_grid grid;
    ist_grid_new(&mine, 1, &grid);
    double *values = values_of(ROWS, COLUMNS, 0.7);
    for (int form = 0; form < 3; form++) {
        char path[512];
        if (form == 2)
            values[100 * COLUMNS + 3] = NAN;
        write_table(comm, ROWS, COLUMNS, values, form % 2, path, sizeof path);
        ist_location at = {.file = path};
        ist_shape shape;
        ist_error error = {0};
        ist_census census;
        ist_dense matrix;
        ist_probe_layer(&at, &shape, &error);
        ist_dense_read(&grid, &at, &shape, &matrix, &census, &error);
        CHECK_ALL_TELL(comm,
                       error.code == IST_OK && matrix.rows == ROWS && matrix.columns == COLUMNS,
                       "%.250s", error.text);
        CHECK_ALL(comm, census.nan == (form == 2) && census.inf == 0 &&
                            census.first_row == (form == 2 ? 100 : -1));
        CHECK_ALL_TELL(comm, form == 2 || holds(&matrix, values, 0), "form %d", form);
        ist_dense_release(&matrix);
        /* Another shape than was promised: no matrix, one reason everywhere. */
        shape.rows++;
        ist_dense_read(&grid, &at, &shape, &matrix, &census, &error);
        CHECK_ALL(comm, error.code == IST_FAILED && !matrix.values);
    }
    ist_grid_release(&grid);
    ist_comm_release(&mine);
    ist_free(values);
}

/* ---- traces without a matrix ------------------------------------------------------------------- */

static double power_of(double eigenvalue, const void *data)
{
    return pow(eigenvalue, *(const double *)data);
}

/* z' A^2 z and z' A^3 z of each probe: polynomials that a quadrature of a few nodes has exactly. */
static bool powers_right(const ist_quadrature *q, const double *a, uint64_t seed)
{
    const int64_t n = q->n;
    double *z = ist_alloc((size_t)n, sizeof *z), *x = ist_alloc((size_t)n, sizeof *x),
           *y = ist_alloc((size_t)n, sizeof *y);
    bool right = true;
    for (int p = 0; p < q->probes; p++) {
        double squares = 0, cubes = 0, found[2] = {0};
        for (int64_t i = 0; i < n; i++) {
            uint64_t word =
                ist_random_word(seed, IST_RANDOM_PROBES, (uint64_t)i + ((uint64_t)(p / 64) << 40));
            z[i] = word >> p % 64 & 1 ? 1 : -1;
        }
        plain_multiply(n, n, 1, a, z, x);
        plain_multiply(n, n, 1, a, x, y);
        for (int64_t i = 0; i < n; i++) {
            squares += x[i] * x[i];
            cubes += x[i] * y[i];
        }
        for (int m = 0; m < q->steps; m++) {
            const double node = q->node[p * q->steps + m];
            found[0] += (double)n * q->weight[p * q->steps + m] * node * node;
            found[1] += (double)n * q->weight[p * q->steps + m] * node * node * node;
        }
        right = right && fabs(found[0] - squares) < 1e-12 * squares &&
                fabs(found[1] - cubes) < 1e-12 * cubes;
    }
    ist_free(z);
    ist_free(x);
    ist_free(y);
    return right;
}

RANK_CHECK(dense_traces)
{
    enum { N = 110, A = 3, B = 4, PROBES = 66, STEPS = 8 };
    ist_comm mine = ist_comm_new(comm);
    int64_t label[N];
    double *expected = NULL, *values = ist_alloc(N, sizeof *values), error;
    for (int form = 0; form < 3; form++) {
        ist_engine engine = {.kernel = ist_kernel_choose(form ? NULL : "reference"),
                             .chunk_bytes = 1 << 20,
                             .skipping = form ? IST_SKIP_ALWAYS : IST_SKIP_NEVER};
        layer a = layer_new(&mine, &engine, IST_METRIC_EUCLIDEAN, N, A, 0.2, false);
        layer b = layer_new(&mine, &engine, IST_METRIC_EUCLIDEAN, N, B, 0.7, true);
        const ist_rows *both[] = {&a.rows, &b.rows};
        const double s[] = {0.8, 1.1};
        ist_kernel_product kernel = {form, both, s, form == 1 ? NULL : label, N};
        for (int64_t i = 0; i < N; i++)
            label[i] = form == 0 ? i / 40 : i % 4;
        expected = kernel_of(N, A, a.values, s[0], 0);
        double *other = kernel_of(N, B, b.values, s[1], 0);
        for (int64_t e = 0; e < N * N; e++) {
            const double same = label[e / N] == label[e % N];
            expected[e] = form == 0   ? same
                          : form == 1 ? expected[e]
                                      : same * expected[e] * other[e];
            expected[e] /= N;
        }
        ist_quadrature q;
        CHECK_ALL(comm, ist_quadrature_new(&mine, &engine, &kernel, 5, PROBES, STEPS, &q));
        CHECK_ALL_TELL(comm, powers_right(&q, expected, 5), "form %d", form);
        plain_eigenvalues(N, expected, values);
        const double alpha = 1.5;
        double truth = 0, found = ist_quadrature_trace(&q, power_of, &alpha, &error);
        for (int64_t i = 0; i < N; i++)
            truth += pow(fmax(values[i], 0), alpha);
        CHECK_ALL_TELL(comm, fabs(found - truth) < 4 * error && error < 0.15 * truth,
                       "form %d: %g, %g (%g)", form, found, truth, error);
        ist_quadrature_release(&q);
        /* Fewer rows than steps; of distinct labels one step says all. */
        for (int64_t i = 0; i < N; i++)
            label[i] = i;
        CHECK_ALL(comm,
                  ist_quadrature_new(&mine, &engine, &(ist_kernel_product){0, NULL, NULL, label, 7},
                                     1, 3, STEPS, &q));
        found = ist_quadrature_trace(&q, power_of, &alpha, &error);
        CHECK_ALL(comm,
                  q.steps == 7 && fabs(found - 7 * pow(1 / 7.0, alpha)) < 1e-14 && error < 1e-14);
        ist_quadrature_release(&q);
        layer_release(&a);
        layer_release(&b);
        ist_free(expected);
        ist_free(other);
    }
    ist_free(values);
    ist_comm_release(&mine);
}

/* A smooth kernel, whose eigenvalues fall below rounding within a few steps: one rank finds the same. */
RANK_CHECK(dense_traces_on_any_ranks)
{
    enum { N = 200, D = 2, PROBES = 3 };
    ist_comm mine = ist_comm_new(comm), alone = ist_comm_new(MPI_COMM_SELF);
    ist_engine engine = {.kernel = ist_kernel_choose(NULL), .chunk_bytes = 1 << 20};
    const ist_comm *both[] = {&mine, &alone};
    const double s = 0.9, alpha = 1.01;
    double found[2], error[2];
    for (int c = 0; c < 2; c++) {
        layer a = layer_new(both[c], &engine, IST_METRIC_EUCLIDEAN, N, D, 0.4, false);
        const ist_rows *rows[] = {&a.rows};
        ist_quadrature q;
        ist_quadrature_new(both[c], &engine, &(ist_kernel_product){1, rows, &s, NULL, N}, 1, PROBES,
                           IST_QUADRATURE_STEPS, &q);
        found[c] = ist_quadrature_trace(&q, power_of, &alpha, &error[c]);
        ist_quadrature_release(&q);
        layer_release(&a);
    }
    CHECK_ALL_TELL(comm, fabs(found[0] - found[1]) < NEAR * found[1], "%.17g, alone %.17g",
                   found[0], found[1]);
    ist_comm_release(&alone);
    ist_comm_release(&mine);
}
