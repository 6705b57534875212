/* The schedule's inner calls. */
#ifndef IST_PLAN_SCHEDULE_H
#define IST_PLAN_SCHEDULE_H

#include "infostrata/plan.h"

/* Fills schedule->steps and the sources' last_step. */
void ist_schedule_order(ist_schedule *schedule, const ist_plan *plan);

/* Which passes within classes may read the lists of a pass among all, which then keep their distances (read_lists.c). */
void ist_schedule_read_lists(ist_schedule *schedule, const ist_plan *plan);
/* Which joint passes go together: fills in the sources' head and together (together.c). */
void ist_schedule_bring_together(ist_schedule *schedule, const ist_plan *plan);
/* Another order of the same steps: each comes behind those that it needs. `steps` is copied. */
void ist_schedule_reorder(ist_schedule *schedule, const ist_plan *plan, const ist_step *steps);

/* By layer: is it compared with so many others that without it, and its like, the rest falls into many portions (at least two a
 * rank)? NULL: there are no such layers. */
bool *ist_find_hubs(const ist_plan *plan, const ist_schedule *schedule, int ranks);
/* Puts the steps into the order of stages; false: some numbers would be needed by a stage that has no way to get them, nothing is
 * changed. Takes back: ist_schedule_reorder with the steps as they were, and carried = 0. */
bool ist_order_by_stage(const ist_plan *plan, ist_schedule *schedule, const bool *hub);
/* Layers as sets: each points to another one of its set, the first of them to itself. Those that a task compares are of one set,
 * but hubs (NULL: there are none), which are sets of their own. */
size_t *ist_sets_of_layers(const ist_plan *plan, const ist_schedule *schedule, const bool *hub);
size_t ist_set_of(size_t *parent, size_t layer);

/* schedule->carried, from the steps' stages. */
int64_t ist_carried_bytes(const ist_plan *plan, const ist_schedule *schedule);

/* Permutations of one kind that are held at once at most, whatever the memory: at least 1. */
int64_t ist_null_most_at_once(const ist_null_passes *null);

/* What a task adds to the size and the work of its step of matrices (dense_cost.c). */
void ist_add_dense(ist_dense_pass *pass, const ist_plan *plan, const ist_task *task,
                   const ist_dense_needs *needs);

/* Are the shapes of a task's matrices those that it can do with? Else what is wrong is added to the text (check_dense.c). */
bool ist_check_dense(const ist_plan *plan, const ist_task *task, const ist_dense_needs *needs,
                     ist_text *out);

#endif
