/* Dense linear algebra by the definition, on one rank: what src/dense must find. Matrices are row-major. */
#ifndef TESTS_RANKS_PLAIN_H
#define TESTS_RANKS_PLAIN_H

#include <stdbool.h>
#include <stdint.h>

/* Of a symmetric n x n matrix, ascending (Jacobi's rotations); the matrix is destroyed. */
void plain_eigenvalues(int64_t n, double *matrix, double *values);
/* matrix = L L': the lower triangle becomes L, the upper one 0. Returns 0, or the order of the leading minor that is not positive. */
int64_t plain_cholesky(int64_t n, double *matrix);
/* The inverse of a positive definite matrix. */
void plain_inverse(int64_t n, const double *matrix, double *inverse);
/* c (m x n) = a (m x k) b (k x n). */
void plain_multiply(int64_t m, int64_t k, int64_t n, const double *a, const double *b, double *c);
/* b (n x m) = a' (a is m x n). */
void plain_transpose(int64_t m, int64_t n, const double *a, double *b);
/* |a - b| <= tolerance (largest |b|), all entries. */
bool plain_near(int64_t count, const double *a, const double *b, double tolerance);

#endif
