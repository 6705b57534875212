/* Rows without ranks, as the tests of filters and tiles need them. */
#ifndef TESTS_UNIT_PAIRS_SUPPORT_H
#define TESTS_UNIT_PAIRS_SUPPORT_H

#include "infostrata/pairs.h"

/* In [-0.5, 0.5). */
double next_uniform(uint64_t *state);

typedef struct {
    const char *name;
    double offset, scale, grid; /* grid: values are multiples of it; 0: any */
    double outlier;             /* row 7 is so many times larger */
    double useful; /* the bounds' gap, relative to the mean distance: at most so much */
} data_kind;

ist_metric metric_of(ist_filter_form form);

/* n rows of such values, filtered by a form and packed; released with ist_rows_release. */
ist_rows filtered_rows(const data_kind *kind, int64_t n, int64_t d, bool wide,
                       ist_filter_form form);

typedef struct {
    int64_t wrong, pairs, sure;
    double gap, distance;
} bounds_tally;

/* Bounds (L) and (U) of a pair, and the thresholds made of them: its own distance must not be excluded; the next
 * distances above and below must not be included. */
void check_bounds(const ist_filter *filter, float l, float own, float other, double distance,
                  bounds_tally *t);

#endif
