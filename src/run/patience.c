#include "patience.h"

static double larger(double a, double b)
{
    return a > b ? a : b;
}

bool ist_patience_over(ist_patience *p, const ist_whereabouts *place, double now)
{
    const double TIMES = 10, LATE = 4 * IST_PATIENCE_LOOK;
    double passed = now - p->last;
    p->last = now;
    if (place->tiles + place->waits != p->seen) {
        p->seen = place->tiles + place->waits;
        if (!p->excused)
            p->most = larger(p->most, p->idle);
        p->idle = 0;
        p->excused = false;
        return false;
    }
    p->excused |= place->rests || place->expects > 0;
    /* A job that was suspended, or a machine asleep. */
    p->idle += passed < LATE ? passed : IST_PATIENCE_LOOK;
    double limit = larger(p->seconds, TIMES * larger(p->most, place->expects));
    return p->idle > (place->rests ? TIMES * limit : limit);
}
