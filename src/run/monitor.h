/* What a run tells while it works: status.json, the lock's heartbeat, progress on the terminal and in the log. A thread
 * of rank 0 does it, so that neither a long pass nor a long read keeps anybody waiting; it never calls MPI. Private to the
 * room. */
#ifndef INFOSTRATA_RUN_MONITOR_H
#define INFOSTRATA_RUN_MONITOR_H

#include "infostrata/pairs.h"
#include "infostrata/results.h"

typedef struct ist_monitor ist_monitor;

/* Local, on rank 0 once its folder is open; all is borrowed. pulse: pairs of this rank; planned_pairs: of all ranks, for the
 * time left (0: not known). Every other function takes NULL for "no monitor". */
ist_monitor *ist_monitor_new(const char *folder, ist_shard shard, const ist_lock *lock,
                             ist_log *log, const ist_pulse *pulse);
/* The last word of a run: its state is written, the thread ends, *monitor becomes NULL. */
void ist_monitor_end(ist_monitor **monitor, ist_run_state state, const char *reason);

/* From another thread, in a process that is about to end: the state is written if nobody is at it. */
void ist_monitor_abandon(ist_monitor *monitor, const char *reason);

/* The status is changed between the two. */
ist_status *ist_monitor_open(ist_monitor *monitor);
void ist_monitor_close(ist_monitor *monitor);

/* A pass begins; pairs of it that are this rank's (0: not known). */
void ist_monitor_step(ist_monitor *monitor, const char *what, double pairs);
/* So many pairs and passes are to come, of all ranks. */
void ist_monitor_plan(ist_monitor *monitor, double pairs, size_t passes);
void ist_monitor_tasks(ist_monitor *monitor, size_t done, size_t failed, int64_t journal_bytes);

#endif
