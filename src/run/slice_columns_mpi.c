/* From rows, which are shared among the ranks, to columns, which are whole: each rank projects its rows onto all
 * directions of a batch, then all exchange, so that each has some of the slices and all samples of them. */
#include <math.h>
#include <string.h>

#include "slice_columns.h"

ist_slice_bytes ist_slice_bytes_of(int64_t n, int64_t columns, bool two_layers)
{
    const int64_t real = sizeof(double), sorted = sizeof(double) + sizeof(int32_t);
    int64_t sent = columns, arriving = 1;
    return (ist_slice_bytes){.kept = n * real * columns * (two_layers ? 2 : 1),
                             .moved = n * real * (sent + arriving),
                             .sorted = two_layers ? 0 : n * sorted};
}

int64_t ist_slices_at_once(int64_t n, int64_t slices, int64_t columns, bool two_layers,
                           double estimates, int ranks)
{
    const int64_t most_bytes = INT64_C(256) << 20, most_directions = 240;
    /* Samples looked at: some seconds on a line, and in more dimensions. */
    const double most_samples = columns == 1 ? 5e7 : 5e6;
    ist_slice_bytes each = ist_slice_bytes_of(n, columns, two_layers);
    int64_t fits = most_bytes / (each.kept + each.moved + each.sorted);
    int64_t cached = most_directions / (columns * ranks);
    int64_t timely = (int64_t)(most_samples / ((double)n * fmax(estimates, 1)));
    int64_t most = ist_min(ist_min(fits, cached), timely);
    return ist_max(1, ist_min(most, ist_ceil_div(slices, ranks)));
}

ist_slice_batch ist_slice_batch_new(const ist_session *s, const ist_slice_pass *pass, int64_t n,
                                    int64_t first, int64_t count)
{
    ist_slice_batch b = {.first = first, .count = count};
    b.own = ist_share(count, s->comm->size, s->comm->rank);
    b.mine = ist_share(count, s->comm->size, s->comm->rank + 1) - b.own;
    size_t values = (size_t)(b.mine * pass->columns * n);
    for (int side = 0; side < (pass->other == SIZE_MAX ? 1 : 2); side++)
        b.column[side] = ist_alloc_unset(values, sizeof *b.column[side]);
    return b;
}

void ist_slice_batch_release(ist_slice_batch *batch)
{
    ist_free(batch->column[0]);
    ist_free(batch->column[1]);
    *batch = (ist_slice_batch){0};
}

/* Column c of slice i of the batch at [(c count + i) rows]. */
static double *project(const ist_session *s, const ist_slice_pass *pass, const ist_rows *rows,
                       int side, const ist_slice_batch *b)
{
    int64_t d = rows->d, all = b->count * pass->columns;
    const ist_slab *home = &rows->home;
    double *directions = ist_alloc_unset((size_t)(all * d), sizeof *directions);
    double *own = ist_alloc_unset((size_t)(pass->columns * d), sizeof *own);
    for (int64_t i = 0; i < b->count; i++) {
        ist_slice_directions(pass->seed, b->first + i, side, d, pass->columns, own);
        for (int c = 0; c < pass->columns; c++)
            memcpy(directions + (c * b->count + i) * d, own + c * d, (size_t)d * sizeof *own);
    }
    double *panels = ist_project_panels(directions, all, d);
    ist_free(directions);
    ist_free(own);
    double *room = ist_alloc_unset((size_t)ist_project_room(all), sizeof *room);
    double *out = ist_alloc_unset((size_t)(all * home->count), sizeof *out);
    ist_slice_project(ist_project_tile_of(s->engine.kernel->name), home->narrow, home->wide,
                      home->count, d, panels, all, room, out);
    ist_free(panels);
    ist_free(room);
    return out;
}

/* Counts and places of what goes to each rank, and of what comes from it. */
typedef struct {
    int *send, *send_at, *receive, *receive_at;
} exchange;

static exchange exchange_new(const ist_comm *comm, const ist_rows *rows, const ist_slice_batch *b)
{
    size_t ranks = (size_t)comm->size;
    exchange e = {ist_alloc(ranks, sizeof(int)), ist_alloc(ranks, sizeof(int)),
                  ist_alloc(ranks, sizeof(int)), ist_alloc(ranks, sizeof(int))};
    for (int r = 0; r < comm->size; r++) {
        int64_t first, last, from = ist_share(b->count, comm->size, r);
        ist_blocks_range(&rows->blocks, comm->size, r, &first, &last);
        e.send_at[r] = ist_narrow(from * rows->home.count);
        e.send[r] = ist_narrow((ist_share(b->count, comm->size, r + 1) - from) * rows->home.count);
        e.receive_at[r] = ist_narrow(b->mine * first);
        e.receive[r] = ist_narrow(b->mine * (last - first));
    }
    return e;
}

static void exchange_release(exchange *e)
{
    ist_free(e->send);
    ist_free(e->send_at);
    ist_free(e->receive);
    ist_free(e->receive_at);
}

/* What came from the ranks, each rank's slices one after the other, to where it belongs: a twin has its rows in an order
 * of its own. */
static void put(const ist_comm *comm, const ist_rows *rows, const ist_slice_batch *b,
                const double *arrived, int64_t columns, double *column)
{
    for (int r = 0; r < comm->size; r++) {
        int64_t first, last;
        ist_blocks_range(&rows->blocks, comm->size, r, &first, &last);
        for (int64_t i = 0; i < b->mine; i++) {
            const double *from = arrived + b->mine * first + i * (last - first);
            double *to = column + i * columns * rows->n;
            if (!rows->place)
                memcpy(to + first, from, (size_t)(last - first) * sizeof *to);
            for (int64_t p = first; p < last && rows->place; p++)
                to[rows->place[p]] = from[p - first];
        }
    }
}

static void bring(ist_session *s, const ist_slice_pass *pass, int side, ist_slice_batch *b,
                  ist_slice_times *times)
{
    const ist_rows *set = side == 0 ? &s->loaded.all : &s->other.all;
    const ist_rows *rows = set->twin ? set->twin : set;
    double started = ist_seconds();
    double *projected = project(s, pass, rows, side, b);
    double between = ist_seconds();
    exchange e = exchange_new(s->comm, rows, b);
    double *arrived = ist_alloc_unset((size_t)(b->mine * rows->n), sizeof *arrived);
    for (int c = 0; c < pass->columns; c++) {
        const double *from = projected + c * b->count * rows->home.count;
        MPI_Alltoallv(from, e.send, e.send_at, MPI_DOUBLE, arrived, e.receive, e.receive_at,
                      MPI_DOUBLE, s->comm->handle);
        put(s->comm, rows, b, arrived, pass->columns, b->column[side] + c * rows->n);
    }
    times->bytes_sent += (b->count - b->mine) * pass->columns * rows->home.count * 8;
    ist_free(arrived);
    ist_free(projected);
    exchange_release(&e);
    times->project += between - started;
    times->transpose += ist_seconds() - between;
}

void ist_slice_columns(ist_session *s, const ist_slice_pass *pass, ist_slice_batch *batch,
                       ist_slice_times *times)
{
    for (int side = 0; side < (pass->other == SIZE_MAX ? 1 : 2); side++)
        bring(s, pass, side, batch, times);
}
