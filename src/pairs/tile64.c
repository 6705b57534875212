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
#include <immintrin.h>
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

/* Eight vectors of eight become their transpose. */
static inline __attribute__((always_inline)) void turn(lanes64 v[LANES])
{
    lanes64 a[LANES], b[LANES];
    for (int r = 0; r < LANES; r += 2) {
        a[r] = __builtin_shufflevector(v[r], v[r + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        a[r + 1] = __builtin_shufflevector(v[r], v[r + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int r = 0; r < LANES; r += 4)
        for (int half = r; half < r + 2; half++) {
            b[half] = __builtin_shufflevector(a[half], a[half + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            b[half + 2] = __builtin_shufflevector(a[half], a[half + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int r = 0; r < LANES / 2; r++) {
        v[r] = __builtin_shufflevector(b[r], b[r + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        v[r + 4] = __builtin_shufflevector(b[r], b[r + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* gcc 12 would widen halves and join them. */
static inline __attribute__((always_inline)) void load_narrow(lanes64 *v, const float *at)
{
    lanes32 narrow;
    memcpy(&narrow, at, sizeof narrow);
#ifdef __AVX512F__
    *v = (lanes64)_mm512_cvtps_pd((__m256)narrow);
#else
    *v = __builtin_convertvector(narrow, lanes64);
#endif
}

static inline __attribute__((always_inline)) void load_wide(lanes64 *v, const double *at)
{
    memcpy(v, at, sizeof *v);
}

/* The squares of eight features of eight pairs, turned so that a vector holds one feature of all
 * pairs: the sums then grow in the order of the features, all pairs at once. */
#define PAIRS(name, real, load)                                                               \
    void NAMED(name)(const real *const *x, const real *const *y, int64_t d, double *distance) \
    {                                                                                         \
        lanes64 sum = {0};                                                                    \
        int64_t f = 0;                                                                        \
        for (; f + LANES <= d; f += LANES) {                                                  \
            lanes64 square[LANES];                                                            \
            for (int p = 0; p < LANES; p++) {                                                 \
                lanes64 a, b;                                                                 \
                load(&a, x[p] + f);                                                           \
                load(&b, y[p] + f);                                                           \
                lanes64 t = a - b;                                                            \
                square[p] = t * t;                                                            \
            }                                                                                 \
            turn(square);                                                                     \
            for (int q = 0; q < LANES; q++)                                                   \
                sum = sum + square[q];                                                        \
        }                                                                                     \
        memcpy(distance, &sum, sizeof sum);                                                   \
        for (; f < d; f++)                                                                    \
            for (int p = 0; p < LANES; p++) {                                                 \
                double t = (double)x[p][f] - (double)y[p][f];                                 \
                distance[p] = distance[p] + t * t;                                            \
            }                                                                                 \
    }

PAIRS(pairs_narrow, float, load_narrow)
PAIRS(pairs_wide, double, load_wide)
