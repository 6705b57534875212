/* pairs: k-d trees, sets of rows with few features, cut by medians into small boxes, so that a row's neighbours and counts
 * need not look at every other row. Everything here is local; the rows are those of one memory: of a set that was gathered
 * (passes of the engine), or of a slice. Results are the integers of the pairs: distances are the defined ones (pairs.h), and
 * a box is left out or counted whole by bounds that hold for them as they are rounded (docs/numerics.md section 14).
 *
 * Each segment of the set has a tree of its own, over the same positions: the rows of a segment lie in tree order
 * at the "places" [first, first + count) that are its positions, too. Only segments of home's rows have one. */
#ifndef INFOSTRATA_KDTREE_H
#define INFOSTRATA_KDTREE_H

#include "infostrata/pairs.h"

enum {
    IST_KD_FEATURES =
        5, /* of a set, at most (the engine's passes take trees of IST_TREE_FEATURES) */
    IST_KD_COLUMNS = 2 * IST_KD_FEATURES, /* of a joint set */
    IST_KD_LEAF = 32, /* rows of a leaf, at most; more than half of it, unless it is the only one */
    IST_KD_BOX =
        2 * IST_CELLS /* numbers a column and family: the least of each cell, then the largest */
};

/* The boxes of up to 8 cells that have the same parent, a "family". Families of a level lie side by side, level
 * after level. Below the first level there are always 8. */
typedef struct {
    int64_t first, count; /* places */
    int levels;           /* of families; 0: the only cell is a leaf */
    int bits;             /* the first family has 2^bits cells: 2, 4 or 8 */
    int64_t box;          /* first number of its boxes */
} ist_kd_segment;

/* What was done: families judged, distances computed, rows taken among the k nearest for a time, comparisons of
 * distances with thresholds. */
typedef struct {
    int64_t families, rows, taken, compared;
} ist_kd_work;
void ist_kd_work_add(ist_kd_work *sum, const ist_kd_work *more);

typedef struct {
    const ist_rows *rows;
    const ist_kernel *kernel;
    ist_tie_rule ties;
    int components, columns;
    int64_t d[2];
    ist_metric metric[2];
    double factor[2]; /* joint */
    int64_t segments;
    ist_kd_segment *segment; /* those of home's rows */
    int64_t stride;          /* numbers of a column: n and a vector more */
    double *value;           /* columns x stride, by place */
    int32_t *position;       /* by place */
    int32_t *place;          /* by position */
    uint64_t *word;          /* by place: the tie word */
    double *box;
} ist_kdtree;

/* Does the engine take trees of the set? Up to IST_TREE_FEATURES features, metrics that are monotone in each difference
 * (all are). */
bool ist_kdtree_possible(const ist_rows *rows);
/* all: every row of the set, by position (borrowed until it is made; rows: as long as the tree is there); a joint set: of its
 * components. At most IST_KD_FEATURES features a component. words: tie words by position (borrowed until it is made), NULL:
 * those of `ties`. The caller frees the tree. */
ist_kdtree *ist_kdtree_new(const ist_rows *rows, const ist_slab *all, const ist_kernel *kernel,
                           ist_tie_rule ties, const uint64_t *words);
void ist_kdtree_free(ist_kdtree **tree);
/* Bytes of the trees of a set of n rows and so many columns, and of what is beside them while they are made; of the trees
 * alone. */
int64_t ist_kdtree_bytes(int64_t n, int64_t columns, int64_t segments);
int64_t ist_kdtree_kept_bytes(int64_t n, int64_t columns, int64_t segments);

/* The defined distance of two rows, by place. */
double ist_kdtree_distance(const ist_kdtree *tree, int64_t a, int64_t b);
/* The number in the file of the row at a place. */
int64_t ist_kdtree_number(const ist_kdtree *tree, int64_t place);

/* ---- walking --------------------------------------------------------------------------------- */

/* A family on the way down. */
typedef struct {
    const ist_kd_segment *segment;
    int level;
    int64_t path; /* cells of the level before it, in the segment */
} ist_kd_family;

/* How many cells; bounds of the defined distances of row x (its columns) to the rows of each. */
int ist_kd_judge(const ist_kdtree *tree, ist_kd_family family, const double *x,
                 double lower[IST_CELLS], double upper[IST_CELLS]);
/* The places [first, last) of cell c. */
void ist_kd_range(ist_kd_family family, int c, int64_t *first, int64_t *last);
/* Its children; false: it is a leaf. */
bool ist_kd_children(ist_kd_family family, int c, ist_kd_family *children);
/* Are all rows of the cell equal? Those lie in the order (word, number). */
bool ist_kd_is_point(const ist_kdtree *tree, ist_kd_family family, int c);
/* The defined distances of x to the rows at `count` places; whole vectors are written. */
enum { IST_KD_ROOM = IST_KD_LEAF + IST_CELLS };
void ist_kd_distances(const ist_kdtree *tree, const double *x, int64_t first, int count,
                      double *distance);
/* The columns of the row at a place. */
void ist_kd_row(const ist_kdtree *tree, int64_t place, double x[IST_KD_COLUMNS]);

/* ---- the k nearest ----------------------------------------------------------------------------- */

/* Room for the k nearest of one row. */
typedef struct ist_kd_search ist_kd_search;
ist_kd_search *ist_kd_search_new(const ist_kdtree *tree, int64_t k);
void ist_kd_search_free(ist_kd_search **search);
int64_t ist_kd_search_bytes(int64_t k);
/* Of the row at a place: positions and distances, by (distance, tie, number); returns how many there are. */
int32_t ist_kd_nearest(ist_kd_search *search, const ist_kd_segment *segment, int64_t place,
                       double *distance, int32_t *neighbour, ist_kd_work *work);

/* ---- counts below thresholds ------------------------------------------------------------------- */

/* Room for the counts of one row. */
typedef struct ist_kd_counter ist_kd_counter;
ist_kd_counter *ist_kd_counter_new(const ist_kdtree *tree, int64_t thresholds, bool by_index);
void ist_kd_counter_free(ist_kd_counter **counter);
int64_t ist_kd_counter_bytes(int64_t thresholds);
/* Of the row at a place: closer[m] and equal[m] as of ist_counts_get. target (by index alone; else NULL):
 * positions. */
void ist_kd_count(ist_kd_counter *counter, const ist_kd_segment *segment, int64_t place,
                  const double *threshold, const int32_t *target, int64_t *closer, int64_t *equal,
                  ist_kd_work *work);

#endif
