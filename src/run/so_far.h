/* What a step of many rounds (slices, permutations) has found so far: kept as passes are, so that a later start goes on from
 * there. Private to the room. */
#ifndef INFOSTRATA_RUN_SO_FAR_H
#define INFOSTRATA_RUN_SO_FAR_H

#include "session.h"

typedef struct {
    ist_session *s;
    ist_hash identity;
    const char *what; /* for people */
    int64_t bytes;    /* of what is found, on rank 0 */
    int64_t rounds;   /* in all */
    double kept;      /* when it last was, or began */
} ist_so_far;

/* Local. `tasks` with their contents, the number of rounds and the number of bytes are what identifies it: whatever else decides
 * the rounds must follow from these. `what` is borrowed. */
ist_so_far ist_so_far_new(ist_session *s, const char *what, const size_t *tasks, size_t count,
                          int64_t rounds, int64_t bytes);

/* Collective. The rounds that an earlier start had done, and on rank 0 in found[bytes] what it had found in them; 0: nothing is
 * known. */
int64_t ist_so_far_take_up(ist_so_far *f, void *found);

/* Local. Seconds after which what was found is worth a file; 0: nothing is kept. */
double ist_so_far_interval(const ist_session *s);

/* Collective, after `done` rounds: found[bytes] of rank 0 is put on disk, if enough time has passed since it last was or if the
 * run is being left. Whether it was; passes that were kept for these rounds alone (s->kept.of_round) are removed then. */
bool ist_so_far_keep(ist_so_far *f, const void *found, int64_t done, bool leaving);

#endif
