/* Some rows against all: a batch of them on every rank, which looks at its own rows for them. */
#include "infostrata/anchors.h"

#include <string.h>

#include "anchors.h"
#include "anchors_keeping.h"
#include "chunks.h"
#include "infostrata/place.h"
#include "infostrata/stop.h"

ist_anchors ist_anchors_new(const ist_comm *comm, int64_t n, int64_t count, uint64_t seed)
{
    ist_anchors a = {.n = n, .count = count, .seed = seed};
    a.row = ist_alloc((size_t)count, sizeof *a.row);
    ist_draw_rows(n, NULL, 1, count, seed, a.row);
    const int64_t start[2] = {0, count};
    a.blocks = ist_blocks_new(start, 1);
    int64_t last;
    ist_blocks_range(&a.blocks, comm->size, comm->rank, &a.first, &last);
    a.own = last - a.first;
    return a;
}

void ist_anchors_release(ist_anchors *anchors)
{
    ist_free(anchors->row);
    ist_blocks_release(&anchors->blocks);
    *anchors = (ist_anchors){0};
}

/* ---- a question at work ------------------------------------------------------------------------ */

typedef struct {
    const ist_comm *comm;
    const ist_engine *engine;
    const ist_rows *rows; /* that are looked at */
    const ist_anchors *anchors;
    int64_t *at; /* of a twin: the position of each row */
    ist_pass_stats *stats;
    double told; /* pairs of this sweep, to the pulse */
    ist_sweep *sweep;
    bool stopped;
} question;

static question ask(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                    const ist_anchors *anchors, ist_pass_stats *stats)
{
    question q = {comm, engine, rows->twin ? rows->twin : rows, anchors, .stats = stats};
    if (rows->twin) {
        q.at = ist_alloc((size_t)rows->n, sizeof *q.at);
        for (int64_t p = 0; p < rows->n; p++)
            q.at[rows->twin->place[p]] = p;
    }
    return q;
}

static int64_t position_of(const question *q, int64_t row)
{
    return q->at ? q->at[row] : row;
}

/* Of bytes that one rank at most has set, every rank gets all. */
static void share(const question *q, void *bytes, size_t count)
{
    const size_t MOST = 1U << 30;
    if (q->comm->size == 1)
        return;
    ist_in_flight(q->stats, (int64_t)count);
    for (size_t at = 0; at < count; at += MOST)
        MPI_Allreduce(MPI_IN_PLACE, (char *)bytes + at,
                      ist_narrow((int64_t)(count - at < MOST ? count - at : MOST)), MPI_BYTE,
                      MPI_BOR, q->comm->handle);
    ist_in_flight(q->stats, -(int64_t)count);
    q->stats->bytes_sent += (int64_t)count;
}

/* ---- a batch of anchors, on every rank ---------------------------------------------------------- */

typedef struct {
    int64_t first, count; /* of the list */
    ist_span own;         /* this rank's of them, counted from the batch's first */
    ist_rows set;         /* their values and copies; numbers are theirs */
    ist_rows
        seen; /* the same rows, as those see them whose positions and numbers are the others'; all borrowed */
} batch;

/* A batch's anchors that a rank owns. */
static ist_span owned(const question *q, const batch *b, int rank)
{
    int64_t first, last;
    ist_blocks_range(&q->anchors->blocks, q->comm->size, rank, &first, &last);
    first = ist_max(first - b->first, 0);
    last = ist_min(last - b->first, b->count);
    return (ist_span){first, ist_max(last - first, 0)};
}

static void gather_values(const question *q, batch *b)
{
    const ist_slab *home = &q->rows->home;
    size_t bytes = ist_row_bytes(q->rows);
    b->set.home = ist_slab_new(q->rows, 0, b->count);
    char *to = ist_slab_values(q->rows, &b->set.home);
    const char *from = ist_slab_values(q->rows, home);
    for (int64_t i = 0; i < b->count; i++) {
        int64_t at = position_of(q, q->anchors->row[b->first + i]) - home->first;
        if (at >= 0 && at < home->count)
            memcpy(to + (size_t)i * bytes, from + (size_t)at * bytes, bytes);
    }
    share(q, to, (size_t)b->count * bytes);
}

