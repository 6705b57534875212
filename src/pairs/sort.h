/* Sorting by distance. Private to the room. */
#ifndef INFOSTRATA_PAIRS_SORT_H
#define INFOSTRATA_PAIRS_SORT_H

#include "infostrata/base.h"

typedef struct {
    double distance;
    int64_t at;
} ist_at_distance;

/* Into ascending order; returns whether all distances differ. room: for `count` more. */
bool ist_sort_by_distance(int64_t count, ist_at_distance *item, ist_at_distance *room);

#endif
