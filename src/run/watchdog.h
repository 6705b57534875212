/* A thread on every rank that ends the run if it gets no further: a rank stands still, a network is cut, somebody waits for what never
 * comes. Private to the room; it never calls MPI. */
#ifndef INFOSTRATA_RUN_WATCHDOG_H
#define INFOSTRATA_RUN_WATCHDOG_H

#include "monitor.h"

typedef struct ist_watchdog ist_watchdog;

/* Local. If nothing is finished (place.h) for `seconds`, or for ten times as long as it ever took before or was expected to take, whichever is more, and ten
 * times that where the rank only waits for other groups, one line about this rank goes to stderr and to the file `log` (borrowed;
 * it is appended to), and a moment later the process ends with IST_BROKEN, and with it all ranks. Time in which the thread itself
 * was stopped does not count. `monitor` (of rank 0, borrowed; NULL elsewhere)
 * says so in the status. seconds 0: NULL, no watchdog. */
ist_watchdog *ist_watchdog_new(double seconds, const char *log, ist_monitor *monitor, int rank,
                               int ranks);
/* *watchdog becomes NULL; NULL is fine. */
void ist_watchdog_end(ist_watchdog **watchdog);

#endif
