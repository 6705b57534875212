/* How much a filter leaves open, by the pairs of a sample. */
#include <stdlib.h>

#include "bounds.h"

static int compare_reals(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* min(1, what is open / the distance) */
static double doubt_of(const ist_filter *filter, double widths, double distance)
{
    if (filter->exact || (filter->zero_exact && distance == 0))
        return 0;
    double open = widths + 2 * filter->relative * distance;
    return distance > open ? open / distance : 1;
}

/* Of the rows' copies. The tiles of a small set follow each other without gaps. */
static float *widths_of(const ist_rows *rows, const ist_slab *sample)
{
    const int64_t start[2] = {0, sample->count};
    ist_rows set = *rows;
    set.blocks = ist_blocks_new(start, 1);
    set.may_repeat = false;
    ist_packed packed = ist_pack(&set, sample);
    float *width = packed.width;
    packed.width = NULL;
    ist_packed_release(&packed);
    ist_blocks_release(&set.blocks);
    return width;
}

/* The nearest one of each row in the sample: its distance and the doubt about it. */
typedef struct {
    double *distance, *doubt;
} nearest_ones;

static void note_nearest(const nearest_ones *near, int64_t i, double distance, double doubt)
{
    if (distance < near->distance[i]) {
        near->distance[i] = distance;
        near->doubt[i] = doubt;
    }
}

/* The sum over all pairs; distances in the copies' units. */
static double doubt_of_pairs(const ist_kernel *kernel, const ist_rows *rows, const ist_slab *sample,
                             const nearest_ones *near)
{
    size_t count = (size_t)sample->count;
    double doubts = 0, factor = ldexp(1, rows->filter.unit);
    float *width = widths_of(rows, sample);
    int64_t *one = ist_alloc(count, sizeof *one), *others = ist_alloc(count, sizeof *others);
    double *found = ist_alloc(count, sizeof *found);
    for (int64_t i = 0; i < sample->count; i++) {
        others[i] = i;
        for (int64_t j = 0; j < i; j++)
            one[j] = i;
        ist_exact_distances(kernel, rows, sample, one, sample, others, i, found);
        for (int64_t j = 0; j < i; j++) {
            double distance = found[j] * factor;
            double doubt = doubt_of(&rows->filter, (double)width[i] + (double)width[j], distance);
            doubts += doubt;
            note_nearest(near, i, distance, doubt);
            note_nearest(near, j, distance, doubt);
        }
    }
    ist_free(width);
    ist_free(one);
    ist_free(others);
    ist_free(found);
    return doubts;
}

ist_doubt ist_filter_doubt(const ist_kernel *kernel, const ist_rows *rows, const ist_slab *sample)
{
    int64_t count = sample->count;
    ist_doubt doubt = {0};
    if (count < 2)
        return doubt;
    nearest_ones near = {ist_alloc((size_t)count, sizeof *near.distance),
                         ist_alloc((size_t)count, sizeof *near.doubt)};
    for (int64_t i = 0; i < count; i++)
        near.distance[i] = INFINITY;
    doubt.all = doubt_of_pairs(kernel, rows, sample, &near) / (0.5 * (double)(count * (count - 1)));
    for (int64_t i = 0; i < count; i++)
        doubt.near += near.doubt[i] / (double)count;
    qsort(near.distance, (size_t)count, sizeof *near.distance, compare_reals);
    doubt.distance = ldexp(near.distance[count / 2], -rows->filter.unit);
    ist_free(near.distance);
    ist_free(near.doubt);
    return doubt;
}
