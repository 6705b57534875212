/* Neighbours on a line: values in ascending order, where all that is near lies in a row. */
#include "room.h"

typedef double eight __attribute__((vector_size(64)));
typedef int64_t flags __attribute__((vector_size(64)));

/* How many of eight values are within the limit. */
static inline __attribute__((always_inline)) int64_t within(const double *v, double x,
                                                            double factor, double limit,
                                                            bool strictly)
{
    eight value;
    memcpy(&value, v, sizeof value);
    eight t = value - x;
    eight distance = t * t * factor;
    flags near = strictly ? distance < limit : distance <= limit;
    int64_t count = 0;
    for (int i = 0; i < 8; i++)
        count -= near[i];
    return count;
}

static inline __attribute__((always_inline)) bool is_near(double value, double x, double factor,
                                                          double limit, bool strictly)
{
    double distance = ist_apart(value, x) * factor;
    return strictly ? distance < limit : distance <= limit;
}

/* Beyond a few vectors: steps that double, then halves. [at, ...) in direction `step`; at is near, at most `room`
 * values follow. */
static int64_t gallop(const double *v, int64_t at, int64_t room, int step, double x, double factor,
                      double limit, bool strictly)
{
    int64_t near = 0, far = 1; /* v[at + step near] is near; far: not known */
    while (far <= room && is_near(v[at + step * far], x, factor, limit, strictly)) {
        near = far;
        far *= 2;
    }
    far = ist_min(far, room + 1);
    while (far - near > 1) {
        int64_t middle = near + (far - near) / 2;
        if (is_near(v[at + step * middle], x, factor, limit, strictly))
            near = middle;
        else
            far = middle;
    }
    return near;
}

enum { VECTORS = 4, LANES = 8 };

int64_t ist_reach_right(const double *v, int64_t from, int64_t n, double x, double factor,
                        double limit, bool strictly)
{
    int64_t reach = 0;
    for (int i = 0; i < VECTORS && from + 1 + reach <= n; i++) {
        int64_t more = within(v + from + 1 + reach, x, factor, limit, strictly);
        reach += more;
        if (more < LANES)
            return reach;
    }
    int64_t left = n - 1 - from - reach;
    return left > 0 ? reach + gallop(v, from + reach, left, 1, x, factor, limit, strictly) : reach;
}

int64_t ist_reach_left(const double *v, int64_t from, double x, double factor, double limit,
                       bool strictly)
{
    int64_t reach = 0;
    for (int i = 0; i < VECTORS && from - reach >= 0; i++) {
        int64_t more = within(v + from - reach - LANES, x, factor, limit, strictly);
        reach += more;
        if (more < LANES)
            return reach;
    }
    int64_t left = from - reach;
    return left > 0 ? reach + gallop(v, from - reach, left, -1, x, factor, limit, strictly) : reach;
}

ist_window ist_window_of(const double *v, int64_t n, int64_t i, int64_t k, int64_t *first)
{
    int64_t l = ist_max(*first, i - k);
    while (l + k + 1 < n && l < i && ist_apart(v[l + k + 1], v[i]) < ist_apart(v[l], v[i]))
        l++;
    *first = l;
    double left = ist_apart(v[l], v[i]), right = ist_apart(v[l + k], v[i]);
    /* There are no pads between the classes: one value at a time, and mostly none. */
    ist_window w = {left > right ? left : right, l, l + k};
    w.first -= gallop(v, l, l, -1, v[i], 1, w.limit, false);
    w.last += gallop(v, l + k, n - 1 - (l + k), 1, v[i], 1, w.limit, false);
    return w;
}
