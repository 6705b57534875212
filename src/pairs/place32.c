/* Values of a tile placed among many thresholds a row: compiled once per instruction set, and for
 * AVX-512 once more with VPOPCNTDQ, which counts the places of a whole row by its bits. */
#include "lanes.h"

void NAMED(place)(const float *tile, int rows, const float *width, const ist_threshold_trees *trees,
                  ist_places *open, int32_t *threshold);
#ifdef __AVX512VPOPCNTDQ__
void ist_place_avx512_skylake(const float *, int, const float *, const ist_threshold_trees *,
                              ist_places *, int32_t *);
#endif

enum { LANE_LEVELS = 4 };

/* ---- counting what a row found ----------------------------------------------------------------- */

#ifdef __AVX512VPOPCNTDQ__

enum { WORDS = IST_TILE / 32, MOST_LEVELS = 8, GROUPS = 1 << (MOST_LEVELS - LANE_LEVELS) };

/* A place is the path that leads to it: bit plane `level` of a row says which values went right
 * there. As many planes as levels, and one of the values that count at all. */
typedef struct {
    __mmask16 path[MOST_LEVELS][VECTORS], counted[VECTORS];
    int32_t *between;
} finds;

static inline __m512i word_of(const __mmask16 *plane, int word)
{
    int32_t bits;
    memcpy(&bits, plane + 2 * word, sizeof bits);
    return _mm512_set1_epi32(bits);
}

/* One store a mask: gcc 12 would gather them into vectors first, which costs as much as the search. */
static inline void put_mask(__mmask16 *at, uint32_t bits)
{
    *at = (__mmask16)bits;
    __asm__("" : "+m"(*at));
}

/* Lanes whose bit `from the right` is 0 ask for the plane's complement. */
static inline __m512i complement_of(int from_the_right)
{
    const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __mmask16 left = _mm512_testn_epi32_mask(lane, _mm512_set1_epi32(1 << from_the_right));
    return _mm512_maskz_set1_epi32(left, -1);
}

/* The number of values at each place is that of the bits in which all planes are as the path wants
 * them: the last four levels differ from lane to lane, the others from vector to vector. */
static inline __attribute__((always_inline)) void count_finds(const finds *f, int levels)
{
    enum { IF_NOT_EQUAL = 0x60 }; /* a & (b ^ c) */
    int top = levels - LANE_LEVELS, groups = 1 << top;
    __m512i total[GROUPS];
    for (int g = 0; g < groups; g++)
        total[g] = _mm512_loadu_si512(f->between + g * LANES);
    for (int w = 0; w < WORDS; w++) {
        __m512i bits[GROUPS];
        bits[0] = word_of(f->counted, w);
        for (int t = 0; t < LANE_LEVELS; t++)
            bits[0] = _mm512_ternarylogic_epi32(bits[0], word_of(f->path[top + t], w),
                                                complement_of(LANE_LEVELS - 1 - t), IF_NOT_EQUAL);
        for (int t = top - 1; t >= 0; t--) {
            __m512i right = word_of(f->path[t], w);
            int done = 1 << (top - 1 - t);
            for (int g = 0; g < done; g++) {
                bits[done + g] = _mm512_and_si512(right, bits[g]);
                bits[g] = _mm512_andnot_si512(right, bits[g]);
            }
        }
        for (int g = 0; g < groups; g++)
            total[g] = _mm512_add_epi32(total[g], _mm512_popcnt_epi32(bits[g]));
    }
    for (int g = 0; g < groups; g++)
        _mm512_storeu_si512(f->between + g * LANES, total[g]);
}

static inline void note_path(finds *f, int level, int v, uint32_t right)
{
    put_mask(&f->path[level][v], right);
}

static inline void note_places(finds *f, int v, int levels, uint32_t counted)
{
    (void)levels;
    put_mask(&f->counted[v], counted);
}

#else

typedef struct {
    counts leaf[VECTORS];
    int32_t at[IST_TILE], *between;
} finds;

static inline void count_finds(const finds *f, int levels)
{
    (void)levels;
    for (int j = 0; j < IST_TILE; j++)
        f->between[f->at[j]]++; /* NOLINT(clang-analyzer-core.NullDereference): never null */
}

static inline void note_path(finds *f, int level, int v, uint32_t right)
{
    counts before = level > 0 ? f->leaf[v] + f->leaf[v] : (counts){0};
    f->leaf[v] = plus_bits(before, right);
}

static inline void note_places(finds *f, int v, int levels, uint32_t counted)
{
    lanes nowhere = (lanes)((counts){0} + (1 << levels));
    store_counts(f->at + v * LANES, (counts)choose(counted, nowhere, (lanes)f->leaf[v]));
}

#endif

/* ---- searching --------------------------------------------------------------------------------- */

/* The place that a path leads to. */
static inline int32_t leaf_of(int levels, int32_t path)
{
    int32_t leaf = 0;
    for (int l = 0; l < levels; l++)
        leaf = 2 * leaf + (path >> l & 1);
    return leaf;
}

