#include "order.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline bool comes_before(const brute_other *x, const brute_other *y)
{
    if (x->distance != y->distance)
        return x->distance < y->distance;
    return x->tie != y->tie ? x->tie < y->tie : x->row < y->row;
}

/* Runs of 1, 2, 4, ... are merged: qsort's calls would take most of a check's time. */
void brute_sort(brute_other *found, int64_t count)
{
    brute_other *room = malloc((size_t)(count + 1) * sizeof *room), *from = found, *to = room;
    for (int64_t run = 1; run < count; run *= 2) {
        for (int64_t first = 0; first < count; first += 2 * run) {
            int64_t middle = first + run < count ? first + run : count;
            int64_t end = middle + run < count ? middle + run : count, a = first, b = middle;
            for (int64_t at = first; at < end; at++)
                to[at] = b == end || (a < middle && !comes_before(&from[b], &from[a])) ? from[a++]
                                                                                       : from[b++];
        }
        brute_other *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != found)
        memcpy(found, from, (size_t)count * sizeof *found);
    free(room);
}
