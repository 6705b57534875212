/* Reasons to stop come to be known by all ranks, whatever groups they work in and whoever waits. */
#include "checks.h"

#include "infostrata/stop.h"

#include <stdio.h>

static const double PATIENCE = 20;

typedef struct {
    ist_stop_reason reason;
    double from; /* seen from this moment on */
} reason_from;

static ist_stop_reason see(void *data)
{
    const reason_from *r = data;
    return ist_seconds() >= r->from ? r->reason : IST_GO_ON;
}

static ist_comm group_of(const ist_comm *all, int colour)
{
    MPI_Comm handle;
    MPI_Comm_split(all->handle, colour, all->rank, &handle);
    ist_comm group = ist_comm_new(handle);
    MPI_Comm_free(&handle);
    return group;
}

/* Between pieces of work, as in ist_take_portion. */
static ist_stop_reason work_until_told(ist_stop *stop, const ist_comm *group)
{
    double start = ist_seconds();
    ist_stop_reason reason = IST_GO_ON;
    while (reason == IST_GO_ON && ist_largest(group, ist_seconds() - start > PATIENCE) == 0)
        reason = ist_stop_agreed(stop, group);
    return reason;
}

/* Of two groups one has no work left and waits for the other; the reason is seen by the last rank alone. */
RANK_CHECK(stop_known_to_all_groups)
{
    ist_comm all = ist_comm_new(comm), group = group_of(&all, all.rank == 0 && all.size > 1);
    bool last = all.rank == all.size - 1;
    reason_from wish = {IST_STOP_WISH, ist_seconds() + 0.2};
    ist_stop *stop = ist_stop_new(&all, last ? see : NULL, &wish);
    bool idle = all.rank == 0 && all.size > 1;
    ist_stop_reason reason = idle ? IST_STOP_WISH : work_until_told(stop, &group);
    bool told = reason == IST_STOP_WISH;
    if (!idle && told)
        told = ist_stop_break_off(stop, &group, group.rank == 0) && ist_stop_broke_off(stop) &&
               ist_stop_poll(stop);
    ist_stop_wait(stop, &all);
    bool known = ist_stop_agreed(stop, &all) == IST_STOP_WISH && ist_stop_poll(stop);
    bool patient = !ist_stop_urgent(stop, &all, 1000), urgent = ist_stop_urgent(stop, &all, 0);
    ist_stop_free(&stop);
    ist_comm_release(&group);
    ist_comm_release(&all);
    CHECK_ALL(comm, told);
    CHECK_ALL(comm, known && patient && urgent);
}

/* Nobody has a reason: nobody stops, and rounds that are under way at the end do no harm. */
RANK_CHECK(stop_without_reason)
{
    ist_comm all = ist_comm_new(comm);
    ist_stop *stop = ist_stop_new(&all, NULL, NULL);
    double start = ist_seconds();
    bool stopped = false;
    while (ist_seconds() - start < 0.05 * (1 + all.rank % 3))
        stopped |= ist_stop_poll(stop);
    bool complete = !ist_stop_break_off(stop, &all, false) && !ist_stop_broke_off(stop);
    ist_stop_free(&stop);
    ist_comm_release(&all);
    CHECK_ALL(comm, !stopped && complete && !stop);
}

/* A strong reason outdoes another one, and leaves no time. */
RANK_CHECK(stop_by_the_strongest_reason)
{
    ist_comm all = ist_comm_new(comm);
    reason_from mine = {all.rank % 2 ? IST_STOP_HOURS : IST_STOP_TERMINATE, 0};
    ist_stop *stop = ist_stop_new(&all, see, &mine);
    bool strongest = work_until_told(stop, &all) == IST_STOP_TERMINATE;
    bool urgent = ist_stop_urgent(stop, &all, 1000);
    ist_stop_free(&stop);
    ist_comm_release(&all);
    CHECK_ALL(comm, strongest && urgent);
}
