/* What the estimates of a slice work in. Private to the room. */
#ifndef IST_SLICES_ROOM_H
#define IST_SLICES_ROOM_H

#include <math.h>
#include <string.h>

#include "infostrata/slices.h"

/* Kernels and psi for all; a column in order and labels need the first of `at`, `spare` and `line`, the plane all, clouds
 * neither: what a room has is NULL if its slices do not need it. */
struct ist_slice_room {
    int64_t n;
    const ist_kernel *kernel;
    double *psi;      /* of 1 .. n + 1 */
    double *number;   /* n: one number a sample */
    uint64_t *key[2]; /* n each: sorting */
    int32_t *item[2]; /* n each */
    double *line[2];  /* n each: values in order */
    int32_t *at[4];   /* n each: places of samples, in whatever order is needed; labels: 3 */
    double *spare[2]; /* n each; labels: 1 */
};

/* The squared distance of two values of a column. */
static inline double ist_apart(double a, double b)
{
    double t = a - b;
    return t * t;
}

/* How many of the values next to v[from], which is one of them, going right (left) lie within a distance of x; v is
 * ascending. reach: mostly few; extent: any number, distances times a factor, `limit` itself counted or not. */
int64_t ist_reach_right(const double *v, int64_t from, int64_t n, double x, double limit);
int64_t ist_reach_left(const double *v, int64_t from, double x, double limit);
typedef struct {
    double x, factor, limit;
    bool strictly;
} ist_span;
int64_t ist_extent_right(const double *v, int64_t from, int64_t n, const ist_span *span);
int64_t ist_extent_left(const double *v, int64_t from, const ist_span *span);

/* psi(N) + the mean of the numbers that are not NaN, N of them, in order; `number` is used up. */
double ist_slice_value(ist_slice_room *room, double *number, int64_t n);

/* The k nearest of each member in its own run of values v[0..n) ascending (k < n): first and last of those within the
 * distance of the k-th, itself included. *first only grows from one member to the next: start with 0. */
typedef struct {
    double limit;
    int64_t first, last;
} ist_window;
ist_window ist_window_of(const double *v, int64_t n, int64_t i, int64_t k, int64_t *first);

/* A sample's term in a difference of entropies: squared distances of its k-th neighbour among all and of its held-th in
 * its class of `size`. */
double ist_slice_difference(const double *psi, double among_all, double in_class, int64_t k,
                            int64_t held, int64_t size, int columns);

/* ist_slice_layers of any number of columns, by trees. */
ist_slice_found ist_slice_layers_cloud(ist_slice_room *room, int64_t n, const int columns[2],
                                       const double *x, const double *y, const ist_slice_ksg *ksg);
/* Bytes that a slice of several columns takes beside the room, at most. */
int64_t ist_slice_cloud_bytes(int64_t n, int columns, bool two_layers);

#endif
