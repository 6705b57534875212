/* pairs: the routines of the all-pairs engine that are compiled once per instruction set, as tables of
 * functions, and what they take. Plain arrays, no MPI, no allocation. Each does the same in every
 * instruction set but for the rounding of float32 filter values, whose bounds hold for all of them
 * (docs/numerics.md). pairs.h says what the filters, thresholds and kinds are. */
#ifndef INFOSTRATA_KERNELS_H
#define INFOSTRATA_KERNELS_H

#include "infostrata/base.h"

/* Rows of a tile, of one panel of ist_packed, and columns of a tile that are turned at once. */
enum { IST_TILE = 96, IST_PANEL = 48, IST_STRIP = 16 };
/* Cells of a k-d tree that are judged at once. */
enum { IST_CELLS = 8 };
/* Forms of the float32 filter that have tiles of their own (ist_filter_form). */
enum { IST_FILTER_FORMS = 6 };

/* One side of a tile in the counting of one threshold a row; IST_TILE entries each. */
typedef struct {
    const float *low, *high, *sure, *width;
    int32_t *below, *same;
} ist_threshold_side;

/* One side of a tile in the search for ties. */
typedef struct {
    const float *limit, *strict;
    const uint64_t *word, *base, *bound_tie;
    const int32_t *kind, *tie_kind; /* others of tie_kind can only tie with the bound; kind: NULL */
} ist_tie_side;

/* IST_TILE bits for each row of a tile; for which side its pairs are open. */
enum { IST_MARK_WORDS = IST_TILE / 32 };
typedef uint32_t ist_marks[IST_TILE][IST_MARK_WORDS];
typedef struct {
    ist_marks row, column;
} ist_open_marks;

/* Pairs to be looked at in float64: the rows and columns as they were stored, narrow or wide. */
typedef struct {
    const float *rows, *columns;
    const double *wide_rows, *wide_columns;
    int column_count;
    ist_marks marks;
} ist_look;

/* One side of a tile in the second look; IST_TILE entries each. Sums below `low` are counted, those above
 * `high` dropped. */
typedef struct {
    const double *low, *high;
    int32_t *below;
} ist_look_side;

/* One side of a tile whose rows may be equal to others: the kind of each row, the kind of others
 * that is known to lie at its threshold (IST_ANY_KIND: none) and how many did. */
typedef struct {
    const int32_t *kind, *tie;
    int32_t *same;
} ist_kind_side;

/* The thresholds of the rows of a tile as search trees. A tree: 2^levels numbers, ist_filter_high of
 * the thresholds; +inf beyond the last. [0] is the largest; [2^level + path] a node of the full tree of the
 * others, bit l of `path` telling whether the way to it goes right at level l. After the last tree a
 * vector of 16 may be read. between[m] of a row counts distances between thresholds m - 1 and m, same[m] those
 * at threshold m (if the filter is sure of it). Of what lies beyond all nothing need be told. */
typedef struct {
    const float *tree;
    int levels, thresholds;
    float shrink; /* fl(l + w_j) < shrink * high - width proves "below" */
    const float *width;
    const int8_t *sure; /* 0: never; 1: at high = 0; 2: wherever l = high */
    int32_t *between;   /* ist_between_stride(levels) a row */
    int32_t *same;      /* `thresholds` a row */
} ist_threshold_trees;

/* The in-order place of a node of level `level`. */
static inline int64_t ist_tree_place(int levels, int level, int64_t path)
{
    int64_t before = 0;
    for (int l = 0; l < level; l++)
        before = 2 * before + (path >> l & 1);
    return ((2 * before + 1) << (levels - 1 - level)) - 1;
}

/* One counter a place, and a vector of them for what is to be forgotten. */
static inline int64_t ist_between_stride(int levels)
{
    enum { FORGOTTEN = 16 };
    return (INT64_C(1) << levels) + FORGOTTEN;
}

/* Places in a tile, IST_TILE row + column, ascending. */
typedef struct {
    int count;
    int32_t at[IST_TILE * IST_TILE + 16]; /* the vectors that write it may overshoot */
} ist_places;

