/* rounds: the collective half of bench: measuring and verifying. */
#ifndef INFOSTRATA_ROUNDS_H
#define INFOSTRATA_ROUNDS_H

#include "infostrata/bench.h"
#include "infostrata/ring.h"

/* Collective. Measures and verifies; rank 0 prints to stdout and writes the CSV file, whole after each
 * work. IST_BROKEN if an answer is wrong or the file cannot be written, IST_REFUSED if the layer cannot
 * be read; the message is on stderr. */
ist_code ist_bench(const ist_comm *comm, const ist_bench_options *options);

/* Collective. Makes calibration.def anew, or some of its lines: the program's estimators on many draws of pairs that
 * share 1 nat. The same bytes for any number of ranks. The file is whole after each line; progress is on stderr.
 * IST_BROKEN if it cannot be written. */
ist_code ist_calibrate(const ist_comm *comm, const ist_calibrate_options *options);

/* Collective. Prints what is expected and found of each model, in both directions, the same bytes for any number of ranks;
 * IST_BROKEN if one is off by more than chance and the distance of neighbours explain. */
ist_code ist_verify(const ist_comm *comm, const ist_verify_options *options);

/* Collective. A sample of rows, drawn from everywhere, is computed again by brute force in float64,
 * without the engine; IST_BROKEN, on all ranks alike, names a row that differs. `rows` are natural, perhaps
 * with a twin.
 * nearest: sorted, of this rank's rows. */
ist_code ist_bench_verify_nearest(const ist_comm *comm, const ist_rows *rows,
                                  const ist_nearest *nearest, ist_error *error);
/* twice_rank: of this rank's rows, for the targets of ist_bench_targets (mid-ranks). */
ist_code ist_bench_verify_counts(const ist_comm *comm, const ist_rows *rows, int64_t thresholds,
                                 const int64_t *twice_rank, ist_error *error);
/* How many rows both of them compute again: 20, or as many as there are ranks, if n allows. */
int64_t ist_bench_sample(const ist_comm *comm, int64_t n);

#endif
