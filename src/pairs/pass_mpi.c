/* One pass: home against itself, then against the chunks of half the ring. The unit of work is an
 * unordered superblock pair; a visiting chunk is computed against home, and what its rows found is
 * sent back to where they live. */
#include <string.h>

#include "chunks.h"
#include "elsewhere.h"
#include "geometry.h"
#include "infostrata/place.h"
#include "infostrata/ring.h"
#include "infostrata/stop.h"
#include "keeping.h"
#include "travel.h"

/* The slab's messages, and what is asked or told of its rows. */
enum { MESSAGES = IST_SLAB_MESSAGES + 1 };

/* A chunk on its way in, and the message that tells what its rows want. */
typedef struct {
    ist_slab slab;
    char *request;
    MPI_Request pending[MESSAGES];
} arrival;

/* One of our own chunks on its way out. */
typedef struct {
    char *request;
    MPI_Request pending[MESSAGES];
} departure;

typedef struct {
    const ist_comm *comm;
    ist_sweep *sweep;
    const ist_tie_rule *ties;
    arrival in;
    departure out;
    char *result; /* what visiting rows found, on its way back */
    MPI_Request returning;
    int64_t returning_bytes;
    ist_stop *stop;
    ist_keeping *keeping;
    bool stopped, paused; /* pairs of this rank were left out: for good; for a checkpoint */
    ist_pulse *pulse;
    double told; /* pairs of this pass, to the pulse */
} traffic;

static bool is_left(const traffic *t)
{
    return t->stopped || t->paused;
}

static int64_t arrival_bytes(const ist_sweep *sweep, int64_t rows)
{
    size_t row = ist_row_bytes(sweep->rows) + sweep->consumer->out_bytes(sweep->state);
    return rows * (int64_t)row;
}

/* What a visiting row brings back. */
static size_t back_bytes(const ist_sweep *sweep)
{
    return sweep->consumer->home_alone ? 0 : sweep->consumer->back_bytes(sweep->state);
}

static int64_t result_bytes(const ist_sweep *sweep, int64_t rows)
{
    return rows * (int64_t)back_bytes(sweep);
}

static arrival expect(const ist_comm *comm, ist_sweep *sweep, ist_span span, int from)
{
    const ist_rows *rows = sweep->rows;
    size_t out_bytes = sweep->consumer->out_bytes(sweep->state);
    arrival a = {.slab = ist_slab_new(rows, span.first, span.count)};
    a.request = ist_alloc((size_t)span.count, out_bytes);
    ist_receive_slab(comm, rows, &a.slab, from, a.pending);
    ist_receive_records(comm, a.request, span.count, out_bytes, from, IST_TAG_STATE,
                        &a.pending[IST_SLAB_MESSAGES]);
    ist_in_flight(&sweep->stats, arrival_bytes(sweep, span.count));
    return a;
}

/* The request is packed as late as possible, so that a visiting row knows home's latest bound. */
static departure send_off(const ist_comm *comm, ist_sweep *sweep, ist_span span, int to)
{
    const ist_rows *rows = sweep->rows;
    size_t out_bytes = sweep->consumer->out_bytes(sweep->state);
    int64_t offset = span.first - rows->home.first;
    departure d = {.request = ist_alloc((size_t)span.count, out_bytes)};
    sweep->consumer->pack_out(sweep->state, offset, span.count, d.request);
    ist_send_slab(comm, rows, offset, span.count, to, d.pending);
    ist_send_records(comm, d.request, span.count, out_bytes, to, IST_TAG_STATE,
                     &d.pending[IST_SLAB_MESSAGES]);
    int64_t bytes = arrival_bytes(sweep, span.count);
    sweep->stats.bytes_sent += bytes;
    ist_in_flight(&sweep->stats, bytes);
    return d;
}

/* Who waits must answer, too: others learn that all are to stop only when everybody has been asked. */
static void wait_for(traffic *t, int count, MPI_Request *requests)
{
    double start = ist_seconds();
    int ended = 0;
    ist_place_wait("an exchange of rows");
    while (!ended) {
        MPI_Testall(count, requests, &ended, MPI_STATUSES_IGNORE);
        if (!ended)
            ist_stop_poll(t->stop);
    }
    ist_place_go_on();
    t->sweep->stats.seconds_waiting += ist_seconds() - start;
}

static void wait_for_returning(traffic *t)
{
    wait_for(t, 1, &t->returning);
    ist_in_flight(&t->sweep->stats, -t->returning_bytes);
    t->returning_bytes = 0;
}

static void beat(traffic *t)
{
    double pairs = t->sweep->stats.pairs;
    if (t->pulse)
        atomic_fetch_add(&t->pulse->pairs, (int_fast64_t)(pairs - t->told));
    t->told = pairs;
}

