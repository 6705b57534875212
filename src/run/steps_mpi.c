/* The two kinds of steps: pass 1 leaves neighbour lists, pass 2 counts below their distances. */
#include <assert.h>
#include <string.h>

#include "session.h"

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

static ist_code find_lists(ist_session *s, size_t source_pass, ist_error *error)
{
    const ist_source_pass *pass = &s->schedule->sources[source_pass];
    ist_lists *lists = &s->lists[source_pass];
    if (ist_load_layer(s, pass->layer, pass->parts, error) != IST_OK)
        return error->code;
    if (s->facts[pass->layer].failure)
        return IST_OK;
    ist_error reading = {0};
    if (pass->labels != SIZE_MAX &&
        ist_load_classes(s, pass->labels, pass->parts, &reading) != IST_OK) {
        lists->failure = ist_copy_text(reading.text);
        return IST_OK;
    }
    ist_pass_stats stats = {0};
    double started = ist_seconds();
    ist_find_lists(s, pass, lists, &stats);
    return journal_timing(s, pass->in_class ? "nearest-in-class" : "nearest", pass->k, 0, started,
                          &stats, error);
}

/* ---- pass 2 -------------------------------------------------------------------------------- */

/* The slots of a target's pass side by side, those of the k-th alone last: what is counted for a row, and where
 * each slot stands. */
typedef struct {
    int64_t stride, told;
    int64_t *offset; /* by slot; -1: its source failed, or has no lists of this kind */
    int32_t *target;
    int64_t *twice_rank, *equal;
} slot_table;

static int64_t slot_width(const ist_slot *slot, const ist_list *list)
{
    return list->k == 0 ? 0 : slot->last ? 1 : ist_min(slot->k, list->k);
}

static void fill_slot(const ist_slot *slot, const ist_list *list, int64_t rows, int64_t width,
                      const slot_table *table, int64_t offset)
{
    for (int64_t i = 0; i < rows; i++) {
        const int32_t *from = list->neighbour + i * list->k;
        int32_t *to = table->target + i * table->stride + offset;
        int64_t held = list->held ? list->held[i] : list->k;
        if (slot->last)
            *to = held > 0 ? from[ist_min(slot->k, held) - 1] : -1;
        else
            memcpy(to, from, (size_t)width * sizeof *to);
    }
}

static slot_table slot_table_new(const ist_session *s, const ist_target_pass *pass, bool parts)
{
    int64_t rows = parts ? s->loaded.parts.home.count : s->loaded.all.home.count;
    slot_table table = {.offset = ist_alloc(pass->slot_count, sizeof *table.offset)};
    for (int last = 0; last < 2; last++)
        for (size_t slot = 0; slot < pass->slot_count; slot++) {
            const ist_lists *lists = &s->lists[pass->slots[slot].pass];
            if (pass->slots[slot].last != last)
                continue;
            int64_t width = slot_width(&pass->slots[slot], parts ? &lists->parts : &lists->all);
            table.offset[slot] = width > 0 ? table.stride : -1;
            table.stride += width;
            table.told += last * width;
        }
    size_t entries = (size_t)(rows * table.stride);
    table.target = ist_alloc(entries, sizeof *table.target);
    table.twice_rank = ist_alloc(entries, sizeof *table.twice_rank);
    table.equal = ist_alloc((size_t)(rows * table.told), sizeof *table.equal);
    for (size_t slot = 0; slot < pass->slot_count; slot++) {
        const ist_lists *lists = &s->lists[pass->slots[slot].pass];
        const ist_list *list = parts ? &lists->parts : &lists->all;
        if (table.offset[slot] >= 0)
            fill_slot(&pass->slots[slot], list, rows, slot_width(&pass->slots[slot], list), &table,
                      table.offset[slot]);
    }
    return table;
}

static void slot_table_release(slot_table *table)
{
    ist_free(table->offset);
    ist_free(table->target);
    ist_free(table->twice_rank);
    ist_free(table->equal);
}

/* Counts in a subset of the rows: targets go there, counts come back. */
static void count_in_subset(ist_session *s, const ist_subset *set, slot_table *table, int64_t batch,
                            ist_pass_stats *stats)
{
    const ist_rows *rows = &set->rows;
    int32_t *at = ist_alloc((size_t)set->base->n, sizeof *at);
    for (int64_t p = 0; p < rows->n; p++)
        at[set->place[p]] = (int32_t)p;
    for (int64_t e = 0; e < set->base->home.count * table->stride; e++)
        table->target[e] = table->target[e] < 0 ? -1 : at[table->target[e]];
    ist_free(at);
    size_t width = (size_t)table->stride, told = (size_t)table->told;
    int32_t *target = ist_alloc((size_t)rows->home.count * width, sizeof *target);
    int64_t *rank = ist_alloc((size_t)rows->home.count * width, sizeof *rank);
    int64_t *equal = ist_alloc((size_t)rows->home.count * told, sizeof *equal);
    ist_carry(s->comm, set->base, rows, set->place, IST_CARRY_THERE, width * sizeof *target,
              table->target, target);
    ist_thresholds thresholds = {.stride = table->stride, .target = target, .told = table->told};
    ist_pass_counts(s->comm, &s->engine, rows, false, &thresholds, batch, rank, equal, stats);
    ist_subset_bring(s, set, width * sizeof *rank, rank, table->twice_rank);
    ist_subset_bring(s, set, told * sizeof *equal, equal, table->equal);
    ist_free(target);
    ist_free(rank);
    ist_free(equal);
}

