/* The threshold turn: each rank's rows make one full turn, data only, and every rank computes the
 * defined distances between its own rows and those of their targets that are passing by. */
#include "chunks.h"
#include "elsewhere.h"
#include "infostrata/ring.h"
#include "travel.h"

typedef struct {
    const ist_comm *comm;
    const ist_kernel *kernel;
    const ist_rows *rows;
    int64_t stride;
    const int32_t *target;
    double *distance;
    ist_pass_stats *stats;
} turn;

/* Rows that visit, or that are visited: of one rank. */
typedef struct {
    ist_span *span;
    int64_t count;
    int rank;
} visitors;

static void distances_to(const turn *t, const ist_slab *guests)
{
    enum { AT_ONCE = 64 };
    int64_t a[AT_ONCE], b[AT_ONCE], where[AT_ONCE];
    double found[AT_ONCE];
    int waiting = 0;
    const ist_rows *rows = t->rows;
    int64_t entries = rows->home.count * t->stride;
    for (int64_t e = 0; e <= entries; e++) {
        if (waiting == AT_ONCE || (e == entries && waiting > 0)) {
            ist_exact_distances(t->kernel, rows, &rows->home, a, guests, b, waiting, found);
            for (int p = 0; p < waiting; p++)
                t->distance[where[p]] = found[p];
            waiting = 0;
        }
        if (e == entries)
            break;
        int64_t guest = t->target[e] - guests->first;
        if (guest < 0 || guest >= guests->count)
            continue;
        a[waiting] = e / t->stride;
        b[waiting] = guest;
        where[waiting++] = e;
    }
}

static void exchange_spans(const turn *t, const visitors *in, const visitors *out)
{
    const ist_rows *rows = t->rows;
    enum { MESSAGES = 2 * IST_SLAB_MESSAGES };
    size_t bytes = ist_row_bytes(rows);
    for (int64_t c = 0; c < in->count || c < out->count; c++) {
        MPI_Request pending[MESSAGES];
        for (int m = 0; m < MESSAGES; m++)
            pending[m] = MPI_REQUEST_NULL;
        ist_slab guests = {0};
        int64_t moving = 0;
        if (c < in->count) {
            moving += in->span[c].count * (int64_t)bytes;
            guests = ist_slab_new(rows, in->span[c].first, in->span[c].count);
            ist_receive_slab(t->comm, rows, false, &guests, in->rank, pending);
        }
        if (c < out->count) {
            ist_send_slab(t->comm, rows, false, out->span[c].first - rows->home.first,
                          out->span[c].count, out->rank, pending + IST_SLAB_MESSAGES);
            t->stats->bytes_sent += out->span[c].count * (int64_t)bytes;
            moving += out->span[c].count * (int64_t)bytes;
        }
        ist_in_flight(t->stats, moving);
        double start = ist_seconds();
        MPI_Waitall(MESSAGES, pending, MPI_STATUSES_IGNORE);
        t->stats->seconds_waiting += ist_seconds() - start;
        ist_in_flight(t->stats, -moving);
        if (c < in->count)
            distances_to(t, &guests);
        ist_slab_release(&guests);
    }
}

static void distances_in_twin(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                              int64_t stride, const int32_t *target, double *distance,
                              ist_pass_stats *stats)
{
    const ist_rows *twin = rows->twin;
    int32_t *there = ist_targets_in_twin(comm, rows, stride, target);
    double *found = ist_alloc((size_t)(twin->home.count * stride), sizeof *found);
    ist_turn_distances(comm, engine, twin, stride, there, found, stats);
    ist_carry(comm, rows, twin, twin->place, IST_CARRY_BACK, (size_t)stride * sizeof *found, found,
              distance);
    ist_free(there);
    ist_free(found);
}

void ist_turn_distances(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                        int64_t stride, const int32_t *target, double *distance,
                        ist_pass_stats *stats)
{
    if (rows->twin) {
        distances_in_twin(comm, engine, rows, stride, target, distance, stats);
        return;
    }
    turn t = {comm, engine->kernel, rows, stride, target, distance, stats};
    int ranks = comm->size, me = comm->rank;
    size_t bytes = ist_row_bytes(rows);
    distances_to(&t, &rows->home);
    for (int s = 1; s < ranks; s++) {
        visitors in = {.rank = (me + s) % ranks}, out = {.rank = (me + ranks - s) % ranks};
        in.count = ist_spans_of(rows, engine, ranks, in.rank, me, bytes, &in.span);
        out.count = ist_spans_of(rows, engine, ranks, me, out.rank, bytes, &out.span);
        exchange_spans(&t, &in, &out);
        ist_free(in.span);
        ist_free(out.span);
    }
}
