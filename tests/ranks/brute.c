#include "brute.h"

/* Each operation is rounded: the project is built with -ffp-contract=off. */
double brute_distance(ist_metric metric, const double *x, const double *y, int64_t d)
{
    double s = 0;
    for (int64_t f = 0; f < d; f++) {
        double t = x[f] - y[f];
        double square = t * t;
        double size = t < 0 ? -t : t;
        if (metric == IST_METRIC_CHEBYSHEV)
            s = size > s ? size : s;
        else
            s = s + (metric == IST_METRIC_MANHATTAN ? size : square);
    }
    return s;
}

int64_t brute_others(const ist_rows *rows, const double *values, int64_t position,
                     ist_tie_rule ties, brute_other *found)
{
    int64_t block = ist_blocks_find(&rows->blocks, position), count = 0, d = rows->d;
    int64_t i = ist_row_number(rows, position);
    uint64_t mine = ist_random_word(ties.seed, IST_RANDOM_TIES, (uint64_t)i);
    for (int64_t b = 0; b < rows->blocks.count; b++) {
        if (rows->blocks.segment[b] != rows->blocks.segment[block])
            continue;
        for (int64_t p = rows->blocks.start[b]; p < rows->blocks.start[b + 1]; p++) {
            int64_t j = ist_row_number(rows, p);
            if (j == i)
                continue;
            uint64_t tie = ties.by_index
                               ? (uint64_t)j
                               : ist_random_word(ties.seed, IST_RANDOM_TIES, (uint64_t)j) - mine;
            found[count++] = (brute_other){
                brute_distance(rows->metric, values + i * d, values + j * d, d), tie, j};
        }
    }
    return count;
}

int64_t brute_twice_rank(const brute_other *found, int64_t count, int64_t j, bool by_index)
{
    int64_t closer = 0, equal = 0, before = 0, at = 0;
    while (found[at].row != j)
        at++;
    for (int64_t o = 0; o < count; o++) {
        closer += found[o].distance < found[at].distance;
        equal += found[o].distance == found[at].distance;
        before += found[o].distance == found[at].distance && found[o].row < j;
    }
    return by_index ? 2 * (1 + closer + before) : 2 * (1 + closer) + equal - 1;
}
