/* The third kind of step: slices of a layer, or of two, and all tasks that they serve. */
#include <math.h>
#include <string.h>

#include "infostrata/place.h"
#include "slicing.h"

/* ---- on disk --------------------------------------------------------------------------------- */

/* Copies a field to or from where *at stands, which moves on. */
static void copy_field(char **at, void *field, size_t bytes, bool out)
{
    if (bytes > 0 && field)
        memcpy(out ? *at : field, out ? field : *at, bytes);
    *at += bytes;
}

/* What was found of a task, on rank 0; with `at` NULL (any rank) its bytes alone. */
static size_t copy_task(const ist_slicing *w, ist_slice_task *t, int64_t sums[2], char *at,
                        bool out)
{
    size_t slices = (size_t)t->needs.slices.count;
    size_t permutations = (size_t)ist_slice_task_of(w, t)->permutations;
    size_t bytes[] = {slices * sizeof *t->value,
                      t->parts ? IST_PARTS * slices * sizeof *t->part : 0,
                      permutations * sizeof *t->null, 2 * sizeof *sums};
    void *fields[] = {t->value, t->part, t->null, sums};
    size_t all = 0;
    for (int f = 0; f < 4; f++) {
        if (at)
            copy_field(&at, fields[f], bytes[f], out);
        all += bytes[f];
    }
    return all;
}

/* After a whole batch. */
static void note_so_far(ist_slicing *w)
{
    char *at = w->found;
    for (size_t t = 0; t < w->count; t++) {
        ist_slice_task *task = &w->tasks[t];
        int64_t sums[2] = {task->tied, task->zero};
        ist_sum(w->s->comm, sums, 2);
        if (at)
            at += copy_task(w, task, sums, at, true);
    }
}

static void begin_so_far(ist_slicing *w)
{
    int64_t sums[2];
    size_t bytes = 0, *list = ist_alloc(w->count, sizeof *list);
    for (size_t t = 0; t < w->count; t++) {
        list[t] = w->tasks[t].task;
        bytes += copy_task(w, &w->tasks[t], sums, NULL, true);
    }
    w->so_far = ist_so_far_new(w->s, "slices", list, w->count, w->pass->slices, (int64_t)bytes);
    ist_free(list);
    if (w->s->comm->rank == 0)
        w->found = ist_alloc(bytes, 1);
    w->done = ist_so_far_take_up(&w->so_far, w->found);
    char *at = w->found;
    for (size_t t = 0; t < w->count && w->done > 0 && at; t++) {
        at += copy_task(w, &w->tasks[t], sums, at, false);
        w->tasks[t].tied = sums[0];
        w->tasks[t].zero = sums[1];
    }
}

/* ---- records --------------------------------------------------------------------------------- */

static ist_totals totals_of(const ist_slicing *w, const ist_slice_task *t,
                            const ist_slice_totals *slices)
{
    const ist_session *s = w->s;
    const ist_plan *plan = s->known.plan;
    const ist_task *task = ist_slice_task_of(w, t);
    ist_totals totals = {.n = w->n,
                         .has_parts = t->parts,
                         .d_source = plan->layers[task->source].shape.d,
                         .labels_target = task->labels_target,
                         .deterministic = plan->job->deterministic,
                         .duplicates_source = s->facts[task->source].duplicates,
                         .constant_source = s->facts[task->source].constant,
                         .dimension_source = NAN,
                         .slices = slices};
    if (task->labels_target) {
        totals.class_size = t->classes.size;
        totals.class_count = t->classes.class_count;
    } else {
        totals.d_target = plan->layers[task->target].shape.d;
        totals.duplicates_target = s->facts[task->target].duplicates;
        totals.constant_target = s->facts[task->target].constant;
    }
    return totals;
}

/* Of the mean, and of the largest where there is a record of it. */
static void describe_nulls(const ist_slicing *w, ist_slice_task *t, ist_record *records,
                           size_t count)
{
    int64_t permutations = ist_slice_task_of(w, t)->permutations;
    double *null = ist_alloc((size_t)permutations, sizeof *null);
    for (size_t r = 0; r < count && permutations > 0; r++) {
        for (int64_t p = 0; p < permutations; p++)
            null[p] = r == 0 ? ist_slice_mean(&t->null[p]) : t->null[p].most;
        ist_describe_null(&records[r], null, permutations,
                          t->measure->planner.schema->tail == IST_TAIL_UPPER);
    }
    ist_free(null);
}

