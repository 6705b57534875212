/* Tasks in flight, for the mark that a crash leaves. Private to the room; no MPI. */
#ifndef INFOSTRATA_RUN_FLIGHTS_H
#define INFOSTRATA_RUN_FLIGHTS_H

#include "infostrata/plan.h"

/* Of place p: the pending tasks task[start[p]], ..., task[start[p + 1] - 1]. {0}: none were looked for. */
typedef struct {
    size_t *start;
    ist_hash *task;
} ist_flights;

/* By step: the tasks that need its pass or that it completes; by layer: those that it is an operand of. */
ist_flights ist_flights_of_steps(const ist_plan *plan, const ist_schedule *schedule,
                                 const bool *pending);
ist_flights ist_flights_of_layers(const ist_plan *plan, const bool *pending);
void ist_flights_release(ist_flights *flights);

#endif
