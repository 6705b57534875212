/* The two kinds of steps: pass 1 leaves neighbour lists, pass 2 counts below their distances. */
#include <math.h>
#include <string.h>

#include "null.h"

/* ---- timings ------------------------------------------------------------------------------- */

/* Bytes at most so far. The system takes 40 microseconds to say so: after passes of a few milliseconds it is not asked each time.
 * It may say less than it said before: its counters are exact to some pages a processor. */
static double peak_memory(ist_session *s)
{
    const double SECONDS = 0.02;
    if (s->peak_memory > 0 && ist_seconds() - s->peak_looked < SECONDS)
        return s->peak_memory;
    s->peak_looked = ist_seconds();
    s->peak_memory = fmax(s->peak_memory, (double)ist_resident_memory().peak);
    return s->peak_memory;
}

ist_code ist_journal_timing(ist_session *s, const char *kind, size_t l, int64_t k,
                            int64_t thresholds, double started, const ist_pass_stats *stats,
                            ist_error *error)
{
    const ist_layer *layer = &s->known.plan->layers[l];
    int64_t sums[] = {stats->decided_again, stats->exact_tiles,   stats->tiles,
                      stats->bytes_sent,    stats->tiles_skipped, stats->tiles_thinned,
                      stats->compared,      (int64_t)stats->pairs};
    double most[] = {ist_seconds() - started, stats->seconds_waiting, (double)stats->most_in_flight,
                     peak_memory(s)};
    ist_sum(s->comm, sums, sizeof sums / sizeof sums[0]);
    MPI_Allreduce(MPI_IN_PLACE, most, sizeof most / sizeof most[0], MPI_DOUBLE, MPI_MAX,
                  s->comm->handle);
    ist_timing timing = {
        .layer = layer->key,
        .kind = kind,
        .n = layer->n,
        .d = layer->shape.d,
        .k = k,
        .thresholds = thresholds,
        .ranks = s->comm->size,
        .kernel = s->engine.kernel->name,
        .seconds = most[0],
        .seconds_waiting = most[1],
        .pairs = (double)sums[7],
        .decided_again = sums[0],
        .exact_tiles = sums[1],
        .tiles = sums[2],
        .bytes_sent = sums[3],
        .most_in_flight = (int64_t)most[2],
        .peak_memory = (int64_t)most[3],
        .tiles_skipped = sums[4],
        .tiles_thinned = sums[5],
        .compared = sums[6],
    };
    s->passes += s->comm->rank == 0;
    s->by_tree += s->comm->rank == 0 && timing.compared > 0;
    if (s->journal)
        ist_journal_add_timing(s->journal, &timing, error);
    return ist_agree(s->comm, error);
}

void ist_add_time(ist_session *s, ist_phase phase, double started, const ist_pass_stats *stats)
{
    s->seconds[phase] += ist_seconds() - started - stats->seconds_waiting;
    s->seconds[IST_PHASE_WAITING] += stats->seconds_waiting;
}

/* ---- pass 1 -------------------------------------------------------------------------------- */

bool ist_load_operands(ist_session *s, const ist_source_pass *pass, ist_lists *lists,
                       ist_error *error)
{
    if (pass->anchors.count > 0)
        ist_load_values(s, pass->layer, SIZE_MAX, error);
    else
        ist_load_for_lists(s, pass, error);
    if (error->code != IST_OK || s->facts[pass->layer].failure)
        return false;
    if (pass->other != SIZE_MAX && (ist_load_other(s, pass->other, pass->parts, error) != IST_OK ||
                                    s->facts[pass->other].failure))
        return false;
    ist_error reading = {0};
    if (pass->labels == SIZE_MAX ||
        ist_load_classes(s, pass->labels, pass->parts, &reading) == IST_OK)
        return true;
    lists->failure = ist_copy_text(reading.text);
    return false;
}

ist_code ist_permute_operands(ist_session *s, size_t first_null, ist_error *error)
{
    for (size_t n = first_null; n != SIZE_MAX && error->code == IST_OK;
         n = s->schedule->nulls[n].next) {
        const ist_null_passes *null = &s->schedule->nulls[n];
        ist_pass_stats stats = {0};
        double started = ist_seconds();
        int64_t k = 0, thresholds = 0;
        for (size_t slot = 0; slot < null->slot_count; slot++) {
            k = ist_max(k, null->slots[slot].k);
            thresholds += null->permutations * ist_slot_width(&null->slots[slot]);
        }
        if (null->counts)
            ist_null_of_ranks(s, n, &stats);
        else
            ist_null_of_joint(s, n, &stats);
        const char *kind = null->counts ? "counts-permuted" : "nearest-permuted";
        ist_add_time(s, null->counts ? IST_PHASE_COUNTS : IST_PHASE_NEIGHBOURS, started, &stats);
        if (ist_stop_in_pass(s, kind, error) == IST_OK)
            ist_journal_timing(s, kind, s->loaded.layer, k, thresholds, started, &stats, error);
    }
    return error->code;
}

