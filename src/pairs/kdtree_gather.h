/* Trees of rows that are distributed, and when they are taken. Collective. Private to the room. */
#ifndef INFOSTRATA_PAIRS_KDTREE_GATHER_H
#define INFOSTRATA_PAIRS_KDTREE_GATHER_H

#include "infostrata/comm.h"
#include "kdtree_pass.h"

/* The tree of a set (that has its values), every row of it on every rank; NULL: the engine wants none, or
 * the set has too many features. */
ist_kdtree *ist_kdtree_gather(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                              ist_tie_rule ties, ist_pass_stats *stats);

/* Some rows are answered, all else is an estimate; always and alike on all ranks where the engine wants
 * trees always. */
bool ist_kdtree_is_faster_for_nearest(const ist_comm *comm, const ist_engine *engine,
                                      const ist_kdtree *tree, int64_t k);
bool ist_kdtree_is_faster_for_counts(const ist_comm *comm, const ist_engine *engine,
                                     const ist_kdtree *tree, const ist_kd_question *question);

/* Of all home rows; NULL, false: broken off (engine->stop), on all ranks alike. */
ist_nearest *ist_kdtree_pass_nearest(const ist_comm *comm, const ist_engine *engine,
                                     const ist_kdtree *tree, int64_t k, ist_pass_stats *stats);
bool ist_kdtree_pass_counts(const ist_comm *comm, const ist_engine *engine, const ist_kdtree *tree,
                            const ist_kd_question *question, const ist_kd_answer *answer,
                            ist_pass_stats *stats);

#endif
