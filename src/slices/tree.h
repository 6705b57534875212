/* A k-d tree of samples of a few columns, in one or two groups: distances are squares of euclidean ones in a group, and
 * the larger of the two, each times its factor, in both. Private to the room. */
#ifndef IST_SLICES_TREE_H
#define IST_SLICES_TREE_H

#include "plane.h"

enum { IST_TREE_COLUMNS = 2 * IST_SLICE_COLUMNS };

typedef struct {
    double low[IST_TREE_COLUMNS], high[IST_TREE_COLUMNS]; /* the least box around its samples */
    int32_t first, last; /* samples [first, last) of the tree's order */
    int32_t left, right; /* -1: a leaf */
} ist_tree_node;

typedef struct {
    int64_t n;
    int columns[2];
    double factor[2];
    double *point; /* columns of each sample side by side, in the tree's order */
    int32_t *whose;
    ist_tree_node *node;
    int32_t node_count;
} ist_tree;

/* Of the samples member[0..n) (NULL: 0 .. n - 1): column c of the first group at x[c stride + sample]; y may have none. */
ist_tree ist_tree_new(int64_t n, const int32_t *member, int64_t stride, const int columns[2],
                      const double *x, const double *y, const double factor[2]);
void ist_tree_release(ist_tree *tree);
/* Bytes of it. */
int64_t ist_tree_bytes(int64_t n, int columns);

/* Offers the nearest of a point; the sample nears->own is left out. */
void ist_tree_nearest(const ist_tree *tree, const double *point, ist_nears *nears);
/* How many samples are within a distance of a point. */
int64_t ist_tree_count(const ist_tree *tree, const double *point, double limit, bool strictly);

#endif