/* MPI moves large messages only while it is called. */
static bool keep_moving(void *data)
{
    traffic *t = data;
    int flag;
    MPI_Testall(MESSAGES, t->in.pending, &flag, MPI_STATUSES_IGNORE);
    MPI_Testall(MESSAGES, t->out.pending, &flag, MPI_STATUSES_IGNORE);
    beat(t);
    ist_place_tile();
    t->stopped |= ist_stop_poll(t->stop);
    t->paused |= ist_keeping_due(t->keeping);
    return is_left(t);
}

/* Once the rest is to be left out, chunks of this step still travel, as others expect, but nothing is computed. */
static void sweep_unless_left(traffic *t, const ist_chunk *chunk, void *columns,
                              ist_pairing pairing)
{
    t->stopped |= ist_stop_poll(t->stop);
    if (!is_left(t))
        ist_sweep_chunk(t->sweep, chunk, columns, 0, pairing);
}

/* Computes home against an arrived chunk and sends back what its rows found. */
static void receive_guests(traffic *t, arrival *guest, int from, ist_pairing pairing)
{
    ist_sweep *sweep = t->sweep;
    ist_chunk chunk = ist_chunk_new(sweep->rows, &guest->slab, t->ties);
    void *visiting = sweep->consumer->init(sweep->state, &chunk, guest->request);
    sweep_unless_left(t, &chunk, visiting, pairing);
    wait_for_returning(t);
    ist_free(t->result);
    t->result = ist_alloc((size_t)guest->slab.count, back_bytes(sweep));
    if (!sweep->consumer->home_alone)
        sweep->consumer->pack_back(visiting, 0, guest->slab.count, t->result);
    ist_send_records(t->comm, t->result, guest->slab.count, back_bytes(sweep), from, IST_TAG_RESULT,
                     &t->returning);
    t->returning_bytes = result_bytes(sweep, guest->slab.count);
    sweep->stats.bytes_sent += t->returning_bytes;
    ist_in_flight(&sweep->stats, t->returning_bytes);
    sweep->consumer->release(visiting);
    ist_chunk_release(&chunk);
    ist_slab_release(&guest->slab);
    ist_free(guest->request);
}

static void welcome_back(traffic *t, ist_span span, int from)
{
    ist_sweep *sweep = t->sweep;
    char *result = ist_alloc((size_t)span.count, back_bytes(sweep));
    MPI_Request request;
    ist_receive_records(t->comm, result, span.count, back_bytes(sweep), from, IST_TAG_RESULT,
                        &request);
    ist_in_flight(&sweep->stats, result_bytes(sweep, span.count));
    wait_for(t, 1, &request);
    ist_in_flight(&sweep->stats, -result_bytes(sweep, span.count));
    if (!sweep->consumer->home_alone)
        sweep->consumer->merge(sweep->state, span.first - sweep->rows->home.first, span.count,
                               result);
    ist_free(result);
}

static void nothing_pending(MPI_Request pending[MESSAGES])
{
    for (int m = 0; m < MESSAGES; m++)
        pending[m] = MPI_REQUEST_NULL;
}

/* One step of the ring: chunks of `from` visit us while ours visit `to`. */
static void step(traffic *t, int from, int to, const ist_span *in, int64_t in_count,
                 const ist_span *out, int64_t out_count, ist_pairing pairing)
{
    if (in_count > 0)
        t->in = expect(t->comm, t->sweep, in[0], from);
    if (out_count > 0)
        t->out = send_off(t->comm, t->sweep, out[0], to);
    for (int64_t c = 0; c < in_count || c < out_count; c++) {
        arrival guest = {0};
        if (c < in_count) {
            wait_for(t, MESSAGES, t->in.pending);
            ist_in_flight(&t->sweep->stats, -arrival_bytes(t->sweep, in[c].count));
            guest = t->in;
            nothing_pending(t->in.pending);
            if (c + 1 < in_count)
                t->in = expect(t->comm, t->sweep, in[c + 1], from);
        }
        if (c < out_count) {
            wait_for(t, MESSAGES, t->out.pending);
            ist_in_flight(&t->sweep->stats, -arrival_bytes(t->sweep, out[c].count));
            ist_free(t->out.request);
            t->out.request = NULL;
            nothing_pending(t->out.pending);
            if (c + 1 < out_count)
                t->out = send_off(t->comm, t->sweep, out[c + 1], to);
        }
        if (c < in_count)
            receive_guests(t, &guest, from, pairing);
        if (c < out_count)
            welcome_back(t, out[c], to);
    }
    wait_for_returning(t);
}

/* In one piece: what waits for a decision waits until the end, when the least of it is left. */
static void against_itself(traffic *t)
{
    ist_sweep *sweep = t->sweep;
    int me = t->comm->rank;
    if (!ist_keeping_has_left(t->keeping, t->comm->size, me, me, IST_PAIRS_OWN))
        return;
    ist_chunk chunk = ist_chunk_new(sweep->rows, &sweep->rows->home, t->ties);
    sweep_unless_left(t, &chunk, sweep->state, IST_PAIRS_OWN);
    ist_chunk_release(&chunk);
}

