/* Tile kernels: the float64 ones give the defined distance bit for bit, the float32 filters never contradict it
 * beyond their bounds, and the scans say the same as plain loops. */
#include "test_pairs_support.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

static const char *const names[] = {"reference", "avx2", "avx512-skylake", "avx512"};

/* The definition, operation by operation. */
static double defined(ist_metric metric, const double *x, const double *y, int64_t d)
{
    double sum = 0;
    for (int64_t f = 0; f < d; f++) {
        volatile double t = x[f] - y[f];
        volatile double square = t * t;
        double size = t < 0 ? -t : t;
        if (metric == IST_METRIC_CHEBYSHEV)
            sum = size > sum ? size : sum;
        else
            sum += metric == IST_METRIC_MANHATTAN ? size : square;
    }
    return sum;
}

/* ---- float64 ------------------------------------------------------------------------------- */

static void check_exact(const ist_kernel *kernel, ist_metric metric, int64_t d, uint64_t seed)
{
    static double tile[IST_TILE * IST_TILE];
    size_t values = (size_t)(IST_TILE * d);
    double *rows = ist_alloc(values, sizeof *rows), *cols = ist_alloc(values, sizeof *cols);
    float *narrow = ist_alloc(values, sizeof *narrow);
    double *panels = ist_alloc(values, sizeof *panels);
    for (int64_t i = 0; i < IST_TILE; i++)
        for (int64_t f = 0; f < d; f++) {
            rows[i * d + f] = (double)(float)next_uniform(&seed);
            cols[i * d + f] = (double)(float)next_uniform(&seed);
            narrow[i * d + f] = (float)rows[i * d + f];
            panels[i / IST_PANEL * IST_PANEL * d + f * IST_PANEL + i % IST_PANEL] = cols[i * d + f];
        }
    int wrong = 0;
    for (int row_count = IST_TILE; row_count > 0; row_count -= 37) {
        memset(tile, 0, sizeof tile);
        kernel->exact[metric].tile(rows, row_count, panels, d, tile);
        for (int64_t i = 0; i < IST_TILE; i++)
            for (int64_t j = 0; j < IST_TILE; j++) {
                double expected =
                    i < row_count ? defined(metric, rows + i * d, cols + j * d, d) : 0;
                wrong += tile[i * IST_TILE + j] != expected;
            }
    }
    const double *x[8], *y[8];
    const float *nx[8], *ny[8];
    double wide[8], narrowed[8];
    for (int p = 0; p < 8; p++) {
        x[p] = rows + 11 * p * d, y[p] = rows + (95 - 7 * p) * d;
        nx[p] = narrow + 11 * p * d, ny[p] = narrow + (95 - 7 * p) * d;
    }
    kernel->exact[metric].pairs_wide(x, y, d, wide);
    kernel->exact[metric].pairs_narrow(nx, ny, d, narrowed);
    for (int p = 0; p < 8; p++)
        wrong += wide[p] != defined(metric, x[p], y[p], d) || narrowed[p] != wide[p];
    cr_expect(wrong == 0, "%s, metric %d, d = %d: %d distances", kernel->name, metric, (int)d,
              wrong);
    ist_free(rows);
    ist_free(cols);
    ist_free(narrow);
    ist_free(panels);
}

Test(tiles, distances, .timeout = 60)
{
    static const int64_t widths[] = {1, 2, 3, 7, 8, 9, 16, 63, 64, 65, 200};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (int metric = 0; metric < IST_METRICS && ist_kernel_choose(names[n]); metric++)
                check_exact(ist_kernel_choose(names[n]), (ist_metric)metric, widths[w], w);
}

/* ---- the filters --------------------------------------------------------------------------- */

enum { ROWS = 150 };

