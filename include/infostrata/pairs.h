/* pairs: the all-pairs engine. Every unordered pair of a layer's samples is visited once, tile by
 * tile; consumers (k nearest, counts below thresholds) keep integers per row; nothing N x N is
 * stored.
 *
 * This header is the local half: plain arrays, no MPI; ring.h moves the chunks between ranks.
 *
 * The distance of two rows is *defined* as the float64 sum over features in order, s = s + t * t
 * with t = x - y, each operation rounded (no fused multiply-add), of the stored values. float32
 * tiles are a filter in front of it (docs/numerics.md): what they leave open is decided in float64, so
 * that all integers equal those of the float64 reference, for every kernel.
 */
#ifndef INFOSTRATA_PAIRS_H
#define INFOSTRATA_PAIRS_H

#include "infostrata/base.h"
#include "infostrata/plan.h"

/* ---- superblocks --------------------------------------------------------------------------- */

enum { IST_TILE = 96, IST_PANEL = 32 };

/* Runs of rows whose bounds depend on the segments alone: 96 rows where there are fewer than
 * 60,000 in all, else 960. Segments are the parts of the samples (one segment: all of them); only
 * pairs within a segment are visited. Ascending. */
typedef struct {
    int64_t count;
    int64_t *start;   /* count + 1 row positions */
    int32_t *segment; /* count */
} ist_blocks;

ist_blocks ist_blocks_new(const int64_t *segment_start, int segments);
void ist_blocks_release(ist_blocks *blocks);
/* Rows [first, last) of `rank` of `ranks`: whole superblocks, shares as equal as they allow. */
void ist_blocks_range(const ist_blocks *blocks, int ranks, int rank, int64_t *first, int64_t *last);
/* The rank that holds a row position. */
int ist_blocks_owner(const ist_blocks *blocks, int ranks, int64_t position);
/* The superblock that holds a row position. */
int64_t ist_blocks_find(const ist_blocks *blocks, int64_t position);

/* ---- rows ---------------------------------------------------------------------------------- */

/* Rows of a layer in one memory, row-major, with what the float32 filter needs. */
typedef struct {
    int64_t first, count; /* positions [first, first + count) of the set */
    float *narrow;        /* count x d: the values, or for wide rows the shifted, rounded ones */
    double *wide;         /* count x d: the values of wide layers, else NULL */
    float *radius;        /* wide: Euclidean norm of each row's rounding error, rounded up */
} ist_slab;

/* A layer's rows, distributed: this rank's slab and what all ranks know of the set. A "position" is
 * a row's place in the set; its "number" is its row in the file (they differ in the parts' set). */
typedef struct {
    int64_t n, d;
    ist_blocks blocks;
    const int64_t *order; /* number by position, n entries; NULL: the same; borrowed */
    ist_slab home;
    double *shift;        /* wide: d values taken off before rounding to float32 */
    float largest_radius; /* wide: of any row on any rank */
    bool filter;          /* false: values that float32 cannot filter; all in float64 */
} ist_rows;

static inline int64_t ist_row_number(const ist_rows *rows, int64_t position)
{
    return rows->order ? rows->order[position] : position;
}

/* Local. Fills narrow and radius of a wide slab from its values and the set's shift. Returns false if a
 * shifted value is too large for float32 squares. */
bool ist_slab_round(const ist_rows *rows, ist_slab *slab);
void ist_slab_release(ist_slab *slab);
/* Frees all but `order`. */
void ist_rows_release(ist_rows *rows);

/* ---- exact distances ----------------------------------------------------------------------- */

/* The defined distance (squared, float64) of row a of `x` and row b of `y`, both slabs of the same
 * layer. */
double ist_exact_distance(const ist_slab *x, int64_t a, const ist_slab *y, int64_t b, int64_t d);
/* The same for `count` pairs (at most 8 at a time are interleaved). */
void ist_exact_distances(const ist_slab *x, const int64_t *a, const ist_slab *y, const int64_t *b,
                         int count, int64_t d, double *distance);

/* ---- the filter's bound -------------------------------------------------------------------- */

/* For a filter value c of a pair and a threshold t: c < low proves distance < t; c > high proves
 * distance > t; between them the pair is open. radius: sum of both rows' rounding radii (0 for
 * layers held exactly in float32). */
typedef struct {
    float low, high;
} ist_band;
/* The bound is proven up to so many features (docs/numerics.md); beyond, layers have no filter. */
enum { IST_FILTER_MOST_FEATURES = 48000000 };
ist_band ist_band_of(double threshold, double radius, int64_t d);

/* ---- kernels ------------------------------------------------------------------------------- */

