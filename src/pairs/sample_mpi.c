/* A sample of a set's rows, the same for any number of ranks, and its values on all of them. */
#include "sample.h"

#include <stdlib.h>
#include <string.h>

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

int64_t *ist_sample_rows(const ist_rows *rows, uint64_t seed, int64_t most, int64_t *sampled)
{
    drawn *all = ist_alloc((size_t)rows->n, sizeof *all);
    for (int64_t p = 0; p < rows->n; p++)
        all[p] = (drawn){
            ist_random_word(seed, IST_RANDOM_BANDWIDTH, (uint64_t)ist_row_number(rows, p)), p};
    if (rows->n > most)
        qsort(all, (size_t)rows->n, sizeof *all, by_word);
    *sampled = ist_min(rows->n, most);
    int64_t *position = ist_alloc((size_t)*sampled, sizeof *position);
    for (int64_t s = 0; s < *sampled; s++)
        position[s] = all[s].position;
    ist_free(all);
    qsort(position, (size_t)*sampled, sizeof *position, by_position);
    return position;
}

int64_t *ist_sample_places(const ist_rows *rows, const int64_t *position, int64_t sampled)
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

void ist_sample_features(const ist_comm *comm, const ist_rows *rows, const int64_t *row,
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

double *ist_sample_mean(const ist_comm *comm, const ist_rows *rows)
{
    enum { MOST = 64, FEATURES = 1024 };
    int64_t sampled, *position = ist_sample_rows(rows, 0, MOST, &sampled);
    int64_t *row = ist_sample_places(rows, position, sampled);
    double *mean = ist_alloc((size_t)rows->d, sizeof *mean);
    double *values = ist_alloc((size_t)(MOST * FEATURES), sizeof *values);
    for (int64_t first = 0; first < rows->d; first += FEATURES) {
        int64_t count = ist_min(FEATURES, rows->d - first);
        ist_sample_features(comm, rows, row, sampled, first, count, values);
        for (int64_t f = 0; f < count; f++)
            mean[first + f] = ist_mean_in_order(values + f * sampled, sampled);
    }
    ist_free(values);
    ist_free(row);
    ist_free(position);
    return mean;
}
