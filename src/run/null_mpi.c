/* The permutation null: the task's value for a target whose samples were permuted (all of them, or inside the classes of
 * some labels), so that nothing but chance is left. Here: the permutations, and what is said of their values. */
#include <math.h>
#include <string.h>

#include "null.h"

ist_code ist_permutations_new(ist_session *s, int64_t n, size_t within, ist_permutations *p,
                              ist_error *error)
{
    ist_classes classes = {.label = SIZE_MAX};
    *p = (ist_permutations){.n = n, .groups = 1};
    if (within != SIZE_MAX && ist_read_classes(s, within, &classes, error) != IST_OK) {
        ist_classes_release(&classes);
        return error->code;
    }
    if (classes.class_of)
        p->groups = (int)classes.class_count;
    p->start = ist_alloc((size_t)p->groups + 1, sizeof *p->start);
    p->row = ist_alloc((size_t)n, sizeof *p->row);
    p->shuffled = ist_alloc((size_t)n, sizeof *p->shuffled);
    p->taken = ist_alloc((size_t)n, sizeof *p->taken);
    for (int c = 0; c < p->groups; c++)
        p->start[c + 1] = p->start[c] + (classes.class_of ? classes.size[c] : n);
    int64_t *at = ist_alloc((size_t)p->groups, sizeof *at);
    memcpy(at, p->start, (size_t)p->groups * sizeof *at);
    for (int64_t row = 0; row < n; row++)
        p->row[at[classes.class_of ? classes.class_of[row] : 0]++] = (int32_t)row;
    ist_free(at);
    ist_classes_release(&classes);
    return IST_OK;
}

void ist_permutations_release(ist_permutations *p)
{
    ist_free(p->start);
    ist_free(p->row);
    ist_free(p->shuffled);
    ist_free(p->taken);
    *p = (ist_permutations){0};
}

void ist_permute(ist_permutations *p, uint64_t seed, int64_t round)
{
    if (!p->shuffled) /* not made: its labels could not be read */
        return;
    memcpy(p->shuffled, p->row, (size_t)p->n * sizeof *p->shuffled);
    ist_random_shuffle(seed, (uint64_t)round, p->groups, p->start, p->shuffled);
    for (int64_t at = 0; at < p->n; at++)
        p->taken[p->row[at]] = p->shuffled[at];
}

/* ---- columns of a table --------------------------------------------------------------------------- */

/* Between columns of the table and records side by side. */
static void move_columns(char *table, size_t stride, size_t from, size_t record, int64_t rows,
                         char *records, bool out)
{
    for (size_t i = 0; i < (size_t)rows; i++) {
        char *columns = table + i * stride + from, *packed = records + i * record;
        memcpy(out ? packed : columns, out ? columns : packed, record);
    }
}

void ist_carry_columns(const ist_session *s, const ist_rows *rows, const int64_t *taken,
                       ist_direction direction, size_t bytes, int64_t stride, int64_t from,
                       int64_t count, void *table)
{
    int64_t home = rows->home.count;
    size_t record = (size_t)count * bytes, row = (size_t)stride * bytes;
    char *here = ist_alloc((size_t)home, record), *there = ist_alloc((size_t)home, record);
    move_columns(table, row, (size_t)from * bytes, record, home, here, true);
    ist_carry(s->comm, rows, rows, taken, direction, record, here, there);
    move_columns(table, row, (size_t)from * bytes, record, home, there, false);
    ist_free(here);
    ist_free(there);
}

/* ---- the record ------------------------------------------------------------------------------------- */

/* The values are sorted, so that their sums are those of the set. */
static void add_description(double value, double *null, int64_t count, bool upper, ist_text *detail)
{
    int64_t extreme = 0;
    for (int64_t r = 0; r < count; r++)
        extreme += upper ? null[r] >= value : null[r] <= value;
    ist_sort_reals(null, count);
    /* Of equal values the mean is exact, and their spread 0. */
    double mean =
        null[0] == null[count - 1] ? null[0] : ist_sum_in_order(null, count) / (double)count;
    for (int64_t r = 0; r < count; r++)
        null[r] = (null[r] - mean) * (null[r] - mean);
    double sd = count > 1 ? sqrt(ist_sum_in_order(null, count) / (double)(count - 1)) : (double)NAN;
    char real[IST_REAL_TEXT];
    ist_text_add(detail, ";null_mean=%s", ist_format_real(mean, real));
    ist_text_add(detail, ";null_sd=%s", ist_format_real(sd, real));
    ist_text_add(detail, ";p=%s",
                 ist_format_real((double)(1 + extreme) / (double)(count + 1), real));
    ist_text_add(detail, ";permutations=%lld", (long long)count);
}

void ist_describe_null(ist_record *record, double *null, int64_t count, bool upper)
{
    ist_text detail = {0};
    ist_text_add(&detail, "%s", record->detail);
    add_description(record->value, null, count, upper, &detail);
    ist_free(record->detail);
    record->detail = ist_copy_text(detail.data);
    ist_text_release(&detail);
}

