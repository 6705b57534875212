/* The table at the end of run.log: where the time of this run went, over all ranks. */
#include <inttypes.h>

#include "session.h"

static const char *const names[IST_PHASES] = {"reading", "neighbours", "counts",
                                              "slices",  "tasks",      "waiting"};

typedef struct {
    double least, mean, most;
} spread;

static spread spread_of(const ist_comm *comm, double mine)
{
    double lowest = -ist_largest_real(comm, -mine), sum;
    MPI_Allreduce(&mine, &sum, 1, MPI_DOUBLE, MPI_SUM, comm->handle);
    return (spread){lowest, sum / comm->size, ist_largest_real(comm, mine)};
}

/* 100 %: all ranks had as much to do as the one that had most. */
static double balance(const spread *s)
{
    return s->most > 0 ? 100 * s->mean / s->most : 100;
}

static void log_phase(ist_session *s, const char *name, const spread *t)
{
    ist_log_line(&s->log, "  %-12s %10.2f %10.2f %10.2f %8.0f %%", name, t->least, t->mean, t->most,
                 balance(t));
}

/* At the rate of this run, what is planned and not done. */
static double core_hours_left(const ist_session *s, double pairs, double seconds)
{
    double left = s->planned_pairs - pairs;
    return pairs > 0 && left > 0 ? left / pairs * seconds * s->comm->size / 3600 : 0;
}

void ist_log_closing(ist_session *s)
{
    if (s->to_do == 0)
        return;
    double seconds = ist_seconds() - s->log.start, work = 0;
    double pairs = (double)ist_sum_one(s->comm, (int64_t)atomic_load(&s->pulse.pairs));
    int64_t bytes = ist_sum_one(s->comm, s->bytes_read);
    ist_log_line(&s->log, "time of the ranks in seconds: %9s %10s %10s %10s", "least", "mean",
                 "most", "balance");
    for (int p = 0; p < IST_PHASES; p++) {
        spread t = spread_of(s->comm, s->seconds[p]);
        work += p == IST_PHASE_WAITING ? 0 : s->seconds[p];
        log_phase(s, names[p], &t);
    }
    spread all = spread_of(s->comm, work);
    log_phase(s, "all work", &all);
    bool stopped = ist_stop_agreed(s->engine.stop, s->comm) != IST_GO_ON;
    ist_log_line(&s->log,
                 "%.3g pairs, %.3g pairs/s; %.3f GB read; %.3f core-hours used, about %.3f left",
                 pairs, seconds > 0 ? pairs / seconds : 0, (double)bytes / 1e9,
                 seconds * s->comm->size / 3600, stopped ? core_hours_left(s, pairs, seconds) : 0);
}
