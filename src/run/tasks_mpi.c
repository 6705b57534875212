/* From what the engine found to a record: each rank's sums, the total, one line of the journal. */
#include <math.h>
#include <string.h>

#include "null.h"

/* ---- evidence ------------------------------------------------------------------------------ */

/* One task at work. */
typedef struct {
    ist_session *s;
    const ist_task *task;
    const ist_measure *measure;
    const ist_value *params[IST_MAX_PARAMS];
    ist_needs needs;
    const ist_found *found;
    const ist_classes *classes; /* labels target; else NULL */
    int64_t *sums;              /* (1 + IST_PARTS) x sum_count: all samples, then each part */
    double
        *values[2]; /* of this rank's home rows: all samples, parts; NULL: the measure has none */
} work;

/* Rows [first, first + count) of home in one set, as evidence. Arrays in `made` are its own. */
typedef struct {
    ist_evidence evidence;
    int64_t *row, *ranks, *closer[2], *equal[2], *reverse, *in_count, *in_sum;
    int32_t *number, *second, *held, *list_reach;
    double *distance;
} made;

static void made_release(made *m)
{
    ist_free(m->row);
    ist_free(m->number);
    ist_free(m->second);
    ist_free(m->held);
    ist_free(m->list_reach);
    ist_free(m->distance);
    ist_free(m->ranks);
    for (int side = 0; side < 2; side++) {
        ist_free(m->closer[side]);
        ist_free(m->equal[side]);
    }
    ist_free(m->reverse);
    ist_free(m->in_count);
    ist_free(m->in_sum);
}

/* The first k of each list, as row numbers; -1 where a list is shorter. */
static int32_t *numbers_of(const ist_rows *rows, int64_t first, int64_t count, const ist_list *list,
                           int64_t k)
{
    int32_t *number = ist_alloc((size_t)(count * k), sizeof *number);
    for (int64_t i = 0; i < count; i++)
        for (int64_t p = 0; p < k; p++) {
            int32_t position = list->neighbour[(first + i) * list->k + p];
            number[i * k + p] = position < 0 ? -1 : (int32_t)ist_row_number(rows, position);
        }
    return number;
}

/* Ranks in the target: from the counts of pass 2 (packed to k a row), or from the classes. */
static int64_t *ranks_of(const work *w, const made *m, const ist_counted *counted, int64_t first)
{
    const ist_evidence *e = &m->evidence;
    int64_t *packed = ist_alloc((size_t)(e->count * e->k), sizeof *packed);
    if (w->task->labels_target)
        ist_label_ranks(e->n, e->count, e->k, e->k, m->row, m->number, e->class_of, e->class_size,
                        packed);
    else
        for (int64_t i = 0; i < e->count; i++)
            memcpy(packed + i * e->k, counted->twice_rank + (first + i) * counted->rank_stride,
                   (size_t)e->k * sizeof *packed);
    return packed;
}

/* One number of each row, out of columns. */
static int64_t *column(const int64_t *from, int64_t stride, int64_t first, int64_t count)
{
    if (!from)
        return NULL;
    int64_t *to = ist_alloc((size_t)count, sizeof *to);
    for (int64_t i = 0; i < count; i++)
        to[i] = from[(first + i) * stride];
    return to;
}

/* Of the first k: how many each row has. */
static int32_t *held_of(const ist_list *list, int64_t first, int64_t count, int64_t k)
{
    int32_t *held = ist_alloc((size_t)count, sizeof *held);
    for (int64_t i = 0; i < count; i++)
        held[i] = (int32_t)ist_min(list->held[first + i], k);
    return held;
}

/* Entries of lists with `stride` a row, k a row. */
static void *packed(const void *from, size_t bytes, int64_t stride, int64_t first, int64_t count,
                    int64_t k)
{
    if (!from || stride < k)
        return NULL;
    char *to = ist_alloc((size_t)(count * k), bytes);
    for (int64_t i = 0; i < count; i++)
        memcpy(to + (size_t)(i * k) * bytes,
               (const char *)from + (size_t)((first + i) * stride) * bytes, (size_t)k * bytes);
    return to;
}