/* Routines compiled once per instruction set. Tiles are IST_TILE x IST_TILE, row-major; panels are
 * IST_PANEL columns, feature-major, zero-padded, IST_TILE / IST_PANEL of them a tile. */
typedef struct {
    const char *name;
    bool (*supported)(void);
    /* float32 filter: direct differences, a new accumulator every 64 features. NULL: none. */
    void (*tile32)(const float *rows, int row_count, const float *panels, int64_t d, float *tile);
    /* The defined distances, bit for bit. wide: rows and panels are double, else float. */
    void (*tile64)(const void *rows, int row_count, const void *panels, int64_t d, bool wide,
                   double *tile);
    /* Columns j of a tile row with c[j] <= max(row_limit, column_limit[j]); returns their count. */
    int (*select)(const float *c, float row_limit, const float *column_limit, uint8_t *which);
    /* Returns #{j: c[j] < band.low}; *open is set if any c[j] lies within the band. */
    int (*count_row)(const float *c, ist_band band, bool *open);
    /* The columns within a band that count_row found open; returns their count. */
    int (*within_row)(const float *c, ist_band band, uint8_t *which);
    int (*within_columns)(const float *c, const float *low, const float *high, uint8_t *which);
    /* count[j] += (c[j] < low[j]); *open is set if any c[j] lies within [low[j], high[j]]. */
    void (*count_columns)(const float *c, const float *low, const float *high, int32_t *count,
                          bool *open);
} ist_kernel;

/* By name ("reference", "avx2", "avx512"); NULL name: the best that this processor runs. NULL if
 * there is none of that name or the processor lacks it. */
const ist_kernel *ist_kernel_choose(const char *name);
/* The names that this processor runs, best first, separated by blanks. */
void ist_kernel_names(ist_text *out);
/* Float32 operations (2 d a pair) a second of this process on a small sample: for plan. */
double ist_kernel_rate(const ist_kernel *kernel, int64_t d);

/* How a pass is run; never part of a result. */
typedef struct {
    const ist_kernel *kernel;
    int64_t chunk_bytes; /* rows and state that travel at once */
    int64_t chunk_rows;  /* at most so many rows travel at once; 0: no limit of its own */
} ist_engine;

/* ---- tiles and consumers ------------------------------------------------------------------- */

/* A visiting slab made ready: panels for the kernels, tie words. */
typedef struct {
    ist_slab slab;
    float *panels32;        /* by tile of IST_TILE rows, counted from each superblock's first row */
    double *panels64;       /* wide only */
    int64_t *tile_of_block; /* first tile of each superblock of the slab, relative */
    uint64_t *word;         /* tie word of each row */
    int64_t first_block, block_count;
} ist_chunk;

/* Packs a slab (whole superblocks). The slab is borrowed. */
ist_chunk ist_chunk_new(const ist_rows *rows, const ist_slab *slab, uint64_t seed);
void ist_chunk_release(ist_chunk *chunk);

/* One tile: home rows against visiting columns. */
typedef struct {
    const ist_kernel *kernel;
    const float *c; /* filter values; NaN on the diagonal and beyond the columns */
    int rows, cols;
    int64_t row, col; /* first row / column: index within its state */
    int64_t row_position, col_position;
    const uint64_t *row_word, *col_word;
    bool diagonal; /* rows are the columns: the row side alone serves all pairs */
} ist_tile;

/* A pair that the filter left open, and for which side(s). */
enum { IST_ROW_SIDE = 1, IST_COL_SIDE = 2 };
typedef struct {
    uint8_t row, col, sides;
} ist_open_pair;
typedef struct {
    int count;
    ist_open_pair pair[2 * IST_TILE * IST_TILE]; /* a pair may stand once for each side */
} ist_open_list;

/* A consumer keeps a state of the same type at home and for each visiting slab. */
typedef struct {
    /* Bytes a row: what a visiting copy must know / what it brings back. */
    size_t (*out_bytes)(const void *state);
    size_t (*back_bytes)(const void *state);
    void (*pack_out)(const void *home, int64_t first, int64_t count, void *message);
    /* A visiting state for the rows of a slab (borrowed), from the message. */
    void *(*init)(const void *home, const ist_slab *slab, const void *message);
    void (*pack_back)(const void *visiting, void *message);
    /* Commutative, associative, exact: any order of merges gives the same state. */
    void (*merge)(void *home, int64_t first, int64_t count, const void *message);
    void (*release)(void *visiting);
    /* Called before the tiles of one column tile (IST_TILE columns from `col`). */
    void (*enter)(void *columns, int64_t col, int cols);
    /* Settles by the filter what it can; appends the rest to `open`. */
    void (*scan)(void *rows, void *columns, const ist_tile *tile, ist_open_list *open);
    /* Settles one pair by its defined distance. */
    void (*settle)(void *rows, void *columns, const ist_tile *tile, ist_open_pair pair,
                   double distance);
} ist_consumer;

