/* What anchors take a row, and what of their passes goes to disk. Private to the room. */
#ifndef INFOSTRATA_PAIRS_ANCHORS_H
#define INFOSTRATA_PAIRS_ANCHORS_H

#include "infostrata/pairs.h"

/* Bytes of an anchor while so many thresholds of it are counted: state, targets and distances twice, ranks, messages. */
int64_t ist_anchors_counting_bytes(int64_t thresholds);
/* While its k nearest are looked for. */
int64_t ist_anchors_searching_bytes(int64_t k);
/* So many anchors at once, whole tiles, that they take about as much as a chunk that visits. chunk_rows: at most so many; 0: no limit. */
int64_t ist_anchors_at_once(int64_t value_bytes, int64_t state_bytes, int64_t chunk_bytes,
                            int64_t chunk_rows);

#endif
