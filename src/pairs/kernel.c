#include <string.h>

#include "infostrata/pairs.h"

#define DECLARE(name)                                                                      \
    void ist_tile32_##name(const float *, int, const float *, int64_t, float *);           \
    void ist_tile64_##name(const void *, int, const void *, int64_t, bool, double *);      \
    int ist_select_##name(const float *, float, const float *, uint8_t *);                 \
    int ist_count_row_##name(const float *, ist_band, bool *);                             \
    int ist_within_row_##name(const float *, ist_band, uint8_t *);                         \
    int ist_within_columns_##name(const float *, const float *, const float *, uint8_t *); \
    void ist_count_columns_##name(const float *, const float *, const float *, int32_t *, bool *);

void ist_tile64_generic(const void *, int, const void *, int64_t, bool, double *);

static bool always(void)
{
    return true;
}

#ifndef IST_NO_X86
DECLARE(avx2)
DECLARE(avx512)

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}

#define VARIANT(name)                                                               \
    {                                                                               \
#name, has_##name, ist_tile32_##name, ist_tile64_##name, ist_select_##name, \
            ist_count_row_##name, ist_within_row_##name, ist_within_columns_##name, \
            ist_count_columns_##name                                                \
    }
#endif

/* Best first. */
static const ist_kernel kernels[] = {
#ifndef IST_NO_X86
    VARIANT(avx512),
    VARIANT(avx2),
#endif
    {"reference", always, NULL, ist_tile64_generic, NULL, NULL, NULL, NULL, NULL},
};

enum { KERNELS = sizeof kernels / sizeof kernels[0] };

const ist_kernel *ist_kernel_choose(const char *name)
{
    for (int i = 0; i < KERNELS; i++)
        if ((!name || strcmp(name, kernels[i].name) == 0) && kernels[i].supported())
            return &kernels[i];
    return NULL;
}

void ist_kernel_names(ist_text *out)
{
    for (int i = 0; i < KERNELS; i++)
        if (kernels[i].supported())
            ist_text_add(out, "%s%s", out->length ? " " : "", kernels[i].name);
}

double ist_kernel_rate(const ist_kernel *kernel, int64_t d)
{
    enum { SAMPLE_SECONDS_100 = 2 };
    float *rows = ist_alloc((size_t)(IST_TILE * d), sizeof *rows);
    void *panels = ist_alloc((size_t)(IST_TILE * d), sizeof *rows);
    double *tile = ist_alloc(IST_TILE * IST_TILE, sizeof *tile);
    double start = ist_seconds(), spent = 0;
    int64_t tiles = 0;
    while (spent < 0.01 * SAMPLE_SECONDS_100) {
        if (kernel->tile32)
            kernel->tile32(rows, IST_TILE, panels, d, (float *)tile);
        else
            kernel->tile64(rows, IST_TILE, panels, d, false, tile);
        tiles++;
        spent = ist_seconds() - start;
    }
    ist_free(rows);
    ist_free(panels);
    ist_free(tile);
    return (double)tiles * IST_TILE * IST_TILE * 2 * (double)d / spent;
}
