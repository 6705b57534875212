/* Slices in memory: projected where the rows live, whole where they are looked at. Private to the room. */
#ifndef INFOSTRATA_RUN_SLICE_COLUMNS_H
#define INFOSTRATA_RUN_SLICE_COLUMNS_H

#include "session.h"
#include "slices.h"

/* Where the time goes, on this rank. */
typedef struct {
    double project, transpose, sort, estimate;
    int64_t bytes_sent;
} ist_slice_times;

/* Slices [first, first + count) of a pass; of these, this rank has `mine` from `own` on. */
typedef struct {
    int64_t first, count, own, mine;
    double *column
        [2]; /* mine x columns x n: column c of slice i at [(i columns + c) n], samples in file order */
} ist_slice_batch;

/* Local. Which rank has which slices of a batch of so many: [ist_share(count, ranks, r), ...). */
ist_slice_batch ist_slice_batch_new(const ist_session *s, const ist_slice_pass *pass, int64_t n,
                                    int64_t first, int64_t count);
void ist_slice_batch_release(ist_slice_batch *batch);

/* Collective. Projects the rows of s->loaded (and of s->other) and brings each slice's to the rank that has it. */
void ist_slice_columns(ist_session *s, const ist_slice_pass *pass, ist_slice_batch *batch,
                       ist_slice_times *times);

#endif
