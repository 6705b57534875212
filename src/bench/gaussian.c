/* Pairs of normal layers that share 1 nat. */
#include <math.h>

#include "infostrata/bench.h"
#include "normals.h"

enum { SEED_CALIBRATION = 4 };

/* Words of one draw and side have a key of their own. */
static uint64_t key_of(const ist_calibration_pair *pair, int side)
{
    uint64_t words[] = {SEED_CALIBRATION,    (uint64_t)pair->n,    (uint64_t)pair->d_x,
                        (uint64_t)pair->d_y, (uint64_t)pair->draw, (uint64_t)side};
    return ist_hash_bytes(words, sizeof words, 0).low;
}

/* In (-1, 1), not 0. */
static double uniform(uint64_t bits)
{
    return ((double)(bits & UINT32_MAX) - 0x1p31 + 0.5) * 0x1p-31;
}

/* Two normals by the polar method (Marsaglia & Bray 1964): it needs no function but ln, which is ours. A point
 * outside the circle is drawn again. */
static void normal_pair(uint64_t key, uint64_t item, double normal[2])
{
    enum { TRIES = 256 };
    double x, y, square;
    uint64_t try = 0;
    do {
        uint64_t word = ist_random_word(key, IST_RANDOM_BENCH, item * TRIES + try++);
        x = uniform(word);
        y = uniform(word >> 32);
        square = x * x + y * y;
    } while (square >= 1);
    double factor = sqrt(-2 * ist_ln(square) / square);
    normal[0] = x * factor;
    normal[1] = y * factor;
}

void ist_normal_row(uint64_t key, int64_t row, int64_t d, double *to)
{
    int64_t words = ist_ceil_div(d, 2);
    for (int64_t w = 0; w < words; w++) {
        double normal[2];
        normal_pair(key, (uint64_t)(row * words + w), normal);
        for (int64_t f = 2 * w; f < ist_min(d, 2 * w + 2); f++)
            to[f] = normal[f - 2 * w];
    }
}

float *ist_calibration_rows(const ist_calibration_pair *pair, int side, int64_t first,
                            int64_t count)
{
    int64_t d = side == 0 ? pair->d_x : pair->d_y, shared = ist_min(pair->d_x, pair->d_y);
    uint64_t x_key = key_of(pair, 0), own_key = key_of(pair, side);
    double square = shared > 0 ? 1 - ist_exp(-2 / (double)shared) : 0;
    double rho = sqrt(square), rest = sqrt(1 - square);
    double *own = ist_alloc((size_t)d, sizeof *own), *x = ist_alloc((size_t)pair->d_x, sizeof *x);
    float *rows = ist_alloc((size_t)(count * d), sizeof *rows);
    for (int64_t i = 0; i < count; i++) {
        ist_normal_row(own_key, first + i, d, own);
        if (side == 1) {
            ist_normal_row(x_key, first + i, pair->d_x, x);
            for (int64_t f = 0; f < shared; f++)
                own[f] = rho * x[f] + rest * own[f];
        }
        for (int64_t f = 0; f < d; f++)
            rows[i * d + f] = (float)own[f];
    }
    ist_free(own);
    ist_free(x);
    return rows;
}
