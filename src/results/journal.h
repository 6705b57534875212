/* The journal as this room sees it: everything that was read or added, by hash. */
#ifndef IST_RESULTS_JOURNAL_H
#define IST_RESULTS_JOURNAL_H

#include "appender.h"
#include "line.h"

/* A task in flight at a crash; `next`: at an earlier one, SIZE_MAX ends them. */
typedef struct {
    size_t crash, next;
} ist_flight;

struct ist_journal {
    ist_outcome **outcomes; /* one by one, so that what was found stays where it is */
    ist_input_state **inputs;
    ist_meta *metas;
    ist_pass_time *passes;
    size_t outcome_count, input_count, meta_count, pass_count;
    size_t outcome_capacity, input_capacity, meta_capacity, pass_capacity;
    ist_crash *crashes;
    ist_flight *flights;
    size_t crash_count, crash_capacity, flight_count, flight_capacity;
    int64_t retried;         /* the latest run that tried failed tasks again; 0: none did */
    ist_index by_flight;     /* by task: the latest in `flights` */
    ist_index by_key, by_id; /* outcomes: by id and contents; by id alone */
    ist_index by_input, by_cell;
    size_t damaged;
    int64_t run; /* that appends; while lines are read the latest that was met */
    ist_appender appender;
};

/* Takes over what it is given; an outcome, input or cell that is known already is replaced, unless a later run wrote it. */
void ist_journal_keep_outcome(ist_journal *journal, ist_outcome *outcome);
void ist_journal_keep_input(ist_journal *journal, ist_input_state *input);
void ist_journal_keep_meta(ist_journal *journal, ist_meta *meta);
void ist_journal_keep_pass(ist_journal *journal, ist_pass_time *pass);
void ist_journal_keep_crash(ist_journal *journal, ist_crash *crash);
void ist_journal_release(ist_journal *journal);

/* NULL if there are none. */
const ist_meta *ist_journal_meta_of(const ist_journal *journal, const char *cell);

#endif
