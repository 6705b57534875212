/* Which pairs are done: the same whatever the order of tiles, and through a file. */
#include <criterion/criterion.h>
#include <string.h>

#include "../../src/pairs/progress.h"

/* Two segments; superblocks of 960 rows, the last of each shorter: 4 with 10, 10, 10, 2 tiles, 60 more. */
enum { FIRST = 2 * 960 + 960 + 150, N = FIRST + 58000 };

static ist_blocks some_blocks(int64_t first, int64_t n)
{
    const int64_t start[3] = {0, first, n};
    return ist_blocks_new(start, 2);
}

static int tiles(const ist_blocks *b, int64_t x)
{
    return (int)ist_ceil_div(b->start[x + 1] - b->start[x], IST_TILE);
}

/* Marks a tile, from either side. */
static void mark_tile(ist_progress *p, int64_t x, int i, int64_t y, int j, bool turned)
{
    cr_assert(!ist_progress_has(p, x, i, y, j), "%d %d", i, j);
    if (turned)
        ist_progress_mark(p, y, j, x, i);
    else
        ist_progress_mark(p, x, i, y, j);
    cr_assert(ist_progress_has(p, x, i, y, j) && ist_progress_has(p, y, j, x, i));
}

/* Marks all tiles of a pair but the last `left`. */
static void mark_pair(ist_progress *p, int64_t x, int64_t y, int left)
{
    int rows = tiles(p->blocks, x), columns = tiles(p->blocks, y);
    int wanted = (x == y ? rows * (rows + 1) / 2 : rows * columns) - left;
    for (int i = 0; i < rows; i++)
        for (int j = x == y ? i : 0; j < columns && wanted > 0; j++)
            mark_tile(p, x, i, y, j, wanted-- % 2);
}

Test(progress, a_pair_is_finished_with_its_last_tile)
{
    ist_blocks blocks = some_blocks(FIRST, N);
    ist_progress *p = ist_progress_new(&blocks);
    cr_assert(blocks.count == 4 + 61);
    cr_expect(p->pairs == 4 * 5 / 2 + 61 * 62 / 2);
    const int64_t some[][2] = {{0, 0}, {0, 1}, {2, 3}, {3, 3}, {4, 64}, {64, 64}, {10, 11}};
    for (size_t s = 0; s < sizeof some / sizeof *some; s++) {
        int64_t x = some[s][0], y = some[s][1];
        mark_pair(p, x, y, 1);
        cr_expect(!ist_progress_finished(p, x, y), "%d", (int)s);
        int i = tiles(&blocks, x) - 1, j = tiles(&blocks, y) - 1;
        cr_expect(!ist_progress_has(p, x, i, y, j));
        ist_progress_mark(p, x, i, y, j);
        cr_expect(ist_progress_finished(p, x, y) && ist_progress_finished(p, y, x), "%d", (int)s);
        cr_expect(p->begun_count == 0);
    }
    cr_expect(ist_progress_finished(p, 0, 10)); /* of two segments: nothing to do */
    cr_expect(!ist_progress_finished(p, 0, 2));
    ist_progress_free(&p);
    ist_blocks_release(&blocks);
}

Test(progress, superblocks_of_one_tile)
{
    ist_blocks blocks = some_blocks(1000, 2000);
    ist_progress *p = ist_progress_new(&blocks);
    ist_progress_mark(p, 2, 0, 1, 0);
    cr_expect(ist_progress_finished(p, 1, 2) && !ist_progress_finished(p, 1, 1));
    cr_expect(ist_progress_has(p, 1, 0, 2, 0) && !ist_progress_has(p, 1, 0, 1, 0));
    cr_expect(p->begun_count == 0 && p->marked == 1);
    ist_progress_free(&p);
    ist_blocks_release(&blocks);
}

