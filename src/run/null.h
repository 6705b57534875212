/* Permutation nulls. Private to the room. */
#ifndef INFOSTRATA_RUN_NULL_H
#define INFOSTRATA_RUN_NULL_H

#include "session.h"

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

/* Local. Adds null_mean, null_sd, p and permutations to a record's detail. upper: large values speak against
 * independence. null[count] is sorted and spoilt. */
void ist_describe_null(ist_record *record, double *null, int64_t count, bool upper);

/* Collective. The value of a task (on rank 0) with a permuted target: in the place of each row number, what the target
 * has for the row number `taken`. */
typedef double ist_null_value(void *work, const int64_t *taken);

/* Collective. Computes the value of a task for its permutations and adds null_mean, null_sd, p and permutations
 * to the record's detail (rank 0). upper: large values speak against independence. The task's classes are loaded, of a labels
 * target. */
ist_code ist_null(ist_session *s, const ist_task *task, uint64_t seed, bool upper,
                  ist_null_value *value_of, void *work, ist_record *record, ist_error *error);

/* Neighbours within classes, found in lists among all: of the home rows [0, count) of all samples. Arrays as those of
 * ist_evidence; the caller frees them. */
typedef struct {
    int32_t *held;           /* count */
    double *distance;        /* count x k */
    int32_t *list_reach;     /* count x k */
    int64_t *closer, *equal; /* count */
} ist_class_lists;

/* Collective. k nearest of the same class of each home row, of class_of (by row number; class_size by class), from the
 * lists among all; rows whose list is too short are compared with all samples again. leave_out: samples alone in
 * their class are not counted. Of list_reach the last entry of a row is filled in. */
ist_class_lists ist_class_lists_new(ist_session *s, const ist_list *all, int64_t k,
                                    const int32_t *class_of, const int64_t *class_size,
                                    bool leave_out);
void ist_class_lists_release(ist_class_lists *lists);

#endif
