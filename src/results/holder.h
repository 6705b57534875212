/* Who holds an output folder: what its lock file says. */
#ifndef IST_RESULTS_HOLDER_H
#define IST_RESULTS_HOLDER_H

#include "infostrata/base.h"

typedef struct {
    char host[256], boot[64], since[IST_TIME_TEXT], slurm_job[64];
    int64_t pid, start; /* start: clock ticks since boot, 0 where it is not known */
    int64_t restarts;   /* of the Slurm job */
} ist_holder;

/* This process. */
void ist_holder_self(ist_holder *out);
/* One line of JSON. */
void ist_holder_write(const ist_holder *holder, ist_text *out);
bool ist_holder_read(const char *text, size_t length, ist_holder *out);

/* ALIVE: the process is there. GONE: it is not, or the host was started anew, or it was an earlier
 * start of this very Slurm job. UNKNOWN: it is of another host. */
typedef enum { IST_HOLDER_ALIVE, IST_HOLDER_GONE, IST_HOLDER_UNKNOWN } ist_holder_state;
ist_holder_state ist_holder_look(const ist_holder *holder, const ist_holder *self);

/* "host n1, process 812, Slurm job 4711, since 2026-01-31T23:59:59Z" */
void ist_holder_text(const ist_holder *holder, ist_text *out);

#endif
