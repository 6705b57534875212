/* What the places of tiles prove of their rows is never wrong, and is proven where it should be. */
#include "../../src/pairs/geometry.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum { ROWS = IST_TILE + 60 }; /* two tiles, the second one short */

static double uniform(uint64_t item)
{
    return (double)(ist_random_word(6, IST_RANDOM_PARTS, item) >> 11) * 0x1p-53;
}

/* Two clouds, `gap` apart in the first column. */
static double value_of(int64_t row, int64_t column, double gap, double size, double offset)
{
    double x = uniform((uint64_t)(row * 1000 + column)) - 0.5;
    return size * (x + (column == 0 && row >= IST_TILE ? gap : 0)) + offset;
}

typedef struct {
    ist_rows rows;
    ist_geometry geometry;
    double *distance; /* in the copies' units: first tile's rows x second tile's */
} two_tiles;

static two_tiles make(const ist_kernel *kernel, ist_filter_form form, int64_t d, bool wide,
                      double gap, double size, double offset)
{
    static const int64_t start[2] = {0, ROWS};
    two_tiles t = {.rows = {.n = ROWS, .d = d, .blocks = ist_blocks_new(start, 1), .wide = wide}};
    ist_slab *home = &t.rows.home;
    home->count = ROWS;
    size_t values = (size_t)(ROWS * d);
    if (wide)
        home->wide = ist_alloc(values, sizeof *home->wide);
    else
        home->narrow = ist_alloc(values, sizeof *home->narrow);
    for (int64_t e = 0; e < ROWS * d; e++) {
        double value = value_of(e / d, e % d, gap, size, offset);
        if (wide)
            home->wide[e] = value;
        else
            home->narrow[e] = (float)value;
    }
    double *sum = ist_alloc((size_t)d, sizeof *sum), squares = 0;
    ist_value_census census = ist_filter_census(home, d, sum, &squares);
    for (int64_t f = 0; f < d; f++)
        sum[f] = offset > 0 ? 0 : sum[f] / ROWS; /* or far away, which makes copies rough */
    ist_filter_round_centre(&census, d, sum);
    t.rows.filter = ist_filter_new(form, &census, sum, wide || form == IST_FILTER_PRODUCT,
                                   ist_filter_largest_norm(home, sum, d), d);
    ist_free(sum);
    cr_assert(t.rows.filter.form != IST_FILTER_NONE);
    t.rows.packed = ist_pack(&t.rows, home);
    t.geometry = ist_geometry_new(&t.rows, kernel, &t.rows.packed);
    t.distance = ist_alloc(IST_TILE * (ROWS - IST_TILE), sizeof *t.distance);
    for (int64_t i = 0; i < IST_TILE; i++)
        for (int64_t j = IST_TILE; j < ROWS; j++)
            t.distance[i * (ROWS - IST_TILE) + j - IST_TILE] =
                ldexp(ist_exact_distance(home, i, home, j, d), 2 * t.rows.filter.scale);
    return t;
}

static void discard(two_tiles *t)
{
    ist_geometry_release(&t->geometry);
    ist_rows_release(&t->rows);
    ist_free(t->distance);
}

/* Marks of the rows of the first tile (side 0) or the second, as skip.c finds them. */
static void judge(const two_tiles *t, const ist_kernel *kernel, int side, const float *farther,
                  const float *closer, uint32_t *beyond, uint32_t *within)
{
    const ist_rows *rows = &t->rows;
    int64_t d = rows->d, own = side, other = 1 - side, tiles[2] = {0, 1};
    float *pivots = ist_alloc((size_t)(IST_TILE * d), sizeof *pivots);
    float between_pivots[IST_TILE], value[2][IST_TILE], margin[2][IST_TILE], least[2];
    ist_pack_pivots(&t->geometry, tiles, 2, pivots);
    ist_pivot_values(&t->geometry, kernel, &own, 1, pivots, between_pivots);
    ist_between between =
        ist_between_tiles(&t->geometry, own, &t->geometry, other, between_pivots[other]);
    ist_margins margins = ist_margins_of(d);
    for (int s = 0; s < 2; s++) {
        int64_t tile = s ? other : own, pivot = s ? own : other;
        ist_pivot_values(&t->geometry, kernel, &pivot, 1, rows->packed.panels + tile * IST_TILE * d,
                         value[s]);
        least[s] = kernel->near->margins(value[s], t->geometry.own + tile * IST_TILE,
                                         margins.shrink, margin[s]);
    }
    ist_roots roots;
    int count = side ? ROWS - IST_TILE : IST_TILE;
    ist_roots_of(rows, kernel, &t->geometry, own, count, farther, closer, &roots);
    kernel->near->beyond(margin[0], least[1], roots.beyond, between.factor, between.more[0],
                         beyond);
    kernel->near->within(value[0], roots.within, between.reach[0], margins.grow, margins.more,
                         within);
    ist_free(pivots);
}

