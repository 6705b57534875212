/* From what the engine found to a record: each rank's sums, the total, one line of the journal. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* ---- labels -------------------------------------------------------------------------------- */

/* Classes of a label vector, on every rank: labels may have any values, classes are 0, 1, ... in
 * ascending order of the labels. */
typedef struct {
    int32_t *class_of; /* by row number */
    int64_t class_count;
    int64_t *size;      /* over all samples */
    int64_t *part_size; /* IST_PARTS x class_count */
} classes;

static int compare_values(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t number_classes(const int64_t *values, int64_t n, int32_t *class_of)
{
    int64_t *sorted = ist_alloc((size_t)n, sizeof *sorted), count = 0;
    memcpy(sorted, values, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_values);
    for (int64_t i = 0; i < n; i++)
        if (i == 0 || sorted[i] != sorted[i - 1])
            sorted[count++] = sorted[i];
    for (int64_t i = 0; i < n; i++) {
        const int64_t *at =
            bsearch(&values[i], sorted, (size_t)count, sizeof *sorted, compare_values);
        class_of[i] = (int32_t)(at - sorted);
    }
    ist_free(sorted);
    return count;
}

static void count_classes(ist_session *s, int64_t n, bool parts, classes *c)
{
    c->size = ist_alloc((size_t)c->class_count, sizeof *c->size);
    for (int64_t i = 0; i < n; i++)
        c->size[c->class_of[i]]++;
    if (!parts)
        return;
    ist_part_order_for(s, n);
    c->part_size = ist_alloc((size_t)(IST_PARTS * c->class_count), sizeof *c->part_size);
    for (int p = 0; p < IST_PARTS; p++)
        for (int64_t i = s->part_order.start[p]; i < s->part_order.start[p + 1]; i++)
            c->part_size[p * c->class_count + c->class_of[s->part_order.order[i]]]++;
}

/* Collective. Rank 0 reads, all ranks get the classes. */
static ist_code read_classes(ist_session *s, size_t label, bool parts, classes *c, ist_error *error)
{
    const ist_label_vector *labels = &s->known.plan->labels[label];
    c->class_of = ist_alloc((size_t)labels->n, sizeof *c->class_of);
    if (s->comm->rank == 0) {
        int64_t *values = ist_alloc((size_t)labels->n, sizeof *values);
        if (ist_read_integers(&labels->at, labels->n, values, error) == IST_OK)
            c->class_count = number_classes(values, labels->n, c->class_of);
        ist_free(values);
    }
    if (ist_agree(s->comm, error) != IST_OK)
        return error->code;
    MPI_Bcast(&c->class_count, 1, MPI_INT64_T, 0, s->comm->handle);
    MPI_Bcast(c->class_of, ist_narrow(labels->n), MPI_INT32_T, 0, s->comm->handle);
    count_classes(s, labels->n, parts, c);
    return IST_OK;
}

static void classes_release(classes *c)
{
    ist_free(c->class_of);
    ist_free(c->size);
    ist_free(c->part_size);
}

/* ---- evidence ------------------------------------------------------------------------------ */

/* One task at work. */
typedef struct {
    ist_session *s;
    const ist_task *task;
    const ist_measure *measure;
    const ist_value *params[IST_MAX_PARAMS];
    ist_needs needs;
    const ist_found *found;
    classes labels;
    int64_t *sums; /* (1 + IST_PARTS) x sum_count: all samples, then each part */
} work;

/* Rows [first, first + count) of home in one set, as evidence. Arrays in `made` are its own. */
typedef struct {
    ist_evidence evidence;
    int64_t *row, *label_ranks, *reverse, *in_count, *in_sum;
    int32_t *number;
} made;

static void made_release(made *m)
{
    ist_free(m->row);
    ist_free(m->number);
    ist_free(m->label_ranks);
    ist_free(m->reverse);
    ist_free(m->in_count);
    ist_free(m->in_sum);
}

static made make_rows(const ist_rows *rows, int64_t first, int64_t count, const int32_t *list,
                      int64_t stride, int64_t k)
{
    made m = {.row = ist_alloc((size_t)count, sizeof *m.row),
              .number = ist_alloc((size_t)(count * k), sizeof *m.number)};
    for (int64_t i = 0; i < count; i++) {
        m.row[i] = ist_row_number(rows, rows->home.first + first + i);
        for (int64_t p = 0; p < k; p++)
            m.number[i * k + p] = (int32_t)ist_row_number(rows, list[(first + i) * stride + p]);
    }
    m.evidence =
        (ist_evidence){.count = count, .k = k, .stride = k, .row = m.row, .neighbour = m.number};
    return m;
}

/* Ranks in the target: from the counts of pass 2 (packed to k a row), or from the classes. */
static int64_t *ranks_of(const work *w, const made *m, const int64_t *ranks, int64_t stride,
                         int64_t first, const int64_t *class_size, int64_t n)
{
    int64_t count = m->evidence.count, k = m->evidence.k;
    int64_t *packed = ist_alloc((size_t)(count * k), sizeof *packed);
    if (w->task->labels_target)
        ist_label_ranks(n, count, k, k, m->row, m->number, w->labels.class_of, class_size, packed);
    else
        for (int64_t i = 0; i < count; i++)
            memcpy(packed + i * k, ranks + (first + i) * stride, (size_t)k * sizeof *packed);
    return packed;
}

static void add_all_samples(work *w)
{
    const ist_rows *rows = &w->s->loaded.all;
    const ist_lists *lists = w->found->lists;
    int64_t k = w->needs.neighbours, count = rows->home.count;
    made m = make_rows(rows, 0, count, lists->all, lists->k, k);
    int64_t *ranks = ranks_of(w, &m, w->found->ranks, w->found->stride, 0, w->labels.size, rows->n);
    m.label_ranks = ranks;
    ist_evidence *e = &m.evidence;
    e->n = rows->n;
    e->twice_rank = ranks;
    e->class_of = w->labels.class_of;
    e->class_size = w->labels.size;
    if (w->needs.edges) {
        m.reverse = ist_alloc((size_t)(count * k), sizeof *m.reverse);
        m.in_count = ist_alloc((size_t)count, sizeof *m.in_count);
        m.in_sum = ist_alloc((size_t)count, sizeof *m.in_sum);
        ist_reverse_pairs(w->s->comm, rows, k, k, m.number, ranks, m.reverse, m.in_count, m.in_sum);
        e->reverse_twice_rank = m.reverse;
        e->in_count = m.in_count;
        e->in_sum = m.in_sum;
    }
    w->measure->partial(w->params, e, w->sums);
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
    const ist_lists *lists = w->found->lists;
    int64_t first = low - rows->home.first,
            n = s->part_order.start[part + 1] - s->part_order.start[part];
    const int64_t *class_size =
        w->labels.part_size ? w->labels.part_size + part * w->labels.class_count : NULL;
    made m = make_rows(rows, first, high - low, lists->parts, lists->part_k, w->needs.neighbours);
    m.label_ranks =
        ranks_of(w, &m, w->found->part_ranks, w->found->part_stride, first, class_size, n);
    m.evidence.n = n;
    m.evidence.twice_rank = m.label_ranks;
    m.evidence.class_of = w->labels.class_of;
    m.evidence.class_size = class_size;
    w->measure->partial(w->params, &m.evidence,
                        w->sums + (size_t)(1 + part) * w->measure->sum_count);
    made_release(&m);
}

/* ---- the record ---------------------------------------------------------------------------- */

static ist_totals totals_of(const work *w, bool parts)
{
    const ist_session *s = w->s;
    const ist_plan *plan = s->known.plan;
    const ist_layer *source = &plan->layers[w->task->source];
    ist_totals t = {.n = source->n,
                    .all = w->sums,
                    .d_source = source->shape.d,
                    .labels_target = w->task->labels_target,
                    .class_size = w->labels.size,
                    .class_count = w->labels.class_count,
                    .tie_fraction = w->found->lists->tie_fraction[w->needs.neighbours - 1],
                    .duplicates_source = s->facts[w->task->source].duplicates};
    if (!w->task->labels_target) {
        t.d_target = plan->layers[w->task->target].shape.d;
        t.duplicates_target = s->facts[w->task->target].duplicates;
    }
    for (int p = 0; p < IST_PARTS && parts; p++) {
        t.parts[p] = w->sums + (size_t)(1 + p) * w->measure->sum_count;
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
    return task->labels_target ? s->known.label_content[task->target]
                               : s->known.layer_content[task->target];
}

static void progress(ist_session *s)
{
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
    progress(s);
    return IST_OK;
}

ist_code ist_fail_task(ist_session *s, size_t t, const char *reason, ist_error *error)
{
    ist_outcome outcome = {.failed = true, .reason = ist_copy_text(reason)};
    journal_outcome(s, &s->known.plan->tasks[t], &outcome, error);
    ist_free(outcome.reason);
    return error->code;
}

static ist_code finish(work *w, bool parts, ist_error *error)
{
    ist_session *s = w->s;
    ist_record records[IST_MAX_RECORDS] = {{0}};
    ist_outcome outcome = {.records = records};
    ist_error failure = {0};
    ist_totals totals = totals_of(w, parts);
    w->measure->finish(w->params, &totals, records, &outcome.record_count, &failure);
    outcome.failed = failure.code != IST_OK;
    outcome.reason = failure.text;
    for (size_t r = 0; r < outcome.record_count; r++)
        if (s->known.unverified[w->task - s->known.plan->tasks])
            add_note(&records[r], "row-order-unverified");
    journal_outcome(s, w->task, &outcome, error);
    for (size_t r = 0; r < outcome.record_count; r++)
        ist_record_release(&records[r]);
    return error->code;
}

ist_code ist_complete_task(ist_session *s, const ist_found *found, ist_error *error)
{
    const ist_plan *plan = s->known.plan;
    work w = {.s = s, .task = &plan->tasks[found->task], .found = found};
    w.measure = ist_measures[plan->job->entries[w.task->entry].measure];
    ist_task_params(plan, w.task, w.params);
    w.needs = w.measure->planner.needs(w.params, w.task->labels_target);
    int64_t n = plan->layers[w.task->source].n;
    bool parts = w.needs.parts && ist_parts_usable(n, w.needs.neighbours);
    ist_error reading = {0};
    if (w.task->labels_target &&
        read_classes(s, w.task->target, parts, &w.labels, &reading) != IST_OK) {
        classes_release(&w.labels);
        return ist_fail_task(s, found->task, reading.text, error);
    }
    size_t sums = (size_t)(1 + IST_PARTS) * w.measure->sum_count;
    w.sums = ist_alloc(sums, sizeof *w.sums);
    add_all_samples(&w);
    for (int part = 0; part < IST_PARTS && parts; part++)
        add_part(&w, part);
    ist_sum(s->comm, w.sums, sums);
    finish(&w, parts, error);
    ist_free(w.sums);
    classes_release(&w.labels);
    return error->code;
}
