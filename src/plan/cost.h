/* What costs are added up from. Private to the room. */
#ifndef IST_PLAN_COST_H
#define IST_PLAN_COST_H

#include "schedule.h"

/* ---- memory (cost.c) ------------------------------------------------------------------------- */

ist_pass_shape ist_source_shape(const ist_plan *plan, const ist_source_pass *pass);
ist_pass_shape ist_target_shape(const ist_plan *plan, const ist_target_pass *pass);
ist_pass_shape ist_dense_shape(const ist_plan *plan, const ist_dense_pass *pass);
/* The largest *number (a member of `shape`), 1 to `most`, with which the pass fits beside `kept` bytes; it is
 * filled in. Memory grows with it. */
int64_t ist_most_that_fit(ist_pass_shape *shape, int64_t *number, int64_t most, int64_t kept,
                          const ist_machine *machine);
/* Bytes of the lists and counts of other passes that lie in memory in the step of targets[index] (counts), or of
 * sources[index], which is one of the steps; 0 where memory is not limited. */
int64_t ist_kept_at(const ist_plan *plan, const ist_schedule *schedule, const ist_steps *steps,
                    bool counts, size_t index, const ist_machine *machine);

/* ---- joint passes that go together (together.c) ------------------------------------------------ */

/* The shape of all of them (of a pass alone its own), one at a time; then as many at once as fit beside `kept` bytes. */
ist_pass_shape ist_together_shape(const ist_plan *plan, const ist_schedule *schedule, size_t head);
void ist_choose_together(ist_pass_shape *shape, int64_t kept, const ist_machine *machine);

/* ---- time (work.c) --------------------------------------------------------------------------- */

/* Unordered pairs of rows; parts: and those within the random parts. */
double ist_pairs_of(const ist_layer *layer, bool parts);
/* The filter's operations of so many pairs, and a look at each. */
void ist_add_visits(ist_cost *cost, const ist_layer *layer, double pairs);
/* The same for neighbours among all rows: less what integer copies save. */
void ist_add_searches(ist_cost *cost, const ist_layer *layer, double pairs,
                      const ist_machine *machine);
/* A pass 2 of `total` thresholds a row in `batches`. */
void ist_add_counting(ist_cost *cost, const ist_layer *layer, int64_t total, int64_t batches,
                      bool parts);
/* A pass of `anchors` rows against all: their k nearest (total = 0), or `total` thresholds of each in `batches`. */
void ist_add_anchors(ist_cost *cost, const ist_layer *layer, int64_t anchors, int64_t k,
                     int64_t total, int64_t batches);
/* Of n rows, each of which looks at `among`: what may be among its k nearest is looked at more closely. */
double ist_candidate_seconds(double n, double among, int64_t k);
/* Of one core: a sample of n in a slice of so many directions, for one estimate. */
double ist_slice_sample_seconds(double n, int columns, bool layers);
/* Seconds of one rank if a k-d tree answers the pass; infinite if none does. */
double ist_tree_seconds(const ist_layer *layer, int64_t k, int64_t thresholds, bool parts,
                        const ist_machine *machine);
/* A pass by tiles, or by a tree in so many seconds, whichever is faster: then its pairs are answered, but not computed. */
void ist_add_faster(ist_cost *cost, const ist_cost *tiles, double tree, const ist_machine *machine);
/* On all ranks of the machine: what the operations take, and what is beside them. */
double ist_seconds_of(const ist_cost *cost, const ist_machine *machine);

/* ---- permuted layers (null_cost.c) ----------------------------------------------------------- */

/* The passes of schedule->nulls[null], in a step beside whose pass `kept` bytes lie in memory. */
void ist_add_null(ist_cost *cost, const ist_plan *plan, const ist_schedule *schedule, size_t null,
                  int64_t kept, const ist_machine *machine);

#endif