static void check_filter(const ist_kernel *kernel, const data_kind *kind, int64_t d, bool wide,
                         ist_filter_form form)
{
    static float tile[IST_TILE * IST_TILE];
    ist_rows rows = filtered_rows(kind, ROWS, d, wide, form);
    const ist_packed *packed = &rows.packed;
    int64_t size = IST_TILE * ist_filter_words(&rows.filter, d);
    bool integer = form == IST_FILTER_INTEGER;
    /* One outlier leaves integers nothing for the others. */
    double useful = integer ? kind->outlier > 0 ? INFINITY : 10 * kind->useful : kind->useful;
    bounds_tally t = {0};
    for (int64_t a = 0; a < packed->tiles; a++)
        for (int64_t b = 0; b < packed->tiles; b++) {
            kernel->filter[form](packed->panels + a * size, packed->panels + b * size, d,
                                 packed->term + a * IST_TILE, packed->term + b * IST_TILE, tile);
            for (int64_t i = 0; i < IST_TILE; i++)
                for (int64_t j = 0; j < IST_TILE; j++) {
                    int64_t x = a * IST_TILE + i, y = b * IST_TILE + j;
                    float l = tile[i * IST_TILE + j];
                    if (x >= ROWS || y >= ROWS)
                        t.wrong += !isnan(l);
                    else if (x != y)
                        check_bounds(&rows.filter, l, packed->width[x], packed->width[y],
                                     ist_exact_distance(&rows, &rows.home, x, &rows.home, y), &t);
                }
        }
    cr_expect(t.wrong == 0, "%s, form %d, %s, %s, d = %d: %d bounds", kernel->name, (int)form,
              kind->name, wide ? "float64" : "float32", (int)d, (int)t.wrong);
    cr_expect(t.gap <= useful * t.distance, "%s, form %d, %s, %s, d = %d: gap %g of %g",
              kernel->name, (int)form, kind->name, wide ? "float64" : "float32", (int)d, t.gap,
              t.distance);
    cr_expect(rows.filter.exact || kind->grid == 0);
    if (rows.filter.exact)
        cr_expect(t.sure == t.pairs, "%s: %d of %d", kind->name, (int)t.sure, (int)t.pairs);
    ist_rows_release(&rows);
}

Test(tiles, filters, .timeout = 240)
{
    static const data_kind kinds[] = {
        {"plain", 0, 1, 0, 0, 1e-3},       {"offset", 1e5, 1, 0, 0, 1},
        {"tiny", 0, 1e-20, 0, 0, 1e-3},    {"large", 0, 1e15, 0, 0, 1e-3},
        {"denormal", 0, 1e-40, 0, 0, 0.1}, {"huge", 0, 1e30, 0, 0, 1e-3},
        {"lattice", 3, 9, 1, 0, 0},        {"fine lattice", 100, 4, 0.125, 0, 0},
        {"outlier", 0, 1, 0, 1e6, 1e-3}};
    static const int64_t widths[] = {1, 3, 63, 64, 65, 130, 600};
    for (size_t n = 1; n < sizeof names / sizeof *names; n++)
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
                for (int wide = 0; wide < 2 && ist_kernel_choose(names[n]); wide++) {
                    const ist_kernel *kernel = ist_kernel_choose(names[n]);
                    /* Denormal numbers are a lattice that float32 holds, if few features make a square. */
                    if (kinds[k].scale == 1e-40 && !wide && widths[w] < 4)
                        continue;
                    for (int form = IST_FILTER_DIRECT; form < IST_FILTER_FORMS; form++)
                        if (kernel->filter[form])
                            check_filter(kernel, &kinds[k], widths[w], wide, (ist_filter_form)form);
                }
}

/* Equal rows are known as such without a float64 distance. */
Test(tiles, equal_rows)
{
    const data_kind plain = {"plain", 0, 1, 0, 0, 1};
    static const ist_filter_form forms[] = {IST_FILTER_DIRECT, IST_FILTER_SIZES,
                                            IST_FILTER_LARGEST};
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        ist_rows rows = filtered_rows(&plain, ROWS, 20, false, forms[f]);
        cr_assert(rows.filter.zero_exact);
        cr_expect(ist_filter_sure(&rows.filter, 0) == 0);
        cr_expect(ist_filter_high(&rows.filter, 0) == 0);
        cr_expect(ist_filter_sure(&rows.filter, 1) < -FLT_MAX);
        ist_rows_release(&rows);
    }
    ist_rows rows = filtered_rows(&plain, ROWS, 20, false, IST_FILTER_PRODUCT);
    cr_expect(!rows.filter.zero_exact);
    ist_rows_release(&rows);
}

