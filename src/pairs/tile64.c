/* The defined distances, whole tiles, eight pairs or a row against columns at a time, and their bounds: compiled once per instruction set,
 * without contraction, so that every lane performs exactly the operations of the definition. */
#include <math.h>
#include <string.h>

#include "infostrata/pairs.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAMED(what) JOIN(JOIN(ist_, what), JOIN(_, IST_SET))

typedef double lanes64 __attribute__((vector_size(64)));
typedef int64_t bits64 __attribute__((vector_size(64)));
typedef float lanes32 __attribute__((vector_size(32)));
enum { LANES = 8 };
/* Tiles have vectors of what the instructions hold: gcc 12 takes wider ones to pieces in memory. */
#if defined __AVX512F__
#include <immintrin.h>
enum { ROWS = 4, WIDE = 3, TILE_LANES = 8 };
#elif defined __AVX2__
enum { ROWS = 4, WIDE = 3, TILE_LANES = 4 };
#else
enum { ROWS = 2, WIDE = 4, TILE_LANES = 2 };
#endif
typedef double tile_lanes __attribute__((vector_size(TILE_LANES * sizeof(double))));
typedef int64_t tile_bits __attribute__((vector_size(TILE_LANES * sizeof(double))));
_Static_assert(IST_PANEL % (WIDE * TILE_LANES) == 0, "a panel's row is whole steps");

#define INLINE static inline __attribute__((always_inline))

/* ---- the metrics --------------------------------------------------------------------------------- */

/* A difference becomes what it contributes. */
INLINE void make_part(ist_metric metric, lanes64 *t)
{
    if (metric == IST_METRIC_EUCLIDEAN)
        *t = *t * *t;
    else
        *t = (lanes64)((bits64)*t & INT64_MAX);
}

INLINE void add_part(ist_metric metric, lanes64 *sum, const lanes64 *part)
{
    if (metric != IST_METRIC_CHEBYSHEV) {
        *sum = *sum + *part;
        return;
    }
    bits64 larger = *part > *sum;
    *sum = (lanes64)(((bits64)*part & larger) | ((bits64)*sum & ~larger));
}

/* ---- tiles --------------------------------------------------------------------------------------- */

/* One feature of one vector: what make_part and add_part do. */
INLINE tile_lanes add_difference(ist_metric metric, tile_lanes sum, tile_lanes t)
{
    if (metric == IST_METRIC_EUCLIDEAN)
        return sum + t * t;
    tile_bits part = (tile_bits)t & INT64_MAX;
    if (metric == IST_METRIC_MANHATTAN)
        return sum + (tile_lanes)part;
    tile_bits larger = (tile_bits)((tile_lanes)part > sum);
    return (tile_lanes)((part & larger) | ((tile_bits)sum & ~larger));
}

INLINE void register_tile(ist_metric metric, const double *const row[ROWS], const double *columns,
                          int64_t d, double *const out[ROWS])
{
    tile_lanes sum[ROWS][WIDE];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < WIDE; v++)
            sum[r][v] = (tile_lanes){0};
    for (int64_t f = 0; f < d; f++) {
        tile_lanes y[WIDE];
        for (int v = 0; v < WIDE; v++)
            memcpy(&y[v], columns + f * IST_PANEL + v * TILE_LANES, sizeof y[v]);
        for (int r = 0; r < ROWS; r++)
            for (int v = 0; v < WIDE; v++)
                sum[r][v] = add_difference(metric, sum[r][v], row[r][f] - y[v]);
    }
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < WIDE; v++)
            memcpy(out[r] + v * TILE_LANES, &sum[r][v], sizeof sum[r][v]);
}

INLINE void tile_of(ist_metric metric, const double *rows, int row_count, const double *columns,
                    int64_t d, double *tile)
{
    for (int j = 0; j < IST_TILE; j += WIDE * TILE_LANES)
        for (int i = 0; i < row_count; i += ROWS) {
            const double *row[ROWS];
            double *out[ROWS];
            for (int r = 0; r < ROWS; r++) {
                int at = i + r < row_count ? i + r : row_count - 1;
                row[r] = rows + at * d;
                out[r] = tile + at * IST_TILE + j;
            }
            register_tile(metric, row, columns + j / IST_PANEL * IST_PANEL * d + j % IST_PANEL, d,
                          out);
        }
}

/* ---- pairs --------------------------------------------------------------------------------------- */

/* Eight vectors of eight become their transpose. */
INLINE void turn(lanes64 v[LANES])
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
INLINE void load_narrow(lanes64 *v, const float *at)
{
    lanes32 narrow;
    memcpy(&narrow, at, sizeof narrow);
#ifdef __AVX512F__
    *v = (lanes64)_mm512_cvtps_pd((__m256)narrow);
#else
    *v = __builtin_convertvector(narrow, lanes64);
#endif
}

INLINE void load_wide(lanes64 *v, const double *at)
{
    memcpy(v, at, sizeof *v);
}

/* The parts of eight features of eight pairs, turned so that a vector holds one feature of all
 * pairs: the sums then grow in the order of the features, all pairs at once. */
