/* The float32 filters: compiled once per instruction set. docs/numerics.md bounds what they may be
 * wrong by. */
#include "lanes.h"

/* Loops over the sums of a block are unrolled at once, or gcc 12 keeps them in memory. */
#define EACH_SUM(loop)                                            \
    _Pragma("GCC unroll 8") for (int r = 0; r < loop##_rows; r++) \
        _Pragma("GCC unroll 8") for (int v = 0; v < loop##_vectors; v++)

/* How sums of parts of the features become that of all of them. */
#define SUM_OF(a, b) ((a) + (b))
#define LARGEST_OF(a, b) larger(a, b)

static inline lanes size_of(lanes t)
{
    return (lanes)((counts)t & INT32_MAX);
}

/* The inner loops: ROWS rows of a panel against WIDE vectors of columns, in registers. Four forms of
 * one loop, so a macro. AVX2 has 16 registers, AVX-512 has 32. */
#define REGISTER_TILE(name, ROWS, WIDE, ...)                                              \
    enum { name##_rows = (ROWS), name##_vectors = (WIDE) };                               \
    static inline __attribute__((always_inline)) void name(                               \
        const float *rows, const float *columns, int64_t features, lanes sum[ROWS][WIDE]) \
    {                                                                                     \
        EACH_SUM(name) sum[r][v] = (lanes){0};                                            \
        for (int64_t f = 0; f < features; f++) {                                          \
            lanes y[WIDE];                                                                \
            for (int v = 0; v < (WIDE); v++)                                              \
                y[v] = load(columns + f * IST_PANEL + v * LANES);                         \
            EACH_SUM(name)                                                                \
            {                                                                             \
                float x = rows[f * IST_PANEL + r];                                        \
                __VA_ARGS__                                                               \
            }                                                                             \
        }                                                                                 \
    }

#ifdef __AVX512F__
REGISTER_TILE(products, 8, 3, sum[r][v] += x * y[v];)
REGISTER_TILE(squares, 8, 3, lanes t = x - y[v]; sum[r][v] += t * t;)
REGISTER_TILE(sizes, 8, 3, sum[r][v] += size_of(x - y[v]);)
REGISTER_TILE(extremes, 8, 3, sum[r][v] = larger(sum[r][v], size_of(x - y[v]));)
#else
REGISTER_TILE(products, 4, 3, sum[r][v] += x * y[v];)
REGISTER_TILE(squares, 4, 2, lanes t = x - y[v]; sum[r][v] += t * t;)
REGISTER_TILE(sizes, 4, 2, sum[r][v] += size_of(x - y[v]);)
REGISTER_TILE(extremes, 4, 2, sum[r][v] = larger(sum[r][v], size_of(x - y[v]));)
#endif

/* A tile of a form: at most IST_CHUNK features after the other, so that what is at work stays in the
 * second-level cache; a new sum every IST_BLOCK features; in the end what `finish` says. */
#define TILE(name, loop, join, finish)                                                           \
    static inline __attribute__((always_inline)) void name##_sums(                               \
        const float *rows, const float *columns, int64_t features, int64_t block,                \
        lanes sum[loop##_rows][loop##_vectors])                                                  \
    {                                                                                            \
        lanes earlier[loop##_rows][loop##_vectors];                                              \
        int64_t f = 0;                                                                           \
        for (; features - f > block; f += block) {                                               \
            loop(rows + f * IST_PANEL, columns + f * IST_PANEL, block, sum);                     \
            EACH_SUM(loop) earlier[r][v] = f ? join(earlier[r][v], sum[r][v]) : sum[r][v];       \
        }                                                                                        \
        loop(rows + f * IST_PANEL, columns + f * IST_PANEL, features - f, sum);                  \
        if (f > 0)                                                                               \
            EACH_SUM(loop) sum[r][v] = join(sum[r][v], earlier[r][v]);                           \
    }                                                                                            \
                                                                                                 \
    void NAMED(name)(const float *rows, const float *columns, int64_t d, const float *row_term,  \
                     const float *column_term, float *tile);                                     \
    void NAMED(name)(const float *rows, const float *columns, int64_t d, const float *row_term,  \
                     const float *column_term, float *tile)                                      \
    {                                                                                            \
        enum { ROWS = loop##_rows, WIDE = loop##_vectors };                                      \
        int64_t block = d > IST_SINGLE_BLOCK ? IST_BLOCK : IST_SINGLE_BLOCK;                     \
        for (int64_t f = 0; f < d; f += IST_CHUNK)                                               \
            for (int j = 0; j < IST_TILE; j += WIDE * LANES)                                     \
                for (int i = 0; i < IST_TILE; i += ROWS) {                                       \
                    lanes sum[ROWS][WIDE];                                                       \
                    float *out = tile + i * IST_TILE + j;                                        \
                    name##_sums(                                                                 \
                        rows + i / IST_PANEL * IST_PANEL * d + f * IST_PANEL + i % IST_PANEL,    \
                        columns + j / IST_PANEL * IST_PANEL * d + f * IST_PANEL + j % IST_PANEL, \
                        d - f < IST_CHUNK ? d - f : IST_CHUNK, block, sum);                      \
                    if (f > 0)                                                                   \
                        EACH_SUM(loop)                                                           \
                    sum[r][v] = join(sum[r][v], load(out + r * IST_TILE + v * LANES));           \
                    if (d - f > IST_CHUNK) {                                                     \
                        EACH_SUM(loop) store(out + r * IST_TILE + v * LANES, sum[r][v]);         \
                        continue;                                                                \
                    }                                                                            \
                    EACH_SUM(loop)                                                               \
                    {                                                                            \
                        lanes terms = row_term[i + r] + load(column_term + j + v * LANES);       \
                        store(out + r * IST_TILE + v * LANES, finish);                           \
                    }                                                                            \
                }                                                                                \
    }

void NAMED(joint_tile)(float factor, const float *other, float other_factor, float *tile);
void NAMED(joint_tile)(float factor, const float *other, float other_factor, float *tile)
{
    for (int at = 0; at < IST_TILE * IST_TILE; at += LANES)
        store(tile + at, larger(factor * load(tile + at), other_factor * load(other + at)));
}

TILE(product_tile, products, SUM_OF, terms - 2 * sum[r][v])
TILE(direct_tile, squares, SUM_OF, sum[r][v] + terms)
TILE(sizes_tile, sizes, SUM_OF, sum[r][v] + terms)
TILE(largest_tile, extremes, LARGEST_OF, sum[r][v] + terms)
