/* test_data_files: input files for the tests of the data room, and what is expected of them. */
#ifndef TESTS_UNIT_TEST_DATA_FILES_H
#define TESTS_UNIT_TEST_DATA_FILES_H

#include <hdf5.h>

#include "infostrata/data.h"

/* An address; the texts are borrowed. */
ist_location at(const char *file, const char *dataset, const char *index);

/* A new, empty HDF5 file in the scratch folder, open for writing. */
hid_t h5_new(const char *name, const char **path);
/* Adds a dataset (groups on the way are made); properties may be H5P_DEFAULT. */
void h5_add(hid_t file, const char *name, hid_t stored, hid_t in_memory, int rank,
            const hsize_t *sizes, hid_t properties, const void *values);
/* A file with one dataset; returns its path. */
const char *h5_file(const char *name, const char *dataset, hid_t stored, hid_t in_memory, int rank,
                    const hsize_t *sizes, const void *values);

/* IEEE float16 as an HDF5 type. */
hid_t h5_half(bool big_endian);
/* h5py's bool. */
hid_t h5_bool(void);

/* A .npy file of version 1 with the header's text as given; returns its path. */
const char *npy_file(const char *name, const char *header, const void *bytes, size_t count);
const char *npy_version(const char *name, int version, const char *header, const void *bytes,
                        size_t count);

/* The rows of a layer as doubles, read without MPI; *shape is its shape. Fails the test if it
 * cannot be read. ist_free it. */
double *read_layer(ist_location where, ist_shape *shape);

/* The probe as a layer is refused, and its message contains every one of the texts (NULL ends). */
void expect_layer_refused(ist_location where, const char *const texts[]);
void expect_message(const ist_error *error, const char *const texts[]);

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SIZES(...) ((const hsize_t[]){__VA_ARGS__})

#endif
