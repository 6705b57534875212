/* One work from data to figures. Private to the room. */
#ifndef INFOSTRATA_BENCH_MEASURE_H
#define INFOSTRATA_BENCH_MEASURE_H

#include "machine.h"
#include "infostrata/rounds.h"
#include "report.h"

/* Collective. The rows of a work, of `layer` if it is not NULL; fills in the work's n and d then. Rank 0
 * says why a layer cannot be taken. */
ist_code ist_bench_rows(const ist_comm *comm, ist_bench_work *work, const char *layer,
                        ist_rows *rows, ist_error *error);

/* Local. The core that OpenBLAS chose: "SkylakeX". */
const char *ist_blas_core(void);
/* Local. "OpenBLAS 0.3.21" */
void ist_blas_version(ist_text *out);

/* Three square matrices of IST_PEAK_SIZE for cblas_sgemm. */
typedef struct {
    float *a, *b, *c;
} ist_peak;
ist_peak ist_peak_new(void);
void ist_peak_release(ist_peak *peak);
/* Collective: one product on each rank at the same time; operations a second, summed over the ranks. */
double ist_peak_rate(const ist_comm *comm, ist_peak *peak);
/* Collective: ist_own_fma_rate of all ranks at the same time, summed. */
double ist_fma_rate(const ist_comm *comm);

/* Collective. ist_rows_cluster, timed. */
void ist_bench_order(const ist_comm *comm, const ist_engine *engine, ist_rows *rows,
                     ist_bench_figures *figures);
/* Collective. Alternates peak and pass, `rounds` times, then verifies the answers of the last. */
ist_code ist_bench_measure(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                           ist_peak *peak, ist_bench_figures *figures, ist_error *error);

#endif
