/* The threshold turn: each rank's rows make one full turn, data only, and every rank computes the
 * defined distances between its own rows and those of their targets that are passing by. */
#include "chunks.h"
#include "infostrata/ring.h"

static void distances_to(const ist_kernel *kernel, const ist_rows *rows, const ist_slab *guests,
                         int64_t stride, const int32_t *target, double *distance)
{
    enum { AT_ONCE = 64 };
    int64_t a[AT_ONCE], b[AT_ONCE], where[AT_ONCE];
    double found[AT_ONCE];
    int waiting = 0;
    int64_t entries = rows->home.count * stride;
    for (int64_t e = 0; e <= entries; e++) {
        if (waiting == AT_ONCE || (e == entries && waiting > 0)) {
            ist_exact_distances(kernel, &rows->home, a, guests, b, waiting, rows->d, found);
            for (int p = 0; p < waiting; p++)
                distance[where[p]] = found[p];
            waiting = 0;
        }
        if (e == entries)
            break;
        int64_t guest = target[e] - guests->first;
        if (guest < 0 || guest >= guests->count)
            continue;
        a[waiting] = e / stride;
        b[waiting] = guest;
        where[waiting++] = e;
    }
}

static void exchange_spans(const ist_comm *comm, const ist_kernel *kernel, const ist_rows *rows,
                           const ist_span *in, int64_t in_count, int from, const ist_span *out,
                           int64_t out_count, int to, int64_t stride, const int32_t *target,
                           double *distance, ist_pass_stats *stats)
{
    size_t bytes = ist_row_bytes(rows);
    const char *mine = ist_slab_values(rows, &rows->home);
    MPI_Datatype row = ist_bytes_type(bytes);
    for (int64_t c = 0; c < in_count || c < out_count; c++) {
        MPI_Request pending[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
        ist_slab guests = {0};
        if (c < in_count) {
            guests = ist_slab_new(rows, in[c].first, in[c].count);
            MPI_Irecv(ist_slab_values(rows, &guests), ist_narrow(in[c].count), row, from,
                      IST_TAG_ROWS, comm->handle, &pending[0]);
        }
        if (c < out_count) {
            MPI_Isend(mine + (size_t)(out[c].first - rows->home.first) * bytes,
                      ist_narrow(out[c].count), row, to, IST_TAG_ROWS, comm->handle, &pending[1]);
            stats->bytes_sent += out[c].count * (int64_t)bytes;
        }
        double start = ist_seconds();
        MPI_Waitall(2, pending, MPI_STATUSES_IGNORE);
        stats->seconds_waiting += ist_seconds() - start;
        if (c < in_count)
            distances_to(kernel, rows, &guests, stride, target, distance);
        ist_slab_release(&guests);
    }
    MPI_Type_free(&row);
}

void ist_turn_distances(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                        int64_t stride, const int32_t *target, double *distance,
                        ist_pass_stats *stats)
{
    int ranks = comm->size, me = comm->rank;
    size_t bytes = ist_row_bytes(rows);
    distances_to(engine->kernel, rows, &rows->home, stride, target, distance);
    for (int s = 1; s < ranks; s++) {
        int from = (me + s) % ranks, to = (me + ranks - s) % ranks;
        ist_span *in, *out;
        int64_t in_count = ist_spans_of(rows, engine, ranks, from, me, true, bytes, &in);
        int64_t out_count = ist_spans_of(rows, engine, ranks, me, to, true, bytes, &out);
        exchange_spans(comm, engine->kernel, rows, in, in_count, from, out, out_count, to, stride,
                       target, distance, stats);
        ist_free(in);
        ist_free(out);
    }
}
