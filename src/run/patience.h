/* How long the watchdog waits: the decision alone, without threads and clocks. Private to the room. */
#ifndef INFOSTRATA_RUN_PATIENCE_H
#define INFOSTRATA_RUN_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "infostrata/place.h"

/* Seconds between two looks. */
#define IST_PATIENCE_LOOK 0.25

/* {.seconds = S, .last = now} at first. */
typedef struct {
    double seconds; /* nothing finished for so long is a hang, unless more is known */
    int64_t seen;   /* what was done at the last look */
    double last;    /* when that was */
    double idle;    /* seconds since something was last seen to be done */
    double most;    /* the longest of those before, if not excused */
    bool excused;   /* it rested, or had said how long it may take: no measure of what is long */
} ist_patience;

/* Local, pure. A look at `now` (seconds of any steady clock): is it over? That is so if nothing was finished for p->seconds, or
 * ten times as long as it ever took or is expected to take, whichever is more; ten times that while the rank rests. A look that comes late
 * counts as one: whoever looks was stopped, too. */
bool ist_patience_over(ist_patience *p, const ist_whereabouts *place, double now);

#endif
