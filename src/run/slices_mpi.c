/* The third kind of step: slices of a layer, or of two, and all tasks that they serve. Each rank looks at whole slices;
 * rank 0 gets one number a slice (and part, and permutation) in the order of the slices. */
#include <math.h>
#include <string.h>

#include "infostrata/place.h"
#include "null.h"
#include "slice_columns.h"
#include "so_far.h"

/* ---- one task -------------------------------------------------------------------------------- */

typedef struct {
    size_t task;
    const ist_measure *measure;
    const ist_value *params[IST_MAX_PARAMS];
    ist_needs needs;
    bool parts;
    char *failure;
    ist_classes classes;        /* labels */
    int32_t *part_class;        /* in the order of the parts */
    int32_t *permuted;          /* classes of a permutation */
    uint64_t *word, *part_word; /* layers: tie words, the same in the order of the parts */
    ist_permutations permutations;
    ist_slice_sum *null; /* rank 0: by permutation */
    int64_t tied, zero;
    double *value, *part; /* rank 0: by slice; by part and slice */
} slice_task;

/* What all tasks of the step share. */
typedef struct {
    ist_session *s;
    const ist_slice_pass *pass;
    slice_task *tasks;
    size_t count;
    int64_t n;
    bool two, any_parts, any_null, any_factors, sorts;
    ist_slice_room *room;
    ist_slice_batch batch;
    double *value; /* sorts: each of the batch's slices in ascending order */
    int32_t *row;
    int32_t *part_of_place; /* of a sample: its place in the order of the parts */
    double *part_x, *part_y, *part_value;
    int32_t *part_row;
    double *permuted; /* the target's columns */
    bool left;        /* slices of the batch were left out, because the run is to stop */
    int64_t done;     /* slices */
    ist_so_far so_far;
    char *found; /* rank 0: what so_far has of all tasks */
    ist_slice_times times;
} slicing;

static const ist_task *task_of(const slicing *w, const slice_task *t)
{
    return &w->s->known.plan->tasks[t->task];
}

static uint64_t *words_of(const ist_tie_rule *ties, int64_t n, const int64_t *order)
{
    uint64_t *word = ist_alloc_unset((size_t)n, sizeof *word);
    for (int64_t i = 0; i < n; i++)
        word[i] = ist_tie_word(ties, order ? order[i] : i);
    return word;
}

/* The order of the parts must be there. */
static void prepare_layers(slicing *w, slice_task *t)
{
    t->word = words_of(&t->needs.ties, w->n, NULL);
    if (t->parts)
        t->part_word = words_of(&t->needs.ties, w->n, w->s->part_order.order);
}

static ist_code prepare_labels(slicing *w, slice_task *t, ist_error *error)
{
    ist_session *s = w->s;
    if (ist_read_classes(s, task_of(w, t)->target, &t->classes, error) != IST_OK)
        return error->code;
    t->permuted = ist_alloc_unset((size_t)w->n, sizeof *t->permuted);
    if (!t->parts)
        return IST_OK;
    t->classes.part_size = ist_count_classes(t->classes.class_of, t->classes.class_count,
                                             s->part_order.order, s->part_order.start, IST_PARTS);
    t->part_class = ist_alloc_unset((size_t)w->n, sizeof *t->part_class);
    for (int64_t at = 0; at < w->n; at++)
        t->part_class[at] = t->classes.class_of[s->part_order.order[at]];
    return IST_OK;
}

static void prepare_task(slicing *w, slice_task *t, size_t task)
{
    ist_session *s = w->s;
    const ist_plan *plan = s->known.plan;
    const ist_task *of = &plan->tasks[task];
    t->task = task;
    t->classes.label = SIZE_MAX;
    t->measure = ist_measures[plan->job->entries[of->entry].measure];
    ist_task_params(plan, of, t->params);
    t->needs =
        t->measure->planner.needs(t->params, of->labels_target ? &plan->labels[of->target] : NULL);
    t->parts = t->needs.parts && ist_parts_usable(w->n, t->needs.neighbours);
    if (t->parts)
        ist_part_order_for(s, w->n);
    ist_error reading = {0};
    if (of->labels_target)
        prepare_labels(w, t, &reading);
    else
        prepare_layers(w, t);
    if (of->permutations > 0 && reading.code == IST_OK)
        ist_permutations_new(s, w->n, of->within, &t->permutations, &reading);
    if (reading.code != IST_OK)
        t->failure = ist_copy_text(reading.text);
    size_t slices = (size_t)t->needs.slices.count;
    if (s->comm->rank == 0) {
        t->value = ist_alloc(slices, sizeof *t->value);
        t->part = t->parts ? ist_alloc(IST_PARTS * slices, sizeof *t->part) : NULL;
        t->null = ist_alloc((size_t)of->permutations, sizeof *t->null);
    }
    w->any_parts |= t->parts;
    w->any_null |= of->permutations > 0;
    w->any_factors |= t->needs.slices.factors;
}

