/* Joint sets: bounds of their filter, equal rows, scaled thresholds. (tests/ranks/check_joint.c has the passes.) */
#include "test_pairs_support.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum { ROWS = 150 };

static const char *const names[] = {"avx2", "avx512"};

/* ---- the filter ------------------------------------------------------------------------------ */

/* One component: what its values are like, and how they are filtered. */
typedef struct {
    data_kind kind;
    int64_t d;
    bool wide;
    ist_filter_form form;
} part_kind;

static ist_rows part_new(const part_kind *part)
{
    return filtered_rows(&part->kind, ROWS, part->d, part->wide, part->form);
}

static void joint_values(const ist_kernel *kernel, const ist_rows *joint, int64_t a, int64_t b,
                         float *tile)
{
    static float other[IST_TILE * IST_TILE];
    for (int c = 0; c < 2; c++) {
        const ist_rows *rows = joint->component[c];
        const ist_packed *packed = &joint->packed.component[c];
        int64_t size = IST_TILE * ist_filter_words(&rows->filter, rows->d);
        kernel->filter[rows->filter.form](packed->panels + a * size, packed->panels + b * size,
                                          rows->d, packed->term + a * IST_TILE,
                                          packed->term + b * IST_TILE, c ? other : tile);
    }
    kernel->joint(joint->filter.factor[0], other, joint->filter.factor[1], tile);
}

static bounds_tally tally_of(const ist_kernel *kernel, const ist_rows *joint)
{
    static float tile[IST_TILE * IST_TILE];
    const ist_packed *packed = &joint->packed;
    bounds_tally t = {0};
    for (int64_t a = 0; a < packed->tiles; a++)
        for (int64_t b = 0; b < packed->tiles; b++) {
            joint_values(kernel, joint, a, b, tile);
            for (int64_t i = 0; i < IST_TILE; i++)
                for (int64_t j = 0; j < IST_TILE; j++) {
                    int64_t x = a * IST_TILE + i, y = b * IST_TILE + j;
                    float l = tile[i * IST_TILE + j];
                    if (x >= ROWS || y >= ROWS)
                        t.wrong += !isnan(l);
                    else if (x != y)
                        check_bounds(&joint->filter, l, packed->width[x], packed->width[y],
                                     ist_exact_distance(joint, &joint->home, x, &joint->home, y),
                                     &t);
                }
        }
    return t;
}

static const part_kind parts[] = {
    {{"plain", 0, 1, 0, 0, 1e-3}, 5, false, IST_FILTER_DIRECT},
    {{"plain", 0, 1, 0, 0, 1e-3}, 130, false, IST_FILTER_PRODUCT},
    {{"plain", 0, 1, 0, 0, 1e-3}, 64, true, IST_FILTER_PRODUCT},
    {{"offset", 1e5, 1, 0, 0, 1}, 7, true, IST_FILTER_DIRECT},
    {{"tiny", 0, 1e-20, 0, 0, 1e-3}, 3, true, IST_FILTER_DIRECT},
    {{"denormal", 0, 1e-40, 0, 0, 0.1}, 9, false, IST_FILTER_DIRECT},
    {{"huge", 0, 1e30, 0, 0, 1e-3}, 2, false, IST_FILTER_PRODUCT},
    {{"lattice", 3, 9, 1, 0, 0}, 4, false, IST_FILTER_DIRECT},
    {{"fine lattice", 100, 4, 0.125, 0, 0}, 6, false, IST_FILTER_PRODUCT},
    {{"two values", 0, 0.9, 0.7, 0, 0}, 40, true, IST_FILTER_DIRECT},
    {{"outlier", 0, 1, 0, 1e6, 1e-3}, 10, false, IST_FILTER_PRODUCT},
    {{"sizes", 0, 1, 0, 0, 1e-3}, 10, true, IST_FILTER_SIZES},
    {{"largest", 0, 1, 0, 0, 1e-3}, 10, false, IST_FILTER_LARGEST},
    {{"integers", 0, 1, 0, 0, 0.1}, 65, false, IST_FILTER_INTEGER},
    {{"integers, offset", 1e5, 1, 0, 0, 1}, 8, true, IST_FILTER_INTEGER},
    {{"integers, tiny", 0, 1e-20, 0, 0, 0.1}, 130, true, IST_FILTER_INTEGER},
    {{"integers, lattice", 3, 9, 1, 0, 0}, 9, false, IST_FILTER_INTEGER},
};
enum { PARTS = sizeof parts / sizeof *parts };

