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

/* A chunk of one set on its way in, and what its rows want. */
typedef struct {
    ist_slab slab; /* of all sets but the first, the second component is the first's */
    char *request;
} arrival;

/* The passes that go together, one for most. Of each there are MESSAGES requests in `coming` and `going`, one in `returning`. */
typedef struct {
    const ist_comm *comm;
    int count;
    ist_sweep *sweep;
    ist_keeping *keeping;
    const ist_tie_rule *ties;
    arrival *in, *guests; /* the chunks that are expected; those that are here */
    MPI_Request *coming;
    char **request; /* what the rows of our own chunk on its way out want */
    MPI_Request *going;
    char **result; /* what visiting rows found, on its way back */
    MPI_Request *returning;
    int64_t returning_bytes;
    ist_stop *stop;
    bool stopped, paused; /* pairs of this rank were left out: for good; for a checkpoint */
    ist_pulse *pulse;
    double told; /* pairs of these passes, to the pulse */
} traffic;

static bool is_left(const traffic *t)
{
    return t->stopped || t->paused;
}

/* Messages and waiting of all passes are told by the first. */
static ist_pass_stats *stats_of(const traffic *t)
{
    return &t->sweep->stats;
}

/* Bytes of a row of all sets on its way, the second component once, with what is asked. */
static size_t arrival_bytes(const traffic *t)
{
    size_t bytes = 0;
    for (int m = 0; m < t->count; m++) {
        const ist_sweep *sweep = &t->sweep[m];
        bytes += ist_row_bytes(m == 0 ? sweep->rows : sweep->rows->component[0]) +
                 sweep->consumer->out_bytes(sweep->state);
    }
    return bytes;
}

/* What a visiting row brings back. */
static size_t back_bytes(const ist_sweep *sweep)
{
    return sweep->consumer->home_alone ? 0 : sweep->consumer->back_bytes(sweep->state);
}

static size_t result_bytes(const traffic *t)
{
    size_t bytes = 0;
    for (int m = 0; m < t->count; m++)
        bytes += back_bytes(&t->sweep[m]);
    return bytes;
}

static void expect(traffic *t, ist_span span, int from)
{
    for (int m = 0; m < t->count; m++) {
        const ist_sweep *sweep = &t->sweep[m];
        arrival *in = &t->in[m];
        MPI_Request *pending = t->coming + m * MESSAGES;
        size_t out_bytes = sweep->consumer->out_bytes(sweep->state);
        in->slab = m == 0 ? ist_slab_new(sweep->rows, span.first, span.count)
                          : ist_slab_beside(sweep->rows, &t->in[0].slab);
        in->request = ist_alloc((size_t)span.count, out_bytes);
        ist_receive_slab(t->comm, sweep->rows, m > 0, &in->slab, from, pending);
        ist_receive_records(t->comm, in->request, span.count, out_bytes, from, IST_TAG_STATE,
                            &pending[IST_SLAB_MESSAGES]);
    }
    ist_in_flight(stats_of(t), span.count * (int64_t)arrival_bytes(t));
}

/* The request is packed as late as possible, so that a visiting row knows home's latest bound. */
static void send_off(traffic *t, ist_span span, int to)
{
    for (int m = 0; m < t->count; m++) {
        const ist_sweep *sweep = &t->sweep[m];
        MPI_Request *pending = t->going + m * MESSAGES;
        size_t out_bytes = sweep->consumer->out_bytes(sweep->state);
        int64_t offset = span.first - sweep->rows->home.first;
        t->request[m] = ist_alloc((size_t)span.count, out_bytes);
        sweep->consumer->pack_out(sweep->state, offset, span.count, t->request[m]);
        ist_send_slab(t->comm, sweep->rows, m > 0, offset, span.count, to, pending);
        ist_send_records(t->comm, t->request[m], span.count, out_bytes, to, IST_TAG_STATE,
                         &pending[IST_SLAB_MESSAGES]);
    }
    int64_t bytes = span.count * (int64_t)arrival_bytes(t);
    stats_of(t)->bytes_sent += bytes;
    ist_in_flight(stats_of(t), bytes);
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
    stats_of(t)->seconds_waiting += ist_seconds() - start;
}

static void wait_for_returning(traffic *t)
{
    wait_for(t, t->count, t->returning);
    ist_in_flight(stats_of(t), -t->returning_bytes);
    t->returning_bytes = 0;
}

