/* The rows that rank 0 has chosen, on every rank. */
#include "session.h"

static void share(const ist_comm *comm, void *values, int64_t count, MPI_Datatype type)
{
    enum { AT_ONCE = 1 << 28 };
    size_t bytes = type == MPI_INT64_T ? sizeof(int64_t) : 1;
    for (int64_t at = 0; at < count; at += AT_ONCE)
        MPI_Bcast((char *)values + (size_t)at * bytes, ist_narrow(ist_min(AT_ONCE, count - at)),
                  type, 0, comm->handle);
}

void ist_share_choices(ist_session *s)
{
    ist_known_job *known = &s->known;
    const ist_plan *plan = known->plan;
    int64_t count = (int64_t)known->chosen_count;
    MPI_Bcast(&count, 1, MPI_INT64_T, 0, s->comm->handle);
    if (s->comm->rank != 0)
        known->chosen = ist_alloc((size_t)count, sizeof *known->chosen);
    known->chosen_count = (size_t)count;
    for (int64_t c = 0; c < count; c++) {
        ist_chosen *chosen = &known->chosen[c];
        MPI_Bcast(&chosen->count, 1, MPI_INT64_T, 0, s->comm->handle);
        if (s->comm->rank != 0)
            chosen->row = ist_alloc((size_t)chosen->count, sizeof *chosen->row);
        share(s->comm, chosen->row, chosen->count, MPI_INT64_T);
        share(s->comm, &chosen->hash, sizeof chosen->hash, MPI_BYTE);
    }
    share(s->comm, known->layer_choice, (int64_t)(plan->layer_count * sizeof *known->layer_choice),
          MPI_BYTE);
    share(s->comm, known->label_choice, (int64_t)(plan->label_count * sizeof *known->label_choice),
          MPI_BYTE);
}
