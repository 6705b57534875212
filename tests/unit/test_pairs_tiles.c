/* Tile kernels: the float64 one gives the defined distance bit for bit, the float32 one never contradicts it beyond its bound. */
#include "infostrata/pairs.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

static const char *const names[] = {"reference", "avx2", "avx512"};

static double uniform(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53 - 0.5;
}

/* The definition, operation by operation. */
static double defined(const double *x, const double *y, int64_t d)
{
    double sum = 0;
    for (int64_t f = 0; f < d; f++) {
        volatile double t = x[f] - y[f];
        volatile double square = t * t;
        sum += square;
    }
    return sum;
}

/* Rows of one tile: as they are, rounded to float32, and as the kernels want their columns. */
typedef struct {
    int64_t d;
    double *wide, *panels64;
    float *narrow, *panels32;
} tile_rows;

static tile_rows tile_rows_new(int64_t d, double offset, double scale, uint64_t seed)
{
    size_t values = (size_t)(IST_TILE * d);
    tile_rows r = {d, ist_alloc(values, sizeof(double)), ist_alloc(values, sizeof(double)),
                   ist_alloc(values, sizeof(float)), ist_alloc(values, sizeof(float))};
    for (int64_t i = 0; i < IST_TILE; i++)
        for (int64_t f = 0; f < d; f++) {
            int64_t at = i * d + f;
            int64_t packed = i / IST_PANEL * IST_PANEL * d + f * IST_PANEL + i % IST_PANEL;
            r.narrow[at] = (float)(offset + scale * uniform(&seed));
            r.wide[at] = (double)r.narrow[at];
            r.panels32[packed] = r.narrow[at];
            r.panels64[packed] = r.wide[at];
        }
    return r;
}

static void tile_rows_release(tile_rows *r)
{
    ist_free(r->wide);
    ist_free(r->panels64);
    ist_free(r->narrow);
    ist_free(r->panels32);
}

static void check_tile64(const ist_kernel *kernel, const tile_rows *rows, const tile_rows *cols)
{
    static double tile[IST_TILE * IST_TILE];
    int64_t wrong = 0;
    for (int wide = 0; wide < 2; wide++) {
        kernel->tile64(wide ? (const void *)rows->wide : rows->narrow, IST_TILE,
                       wide ? (const void *)cols->panels64 : cols->panels32, rows->d, wide, tile);
        for (int64_t i = 0; i < IST_TILE; i++)
            for (int64_t j = 0; j < IST_TILE; j++)
                wrong += tile[i * IST_TILE + j] !=
                         defined(rows->wide + i * rows->d, cols->wide + j * rows->d, rows->d);
    }
    cr_expect(wrong == 0, "%s, d = %d: %d distances", kernel->name, (int)rows->d, (int)wrong);
}

/* A pair's own distance as threshold: the filter must leave it open. */
static void check_tile32(const ist_kernel *kernel, const tile_rows *rows, const tile_rows *cols)
{
    static float tile[IST_TILE * IST_TILE];
    int64_t wrong = 0, useless = 0;
    kernel->tile32(rows->narrow, IST_TILE, cols->panels32, rows->d, tile);
    for (int64_t i = 0; i < IST_TILE; i++)
        for (int64_t j = 0; j < IST_TILE; j++) {
            double distance = defined(rows->wide + i * rows->d, cols->wide + j * rows->d, rows->d);
            ist_band band = ist_band_of(distance, 0, rows->d);
            float c = tile[i * IST_TILE + j];
            wrong += c < band.low || c > band.high;
            useless += distance > 1e-30 && band.high > (1 + 2e-5f) * band.low;
        }
    cr_expect(wrong == 0, "%s, d = %d: %d pairs beyond the bound", kernel->name, (int)rows->d,
              (int)wrong);
    cr_expect(useless == 0, "%s, d = %d: %d wide bands", kernel->name, (int)rows->d, (int)useless);
}

Test(tiles, kernels, .timeout = 60)
{
    static const int64_t widths[] = {1, 2, 3, 7, 16, 63, 64, 65, 127, 128, 200, 1000};
    static const struct {
        double offset, scale;
    } data[] = {{0, 1}, {1e5, 1}, {0, 1e-20}, {0, 1e15}};
    for (size_t n = 0; n < 3; n++) {
        const ist_kernel *kernel = ist_kernel_choose(names[n]);
        if (!kernel)
            continue;
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (size_t s = 0; s < 4; s++) {
                tile_rows rows = tile_rows_new(widths[w], data[s].offset, data[s].scale, w);
                tile_rows cols = tile_rows_new(widths[w], data[s].offset, data[s].scale, w + 100);
                check_tile64(kernel, &rows, &cols);
                if (kernel->tile32)
                    check_tile32(kernel, &rows, &cols);
                tile_rows_release(&rows);
                tile_rows_release(&cols);
            }
    }
}

