/* Answers again, by loops that share nothing with the engine but the definition. Every rank compares
 * the sampled rows with its own rows; the rank that holds a sampled row judges. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "draw.h"
#include "infostrata/rounds.h"

enum { LEAST_SAMPLE = 20 };

int64_t ist_bench_sample(const ist_comm *comm, int64_t n)
{
    return ist_min(n, ist_max(LEAST_SAMPLE, comm->size));
}

/* Values are where the set's twin has them, if there is one; positions are the set's. */
static const ist_rows *holder_of(const ist_rows *rows)
{
    return rows->twin ? rows->twin : rows;
}

/* Of row i of the holder's home. */
static int64_t position_of(const ist_rows *rows, int64_t i)
{
    const ist_rows *holder = holder_of(rows);
    int64_t at = holder->home.first + i;
    return rows->twin ? holder->place[at] : at;
}

/* The row of the holder's home at a position, or -1. */
static int64_t held_row(const ist_rows *rows, int64_t position)
{
    int64_t own = position - rows->home.first;
    if (!rows->twin)
        return own >= 0 && own < rows->home.count ? own : -1;
    for (int64_t i = 0; i < holder_of(rows)->home.count; i++)
        if (position_of(rows, i) == position)
            return i;
    return -1;
}

/* One sampled row, known to all ranks, and its distances to the rows whose values this rank has. */
typedef struct {
    int64_t position;
    int owner;        /* of the answer */
    double *values;   /* d */
    double *distance; /* to the holder's home rows */
} probe;

static probe probe_new(const ist_rows *rows)
{
    return (probe){.values = ist_alloc((size_t)rows->d, sizeof(double)),
                   .distance = ist_alloc((size_t)holder_of(rows)->home.count, sizeof(double))};
}

static void probe_release(probe *p)
{
    ist_free(p->values);
    ist_free(p->distance);
}

/* Stored values are float32 or float64; either way the float64 value is exact. */
static inline double value_of(const ist_slab *slab, int64_t entry)
{
    return slab->wide ? slab->wide[entry] : (double)slab->narrow[entry];
}

/* The definition (pairs.h): features in order, every operation rounded. */
static double distance_to(const double *x, const ist_slab *slab, int64_t row, int64_t d)
{
    double sum = 0;
    for (int64_t f = 0; f < d; f++) {
        double difference = x[f] - value_of(slab, row * d + f);
        sum = sum + difference * difference;
    }
    return sum;
}

static void probe_set(probe *p, const ist_comm *comm, const ist_rows *rows, int64_t position)
{
    const ist_slab *home = &holder_of(rows)->home;
    int64_t d = rows->d, own = held_row(rows, position);
    p->position = position;
    p->owner = ist_blocks_owner(&rows->blocks, comm->size, position);
    for (int64_t f = 0; own >= 0 && f < d; f++)
        p->values[f] = value_of(home, own * d + f);
    int from = ist_narrow(ist_largest(comm, own >= 0 ? comm->rank : 0));
    MPI_Bcast(p->values, ist_narrow(d), MPI_DOUBLE, from, comm->handle);
    for (int64_t i = 0; i < home->count; i++)
        p->distance[i] = distance_to(p->values, home, i, d);
}

/* ---- the k nearest ------------------------------------------------------------------------- */

typedef struct {
    double distance;
    uint64_t tie;
    int64_t position;
} candidate;

static int compare_candidates(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    if (x->tie != y->tie)
        return x->tie < y->tie ? -1 : 1;
    return (x->position > y->position) - (x->position < y->position);
}

/* This rank's best k of a probe; where it has fewer, places that come last. */
static candidate *own_candidates(const probe *p, const ist_rows *rows, int64_t k, ist_tie_rule ties)
{
    int64_t count = holder_of(rows)->home.count, found = 0;
    candidate *list = ist_alloc((size_t)(count + k), sizeof *list);
    uint64_t word = ist_random_word(ties.seed, IST_RANDOM_TIES, (uint64_t)p->position);
    for (int64_t i = 0; i < count; i++) {
        int64_t position = position_of(rows, i);
        uint64_t other = ist_random_word(ties.seed, IST_RANDOM_TIES, (uint64_t)position);
        if (position != p->position)
            list[found++] = (candidate){p->distance[i], ties.by_index ? 0 : other - word, position};
    }
    for (int64_t i = 0; i < k; i++)
        list[found++] = (candidate){(double)INFINITY, UINT64_MAX, INT64_MAX};
    qsort(list, (size_t)found, sizeof *list, compare_candidates);
    return list;
}

