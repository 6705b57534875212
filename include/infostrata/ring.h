/* ring: the collective half of the engine: distributed rows, passes, the threshold turn, parts,
 * duplicates and reverse pairs. Everything here is collective on `comm`.
 *
 * A pass with engine->stop is left before its end when all ranks are to stop (stop.h). It says so on all ranks alike: false,
 * or NULL. Results are then incomplete and of no use; passes begun afterwards return at once. */
#ifndef INFOSTRATA_RING_H
#define INFOSTRATA_RING_H

#include "infostrata/comm.h"
#include "infostrata/class_lists.h"
#include "infostrata/pairs.h"

/* Collective. Takes over this rank's rows (narrow or wide, row-major, the range of
 * ist_blocks_range for one segment) and completes the set: shift, rounding radii. The metric is that of
 * all that is made of the set. */
void ist_rows_natural(const ist_comm *comm, ist_metric metric, int64_t n, int64_t d, float *narrow,
                      double *wide, ist_rows *rows);
/* Collective. The same rows, or some of them, in another order: by position order[position], a row number,
 * in `parts` segments that begin at start[segment], start[parts] positions in all (random parts, or classes:
 * the k nearest within a class are those of a set whose segments are the classes; distinct rows alone).
 * order is borrowed. */
void ist_rows_by_part(const ist_comm *comm, const ist_rows *natural, int parts,
                      const int64_t *order, const int64_t *start, ist_rows *rows);

/* Collective. Records of `bytes` bytes, one a row, from the owners of the rows in one set (`rows`) to those in
 * the other (`moved`, whose row at position p is at position place[p] of the first), or back: `from` and `to`
 * hold this rank's rows of either set. Going back, records of rows that the other set leaves out stay as they
 * are. */
typedef enum { IST_CARRY_THERE, IST_CARRY_BACK } ist_direction;
void ist_carry(const ist_comm *comm, const ist_rows *rows, const ist_rows *moved,
               const int64_t *place, ist_direction direction, size_t bytes, const void *from,
               void *to);

/* Collective. One item of each home row to rank 0, or to all ranks, in the order of the set. mine NULL (on all
 * ranks, to all): the items stand in their place in `all`. */
void ist_gather_rows(const ist_comm *comm, const ist_rows *rows, MPI_Datatype type,
                     const void *mine, void *all, bool to_all);

/* Collective. The joint set of two sets of the same rows in the same order (both natural, or by the same parts):
 * a distance in it is the larger of x_factor times that in x and y_factor times that in y (products
 * rounded; factors positive and finite). x and y are borrowed, with their values and copies; of one that has a
 * twin the values come back into its own order, as the joint set's own. Every pass and the turn take it as any
 * other set; it gets no twin, no parts, and its duplicates are not looked for. */
void ist_rows_joint(const ist_comm *comm, const ist_rows *x, double x_factor, const ist_rows *y,
                    double y_factor, ist_rows *joint);

/* Collective. The values of a set that has a twin in its own order again, as a set of its own (NULL: it has none), for joint sets
 * that share it. The caller releases and frees it. */
ist_rows *ist_rows_in_own_order(const ist_comm *comm, const ist_rows *rows);

/* Collective. Gives the set its clustered twin, which depends on the rows and their order alone, if
 * engine->skipping wants it and (auto) a trial says that it pays; euclidean sets only. The values are the
 * twin's from then on: of the set itself only what is told by its positions is left. */
void ist_rows_cluster(const ist_comm *comm, const ist_engine *engine, ist_rows *rows);

/* Collective. The k nearest of this rank's rows, sorted; held[i] < k of row i where its segment has fewer. NULL: broken off. */
ist_nearest *ist_pass_nearest(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                              int64_t k, ist_tie_rule ties, ist_pass_stats *stats);

/* Collective: the threshold turn. distance[i x stride + s] = defined distance of home row i and the
 * row at position target[i x stride + s]. */
void ist_turn_distances(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                        int64_t stride, const int32_t *target, double *distance,
                        ist_pass_stats *stats);

/* Thresholds of the home rows, `stride` a row: the distance to the row at position target[i x stride + s], or,
 * where that is -1, given[i x stride + s]. NULL for the target: all are given; NULL for `given`: none is. */
typedef struct {
    int64_t stride;
    const int32_t *target;
    const double *given;
    int64_t told; /* of the last so many, the number of rows at just that distance is told, too */
} ist_thresholds;

/* Collective. For each threshold of home row i, twice_rank[i x stride + s] = 2 (1 + closer) + (equal - 1), of the
 * other rows of the segment (the target itself is one of the equal ones): for a target, twice its mid-rank; or
 * by_index (all must have targets) twice its rank in the order (distance, number). equal[i x told + e]: how many
 * are at the distance of threshold stride - told + e (NULL if told is 0). `batch` thresholds a row are answered
 * in one pass (>= 1). The threshold turn included. */
