/* Traces of functions of a kernel by stochastic Lanczos quadrature. Each vector is made orthogonal to all before it, twice: without that
 * copies of eigenvalues come among the nodes, when rounding errors say so, and sums agree between numbers of ranks to 1e-8 only. */
#include <cblas.h>
#include <math.h>
#include <string.h>

#include "kernel_product.h"
#include "scalapack.h"

/* All probes at once; vectors are this rank's rows, row-major. */
typedef struct {
    const ist_comm *comm;
    int64_t rows;
    int probes, steps;
    double *basis;        /* steps + 1 vectors of each probe, one after the other */
    double *alpha, *beta; /* of each probe `steps`; beta 0: the probe has seen all it can */
} recurrence;

static recurrence recurrence_new(const kernel_operator *op, int probes, int steps)
{
    recurrence r = {.comm = op->comm, .rows = op->count, .probes = probes, .steps = steps};
    const size_t terms = (size_t)probes * (size_t)steps;
    r.basis = ist_alloc((size_t)(op->count * probes) * (size_t)(steps + 1), sizeof *r.basis);
    r.alpha = ist_alloc(terms, sizeof *r.alpha);
    r.beta = ist_alloc(terms, sizeof *r.beta);
    return r;
}

static double *vector_of(const recurrence *r, int step)
{
    return r->basis + step * r->rows * r->probes;
}

static void recurrence_release(recurrence *r)
{
    ist_free(r->basis);
    ist_free(r->alpha);
    ist_free(r->beta);
}

/* Signs of probe p for row i: bit p mod 64 of the word of (p / 64, row). */
static void draw_signs(const kernel_operator *op, uint64_t seed, recurrence *r)
{
    enum { BITS = 64, PROBE_AT = 40 };
    const ist_kernel_product *k = op->kernel;
    const double size = 1 / sqrt((double)k->n);
    for (int64_t i = 0; i < r->rows; i++) {
        const int64_t position = op->first + i;
        const int64_t number = k->factors > 0 ? ist_row_number(k->rows[0], position) : position;
        uint64_t word = 0;
        for (int p = 0; p < r->probes; p++) {
            if (p % BITS == 0)
                word = ist_random_word(seed, IST_RANDOM_PROBES,
                                       (uint64_t)number + ((uint64_t)(p / BITS) << PROBE_AT));
            r->basis[i * r->probes + p] = word >> p % BITS & 1 ? size : -size;
        }
    }
}

/* sum[k probes + p] = the products of probe p's vectors first + k, k < count, with `vector`, over all rows. */
static void dots(const recurrence *r, int first, int count, const double *vector, double *sum)
{
    memset(sum, 0, (size_t)(count * r->probes) * sizeof *sum);
    for (int k = 0; k < count; k++) {
        const double *other = vector_of(r, first + k);
        for (int64_t i = 0; i < r->rows; i++)
            for (int p = 0; p < r->probes; p++)
                sum[k * r->probes + p] += other[i * r->probes + p] * vector[i * r->probes + p];
    }
    dense_sum(r->comm, sum, (int64_t)count * r->probes);
}

/* Takes off the vector after `step` what it has of those up to it. */
static void make_orthogonal(const recurrence *r, int step, double *sum)
{
    double *next = vector_of(r, step + 1);
    dots(r, 0, step + 1, next, sum);
    for (int k = 0; k <= step; k++) {
        const double *other = vector_of(r, k);
        for (int64_t i = 0; i < r->rows; i++)
            for (int p = 0; p < r->probes; p++)
                next[i * r->probes + p] -= sum[k * r->probes + p] * other[i * r->probes + p];
    }
}

static double largest_alpha(const recurrence *r, int p, int step)
{
    double largest = 0;
    for (int k = 0; k <= step; k++)
        largest = fmax(largest, r->alpha[p * r->steps + k]);
    return largest;
}

/* The vector after `step` is A times that of `step`: it becomes the next of the basis, or 0 where nothing is left of it but rounding. */
static void move_on(recurrence *r, int step, double *sum)
{
    const double SMALL = 1e-8;
    double *next = vector_of(r, step + 1);
    dots(r, step, 1, next, sum);
    for (int p = 0; p < r->probes; p++)
        r->alpha[p * r->steps + step] = sum[p];
    make_orthogonal(r, step, sum);
    make_orthogonal(r, step, sum);
    dots(r, step + 1, 1, next, sum);
    for (int p = 0; p < r->probes; p++) {
        const double beta = sqrt(sum[p]);
        const bool goes_on = beta > SMALL * largest_alpha(r, p, step);
        r->beta[p * r->steps + step] = goes_on ? beta : 0;
        sum[p] = goes_on ? 1 / beta : 0;
    }
    for (int64_t i = 0; i < r->rows; i++)
        for (int p = 0; p < r->probes; p++)
            next[i * r->probes + p] *= sum[p];
}

