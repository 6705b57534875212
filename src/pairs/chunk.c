#include "infostrata/pairs.h"

/* Rows of one tile, feature-major in panels; columns beyond the rows stay zero. */
#define PACK(name, real)                                                          \
    static void name(const real *rows, int64_t count, int64_t d, real *panels)    \
    {                                                                             \
        for (int64_t j = 0; j < count; j++) {                                     \
            real *panel = panels + j / IST_PANEL * IST_PANEL * d + j % IST_PANEL; \
            for (int64_t f = 0; f < d; f++)                                       \
                panel[f * IST_PANEL] = rows[j * d + f];                           \
        }                                                                         \
    }

PACK(pack_narrow, float)
PACK(pack_wide, double)

static void pack_blocks(const ist_rows *rows, ist_chunk *chunk)
{
    int64_t tile = 0, d = rows->d;
    const ist_slab *slab = &chunk->slab;
    for (int64_t b = 0; b < chunk->block_count; b++) {
        chunk->tile_of_block[b] = tile;
        int64_t first = rows->blocks.start[chunk->first_block + b];
        int64_t last = rows->blocks.start[chunk->first_block + b + 1];
        for (int64_t at = first; at < last; at += IST_TILE, tile++) {
            int64_t row = at - slab->first, count = ist_min(IST_TILE, last - at);
            pack_narrow(slab->narrow + row * d, count, d, chunk->panels32 + tile * IST_TILE * d);
            if (slab->wide && chunk->panels64)
                pack_wide(slab->wide + row * d, count, d, chunk->panels64 + tile * IST_TILE * d);
        }
    }
}

ist_chunk ist_chunk_new(const ist_rows *rows, const ist_slab *slab, uint64_t seed)
{
    ist_chunk chunk = {.slab = *slab};
    const ist_blocks *blocks = &rows->blocks;
    if (slab->count > 0) {
        chunk.first_block = ist_blocks_find(blocks, slab->first);
        chunk.block_count =
            ist_blocks_find(blocks, slab->first + slab->count - 1) + 1 - chunk.first_block;
    }
    int64_t tiles = 0;
    for (int64_t b = chunk.first_block; b < chunk.first_block + chunk.block_count; b++)
        tiles += ist_ceil_div(blocks->start[b + 1] - blocks->start[b], IST_TILE);
    size_t values = (size_t)(tiles * IST_TILE * rows->d);
    chunk.tile_of_block = ist_alloc((size_t)chunk.block_count, sizeof *chunk.tile_of_block);
    chunk.panels32 = ist_alloc(values, sizeof *chunk.panels32);
    if (slab->wide)
        chunk.panels64 = ist_alloc(values, sizeof *chunk.panels64);
    pack_blocks(rows, &chunk);
    chunk.word = ist_alloc((size_t)slab->count, sizeof *chunk.word);
    for (int64_t i = 0; i < slab->count; i++)
        chunk.word[i] =
            ist_random_word(seed, IST_RANDOM_TIES, (uint64_t)ist_row_number(rows, slab->first + i));
    return chunk;
}

void ist_chunk_release(ist_chunk *chunk)
{
    ist_free(chunk->panels32);
    ist_free(chunk->panels64);
    ist_free(chunk->tile_of_block);
    ist_free(chunk->word);
    *chunk = (ist_chunk){0};
}