#define PAIRS(name, real, load)                                                                \
    INLINE void name(ist_metric metric, const real *const *x, const real *const *y, int64_t d, \
                     double *distance)                                                         \
    {                                                                                          \
        lanes64 sum = {0};                                                                     \
        int64_t f = 0;                                                                         \
        for (; f + LANES <= d; f += LANES) {                                                   \
            lanes64 part[LANES];                                                               \
            for (int p = 0; p < LANES; p++) {                                                  \
                lanes64 a, b;                                                                  \
                load(&a, x[p] + f);                                                            \
                load(&b, y[p] + f);                                                            \
                part[p] = a - b;                                                               \
                make_part(metric, &part[p]);                                                   \
            }                                                                                  \
            turn(part);                                                                        \
            for (int q = 0; q < LANES; q++)                                                    \
                add_part(metric, &sum, &part[q]);                                              \
        }                                                                                      \
        for (; f < d; f++) {                                                                   \
            lanes64 t;                                                                         \
            for (int p = 0; p < LANES; p++)                                                    \
                t[p] = (double)x[p][f] - (double)y[p][f];                                      \
            make_part(metric, &t);                                                             \
            add_part(metric, &sum, &t);                                                        \
        }                                                                                      \
        memcpy(distance, &sum, sizeof sum);                                                    \
    }

PAIRS(narrow_pairs, float, load_narrow)
PAIRS(wide_pairs, double, load_wide)

/* ---- columns and cells --------------------------------------------------------------------------- */

INLINE void columns_of(ist_metric metric, const double *x, const double *columns, int64_t stride,
                       int64_t d, int count, double *distance)
{
    for (int j = 0; j < count; j += LANES) {
        lanes64 sum = {0};
        for (int64_t f = 0; f < d; f++) {
            lanes64 y;
            load_wide(&y, columns + f * stride + j);
            lanes64 t = x[f] - y;
            make_part(metric, &t);
            add_part(metric, &sum, &t);
        }
        memcpy(distance + j, &sum, sizeof sum);
    }
}

/* a becomes the larger of both. */
INLINE void raise(lanes64 *a, const lanes64 *b)
{
    bits64 larger = *a > *b;
    *a = (lanes64)(((bits64)*a & larger) | ((bits64)*b & ~larger));
}

/* The steps of the definition on the least and on the largest difference that a box leaves to each feature:
 * every rounded step is monotone (docs/numerics.md). */
INLINE void cells_of(ist_metric metric, const double *x, const double *boxes, int64_t d,
                     double *lower, double *upper)
{
    const lanes64 none = {0};
    lanes64 least = {0}, most = {0};
    for (int64_t f = 0; f < d; f++) {
        lanes64 low, high;
        load_wide(&low, boxes + 2 * f * IST_CELLS);
        load_wide(&high, boxes + (2 * f + 1) * IST_CELLS);
        lanes64 near = low - x[f], far = high - x[f];
        lanes64 above = -far, below = -near;
        raise(&near, &above);
        raise(&near, &none);
        raise(&far, &below);
        make_part(metric, &near);
        add_part(metric, &least, &near);
        make_part(metric, &far);
        add_part(metric, &most, &far);
    }
    memcpy(lower, &least, sizeof least);
    memcpy(upper, &most, sizeof most);
}

/* ---- comparisons --------------------------------------------------------------------------------- */

INLINE int64_t sum_of(const bits64 *v)
{
    int64_t sum = 0;
    for (int l = 0; l < LANES; l++)
        sum += (*v)[l];
    return sum;
}

/* One value, the numbers side by side. */
INLINE void tally_one(const double *number, int count, double value, int64_t *below, int64_t *equal)
{
    bits64 less = {0}, same = {0};
    for (int j = 0; j < count; j += LANES) {
        lanes64 x;
        load_wide(&x, number + j);
        less -= x < value;
        same -= x == value;
    }
    *below += sum_of(&less);
    *equal += sum_of(&same);
}

/* Up to eight values side by side, one number after the other. */
INLINE void tally_eight(const double *number, int count, const double *value, int64_t values,
                        int64_t *below, int64_t *equal)
{
    bits64 less = {0}, same = {0};
    lanes64 v = {0};
    for (int64_t m = 0; m < values; m++)
        v[m] = value[m];
    for (int j = 0; j < count; j++) {
        less -= v > number[j];
        same -= v == number[j];
    }
    for (int64_t m = 0; m < values; m++) {
        below[m] += less[m];
        equal[m] += same[m];
    }
}

void NAMED(tally)(double *number, int count, const double *value, int64_t values, int64_t *below,
                  int64_t *equal);
void NAMED(tally)(double *number, int count, const double *value, int64_t values, int64_t *below,
                  int64_t *equal)
{
    enum { FEW = 3 };
    for (int j = count; j % LANES != 0; j++)
        number[j] = NAN;
    for (int64_t m = 0; m < values && values <= FEW; m++)
        tally_one(number, count, value[m], &below[m], &equal[m]);
    for (int64_t m = 0; m < values && values > FEW; m += LANES)
        tally_eight(number, count, value + m, ist_min(LANES, values - m), below + m, equal + m);
}

