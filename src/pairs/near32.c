/* The arithmetic of skipping: compiled once per instruction set. Nothing here is exact;
 * docs/numerics.md bounds what it may be wrong by. */
#include <float.h>
#include <math.h>

#include "lanes.h"

enum { HALF = IST_PANEL / LANES };

extern const ist_near_kernel NAMED(near);

#ifdef __AVX512F__
enum { ROWS = 8 };
#else
enum { ROWS = 4 };
#endif

/* Rows from anywhere (feature f of row r at rows[r][f stride]) against the panels of a tile. Sums are made
 * of blocks and chunks as in tile32.c: the filter's bounds hold for these only. */
#define THIN(name, step, finish)                                                                \
    static inline __attribute__((always_inline)) void name##_block(                             \
        const float *const *rows, int64_t stride, const float *columns, int64_t first,          \
        int64_t end, lanes sum[ROWS][HALF])                                                     \
    {                                                                                           \
        for (int64_t f = first; f < end; f++) {                                                 \
            lanes y[HALF];                                                                      \
            for (int v = 0; v < HALF; v++)                                                      \
                y[v] = load(columns + f * IST_PANEL + v * LANES);                               \
            for (int r = 0; r < ROWS; r++) {                                                    \
                float x = rows[r][f * stride];                                                  \
                for (int v = 0; v < HALF; v++) {                                                \
                    step                                                                        \
                }                                                                               \
            }                                                                                   \
        }                                                                                       \
    }                                                                                           \
    static inline __attribute__((always_inline)) void name##_panel(                             \
        const float *const *rows, int count, int64_t stride, const float *columns, int64_t d,   \
        const float *row_term, const float *column_term, int first, float *const *out)          \
    {                                                                                           \
        lanes total[ROWS][HALF] = {{{0}}};                                                      \
        int64_t block = d <= IST_SINGLE_BLOCK ? IST_SINGLE_BLOCK : IST_BLOCK;                   \
        for (int64_t c = 0; c < d; c += IST_CHUNK) {                                            \
            lanes part[ROWS][HALF] = {{{0}}};                                                   \
            for (int64_t f = c; f < d && f < c + IST_CHUNK; f += block) {                       \
                lanes sum[ROWS][HALF] = {{{0}}};                                                \
                name##_block(rows, stride, columns, f, d - f < block ? d : f + block, sum);     \
                for (int r = 0; r < ROWS; r++)                                                  \
                    for (int v = 0; v < HALF; v++)                                              \
                        part[r][v] = f > c ? part[r][v] + sum[r][v] : sum[r][v];                \
            }                                                                                   \
            for (int r = 0; r < ROWS; r++)                                                      \
                for (int v = 0; v < HALF; v++)                                                  \
                    total[r][v] = c ? total[r][v] + part[r][v] : part[r][v];                    \
        }                                                                                       \
        for (int r = 0; r < count; r++)                                                         \
            for (int v = 0; v < HALF; v++) {                                                    \
                lanes terms = row_term[r] + load(column_term + first + v * LANES);              \
                store(out[r] + first + v * LANES, finish);                                      \
            }                                                                                   \
    }                                                                                           \
    static void name(const float *const *rows, int count, int64_t stride, const float *columns, \
                     int64_t d, const float *row_term, const float *column_term,                \
                     float *const *out)                                                         \
    {                                                                                           \
        for (int i = 0; i < count; i += ROWS) {                                                 \
            const float *row[ROWS];                                                             \
            int now = count - i < ROWS ? count - i : ROWS;                                      \
            for (int r = 0; r < ROWS; r++)                                                      \
                row[r] = rows[i + (r < now ? r : 0)];                                           \
            for (int p = 0; p < IST_TILE / IST_PANEL; p++)                                      \
                name##_panel(row, now, stride, columns + p * IST_PANEL * d, d, row_term + i,    \
                             column_term, p * IST_PANEL, out + i);                              \
        }                                                                                       \
    }