/* The form that knows equal rows has no doubt about them; products have. */
Test(tiles, doubt)
{
    const data_kind plain = {"plain", 0, 1, 0, 0, 1};
    for (int form = IST_FILTER_DIRECT; form <= IST_FILTER_PRODUCT; form++) {
        ist_rows rows = filtered_rows(&plain, ROWS, 20, false, (ist_filter_form)form);
        double before = ist_filter_doubt(ist_kernel_choose(NULL), &rows, &rows.home).all;
        for (int64_t at = 0; at < ROWS * 20; at++)
            if (at / 20 % 3 == 0)
                rows.home.narrow[at] = 0;
        double after = ist_filter_doubt(ist_kernel_choose(NULL), &rows, &rows.home).all;
        cr_expect(before < 1e-4, "form %d: %g", form, before);
        cr_expect(form == IST_FILTER_DIRECT ? after < 1e-4 : after > 0.05, "form %d: %g", form,
                  after);
        ist_rows_release(&rows);
    }
}

/* ---- the scans ----------------------------------------------------------------------------- */

/* Numbers of which many are equal; some NaN. */
static float few_numbers(uint64_t *seed)
{
    double u = next_uniform(seed) + 0.5;
    return u < 0.02 ? NAN : (float)floor(20 * u);
}

static bool bit(const uint32_t *words, int j)
{
    return words[j / 32] >> (j % 32) & 1;
}

typedef struct {
    float tile[IST_TILE * IST_TILE];
    float low[2][IST_TILE], high[2][IST_TILE], sure[2][IST_TILE], width[2][IST_TILE];
    uint64_t word[2][IST_TILE], base[2][IST_TILE], bound[2][IST_TILE];
    int32_t kind[2][IST_TILE], tie_kind[2][IST_TILE];
} scan_data;

static void fill(scan_data *s, uint64_t seed)
{
    for (int e = 0; e < IST_TILE * IST_TILE; e++)
        s->tile[e] = few_numbers(&seed);
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < IST_TILE; i++) {
            s->low[side][i] = (float)floor(20 * next_uniform(&seed));
            s->high[side][i] = s->low[side][i] + (float)floor(4 * next_uniform(&seed) + 2);
            s->sure[side][i] = i % 3 ? -INFINITY : s->low[side][i];
            s->width[side][i] = (float)floor(3 * next_uniform(&seed) + 1.5f);
            s->kind[side][i] = i % 5 - 1;
            s->tie_kind[side][i] = i % 3 ? i % 7 : IST_ANY_KIND;
            s->word[side][i] = (uint64_t)(next_uniform(&seed) * 0x1p63) * 2;
            s->base[side][i] = (uint64_t)(next_uniform(&seed) * 0x1p63) * 2;
            s->bound[side][i] = (uint64_t)(next_uniform(&seed) * 0x1p63) * 2;
        }
}

static bool listed(const ist_places *places, int at, int *next)
{
    bool found = *next < places->count && places->at[*next] == at;
    *next += found;
    return found;
}

static void check_places(const ist_kernel *kernel, const scan_data *s, bool with_kinds, bool rare)
{
    static ist_places side[2], ties[2];
    int wrong = 0, next[2] = {0}, next_tie[2] = {0};
    kernel->within(s->tile, s->high[0], s->high[1], rare, &side[0], &side[1]);
    const int32_t *kind[2] = {with_kinds ? s->kind[0] : NULL, with_kinds ? s->kind[1] : NULL};
    ist_tie_side row = {s->high[0],  s->low[0], s->word[0],    s->base[0],
                        s->bound[0], kind[0],   s->tie_kind[0]};
    ist_tie_side column = {s->high[1],  s->low[1], s->word[1],    s->base[1],
                           s->bound[1], kind[1],   s->tie_kind[1]};
    kernel->within_ties(s->tile, &row, &column, &ties[0], &ties[1]);
    for (int at = 0; at < IST_TILE * IST_TILE; at++)
        for (int c = 0; c < 2; c++) {
            int own = c ? at % IST_TILE : at / IST_TILE, other = c ? at / IST_TILE : at % IST_TILE;
            bool within = s->tile[at] <= s->high[c][own];
            uint64_t tie = s->word[!c][other] - s->base[c][own];
            bool tied = !(s->tile[at] < s->low[c][own]) ||
                        (with_kinds && s->kind[!c][other] == s->tie_kind[c][own]);
            bool better = within && (!tied || tie <= s->bound[c][own]);
            wrong += listed(&side[c], at, &next[c]) != within;
            wrong += listed(&ties[c], at, &next_tie[c]) != better;
        }
    cr_expect(wrong == 0 && next[0] == side[0].count && next[1] == side[1].count &&
                  next_tie[0] == ties[0].count && next_tie[1] == ties[1].count &&
                  ties[1].count > 500 && ties[1].count < side[1].count,
              "%s: %d places", kernel->name, wrong);
}

