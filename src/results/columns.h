/* The numbers of an array, in its order: value, standard error, status, row, series. Pure. */
#ifndef IST_RESULTS_COLUMNS_H
#define IST_RESULTS_COLUMNS_H

#include "arrays.h"

enum { IST_STATUS_ABSENT = -1, IST_STATUS_OK = 0, IST_STATUS_FAILED = 1 };

typedef struct {
    double *value, *std_error; /* count; NaN where there is none */
    int8_t *status;            /* count: IST_STATUS_... */
    int64_t *row;              /* count: of results.csv; -1: absent */
    double *slices;            /* count x width */
    size_t count, width;
} ist_columns;

/* Of an array, or of its rows one after another if it is a list. */
ist_columns ist_columns_of(const ist_array *array);
void ist_columns_release(ist_columns *columns);

#endif
