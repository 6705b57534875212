/* An estimator of the table of measures, as it is in a run with defaults, on counts that are there already. Local.
 * Private to the room. */
#ifndef INFOSTRATA_BENCH_ESTIMATOR_H
#define INFOSTRATA_BENCH_ESTIMATOR_H

#include "infostrata/measures.h"

typedef struct {
    const ist_measure *measure;
    char text[IST_MAX_PARAMS][24];
    ist_value value[IST_MAX_PARAMS];
    const ist_value *params[IST_MAX_PARAMS];
} ist_estimator;

/* Points into itself: it is not to be copied. */
void ist_estimator_init(ist_estimator *estimator, ist_calibrated which, int64_t k);
/* The imbalance of k = 1 with `se: rows` and `rmi: true` in so many bins; it may not be copied either. */
void ist_estimator_imbalance(ist_estimator *estimator, int64_t bins);
/* In which column of thresholds its counts are. */
enum { IST_ESTIMATOR_NEARER, IST_ESTIMATOR_BOX, IST_ESTIMATOR_REACH, IST_ESTIMATOR_COLUMNS };
int ist_estimator_column(ist_calibrated which);
/* One number a row, of this rank's rows. */
void ist_estimator_values(const ist_estimator *estimator, const ist_evidence *evidence,
                          double *values);
/* nats, of the numbers of all rows in their order. */
double ist_estimator_result(const ist_estimator *estimator, const double *values, int64_t n);

#endif
