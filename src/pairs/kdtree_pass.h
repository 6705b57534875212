/* Passes by k-d trees (kdtree.h): all of a rank's rows. Local. Private to the room. */
#ifndef INFOSTRATA_PAIRS_KDTREE_PASS_H
#define INFOSTRATA_PAIRS_KDTREE_PASS_H

#include "infostrata/kdtree.h"

/* Counts below `thresholds` distances of each home row; by index with their targets (positions). */
typedef struct {
    int64_t thresholds;
    bool by_index;
    const double *distance;
    const int32_t *target; /* read by index alone */
} ist_kd_question;

/* The pairs that home's rows answer for: each with those before it in its segment. */
double ist_kdtree_pairs(const ist_kdtree *tree);
/* What some of the home rows take, and how many those are. */
int64_t ist_kdtree_tried(const ist_kdtree *tree);
ist_kd_work ist_kdtree_try_nearest(const ist_kdtree *tree, int64_t k);
ist_kd_work ist_kdtree_try_counts(const ist_kdtree *tree, const ist_kd_question *question);

/* Called every few rows with the pairs that were answered since the last time; true: leave the pass, it is of no use any
 * more. NULL: nobody is called. */
typedef struct {
    bool (*poke)(void *data, double pairs);
    void *data;
} ist_kd_watch;

/* Where the counts of the home rows go: as ist_counts_get has it, or (closer NULL) ist_counts_ranks. */
typedef struct {
    int64_t *closer, *equal; /* equal NULL: not wanted */
    int64_t stride, *twice_rank, told, told_stride, *told_equal;
} ist_kd_answer;

/* Of all home rows; false: left before the end. lists: of ist_nearest_lists; ascending. */
bool ist_kdtree_nearest(const ist_kdtree *tree, int64_t k, const ist_kd_watch *watch,
                        ist_nearest *lists, ist_pass_stats *stats);
bool ist_kdtree_counts(const ist_kdtree *tree, const ist_kd_question *question,
                       const ist_kd_watch *watch, const ist_kd_answer *answer,
                       ist_pass_stats *stats);
/* distance[i x stride + s] of home row i to the row at position target[i x stride + s]; 0 where that is -1. */
void ist_kdtree_distances(const ist_kdtree *tree, int64_t stride, const int32_t *target,
                          double *distance);

#endif
