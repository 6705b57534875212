/* Brute force in float64, by the definition alone: what the engine must find. */
#ifndef TESTS_RANKS_BRUTE_H
#define TESTS_RANKS_BRUTE_H

#include "../harness/order.h"
#include "infostrata/ring.h"

/* The distance of two rows as the engine defines it (pairs.h), step by step. */
double brute_distance(ist_metric metric, const double *x, const double *y, int64_t d);

/* All other rows of the segment of the row at `position`, with their distances; returns how many. values: by row
 * number; found: room for the whole set. */
int64_t brute_others(const ist_rows *rows, const double *values, int64_t position,
                     ist_tie_rule ties, brute_other *found);
/* Twice the rank of row number j, which is one of them. */
int64_t brute_twice_rank(const brute_other *found, int64_t count, int64_t j, bool by_index);

#endif
