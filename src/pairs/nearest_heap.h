/* The k nearest of a row as far as they are settled: a heap in the arrays of ist_nearest, the worst on top, by (distance,
 * tie, number). Private to the room. */
#ifndef INFOSTRATA_PAIRS_NEAREST_HEAP_H
#define INFOSTRATA_PAIRS_NEAREST_HEAP_H

#include "infostrata/pairs.h"

/* Takes the row at a position among the k, if it is not worse than all of them. */
void ist_heap_offer(ist_nearest *s, int64_t row, double distance, int32_t position);
/* None worse than (bound, tie) is wanted: what the filter may drop from now on. */
void ist_heap_set_bound(ist_nearest *s, int64_t row, double bound, uint64_t tie);
/* After offers: the same by the worst of the k, if there are k. */
void ist_heap_settle_bound(ist_nearest *s, int64_t row);

#endif
