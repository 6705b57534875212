#include <math.h>

#include "infostrata/slices.h"

static double dot(const double *a, const double *b, int64_t d)
{
    double sum = 0;
    for (int64_t f = 0; f < d; f++)
        sum = sum + a[f] * b[f];
    return sum;
}

/* v / |v|. A vector of zeros, which no draw gives, would become the first unit vector. */
static void normalise(double *v, int64_t d)
{
    double norm = sqrt(dot(v, v, d));
    if (norm == 0)
        v[0] = norm = 1;
    for (int64_t f = 0; f < d; f++)
        v[f] = v[f] / norm;
}

void ist_slice_directions(uint64_t seed, int64_t slice, int side, int64_t d, int columns,
                          double *directions)
{
    for (int c = 0; c < columns; c++) {
        double *own = directions + c * d;
        ist_random_normals(seed, IST_RANDOM_SLICES, (uint32_t)slice, (uint32_t)(2 * c + side), d,
                           own);
        /* Twice: what rounding leaves of the others after the first time is gone after the second. */
        for (int round = 0; round < 2 && c > 0; round++) {
            for (int other = 0; other < c; other++) {
                double share = dot(own, directions + other * d, d);
                for (int64_t f = 0; f < d; f++)
                    own[f] = own[f] - share * directions[other * d + f];
            }
            normalise(own, d);
        }
        if (c == 0)
            normalise(own, d);
    }
}
