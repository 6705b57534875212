/* How matrices lie on a grid of ranks. */
#include <criterion/criterion.h>

#include "infostrata/layout.h"

Test(dense_layout, grids_are_as_square_as_they_can)
{
    static const int rows[] = {1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4};
    for (int ranks = 1; ranks <= 16; ranks++) {
        ist_grid_shape shape = ist_grid_shape_of(ranks);
        cr_expect(shape.rows == rows[ranks - 1] && shape.columns == ranks / shape.rows, "%d ranks",
                  ranks);
    }
}

Test(dense_layout, blocks_hold_what_lies_together)
{
    cr_expect_eq(ist_grid_block(1), 64);
    cr_expect_eq(ist_grid_block(10), 60);
    cr_expect_eq(ist_grid_block(64), 64);
    cr_expect_eq(ist_grid_block(100), 100);
}

/* Each index has one part and one place; places of a part have no gap. */
Test(dense_layout, every_index_has_one_place)
{
    for (int parts = 1; parts <= 5; parts++)
        for (int64_t n = 0; n < 400; n += 7)
            for (int block = 1; block <= 64; block *= 4) {
                int64_t found[5] = {0};
                for (int64_t i = 0; i < n; i++) {
                    int part = ist_cyclic_part(i, block, parts);
                    int64_t place = ist_cyclic_place(i, block, parts);
                    cr_assert_eq(place, found[part]++);
                    cr_assert_eq(ist_cyclic_index(place, block, part, parts), i);
                }
                for (int p = 0; p < parts; p++)
                    cr_assert_eq(ist_cyclic_count(n, block, p, parts), found[p]);
            }
}

Test(dense_layout, memory_and_what_fits)
{
    cr_expect_eq(ist_dense_bytes(1000, 1000, 1, 1), 8000000);
    /* 1000 rows in blocks of 64: half of the 16, the last of which is short, is 512. */
    cr_expect_eq(ist_dense_bytes(1000, 1000, 4, 1), 8 * 512 * 512);
    cr_expect_eq(ist_dense_bytes(1000, 1000, 5, 1), 8 * 512 * 512);
    cr_expect(ist_dense_countable(46340, 46340, 1, 1));
    cr_expect_not(ist_dense_countable(46341, 46341, 1, 1));
    cr_expect_not(ist_dense_countable(INT64_C(1) << 40, INT64_C(1) << 40, 1, 1));
    cr_expect_eq(ist_dense_largest(INT64_C(1) << 60, 1, 0, 1, 1), 46340);
    for (int ranks = 1; ranks <= 6; ranks++)
        for (int64_t rest = 0; rest <= 5000; rest += 5000) {
            const int64_t bytes = 100 << 20;
            int64_t n = ist_dense_largest(bytes, 3, rest, ranks, 1);
            cr_expect(n > 1000);
            cr_expect_leq(3 * ist_dense_bytes(n, n, ranks, 1) + rest * n, bytes);
            cr_expect_gt(3 * ist_dense_bytes(n + 1, n + 1, ranks, 1) + rest * (n + 1), bytes);
        }
    cr_expect_eq(ist_dense_largest(0, 1, 0, 1, 1), 0);
}
