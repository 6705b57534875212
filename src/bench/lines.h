/* The lines of calibration.def. Local. Private to the room. */
#ifndef INFOSTRATA_BENCH_LINES_H
#define INFOSTRATA_BENCH_LINES_H

#include "infostrata/bench.h"

typedef struct {
    int64_t n, d_x, d_y; /* d_y = 0: the two-NN dimension of one layer */
} ist_calibrate_line;

/* Those asked for, in the order of the file, and their number. lines NULL: their number alone. */
int ist_calibrate_lines(const ist_calibrate_options *options, ist_calibrate_line *lines);

#endif
