/* Forces a file to disk in a thread of its own, so that who writes need not wait for the disk: 5 to 20 ms each time. */
#ifndef IST_RESULTS_SYNCER_H
#define IST_RESULTS_SYNCER_H

#include <stdbool.h>

typedef struct ist_syncer ist_syncer;

/* The file is borrowed. */
ist_syncer *ist_syncer_new(int file);
/* What was written so far is to be forced to disk. False if the last time is still under way: nothing is done then. */
bool ist_syncer_ask(ist_syncer *syncer);
/* errno of a time that failed, once; 0: none did so far. The second one waits for what is under way. */
int ist_syncer_failed(ist_syncer *syncer);
int ist_syncer_wait(ist_syncer *syncer);
/* Waits, too; *syncer becomes NULL. */
void ist_syncer_free(ist_syncer **syncer);

#endif
