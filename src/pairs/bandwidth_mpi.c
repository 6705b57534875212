/* What the widths of kernels are chosen by: distances of a sample of rows, and those of the nearest neighbours. */
#include <math.h>

#include "infostrata/moments.h"
#include "sample.h"

enum { FEATURES_AT_ONCE = 64 };

/* One more feature, of row i against the rows before it. */
static void add_feature(ist_metric metric, const double *values, int64_t i, double *distance)
{
    double own = values[i];
    switch (metric) {
    case IST_METRIC_COSINE: /* of rows over their lengths */
    case IST_METRIC_EUCLIDEAN:
        for (int64_t j = 0; j < i; j++) {
            double t = own - values[j];
            distance[j] = distance[j] + t * t;
        }
        break;
    case IST_METRIC_MANHATTAN:
        for (int64_t j = 0; j < i; j++)
            distance[j] = distance[j] + fabs(own - values[j]);
        break;
    case IST_METRIC_CHEBYSHEV:
        for (int64_t j = 0; j < i; j++)
            distance[j] = fmax(distance[j], fabs(own - values[j]));
        break;
    }
}

/* Of row i the i distances to the rows before it stand from i (i - 1) / 2 on. */
static double *distances_of(const ist_comm *comm, const ist_rows *rows, const int64_t *row,
                            int64_t sampled)
{
    int64_t pairs = sampled * (sampled - 1) / 2;
    double *distance = ist_alloc((size_t)pairs, sizeof *distance);
    double *values = ist_alloc((size_t)(sampled * FEATURES_AT_ONCE), sizeof *values);
    for (int64_t first = 0; first < rows->d; first += FEATURES_AT_ONCE) {
        int64_t count = ist_min(FEATURES_AT_ONCE, rows->d - first);
        ist_sample_features(comm, rows, row, sampled, first, count, values);
        for (int64_t i = comm->rank; i < sampled; i += comm->size)
            for (int64_t f = 0; f < count; f++)
                add_feature(rows->metric, values + f * sampled, i, distance + i * (i - 1) / 2);
    }
    ist_free(values);
    MPI_Allreduce(MPI_IN_PLACE, distance, ist_narrow(pairs), MPI_DOUBLE, MPI_SUM, comm->handle);
    return distance;
}

double *ist_sampled_distances(const ist_comm *comm, const ist_rows *rows, uint64_t seed,
                              int64_t most, int64_t *count, int64_t *sampled)
{
    int64_t *position = ist_sample_rows(rows, seed, most, sampled);
    int64_t *row = ist_sample_places(rows, position, *sampled);
    double *distance = distances_of(comm, rows, row, *sampled);
    *count = *sampled * (*sampled - 1) / 2;
    for (int64_t p = 0; p < *count && rows->metric == IST_METRIC_EUCLIDEAN; p++)
        distance[p] = sqrt(distance[p]);
    ist_sort_reals(distance, *count);
    ist_free(position);
    ist_free(row);
    return distance;
}

/* ---- the nearest ------------------------------------------------------------------------------- */

double ist_mean_square_nearest(const ist_comm *comm, const ist_rows *rows,
                               const ist_nearest *nearest, int64_t k)
{
    double *mine = ist_alloc((size_t)nearest->count, sizeof *mine);
    double *all = ist_alloc((size_t)rows->n, sizeof *all);
    for (int64_t i = 0; i < nearest->count; i++) {
        int64_t held = ist_min(k, nearest->held[i]);
        mine[i] = ist_mean_in_order(nearest->distance + i * nearest->k, held);
    }
    ist_gather_rows(comm, rows, MPI_DOUBLE, mine, all, true);
    double mean = ist_mean_in_order(all, rows->n);
    ist_free(mine);
    ist_free(all);
    return mean;
}