static void release_task(slice_task *t)
{
    ist_classes_release(&t->classes);
    ist_permutations_release(&t->permutations);
    ist_free(t->failure);
    ist_free(t->part_class);
    ist_free(t->permuted);
    ist_free(t->word);
    ist_free(t->part_word);
    ist_free(t->null);
    ist_free(t->value);
    ist_free(t->part);
}

/* ---- one slice ------------------------------------------------------------------------------- */

static const double *column_of(const slicing *w, int side, int64_t i)
{
    return w->batch.column[side] ? w->batch.column[side] + i * w->pass->columns * w->n : NULL;
}

static ist_slice slice_of(const slicing *w, const slice_task *t, int64_t i, const double factor[2])
{
    ist_slice slice = {.n = w->n,
                       .columns = {w->pass->columns, w->two ? w->pass->columns : 0},
                       .x = column_of(w, 0, i),
                       .y = column_of(w, 1, i),
                       .value = w->sorts ? w->value + i * w->n : NULL,
                       .row = w->sorts ? w->row + i * w->n : NULL,
                       .classes = {t->classes.class_of, t->classes.class_count, t->classes.size},
                       .factor = {factor[0], factor[1]},
                       .word = t->word};
    return slice;
}

/* The parts of slice i, each by itself: its columns, or what the sorted column has of it, which is sorted, too. */
static void split_parts(slicing *w, int64_t i)
{
    const ist_part_order *parts = &w->s->part_order;
    int columns = w->pass->columns;
    if (w->sorts) {
        int64_t next[IST_PARTS];
        memcpy(next, parts->start, sizeof next);
        for (int64_t at = 0; at < w->n; at++) {
            int32_t place = w->part_of_place[w->row[i * w->n + at]];
            int p = IST_PARTS - 1;
            while (place < parts->start[p])
                p--;
            w->part_value[next[p]] = w->value[i * w->n + at];
            w->part_row[next[p]++] = (int32_t)(place - parts->start[p]);
        }
        return;
    }
    for (int side = 0; side < (w->two ? 2 : 1); side++) {
        const double *from = column_of(w, side, i);
        double *to = side == 0 ? w->part_x : w->part_y;
        for (int p = 0; p < IST_PARTS; p++)
            for (int c = 0; c < columns; c++)
                for (int64_t at = parts->start[p]; at < parts->start[p + 1]; at++)
                    *to++ = from[c * w->n + parts->order[at]];
    }
}

static ist_slice part_of(const slicing *w, const slice_task *t, int p, const double factor[2])
{
    int64_t start = w->s->part_order.start[p], count = w->s->part_order.start[p + 1] - start;
    int64_t at = start * w->pass->columns;
    ist_slice slice = {.n = count,
                       .columns = {w->pass->columns, w->two ? w->pass->columns : 0},
                       .factor = {factor[0], factor[1]}};
    if (w->sorts) {
        slice.value = w->part_value + start;
        slice.row = w->part_row + start;
    } else {
        slice.x = w->part_x + at;
        slice.y = w->two ? w->part_y + at : NULL;
    }
    if (w->two)
        slice.word = t->part_word + start;
    else
        slice.classes = (ist_slice_classes){t->part_class + start, t->classes.class_count,
                                            t->classes.part_size + p * t->classes.class_count};
    return slice;
}

/* Slices of the batch that a task asks for, of those of rank r. */
static int64_t wanted(const slicing *w, const slice_task *t, int r)
{
    int64_t own = ist_share(w->batch.count, w->s->comm->size, r);
    int64_t next = ist_share(w->batch.count, w->s->comm->size, r + 1);
    int64_t left = t->needs.slices.count - w->batch.first;
    return ist_max(0, ist_min(next, left) - own);
}

static void estimate(slicing *w, slice_task *t, int64_t i, const double factor[2], double *number)
{
    ist_slice slice = slice_of(w, t, i, factor);
    ist_slice_found found = t->measure->slice(t->params, w->room, &slice);
    number[0] = found.value;
    t->tied += found.tied;
    t->zero += found.zero;
    for (int p = 0; p < IST_PARTS && t->parts; p++) {
        slice = part_of(w, t, p, factor);
        number[1 + p] = t->measure->slice(t->params, w->room, &slice).value;
    }
}

/* Of all samples, unpermuted: 1 if no task (one task, that of a permutation) wants them. */
static void factors_of(const slicing *w, bool wanted, int64_t i, double factor[2])
{
    for (int side = 0; side < 2; side++)
        factor[side] =
            !wanted ? 1 : ist_slice_factor(w->n, w->pass->columns, column_of(w, side, i));
}

