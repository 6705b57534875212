/* Rows of a matrix that every rank knows, as the engine takes them. */
#ifndef TESTS_RANKS_ROWS_H
#define TESTS_RANKS_ROWS_H

#include "infostrata/ring.h"

/* Collective. values[n x d] is borrowed; narrow rows are its float32 roundings. */
void rows_distributed(const ist_comm *comm, ist_metric metric, const double *values, int64_t n,
                      int64_t d, bool wide, ist_rows *rows);

#endif
