/* Private to the room. */
#ifndef INFOSTRATA_BENCH_DRAW_H
#define INFOSTRATA_BENCH_DRAW_H

#include <stdint.h>

/* Row s of a sample of n rows, one out of each of `sample` equal shares. */
int64_t ist_sampled_row(int64_t n, int64_t sample, int64_t s);

#endif
