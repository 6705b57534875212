/* hdf5_file: opening files that may be damaged or ill-meant, and walking to a dataset inside. */
#ifndef IST_DATA_HDF5_FILE_H
#define IST_DATA_HDF5_FILE_H

#include "source.h"

/* Local. Silences HDF5's own messages, forbids its plugins and its file locks. Cheap, idempotent:
 * called before every use. */
void data_hdf5_quiet(void);

/* New access properties: no file locks, everything inside closed with the file. */
hid_t data_hdf5_access(void);

/* Opens a file for reading, or returns -1 with the reason in plain words. Collective with an MPI
 * driver in `access`. */
hid_t data_hdf5_open(const ist_location *at, hid_t access, ist_error *error);

typedef enum { DATA_FOUND, DATA_MISSING, DATA_FORBIDDEN } data_finding;

/* Local. Walks to `path`, from link to link: soft links are followed inside the file, any other
 * kind is forbidden. DATA_FOUND: *object is open (H5Oclose). Else the reason is in error. */
data_finding data_hdf5_find(hid_t file, const ist_location *at, const char *path, hid_t *object,
                            ist_error *error);

/* Local. The numeric type of HDF5 values, or a refusal that says what it is and how to convert. */
ist_code data_hdf5_type(const ist_location *at, hid_t stored, data_type *type, ist_error *error);

/* The two halves of data_open, data_read for HDF5. */
ist_code data_hdf5_dataset(data_source *source, hid_t access, ist_error *error);
ist_code data_hdf5_read(const data_source *source, int64_t first, int64_t count, void *raw,
                        ist_error *error);

/* Local, the same on every rank: whether rows are read by collective calls of HDF5. */
bool data_hdf5_reads_together(const data_source *source);

/* The deepest entry of HDF5's error stack ("" if none), as it stands after a failed call. */
void data_hdf5_reason(ist_text *out);

#endif
