/* Does it pay to order a layer's rows? A sample is ordered and judged in tiles that hold about the share of
 * it that whole tiles will hold of the layer. */
#include <math.h>
#include <string.h>

#include "cluster.h"
#include "sweep.h"

enum { SMALL_TILE = 16 };

static int64_t one_limit(const void *state)
{
    (void)state;
    return 1;
}

static const float *limits_given(const void *state, int64_t m)
{
    (void)m;
    return state;
}

static const ist_consumer limits_alone = {.limits = one_limit, .farther = limits_given};

static ist_blocks blocks_of(int64_t count, int64_t size)
{
    ist_blocks blocks = {.count = ist_ceil_div(count, size)};
    blocks.start = ist_alloc((size_t)blocks.count + 1, sizeof *blocks.start);
    blocks.segment = ist_alloc((size_t)blocks.count, sizeof *blocks.segment);
    for (int64_t b = 0; b <= blocks.count; b++)
        blocks.start[b] = ist_min(count, b * size);
    return blocks;
}

/* The sample as a set of rows in tiles of `size`. */
static ist_rows tiled(float *sample, int64_t count, int64_t d, int64_t size)
{
    ist_rows rows = {.n = count, .d = d, .blocks = blocks_of(count, size)};
    rows.filter.form = IST_FILTER_DIRECT;
    rows.home = (ist_slab){.count = count, .narrow = sample};
    rows.packed = ist_pack(&rows, &rows.home);
    return rows;
}

static void untile(ist_rows *rows)
{
    rows->home.narrow = NULL;
    ist_rows_release(rows);
}

static void order_sample(const ist_kernel *kernel, float *sample, int64_t count, int64_t d)
{
    int64_t *from = ist_alloc((size_t)count, sizeof *from);
    float *copy = ist_alloc((size_t)(count * d), sizeof *copy);
    memcpy(copy, sample, (size_t)(count * d) * sizeof *copy);
    for (int64_t i = 0; i < count; i++)
        from[i] = i;
    ist_slab slab = {.count = count, .narrow = copy};
    ist_cluster_rows(kernel->near, &slab, d, SMALL_TILE, count, from);
    for (int64_t i = 0; i < count; i++)
        memcpy(sample + i * d, copy + from[i] * d, (size_t)d * sizeof *sample);
    ist_free(copy);
    ist_free(from);
}

/* nearest[i] = the least filter value of row i and another one. */
static void nearest_values(const ist_kernel *kernel, const ist_rows *rows, float *nearest)
{
    const ist_packed *packed = &rows->packed;
    float *l = ist_alloc(IST_TILE * IST_TILE, sizeof *l);
    int64_t size = IST_TILE * rows->d;
    for (int64_t i = 0; i < packed->tiles * IST_TILE; i++)
        nearest[i] = INFINITY;
    for (int64_t a = 0; a < packed->tiles; a++)
        for (int64_t b = a; b < packed->tiles; b++) {
            float *row = nearest + a * IST_TILE, *column = nearest + b * IST_TILE;
            kernel->filter[IST_FILTER_DIRECT](packed->panels + a * size, packed->panels + b * size,
                                              rows->d, packed->term + a * IST_TILE,
                                              packed->term + b * IST_TILE, l);
            for (int i = 0; i < IST_TILE; i++) {
                if (a == b)
                    l[i * IST_TILE + i] = INFINITY;
                float least = row[i];
                for (int j = 0; j < IST_TILE; j++) {
                    float value = l[i * IST_TILE + j];
                    least = value < least ? value : least;
                    column[j] = value < column[j] ? value : column[j];
                }
                row[i] = least;
            }
        }
    ist_free(l);
}

double ist_cluster_promise(const ist_kernel *kernel, float *sample, int64_t count, int64_t d)
{
    order_sample(kernel, sample, count, d);
    ist_rows large = tiled(sample, count, d, IST_TILE), small = tiled(sample, count, d, SMALL_TILE);
    float *nearest = ist_alloc((size_t)(large.packed.tiles + 1) * IST_TILE, sizeof *nearest);
    nearest_values(kernel, &large, nearest);
    ist_geometry geometry = ist_geometry_new(&small, kernel, &small.packed);
    ist_sweep sweep = {.rows = &small,
                       .kernel = kernel,
                       .consumer = &limits_alone,
                       .state = nearest,
                       .geometry = &geometry};
    ist_chunk chunk = {.slab = small.home, .packed = small.packed};
    ist_visit visit = {
        .sweep = &sweep, .chunk = &chunk, .columns = nearest, .pairing = IST_PAIRS_OWN};
    double work = ist_skip_work(&visit);
    ist_geometry_release(&geometry);
    ist_free(nearest);
    untile(&large);
    untile(&small);
    return 1 - work;
}