/* Who has left its work out, or has nothing to do with another's rows, is not visited: ranks that meet tell each other. */
static bool is_wanted(traffic *t, int from, int to, bool want)
{
    int mine = want, wanted = 0;
    MPI_Request pending[2];
    MPI_Irecv(&wanted, 1, MPI_INT, to, IST_TAG_WANTED, t->comm->handle, &pending[0]);
    MPI_Isend(&mine, 1, MPI_INT, from, IST_TAG_WANTED, t->comm->handle, &pending[1]);
    wait_for(t, 2, pending);
    return wanted;
}

/* Half the ring meets every rank once; at an even number of ranks the opposite pairs meet twice
 * and each of the two computes its half of the superblock pairs. */
static void around_the_ring(traffic *t, const ist_engine *engine)
{
    const ist_sweep *sweep = t->sweep;
    int ranks = t->comm->size, me = t->comm->rank;
    size_t bytes =
        ist_row_bytes(sweep->rows) + sweep->consumer->out_bytes(sweep->state) + back_bytes(sweep);
    for (int s = 1; s <= ranks / 2; s++) {
        int from = (me + s) % ranks, to = (me + ranks - s) % ranks;
        ist_span *in, *out;
        int64_t in_count = ist_spans_of(sweep->rows, engine, ranks, from, me, bytes, &in);
        int64_t out_count = ist_spans_of(sweep->rows, engine, ranks, me, to, bytes, &out);
        ist_pairing pairing = IST_PAIRS_ALL;
        if (2 * s == ranks)
            pairing = me < from ? IST_PAIRS_EVEN : IST_PAIRS_ODD;
        bool want = !is_left(t) && ist_keeping_has_left(t->keeping, ranks, me, from, pairing);
        if (!want)
            in_count = 0;
        if (!is_wanted(t, from, to, want))
            out_count = 0;
        step(t, from, to, in, in_count, out, out_count, pairing);
        ist_free(in);
        ist_free(out);
    }
    ist_free(t->result);
    t->result = NULL;
}

/* Rounds: what a round leaves out, the next one finds. Between two of them no result is under way, so that the pass can be kept.
 * False: broken off. */
static bool visit_all(traffic *t, const ist_engine *engine)
{
    for (;;) {
        t->stopped = t->paused = false;
        against_itself(t);
        around_the_ring(t, engine);
        if (!ist_largest(t->comm, is_left(t)))
            return true;
        bool broken = ist_stop_break_off(t->stop, t->comm, t->stopped);
        if (t->keeping->progress)
            ist_keeping_save(t->keeping);
        if (broken)
            return false;
    }
}

static void add_stats(ist_pass_stats *total, const ist_pass_stats *more)
{
    total->pairs += more->pairs;
    total->tiles += more->tiles;
    total->exact_tiles += more->exact_tiles;
    total->decided_again += more->decided_again;
    total->tiles_skipped += more->tiles_skipped;
    total->tiles_thinned += more->tiles_thinned;
    total->rows_thinned += more->rows_thinned;
    total->bytes_sent += more->bytes_sent;
    total->most_in_flight = ist_max(total->most_in_flight, more->most_in_flight);
    total->seconds_waiting += more->seconds_waiting;
}

bool ist_pass(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
              const ist_consumer *consumer, void *state, const ist_tie_rule *ties,
              ist_pass_stats *stats)
{
    ist_keeping keeping;
    if (ist_stop_broke_off(engine->stop))
        return false;
    if (ist_keeping_begin(&keeping, comm, engine, rows, consumer, state, ties)) {
        ist_keeping_end(&keeping, false);
        return true;
    }
    ist_sweep sweep = {.rows = rows,
                       .kernel = engine->kernel,
                       .consumer = consumer,
                       .state = state,
                       .attend = engine->attend,
                       .attend_data = engine->attend_data};
    sweep.progress = keeping.progress;
    sweep.word = ist_alloc((size_t)rows->home.count, sizeof *sweep.word);
    for (int64_t i = 0; i < rows->home.count; i++)
        sweep.word[i] = ist_tie_word(ties, ist_row_number(rows, rows->home.first + i));
    bool skips = consumer->limits && engine->skipping != IST_SKIP_NEVER && rows->place &&
                 engine->kernel->near && rows->filter.form != IST_FILTER_NONE;
    ist_geometry geometry = {0};
    if (skips) {
        geometry = ist_geometry_new(rows, engine->kernel, &rows->packed);
        sweep.geometry = &geometry;
        sweep.skipping = engine->skipping;
    }
    traffic t = {.comm = comm,
                 .sweep = &sweep,
                 .ties = ties,
                 .returning = MPI_REQUEST_NULL,
                 .stop = engine->stop,
                 .keeping = &keeping,
                 .pulse = engine->pulse};
    nothing_pending(t.in.pending);
    nothing_pending(t.out.pending);
    sweep.poke = keep_moving;
    sweep.poke_data = &t;
    bool whole = visit_all(&t, engine);
    beat(&t);
    ist_geometry_release(&geometry);
    ist_free(sweep.word);
    add_stats(stats, &sweep.stats);
    ist_keeping_end(&keeping, whole);
    return whole;
}
