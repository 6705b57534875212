/* The choice of a layer's filter. Private to the room. */
#ifndef INFOSTRATA_PAIRS_FILTER_H
#define INFOSTRATA_PAIRS_FILTER_H

#include "infostrata/comm.h"
#include "infostrata/pairs.h"

/* Collective. Chooses the filter of a set of rows: by what its values are like (of all ranks), and,
 * euclidean, by a short trial of both forms on rows of the first rank that has some. Returns that of integer copies, if a
 * sample says that they tell near rows apart (rows->gain), or one of the form IST_FILTER_NONE; the caller releases it. */
ist_filter ist_filter_agree(const ist_comm *comm, ist_rows *rows);

#endif
