/* Layers whose numbers are known: draws of the models, and data set F. Local. Private to the room. */
#ifndef INFOSTRATA_BENCH_KNOWN_H
#define INFOSTRATA_BENCH_KNOWN_H

#include "models.h"

/* Two layers of the same n rows, on every rank. */
typedef struct {
    int64_t n, d[2];
    bool wide;         /* values that float32 does not hold */
    double *values[2]; /* n x d, row-major */
} ist_known_layers;
ist_known_layers ist_known_model(const ist_model *model, int64_t n);
/* measures.md 11.2: A, 256 x 4 normals; B, 256 x 3, tanh of sums, products and differences of columns of A with noise. */
ist_known_layers ist_known_data_f(void);
void ist_known_release(ist_known_layers *layers);

/* A -> B of data set F, k = 1, by brute force (measures.md 11.2, F-ii1 and F-iig): by ranks, and by distances among all pairs; rmi in
 * IST_DATA_F_BINS bins, less its bias. */
enum { IST_DATA_F_BINS = 16 };
typedef struct {
    double imbalance, rmi, global_imbalance, global_rmi;
} ist_data_f_numbers;
extern const ist_data_f_numbers ist_data_f;

#endif
