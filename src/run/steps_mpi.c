/* The two kinds of steps: pass 1 leaves neighbour lists, pass 2 turns lists into ranks. */
#include <assert.h>
#include <string.h>

#include "session.h"

void ist_lists_release(ist_lists *lists)
{
    ist_free(lists->all);
    ist_free(lists->parts);
    ist_free(lists->tie_fraction);
    *lists = (ist_lists){0};
}

/* ---- timings ------------------------------------------------------------------------------- */

static ist_code journal_timing(ist_session *s, const char *kind, int64_t k, int64_t thresholds,
                               double started, const ist_pass_stats *stats, ist_error *error)
{
    const ist_layer *layer = &s->known.plan->layers[s->loaded.layer];
    int64_t sums[] = {stats->decided_again, stats->exact_tiles,   stats->tiles,
                      stats->bytes_sent,    stats->tiles_skipped, stats->tiles_thinned};
    ist_sum(s->comm, sums, sizeof sums / sizeof sums[0]);
    ist_timing timing = {
        .layer = layer->key,
        .kind = kind,
        .n = layer->n,
        .d = layer->shape.d,
        .k = k,
        .thresholds = thresholds,
        .ranks = s->comm->size,
        .kernel = s->engine.kernel->name,
        .seconds = ist_largest_real(s->comm, ist_seconds() - started),
        .seconds_waiting = ist_largest_real(s->comm, stats->seconds_waiting),
        .pairs = (double)ist_sum_one(s->comm, (int64_t)stats->pairs),
        .decided_again = sums[0],
        .exact_tiles = sums[1],
        .tiles = sums[2],
        .bytes_sent = sums[3],
        .most_in_flight = ist_largest(s->comm, stats->most_in_flight),
        .peak_memory = ist_largest(s->comm, ist_resident_memory().peak),
        .tiles_skipped = sums[4],
        .tiles_thinned = sums[5],
    };
    if (s->journal)
        ist_journal_add_timing(s->journal, &timing, error);
    return ist_agree(s->comm, error);
}

/* ---- pass 1 -------------------------------------------------------------------------------- */

static int32_t *first_k(const ist_nearest *nearest, int64_t k)
{
    int32_t *list = ist_alloc((size_t)(nearest->count * k), sizeof *list);
    for (int64_t i = 0; i < nearest->count; i++)
        memcpy(list + i * k, nearest->neighbour + i * nearest->k, (size_t)k * sizeof *list);
    return list;
}

/* For every k: the share of rows whose k-th and next neighbour are at the same distance. */
static double *tie_fractions(const ist_comm *comm, const ist_nearest *nearest, int64_t k, int64_t n)
{
    int64_t *tied = ist_alloc((size_t)k, sizeof *tied);
    double *fraction = ist_alloc((size_t)k, sizeof *fraction);
    for (int64_t i = 0; i < nearest->count; i++) {
        const double *distance = nearest->distance + i * nearest->k;
        for (int64_t p = 0; p < k && p + 1 < nearest->k; p++)
            tied[p] += distance[p] == distance[p + 1];
    }
    ist_sum(comm, tied, (size_t)k);
    for (int64_t p = 0; p < k; p++)
        fraction[p] = (double)tied[p] / (double)n;
    ist_free(tied);
    return fraction;
}

static void find_lists(ist_session *s, const ist_source_pass *pass, ist_lists *lists,
                       ist_pass_stats *stats)
{
    const ist_rows *all = &s->loaded.all;
    /* One more than asked for, to see ties at the k-th. */
    int64_t k = ist_min(pass->k + 1, all->n - 1);
    ist_nearest *nearest = ist_pass_nearest(s->comm, &s->engine, all, k, pass->ties, stats);
    lists->k = pass->k;
    lists->all = first_k(nearest, pass->k);
    lists->tie_fraction = tie_fractions(s->comm, nearest, pass->k, all->n);
    ist_nearest_free(&nearest);
    if (!pass->parts)
        return;
    lists->part_k = ist_min(pass->k, all->n / IST_PARTS - 1);
    nearest =
        ist_pass_nearest(s->comm, &s->engine, &s->loaded.parts, lists->part_k, pass->ties, stats);
    lists->parts = first_k(nearest, lists->part_k);
    ist_nearest_free(&nearest);
}

/* Tasks with a labels target need no second pass. */
static ist_code complete_label_tasks(ist_session *s, size_t source_pass, ist_error *error)
{
    size_t layer = s->schedule->sources[source_pass].layer;
    for (size_t t = s->first_of_source[source_pass]; t != SIZE_MAX && error->code == IST_OK;
         t = s->next_task[t]) {
        if (s->facts[layer].failure)
            ist_fail_task(s, t, s->facts[layer].failure, error);
        else
            ist_complete_task(s, &(ist_found){.task = t, .lists = &s->lists[source_pass]}, error);
    }
    return error->code;
}

