/* Batches of slices. Private to the room. */
#ifndef INFOSTRATA_RUN_SLICES_H
#define INFOSTRATA_RUN_SLICES_H

#include "infostrata/slices.h"

/* Local. Slices that each rank has at once, at least 1: so many that a batch's columns fit a fixed number of bytes, that the directions of
 * all ranks' stay in a cache, and that a batch, which is lost where a run is broken off, takes seconds. estimates: in each slice. */
int64_t ist_slices_at_once(int64_t n, int64_t slices, int64_t columns, bool two_layers,
                           double estimates, int ranks);
/* Local. Bytes a rank for one of them: its columns; what is projected and exchanged, before there are whole columns; columns
 * in order, after that. */
typedef struct {
    int64_t kept, moved, sorted;
} ist_slice_bytes;
ist_slice_bytes ist_slice_bytes_of(int64_t n, int64_t columns, bool two_layers);

#endif
