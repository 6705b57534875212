/* The defined distances, whole tiles or eight pairs at a time: compiled once per instruction set,
 * without contraction, so that every lane performs exactly the operations of the definition. */
#include <string.h>

#include "infostrata/pairs.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAMED(what) JOIN(JOIN(ist_, what), JOIN(_, IST_SET))

typedef double lanes64 __attribute__((vector_size(64)));
typedef float lanes32 __attribute__((vector_size(32)));
enum { LANES = 8, WIDE = 3 };
#ifdef __AVX512F__
enum { ROWS = 4 };
#else
enum { ROWS = 2 };
#endif

void NAMED(tile64)(const double *rows, int row_count, const double *columns, int64_t d,
                   double *tile);
void NAMED(pairs_narrow)(const float *const *x, const float *const *y, int64_t d, double *distance);
void NAMED(pairs_wide)(const double *const *x, const double *const *y, int64_t d, double *distance);

static inline __attribute__((always_inline)) void register_tile(const double *const row[ROWS],
                                                                const double *columns, int64_t d,
                                                                double *const out[ROWS])
{
    lanes64 sum[ROWS][WIDE] = {{{0}}};
    for (int64_t f = 0; f < d; f++) {
        lanes64 y[WIDE];
        memcpy(y, columns + f * IST_PANEL, sizeof y);
        for (int r = 0; r < ROWS; r++)
            for (int v = 0; v < WIDE; v++) {
                lanes64 t = row[r][f] - y[v];
                sum[r][v] = sum[r][v] + t * t;
            }
    }
    for (int r = 0; r < ROWS; r++)
        memcpy(out[r], sum[r], sizeof sum[r]);
}

void NAMED(tile64)(const double *rows, int row_count, const double *columns, int64_t d,
                   double *tile)
{
    for (int j = 0; j < IST_TILE; j += WIDE * LANES)
        for (int i = 0; i < row_count; i += ROWS) {
            const double *row[ROWS];
            double *out[ROWS];
            for (int r = 0; r < ROWS; r++) {
                int at = i + r < row_count ? i + r : row_count - 1;
                row[r] = rows + at * d;
                out[r] = tile + at * IST_TILE + j;
            }
            register_tile(row, columns + j / IST_PANEL * IST_PANEL * d + j % IST_PANEL, d, out);
        }
}

/* The squares of eight features at once, then their sums pair by pair in the order of the features;
 * eight pairs side by side hide the latency of each sum's one chain of additions. */
#define PAIRS(name, real, lanes_of)                                                            \
    void NAMED(name)(const real *const *x, const real *const *y, int64_t d, double *distance)  \
    {                                                                                          \
        double sum[LANES] = {0}, square[LANES][LANES];                                         \
        int64_t f = 0;                                                                         \
        for (; f + LANES <= d; f += LANES) {                                                   \
            for (int p = 0; p < LANES; p++) {                                                  \
                lanes_of a, b;                                                                 \
                memcpy(&a, x[p] + f, sizeof a);                                                \
                memcpy(&b, y[p] + f, sizeof b);                                                \
                lanes64 t =                                                                    \
                    __builtin_convertvector(a, lanes64) - __builtin_convertvector(b, lanes64); \
                t = t * t;                                                                     \
                memcpy(square[p], &t, sizeof t);                                               \
            }                                                                                  \
            for (int q = 0; q < LANES; q++)                                                    \
                for (int p = 0; p < LANES; p++)                                                \
                    sum[p] = sum[p] + square[p][q];                                            \
        }                                                                                      \
        for (; f < d; f++)                                                                     \
            for (int p = 0; p < LANES; p++) {                                                  \
                double t = (double)x[p][f] - (double)y[p][f];                                  \
                sum[p] = sum[p] + t * t;                                                       \
            }                                                                                  \
        memcpy(distance, sum, sizeof sum);                                                     \
    }

PAIRS(pairs_narrow, float, lanes32)
PAIRS(pairs_wide, double, lanes64)
