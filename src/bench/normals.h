/* Normal numbers by row, the same on every processor. Local. Private to the room. */
#ifndef INFOSTRATA_BENCH_NORMALS_H
#define INFOSTRATA_BENCH_NORMALS_H

#include "infostrata/base.h"

/* to[d]: those of one row. */
void ist_normal_row(uint64_t key, int64_t row, int64_t d, double *to);

#endif
