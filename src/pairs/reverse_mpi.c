#include "chunks.h"
#include "infostrata/ring.h"

/* The directed pair source -> target with its value, told to the rank that holds target. */
typedef struct {
    int64_t source, target, value;
} told_pair;

static told_pair *exchange(const ist_comm *comm, const told_pair *pairs, const int *count,
                           int64_t *received)
{
    size_t ranks = (size_t)comm->size;
    int *in = ist_alloc(ranks, sizeof *in), *start = ist_alloc(ranks + 1, sizeof *start);
    int *in_start = ist_alloc(ranks + 1, sizeof *in_start);
    MPI_Alltoall(count, 1, MPI_INT, in, 1, MPI_INT, comm->handle);
    for (int r = 0; r < comm->size; r++) {
        start[r + 1] = start[r] + count[r];
        in_start[r + 1] = in_start[r] + in[r];
    }
    *received = in_start[comm->size];
    told_pair *arrived = ist_alloc((size_t)*received, sizeof *arrived);
    MPI_Datatype type;
    MPI_Type_contiguous((int)sizeof *arrived, MPI_BYTE, &type);
    MPI_Type_commit(&type);
    MPI_Alltoallv(pairs, count, start, type, arrived, in, in_start, type, comm->handle);
    MPI_Type_free(&type);
    ist_free(in);
    ist_free(start);
    ist_free(in_start);
    return arrived;
}

/* The pairs of home rows [row, last) in the order of the ranks that shall hear of them. */
static told_pair *sort_by_owner(const ist_comm *comm, const ist_rows *rows, int64_t row,
                                int64_t last, int64_t k, int64_t stride, const int32_t *neighbour,
                                const int64_t *value, int *count)
{
    size_t ranks = (size_t)comm->size;
    int *at = ist_alloc(ranks + 1, sizeof *at);
    told_pair *sorted = ist_alloc((size_t)((last - row) * k), sizeof *sorted);
    for (int64_t i = row; i < last; i++)
        for (int64_t p = 0; p < k; p++)
            count[ist_blocks_owner(&rows->blocks, comm->size, neighbour[i * stride + p])]++;
    for (size_t r = 0; r < ranks; r++)
        at[r + 1] = at[r] + count[r];
    for (int64_t i = row; i < last; i++)
        for (int64_t p = 0; p < k; p++) {
            int32_t target = neighbour[i * stride + p];
            sorted[at[ist_blocks_owner(&rows->blocks, comm->size, target)]++] =
                (told_pair){rows->home.first + i, target, value[i * stride + p]};
        }
    ist_free(at);
    return sorted;
}

void ist_reverse_pairs(const ist_comm *comm, const ist_rows *rows, int64_t k, int64_t stride,
                       const int32_t *neighbour, const int64_t *twice_rank,
                       int64_t *reverse_twice_rank, int64_t *in_count, int64_t *in_sum)
{
    enum { PAIRS_AT_ONCE = 1 << 20 }; /* bounds the messages' memory */
    int64_t count = rows->home.count, at_once = ist_max(1, PAIRS_AT_ONCE / k);
    for (int64_t e = 0; e < count * stride; e++)
        reverse_twice_rank[e] = -1;
    int64_t rounds = ist_largest(comm, ist_ceil_div(count, at_once));
    for (int64_t round = 0; round < rounds; round++) {
        int64_t row = ist_min(count, round * at_once), last = ist_min(count, row + at_once);
        int *told = ist_alloc((size_t)comm->size, sizeof *told);
        told_pair *pairs =
            sort_by_owner(comm, rows, row, last, k, stride, neighbour, twice_rank, told);
        int64_t received;
        told_pair *arrived = exchange(comm, pairs, told, &received);
        for (int64_t e = 0; e < received; e++) {
            int64_t i = arrived[e].target - rows->home.first;
            in_count[i]++;
            in_sum[i] += arrived[e].value;
            for (int64_t p = 0; p < k; p++)
                if (neighbour[i * stride + p] == arrived[e].source)
                    reverse_twice_rank[i * stride + p] = arrived[e].value;
        }
        ist_free(pairs);
        ist_free(arrived);
        ist_free(told);
    }
}
