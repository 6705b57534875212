#include "infostrata/layout.h"

enum { REAL = (int)sizeof(double) };

ist_grid_shape ist_grid_shape_of(int ranks)
{
    int rows = 1;
    while ((rows + 1) * (rows + 1) <= ranks)
        rows++;
    return (ist_grid_shape){rows, ranks / rows};
}

int ist_grid_block(int64_t together)
{
    if (together >= IST_DENSE_BLOCK)
        return (int)together;
    return (int)(IST_DENSE_BLOCK / together * together);
}

int64_t ist_cyclic_count(int64_t n, int block, int part, int parts)
{
    int64_t whole = n / block, count = whole / parts * block, extra = whole % parts;
    if (part < extra)
        count += block;
    else if (part == extra)
        count += n % block;
    return count;
}

/* Entries on the rank in the first row and column of the grid: none has more. */
static double entries_of(int64_t rows, int64_t columns, int ranks, int64_t together)
{
    ist_grid_shape shape = ist_grid_shape_of(ranks);
    int block = ist_grid_block(together);
    return (double)ist_cyclic_count(rows, block, 0, shape.rows) *
           (double)ist_cyclic_count(columns, block, 0, shape.columns);
}

static int64_t bytes_of(double entries)
{
    const double MOST = 0x1p62;
    return entries < MOST / REAL ? (int64_t)entries * REAL : (int64_t)MOST;
}

int64_t ist_dense_bytes(int64_t rows, int64_t columns, int ranks, int64_t together)
{
    return bytes_of(entries_of(rows, columns, ranks, together));
}

bool ist_dense_countable(int64_t rows, int64_t columns, int ranks, int64_t together)
{
    return entries_of(rows, columns, ranks, together) <= (double)IST_DENSE_MOST_ENTRIES;
}

static bool fits(int64_t n, int64_t bytes, int matrices, int64_t rest, int ranks, int64_t together)
{
    return ist_dense_countable(n, n, ranks, together) &&
           (double)matrices * (double)ist_dense_bytes(n, n, ranks, together) +
                   (double)rest * (double)n <=
               (double)bytes;
}

int64_t ist_dense_largest(int64_t bytes, int matrices, int64_t rest, int ranks, int64_t together)
{
    int64_t fit = 0, too_large = INT64_C(1) << 31;
    while (too_large - fit > 1) {
        int64_t n = fit + (too_large - fit) / 2;
        if (fits(n, bytes, matrices, rest, ranks, together))
            fit = n;
        else
            too_large = n;
    }
    return fit;
}

/* ---- room on top of the matrices --------------------------------------------------------------- */

int64_t ist_gram_rows_at_once(int64_t row_bytes)
{
    const int64_t BYTES = 32 << 20;
    return ist_max(1, ist_min(8192, BYTES / ist_max(1, row_bytes)));
}

int64_t ist_gram_features_at_once(int64_t local_rows, int64_t local_columns, int64_t d)
{
    const int64_t NUMBERS = 8 << 20, LEAST = 32;
    int64_t many = NUMBERS / ist_max(1, local_rows + local_columns);
    return ist_min(d, ist_max(many, LEAST));
}

int64_t ist_gram_room(int64_t n, int64_t d, int64_t value_bytes, int ranks, int64_t together)
{
    enum { TILE = 96 };
    ist_grid_shape shape = ist_grid_shape_of(ranks);
    int block = ist_grid_block(together);
    int64_t rows = ist_cyclic_count(n, block, 0, shape.rows);
    int64_t columns = ist_cyclic_count(n, block, 0, shape.columns);
    /* Values of its rows and columns, one message, this rank's rows in the order of the set. */
    int64_t stored =
        (rows + columns + ist_gram_rows_at_once(d * value_bytes) + ist_ceil_div(n, ranks) + TILE) *
        d * value_bytes;
    int64_t at_work =
        ist_max(2 * TILE * d, (rows + columns) * ist_gram_features_at_once(rows, columns, d));
    return stored + (at_work + d) * REAL;
}

int64_t ist_eigenvalues_room(int64_t n, int ranks, int64_t together)
{
    ist_grid_shape shape = ist_grid_shape_of(ranks);
    int block = ist_grid_block(together);
    int64_t rows = ist_cyclic_count(n, block, 0, shape.rows);
    return (block * (rows + block + 2) + 6 * n) * REAL;
}

int64_t ist_inverse_room(int64_t n, int ranks, int64_t together)
{
    return ist_dense_bytes(n, n, ranks, together);
}

int64_t ist_dense_rows_at_once(int64_t columns)
{
    const int64_t BYTES = 32 << 20;
    return ist_max(1, BYTES / (ist_max(1, columns) * REAL));
}

int64_t ist_dense_read_room(int64_t columns, int ranks)
{
    (void)ranks;
    /* Read, as float64, packed for others, from others. */
    enum { COPIES = 4 };
    return COPIES * ist_dense_rows_at_once(columns) * columns * REAL;
}

int64_t ist_product_columns_at_once(int64_t d_a, int64_t d_b)
{
    const int64_t NUMBERS = 16 << 20, LEAST = 64;
    return ist_min(d_b, ist_max(NUMBERS / ist_max(1, d_a), LEAST));
}

int64_t ist_column_product_room(int64_t d_a, int64_t d_b)
{
    return (d_a * ist_product_columns_at_once(d_a, d_b) + IST_PRODUCT_ROWS * (d_a + d_b)) * REAL;
}

int64_t ist_quadrature_room(int64_t n, int64_t d, int64_t value_bytes, int probes, int steps,
                            int ranks)
{
    enum { TILE = 96, TILES = 2, COEFFICIENTS = 5 };
    int64_t home = ist_ceil_div(n, ranks) + IST_QUADRATURE_ROWS;
    int64_t values = (home + IST_QUADRATURE_ROWS) * d * value_bytes;
    int64_t vectors = ((steps + 1) * home + IST_QUADRATURE_ROWS) * probes;
    int64_t tiles = TILES * TILE * (TILE + d) + d;
    return values + (vectors + tiles + (int64_t)COEFFICIENTS * steps * probes) * REAL;
}
