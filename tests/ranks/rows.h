/* Rows of a matrix that every rank knows, as the engine takes them. */
#ifndef TESTS_RANKS_ROWS_H
#define TESTS_RANKS_ROWS_H

#include "infostrata/ring.h"

/* Collective. values[n x d] is borrowed; narrow rows are its float32 roundings. */
void rows_distributed(const ist_comm *comm, ist_metric metric, const double *values, int64_t n,
                      int64_t d, bool wide, ist_rows *rows);
/* Local. The filter of a form for a set, by the values of all rows (wide). */
ist_filter rows_filter(const ist_rows *rows, const double *values, ist_filter_form form);
/* Local. Integer copies, as the engine makes them where there are more rows; all passes are to use them, whatever they cost. Not of
 * values that they cannot serve. */
void rows_add_integers(ist_rows *rows, const double *values);

#endif