static const ist_list *list_of(const work *w, bool parts)
{
    const ist_lists *lists = w->found->lists;
    if (w->needs.among == IST_AMONG_DISTINCT && lists->has_distinct)
        return parts ? &lists->distinct_parts : &lists->distinct;
    return parts ? &lists->parts : &lists->all;
}

/* The home rows [first, first + count) of all samples, or of a part of n. */
static made make_rows(const work *w, const ist_rows *rows, int64_t first, int64_t count, int64_t n,
                      bool parts, const int64_t *class_size)
{
    const ist_list *list = list_of(w, parts);
    const ist_counted *counted = parts ? &w->found->parts : &w->found->all;
    int64_t k = w->needs.neighbours;
    made m = {
        .row = ist_alloc((size_t)count, sizeof *m.row),
        .number = numbers_of(rows, first, count, list, k),
        .distance = packed(list->distance, sizeof *m.distance, list->distance_k, first, count, k),
        .list_reach = packed(list->list_reach, sizeof *m.list_reach, list->k, first, count, k)};
    for (int64_t i = 0; i < count; i++)
        m.row[i] = ist_row_number(rows, rows->home.first + first + i);
    if (list->held)
        m.held = held_of(list, first, count, k);
    m.evidence = (ist_evidence){.n = n,
                                .count = count,
                                .k = k,
                                .row = m.row,
                                .neighbour = m.number,
                                .held = m.held,
                                .distance = m.distance,
                                .list_reach = m.list_reach,
                                .class_of = w->classes ? w->classes->class_of : NULL,
                                .class_size = class_size};
    if (w->found->second) {
        const ist_list *second = parts ? &w->found->second->parts : &w->found->second->all;
        m.evidence.target_neighbour = m.second = numbers_of(rows, first, count, second, k);
    }
    for (int side = 0; side < 2; side++) {
        int64_t stride = counted->stride[side];
        m.evidence.closer[side] = m.closer[side] =
            column(counted->closer[side], stride, first, count);
        m.evidence.equal[side] = m.equal[side] = column(counted->equal[side], stride, first, count);
    }
    if (w->needs.counts == IST_COUNTS_RANKS)
        m.evidence.twice_rank = m.ranks = ranks_of(w, &m, counted, first);
    return m;
}

static void add_edges(const work *w, const ist_rows *rows, made *m)
{
    ist_evidence *e = &m->evidence;
    m->reverse = ist_alloc((size_t)(e->count * e->k), sizeof *m->reverse);
    m->in_count = ist_alloc((size_t)e->count, sizeof *m->in_count);
    m->in_sum = ist_alloc((size_t)e->count, sizeof *m->in_sum);
    ist_reverse_pairs(w->s->comm, rows, e->k, e->k, m->number, m->ranks, m->reverse, m->in_count,
                      m->in_sum);
    e->reverse_twice_rank = m->reverse;
    e->in_count = m->in_count;
    e->in_sum = m->in_sum;
}

static void take_rows(work *w, const made *m, int64_t *sums, double *values)
{
    if (w->measure->partial)
        w->measure->partial(w->params, &m->evidence, sums);
    if (w->measure->values)
        w->measure->values(w->params, &m->evidence, values);
}

static void add_all_samples(work *w)
{
    const ist_rows *rows = &w->s->loaded.all;
    made m = make_rows(w, rows, 0, rows->home.count, rows->n, false,
                       w->classes ? w->classes->size : NULL);
    if (w->needs.edges)
        add_edges(w, rows, &m);
    take_rows(w, &m, w->sums, w->values[0]);
    made_release(&m);
}

/* The home rows of one part, in the set ordered by parts. */
static void add_part(work *w, int part)
{
    ist_session *s = w->s;
    const ist_rows *rows = &s->loaded.parts;
    int64_t low = ist_max(rows->home.first, s->part_order.start[part]);
    int64_t high = ist_min(rows->home.first + rows->home.count, s->part_order.start[part + 1]);
    if (low >= high)
        return;
    int64_t n = s->part_order.start[part + 1] - s->part_order.start[part];
    const int64_t *class_size =
        w->classes ? w->classes->part_size + part * w->classes->class_count : NULL;
    made m = make_rows(w, rows, low - rows->home.first, high - low, n, true, class_size);
    take_rows(w, &m, w->sums + (size_t)(1 + part) * w->measure->sum_count,
              w->values[1] ? w->values[1] + (low - rows->home.first) : NULL);
    made_release(&m);
}

