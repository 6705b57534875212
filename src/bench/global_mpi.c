#include "global.h"

#include "infostrata/measures.h"

static double square_distance(const double *values, int64_t d, int64_t i, int64_t j)
{
    double sum = 0;
    for (int64_t f = 0; f < d; f++) {
        double t = values[i * d + f] - values[j * d + f];
        sum += t * t;
    }
    return sum;
}

/* How many of the ascending numbers are below x. */
static int64_t place_of(const double *number, int64_t count, double x)
{
    int64_t low = 0;
    for (int64_t rest = count; rest > 0;) {
        int64_t half = rest / 2;
        bool below = number[low + half] < x;
        low += below ? half + 1 : 0;
        rest = below ? rest - half - 1 : half;
    }
    return low;
}

/* The distances of all rows and their neighbours, ascending, on every rank. */
static double *neighbour_distances(const ist_comm *comm, const ist_rows *rows, const double *values,
                                   const int32_t *neighbour)
{
    double *mine = ist_alloc((size_t)rows->home.count, sizeof *mine);
    double *all = ist_alloc((size_t)rows->n, sizeof *all);
    for (int64_t i = 0; i < rows->home.count; i++)
        mine[i] = square_distance(values, rows->d, rows->home.first + i, neighbour[i]);
    ist_gather_rows(comm, rows, MPI_DOUBLE, mine, all, true);
    ist_sort_reals(all, rows->n);
    ist_free(mine);
    return all;
}

/* ends[e]: pairs that are farther apart than e of the neighbours, and no more. */
static int64_t *place_pairs(const ist_comm *comm, const ist_rows *rows, const double *values,
                            const double *distance)
{
    enum { PAIRS = 1000000, FEWEST = 16 };
    int64_t n = rows->n, *ends = ist_alloc((size_t)n + 1, sizeof *ends);
    int64_t steps = ist_min(n / 2, ist_max(FEWEST, ist_ceil_div(PAIRS, n)));
    for (int64_t i = rows->home.first; i < rows->home.first + rows->home.count; i++)
        for (int64_t step = 1; step <= steps; step++) {
            if (2 * step == n && i >= step)
                break; /* halfway round: the pair is met from its other side */
            ends[place_of(distance, n, square_distance(values, rows->d, i, (i + step) % n))]++;
        }
    ist_sum(comm, ends, (size_t)n + 1);
    return ends;
}

ist_global ist_global_find(const ist_comm *comm, const ist_rows *rows, const double *values,
                           const int32_t *neighbour, int64_t bins)
{
    double *distance = neighbour_distances(comm, rows, values, neighbour);
    int64_t *ends = place_pairs(comm, rows, values, distance), n = rows->n;
    int64_t pairs = 0, near = 0, sum = 0;
    int64_t *bin = ist_alloc((size_t)bins, sizeof *bin);
    for (int64_t e = 0; e <= n; e++)
        pairs += ends[e];
    for (int64_t e = 0; e < n; e++) {
        near += ends[e];
        sum += near;
        bin[ist_min(near * bins / pairs, bins - 1)]++;
    }
    ist_global found = {2 * (double)sum / ((double)pairs * (double)n), ist_rmi(bin, bins, n)};
    ist_free(distance);
    ist_free(ends);
    ist_free(bin);
    return found;
}