static ist_code finish_task(ist_slicing *w, ist_slice_task *t, ist_error *error)
{
    ist_record records[IST_MAX_RECORDS] = {{0}};
    size_t count = 0;
    ist_error failure = {0};
    if (t->failure)
        return ist_fail_task(w->s, t->task, t->failure, error);
    int64_t sums[2] = {t->tied, t->zero};
    ist_sum(w->s->comm, sums, 2);
    if (w->s->comm->rank == 0) {
        ist_slice_totals slices = {t->needs.slices.count, t->value, t->part, sums[0], sums[1]};
        ist_totals totals = totals_of(w, t, &slices);
        t->measure->finish(t->params, &totals, records, &count, &failure);
        describe_nulls(w, t, records, count);
    }
    ist_agree(w->s->comm, &failure);
    return ist_keep_records(w->s, t->task, records, count, &failure, error);
}

/* ---- timings --------------------------------------------------------------------------------- */

static ist_code journal_times(ist_slicing *w, ist_error *error)
{
    ist_session *s = w->s;
    const ist_layer *layer = &s->known.plan->layers[w->pass->layer];
    static const char *const kinds[] = {"slices-project", "slices-transpose", "slices-sort",
                                        "slices-estimate"};
    double seconds[] = {w->times.project, w->times.transpose, w->times.sort, w->times.estimate};
    for (int i = 0; i < 4; i++)
        s->seconds[IST_PHASE_SLICES] += seconds[i];
    MPI_Allreduce(MPI_IN_PLACE, seconds, 4, MPI_DOUBLE, MPI_MAX, s->comm->handle);
    int64_t sent = ist_sum_one(s->comm, w->times.bytes_sent);
    int64_t peak = ist_largest(s->comm, ist_resident_memory().peak);
    for (int i = 0; i < 4; i++) {
        ist_timing timing = {.layer = layer->key,
                             .kind = kinds[i],
                             .n = w->n,
                             .d = layer->shape.d,
                             .k = w->pass->slices,
                             .ranks = s->comm->size,
                             .kernel = s->engine.kernel->name,
                             .seconds = seconds[i],
                             .bytes_sent = i == 1 ? sent : 0,
                             .peak_memory = peak};
        if (s->journal)
            ist_journal_add_timing(s->journal, &timing, error);
    }
    return ist_agree(s->comm, error);
}

static void report(ist_slicing *w)
{
    ist_session *s = w->s;
    double now = ist_seconds();
    if (now - s->last_line < 5)
        return;
    s->last_line = now;
    ist_log_line(&s->log, "%lld of %lld slices of %s", (long long)w->batch.first,
                 (long long)w->pass->slices, s->known.plan->layers[w->pass->layer].key);
}

/* ---- the step -------------------------------------------------------------------------------- */

static void make_room(ist_slicing *w, int64_t at_once)
{
    size_t n = (size_t)w->n, columns = (size_t)w->pass->columns;
    w->room = ist_slice_room_new(w->s->engine.kernel, w->n, w->pass->columns, w->two);
    if (w->sorts) {
        w->value = ist_alloc_unset(n * (size_t)at_once, sizeof *w->value);
        w->row = ist_alloc_unset(n * (size_t)at_once, sizeof *w->row);
    }
    if (w->any_null && w->two)
        w->permuted = ist_alloc_unset(n * columns, sizeof *w->permuted);
    if (!w->any_parts)
        return;
    const ist_part_order *parts = &w->s->part_order;
    if (w->sorts) {
        w->part_value = ist_alloc_unset(n, sizeof *w->part_value);
        w->part_row = ist_alloc_unset(n, sizeof *w->part_row);
        w->part_of_place = ist_alloc_unset(n, sizeof *w->part_of_place);
        for (int64_t at = 0; at < w->n; at++)
            w->part_of_place[parts->order[at]] = (int32_t)at;
        return;
    }
    w->part_x = ist_alloc_unset(n * columns, sizeof *w->part_x);
    if (w->two)
        w->part_y = ist_alloc_unset(n * columns, sizeof *w->part_y);
}