/* A row after its search. `high` is the least threshold met that is not surely passed. */
typedef struct {
    counts path[VECTORS];
    lanes high[VECTORS];
    uint32_t within[VECTORS], open[VECTORS];
} searched;

/* What the filter is sure to be at a threshold. */
static void take_same(searched *s, const float *value, const ist_threshold_trees *trees, int row,
                      int levels)
{
    int32_t *same = trees->same + (size_t)row * (size_t)trees->thresholds, at[LANES];
    for (int v = 0; v < VECTORS; v++) {
        lanes l = load(value + v * LANES), high = s->high[v];
        uint32_t bits = s->within[v] & at_most(l, high) & at_most(high, l) &
                        (trees->sure[row] == 2 ? ~0u : at_most(high, all(0)));
        if (!bits)
            continue;
        s->within[v] &= ~bits;
        s->open[v] &= ~bits;
        store_counts(at, s->path[v]);
        for (; bits; bits &= bits - 1)
            same[leaf_of(levels, at[__builtin_ctz(bits)])]++;
    }
}

static void list_open(searched *s, int row, int levels, ist_places *open, int32_t *first_threshold)
{
    int32_t at[LANES];
    for (int v = 0; v < VECTORS; v++) {
        if (!s->open[v])
            continue;
        store_counts(at, s->path[v]);
        for (uint32_t bits = s->open[v]; bits; bits &= bits - 1) {
            int lane = __builtin_ctz(bits);
            first_threshold[open->count] = leaf_of(levels, at[lane]);
            open->at[open->count++] = row * IST_TILE + v * LANES + lane;
        }
    }
}

/* All vectors of a row go down its tree side by side, level by level, to hide the latency of the
 * look-ups. */
static inline __attribute__((always_inline)) void place_row(const float *value, const float *width,
                                                            const ist_threshold_trees *trees,
                                                            int row, int levels, finds *found,
                                                            ist_places *open,
                                                            int32_t *first_threshold)
{
    const float *tree = trees->tree + ((size_t)row << levels);
    lanes last = all(tree[0]);
    searched s;
#pragma GCC unroll 12
    for (int v = 0; v < VECTORS; v++) {
        s.path[v] = (counts){0};
        s.high[v] = last;
    }
#pragma GCC unroll 8
    for (int level = 0; level < levels; level++)
#pragma GCC unroll 12
        for (int v = 0; v < VECTORS; v++) {
            lanes threshold = nodes(tree + (1 << level), 1 << level, s.path[v]);
            uint32_t right = above_or_nan(load(value + v * LANES), threshold);
            s.path[v] = plus_at(s.path[v], right, 1 << level);
            s.high[v] = choose(right, threshold, s.high[v]);
            note_path(found, level, v, right);
        }
    uint32_t any_open = 0;
#pragma GCC unroll 12
    for (int v = 0; v < VECTORS; v++) {
        lanes l = load(value + v * LANES);
        s.within[v] = at_most(l, last);
        s.open[v] =
            at_most(trees->shrink * s.high[v] - trees->width[row], l + load(width + v * LANES)) &
            s.within[v];
        any_open |= s.open[v];
    }
    if (trees->sure[row])
        take_same(&s, value, trees, row, levels);
    if (any_open)
        list_open(&s, row, levels, open, first_threshold);
    found->between = trees->between + (size_t)row * (size_t)ist_between_stride(levels);
#pragma GCC unroll 12
    for (int v = 0; v < VECTORS; v++)
        note_places(found, v, levels, s.within[v] & ~s.open[v]);
}

/* What a row found is counted when the next one has been searched: its bits are in memory by then. */
static inline __attribute__((always_inline)) void place_rows(const float *tile, int rows,
                                                             const float *width,
                                                             const ist_threshold_trees *trees,
                                                             int levels, ist_places *open,
                                                             int32_t *threshold)
{
    finds found[2];
    for (int row = 0; row < rows; row++) {
        place_row(tile + row * IST_TILE, width, trees, row, levels, &found[row % 2], open,
                  threshold);
        if (row > 0)
            count_finds(&found[(row + 1) % 2], levels);
    }
    if (rows > 0)
        count_finds(&found[(rows + 1) % 2], levels);
}

void NAMED(place)(const float *tile, int rows, const float *width, const ist_threshold_trees *trees,
                  ist_places *open, int32_t *threshold)
{
    open->count = 0;
    switch (trees->levels) {
    case 4: place_rows(tile, rows, width, trees, 4, open, threshold); break;
    case 5: place_rows(tile, rows, width, trees, 5, open, threshold); break;
    case 6: place_rows(tile, rows, width, trees, 6, open, threshold); break;
    case 7: place_rows(tile, rows, width, trees, 7, open, threshold); break;
    case 8: place_rows(tile, rows, width, trees, 8, open, threshold); break;
#ifdef __AVX512VPOPCNTDQ__
    default: ist_place_avx512_skylake(tile, rows, width, trees, open, threshold);
#else
    default: place_rows(tile, rows, width, trees, trees->levels, open, threshold);
#endif
    }
}
