/* What the views show of each task. */
#ifndef IST_RESULTS_SHOWN_H
#define IST_RESULTS_SHOWN_H

#include "infostrata/results.h"

typedef struct {
    const ist_outcome *
        *of; /* by task of the plan; NULL: not finished, or told with the task before it */
    ist_outcome *joined; /* of subsets */
    size_t joined_count;
} ist_shown;

/* Outcomes as the journal has them; of subsets one, at the first of their tasks, when all are there. The journal must
 * stay. */
void ist_shown_new(const ist_plan *plan, const ist_journal *journal, const ist_contents *contents,
                   ist_shown *shown);
void ist_shown_release(ist_shown *shown);

/* The outcomes of the subsets 0 .. count - 1 as one: of each record the mean of the values, and as its standard error
 * their standard deviation (ddof 1) over sqrt(count), NaN of one; all notes; of the details what is the same in all, and
 * the mean of numbers that differ; no series. Sums go in the subsets' order. Failed if one of them is. */
void ist_join_subsets(const ist_outcome *const *subsets, int64_t count, ist_outcome *out);

#endif
