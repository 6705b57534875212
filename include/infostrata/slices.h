/* slices: random projections of layers, and mutual information in them.
 *
 * Local functions on plain arrays: no MPI. A slice of a layer is its rows projected onto one direction, or onto up to
 * IST_SLICE_COLUMNS orthonormal ones, in float64. What is measured in it is measured as the plain estimators measure a
 * layer (pairs.h has the distances, measures.md 2.2 and 2.3 the formulas, docs/measures/mi-sliced.md what is made of
 * them): distances are the squares of euclidean ones, columns in order, each operation rounded; informations are in nats.
 */
#ifndef INFOSTRATA_SLICES_H
#define INFOSTRATA_SLICES_H

#include "infostrata/base.h"
#include "infostrata/kernels.h"
#include "infostrata/plan.h"

/* The most directions of a slice. */
enum { IST_SLICE_COLUMNS = 5 };

/* ---- directions ---------------------------------------------------------------------------- */

/* The directions of slice number `slice` for the layer on one side of a task (0: source, 1: target), of d features:
 * `columns` vectors (at most d) at directions[column d + feature]. One is a normal vector over its norm, uniform on the
 * sphere; several are made orthonormal by Gram & Schmidt, uniform on the Stiefel manifold. They depend on the arguments
 * alone: layers of one width share them, and the first slices of many are the slices of few. */
void ist_slice_directions(uint64_t seed, int64_t slice, int side, int64_t d, int columns,
                          double *directions);

/* ---- projection ---------------------------------------------------------------------------- */

/* A tile of projections: IST_PROJECT_ROWS rows onto up to IST_PROJECT_COLUMNS directions. sums[row][column] =
 * fma(block[f][row], panel[f][column], sums[row][column]) for f = 0, 1, ...: one accumulator, features in order, a fused
 * operation each, so that the bits depend on row and direction alone. width: columns of the panel, 8, 16 or 24. */
enum { IST_PROJECT_ROWS = 8, IST_PROJECT_COLUMNS = 24, IST_PROJECT_STEP = 8 };
typedef void ist_project_tile(const double *block, const double *panel, int width, int64_t features,
                              double *sums);

/* By the name of an ist_kernel ("reference", "avx2", "avx512", ...): compiled for those instructions. */
ist_project_tile *ist_project_tile_of(const char *kernel);

/* Directions as the tiles want them: `columns` of d features, direction c at directions[c d]. The caller frees them with ist_free. */
double *ist_project_panels(const double *directions, int64_t columns, int64_t d);
/* Doubles in these panels. */
int64_t ist_project_panels_size(int64_t columns, int64_t d);

/* out[column rows + row]: rows (row-major, d features each, exactly one of narrow and wide is not NULL) onto the
 * directions of the panels. room: ist_project_room(columns) doubles. */
void ist_slice_project(ist_project_tile *tile, const float *narrow, const double *wide,
                       int64_t rows, int64_t d, const double *panels, int64_t columns, double *room,
                       double *out);
int64_t ist_project_room(int64_t columns);

/* ---- samples in order ---------------------------------------------------------------------- */

/* Room for the estimates of up to n samples, in slices of `columns` directions (all numbers above 1 are the same) of a layer
 * against labels or of two layers; owned by the caller. One serves any number of estimates, one at a time. kernel: what
 * searches several columns (borrowed); results do not depend on it. */
typedef struct ist_slice_room ist_slice_room;
ist_slice_room *ist_slice_room_new(const ist_kernel *kernel, int64_t n, int columns,
                                   bool two_layers);
void ist_slice_room_free(ist_slice_room **room);
/* Bytes of it and of what is beside it during an estimate. */
int64_t ist_slice_room_bytes(int64_t n, int columns, bool two_layers);

/* One column in ascending order (a room of one column): value[i] is that of sample row[i]; samples of equal values are in the order in which
 * `before` (NULL: 0, 1, ...) has them. -0 counts as 0; no NaN. value and row hold n. Stable, O(n). */
void ist_sort_column(ist_slice_room *room, int64_t n, const double *column, const int32_t *before,
                     double *value, int32_t *row);

/* ---- estimates in one slice ---------------------------------------------------------------- */

/* What was found in a slice. */
typedef struct {
    double value; /* nats; NaN: no sample has a neighbour of its class */
    int64_t tied; /* samples whose k-th neighbour has another one exactly as far */
    int64_t zero; /* samples whose k-th neighbour lies exactly at their place */
    int64_t
        looked; /* two layers of one column: samples that were looked at, a measure of the work */
} ist_slice_found;

/* Classes of n samples: class_of[i] < count; size: samples of each. */
typedef struct {
    const int32_t *class_of;
    int64_t count;
    const int64_t *size;
} ist_slice_classes;

/* Labels: of one column, sorted before (ist_sort_column). Ross (2014) as mi-ross has it, ties and small classes
 * included; samples alone in their class are left out. difference: of entropies instead (Wongso et al. 2023),
 * h(X) - sum_c p_c h(X | c) by Kozachenko & Leonenko, where samples whose k-th neighbour lies exactly at their
 * place, among all or in their class, take Ross's term. */
ist_slice_found ist_slice_labels(ist_slice_room *room, int64_t n, const double *value,
                                 const int32_t *row, const ist_slice_classes *classes, int64_t k,
                                 bool difference);
/* The same of several columns (column c at x[c n]). */
ist_slice_found ist_slice_labels_cloud(ist_slice_room *room, int64_t n, int columns,
                                       const double *x, const ist_slice_classes *classes, int64_t k,
                                       bool difference);

/* Layers: how mi-ksg is to be taken. factor: what the distances in x and in y are multiplied with. */
typedef struct {
    int type; /* 1 or 2 (Kraskov, Stoegbauer & Grassberger 2004) */
    int64_t k;
    double factor[2];
    bool
        by_index; /* equal joint distances: by the sample's number, else by the difference of words (pairs.h) */
    const uint64_t *word; /* tie word of each sample; type 2 and not by_index */
} ist_slice_ksg;
/* 1 / (mean squared distance of two samples), 1 if they are all equal: the factor of `scale: rms`. */
double ist_slice_factor(int64_t n, int columns, const double *x);
/* n samples, x[c n] and y[c n] their columns; one on either side is the faster way. */
ist_slice_found ist_slice_layers(ist_slice_room *room, int64_t n, const int columns[2],
                                 const double *x, const double *y, const ist_slice_ksg *ksg);

/* One slice of a task, or its samples in a part, as a measure gets it. */
typedef struct {
    int64_t n;
    int columns[2];            /* of x; of y, 0: labels */
    const double *x, *y;       /* column c at x[c n] */
    const double *value;       /* labels, one column: x in ascending order */
    const int32_t *row;        /* whose values they are */
    ist_slice_classes classes; /* labels */
    double factor[2]; /* layers: ist_slice_factor of all samples of x, of y; 1 if not asked for */
    const uint64_t *word; /* layers: tie words */
} ist_slice;

/* ---- sums over slices ---------------------------------------------------------------------- */

/* Numbers of slices 0, 1, ... as they come. */
typedef struct {
    int64_t count;
    double first, sum, lost; /* of what the others are above the first */
    double least, most;
    int64_t most_at; /* the first slice that has it */
} ist_slice_sum;
void ist_slice_add(ist_slice_sum *sum, double value);
/* The mean: exact if all are equal. NaN of none. */
double ist_slice_mean(const ist_slice_sum *sum);

#endif