static ist_code find_lists(ist_session *s, size_t source_pass, ist_error *error)
{
    const ist_source_pass *pass = &s->schedule->sources[source_pass];
    const char *kind = pass->anchors.count > 0 ? "nearest-of-anchors"
                       : pass->in_class        ? "nearest-in-class"
                                               : "nearest";
    if (pass->other != SIZE_MAX)
        return ist_find_joint_lists(s, source_pass, error);
    if (!ist_load_operands(s, pass, &s->lists[source_pass], error))
        return error->code;
    ist_pass_stats stats = {0};
    double started = ist_seconds();
    ist_find_lists(s, pass, &s->lists[source_pass], &stats);
    ist_dimension_of_lists(s, pass, &s->lists[source_pass]);
    ist_add_time(s, IST_PHASE_NEIGHBOURS, started, &stats);
    if (ist_stop_in_pass(s, kind, error) == IST_OK &&
        ist_journal_timing(s, kind, pass->layer, pass->k, 0, started, &stats, error) == IST_OK)
        ist_permute_operands(s, pass->first_null, error);
    return error->code;
}

/* ---- pass 2 -------------------------------------------------------------------------------- */

/* The slots of a target's pass side by side, those of one threshold last: what is counted for a row, and where
 * each slot stands. */
typedef struct {
    int64_t stride, told;
    int64_t *offset; /* by slot; -1: its source failed, or has no lists of this kind */
    int32_t *target;
    double *given; /* NULL: none is */
    int64_t *twice_rank, *equal;
} slot_table;

static const ist_list *list_of(const ist_session *s, const ist_slot *slot, bool parts)
{
    const ist_lists *lists = &s->lists[slot->pass];
    return parts ? &lists->parts : &lists->all;
}

/* Thresholds a row; none where the list has the counts. */
static int64_t slot_width(const ist_slot *slot, const ist_list *list)
{
    return list->k == 0 || list->closer ? 0 : ist_min(ist_slot_width(slot), list->k);
}

static bool is_given(const ist_slot *slot)
{
    return slot->kind == IST_COUNTS_JOINT || slot->kind == IST_COUNTS_JOINT_REACH ||
           slot->kind == IST_COUNTS_BOX;
}

/* Targets: the first k, or the k-th alone (the last of a shorter list; none of an empty one: its count is of no
 * use to anybody). */
static void fill_targets(const ist_slot *slot, const ist_list *list, int64_t rows, int64_t width,
                         const slot_table *table, int64_t offset)
{
    for (int64_t i = 0; i < rows; i++) {
        const int32_t *from = list->neighbour + i * list->k;
        int32_t *to = table->target + i * table->stride + offset;
        int64_t held = list->held ? list->held[i] : list->k;
        if (slot->kind == IST_COUNTS_RANKS)
            memcpy(to, from, (size_t)width * sizeof *to);
        else
            *to = held > 0 ? from[ist_min(slot->k, held) - 1] : -1;
    }
}

/* Thresholds of a joint pass, in the units of the layer that is loaded. */
static void fill_given(ist_session *s, const ist_slot *slot, const ist_rows *rows,
                       const ist_list *list, const slot_table *table, int64_t offset,
                       ist_pass_stats *stats)
{
    const ist_source_pass *pass = &s->schedule->sources[slot->pass];
    int side = s->loaded.layer == pass->layer ? 0 : 1;
    for (int64_t i = 0; i < rows->home.count; i++)
        table->target[i * table->stride + offset] = -1;
    ist_joint_thresholds(s, pass, side, slot, rows, list, table->stride, table->given + offset,
                         stats);
}