/* ---- permuted layers ---------------------------------------------------------------------------------- */

/* At least so many rounds are taken at once, if they fit: their counting is a pass of its own. */
enum { FEW_ROUNDS = 20 };

static bool begin_permutations(ist_null_rounds *r)
{
    ist_session *s = r->s;
    ist_error reading = {0};
    bool read = ist_permutations_new(s, s->loaded.all.n, s->schedule->nulls[r->null].within,
                                     &r->permutations, &reading) == IST_OK;
    for (size_t t = s->first_of_null[r->null]; t != SIZE_MAX; t = s->next_of_null[t]) {
        int64_t count = s->known.plan->tasks[t].permutations;
        if (!read)
            s->permuted[t].failure = ist_copy_text(reading.text);
        else if (s->comm->rank == 0)
            s->permuted[t].value = ist_alloc((size_t)count, sizeof *s->permuted[t].value);
    }
    return read;
}

/* Between the tasks' values and those of all of them, on rank 0. */
static void copy_values(ist_null_rounds *r, bool out)
{
    ist_session *s = r->s;
    double *at = r->values;
    for (size_t t = s->first_of_null[r->null]; t != SIZE_MAX && at; t = s->next_of_null[t]) {
        size_t count = (size_t)s->known.plan->tasks[t].permutations;
        double *value = s->permuted[t].value;
        memcpy(out ? at : value, out ? value : at, count * sizeof *at);
        at += count;
    }
}

bool ist_null_begin(ist_session *s, size_t null, ist_null_rounds *r)
{
    const ist_null_passes *of = &s->schedule->nulls[null];
    size_t tasks = 0;
    int64_t values = 0;
    *r = (ist_null_rounds){.s = s, .null = null};
    if (!begin_permutations(r))
        return false;
    for (size_t t = s->first_of_null[null]; t != SIZE_MAX; t = s->next_of_null[t], tasks++)
        values += s->known.plan->tasks[t].permutations;
    size_t *list = ist_alloc(tasks, sizeof *list), at = 0;
    for (size_t t = s->first_of_null[null]; t != SIZE_MAX; t = s->next_of_null[t])
        list[at++] = t;
    r->so_far = ist_so_far_new(s, "permutations", list, tasks, of->permutations,
                               values * (int64_t)sizeof *r->values);
    ist_free(list);
    if (s->comm->rank == 0)
        r->values = ist_alloc((size_t)values, sizeof *r->values);
    r->done = ist_so_far_take_up(&r->so_far, r->values);
    if (r->done > 0)
        copy_values(r, false);
    r->at_once =
        ist_schedule_null_batch(s->known.plan, s->schedule, &s->portion->steps, null, &s->machine);
    r->count = s->engine.keeper ? ist_min(FEW_ROUNDS, r->at_once) : r->at_once;
    return true;
}

bool ist_null_next(ist_null_rounds *r)
{
    const ist_null_passes *of = &r->s->schedule->nulls[r->null];
    r->count = ist_min(r->count, of->permutations - r->done);
    r->began = ist_seconds();
    r->s->kept.of_round = true;
    return r->count > 0;
}

/* Rounds of short passes, which are not kept by themselves, are taken so many at once that they take as long as a pass that is. */
void ist_null_end(ist_null_rounds *r, bool complete)
{
    ist_session *s = r->s;
    s->kept.of_round = false;
    if (complete)
        r->done += r->count;
    copy_values(r, true);
    ist_so_far_keep(&r->so_far, r->values, r->done, !complete);
    double seconds = ist_largest_real(s->comm, ist_seconds() - r->began);
    double many = ist_so_far_interval(s) * (double)r->count / fmax(seconds, 1e-6);
    if (s->engine.keeper)
        r->count = many < (double)r->at_once ? ist_max((int64_t)many, FEW_ROUNDS) : r->at_once;
    r->count = ist_min(r->count, r->at_once);
}

void ist_null_rounds_release(ist_null_rounds *r)
{
    r->s->kept.of_round = false;
    ist_permutations_release(&r->permutations);
    ist_free(r->values);
}

void ist_null_value(ist_session *s, const ist_found *found, int64_t round)
{
    const ist_rows *rows = &s->loaded.all;
    ist_work w = ist_work_on(s, found);
    ist_made m = ist_make_rows(&w, rows, 0, rows->home.count, rows->n, false, NULL);
    double value = ist_value_of(&w, &m);
    ist_made_release(&m);
    if (s->comm->rank == 0)
        s->permuted[found->task].value[round] = value;
}

void ist_null_progress(ist_session *s, size_t null, int64_t done)
{
    const ist_null_passes *of = &s->schedule->nulls[null];
    double now = ist_seconds();
    ist_fault("round");
    if (now - s->last_line < 5)
        return;
    s->last_line = now;
    ist_log_line(&s->log, "%lld of %lld permutations of %s", (long long)done,
                 (long long)of->permutations,
                 s->known.plan->layers[ist_null_layer(s->schedule, of)].key);
}
