/* The outcomes of a plan's tasks, those of subsets put together. */
#include "shown.h"

/* Are all of the subsets that start at a task finished? */
static bool gather(const ist_plan *plan, size_t task, int64_t count, const ist_journal *journal,
                   const ist_contents *contents, const ist_outcome **subsets)
{
    bool all = true;
    for (int64_t s = 0; s < count; s++) {
        subsets[s] = ist_task_outcome(plan, &plan->tasks[task + (size_t)s], contents, journal);
        all &= subsets[s] != NULL;
    }
    return all;
}

void ist_shown_new(const ist_plan *plan, const ist_journal *journal, const ist_contents *contents,
                   ist_shown *shown)
{
    size_t records = 0;
    int64_t most = 1;
    for (size_t t = 0; t < plan->task_count; t++) {
        const ist_subsets *of = ist_task_subsets(plan, &plan->tasks[t]);
        records += of && plan->tasks[t].subset == 0;
        most = of ? ist_max(most, of->count) : most;
    }
    *shown = (ist_shown){.of = ist_alloc(plan->task_count, sizeof *shown->of),
                         .joined = ist_alloc(records, sizeof *shown->joined)};
    const ist_outcome **subsets = ist_alloc((size_t)most, sizeof *subsets);
    for (size_t t = 0; t < plan->task_count; t++) {
        const ist_task *task = &plan->tasks[t];
        const ist_subsets *of = ist_task_subsets(plan, task);
        if (!of) {
            shown->of[t] = ist_task_outcome(plan, task, contents, journal);
        } else if (task->subset == 0 && gather(plan, t, of->count, journal, contents, subsets)) {
            ist_outcome *joined = &shown->joined[shown->joined_count++];
            ist_join_subsets(subsets, of->count, joined);
            shown->of[t] = joined;
        }
    }
    ist_free(subsets);
}

void ist_shown_release(ist_shown *shown)
{
    for (size_t i = 0; i < shown->joined_count; i++)
        ist_outcome_release(&shown->joined[i]);
    ist_free(shown->joined);
    ist_free(shown->of);
    *shown = (ist_shown){0};
}