/* Routines for tiles that need not be visited whole; compiled once per instruction set, too. */
typedef struct {
    /* The filters of `count` rows from anywhere, feature f of row r at rows[r][f stride], against the
     * columns of a tile; row r goes to out[r][IST_TILE]. */
    void (*thin[IST_FILTER_FORMS])(const float *const *rows, int count, int64_t stride,
                                   const float *columns, int64_t d, const float *row_term,
                                   const float *column_term, float *const *out);
    /* margin = value * shrink - own, IST_TILE of each; returns the least. */
    float (*margins)(const float *value, const float *own, float shrink, float *margin);
    /* Marks margin + other > factor * limit + more. */
    void (*beyond)(const float *margin, float other, const float *limit, float factor, float more,
                   uint32_t *marks);
    /* Marks value * grow + more < (limit - reach)^2, limit > reach. */
    void (*within)(const float *value, const float *limit, float reach, float grow, float more,
                   uint32_t *marks);
    /* root = sqrt(square * factor + more, at least 0) + shift */
    void (*roots)(const float *square, float factor, float more, float shift, float *root);
    /* For orders, which may be approximate: x y, (x - centre) y, sum += weight x. */
    float (*dot)(const float *x, const float *y, int64_t d);
    float (*dot_from)(const float *x, const float *centre, const float *y, int64_t d);
    void (*add_scaled)(float weight, const float *x, int64_t d, float *sum);
} ist_near_kernel;

/* The defined distances of one metric, bit for bit (pairs.h). */
typedef struct {
    /* rows: row-major; columns: panels. */
    void (*tile)(const double *rows, int row_count, const double *columns, int64_t d, double *tile);
    /* Of 8 pairs of rows. */
    void (*pairs_narrow)(const float *const *x, const float *const *y, int64_t d, double *distance);
    void (*pairs_wide)(const double *const *x, const double *const *y, int64_t d, double *distance);
    /* Of one row and `count` others, feature f of the j-th at columns[f stride + j]. Whole vectors: up to
     * IST_CELLS - 1 numbers more are read of each feature, and written. */
    void (*columns)(const double *x, const double *columns, int64_t stride, int64_t d, int count,
                    double *distance);
    /* Of one row and IST_CELLS cells: no row within a cell's box has a defined distance below `lower` or above
     * `upper`. Of feature f the boxes' least values, then their largest, from boxes[2 f IST_CELLS] on. */
    void (*cells)(const double *x, const double *boxes, int64_t d, double *lower, double *upper);
} ist_exact_kernel;

/* A tile of defined distances (in a joint set of both components; else the second is NULL) and a Gaussian kernel of them, K =
 * exp(-(weight[0] d_0 + weight[1] d_1)); labels of IST_TILE rows and columns (row_label NULL: none). */
typedef struct {
    const double *distance[2];
    double weight[2];
    int rows, columns;
    const int64_t *row_label, *column_label;
} ist_moment_tile;
enum { IST_MOMENTS = 4 };

/* Routines compiled once per instruction set. Tiles are IST_TILE x IST_TILE, row-major. Comparisons
 * with NaN are false. */
