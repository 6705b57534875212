/* Numbers for people. Each appends to `out`. */
#ifndef IST_PLAN_UNITS_H
#define IST_PLAN_UNITS_H

#include "infostrata/base.h"

void ist_add_bytes(ist_text *out, int64_t bytes);     /* "312 MB", "1.2 GB": powers of ten */
void ist_add_count(ist_text *out, int64_t count);     /* "1,234,567" */
void ist_add_large(ist_text *out, double number);     /* "1.2e+12"; below a million as a count */
void ist_add_duration(ist_text *out, double seconds); /* "0.4 s", "3 min 20 s", "5 h 10 min" */

#endif
