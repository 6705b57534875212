/* What the engine says it needs is what it allocates. */
#include "../../src/pairs/geometry.h"
#include "infostrata/kdtree.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <math.h>

enum { N = 6000, D = 24 };

/* Bytes that the C library has handed out. */
static int64_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
}

/* Sanitizers bring an allocator of their own. */
static void need_counted_memory(void)
{
    int64_t before = allocated();
    void *block = ist_alloc(1 << 20, 1);
    bool counted = allocated() - before >= 1 << 20;
    ist_free(block);
    if (!counted)
        cr_skip_test("the allocator does not count");
}

static void expect_near(int64_t used, int64_t planned, const char *what)
{
    cr_expect(fabs((double)(used - planned)) < 0.02 * (double)planned, "%s: %lld, planned %lld",
              what, (long long)used, (long long)planned);
}

static ist_set_shape shape_of(bool wide, int segments)
{
    return (ist_set_shape){.n = N, .d = D, .wide = wide, .segments = segments, .ranks = 1};
}

static ist_rows rows_new(bool wide, int segments)
{
    int64_t start[12] = {0};
    for (int s = 0; s <= segments; s++)
        start[s] = ist_share(N, segments, s);
    ist_rows rows = {.n = N, .d = D, .wide = wide, .filter = {.form = IST_FILTER_PRODUCT}};
    rows.blocks = ist_blocks_new(start, segments);
    rows.home.count = N;
    if (wide)
        rows.home.wide = ist_alloc(N * D, sizeof *rows.home.wide);
    else
        rows.home.narrow = ist_alloc(N * D, sizeof *rows.home.narrow);
    rows.packed = ist_pack(&rows, &rows.home);
    return rows;
}

Test(memory, of_a_set)
{
    need_counted_memory();
    for (int wide = 0; wide < 2; wide++)
        for (int segments = 1; segments < 12; segments += 9) {
            ist_set_shape set = shape_of(wide, segments);
            int64_t before = allocated();
            ist_rows rows = rows_new(wide, segments);
            cr_expect(ist_set_rows(&set) == N);
            expect_near(allocated() - before, ist_set_bytes(&set), "set");
            ist_rows_release(&rows);
        }
}

/* The words of home and of the chunk that is home's, and room for tiles: in every pass. */
static int64_t aside(void)
{
    return (int64_t)N * 16 + IST_TILE * (IST_TILE * 12 + 2 * D * 8);
}

Test(memory, of_neighbours)
{
    need_counted_memory();
    ist_rows rows = rows_new(false, 1);
    ist_set_shape set = shape_of(false, 1);
    for (int64_t k = 1; k < 200; k = 3 * k + 4) {
        int64_t before = allocated();
        ist_nearest *nearest = ist_nearest_new(&rows, k, (ist_tie_rule){.by_index = true});
        expect_near(allocated() - before, ist_pass_bytes(&set, k, 0, 1) - aside(), "nearest");
        ist_nearest_free(&nearest);
    }
    ist_rows_release(&rows);
}

Test(memory, of_counts)
{
    need_counted_memory();
    ist_rows rows = rows_new(false, 1);
    ist_set_shape set = shape_of(false, 1);
    const int64_t thresholds[] = {1, 8, 9, 64, 270};
    for (size_t t = 0; t < sizeof thresholds / sizeof thresholds[0]; t++) {
        int64_t before = allocated(), entries = N * thresholds[t];
        int32_t *target = ist_alloc((size_t)entries, sizeof *target);
        double *distance = ist_alloc((size_t)entries, sizeof *distance);
        ist_counts *counts = ist_counts_new(&rows, thresholds[t], false, target, distance);
        expect_near(allocated() - before, ist_pass_bytes(&set, 0, thresholds[t], 1) - aside(),
                    "counts");
        ist_counts_free(&counts);
    }
    ist_rows_release(&rows);
}

Test(memory, of_geometry)
{
    need_counted_memory();
    const ist_kernel *kernel = ist_kernel_choose(NULL);
    if (!kernel->near)
        cr_skip_test("no kernel that skips");
    ist_rows rows = rows_new(false, 1);
    int64_t before = allocated();
    ist_geometry geometry = ist_geometry_new(&rows, kernel, &rows.packed);
    expect_near(allocated() - before, ist_geometry_bytes(rows.packed.tiles, D), "geometry");
    ist_geometry_release(&geometry);
    ist_rows_release(&rows);
}

/* A twin has places and superblocks of its own; with parts, numbers too. */
Test(memory, of_twins)
{
    for (int wide = 0; wide < 2; wide++)
        for (int segments = 1; segments < 12; segments += 9) {
            ist_set_shape set = shape_of(wide, segments), twin = set;
            twin.twin = true;
            int64_t places = (segments > 1 ? 16 : 8) * (int64_t)N;
            int64_t more = ist_set_bytes(&twin) - ist_set_bytes(&set) - places;
            cr_expect(more > 0 && more < 12 * (N / 96 + 12));
            int64_t values = (int64_t)N * D * (wide ? 8 : 4);
            cr_expect(ist_ordering_bytes(&twin) >= 2 * values + places + ist_reorder_bytes(&twin));
            cr_expect(ist_pass_bytes(&twin, 3, 0, 1) > ist_pass_bytes(&set, 3, 0, 1));
            cr_expect(ist_pass_bytes(&twin, 0, 3, 1) > ist_pass_bytes(&set, 0, 3, 1));
        }
}