static void beat(traffic *t)
{
    double pairs = 0;
    for (int m = 0; m < t->count; m++)
        pairs += t->sweep[m].stats.pairs;
    if (t->pulse)
        atomic_fetch_add(&t->pulse->pairs, (int_fast64_t)(pairs - t->told));
    t->told = pairs;
}

/* MPI moves large messages only while it is called. */
static bool keep_moving(void *data)
{
    traffic *t = data;
    int flag;
    MPI_Testall(t->count * MESSAGES, t->coming, &flag, MPI_STATUSES_IGNORE);
    MPI_Testall(t->count * MESSAGES, t->going, &flag, MPI_STATUSES_IGNORE);
    beat(t);
    ist_place_tile();
    t->stopped |= ist_stop_poll(t->stop);
    for (int m = 0; m < t->count; m++)
        t->paused |= ist_keeping_due(&t->keeping[m]);
    return is_left(t);
}

/* A chunk of each set: home's own, or that of the guests. The copies of the second component are there once. */
static ist_chunk *chunks_of(const traffic *t, const arrival *guests)
{
    ist_chunk *chunk = ist_alloc((size_t)t->count, sizeof *chunk);
    const ist_packed *second = NULL;
    for (int m = 0; m < t->count; m++) {
        const ist_rows *rows = t->sweep[m].rows;
        chunk[m] = ist_chunk_new(rows, guests ? &guests[m].slab : &rows->home, second, t->ties);
        if (!second && chunk[m].packed.component)
            second = &chunk[m].packed.component[1];
    }
    return chunk;
}

static void release_chunks(const traffic *t, ist_chunk *chunk)
{
    for (int m = t->count - 1; m >= 0; m--)
        ist_chunk_release(&chunk[m]);
    ist_free(chunk);
}

/* Once the rest is to be left out, chunks of this step still travel, as others expect, but nothing is computed. */
static void sweep_unless_left(traffic *t, const ist_chunk *chunk, void *const *columns,
                              ist_pairing pairing)
{
    t->stopped |= ist_stop_poll(t->stop);
    if (!is_left(t))
        ist_sweep_chunk(t->sweep, t->count, chunk, columns, pairing);
}

/* Sends back what the guests' rows found, and takes leave of them. */
static void send_back(traffic *t, void **visiting, int from)
{
    int64_t count = t->guests->slab.count;
    wait_for_returning(t);
    for (int m = 0; m < t->count; m++) {
        const ist_sweep *sweep = &t->sweep[m];
        size_t bytes = back_bytes(sweep);
        ist_free(t->result[m]);
        t->result[m] = ist_alloc((size_t)count, bytes);
        if (!sweep->consumer->home_alone)
            sweep->consumer->pack_back(visiting[m], 0, count, t->result[m]);
        ist_send_records(t->comm, t->result[m], count, bytes, from, IST_TAG_RESULT,
                         &t->returning[m]);
        sweep->consumer->release(visiting[m]);
    }
    t->returning_bytes = count * (int64_t)result_bytes(t);
    stats_of(t)->bytes_sent += t->returning_bytes;
    ist_in_flight(stats_of(t), t->returning_bytes);
}

/* Computes home against the chunks that have arrived. */
static void receive_guests(traffic *t, int from, ist_pairing pairing)
{
    ist_chunk *chunk = chunks_of(t, t->guests);
    void **visiting = ist_alloc((size_t)t->count, sizeof *visiting);
    for (int m = 0; m < t->count; m++)
        visiting[m] =
            t->sweep[m].consumer->init(t->sweep[m].state, &chunk[m], t->guests[m].request);
    sweep_unless_left(t, chunk, visiting, pairing);
    send_back(t, visiting, from);
    ist_free(visiting);
    release_chunks(t, chunk);
    for (int m = t->count - 1; m >= 0; m--) {
        if (m > 0)
            ist_slab_beside_release(&t->guests[m].slab);
        else
            ist_slab_release(&t->guests[m].slab);
        ist_free(t->guests[m].request);
    }
}

static void welcome_back(traffic *t, ist_span span, int from)
{
    int64_t under_way = span.count * (int64_t)result_bytes(t);
    char **result = ist_alloc((size_t)t->count, sizeof *result);
    MPI_Request *request = ist_alloc((size_t)t->count, sizeof *request);
    for (int m = 0; m < t->count; m++) {
        size_t bytes = back_bytes(&t->sweep[m]);
        result[m] = ist_alloc((size_t)span.count, bytes);
        ist_receive_records(t->comm, result[m], span.count, bytes, from, IST_TAG_RESULT,
                            &request[m]);
    }
    ist_in_flight(stats_of(t), under_way);
    wait_for(t, t->count, request);
    ist_in_flight(stats_of(t), -under_way);
    for (int m = 0; m < t->count; m++) {
        const ist_sweep *sweep = &t->sweep[m];
        if (!sweep->consumer->home_alone)
            sweep->consumer->merge(sweep->state, span.first - sweep->rows->home.first, span.count,
                                   result[m]);
        ist_free(result[m]);
    }
    ist_free(result);
    ist_free(request);
}

