/* Comma-separated values: RFC 4180 quotes only where needed, '\n' at line ends. */
#ifndef IST_RESULTS_CSV_H
#define IST_RESULTS_CSV_H

#include "infostrata/base.h"

/* A table as it is written: fields one after the other, ist_csv_end behind the last of a row. */
typedef struct {
    ist_text text;
    bool in_row;
} ist_csv;

void ist_csv_text(ist_csv *csv, const char *field); /* NULL: empty */
void ist_csv_integer(ist_csv *csv, int64_t field);
void ist_csv_real(ist_csv *csv, double field); /* 17 digits; NaN: empty */
void ist_csv_end(ist_csv *csv);

#endif
