/* Pairs of normal layers whose imbalance is known (measures.md 1.4). Local. Private to the room. */
#ifndef INFOSTRATA_BENCH_MODELS_H
#define INFOSTRATA_BENCH_MODELS_H

#include "infostrata/base.h"

typedef struct {
    const char *name;
    int64_t d;     /* columns that are correlated, each with one of the other layer */
    double rho;    /* their correlation */
    double lambda; /* of model D: Y = sqrt(lambda) X + Z, rho^2 = lambda / (1 + lambda); 0: not D */
    int64_t more;  /* columns of Y that X knows nothing of */
} ist_model;

enum { IST_MODELS = 13 };
extern const ist_model ist_models[IST_MODELS];

/* Columns of X (side 0) and Y (side 1). */
int64_t ist_model_columns(const ist_model *model, int side);
/* Rows [first, first + count), row-major; a value depends on n, model, row and column alone. */
float *ist_model_rows(const ist_model *model, int64_t n, int side, int64_t first, int64_t count);
/* What the imbalance tends to as N grows: X -> Y (0) and Y -> X (1). */
double ist_model_imbalance(const ist_model *model, int direction);
/* The same by distances among all pairs; NaN: unknown. */
double ist_model_global(const ist_model *model, int direction);
/* The restricted mutual information by distances among all pairs; NaN: unknown. That by ranks differs by a little. */
double ist_model_rmi(const ist_model *model, int direction);

#endif
