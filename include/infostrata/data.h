/* data: the door in. HDF5 and .npy files -> shapes, a rank's rows of a layer, labels, sample ids.
 *
 * Files are only ever opened for reading, with HDF5's file locks off and its plugins forbidden.
 * External links, external storage, virtual datasets and filters other than deflate, shuffle and
 * fletcher32 are refused (docs/manual.md): a dataset may not make the program read another file.
 * Messages name file and dataset, the offending value and what to do.
 */
#ifndef INFOSTRATA_DATA_H
#define INFOSTRATA_DATA_H

#include "infostrata/base.h"
#include "infostrata/comm.h"
#include "infostrata/plan.h"

/* ---- local: one process, no MPI needed ----------------------------------------------------- */

/* Which state of a file was seen: enough to notice that it was changed. */
typedef struct {
    int64_t size, mtime_ns, inode;
} ist_stamp;

/* Local. IST_REFUSED if the file does not exist or cannot be read. */
ist_code ist_stamp_file(const char *path, ist_stamp *stamp, ist_error *error);

/* Local. Existence, type and shape of a layer's dataset, N x d after INDEX (the first dimension
 * kept is the samples, the others are flattened; with pool the dimensions after the channels are
 * averaged). Refused: missing file or dataset, no dimension kept, an index out of range, zero rows
 * or features, a type that is no real number or integer, a file shorter than its data. */
ist_code ist_probe_layer(const ist_location *at, ist_shape *shape, ist_error *error);

/* Local. The number of entries of an integer vector (labels, sample ids): one dimension kept. */
ist_code ist_probe_integers(const ist_location *at, int64_t *count, ist_error *error);
/* Local. Its first `count` values; labels may have any values. Floating-point labels are refused
 * unless every value read is an integer. */
ist_code ist_read_integers(const ist_location *at, int64_t count, int64_t *values,
                           ist_error *error);

/* Local. Is there such a dataset (in an HDF5 file that can be opened)? No error either way; one behind a
 * forbidden link is there, and is refused when it is read. */
bool ist_has_dataset(const char *file, const char *dataset);

/* A list of names and the values that go with some of them. */
typedef struct {
    char **names;
    double *values;
    size_t count;
} ist_named_values;
void ist_named_values_release(ist_named_values *list);

/* Local. The datasets under /layers, ordered by their attribute layer_index if all have one, else
 * in natural name order. values are unused. */
ist_code ist_list_layers(const char *file, ist_named_values *layers, ist_error *error);
/* Local. Scalar numeric attributes of the file (root group), by name: the meta columns. A .npy or
 * unreadable file has none. */
void ist_list_attributes(const char *file, ist_named_values *attributes);
/* Local. One number: a scalar dataset, or an element of one by INDEX. */
ist_code ist_read_scalar(const ist_location *at, double *value, ist_error *error);

/* What all values of a layer say. */
typedef struct {
    int64_t rows, d;
    int64_t nan, inf, first_row; /* values, not rows; the first row with one, -1: none */
    int64_t constant_columns, first_constant;
    int64_t zero_rows;  /* rows of zeros alone */
    int64_t duplicates; /* rows that equal an earlier one (by a 128-bit hash) */
} ist_survey;
/* Local. Reads the first n rows (0: all) piece by piece. Rows with NaN or Inf count as such alone. repack (may be NULL):
 * where chunks make reading slow, why, and the option of h5repack that mends it is appended. Refused: what cannot be
 * read. */
ist_code ist_survey_layer(const ist_location *at, int64_t n, ist_survey *found, ist_text *repack,
                          ist_error *error);

/* Local. What a file holds, as a page: of HDF5 the attributes of the file, and of every dataset path, type, sizes,
 * storage and attributes, with the classes of what lies under /labels; of .npy type, sizes and order. What this program
 * could not read is said where it stands. Links out of the file are named, not followed. Refused: no such file. */
ist_code ist_describe_file(const char *path, ist_text *out, ist_error *error);

/* The names of one HDF5 build and of MPI are in `infostrata --version`: "1.10.8". */
const char *ist_hdf5_version(void);

/* ---- collective ---------------------------------------------------------------------------- */

/* A rank's rows of a layer, row-major; exactly one of the two is not NULL (shape.wide). */
typedef struct {
    float *narrow;
    double *wide;
    int64_t count, d;
} ist_matrix;
void ist_matrix_release(ist_matrix *matrix);

/* NaN and Inf of a layer, over all ranks. */
typedef struct {
    int64_t nan, inf;  /* values, not rows */
    int64_t first_row; /* -1: none */
} ist_census;

/* Collective on comm. Each rank reads rows [first, first + count) of the layer (count may be 0), or with `chosen` (ascending)
 * the rows chosen[first], ..., chosen[first + count - 1], in calls of at most 1 GiB; comm's ranks agree on the outcome. float16 and integers of up to 16
 * bits become float32 exactly, all else shape.wide float64 (64-bit integers beyond 2^53 are refused:
 * they would be rounded). The caller owns *rows. NaN and Inf are counted, not refused, here.
 * IST_FAILED where the file cannot be read (truncated, damaged, changed shape). */
ist_code ist_read_rows(const ist_comm *comm, const ist_location *at, const ist_shape *shape,
                       const int64_t *chosen, int64_t first, int64_t count, ist_matrix *rows,
                       ist_census *census, ist_error *error);

#endif
