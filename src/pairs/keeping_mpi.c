/* What identifies a pass, what of it goes to disk, and how it comes back: by superblocks, whoever has them. */
#include "keeping.h"

#include <inttypes.h>
#include <string.h>

#include "chunks.h"

/* Of all that is stored of passes: counts up when what is stored, or what passes find, changes. */
static const char version[] = "infostrata pass 1";

/* ---- identity ----------------------------------------------------------------------------------- */

static ist_hash hash_of_values(const ist_rows *rows, const ist_slab *slab, int64_t at,
                               int64_t count, uint64_t seed)
{
    size_t bytes = ist_row_bytes(rows);
    const char *values = ist_slab_values(rows, slab);
    return ist_hash_bytes(values + (size_t)at * bytes, (size_t)count * bytes, seed);
}

/* Of a home superblock: its values, its rows' numbers and what is asked of them. */
static ist_hash hash_of_block(const ist_keeping *k, int64_t block)
{
    const ist_rows *rows = k->rows;
    const int64_t *start = rows->blocks.start;
    int64_t count = start[block + 1] - start[block], at = start[block] - rows->home.first;
    uint64_t seed = (uint64_t)block;
    ist_hash parts[4] = {{0, 0}};
    if (ist_rows_are_joint(rows))
        for (int c = 0; c < 2; c++)
            parts[c] =
                hash_of_values(rows->component[c], &rows->home.component[c], at, count, seed);
    else
        parts[0] = hash_of_values(rows, &rows->home, at, count, seed);
    if (rows->order)
        parts[2] =
            ist_hash_bytes(rows->order + start[block], (size_t)count * sizeof *rows->order, seed);
    if (!k->consumer->learns) {
        size_t bytes = k->consumer->out_bytes(k->state);
        char *asked = ist_alloc((size_t)count, bytes);
        k->consumer->pack_out(k->state, at, count, asked);
        parts[3] = ist_hash_bytes(asked, (size_t)count * bytes, seed);
        ist_free(asked);
    }
    return ist_hash_bytes(parts, sizeof parts, seed);
}

static void describe_set(const ist_rows *rows, ist_text *out)
{
    ist_text_add(out, "%s; %" PRId64 " rows of %" PRId64 ", %s, metric %d", version, rows->n,
                 rows->d, rows->wide ? "wide" : "narrow", (int)rows->metric);
    if (!ist_rows_are_joint(rows))
        return;
    for (int c = 0; c < 2; c++) {
        char factor[IST_REAL_TEXT];
        ist_text_add(out, "; times %s: ", ist_format_real(rows->factor[c], factor));
        describe_set(rows->component[c], out);
    }
}

static void find_identity(ist_keeping *k)
{
    const ist_blocks *blocks = &k->rows->blocks;
    int64_t first = ist_share(blocks->count, k->comm->size, k->comm->rank);
    int64_t last = ist_share(blocks->count, k->comm->size, k->comm->rank + 1);
    uint64_t sums[2] = {0, 0};
    for (int64_t block = first; block < last; block++) {
        ist_hash hash = hash_of_block(k, block);
        sums[0] += hash.low;
        sums[1] += hash.high;
    }
    MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_UINT64_T, MPI_SUM, k->comm->handle);
    ist_text text = {0};
    describe_set(k->rows, &text);
    ist_text_add(&text, "; ");
    k->consumer->describe(k->state, &text);
    ist_text_add(&text, "; ties %d %" PRIu64, (int)k->ties->by_index, k->ties->seed);
    ist_hash parts[5] = {
        ist_hash_bytes(text.data, text.length, 0),
        {sums[0], sums[1]},
        k->place,
        ist_hash_bytes(blocks->start, (size_t)(blocks->count + 1) * sizeof *blocks->start, 0),
        ist_hash_bytes(blocks->segment, (size_t)blocks->count * sizeof *blocks->segment, 0)};
    k->identity = ist_hash_bytes(parts, sizeof parts, 0);
    k->has_identity = true;
    ist_text_release(&text);
}

/* ---- from disk ------------------------------------------------------------------------------------ */

static int64_t row_bytes(const ist_keeping *k)
{
    return (int64_t)k->consumer->back_bytes(k->state);
}

