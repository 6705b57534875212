/* Passes by k-d trees (kdtree.h): all of a rank's rows. Local. Private to the room. */
#ifndef INFOSTRATA_PAIRS_KDTREE_PASS_H
#define INFOSTRATA_PAIRS_KDTREE_PASS_H

#include "kdtree.h"

/* Counts below `thresholds` distances of each home row; by index with their targets (positions). */
typedef struct {
    int64_t thresholds;
    bool by_index;
    const double *distance;
    const int32_t *target; /* read by index alone */
} ist_kd_question;

/* Adds the pairs that home's rows answer for. */
void ist_kdtree_tell_pairs(const ist_kdtree *tree, ist_pass_stats *stats);
/* What some of the home rows take, and how many those are. */
int64_t ist_kdtree_tried(const ist_kdtree *tree);
ist_kd_work ist_kdtree_try_nearest(const ist_kdtree *tree, int64_t k);
ist_kd_work ist_kdtree_try_counts(const ist_kdtree *tree, const ist_kd_question *question);

/* Of all home rows, as the consumers of the same names have it: ist_nearest_sort'ed lists; ist_counts_get;
 * ist_counts_ranks. */
ist_nearest *ist_kdtree_nearest(const ist_kdtree *tree, int64_t k, ist_pass_stats *stats);
void ist_kdtree_counts(const ist_kdtree *tree, const ist_kd_question *question, int64_t *closer,
                       int64_t *equal, ist_pass_stats *stats);
void ist_kdtree_ranks(const ist_kdtree *tree, const ist_kd_question *question, int64_t stride,
                      int64_t *twice_rank, int64_t told, int64_t equal_stride, int64_t *equal,
                      ist_pass_stats *stats);
/* distance[i x stride + s] of home row i to the row at position target[i x stride + s]; 0 where that is -1. */
void ist_kdtree_distances(const ist_kdtree *tree, int64_t stride, const int32_t *target,
                          double *distance);

#endif
