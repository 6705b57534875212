/* How much of their bounds the float32 filters use, against distances in quadruple precision
 * (docs/numerics.md section 5 has the figures; unit_tests --verbose prints them). */
#include "test_pairs_support.h"

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <math.h>
#include <string.h>

__extension__ typedef __float128 quadruple;

enum { ROWS = IST_TILE };

/* The distance without any rounding that matters, in the copies' units. */
static quadruple true_distance(const ist_rows *rows, int64_t x, int64_t y)
{
    quadruple sum = 0;
    for (int64_t f = 0; f < rows->d; f++) {
        const ist_slab *s = &rows->home;
        quadruple a = s->wide ? s->wide[x * rows->d + f] : (double)s->narrow[x * rows->d + f];
        quadruple b = s->wide ? s->wide[y * rows->d + f] : (double)s->narrow[y * rows->d + f];
        quadruple t = a - b, size = t < 0 ? -t : t;
        if (rows->metric == IST_METRIC_CHEBYSHEV)
            sum = size > sum ? size : sum;
        else
            sum += rows->metric == IST_METRIC_MANHATTAN ? size : t * t;
    }
    return sum * ldexp(1, rows->filter.unit);
}

/* Where l lies between its bounds: what it is beyond the distance, relative to what (L) and (U) allow. */
static double worst_share(const ist_kernel *kernel, const data_kind *kind, int64_t d, bool wide,
                          ist_filter_form form)
{
    static float tile[IST_TILE * IST_TILE];
    ist_rows rows = filtered_rows(kind, ROWS, d, wide, form);
    const ist_packed *packed = &rows.packed;
    const ist_filter *filter = &rows.filter;
    double worst = 0;
    kernel->filter[form](packed->panels, packed->panels, d, packed->term, packed->term, tile);
    for (int i = 0; i < IST_TILE; i += 7)
        for (int j = i + 1; j < IST_TILE; j += 5) {
            quadruple l = tile[i * IST_TILE + j], distance = true_distance(&rows, i, j);
            /* l is meant to lie at the lower end: the middle of the two bounds is error 0. */
            quadruple gap = (quadruple)packed->width[i] + packed->width[j];
            quadruple least = distance / (1 + (quadruple)filter->relative) - gap;
            quadruple most = distance * (1 + (quadruple)filter->relative) + filter->absolute;
            quadruple off = l - (least + most) / 2, half = (most - least) / 2;
            if (half > 0)
                worst = fmax(worst, (double)((off < 0 ? -off : off) / half));
        }
    ist_rows_release(&rows);
    return worst;
}

/* The bounds hold for the true distance, which no float64 holds, and with something to spare. */
Test(bounds, measured, .timeout = 120)
{
    static const data_kind kinds[] = {
        {"plain", 0, 1, 0, 0, 0},   {"offset", 1e5, 1, 0, 0, 0},     {"tiny", 0, 1e-20, 0, 0, 0},
        {"huge", 0, 1e30, 0, 0, 0}, {"denormal", 0, 1e-40, 0, 0, 0}, {"outlier", 0, 1, 0, 1e6, 0}};
    static const int64_t widths[] = {1, 2, 3, 10, 64, 65, 128, 512, 600, 1024, 4096};
    static const char *const names[] = {"avx2", "avx512"};
    static const char *const forms[] = {"none", "direct", "product", "sizes", "largest", "integer"};
    for (size_t n = 0; n < 2; n++)
        for (int form = IST_FILTER_DIRECT; form < IST_FILTER_FORMS; form++)
            for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
                double worst = 0;
                size_t at = 0;
                for (size_t k = 0; k < 2 * sizeof kinds / sizeof kinds[0]; k++) {
                    const ist_kernel *kernel = ist_kernel_choose(names[n]);
                    if (!kernel || !kernel->filter[form])
                        continue;
                    double share =
                        worst_share(kernel, &kinds[k / 2], widths[w], k % 2, (ist_filter_form)form);
                    at = share > worst ? k : at;
                    worst = fmax(worst, share);
                }
                cr_log_info("%s, %s, d = %d: %.3f (%s, %s)", names[n], forms[form], (int)widths[w],
                            worst, kinds[at / 2].name, at % 2 ? "float64" : "float32");
                cr_expect(worst <= 1, "%s, %s, d = %d: %g (%s)", names[n], forms[form],
                          (int)widths[w], worst, kinds[at / 2].name);
            }
}

