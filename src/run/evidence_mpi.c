/* What the engine found for a task, as evidence for its measure; what a measure made of it, on rank 0. */
#include <math.h>
#include <string.h>

#include "evidence.h"

void ist_made_release(ist_made *m)
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
    ist_free(m->inside);
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
static int64_t *ranks_of(const ist_work *w, const ist_made *m, const ist_counted *counted,
                         int64_t first)
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

static const ist_list *list_of(const ist_work *w, bool parts)
{
    const ist_lists *lists = w->found->lists;
    if (w->needs.among == IST_AMONG_DISTINCT && lists->has_distinct)
        return parts ? &lists->distinct_parts : &lists->distinct;
    return parts ? &lists->parts : &lists->all;
}

ist_made ist_make_rows(const ist_work *w, const ist_rows *rows, int64_t first, int64_t count,
                       int64_t n, bool parts, const int64_t *class_size)
{
    const ist_list *list = list_of(w, parts);
    const ist_counted *counted = parts ? &w->found->parts : &w->found->all;
    int64_t k = w->needs.neighbours;
    ist_made m = {
        .row = ist_alloc((size_t)count, sizeof *m.row),
        .number = numbers_of(rows, first, count, list, k),
        .distance = packed(list->distance, sizeof *m.distance, list->distance_k, first, count, k),
        .list_reach = packed(list->list_reach, sizeof *m.list_reach, list->k, first, count, k)};
    for (int64_t i = 0; i < count; i++)
        m.row[i] = w->anchors ? w->anchors->row[w->anchors->first + first + i]
                              : ist_row_number(rows, rows->home.first + first + i);
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
                                .by = w->by ? w->by->class_of : NULL,
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

/* ---- what the measure makes of it ---------------------------------------------------------------- */

void ist_take_rows(const ist_work *w, const ist_made *m, int64_t *sums, double *values)
{
    if (w->measure->partial)
        w->measure->partial(w->params, &m->evidence, sums);
    if (w->measure->values)
        w->measure->values(w->params, &m->evidence, values);
}

void ist_gather_values(ist_work *w, int set)
{
    const ist_rows *rows = set ? &w->s->loaded.parts : &w->s->loaded.all;
    double *all = w->s->comm->rank == 0 ? ist_alloc((size_t)rows->n, sizeof *all) : NULL;
    ist_gather_rows(w->s->comm, rows, MPI_DOUBLE, w->values[set], all, false);
    ist_free(w->values[set]);
    w->values[set] = all;
}

static double dimension_of(const ist_session *s, size_t layer)
{
    return s->facts[layer].has_dimension ? s->facts[layer].dimension : (double)NAN;
}

ist_totals ist_totals_of(const ist_work *w, bool parts, double *const values[2])
{
    const ist_session *s = w->s;
    const ist_plan *plan = s->known.plan;
    const ist_layer *source = &plan->layers[w->task->source];
    ist_totals t = {.n = source->n,
                    .anchors = w->needs.anchors.count,
                    .has_parts = parts,
                    .all = w->sums,
                    .values = values[0],
                    .d_source = source->shape.d,
                    .labels_target = w->task->labels_target,
                    .deterministic = plan->job->deterministic,
                    .tie_fraction = w->found->lists->tie_fraction[w->needs.neighbours - 1],
                    .duplicates_source = s->facts[w->task->source].duplicates,
                    .constant_source = s->facts[w->task->source].constant,
                    .zero_source = s->facts[w->task->source].zero_rows,
                    .square_source = s->facts[w->task->source].mean_square,
                    .dimension_source = dimension_of(s, w->task->source),
                    .dimension_target = NAN,
                    .dimension_rows = ist_dimension_rows(source->n)};
    if (w->by) {
        t.by_count = w->by->class_count;
        t.by_size = w->by->size;
        t.by_part_size = w->by->part_size;
        t.by_label = w->by->label_of;
        t.by_anchors = w->by_anchors;
    }
    if (w->classes) {
        t.class_size = w->classes->size;
        t.class_count = w->classes->class_count;
    } else if (!w->task->alone) {
        t.d_target = plan->layers[w->task->target].shape.d;
        t.duplicates_target = s->facts[w->task->target].duplicates;
        t.constant_target = s->facts[w->task->target].constant;
        t.zero_target = s->facts[w->task->target].zero_rows;
        t.square_target = s->facts[w->task->target].mean_square;
        t.dimension_target = dimension_of(s, w->task->target);
    }
    for (int p = 0; p < IST_PARTS && parts; p++) {
        t.parts[p] = w->sums + (size_t)(1 + p) * w->measure->sum_count;
        t.part_values[p] = values[1] ? values[1] + s->part_order.start[p] : NULL;
        t.part_n[p] = s->part_order.start[p + 1] - s->part_order.start[p];
    }
    return t;
}

double ist_value_of(const ist_work *w, const ist_made *m)
{
    const ist_session *s = w->s;
    ist_work own = *w;
    size_t sums = w->measure->sum_count;
    own.sums = ist_alloc(sums, sizeof *own.sums);
    own.values[0] = ist_alloc((size_t)s->loaded.all.home.count, sizeof **own.values);
    ist_take_rows(&own, m, own.sums, own.values[0]);
    if (sums > 0)
        ist_sum(s->comm, own.sums, sums);
    if (w->measure->values)
        ist_gather_values(&own, 0);
    double value = NAN;
    if (s->comm->rank == 0) {
        ist_record records[IST_MAX_RECORDS] = {{0}};
        size_t count = 0;
        ist_error ignored = {0};
        ist_totals totals = ist_totals_of(&own, false, own.values);
        w->measure->finish(w->params, &totals, records, &count, &ignored);
        value = count > 0 ? records[0].value : (double)NAN;
        for (size_t r = 0; r < count; r++)
            ist_record_release(&records[r]);
    }
    ist_free(own.sums);
    ist_free(own.values[0]);
    return value;
}

ist_work ist_work_on(ist_session *s, const ist_found *found)
{
    const ist_plan *plan = s->known.plan;
    ist_work w = {.s = s, .task = &plan->tasks[found->task], .found = found};
    w.measure = ist_measures[plan->job->entries[w.task->entry].measure];
    ist_task_params(plan, w.task, w.params);
    w.needs = w.measure->planner.needs(
        w.params, w.task->labels_target ? &plan->labels[w.task->target] : NULL);
    return w;
}