ist_code ist_step_nearest(ist_session *s, size_t source_pass, ist_error *error)
{
    const ist_source_pass *pass = &s->schedule->sources[source_pass];
    if (ist_load_layer(s, pass->layer, pass->parts, error) != IST_OK)
        return error->code;
    if (!s->facts[pass->layer].failure) {
        ist_pass_stats stats = {0};
        double started = ist_seconds();
        find_lists(s, pass, &s->lists[source_pass], &stats);
        if (journal_timing(s, "nearest", pass->k, 0, started, &stats, error) != IST_OK)
            return error->code;
    }
    return complete_label_tasks(s, source_pass, error);
}

/* ---- pass 2 -------------------------------------------------------------------------------- */

/* The slots of a target's pass side by side: what is counted for a row, and where each slot stands. */
typedef struct {
    int64_t stride;
    int64_t *offset; /* by slot; -1: its source failed, or has no lists of this kind */
    int32_t *target;
    int64_t *twice_rank;
} slot_table;

static int64_t list_k(const ist_lists *lists, int64_t k, bool parts)
{
    return parts ? ist_min(k, lists->part_k) : k;
}

static slot_table slot_table_new(const ist_session *s, const ist_target_pass *pass, bool parts)
{
    int64_t rows = parts ? s->loaded.parts.home.count : s->loaded.all.home.count;
    slot_table table = {.offset = ist_alloc(pass->slot_count, sizeof *table.offset)};
    for (size_t slot = 0; slot < pass->slot_count; slot++) {
        const ist_lists *lists = &s->lists[pass->slots[slot].pass];
        int64_t k = list_k(lists, pass->slots[slot].k, parts);
        bool there = k > 0 && (parts ? lists->parts : lists->all) != NULL;
        table.offset[slot] = there ? table.stride : -1;
        table.stride += there ? k : 0;
    }
    size_t entries = (size_t)(rows * table.stride);
    table.target = ist_alloc(entries, sizeof *table.target);
    table.twice_rank = ist_alloc(entries, sizeof *table.twice_rank);
    for (size_t slot = 0; slot < pass->slot_count; slot++) {
        if (table.offset[slot] < 0)
            continue;
        const ist_lists *lists = &s->lists[pass->slots[slot].pass];
        int64_t k = list_k(lists, pass->slots[slot].k, parts);
        const int32_t *list = parts ? lists->parts : lists->all;
        int64_t list_stride = parts ? lists->part_k : lists->k;
        for (int64_t i = 0; i < rows; i++)
            memcpy(table.target + i * table.stride + table.offset[slot], list + i * list_stride,
                   (size_t)k * sizeof *list);
    }
    return table;
}

static void slot_table_release(slot_table *table)
{
    ist_free(table->offset);
    ist_free(table->target);
    ist_free(table->twice_rank);
}

static void count(ist_session *s, const ist_target_pass *pass, const ist_rows *rows,
                  slot_table *table, int64_t batch, ist_pass_stats *stats)
{
    if (table->stride > 0)
        ist_pass_counts(s->comm, &s->engine, rows, pass->by_index,
                        &(ist_thresholds){.stride = table->stride, .target = table->target},
                        ist_min(batch, table->stride), table->twice_rank, NULL, stats);
}

/* Completes (or fails) every pending task that this target's pass serves. */
static ist_code complete_tasks(ist_session *s, size_t target_pass, const slot_table *all,
                               const slot_table *parts, ist_error *error)
{
    const ist_plan *plan = s->known.plan;
    for (size_t t = s->first_of_target[target_pass]; t != SIZE_MAX && error->code == IST_OK;
         t = s->next_task[t]) {
        size_t source, target, slot;
        const ist_task *task = &plan->tasks[t];
        ist_schedule_find(s->schedule, plan, task, &source, &target, &slot);
        const char *failure = s->facts[task->source].failure;
        if (!failure)
            failure = s->facts[task->target].failure;
        if (failure) {
            ist_fail_task(s, t, failure, error);
            continue;
        }
        assert(all->offset && all->offset[slot] >= 0);
        ist_found found = {.task = t,
                           .lists = &s->lists[source],
                           .ranks = all->twice_rank + all->offset[slot],
                           .stride = all->stride};
        if (parts->offset && parts->offset[slot] >= 0) {
            found.part_ranks = parts->twice_rank + parts->offset[slot];
            found.part_stride = parts->stride;
        }
        ist_complete_task(s, &found, error);
    }
    return error->code;
}

ist_code ist_step_counts(ist_session *s, size_t target_pass, ist_error *error)
{
    const ist_target_pass *pass = &s->schedule->targets[target_pass];
    if (ist_load_layer(s, pass->layer, pass->parts, error) != IST_OK)
        return error->code;
    slot_table all = {0}, parts = {0};
    if (!s->facts[pass->layer].failure) {
        ist_pass_stats stats = {0};
        double started = ist_seconds();
        int64_t batch = ist_schedule_batch(s->known.plan, s->schedule, target_pass, &s->machine);
        all = slot_table_new(s, pass, false);
        count(s, pass, &s->loaded.all, &all, batch, &stats);
        if (pass->parts) {
            parts = slot_table_new(s, pass, true);
            count(s, pass, &s->loaded.parts, &parts, batch, &stats);
        }
        journal_timing(s, "counts", 0, all.stride, started, &stats, error);
    }
    complete_tasks(s, target_pass, &all, &parts, error);
    slot_table_release(&all);
    slot_table_release(&parts);
    return error->code;
}