/* ---- the second look --------------------------------------------------------------------------- */

/* Sums in any order against distances in quadruple precision and the definition: the largest distance from
 * it relative to what the limits allow. */
static double worst_look(const ist_kernel *kernel, const data_kind *kind, int64_t d, bool wide)
{
    static double tile[IST_TILE * IST_TILE];
    ist_rows rows = filtered_rows(kind, ROWS, d, wide, IST_FILTER_DIRECT);
    ist_look look = {.rows = rows.home.narrow,
                     .columns = rows.home.narrow,
                     .wide_rows = rows.home.wide,
                     .wide_columns = rows.home.wide,
                     .column_count = ROWS};
    double worst = 0;
    for (int i = 0; i < IST_TILE; i++)
        for (int j = i % 3; j < IST_TILE; j += 1 + i % 7)
            look.marks[i][j / 32] |= 1u << j % 32;
    kernel->look_marked(&look, d, tile);
    for (int i = 0; i < IST_TILE; i++)
        for (int j = i % 3; j < IST_TILE; j += 1 + i % 7) {
            double sum = tile[i * IST_TILE + j];
            double distance = ist_exact_distance(&rows, &rows.home, i, &rows.home, j);
            double allowed = ist_look_high(distance, d) - distance;
            quadruple truth = true_distance(&rows, i, j) / ldexp(1, rows.filter.unit);
            quadruple off = sum - truth;
            worst = fmax(worst, fabs(sum - distance) / allowed);
            worst = fmax(worst, (double)(off < 0 ? -off : off) / allowed);
            worst = sum < ist_look_low(distance, d) ? INFINITY : worst;
        }
    ist_rows_release(&rows);
    return worst;
}