/* Few rows and columns that look for anything, and NaN about them. */
static void check_rare(const ist_kernel *kernel, const scan_data *s)
{
    static ist_places side[2];
    float limit[2][IST_TILE];
    int wrong = 0, next[2] = {0};
    for (int i = 0; i < IST_TILE; i++) {
        limit[0][i] = i % 23 == 5 ? s->high[0][i] : -INFINITY;
        limit[1][i] = i % 41 == 3 ? s->high[1][i] : -INFINITY;
    }
    kernel->within(s->tile, limit[0], limit[1], true, &side[0], &side[1]);
    for (int at = 0; at < IST_TILE * IST_TILE; at++)
        for (int c = 0; c < 2; c++) {
            bool within = s->tile[at] <= limit[c][c ? at % IST_TILE : at / IST_TILE];
            wrong += listed(&side[c], at, &next[c]) != within;
        }
    cr_expect(wrong == 0 && next[0] == side[0].count && next[1] == side[1].count &&
                  side[0].count > 0 && side[1].count > 0,
              "%s: %d of %d and %d", kernel->name, wrong, side[0].count, side[1].count);
}

static void check_count(const ist_kernel *kernel, const scan_data *s, bool with_sure)
{
    int32_t below[2][IST_TILE], same[2][IST_TILE], expected[2][IST_TILE], equal[2][IST_TILE];
    for (int i = 0; i < IST_TILE; i++)
        for (int side = 0; side < 2; side++)
            below[side][i] = expected[side][i] = same[side][i] = equal[side][i] = i;
    ist_threshold_side row = {s->low[0], s->high[0], s->sure[0], s->width[0], below[0], same[0]};
    ist_threshold_side column = {s->low[1], s->high[1], s->sure[1], s->width[1], below[1], same[1]};
    ist_marks marks;
    int wrong = 0, marked = 0, found = kernel->count(s->tile, &row, &column, with_sure, marks);
    for (int i = 0; i < IST_TILE; i++)
        for (int j = 0; j < IST_TILE; j++) {
            float l = s->tile[i * IST_TILE + j];
            bool open = false;
            for (int side = 0; side < 2; side++) {
                int at = side ? j : i, other = side ? i : j;
                bool is_below = l + s->width[!side][other] < s->low[side][at];
                bool near = l <= s->high[side][at] && !is_below;
                bool is_same = with_sure && near && l <= s->sure[side][at];
                expected[side][at] += is_below;
                equal[side][at] += is_same;
                open |= near && !is_same;
            }
            marked += open;
            wrong += bit(marks[i], j) != open;
        }
    wrong += memcmp(below, expected, sizeof below) != 0 || memcmp(same, equal, sizeof same) != 0;
    cr_expect(wrong == 0 && marked == found && marked > 100, "%s: %d counts", kernel->name, wrong);
}

/* The second look after a count: what is open for which side, of a tie kind, or settled by sums. */
static void check_look(const ist_kernel *kernel, const scan_data *s)
{
    static double sum[IST_TILE * IST_TILE], low[2][IST_TILE], high[2][IST_TILE];
    int32_t got[4][IST_TILE] = {{0}}, expected[4][IST_TILE] = {{0}};
    int wrong = 0, left = 0, ties = 0;
    ist_threshold_side side[2];
    ist_open_marks open;
    ist_marks marks;
    for (int c = 0; c < 2; c++) {
        side[c] = (ist_threshold_side){s->low[c], s->high[c], s->sure[c], s->width[c], NULL, NULL};
        for (int i = 0; i < IST_TILE; i++) {
            low[c][i] = (double)s->low[c][i];
            high[c][i] = (double)s->high[c][i] - 1;
        }
    }
    for (int at = 0; at < IST_TILE * IST_TILE; at++)
        sum[at] = (double)s->tile[at] + at % 2;
    memset(marks, -1, sizeof marks);
    kernel->open_sides(s->tile, &side[0], &side[1], marks, &open);
    ist_kind_side row = {s->kind[0], s->tie_kind[0], got[0]};
    ist_kind_side column = {s->kind[1], s->tie_kind[1], got[1]};
    kernel->settle_kinds(&row, &column, &open);
    ist_look_side row_look = {low[0], high[0], got[2]}, column_look = {low[1], high[1], got[3]};
    int found = kernel->settle_looked(sum, &row_look, &column_look, &open);
    for (int at = 0; at < IST_TILE * IST_TILE; at++)
        for (int c = 0; c < 2; c++) {
            int i = at / IST_TILE, j = at % IST_TILE, own = c ? j : i, other = c ? i : j;
            float l = s->tile[at];
            bool is_open = l <= s->high[c][own] && !(l <= s->sure[c][own]) &&
                           !(l + s->width[!c][other] < s->low[c][own]);
            bool tie = is_open && s->kind[!c][other] == s->tie_kind[c][own];
            bool below = is_open && !tie && sum[at] < low[c][own];
            bool stays = is_open && !tie && !below && !(sum[at] > high[c][own]);
            expected[c][own] += tie;
            expected[2 + c][own] += below;
            ties += tie;
            left += stays;
            wrong += bit(c ? open.column[i] : open.row[i], j) != stays;
        }
    wrong += memcmp(got, expected, sizeof got) != 0;
    cr_expect(wrong == 0 && found == left && left > 100 && ties > 100, "%s: %d of %d (%d)",
              kernel->name, found, left, wrong);
}

