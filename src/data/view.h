/* view: which part of a dataset an address means: NumPy's INDEX over the stored dimensions.
 * Pure. Local. */
#ifndef IST_DATA_VIEW_H
#define IST_DATA_VIEW_H

#include "infostrata/base.h"
#include "infostrata/plan.h"

enum { DATA_MAX_RANK = 32 }; /* HDF5's and NumPy's own limit */

typedef struct {
    int rank;
    int64_t size[DATA_MAX_RANK];  /* stored extents */
    int64_t fixed[DATA_MAX_RANK]; /* the entry of a dimension that is dropped; -1: kept */
    int kept;
    int axis[DATA_MAX_RANK]; /* the kept dimensions, in order; axis[0] are the samples */
    int64_t rows;            /* of the samples' dimension; 1 where none is kept */
    int64_t row_values;      /* stored values of one sample */
} data_view;

/* view->rank and view->size are given; parses at->index and fills in the rest. Refused: text that
 * is no index, too many entries, an entry out of range, sizes beyond 2^63. */
ist_code data_view_index(const ist_location *at, data_view *view, ist_error *error);

/* Features of one sample: row_values, or the channels alone where at->pool averages the rest. */
int64_t data_view_features(const ist_location *at, const data_view *view);

#endif