bool ist_pass_counts(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                     bool by_index, const ist_thresholds *thresholds, int64_t batch,
                     int64_t *twice_rank, int64_t *equal, ist_pass_stats *stats);

/* Collective. For given thresholds (defined distances, `thresholds` of each home row): how many other
 * rows of the segment are strictly closer, and how many are at exactly that distance (NULL on all
 * ranks: not wanted). */
bool ist_pass_counts_below(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                           int64_t thresholds, const double *threshold, int64_t *closer,
                           int64_t *equal, ist_pass_stats *stats);

/* Collective. One pass of a consumer over a set of rows; `state` is its state of the home rows, one
 * entry a row. How sums of real numbers and Gram matrices join the engine: with an ist_consumer
 * without `scan`, which gets every pair's defined distance. Of a set with a twin, the twin's values are
 * there to be visited: give rows->twin and a state by its positions. */
bool ist_pass(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
              const ist_consumer *consumer, void *state, const ist_tie_rule *ties,
              ist_pass_stats *stats);

/* One of several passes that go together. */
typedef struct {
    const ist_rows *rows;
    void *state;    /* at home */
    ist_hash place; /* part of the identity of what is kept of it: that of the keeper, or its own */
} ist_pass_member;

/* Collective. `count` passes of one consumer (integers, no centre) with one tie rule, over joint sets of the same rows, all with
 * one set as their second component: its rows travel once, its tiles are computed once for all. Each finds what it finds
 * alone, and is kept and taken up by itself: one that was left elsewhere, or alone, goes on from there. false: broken off. */
bool ist_pass_together(const ist_comm *comm, const ist_engine *engine,
                       const ist_pass_member *passes, int count, const ist_consumer *consumer,
                       const ist_tie_rule *ties, ist_pass_stats *stats);

/* One of several joint sets whose k nearest are looked for together. */
typedef struct {
    const ist_rows *rows;
    int64_t k;
    ist_hash place;       /* ist_pass_member */
    ist_nearest *nearest; /* what is found: the caller's. NULL: broken off */
} ist_nearest_question;

/* Collective. ist_pass_nearest of `count` joint sets that have one set as their second component, in ist_pass_together; of few
 * features by a k-d tree each, where that is faster. */
void ist_pass_nearest_together(const ist_comm *comm, const ist_engine *engine,
                               ist_nearest_question *questions, int count, ist_tie_rule ties,
                               ist_pass_stats *stats);

/* Collective. Rows that equal an earlier row (N less the distinct rows): found by a 128-bit hash, then
 * compared. -0 equals 0. first_equal[i] (NULL: not wanted): the first row that equals home row i, itself if
 * there is none before it; positions. Also the hash of all values in row order, the layer's content. */
int64_t ist_duplicates(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                       int32_t *first_equal, ist_hash *content);

/* Collective. For the directed neighbour pairs i -> neighbour[i x stride + p], p < k, with values
 * twice_rank (same layout): the value of the reverse pair or -1, and per row the number and the sum
 * of the values of the pairs that point at it. */
void ist_reverse_pairs(const ist_comm *comm, const ist_rows *rows, int64_t k, int64_t stride,
                       const int32_t *neighbour, const int64_t *twice_rank,
                       int64_t *reverse_twice_rank, int64_t *in_count, int64_t *in_sum);

/* How often rows lie inside balls. Ball (i, p) is drawn by row i and reaches to its target p; it holds what the target's rank counts: row
 * i itself, all rows nearer than the target, and (mid-ranks) half of the others that are as near, or (by_index) those of them with
 * smaller numbers. */
typedef struct {
    int64_t sampled, *position; /* rows that were looked at, ascending: the same on all ranks */
    int64_t k;
    int64_t *twice; /* k x sampled: in how many of all rows' balls p, times 2 */
} ist_inside;

/* Collective, of a set of one segment. target[i x stride + p], p < k, of home row i: positions. Looks at `most` rows that a hash of their
 * numbers draws, or at all if there are no more; then twice[p] adds up to the twice_ranks of the targets p. Costs n x sampled distances, all
 * of them in float64, and a turn. */
ist_inside ist_inside_find(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                           bool by_index, int64_t k, int64_t stride, const int32_t *target,
                           int64_t most, ist_pass_stats *stats);
/* Local. Of the rows at [first, first + count): twice[] summed over their first k balls, -1 of rows that were not looked at. */
void ist_inside_take(const ist_inside *inside, int64_t first, int64_t count, int64_t k,
                     int64_t *twice_inside);
void ist_inside_release(ist_inside *inside);

/* Collective. Fills in the rows marked in is_short (of this rank): a batch of them on every rank, which looks at its own rows for
 * them. So many of all ranks' rows, times the rows of a segment, distances are computed. Stats get the pairs. False: broken off. */
bool ist_class_lists_search(const ist_comm *comm, const ist_engine *engine,
                            const ist_class_question *question, const bool *is_short,
                            ist_class_lists *lists, ist_pass_stats *stats);

#endif
