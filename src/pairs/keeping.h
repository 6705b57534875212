/* A pass that is left and taken up: what of it goes to disk, and when (ist_keeper of pairs.h). Private to the room. */
#ifndef INFOSTRATA_PAIRS_KEEPING_H
#define INFOSTRATA_PAIRS_KEEPING_H

#include "infostrata/ring.h"
#include "progress.h"

/* One pass at work. {0}: it is not kept. */
typedef struct {
    const ist_comm *comm;
    const ist_keeper *keeper;
    const ist_rows *rows;
    const ist_consumer *consumer;
    const ist_tie_rule *ties;
    void *state;
    ist_hash place;         /* part of the identity */
    ist_progress *progress; /* NULL: nothing is kept */
    ist_hash identity;
    bool has_identity;
    bool is_there;       /* some of it is on disk */
    bool shared;         /* `progress` has pairs that all ranks know to be done */
    double begun, round; /* seconds: the pass; what is not on disk yet */
} ist_keeping;

/* Collective. Of a pass whose state is as new: takes up what is on disk. True: all of it is there, nothing is left to do. */
bool ist_keeping_begin(ist_keeping *k, const ist_comm *comm, const ist_engine *engine,
                       const ist_pass_member *pass, const ist_consumer *consumer,
                       const ist_tie_rule *ties);
/* Local: is it time, and has this rank done something that is not on disk? */
bool ist_keeping_due(const ist_keeping *k);
/* Local: is there anything left to do between the rows of ranks a and b? Both say the same. */
bool ist_keeping_has_left(const ist_keeping *k, int ranks, int a, int b, ist_pairing pairing);
/* Collective, where every rank's rows have all that was found for them: to disk, as far as it got. */
void ist_keeping_save(ist_keeping *k);
/* Collective. The pass is whole: kept for those who come after, where that is worth it. */
void ist_keeping_end(ist_keeping *k, bool whole);
/* A whole pass is kept for later ones if it took this share of the time between two checkpoints. */
#define IST_WORTH_KEEPING (1.0 / 180)
/* Collective. Of the values of a set, in their order, with such ties: part of the identity of what is found for some of its rows. */
ist_hash ist_keeping_identity(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                              ist_hash place, const ist_tie_rule *ties);
/* Collective. The k of the lists that are kept of such a pass, if longer than k; else k. */
int64_t ist_keeping_width(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                          ist_hash place, const ist_tie_rule *ties, int64_t k);

#endif