/* Every home superblock's bytes: are they as they were written; or, with `merge`, into the state with them. */
static bool read_blocks(ist_keeping *k, const ist_kept *kept, bool merge)
{
    const ist_blocks *blocks = &k->rows->blocks;
    int64_t first = ist_share(blocks->count, k->comm->size, k->comm->rank);
    int64_t last = ist_share(blocks->count, k->comm->size, k->comm->rank + 1);
    char *bytes = ist_alloc((size_t)ist_blocks_size(k->rows->n), (size_t)row_bytes(k));
    bool good = true;
    for (int64_t block = first; block < last && good; block++) {
        int64_t at = blocks->start[block] - k->rows->home.first;
        good = k->keeper->read(k->keeper->data, kept, blocks, block, bytes);
        if (good && merge)
            k->consumer->merge(k->state, at, blocks->start[block + 1] - blocks->start[block],
                               bytes);
    }
    ist_free(bytes);
    return good;
}

/* NULL: it can be taken up. */
static const char *fault_of(ist_keeping *k, const ist_kept *kept)
{
    if (kept->rows != k->rows->n || kept->blocks != k->rows->blocks.count ||
        kept->row_bytes != row_bytes(k))
        return "it is of another shape";
    if (!kept->complete && !ist_progress_read(k->progress, kept->progress, kept->progress_bytes))
        return "what it says of finished pairs cannot be";
    int64_t damaged = !read_blocks(k, kept, false);
    return ist_largest(k->comm, damaged) ? "some of its rows are damaged or missing" : NULL;
}

static double share_done(const ist_progress *p)
{
    int64_t done = 0;
    for (int64_t w = 0; w < p->words; w++)
        done += __builtin_popcountll(p->finished[w]);
    return (double)done / (double)ist_max(1, p->pairs);
}

/* Bytes are read twice, so that a damaged file never comes near the state. */
static bool take_up(ist_keeping *k)
{
    const ist_kept *kept;
    find_identity(k);
    ist_text what = {0};
    int64_t width = k->consumer->describe(k->state, &what);
    ist_text_release(&what);
    while ((kept = k->keeper->find(k->keeper->data, k->identity, width, false))) {
        const char *fault = fault_of(k, kept);
        if (!fault) {
            if (!read_blocks(k, kept, true))
                ist_abort_all("a checkpoint changed while it was read: start the job again");
            k->is_there = k->shared = true;
            k->keeper->take_up(k->keeper->data, kept, kept->complete ? 1 : share_done(k->progress));
            return kept->complete;
        }
        k->keeper->reject(k->keeper->data, kept, fault);
        ist_progress_free(&k->progress);
        k->progress = ist_progress_new(&k->rows->blocks);
    }
    return false;
}

bool ist_keeping_begin(ist_keeping *k, const ist_comm *comm, const ist_engine *engine,
                       const ist_pass_member *pass, const ist_consumer *consumer,
                       const ist_tie_rule *ties)
{
    *k = (ist_keeping){.comm = comm,
                       .keeper = engine->keeper,
                       .rows = pass->rows,
                       .consumer = consumer,
                       .ties = ties,
                       .state = pass->state,
                       .place = pass->place};
    if (!k->keeper || !consumer->describe)
        return false;
    k->progress = ist_progress_new(&k->rows->blocks);
    bool whole = k->keeper->has_any(k->keeper->data) && take_up(k);
    k->begun = k->round = ist_seconds();
    k->progress->marked = 0;
    return whole;
}

/* The state of no list decides nothing: such an identity knows neither k nor what was found. */
ist_hash ist_keeping_identity(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                              ist_hash place, const ist_tie_rule *ties)
{
    ist_nearest none = {.k = 0};
    ist_keeping k = {.comm = comm,
                     .keeper = engine->keeper,
                     .rows = rows,
                     .consumer = &ist_nearest_consumer,
                     .ties = ties,
                     .state = &none,
                     .place = place};
    find_identity(&k);
    return k.identity;
}

int64_t ist_keeping_width(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                          ist_hash place, const ist_tie_rule *ties, int64_t width)
{
    const ist_keeper *keeper = engine->keeper;
    if (!keeper || !keeper->has_any(keeper->data))
        return width;
    ist_hash identity = ist_keeping_identity(comm, engine, rows, place, ties);
    const ist_kept *kept = keeper->find(keeper->data, identity, width, true);
    return kept ? kept->width : width;
}

/* ---- to disk -------------------------------------------------------------------------------------- */

bool ist_keeping_due(const ist_keeping *k)
{
    return k->progress && k->progress->marked > 0 && ist_seconds() - k->round >= k->keeper->seconds;
}

static bool pairs_with(ist_pairing pairing, int64_t x, int64_t y)
{
    if (pairing == IST_PAIRS_OWN || pairing == IST_PAIRS_ALL)
        return true;
    return ((x + y) % 2 == 0) == (pairing == IST_PAIRS_EVEN);
}