/* All pairs begun in some order, finished in another, while the table grows and shrinks. */
Test(progress, many_begun_pairs)
{
    ist_blocks blocks = some_blocks(FIRST, N);
    ist_progress *p = ist_progress_new(&blocks);
    int64_t count = blocks.count;
    for (int64_t x = 4; x < count; x++)
        for (int64_t y = x + 1; y < count; y++)
            ist_progress_mark(p, x, 0, y, 0);
    int64_t begun = p->begun_count;
    cr_expect(begun == 61 * 60 / 2 - 60 * (tiles(&blocks, count - 1) * 10 == 1));
    for (int64_t x = 4; x < count; x++)
        for (int64_t y = x + 1; y < count; y++)
            if ((x + y) % 3 == 0)
                for (int t = 1; t < 10 * tiles(&blocks, y); t++)
                    ist_progress_mark(p, x, t % 10, y, t / 10);
    for (int64_t x = 4; x < count; x++)
        for (int64_t y = x + 1; y < count; y++) {
            cr_assert(ist_progress_finished(p, x, y) == ((x + y) % 3 == 0));
            cr_assert(ist_progress_has(p, x, 0, y, 0));
            cr_assert(ist_progress_has(p, x, 9, y, 0) == ((x + y) % 3 == 0));
        }
    ist_progress_free(&p);
    ist_blocks_release(&blocks);
}

Test(progress, through_a_file)
{
    ist_blocks blocks = some_blocks(FIRST, N);
    ist_progress *p = ist_progress_new(&blocks), *back = ist_progress_new(&blocks);
    mark_pair(p, 0, 1, 0);
    mark_pair(p, 3, 3, 1);
    mark_pair(p, 5, 60, 70);
    ist_text bytes = {0}, again = {0};
    ist_progress_write(p, &bytes);
    cr_assert(ist_progress_read(back, bytes.data, bytes.length));
    ist_progress_write(back, &again);
    cr_expect(again.length == bytes.length);
    cr_expect(ist_progress_finished(back, 0, 1) && !ist_progress_finished(back, 5, 60));
    cr_expect(ist_progress_has(back, 5, 0, 60, 0) && !ist_progress_has(back, 5, 9, 60, 9));
    /* Not of these superblocks: other lengths, tiles and pairs that there are not. */
    for (size_t cut = 1; cut <= bytes.length; cut++) {
        ist_progress *other = ist_progress_new(&blocks);
        bool whole = (bytes.length - cut - (size_t)p->words * 8) % sizeof(ist_begun) == 0;
        bool read = ist_progress_read(other, bytes.data, bytes.length - cut);
        cr_assert(read == (whole && bytes.length - cut >= (size_t)p->words * 8));
        ist_progress_free(&other);
    }
    ist_begun wrong[] = {{.pair = p->pairs, .tiles = {1, 0}},
                         {.pair = -1, .tiles = {1, 0}},
                         {.pair = p->first_pair[3], .tiles = {UINT64_C(1) << 10, 0}},
                         {.pair = 1, .tiles = {1, 0}}};
    for (size_t w = 0; w < sizeof wrong / sizeof *wrong; w++) {
        ist_progress *other = ist_progress_new(&blocks);
        ist_text text = {0};
        ist_text_add_bytes(&text, bytes.data, (size_t)p->words * 8);
        ist_text_add_bytes(&text, (const char *)&wrong[w], sizeof *wrong);
        cr_expect(!ist_progress_read(other, text.data, text.length), "%d", (int)w);
        ist_text_release(&text);
        ist_progress_free(&other);
    }
    ist_text_release(&bytes);
    ist_text_release(&again);
    ist_progress_free(&back);
    ist_progress_free(&p);
    ist_blocks_release(&blocks);
}

/* Two ranks that did different tiles know all of them afterwards. */
Test(progress, put_together)
{
    ist_blocks blocks = some_blocks(FIRST, N);
    ist_progress *p = ist_progress_new(&blocks), *q = ist_progress_new(&blocks);
    for (int i = 0; i < 10; i++)
        for (int j = 0; j < 10; j++)
            ist_progress_mark(i < 5 ? p : q, 0, i, 2, j);
    int64_t count;
    ist_begun *begun = ist_progress_begun(q, &count);
    cr_assert(count == 1);
    ist_progress_add(p, begun);
    cr_expect(ist_progress_finished(p, 0, 2) && p->begun_count == 0);
    ist_progress_add(p, begun);
    cr_expect(p->begun_count == 0);
    memcpy(q->finished, p->finished, (size_t)p->words * sizeof *p->finished);
    ist_progress_tidy(q);
    cr_expect(q->begun_count == 0 && ist_progress_has(q, 2, 9, 0, 9));
    ist_free(begun);
    ist_progress_free(&p);
    ist_progress_free(&q);
    ist_blocks_release(&blocks);
}
