/* signals: why work may have to end before it is done, and the signals that say so. Local, no MPI; how all ranks agree is
 * stop.h. */
#ifndef INFOSTRATA_SIGNALS_H
#define INFOSTRATA_SIGNALS_H

#include <pthread.h>
#include <stdbool.h>

/* Of several reasons the last one counts. The first three leave time to finish something short, signals that end
 * programs do not: mpirun kills a second after SIGTERM. */
typedef enum {
    IST_GO_ON,
    IST_STOP_HOURS,     /* --max-hours */
    IST_STOP_WISH,      /* infostrata stop */
    IST_STOP_USR1,      /* SIGUSR1: a batch system's warning */
    IST_STOP_INTERRUPT, /* SIGINT */
    IST_STOP_TERMINATE  /* SIGTERM */
} ist_stop_reason;

/* Local, before MPI_Init. From now on SIGUSR1, SIGTERM and SIGINT only set a flag; a SIGINT two seconds or more after
 * another one ends the process at once. */
void ist_signals_catch(void);
/* Local. The strongest signal caught so far. */
ist_stop_reason ist_signals_caught(void);

/* Local. Starts a thread that no signal is delivered to: they are the main thread's. False: there is none to be had. */
bool ist_thread_start(pthread_t *thread, void *(*work)(void *data), void *data);

/* "--max-hours", "SIGTERM", ... */
const char *ist_stop_text(ist_stop_reason reason);

#endif
