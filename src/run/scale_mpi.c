/* Columns of a layer: their means and squares, the same bits for any number of ranks, and what is made of them. */
#include <math.h>
#include <string.h>

#include "session.h"

/* A compensated sum of each column, which goes from rank to rank with the rows (Neumaier). */
typedef struct {
    int64_t d;
    double *sum, *lost; /* one allocation: 2 d */
} column_sums;

static void add(column_sums *c, int64_t f, double value)
{
    double next = c->sum[f] + value;
    c->lost[f] +=
        fabs(c->sum[f]) >= fabs(value) ? (c->sum[f] - next) + value : (value - next) + c->sum[f];
    c->sum[f] = next;
}

static double value_at(const ist_matrix *m, int64_t e)
{
    return m->wide ? m->wide[e] : (double)m->narrow[e];
}

/* out[d]: sums of the columns, or of the squares of what is left after `mean` is taken off. */
static void sum_columns(const ist_comm *comm, const ist_matrix *m, int64_t rows, int64_t d,
                        const double *mean, double *out)
{
    column_sums c = {.d = d, .sum = ist_alloc((size_t)(2 * d), sizeof *c.sum)};
    c.lost = c.sum + d;
    int count = ist_narrow(2 * d);
    if (comm->rank > 0)
        MPI_Recv(c.sum, count, MPI_DOUBLE, comm->rank - 1, IST_TAG_STATE, comm->handle,
                 MPI_STATUS_IGNORE);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t f = 0; f < d; f++) {
            double value = value_at(m, i * d + f);
            double rest = mean ? value - mean[f] : value;
            add(&c, f, mean ? rest * rest : rest);
        }
    if (comm->rank + 1 < comm->size)
        MPI_Send(c.sum, count, MPI_DOUBLE, comm->rank + 1, IST_TAG_STATE, comm->handle);
    for (int64_t f = 0; f < d; f++)
        out[f] = c.sum[f] + c.lost[f];
    MPI_Bcast(out, ist_narrow(d), MPI_DOUBLE, comm->size - 1, comm->handle);
    ist_free(c.sum);
}

void ist_column_moments(const ist_comm *comm, const ist_matrix *m, int64_t rows, int64_t n,
                        int64_t d, double *mean, double *square)
{
    sum_columns(comm, m, rows, d, NULL, mean);
    for (int64_t f = 0; f < d; f++)
        mean[f] /= (double)n;
    sum_columns(comm, m, rows, d, mean, square);
}

double ist_mean_square(const ist_comm *comm, const ist_matrix *m, int64_t rows, int64_t n,
                       int64_t d)
{
    double *mean = ist_alloc((size_t)d, sizeof *mean);
    double *square = ist_alloc((size_t)d, sizeof *square);
    ist_column_moments(comm, m, rows, n, d, mean, square);
    double result = 2 * ist_sum_in_order(square, d) / (double)(n - 1);
    ist_free(mean);
    ist_free(square);
    return result;
}

static void replace(ist_matrix *m, double *wide)
{
    ist_free(m->narrow);
    ist_free(m->wide);
    *m = (ist_matrix){.wide = wide};
}

int64_t ist_standardise(const ist_comm *comm, int64_t rows, int64_t n, int64_t d, ist_matrix *m)
{
    double *mean = ist_alloc((size_t)d, sizeof *mean),
           *square = ist_alloc((size_t)d, sizeof *square);
    ist_column_moments(comm, m, rows, n, d, mean, square);
    double *wide = ist_alloc((size_t)(rows * d), sizeof *wide);
    int64_t constant = 0;
    for (int64_t f = 0; f < d; f++) {
        square[f] = sqrt(square[f] / (double)(n - 1));
        constant += square[f] == 0;
    }
    for (int64_t e = 0; e < rows * d; e++) {
        int64_t f = e % d;
        wide[e] = square[f] > 0 ? (value_at(m, e) - mean[f]) / square[f] : 0;
    }
    replace(m, wide);
    ist_free(mean);
    ist_free(square);
    return constant;
}

int64_t ist_make_directions(const ist_comm *comm, int64_t rows, int64_t *d, ist_matrix *m)
{
    double *unit = ist_alloc((size_t)(rows * *d), sizeof *unit);
    int64_t zeros = ist_sum_one(comm, ist_normalise(rows, *d, m->narrow, m->wide, unit));
    replace(m, unit);
    if (zeros > 0) {
        double *marked = ist_alloc((size_t)(rows * (*d + 1)), sizeof *marked);
        ist_mark_zero_rows(rows, *d, unit, marked);
        replace(m, marked);
        ++*d;
    }
    return zeros;
}
