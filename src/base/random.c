#include <Random123/philox.h>
#include <math.h>
#include <stdlib.h>

#include "infostrata/base.h"

uint64_t ist_random_word(uint64_t seed, ist_purpose purpose, uint64_t item)
{
    philox4x32_ctr_t counter = {{(uint32_t)item, (uint32_t)(item >> 32), (uint32_t)purpose, 0}};
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t word = philox4x32(counter, key);
    return (uint64_t)word.v[1] << 32 | word.v[0];
}

/* In [0, 1), of 53 bits. */
static double uniform_of(uint32_t low, uint32_t high)
{
    return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

void ist_random_normals(uint64_t seed, ist_purpose purpose, uint32_t stream, uint32_t branch,
                        int64_t count, double *values)
{
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    for (int64_t at = 0; at < count; at += 2) {
        philox4x32_ctr_t counter = {{(uint32_t)(at / 2), stream, (uint32_t)purpose, branch}};
        philox4x32_ctr_t word = philox4x32(counter, key);
        double radius = sqrt(-2 * ist_ln(1 - uniform_of(word.v[0], word.v[1])));
        double turn = 2 * uniform_of(word.v[2], word.v[3]);
        values[at] = radius * ist_cos_pi(turn);
        if (at + 1 < count)
            values[at + 1] = radius * ist_sin_pi(turn);
    }
}

typedef struct {
    uint64_t word;
    int64_t row;
} drawn_row;

static int compare_drawn(const void *a, const void *b)
{
    const drawn_row *x = a, *y = b;
    if (x->word != y->word)
        return x->word < y->word ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int compare_rows(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void ist_random_parts(int64_t n, int parts, int64_t *order, int64_t *start)
{
    drawn_row *drawn = ist_alloc((size_t)n, sizeof *drawn);
    for (int64_t row = 0; row < n; row++)
        drawn[row] = (drawn_row){ist_random_word(0, IST_RANDOM_PARTS, (uint64_t)row), row};
    qsort(drawn, (size_t)n, sizeof *drawn, compare_drawn);
    for (int64_t i = 0; i < n; i++)
        order[i] = drawn[i].row;
    ist_free(drawn);
    for (int part = 0; part <= parts; part++)
        start[part] = ist_share(n, parts, part);
    for (int part = 0; part < parts; part++)
        qsort(order + start[part], (size_t)(start[part + 1] - start[part]), sizeof *order,
              compare_rows);
}

void ist_random_shuffle(uint64_t seed, uint64_t round, int groups, const int64_t *start,
                        int32_t *items)
{
    for (int g = 0; g < groups; g++)
        for (int64_t at = start[g + 1] - 1; at > start[g]; at--) {
            uint64_t word = ist_random_word(seed, IST_RANDOM_NULL, round << 32 | (uint64_t)at);
            int64_t other = start[g] + (int64_t)(word % (uint64_t)(at - start[g] + 1));
            int32_t item = items[at];
            items[at] = items[other];
            items[other] = item;
        }
}
