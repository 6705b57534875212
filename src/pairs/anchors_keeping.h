/* A pass of anchors that is left and taken up (ist_keeper of pairs.h): between two batches it is the results of the first so many of
 * the list. Private to the room. */
#ifndef INFOSTRATA_PAIRS_ANCHORS_KEEPING_H
#define INFOSTRATA_PAIRS_ANCHORS_KEEPING_H

#include "infostrata/anchors.h"

/* Records of this rank's anchors, so many bytes each; borrowed. */
typedef struct {
    void *records;
    size_t bytes;
} ist_anchor_column;
enum { IST_ANCHOR_COLUMNS = 2 };

/* One pass at work; the caller fills in what stands before `identity`. */
typedef struct {
    const ist_comm *comm;
    const ist_engine *engine;
    const ist_rows *rows; /* that are looked at */
    const ist_anchors *anchors;
    ist_tie_rule ties;
    const char *what;
    int64_t width;           /* of lists: their k; else 0 */
    ist_anchor_column asked; /* part of what identifies the pass; NULL: nothing */
    ist_anchor_column column[IST_ANCHOR_COLUMNS]; /* what is found */
    ist_hash identity;
    bool has_identity, is_there;
    int64_t kept;        /* anchors whose results are on disk */
    double begun, saved; /* seconds */
} ist_anchor_keeping;

/* Collective. Takes up what is on disk; returns how many anchors are done. */
int64_t ist_anchor_keeping_begin(ist_anchor_keeping *k);
/* Collective, after a batch: `done` anchors have their results. To disk where it is time, or where the pass is broken off or whole and
 * worth it. */
void ist_anchor_keeping_go_on(ist_anchor_keeping *k, int64_t done, bool broken_off);

#endif
