/* An order of rows in which near rows lie together: runs of rows are cut in two across the
 * direction of their largest spread, down to single tiles. Everything here is approximate float32:
 * an order never changes a result. Private to the room. */
#ifndef INFOSTRATA_PAIRS_CLUSTER_H
#define INFOSTRATA_PAIRS_CLUSTER_H

#include "infostrata/pairs.h"

/* A run of positions in the order that is being made. */
typedef struct {
    int64_t first, count;
} ist_run;

/* Rows of a run that its direction is made from. */
enum { IST_CLUSTER_SAMPLE = 256 };

/* Rows of a run (more than `leaf`) before its cut: whole leaves, about half of them; where the run is
 * long, whole superblocks of ten. */
int64_t ist_run_cut(int64_t count, int64_t leaf);

/* centre[d] = the mean of `count` rows; direction[d] = roughly their first principal component, its largest
 * entry 1 in size, or zeros where all rows are equal. The rows are spoilt. */
void ist_spread_direction(const ist_near_kernel *kernel, float *rows, int64_t count, int64_t d,
                          float *centre, float *direction);

/* Where the slab's row `row` lies along the direction. */
float ist_project(const ist_near_kernel *kernel, const ist_slab *slab, int64_t row, int64_t d,
                  const float *centre, const float *direction);

/* Reorders item[count] so that the `cut` smallest by (projection, place) come first; within both
 * halves the order stays. */
void ist_cut_run(const float *projection, int64_t count, int64_t cut, int64_t *item);

/* The values of the slab's row as float32. */
void ist_copy_narrow(const ist_slab *slab, int64_t row, int64_t d, float *copy);

/* Reorders row[count], indices into the slab, down to runs of `leaf`. */
void ist_cluster_rows(const ist_near_kernel *kernel, const ist_slab *slab, int64_t d, int64_t leaf,
                      int64_t count, int64_t *row);

/* The share of a pass's work that skipping is likely to save, less what it costs, by a trial on a sample of rows (packed
 * as small tiles, their nearest neighbours as limits). The sample is reordered. */
double ist_cluster_promise(const ist_kernel *kernel, float *sample, int64_t count, int64_t d);

#endif
