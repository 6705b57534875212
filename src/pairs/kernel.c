#include <math.h>
#include <string.h>

#include "infostrata/pairs.h"

#define DECLARE_32(set)                                                                            \
    void ist_direct_tile_##set(const float *, const float *, int64_t, const float *,               \
                               const float *, float *);                                            \
    void ist_product_tile_##set(const float *, const float *, int64_t, const float *,              \
                                const float *, float *);                                           \
    void ist_joint_tile_##set(float, const float *, float, float *);                               \
    void ist_sizes_tile_##set(const float *, const float *, int64_t, const float *, const float *, \
                              float *);                                                            \
    void ist_largest_tile_##set(const float *, const float *, int64_t, const float *,              \
                                const float *, float *);                                           \
    void ist_within_##set(const float *, const float *, const float *, bool, ist_places *,         \
                          ist_places *);                                                           \
    void ist_within_ties_##set(const float *, const ist_tie_side *, const ist_tie_side *,          \
                               ist_places *, ist_places *);                                        \
    int ist_count_##set(const float *, const ist_threshold_side *, const ist_threshold_side *,     \
                        bool, ist_marks);                                                          \
    void ist_turn_##set(const float *, int, float *);                                              \
    int32_t ist_keep_##set(float, int32_t, float *, int32_t *);                                    \
    float ist_upper_of_##set(const float *, int64_t, int64_t);                                     \
    void ist_look_narrow_##set(const float *, const float *const *, int64_t, double *);            \
    void ist_look_wide_##set(const double *, const double *const *, int64_t, double *);            \
    void ist_look_marked_##set(const ist_look *, int64_t, double *);                               \
    void ist_open_sides_##set(const float *, const ist_threshold_side *,                           \
                              const ist_threshold_side *, ist_marks, ist_open_marks *);            \
    void ist_settle_kinds_##set(const ist_kind_side *, const ist_kind_side *, ist_open_marks *);   \
    int ist_settle_looked_##set(const double *, const ist_look_side *, const ist_look_side *,      \
                                ist_open_marks *);

#define DECLARE_64(set)                                                                      \
    extern const ist_exact_kernel ist_exact_##set[IST_METRICS];                              \
    void ist_tally_##set(double *, int, const double *, int64_t, int64_t *, int64_t *);      \
    void ist_moments_##set(const ist_moment_tile *, int64_t(*)[IST_MOMENTS]);                \
    void ist_load_rows_##set(const float *, const double *, int, int64_t, const double *,    \
                             double *);                                                      \
    void ist_load_columns_##set(const float *, const double *, int, int64_t, const double *, \
                                double *);                                                   \
    void ist_row_squares_##set(const double *, int, int64_t, double *);                      \
    void ist_squares_##set(const double *, const double *, int, const double *, int64_t,     \
                           double *);                                                        \
    void ist_decay_##set(double *, int64_t);

void ist_integer_tile_avx512(const float *, const float *, int64_t, const float *, const float *,
                             float *);

#define DECLARE_PLACE(set)                                                               \
    void ist_place_##set(const float *, int, const float *, const ist_threshold_trees *, \
                         ist_places *, int32_t *);

DECLARE_64(generic)

_Static_assert((int)IST_FILTER_FORMS == (int)IST_FILTER_JOINT,
               "a tile for each form but the joint one");

static bool always(void)
{
    return true;
}

#ifndef IST_NO_X86
DECLARE_64(avx2)
DECLARE_64(avx512)
DECLARE_32(avx2)
DECLARE_32(avx512)
DECLARE_PLACE(avx2)
DECLARE_PLACE(avx512)
DECLARE_PLACE(avx512_skylake)
extern const ist_near_kernel ist_near_avx2, ist_near_avx512;

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512_skylake(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}

static bool has_avx512(void)
{
    return has_avx512_skylake() && __builtin_cpu_supports("avx512vpopcntdq") &&
           __builtin_cpu_supports("avx512vnni");
}

#define VARIANT(label, set, place_set, integers)                                              \
    {                                                                                         \
        .name = label, .supported = has_##place_set, .near = &ist_near_##set,                 \
        .filter = {[IST_FILTER_DIRECT] = ist_direct_tile_##set,                               \
                   [IST_FILTER_PRODUCT] = ist_product_tile_##set,                             \
                   [IST_FILTER_SIZES] = ist_sizes_tile_##set,                                 \
                   [IST_FILTER_LARGEST] = ist_largest_tile_##set,                             \
                   [IST_FILTER_INTEGER] = (integers)},                                        \
        .joint = ist_joint_tile_##set, .exact = ist_exact_##set, .within = ist_within_##set,  \
        .within_ties = ist_within_ties_##set, .count = ist_count_##set,                       \
        .place = ist_place_##place_set, .turn = ist_turn_##set, .tally = ist_tally_##set,     \
        .moments = ist_moments_##set, .decay = ist_decay_##set, .squares = ist_squares_##set, \
        .row_squares = ist_row_squares_##set, .load_rows = ist_load_rows_##set,               \
        .load_columns = ist_load_columns_##set, .keep = ist_keep_##set,                       \
        .upper_of = ist_upper_of_##set, .look_narrow = ist_look_narrow_##set,                 \
        .look_wide = ist_look_wide_##set, .look_marked = ist_look_marked_##set,               \
        .open_sides = ist_open_sides_##set, .settle_kinds = ist_settle_kinds_##set,           \
        .settle_looked = ist_settle_looked_##set                                              \
    }
#endif

/* Best first. */
static const ist_kernel kernels[] = {
#ifndef IST_NO_X86
    VARIANT("avx512", avx512, avx512, ist_integer_tile_avx512),
    VARIANT("avx512-skylake", avx512, avx512_skylake, NULL),
    VARIANT("avx2", avx2, avx2, NULL),
#endif
    {.name = "reference",
     .supported = always,
     .exact = ist_exact_generic,
     .tally = ist_tally_generic,
     .moments = ist_moments_generic,
     .decay = ist_decay_generic,
     .squares = ist_squares_generic,
     .row_squares = ist_row_squares_generic,
     .load_rows = ist_load_rows_generic,
     .load_columns = ist_load_columns_generic},
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

double ist_kernel_rate(const ist_kernel *kernel, ist_filter_form form, int64_t d, double seconds)
{
    enum { AT_ONCE = 4 };
    size_t values = (size_t)(IST_TILE * d);
    double *rows = ist_alloc(values, sizeof *rows), *columns = ist_alloc(values, sizeof *columns);
    double *tile = ist_alloc(IST_TILE * IST_TILE, sizeof *tile);
    float term[IST_TILE] = {0};
    double start = ist_seconds(), before = start, least = INFINITY;
    while (before - start < seconds) {
        for (int t = 0; t < AT_ONCE; t++)
            if (kernel->filter[form])
                kernel->filter[form]((float *)rows, (float *)columns, d, term, term, (float *)tile);
            else
                kernel->exact[IST_METRIC_EUCLIDEAN].tile(rows, IST_TILE, columns, d, tile);
        double now = ist_seconds();
        least = fmin(least, now - before);
        before = now;
    }
    ist_free(rows);
    ist_free(columns);
    ist_free(tile);
    return AT_ONCE * IST_TILE * IST_TILE * 2 * (double)d / fmax(least, 1e-9);
}
