/* How a rank's rows are cut into the slabs that travel, and which ranks meet: the same arithmetic
 * on every rank, so that nobody has to ask. Private to the room. */
#ifndef INFOSTRATA_PAIRS_CHUNKS_H
#define INFOSTRATA_PAIRS_CHUNKS_H

#include "infostrata/pairs.h"

typedef struct {
    int64_t first, count; /* row positions */
} ist_span;

/* The spans of one rank's rows that visit rank `visited`, whole superblocks each; the caller frees *spans.
 * Those that have no segment in common with the rows there are left out. */
int64_t ist_spans_of(const ist_rows *rows, const ist_engine *engine, int ranks, int rank,
                     int visited, size_t row_bytes, ist_span **spans);

/* Bytes of one row of a slab on its way. */
size_t ist_row_bytes(const ist_rows *rows);
/* A slab for `count` rows that arrive. */
ist_slab ist_slab_new(const ist_rows *rows, int64_t first, int64_t count);
/* The same of a joint set whose second component is that of another one, which lends it; and its release. */
ist_slab ist_slab_beside(const ist_rows *rows, const ist_slab *lender);
void ist_slab_beside_release(ist_slab *slab);
/* The values of a slab that is not a joint set's. */
void *ist_slab_values(const ist_rows *rows, const ist_slab *slab);
/* So many bytes more (less) of messages are under way. */
void ist_in_flight(ist_pass_stats *stats, int64_t bytes);

#endif
