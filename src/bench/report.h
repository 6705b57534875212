/* What was measured, on paper: lines for people and a CSV file. Local, for rank 0. Private to the room. */
#ifndef INFOSTRATA_BENCH_REPORT_H
#define INFOSTRATA_BENCH_REPORT_H

#include "infostrata/bench.h"

/* Of several measurements; quartiles by linear interpolation between the sorted ones. */
typedef struct {
    double least, lower, median, upper, most;
} ist_spread;
ist_spread ist_spread_of(const double *values, int count);

/* Where it was measured. */
typedef struct {
    int ranks;
    ist_text processor, blas;
    const char *core, *core_set, *kernel, *kernel_set, *widest, *commit;
    ist_skipping skipping;
    ist_tree_use tree;
    double fma; /* operations a second, all ranks */
} ist_bench_place;
enum { IST_PEAK_SIZE = 4096 };
/* This machine; blas (a name with its version) and fma are the caller's. */
ist_bench_place ist_bench_place_new(const ist_bench_options *options, int ranks, const char *core);
void ist_bench_place_release(ist_bench_place *place);
/* Is a ratio to the peak worth its name? */
bool ist_bench_comparable(const ist_bench_place *place);

/* One work, measured and verified. Sums over the ranks; the pass's own figures are the last round's. */
typedef struct {
    ist_bench_work work;
    const char *layer; /* NULL: normal random rows */
    int rounds;
    ist_spread seconds, peak, ratio;
    int64_t bytes_sent, decided_again, verified;
    double seconds_waiting;  /* of the rank that waited longest */
    bool ordered;            /* there is a twin */
    int64_t compared;        /* distances of a k-d tree; 0: tiles answered */
    double ordering;         /* seconds: the trial of `auto`, and the order */
    double skipped, thinned; /* shares of all tiles */
    double thinned_rows;     /* of a thinned tile, both sides, on the average */
} ist_bench_figures;

void ist_bench_print_place(const ist_bench_place *place);
void ist_bench_print_figures(const ist_bench_place *place, const ist_bench_figures *figures);
void ist_bench_csv_header(ist_text *csv);
void ist_bench_csv_row(const ist_bench_place *place, const ist_bench_figures *figures,
                       ist_text *csv);

/* Pairs (i, j) with i != j, both ways round, and 2 d operations for each: what all rates count. */
static inline double ist_bench_pairs(const ist_bench_work *work)
{
    return (double)work->n * (double)(work->n - 1);
}
static inline double ist_bench_operations(const ist_bench_work *work)
{
    return ist_bench_pairs(work) * 2 * (double)work->d;
}

#endif