/* One set beside another, the second one's distances as large as the first's or by a factor otherwise. */
static void check_joint(const ist_kernel *kernel, const part_kind *x, const part_kind *y,
                        double ratio)
{
    ist_rows set[2] = {part_new(x), part_new(y)}, joint;
    double size[2];
    for (int c = 0; c < 2; c++)
        size[c] = ist_exact_distance(&set[c], &set[c].home, 0, &set[c].home, 1);
    const double factor[2] = {1 / size[0], ratio / size[1]};
    const ist_rows *const component[2] = {&set[0], &set[1]};
    ist_rows_join(component, factor, &joint);
    cr_assert(joint.filter.form == IST_FILTER_JOINT, "%s, %s", x->kind.name, y->kind.name);
    bounds_tally t = tally_of(kernel, &joint);
    cr_expect(t.wrong == 0, "%s, %s and %s, %g: %d bounds", kernel->name, x->kind.name,
              y->kind.name, ratio, (int)t.wrong);
    double useful = fmax(1e-4, fmax(x->kind.useful, y->kind.useful));
    cr_expect(t.gap <= useful * t.distance, "%s, %s and %s, %g: gap %g of %g", kernel->name,
              x->kind.name, y->kind.name, ratio, t.gap, t.distance);
    ist_rows_release(&joint);
    ist_rows_release(&set[0]);
    ist_rows_release(&set[1]);
}

Test(joint, bounds, .timeout = 240)
{
    static const double ratios[] = {1, 1e-6, 1e6};
    for (size_t n = 0; n < 2; n++) {
        const ist_kernel *kernel = ist_kernel_choose(names[n]);
        for (int x = 0; x < PARTS && kernel; x++)
            for (int y = 0; y < PARTS && kernel->filter[parts[x].form]; y++)
                for (int r = 0; r < 3 && kernel->filter[parts[y].form]; r++)
                    check_joint(kernel, &parts[x], &parts[y], ratios[r]);
    }
}

/* Lattices whose factors are powers of two: the filter is the distance. */
Test(joint, exact_lattices)
{
    static const double factors[][2] = {{1, 1}, {0.25, 8}, {0x1p-30, 0x1p-37}};
    for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
        ist_rows set[2] = {part_new(&parts[7]), part_new(&parts[8])}, joint;
        const ist_rows *const component[2] = {&set[0], &set[1]};
        ist_rows_join(component, factors[f], &joint);
        cr_assert(joint.filter.exact && joint.filter.zero_exact);
        for (size_t n = 0; n < 2 && ist_kernel_choose(names[n]); n++) {
            bounds_tally t = tally_of(ist_kernel_choose(names[n]), &joint);
            cr_expect(t.wrong == 0 && t.sure == t.pairs && t.gap == 0, "%s, %d", names[n], (int)f);
        }
        ist_rows_release(&joint);
        const double thirds[2] = {1.0 / 3, 1};
        ist_rows_join(component, thirds, &joint);
        cr_expect(!joint.filter.exact && joint.filter.zero_exact);
        ist_rows_release(&joint);
        ist_rows_release(&set[0]);
        ist_rows_release(&set[1]);
    }
}