/* The same by a search from one end. */
static void check_place(const ist_kernel *kernel, const scan_data *s, int thresholds, int sure)
{
    enum { FEW_ROWS = 90 };
    static ist_places open;
    static int32_t first[IST_TILE * IST_TILE];
    int levels = 4, wrong = 0, next = 0;
    while ((1 << levels) < thresholds)
        levels++;
    int64_t stride = ist_between_stride(levels);
    size_t size = (size_t)1 << levels, counted = (size_t)(IST_TILE * stride);
    size_t sames = (size_t)(IST_TILE * thresholds);
    float *sorted = ist_alloc(size, sizeof *sorted);
    float *tree = ist_alloc(size * IST_TILE + 16, sizeof *tree);
    int32_t *between = ist_alloc(counted, sizeof *between), *same = ist_alloc(sames, sizeof *same);
    int32_t *expected = ist_alloc(counted, sizeof *expected);
    int32_t *equal = ist_alloc(sames, sizeof *equal);
    int8_t each_sure[IST_TILE];
    memset(each_sure, sure, sizeof each_sure);
    for (int m = 0; m < (int)size; m++)
        sorted[m] = m < thresholds ? (float)(m * 18 / thresholds + (sure == 2 ? 0 : m % 2 * 0.5))
                                   : INFINITY;
    for (int node = 1; node < (int)size; node++) {
        int level = 31 - __builtin_clz((unsigned)node);
        tree[node] = sorted[ist_tree_place(levels, level, node - (1 << level))];
    }
    tree[0] = sorted[size - 1];
    for (int i = 1; i < IST_TILE; i++)
        memcpy(tree + (size_t)i * size, tree, size * sizeof *tree);
    ist_threshold_trees trees = {tree,        levels,    thresholds, 1,
                                 s->width[0], each_sure, between,    same};
    kernel->place(s->tile, FEW_ROWS, s->width[1], &trees, &open, first);
    for (int at = 0; at < FEW_ROWS * IST_TILE; at++) {
        int i = at / IST_TILE, j = at % IST_TILE, m = 0;
        while (m < thresholds && !(s->tile[at] <= sorted[m]))
            m++;
        float high = m < thresholds ? sorted[m] : INFINITY;
        bool is_same = s->tile[at] == high && (sure == 2 || (sure == 1 && high == 0));
        bool is_open = s->tile[at] + s->width[1][j] >= high - s->width[0][i] && !is_same;
        if (is_same)
            equal[i * thresholds + m]++;
        else if (!is_open && m < thresholds)
            expected[i * stride + m]++;
        wrong += is_open && first[next] != m;
        wrong += listed(&open, at, &next) != is_open;
    }
    for (int i = 0; i < FEW_ROWS; i++)
        wrong += memcmp(between + i * stride, expected + i * stride,
                        (size_t)thresholds * sizeof *between) != 0;
    wrong += memcmp(same, equal, sames * sizeof *same) != 0 || next != open.count;
    cr_expect(wrong == 0 && (next > 0 || sure > 0), "%s, %d thresholds, sure %d: %d", kernel->name,
              thresholds, sure, wrong);
    ist_free(sorted);
    ist_free(tree);
    ist_free(between);
    ist_free(same);
    ist_free(expected);
    ist_free(equal);
}

