/* MPI's calls that wait for others, by its profiling interface (MPI 3.1, section 14.2): each says that it waits, so that nobody who
 * calls MPI has to. */
#include <mpi.h>

#include "infostrata/place.h"

#define WAITS(name, parameters, arguments) \
    int name parameters                    \
    {                                      \
        ist_place_wait(#name);             \
        int code = P##name arguments;      \
        ist_place_go_on();                 \
        return code;                       \
    }

/* clang-format off */
WAITS(MPI_Barrier, (MPI_Comm comm), (comm))
WAITS(MPI_Bcast, (void *buffer, int count, MPI_Datatype type, int root, MPI_Comm comm),
      (buffer, count, type, root, comm))
WAITS(MPI_Allreduce, (const void *from, void *to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
      (from, to, count, type, op, comm))
WAITS(MPI_Gather, (const void *from, int count, MPI_Datatype type, void *to, int to_count, MPI_Datatype to_type,
                   int root, MPI_Comm comm),
      (from, count, type, to, to_count, to_type, root, comm))
WAITS(MPI_Gatherv, (const void *from, int count, MPI_Datatype type, void *to, const int counts[],
                    const int offsets[], MPI_Datatype to_type, int root, MPI_Comm comm),
      (from, count, type, to, counts, offsets, to_type, root, comm))
WAITS(MPI_Allgather, (const void *from, int count, MPI_Datatype type, void *to, int to_count,
                      MPI_Datatype to_type, MPI_Comm comm),
      (from, count, type, to, to_count, to_type, comm))
WAITS(MPI_Allgatherv, (const void *from, int count, MPI_Datatype type, void *to, const int counts[],
                       const int offsets[], MPI_Datatype to_type, MPI_Comm comm),
      (from, count, type, to, counts, offsets, to_type, comm))
WAITS(MPI_Alltoall, (const void *from, int count, MPI_Datatype type, void *to, int to_count,
                     MPI_Datatype to_type, MPI_Comm comm),
      (from, count, type, to, to_count, to_type, comm))
WAITS(MPI_Alltoallv, (const void *from, const int counts[], const int offsets[], MPI_Datatype type, void *to,
                      const int to_counts[], const int to_offsets[], MPI_Datatype to_type, MPI_Comm comm),
      (from, counts, offsets, type, to, to_counts, to_offsets, to_type, comm))
WAITS(MPI_Alltoallw, (const void *from, const int counts[], const int offsets[], const MPI_Datatype types[],
                      void *to, const int to_counts[], const int to_offsets[], const MPI_Datatype to_types[],
                      MPI_Comm comm),
      (from, counts, offsets, types, to, to_counts, to_offsets, to_types, comm))
WAITS(MPI_Comm_dup, (MPI_Comm comm, MPI_Comm *made), (comm, made))
WAITS(MPI_Comm_split, (MPI_Comm comm, int color, int key, MPI_Comm *made), (comm, color, key, made))
WAITS(MPI_Comm_split_type, (MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *made),
      (comm, type, key, info, made))
WAITS(MPI_Send, (const void *from, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm),
      (from, count, type, to, tag, comm))
WAITS(MPI_Recv, (void *to, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Status *status),
      (to, count, type, from, tag, comm, status))
WAITS(MPI_Wait, (MPI_Request *request, MPI_Status *status), (request, status))
WAITS(MPI_Waitall, (int count, MPI_Request requests[], MPI_Status statuses[]), (count, requests, statuses))
/* clang-format on */
