/* A group of an HDF5 file as xarray and netCDF read it: dimension scales, arrays over them, attributes. Nothing of it
 * depends on time. The functions return whether HDF5 could. */
#ifndef IST_RESULTS_NETCDF_H
#define IST_RESULTS_NETCDF_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IST_MAX_SCALES = 32 };

/* What a file is made in: memory. */
hid_t ist_netcdf_new(void);
/* The file's bytes, owned by the caller; NULL if HDF5 could not make them. */
char *ist_netcdf_image(hid_t file, size_t *count);
hid_t ist_netcdf_group(hid_t file, const char *name);

/* An attribute of a file, a group or a dataset: UTF-8 text, or a number. */
bool ist_netcdf_text(hid_t owner, const char *name, const char *text);
bool ist_netcdf_integer(hid_t owner, const char *name, int64_t value);

/* One dataset: `type` in memory and in the file; dimension_count 0 is a scalar. Texts are `const char *` with
 * ist_netcdf_text_type(). scales: its dimensions' datasets; NULL: it is a scale itself. -1 where HDF5 could not. */
hid_t ist_netcdf_dataset(hid_t group, const char *name, hid_t type, int dimension_count,
                         const hsize_t *size, const hid_t *scales, const void *values);
/* A new type, to be closed by H5Tclose. */
hid_t ist_netcdf_text_type(void);

#endif