/* 20,000 rows in superblocks of 96: 209 blocks, 70 of them at most on one of three ranks. */
Test(memory, of_ranks_and_chunks)
{
    ist_set_shape set = {.n = 20000, .d = D, .segments = 1, .ranks = 3};
    int64_t rows = 70 * 96, value = D * 4, copy = (D + 3) * 4;
    cr_expect(ist_set_rows(&set) == rows);
    ist_set_shape alone = {.n = rows, .d = D, .segments = 1, .ranks = 1};
    int64_t home = ist_pass_bytes(&alone, 5, 0, 1), out = 16, back = 4 + 12 * 5;
    int64_t here = value + out + copy + 8 + ist_nearest_bytes(5) + back;
    cr_expect(ist_pass_bytes(&set, 5, 0, INT64_C(1) << 30) == home + rows * here);
    int64_t chunk = 1000 * (value + out + back);
    cr_expect(ist_pass_bytes(&set, 5, 0, chunk) == home + 1000 * (here + value + 2 * out));
    /* A superblock travels whole. */
    cr_expect(ist_pass_bytes(&set, 5, 0, 1) == home + 96 * (here + value + 2 * out));
}

/* A tree has every row on every rank; sets of more features have none. */
Test(memory, of_trees)
{
    need_counted_memory();
    const int64_t start[2] = {0, N};
    ist_rows rows = {.n = N, .d = 3, .wide = true, .blocks = ist_blocks_new(start, 1)};
    rows.home = (ist_slab){.count = N, .wide = ist_alloc(3 * N, sizeof(double))};
    for (int64_t e = 0; e < 3 * N; e++)
        rows.home.wide[e] = (double)(e * 7919 % 10007);
    int64_t before = allocated();
    ist_kdtree *tree =
        ist_kdtree_new(&rows, &rows.home, ist_kernel_choose(NULL), (ist_tie_rule){0}, NULL);
    int64_t kept = allocated() - before, planned = ist_kdtree_bytes(N, 3, 1);
    int64_t making = N * (int64_t)(3 * sizeof(double) + 16);
    cr_expect(kept <= planned - making && kept > 0.8 * (double)(planned - making), "%lld of %lld",
              (long long)kept, (long long)(planned - making));
    ist_kdtree_free(&tree);
    ist_rows_release(&rows);
    for (int64_t d = 3; d <= 4; d++) {
        ist_set_shape set = {.n = N, .d = d, .segments = 1, .ranks = 64}, with = set;
        with.tree = true;
        int64_t more = ist_pass_bytes(&with, 3, 0, 1) - ist_pass_bytes(&set, 3, 0, 1);
        cr_expect((more > 0) == (d == 3));
    }
}

/* What a joint set has beside its components; of components with twins, their values and copies. */
Test(memory, of_joint_sets)
{
    need_counted_memory();
    for (int wide = 0; wide < 2; wide++)
        for (int segments = 1; segments < 12; segments += 9) {
            ist_rows x = rows_new(false, segments), y = rows_new(wide, segments), joint;
            x.filter.largest = y.filter.largest = 1;
            const ist_rows *const component[2] = {&x, &y};
            const double factor[2] = {1, 2};
            ist_set_shape set = shape_of(false, segments);
            set.joint_d = D;
            set.joint_wide = wide;
            int64_t before = allocated();
            ist_rows_join(component, factor, &joint);
            cr_assert(joint.filter.form == IST_FILTER_JOINT);
            expect_near(allocated() - before, ist_set_bytes(&set), "joint set");
            ist_rows_release(&joint);
            ist_rows_release(&x);
            ist_rows_release(&y);
        }
}

/* Two components' values and copies in every chunk, two tiles at work, home rows of both for these. */
Test(memory, of_joint_passes)
{
    enum { OTHER = 12 };
    ist_set_shape set = {
        .n = 20000, .d = D, .segments = 1, .ranks = 3, .joint_d = OTHER, .joint_wide = true};
    int64_t rows = 70 * 96, value = D * 4 + OTHER * 8;
    int64_t copy = (D + 3) * 4 + (OTHER + 3) * 4 + 8;
    int64_t tile = IST_TILE * (IST_TILE * 12 + D * 8), out = 16, back = 4 + 12 * 5;
    cr_expect(ist_set_rows(&set) == rows);
    ist_set_shape plain = {.n = rows, .d = D, .segments = 1, .ranks = 1};
    int64_t home = ist_pass_bytes(&plain, 5, 0, 1) + tile;
    int64_t here = value + out + copy + 8 + ist_nearest_bytes(5) + back;
    cr_expect(ist_pass_bytes(&set, 5, 0, INT64_C(1) << 30) == home + rows * here);
    cr_expect(ist_pass_bytes(&set, 5, 0, 1) == home + 96 * (here + value + 2 * out));
    int64_t alone = ist_set_bytes(&set);
    set.twin = true;
    ist_set_shape x = {.n = 20000, .d = D, .segments = 1, .ranks = 3}, y = x;
    y.d = OTHER;
    y.wide = true;
    cr_expect(ist_set_bytes(&set) == alone + ist_set_bytes(&x) + ist_set_bytes(&y));
    cr_expect(ist_pass_bytes(&set, 5, 0, 1) == home + 96 * (here + value + 2 * out));
}
