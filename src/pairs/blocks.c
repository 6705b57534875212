#include <string.h>

#include "infostrata/pairs.h"

enum { SMALL_SET = 60000, SMALL_BLOCK = IST_TILE, LARGE_BLOCK = 10 * IST_TILE };

int64_t ist_blocks_size(int64_t n)
{
    return n < SMALL_SET ? SMALL_BLOCK : LARGE_BLOCK;
}

ist_blocks ist_blocks_new(const int64_t *segment_start, int segments)
{
    int64_t n = segment_start[segments];
    int64_t size = ist_blocks_size(n);
    ist_blocks blocks = {0};
    size_t most = (size_t)(ist_ceil_div(n, size) + segments + 1);
    blocks.start = ist_alloc(most, sizeof *blocks.start);
    blocks.segment = ist_alloc(most, sizeof *blocks.segment);
    for (int s = 0; s < segments; s++)
        for (int64_t at = segment_start[s]; at < segment_start[s + 1]; at += size) {
            blocks.start[blocks.count] = at;
            blocks.segment[blocks.count++] = s;
        }
    blocks.start[blocks.count] = n;
    return blocks;
}

ist_blocks ist_blocks_copy(const ist_blocks *blocks)
{
    size_t count = (size_t)blocks->count;
    ist_blocks copy = {.count = blocks->count};
    copy.start = ist_alloc(count + 1, sizeof *copy.start);
    copy.segment = ist_alloc(count, sizeof *copy.segment);
    memcpy(copy.start, blocks->start, (count + 1) * sizeof *copy.start);
    if (count > 0)
        memcpy(copy.segment, blocks->segment, count * sizeof *copy.segment);
    return copy;
}

void ist_blocks_release(ist_blocks *blocks)
{
    ist_free(blocks->start);
    ist_free(blocks->segment);
    *blocks = (ist_blocks){0};
}

void ist_blocks_range(const ist_blocks *blocks, int ranks, int rank, int64_t *first, int64_t *last)
{
    *first = blocks->start[ist_share(blocks->count, ranks, rank)];
    *last = blocks->start[ist_share(blocks->count, ranks, rank + 1)];
}

int64_t ist_blocks_find(const ist_blocks *blocks, int64_t position)
{
    int64_t low = 0, high = blocks->count;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (blocks->start[middle] <= position)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int ist_blocks_owner(const ist_blocks *blocks, int ranks, int64_t position)
{
    int low = 0, high = ranks;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        int64_t first, last;
        ist_blocks_range(blocks, ranks, middle, &first, &last);
        if (first <= position)
            low = middle;
        else
            high = middle;
    }
    return low;
}
