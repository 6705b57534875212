/* layout: the local half of the dense room: how a matrix lies on a grid of ranks, and what that takes. Pure functions of sizes, for
 * the plan; no MPI.
 *
 * A matrix of m x n float64 is dealt out block-cyclically (ScaLAPACK's way): entry (i, j) lies on the rank in row (i / block) mod
 * rows and column (j / block) mod columns of the grid. Indices are 64-bit here; a rank's part must stay below 2^31 entries (16 GiB),
 * for ScaLAPACK counts in 32 bits.
 */
#ifndef INFOSTRATA_LAYOUT_H
#define INFOSTRATA_LAYOUT_H

#include "infostrata/base.h"

enum { IST_DENSE_BLOCK = 64 };
/* Entries of a rank's part at most. */
#define IST_DENSE_MOST_ENTRIES ((INT64_C(1) << 31) - 1)

/* Rows and columns of the grid of `ranks` ranks: rows = floor(sqrt(ranks)), columns = floor(ranks / rows). So 1, 2, 3, 4, 5, 6, 8, 9
 * ranks make 1x1, 1x2, 1x3, 2x2, 2x2, 2x3, 2x4, 3x3; ranks left over (the last ones) hold nothing. */
typedef struct {
    int rows, columns;
} ist_grid_shape;
ist_grid_shape ist_grid_shape_of(int ranks);

/* Rows and columns of a block: IST_DENSE_BLOCK, rounded down to a multiple of `together` (>= 1) indices that must lie in one block (the
 * outputs of a sample); `together` itself where that is more. */
int ist_grid_block(int64_t together);

/* How many of n indices belong to part `part` of `parts`, dealt out in blocks. */
int64_t ist_cyclic_count(int64_t n, int block, int part, int parts);
/* The part that index i belongs to, its place there, and back: the index of place `place` of a part. */
static inline int ist_cyclic_part(int64_t i, int block, int parts)
{
    return (int)(i / block % parts);
}
static inline int64_t ist_cyclic_place(int64_t i, int block, int parts)
{
    return i / block / parts * block + i % block;
}
static inline int64_t ist_cyclic_index(int64_t place, int block, int part, int parts)
{
    return (place / block * parts + part) * block + place % block;
}

/* Bytes of a matrix on the rank that holds most of it. */
int64_t ist_dense_bytes(int64_t rows, int64_t columns, int ranks, int64_t together);
/* Can ScaLAPACK count the entries of each rank's part? */
bool ist_dense_countable(int64_t rows, int64_t columns, int ranks, int64_t together);
/* The largest n of which `matrices` n x n matrices, with `rest` bytes for each of the n on top, fit into `bytes` bytes on every
 * rank, and are countable. */
int64_t ist_dense_largest(int64_t bytes, int matrices, int64_t rest, int ranks, int64_t together);

/* Bytes a rank that come on top of the matrices while: the Gram matrix of a layer of n x d (stored in value_bytes each) is made;
 * eigenvalues are sought; the factor is inverted; a dataset of n columns is read. */
int64_t ist_gram_room(int64_t n, int64_t d, int64_t value_bytes, int ranks, int64_t together);
int64_t ist_eigenvalues_room(int64_t n, int ranks, int64_t together);
int64_t ist_inverse_room(int64_t n, int ranks, int64_t together);
int64_t ist_dense_read_room(int64_t columns, int ranks);
/* The same for products of columns, d_a x d_b, of layers of any N; for the stochastic trace of a kernel of layers, the sum of
 * whose features is d, stored in value_bytes at most. */
int64_t ist_column_product_room(int64_t d_a, int64_t d_b);
int64_t ist_quadrature_room(int64_t n, int64_t d, int64_t value_bytes, int probes, int steps,
                            int ranks);

/* What is done at once, in the room itself: rows of a message while a Gram matrix is made, and features of a product; rows of a strip that is
 * read; columns of a product of columns, and rows; rows that meet all home rows in a product with a kernel. */
int64_t ist_gram_rows_at_once(int64_t row_bytes);
int64_t ist_gram_features_at_once(int64_t local_rows, int64_t local_columns, int64_t d);
int64_t ist_dense_rows_at_once(int64_t columns);
int64_t ist_product_columns_at_once(int64_t d_a, int64_t d_b);
enum { IST_PRODUCT_ROWS = 1024, IST_QUADRATURE_ROWS = 960, IST_QUADRATURE_STEPS = 32 };

#endif