bool ist_keeping_has_left(const ist_keeping *k, int ranks, int a, int b, ist_pairing pairing)
{
    if (!k->shared)
        return true;
    int64_t blocks = k->rows->blocks.count;
    for (int64_t x = ist_share(blocks, ranks, a); x < ist_share(blocks, ranks, a + 1); x++)
        for (int64_t y = ist_share(blocks, ranks, b); y < ist_share(blocks, ranks, b + 1); y++)
            if (pairs_with(pairing, x, y) && !ist_progress_finished(k->progress, x, y))
                return true;
    return false;
}

/* The begun pairs that this rank may have worked on: others' are known to others. */
static ist_begun *own_begun(const ist_keeping *k, int64_t *count)
{
    const ist_blocks *blocks = &k->rows->blocks;
    int64_t first = ist_share(blocks->count, k->comm->size, k->comm->rank), all;
    int64_t last = ist_share(blocks->count, k->comm->size, k->comm->rank + 1);
    ist_begun *begun = ist_progress_begun(k->progress, &all);
    *count = 0;
    for (int64_t i = 0; i < all; i++) {
        int64_t x, y;
        ist_progress_blocks(k->progress, begun[i].pair, &x, &y);
        if ((x >= first && x < last) || (y >= first && y < last))
            begun[(*count)++] = begun[i];
    }
    return begun;
}

/* Every rank knows what all have done. */
static void share_progress(ist_keeping *k)
{
    ist_progress *p = k->progress;
    int ranks = k->comm->size;
    for (int64_t w = 0; w < p->words; w += INT32_MAX)
        MPI_Allreduce(MPI_IN_PLACE, p->finished + w, ist_narrow(ist_min(p->words - w, INT32_MAX)),
                      MPI_UINT64_T, MPI_BOR, k->comm->handle);
    ist_progress_tidy(p);
    int64_t own;
    ist_begun *begun = own_begun(k, &own);
    int *count = ist_alloc((size_t)ranks, sizeof *count);
    int *start = ist_alloc((size_t)ranks + 1, sizeof *start), mine = ist_narrow(own);
    MPI_Allgather(&mine, 1, MPI_INT, count, 1, MPI_INT, k->comm->handle);
    for (int r = 0; r < ranks; r++)
        start[r + 1] = start[r] + count[r];
    ist_begun *all = ist_alloc((size_t)start[ranks], sizeof *all);
    MPI_Datatype type = ist_bytes_type(sizeof *all);
    MPI_Allgatherv(begun, mine, type, all, count, start, type, k->comm->handle);
    MPI_Type_free(&type);
    for (int i = 0; i < start[ranks]; i++)
        ist_progress_add(p, &all[i]);
    ist_free(begun);
    ist_free(count);
    ist_free(start);
    ist_free(all);
}

static void pack_block(const void *source, int64_t block, void *bytes)
{
    const ist_keeping *k = source;
    const int64_t *start = k->rows->blocks.start;
    k->consumer->pack_back(k->state, start[block] - k->rows->home.first,
                           start[block + 1] - start[block], bytes);
}

static void save(ist_keeping *k, bool complete)
{
    if (!k->has_identity)
        find_identity(k);
    ist_text what = {0}, progress = {0};
    ist_kept kept = {.identity = k->identity,
                     .width = k->consumer->describe(k->state, &what),
                     .rows = k->rows->n,
                     .blocks = k->rows->blocks.count,
                     .row_bytes = row_bytes(k),
                     .complete = complete};
    snprintf(kept.what, sizeof kept.what, "%s", what.data);
    if (!complete) {
        ist_progress_write(k->progress, &progress);
        kept.progress = progress.data;
        kept.progress_bytes = progress.length;
    }
    if (k->keeper->save(k->keeper->data, &kept, &k->rows->blocks, pack_block, k))
        k->is_there = true;
    ist_text_release(&what);
    ist_text_release(&progress);
}

/* What is shared is known to all whether or not the disk takes it: the next round goes on from there. */
void ist_keeping_save(ist_keeping *k)
{
    share_progress(k);
    save(k, false);
    k->progress->marked = 0;
    k->shared = true;
    k->round = ist_seconds();
}

void ist_keeping_end(ist_keeping *k, bool whole)
{
    if (!k->progress)
        return;
    double took = ist_seconds() - k->begun;
    bool worth = k->is_there || took >= IST_WORTH_KEEPING * k->keeper->seconds;
    if (whole && ist_largest(k->comm, worth))
        save(k, true);
    ist_progress_free(&k->progress);
}