static slot_table slot_table_new(ist_session *s, const ist_target_pass *pass, bool parts,
                                 ist_pass_stats *stats)
{
    const ist_rows *set = parts ? &s->loaded.parts : &s->loaded.all;
    int64_t rows =
        pass->anchors.count > 0 ? ist_anchors_for(s, set->n, pass->anchors)->own : set->home.count;
    bool given = false;
    slot_table table = {.offset = ist_alloc(pass->slot_count, sizeof *table.offset)};
    for (int single = 0; single < 2; single++)
        for (size_t at = 0; at < pass->slot_count; at++) {
            const ist_slot *slot = &pass->slots[at];
            if ((slot->kind != IST_COUNTS_RANKS) != single)
                continue;
            int64_t width = slot_width(slot, list_of(s, slot, parts));
            table.offset[at] = width > 0 ? table.stride : -1;
            table.stride += width;
            table.told += single * width;
            given |= is_given(slot);
        }
    size_t entries = (size_t)(rows * table.stride);
    table.target = ist_alloc(entries, sizeof *table.target);
    table.twice_rank = ist_alloc(entries, sizeof *table.twice_rank);
    table.equal = ist_alloc((size_t)(rows * table.told), sizeof *table.equal);
    if (given)
        table.given = ist_alloc(entries, sizeof *table.given);
    for (size_t at = 0; at < pass->slot_count; at++) {
        const ist_slot *slot = &pass->slots[at];
        const ist_list *list = list_of(s, slot, parts);
        if (table.offset[at] >= 0 && is_given(slot))
            fill_given(s, slot, set, list, &table, table.offset[at], stats);
        else if (table.offset[at] >= 0)
            fill_targets(slot, list, rows, slot_width(slot, list), &table, table.offset[at]);
    }
    return table;
}

static void slot_table_release(slot_table *table)
{
    ist_free(table->offset);
    ist_free(table->target);
    ist_free(table->given);
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
    slot_table table = slot_table_new(s, pass, parts, stats);
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
    if (pass->anchors.count > 0) {
        ist_anchors_ranks(s->comm, &s->engine, rows, ist_anchors_for(s, rows->n, pass->anchors),
                          pass->by_index, table.stride, table.target, batch, table.twice_rank,
                          stats);
        return table;
    }
    ist_thresholds thresholds = {
        .stride = table.stride, .target = table.target, .given = table.given, .told = table.told};
    ist_pass_counts(s->comm, &s->engine, rows, pass->by_index, &thresholds, batch, table.twice_rank,
                    table.equal, stats);
    return table;
}

/* The table's slots, of twice_rank = 2 (1 + closer) + equal - 1. */
static void tell_counted(const slot_table *table, int64_t rows, ist_told *told)
{
    int64_t first = table->stride - table->told;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t e = 0; e < table->told; e++) {
            int64_t equal = table->equal[i * table->told + e], to = i * told->told + e;
            told->equal[to] = equal;
            told->closer[to] = (table->twice_rank[i * table->stride + first + e] - 1 - equal) / 2;
        }
}

/* The same from a list that has the counts: of the k-th entry, or the last one; 0 where there is none. */
static void tell_from_list(const ist_list *list, int64_t k, int64_t rows, ist_told *told,
                           int64_t column)
{
    for (int64_t i = 0; i < rows; i++) {
        int64_t at = i * list->k + ist_min(k, list->held[i]) - 1, to = i * told->told + column;
        if (list->held[i] == 0)
            continue;
        told->closer[to] = list->closer[at];
        told->equal[to] = list->equal[at];
    }
}

/* Of the slots of one threshold: those of the table, then those whose lists have the counts. Takes the equal ones over where it
 * can. */
static ist_told tell(const ist_session *s, const ist_target_pass *pass, bool parts, int64_t rows,
                     slot_table *table)
{
    int64_t first = table->stride - table->told;
    ist_told told = {.told = table->told,
                     .column = ist_alloc(pass->slot_count, sizeof *told.column)};
    for (size_t at = 0; at < pass->slot_count; at++) {
        bool in_table = table->offset[at] >= 0 && table->offset[at] >= first;
        bool in_list = list_of(s, &pass->slots[at], parts)->closer;
        told.column[at] = in_table ? table->offset[at] - first : in_list ? told.told++ : -1;
    }
    told.closer = ist_alloc((size_t)(rows * told.told), sizeof *told.closer);
    told.equal = told.told == table->told
                     ? table->equal
                     : ist_alloc((size_t)(rows * told.told), sizeof *told.equal);
    tell_counted(table, rows, &told);
    if (told.equal == table->equal)
        table->equal = NULL;
    for (size_t at = 0; at < pass->slot_count; at++) {
        const ist_list *list = list_of(s, &pass->slots[at], parts);
        if (told.column[at] >= table->told && list->closer)
            tell_from_list(list, pass->slots[at].k, rows, &told, told.column[at]);
    }
    return told;
}

void ist_told_release(ist_told told[2])
{
    for (int parts = 0; parts < 2; parts++) {
        ist_free(told[parts].column);
        ist_free(told[parts].closer);
        ist_free(told[parts].equal);
        told[parts] = (ist_told){0};
    }
}

/* The tasks of a pass that cannot be run fail, whatever their lists are like. */
static void fail_lists(ist_session *s, const ist_target_pass *pass, const char *reason)
{
    for (size_t at = 0; at < pass->slot_count; at++) {
        ist_lists *lists = &s->lists[pass->slots[at].pass];
        if (!lists->failure)
            lists->failure = ist_copy_text(reason);
    }
}

