/* A chunk at home: what sweep.c (tiles) and skip.c (which of them) share. Private to the room. */
#ifndef INFOSTRATA_PAIRS_SWEEP_H
#define INFOSTRATA_PAIRS_SWEEP_H

#include "geometry.h"

/* Rows of home as float64 tiles take them: row-major, and for kernel distances their squared lengths. count: 0 before the first. */
typedef struct {
    const ist_slab *of; /* sets that go together share a workspace */
    int64_t row;
    int count;
    double *values, square[IST_TILE];
} ist_loaded;

/* Room for one tile at work. */
typedef struct {
    float l[IST_TILE * IST_TILE];
    double distance[IST_TILE * IST_TILE];
    ist_open_list open;
    ist_loaded home[2]; /* of the set, or of both components */
    double *columns;    /* for float64 tiles: panels */
    float *other_l;     /* joint sets: the second component's; else NULL */
    double *other_distance;
    /* Of which pair of tiles they are (-1: of none): sets that go together have one second component. */
    int64_t other_tile[2], other_exact[2];
} ist_workspace;

typedef struct {
    ist_sweep *sweep;
    const ist_chunk *chunk;
    void *columns;
    ist_pairing pairing;
    ist_workspace *work;
    int64_t decided;     /* by the consumer, of a recent tile, about */
    int64_t exact_spell; /* tiles still to be taken in float64 */
} ist_visit;

/* Bytes of a workspace for sets of d features; joint: the components' larger d. */
int64_t ist_workspace_bytes(int64_t d, bool joint);

/* Is the pair of home tile a and chunk tile b still to be visited, and here? (A tile with itself: no.) */
bool ist_visit_wants(const ist_visit *v, int64_t a, int64_t b);
/* It is done (ist_visit_tile says so itself). */
void ist_visit_done(const ist_visit *v, int64_t a, int64_t b);
/* Between tiles: are the others to be left out? */
bool ist_visit_ends(const ist_visit *v);
/* A pair of tiles, whole. */
void ist_visit_tile(ist_visit *v, int64_t a, int64_t b, bool diagonal);
/* Some rows of home tile a against all of chunk tile b, for the rows alone; or, with `turned`, some of
 * the chunk's against all of the home tile, for the chunk's alone. nan: a tile full of NaN, left so. */
void ist_visit_rows(ist_visit *v, int64_t a, int64_t b, bool turned, const uint32_t *marks,
                    float *nan);

/* Visits all wanted tiles but those of a tile with itself, and leaves out what their geometry
 * settles. */
void ist_skip_tiles(ist_visit *v, const ist_meeting *meeting);
/* Bytes that it takes for a chunk of so many tiles, their geometry included. */
int64_t ist_skip_bytes(int64_t tiles, int64_t d, int64_t limits);
/* The share of the work that judging the tiles of a chunk of home with each other would leave, judging
 * included. */
double ist_skip_work(ist_visit *v);

#endif