/* What float32 cannot hold beside each other has no filter; neither has what lacks one. */
Test(joint, none)
{
    ist_rows x = part_new(&parts[0]), y = part_new(&parts[0]), joint;
    const ist_rows *const component[2] = {&x, &y};
    static const double factors[][2] = {{1, 1e40}, {1e-40, 1}, {1e-300, 1e-300}, {1e300, 1e300}};
    for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
        ist_rows_join(component, factors[f], &joint);
        cr_expect(joint.filter.form == IST_FILTER_NONE, "%g and %g", factors[f][0], factors[f][1]);
        cr_expect(joint.packed.tiles == 2 && !joint.packed.component);
        ist_rows_release(&joint);
    }
    static const double ones[2] = {1, 1};
    ist_filter_release(&y.filter);
    ist_rows_join(component, ones, &joint);
    cr_expect(joint.filter.form == IST_FILTER_NONE);
    ist_rows_release(&joint);
    ist_rows_release(&x);
    ist_rows_release(&y);
}

/* ---- equal rows ------------------------------------------------------------------------------ */

/* Row i is number i % 6 of x and number i % 4 of y: in both, number i % 12. */
Test(joint, kinds)
{
    enum { D = 3 };
    const data_kind plain = {"plain", 0, 1, 0, 0, 1};
    ist_rows set[2], joint;
    for (int c = 0; c < 2; c++) {
        ist_rows *rows = &set[c];
        *rows = filtered_rows(&plain, ROWS, D, false, IST_FILTER_DIRECT);
        for (int64_t at = 0; at < ROWS * D; at++)
            rows->home.narrow[at] = (float)(at / D % (c ? 4 : 6) + at % D) * 0.1f;
        rows->may_repeat = true;
        ist_packed_release(&rows->packed);
        rows->packed = ist_pack(rows, &rows->home);
    }
    const ist_rows *const component[2] = {&set[0], &set[1]};
    const double factor[2] = {1, 0.3};
    ist_rows_join(component, factor, &joint);
    cr_assert(joint.may_repeat && joint.packed.repeats);
    for (int i = 0; i < ROWS; i++)
        cr_expect(joint.packed.kind[i] == i % 12, "row %d: %d", i, joint.packed.kind[i]);
    ist_packed again = ist_pack(&joint, &joint.home);
    cr_expect(memcmp(again.kind, joint.packed.kind, ROWS * sizeof *again.kind) == 0);
    ist_packed_release(&again);
    ist_rows_release(&joint);
    ist_rows_release(&set[0]);
    ist_rows_release(&set[1]);
}

/* ---- scaled thresholds ----------------------------------------------------------------------- */

static void check_threshold(double eps, double factor)
{
    volatile double t = ist_scaled_threshold(eps, factor), before = nextafter(t, -1);
    volatile double reached = t * factor, below = before * factor;
    cr_expect(t == 0 || below < eps, "%a, %a: %a is not the smallest", eps, factor, t);
    cr_expect(isinf(t) || reached >= eps, "%a, %a: %a is too small", eps, factor, t);
}

Test(joint, scaled_thresholds)
{
    static const double factors[] = {1,     0.5,    3,      1.0 / 3, 0x1.fffffffffffffp-1, 1e-12,
                                     1e300, 1e-300, 5e-324, DBL_MAX, 0x1.0000000000001p0};
    static const double sizes[] = {5e-324, 1.5e-323, DBL_MIN, 1e-300, 1e-9,
                                   1,      7.1,      1e9,     1e300,  DBL_MAX};
    uint64_t seed = 3;
    for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
        cr_expect(ist_scaled_threshold(0, factors[f]) == 0);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            check_threshold(sizes[s], factors[f]);
        for (int draw = 0; draw < 1000; draw++) {
            /* Products of a number and the factor, as the engine makes them. */
            volatile double d = 10 * (next_uniform(&seed) + 0.5);
            check_threshold(d * factors[f], factors[f]);
            check_threshold(d, factors[f]);
        }
    }
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        cr_expect(ist_scaled_threshold(sizes[s], 1) == sizes[s]);
    cr_expect(isinf(ist_scaled_threshold(INFINITY, 1)));
    cr_expect(isinf(ist_scaled_threshold(INFINITY, 1e-3)));
    cr_expect(isinf(ist_scaled_threshold(1, 5e-324)));
    cr_expect(ist_scaled_threshold(INFINITY, 4) == 0x1p1022);
}
