#include <string.h>

#include "chunks.h"
#include "filter.h"
#include "infostrata/ring.h"

void ist_rows_natural(const ist_comm *comm, int64_t n, int64_t d, float *narrow, double *wide,
                      ist_rows *rows)
{
    *rows = (ist_rows){.n = n, .d = d};
    const int64_t start[2] = {0, n};
    rows->blocks = ist_blocks_new(start, 1);
    int64_t first, last;
    ist_blocks_range(&rows->blocks, comm->size, comm->rank, &first, &last);
    rows->home = (ist_slab){.first = first, .count = last - first, .narrow = narrow, .wide = wide};
    rows->wide = ist_largest(comm, wide != NULL);
    ist_filter_agree(comm, rows);
    rows->packed = ist_pack(rows, &rows->home);
}

/* ---- the same rows in another order -------------------------------------------------------- */

/* For each rank: which local rows go there (or come from there), in the order of the message. */
typedef struct {
    int ranks;
    int *count, *start, *row; /* rank r: row[start[r]] ... row[start[r] + count[r] - 1] */
} row_lists;

static row_lists row_lists_new(int ranks, int64_t rows)
{
    row_lists lists = {.ranks = ranks};
    lists.count = ist_alloc((size_t)ranks, sizeof *lists.count);
    lists.start = ist_alloc((size_t)ranks + 1, sizeof *lists.start);
    lists.row = ist_alloc((size_t)rows, sizeof *lists.row);
    return lists;
}

static void row_lists_release(row_lists *lists)
{
    ist_free(lists->count);
    ist_free(lists->start);
    ist_free(lists->row);
}

static void set_starts(row_lists *lists)
{
    for (int r = 0; r < lists->ranks; r++)
        lists->start[r + 1] = lists->start[r] + lists->count[r];
}

/* Rows travel in the order of their new positions, so that both sides know the order of every
 * message from `order` alone. New positions ascend, and so do the ranks that own them. */
static row_lists outgoing(const ist_comm *comm, const ist_rows *natural, const ist_rows *rows)
{
    row_lists lists = row_lists_new(comm->size, natural->home.count);
    int64_t first = natural->home.first, last = first + natural->home.count, at = 0;
    for (int64_t p = 0; p < rows->n; p++) {
        int64_t number = rows->order[p];
        if (number < first || number >= last)
            continue;
        lists.row[at++] = (int)(number - first);
        lists.count[ist_blocks_owner(&rows->blocks, comm->size, p)]++;
    }
    set_starts(&lists);
    return lists;
}

static row_lists incoming(const ist_comm *comm, const ist_rows *natural, const ist_rows *rows)
{
    row_lists lists = row_lists_new(comm->size, rows->home.count);
    const int64_t *number = rows->order + rows->home.first;
    for (int64_t i = 0; i < rows->home.count; i++)
        lists.count[ist_blocks_owner(&natural->blocks, comm->size, number[i])]++;
    set_starts(&lists);
    int *at = ist_alloc((size_t)comm->size + 1, sizeof *at);
    memcpy(at, lists.start, ((size_t)comm->size + 1) * sizeof *at);
    for (int64_t i = 0; i < rows->home.count; i++)
        lists.row[at[ist_blocks_owner(&natural->blocks, comm->size, number[i])]++] = (int)i;
    ist_free(at);
    return lists;
}

/* One type a rank that picks its rows out of a slab: rows are neither gathered nor spread in buffers
 * of ours, which would double the memory. */
static MPI_Datatype *types_of(const row_lists *lists, MPI_Datatype row)
{
    MPI_Datatype *types = ist_alloc((size_t)lists->ranks, sizeof *types);
    for (int r = 0; r < lists->ranks; r++) {
        MPI_Type_create_indexed_block(lists->count[r], 1, lists->row + lists->start[r], row,
                                      &types[r]);
        MPI_Type_commit(&types[r]);
    }
    return types;
}

static void types_free(int ranks, MPI_Datatype *types)
{
    for (int r = 0; r < ranks; r++)
        MPI_Type_free(&types[r]);
    ist_free(types);
}

static void exchange(const ist_comm *comm, const ist_rows *natural, ist_rows *rows)
{
    row_lists out = outgoing(comm, natural, rows), in = incoming(comm, natural, rows);
    MPI_Datatype row = ist_bytes_type(ist_row_bytes(rows));
    MPI_Datatype *out_types = types_of(&out, row), *in_types = types_of(&in, row);
    int *one = ist_alloc((size_t)comm->size, sizeof *one);
    int *zero = ist_alloc((size_t)comm->size, sizeof *zero);
    for (int r = 0; r < comm->size; r++)
        one[r] = 1;
    MPI_Alltoallw(ist_slab_values(natural, &natural->home), one, zero, out_types,
                  ist_slab_values(rows, &rows->home), one, zero, in_types, comm->handle);
    ist_free(one);
    ist_free(zero);
    types_free(comm->size, out_types);
    types_free(comm->size, in_types);
    MPI_Type_free(&row);
    row_lists_release(&out);
    row_lists_release(&in);
}

void ist_rows_by_part(const ist_comm *comm, const ist_rows *natural, int parts,
                      const int64_t *order, const int64_t *start, ist_rows *rows)
{
    *rows = (ist_rows){.n = natural->n, .d = natural->d, .order = order, .wide = natural->wide};
    rows->blocks = ist_blocks_new(start, parts);
    int64_t first, last;
    ist_blocks_range(&rows->blocks, comm->size, comm->rank, &first, &last);
    rows->filter = natural->filter;
    if (rows->filter.shift) {
        rows->filter.shift = ist_alloc((size_t)rows->d, sizeof *rows->filter.shift);
        memcpy(rows->filter.shift, natural->filter.shift,
               (size_t)rows->d * sizeof *rows->filter.shift);
    }
    rows->home = ist_slab_new(rows, first, last - first);
    exchange(comm, natural, rows);
    rows->packed = ist_pack(rows, &rows->home);
}