/* ---- a batch --------------------------------------------------------------------------------- */

/* `each` numbers of every slice that a task wants, of all ranks, on rank 0 in the order of the slices (NULL elsewhere);
 * the caller frees it. */
static double *gather(const slicing *w, const slice_task *t, int each, const double *mine)
{
    const ist_comm *comm = w->s->comm;
    int *count = ist_alloc((size_t)comm->size, sizeof *count);
    int *at = ist_alloc((size_t)comm->size, sizeof *at), all = 0;
    for (int r = 0; r < comm->size; r++) {
        count[r] = ist_narrow(each * wanted(w, t, r));
        at[r] = all;
        all += count[r];
    }
    double *numbers = comm->rank == 0 ? ist_alloc((size_t)all, sizeof *numbers) : NULL;
    MPI_Gatherv(mine, count[comm->rank], MPI_DOUBLE, numbers, count, at, MPI_DOUBLE, 0,
                comm->handle);
    ist_free(count);
    ist_free(at);
    return numbers;
}

/* On rank 0: the numbers of a batch to those of the task. */
static void keep(const slicing *w, slice_task *t, int each, const double *numbers)
{
    int64_t slices = t->needs.slices.count,
            count = ist_min(w->batch.count, slices - w->batch.first);
    for (int64_t i = 0; i < count; i++) {
        t->value[w->batch.first + i] = numbers[i * each];
        for (int p = 0; p + 1 < each; p++)
            t->part[p * slices + w->batch.first + i] = numbers[i * each + 1 + p];
    }
}

/* Once all are to stop the rest of a batch is left out; what ranks exchange of it is thrown away. */
static bool is_left(slicing *w)
{
    ist_attend(w->s);
    w->left |= ist_stop_poll(w->s->engine.stop);
    return w->left;
}

static void sort_slices(slicing *w)
{
    double started = ist_seconds();
    for (int64_t i = 0; i < w->batch.mine && w->sorts; i++) {
        ist_sort_column(w->room, w->n, column_of(w, 0, i), NULL, w->value + i * w->n,
                        w->row + i * w->n);
        ist_place_tile();
    }
    w->times.sort += ist_seconds() - started;
}

static void estimate_all(slicing *w)
{
    enum { MOST_EACH = 1 + IST_PARTS };
    double *numbers = ist_alloc((size_t)w->batch.mine * w->count * MOST_EACH, sizeof *numbers);
    double started = ist_seconds();
    for (int64_t i = 0; i < w->batch.mine && !is_left(w); i++) {
        double factor[2];
        factors_of(w, w->any_factors, i, factor);
        ist_fault("slice");
        if (w->any_parts)
            split_parts(w, i);
        for (size_t t = 0; t < w->count; t++) {
            slice_task *task = &w->tasks[t];
            int each = task->parts ? MOST_EACH : 1;
            ist_place_tile();
            if (!task->failure && i < wanted(w, task, w->s->comm->rank))
                estimate(w, task, i, factor,
                         numbers + (size_t)(w->batch.mine * MOST_EACH) * t + (size_t)(each * i));
        }
    }
    w->times.estimate += ist_seconds() - started;
    for (size_t t = 0; t < w->count; t++) {
        int each = w->tasks[t].parts ? MOST_EACH : 1;
        if (w->tasks[t].failure || w->tasks[t].needs.slices.count <= w->batch.first)
            continue;
        double *all =
            gather(w, &w->tasks[t], each, numbers + (size_t)(w->batch.mine * MOST_EACH) * t);
        if (all)
            keep(w, &w->tasks[t], each, all);
        ist_free(all);
    }
    ist_free(numbers);
}

/* ---- permutations ---------------------------------------------------------------------------- */

static double permuted_value(slicing *w, slice_task *t, int64_t i)
{
    const int64_t *taken = t->permutations.taken;
    double factor[2];
    factors_of(w, t->needs.slices.factors, i, factor);
    ist_slice slice = slice_of(w, t, i, factor);
    if (w->two) {
        for (int c = 0; c < w->pass->columns; c++)
            for (int64_t row = 0; row < w->n; row++)
                w->permuted[c * w->n + row] = slice.y[c * w->n + taken[row]];
        slice.y = w->permuted;
    } else {
        slice.classes.class_of = t->permuted;
    }
    return t->measure->slice(t->params, w->room, &slice).value;
}

