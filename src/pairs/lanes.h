/* A thin layer over the vectors of one instruction set, AVX-512 or AVX2, for the files that are
 * compiled once for each (cmake/sources.cmake). Arithmetic is that of the compiler's vector types;
 * what these cannot say (a comparison as bits, a look-up) is here. Private to the room. */
#ifndef INFOSTRATA_PAIRS_LANES_H
#define INFOSTRATA_PAIRS_LANES_H

#include <immintrin.h>
#include <string.h>

#include "infostrata/pairs.h"

#define IST_JOIN_(a, b) a##b
#define IST_JOIN(a, b) IST_JOIN_(a, b)
#define NAMED(what) IST_JOIN(IST_JOIN(ist_, what), IST_JOIN(_, IST_SET))

#ifdef __AVX512F__
enum { LANES = 16 };
typedef float lanes __attribute__((vector_size(64)));
typedef int32_t counts __attribute__((vector_size(64)));
#else
enum { LANES = 8 };
typedef float lanes __attribute__((vector_size(32)));
typedef int32_t counts __attribute__((vector_size(32)));
#endif
enum { VECTORS = IST_TILE / LANES };

static inline lanes load(const float *at)
{
    lanes v;
    memcpy(&v, at, sizeof v);
    return v;
}

static inline void store(float *at, lanes v)
{
    memcpy(at, &v, sizeof v);
}

static inline counts load_counts(const int32_t *at)
{
    counts v;
    memcpy(&v, at, sizeof v);
    return v;
}

static inline void store_counts(int32_t *at, counts v)
{
    memcpy(at, &v, sizeof v);
}

static inline lanes all(float value)
{
    return value - (lanes){0};
}

#ifdef __AVX512F__

/* Comparisons as one bit a lane: NaN gives 0, but 1 in above_or_nan. */
static inline uint32_t at_most(lanes a, lanes b)
{
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LE_OQ);
}

static inline uint32_t less(lanes a, lanes b)
{
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ);
}

static inline uint32_t above_or_nan(lanes a, lanes b)
{
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_NLE_UQ);
}

static inline uint32_t equal_counts(counts a, counts b)
{
    return _mm512_cmpeq_epi32_mask((__m512i)a, (__m512i)b);
}

static inline lanes larger(lanes a, lanes b)
{
    return (lanes)_mm512_max_ps((__m512)a, (__m512)b);
}

/* b where either is NaN. */
static inline lanes least_of(lanes a, lanes b)
{
    return (lanes)_mm512_min_ps((__m512)a, (__m512)b);
}

static inline float least_lane(lanes v)
{
    return _mm512_reduce_min_ps((__m512)v);
}

static inline float largest_lane(lanes v)
{
    return _mm512_reduce_max_ps((__m512)v);
}

/* a where the bit is 0, b where it is 1. */
static inline lanes choose(uint32_t bits, lanes a, lanes b)
{
    return (lanes)_mm512_mask_blend_ps((__mmask16)bits, (__m512)a, (__m512)b);
}

static inline counts plus_bits(counts c, uint32_t bits)
{
    __m512i one = _mm512_set1_epi32(1);
    return (counts)_mm512_mask_add_epi32((__m512i)c, (__mmask16)bits, (__m512i)c, one);
}

static inline counts smaller_counts(counts a, counts b)
{
    return (counts)_mm512_min_epi32((__m512i)a, (__m512i)b);
}

/* The lanes with a bit, moved together. */
static inline counts gathered(counts v, uint32_t bits)
{
    return (counts)_mm512_maskz_compress_epi32((__mmask16)bits, (__m512i)v);
}

/* Writes first + lane for every bit, in order; may overshoot by a vector. Returns how many. */
static inline int list_bits(uint32_t bits, int32_t first, int32_t *at)
{
    const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i place = _mm512_add_epi32(lane, _mm512_set1_epi32(first));
    _mm512_storeu_si512(at, _mm512_maskz_compress_epi32((__mmask16)bits, place));
    return __builtin_popcount(bits);
}

/* c, with `value` added where the bit is 1. */
static inline counts plus_at(counts c, uint32_t bits, int32_t value)
{
    return (counts)_mm512_mask_add_epi32((__m512i)c, (__mmask16)bits, (__m512i)c,
                                         _mm512_set1_epi32(value));
}

/* level[at], of a level of `size` nodes: while it fits into a few registers it is looked up there. Reads
 * whole vectors. */
static inline lanes nodes(const float *level, int size, counts node)
{
    __m512i at = (__m512i)node;
    if (size == 1)
        return all(*level);
    if (size <= 16)
        return (lanes)_mm512_permutexvar_ps(at, _mm512_loadu_ps(level));
    if (size > 64)
        return (lanes)_mm512_i32gather_ps(at, level, sizeof *level);
    __m512 low = _mm512_permutex2var_ps(_mm512_loadu_ps(level), at, _mm512_loadu_ps(level + 16));
    if (size == 32)
        return (lanes)low;
    __m512 high =
        _mm512_permutex2var_ps(_mm512_loadu_ps(level + 32), at, _mm512_loadu_ps(level + 48));
    __mmask16 upper = _mm512_test_epi32_mask(at, _mm512_set1_epi32(32));
    return (lanes)_mm512_mask_blend_ps(upper, low, high);
}

