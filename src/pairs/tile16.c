/* The filter of integer copies: compiled for AVX-512 with VNNI, whose one instruction multiplies 32 pairs of 16 bits and adds
 * them up in 32, exactly. docs/numerics.md section 18 has the bounds. */
#include "lanes.h"

enum { ROWS = 8, WIDE = IST_PANEL / LANES };

void NAMED(integer_tile)(const float *rows, const float *columns, int64_t d, const float *row_term,
                         const float *column_term, float *tile);

#define EACH_SUM                                           \
    _Pragma("GCC unroll 8") for (int r = 0; r < ROWS; r++) \
        _Pragma("GCC unroll 8") for (int v = 0; v < WIDE; v++)

static inline counts plus_products(counts sum, counts x, counts y)
{
    return (counts)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)x, (__m512i)y);
}

static inline counts two_features(const float *at)
{
    int32_t both;
    memcpy(&both, at, sizeof both);
    return (counts){0} + both;
}

static inline counts load_pairs(const float *at)
{
    counts pairs;
    memcpy(&pairs, at, sizeof pairs);
    return pairs;
}

/* ROWS rows of a panel against a panel of columns, `words` pairs of features, on top of what is there. */
static inline __attribute__((always_inline)) void add_products(const float *rows,
                                                               const float *columns, int64_t words,
                                                               counts sum[ROWS][WIDE])
{
    for (int64_t w = 0; w < words; w++) {
        counts y[WIDE];
        for (int v = 0; v < WIDE; v++)
            y[v] = load_pairs(columns + w * IST_PANEL + v * LANES);
        EACH_SUM sum[r][v] = plus_products(sum[r][v], two_features(rows + w * IST_PANEL + r), y[v]);
    }
}

/* Sums that are not whole yet wait as integers in the tile: so many features at once stay in the second-level cache. */
void NAMED(integer_tile)(const float *rows, const float *columns, int64_t d, const float *row_term,
                         const float *column_term, float *tile)
{
    int64_t words = (d + 1) / 2;
    for (int64_t w = 0; w < words; w += IST_CHUNK) {
        int64_t now = words - w < IST_CHUNK ? words - w : IST_CHUNK;
        for (int j = 0; j < IST_TILE; j += IST_PANEL)
            for (int i = 0; i < IST_TILE; i += ROWS) {
                counts sum[ROWS][WIDE];
                float *out = tile + i * IST_TILE + j;
                if (w > 0)
                    EACH_SUM sum[r][v] = load_pairs(out + r * IST_TILE + v * LANES);
                else
                    EACH_SUM sum[r][v] = (counts){0};
                add_products(rows + i / IST_PANEL * IST_PANEL * words + w * IST_PANEL +
                                 i % IST_PANEL,
                             columns + j * words + w * IST_PANEL, now, sum);
                if (words - w > IST_CHUNK) {
                    EACH_SUM store(out + r * IST_TILE + v * LANES, (lanes)sum[r][v]);
                    continue;
                }
                EACH_SUM
                {
                    lanes product = (lanes)_mm512_cvtepi32_ps((__m512i)sum[r][v]);
                    lanes terms = row_term[i + r] + load(column_term + j + v * LANES);
                    store(out + r * IST_TILE + v * LANES, terms - 2 * product);
                }
            }
    }
}
