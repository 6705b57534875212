/* One task at work, and the evidence that its measure sees. Private to the room. */
#ifndef INFOSTRATA_RUN_EVIDENCE_H
#define INFOSTRATA_RUN_EVIDENCE_H

#include "session.h"

/* Pointers but `values` are borrowed, and `sums` where a caller says so. */
typedef struct {
    ist_session *s;
    const ist_task *task;
    const ist_measure *measure;
    const ist_value *params[IST_MAX_PARAMS];
    ist_needs needs;
    const ist_found *found;
    const ist_classes *classes; /* labels target; else NULL */
    const ist_classes *by;      /* that records are by; NULL: none */
    const ist_anchors *anchors; /* whose lists it has; NULL: all home rows have some */
    int64_t *by_anchors;        /* of these, in each class of `by`; its own */
    int64_t *sums;              /* (1 + IST_PARTS) x sum_count: all samples, then each part */
    double
        *values[2]; /* of this rank's home rows: all samples, parts; NULL: the measure has none */
} ist_work;

/* Rows [first, first + count) of home in one set, as evidence. Arrays are its own. */
typedef struct {
    ist_evidence evidence;
    int64_t *row, *ranks, *closer[2], *equal[2], *reverse, *in_count, *in_sum, *inside;
    int32_t *number, *second, *held, *list_reach;
    double *distance;
} ist_made;

/* Local. The task of found->task, without classes, sums and values. */
ist_work ist_work_on(ist_session *s, const ist_found *found);

/* Local. The home rows (or this rank's anchors) [first, first + count) of all samples, or of a part of n; class_size: of a labels
 * target. */
ist_made ist_make_rows(const ist_work *w, const ist_rows *rows, int64_t first, int64_t count,
                       int64_t n, bool parts, const int64_t *class_size);
void ist_made_release(ist_made *m);
/* Local. Adds to sums, fills values: those of these rows. */
void ist_take_rows(const ist_work *w, const ist_made *m, int64_t *sums, double *values);
/* Collective. values[set] of all ranks on rank 0, in the order of the set (0: all samples, 1: parts), instead of this
 * rank's. */
void ist_gather_values(ist_work *w, int set);
/* Local, on rank 0. values: of all rows, of the parts' set. */
ist_totals ist_totals_of(const ist_work *w, bool parts, double *const values[2]);
/* Collective. The task's first value for all samples (on rank 0; NaN elsewhere) from evidence of all home rows,
 * sums and values being its own. */
double ist_value_of(const ist_work *w, const ist_made *m);

#endif
