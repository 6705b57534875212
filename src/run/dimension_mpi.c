#include <math.h>

#include "session.h"

/* ln of the ratio of the second distance to the first, of lists of k; NaN where a copy is the nearest, or where `held` says that
 * there is no second (NULL: all have one). */
static double *log_ratios(int64_t count, int64_t k, const double *distances, const int32_t *held,
                          bool squares)
{
    double *ratio = ist_alloc((size_t)count, sizeof *ratio);
    for (int64_t i = 0; i < count; i++) {
        const double *distance = distances + i * k;
        bool told = (!held || held[i] >= 2) && distance[0] > 0;
        ratio[i] =
            told ? (ist_ln(distance[1]) - ist_ln(distance[0])) / (squares ? 2 : 1) : (double)NAN;
    }
    return ratio;
}

/* (N - 1) / sum ln mu over the rows that have one (Facco et al. 2017), on rank 0. */
static double estimate(double *ratio, int64_t n)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(ratio[i]))
            ratio[count++] = ratio[i];
    return count > 1 ? (double)(count - 1) / ist_sum_in_order(ratio, count) : (double)NAN;
}

/* Of the ratios of all ranks' rows, in the order of the set. */
static double dimension_of(const ist_comm *comm, const ist_rows *rows, const double *mine)
{
    double *all = comm->rank == 0 ? ist_alloc((size_t)rows->n, sizeof *all) : NULL;
    ist_gather_rows(comm, rows, MPI_DOUBLE, mine, all, false);
    double dimension = comm->rank == 0 ? estimate(all, rows->n) : 0;
    MPI_Bcast(&dimension, 1, MPI_DOUBLE, 0, comm->handle);
    ist_free(all);
    return dimension;
}

double ist_two_nn_dimension(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows)
{
    ist_pass_stats stats = {0};
    ist_nearest *nearest = ist_pass_nearest(comm, engine, rows, 2, (ist_tie_rule){0}, &stats);
    if (!nearest)
        return (double)NAN;
    double *mine = log_ratios(nearest->count, nearest->k, nearest->distance, nearest->held,
                              rows->metric == IST_METRIC_EUCLIDEAN);
    double dimension = dimension_of(comm, rows, mine);
    ist_nearest_free(&nearest);
    ist_free(mine);
    return dimension;
}

double ist_two_nn_dimension_of_list(const ist_comm *comm, const ist_rows *rows,
                                    const ist_list *list)
{
    double *mine = log_ratios(rows->home.count, list->distance_k, list->distance, list->held,
                              rows->metric == IST_METRIC_EUCLIDEAN);
    double dimension = dimension_of(comm, rows, mine);
    ist_free(mine);
    return dimension;
}
