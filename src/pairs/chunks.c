#include "chunks.h"

size_t ist_row_bytes(const ist_rows *rows)
{
    if (ist_rows_are_joint(rows))
        return ist_row_bytes(rows->component[0]) + ist_row_bytes(rows->component[1]);
    return (size_t)rows->d * (rows->wide ? sizeof(double) : sizeof(float));
}

ist_slab ist_slab_new(const ist_rows *rows, int64_t first, int64_t count)
{
    ist_slab slab = {.first = first, .count = count};
    size_t values = (size_t)(count * rows->d);
    if (ist_rows_are_joint(rows)) {
        slab.component = ist_alloc(2, sizeof *slab.component);
        for (int c = 0; c < 2; c++)
            slab.component[c] = ist_slab_new(rows->component[c], first, count);
    } else if (rows->wide) {
        slab.wide = ist_alloc(values, sizeof *slab.wide);
    } else {
        slab.narrow = ist_alloc(values, sizeof *slab.narrow);
    }
    return slab;
}

ist_slab ist_slab_beside(const ist_rows *rows, const ist_slab *lender)
{
    ist_slab slab = {.first = lender->first, .count = lender->count};
    slab.component = ist_alloc(2, sizeof *slab.component);
    slab.component[0] = ist_slab_new(rows->component[0], slab.first, slab.count);
    slab.component[1] = lender->component[1];
    return slab;
}

void ist_slab_beside_release(ist_slab *slab)
{
    slab->component[1] = (ist_slab){0};
    ist_slab_release(slab);
}

void *ist_slab_values(const ist_rows *rows, const ist_slab *slab)
{
    return rows->wide ? (void *)slab->wide : (void *)slab->narrow;
}

void ist_in_flight(ist_pass_stats *stats, int64_t bytes)
{
    stats->in_flight += bytes;
    stats->most_in_flight = ist_max(stats->most_in_flight, stats->in_flight);
}

static int64_t rows_at_once(const ist_engine *engine, size_t row_bytes)
{
    int64_t most = engine->chunk_bytes / (int64_t)row_bytes;
    if (engine->chunk_rows > 0)
        most = ist_min(most, engine->chunk_rows);
    return most;
}

/* Do the segments of two runs of superblocks meet? Segments ascend with the superblocks. */
static bool share_segment(const ist_blocks *blocks, int64_t a, int64_t a_end, int64_t b,
                          int64_t b_end)
{
    if (a >= a_end || b >= b_end)
        return false;
    return blocks->segment[a] <= blocks->segment[b_end - 1] &&
           blocks->segment[b] <= blocks->segment[a_end - 1];
}

int64_t ist_spans_of(const ist_rows *rows, const ist_engine *engine, int ranks, int rank,
                     int visited, size_t row_bytes, ist_span **spans)
{
    const ist_blocks *blocks = &rows->blocks;
    int64_t block = ist_share(blocks->count, ranks, rank);
    int64_t last = ist_share(blocks->count, ranks, rank + 1);
    int64_t other = ist_share(blocks->count, ranks, visited);
    int64_t other_last = ist_share(blocks->count, ranks, visited + 1);
    int64_t most = rows_at_once(engine, row_bytes), count = 0;
    *spans = ist_alloc((size_t)(last - block + 1), sizeof **spans);
    while (block < last) {
        int64_t end = block + 1;
        while (end < last && blocks->start[end + 1] - blocks->start[block] <= most)
            end++;
        if (share_segment(blocks, block, end, other, other_last))
            (*spans)[count++] =
                (ist_span){blocks->start[block], blocks->start[end] - blocks->start[block]};
        block = end;
    }
    return count;
}
