#include "cluster.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { ITERATIONS = 3, LEAVES_TOGETHER = 10 };

int64_t ist_run_cut(int64_t count, int64_t leaf)
{
    int64_t unit = count > 2 * LEAVES_TOGETHER * leaf ? LEAVES_TOGETHER * leaf : leaf;
    return (count / 2 + unit / 2) / unit * unit;
}

void ist_copy_narrow(const ist_slab *slab, int64_t row, int64_t d, float *copy)
{
    if (slab->wide)
        for (int64_t f = 0; f < d; f++)
            copy[f] = (float)slab->wide[row * d + f];
    else
        memcpy(copy, slab->narrow + row * d, (size_t)d * sizeof *copy);
}

/* ---- the direction of the largest spread --------------------------------------------------- */

static float largest_of(const float *values, int64_t count)
{
    float largest = 0;
    for (int64_t e = 0; e < count; e++)
        largest = fabsf(values[e]) > largest ? fabsf(values[e]) : largest;
    return largest;
}

static bool scale_down(float *values, int64_t count)
{
    float largest = largest_of(values, count), inverse = 1 / largest;
    if (inverse <= FLT_MAX)
        for (int64_t e = 0; e < count; e++)
            values[e] *= inverse;
    else if (largest > 0)
        for (int64_t e = 0; e < count; e++)
            values[e] /= largest;
    return largest > 0;
}

static void centre_rows(const ist_near_kernel *kernel, float *rows, int64_t count, int64_t d,
                        float *centre)
{
    memset(centre, 0, (size_t)d * sizeof *centre);
    for (int64_t i = 0; i < count; i++)
        kernel->add_scaled(1 / (float)count, rows + i * d, d, centre);
    for (int64_t i = 0; i < count; i++)
        kernel->add_scaled(-1, centre, d, rows + i * d);
}

static const float *longest_row(const ist_near_kernel *kernel, const float *rows, int64_t count,
                                int64_t d)
{
    const float *longest = rows;
    float most = -1;
    for (int64_t i = 0; i < count; i++) {
        float square = kernel->dot(rows + i * d, rows + i * d, d);
        if (square > most) {
            most = square;
            longest = rows + i * d;
        }
    }
    return longest;
}

void ist_spread_direction(const ist_near_kernel *kernel, float *rows, int64_t count, int64_t d,
                          float *centre, float *direction)
{
    memset(direction, 0, (size_t)d * sizeof *direction);
    centre_rows(kernel, rows, count, d, centre);
    if (!scale_down(rows, count * d))
        return;
    memcpy(direction, longest_row(kernel, rows, count, d), (size_t)d * sizeof *direction);
    float *next = ist_alloc((size_t)d, sizeof *next);
    for (int round = 0; round < ITERATIONS && scale_down(direction, d); round++) {
        memset(next, 0, (size_t)d * sizeof *next);
        for (int64_t i = 0; i < count; i++)
            kernel->add_scaled(kernel->dot(rows + i * d, direction, d), rows + i * d, d, next);
        memcpy(direction, next, (size_t)d * sizeof *next);
    }
    scale_down(direction, d);
    ist_free(next);
}

/* ---- cutting ------------------------------------------------------------------------------- */

float ist_project(const ist_near_kernel *kernel, const ist_slab *slab, int64_t row, int64_t d,
                  const float *centre, const float *direction)
{
    if (!slab->wide)
        return kernel->dot_from(slab->narrow + row * d, centre, direction, d);
    float sum = 0;
    for (int64_t f = 0; f < d; f++)
        sum += (float)(slab->wide[row * d + f] - (double)centre[f]) * direction[f];
    return sum;
}

/* An integer in the same order; NaN has a place too. */
static int32_t key_of(float value)
{
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits ^ (int32_t)((uint32_t)(bits >> 31) & INT32_MAX);
}

static int64_t count_below(const int32_t *key, int64_t count, int32_t limit)
{
    int64_t below = 0;
    for (int64_t i = 0; i < count; i++)
        below += key[i] < limit;
    return below;
}

void ist_cut_run(const float *projection, int64_t count, int64_t cut, int64_t *item)
{
    int32_t *key = ist_alloc((size_t)count, sizeof *key);
    int64_t *later = ist_alloc((size_t)(count - cut), sizeof *later);
    for (int64_t i = 0; i < count; i++)
        key[i] = key_of(projection[i]);
    /* The largest limit with at most `cut` keys below it: bisection needs no luck with the data. */
    int64_t low = INT32_MIN, high = (int64_t)INT32_MAX + 1;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (count_below(key, count, (int32_t)middle) <= cut)
            low = middle;
        else
            high = middle;
    }
    int64_t of_equals = cut - count_below(key, count, (int32_t)low);
    int64_t before = 0, after = 0;
    for (int64_t i = 0; i < count; i++) {
        if (key[i] < low || (key[i] == low && of_equals-- > 0))
            item[before++] = item[i];
        else
            later[after++] = item[i];
    }
    memcpy(item + before, later, (size_t)after * sizeof *item);
    ist_free(key);
    ist_free(later);
}

/* ---- rows in one memory -------------------------------------------------------------------- */

typedef struct {
    const ist_near_kernel *kernel;
    const ist_slab *slab;
    int64_t d, leaf;
    float *sample, *centre, *direction, *projection;
} cutter;

static void cluster_run(const cutter *c, int64_t count, int64_t *row)
{
    if (count <= c->leaf)
        return;
    int64_t sampled = ist_min(count, IST_CLUSTER_SAMPLE), d = c->d;
    for (int64_t s = 0; s < sampled; s++)
        ist_copy_narrow(c->slab, row[ist_share(count, sampled, s)], d, c->sample + s * d);
    ist_spread_direction(c->kernel, c->sample, sampled, d, c->centre, c->direction);
    for (int64_t i = 0; i < count; i++)
        c->projection[i] = ist_project(c->kernel, c->slab, row[i], d, c->centre, c->direction);
    int64_t cut = ist_run_cut(count, c->leaf);
    ist_cut_run(c->projection, count, cut, row);
    cluster_run(c, cut, row);
    cluster_run(c, count - cut, row + cut);
}

void ist_cluster_rows(const ist_near_kernel *kernel, const ist_slab *slab, int64_t d, int64_t leaf,
                      int64_t count, int64_t *row)
{
    cutter c = {.kernel = kernel, .slab = slab, .d = d, .leaf = leaf};
    c.sample = ist_alloc((size_t)(IST_CLUSTER_SAMPLE * d), sizeof *c.sample);
    c.centre = ist_alloc((size_t)d, sizeof *c.centre);
    c.direction = ist_alloc((size_t)d, sizeof *c.direction);
    c.projection = ist_alloc((size_t)count, sizeof *c.projection);
    cluster_run(&c, count, row);
    ist_free(c.sample);
    ist_free(c.centre);
    ist_free(c.direction);
    ist_free(c.projection);
}
