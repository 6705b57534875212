/* source: an opened dataset of either kind, whose rows can be read as stored. */
#ifndef IST_DATA_SOURCE_H
#define IST_DATA_SOURCE_H

#include <hdf5.h>

#include "infostrata/base.h"
#include "infostrata/plan.h"
#include "type.h"
#include "view.h"

/* What is asked of HDF5 or of the system at once, at most. */
static const int64_t data_call_bytes = INT64_C(1) << 30;

typedef struct {
    const ist_location *at; /* borrowed */
    data_type type;
    data_view view;
    /* HDF5; file is -1 for a .npy */
    hid_t file, dataset, stored_type;
    hid_t transfer;     /* how to read; borrowed */
    int64_t chunk_rows; /* samples in one chunk, 1 where there are no chunks */
    bool filtered;      /* chunks are compressed or checked: each is read as a whole */
    /* .npy; descriptor is -1 for HDF5 */
    int descriptor;
    int64_t offset; /* of the first value */
    bool fortran;   /* the first dimension varies fastest */
} data_source;

/* Opens at's dataset and reads its type and shape. `access` are HDF5's file access properties:
 * H5P_DEFAULT for a local open; with an MPI driver the call is collective. After a failure too
 * data_close must be called: where the file is open its closing is as collective. */
ist_code data_open(const ist_location *at, hid_t access, data_source *source, ist_error *error);
void data_close(data_source *source);

/* Rows [first, first + count), of the samples' dimension, of the kept values, row-major, as
 * stored. At most data_call_bytes. Collective where source->transfer is. */
ist_code data_read(const data_source *source, int64_t first, int64_t count, void *raw,
                   ist_error *error);

/* Local. The shape as a layer; refused where it is none. */
ist_code data_layer_shape(const data_source *source, ist_shape *shape, ist_error *error);

/* The bytes of one sample, as stored. */
int64_t data_row_bytes(const data_source *source);

/* Means over the dimensions after the channels: sums in float64, in the order of the file. */
void data_pool_sample(const double *sample, int64_t channels, int64_t area, double *out);

/* Why reading its rows will be slow, and the h5repack option that mends it; nothing where it will not. */
void data_repack_advice(const data_source *source, ist_text *out);

#endif