static void check_upper_of(const ist_kernel *kernel, uint64_t seed)
{
    float value[333];
    for (int count = 1; count < 333; count += 17)
        for (int k = 1; k <= count; k = 2 * k + 1) {
            for (int i = 0; i < count; i++)
                value[i] = (float)exp(40 * next_uniform(&seed));
            value[count / 2] = INFINITY;
            float upper = kernel->upper_of(value, count, k);
            int found = 0, clearly = 0;
            for (int i = 0; i < count; i++) {
                found += value[i] <= upper;
                clearly += value[i] <= upper * 0.99f;
            }
            cr_expect(found >= k && (k == count ? isinf(upper) : clearly <= k),
                      "%s: %d of %d, k = %d", kernel->name, found, count, k);
            for (int i = 0; i < count; i += 2)
                value[i] = -value[i];
            upper = kernel->upper_of(value, count, k);
            found = 0;
            for (int i = 0; i < count; i++)
                found += value[i] <= upper;
            cr_expect(found >= k && upper >= 0, "%s: %d of %d, k = %d, half of them negative",
                      kernel->name, found, count, k);
        }
}

static void check_keep(const ist_kernel *kernel, uint64_t seed)
{
    enum { ROOM = 64 };
    float value[ROOM], given[ROOM];
    int32_t position[ROOM];
    for (int count = 0; count <= ROOM; count += 7) {
        for (int i = 0; i < ROOM; i++) {
            given[i] = value[i] = (float)floor(4 * next_uniform(&seed));
            position[i] = i;
        }
        int kept = kernel->keep(0, count, value, position), expected = 0, wrong = 0;
        for (int i = 0; i < count; i++)
            if (given[i] <= 0) {
                wrong += value[expected] != given[i] || position[expected] != i;
                expected++;
            }
        cr_expect(wrong == 0 && kept == expected, "%s: %d of %d", kernel->name, kept, count);
    }
}

Test(tiles, scans)
{
    static scan_data s;
    static float turned[IST_TILE * IST_TILE];
    static const int thresholds[] = {1, 9, 15, 16, 31, 40, 63, 64, 100, 127, 128, 300};
    for (size_t n = 1; n < sizeof names / sizeof *names; n++) {
        const ist_kernel *kernel = ist_kernel_choose(names[n]);
        if (!kernel)
            continue;
        fill(&s, n);
        for (int which = 0; which < 4; which++)
            check_places(kernel, &s, which % 2, which / 2);
        check_rare(kernel, &s);
        check_look(kernel, &s);
        check_count(kernel, &s, false);
        check_count(kernel, &s, true);
        for (size_t t = 0; t < sizeof thresholds / sizeof *thresholds; t++)
            for (int sure = 0; sure < 3; sure++)
                check_place(kernel, &s, thresholds[t], sure);
        check_upper_of(kernel, n);
        check_keep(kernel, n);
        for (int j = 0; j < IST_TILE; j += IST_STRIP)
            kernel->turn(s.tile, j, turned + j * IST_TILE);
        for (int i = 0; i < IST_TILE; i++)
            for (int j = 0; j < IST_TILE; j++)
                cr_assert(memcmp(&turned[j * IST_TILE + i], &s.tile[i * IST_TILE + j],
                                 sizeof(float)) == 0);
    }
}

/* gcc 12 loses these roundings where its SLP vectoriser is on: the build must have switched it off. */
Test(tiles, roundings)
{
    enum { WIDTH = 7 };
    static double value[100 * WIDTH];
    int wrong = 0;
    for (int i = 0; i < 100; i++)
        for (int f = 0; f < WIDTH; f++)
            value[i * WIDTH + f] =
                (double)(float)sin((double)(i * 31 + f * 17) + 0.37 * (double)(i * f));
    for (int e = 0; e < 100 * WIDTH; e++) {
        volatile float rounded = (float)value[e];
        wrong += (double)rounded != value[e];
    }
    cr_expect(wrong == 0, "%d of 700", wrong);
}

Test(tiles, kernel_choice)
{
    cr_expect(ist_kernel_choose("avx1024") == NULL);
    cr_expect(ist_kernel_choose("reference") != NULL);
    ist_text list = {0};
    ist_kernel_names(&list);
    cr_expect(strstr(list.data, "reference") != NULL);
    cr_expect(strncmp(list.data, ist_kernel_choose(NULL)->name,
                      strlen(ist_kernel_choose(NULL)->name)) == 0);
    ist_text_release(&list);
}