/* Bits of word[lane] - base <= bound. */
static inline uint32_t row_ties(const uint64_t *word, uint64_t base, uint64_t bound)
{
    uint32_t bits = 0;
    for (int half = 0; half < LANES / 8; half++) {
        __m512i tie = _mm512_sub_epi64(_mm512_loadu_si512(word + 8 * half),
                                       _mm512_set1_epi64((long long)base));
        bits |= (uint32_t)_mm512_cmple_epu64_mask(tie, _mm512_set1_epi64((long long)bound))
                << (8 * half);
    }
    return bits;
}

/* Bits of word - base[lane] <= bound[lane]. */
static inline uint32_t column_ties(uint64_t word, const uint64_t *base, const uint64_t *bound)
{
    uint32_t bits = 0;
    for (int half = 0; half < LANES / 8; half++) {
        __m512i tie = _mm512_sub_epi64(_mm512_set1_epi64((long long)word),
                                       _mm512_loadu_si512(base + 8 * half));
        bits |= (uint32_t)_mm512_cmple_epu64_mask(tie, _mm512_loadu_si512(bound + 8 * half))
                << (8 * half);
    }
    return bits;
}

#else

static inline uint32_t at_most(lanes a, lanes b)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_LE_OQ));
}

static inline uint32_t less(lanes a, lanes b)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_LT_OQ));
}

static inline uint32_t above_or_nan(lanes a, lanes b)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_NLE_UQ));
}

static inline uint32_t equal_counts(counts a, counts b)
{
    return (uint32_t)_mm256_movemask_ps((__m256)(a == b));
}

static inline lanes larger(lanes a, lanes b)
{
    return (lanes)_mm256_max_ps((__m256)a, (__m256)b);
}

static inline lanes least_of(lanes a, lanes b)
{
    return (lanes)_mm256_min_ps((__m256)a, (__m256)b);
}

static inline float least_lane(lanes v)
{
    float least = v[0];
    for (int lane = 1; lane < LANES; lane++)
        least = v[lane] < least ? v[lane] : least;
    return least;
}

static inline float largest_lane(lanes v)
{
    float most = v[0];
    for (int lane = 1; lane < LANES; lane++)
        most = v[lane] > most ? v[lane] : most;
    return most;
}

/* The bits spread over the lanes again: -1 or 0 in each. */
static inline counts spread(uint32_t bits)
{
    const counts bit = {1, 2, 4, 8, 16, 32, 64, 128};
    return (((counts){0} + (int32_t)bits) & bit) == bit;
}

static inline lanes choose(uint32_t bits, lanes a, lanes b)
{
    return (lanes)_mm256_blendv_ps((__m256)a, (__m256)b, (__m256)spread(bits));
}

static inline counts plus_bits(counts c, uint32_t bits)
{
    return c - spread(bits);
}

static inline counts smaller_counts(counts a, counts b)
{
    return (counts)_mm256_min_epi32((__m256i)a, (__m256i)b);
}

static inline counts gathered(counts v, uint32_t bits)
{
    counts from = {0};
    int count = 0;
    for (; bits & 0xff; bits &= bits - 1)
        from[count++] = __builtin_ctz(bits);
    return (counts)_mm256_permutevar8x32_epi32((__m256i)v, (__m256i)from);
}

static inline int list_bits(uint32_t bits, int32_t first, int32_t *at)
{
    int count = 0;
    for (; bits; bits &= bits - 1)
        at[count++] = first + __builtin_ctz(bits);
    return count;
}

static inline counts plus_at(counts c, uint32_t bits, int32_t value)
{
    return c - spread(bits) * value;
}

static inline lanes nodes(const float *level, int size, counts node)
{
    if (size <= 8)
        return (lanes)_mm256_permutevar8x32_ps(_mm256_loadu_ps(level), (__m256i)node);
    return (lanes)_mm256_i32gather_ps(level, (__m256i)node, sizeof *level);
}

static inline uint32_t row_ties(const uint64_t *word, uint64_t base, uint64_t bound)
{
    uint32_t bits = 0;
    for (int lane = 0; lane < LANES; lane++)
        bits |= (uint32_t)(word[lane] - base <= bound) << lane;
    return bits;
}

static inline uint32_t column_ties(uint64_t word, const uint64_t *base, const uint64_t *bound)
{
    uint32_t bits = 0;
    for (int lane = 0; lane < LANES; lane++)
        bits |= (uint32_t)(word - base[lane] <= bound[lane]) << lane;
    return bits;
}

#endif

#endif
