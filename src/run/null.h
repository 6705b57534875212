/* Permutation nulls. Private to the room. */
#ifndef INFOSTRATA_RUN_NULL_H
#define INFOSTRATA_RUN_NULL_H

#include "evidence.h"
#include "so_far.h"

/* ---- permutations (null_mpi.c) ----------------------------------------------------------------- */

/* Samples in the groups that are permuted inside: all of them, or the classes of labels. Every rank has them. */
typedef struct {
    int64_t n;
    int groups;
    int64_t *start;
    int32_t *row, *shuffled; /* by group, ascending; the same shuffled */
    int64_t *taken;          /* by row number: the sample that takes its place */
} ist_permutations;

/* Collective. within: plan->labels; SIZE_MAX: all of n samples in one group. An error is the reading's: tasks fail. Released by
 * ist_permutations_release also after an error. */
ist_code ist_permutations_new(ist_session *s, int64_t n, size_t within, ist_permutations *p,
                              ist_error *error);
void ist_permutations_release(ist_permutations *p);
/* Local. Fills in `taken` of a round: the same on every rank. */
void ist_permute(ist_permutations *p, uint64_t seed, int64_t round);

/* Collective. Columns [from, from + count) of a table of this rank's rows of the layer, `stride` items of `bytes` bytes
 * a row: IST_CARRY_THERE: each row gets those of the row taken for it; IST_CARRY_BACK: gives it its own. */
void ist_carry_columns(const ist_session *s, const ist_rows *rows, const int64_t *taken,
                       ist_direction direction, size_t bytes, int64_t stride, int64_t from,
                       int64_t count, void *table);

/* Local. Adds null_mean, null_sd, p and permutations to a record's detail. upper: large values speak against
 * independence. null[count] is sorted and spoilt. */
void ist_describe_null(ist_record *record, double *null, int64_t count, bool upper);

/* ---- values ------------------------------------------------------------------------------------- */

/* Collective. The values of a task for its permutations, null[task->permutations] on rank 0, from lists that are
 * there: of permuted labels (w->classes), or of both layers' neighbours (null_lists_mpi.c). */
ist_code ist_null_of_lists(const ist_work *w, double *null, ist_error *error);

/* Collective. In the step of their pass, its operands loaded: the values of all tasks of schedule->nulls[null] for their
 * permutations, into s->permuted. A second layer permuted (null_joint_mpi.c), its ranks (null_ranks_mpi.c). */
void ist_null_of_joint(ist_session *s, size_t null, ist_pass_stats *stats);
void ist_null_of_ranks(ist_session *s, size_t null, ist_pass_stats *stats);

/* The rounds of one of schedule->nulls, and what they have found so far: the values of its tasks, one after the other. */
typedef struct {
    ist_session *s;
    size_t null;
    ist_permutations permutations;
    ist_so_far so_far;
    double *values;  /* rank 0: those of all tasks */
    int64_t done;    /* rounds */
    int64_t at_once; /* at most so many fit */
    int64_t count;   /* so many are to come next */
    double began;    /* they */
} ist_null_rounds;

/* What both of them do, collective. begin: permutations of the layer's rows, room for the values and those that an earlier start had
 * found; false: the tasks have their failure. next: are there rounds [done, done + count) to take? end: they are taken
 * (complete), or were broken off. value: that of one task for one round. progress: a line now and then. */
bool ist_null_begin(ist_session *s, size_t null, ist_null_rounds *r);
bool ist_null_next(ist_null_rounds *r);
void ist_null_end(ist_null_rounds *r, bool complete);
void ist_null_rounds_release(ist_null_rounds *r);
void ist_null_value(ist_session *s, const ist_found *found, int64_t round);
void ist_null_progress(ist_session *s, size_t null, int64_t done);

#endif