static double distance_of(const two_tiles *t, int side, int row, int column)
{
    return t->distance[side ? column * (ROWS - IST_TILE) + row : row * (ROWS - IST_TILE) + column];
}

static bool marked(const uint32_t *marks, int i)
{
    return marks[i / 32] >> i % 32 & 1;
}

/* Limits at `share` of the row's least, and of its largest, distance to the other tile; returns how
 * many of the rows are marked, wrong marks being failures. */
static int count_marks(const two_tiles *t, const ist_kernel *kernel, int side, double share_least,
                       double share_largest, const char *what)
{
    int rows = side ? ROWS - IST_TILE : IST_TILE, columns = side ? IST_TILE : ROWS - IST_TILE;
    float farther[IST_TILE] = {0}, closer[IST_TILE] = {0};
    for (int i = 0; i < rows; i++) {
        double least = INFINITY, largest = 0;
        for (int j = 0; j < columns; j++) {
            least = fmin(least, distance_of(t, side, i, j));
            largest = fmax(largest, distance_of(t, side, i, j));
        }
        farther[i] = (float)fmin(share_least * least, FLT_MAX);
        closer[i] = (float)fmin(share_largest * largest, FLT_MAX);
    }
    uint32_t beyond[IST_MARK_WORDS], within[IST_MARK_WORDS];
    judge(t, kernel, side, farther, closer, beyond, within);
    int found = 0;
    for (int i = 0; i < IST_TILE; i++) {
        bool is_beyond = marked(beyond, i), is_within = marked(within, i);
        cr_assert(i < rows || (!is_beyond && !is_within), "%s: a row that is not there", what);
        found += is_beyond + is_within;
        for (int j = 0; j < columns && i < rows; j++) {
            double distance = distance_of(t, side, i, j);
            cr_assert(!is_beyond || distance > (double)farther[i], "%s: %g is not beyond %g", what,
                      distance, (double)farther[i]);
            cr_assert(!is_within || distance < (double)closer[i], "%s: %g is not within %g", what,
                      distance, (double)closer[i]);
        }
    }
    return found;
}

static void check(const ist_kernel *kernel, ist_filter_form form, int64_t d, bool wide, double gap,
                  double size, double offset)
{
    char what[200];
    snprintf(what, sizeof what, "%s, form %d, d %d, wide %d, gap %g, size %g, offset %g",
             kernel->name, (int)form, (int)d, wide, gap, size, offset);
    two_tiles t = make(kernel, form, d, wide, gap, size, offset);
    int proven = 0;
    for (int side = 0; side < 2; side++) {
        /* Just what must not be marked: the distance itself, and its neighbours. */
        for (int ulps = -3; ulps <= 3; ulps++)
            count_marks(&t, kernel, side, 1 + ulps * 0x1p-24, 1 + ulps * 0x1p-24, what);
        proven += count_marks(&t, kernel, side, 0.9, 1, what);
        if (d == 1)
            cr_expect(count_marks(&t, kernel, side, 0.9, 1, what) > 20, "%s: %d", what,
                      count_marks(&t, kernel, side, 0.9, 1, what));
        cr_expect(count_marks(&t, kernel, side, 0, 100, what) ==
                      2 * (side ? ROWS - IST_TILE : IST_TILE),
                  "%s: of what is far beyond and far within", what);
    }
    discard(&t);
}

static void check_all(const ist_kernel *kernel)
{
    static const int64_t widths[] = {1, 2, 10, 64, 65, 200};
    for (int form = IST_FILTER_DIRECT; form <= IST_FILTER_PRODUCT; form++)
        for (int w = 0; w < 6; w++)
            for (int wide = 0; wide < 2; wide++) {
                check(kernel, form, widths[w], wide, 6 * sqrt((double)widths[w]), 1, 0);
                check(kernel, form, widths[w], wide, 60, 1e-30, 0);
                check(kernel, form, widths[w], wide, 60, 1e30, 0);
                check(kernel, form, widths[w], wide, 6 * sqrt((double)widths[w]), 1, 3e5);
            }
}

Test(geometry, bounds_hold)
{
    static const char *const names[] = {"avx2", "avx512"};
    for (int k = 0; k < 2; k++) {
        const ist_kernel *kernel = ist_kernel_choose(names[k]);
        if (kernel)
            check_all(kernel);
    }
}
