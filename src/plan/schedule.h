/* The schedule's inner calls. */
#ifndef IST_PLAN_SCHEDULE_H
#define IST_PLAN_SCHEDULE_H

#include "infostrata/plan.h"

/* Fills schedule->steps and the sources' last_step. */
void ist_schedule_order(ist_schedule *schedule, const ist_plan *plan);

/* Permutations of one kind that are held at once at most, whatever the memory: at least 1. */
int64_t ist_null_most_at_once(const ist_null_passes *null);

#endif
