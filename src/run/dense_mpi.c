/* The fourth kind of step: matrices of a layer, or of two, and all tasks that they serve. Tasks of one matrix come one
 * after the other; a stop request is heeded between them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infostrata/place.h"

#include "dense.h"

/* ---- what is remembered ---------------------------------------------------------------------- */

ist_remembered *ist_remember(ist_session *s, ist_hash key)
{
    ist_memory_of_matrices *m = &s->remembered;
    size_t at = *ist_index_add(&m->index, key, m->count);
    if (at == m->count) {
        m->item = ist_grow(m->item, m->count, m->count + 1, sizeof *m->item);
        m->item[m->count++] = (ist_remembered){.number = NAN};
    }
    return &m->item[at];
}

void ist_forget_matrices(ist_session *s)
{
    for (size_t i = 0; i < s->remembered.count; i++)
        ist_free(s->remembered.item[i].values);
    ist_free(s->remembered.item);
    ist_index_release(&s->remembered.index);
    s->remembered = (ist_memory_of_matrices){0};
}

void ist_release_held(ist_held_matrix *held)
{
    if (held->state != IST_HELD_NONE)
        ist_dense_release(&held->matrix);
    *held = (ist_held_matrix){0};
}

/* ---- one task -------------------------------------------------------------------------------- */

double *ist_dense_room_for(ist_dense_work *w, int64_t count)
{
    double *room = ist_alloc((size_t)ist_max(1, count), sizeof *room);
    w->owned[w->owned_count++] = room;
    return room;
}

size_t ist_dense_layer(const ist_dense_work *w, int side)
{
    return side == 0 ? w->task->source : w->task->target;
}

const ist_rows *ist_dense_rows(const ist_dense_work *w, int side)
{
    return side == 0 ? &w->s->loaded.all : &w->s->other.all;
}

/* What the tasks of a step share. */
typedef struct {
    ist_grid grid;
    ist_held_matrix held;
    ist_held_products products;
} workshop;

static ist_dense_work work_on(ist_session *s, workshop *shop, size_t t)
{
    const ist_plan *plan = s->known.plan;
    ist_dense_work w = {.s = s, .number = t, .task = &plan->tasks[t]};
    if (shop) {
        w.grid = &shop->grid;
        w.held = &shop->held;
        w.products = &shop->products;
    }
    w.measure = ist_measures[plan->job->entries[w.task->entry].measure];
    ist_task_params(plan, w.task, w.params);
    w.needs = w.measure->planner.needs(
        w.params, w.task->labels_target ? &plan->labels[w.task->target] : NULL);
    w.n = plan->layers[w.task->source].n;
    w.two = !w.task->labels_target && !w.task->alone;
    w.classes.label = SIZE_MAX;
    w.found.width[0] = w.found.width[1] = NAN;
    return w;
}

static void release_work(ist_dense_work *w)
{
    ist_classes_release(&w->classes);
    ist_free(w->label);
    for (int i = 0; i < w->owned_count; i++)
        ist_free(w->owned[i]);
}

static ist_code read_labels(ist_dense_work *w, ist_error *error)
{
    if (!w->task->labels_target)
        return IST_OK;
    if (ist_read_classes(w->s, w->task->target, &w->classes, error) != IST_OK)
        return error->code;
    w->label = ist_alloc((size_t)w->n, sizeof *w->label);
    for (int64_t i = 0; i < w->n; i++)
        w->label[i] = w->classes.class_of[i];
    return IST_OK;
}

static ist_code find(ist_dense_work *w, ist_error *error)
{
    switch (w->needs.dense.kind) {
    case IST_DENSE_NOTHING: break;
    case IST_DENSE_SPECTRA: return ist_find_spectra(w, error);
    case IST_DENSE_TRACES: return ist_find_traces(w, error);
    case IST_DENSE_MOMENTS: return ist_find_squares(w, error);
    case IST_DENSE_LOGDETS: return ist_find_logdets(w, error);
    case IST_DENSE_ALIGNMENT: return ist_find_alignment(w, error);
    case IST_DENSE_SOLUTIONS: return ist_find_solutions(w, error);
    }
    return IST_OK;
}

static ist_totals totals_of(const ist_dense_work *w)
{
    const ist_session *s = w->s;
    const ist_plan *plan = s->known.plan;
    const ist_task *task = w->task;
    const ist_layer_facts *source = &s->facts[task->source];
    ist_totals totals = {.n = w->n,
                         .d_source = plan->layers[task->source].shape.d,
                         .labels_target = task->labels_target,
                         .deterministic = plan->job->deterministic,
                         .duplicates_source = source->duplicates,
                         .constant_source = source->constant,
                         .dimension_source = NAN,
                         .dimension_target = NAN,
                         .dense = &w->found};
    if (task->labels_target) {
        totals.class_size = w->classes.size;
        totals.class_count = w->classes.class_count;
    } else if (!task->alone) {
        totals.d_target = plan->layers[task->target].shape.d;
        totals.duplicates_target = s->facts[task->target].duplicates;
        totals.constant_target = s->facts[task->target].constant;
    }
    return totals;
}

static ist_code finish(ist_dense_work *w, ist_error *error)
{
    ist_session *s = w->s;
    ist_record records[IST_MAX_RECORDS] = {{0}};
    size_t count = 0;
    ist_error failure = {0};
    if (s->comm->rank == 0) {
        ist_totals totals = totals_of(w);
        w->measure->finish(w->params, &totals, records, &count, &failure);
    }
    ist_agree(s->comm, &failure);
    return ist_keep_records(s, w->number, records, count, &failure, error);
}

