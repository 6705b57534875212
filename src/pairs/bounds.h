/* What the files of the filter share: docs/numerics.md sections 3 to 5. Private to the room. */
#ifndef INFOSTRATA_PAIRS_BOUNDS_H
#define INFOSTRATA_PAIRS_BOUNDS_H

#include <float.h>
#include <math.h>

#include "infostrata/pairs.h"

/* Against the roundings of the bounds' own arithmetic. */
#define IST_SLACK 0x1p-20

/* The next float32 number but one, to the side named. */
static inline float ist_up(double x)
{
    return x < FLT_MAX ? nextafterf((float)x, INFINITY) : INFINITY;
}

static inline float ist_down(double x)
{
    return x < FLT_MAX ? nextafterf((float)x, -INFINITY) : FLT_MAX;
}

static inline bool ist_is_product(ist_filter_form form)
{
    return form == IST_FILTER_PRODUCT || form == IST_FILTER_INTEGER;
}

static inline bool ist_is_squared(ist_filter_form form)
{
    return form == IST_FILTER_DIRECT || ist_is_product(form);
}

/* A row's values as float64, where they are or in `room`. */
static inline const double *ist_row_values(const ist_slab *slab, int64_t row, int64_t d,
                                           double *room)
{
    if (slab->wide)
        return slab->wide + row * d;
    for (int64_t f = 0; f < d; f++)
        room[f] = (double)slab->narrow[row * d + f];
    return room;
}

#endif
