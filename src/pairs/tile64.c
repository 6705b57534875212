/* The defined distances, whole tiles at a time: compiled once per instruction set, without
 * contraction, so that every lane performs exactly the operations of the definition. */
#include <string.h>

#include "infostrata/pairs.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

typedef double lanes64 __attribute__((vector_size(64)));
typedef float lanes32 __attribute__((vector_size(32)));
enum { LANES = 8, VECTORS = IST_PANEL / LANES, ROWS_AT_ONCE = 2 };

static inline __attribute__((always_inline)) void row_pair(const void *const row[ROWS_AT_ONCE],
                                                           const void *panel, int64_t d, bool wide,
                                                           double *const out[ROWS_AT_ONCE])
{
    lanes64 sum[ROWS_AT_ONCE][VECTORS] = {{{0}}};
    for (int64_t f = 0; f < d; f++) {
        lanes64 y[VECTORS];
        for (int v = 0; v < VECTORS; v++) {
            if (wide) {
                memcpy(&y[v], (const double *)panel + f * IST_PANEL + v * LANES, sizeof y[v]);
            } else {
                lanes32 stored;
                memcpy(&stored, (const float *)panel + f * IST_PANEL + v * LANES, sizeof stored);
                y[v] = __builtin_convertvector(stored, lanes64);
            }
        }
        for (int r = 0; r < ROWS_AT_ONCE; r++) {
            double x = wide ? ((const double *)row[r])[f] : (double)((const float *)row[r])[f];
            for (int v = 0; v < VECTORS; v++) {
                lanes64 t = x - y[v];
                sum[r][v] = sum[r][v] + t * t;
            }
        }
    }
    for (int r = 0; r < ROWS_AT_ONCE; r++)
        memcpy(out[r], sum[r], sizeof sum[r]);
}

static inline __attribute__((always_inline)) void whole_tile(const void *rows, int row_count,
                                                             const void *panels, int64_t d,
                                                             bool wide, double *tile)
{
    size_t size = wide ? sizeof(double) : sizeof(float);
    for (int p = 0; p < IST_TILE / IST_PANEL; p++) {
        const char *panel = (const char *)panels + (size_t)(p * IST_PANEL * d) * size;
        for (int i = 0; i < row_count; i += ROWS_AT_ONCE) {
            const void *row[ROWS_AT_ONCE];
            double *out[ROWS_AT_ONCE];
            for (int r = 0; r < ROWS_AT_ONCE; r++) {
                int at = i + r < row_count ? i + r : row_count - 1;
                row[r] = (const char *)rows + (size_t)(at * d) * size;
                out[r] = tile + at * IST_TILE + p * IST_PANEL;
            }
            row_pair(row, panel, d, wide, out);
        }
    }
}

void JOIN(ist_tile64_, IST_TILE64_NAME)(const void *rows, int row_count, const void *panels,
                                        int64_t d, bool wide, double *tile);

void JOIN(ist_tile64_, IST_TILE64_NAME)(const void *rows, int row_count, const void *panels,
                                        int64_t d, bool wide, double *tile)
{
    if (wide)
        whole_tile(rows, row_count, panels, d, true, tile);
    else
        whole_tile(rows, row_count, panels, d, false, tile);
}
