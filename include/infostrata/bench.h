/* bench: the engine against the machine. Passes of the engine alternate with SGEMM; a sample of their
 * answers is computed again by brute force before a number is printed. What is measured and how to
 * read it: docs/performance.md.
 *
 * This header is the local half; rounds.h measures.
 */
#ifndef INFOSTRATA_BENCH_H
#define INFOSTRATA_BENCH_H

#include "infostrata/pairs.h"

/* ---- works --------------------------------------------------------------------------------- */

/* One pass to be measured: the k nearest of every row, or the counts below so many thresholds a row.
 * Exactly one of neighbours and thresholds is positive. */
typedef struct {
    int64_t n, d, neighbours, thresholds;
} ist_bench_work;

/* The table of docs/performance.md. */
enum { IST_BENCH_WORKS = 14 };
extern const ist_bench_work ist_bench_works[IST_BENCH_WORKS];

/* "nearest-k10-n50000-d64", "counts-t64-n50000-d128" */
enum { IST_BENCH_NAME = 96 };
const char *ist_bench_name(const ist_bench_work *work, char buffer[IST_BENCH_NAME]);

typedef struct {
    bool picked[IST_BENCH_WORKS];
    ist_bench_work own; /* the user's, after those picked. Nothing picked and all 0: the table */
    const char *layer;  /* address of a layer whose rows `own` takes; n = 0: all rows; d = 0 */
    int rounds;         /* at least 1 */
    const char *csv;    /* NULL: none */
    const char *commit; /* what the program was built from */
    ist_engine engine;
} ist_bench_options;

/* `bench --calibrate`: the table of measures.h (calibration), or some of its lines. */
typedef struct {
    const char *file; /* NULL: to stdout */
    int64_t n;        /* the lines of n samples or rows alone; 0: all */
    int64_t d;        /* the lines whose larger dimension is d alone; 0: all */
    ist_engine engine;
} ist_calibrate_options;

/* `bench --verify`: the imbalance of normal layers whose imbalance is known (models.h of the room). */
typedef struct {
    int64_t n; /* samples; 0: 20,000 */
    ist_engine engine;
} ist_verify_options;

/* Local. Refused: too few samples; works that are to be measured, too. */
ist_code ist_verify_check(const ist_verify_options *options, const ist_bench_options *bench,
                          ist_error *error);

/* Local. Refused: n and d of no line; works that are to be measured, too. */
ist_code ist_calibrate_check(const ist_calibrate_options *options, const ist_bench_options *bench,
                             ist_error *error);

/* Local. Picks a work of the table; false if there is none of that name. */
bool ist_bench_pick(ist_bench_options *options, const char *name);
/* Local. The work nearest in spelling; NULL if none is near. The text lives in buffer. */
const char *ist_bench_guess(const char *name, char buffer[IST_BENCH_NAME]);
/* Local. Refused: a work of one's own that is half described or cannot be. */
ist_code ist_bench_check(const ist_bench_options *options, ist_error *error);

/* ---- environment --------------------------------------------------------------------------- */

/* Local, before MPI_Init and any thread. Starts this program anew, with the same arguments and process
 * id, if its environment must change: OpenBLAS's variables are cleared, and where the core that it chose
 * itself uses narrower instructions than the machine has, OPENBLAS_CORETYPE names one that does not.
 * Returns if nothing must change, and where the system refuses (the core is printed either way). */
void ist_bench_environment(const char *core, char **argv);
/* The same for a run, whose matrices are OpenBLAS's work: variables that are there stay, and a core that is named by hand is used. */
void ist_blas_environment(const char *core, char **argv);

/* ---- data ---------------------------------------------------------------------------------- */

/* Local. Standard normal rows [first, first + count), row-major, for ist_rows_natural: a value depends
 * on its row, column and d alone. */
float *ist_bench_normals(int64_t first, int64_t count, int64_t d);
/* Local. count x thresholds positions: of each row [first, first + count) other rows of all n, drawn at
 * random, so that thresholds are spread over all neighbour ranks and all processes. */
int32_t *ist_bench_targets(int64_t n, int64_t first, int64_t count, int64_t thresholds);

/* Draw `draw` of two normal layers of n samples that share 1 nat: X and Y with d_x and d_y columns, of which the
 * first min(d_x, d_y) are correlated (measures.h, calibration). d_y = 0: X alone. */
typedef struct {
    int64_t n, d_x, d_y, draw;
} ist_calibration_pair;
/* Local. Rows [first, first + count) of X (side 0) or Y (side 1), row-major; the same numbers on every processor. */
float *ist_calibration_rows(const ist_calibration_pair *pair, int side, int64_t first,
                            int64_t count);

#endif
