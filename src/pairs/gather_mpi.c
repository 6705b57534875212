#include "infostrata/ring.h"

void ist_gather_rows(const ist_comm *comm, const ist_rows *rows, MPI_Datatype type,
                     const void *mine, void *all, bool to_all)
{
    int *count = ist_alloc((size_t)comm->size, sizeof *count);
    int *start = ist_alloc((size_t)comm->size, sizeof *start);
    for (int r = 0; r < comm->size; r++) {
        int64_t first, last;
        ist_blocks_range(&rows->blocks, comm->size, r, &first, &last);
        start[r] = ist_narrow(first);
        count[r] = ist_narrow(last - first);
    }
    if (to_all && !mine)
        MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, count, start, type, comm->handle);
    else if (to_all)
        MPI_Allgatherv(mine, count[comm->rank], type, all, count, start, type, comm->handle);
    else
        MPI_Gatherv(mine, count[comm->rank], type, all, count, start, type, 0, comm->handle);
    ist_free(count);
    ist_free(start);
}
