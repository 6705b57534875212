#include <string.h>

#include "chunks.h"
#include "infostrata/ring.h"

/* Row 0's values become the shift, so that a common offset costs the filter no digits. */
static void agree_on_shift(const ist_comm *comm, ist_rows *rows)
{
    int owner = 0;
    rows->shift = ist_alloc((size_t)rows->d, sizeof *rows->shift);
    if (rows->home.wide && rows->home.count > 0 && rows->home.first == 0) {
        memcpy(rows->shift, rows->home.wide, (size_t)rows->d * sizeof *rows->shift);
        owner = comm->rank;
    }
    owner = (int)ist_largest(comm, owner);
    MPI_Bcast(rows->shift, ist_narrow(rows->d), MPI_DOUBLE, owner, comm->handle);
}

static void round_home(const ist_comm *comm, ist_rows *rows)
{
    ist_slab *home = &rows->home;
    home->narrow = ist_alloc((size_t)(home->count * rows->d), sizeof *home->narrow);
    home->radius = ist_alloc((size_t)home->count, sizeof *home->radius);
    bool fits = ist_slab_round(rows, home);
    rows->filter = ist_largest(comm, !fits) == 0;
    float largest = 0;
    for (int64_t i = 0; i < home->count; i++)
        if (home->radius[i] > largest)
            largest = home->radius[i];
    rows->largest_radius = (float)ist_largest_real(comm, (double)largest);
}

void ist_rows_natural(const ist_comm *comm, int64_t n, int64_t d, float *narrow, double *wide,
                      ist_rows *rows)
{
    *rows = (ist_rows){.n = n, .d = d, .filter = true};
    const int64_t start[2] = {0, n};
    rows->blocks = ist_blocks_new(start, 1);
    int64_t first, last;
    ist_blocks_range(&rows->blocks, comm->size, comm->rank, &first, &last);
    rows->home = (ist_slab){.first = first, .count = last - first, .narrow = narrow, .wide = wide};
    if (ist_largest(comm, wide != NULL)) {
        agree_on_shift(comm, rows);
        round_home(comm, rows);
    }
}

/* ---- the same rows in another order -------------------------------------------------------- */

typedef struct {
    int *count, *start; /* by rank, in rows */
    int64_t *index;     /* rows in the order of the message: index into the local slab */
} exchange;

static exchange exchange_new(int ranks, int64_t rows)
{
    exchange e;
    e.count = ist_alloc((size_t)ranks, sizeof *e.count);
    e.start = ist_alloc((size_t)ranks + 1, sizeof *e.start);
    e.index = ist_alloc((size_t)rows, sizeof *e.index);
    return e;
}

static void exchange_release(exchange *e)
{
    ist_free(e->count);
    ist_free(e->start);
    ist_free(e->index);
}

static void starts_of(exchange *e, int ranks)
{
    for (int r = 0; r < ranks; r++)
        e->start[r + 1] = e->start[r] + e->count[r];
}

/* What this rank sends: rows go out in the order of their new positions, so that both sides know
 * the order of every message from `order` alone. */
static exchange outgoing(const ist_comm *comm, const ist_rows *natural, const ist_rows *rows)
{
    exchange e = exchange_new(comm->size, natural->home.count);
    int64_t first = natural->home.first, last = first + natural->home.count, at = 0;
    for (int64_t p = 0; p < rows->n; p++) {
        int64_t number = rows->order[p];
        if (number < first || number >= last)
            continue;
        e.index[at++] = number - first;
        e.count[ist_blocks_owner(&rows->blocks, comm->size, p)]++;
    }
    starts_of(&e, comm->size);
    return e;
}

static exchange incoming(const ist_comm *comm, const ist_rows *natural, const ist_rows *rows)
{
    exchange e = exchange_new(comm->size, rows->home.count);
    for (int64_t i = 0; i < rows->home.count; i++)
        e.count[ist_blocks_owner(&natural->blocks, comm->size,
                                 rows->order[rows->home.first + i])]++;
    starts_of(&e, comm->size);
    int *at = ist_alloc((size_t)comm->size, sizeof *at);
    memcpy(at, e.start, (size_t)comm->size * sizeof *at);
    for (int64_t i = 0; i < rows->home.count; i++) {
        int from =
            ist_blocks_owner(&natural->blocks, comm->size, rows->order[rows->home.first + i]);
        e.index[at[from]++] = i;
    }
    ist_free(at);
    return e;
}

static void copy_row(void *to, int64_t i, const void *from, int64_t j, size_t bytes)
{
    memcpy((char *)to + (size_t)i * bytes, (const char *)from + (size_t)j * bytes, bytes);
}

void ist_rows_by_part(const ist_comm *comm, const ist_rows *natural, int parts,
                      const int64_t *order, const int64_t *start, ist_rows *rows)
{
    *rows = (ist_rows){.n = natural->n, .d = natural->d, .order = order, .filter = natural->filter};
    rows->blocks = ist_blocks_new(start, parts);
    int64_t first, last;
    ist_blocks_range(&rows->blocks, comm->size, comm->rank, &first, &last);
    bool wide = natural->shift != NULL;
    if (wide) {
        rows->shift = ist_alloc((size_t)rows->d, sizeof *rows->shift);
        memcpy(rows->shift, natural->shift, (size_t)rows->d * sizeof *rows->shift);
    }
    rows->home = ist_slab_new(rows, first, last - first);
    rows->largest_radius = natural->largest_radius;

    exchange out = outgoing(comm, natural, rows), in = incoming(comm, natural, rows);
    size_t bytes = ist_row_bytes(rows);
    char *send = ist_alloc((size_t)natural->home.count, bytes);
    char *receive = ist_alloc((size_t)rows->home.count, bytes);
    for (int64_t i = 0; i < natural->home.count; i++)
        copy_row(send, i, ist_slab_values(natural, &natural->home), out.index[i], bytes);
    MPI_Datatype row;
    MPI_Type_contiguous(ist_narrow((int64_t)bytes), MPI_BYTE, &row);
    MPI_Type_commit(&row);
    MPI_Alltoallv(send, out.count, out.start, row, receive, in.count, in.start, row, comm->handle);
    MPI_Type_free(&row);
    for (int64_t i = 0; i < rows->home.count; i++)
        copy_row(ist_slab_values(rows, &rows->home), in.index[i], receive, i, bytes);
    if (wide)
        ist_slab_round(rows, &rows->home);
    ist_free(send);
    ist_free(receive);
    exchange_release(&out);
    exchange_release(&in);
}