static void wait_for_arrival(traffic *t, ist_span span)
{
    wait_for(t, t->count * MESSAGES, t->coming);
    ist_in_flight(stats_of(t), -span.count * (int64_t)arrival_bytes(t));
    arrival *here = t->in;
    t->in = t->guests;
    t->guests = here;
}

static void wait_for_departure(traffic *t, ist_span span)
{
    wait_for(t, t->count * MESSAGES, t->going);
    ist_in_flight(stats_of(t), -span.count * (int64_t)arrival_bytes(t));
    for (int m = 0; m < t->count; m++) {
        ist_free(t->request[m]);
        t->request[m] = NULL;
    }
}

/* One step of the ring: chunks of `from` visit us while ours visit `to`. */
static void step(traffic *t, int from, int to, const ist_span *in, int64_t in_count,
                 const ist_span *out, int64_t out_count, ist_pairing pairing)
{
    if (in_count > 0)
        expect(t, in[0], from);
    if (out_count > 0)
        send_off(t, out[0], to);
    for (int64_t c = 0; c < in_count || c < out_count; c++) {
        if (c < in_count) {
            wait_for_arrival(t, in[c]);
            if (c + 1 < in_count)
                expect(t, in[c + 1], from);
        }
        if (c < out_count) {
            wait_for_departure(t, out[c]);
            if (c + 1 < out_count)
                send_off(t, out[c + 1], to);
        }
        if (c < in_count)
            receive_guests(t, from, pairing);
        if (c < out_count)
            welcome_back(t, out[c], to);
    }
    wait_for_returning(t);
}

/* Have any of the passes pairs left between these ranks? */
static bool has_left(const traffic *t, int a, int b, ist_pairing pairing)
{
    bool left = false;
    for (int m = 0; m < t->count; m++)
        left = left || ist_keeping_has_left(&t->keeping[m], t->comm->size, a, b, pairing);
    return left;
}

