/* Plans for tests: a manifest's text -> plan, with made-up measures and shapes. */
#ifndef TESTS_UNIT_PLAN_SUPPORT_H
#define TESTS_UNIT_PLAN_SUPPORT_H

#include "infostrata/plan.h"

typedef struct {
    ist_job *job;
    ist_plan *plan; /* NULL if there are faults */
    ist_faults faults;
} planned;

/* The manifest stands at /jobs/test.yaml, its output is /jobs/out. Measures: `flow` (asymmetric,
 * takes labels; k, ties, seed, se) and `likeness` (symmetric; k). The manifest itself must be good.
 */
planned plan_of(const char *manifest);
/* The same, with another version of the algorithm of `flow`. */
planned plan_of_version(const char *manifest, int version);
/* With the program's own measures. */
planned plan_of_measures(const char *manifest);
void planned_release(planned *p);

/* Gives all layers and labels the same shape. */
void shape_all(ist_plan *plan, int64_t n, int64_t d);

/* One line a task: "width=4 flow a > b{seed=1} k=1", labels in <>. Lives until the test ends. */
const char *task_lines(const ist_plan *plan);
/* The faults as they are printed, less the source lines: "12:3: text". */
const char *fault_lines(const ist_faults *faults);

/* Fails the test where two texts differ. */
void expect_text(const char *got, const char *expected);

#endif