typedef struct {
    const char *name;
    bool (*supported)(void);
    /* The float32 filters, by form (NULL: none): rows and columns as panels of ist_packed, with
     * their terms, summed in blocks as below. */
    void (*filter[IST_FILTER_FORMS])(const float *rows, const float *columns, int64_t d,
                                     const float *row_term, const float *column_term, float *tile);
    /* tile = the larger of factor * tile and other_factor * other; NULL: none. */
    void (*joint)(float factor, const float *other, float other_factor, float *tile);
    const ist_exact_kernel *exact; /* by ist_metric */
    /* `count` rows of d features, at most IST_TILE, as the exact tiles want them, from row-major ones (exactly one of narrow and
     * wide is not NULL), less `centre` (NULL: nothing): as rows; as panels of columns, of which places beyond the last stay as they are. */
    void (*load_rows)(const float *narrow, const double *wide, int count, int64_t d,
                      const double *centre, double *rows);
    void (*load_columns)(const float *narrow, const double *wide, int count, int64_t d,
                         const double *centre, double *panels);
    /* Kernel distances (docs/numerics.md section 16) of rows and columns that are about a common centre, as an exact tile; row_square: what
     * row_squares finds of `count` rows, their squared lengths. */
    void (*squares)(const double *rows, const double *row_square, int row_count,
                    const double *columns, int64_t d, double *tile);
    void (*row_squares)(const double *rows, int count, int64_t d, double *square);
    /* Where l <= row_limit, and where l <= column_limit. rare: few are expected. */
    void (*within)(const float *tile, const float *row_limit, const float *column_limit, bool rare,
                   ist_places *row_side, ist_places *column_side);
    /* For each side where l <= limit and (tie <= bound_tie or neither l >= strict nor of tie_kind). */
    void (*within_ties)(const float *tile, const ist_tie_side *row, const ist_tie_side *column,
                        ist_places *row_side, ist_places *column_side);
    /* Counts pairs surely below and (with_sure) surely equal, for both sides; marks those open for
     * either; returns how many. */
    int (*count)(const float *tile, const ist_threshold_side *row, const ist_threshold_side *column,
                 bool with_sure, ist_marks marks);
    /* Places the first `rows` rows of a tile among their thresholds; lists the open pairs, each with the
     * first threshold that it is not surely beyond. */
    void (*place)(const float *tile, int rows, const float *width, const ist_threshold_trees *trees,
                  ist_places *open, int32_t *threshold);
    /* IST_STRIP columns from `column` on become rows. */
    void (*turn)(const float *tile, int column, float *turned);
    /* found[row]: over the columns, in units of 2^-52, the sums of K, of K^2, and (0 without labels) of both where labels are
     * equal. The same bits in every instruction set. */
    void (*moments)(const ist_moment_tile *tile, int64_t (*found)[IST_MOMENTS]);
    /* values become exp(-values), as in `moments`: of values >= 0, 0 from 37 on. count: a multiple of IST_STRIP. */
    void (*decay)(double *values, int64_t count);
    /* Adds to below[m] and equal[m], m < values, how many of `count` numbers are so compared with value[m]. Whole
     * vectors: up to IST_CELLS - 1 of the numbers are set to NaN beyond the last. */
    void (*tally)(double *number, int count, const double *value, int64_t values, int64_t *below,
                  int64_t *equal);
    /* Keeps of `count` entries, in order, those with value <= limit; returns how many. The arrays hold whole
     * vectors of 16. */
    int32_t (*keep)(float limit, int32_t count, float *value, int32_t *position);
    /* A number, not negative, that at least k of the values do not exceed, and few more if these are not
     * negative; infinity if there is none. */
    float (*upper_of)(const float *value, int64_t count, int64_t k);
    /* Euclidean: sums of the squared differences of a row and four others (ist_filter_look bounds them); of all
     * marked pairs of a tile. */
    void (*look_narrow)(const float *x, const float *const *y, int64_t d, double *sum);
    void (*look_wide)(const double *x, const double *const *y, int64_t d, double *sum);
    void (*look_marked)(const ist_look *look, int64_t d, double *tile);
    /* Says of the pairs that `count` has marked for which side they are open. Settles of it: what is of a row's tie kind; what sums
     * prove, and returns how much is left. */
    void (*open_sides)(const float *tile, const ist_threshold_side *row,
                       const ist_threshold_side *column, ist_marks marks, ist_open_marks *open);
    void (*settle_kinds)(const ist_kind_side *row, const ist_kind_side *column,
                         ist_open_marks *open);
    int (*settle_looked)(const double *tile, const ist_look_side *row, const ist_look_side *column,
                         ist_open_marks *open);
    const ist_near_kernel *near; /* NULL: none */
} ist_kernel;

#endif