/* ---- the record ---------------------------------------------------------------------------- */

/* values: of all rows, of the parts' set; on rank 0. */
static ist_totals totals_of(const work *w, bool parts, double *const values[2])
{
    const ist_session *s = w->s;
    const ist_plan *plan = s->known.plan;
    const ist_layer *source = &plan->layers[w->task->source];
    ist_totals t = {.n = source->n,
                    .has_parts = parts,
                    .all = w->sums,
                    .values = values[0],
                    .d_source = source->shape.d,
                    .labels_target = w->task->labels_target,
                    .deterministic = plan->job->deterministic,
                    .tie_fraction = w->found->lists->tie_fraction[w->needs.neighbours - 1],
                    .duplicates_source = s->facts[w->task->source].duplicates,
                    .constant_source = s->facts[w->task->source].constant,
                    .square_source = s->facts[w->task->source].mean_square,
                    .dimension_source = s->facts[w->task->source].has_dimension
                                            ? s->facts[w->task->source].dimension
                                            : (double)NAN};
    if (w->classes) {
        t.class_size = w->classes->size;
        t.class_count = w->classes->class_count;
    } else if (!w->task->alone) {
        t.d_target = plan->layers[w->task->target].shape.d;
        t.duplicates_target = s->facts[w->task->target].duplicates;
        t.constant_target = s->facts[w->task->target].constant;
        t.square_target = s->facts[w->task->target].mean_square;
    }
    for (int p = 0; p < IST_PARTS && parts; p++) {
        t.parts[p] = w->sums + (size_t)(1 + p) * w->measure->sum_count;
        t.part_values[p] = values[1] ? values[1] + s->part_order.start[p] : NULL;
        t.part_n[p] = s->part_order.start[p + 1] - s->part_order.start[p];
    }
    return t;
}

static void add_note(ist_record *record, const char *code)
{
    ist_text note = {0};
    ist_text_add(&note, "%s%s%s", record->note, record->note[0] ? ";" : "", code);
    ist_free(record->note);
    record->note = ist_copy_text(note.data);
    ist_text_release(&note);
}

static ist_hash content_of_target(const ist_session *s, const ist_task *task)
{
    ist_hash target = task->labels_target ? s->known.label_content[task->target]
                                          : s->known.layer_content[task->target];
    return ist_target_content(task, target, s->known.label_content);
}

void ist_tell_progress(ist_session *s)
{
    if (s->monitor)
        ist_monitor_tasks(s->monitor, s->done, s->failed_before + s->failed,
                          ist_journal_length(s->journal));
    double now = ist_seconds();
    if (s->done < s->to_do && now - s->last_line < 5)
        return;
    s->last_line = now;
    ist_log_line(&s->log, "%zu of %zu tasks done%s", s->done, s->to_do,
                 s->failed ? " (some failed)" : "");
}

static ist_code journal_outcome(ist_session *s, const ist_task *task, ist_outcome *outcome,
                                ist_error *error)
{
    outcome->id = task->id;
    outcome->source_content = s->known.layer_content[task->source];
    outcome->target_content = content_of_target(s, task);
    if (s->journal)
        ist_journal_add_outcome(s->journal, outcome, error);
    if (ist_agree(s->comm, error) != IST_OK)
        return error->code;
    s->done++;
    s->failed += outcome->failed;
    ist_tell_progress(s);
    if (outcome->failed && s->options->fail_fast)
        return ist_fail(error, IST_FAILED, "the first failed task ends the run (--fail-fast): %s",
                        outcome->reason);
    return IST_OK;
}

ist_code ist_fail_task(ist_session *s, size_t t, const char *reason, ist_error *error)
{
    ist_outcome outcome = {.failed = true, .reason = ist_copy_text(reason)};
    journal_outcome(s, &s->known.plan->tasks[t], &outcome, error);
    ist_free(outcome.reason);
    return error->code;
}

/* One number of each home row on rank 0, in the order of the set; frees this rank's. */
static void gather_values(work *w, int set)
{
    const ist_rows *rows = set ? &w->s->loaded.parts : &w->s->loaded.all;
    double *all = w->s->comm->rank == 0 ? ist_alloc((size_t)rows->n, sizeof *all) : NULL;
    ist_gather_rows(w->s->comm, rows, MPI_DOUBLE, w->values[set], all, false);
    ist_free(w->values[set]);
    w->values[set] = all;
}

