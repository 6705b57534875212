/* type: the stored types that are read, and their conversion. Pure: plain arrays, no HDF5. Local.
 *
 * HDF5 and .npy values arrive as the bytes of the file and are converted here, for both alike:
 * HDF5's own conversion would also end its collective reads.
 */
#ifndef IST_DATA_TYPE_H
#define IST_DATA_TYPE_H

#include "infostrata/base.h"

typedef enum {
    DATA_FLOAT16,
    DATA_FLOAT32,
    DATA_FLOAT64,
    DATA_INT8,
    DATA_INT16,
    DATA_INT32,
    DATA_INT64,
    DATA_UINT8,
    DATA_UINT16,
    DATA_UINT32,
    DATA_UINT64,
    DATA_BOOL,
    DATA_KINDS
} data_kind;

typedef struct {
    data_kind kind;
    bool swap; /* stored in the other byte order than this machine's */
} data_type;

/* What messages and ist_shape.type say. */
extern const char *const data_type_list;
const char *data_type_name(data_type type);
int data_type_bytes(data_type type);
/* float64 is needed to hold its values exactly (64-bit integers: as far as 2^53). */
bool data_type_wide(data_type type);
bool data_type_is_float(data_type type);

/* The kind of a float (`letter` 'f'), signed ('i') or unsigned ('u') type of so many bytes, or
 * bool ('b'); false if there is none. */
bool data_type_of(char letter, int64_t bytes, bool big_endian, data_type *type);

/* Brings `count` values into this machine's byte order, in place. */
void data_to_native(data_type type, void *raw, int64_t count);

/* Values in this machine's order -> float, for a type that is not wide: exact. */
void data_to_float(data_type type, const void *raw, int64_t count, float *out);
/* -> double. Returns the position of the first value that would be rounded (an integer beyond
 * 2^53), or -1. */
int64_t data_to_double(data_type type, const void *raw, int64_t count, double *out);
/* -> int64. Returns the position of the first value that is no such integer, or -1. */
int64_t data_to_integer(data_type type, const void *raw, int64_t count, int64_t *out);
/* One value as text, for messages. */
void data_add_value(ist_text *out, data_type type, const void *raw, int64_t position);

#endif
