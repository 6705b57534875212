/* The machine's instruction sets, and its arithmetic in registers. Local. Private to the room. */
#ifndef INFOSTRATA_BENCH_MACHINE_H
#define INFOSTRATA_BENCH_MACHINE_H

#include "infostrata/pairs.h"

/* Instruction sets as they are printed: "AVX-512", "AVX2", "AVX", "SSE", "plain C", "other". Of equal
 * sets the pointers are equal. */
const char *ist_set_of_kernel(const ist_kernel *kernel);
const char *ist_set_of_core(const char *core);
/* The best kernel of this processor tells its widest set. */
const char *ist_set_widest(void);
/* A core of OpenBLAS that uses the set; NULL: none is known. */
const char *ist_core_for(const char *set);

/* "Intel(R) Xeon(R) Processor" */
void ist_processor(ist_text *out);

/* Multiply-adds on registers alone, in the machine's widest set: operations a second of this process. */
double ist_own_fma_rate(void);

#endif
