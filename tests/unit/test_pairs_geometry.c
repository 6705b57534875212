/* What the places of tiles prove of their rows is never wrong, and is proven where it should be; and
 * every step of the proof (docs/numerics.md section 7) in quadruple precision. */
#include "../../src/pairs/geometry.h"

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum { ROWS = IST_TILE + 60 }; /* two tiles, the second one short */

static double uniform(uint64_t item)
{
    return (double)(ist_random_word(6, IST_RANDOM_PARTS, item) >> 11) * 0x1p-53;
}

/* Two clouds, `gap` apart in the first column. */
typedef struct {
    double gap, size, offset;
    const char *name;
    double first; /* if not 0: the first value of all */
    bool integers;
} cloud;

static double value_of(const cloud *c, int64_t row, int64_t column)
{
    double x = uniform((uint64_t)(row * 10000 + column)) - 0.5;
    double value = c->size * (x + (column == 0 && row >= IST_TILE ? c->gap : 0)) + c->offset;
    if (c->first != 0 && row == 0 && column == 0)
        return c->first;
    return c->integers ? floor(value) : value;
}

typedef struct {
    ist_rows rows;
    ist_geometry geometry;
    double *distance; /* in the copies' units: first tile's rows x second tile's */
} two_tiles;

static two_tiles make(const ist_kernel *kernel, ist_filter_form form, int64_t d, bool wide,
                      const cloud *c)
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
        double value = value_of(c, e / d, e % d);
        if (wide)
            home->wide[e] = value;
        else
            home->narrow[e] = (float)value;
    }
    double *sum = ist_alloc((size_t)d, sizeof *sum), squares = 0;
    ist_value_census census = ist_filter_census(home, d, sum, &squares);
    for (int64_t f = 0; f < d; f++)
        sum[f] = c->offset > 0 ? 0 : sum[f] / ROWS; /* or far away, which makes copies rough */
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
                ldexp(ist_exact_distance(&t.rows, home, i, home, j), t.rows.filter.unit);
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

