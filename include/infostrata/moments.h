/* moments: sums of Gaussian kernels over all pairs of a layer's rows, without a matrix, and what widths are chosen by. Part of the pairs
 * room; collective on `comm`, as ring.h is.
 *
 * Everything here is the same to the bit for any number of ranks, chunks, kernels: distances are the defined ones (pairs.h), the
 * exponential has one code path (same operations in every instruction set), terms are added as integers (docs/numerics.md).
 */
#ifndef INFOSTRATA_MOMENTS_H
#define INFOSTRATA_MOMENTS_H

#include "infostrata/comm.h"
#include "infostrata/ring.h"

/* Of one kernel, over the ordered pairs of a segment's rows, i = j included: the sums of K, of K^2, and of both over the pairs with equal
 * labels (0 where no labels were given). For alpha = 2 (measures.md 4.3): S_2 = -ln(squares / rows^2); the joint one of two layers from
 * the joint set; that with labels from squares_within. The alignment with the labels' kernel: within / sqrt(squares sum_c n_c^2). */
typedef struct {
    double sum, squares, within, squares_within;
} ist_moments;

/* Collective. moments[segment x kernels + m] of each segment of the set (of one segment: of all rows), on every rank. label: by row number, on
 * every rank, or NULL. Each K and K^2 is rounded to a multiple of 2^-52; sums of these are exact, then rounded once. The set's twin is
 * visited if there is one. False: broken off by a stop (ring.h). Kept on disk and resumed like any pass. */
bool ist_pass_moments(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                      const int64_t *label, int kernels, const ist_moment_kernel *kernel,
                      ist_moments *moments, ist_pass_stats *stats);

/* Collective. Ascending, *count of them, on every rank; freed with ist_free: the distances (euclidean: with the root) of all pairs of rows of
 * the set if there are at most `most` rows (IST_SAMPLED_ROWS by default), else of so many drawn by `seed` (those with the
 * smallest ist_random_word of their row number). *sampled: rows used. Quantiles and means for bandwidth rules are of these. */
enum { IST_SAMPLED_ROWS = 2048 };
double *ist_sampled_distances(const ist_comm *comm, const ist_rows *rows, uint64_t seed,
                              int64_t most, int64_t *count, int64_t *sampled);

/* Collective. The mean over rows of the mean squared distance to their k nearest, from sorted lists of the set with at least k neighbours a
 * row (all of them where a row has fewer), summed in row order. Euclidean sets. */
double ist_mean_square_nearest(const ist_comm *comm, const ist_rows *rows,
                               const ist_nearest *nearest, int64_t k);

#endif
