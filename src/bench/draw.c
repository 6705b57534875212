/* Random data that is the same for any number of ranks. */
#include <math.h>

#include "draw.h"
#include "infostrata/bench.h"

enum { SEED_DATA = 1, SEED_TARGETS = 2, SEED_SAMPLE = 3 };

/* Two normals (Box and Muller 1958) from one word. */
static void normal_pair(uint64_t word, double pair[2])
{
    const double unit = 0x1p-32, pi = 3.14159265358979323846;
    double u = ((double)(word >> 32) + 0.5) * unit;
    double angle = 2 * pi * ((double)(word & UINT32_MAX) + 0.5) * unit;
    double radius = sqrt(-2 * log(u));
    pair[0] = radius * cos(angle);
    pair[1] = radius * sin(angle);
}

float *ist_bench_normals(int64_t first, int64_t count, int64_t d)
{
    float *values = ist_alloc((size_t)(count * d), sizeof *values);
    int64_t words = ist_ceil_div(d, 2);
    for (int64_t i = 0; i < count; i++)
        for (int64_t w = 0; w < words; w++) {
            uint64_t item = (uint64_t)((first + i) * words + w);
            double pair[2];
            normal_pair(ist_random_word(SEED_DATA, IST_RANDOM_BENCH, item), pair);
            for (int64_t f = 2 * w; f < ist_min(d, 2 * w + 2); f++)
                values[i * d + f] = (float)pair[f - 2 * w];
        }
    return values;
}

int32_t *ist_bench_targets(int64_t n, int64_t first, int64_t count, int64_t thresholds)
{
    int32_t *target = ist_alloc((size_t)(count * thresholds), sizeof *target);
    for (int64_t i = 0; i < count; i++)
        for (int64_t t = 0; t < thresholds; t++) {
            uint64_t item = (uint64_t)((first + i) * thresholds + t);
            uint64_t word = ist_random_word(SEED_TARGETS, IST_RANDOM_BENCH, item);
            int64_t other = (int64_t)(word % (uint64_t)(n - 1));
            target[i * thresholds + t] = (int32_t)(other + (other >= first + i));
        }
    return target;
}

int64_t ist_sampled_row(int64_t n, int64_t sample, int64_t s)
{
    int64_t first = ist_share(n, sample, s), last = ist_share(n, sample, s + 1);
    uint64_t word = ist_random_word(SEED_SAMPLE, IST_RANDOM_BENCH, (uint64_t)s);
    return first + (int64_t)(word % (uint64_t)(last - first));
}
