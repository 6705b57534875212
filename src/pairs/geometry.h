/* Where the rows of tiles lie, and what that proves about the pairs of two tiles without a look at
 * them (docs/numerics.md, "Tiles that need no visit"). Private to the room. */
#ifndef INFOSTRATA_PAIRS_GEOMETRY_H
#define INFOSTRATA_PAIRS_GEOMETRY_H

#include "infostrata/pairs.h"

/* Of the tiles of a packed slab, in the units of the copies. A tile's pivot is a point in its midst. */
typedef struct ist_geometry {
    int64_t tiles, d;
    float *pivot;    /* tiles x d */
    float *own;      /* tiles x IST_TILE: at least each row's squared distance from its pivot */
    float *reach;    /* tiles: at least the distance of any row from the pivot */
    float *rounding; /* tiles: at least the distance of any row from its copy */
} ist_geometry;

/* The rows must have a filter, and the kernel one too. */
ist_geometry ist_geometry_new(const ist_rows *rows, const ist_kernel *kernel,
                              const ist_packed *packed);
void ist_geometry_release(ist_geometry *geometry);
int64_t ist_geometry_bytes(int64_t tiles, int64_t d);

/* Filter values (direct form) of the pivots of `count` tiles and of the columns of a packed tile:
 * value[p x IST_TILE + j]. */
void ist_pivot_values(const ist_geometry *geometry, const ist_kernel *kernel, const int64_t *tile,
                      int count, const float *columns, float *value);
/* The pivots of `count` tiles (at most IST_TILE) as a packed tile of d x IST_TILE. */
void ist_pack_pivots(const ist_geometry *geometry, const int64_t *tile, int count, float *columns);

/* What is asked of a tile's rows: the distances from which on, and up to which, one limit is decided;
 * IST_TILE of each. Where there is no row, or no such distance: NaN and -1. */
typedef struct {
    float beyond[IST_TILE], within[IST_TILE];
    float most_beyond, most_within; /* of its rows */
} ist_roots;

/* The roots of limits in the copies' units, IST_TILE of each: a defined distance larger than
 * farther[i], or smaller than closer[i] (NULL: none), decides. */
void ist_roots_of(const ist_rows *rows, const ist_kernel *kernel, const ist_geometry *geometry,
                  int64_t tile, int count, const float *farther, const float *closer,
                  ist_roots *roots);

/* The numbers of a pair of tiles that both its sides need; [0] is what rows of tile a need to know of
 * tile b, [1] the reverse. */
typedef struct {
    float factor, more[2], reach[2];
} ist_between;

/* value: of the two pivots. */
ist_between ist_between_tiles(const ist_geometry *a, int64_t tile_a, const ist_geometry *b,
                              int64_t tile_b, float value);

/* The constants of ist_near_kernel's margins and within. */
typedef struct {
    float shrink, grow, more;
} ist_margins;
ist_margins ist_margins_of(int64_t d);

#endif
