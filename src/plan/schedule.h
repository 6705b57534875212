/* The schedule's inner calls. */
#ifndef IST_PLAN_SCHEDULE_H
#define IST_PLAN_SCHEDULE_H

#include "infostrata/plan.h"

/* Fills schedule->steps and the sources' last_step. */
void ist_schedule_order(ist_schedule *schedule, const ist_plan *plan);

/* Which joint passes go together: fills in the sources' head and together (together.c). */
void ist_schedule_bring_together(ist_schedule *schedule, const ist_plan *plan);

/* Permutations of one kind that are held at once at most, whatever the memory: at least 1. */
int64_t ist_null_most_at_once(const ist_null_passes *null);

/* What a task adds to the size and the work of its step of matrices (dense_cost.c). */
void ist_add_dense(ist_dense_pass *pass, const ist_plan *plan, const ist_task *task,
                   const ist_dense_needs *needs);

/* Are the shapes of a task's matrices those that it can do with? Else what is wrong is added to the text (check_dense.c). */
bool ist_check_dense(const ist_plan *plan, const ist_task *task, const ist_dense_needs *needs,
                     ist_text *out);

#endif
