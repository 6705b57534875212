/* A layer's rows as the dense room wants them. */
#include <string.h>

#include "infostrata/ring.h"
#include "room.h"

dense_rows dense_rows_of(const ist_comm *comm, const ist_rows *rows)
{
    dense_rows r = {.first = rows->home.first, .count = rows->home.count, .d = rows->d};
    if (!rows->twin) {
        r.narrow = rows->home.narrow;
        r.wide = rows->home.wide;
        return r;
    }
    const ist_rows *twin = rows->twin;
    const size_t bytes = (size_t)rows->d * (rows->wide ? sizeof(double) : sizeof(float));
    r.owned = ist_alloc((size_t)ist_max(1, r.count), bytes);
    ist_carry(comm, rows, twin, twin->place, IST_CARRY_BACK, bytes,
              rows->wide ? (const void *)twin->home.wide : (const void *)twin->home.narrow,
              r.owned);
    r.narrow = rows->wide ? NULL : r.owned;
    r.wide = rows->wide ? r.owned : NULL;
    return r;
}

void dense_rows_release(dense_rows *rows)
{
    ist_free(rows->owned);
    *rows = (dense_rows){0};
}

void dense_row_values(const dense_rows *rows, int64_t i, int64_t from, int64_t count,
                      const double *mean, double *to)
{
    const int64_t at = i * rows->d + from;
    const double *wide = rows->wide ? rows->wide + at : NULL;
    const float *narrow = rows->wide ? NULL : rows->narrow + at;
    if (!mean && wide)
        memcpy(to, wide, (size_t)count * sizeof *to);
    else if (!mean)
        for (int64_t f = 0; f < count; f++)
            to[f] = (double)narrow[f];
    else if (wide)
        for (int64_t f = 0; f < count; f++)
            to[f] = wide[f] - mean[from + f];
    else
        for (int64_t f = 0; f < count; f++)
            to[f] = (double)narrow[f] - mean[from + f];
}