THIN(thin_direct, lanes t = x - y[v]; sum[r][v] += t * t;, total[r][v] + terms)
THIN(thin_product, sum[r][v] += x * y[v];, terms - 2 * total[r][v])

#ifdef __AVX512F__
static inline lanes root_of(lanes x)
{
    return (lanes)_mm512_sqrt_ps((__m512)x);
}
#else
static inline lanes root_of(lanes x)
{
    return (lanes)_mm256_sqrt_ps((__m256)x);
}
#endif

/* NaN, where there is no row, stays what it is in `margin`, and the least passes over it. */
static float margins(const float *value, const float *own, float shrink, float *margin)
{
    lanes least = all(INFINITY);
    for (int v = 0; v < VECTORS; v++) {
        lanes m = least_of(all(FLT_MAX), load(value + v * LANES)) * shrink - load(own + v * LANES);
        store(margin + v * LANES, m);
        least = least_of(m, least);
    }
    float lane[LANES], result = INFINITY;
    store(lane, least);
    for (int l = 0; l < LANES; l++)
        result = lane[l] < result ? lane[l] : result;
    return result;
}

static void beyond(const float *margin, float other, const float *limit, float factor, float more,
                   uint32_t *marks)
{
    uint32_t words[IST_MARK_WORDS] = {0};
    for (int v = 0; v < VECTORS; v++) {
        lanes needed = factor * load(limit + v * LANES) + more;
        words[v * LANES / 32] |= less(needed, load(margin + v * LANES) + other) << (v * LANES % 32);
    }
    memcpy(marks, words, sizeof words);
}

static void within(const float *value, const float *limit, float reach, float grow, float more,
                   uint32_t *marks)
{
    uint32_t words[IST_MARK_WORDS] = {0};
    for (int v = 0; v < VECTORS; v++) {
        lanes room = larger(load(limit + v * LANES) - reach, all(0));
        words[v * LANES / 32] |= less(load(value + v * LANES) * grow + more, room * room)
                                 << (v * LANES % 32);
    }
    memcpy(marks, words, sizeof words);
}

static void roots(const float *square, float factor, float more, float shift, float *root)
{
    for (int v = 0; v < VECTORS; v++) {
        lanes x = larger(load(square + v * LANES) * factor + more, all(0));
        store(root + v * LANES, root_of(x) + shift);
    }
}

static inline float sum_of(lanes sum)
{
    float lane[LANES], total = 0;
    store(lane, sum);
    for (int l = 0; l < LANES; l++)
        total += lane[l];
    return total;
}

static float dot(const float *x, const float *y, int64_t d)
{
    lanes sum = {0};
    float rest = 0;
    int64_t f = 0;
    for (; f + LANES <= d; f += LANES)
        sum += load(x + f) * load(y + f);
    for (; f < d; f++)
        rest += x[f] * y[f];
    return sum_of(sum) + rest;
}

static float dot_from(const float *x, const float *centre, const float *y, int64_t d)
{
    lanes sum = {0};
    float rest = 0;
    int64_t f = 0;
    for (; f + LANES <= d; f += LANES)
        sum += (load(x + f) - load(centre + f)) * load(y + f);
    for (; f < d; f++)
        rest += (x[f] - centre[f]) * y[f];
    return sum_of(sum) + rest;
}

static void add_scaled(float weight, const float *x, int64_t d, float *sum)
{
    int64_t f = 0;
    for (; f + LANES <= d; f += LANES)
        store(sum + f, load(sum + f) + weight * load(x + f));
    for (; f < d; f++)
        sum[f] += weight * x[f];
}

const ist_near_kernel NAMED(near) = {
    .thin = {[IST_FILTER_DIRECT] = thin_direct, [IST_FILTER_PRODUCT] = thin_product},
    .margins = margins,
    .beyond = beyond,
    .within = within,
    .roots = roots,
    .dot = dot,
    .dot_from = dot_from,
    .add_scaled = add_scaled};
