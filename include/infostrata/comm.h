/* comm: the collective half of base: communicators, agreement on errors, integer sums. */
#ifndef INFOSTRATA_COMM_H
#define INFOSTRATA_COMM_H

#include <mpi.h>

#include "infostrata/base.h"

/* A communicator of our own (duplicated from the caller's) with its rank and size. */
typedef struct {
    MPI_Comm handle;
    int rank, size;
} ist_comm;

/* All message tags of the program. */
enum { IST_TAG_ROWS = 1, IST_TAG_STATE = 2, IST_TAG_RESULT = 3, IST_TAG_WANTED = 4 };

/* Collective on parent. Errors of MPI itself stay fatal. */
ist_comm ist_comm_new(MPI_Comm parent);
/* Collective. */
void ist_comm_release(ist_comm *comm);

/* Collective: every rank brings its own error (or none) and leaves with the same one, that of the
 * lowest rank that has any. Returns the common code. A local failure never skips this call. */
ist_code ist_agree(const ist_comm *comm, ist_error *error);

/* Collective: values[0..count) summed over the ranks, exact, the same everywhere. */
void ist_sum(const ist_comm *comm, int64_t *values, size_t count);
int64_t ist_sum_one(const ist_comm *comm, int64_t value);
/* Collective: the largest (integer / real) over the ranks. */
int64_t ist_largest(const ist_comm *comm, int64_t value);
double ist_largest_real(const ist_comm *comm, double value);

/* Collective: bytes from rank 0 to all; *text is replaced on the other ranks. */
void ist_share_text(const ist_comm *comm, ist_text *text);

/* A committed type of so many bytes: messages count rows with it, so that only the bytes of one row
 * must fit MPI's int. Free it with MPI_Type_free. */
MPI_Datatype ist_bytes_type(size_t bytes);

/* The count as MPI's int; ends the run if it does not fit (a programming fault). */
int ist_narrow(int64_t count);

/* Ends all ranks at once with IST_BROKEN after one line on stderr: for exhausted memory only. */
void ist_abort_all(const char *line) IST_NORETURN;

#endif
