/* oracle: the Information Imbalance by brute force, from its definition and nothing else: a table of all N x N float64 distances,
 * ranks by counting, the standard error of `se: rows` as a sum over pairs of edges that share a row. Written apart from the
 * program; of it, only the random words and parts are used, which belong to the definition. */
#ifndef TESTS_PROGRAM_ORACLE_H
#define TESTS_PROGRAM_ORACLE_H

#include "infostrata/plan.h"

#include <stdbool.h>
#include <stdint.h>

/* Squared distances of all pairs, each operation rounded; of labels: 0 within a class, 1 between classes. */
typedef struct {
    int64_t n;
    double *distance;   /* n x n */
    int64_t duplicates; /* rows that equal an earlier one (not for labels) */
} oracle_space;

oracle_space oracle_layer(const double *values, int64_t n, int64_t d);
oracle_space oracle_labels(const int64_t *values, int64_t n);

typedef struct {
    int64_t twice_rank_sum;
    double tie_fraction;
    bool has_parts; /* the random parts are large enough */
    double parts_mean, parts_error;
    double rows_error; /* only if asked for: its time grows with the square of n k */
} oracle_answer;

oracle_answer oracle_imbalance(const oracle_space *source, const oracle_space *target, int64_t k,
                               ist_tie_rule ties, bool rows);

typedef struct {
    int64_t twice_rank_sum;
    double tie_fraction, error;
} oracle_anchors_answer;

/* Of the `count` rows whose random words of (seed, row) are the smallest, among all rows. The error: sd of the rows' values / sqrt(count)
 * sqrt(1 - count / N). */
oracle_anchors_answer oracle_anchors(const oracle_space *source, const oracle_space *target,
                                     int64_t k, ist_tie_rule ties, int64_t count, uint64_t seed);

#endif
