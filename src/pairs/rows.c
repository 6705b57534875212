#include <float.h>
#include <math.h>

#include "infostrata/pairs.h"

/* Beyond this a float32 square, or a sum of them, could overflow. */
static const double largest_filtered = 1e15;

bool ist_slab_round(const ist_rows *rows, ist_slab *slab)
{
    int64_t d = rows->d;
    bool fits = true;
    for (int64_t i = 0; i < slab->count; i++) {
        double error = 0;
        for (int64_t f = 0; f < d; f++) {
            double shifted = slab->wide[i * d + f] - rows->shift[f];
            if (!(fabs(shifted) < largest_filtered)) {
                fits = false;
                shifted = 0;
            }
            float rounded = (float)shifted;
            slab->narrow[i * d + f] = rounded;
            /* The subtraction itself was rounded: half an ulp of float64, taken double. */
            double off = fabs((double)rounded - shifted) + DBL_EPSILON * fabs(shifted);
            error += off * off;
        }
        double radius = sqrt(error) * (1 + 1e-6) + DBL_MIN;
        slab->radius[i] = nextafterf((float)radius, INFINITY);
    }
    return fits;
}

void ist_slab_release(ist_slab *slab)
{
    ist_free(slab->narrow);
    ist_free(slab->wide);
    ist_free(slab->radius);
    *slab = (ist_slab){0};
}

void ist_rows_release(ist_rows *rows)
{
    ist_slab_release(&rows->home);
    ist_blocks_release(&rows->blocks);
    ist_free(rows->shift);
    *rows = (ist_rows){0};
}