static ist_code count_targets(ist_session *s, size_t target_pass, slot_table tables[2],
                              ist_error *error)
{
    const ist_target_pass *pass = &s->schedule->targets[target_pass];
    if (pass->anchors.count > 0)
        ist_load_values(s, pass->layer, SIZE_MAX, error);
    else
        ist_load_layer(s, pass->layer, pass->parts, error);
    if (error->code != IST_OK)
        return error->code;
    ist_error reading = {0};
    if (s->facts[pass->layer].failure)
        return IST_OK;
    if (pass->labels != SIZE_MAX &&
        ist_load_classes(s, pass->labels, pass->parts, &reading) != IST_OK) {
        fail_lists(s, pass, reading.text);
        return IST_OK;
    }
    ist_pass_stats stats = {0};
    double started = ist_seconds();
    int64_t batch = ist_schedule_batch(s->known.plan, s->schedule, &s->portion->steps, target_pass,
                                       &s->machine);
    for (int parts = 0; parts <= pass->parts; parts++) {
        tables[parts] = count(s, pass, parts, batch, &stats);
        if (ist_stop_in_pass(s, "counts", error) != IST_OK)
            return error->code;
        const ist_rows *rows = parts ? &s->loaded.parts : &s->loaded.all;
        s->told[target_pass][parts] = tell(s, pass, parts, rows->home.count, &tables[parts]);
    }
    ist_add_time(s, IST_PHASE_COUNTS, started, &stats);
    if (tables[0].stride + tables[1].stride == 0 && pass->first_null == SIZE_MAX)
        return error->code; /* lists had it all */
    const char *kind = pass->anchors.count > 0 ? "counts-of-anchors" : "counts";
    int64_t thresholds = ist_max(tables[0].stride, tables[1].stride);
    if (ist_journal_timing(s, kind, pass->layer, 0, thresholds, started, &stats, error) == IST_OK)
        ist_permute_operands(s, pass->first_null, error);
    return error->code;
}

/* ---- the tasks that have all they need --------------------------------------------------------- */

static ist_counted counted(const ist_session *s, const ist_route *route, const slot_table *table,
                           bool parts)
{
    ist_counted found = {0};
    for (int side = 0; side < 2; side++) {
        size_t target = route->target[side], slot = route->slot[side];
        if (target == SIZE_MAX)
            continue;
        const ist_told *told = &s->told[target][parts];
        if (told->column && told->column[slot] >= 0) {
            found.closer[side] = told->closer + told->column[slot];
            found.equal[side] = told->equal + told->column[slot];
            found.stride[side] = told->told;
        } else if (table->offset && table->offset[slot] >= 0) {
            found.twice_rank = table->twice_rank + table->offset[slot];
            found.rank_stride = table->stride;
        }
    }
    return found;
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
        ist_found found = {.task = t,
                           .lists = &s->lists[route->source],
                           .all = counted(s, route, &tables[0], false),
                           .parts = counted(s, route, &tables[1], true)};
        if (route->second != SIZE_MAX)
            found.second = &s->lists[route->second];
        if (route->null != SIZE_MAX)
            found.null = &s->lists[route->null];
        if (ist_complete_task(s, &found, error) == IST_OK && s->next_task[t] != SIZE_MAX)
            ist_stop_soon(s, error);
    }
    return error->code;
}

ist_code ist_take_step(ist_session *s, size_t step, ist_error *error)
{
    const ist_step *now = &s->schedule->steps[step];
    slot_table tables[2] = {{0}};
    bool passes = now->kind == IST_STEP_PASS;
    s->kept.last_step = !passes       ? step
                        : now->counts ? s->schedule->targets[now->index].last_step
                                      : ist_together_last_step(s->schedule, now->index);
    s->kept.saved = false;
    if (now->kind == IST_STEP_SLICES)
        return ist_take_slices(s, step, error);
    if (now->kind == IST_STEP_DENSE)
        return ist_take_dense(s, step, error);
    ist_keep_in_place(s, ist_step_layer(s->schedule, now), ist_step_other(s->schedule, now));
    ist_fault("step");
    if (now->counts)
        count_targets(s, now->index, tables, error);
    else
        find_lists(s, now->index, error);
    double started = ist_seconds();
    if (error->code == IST_OK)
        complete_tasks(s, step, tables, error);
    s->seconds[IST_PHASE_TASKS] += ist_seconds() - started;
    for (int parts = 0; parts < 2; parts++)
        slot_table_release(&tables[parts]);
    ist_inside_release(&s->inside);
    s->inside_of = NULL;
    return error->code;
}
