#include "anchors_keeping.h"

#include <stdio.h>
#include <string.h>

#include "keeping.h"

/* Of all that is stored of such passes: counts up when what is stored, or what they find, changes. */
static const char version[] = "infostrata anchors 1";

static int64_t row_bytes(const ist_anchor_keeping *k)
{
    return (int64_t)(k->column[0].bytes + k->column[1].bytes);
}

static char *records_of(const ist_anchor_column *column, int64_t at)
{
    return (char *)column->records + (size_t)at * column->bytes;
}

/* A superblock of the list: its first anchor, counted from this rank's first, and how many. */
static int64_t rows_of(const ist_anchor_keeping *k, int64_t block, int64_t *at)
{
    const int64_t *start = k->anchors->blocks.start;
    *at = start[block] - k->anchors->first;
    return start[block + 1] - start[block];
}

static void own_blocks(const ist_anchor_keeping *k, int64_t *first, int64_t *last)
{
    int64_t blocks = k->anchors->blocks.count;
    *first = ist_share(blocks, k->comm->size, k->comm->rank);
    *last = ist_share(blocks, k->comm->size, k->comm->rank + 1);
}

static void find_identity(ist_anchor_keeping *k)
{
    uint64_t sums[2] = {0, 0};
    int64_t first, last, at;
    own_blocks(k, &first, &last);
    for (int64_t block = first; block < last && k->asked.records; block++) {
        int64_t rows = rows_of(k, block, &at);
        ist_hash hash = ist_hash_bytes(records_of(&k->asked, at), (size_t)rows * k->asked.bytes,
                                       (uint64_t)block);
        sums[0] += hash.low;
        sums[1] += hash.high;
    }
    MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_UINT64_T, MPI_SUM, k->comm->handle);
    const ist_anchors *anchors = k->anchors;
    ist_hash parts[5] = {
        ist_keeping_identity(k->comm, k->engine, k->rows, k->engine->keeper->place, &k->ties),
        ist_hash_bytes(anchors->row, (size_t)anchors->count * sizeof *anchors->row, 0),
        ist_hash_bytes(k->what, strlen(k->what), 0),
        {sums[0], sums[1]},
        ist_hash_bytes(version, sizeof version, k->asked.bytes)};
    k->identity = ist_hash_bytes(parts, sizeof parts, 0);
    k->has_identity = true;
}

/* ---- from disk ------------------------------------------------------------------------------------ */

/* Are the bytes of this rank's anchors as they were written? Or, with `take`, to where they belong. */
static bool read_blocks(ist_anchor_keeping *k, const ist_kept *kept, bool take)
{
    const ist_keeper *keeper = k->engine->keeper;
    const ist_blocks *blocks = &k->anchors->blocks;
    char *bytes = ist_alloc((size_t)ist_blocks_size(k->anchors->count), (size_t)row_bytes(k)),
         *from;
    int64_t first, last, at;
    bool good = true;
    own_blocks(k, &first, &last);
    for (int64_t block = first; block < last && good; block++) {
        int64_t rows = rows_of(k, block, &at);
        good = keeper->read(keeper->data, kept, blocks, block, bytes);
        from = bytes;
        for (int c = 0; c < IST_ANCHOR_COLUMNS && good && take; c++) {
            size_t size = (size_t)rows * k->column[c].bytes;
            if (size > 0)
                memcpy(records_of(&k->column[c], at), from, size);
            from += size;
        }
    }
    ist_free(bytes);
    return good;
}

/* NULL: it can be taken up, with so many done. */
static const char *fault_of(ist_anchor_keeping *k, const ist_kept *kept, int64_t *done)
{
    const ist_anchors *anchors = k->anchors;
    *done = anchors->count;
    if (kept->rows != anchors->count || kept->blocks != anchors->blocks.count ||
        kept->row_bytes != row_bytes(k))
        return "it is of another shape";
    if (!kept->complete && kept->progress_bytes != sizeof *done)
        return "what it says of finished anchors cannot be";
    if (!kept->complete)
        memcpy(done, kept->progress, sizeof *done);
    if (*done < 0 || *done > anchors->count)
        return "what it says of finished anchors cannot be";
    int64_t damaged = !read_blocks(k, kept, false);
    return ist_largest(k->comm, damaged) ? "some of its rows are damaged or missing" : NULL;
}

int64_t ist_anchor_keeping_begin(ist_anchor_keeping *k)
{
    const ist_keeper *keeper = k->engine->keeper;
    const ist_kept *kept;
    int64_t done;
    k->begun = k->saved = ist_seconds();
    if (!keeper || !keeper->has_any(keeper->data))
        return 0;
    find_identity(k);
    while ((kept = keeper->find(keeper->data, k->identity, k->width, false))) {
        const char *fault = fault_of(k, kept, &done);
        if (!fault) {
            if (!read_blocks(k, kept, true))
                ist_abort_all("a checkpoint changed while it was read: start the job again");
            k->is_there = true;
            k->kept = done;
            keeper->take_up(keeper->data, kept, (double)done / (double)k->anchors->count);
            return done;
        }
        keeper->reject(keeper->data, kept, fault);
    }
    return 0;
}

/* ---- to disk -------------------------------------------------------------------------------------- */

static void pack_block(const void *source, int64_t block, void *bytes)
{
    const ist_anchor_keeping *k = source;
    int64_t at, rows = rows_of(k, block, &at);
    char *to = bytes;
    for (int c = 0; c < IST_ANCHOR_COLUMNS; c++) {
        size_t size = (size_t)rows * k->column[c].bytes;
        if (size > 0)
            memcpy(to, records_of(&k->column[c], at), size);
        to += size;
    }
}

static void save(ist_anchor_keeping *k, int64_t done)
{
    const ist_keeper *keeper = k->engine->keeper;
    if (!k->has_identity)
        find_identity(k);
    ist_kept kept = {.identity = k->identity,
                     .width = k->width,
                     .rows = k->anchors->count,
                     .blocks = k->anchors->blocks.count,
                     .row_bytes = row_bytes(k),
                     .complete = done == k->anchors->count};
    snprintf(kept.what, sizeof kept.what, "%s", k->what);
    if (!kept.complete) {
        kept.progress = (const char *)&done;
        kept.progress_bytes = sizeof done;
    }
    if (keeper->save(keeper->data, &kept, &k->anchors->blocks, pack_block, k))
        k->is_there = true;
    k->kept = done;
    k->saved = ist_seconds();
}

void ist_anchor_keeping_go_on(ist_anchor_keeping *k, int64_t done, bool broken_off)
{
    const ist_keeper *keeper = k->engine->keeper;
    if (!keeper || done == k->kept)
        return;
    bool whole = done == k->anchors->count;
    double now = ist_seconds();
    bool wanted =
        broken_off || (whole ? k->is_there || now - k->begun >= IST_WORTH_KEEPING * keeper->seconds
                             : now - k->saved >= keeper->seconds);
    if (ist_largest(k->comm, wanted))
        save(k, done);
}
