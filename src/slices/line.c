/* Neighbours on a line: values in ascending order, where all that is near lies in a row. */
#include "room.h"

static inline bool is_near(double value, const ist_span *span)
{
    double distance = ist_apart(value, span->x) * span->factor;
    return span->strictly ? distance < span->limit : distance <= span->limit;
}

/* Values next to *at in the direction `step` that are near, of `room`: steps that double, then halves without a
 * branch, which nobody could foretell. */
static inline int64_t extent(const double *at, int64_t room, int step, const ist_span *span)
{
    int64_t far = 1;
    while (far <= room && is_near(at[step * far], span))
        far *= 2;
    int64_t near = far / 2;
    for (int64_t half = far / 4; half > 0; half /= 2) {
        int64_t probe = near + half, reached = probe < room ? probe : room;
        near += half * (probe <= room && is_near(at[step * reached], span));
    }
    return near;
}

int64_t ist_extent_right(const double *v, int64_t from, int64_t n, const ist_span *span)
{
    return extent(v + from, n - 1 - from, 1, span);
}

int64_t ist_extent_left(const double *v, int64_t from, const ist_span *span)
{
    return extent(v + from, from, -1, span);
}

enum { FEW = 16 };

int64_t ist_reach_right(const double *v, int64_t from, int64_t n, double x, double limit)
{
    int64_t reach = 0, room = n - 1 - from;
    for (; reach < FEW; reach++)
        if (reach == room || ist_apart(v[from + 1 + reach], x) > limit)
            return reach;
    return reach + ist_extent_right(v, from + reach, n, &(ist_span){x, 1, limit, false});
}

int64_t ist_reach_left(const double *v, int64_t from, double x, double limit)
{
    int64_t reach = 0;
    for (; reach < FEW; reach++)
        if (reach == from || ist_apart(v[from - 1 - reach], x) > limit)
            return reach;
    return reach + ist_extent_left(v, from - reach, &(ist_span){x, 1, limit, false});
}

ist_window ist_window_of(const double *v, int64_t n, int64_t i, int64_t k, int64_t *first)
{
    int64_t l = ist_max(*first, i - k);
    while (l + k + 1 < n && l < i && ist_apart(v[l + k + 1], v[i]) < ist_apart(v[l], v[i]))
        l++;
    *first = l;
    double left = ist_apart(v[l], v[i]), right = ist_apart(v[l + k], v[i]);
    ist_window w = {left > right ? left : right, l, l + k};
    w.first -= ist_reach_left(v, l, v[i], w.limit);
    w.last += ist_reach_right(v, l + k, n, v[i], w.limit);
    return w;
}
