/* Made-up results. */
#ifndef TESTS_UNIT_RESULTS_SUPPORT_H
#define TESTS_UNIT_RESULTS_SUPPORT_H

#include "infostrata/results.h"

/* The i-th of a row of different outcomes: every third has failed, the others have one or two
 * records, with texts and reals of every kind. Nothing to release. */
ist_outcome outcome_number(uint64_t i);
/* Its line, for comparisons. Lives until the test ends. */
const char *outcome_text(const ist_outcome *outcome);

/* Fails the test, with the text, where there is an error. */
void expect_ok(const ist_error *error);

#endif
