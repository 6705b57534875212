#include <math.h>
#include <sleef.h>

#include "infostrata/base.h"

/* libm picks a variant by the processor, whose last bits may differ; these are the same instructions
 * everywhere. */
double ist_ln(double x)
{
    return Sleef_cinz_logd1_u10purec(x);
}

double ist_exp(double x)
{
    return Sleef_cinz_expd1_u10purec(x);
}

double ist_cos_pi(double x)
{
    return Sleef_cinz_cospid1_u05purec(x);
}

double ist_sin_pi(double x)
{
    return Sleef_cinz_sinpid1_u05purec(x);
}

double ist_digamma(int64_t n)
{
    static const double EULER = 0.57721566490153286061;
    enum { SUMMED = 16 };
    if (n < SUMMED) {
        double harmonic = 0;
        for (int64_t m = n - 1; m > 0; m--)
            harmonic += 1 / (double)m;
        return harmonic - EULER;
    }
    /* Abramowitz & Stegun 6.3.18; what is left out is below 1e-16 from here on. */
    double x = (double)n, square = 1 / (x * x);
    double series =
        square *
        (1.0 / 12 -
         square * (1.0 / 120 - square * (1.0 / 252 - square * (1.0 / 240 - square * (1.0 / 132)))));
    return ist_ln(x) - 1 / (2 * x) - series;
}

double ist_log_gamma_half(int64_t twice)
{
    static const double LOG_ROOT_PI = 0.57236494292470008707,
                        LOG_ROOT_TWO_PI = 0.91893853320467274178;
    enum { MULTIPLIED = 64 };
    double x = (double)twice / 2;
    if (twice < MULTIPLIED) {
        double product = 1;
        for (int64_t m = twice - 2; m > 0; m -= 2)
            product *= (double)m / 2;
        return ist_ln(product) + (twice % 2 ? LOG_ROOT_PI : 0);
    }
    double square = 1 / (x * x);
    double series = (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680))) / x;
    return (x - 0.5) * ist_ln(x) - x + LOG_ROOT_TWO_PI + series;
}

double ist_sum_in_order(const double *values, int64_t count)
{
    double sum = 0, lost = 0;
    for (int64_t i = 0; i < count; i++) {
        double next = sum + values[i];
        lost += fabs(sum) >= fabs(values[i]) ? (sum - next) + values[i] : (values[i] - next) + sum;
        sum = next;
    }
    return isfinite(lost) ? sum + lost : sum;
}