static batch batch_new(const question *q, int64_t first, int64_t count)
{
    const ist_anchors *anchors = q->anchors;
    const ist_rows *rows = q->rows;
    batch b = {.first = first, .count = count};
    b.own = owned(q, &b, q->comm->rank);
    const int64_t start[2] = {0, count};
    b.set = (ist_rows){.n = count,
                       .d = rows->d,
                       .metric = rows->metric,
                       .blocks = ist_blocks_new(start, 1),
                       .order = anchors->row + first,
                       .wide = rows->wide,
                       .filter = rows->filter,
                       .may_repeat = rows->may_repeat};
    gather_values(q, &b);
    b.set.packed = ist_pack(&b.set, &b.set.home);
    b.seen = *rows;
    b.seen.home = b.set.home;
    b.seen.packed = b.set.packed;
    return b;
}

static void batch_release(batch *b)
{
    ist_slab_release(&b->set.home);
    ist_packed_release(&b->set.packed);
    ist_blocks_release(&b->set.blocks);
}

static int64_t batch_rows(const question *q, int64_t state_bytes)
{
    return ist_anchors_at_once((int64_t)ist_row_bytes(q->rows), state_bytes, q->engine->chunk_bytes,
                               q->engine->chunk_rows);
}

/* ---- all of a batch against all of home --------------------------------------------------------- */

static bool between_tiles(void *data)
{
    question *q = data;
    double pairs = q->sweep->stats.pairs;
    if (q->engine->pulse)
        atomic_fetch_add(&q->engine->pulse->pairs, (int_fast64_t)(pairs - q->told));
    q->told = pairs;
    ist_place_tile();
    q->stopped |= ist_stop_poll(q->engine->stop);
    return q->stopped;
}

static void add_stats(ist_pass_stats *total, const ist_pass_stats *more)
{
    total->pairs += more->pairs;
    total->tiles += more->tiles;
    total->exact_tiles += more->exact_tiles;
    total->decided_again += more->decided_again;
}

/* Who owns an anchor of the batch gets what the others found for it, from one rank after the other. */
static void bring_together(const question *q, const batch *b, const ist_consumer *consumer,
                           void *state)
{
    const ist_comm *comm = q->comm;
    size_t bytes = consumer->back_bytes(state);
    MPI_Datatype record = ist_bytes_type(bytes);
    double start = ist_seconds();
    ist_place_wait("what other ranks found for anchors");
    for (int s = 1; s < comm->size; s++) {
        int from = (comm->rank + s) % comm->size, to = (comm->rank + comm->size - s) % comm->size;
        ist_span span = owned(q, b, to);
        char *out = ist_alloc((size_t)span.count, bytes);
        char *in = ist_alloc((size_t)b->own.count, bytes);
        if (span.count > 0)
            consumer->pack_back(state, span.first, span.count, out);
        MPI_Sendrecv(out, ist_narrow(span.count), record, to, IST_TAG_RESULT, in,
                     ist_narrow(b->own.count), record, from, IST_TAG_RESULT, comm->handle,
                     MPI_STATUS_IGNORE);
        q->stats->bytes_sent += span.count * (int64_t)bytes;
        if (b->own.count > 0)
            consumer->merge(state, b->own.first, b->own.count, in);
        ist_free(out);
        ist_free(in);
    }
    ist_place_go_on();
    q->stats->seconds_waiting += ist_seconds() - start;
    MPI_Type_free(&record);
}

/* `state` is that of the whole batch; what is found for this rank's anchors of it is in it afterwards. False: broken off. */
static bool sweep(question *q, const batch *b, const ist_consumer *consumer, void *state,
                  const ist_tie_rule *ties)
{
    if (ist_stop_broke_off(q->engine->stop))
        return false;
    ist_sweep s = {.rows = &b->set,
                   .kernel = q->engine->kernel,
                   .consumer = consumer,
                   .state = state,
                   .poke = between_tiles,
                   .poke_data = q,
                   .attend = q->engine->attend,
                   .attend_data = q->engine->attend_data};
    s.word = ist_alloc((size_t)b->count, sizeof *s.word);
    for (int64_t i = 0; i < b->count; i++)
        s.word[i] = ist_tie_word(ties, b->set.order[i]);
    ist_chunk chunk = ist_chunk_new(q->rows, &q->rows->home, NULL, ties);
    q->sweep = &s;
    q->told = 0;
    ist_sweep_chunk(&s, 1, &chunk, &state, IST_PAIRS_ROWS);
    between_tiles(q);
    ist_chunk_release(&chunk);
    ist_free(s.word);
    add_stats(q->stats, &s.stats);
    if (ist_stop_break_off(q->engine->stop, q->comm, q->stopped))
        return false;
    bring_together(q, b, consumer, state);
    return true;
}

