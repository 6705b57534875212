/* Integer copies: at the ends of 16 and 32 bits, what they leave in doubt, and which passes visit them. */
#include "test_pairs_support.h"

#include <criterion/criterion.h>
#include <math.h>

enum { ROWS = IST_TILE };
/* The largest norm and number of an integer copy (docs/numerics.md section 18). */
static const double LONGEST = 46340, LARGEST = 32766;

static const ist_kernel *kernel_with_integers(void)
{
    const ist_kernel *kernel = ist_kernel_choose(NULL);
    if (!kernel->filter[IST_FILTER_INTEGER])
        cr_skip_test("this processor has no instructions for them");
    return kernel;
}

/* Rows of one length: half of them x, half -x, but for a little noise, so that products reach both ends of 32 bits; in `few` of the
 * features, so that with one of them a number reaches those of 16. factor: 1, and they just fit. */
static ist_rows opposite_rows(int64_t d, int64_t few, double factor)
{
    ist_rows rows = {.n = ROWS, .d = d, .metric = IST_METRIC_EUCLIDEAN, .wide = true};
    const int64_t start[2] = {0, ROWS};
    uint64_t seed = (uint64_t)d;
    rows.blocks = ist_blocks_new(start, 1);
    rows.home = (ist_slab){.count = ROWS, .wide = ist_alloc((size_t)(ROWS * d), sizeof(double))};
    double longest = (LONGEST - 0.5 * sqrt((double)d) - 1) / sqrt((double)few);
    double size = fmin(LARGEST, longest) * (factor - 4e-6);
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t f = 0; f < d; f++)
            rows.home.wide[i * d + f] =
                size * ((f < few ? i % 2 ? -1 : 1 : 0) + 1e-9 * next_uniform(&seed));
    double *centre = ist_alloc((size_t)d, sizeof *centre), squares = 0;
    ist_value_census census = ist_filter_census(&rows.home, d, centre, &squares);
    for (int64_t f = 0; f < d; f++)
        centre[f] = 0;
    double norm = ist_filter_largest_norm(&rows.home, centre, d);
    rows.filter = ist_filter_new(IST_FILTER_INTEGER, &census, centre, true, norm, d);
    ist_free(centre);
    rows.packed = ist_pack(&rows, &rows.home);
    return rows;
}

Test(integers, at_their_ends)
{
    static const int64_t widths[] = {1, 2, 3, 64, 1025, 3000};
    static float tile[IST_TILE * IST_TILE];
    const ist_kernel *kernel = kernel_with_integers();
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (int all = 0; all < 2; all++) {
            ist_rows rows = opposite_rows(widths[w], all ? widths[w] : 1, 1);
            const ist_packed *packed = &rows.packed;
            cr_assert(rows.filter.form == IST_FILTER_INTEGER && !rows.filter.exact);
            kernel->filter[IST_FILTER_INTEGER](packed->panels, packed->panels, rows.d, packed->term,
                                               packed->term, tile);
            bounds_tally t = {0};
            for (int64_t i = 0; i < ROWS; i++)
                for (int64_t j = 0; j < ROWS; j++)
                    if (i != j)
                        check_bounds(&rows.filter, tile[i * IST_TILE + j], packed->width[i],
                                     packed->width[j],
                                     ist_exact_distance(&rows, &rows.home, i, &rows.home, j), &t);
            cr_expect(t.wrong == 0, "d = %d, %s: %d bounds", (int)rows.d, all ? "all" : "one",
                      (int)t.wrong);
            /* The scale is 0: numbers of this size are the largest that may be. */
            cr_expect(rows.filter.scale == 0, "d = %d: %d", (int)rows.d, rows.filter.scale);
            float widest = 0;
            for (int64_t i = 0; i < ROWS; i++)
                widest = fmaxf(widest, packed->width[i]);
            cr_expect(widest < 1e-3 * rows.filter.largest, "no number was cut off: %g of %g",
                      (double)widest, rows.filter.largest);
            ist_rows_release(&rows);
            ist_rows larger = opposite_rows(widths[w], all ? widths[w] : 1, 1.0001);
            cr_expect(larger.filter.scale == -1, "d = %d: %d", (int)larger.d, larger.filter.scale);
            ist_rows_release(&larger);
        }
}

/* Rows in tight pairs: typical distances are told apart, the nearest not at all. */
Test(integers, nearest_in_doubt)
{
    enum { D = 20 };
    const ist_kernel *kernel = kernel_with_integers();
    const data_kind plain = {"plain", 0, 1, 0, 0, 1};
    ist_rows rows = filtered_rows(&plain, ROWS, D, false, IST_FILTER_INTEGER);
    ist_doubt loose = ist_filter_doubt(kernel, &rows, &rows.home);
    cr_expect(loose.all > 0 && loose.all < 0.01, "%g", loose.all);
    cr_expect(loose.near > loose.all && loose.near < 0.01, "%g", loose.near);
    double nearest = INFINITY;
    for (int64_t j = 1; j < ROWS; j++)
        nearest = fmin(nearest, ist_exact_distance(&rows, &rows.home, 0, &rows.home, j));
    cr_expect(loose.distance > 0.5 * nearest && loose.distance < 2 * nearest, "%g, %g",
              loose.distance, nearest);
    for (int64_t i = 0; i < ROWS; i += 2)
        for (int64_t f = 0; f < D; f++)
            rows.home.narrow[(i + 1) * D + f] = rows.home.narrow[i * D + f] * (1 + 1e-6F);
    ist_doubt tight = ist_filter_doubt(kernel, &rows, &rows.home);
    cr_expect(tight.all < 0.05, "%g", tight.all);
    cr_expect(tight.near > 0.99, "%g", tight.near);
    cr_expect(tight.distance < 1e-6 * loose.distance);
    ist_rows_release(&rows);
}

