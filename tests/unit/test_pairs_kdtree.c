/* k-d trees against brute force: the same neighbours and counts, whatever the values; and their bounds, which must
 * not exclude the defined distance of any row. */
#include "../../src/pairs/kdtree_pass.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/order.h"

/* ---- data ------------------------------------------------------------------------------------ */

static double uniform(uint64_t item)
{
    return (double)(ist_random_word(19, IST_RANDOM_PARTS, item) >> 11) * 0x1p-53;
}

typedef double value_rule(uint64_t cell, int64_t row, int64_t column);

static double spread(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return uniform(cell) - 0.5;
}
static double lattice(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return floor(5 * uniform(cell));
}
static double all_equal(uint64_t cell, int64_t row, int64_t column)
{
    (void)cell, (void)row;
    return 0.1 * (double)(column + 1);
}
static double far_clusters(uint64_t cell, int64_t row, int64_t column)
{
    return 1e6 + 1e3 * (double)((row % 5) * (column + 1)) + 1e-3 * uniform(cell);
}
static double denormal(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return 0x1p-1060 * floor(2000 * uniform(cell));
}
/* Squares of differences vanish. */
static double tiny(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return 1e-165 * uniform(cell);
}
/* They overflow, and so do some differences. */
static double huge(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return 1.7e308 * (2 * uniform(cell) - 1);
}
/* Half of the rows repeat one of seven. */
static double duplicates(uint64_t cell, int64_t row, int64_t column)
{
    return row % 2 ? sin((double)(row % 14) * 17 + (double)column * 3) : uniform(cell);
}
static double constant_column(uint64_t cell, int64_t row, int64_t column)
{
    (void)row;
    return column == 0 ? 4 : uniform(cell);
}
static double signed_zeros(uint64_t cell, int64_t row, int64_t column)
{
    (void)column;
    return row % 3 == 0 ? (uniform(cell) < 0.5 ? -0.0 : 0.0) : uniform(cell) - 0.5;
}
static double heavy_tails(uint64_t cell, int64_t row, int64_t column)
{
    (void)row, (void)column;
    return pow(uniform(cell) + 1e-12, -3);
}
static double ascending(uint64_t cell, int64_t row, int64_t column)
{
    (void)cell;
    return (double)(column % 2 ? -row : row);
}