/* ---- the k nearest ------------------------------------------------------------------------------ */

/* A row is at the distance 0 of itself, so that it is among the k + 1 nearest, or as many others are at 0. */
static void drop_itself(const question *q, const ist_nearest *found, int64_t row, int64_t itself,
                        ist_nearest *lists, int64_t to)
{
    int64_t kept = 0;
    for (int64_t p = 0; p < found->held[row] && kept < lists->k; p++) {
        int32_t position = found->neighbour[row * found->k + p];
        if (position == itself)
            continue;
        int64_t at = to * lists->k + kept++;
        lists->neighbour[at] = q->rows->place ? (int32_t)q->rows->place[position] : position;
        lists->distance[at] = found->distance[row * found->k + p];
    }
}

static ist_anchor_keeping keep_lists(const question *q, const ist_nearest *lists)
{
    size_t k = (size_t)lists->k;
    return (ist_anchor_keeping){.comm = q->comm,
                                .engine = q->engine,
                                .rows = q->rows,
                                .anchors = q->anchors,
                                .ties = lists->ties,
                                .what = "nearest of anchors",
                                .width = lists->k,
                                .column = {{lists->distance, k * sizeof *lists->distance},
                                           {lists->neighbour, k * sizeof *lists->neighbour}}};
}

/* A batch from `first` on; false: broken off. */
static bool find_some(question *q, int64_t first, int64_t count, ist_nearest *lists)
{
    batch b = batch_new(q, first, count);
    ist_nearest *found = ist_nearest_new(&b.set, lists->k + 1, lists->ties);
    found->rows = &b.seen;
    bool whole = sweep(q, &b, &ist_nearest_consumer, found, &lists->ties);
    if (whole)
        ist_nearest_sort(found);
    for (int64_t i = b.own.first; i < b.own.first + b.own.count && whole; i++)
        drop_itself(q, found, i, position_of(q, q->anchors->row[first + i]), lists,
                    first + i - q->anchors->first);
    ist_nearest_free(&found);
    batch_release(&b);
    return whole;
}

ist_nearest *ist_anchors_nearest(const ist_comm *comm, const ist_engine *engine,
                                 const ist_rows *rows, const ist_anchors *anchors, int64_t k,
                                 ist_tie_rule ties, ist_pass_stats *stats)
{
    question q = ask(comm, engine, rows, anchors, stats);
    const ist_rows own = {.home = {.first = anchors->first, .count = anchors->own}};
    ist_nearest *lists = ist_nearest_lists(&own, k, ties);
    lists->rows = NULL;
    for (int64_t i = 0; i < anchors->own; i++)
        lists->held[i] = (int32_t)k; /* what comes from disk, too: k < n */
    int64_t at_once = batch_rows(&q, ist_anchors_searching_bytes(k + 1));
    ist_anchor_keeping keeping = keep_lists(&q, lists);
    int64_t done = ist_anchor_keeping_begin(&keeping);
    bool whole = true;
    while (done < anchors->count && whole) {
        int64_t count = ist_min(at_once, anchors->count - done);
        whole = find_some(&q, done, count, lists);
        done += whole ? count : 0;
        ist_anchor_keeping_go_on(&keeping, done, !whole);
    }
    ist_free(q.at);
    if (!whole)
        ist_nearest_free(&lists);
    return lists;
}

/* ---- ranks -------------------------------------------------------------------------------------- */

/* Thresholds [from, from + count) of a batch: the targets' positions, and the distances to them; of all anchors, on every rank. */
typedef struct {
    int64_t from, count;
    int32_t *target;
    double *distance;
} thresholds;

static void find_distances(const question *q, const batch *b, thresholds *t)
{
    const ist_slab *home = &q->rows->home;
    for (int64_t e = 0; e < b->count * t->count; e++) {
        int64_t row = e / t->count, guest = t->target[e] - home->first;
        if (guest >= 0 && guest < home->count)
            ist_exact_distances(q->engine->kernel, q->rows, &b->set.home, &row, home, &guest, 1,
                                &t->distance[e]);
    }
    share(q, t->distance, (size_t)(b->count * t->count) * sizeof *t->distance);
}

static thresholds thresholds_of(const question *q, const batch *b, int64_t stride,
                                const int32_t *target, int64_t from, int64_t count)
{
    size_t entries = (size_t)(b->count * count);
    thresholds t = {from, count, ist_alloc(entries, sizeof *t.target),
                    ist_alloc(entries, sizeof *t.distance)};
    for (int64_t i = b->own.first; i < b->own.first + b->own.count; i++)
        for (int64_t m = 0; m < count; m++) {
            int64_t own = b->first + i - q->anchors->first;
            t.target[i * count + m] = (int32_t)position_of(q, target[own * stride + from + m]);
        }
    share(q, t.target, entries * sizeof *t.target);
    find_distances(q, b, &t);
    return t;
}

