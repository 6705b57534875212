/* Rows that will be read soon, from anywhere in memory. Private to the room. */
#ifndef INFOSTRATA_PAIRS_FETCH_H
#define INFOSTRATA_PAIRS_FETCH_H

#include "infostrata/pairs.h"

static inline void ist_fetch_row(const ist_slab *slab, int64_t row, int64_t d)
{
    enum { LINE = 64 };
    int64_t size = (int64_t)(slab->wide ? sizeof *slab->wide : sizeof *slab->narrow);
    const char *at =
        slab->wide ? (const char *)(slab->wide + row * d) : (const char *)(slab->narrow + row * d);
    for (int64_t byte = 0; byte < d * size; byte += LINE)
        __builtin_prefetch(at + byte);
}

#endif