static slot_table count(ist_session *s, const ist_target_pass *pass, bool parts, int64_t batch,
                        ist_pass_stats *stats)
{
    slot_table table = slot_table_new(s, pass, parts);
    if (table.stride == 0)
        return table;
    batch = ist_min(batch, table.stride);
    if (pass->labels != SIZE_MAX) {
        ist_subset set;
        ist_subset_new(s, IST_SUBSET_ACCOMPANIED, parts, &set);
        if (set.segments > 0)
            count_in_subset(s, &set, &table, batch, stats);
        ist_subset_release(&set);
        return table;
    }
    const ist_rows *rows = parts ? &s->loaded.parts : &s->loaded.all;
    ist_thresholds thresholds = {
        .stride = table.stride, .target = table.target, .told = table.told};
    ist_pass_counts(s->comm, &s->engine, rows, pass->by_index, &thresholds, batch, table.twice_rank,
                    table.equal, stats);
    return table;
}

static ist_code count_targets(ist_session *s, size_t target_pass, slot_table tables[2],
                              ist_error *error)
{
    const ist_target_pass *pass = &s->schedule->targets[target_pass];
    if (ist_load_layer(s, pass->layer, pass->parts, error) != IST_OK)
        return error->code;
    ist_error reading = {0};
    if (s->facts[pass->layer].failure ||
        (pass->labels != SIZE_MAX &&
         ist_load_classes(s, pass->labels, pass->parts, &reading) != IST_OK))
        return IST_OK;
    ist_pass_stats stats = {0};
    double started = ist_seconds();
    int64_t batch = ist_schedule_batch(s->known.plan, s->schedule, target_pass, &s->machine);
    for (int parts = 0; parts <= pass->parts; parts++)
        tables[parts] = count(s, pass, parts, batch, &stats);
    return journal_timing(s, "counts", 0, tables[0].stride, started, &stats, error);
}

/* ---- the tasks that have all they need --------------------------------------------------------- */

static ist_counted counted(const slot_table *table, const ist_slot *slot, size_t at)
{
    if (!table->offset || table->offset[at] < 0)
        return (ist_counted){0};
    int64_t offset = table->offset[at], first_told = table->stride - table->told;
    return (ist_counted){.twice_rank = table->twice_rank + offset,
                         .stride = table->stride,
                         .equal = slot->last ? table->equal + offset - first_told : NULL,
                         .equal_stride = table->told};
}

static const char *failure_of(const ist_session *s, const ist_task *task, const ist_route *route)
{
    const char *failure = s->facts[task->source].failure;
    if (!failure && !task->labels_target)
        failure = s->facts[task->target].failure;
    return failure ? failure : s->lists[route->source].failure;
}

/* Completes (or fails) every pending task for which this step was the last. */
static ist_code complete_tasks(ist_session *s, size_t step, const slot_table tables[2],
                               ist_error *error)
{
    for (size_t t = s->first_of_step[step]; t != SIZE_MAX && error->code == IST_OK;
         t = s->next_task[t]) {
        const ist_task *task = &s->known.plan->tasks[t];
        const ist_route *route = ist_schedule_route(s->schedule, task);
        const char *failure = failure_of(s, task, route);
        if (failure) {
            ist_fail_task(s, t, failure, error);
            continue;
        }
        ist_found found = {.task = t, .lists = &s->lists[route->source]};
        if (route->second != SIZE_MAX)
            found.second = &s->lists[route->second];
        if (route->target != SIZE_MAX) {
            const ist_slot *slot = &s->schedule->targets[route->target].slots[route->slot];
            found.all = counted(&tables[0], slot, route->slot);
            found.parts = counted(&tables[1], slot, route->slot);
        }
        ist_complete_task(s, &found, error);
    }
    return error->code;
}

ist_code ist_take_step(ist_session *s, size_t step, ist_error *error)
{
    const ist_step *now = &s->schedule->steps[step];
    slot_table tables[2] = {{0}};
    if (now->counts)
        count_targets(s, now->index, tables, error);
    else
        find_lists(s, now->index, error);
    if (error->code == IST_OK)
        complete_tasks(s, step, tables, error);
    for (int parts = 0; parts < 2; parts++)
        slot_table_release(&tables[parts]);
    return error->code;
}
