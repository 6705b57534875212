/* Compiled without contraction (CMakeLists.txt): each operation is rounded, as the definition
 * says. */
#include "infostrata/pairs.h"

enum { AT_ONCE = 8 };

/* Several pairs at once hide the latency of the one chain of additions that each pair has. */
#define INTERLEAVED(name, real)                                                        \
    static void name(const real *const *x, const real *const *y, int count, int64_t d, \
                     double *distance)                                                 \
    {                                                                                  \
        double sum[AT_ONCE] = {0};                                                     \
        for (int64_t f = 0; f < d; f++)                                                \
            for (int p = 0; p < count; p++) {                                          \
                double t = (double)x[p][f] - (double)y[p][f];                          \
                sum[p] = sum[p] + t * t;                                               \
            }                                                                          \
        for (int p = 0; p < count; p++)                                                \
            distance[p] = sum[p];                                                      \
    }

INTERLEAVED(interleaved_narrow, float)
INTERLEAVED(interleaved_wide, double)

void ist_exact_distances(const ist_slab *x, const int64_t *a, const ist_slab *y, const int64_t *b,
                         int count, int64_t d, double *distance)
{
    for (int done = 0; done < count; done += AT_ONCE) {
        int now = count - done < AT_ONCE ? count - done : AT_ONCE;
        const float *narrow[2][AT_ONCE];
        const double *wide[2][AT_ONCE];
        for (int p = 0; p < now; p++) {
            if (x->wide) {
                wide[0][p] = x->wide + a[done + p] * d;
                wide[1][p] = y->wide + b[done + p] * d;
            } else {
                narrow[0][p] = x->narrow + a[done + p] * d;
                narrow[1][p] = y->narrow + b[done + p] * d;
            }
        }
        if (x->wide)
            interleaved_wide(wide[0], wide[1], now, d, distance + done);
        else
            interleaved_narrow(narrow[0], narrow[1], now, d, distance + done);
    }
}

double ist_exact_distance(const ist_slab *x, int64_t a, const ist_slab *y, int64_t b, int64_t d)
{
    double distance;
    ist_exact_distances(x, &a, y, &b, 1, d, &distance);
    return distance;
}
