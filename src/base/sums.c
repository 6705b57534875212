#include <stdlib.h>

#include "infostrata/base.h"

/* Lower limbs hold 32 bits each, unsigned, after every addition (the carry goes on at once); the top
 * one is signed. So limbs of up to 2^31 ranks may be added before they overflow. */
void ist_wide_add(int64_t limbs[IST_WIDE_LIMBS], ist_int128 value)
{
    for (int i = 0; i < IST_WIDE_LIMBS - 1; i++) {
        ist_int128 sum = (ist_int128)limbs[i] + (int64_t)(uint32_t)value;
        limbs[i] = (int64_t)(uint32_t)sum;
        value = (value >> 32) + (sum >> 32);
    }
    limbs[IST_WIDE_LIMBS - 1] += (int64_t)value;
}

ist_int128 ist_wide_value(const int64_t limbs[IST_WIDE_LIMBS])
{
    ist_int128 value = 0;
    for (int i = IST_WIDE_LIMBS - 1; i >= 0; i--)
        value = value * ((ist_int128)1 << 32) + limbs[i];
    return value;
}

int64_t ist_share(int64_t n, int64_t parts, int64_t part)
{
    return (int64_t)((ist_int128)n * part / parts);
}

static int compare_reals(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void ist_sort_reals(double *values, int64_t count)
{
    qsort(values, (size_t)count, sizeof *values, compare_reals);
}
