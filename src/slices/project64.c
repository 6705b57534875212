/* The projection's register tile: compiled once per instruction set. Multiplications and additions are fused by name,
 * not by the compiler's leave: fused operations are the definition (slices.h). */
#include <immintrin.h>

#include "infostrata/slices.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAMED(what) JOIN(JOIN(ist_, what), JOIN(_, IST_SET))
#define INLINE static inline __attribute__((always_inline))

#ifdef __AVX512F__
typedef __m512d lanes;
enum { LANES = 8, ROWS = 8 };
#define LOAD(at) _mm512_loadu_pd(at)
#define STORE(at, v) _mm512_storeu_pd(at, v)
#define ALL(x) _mm512_set1_pd(x)
#define FUSED(a, b, c) _mm512_fmadd_pd(a, b, c)
#else
typedef __m256d lanes;
enum { LANES = 4, ROWS = 4 };
#define LOAD(at) _mm256_loadu_pd(at)
#define STORE(at, v) _mm256_storeu_pd(at, v)
#define ALL(x) _mm256_set1_pd(x)
#define FUSED(a, b, c) _mm256_fmadd_pd(a, b, c)
#endif

/* ROWS rows by `vectors` vectors of columns, all sums in registers. */
INLINE void part(const double *block, const double *panel, int width, int64_t features, int vectors,
                 double *sums)
{
    lanes sum[ROWS][3];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < vectors; v++)
            sum[r][v] = LOAD(sums + r * IST_PROJECT_COLUMNS + v * LANES);
    for (int64_t f = 0; f < features; f++) {
        lanes direction[3];
        for (int v = 0; v < vectors; v++)
            direction[v] = LOAD(panel + f * width + v * LANES);
        for (int r = 0; r < ROWS; r++) {
            lanes x = ALL(block[f * IST_PROJECT_ROWS + r]);
            for (int v = 0; v < vectors; v++)
                sum[r][v] = FUSED(x, direction[v], sum[r][v]);
        }
    }
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < vectors; v++)
            STORE(sums + r * IST_PROJECT_COLUMNS + v * LANES, sum[r][v]);
}

ist_project_tile NAMED(project64);
void NAMED(project64)(const double *block, const double *panel, int width, int64_t features,
                      double *sums)
{
    for (int r = 0; r < IST_PROJECT_ROWS; r += ROWS)
        for (int c = 0; c < width;) {
            double *to = sums + r * IST_PROJECT_COLUMNS + c;
            int left = (width - c) / LANES;
            /* 6 vectors are two times 3, 4 two times 2. */
            int now = left % 3 == 0 ? 3 : left % 2 == 0 ? 2 : 1;
            if (now == 3)
                part(block + r, panel + c, width, features, 3, to);
            else if (now == 2)
                part(block + r, panel + c, width, features, 2, to);
            else
                part(block + r, panel + c, width, features, 1, to);
            c += now * LANES;
        }
}