/* In one piece: what waits for a decision waits until the end, when the least of it is left. */
static void against_itself(traffic *t)
{
    int me = t->comm->rank;
    if (!has_left(t, me, me, IST_PAIRS_OWN))
        return;
    ist_chunk *chunk = chunks_of(t, NULL);
    void **columns = ist_alloc((size_t)t->count, sizeof *columns);
    for (int m = 0; m < t->count; m++)
        columns[m] = t->sweep[m].state;
    sweep_unless_left(t, chunk, columns, IST_PAIRS_OWN);
    ist_free(columns);
    release_chunks(t, chunk);
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
    const ist_rows *rows = t->sweep->rows;
    int ranks = t->comm->size, me = t->comm->rank;
    size_t bytes = arrival_bytes(t) + result_bytes(t);
    for (int s = 1; s <= ranks / 2; s++) {
        int from = (me + s) % ranks, to = (me + ranks - s) % ranks;
        ist_span *in, *out;
        int64_t in_count = ist_spans_of(rows, engine, ranks, from, me, bytes, &in);
        int64_t out_count = ist_spans_of(rows, engine, ranks, me, to, bytes, &out);
        ist_pairing pairing = IST_PAIRS_ALL;
        if (2 * s == ranks)
            pairing = me < from ? IST_PAIRS_EVEN : IST_PAIRS_ODD;
        bool want = !is_left(t) && has_left(t, me, from, pairing);
        if (!want)
            in_count = 0;
        if (!is_wanted(t, from, to, want))
            out_count = 0;
        step(t, from, to, in, in_count, out, out_count, pairing);
        ist_free(in);
        ist_free(out);
    }
    for (int m = 0; m < t->count; m++) {
        ist_free(t->result[m]);
        t->result[m] = NULL;
    }
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
        for (int m = 0; m < t->count; m++)
            if (t->keeping[m].progress)
                ist_keeping_save(&t->keeping[m]);
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

static ist_sweep sweep_new(const ist_engine *engine, const ist_consumer *consumer,
                           const ist_keeping *keeping, ist_geometry *geometry)
{
    const ist_rows *rows = keeping->rows;
    ist_sweep sweep = {.rows = rows,
                       .kernel = engine->kernel,
                       .consumer = consumer,
                       .state = keeping->state,
                       .progress = keeping->progress,
                       .attend = engine->attend,
                       .attend_data = engine->attend_data};
    sweep.word = ist_alloc((size_t)rows->home.count, sizeof *sweep.word);
    for (int64_t i = 0; i < rows->home.count; i++)
        sweep.word[i] = ist_tie_word(keeping->ties, ist_row_number(rows, rows->home.first + i));
    /* A joint set has no place of its own, and its form no routine. */
    bool skips = consumer->limits && engine->skipping != IST_SKIP_NEVER && rows->place &&
                 engine->kernel->near && engine->kernel->near->thin[rows->filter.form];
    if (skips) {
        *geometry = ist_geometry_new(rows, engine->kernel, &rows->packed);
        sweep.geometry = geometry;
        sweep.skipping = engine->skipping;
    }
    return sweep;
}

static traffic traffic_new(const ist_comm *comm, const ist_engine *engine, ist_keeping *keeping,
                           int count, const ist_tie_rule *ties)
{
    size_t passes = (size_t)count;
    traffic t = {.comm = comm,
                 .count = count,
                 .keeping = keeping,
                 .ties = ties,
                 .stop = engine->stop,
                 .pulse = engine->pulse};
    t.sweep = ist_alloc(passes, sizeof *t.sweep);
    t.in = ist_alloc(passes, sizeof *t.in);
    t.guests = ist_alloc(passes, sizeof *t.guests);
    t.request = ist_alloc(passes, sizeof *t.request);
    t.result = ist_alloc(passes, sizeof *t.result);
    t.coming = ist_alloc(passes * MESSAGES, sizeof *t.coming);
    t.going = ist_alloc(passes * MESSAGES, sizeof *t.going);
    t.returning = ist_alloc(passes, sizeof *t.returning);
    for (int m = 0; m < count * MESSAGES; m++)
        t.coming[m] = t.going[m] = MPI_REQUEST_NULL;
    for (int m = 0; m < count; m++)
        t.returning[m] = MPI_REQUEST_NULL;
    return t;
}

static void traffic_release(traffic *t)
{
    ist_free(t->sweep);
    ist_free(t->in);
    ist_free(t->guests);
    ist_free(t->request);
    ist_free(t->result);
    ist_free(t->coming);
    ist_free(t->going);
    ist_free(t->returning);
}

/* The passes that are kept whole are there already: those that are not. */
static int begin(const ist_comm *comm, const ist_engine *engine, const ist_pass_member *passes,
                 int count, const ist_consumer *consumer, const ist_tie_rule *ties,
                 ist_keeping *keeping)
{
    int left = 0;
    for (int m = 0; m < count; m++)
        if (ist_keeping_begin(&keeping[left], comm, engine, &passes[m], consumer, ties))
            ist_keeping_end(&keeping[left], false);
        else
            left++;
    return left;
}

bool ist_pass_together(const ist_comm *comm, const ist_engine *engine,
                       const ist_pass_member *passes, int count, const ist_consumer *consumer,
                       const ist_tie_rule *ties, ist_pass_stats *stats)
{
    if (ist_stop_broke_off(engine->stop))
        return false;
    bool whole = true;
    ist_keeping *keeping = ist_alloc((size_t)count, sizeof *keeping);
    ist_geometry geometry = {0}; /* of a pass alone: joint sets have none */
    int left = begin(comm, engine, passes, count, consumer, ties, keeping);
    if (left > 0) {
        traffic t = traffic_new(comm, engine, keeping, left, ties);
        for (int m = 0; m < left; m++)
            t.sweep[m] = sweep_new(engine, consumer, &keeping[m], &geometry);
        t.sweep->poke = keep_moving;
        t.sweep->poke_data = &t;
        whole = visit_all(&t, engine);
        beat(&t);
        for (int m = 0; m < left; m++) {
            ist_free(t.sweep[m].word);
            add_stats(stats, &t.sweep[m].stats);
            ist_keeping_end(&keeping[m], whole);
        }
        traffic_release(&t);
    }
    ist_geometry_release(&geometry);
    ist_free(keeping);
    return whole;
}

bool ist_pass(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
              const ist_consumer *consumer, void *state, const ist_tie_rule *ties,
              ist_pass_stats *stats)
{
    ist_pass_member alone = {.rows = rows, .state = state};
    if (engine->keeper)
        alone.place = engine->keeper->place;
    return ist_pass_together(comm, engine, &alone, 1, consumer, ties, stats);
}
