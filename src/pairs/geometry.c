#include "geometry.h"

#include <float.h>
#include <math.h>

/* Every bound of this file is widened by this share of itself, which is more than the few float32 and
 * float64 roundings on its way can take off. */
static const double slack = 0x1p-20;
static const float least = 0x1p-140F;

static float up(double x)
{
    return x < 0x1p127 ? (float)(x * (1 + slack)) + least : INFINITY;
}

/* |value - D| <= e D + a for filter values of the direct form between numbers held in float32. */
typedef struct {
    double e, a;
} filter_error;

static filter_error error_of(int64_t d)
{
    return (filter_error){.e = ist_filter_error(d), .a = (double)d * 0x1p-149};
}

/* The largest squared distance that may belong to a filter value. */
static double largest_of(filter_error error, float value)
{
    return ((double)value + error.a) / (1 - error.e);
}

ist_margins ist_margins_of(int64_t d)
{
    filter_error error = error_of(d);
    return (ist_margins){.shrink = (float)(1 - error.e - slack),
                         .grow = (float)((1 + slack) / (1 - error.e)),
                         .more = up(4 * error.a)};
}

/* ---- tiles ----------------------------------------------------------------------------------- */

static void set_pivot(const float *columns, int64_t count, int64_t d, float *pivot)
{
    float share = 1 / (float)count;
    for (int64_t f = 0; f < d; f++) {
        float sum = 0;
        for (int p = 0; p < IST_TILE / IST_PANEL; p++)
            for (int64_t i = 0; i < ist_min(IST_PANEL, count - p * IST_PANEL); i++)
                sum += columns[p * IST_PANEL * d + f * IST_PANEL + i] * share;
        pivot[f] = sum;
    }
}

/* A copy differs from its row by a rounding to float32 and, before, of the shift's subtraction. */
static double rounding_of(const ist_rows *rows, const float *pivot, double reach)
{
    const ist_filter *filter = &rows->filter;
    if (filter->exact || (!rows->wide && !filter->shift && filter->scale >= 0))
        return 0;
    double norm = 0;
    for (int64_t f = 0; f < rows->d; f++)
        norm += (double)pivot[f] * (double)pivot[f];
    return 0x1p-23 * (sqrt(norm) + reach) + sqrt((double)rows->d) * 0x1p-148;
}

static void measure_tile(const ist_rows *rows, const ist_kernel *kernel, const ist_packed *packed,
                         int64_t t, ist_geometry *geometry)
{
    filter_error error = error_of(rows->d);
    int64_t count = packed->row[t + 1] - packed->row[t];
    const float *columns = packed->panels + t * IST_TILE * rows->d;
    float *own = geometry->own + t * IST_TILE, *pivot = geometry->pivot + t * rows->d;
    float value[IST_TILE];
    double reach = 0;
    set_pivot(columns, count, rows->d, pivot);
    ist_pivot_values(geometry, kernel, &t, 1, columns, value);
    for (int64_t i = 0; i < IST_TILE; i++) {
        double most = largest_of(error, value[i]);
        own[i] = i < count ? up(most + 8 * error.a) : NAN;
        reach = i < count ? fmax(reach, sqrt(most)) : reach;
    }
    geometry->reach[t] = up(reach);
    geometry->rounding[t] = up(rounding_of(rows, pivot, reach));
}

ist_geometry ist_geometry_new(const ist_rows *rows, const ist_kernel *kernel,
                              const ist_packed *packed)
{
    size_t tiles = (size_t)packed->tiles;
    ist_geometry geometry = {.tiles = packed->tiles, .d = rows->d};
    geometry.pivot = ist_alloc(tiles * (size_t)rows->d, sizeof *geometry.pivot);
    geometry.own = ist_alloc(tiles * IST_TILE, sizeof *geometry.own);
    geometry.reach = ist_alloc(tiles, sizeof *geometry.reach);
    geometry.rounding = ist_alloc(tiles, sizeof *geometry.rounding);
    for (int64_t t = 0; t < geometry.tiles; t++)
        measure_tile(rows, kernel, packed, t, &geometry);
    return geometry;
}

