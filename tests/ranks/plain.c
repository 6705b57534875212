#include "plain.h"

#include <math.h>
#include <string.h>

#include "infostrata/base.h"

/* One rotation in the plane (p, q) that makes matrix(p, q) 0. */
static void rotate(int64_t n, double *m, int64_t p, int64_t q)
{
    double off = m[p * n + q];
    if (off == 0)
        return;
    double theta = (m[q * n + q] - m[p * n + p]) / (2 * off);
    double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    for (int64_t k = 0; k < n; k++) {
        double x = m[k * n + p], y = m[k * n + q];
        m[k * n + p] = c * x - s * y;
        m[k * n + q] = s * x + c * y;
    }
    for (int64_t k = 0; k < n; k++) {
        double x = m[p * n + k], y = m[q * n + k];
        m[p * n + k] = c * x - s * y;
        m[q * n + k] = s * x + c * y;
    }
}

void plain_eigenvalues(int64_t n, double *matrix, double *values)
{
    enum { SWEEPS = 12 };
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++)
                rotate(n, matrix, p, q);
    for (int64_t i = 0; i < n; i++)
        values[i] = matrix[i * n + i];
    ist_sort_reals(values, n);
}

int64_t plain_cholesky(int64_t n, double *matrix)
{
    for (int64_t j = 0; j < n; j++) {
        double *row = matrix + j * n;
        double square = row[j];
        for (int64_t k = 0; k < j; k++)
            square -= row[k] * row[k];
        if (!(square > 0))
            return j + 1;
        row[j] = sqrt(square);
        for (int64_t i = j + 1; i < n; i++) {
            double sum = matrix[i * n + j];
            for (int64_t k = 0; k < j; k++)
                sum -= matrix[i * n + k] * row[k];
            matrix[i * n + j] = sum / row[j];
            row[i] = 0;
        }
    }
    return 0;
}

void plain_inverse(int64_t n, const double *matrix, double *inverse)
{
    double *factor = ist_alloc((size_t)(n * n), sizeof *factor);
    memcpy(factor, matrix, (size_t)(n * n) * sizeof *factor);
    plain_cholesky(n, factor);
    for (int64_t c = 0; c < n; c++) {
        for (int64_t i = 0; i < n; i++) {
            double sum = i == c;
            for (int64_t k = 0; k < i; k++)
                sum -= factor[i * n + k] * inverse[k * n + c];
            inverse[i * n + c] = sum / factor[i * n + i];
        }
        for (int64_t i = n - 1; i >= 0; i--) {
            double sum = inverse[i * n + c];
            for (int64_t k = i + 1; k < n; k++)
                sum -= factor[k * n + i] * inverse[k * n + c];
            inverse[i * n + c] = sum / factor[i * n + i];
        }
    }
    ist_free(factor);
}

void plain_multiply(int64_t m, int64_t k, int64_t n, const double *a, const double *b, double *c)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t l = 0; l < k; l++)
                sum += a[i * k + l] * b[l * n + j];
            c[i * n + j] = sum;
        }
}

void plain_transpose(int64_t m, int64_t n, const double *a, double *b)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            b[j * m + i] = a[i * n + j];
}

bool plain_near(int64_t count, const double *a, const double *b, double tolerance)
{
    double largest = 0;
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(b[i]));
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(a[i] - b[i]) <= tolerance * largest))
            return false;
    return true;
}
