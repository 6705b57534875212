/* The state of the kernel moments' consumer. Private to the room. */
#ifndef INFOSTRATA_PAIRS_MOMENTS_H
#define INFOSTRATA_PAIRS_MOMENTS_H

#include "infostrata/pairs.h"

typedef struct {
    const ist_rows *rows; /* that are visited */
    int64_t kernels;
    const ist_moment_kernel *kernel;
    const int64_t *label; /* by row number, label_count of them; NULL: none */
    int64_t label_count;
    double *centre[2]; /* of the set, or of both components; NULL: the defined distances */
    ist_int128 *sum;   /* of each home row, kernel and moment, in units of 2^-52 */
} moments_state;

/* How many of the moments are kept. */
int64_t ist_moments_kept(bool labels);
extern const ist_consumer ist_moments_consumer;

#endif
