/* Matrices at work: what a step of them shares, and what is found for a task. Private to the room. */
#ifndef INFOSTRATA_RUN_DENSE_H
#define INFOSTRATA_RUN_DENSE_H

#include "infostrata/dense.h"
#include "infostrata/moments.h"

#include "session.h"

/* A matrix that several tasks need one after the other: which one it is, and what was made of it. */
typedef struct {
    ist_hash key;
    enum { IST_HELD_NONE, IST_HELD_FACTOR, IST_HELD_INVERSE } state;
    ist_dense matrix;
    double trace, condition, ridge_wanted, asymmetry;
} ist_held_matrix;

/* Products of centred columns that several tasks of a step need: AA, AB, BB (dense_products.h). */
enum { IST_PRODUCTS = 3 };
typedef struct {
    bool there[IST_PRODUCTS];
    ist_dense product[IST_PRODUCTS];
    size_t labels; /* that are B; SIZE_MAX: the step's second layer is */
} ist_held_products;

/* One task. */
typedef struct {
    ist_session *s;
    const ist_grid *grid;
    ist_held_matrix *held;
    ist_held_products *products;
    size_t number;
    const ist_task *task;
    const ist_measure *measure;
    const ist_value *params[IST_MAX_PARAMS];
    ist_needs needs;
    int64_t n;
    bool two;            /* the target is a layer, in s->other */
    ist_classes classes; /* labels */
    int64_t *label;      /* the same, by row number */
    ist_dense_totals found;
    double *owned[8]; /* what `found` points into */
    int owned_count;
} ist_dense_work;

/* Collective, each: fills in w->found, or fails: IST_STOPPED where the run is to stop, IST_FAILED with the task's reason. */
ist_code ist_find_spectra(ist_dense_work *w, ist_error *error);   /* SPECTRA */
ist_code ist_find_traces(ist_dense_work *w, ist_error *error);    /* TRACES */
ist_code ist_find_squares(ist_dense_work *w, ist_error *error);   /* MOMENTS */
ist_code ist_find_logdets(ist_dense_work *w, ist_error *error);   /* LOGDETS */
ist_code ist_find_alignment(ist_dense_work *w, ist_error *error); /* ALIGNMENT */
ist_code ist_find_solutions(ist_dense_work *w, ist_error *error); /* SOLUTIONS */

/* Local. `count` numbers that live as long as the task is at work. */
double *ist_dense_room_for(ist_dense_work *w, int64_t count);

/* Collective. The width of a layer's Gaussian kernel (side 0: of the source, 1: of the target, which are loaded), by the
 * task's rule. IST_FAILED where there is none: all rows are equal. */
ist_code ist_kernel_width(ist_dense_work *w, int side, double *width, ist_error *error);
/* The same of source and target, into w->found. */
ist_code ist_kernel_widths(ist_dense_work *w, ist_error *error);
/* Local. The eigenvalues of the labels' matrix over its trace are the classes' shares. */
void ist_spectrum_of_labels(ist_dense_work *w);
/* Local. The plan's layer and the rows on one side. */
size_t ist_dense_layer(const ist_dense_work *w, int side);
const ist_rows *ist_dense_rows(const ist_dense_work *w, int side);

/* Local. Something that was found before, by a key of its own; a new one is empty. */
ist_remembered *ist_remember(ist_session *s, ist_hash key);

/* Collective. What a held matrix stands for is no longer needed. */
void ist_release_held(ist_held_matrix *held);
void ist_release_products(ist_held_products *held);

#endif
