/* Rounds of a reduction that nobody waits for: whoever polls begins the next one a moment after it saw the end of the
 * last. A rank that does not poll delays the answer, never the work. */
#include <time.h>

#include "infostrata/place.h"
#include "infostrata/stop.h"

static const double ROUND_SECONDS = 0.1;

struct ist_stop {
    const ist_comm *comm; /* all ranks */
    MPI_Comm rounds;      /* for the rounds alone: nothing else must come between them */
    ist_stop_watch *watch;
    void *data;
    MPI_Request pending;
    int64_t begun; /* rounds */
    int sent, received;
    double last;            /* when the last round ended here */
    ist_stop_reason reason; /* that this rank knows of */
    double since;           /* when it learnt of one */
    bool agreed, broke_off; /* agreed: every rank knows or will know in a moment */
};

ist_stop *ist_stop_new(const ist_comm *comm, ist_stop_watch *watch, void *data)
{
    ist_stop *stop = ist_alloc(1, sizeof *stop);
    *stop = (ist_stop){.comm = comm, .watch = watch, .data = data, .pending = MPI_REQUEST_NULL};
    MPI_Comm_dup(comm->handle, &stop->rounds);
    return stop;
}

static void learn(ist_stop *stop, ist_stop_reason reason)
{
    if (stop->reason == IST_GO_ON && reason != IST_GO_ON)
        stop->since = ist_seconds();
    if (reason > stop->reason)
        stop->reason = reason;
}

static void look(ist_stop *stop)
{
    learn(stop, ist_signals_caught());
    if (stop->watch)
        learn(stop, stop->watch(stop->data));
}

static void begin_round(ist_stop *stop)
{
    look(stop);
    stop->sent = (int)stop->reason;
    stop->begun++;
    MPI_Iallreduce(&stop->sent, &stop->received, 1, MPI_INT, MPI_MAX, stop->rounds, &stop->pending);
}

void ist_stop_free(ist_stop **stop)
{
    ist_stop *old = *stop;
    *stop = NULL;
    if (!old)
        return;
    /* A round may have been begun by some ranks and not by others, never more than one. */
    int64_t most = ist_largest(old->comm, old->begun);
    MPI_Wait(&old->pending, MPI_STATUS_IGNORE);
    if (old->begun < most)
        begin_round(old);
    MPI_Wait(&old->pending, MPI_STATUS_IGNORE);
    MPI_Comm_free(&old->rounds);
    ist_free(old);
}

bool ist_stop_poll(ist_stop *stop)
{
    if (!stop)
        return false;
    if (stop->agreed)
        return true;
    if (stop->pending == MPI_REQUEST_NULL) {
        if (ist_seconds() - stop->last >= ROUND_SECONDS)
            begin_round(stop);
        return false;
    }
    int ended;
    MPI_Test(&stop->pending, &ended, MPI_STATUS_IGNORE);
    if (ended) {
        ist_place_heard();
        stop->last = ist_seconds();
        learn(stop, (ist_stop_reason)stop->received);
        stop->agreed = stop->received != IST_GO_ON;
    }
    return stop->agreed;
}

ist_stop_reason ist_stop_agreed(ist_stop *stop, const ist_comm *comm)
{
    if (!stop)
        return IST_GO_ON;
    if (ist_stop_poll(stop))
        look(stop); /* a stronger one may have come since */
    int64_t known = stop->agreed ? (int64_t)stop->reason : IST_GO_ON;
    known = ist_largest(comm, known);
    /* Who has not seen the end of the round yet has taken part in it all the same. */
    stop->agreed = known != IST_GO_ON;
    learn(stop, (ist_stop_reason)known);
    return (ist_stop_reason)known;
}

bool ist_stop_urgent(ist_stop *stop, const ist_comm *comm, double seconds)
{
    ist_stop_reason reason = ist_stop_agreed(stop, comm);
    if (reason == IST_GO_ON || reason >= IST_STOP_INTERRUPT)
        return reason != IST_GO_ON;
    return ist_largest(comm, ist_seconds() - stop->since > seconds) > 0;
}

void ist_stop_wait(ist_stop *stop, const ist_comm *comm)
{
    const struct timespec pause = {0, 1000000};
    MPI_Request barrier;
    int there = 0;
    MPI_Ibarrier(comm->handle, &barrier);
    ist_place_rest(true);
    for (;;) {
        MPI_Test(&barrier, &there, MPI_STATUS_IGNORE);
        if (there)
            break;
        ist_stop_poll(stop);
        nanosleep(&pause, NULL);
    }
    ist_place_rest(false);
}

bool ist_stop_break_off(ist_stop *stop, const ist_comm *comm, bool incomplete)
{
    if (!stop || ist_largest(comm, incomplete) == 0)
        return false;
    ist_stop_agreed(stop, comm);
    stop->broke_off = true;
    return true;
}

bool ist_stop_broke_off(const ist_stop *stop)
{
    return stop && stop->broke_off;
}
