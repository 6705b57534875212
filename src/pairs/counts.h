/* The two ways of counting below thresholds, shared by counts.c (states, results, travel). Private to
 * the room. */
#ifndef INFOSTRATA_PAIRS_COUNTS_H
#define INFOSTRATA_PAIRS_COUNTS_H

#include "infostrata/pairs.h"

/* Is the row at a position the target of threshold m? Then its distance is the threshold. */
static inline bool ist_counts_is_target(const ist_counts *s, int64_t row, int64_t m,
                                        int64_t position)
{
    return s->target && !s->by_index && m < s->thresholds &&
           s->target[row * s->thresholds + m] == position;
}

/* Up to IST_FEW_THRESHOLDS a row: counts_few.c. */
void ist_counts_few_prepare(ist_counts *s, const ist_packed *packed);
void ist_counts_few_scan(ist_counts *rows, ist_counts *columns, const ist_tile *tile,
                         ist_open_list *open);
/* Forgets the kinds of the slab that was met before. */
void ist_counts_few_meet(ist_counts *s);
/* One pair of a row at a known distance, against one threshold. `kind` is the other row's. */
void ist_counts_few_settle(ist_counts *s, int64_t row, int64_t m, double distance, int64_t position,
                           int32_t kind);

/* More: counts_many.c. The levels of a tree that holds them. */
int ist_counts_many_levels(int64_t thresholds);
void ist_counts_many_prepare(ist_counts *s, const ist_packed *packed);
void ist_counts_many_scan(ist_counts *rows, ist_counts *columns, const ist_tile *tile,
                          ist_open_list *open);
/* One pair of a row at a known distance that is beyond the thresholds before number `from`. */
void ist_counts_many_settle(ist_counts *s, int64_t row, int64_t from, double distance,
                            int64_t position);
/* The first threshold that is not below a distance. */
int64_t ist_counts_many_find(const ist_counts *s, int64_t row, double distance);

#endif
