/* A sample of a set's rows. Private to the room. */
#ifndef INFOSTRATA_PAIRS_SAMPLE_H
#define INFOSTRATA_PAIRS_SAMPLE_H

#include "infostrata/ring.h"

/* Local. Positions in the set of its `most` rows with the smallest ist_random_word of their number (all, if there are no more), ascending; the same
 * on every rank. */
int64_t *ist_sample_rows(const ist_rows *rows, uint64_t seed, int64_t most, int64_t *sampled);
/* Local. Where the sampled rows lie among this rank's values: row[s], or -1. */
int64_t *ist_sample_places(const ist_rows *rows, const int64_t *position, int64_t sampled);
/* Collective. Of features [first, first + count) the sampled rows' values, feature by feature, on every rank. */
void ist_sample_features(const ist_comm *comm, const ist_rows *rows, const int64_t *row,
                         int64_t sampled, int64_t first, int64_t count, double *values);
/* Collective. The means of the columns over 64 rows, d of them; the same bits for any number of ranks. */
double *ist_sample_mean(const ist_comm *comm, const ist_rows *rows);

#endif