/* ---- the null ------------------------------------------------------------------------------ */

/* The target's lists with its samples permuted: row i has that of the sample taken for it, whose neighbours are
 * where they were taken to. */
static void permute_lists(const work *w, const int64_t *taken, made *m)
{
    const ist_rows *rows = &w->s->loaded.all;
    size_t bytes = (size_t)m->evidence.k * sizeof *m->second;
    int64_t *place = ist_alloc((size_t)rows->n, sizeof *place);
    int32_t *back = ist_alloc((size_t)rows->n, sizeof *back);
    int32_t *permuted = ist_alloc((size_t)rows->home.count, bytes);
    for (int64_t row = 0; row < rows->n; row++) {
        place[row] = taken[row];
        back[taken[row]] = (int32_t)row;
    }
    ist_carry(w->s->comm, rows, rows, place, IST_CARRY_THERE, bytes, m->second, permuted);
    for (int64_t e = 0; e < rows->home.count * m->evidence.k; e++)
        permuted[e] = back[permuted[e]];
    ist_free(m->second);
    m->evidence.target_neighbour = m->second = permuted;
    ist_free(place);
    ist_free(back);
}

/* The evidence of all samples with a permuted target; class_of: of labels. */
static made permuted_rows(work *w, const int64_t *taken, const int32_t *class_of,
                          ist_class_lists *lists)
{
    const ist_rows *rows = &w->s->loaded.all;
    made m = make_rows(w, rows, 0, rows->home.count, rows->n, false,
                       w->classes ? w->classes->size : NULL);
    ist_evidence *e = &m.evidence;
    if (!w->classes) {
        permute_lists(w, taken, &m);
        return m;
    }
    e->class_of = class_of;
    if (w->needs.counts == IST_COUNTS_RANKS)
        ist_label_ranks(e->n, e->count, e->k, e->k, m.row, m.number, class_of, e->class_size,
                        m.ranks);
    if (w->needs.among == IST_AMONG_CLASS) {
        *lists = ist_class_lists_new(w->s, &w->found->null->all, e->k, class_of, e->class_size,
                                     w->needs.counts == IST_COUNTS_REACH);
        e->held = lists->held;
        e->distance = lists->distance;
        e->list_reach = lists->list_reach;
        e->closer[0] = lists->closer;
        e->equal[0] = lists->equal;
    }
    return m;
}

static int32_t *permuted_classes(const work *w, const int64_t *taken)
{
    int64_t n = w->s->loaded.all.n;
    int32_t *class_of = ist_alloc((size_t)n, sizeof *class_of);
    for (int64_t row = 0; row < n && w->classes; row++)
        class_of[row] = w->classes->class_of[taken[row]];
    return class_of;
}

/* The value for a permuted target, on rank 0. */
static double null_value(void *data, const int64_t *taken)
{
    work *w = data, permuted = *w;
    ist_session *s = w->s;
    int32_t *class_of = permuted_classes(w, taken);
    ist_class_lists lists = {0};
    size_t sums = w->measure->sum_count;
    permuted.sums = ist_alloc(sums, sizeof *permuted.sums);
    permuted.values[0] = ist_alloc((size_t)s->loaded.all.home.count, sizeof **permuted.values);
    made m = permuted_rows(w, taken, class_of, &lists);
    take_rows(&permuted, &m, permuted.sums, permuted.values[0]);
    made_release(&m);
    ist_class_lists_release(&lists);
    ist_free(class_of);
    if (sums > 0)
        ist_sum(s->comm, permuted.sums, sums);
    if (w->measure->values)
        gather_values(&permuted, 0);
    double value = NAN;
    if (s->comm->rank == 0) {
        ist_record records[IST_MAX_RECORDS] = {{0}};
        size_t count = 0;
        ist_error ignored = {0};
        ist_totals totals = totals_of(&permuted, false, permuted.values);
        w->measure->finish(w->params, &totals, records, &count, &ignored);
        value = count > 0 ? records[0].value : (double)NAN;
        for (size_t r = 0; r < count; r++)
            ist_record_release(&records[r]);
    }
    ist_free(permuted.sums);
    ist_free(permuted.values[0]);
    return value;
}

