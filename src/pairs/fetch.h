/* Rows that will be read soon, from anywhere in memory. Private to the room. */
#ifndef INFOSTRATA_PAIRS_FETCH_H
#define INFOSTRATA_PAIRS_FETCH_H

#include "infostrata/pairs.h"

static inline void ist_fetch_values(const ist_slab *slab, int64_t row, int64_t d)
{
    enum { LINE = 64 };
    int64_t size = (int64_t)(slab->wide ? sizeof *slab->wide : sizeof *slab->narrow);
    const char *at =
        slab->wide ? (const char *)(slab->wide + row * d) : (const char *)(slab->narrow + row * d);
    for (int64_t byte = 0; byte < d * size; byte += LINE)
        __builtin_prefetch(at + byte);
}

/* A row of a slab of the set `rows`. */
static inline void ist_fetch_row(const ist_rows *rows, const ist_slab *slab, int64_t row)
{
    if (!ist_rows_are_joint(rows))
        ist_fetch_values(slab, row, rows->d);
    for (int c = 0; c < 2 && ist_rows_are_joint(rows); c++)
        ist_fetch_values(&slab->component[c], row, rows->component[c]->d);
}

#endif