static const struct {
    const char *name;
    value_rule *rule;
} kinds[] = {{"spread", spread},
             {"lattice", lattice},
             {"all equal", all_equal},
             {"far clusters", far_clusters},
             {"denormal", denormal},
             {"tiny", tiny},
             {"huge", huge},
             {"duplicates", duplicates},
             {"constant column", constant_column},
             {"signed zeros", signed_zeros},
             {"heavy tails", heavy_tails},
             {"ascending", ascending}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- sets ------------------------------------------------------------------------------------ */

typedef struct {
    int64_t n, d[2]; /* d[1] > 0: joint */
    ist_metric metric[2];
    double factor[2];
    int segments;
    bool narrow, by_index;
} set_case;

static ist_rows plain_rows(const set_case *c, value_rule *rule, int component)
{
    int64_t d = c->d[component], start[8];
    ist_rows rows = {.n = c->n, .d = d, .metric = c->metric[component], .wide = !c->narrow};
    for (int s = 0; s <= c->segments; s++)
        start[s] = ist_share(c->n, c->segments, s);
    rows.blocks = ist_blocks_new(start, c->segments);
    rows.home = (ist_slab){.count = c->n};
    size_t values = (size_t)(c->n * d);
    if (c->narrow)
        rows.home.narrow = ist_alloc(values, sizeof *rows.home.narrow);
    else
        rows.home.wide = ist_alloc(values, sizeof *rows.home.wide);
    for (int64_t e = 0; e < c->n * d; e++) {
        double value = rule((uint64_t)e + ((uint64_t)component << 40), e / d, e % d);
        if (c->narrow)
            value = fmax(-FLT_MAX, fmin(FLT_MAX, value));
        if (c->narrow)
            rows.home.narrow[e] = (float)value;
        else
            rows.home.wide[e] = value;
    }
    return rows;
}

typedef struct {
    ist_rows set, component[2];
    int64_t *order; /* numbers are not positions */
    ist_kdtree *tree;
} case_data;

static case_data case_new(const set_case *c, value_rule *rule)
{
    case_data data = {.set = plain_rows(c, rule, 0)};
    if (c->d[1] > 0) {
        data.component[0] = data.set;
        data.component[1] = plain_rows(c, rule, 1);
        data.set.blocks = ist_blocks_copy(&data.component[0].blocks);
        data.set.d += c->d[1];
        data.set.home = (ist_slab){.count = c->n, .component = ist_alloc(2, sizeof(ist_slab))};
        for (int p = 0; p < 2; p++)
            data.set.home.component[p] = data.component[p].home;
    }
    data.order = ist_alloc((size_t)c->n, sizeof *data.order);
    for (int64_t p = 0; p < c->n; p++)
        data.order[p] = c->n - 1 - p;
    return data;
}

/* After this the set may not move. */
static void case_plant(case_data *data, const set_case *c, const ist_kernel *kernel)
{
    data->set.order = data->order;
    for (int p = 0; p < 2 && c->d[1] > 0; p++) {
        data->set.component[p] = &data->component[p];
        data->set.factor[p] = c->factor[p];
    }
    ist_tie_rule ties = {.by_index = c->by_index, .seed = 5};
    data->tree = ist_kdtree_new(&data->set, &data->set.home, kernel, ties, NULL);
}

static void case_release(case_data *data, const set_case *c)
{
    ist_kdtree_free(&data->tree);
    if (c->d[1] > 0) {
        ist_free(data->set.home.component);
        ist_blocks_release(&data->set.blocks);
        for (int p = 0; p < 2; p++)
            ist_rows_release(&data->component[p]);
    } else {
        ist_rows_release(&data->set);
    }
    ist_free(data->order);
}

/* ---- brute force ------------------------------------------------------------------------------- */

/* The others of the row's segment, by (distance, tie, number). */
static int64_t others_of(const case_data *data, int64_t row, brute_other *found)
{
    const ist_rows *set = &data->set;
    const ist_tie_rule *ties = &data->tree->ties;
    uint64_t base = ist_tie_base(ties, ist_row_number(set, row));
    const ist_blocks *blocks = &set->blocks;
    int32_t own = blocks->segment[ist_blocks_find(blocks, row)];
    int64_t count = 0;
    for (int64_t j = 0; j < set->n; j++) {
        int64_t number = ist_row_number(set, j);
        if (j != row && blocks->segment[ist_blocks_find(blocks, j)] == own)
            found[count++] = (brute_other){ist_exact_distance(set, &set->home, row, &set->home, j),
                                           ist_tie_word(ties, number) - base, number};
    }
    brute_sort(found, count);
    return count;
}

/* ---- the k nearest ----------------------------------------------------------------------------- */

/* Every so manieth row is looked at. */
static int64_t step_of(int64_t n)
{
    return n / 15 + 1;
}

static void expect_nearest(const case_data *data, int64_t k, const char *name, const set_case *c)
{
    ist_pass_stats stats = {0};
    ist_nearest *lists = ist_nearest_lists(&data->set, k, data->tree->ties);
    cr_expect(ist_kdtree_nearest(data->tree, k, NULL, lists, &stats));
    brute_other *found = ist_alloc((size_t)c->n, sizeof *found);
    for (int64_t i = 0; i < c->n; i += step_of(c->n)) {
        int64_t count = ist_min(k, others_of(data, i, found));
        bool right = lists->held[i] == count;
        for (int64_t p = 0; p < count && right; p++)
            right = ist_row_number(&data->set, lists->neighbour[i * k + p]) == found[p].row &&
                    lists->distance[i * k + p] == found[p].distance;
        cr_expect(right, "%s, row %d, k %d, n %d, d %d + %d, metric %d, narrow %d", name, (int)i,
                  (int)k, (int)c->n, (int)c->d[0], (int)c->d[1], (int)c->metric[0], c->narrow);
    }
    ist_free(found);
    ist_nearest_free(&lists);
}

/* ---- counts ------------------------------------------------------------------------------------ */

/* Thresholds of each row: distances to rows near and far, some of them twice, and what is no distance. */
static void draw_thresholds(const case_data *data, int64_t thresholds, int32_t *target,
                            double *distance)
{
    int64_t n = data->set.n, first = 0, last = 0;
    const ist_blocks *blocks = &data->set.blocks;
    for (int64_t i = 0; i < n; i++) {
        int32_t own = blocks->segment[ist_blocks_find(blocks, i)];
        if (i == last) {
            first = i;
            while (last < n && blocks->segment[ist_blocks_find(blocks, last)] == own)
                last++;
        }
        for (int64_t m = 0; m < thresholds; m++) {
            uint64_t word =
                ist_random_word(3, IST_RANDOM_PARTS, (uint64_t)(i * thresholds + m / 2));
            int64_t to = first + (int64_t)(word % (uint64_t)(last - first));
            target[i * thresholds + m] = (int32_t)to;
            distance[i * thresholds + m] =
                ist_kdtree_distance(data->tree, data->tree->place[i], data->tree->place[to]);
        }
    }
}

static void expect_counts(const case_data *data, int64_t thresholds, const char *name,
                          const set_case *c)
{
    size_t entries = (size_t)(c->n * thresholds);
    int32_t *target = ist_alloc(entries, sizeof *target);
    double *distance = ist_alloc(entries, sizeof *distance);
    int64_t *closer = ist_alloc(entries, sizeof *closer),
            *equal = ist_alloc(entries, sizeof *equal);
    draw_thresholds(data, thresholds, target, distance);
    for (int64_t e = 0; e < c->n && !c->by_index; e++) {
        double *one = &distance[e * thresholds + e % thresholds];
        const double odd[] = {0, INFINITY, 1.5 * *one, nextafter(*one, INFINITY)};
        *one = odd[e % 4];
    }
    ist_kd_question q = {thresholds, c->by_index, distance, target};
    ist_pass_stats stats = {0};
    const ist_kd_answer answer = {.closer = closer, .equal = equal};
    cr_expect(ist_kdtree_counts(data->tree, &q, NULL, &answer, &stats));
    brute_other *found = ist_alloc((size_t)c->n, sizeof *found);
    for (int64_t i = 0; i < c->n; i += step_of(c->n)) {
        int64_t count = others_of(data, i, found);
        for (int64_t m = 0; m < thresholds; m++) {
            int64_t e = i * thresholds + m, below = 0, same = 0;
            int64_t number = ist_row_number(&data->set, target[e]);
            for (int64_t o = 0; o < count; o++) {
                bool at = found[o].distance == distance[e];
                below +=
                    found[o].distance < distance[e] || (c->by_index && at && found[o].row < number);
                same += at;
            }
            cr_expect(closer[e] == below && (c->by_index || equal[e] == same),
                      "%s, row %d, threshold %d of %d, n %d, d %d + %d, metric %d: %d and %d, not "
                      "%d and %d",
                      name, (int)i, (int)m, (int)thresholds, (int)c->n, (int)c->d[0], (int)c->d[1],
                      (int)c->metric[0], (int)closer[e], (int)equal[e], (int)below, (int)same);
        }
    }
    ist_free(found);
    ist_free(target);
    ist_free(distance);
    ist_free(closer);
    ist_free(equal);
}

/* ---- bounds ------------------------------------------------------------------------------------ */

/* Of every row below a family: within what the family says of its cell. */
static int64_t outside(const ist_kdtree *tree, ist_kd_family family, const double *x)
{
    double lower[IST_CELLS], upper[IST_CELLS], distance[IST_KD_ROOM];
    int kids = ist_kd_judge(tree, family, x, lower, upper);
    int64_t wrong = 0;
    for (int c = 0; c < kids; c++) {
        int64_t first, last;
        ist_kd_range(family, c, &first, &last);
        for (int64_t p = first; p < last; p++) {
            ist_kd_distances(tree, x, p, 1, distance);
            wrong += !(lower[c] <= distance[0] && distance[0] <= upper[c]);
        }
        ist_kd_family children;
        if (ist_kd_children(family, c, &children))
            wrong += outside(tree, children, x);
    }
    return wrong;
}

static void expect_bounds(const case_data *data, const char *name)
{
    const ist_kdtree *tree = data->tree;
    for (int64_t s = 0; s < tree->segments; s++) {
        const ist_kd_segment *segment = &tree->segment[s];
        for (int64_t p = segment->first; p < segment->first + segment->count && segment->levels > 0;
             p += step_of(segment->count)) {
            double x[IST_KD_COLUMNS];
            ist_kd_row(tree, p, x);
            int64_t wrong = outside(tree, (ist_kd_family){segment, 0, 0}, x);
            cr_expect(wrong == 0, "%s: %d rows are not where their cells say", name, (int)wrong);
        }
    }
}

/* ---- all ------------------------------------------------------------------------------------- */

static void check_case(const set_case *c, const char *kernel_name)
{
    const ist_kernel *kernel = ist_kernel_choose(kernel_name);
    for (size_t kind = 0; kind < KINDS && kernel; kind++) {
        case_data data = case_new(c, kinds[kind].rule);
        case_plant(&data, c, kernel);
        const int64_t k[] = {1, 30, c->n - 1}, thresholds[] = {1, 3, 20};
        expect_bounds(&data, kinds[kind].name);
        for (int a = 0; a < 3; a++) {
            if (k[a] > 0 && k[a] < c->n && (a < 2 || c->n <= 300))
                expect_nearest(&data, k[a], kinds[kind].name, c);
            expect_counts(&data, thresholds[a], kinds[kind].name, c);
        }
        case_release(&data, c);
    }
}

static const set_case cases[] = {
    {.n = 300, .d = {1}, .segments = 1, .metric = {IST_METRIC_EUCLIDEAN}},
    {.n = 700, .d = {2}, .segments = 1, .metric = {IST_METRIC_EUCLIDEAN}, .narrow = true},
    {.n = 530, .d = {3}, .segments = 1, .metric = {IST_METRIC_EUCLIDEAN}, .by_index = true},
    {.n = 300, .d = {3}, .segments = 1, .metric = {IST_METRIC_MANHATTAN}},
    {.n = 270, .d = {2}, .segments = 1, .metric = {IST_METRIC_MANHATTAN}, .by_index = true},
    {.n = 500, .d = {3}, .segments = 1, .metric = {IST_METRIC_CHEBYSHEV}, .narrow = true},
    {.n = 700, .d = {2}, .segments = 3, .metric = {IST_METRIC_EUCLIDEAN}},
    {.n = 100, .d = {2}, .segments = 7, .metric = {IST_METRIC_CHEBYSHEV}, .by_index = true},
    {.n = 1, .d = {2}, .segments = 1, .metric = {IST_METRIC_EUCLIDEAN}},
    {.n = 2, .d = {1}, .segments = 1, .metric = {IST_METRIC_EUCLIDEAN}},
    {.n = 32, .d = {3}, .segments = 1, .metric = {IST_METRIC_EUCLIDEAN}},
    {.n = 33, .d = {3}, .segments = 1, .metric = {IST_METRIC_EUCLIDEAN}, .by_index = true},
    {.n = 257, .d = {1}, .segments = 1, .metric = {IST_METRIC_MANHATTAN}},
    {.n = 300,
     .d = {1, 1},
     .segments = 1,
     .metric = {IST_METRIC_EUCLIDEAN, IST_METRIC_EUCLIDEAN},
     .factor = {1, 1}},
    {.n = 700,
     .d = {3, 2},
     .segments = 2,
     .metric = {IST_METRIC_EUCLIDEAN, IST_METRIC_CHEBYSHEV},
     .factor = {0.3, 7.1}},
    {.n = 500,
     .d = {3, 3},
     .segments = 1,
     .metric = {IST_METRIC_MANHATTAN, IST_METRIC_MANHATTAN},
     .factor = {1e3, 1.7e-3},
     .narrow = true},
};

ParameterizedTestParameters(pairs_kdtree, brute)
{
    return cr_make_param_array(set_case, (void *)(uintptr_t)cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(set_case *c, pairs_kdtree, brute, .timeout = 60)
{
    check_case(c, NULL);
}

/* Every instruction set, on the cases that need least. */
Test(pairs_kdtree, kernels, .timeout = 60)
{
    const char *const names[] = {"reference", "avx2", "avx512"};
    for (int i = 0; i < 3; i++) {
        check_case(&cases[3], names[i]);
        check_case(&cases[7], names[i]);
        check_case(&cases[13], names[i]);
    }
}

/* Rows that are far apart need not be looked at: near neighbours and near thresholds take few of them. */
Test(pairs_kdtree, looks_at_few)
{
    const set_case c = {.n = 20000, .d = {2}, .segments = 1, .metric = {IST_METRIC_EUCLIDEAN}};
    const ist_kernel *kernel = ist_kernel_choose(NULL);
    case_data data = case_new(&c, spread);
    case_plant(&data, &c, kernel);
    ist_pass_stats stats = {0};
    ist_nearest *lists = ist_nearest_lists(&data.set, 5, data.tree->ties);
    cr_expect(ist_kdtree_nearest(data.tree, 5, NULL, lists, &stats));
    cr_expect(stats.compared < 100 * c.n, "%.1f a row", (double)stats.compared / (double)c.n);
    cr_expect(stats.pairs == (double)c.n * (double)(c.n - 1) / 2);
    ist_nearest_free(&lists);
    case_release(&data, &c);
}

/* Nor where all are equal: who is nearest is a matter of words, and those lie in order. */
Test(pairs_kdtree, equal_rows_are_not_searched)
{
    const set_case c = {.n = 20000, .d = {3}, .segments = 1, .metric = {IST_METRIC_EUCLIDEAN}};
    const ist_kernel *kernel = ist_kernel_choose(NULL);
    case_data data = case_new(&c, all_equal);
    case_plant(&data, &c, kernel);
    ist_pass_stats stats = {0};
    ist_nearest *lists = ist_nearest_lists(&data.set, 5, data.tree->ties);
    cr_expect(ist_kdtree_nearest(data.tree, 5, NULL, lists, &stats));
    cr_expect(stats.compared == 0, "%.1f a row", (double)stats.compared / (double)c.n);
    ist_nearest_free(&lists);
    case_release(&data, &c);
}

static bool leave_later(void *data, double pairs)
{
    double *left = data;
    *left -= pairs;
    return *left < 0;
}

/* A pass is left where its watch says so, and tells how far it came; one that is not left tells all of it. */
Test(pairs_kdtree, passes_can_be_left)
{
    const set_case c = {.n = 3000, .d = {2}, .segments = 2, .metric = {IST_METRIC_EUCLIDEAN}};
    case_data data = case_new(&c, spread);
    case_plant(&data, &c, ist_kernel_choose(NULL));
    const double all = ist_kdtree_pairs(data.tree);
    cr_expect(all == 2 * 1500 * 1499 / 2.0);
    for (int complete = 0; complete < 2; complete++) {
        double left = complete ? all : all / 3;
        const ist_kd_watch watch = {leave_later, &left};
        ist_pass_stats stats = {0};
        ist_nearest *lists = ist_nearest_lists(&data.set, 2, data.tree->ties);
        cr_expect(ist_kdtree_nearest(data.tree, 2, &watch, lists, &stats) == complete);
        cr_expect(complete ? stats.pairs == all && left == 0 : stats.pairs < all / 2 && left < 0);
        ist_nearest_free(&lists);
    }
    case_release(&data, &c);
}
