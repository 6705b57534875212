/* From what the engine found to a record: each rank's sums, the total, one line of the journal. */
#include <math.h>
#include <string.h>

#include "null.h"

/* More rows than these and what balls hold is found of a sample: the error's own error is then a twentieth or so. */
enum { MOST_INSIDE = 1024 };

/* The balls of a pass are looked for once, of all the neighbours that its tasks ask for. */
static void add_inside_layer(const ist_work *w, const ist_rows *rows, ist_made *m)
{
    ist_session *s = w->s;
    const ist_counted *counted = &w->found->all;
    const ist_list *list = &w->found->lists->all;
    if (s->inside_of != counted->twice_rank) {
        const ist_route *route = ist_schedule_route(s->schedule, w->task);
        int side = route->target[0] == SIZE_MAX;
        const ist_slot *slot = &s->schedule->targets[route->target[side]].slots[route->slot[side]];
        ist_pass_stats stats = {0};
        ist_inside_release(&s->inside);
        s->inside = ist_inside_find(s->comm, &s->engine, rows, w->needs.ties.by_index,
                                    ist_min(ist_slot_width(slot), list->k), list->k,
                                    list->neighbour, MOST_INSIDE, &stats);
        s->inside_of = counted->twice_rank;
    }
    ist_inside_take(&s->inside, rows->home.first, rows->home.count, w->needs.neighbours, m->inside);
}

/* Labels are a space of two distances: sums by class say it of all rows. */
static void add_inside_labels(const ist_work *w, const ist_rows *rows, ist_made *m)
{
    const ist_evidence *e = &m->evidence;
    const ist_comm *comm = w->s->comm;
    size_t classes = (size_t)w->classes->class_count, entries = (size_t)(e->count * e->k);
    int64_t *sums = ist_alloc(2 * classes, sizeof *sums);
    int64_t *flag = ist_alloc(entries, sizeof *flag), *unused = ist_alloc(entries, sizeof *unused);
    int64_t *in = ist_alloc((size_t)e->count, sizeof *in);
    int64_t *in_same = ist_alloc((size_t)e->count, sizeof *in_same);
    for (int64_t i = 0; i < e->count; i++)
        for (int64_t p = 0; p < e->k; p++)
            flag[i * e->k + p] =
                e->class_of[m->number[i * e->k + p]] == e->class_of[m->row[i]] ? 1 : 0;
    ist_reverse_pairs(comm, rows, e->k, e->k, m->number, flag, unused, in, in_same);
    for (int64_t i = 0; i < e->count; i++)
        in[i] -= in_same[i];
    ist_label_pairs(e->count, e->k, m->row, m->number, e->class_of, sums, sums + classes);
    ist_sum(comm, sums, 2 * classes);
    ist_label_inside(e->count, e->k, m->row, m->number, e->class_of, w->classes->class_count, sums,
                     sums + classes, in_same, in, m->inside);
    ist_free(sums);
    ist_free(flag);
    ist_free(unused);
    ist_free(in);
    ist_free(in_same);
}

static void add_edges(const ist_work *w, const ist_rows *rows, ist_made *m)
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
    m->inside = ist_alloc((size_t)e->count, sizeof *m->inside);
    if (w->task->labels_target)
        add_inside_labels(w, rows, m);
    else
        add_inside_layer(w, rows, m);
    e->twice_inside = m->inside;
}

static void add_all_samples(ist_work *w)
{
    const ist_rows *rows = &w->s->loaded.all;
    ist_made m = ist_make_rows(w, rows, 0, w->anchors ? w->anchors->own : rows->home.count, rows->n,
                               false, w->classes ? w->classes->size : NULL);
    if (w->needs.edges)
        add_edges(w, rows, &m);
    ist_take_rows(w, &m, w->sums, w->values[0]);
    ist_made_release(&m);
}

/* The home rows of one part, in the set ordered by parts. */
static void add_part(ist_work *w, int part)
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
    ist_made m = ist_make_rows(w, rows, low - rows->home.first, high - low, n, true, class_size);
    ist_take_rows(w, &m, w->sums + (size_t)(1 + part) * w->measure->sum_count,
                  w->values[1] ? w->values[1] + (low - rows->home.first) : NULL);
    ist_made_release(&m);
}

/* ---- the record ---------------------------------------------------------------------------- */