/* The reason why one of the task's layers cannot be used; NULL: there is none. */
static const char *load(ist_dense_work *w, ist_error *error)
{
    ist_session *s = w->s;
    size_t other = w->two ? w->task->target : SIZE_MAX;
    ist_load_plain(s, w->task->source, other, error);
    const char *failure = s->facts[w->task->source].failure;
    return failure || !w->two ? failure : s->facts[other].failure;
}

/* Are the matrices of this task made of products of columns? */
static bool takes_products(const ist_dense_work *w)
{
    const ist_dense_needs *needs = &w->needs.dense;
    return needs->kind == IST_DENSE_LOGDETS ||
           (needs->kind == IST_DENSE_ALIGNMENT && needs->form == IST_KERNEL_LINEAR);
}

static ist_code take_task(ist_session *s, workshop *shop, size_t t, ist_error *error)
{
    ist_depart_task(s, t);
    ist_fault("task");
    ist_dense_work w = work_on(s, shop, t);
    if (!takes_products(&w))
        ist_release_products(w.products);
    const char *failure = load(&w, error);
    if (error->code == IST_OK && failure)
        ist_fail_task(s, t, failure, error);
    if (error->code != IST_OK || failure)
        return error->code;
    ist_error finding = {0};
    if (read_labels(&w, &finding) == IST_OK)
        find(&w, &finding);
    if (finding.code == IST_OK)
        finish(&w, error);
    else if (finding.code == IST_FAILED)
        ist_fail_task(s, t, finding.text, error);
    else
        *error = finding;
    release_work(&w);
    return error->code;
}

/* About how long a call may take that tells nothing: all of the step's operations at once. */
static double longest_call(const ist_session *s, const ist_dense_pass *pass)
{
    const double SHARE_OF_RATE = 0.1;
    double rate = SHARE_OF_RATE * s->machine.flops * s->comm->size;
    return rate > 0 ? pass->operations / rate : 0;
}

/* ---- the step -------------------------------------------------------------------------------- */

/* Tasks in an order in which those of one matrix meet. */
typedef struct {
    ist_hash key;
    bool inverse; /* wanted: after those that want the factor alone */
    size_t task;
} ordered_task;

static int by_matrix(const void *a, const void *b)
{
    const ordered_task *x = a, *y = b;
    int order = ist_hash_compare(x->key, y->key);
    if (order == 0)
        order = x->inverse - y->inverse;
    return order != 0 ? order : (x->task > y->task) - (x->task < y->task);
}

/* What the largest matrix of a task depends on, its kernel; and whether it is inverted. */
static ordered_task order_of(ist_session *s, size_t t)
{
    ist_dense_work w = work_on(s, NULL, t);
    const ist_dense_needs *d = &w.needs.dense;
    ist_text what = {0};
    ist_text_add(&what, "%d %d %d %.17g %.17g %zu", (int)d->kind, (int)d->form, (int)d->rule,
                 d->width, d->ridge, d->rule == IST_WIDTH_ALIGNED ? w.task->target : 0);
    ist_hash key = ist_hash_bytes(what.data, what.length, 0);
    ist_text_release(&what);
    return (ordered_task){key, d->left_out, t};
}

static ist_code journal_time(ist_session *s, const ist_dense_pass *pass, double started,
                             ist_error *error)
{
    const ist_layer *layer = &s->known.plan->layers[pass->layer];
    ist_timing timing = {.layer = layer->key,
                         .kind = "matrices",
                         .n = layer->n,
                         .d = layer->shape.d,
                         .k = pass->order,
                         .ranks = s->comm->size,
                         .kernel = s->engine.kernel->name,
                         .seconds = ist_largest_real(s->comm, ist_seconds() - started),
                         .peak_memory = ist_largest(s->comm, ist_resident_memory().peak)};
    if (s->journal)
        ist_journal_add_timing(s->journal, &timing, error);
    return ist_agree(s->comm, error);
}

ist_code ist_take_dense(ist_session *s, size_t step, ist_error *error)
{
    const ist_dense_pass *pass = &s->schedule->dense[s->schedule->steps[step].index];
    double started = ist_seconds();
    s->kept.last_step = step;
    s->kept.saved = false;
    ist_keep_in_place(s, ist_step_layer(s->schedule, &s->schedule->steps[step]),
                      ist_step_other(s->schedule, &s->schedule->steps[step]));
    size_t count = 0;
    for (size_t t = s->first_of_step[step]; t != SIZE_MAX; t = s->next_task[t])
        count++;
    ordered_task *tasks = ist_alloc(count, sizeof *tasks);
    count = 0;
    for (size_t t = s->first_of_step[step]; t != SIZE_MAX; t = s->next_task[t])
        tasks[count++] = order_of(s, t);
    if (count > 0)
        qsort(tasks, count, sizeof *tasks, by_matrix);
    workshop shop = {.products = {.labels = SIZE_MAX}};
    ist_grid_new(s->comm, pass->outputs, &shop.grid);
    ist_place_long(longest_call(s, pass));
    for (size_t i = 0; i < count && error->code == IST_OK; i++)
        if (take_task(s, &shop, tasks[i].task, error) == IST_OK && i + 1 < count)
            ist_stop_soon(s, error);
    ist_place_long(0);
    ist_release_held(&shop.held);
    ist_release_products(&shop.products);
    ist_grid_release(&shop.grid);
    ist_unload_other(s);
    ist_free(tasks);
    if (error->code == IST_OK)
        journal_time(s, pass, started, error);
    s->seconds[IST_PHASE_TASKS] += ist_seconds() - started;
    return error->code;
}