/* Seeds of random ties serve the permutations, too: other purposes, other words. */
static uint64_t seed_of(const work *w)
{
    const ist_measure_schema *schema = w->measure->planner.schema;
    int64_t seed = 0;
    for (size_t p = 0; p < schema->param_count; p++)
        if (strcmp(schema->params[p].name, "seed") == 0)
            ist_parse_integer(w->params[p]->text, &seed);
    return (uint64_t)seed;
}

ist_code ist_keep_records(ist_session *s, size_t t, ist_record *records, size_t count,
                          const ist_error *failure, ist_error *error)
{
    ist_text reason = {0};
    ist_text_add(&reason, "%s", failure->text);
    ist_outcome outcome = {.records = records,
                           .record_count = count,
                           .failed = failure->code != IST_OK,
                           .reason = reason.data};
    for (size_t r = 0; r < count; r++)
        if (s->known.unverified[t])
            add_note(&records[r], "row-order-unverified");
    journal_outcome(s, &s->known.plan->tasks[t], &outcome, error);
    for (size_t r = 0; r < count; r++)
        ist_record_release(&records[r]);
    ist_text_release(&reason);
    return error->code;
}

/* Rank 0 alone has the numbers of all rows; all ranks must know whether the task failed. */
static ist_code finish(work *w, bool parts, ist_error *error)
{
    ist_session *s = w->s;
    ist_record records[IST_MAX_RECORDS] = {{0}};
    ist_outcome outcome = {.records = records};
    ist_error failure = {0};
    if (s->comm->rank == 0) {
        ist_totals totals = totals_of(w, parts, w->values);
        w->measure->finish(w->params, &totals, records, &outcome.record_count, &failure);
    }
    ist_agree(s->comm, &failure);
    if (failure.code == IST_OK && w->task->permutations > 0)
        ist_null(s, w->task, seed_of(w), w->measure->planner.schema->tail == IST_TAIL_UPPER,
                 null_value, w, &records[0], &failure);
    if (failure.code == IST_STOPPED) {
        for (size_t r = 0; r < outcome.record_count; r++)
            ist_record_release(&records[r]);
        return ist_fail(error, IST_STOPPED, "%s", failure.text);
    }
    return ist_keep_records(s, (size_t)(w->task - s->known.plan->tasks), records,
                            outcome.record_count, &failure, error);
}

static void compute(work *w, bool parts)
{
    ist_session *s = w->s;
    size_t sums = (size_t)(1 + IST_PARTS) * w->measure->sum_count;
    w->sums = ist_alloc(sums, sizeof *w->sums);
    for (int set = 0; set <= parts && w->measure->values; set++) {
        const ist_rows *rows = set ? &s->loaded.parts : &s->loaded.all;
        w->values[set] = ist_alloc((size_t)rows->home.count, sizeof **w->values);
    }
    add_all_samples(w);
    for (int part = 0; part < IST_PARTS && parts; part++)
        add_part(w, part);
    if (sums > 0)
        ist_sum(s->comm, w->sums, sums);
    for (int set = 0; set <= parts && w->measure->values; set++)
        gather_values(w, set);
}

ist_code ist_complete_task(ist_session *s, const ist_found *found, ist_error *error)
{
    ist_fault("task");
    const ist_plan *plan = s->known.plan;
    work w = {.s = s, .task = &plan->tasks[found->task], .found = found};
    w.measure = ist_measures[plan->job->entries[w.task->entry].measure];
    ist_task_params(plan, w.task, w.params);
    w.needs = w.measure->planner.needs(
        w.params, w.task->labels_target ? &plan->labels[w.task->target] : NULL);
    int64_t n = plan->layers[w.task->source].n;
    bool parts = w.needs.parts && ist_parts_usable(n, w.needs.neighbours);
    if (w.task->labels_target) {
        ist_error reading = {0};
        if (ist_load_classes(s, w.task->target, parts, &reading) != IST_OK)
            return ist_fail_task(s, found->task, reading.text, error);
        w.classes = &s->classes;
    }
    compute(&w, parts);
    finish(&w, parts, error);
    ist_free(w.sums);
    ist_free(w.values[0]);
    ist_free(w.values[1]);
    return error->code;
}