static void permute_task(slicing *w, slice_task *t)
{
    int64_t mine = wanted(w, t, w->s->comm->rank);
    double *numbers = ist_alloc((size_t)mine, sizeof *numbers);
    for (int64_t r = 0; r < task_of(w, t)->permutations; r++) {
        ist_permute(&t->permutations, t->needs.slices.seed, r);
        for (int64_t row = 0; row < w->n && !w->two; row++)
            t->permuted[row] = t->classes.class_of[t->permutations.taken[row]];
        for (int64_t i = 0; i < mine && !is_left(w); i++) {
            numbers[i] = permuted_value(w, t, i);
            ist_place_tile();
        }
        double *all = gather(w, t, 1, numbers);
        int64_t count = ist_min(w->batch.count, t->needs.slices.count - w->batch.first);
        for (int64_t i = 0; i < count && all; i++)
            ist_slice_add(&t->null[r], all[i]);
        ist_free(all);
    }
    ist_free(numbers);
}

static void permute_all(slicing *w)
{
    double started = ist_seconds();
    for (size_t t = 0; t < w->count; t++)
        if (!w->tasks[t].failure && task_of(w, &w->tasks[t])->permutations > 0 &&
            w->tasks[t].needs.slices.count > w->batch.first)
            permute_task(w, &w->tasks[t]);
    w->times.estimate += ist_seconds() - started;
}

/* ---- on disk --------------------------------------------------------------------------------- */

/* Copies a field to or from where *at stands, which moves on. */
static void copy_field(char **at, void *field, size_t bytes, bool out)
{
    if (bytes > 0 && field)
        memcpy(out ? *at : field, out ? field : *at, bytes);
    *at += bytes;
}

/* What was found of a task, on rank 0; with `at` NULL (any rank) its bytes alone. */
static size_t copy_task(const slicing *w, slice_task *t, int64_t sums[2], char *at, bool out)
{
    size_t slices = (size_t)t->needs.slices.count;
    size_t permutations = (size_t)task_of(w, t)->permutations;
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
static void note_so_far(slicing *w)
{
    char *at = w->found;
    for (size_t t = 0; t < w->count; t++) {
        slice_task *task = &w->tasks[t];
        int64_t sums[2] = {task->tied, task->zero};
        ist_sum(w->s->comm, sums, 2);
        if (at)
            at += copy_task(w, task, sums, at, true);
    }
}

static void begin_so_far(slicing *w)
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

static ist_totals totals_of(const slicing *w, const slice_task *t, const ist_slice_totals *slices)
{
    const ist_session *s = w->s;
    const ist_plan *plan = s->known.plan;
    const ist_task *task = task_of(w, t);
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
static void describe_nulls(const slicing *w, slice_task *t, ist_record *records, size_t count)
{
    int64_t permutations = task_of(w, t)->permutations;
    double *null = ist_alloc((size_t)permutations, sizeof *null);
    for (size_t r = 0; r < count && permutations > 0; r++) {
        for (int64_t p = 0; p < permutations; p++)
            null[p] = r == 0 ? ist_slice_mean(&t->null[p]) : t->null[p].most;
        ist_describe_null(&records[r], null, permutations,
                          t->measure->planner.schema->tail == IST_TAIL_UPPER);
    }
    ist_free(null);
}

static ist_code finish_task(slicing *w, slice_task *t, ist_error *error)
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

static ist_code journal_times(slicing *w, ist_error *error)
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

static void report(slicing *w)
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

static void make_room(slicing *w, int64_t at_once)
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

static void release(slicing *w)
{
    for (size_t t = 0; t < w->count; t++)
        release_task(&w->tasks[t]);
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

/* False: some of it was left out. */
static bool take_batch(slicing *w, int64_t count)
{
    w->batch = ist_slice_batch_new(w->s, w->pass, w->n, w->done, count);
    report(w);
    ist_slice_columns(w->s, w->pass, &w->batch, &w->times);
    sort_slices(w);
    estimate_all(w);
    permute_all(w);
    ist_slice_batch_release(&w->batch);
    return !ist_largest(w->s->comm, w->left);
}

/* In batches, from where an earlier start was left. */
static ist_code take_batches(slicing *w, ist_error *error)
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
        broken =
            w->done < w->pass->slices && ist_stop_break_off(s->engine.stop, s->comm, is_left(w));
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
    slicing w = {.s = s, .pass = pass, .n = plan->layers[pass->layer].n};
    w.two = pass->other != SIZE_MAX;
    w.sorts = !w.two && pass->columns == 1;
    for (size_t t = s->first_of_step[step]; t != SIZE_MAX; t = s->next_task[t])
        w.count++;
    w.tasks = ist_alloc(w.count, sizeof *w.tasks);
    size_t at = 0;
    for (size_t t = s->first_of_step[step]; t != SIZE_MAX; t = s->next_task[t])
        prepare_task(&w, &w.tasks[at++], t);
    if (take_batches(&w, error) == IST_OK)
        journal_times(&w, error);
    ist_unload_other(s);
    for (size_t t = 0; t < w.count && error->code == IST_OK; t++)
        finish_task(&w, &w.tasks[t], error);
    release(&w);
    return error->code;
}
