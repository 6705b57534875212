/* A step of slices and the tasks that it serves, for the files that take it. Private to the room. */
#ifndef INFOSTRATA_RUN_SLICING_H
#define INFOSTRATA_RUN_SLICING_H

#include "null.h"
#include "slice_columns.h"
#include "so_far.h"

/* One task. */
typedef struct {
    size_t task;
    const ist_measure *measure;
    const ist_value *params[IST_MAX_PARAMS];
    ist_needs needs;
    bool parts;
    char *failure;
    ist_classes classes;        /* labels */
    int32_t *part_class;        /* in the order of the parts */
    int32_t *permuted;          /* classes of a permutation */
    uint64_t *word, *part_word; /* layers: tie words, the same in the order of the parts */
    ist_permutations permutations;
    ist_slice_sum *null; /* rank 0: by permutation */
    int64_t tied, zero;
    double *value, *part; /* rank 0: by slice; by part and slice */
} ist_slice_task;

/* What all tasks of the step share. */
typedef struct {
    ist_session *s;
    const ist_slice_pass *pass;
    ist_slice_task *tasks;
    size_t count;
    int64_t n;
    bool two, any_parts, any_null, any_factors, sorts;
    ist_slice_room *room;
    ist_slice_batch batch;
    double *value; /* sorts: each of the batch's slices in ascending order */
    int32_t *row;
    int32_t *part_of_place; /* of a sample: its place in the order of the parts */
    double *part_x, *part_y, *part_value;
    int32_t *part_row;
    double *permuted; /* the target's columns */
    bool left;        /* slices of the batch were left out, because the run is to stop */
    int64_t done;     /* slices */
    ist_so_far so_far;
    char *found; /* rank 0: what so_far has of all tasks */
    ist_slice_times times;
} ist_slicing;

/* ---- tasks (slice_tasks.c) ------------------------------------------------------------------- */

const ist_task *ist_slice_task_of(const ist_slicing *w, const ist_slice_task *t);

/* Collective: reads the labels, and notes in w what any of its tasks wants. What goes wrong is t->failure, on all ranks. */
void ist_slice_task_prepare(ist_slicing *w, ist_slice_task *t, size_t task);

void ist_slice_task_release(ist_slice_task *t);

/* Slices of the batch that a task asks for, of those of rank r. */
int64_t ist_slices_wanted(const ist_slicing *w, const ist_slice_task *t, int r);

/* ---- one slice (slice_estimate.c); local, i is the slice's place among the batch's own of this rank ----- */

/* The column of the layer (side 0) or of the other one: w->pass->columns columns of w->n numbers; NULL: there is no other. */
const double *ist_slice_column(const ist_slicing *w, int side, int64_t i);

/* What the estimator is told of slice i; all of it is borrowed. */
ist_slice ist_slice_whole(const ist_slicing *w, const ist_slice_task *t, int64_t i,
                          const double factor[2]);

/* The scale factors of both sides, of all samples, unpermuted: 1 if no task wants them. */
void ist_slice_factors(const ist_slicing *w, bool wanted, int64_t i, double factor[2]);

/* The parts of slice i, each by itself, into w->part_...: its columns, or what the sorted column has of it, which is sorted, too. */
void ist_slice_split(ist_slicing *w, int64_t i);

/* number[0]: the value of slice i; with t->parts number[1 + p]: that of part p (after ist_slice_split). */
void ist_slice_estimate(ist_slicing *w, ist_slice_task *t, int64_t i, const double factor[2],
                        double *number);

/* ---- a batch (slice_batch_mpi.c) ------------------------------------------------------------- */

/* Local. Once all are to stop, the rest of a batch is left out; what ranks exchange of it is thrown away. */
bool ist_slices_left(ist_slicing *w);

/* Collective: the values of the batch's slices, and those with the target permuted, to the tasks on rank 0. */
void ist_slices_estimate(ist_slicing *w);
void ist_slices_permute(ist_slicing *w);

#endif