/* What is tuned to near distances leaves less of them open. */
Test(integers, tuned)
{
    const ist_kernel *kernel = kernel_with_integers();
    const data_kind plain = {"plain", 0, 1, 0, 0, 1};
    ist_rows rows = filtered_rows(&plain, ROWS, 10, false, IST_FILTER_INTEGER);
    ist_doubt before = ist_filter_doubt(kernel, &rows, &rows.home);
    double delta = rows.filter.delta;
    ist_filter_tune(&rows.filter, 1e-4 * before.distance, rows.d);
    cr_expect(rows.filter.delta > 10 * delta);
    ist_filter_tune(&rows.filter, 0, rows.d);
    cr_expect(rows.filter.delta > 10 * delta, "0 changes nothing");
    ist_filter_tune(&rows.filter, before.distance, rows.d);
    ist_doubt after = ist_filter_doubt(kernel, &rows, &rows.home);
    cr_expect(after.near <= before.near, "%g, %g", after.near, before.near);
    ist_rows_release(&rows);
}

/* They come on top of a set's bytes; a set with a twin has none, but may need as much. */
Test(integers, planned)
{
    ist_set_shape set = {.n = 96000, .d = 64, .segments = 1, .ranks = 1};
    int64_t plain = ist_set_bytes(&set);
    set.twin = true;
    int64_t twin = ist_set_bytes(&set);
    set.integers = true;
    int64_t both = ist_set_bytes(&set);
    set.twin = false;
    int64_t integers = ist_set_bytes(&set);
    int64_t copies = set.n * (32 * 4 + 12);
    cr_expect(integers - plain >= copies && integers - plain < copies + copies / 100, "%d",
              (int)(integers - plain));
    cr_expect(twin > plain && both == (twin > integers ? twin : integers));
    set.d = IST_INTEGER_FEATURES - 1;
    int64_t with = ist_set_bytes(&set);
    set.integers = false;
    cr_expect(with == ist_set_bytes(&set), "too few features");
}

Test(integers, visited)
{
    const ist_kernel *kernel = kernel_with_integers();
    const data_kind plain = {"plain", 0, 1, 0, 0, 1};
    ist_rows rows = filtered_rows(&plain, ROWS, 10, false, IST_FILTER_PRODUCT);
    ist_rows other = filtered_rows(&plain, ROWS, 10, false, IST_FILTER_INTEGER);
    double distance[ROWS * (IST_FEW_THRESHOLDS + 1)];
    for (int64_t e = 0; e < ROWS * (IST_FEW_THRESHOLDS + 1); e++)
        distance[e] = 1;
    cr_expect(ist_rows_for_nearest(kernel, &rows) == &rows, "there are none");
    cr_expect(ist_rows_for_counts(kernel, &rows, 1, distance) == &rows, "there are none");
    ist_rows_add_integers(&rows, &other.filter);
    rows.gain = (ist_integer_gain){.near = 1, .few = 2, .open = 1};
    cr_expect(!rows.integer->packed.row, "packed when they are wanted");
    const ist_rows *visited = ist_rows_for_nearest(kernel, &rows);
    cr_expect(visited == rows.integer && visited->packed.tiles == rows.packed.tiles);
    cr_expect(visited->home.narrow == rows.home.narrow);
    cr_expect(ist_rows_for_counts(kernel, &rows, IST_FEW_THRESHOLDS, distance) == visited);
    cr_expect(ist_rows_for_counts(kernel, &rows, IST_FEW_THRESHOLDS + 1, distance) == &rows);
    for (int64_t e = 0; e < ROWS / 16; e++)
        distance[e] = 3;
    cr_expect(ist_rows_for_counts(kernel, &rows, 1, distance) == visited, "few are far");
    for (int64_t e = 0; e < ROWS / 4; e++)
        distance[e] = 2;
    cr_expect(ist_rows_for_counts(kernel, &rows, 1, distance) == visited, "more are less near");
    for (int64_t e = 0; e < ROWS / 4; e++)
        distance[e] = 3;
    cr_expect(ist_rows_for_counts(kernel, &rows, 1, distance) == &rows, "they are far");
    rows.gain.open = 0.1;
    cr_expect(ist_rows_for_counts(kernel, &rows, 1, distance) == visited, "that cost little");
    cr_expect(ist_rows_for_nearest(ist_kernel_choose("reference"), &rows) == &rows);
    ist_rows_drop_integers(&rows);
    cr_expect(ist_rows_for_nearest(kernel, &rows) == &rows);
    ist_rows_release(&rows);
    ist_rows_release(&other);
}
