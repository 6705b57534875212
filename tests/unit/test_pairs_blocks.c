/* Superblocks depend on the samples alone; ranks own runs of them. */
#include "infostrata/pairs.h"

#include <criterion/criterion.h>

static void expect_ranges(const ist_blocks *blocks, int64_t n)
{
    for (int ranks = 1; ranks <= 7; ranks++) {
        int64_t expected = 0;
        for (int rank = 0; rank < ranks; rank++) {
            int64_t first, last;
            ist_blocks_range(blocks, ranks, rank, &first, &last);
            cr_assert(first == expected && last >= first, "rank %d of %d", rank, ranks);
            expected = last;
            if (first == last)
                continue;
            cr_expect(blocks->start[ist_blocks_find(blocks, first)] == first,
                      "a superblock is cut");
            cr_expect(ist_blocks_owner(blocks, ranks, first) == rank);
            cr_expect(ist_blocks_owner(blocks, ranks, last - 1) == rank);
        }
        cr_expect(expected == n);
    }
}

static void expect_blocks(const int64_t *start, int segments, int64_t size)
{
    ist_blocks blocks = ist_blocks_new(start, segments);
    int64_t at = 0;
    int segment = 0;
    for (int64_t b = 0; b < blocks.count; b++) {
        while (start[segment + 1] <= at)
            segment++;
        cr_assert(blocks.start[b] == at && blocks.segment[b] == segment, "superblock %d", (int)b);
        at = ist_min(at + size, start[segment + 1]);
        cr_assert(blocks.start[b + 1] == at, "superblock %d", (int)b);
        cr_expect(ist_blocks_find(&blocks, at - 1) == b);
    }
    cr_expect(at == start[segments]);
    expect_ranges(&blocks, start[segments]);
    ist_blocks_release(&blocks);
}

Test(blocks, of_all_samples)
{
    static const int64_t sizes[] = {1, 2, 95, 96, 97, 192, 1000, 59999};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        expect_blocks((const int64_t[]){0, sizes[i]}, 1, 96);
    expect_blocks((const int64_t[]){0, 60000}, 1, 960);
    expect_blocks((const int64_t[]){0, 1234567}, 1, 960);
}

Test(blocks, of_parts)
{
    expect_blocks((const int64_t[]){0, 100, 100, 130, 500}, 4, 96);
    expect_blocks((const int64_t[]){0, 6000, 12000, 60100}, 3, 960);
}

/* ---- labels as a space ------------------------------------------------------------------------- */

/* measures.md 1.1: n_c / 2 in one's own class of n_c, else (n - 1 + n_c) / 2. */
Test(labels, ranks)
{
    enum { ROWS = 2, K = 2, STRIDE = 3 };
    static const int32_t class_of[] = {0, 1, 1, 0, 2, 1};
    static const int64_t class_size[] = {2, 3, 1}, row[ROWS] = {2, 4};
    static const int32_t neighbour[ROWS * STRIDE] = {1, 0, -1, 3, 5, -1};
    int64_t twice[ROWS * STRIDE] = {0};
    ist_label_ranks(6, ROWS, K, STRIDE, row, neighbour, class_of, class_size, twice);
    cr_expect(twice[0] == 3 && twice[1] == 8 && twice[2] == 0);
    cr_expect(twice[3] == 6 && twice[4] == 6 && twice[5] == 0);
}
