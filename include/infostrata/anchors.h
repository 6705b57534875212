/* anchors: some rows of a set against all of them, where the whole pass would cost too much. An anchor's neighbours and ranks are
 * those among all rows, as the passes of ring.h find them; count x N pairs instead of N^2 / 2.
 *
 * Each rank's rows stay where they are. The anchors' values are on all ranks, a batch of them at a time; every rank looks at its own
 * rows for all of the batch, and what was found goes to the rank that owns the anchor. Tiles and consumers are those of any pass
 * (IST_PAIRS_ROWS); nothing is skipped, and no k-d tree is made. */
#ifndef INFOSTRATA_ANCHORS_H
#define INFOSTRATA_ANCHORS_H

#include "infostrata/ring.h"

/* Which rows are anchors, and who has what is found for them: `first` to `first + own` of the list are this rank's. */
typedef struct {
    int64_t n;     /* rows of the set */
    int64_t count; /* 2 to n */
    uint64_t seed;
    int64_t *row;      /* count row numbers, ascending; on every rank */
    ist_blocks blocks; /* of the list */
    int64_t first, own;
} ist_anchors;

/* Local. The rows that ist_draw_rows draws of n: fewer of a seed are some of more. */
ist_anchors ist_anchors_new(const ist_comm *comm, int64_t n, int64_t count, uint64_t seed);
void ist_anchors_release(ist_anchors *anchors);

/* Collective. The k nearest (k < n) of this rank's anchors among all rows of the set, sorted: entries are those of anchor first + i,
 * positions in the set. The set is of all rows in the order of the file, and not joint. NULL: broken off. */
ist_nearest *ist_anchors_nearest(const ist_comm *comm, const ist_engine *engine,
                                 const ist_rows *rows, const ist_anchors *anchors, int64_t k,
                                 ist_tie_rule ties, ist_pass_stats *stats);

/* Collective. twice_rank[i x stride + s] of anchor first + i: twice the rank, among the other rows of the set, of the row at position
 * target[i x stride + s] (mid-ranks, or by_index). `batch` thresholds a row are answered at once (>= 1). False: broken off. */
bool ist_anchors_ranks(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                       const ist_anchors *anchors, bool by_index, int64_t stride,
                       const int32_t *target, int64_t batch, int64_t *twice_rank,
                       ist_pass_stats *stats);

#endif