static void check(const ist_kernel *kernel, ist_filter_form form, int64_t d, bool wide, cloud c)
{
    char what[200];
    snprintf(what, sizeof what, "%s, form %d, d %d, wide %d, gap %g, size %g, offset %g",
             kernel->name, (int)form, (int)d, wide, c.gap, c.size, c.offset);
    two_tiles t = make(kernel, form, d, wide, &c);
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
                check(kernel, form, widths[w], wide,
                      (cloud){.gap = 6 * sqrt((double)widths[w]), .size = 1, .offset = 0});
                check(kernel, form, widths[w], wide,
                      (cloud){.gap = 60, .size = 1e-30, .offset = 0});
                check(kernel, form, widths[w], wide, (cloud){.gap = 60, .size = 1e30, .offset = 0});
                check(kernel, form, widths[w], wide,
                      (cloud){.gap = 6 * sqrt((double)widths[w]), .size = 1, .offset = 3e5});
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

/* ---- the steps of the proof ------------------------------------------------------------------ */

__extension__ typedef __float128 quadruple;

/* Everything about one row, but for roundings of the 113th bit. */
typedef struct {
    quadruple own, other; /* squared distances of its copy from the two pivots */
    quadruple moved;      /* of its copy from itself */
} row_truth;

static float copy_value(const two_tiles *t, int64_t row, int64_t f)
{
    int64_t d = t->rows.d, tile = row / IST_TILE, i = row % IST_TILE;
    return t->rows.packed.panels[tile * IST_TILE * d + i / IST_PANEL * IST_PANEL * d +
                                 f * IST_PANEL + i % IST_PANEL];
}

static quadruple scaled_value(const two_tiles *t, int64_t row, int64_t f)
{
    const ist_filter *filter = &t->rows.filter;
    const ist_slab *home = &t->rows.home;
    int64_t at = row * t->rows.d + f;
    quadruple value = home->wide ? home->wide[at] : (double)home->narrow[at];
    if (filter->level)
        return value == filter->most;
    return (value - (filter->shift ? filter->shift[f] : 0)) * ldexp(1, filter->scale);
}

static row_truth truth_of(const two_tiles *t, int64_t row)
{
    int64_t d = t->rows.d, tile = row / IST_TILE;
    const float *own = t->geometry.pivot + tile * d, *other = t->geometry.pivot + (1 - tile) * d;
    row_truth truth = {0, 0, 0};
    for (int64_t f = 0; f < d; f++) {
        quadruple copy = copy_value(t, row, f), off = copy - scaled_value(t, row, f);
        truth.own += (copy - own[f]) * (copy - own[f]);
        truth.other += (copy - other[f]) * (copy - other[f]);
        truth.moved += off * off;
    }
    return truth;
}

static quadruple between_pivots(const two_tiles *t)
{
    int64_t d = t->rows.d;
    quadruple sum = 0;
    for (int64_t f = 0; f < d; f++) {
        quadruple off = (quadruple)t->geometry.pivot[f] - t->geometry.pivot[d + f];
        sum += off * off;
    }
    return sum;
}

/* The float32 numbers that skip.c has of both tiles. */
typedef struct {
    float margin[2][IST_TILE], value[2][IST_TILE];
    ist_between between;
    ist_roots roots[2];
} numbers;

static void fill_numbers(const two_tiles *t, const ist_kernel *kernel, float limit, numbers *n)
{
    int64_t d = t->rows.d, tiles[2] = {0, 1};
    float *pivots = ist_alloc((size_t)(IST_TILE * d), sizeof *pivots), value[IST_TILE];
    float limits[IST_TILE];
    ist_pack_pivots(&t->geometry, tiles, 2, pivots);
    ist_pivot_values(&t->geometry, kernel, &tiles[0], 1, pivots, value);
    n->between = ist_between_tiles(&t->geometry, 0, &t->geometry, 1, value[1]);
    for (int i = 0; i < IST_TILE; i++)
        limits[i] = limit * (1 + (float)i / IST_TILE);
    for (int s = 0; s < 2; s++) {
        ist_pivot_values(&t->geometry, kernel, &tiles[1 - s], 1,
                         t->rows.packed.panels + s * IST_TILE * d, n->value[s]);
        kernel->near->margins(n->value[s], t->geometry.own + s * IST_TILE, ist_margins_of(d).shrink,
                              n->margin[s]);
        ist_roots_of(&t->rows, kernel, &t->geometry, s, s ? ROWS - IST_TILE : IST_TILE, limits,
                     limits, &n->roots[s]);
    }
    ist_free(pivots);
}

/* Squared distances of a row, and what the proof makes of a limit at `limit`. */
static void check_row(const two_tiles *t, const numbers *n, int64_t row, const row_truth *truth,
                      float limit, const char *what)
{
    int64_t s = row / IST_TILE, i = row % IST_TILE;
    quadruple e64 = (quadruple)(t->rows.d + 3) * 0x1p-53, asked = limit * (1 + (float)i / IST_TILE);
    quadruple rounding = t->geometry.rounding[s], reach = t->geometry.reach[s];
    quadruple beyond = n->roots[s].beyond[i] - rounding, within = n->roots[s].within[i] + rounding;
    cr_assert(t->geometry.own[row] >= truth->own, "%s: own", what);
    cr_assert(reach * reach >= truth->own, "%s: reach", what);
    cr_assert(rounding * rounding >= truth->moved, "%s: rounding", what);
    cr_assert(n->margin[s][i] <= truth->other - truth->own, "%s: margin", what);
    cr_assert(beyond > 0 && beyond * beyond >= asked * (1 + e64), "%s: beyond", what);
    cr_assert(within <= 0 || within * within * (1 + e64) <= asked, "%s: within", what);
}

/* What is left between the sum of two margins and its bound, in 2^-24 of the squares in it. */
static double check_planes(const numbers *n, const row_truth *truth, const char *what)
{
    double least = INFINITY;
    for (int64_t x = 0; x < IST_TILE; x++)
        for (int64_t y = IST_TILE; y < ROWS; y++) {
            float sum = n->margin[0][x] + n->margin[1][y - IST_TILE];
            quadruple planes = truth[x].other - truth[x].own + truth[y].other - truth[y].own;
            quadruple squares = truth[x].other + truth[x].own + truth[y].other + truth[y].own;
            cr_assert(sum <= planes, "%s: the planes of rows %d and %d", what, (int)x, (int)y);
            least = fmin(least, (double)((planes - sum) / squares) * 0x1p24);
        }
    return least;
}

static double check_steps(const ist_kernel *kernel, ist_filter_form form, int64_t d, bool wide,
                          const cloud *c)
{
    char what[200];
    snprintf(what, sizeof what, "%s, form %d, d %d, wide %d, %s", kernel->name, (int)form, (int)d,
             wide, c->name);
    two_tiles t = make(kernel, form, d, wide, c);
    row_truth *truth = ist_alloc(ROWS, sizeof *truth);
    for (int64_t row = 0; row < ROWS; row++)
        truth[row] = truth_of(&t, row);
    static numbers n;
    quadruple gap = between_pivots(&t);
    float limit = (float)(gap / 3) + 0x1p-149F;
    fill_numbers(&t, kernel, limit, &n);
    for (int64_t row = 0; row < ROWS; row++)
        check_row(&t, &n, row, &truth[row], limit, what);
    quadruple factor = n.between.factor;
    cr_assert(factor * factor >= 4 * gap, "%s: factor", what);
    for (int s = 0; s < 2; s++) {
        quadruple rounding = t.geometry.rounding[1 - s];
        cr_assert(n.between.more[s] >= factor * rounding, "%s: more", what);
        cr_assert(n.between.reach[s] >= t.geometry.reach[1 - s] + rounding, "%s: reach", what);
    }
    double least = check_planes(&n, truth, what);
    ist_free(truth);
    discard(&t);
    return least;
}

static void check_clouds(const ist_kernel *kernel, int64_t d)
{
    static const cloud clouds[] = {
        {60, 1, 0, .name = "apart"},
        {0.5, 1, 0, .name = "touching"},
        {60, 1, 1e5, .name = "offset 1e5"},
        {60, 1, 1e7, .name = "offset 1e7"},
        {60, 1e-30, 0, .name = "1e-30"},
        {60, 1e30, 0, .name = "1e30"},
        {1e6, 1e-6, 0, .name = "tight"},
        {60, 1e-42, 0, .name = "denormals", .first = 1},
        {60, 20, 0, .name = "integers", .integers = true},
    };
    double least = INFINITY;
    const char *name = "";
    int last_form =
        d < 100 ? IST_FILTER_PRODUCT : IST_FILTER_DIRECT; /* quadruple precision is slow */
    for (size_t c = 0; c < sizeof clouds / sizeof clouds[0]; c++)
        for (int form = IST_FILTER_DIRECT; form <= last_form; form++)
            for (int wide = 0; wide < 2; wide++) {
                double left = check_steps(kernel, (ist_filter_form)form, d, wide, &clouds[c]);
                name = left < least ? clouds[c].name : name;
                least = fmin(least, left);
            }
    cr_log_info("%s, d = %d: %.1f left (%s)", kernel->name, (int)d, least, name);
}

Test(geometry, steps_of_the_proof, .timeout = 120)
{
    static const char *const names[] = {"avx2", "avx512"};
    static const int64_t widths[] = {1, 2, 10, 64, 65, 512, 3072};
    for (int k = 0; k < 2; k++) {
        const ist_kernel *kernel = ist_kernel_choose(names[k]);
        for (size_t w = 0; kernel && w < sizeof widths / sizeof widths[0]; w++)
            check_clouds(kernel, widths[w]);
    }
}