/* False: broken off. */
static bool run(const kernel_operator *op, recurrence *r)
{
    double *sum = ist_alloc((size_t)(r->probes * (r->steps + 1)), sizeof *sum);
    bool whole = true;
    for (int step = 0; step < r->steps && whole; step++) {
        double *next = vector_of(r, step + 1);
        whole = kernel_operator_apply(op, r->probes, vector_of(r, step), next);
        for (int64_t e = 0; e < r->rows * r->probes; e++)
            next[e] /= (double)op->kernel->n;
        if (whole)
            move_on(r, step, sum);
    }
    ist_free(sum);
    return whole;
}

/* Nodes and weights of one probe: eigenvalues of the tridiagonal matrix, squares of its eigenvectors' first entries. */
static void solve_probe(const recurrence *r, int p, double *node, double *weight)
{
    int order = 1, info = 0;
    const double *alpha = r->alpha + (int64_t)p * r->steps, *beta = r->beta + (int64_t)p * r->steps;
    while (order < r->steps && beta[order - 1] > 0)
        order++;
    double *vectors = ist_alloc((size_t)order * (size_t)order, sizeof *vectors);
    double *work = ist_alloc(2 * (size_t)order, sizeof *work);
    double *beside = ist_alloc((size_t)order, sizeof *beside);
    memcpy(node, alpha, (size_t)order * sizeof *node);
    memcpy(beside, beta, (size_t)order * sizeof *beside);
    dsteqr_("I", &order, node, beside, vectors, &order, work, &info, 1);
    for (int m = 0; m < order; m++)
        weight[m] = info == 0 ? vectors[m * order] * vectors[m * order] : NAN;
    ist_free(vectors);
    ist_free(work);
    ist_free(beside);
}

bool ist_quadrature_new(const ist_comm *comm, const ist_engine *engine,
                        const ist_kernel_product *kernel, uint64_t seed, int probes, int steps,
                        ist_quadrature *quadrature)
{
    steps = (int)ist_min(steps, kernel->n);
    *quadrature = (ist_quadrature){.n = kernel->n, .probes = probes, .steps = steps};
    openblas_set_num_threads(1);
    kernel_operator op = kernel_operator_new(comm, engine, kernel);
    recurrence r = recurrence_new(&op, probes, steps);
    draw_signs(&op, seed, &r);
    const bool whole = run(&op, &r);
    if (whole) {
        const size_t terms = (size_t)probes * (size_t)steps;
        quadrature->node = ist_alloc(terms, sizeof *quadrature->node);
        quadrature->weight = ist_alloc(terms, sizeof *quadrature->weight);
        for (int p = 0; p < probes && comm->rank == 0; p++)
            solve_probe(&r, p, quadrature->node + (int64_t)p * steps,
                        quadrature->weight + (int64_t)p * steps);
        dense_share(comm, quadrature->node, (int64_t)terms);
        dense_share(comm, quadrature->weight, (int64_t)terms);
    }
    recurrence_release(&r);
    kernel_operator_release(&op);
    return whole;
}

void ist_quadrature_release(ist_quadrature *quadrature)
{
    ist_free(quadrature->node);
    ist_free(quadrature->weight);
    *quadrature = (ist_quadrature){0};
}

double ist_quadrature_trace(const ist_quadrature *q, ist_spectral_function *f, const void *data,
                            double *std_error)
{
    double sum = 0, squares = 0;
    double *each = ist_alloc((size_t)q->probes, sizeof *each);
    for (int p = 0; p < q->probes; p++) {
        for (int m = 0; m < q->steps; m++) {
            const int64_t at = (int64_t)p * q->steps + m;
            if (q->weight[at] != 0)
                each[p] += (double)q->n * q->weight[at] * f(fmax(q->node[at], 0), data);
        }
        sum += each[p];
    }
    const double mean = sum / q->probes;
    for (int p = 0; p < q->probes; p++)
        squares += (each[p] - mean) * (each[p] - mean);
    *std_error = q->probes > 1 ? sqrt(squares / (q->probes - 1) / q->probes) : NAN;
    ist_free(each);
    return mean;
}
