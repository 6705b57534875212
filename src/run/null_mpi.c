/* The permutation null: the task's value for a target whose samples were permuted (all of them, or inside the classes of
 * some labels), so that nothing but chance is left. What is known of the layers serves all permutations: of labels,
 * neighbours within a permuted class are those of its members in one long list among all. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "null.h"

/* Samples in the groups that are permuted inside: all of them, or the classes of `within`. */
typedef struct {
    int groups;
    int64_t *start;
    int32_t *row, *shuffled; /* by group, ascending; the same shuffled */
} exchange_groups;

static exchange_groups groups_of(int64_t n, const ist_classes *within)
{
    exchange_groups g = {.groups = within ? (int)within->class_count : 1};
    g.start = ist_alloc((size_t)g.groups + 1, sizeof *g.start);
    g.row = ist_alloc((size_t)n, sizeof *g.row);
    g.shuffled = ist_alloc((size_t)n, sizeof *g.shuffled);
    for (int c = 0; c < g.groups; c++)
        g.start[c + 1] = g.start[c] + (within ? within->size[c] : n);
    int64_t *at = ist_alloc((size_t)g.groups, sizeof *at);
    memcpy(at, g.start, (size_t)g.groups * sizeof *at);
    for (int64_t row = 0; row < n; row++)
        g.row[at[within ? within->class_of[row] : 0]++] = (int32_t)row;
    ist_free(at);
    return g;
}

static void groups_release(exchange_groups *g)
{
    ist_free(g->start);
    ist_free(g->row);
    ist_free(g->shuffled);
}

/* taken[row] = the sample that takes its place in round r. */
static void permute(exchange_groups *g, uint64_t seed, int64_t r, int64_t n, int32_t *taken)
{
    memcpy(g->shuffled, g->row, (size_t)n * sizeof *g->shuffled);
    ist_random_shuffle(seed, (uint64_t)r, g->groups, g->start, g->shuffled);
    for (int64_t at = 0; at < n; at++)
        taken[g->row[at]] = g->shuffled[at];
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

ist_code ist_null(ist_session *s, const ist_task *task, uint64_t seed, bool upper,
                  ist_null_value *value_of, void *work, ist_record *record, ist_error *error)
{
    int64_t n = s->known.plan->layers[task->source].n;
    ist_classes within = {.label = SIZE_MAX};
    if (task->within != SIZE_MAX && ist_read_classes(s, task->within, &within, error) != IST_OK)
        return error->code;
    exchange_groups groups = groups_of(n, task->within != SIZE_MAX ? &within : NULL);
    ist_classes_release(&within);
    int32_t *taken = ist_alloc((size_t)n, sizeof *taken);
    double *null = ist_alloc((size_t)task->permutations, sizeof *null);
    for (int64_t r = 0; r < task->permutations && error->code == IST_OK; r++) {
        permute(&groups, seed, r, n, taken);
        null[r] = value_of(work, taken);
        ist_stop_soon(s, error);
    }
    if (s->comm->rank == 0 && record && error->code == IST_OK) {
        ist_text detail = {0};
        ist_text_add(&detail, "%s", record->detail);
        describe(record->value, null, task->permutations, upper, &detail);
        ist_free(record->detail);
        record->detail = ist_copy_text(detail.data);
        ist_text_release(&detail);
    }
    groups_release(&groups);
    ist_free(taken);
    ist_free(null);
    return error->code;
}
