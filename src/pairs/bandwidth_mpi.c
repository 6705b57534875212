/* What the widths of kernels are chosen by: distances of a sample of rows, and those of the nearest neighbours. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infostrata/moments.h"

/* ---- which rows -------------------------------------------------------------------------------- */

typedef struct {
    uint64_t word;
    int64_t position;
} drawn;

static int by_word(const void *a, const void *b)
{
    const drawn *x = a, *y = b;
    if (x->word != y->word)
        return x->word < y->word ? -1 : 1;
    return (x->position > y->position) - (x->position < y->position);
}

static int by_position(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Positions in the set, ascending; the same on every rank. */
static int64_t *draw_rows(const ist_rows *rows, uint64_t seed, int64_t *sampled)
{
    drawn *all = ist_alloc((size_t)rows->n, sizeof *all);
    for (int64_t p = 0; p < rows->n; p++)
        all[p] = (drawn){
            ist_random_word(seed, IST_RANDOM_BANDWIDTH, (uint64_t)ist_row_number(rows, p)), p};
    if (rows->n > IST_SAMPLED_ROWS)
        qsort(all, (size_t)rows->n, sizeof *all, by_word);
    *sampled = ist_min(rows->n, IST_SAMPLED_ROWS);
    int64_t *position = ist_alloc((size_t)*sampled, sizeof *position);
    for (int64_t s = 0; s < *sampled; s++)
        position[s] = all[s].position;
    ist_free(all);
    qsort(position, (size_t)*sampled, sizeof *position, by_position);
    return position;
}

/* ---- their distances --------------------------------------------------------------------------- */

enum { FEATURES_AT_ONCE = 64 };

/* Where the sampled rows lie among this rank's values: row[s], or -1. */
static int64_t *places_at_home(const ist_rows *rows, const int64_t *position, int64_t sampled)
{
    const ist_rows *holder = rows->twin ? rows->twin : rows;
    int64_t *row = ist_alloc((size_t)sampled, sizeof *row);
    for (int64_t s = 0; s < sampled; s++)
        row[s] = -1;
    for (int64_t i = 0; i < holder->home.count; i++) {
        int64_t p = holder->home.first + i;
        p = rows->twin ? rows->twin->place[p] : p;
        const int64_t *found =
            bsearch(&p, position, (size_t)sampled, sizeof *position, by_position);
        if (found)
            row[found - position] = i;
    }
    return row;
}

/* Of features [first, first + count) the sampled rows' values, feature by feature, on every rank. */
static void share_features(const ist_comm *comm, const ist_rows *rows, const int64_t *row,
                           int64_t sampled, int64_t first, int64_t count, double *values)
{
    const ist_slab *home = rows->twin ? &rows->twin->home : &rows->home;
    memset(values, 0, (size_t)(sampled * count) * sizeof *values);
    for (int64_t s = 0; s < sampled; s++)
        for (int64_t f = 0; f < count && row[s] >= 0; f++) {
            int64_t at = row[s] * rows->d + first + f;
            values[f * sampled + s] = home->wide ? home->wide[at] : (double)home->narrow[at];
        }
    /* One rank alone has a term that is not 0: exact. */
    MPI_Allreduce(MPI_IN_PLACE, values, ist_narrow(sampled * count), MPI_DOUBLE, MPI_SUM,
                  comm->handle);
}

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
        share_features(comm, rows, row, sampled, first, count, values);
        for (int64_t i = comm->rank; i < sampled; i += comm->size)
            for (int64_t f = 0; f < count; f++)
                add_feature(rows->metric, values + f * sampled, i, distance + i * (i - 1) / 2);
    }
    ist_free(values);
    MPI_Allreduce(MPI_IN_PLACE, distance, ist_narrow(pairs), MPI_DOUBLE, MPI_SUM, comm->handle);
    return distance;
}

double *ist_sampled_distances(const ist_comm *comm, const ist_rows *rows, uint64_t seed,
                              int64_t *count, int64_t *sampled)
{
    int64_t *position = draw_rows(rows, seed, sampled);
    int64_t *row = places_at_home(rows, position, *sampled);
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
