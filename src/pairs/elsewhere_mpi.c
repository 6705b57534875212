#include "elsewhere.h"

#include <string.h>

#include "chunks.h"

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

/* This rank's rows of the first set, by the rank that has them in the second. Messages are in the
 * order of the second set's positions: these ascend, and so do the ranks that own them. */
static row_lists lists_here(const ist_comm *comm, const ist_rows *rows, const ist_rows *moved,
                            const int64_t *place)
{
    row_lists lists = row_lists_new(comm->size, rows->home.count);
    int64_t first = rows->home.first, last = first + rows->home.count, at = 0;
    for (int64_t p = 0; p < moved->n; p++) {
        if (place[p] < first || place[p] >= last)
            continue;
        lists.row[at++] = (int)(place[p] - first);
        lists.count[ist_blocks_owner(&moved->blocks, comm->size, p)]++;
    }
    set_starts(&lists);
    return lists;
}

/* This rank's rows of the second set, by the rank that has them in the first. */
static row_lists lists_there(const ist_comm *comm, const ist_rows *rows, const ist_rows *moved,
                             const int64_t *place)
{
    row_lists lists = row_lists_new(comm->size, moved->home.count);
    int *owner = ist_alloc((size_t)moved->home.count, sizeof *owner);
    for (int64_t i = 0; i < moved->home.count; i++) {
        owner[i] = ist_blocks_owner(&rows->blocks, comm->size, place[moved->home.first + i]);
        lists.count[owner[i]]++;
    }
    set_starts(&lists);
    int *at = ist_alloc((size_t)comm->size + 1, sizeof *at);
    memcpy(at, lists.start, ((size_t)comm->size + 1) * sizeof *at);
    for (int64_t i = 0; i < moved->home.count; i++)
        lists.row[at[owner[i]]++] = (int)i;
    ist_free(at);
    ist_free(owner);
    return lists;
}

/* One type a rank that picks the records [from, from + most) of its list out of an array: they are neither
 * gathered nor spread in buffers of ours, which would double the memory. */
static MPI_Datatype *types_of(const row_lists *lists, int from, int most, MPI_Datatype record)
{
    MPI_Datatype *types = ist_alloc((size_t)lists->ranks, sizeof *types);
    for (int r = 0; r < lists->ranks; r++) {
        int left = lists->count[r] - from, count = left < 0 ? 0 : left < most ? left : most;
        MPI_Type_create_indexed_block(count, 1, lists->row + lists->start[r] + (count ? from : 0),
                                      record, &types[r]);
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

static int64_t longest_list(const row_lists *lists)
{
    int64_t longest = 0;
    for (int r = 0; r < lists->ranks; r++)
        longest = ist_max(longest, lists->count[r]);
    return longest;
}

/* In rounds of so many rows a rank, because types take much more memory than the lists they are made of. */
static void exchange(const ist_comm *comm, size_t bytes, const void *from, const row_lists *out,
                     void *to, const row_lists *in)
{
    MPI_Datatype record = ist_bytes_type(bytes);
    int at_once = ist_narrow(ist_max(1, IST_CARRIED_AT_ONCE / comm->size));
    int64_t longest = ist_largest(comm, longest_list(out));
    int *one = ist_alloc((size_t)comm->size, sizeof *one);
    int *zero = ist_alloc((size_t)comm->size, sizeof *zero);
    for (int r = 0; r < comm->size; r++)
        one[r] = 1;
    for (int64_t done = 0; done < longest; done += at_once) {
        MPI_Datatype *out_types = types_of(out, ist_narrow(done), at_once, record);
        MPI_Datatype *in_types = types_of(in, ist_narrow(done), at_once, record);
        MPI_Alltoallw(from, one, zero, out_types, to, one, zero, in_types, comm->handle);
        types_free(comm->size, out_types);
        types_free(comm->size, in_types);
    }
    ist_free(one);
    ist_free(zero);
    MPI_Type_free(&record);
}

void ist_carry(const ist_comm *comm, const ist_rows *rows, const ist_rows *moved,
               const int64_t *place, ist_direction direction, size_t bytes, const void *from,
               void *to)
{
    row_lists here = lists_here(comm, rows, moved, place);
    row_lists there = lists_there(comm, rows, moved, place);
    if (direction == IST_CARRY_THERE)
        exchange(comm, bytes, from, &here, to, &there);
    else
        exchange(comm, bytes, from, &there, to, &here);
    row_lists_release(&here);
    row_lists_release(&there);
}

void ist_rows_elsewhere(const ist_comm *comm, const ist_rows *rows, ist_blocks blocks,
                        const int64_t *place, ist_rows *moved)
{
    *moved = (ist_rows){.n = blocks.start[blocks.count],
                        .d = rows->d,
                        .metric = rows->metric,
                        .blocks = blocks,
                        .wide = rows->wide,
                        .may_repeat = rows->may_repeat,
                        .filter = ist_filter_copy(&rows->filter, rows->d)};
    int64_t first, last;
    ist_blocks_range(&moved->blocks, comm->size, comm->rank, &first, &last);
    moved->home = ist_slab_new(moved, first, last - first);
    ist_carry(comm, rows, moved, place, IST_CARRY_THERE, ist_row_bytes(rows),
              ist_slab_values(rows, &rows->home), ist_slab_values(moved, &moved->home));
}

int32_t *ist_targets_in_twin(const ist_comm *comm, const ist_rows *rows, int64_t stride,
                             const int32_t *target)
{
    const ist_rows *twin = rows->twin;
    int64_t entries = twin->home.count * stride;
    int32_t *there = ist_alloc((size_t)entries, sizeof *there);
    int32_t *at = ist_alloc((size_t)twin->n, sizeof *at);
    for (int64_t p = 0; p < twin->n; p++)
        at[twin->place[p]] = (int32_t)p;
    ist_carry(comm, rows, twin, twin->place, IST_CARRY_THERE, (size_t)stride * sizeof *there,
              target, there);
    for (int64_t e = 0; e < entries; e++)
        there[e] = there[e] < 0 ? there[e] : at[there[e]];
    ist_free(at);
    return there;
}
