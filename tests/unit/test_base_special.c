/* Logarithms, psi and Gamma against libm and against their recurrences. */
#include "infostrata/base.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

static bool near(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * fmax(1, fabs(b));
}

Test(special, logarithm_and_exponential)
{
    for (double x = 1e-300; x < 1e300; x *= 1.37) {
        cr_expect(near(ist_ln(x), log(x), 4e-16), "log %g", x);
        cr_expect(near(ist_exp(log(x) / 2), sqrt(x), 2e-13), "exp %g", x);
    }
    cr_expect(ist_ln(0) == -INFINITY && isnan(ist_ln(-1)) && ist_ln(1) == 0);
    cr_expect(near(ist_ln(DBL_TRUE_MIN), log(DBL_TRUE_MIN), 4e-16));
    cr_expect(ist_exp(-INFINITY) == 0 && ist_exp(0) == 1);
}

Test(special, digamma)
{
    cr_expect(near(ist_digamma(1), -0.57721566490153286061, 1e-16));
    cr_expect(near(ist_digamma(1000000), 13.815510057964190771, 5e-16));
    for (int64_t n = 1; n < 2000; n++)
        cr_expect(near(ist_digamma(n + 1), ist_digamma(n) + 1 / (double)n, 5e-16), "n = %d",
                  (int)n);
}

Test(special, log_gamma_of_halves)
{
    for (int64_t twice = 1; twice < 5000; twice++)
        cr_expect(near(ist_log_gamma_half(twice), lgamma((double)twice / 2), 1e-15), "%d / 2",
                  (int)twice);
}

Test(special, sum_in_order)
{
    const double values[] = {1, 1e100, 1, -1e100};
    cr_expect(ist_sum_in_order(values, 4) == 2);
    cr_expect(ist_sum_in_order(values, 0) == 0);
    const double low[] = {1, -INFINITY, 2};
    cr_expect(ist_sum_in_order(low, 3) == -INFINITY);
}
