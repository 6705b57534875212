/* The float32 filter and the scans of its tiles: compiled once per instruction set. Nothing here
 * is exact; docs/numerics.md bounds what it may be wrong by. */
#include <string.h>

#include "infostrata/pairs.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAMED(what) JOIN(JOIN(ist_, what), JOIN(_, IST_TILE32_NAME))

/* A register tile of ROWS rows by VECTORS vectors of LANES columns. */
#ifdef __AVX512F__
enum { LANES = 16, VECTORS = 2, ROWS = 8 };
typedef float lanes __attribute__((vector_size(64)));
#else
enum { LANES = 8, VECTORS = 2, ROWS = 4 };
typedef float lanes __attribute__((vector_size(32)));
#endif
enum { FEATURES = 64, STRIP = VECTORS * LANES };

/* Adds the squared differences of `features` features to `tile`; a fresh accumulator each call. */
static inline __attribute__((always_inline)) void register_tile(const float *const row[ROWS],
                                                                const float *panel,
                                                                int64_t features,
                                                                float *const out[ROWS])
{
    lanes sum[ROWS][VECTORS] = {{{0}}};
    for (int64_t f = 0; f < features; f++) {
        lanes y[VECTORS];
        for (int v = 0; v < VECTORS; v++)
            memcpy(&y[v], panel + f * IST_PANEL + v * LANES, sizeof y[v]);
        for (int r = 0; r < ROWS; r++)
            for (int v = 0; v < VECTORS; v++) {
                lanes t = row[r][f] - y[v];
                sum[r][v] += t * t;
            }
    }
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < VECTORS; v++) {
            lanes total;
            memcpy(&total, out[r] + v * LANES, sizeof total);
            total += sum[r][v];
            memcpy(out[r] + v * LANES, &total, sizeof total);
        }
}

void NAMED(tile32)(const float *rows, int row_count, const float *panels, int64_t d, float *tile);
int NAMED(select)(const float *c, float row_limit, const float *column_limit, uint8_t *which);
int NAMED(count_row)(const float *c, ist_band band, bool *open);
void NAMED(count_columns)(const float *c, const float *low, const float *high, int32_t *count,
                          bool *open);
int NAMED(within_row)(const float *c, ist_band band, uint8_t *which);
int NAMED(within_columns)(const float *c, const float *low, const float *high, uint8_t *which);

void NAMED(tile32)(const float *rows, int row_count, const float *panels, int64_t d, float *tile)
{
    memset(tile, 0, sizeof(float) * IST_TILE * IST_TILE);
    for (int64_t f = 0; f < d; f += FEATURES) {
        int64_t features = d - f < FEATURES ? d - f : FEATURES;
        for (int column = 0; column < IST_TILE; column += STRIP) {
            const float *panel = panels + (int64_t)(column / IST_PANEL) * IST_PANEL * d +
                                 f * IST_PANEL + column % IST_PANEL;
            for (int i = 0; i < row_count; i += ROWS) {
                const float *row[ROWS];
                float *out[ROWS];
                float beyond[STRIP] = {0};
                for (int r = 0; r < ROWS; r++) {
                    bool inside = i + r < row_count;
                    row[r] = rows + (inside ? i + r : i) * d + f;
                    out[r] = inside ? tile + (i + r) * IST_TILE + column : beyond;
                }
                register_tile(row, panel, features, out);
            }
        }
    }
}

int NAMED(select)(const float *c, float row_limit, const float *column_limit, uint8_t *which)
{
    int any = 0;
    for (int j = 0; j < IST_TILE; j++)
        any |= (c[j] <= row_limit) | (c[j] <= column_limit[j]);
    if (!any)
        return 0;
    int count = 0;
    for (int j = 0; j < IST_TILE; j++) {
        which[count] = (uint8_t)j;
        count += (c[j] <= row_limit) | (c[j] <= column_limit[j]);
    }
    return count;
}

int NAMED(count_row)(const float *c, ist_band band, bool *open)
{
    int below = 0, upto = 0;
    for (int j = 0; j < IST_TILE; j++) {
        below += c[j] < band.low;
        upto += c[j] <= band.high;
    }
    *open |= upto > below;
    return below;
}

void NAMED(count_columns)(const float *c, const float *low, const float *high, int32_t *count,
                          bool *open)
{
    int any = 0;
    for (int j = 0; j < IST_TILE; j++) {
        int below = c[j] < low[j], upto = c[j] <= high[j];
        count[j] += below;
        any |= upto - below;
    }
    *open |= any != 0;
}

int NAMED(within_row)(const float *c, ist_band band, uint8_t *which)
{
    int count = 0;
    for (int j = 0; j < IST_TILE; j++) {
        which[count] = (uint8_t)j;
        count += (c[j] >= band.low) & (c[j] <= band.high);
    }
    return count;
}

int NAMED(within_columns)(const float *c, const float *low, const float *high, uint8_t *which)
{
    int count = 0;
    for (int j = 0; j < IST_TILE; j++) {
        which[count] = (uint8_t)j;
        count += (c[j] >= low[j]) & (c[j] <= high[j]);
    }
    return count;
}
