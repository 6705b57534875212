#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "infostrata/comm.h"

ist_comm ist_comm_new(MPI_Comm parent)
{
    ist_comm comm;
    MPI_Comm_dup(parent, &comm.handle);
    MPI_Comm_rank(comm.handle, &comm.rank);
    MPI_Comm_size(comm.handle, &comm.size);
    return comm;
}

void ist_comm_release(ist_comm *comm)
{
    MPI_Comm_free(&comm->handle);
}

ist_code ist_agree(const ist_comm *comm, ist_error *error)
{
    int mine = error->code == IST_OK ? INT_MAX : comm->rank, lowest;
    MPI_Allreduce(&mine, &lowest, 1, MPI_INT, MPI_MIN, comm->handle);
    if (lowest != INT_MAX)
        MPI_Bcast(error, (int)sizeof *error, MPI_BYTE, lowest, comm->handle);
    return error->code;
}

void ist_sum(const ist_comm *comm, int64_t *values, size_t count)
{
    MPI_Allreduce(MPI_IN_PLACE, values, ist_narrow((int64_t)count), MPI_INT64_T, MPI_SUM,
                  comm->handle);
}

int64_t ist_sum_one(const ist_comm *comm, int64_t value)
{
    ist_sum(comm, &value, 1);
    return value;
}

int64_t ist_largest(const ist_comm *comm, int64_t value)
{
    MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT64_T, MPI_MAX, comm->handle);
    return value;
}

double ist_largest_real(const ist_comm *comm, double value)
{
    MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_DOUBLE, MPI_MAX, comm->handle);
    return value;
}

void ist_share_text(const ist_comm *comm, ist_text *text)
{
    int64_t length = (int64_t)text->length;
    MPI_Bcast(&length, 1, MPI_INT64_T, 0, comm->handle);
    char *bytes = ist_alloc((size_t)length + 1, 1);
    if (comm->rank == 0 && length > 0)
        memcpy(bytes, text->data, (size_t)length);
    MPI_Bcast(bytes, ist_narrow(length), MPI_BYTE, 0, comm->handle);
    if (comm->rank != 0) {
        text->length = 0;
        ist_text_add_bytes(text, bytes, (size_t)length);
    }
    ist_free(bytes);
}

MPI_Datatype ist_bytes_type(size_t bytes)
{
    MPI_Datatype type;
    MPI_Type_contiguous(ist_narrow((int64_t)bytes), MPI_BYTE, &type);
    MPI_Type_commit(&type);
    return type;
}

int ist_narrow(int64_t count)
{
    if (count < 0 || count > INT_MAX)
        ist_abort_all("a message count does not fit MPI's int: please report this");
    return (int)count;
}

void ist_abort_all(const char *line)
{
    fprintf(stderr, "infostrata: error: %s\n", line);
    fflush(stderr);
    /* The one error path that may run on a single rank: there is no way back to the others. */
    int initialized = 0;
    MPI_Initialized(&initialized);
    if (initialized)
        MPI_Abort(MPI_COMM_SELF, IST_BROKEN);
    exit(IST_BROKEN);
}
