/* place: where this process is at work, for a thread that must tell it when the process gets no further. Local, no MPI; cheap enough
 * for every tile. One thread writes, others look. */
#ifndef INFOSTRATA_PLACE_H
#define INFOSTRATA_PLACE_H

#include <stdbool.h>
#include <stdint.h>

enum { IST_PLACE_TEXT = 200 };

typedef struct {
    char step[IST_PLACE_TEXT]; /* "counts in x.h5:/a"; "": none yet */
    const char *wait;          /* what it waits for; NULL: nothing, it computes or reads */
    bool rests;                /* it has nothing to do until other groups have */
    double expects;       /* seconds that a call may take in which nothing can be told; 0: none */
    int64_t tiles, waits; /* done so far: if neither grows it gets no further */
} ist_whereabouts;

/* A copy is kept of its first bytes. */
void ist_place_step(const char *step);
/* Another tile (or a share of work like one) is done. */
void ist_place_tile(void);
/* From here on it is in a call that tells nothing (of ScaLAPACK, say) and takes about so many seconds. 0: no more. */
void ist_place_long(double seconds);
/* From here on it waits for other ranks; `what` stays where it is. Then: what it waited for has come. */
void ist_place_wait(const char *what);
void ist_place_go_on(void);
/* Waiting may take as long as other groups work; `rests` false: no more. Meanwhile all ranks have been heard of. */
void ist_place_rest(bool rests);
void ist_place_heard(void);

ist_whereabouts ist_place_now(void);

#endif