int64_t ist_geometry_bytes(int64_t tiles, int64_t d)
{
    enum { REACH_AND_ROUNDING = 2 };
    return tiles * (d + IST_TILE + REACH_AND_ROUNDING) * (int64_t)sizeof(float);
}

void ist_geometry_release(ist_geometry *geometry)
{
    ist_free(geometry->pivot);
    ist_free(geometry->own);
    ist_free(geometry->reach);
    ist_free(geometry->rounding);
    *geometry = (ist_geometry){0};
}

/* ---- distances from pivots ------------------------------------------------------------------- */

void ist_pivot_values(const ist_geometry *geometry, const ist_kernel *kernel, const int64_t *tile,
                      int count, const float *columns, float *value)
{
    enum { AT_ONCE = 32 };
    static const float nothing[IST_TILE];
    for (int done = 0; done < count; done += AT_ONCE) {
        int now = count - done < AT_ONCE ? count - done : AT_ONCE;
        const float *from[AT_ONCE];
        float *to[AT_ONCE];
        for (int p = 0; p < now; p++) {
            from[p] = geometry->pivot + tile[done + p] * geometry->d;
            to[p] = value + (done + p) * IST_TILE;
        }
        kernel->near->thin[IST_FILTER_DIRECT](from, now, 1, columns, geometry->d, nothing, nothing,
                                              to);
    }
}

void ist_pack_pivots(const ist_geometry *geometry, const int64_t *tile, int count, float *columns)
{
    int64_t d = geometry->d;
    for (int p = 0; p < count; p++) {
        float *panel = columns + p / IST_PANEL * IST_PANEL * d + p % IST_PANEL;
        for (int64_t f = 0; f < d; f++)
            panel[f * IST_PANEL] = geometry->pivot[tile[p] * d + f];
    }
}

/* ---- bounds ---------------------------------------------------------------------------------- */

/* NaN and -1 where there is no row. */
static void cut_off(int count, float absent, float *root)
{
    for (int i = count; i < IST_TILE; i++)
        root[i] = absent;
}

static float most_of(int count, const float *root)
{
    float most = 0;
    for (int i = 0; i < count; i++)
        most = root[i] > most ? root[i] : most;
    return most;
}

void ist_roots_of(const ist_rows *rows, const ist_kernel *kernel, const ist_geometry *geometry,
                  int64_t tile, int count, const float *farther, const float *closer,
                  ist_roots *roots)
{
    double e64 = (double)(rows->d + 3) * 0x1p-53;
    float tiny = up((double)rows->d * 0x1p-148), rounding = geometry->rounding[tile];
    float more = (float)(1 + e64 + 4 * slack), less = (float)(1 - e64 - 4 * slack);
    kernel->near->roots(farther, more, tiny, up((double)rounding), roots->beyond);
    cut_off(count, NAN, roots->beyond);
    roots->most_beyond = most_of(count, roots->beyond);
    roots->most_within = 0;
    if (!closer)
        return;
    kernel->near->roots(closer, less, -tiny, -up((double)rounding), roots->within);
    cut_off(count, -1, roots->within);
    roots->most_within = most_of(count, roots->within);
}

ist_between ist_between_tiles(const ist_geometry *a, int64_t tile_a, const ist_geometry *b,
                              int64_t tile_b, float value)
{
    double factor = 2 * sqrt(largest_of(error_of(a->d), value));
    double rounding_a = (double)a->rounding[tile_a], rounding_b = (double)b->rounding[tile_b];
    return (ist_between){
        .factor = up(factor),
        .more = {up((double)up(factor) * rounding_b), up((double)up(factor) * rounding_a)},
        .reach = {up((double)b->reach[tile_b] + rounding_b),
                  up((double)a->reach[tile_a] + rounding_a)}};
}
