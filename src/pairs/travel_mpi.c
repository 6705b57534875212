#include "travel.h"

#include "chunks.h"

void ist_send_records(const ist_comm *comm, const void *records, int64_t count, size_t bytes,
                      int to, int tag, MPI_Request *request)
{
    MPI_Datatype record = ist_bytes_type(bytes);
    MPI_Isend(records, ist_narrow(count), record, to, tag, comm->handle, request);
    MPI_Type_free(&record);
}

void ist_receive_records(const ist_comm *comm, void *records, int64_t count, size_t bytes, int from,
                         int tag, MPI_Request *request)
{
    MPI_Datatype record = ist_bytes_type(bytes);
    MPI_Irecv(records, ist_narrow(count), record, from, tag, comm->handle, request);
    MPI_Type_free(&record);
}

/* The part of a set that travels as message m, or NULL. */
static const ist_rows *part_of(const ist_rows *rows, bool first_alone, int m)
{
    if (ist_rows_are_joint(rows))
        return m == 1 && first_alone ? NULL : rows->component[m];
    return m == 0 ? rows : NULL;
}

void ist_send_slab(const ist_comm *comm, const ist_rows *rows, bool first_alone, int64_t offset,
                   int64_t count, int to, MPI_Request request[IST_SLAB_MESSAGES])
{
    for (int m = 0; m < IST_SLAB_MESSAGES; m++) {
        const ist_rows *part = part_of(rows, first_alone, m);
        request[m] = MPI_REQUEST_NULL;
        if (!part)
            continue;
        size_t bytes = ist_row_bytes(part);
        const char *values = ist_slab_values(part, &part->home);
        ist_send_records(comm, values + (size_t)offset * bytes, count, bytes, to, IST_TAG_ROWS,
                         &request[m]);
    }
}

/* Messages of one tag arrive in the order in which they were sent. */
void ist_receive_slab(const ist_comm *comm, const ist_rows *rows, bool first_alone,
                      const ist_slab *slab, int from, MPI_Request request[IST_SLAB_MESSAGES])
{
    for (int m = 0; m < IST_SLAB_MESSAGES; m++) {
        const ist_rows *part = part_of(rows, first_alone, m);
        request[m] = MPI_REQUEST_NULL;
        if (part)
            ist_receive_records(comm,
                                ist_slab_values(part, part == rows ? slab : &slab->component[m]),
                                slab->count, ist_row_bytes(part), from, IST_TAG_ROWS, &request[m]);
    }
}
