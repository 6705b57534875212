/* The frame itself, and the example to start from. */
#include "checks.h"

#include <stdint.h>
#include <stdio.h>

RANK_CHECK(sums_of_int64)
{
    int rank, ranks;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    int64_t mine = INT64_C(1000000000000) * (rank + 1), total = 0;
    MPI_Allreduce(&mine, &total, 1, MPI_INT64_T, MPI_SUM, comm);
    int64_t expected = INT64_C(1000000000000) * ranks * (ranks + 1) / 2;
    CHECK_ALL_TELL(comm, total == expected, "%lld is not %lld", (long long)total,
                   (long long)expected);
}
