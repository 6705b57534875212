#include <string.h>

#include "measure.h"

/* The ties of a manifest's default. */
static const ist_tie_rule ties = {.by_index = false, .seed = 0};

/* A pass and its answers, of which the last are kept. */
typedef struct {
    const ist_comm *comm;
    const ist_engine *engine;
    const ist_rows *rows;
    const ist_bench_work *work;
    int32_t *target;      /* counts */
    int64_t *twice_rank;  /* counts */
    ist_nearest *nearest; /* nearest */
    ist_pass_stats stats;
} trial;

static trial trial_new(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                       const ist_bench_work *work)
{
    trial t = {.comm = comm, .engine = engine, .rows = rows, .work = work};
    if (work->thresholds > 0) {
        int64_t count = rows->home.count;
        t.target = ist_bench_targets(rows->n, rows->home.first, count, work->thresholds);
        t.twice_rank = ist_alloc((size_t)(count * work->thresholds), sizeof *t.twice_rank);
    }
    return t;
}

static void trial_release(trial *t)
{
    ist_nearest_free(&t->nearest);
    ist_free(t->target);
    ist_free(t->twice_rank);
}

/* Seconds of one pass, from the first rank's start to the last one's end. The threshold turn is part of
 * a counting pass. */
static double run_once(trial *t)
{
    ist_nearest_free(&t->nearest);
    t->stats = (ist_pass_stats){0};
    MPI_Barrier(t->comm->handle);
    double start = ist_seconds();
    if (t->work->neighbours > 0)
        t->nearest =
            ist_pass_nearest(t->comm, t->engine, t->rows, t->work->neighbours, ties, &t->stats);
    else
        ist_pass_counts(t->comm, t->engine, t->rows, false,
                        &(ist_thresholds){.stride = t->work->thresholds, .target = t->target},
                        t->work->thresholds, t->twice_rank, NULL, &t->stats);
    return ist_largest_real(t->comm, ist_seconds() - start);
}

static void run_rounds(trial *t, ist_peak *peak, ist_bench_figures *f)
{
    size_t rounds = (size_t)f->rounds;
    double *seconds = ist_alloc(rounds, sizeof *seconds), *ratio = ist_alloc(rounds, sizeof *ratio);
    double *around = ist_alloc(rounds, sizeof *around);
    double before = ist_peak_rate(t->comm, peak);
    for (size_t r = 0; r < rounds; r++) {
        seconds[r] = run_once(t);
        double after = ist_peak_rate(t->comm, peak);
        around[r] = (before + after) / 2;
        ratio[r] = ist_bench_operations(t->work) / seconds[r] / around[r];
        before = after;
    }
    f->seconds = ist_spread_of(seconds, f->rounds);
    f->peak = ist_spread_of(around, f->rounds);
    f->ratio = ist_spread_of(ratio, f->rounds);
    ist_free(seconds);
    ist_free(ratio);
    ist_free(around);
}

void ist_bench_order(const ist_comm *comm, const ist_engine *engine, ist_rows *rows,
                     ist_bench_figures *figures)
{
    if (engine->skipping == IST_SKIP_NEVER)
        return;
    MPI_Barrier(comm->handle);
    double start = ist_seconds();
    ist_rows_cluster(comm, engine, rows);
    figures->ordering = ist_largest_real(comm, ist_seconds() - start);
    figures->ordered = rows->twin != NULL;
}

static void add_shares(const ist_comm *comm, const ist_pass_stats *stats,
                       ist_bench_figures *figures)
{
    int64_t tiles[4] = {stats->tiles, stats->tiles_skipped, stats->tiles_thinned,
                        stats->rows_thinned};
    ist_sum(comm, tiles, 4);
    double all = (double)ist_max(1, tiles[0] + tiles[1] + tiles[2]);
    figures->skipped = (double)tiles[1] / all;
    figures->thinned = (double)tiles[2] / all;
    figures->thinned_rows = (double)tiles[3] / (double)ist_max(1, tiles[2]);
}

ist_code ist_bench_measure(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                           ist_peak *peak, ist_bench_figures *figures, ist_error *error)
{
    trial t = trial_new(comm, engine, rows, &figures->work);
    run_rounds(&t, peak, figures);
    figures->bytes_sent = ist_sum_one(comm, t.stats.bytes_sent);
    figures->compared = ist_sum_one(comm, t.stats.compared);
    figures->decided_again = ist_sum_one(comm, t.stats.decided_again);
    figures->seconds_waiting = ist_largest_real(comm, t.stats.seconds_waiting);
    add_shares(comm, &t.stats, figures);
    figures->verified = ist_bench_sample(comm, rows->n);
    if (t.nearest)
        ist_bench_verify_nearest(comm, rows, t.nearest, error);
    else
        ist_bench_verify_counts(comm, rows, figures->work.thresholds, t.twice_rank, error);
    trial_release(&t);
    return error->code;
}
