/* The rows of a set in another order (ist_carry of ring.h). place[p] is the position in the first set of the row at
 * position p of the second; both ends know the order of every message from it. Private to the room. */
#ifndef INFOSTRATA_PAIRS_ELSEWHERE_H
#define INFOSTRATA_PAIRS_ELSEWHERE_H

#include "infostrata/ring.h"

/* Collective. moved: the set whose positions `blocks` (taken over) cuts, with its rows' values; the caller
 * gives it an order and packs it. */
void ist_rows_elsewhere(const ist_comm *comm, const ist_rows *rows, ist_blocks blocks,
                        const int64_t *place, ist_rows *moved);
/* Collective. Targets of the set's home rows (target[i x stride + s], positions of the set) for the home
 * rows of its twin, in the twin's positions. The caller frees them. */
int32_t *ist_targets_in_twin(const ist_comm *comm, const ist_rows *rows, int64_t stride,
                             const int32_t *target);

#endif