/* The row itself, at the distance 0, has been counted with the others. */
static int64_t without_itself(const question *q, int64_t twice_rank, int64_t row, int32_t target,
                              double distance, bool by_index)
{
    if (distance > 0)
        return twice_rank - 2;
    if (!by_index)
        return twice_rank - 1;
    return row < ist_row_number(q->rows, target) ? twice_rank - 2 : twice_rank;
}

/* Some thresholds of a batch: ranks of this rank's anchors. */
static bool count_some(question *q, const batch *b, bool by_index, thresholds *t, int64_t stride,
                       int64_t *twice_rank)
{
    size_t entries = (size_t)(b->count * t->count);
    int32_t *target = ist_alloc(entries, sizeof *target);
    double *distance = ist_alloc(entries, sizeof *distance);
    memcpy(target, t->target, entries * sizeof *target);
    memcpy(distance, t->distance, entries * sizeof *distance);
    ist_counts *counts = ist_counts_new(&b->seen, t->count, by_index, target, distance);
    bool whole = sweep(q, b, &ist_counts_consumer, counts, &(ist_tie_rule){0});
    int64_t *found = ist_alloc(entries, sizeof *found);
    if (whole)
        ist_counts_ranks(counts, t->count, found, 0, 0, NULL);
    for (int64_t i = b->own.first; i < b->own.first + b->own.count && whole; i++)
        for (int64_t m = 0; m < t->count; m++) {
            int64_t at = i * t->count + m, own = b->first + i - q->anchors->first;
            twice_rank[own * stride + t->from + m] =
                without_itself(q, found[at], q->anchors->row[b->first + i], t->target[at],
                               t->distance[at], by_index);
        }
    ist_counts_free(&counts);
    ist_free(found);
    return whole;
}

/* What is asked of all anchors, and where ranks go. */
typedef struct {
    bool by_index;
    int64_t stride, at_a_time; /* thresholds a row; answered at once */
    const int32_t *target;
    int64_t *twice_rank;
} ranking;

static ist_anchor_keeping keep_ranks(const question *q, const ranking *r)
{
    size_t stride = (size_t)r->stride;
    return (ist_anchor_keeping){.comm = q->comm,
                                .engine = q->engine,
                                .rows = q->rows,
                                .anchors = q->anchors,
                                .what =
                                    r->by_index ? "ranks of anchors by index" : "ranks of anchors",
                                .asked = {(void *)(uintptr_t)r->target, stride * sizeof *r->target},
                                .column = {{r->twice_rank, stride * sizeof *r->twice_rank}}};
}

/* A batch from `first` on; false: broken off. */
static bool rank_some(question *q, int64_t first, int64_t count, const ranking *r)
{
    batch b = batch_new(q, first, count);
    bool whole = true;
    for (int64_t from = 0; from < r->stride && whole; from += r->at_a_time) {
        thresholds t = thresholds_of(q, &b, r->stride, r->target, from,
                                     ist_min(r->at_a_time, r->stride - from));
        whole = count_some(q, &b, r->by_index, &t, r->stride, r->twice_rank);
        ist_free(t.target);
        ist_free(t.distance);
    }
    batch_release(&b);
    return whole;
}

bool ist_anchors_ranks(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                       const ist_anchors *anchors, bool by_index, int64_t stride,
                       const int32_t *target, int64_t at_a_time, int64_t *twice_rank,
                       ist_pass_stats *stats)
{
    question q = ask(comm, engine, rows, anchors, stats);
    ranking r = {by_index, stride, ist_min(at_a_time, stride), target, twice_rank};
    int64_t at_once = batch_rows(&q, ist_anchors_counting_bytes(r.at_a_time));
    ist_anchor_keeping keeping = keep_ranks(&q, &r);
    int64_t done = ist_anchor_keeping_begin(&keeping);
    bool whole = true;
    while (done < anchors->count && whole) {
        int64_t count = ist_min(at_once, anchors->count - done);
        whole = rank_some(&q, done, count, &r);
        done += whole ? count : 0;
        ist_anchor_keeping_go_on(&keeping, done, !whole);
    }
    ist_free(q.at);
    return whole;
}