Test(bounds, second_look, .timeout = 120)
{
    static const data_kind kinds[] = {{"plain", 0, 1, 0, 0, 0},
                                      {"offset", 1e5, 1, 0, 0, 0},
                                      {"tiny", 0, 1e-162, 0, 0, 0},
                                      {"outlier", 0, 1, 0, 1e6, 0}};
    static const int64_t widths[] = {1, 3, 8, 65, 130, 600};
    static const char *const names[] = {"avx2", "avx512"};
    for (size_t n = 0; n < 2; n++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
                for (int wide = 0; wide < 2 && ist_kernel_choose(names[n]); wide++) {
                    double worst =
                        worst_look(ist_kernel_choose(names[n]), &kinds[k], widths[w], wide);
                    cr_log_info("%s, d = %d, %s: %.3f", names[n], (int)widths[w], kinds[k].name,
                                worst);
                    cr_expect(worst <= 0.5, "%s, d = %d, %s, %s: %g", names[n], (int)widths[w],
                              kinds[k].name, wide ? "float64" : "float32", worst);
                }
}

/* A layer of two values counts the features that differ; the thresholds are those of the levels, whatever
 * number is asked for. */
Test(bounds, two_values)
{
    static const double values[][2] = {{0, 0.1}, {-1.7, 0.3}, {1e-40, 1e30}};
    for (size_t v = 0; v < 3; v++)
        for (int wide = 0; wide < 2; wide++)
            for (int form = IST_FILTER_DIRECT; form < IST_FILTER_FORMS; form++) {
                enum { D = 40 };
                static double x[ROWS * D];
                static float tile[IST_TILE * IST_TILE];
                uint64_t seed = v;
                for (int at = 0; at < ROWS * D; at++)
                    x[at] = values[v][next_uniform(&seed) > 0];
                for (int at = 0; at < ROWS * D && !wide; at++)
                    x[at] = (double)(float)x[at];
                ist_rows rows = {.n = ROWS, .d = D, .wide = true};
                rows.metric = metric_of((ist_filter_form)form);
                const int64_t start[2] = {0, ROWS};
                rows.blocks = ist_blocks_new(start, 1);
                rows.home = (ist_slab){.count = ROWS, .wide = x};
                double centre[D] = {0}, squares = 0;
                ist_value_census census = ist_filter_census(&rows.home, D, centre, &squares);
                cr_assert(census.two_valued);
                rows.filter =
                    ist_filter_new((ist_filter_form)form, &census, centre, true, 1e300, D);
                cr_assert(rows.filter.exact && rows.filter.level);
                rows.packed = ist_pack(&rows, &rows.home);
                const ist_kernel *kernel = ist_kernel_choose(NULL);
                if (!kernel->filter[form]) {
                    ist_filter_release(&rows.filter);
                    ist_packed_release(&rows.packed);
                    ist_blocks_release(&rows.blocks);
                    continue;
                }
                kernel->filter[form](rows.packed.panels, rows.packed.panels, D, rows.packed.term,
                                     rows.packed.term, tile);
                int wrong = 0;
                for (int i = 0; i < ROWS; i++)
                    for (int j = 0; j < ROWS; j++) {
                        float l = tile[i * IST_TILE + j];
                        double t = ist_exact_distance(&rows, &rows.home, i, &rows.home, j);
                        double above = nextafter(t, INFINITY), below = nextafter(t, -1);
                        wrong += ist_filter_distance(&rows.filter, l) != t;
                        wrong += ist_filter_sure(&rows.filter, t) != l;
                        wrong += ist_filter_high(&rows.filter, t) != l;
                        wrong += ist_filter_low(&rows.filter, t, 0) != l;
                        wrong += ist_filter_high(&rows.filter, above) != l;
                        wrong += ist_filter_low(&rows.filter, above, 0) != l + 1 &&
                                 l < (float)rows.filter.features;
                        wrong += ist_filter_high(&rows.filter, below) != l - 1;
                        wrong += ist_filter_low(&rows.filter, below, 0) != l;
                        wrong += ist_filter_sure(&rows.filter, above) >= 0;
                    }
                cr_expect(wrong == 0, "%g and %g, form %d: %d", values[v][0], values[v][1], form,
                          wrong);
                rows.home.wide = NULL;
                ist_rows_release(&rows);
            }
}

/* ---- copies ---------------------------------------------------------------------------------- */

/* The copy of a value by its definition, docs/numerics.md sections 3 and 18. */
static double copy_of(const ist_filter *filter, double value, int64_t f)
{
    double x = (filter->shift ? value - filter->shift[f] : value) * ldexp(1, filter->scale);
    if (filter->level)
        return value == filter->most;
    return filter->form == IST_FILTER_INTEGER ? nearbyint(x) : (double)(float)x;
}

/* The copy that row i of tile t has. */
static double packed_copy(const ist_rows *rows, int64_t t, int64_t i, int64_t f)
{
    int64_t words = ist_filter_words(&rows->filter, rows->d);
    const float *panel = rows->packed.panels + t * IST_TILE * words +
                         i / IST_PANEL * IST_PANEL * words + i % IST_PANEL;
    if (rows->filter.form != IST_FILTER_INTEGER)
        return (double)panel[f * IST_PANEL];
    int16_t both[2];
    memcpy(both, panel + f / 2 * IST_PANEL, sizeof both);
    return both[f % 2];
}

/* Tiles that are not full, and numbers of features of all kinds. */
Test(bounds, copies)
{
    static const data_kind kinds[] = {
        {"plain", 0, 1, 0, 0, 0}, {"offset", 1e5, 1, 0, 0, 0}, {"two values", 0, 0.9, 0.7, 0, 0}};
    static const ist_filter_form forms[] = {IST_FILTER_DIRECT, IST_FILTER_PRODUCT, IST_FILTER_SIZES,
                                            IST_FILTER_LARGEST, IST_FILTER_INTEGER};
    static const int64_t counts[] = {1, 16, 113, IST_TILE + 54}, features[] = {1, 8, 31, 64, 97};
    for (int v = 0; v < 3 * 5 * 4 * 5 * 2; v++) {
        int64_t n = counts[v % 4], d = features[v / 4 % 5];
        const data_kind *kind = &kinds[v / 20 % 3];
        ist_rows rows = filtered_rows(kind, n, d, v / 300, forms[v / 60 % 5]);
        int64_t wrong = 0;
        for (int64_t i = 0; i < n && rows.packed.panels; i++)
            for (int64_t f = 0; f < d; f++) {
                const ist_slab *home = &rows.home;
                double value = home->wide ? home->wide[i * d + f] : (double)home->narrow[i * d + f];
                wrong += packed_copy(&rows, i / IST_TILE, i % IST_TILE, f) !=
                         copy_of(&rows.filter, value, f);
            }
        for (int64_t i = n; i < rows.packed.tiles * IST_TILE && rows.packed.panels; i++)
            wrong += !isnan(rows.packed.term[i]);
        cr_expect(wrong == 0, "%s, form %d, %d rows of %d: %d", kind->name, forms[v / 60 % 5],
                  (int)n, (int)d, (int)wrong);
        ist_rows_release(&rows);
    }
}
