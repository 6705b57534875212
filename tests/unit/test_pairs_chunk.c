/* Chunks of home's rows borrow home's copies; what visits has copies of its own, wherever it lies. */
#include "infostrata/pairs.h"

#include <criterion/criterion.h>

enum { N = 3 * IST_TILE, D = 2 };

static ist_rows second_tile_of(float *values)
{
    const int64_t start[2] = {0, N};
    ist_rows rows = {.n = N, .d = D, .blocks = ist_blocks_new(start, 1)};
    rows.filter.form = IST_FILTER_DIRECT;
    rows.home =
        (ist_slab){.first = IST_TILE, .count = IST_TILE, .narrow = values + (int64_t)IST_TILE * D};
    rows.packed = ist_pack(&rows, &rows.home);
    return rows;
}

Test(pairs, chunks_beside_home_in_memory)
{
    float values[N * D];
    for (int e = 0; e < N * D; e++)
        values[e] = (float)e;
    ist_rows rows = second_tile_of(values);
    for (int tile = 0; tile < 3; tile++) {
        ist_slab slab = {.first = (int64_t)tile * IST_TILE,
                         .count = IST_TILE,
                         .narrow = values + (int64_t)tile * IST_TILE * D};
        ist_chunk chunk = ist_chunk_new(&rows, &slab, NULL, &(ist_tie_rule){0});
        cr_expect(chunk.borrowed == (tile == 1), "tile %d", tile);
        cr_expect(chunk.packed.tiles == 1, "tile %d", tile);
        cr_expect(chunk.packed.panels[0] == slab.narrow[0], "tile %d", tile);
        cr_expect(chunk.packed.panels[IST_PANEL] == slab.narrow[1], "tile %d", tile);
        ist_chunk_release(&chunk);
    }
    rows.home = (ist_slab){0};
    ist_rows_release(&rows);
}
