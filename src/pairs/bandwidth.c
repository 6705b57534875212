#include "infostrata/pairs.h"

double ist_quantile(const double *ascending, int64_t count, double q)
{
    if (count == 0)
        return 0;
    double at = q * (double)(count - 1);
    int64_t below = ist_min((int64_t)at, count - 1), above = ist_min(below + 1, count - 1);
    return ascending[below] + (at - (double)below) * (ascending[above] - ascending[below]);
}

double ist_mean_in_order(const double *values, int64_t count)
{
    return count == 0 ? 0 : ist_sum_in_order(values, count) / (double)count;
}
