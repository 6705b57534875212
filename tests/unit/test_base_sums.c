/* Exact sums and index arithmetic. */
#include "infostrata/base.h"

#include <criterion/criterion.h>

static ist_int128 large(int64_t high, uint64_t low)
{
    return (ist_int128)high * ((ist_int128)1 << 64) + (ist_int128)low;
}

Test(sums, single_values)
{
    const ist_int128 values[] = {0,
                                 1,
                                 -1,
                                 INT64_MAX,
                                 INT64_MIN,
                                 large(1, 0),
                                 large(-1, 5),
                                 large(INT64_MAX / 4, UINT64_MAX),
                                 large(INT64_MIN / 4, 7)};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        int64_t limbs[IST_WIDE_LIMBS] = {0};
        ist_wide_add(limbs, values[i]);
        cr_expect(ist_wide_value(limbs) == values[i], "value %zu", i);
    }
}

/* Shares of several ranks, their limbs added like MPI_SUM does. */
Test(sums, in_any_order)
{
    enum { COUNT = 1000, RANKS = 3 };
    int64_t limbs[RANKS][IST_WIDE_LIMBS] = {{0}}, total[IST_WIDE_LIMBS] = {0};
    ist_int128 sum = 0;
    for (int64_t i = 0; i < COUNT; i++) {
        ist_int128 value = (ist_int128)(i * INT64_C(987654321987) - (INT64_C(1) << 58)) *
                           (INT64_C(1) << 55) * (i % 5 - 2);
        sum += value;
        ist_wide_add(limbs[i * 7 % RANKS], value);
    }
    for (int rank = RANKS; rank-- > 0;)
        for (int l = 0; l < IST_WIDE_LIMBS; l++)
            total[l] += limbs[rank][l];
    cr_expect(ist_wide_value(total) == sum);
}

/* However many values are added, the lower limbs stay below 2^32: they may be added over ranks. */
Test(sums, carries_at_once)
{
    int64_t limbs[IST_WIDE_LIMBS] = {0};
    ist_int128 sum = 0, value = large(3, UINT64_MAX);
    for (int i = 0; i < 1000; i++, value = -value - i) {
        ist_wide_add(limbs, value);
        sum += value;
        for (int l = 0; l < IST_WIDE_LIMBS - 1; l++)
            cr_assert(limbs[l] >= 0 && limbs[l] <= UINT32_MAX);
        cr_assert(ist_wide_value(limbs) == sum);
    }
}

Test(sums, shares)
{
    static const int64_t totals[] = {0, 1, 2, 9, 10, 1000003, INT64_C(1) << 60};
    for (size_t t = 0; t < sizeof totals / sizeof *totals; t++)
        for (int64_t parts = 1; parts < 12; parts++) {
            int64_t n = totals[t];
            cr_expect(ist_share(n, parts, 0) == 0 && ist_share(n, parts, parts) == n);
            for (int64_t p = 0; p < parts; p++) {
                int64_t size = ist_share(n, parts, p + 1) - ist_share(n, parts, p);
                cr_expect(size == n / parts || size == n / parts + 1);
            }
        }
    cr_expect(ist_ceil_div(0, 5) == 0 && ist_ceil_div(5, 5) == 1 && ist_ceil_div(6, 5) == 2);
    cr_expect(ist_min(-1, 2) == -1 && ist_max(-1, 2) == 2);
}