static void release(ist_slicing *w)
{
    for (size_t t = 0; t < w->count; t++)
        ist_slice_task_release(&w->tasks[t]);
    ist_slice_room_free(&w->room);
    ist_free(w->tasks);
    ist_free(w->found);
    ist_free(w->value);
    ist_free(w->row);
    ist_free(w->part_of_place);
    ist_free(w->part_x);
    ist_free(w->part_y);
    ist_free(w->part_value);
    ist_free(w->part_row);
    ist_free(w->permuted);
}

static void sort_slices(ist_slicing *w)
{
    double started = ist_seconds();
    for (int64_t i = 0; i < w->batch.mine && w->sorts; i++) {
        ist_sort_column(w->room, w->n, ist_slice_column(w, 0, i), NULL, w->value + i * w->n,
                        w->row + i * w->n);
        ist_place_tile();
    }
    w->times.sort += ist_seconds() - started;
}

/* False: some of it was left out. */
static bool take_batch(ist_slicing *w, int64_t count)
{
    w->batch = ist_slice_batch_new(w->s, w->pass, w->n, w->done, count);
    report(w);
    ist_slice_columns(w->s, w->pass, &w->batch, &w->times);
    sort_slices(w);
    ist_slices_estimate(w);
    ist_slices_permute(w);
    ist_slice_batch_release(&w->batch);
    return !ist_largest(w->s->comm, w->left);
}

/* In batches, from where an earlier start was left. */
static ist_code take_batches(ist_slicing *w, ist_error *error)
{
    ist_session *s = w->s;
    int64_t at_once = ist_slices_at_once(w->n, w->pass->slices, w->pass->columns, w->two,
                                         w->pass->estimates, s->comm->size);
    make_room(w, at_once);
    begin_so_far(w);
    bool broken = false;
    while (w->done < w->pass->slices && !broken) {
        int64_t count = ist_min(at_once * s->comm->size, w->pass->slices - w->done);
        if (take_batch(w, count)) {
            w->done += count;
            note_so_far(w);
        }
        broken = w->done < w->pass->slices &&
                 ist_stop_break_off(s->engine.stop, s->comm, ist_slices_left(w));
        ist_so_far_keep(&w->so_far, w->found, w->done, broken);
    }
    return ist_stop_in_pass(s, "slices", error);
}

static ist_code fail_all(ist_session *s, size_t step, const char *reason, ist_error *error)
{
    for (size_t t = s->first_of_step[step]; t != SIZE_MAX && error->code == IST_OK;
         t = s->next_task[t])
        ist_fail_task(s, t, reason, error);
    return error->code;
}

ist_code ist_take_slices(ist_session *s, size_t step, ist_error *error)
{
    const ist_slice_pass *pass = &s->schedule->slices[s->schedule->steps[step].index];
    const ist_plan *plan = s->known.plan;
    if (ist_load_values(s, pass->layer, pass->other, error) != IST_OK)
        return error->code;
    const char *failure = s->facts[pass->layer].failure;
    if (!failure && pass->other != SIZE_MAX)
        failure = s->facts[pass->other].failure;
    if (failure) {
        ist_unload_other(s);
        return fail_all(s, step, failure, error);
    }
    ist_slicing w = {.s = s, .pass = pass, .n = plan->layers[pass->layer].n};
    w.two = pass->other != SIZE_MAX;
    w.sorts = !w.two && pass->columns == 1;
    for (size_t t = s->first_of_step[step]; t != SIZE_MAX; t = s->next_task[t])
        w.count++;
    w.tasks = ist_alloc(w.count, sizeof *w.tasks);
    size_t at = 0;
    for (size_t t = s->first_of_step[step]; t != SIZE_MAX; t = s->next_task[t])
        ist_slice_task_prepare(&w, &w.tasks[at++], t);
    if (take_batches(&w, error) == IST_OK)
        journal_times(&w, error);
    ist_unload_other(s);
    for (size_t t = 0; t < w.count && error->code == IST_OK; t++)
        finish_task(&w, &w.tasks[t], error);
    release(&w);
    return error->code;
}