/* ---- rows for the tiles -------------------------------------------------------------------------- */

void NAMED(load_rows)(const float *narrow, const double *wide, int count, int64_t d,
                      const double *centre, double *rows);
void NAMED(load_rows)(const float *narrow, const double *wide, int count, int64_t d,
                      const double *centre, double *rows)
{
    for (int i = 0; i < count; i++) {
        const int64_t from = i * d;
        if (narrow && centre)
            for (int64_t f = 0; f < d; f++)
                rows[from + f] = (double)narrow[from + f] - centre[f];
        else if (narrow)
            for (int64_t f = 0; f < d; f++)
                rows[from + f] = (double)narrow[from + f];
        else if (centre)
            for (int64_t f = 0; f < d; f++)
                rows[from + f] = wide[from + f] - centre[f];
        else
            memcpy(rows + from, wide + from, (size_t)d * sizeof *rows);
    }
}

/* Eight rows, eight features at a time, turned. */
#define COLUMNS(name, real, load)                                                              \
    INLINE void name(const real *rows, int64_t d, const double *centre, double *panel)         \
    {                                                                                          \
        int64_t f = 0;                                                                         \
        for (; f + LANES <= d; f += LANES) {                                                   \
            lanes64 v[LANES];                                                                  \
            for (int r = 0; r < LANES; r++)                                                    \
                load(&v[r], rows + r * d + f);                                                 \
            turn(v);                                                                           \
            for (int r = 0; r < LANES; r++) {                                                  \
                if (centre)                                                                    \
                    v[r] = v[r] - centre[f + r];                                               \
                memcpy(panel + (f + r) * IST_PANEL, &v[r], sizeof v[r]);                       \
            }                                                                                  \
        }                                                                                      \
        for (; f < d; f++)                                                                     \
            for (int r = 0; r < LANES; r++)                                                    \
                panel[f * IST_PANEL + r] = (double)rows[r * d + f] - (centre ? centre[f] : 0); \
    }

COLUMNS(narrow_columns, float, load_narrow)
COLUMNS(wide_columns, double, load_wide)

void NAMED(load_columns)(const float *narrow, const double *wide, int count, int64_t d,
                         const double *centre, double *panels);
void NAMED(load_columns)(const float *narrow, const double *wide, int count, int64_t d,
                         const double *centre, double *panels)
{
    int j = 0;
    for (; j + LANES <= count; j += LANES) {
        double *panel = panels + j / IST_PANEL * IST_PANEL * d + j % IST_PANEL;
        if (wide)
            wide_columns(wide + j * d, d, centre, panel);
        else
            narrow_columns(narrow + j * d, d, centre, panel);
    }
    for (; j < count; j++)
        for (int64_t f = 0; f < d; f++)
            panels[j / IST_PANEL * IST_PANEL * d + f * IST_PANEL + j % IST_PANEL] =
                (wide ? wide[j * d + f] : (double)narrow[j * d + f]) - (centre ? centre[f] : 0);
}

/* ---- tables -------------------------------------------------------------------------------------- */

#define METRIC(name, metric)                                                                      \
    static void name##_tile(const double *rows, int row_count, const double *columns, int64_t d,  \
                            double *tile)                                                         \
    {                                                                                             \
        tile_of(metric, rows, row_count, columns, d, tile);                                       \
    }                                                                                             \
    static void name##_narrow(const float *const *x, const float *const *y, int64_t d,            \
                              double *distance)                                                   \
    {                                                                                             \
        narrow_pairs(metric, x, y, d, distance);                                                  \
    }                                                                                             \
    static void name##_wide(const double *const *x, const double *const *y, int64_t d,            \
                            double *distance)                                                     \
    {                                                                                             \
        wide_pairs(metric, x, y, d, distance);                                                    \
    }                                                                                             \
    static void name##_columns(const double *x, const double *columns, int64_t stride, int64_t d, \
                               int count, double *distance)                                       \
    {                                                                                             \
        columns_of(metric, x, columns, stride, d, count, distance);                               \
    }                                                                                             \
    static void name##_cells(const double *x, const double *boxes, int64_t d, double *lower,      \
                             double *upper)                                                       \
    {                                                                                             \
        cells_of(metric, x, boxes, d, lower, upper);                                              \
    }

METRIC(euclidean, IST_METRIC_EUCLIDEAN)
METRIC(manhattan, IST_METRIC_MANHATTAN)
METRIC(chebyshev, IST_METRIC_CHEBYSHEV)

extern const ist_exact_kernel NAMED(exact)[IST_METRICS];
const ist_exact_kernel NAMED(exact)[IST_METRICS] = {
    [IST_METRIC_EUCLIDEAN] = {euclidean_tile, euclidean_narrow, euclidean_wide, euclidean_columns,
                              euclidean_cells},
    [IST_METRIC_MANHATTAN] = {manhattan_tile, manhattan_narrow, manhattan_wide, manhattan_columns,
                              manhattan_cells},
    [IST_METRIC_CHEBYSHEV] = {chebyshev_tile, chebyshev_narrow, chebyshev_wide, chebyshev_columns,
                              chebyshev_cells}};
