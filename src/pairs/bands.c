#include <float.h>
#include <math.h>

#include "infostrata/pairs.h"

_Static_assert(FLT_EVAL_METHOD == 0, "the bounds assume operations rounded to their own type");

/* docs/numerics.md derives the bound. In short, for rows held exactly in float32:
 *   |c - D| <= e D + a,   e = (min(d, 64) + ceil(d / 64) + 4) 2^-24,   a = d 2^-149,
 * D the true squared distance of the rounded rows, and the defined float64 distance differs from
 * the true one by a factor within 1 +- (d + 3) 2^-53. Rounded rows move by at most `radius`. */
ist_band ist_band_of(double threshold, double radius, int64_t d)
{
    if (isinf(threshold))
        return (ist_band){FLT_MAX, INFINITY};
    double e = (double)(ist_min(d, 64) + ist_ceil_div(d, 64) + 4) * 0x1p-24;
    double a = (double)d * 0x1p-149;
    double e64 = (double)(d + 3) * 0x1p-53;
    /* The last bits of this function's own arithmetic. */
    const double slack = 1e-14;

    double outer = sqrt(threshold * (1 + e64) + DBL_MIN) + radius;
    double high = outer * outer * (1 + e) * (1 + slack) + a;
    double inner = sqrt(threshold) * (1 - e64) * (1 - slack) - radius;
    double low = inner > 0 ? inner * inner * (1 - e) * (1 - slack) - a : -1;

    ist_band band = {-1, INFINITY};
    if (high < FLT_MAX)
        band.high = nextafterf((float)high, INFINITY);
    if (low > 0)
        band.low = low < FLT_MAX ? nextafterf((float)low, -INFINITY) : FLT_MAX;
    return band;
}
