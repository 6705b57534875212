/* What the engine holds on the rank that has most rows: the sums of what this room allocates. */
#include "infostrata/pairs.h"

/* Superblocks of the set, and of the rank that has most. */
static int64_t all_blocks(const ist_set_shape *set)
{
    int64_t blocks = 0, size = ist_blocks_size(set->n);
    for (int s = 0; s < set->segments; s++)
        blocks += ist_ceil_div(
            ist_share(set->n, set->segments, s + 1) - ist_share(set->n, set->segments, s), size);
    return blocks;
}

static int64_t most_blocks(const ist_set_shape *set)
{
    return ist_ceil_div(all_blocks(set), ist_max(set->ranks, 1));
}

static int64_t value_bytes(const ist_set_shape *set)
{
    return set->d * (int64_t)(set->wide ? sizeof(double) : sizeof(float));
}

/* Of a row of the copies: values, term, width, kind. */
static int64_t copy_bytes(const ist_set_shape *set)
{
    return (set->d + 2) * (int64_t)sizeof(float) + (int64_t)sizeof(int32_t);
}

int64_t ist_set_rows(const ist_set_shape *set)
{
    return ist_min(set->n, most_blocks(set) * ist_blocks_size(set->n));
}

int64_t ist_set_bytes(const ist_set_shape *set)
{
    const int64_t block = sizeof(int64_t) + sizeof(int32_t);
    int64_t padded = most_blocks(set) * ist_blocks_size(set->n);
    int64_t tiles = 2 * (int64_t)sizeof(int64_t) * (padded / IST_TILE);
    return ist_set_rows(set) * value_bytes(set) + padded * copy_bytes(set) +
           all_blocks(set) * block + tiles;
}

/* The table of all rows' hashes, as large again while it is sorted, and a leader for each of our own. */
int64_t ist_duplicates_bytes(const ist_set_shape *set)
{
    const int64_t entry = sizeof(ist_hash) + sizeof(int64_t);
    return 2 * entry * set->n + (int64_t)sizeof(int32_t) * ist_set_rows(set);
}

/* Two lists of rows, and what Open MPI 4 makes of each to describe the rows of a message: three times
 * 32 bytes a row. */
int64_t ist_reorder_bytes(const ist_set_shape *set)
{
    enum { DESCRIBED = 96 };
    return 2 * ((int64_t)sizeof(int) + DESCRIBED) * ist_set_rows(set);
}

/* ---- passes ---------------------------------------------------------------------------------- */

/* Bytes a row: its state, what a visiting copy is told and what it brings back. */
typedef struct {
    int64_t state, out, back;
} traits;

static traits traits_of(const ist_consumer *consumer, const void *state)
{
    return (traits){(int64_t)consumer->state_bytes(state), (int64_t)consumer->out_bytes(state),
                    (int64_t)consumer->back_bytes(state)};
}

static traits traits_for(int64_t k, int64_t thresholds)
{
    int32_t target = 0;
    const ist_nearest nearest = {.k = k};
    const ist_counts counts = {.thresholds = thresholds, .target = &target};
    return thresholds > 0 ? traits_of(&ist_counts_consumer, &counts)
                          : traits_of(&ist_nearest_consumer, &nearest);
}

/* A chunk that is computed against home while the next one comes: its rows twice, their copies,
 * state and results; the requests of two and of the one that leaves. */
static int64_t visiting_bytes(const ist_set_shape *set, traits row, int64_t chunk_bytes)
{
    const int64_t word = sizeof(uint64_t);
    int64_t rows = ist_set_rows(set);
    int64_t travelling = value_bytes(set) + row.out + row.back;
    int64_t chunk = ist_max(chunk_bytes / travelling, ist_blocks_size(set->n));
    if (set->ranks < 2)
        return 0;
    int64_t here = value_bytes(set) + row.out + copy_bytes(set) + word + row.state + row.back;
    if (chunk >= rows)
        return rows * here;
    return chunk * (here + value_bytes(set) + 2 * row.out);
}

int64_t ist_pass_bytes(const ist_set_shape *set, int64_t k, int64_t thresholds, int64_t chunk_bytes)
{
    const int64_t words = 2 * sizeof(uint64_t); /* of home and of the chunk that is home's */
    const int64_t tile = IST_TILE * IST_TILE * (sizeof(float) + sizeof(double));
    traits row = traits_for(k, thresholds);
    return ist_set_rows(set) * (row.state + words) + visiting_bytes(set, row, chunk_bytes) + tile +
           2 * IST_TILE * set->d * (int64_t)sizeof(double);
}
