/* The imbalance with distances among those of all pairs of rows in the place of ranks among those of one row (measures.md 1.3).
 * Private to the room. */
#ifndef INFOSTRATA_BENCH_GLOBAL_H
#define INFOSTRATA_BENCH_GLOBAL_H

#include "infostrata/ring.h"

typedef struct {
    double
        imbalance; /* 2 E[c], c the share of all pairs that are not farther apart than a row and its neighbour */
    double rmi; /* nats: ist_rmi of c */
} ist_global;

/* Collective. neighbour: of this rank's rows, the nearest in the source (positions); rows: the target, whose values [n x d] every rank
 * has; no segments. Small sets are compared pair by pair; of larger ones each row with as many others as make a million pairs, the
 * next ones in the order of the file, which is to say nothing about the rows. */
ist_global ist_global_find(const ist_comm *comm, const ist_rows *rows, const double *values,
                           const int32_t *neighbour, int64_t bins);

#endif