/* What a pass did, on this rank. */
typedef struct {
    double pairs; /* unordered */
    int64_t tiles, exact_tiles, decided_again;
    int64_t bytes_sent;
    double seconds_waiting;
} ist_pass_stats;

typedef enum {
    IST_PAIRS_OWN, /* the visiting slab is part of home: each unordered superblock pair once */
    IST_PAIRS_ALL,
    IST_PAIRS_EVEN, /* only superblock pairs with an even sum of indices */
    IST_PAIRS_ODD
} ist_pairing;

typedef struct {
    const ist_rows *rows;
    const ist_kernel *kernel;
    const ist_consumer *consumer;
    void *state;    /* at home */
    uint64_t *word; /* tie words of home rows */
    ist_pass_stats stats;
    void (*poke)(void *); /* called between tiles to keep messages moving; may be NULL */
    void *poke_data;
} ist_sweep;

/* Local. Visits all wanted pairs of home rows and the chunk's; `columns` is the chunk's state and
 * column_offset the index of its first row within that state. */
void ist_sweep_chunk(ist_sweep *sweep, const ist_chunk *chunk, void *columns, int64_t column_offset,
                     ist_pairing pairing);

/* ---- the k nearest ------------------------------------------------------------------------- */

/* Of each row: the k smallest by (distance, tie, position), tie = position (by_index) or
 * (word_j - word_i) mod 2^64 (architecture section 5). */
typedef struct {
    int64_t position, count, k;
    ist_tie_rule ties;
    const ist_rows *rows;
    double *distance;   /* count x k: a heap with the worst on top; sorted by ist_nearest_sort */
    int32_t *neighbour; /* count x k: positions */
    int32_t *held;      /* count */
    double *bound;      /* count: none worse than (bound, bound_tie) is wanted */
    uint64_t *bound_tie;
    float *limit;        /* count: filter values above it are worse than the bound */
    const float *radius; /* borrowed from the slab; NULL for exact layers */
} ist_nearest;

ist_nearest *ist_nearest_new(const ist_rows *rows, int64_t k, ist_tie_rule ties);
void ist_nearest_free(ist_nearest **nearest);
/* Turns each row's heap into ascending order. */
void ist_nearest_sort(ist_nearest *nearest);
extern const ist_consumer ist_nearest_consumer;

/* ---- counts below thresholds --------------------------------------------------------------- */

/* Of each row: for T thresholds (the distances to T other rows of the set, "targets"), how many rows
 * are strictly closer and how many are at equal distance; or, by index, how many come before the
 * target in the order (distance, position). Kept as a histogram over the sorted thresholds, so that
 * a pair costs O(log T). */
typedef struct {
    int64_t position, count, thresholds;
    bool by_index;
    const ist_rows *rows;
    double *threshold; /* count x T, ascending */
    int32_t *target;   /* count x T: position of the target of each threshold */
    int32_t *slot;     /* count x T: where it stood before sorting */
    ist_band *band;    /* count x T */
    int64_t *bin;      /* count x T: distances after threshold m-1 and before m */
    int64_t *equal;    /* count x T: equal to threshold m, at the first of equal thresholds */
    float *column_low, *column_high; /* T x IST_TILE: the bands of the column tile at work */
    int32_t *column_count;           /* T x IST_TILE */
    const float *radius;
} ist_counts;

/* target[count x T] are positions within home's segment, distance[count x T] their distances. */
ist_counts *ist_counts_new(const ist_rows *rows, int64_t thresholds, bool by_index,
                           const int32_t *target, const double *distance);
void ist_counts_free(ist_counts **counts);
/* twice_rank[count x T], in the order in which the targets were given: 2 (1 + closer) + (equal - 1)
 * (mid-ranks, measures.md P3), or 2 (1 + before) by index (P2). */
void ist_counts_ranks(const ist_counts *counts, int64_t *twice_rank);
extern const ist_consumer ist_counts_consumer;

/* Local. Labels as a space: distance 0 within a class, 1 between classes. twice_rank[i x stride + p],
 * p < k: twice the mid-rank of neighbour (a row number) seen from row[i], among n samples whose class
 * sizes are class_size: n_c in the same class, else n - 1 + n_c (measures.md 1.1). */
void ist_label_ranks(int64_t n, int64_t count, int64_t k, int64_t stride, const int64_t *row,
                     const int32_t *neighbour, const int32_t *class_of, const int64_t *class_size,
                     int64_t *twice_rank);

#endif
