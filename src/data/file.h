/* file: input files as the system sees them. Local. */
#ifndef IST_DATA_FILE_H
#define IST_DATA_FILE_H

#include "infostrata/data.h"

/* A regular file that this user may read; else the reason, with who asks and who may. stamp may be
 * NULL. */
ist_code data_file_check(const ist_location *at, ist_stamp *stamp, ist_error *error);

/* The first bytes of a file; returns its size, -1 if it cannot be read. */
int64_t data_file_head(const char *path, char *head, size_t count);

#endif