/* Half-filled tiles: rows beyond the count are left alone. */
Test(tiles, few_rows)
{
    for (size_t n = 0; n < 3; n++) {
        const ist_kernel *kernel = ist_kernel_choose(names[n]);
        if (!kernel)
            continue;
        static double tile[IST_TILE * IST_TILE];
        tile_rows rows = tile_rows_new(5, 0, 1, 3);
        for (int count = 1; count < IST_TILE; count += 11) {
            for (size_t at = 0; at < IST_TILE * IST_TILE; at++)
                tile[at] = -7;
            kernel->tile64(rows.narrow, count, rows.panels32, 5, false, tile);
            cr_expect(tile[count * IST_TILE - 1] >= 0, "%s, %d rows", kernel->name, count);
            cr_expect(tile[count * IST_TILE] == -7, "%s, %d rows", kernel->name, count);
        }
        tile_rows_release(&rows);
    }
}

Test(tiles, names)
{
    cr_expect(ist_kernel_choose(NULL) && ist_kernel_choose("reference"));
    cr_expect(!ist_kernel_choose("fast") && !ist_kernel_choose(""));
    ist_text all = {0};
    ist_kernel_names(&all);
    cr_expect(strncmp(all.data, ist_kernel_choose(NULL)->name,
                      strlen(ist_kernel_choose(NULL)->name)) == 0);
    cr_expect(strstr(all.data, "reference"), "%s", all.data);
    ist_text_release(&all);
}

/* ---- exact distances and bands ------------------------------------------------------------------- */

Test(tiles, exact_distances)
{
    enum { D = 13, COUNT = 19 };
    tile_rows r = tile_rows_new(D, 3, 1, 8);
    int64_t a[COUNT], b[COUNT];
    double found[COUNT];
    for (int p = 0; p < COUNT; p++) {
        a[p] = (p * 7) % IST_TILE;
        b[p] = (p * 31 + 2) % IST_TILE;
    }
    for (int wide = 0; wide < 2; wide++) {
        ist_slab slab = {.count = IST_TILE, .narrow = r.narrow, .wide = wide ? r.wide : NULL};
        ist_exact_distances(&slab, a, &slab, b, COUNT, D, found);
        for (int p = 0; p < COUNT; p++) {
            cr_expect(found[p] == defined(r.wide + a[p] * D, r.wide + b[p] * D, D));
            cr_expect(found[p] == ist_exact_distance(&slab, a[p], &slab, b[p], D));
        }
    }
    tile_rows_release(&r);
}

Test(tiles, bands)
{
    static const double thresholds[] = {0,         DBL_MIN, 1e-45, 1e-30, 1,
                                        12345.678, 1e30,    1e38,  1e300, INFINITY};
    static const double radii[] = {0, 1e-7, 1e-3, 1.5};
    for (size_t t = 0; t < sizeof thresholds / sizeof *thresholds; t++)
        for (int64_t d = 1; d < 5000; d = 3 * d + 1)
            for (size_t r = 0; r < 4; r++) {
                ist_band band = ist_band_of(thresholds[t], radii[r], d);
                cr_expect((double)band.low < thresholds[t] || thresholds[t] == 0);
                cr_expect(band.low < 0 || thresholds[t] > 0);
                cr_expect((double)band.high > thresholds[t] || isinf(band.high));
                cr_expect(!isnan(band.low) && !isnan(band.high));
            }
}

/* Float64 rows shifted and rounded: what was lost is within the radii. */
Test(tiles, rounded_rows)
{
    enum { D = 20, ROWS = 50 };
    static const double offsets[] = {0, 1, 1e5, 1e12};
    for (size_t o = 0; o < 4; o++) {
        double wide[ROWS * D], shift[D];
        float narrow[ROWS * D], radius[ROWS];
        uint64_t state = 5;
        for (int e = 0; e < ROWS * D; e++)
            wide[e] = offsets[o] + uniform(&state);
        memcpy(shift, wide, sizeof shift);
        ist_rows rows = {.n = ROWS, .d = D, .shift = shift};
        ist_slab slab = {.count = ROWS, .narrow = narrow, .wide = wide, .radius = radius};
        cr_assert(ist_slab_round(&rows, &slab));
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < ROWS; j++) {
                double distance = sqrt(defined(wide + i * D, wide + j * D, D)), rounded = 0;
                for (int f = 0; f < D; f++) {
                    double t = (double)narrow[i * D + f] - (double)narrow[j * D + f];
                    rounded += t * t;
                }
                double allowed = (double)radius[i] + (double)radius[j];
                cr_expect(fabs(sqrt(rounded) - distance) <= allowed * (1 + 1e-9));
                cr_expect(allowed < 1e-5 * (1 + offsets[o] * 1e-9));
            }
        wide[7] = 1e20;
        cr_expect(!ist_slab_round(&rows, &slab));
    }
}
