#include "infostrata/pairs.h"

/* Part of home's packed rows: chunks of home hold whole superblocks, hence whole tiles. */
static ist_packed part_of(const ist_rows *rows, const ist_packed *home, int64_t first,
                          int64_t count)
{
    int64_t tile = 0, end;
    while (tile < home->tiles && home->row[tile] < first)
        tile++;
    end = tile;
    while (end < home->tiles && home->row[end] < first + count)
        end++;
    ist_packed part = {.tiles = end - tile,
                       .block = home->block + tile,
                       .width = home->width + tile * IST_TILE,
                       .kind = home->kind + first,
                       .repeats = home->repeats};
    part.row = ist_alloc((size_t)part.tiles + 1, sizeof *part.row);
    for (int64_t t = 0; t <= part.tiles; t++)
        part.row[t] = home->row[tile + t] - first;
    if (home->panels) {
        part.panels = home->panels + tile * IST_TILE * ist_filter_words(&rows->filter, rows->d);
        part.term = home->term + tile * IST_TILE;
    }
    if (home->component) {
        part.component = ist_alloc(2, sizeof *part.component);
        for (int c = 0; c < 2; c++)
            part.component[c] = part_of(rows->component[c], &home->component[c], first, count);
    }
    return part;
}

static void part_release(ist_packed *part)
{
    for (int c = 0; c < 2 && part->component; c++)
        part_release(&part->component[c]);
    ist_free(part->component);
    ist_free(part->row);
}

/* With the second component's copies of another chunk. */
static ist_packed pack_beside(const ist_rows *rows, const ist_slab *slab, const ist_packed *second)
{
    ist_packed *component = ist_alloc(2, sizeof *component);
    component[0] = ist_pack(rows->component[0], &slab->component[0]);
    component[1] = *second;
    return ist_pack_joint(rows, slab, component);
}

ist_chunk ist_chunk_new(const ist_rows *rows, const ist_slab *slab, const ist_packed *second,
                        const ist_tie_rule *ties)
{
    ist_chunk chunk = {.slab = *slab};
    /* By position: what arrived from elsewhere may lie anywhere in memory, also at home's address less
     * the distance of the positions. */
    int64_t offset = slab->first - rows->home.first;
    chunk.borrowed = offset >= 0 && offset < rows->home.count;
    chunk.lent = !chunk.borrowed && second && rows->filter.form == IST_FILTER_JOINT;
    chunk.packed = chunk.borrowed ? part_of(rows, &rows->packed, offset, slab->count)
                   : chunk.lent   ? pack_beside(rows, slab, second)
                                  : ist_pack(rows, slab);
    chunk.word = ist_alloc((size_t)slab->count, sizeof *chunk.word);
    for (int64_t i = 0; i < slab->count; i++)
        chunk.word[i] = ist_tie_word(ties, ist_row_number(rows, slab->first + i));
    return chunk;
}

void ist_chunk_release(ist_chunk *chunk)
{
    if (chunk->lent)
        chunk->packed.component[1] = (ist_packed){0};
    if (chunk->borrowed)
        part_release(&chunk->packed);
    else
        ist_packed_release(&chunk->packed);
    ist_free(chunk->word);
    *chunk = (ist_chunk){0};
}
