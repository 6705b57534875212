/* The tables that the views are. */
#ifndef IST_RESULTS_TABLES_H
#define IST_RESULTS_TABLES_H

#include "csv.h"
#include "infostrata/results.h"

void ist_results_table(const ist_plan *plan, const ist_journal *journal,
                       const ist_contents *contents, ist_csv *out);
void ist_timings_table(const ist_journal *journal, ist_csv *out);

#endif
