/* message: errors about a dataset, and the names of files and datasets in them. Local. */
#ifndef IST_DATA_MESSAGE_H
#define IST_DATA_MESSAGE_H

#include "infostrata/base.h"
#include "infostrata/plan.h"

/* Fails with "FILE:DATASET[INDEX]: message". Control characters, which a file may have put into
 * its names, are escaped in the whole text. */
ist_code data_fail(const ist_location *at, ist_error *error, ist_code code, const char *format, ...)
    IST_PRINTF(4, 5);

/* Appends `text` with its control characters as \n, \t or \x1b. */
void data_add_printable(ist_text *out, const char *text);

/* Appends "12 x 3 x 4"; a rank of 0 is "a single value". */
void data_add_sizes(ist_text *out, int rank, const int64_t *size);

#endif