static void judge_nearest(const probe *p, const candidate *expected, const ist_nearest *nearest,
                          ist_error *error)
{
    int64_t base = (p->position - nearest->position) * nearest->k;
    for (int64_t q = 0; q < nearest->k; q++) {
        int64_t neighbour = nearest->neighbour[base + q];
        double distance = nearest->distance[base + q];
        if (neighbour != expected[q].position || distance != expected[q].distance) {
            ist_fail(error, IST_BROKEN,
                     "wrong answer: neighbour %" PRId64 " of row %" PRId64 " is row %" PRId64
                     " at %.17g; by brute force row %" PRId64 " at %.17g",
                     q + 1, p->position, neighbour, distance, expected[q].position,
                     expected[q].distance);
            return;
        }
    }
}

ist_code ist_bench_verify_nearest(const ist_comm *comm, const ist_rows *rows,
                                  const ist_nearest *nearest, ist_error *error)
{
    int64_t k = nearest->k, sample = ist_bench_sample(comm, rows->n);
    MPI_Datatype places = ist_bytes_type((size_t)k * sizeof(candidate));
    candidate *all = ist_alloc((size_t)(k * comm->size), sizeof *all);
    probe p = probe_new(rows);
    for (int64_t s = 0; s < sample; s++) {
        probe_set(&p, comm, rows, ist_sampled_row(rows->n, sample, s));
        candidate *mine = own_candidates(&p, rows, k, nearest->ties);
        MPI_Gather(mine, 1, places, all, 1, places, p.owner, comm->handle);
        ist_free(mine);
        if (p.owner == comm->rank) {
            qsort(all, (size_t)(k * comm->size), sizeof *all, compare_candidates);
            judge_nearest(&p, all, nearest, error);
        }
    }
    probe_release(&p);
    ist_free(all);
    MPI_Type_free(&places);
    return ist_agree(comm, error);
}

/* ---- counts below thresholds --------------------------------------------------------------- */

/* The probe's distances to its targets: each is known to the rank that holds the target. */
static void set_thresholds(const probe *p, const ist_comm *comm, const ist_rows *rows,
                           int64_t thresholds, double *threshold)
{
    int32_t *target = ist_bench_targets(rows->n, p->position, 1, thresholds);
    for (int64_t t = 0; t < thresholds; t++) {
        int64_t own = held_row(rows, target[t]);
        threshold[t] = own >= 0 ? p->distance[own] : -1;
    }
    ist_free(target);
    MPI_Allreduce(MPI_IN_PLACE, threshold, ist_narrow(thresholds), MPI_DOUBLE, MPI_MAX,
                  comm->handle);
}

static int64_t *count_all(const probe *p, const ist_comm *comm, const ist_rows *rows,
                          int64_t thresholds, const double *threshold)
{
    int64_t *counts = ist_alloc(2 * (size_t)thresholds, sizeof *counts);
    for (int64_t i = 0; i < holder_of(rows)->home.count; i++)
        for (int64_t t = 0; position_of(rows, i) != p->position && t < thresholds; t++) {
            counts[2 * t] += p->distance[i] < threshold[t];
            counts[2 * t + 1] += p->distance[i] == threshold[t];
        }
    ist_sum(comm, counts, 2 * (size_t)thresholds);
    return counts;
}

static void judge_counts(const probe *p, const int64_t *counts, int64_t thresholds,
                         const int64_t *twice_rank, ist_error *error)
{
    for (int64_t t = 0; t < thresholds; t++) {
        int64_t expected = 2 * (1 + counts[2 * t]) + counts[2 * t + 1] - 1;
        if (twice_rank[t] != expected) {
            ist_fail(error, IST_BROKEN,
                     "wrong answer: twice the rank of target %" PRId64 " of row %" PRId64
                     " is %" PRId64 "; by brute force %" PRId64,
                     t + 1, p->position, twice_rank[t], expected);
            return;
        }
    }
}

ist_code ist_bench_verify_counts(const ist_comm *comm, const ist_rows *rows, int64_t thresholds,
                                 const int64_t *twice_rank, ist_error *error)
{
    int64_t sample = ist_bench_sample(comm, rows->n);
    double *threshold = ist_alloc((size_t)thresholds, sizeof *threshold);
    probe p = probe_new(rows);
    for (int64_t s = 0; s < sample; s++) {
        probe_set(&p, comm, rows, ist_sampled_row(rows->n, sample, s));
        set_thresholds(&p, comm, rows, thresholds, threshold);
        int64_t *counts = count_all(&p, comm, rows, thresholds, threshold);
        if (p.owner == comm->rank)
            judge_counts(&p, counts, thresholds,
                         twice_rank + (p.position - rows->home.first) * thresholds, error);
        ist_free(counts);
    }
    probe_release(&p);
    ist_free(threshold);
    return ist_agree(comm, error);
}
