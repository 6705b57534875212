/* What slices were measured to take, and what the plan says. */
#include "../../src/plan/cost.h"

#include <criterion/criterion.h>

/* Microseconds of a sample and slice, one core of the 2-core test machine (docs/performance.md). */
static const struct {
    double n;
    int columns;
    bool layers;
    double measured;
} slices[] = {{20000, 2, false, 2.5},  {160000, 2, false, 2.8},  {20000, 3, false, 3.3},
              {160000, 3, false, 3.9}, {20000, 4, false, 4.3},   {160000, 4, false, 6.0},
              {20000, 5, false, 6.5},  {160000, 5, false, 10.4}, {20000, 2, true, 7.8},
              {160000, 2, true, 11.1}, {20000, 3, true, 14},     {160000, 3, true, 24.7},
              {20000, 4, true, 26},    {160000, 4, true, 59.6},  {20000, 5, true, 45},
              {160000, 5, true, 158}};

Test(plan_work, slices_as_measured)
{
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++) {
        double planned =
            ist_slice_sample_seconds(slices[i].n, slices[i].columns, slices[i].layers) * 1e6;
        cr_expect(planned < 1.25 * slices[i].measured && planned > 0.8 * slices[i].measured,
                  "N = %g, %d directions, layers %d: %g us, measured %g", slices[i].n,
                  slices[i].columns, slices[i].layers, planned, slices[i].measured);
    }
}
