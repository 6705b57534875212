/* Multiply-adds that touch no memory: what the processor's arithmetic can do at best. */
#include <string.h>

#include "machine.h"

/* Chains enough to hide the latency (4 or 5 cycles, two a cycle), few enough for 16 registers. */
enum { CHAINS = 12 };

/* Runs `turns` turns and returns the operations done (a multiply-add is two). *sink, which is 0 at first,
 * takes a value that depends on all of them. */
typedef double fma_loop(int64_t turns, float *sink);

#define FMA_LOOP(name, target, lanes, multiply_add)          \
    target static double name(int64_t turns, float *sink)    \
    {                                                        \
        enum { LANES = sizeof(lanes) / sizeof(float) };      \
        lanes sum[CHAINS], factor, term, total = {0};        \
        for (int l = 0; l < LANES; l++) {                    \
            factor[l] = 0.5F + *sink;                        \
            term[l] = 1 - *sink;                             \
        }                                                    \
        for (int c = 0; c < CHAINS; c++)                     \
            sum[c] = term * (float)c;                        \
        for (int64_t t = 0; t < turns; t++)                  \
            for (int c = 0; c < CHAINS; c++)                 \
                sum[c] = multiply_add(sum[c], factor, term); \
        for (int c = 0; c < CHAINS; c++)                     \
            total += sum[c];                                 \
        for (int l = 0; l < LANES; l++)                      \
            *sink += total[l];                               \
        return 2.0 * CHAINS * (double)LANES * (double)turns; \
    }

typedef float four __attribute__((vector_size(16)));
#define FOUR_FMA(a, b, c) ((a) * (b) + (c))
FMA_LOOP(loop_baseline, , four, FOUR_FMA)

#ifndef IST_NO_X86
#include <immintrin.h>
FMA_LOOP(loop_avx2, __attribute__((target("avx2,fma"))), __m256, _mm256_fmadd_ps)
FMA_LOOP(loop_avx512, __attribute__((target("avx512f"))), __m512, _mm512_fmadd_ps)
#endif

static fma_loop *loop_of(const ist_kernel *kernel)
{
#ifndef IST_NO_X86
    if (strncmp(kernel->name, "avx512", 6) == 0)
        return loop_avx512;
    if (strcmp(kernel->name, "avx2") == 0)
        return loop_avx2;
#endif
    (void)kernel;
    return loop_baseline;
}

double ist_own_fma_rate(void)
{
    const int64_t turns = 1000000;
    const double least_seconds = 0.2;
    fma_loop *loop = loop_of(ist_kernel_choose(NULL));
    volatile float zero = 0;
    float sink = zero;
    loop(turns, &sink); /* wide units wake up slowly */
    double start = ist_seconds(), operations = 0, spent = 0;
    while (spent < least_seconds) {
        sink = zero;
        operations += loop(turns, &sink);
        spent = ist_seconds() - start;
    }
    return operations / spent;
}