static void add_note(ist_record *record, const char *code)
{
    ist_text note = {0};
    ist_text_add(&note, "%s%s%s", record->note, record->note[0] ? ";" : "", code);
    ist_free(record->note);
    record->note = ist_copy_text(note.data);
    ist_text_release(&note);
}

ist_hash ist_content_of_target(const ist_session *s, const ist_task *task)
{
    ist_contents contents = ist_known_contents(&s->known);
    return ist_target_content(task, &contents);
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
    outcome->target_content = ist_content_of_target(s, task);
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

void ist_release_permuted(ist_permuted *permuted)
{
    ist_free(permuted->value);
    ist_free(permuted->failure);
    *permuted = (ist_permuted){0};
}

/* Values that came with a pass, or those that the task's lists give. */
static ist_code add_null(const ist_work *w, ist_record *record, ist_error *failure)
{
    ist_session *s = w->s;
    size_t t = (size_t)(w->task - s->known.plan->tasks);
    ist_permuted *permuted = &s->permuted[t];
    if (permuted->failure)
        ist_fail(failure, IST_FAILED, "%s", permuted->failure);
    bool waiting = ist_schedule_route(s->schedule, w->task)->permuted == SIZE_MAX;
    if (waiting) {
        permuted->value = ist_alloc((size_t)w->task->permutations, sizeof *permuted->value);
        ist_null_of_lists(w, permuted->value, failure);
    }
    if (s->comm->rank == 0 && failure->code == IST_OK)
        ist_describe_null(record, permuted->value, w->task->permutations,
                          w->measure->planner.schema->tail == IST_TAIL_UPPER);
    ist_release_permuted(permuted);
    return failure->code;
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
static ist_code finish(ist_work *w, bool parts, ist_error *error)
{
    ist_session *s = w->s;
    ist_record records[IST_MAX_RECORDS] = {{0}};
    ist_outcome outcome = {.records = records};
    ist_error failure = {0};
    if (s->comm->rank == 0) {
        ist_totals totals = ist_totals_of(w, parts, w->values);
        w->measure->finish(w->params, &totals, records, &outcome.record_count, &failure);
    }
    ist_agree(s->comm, &failure);
    if (failure.code == IST_OK && w->task->permutations > 0)
        add_null(w, &records[0], &failure);
    if (failure.code == IST_STOPPED) {
        for (size_t r = 0; r < outcome.record_count; r++)
            ist_record_release(&records[r]);
        return ist_fail(error, IST_STOPPED, "%s", failure.text);
    }
    return ist_keep_records(s, (size_t)(w->task - s->known.plan->tasks), records,
                            outcome.record_count, &failure, error);
}

static void compute(ist_work *w, bool parts)
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
        ist_gather_values(w, set);
}

static void ask_anchors(ist_work *w, int64_t n)
{
    w->anchors = ist_anchors_for(w->s, n, w->needs.anchors);
    const int64_t whole[2] = {0, w->anchors->count};
    if (w->by)
        w->by_anchors =
            ist_count_classes(w->by->class_of, w->by->class_count, w->anchors->row, whole, 1);
}

ist_code ist_complete_task(ist_session *s, const ist_found *found, ist_error *error)
{
    ist_depart_task(s, found->task);
    ist_fault("task");
    ist_work w = ist_work_on(s, found);
    int64_t n = s->known.plan->layers[w.task->source].n;
    bool parts = w.needs.parts && ist_parts_usable(n, w.needs.neighbours);
    if (w.task->labels_target) {
        ist_error reading = {0};
        if (ist_load_classes(s, w.task->target, parts, &reading) != IST_OK)
            return ist_fail_task(s, found->task, reading.text, error);
        w.classes = &s->classes;
    }
    if (w.task->by != SIZE_MAX) {
        ist_error reading = {0};
        if (ist_load_by(s, w.task->by, parts, &reading) != IST_OK)
            return ist_fail_task(s, found->task, reading.text, error);
        w.by = &s->by;
    }
    if (w.needs.anchors.count > 0)
        ask_anchors(&w, n);
    compute(&w, parts);
    finish(&w, parts, error);
    ist_free(w.sums);
    ist_free(w.by_anchors);
    ist_free(w.values[0]);
    ist_free(w.values[1]);
    return error->code;
}
