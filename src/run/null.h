/* Permutation nulls. Private to the room. */
#ifndef INFOSTRATA_RUN_NULL_H
#define INFOSTRATA_RUN_NULL_H

#include "session.h"

/* Collective. The value of a task (on rank 0) with a permuted target: in the place of each row number, what the target
 * has for the row number `taken`. */
typedef double ist_null_value(void *work, const int32_t *taken);

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
