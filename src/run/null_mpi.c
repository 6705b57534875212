/* The permutation null: the task's value for a target whose samples were permuted (all of them, or inside the classes of
 * some labels), so that nothing but chance is left. What is known of the layers serves all permutations: of labels,
 * neighbours within a permuted class are those of its members in one long list among all. */
#include <math.h>
#include <stdlib.h>
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

/* On rank 0. The values are sorted, so that their sums are those of the set. */
static void describe(double value, double *null, int64_t count, bool upper, ist_text *detail)
{
    int64_t extreme = 0;
    for (int64_t r = 0; r < count; r++)
        extreme += upper ? null[r] >= value : null[r] <= value;
    ist_sort_reals(null, count);
    double mean = ist_sum_in_order(null, count) / (double)count;
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
    describe(record->value, null, count, upper, &detail);
    ist_free(record->detail);
    record->detail = ist_copy_text(detail.data);
    ist_text_release(&detail);
}

ist_code ist_null(ist_session *s, const ist_task *task, uint64_t seed, bool upper,
                  ist_null_value *value_of, void *work, ist_record *record, ist_error *error)
{
    ist_permutations permutations;
    int64_t n = s->known.plan->layers[task->source].n;
    if (ist_permutations_new(s, n, task->within, &permutations, error) == IST_OK) {
        double *null = ist_alloc((size_t)task->permutations, sizeof *null);
        for (int64_t r = 0; r < task->permutations && error->code == IST_OK; r++) {
            ist_permute(&permutations, seed, r);
            null[r] = value_of(work, permutations.taken);
            ist_stop_soon(s, error);
        }
        if (s->comm->rank == 0 && record && error->code == IST_OK)
            ist_describe_null(record, null, task->permutations, upper);
        ist_free(null);
    }
    ist_permutations_release(&permutations);
    return error->code;
}
