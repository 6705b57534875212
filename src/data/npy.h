/* npy: NumPy's .npy files, versions 1 to 3. Local. */
#ifndef IST_DATA_NPY_H
#define IST_DATA_NPY_H

#include "source.h"

enum { DATA_NPY_PREFIX = 12, DATA_NPY_HEADER = 64 * 1024 };

/* The dictionary in a .npy header: pure, for tests and the fuzzer. `header` is `length` bytes, not
 * terminated. Fills type, fortran, view.rank and view.size of the source. */
ist_code data_npy_header(const char *header, size_t length, data_source *source, ist_error *error);

/* The two halves of data_open, data_read for .npy. */
ist_code data_npy_open(data_source *source, ist_error *error);
ist_code data_npy_read(const data_source *source, int64_t first, int64_t count, void *raw,
                       ist_error *error);

#endif
