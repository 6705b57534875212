/* The schedule's inner calls. */
#ifndef IST_PLAN_SCHEDULE_H
#define IST_PLAN_SCHEDULE_H

#include "infostrata/plan.h"

/* Fills schedule->steps and the sources' last_step. */
void ist_schedule_order(ist_schedule *schedule, const ist_plan *plan);

#endif
