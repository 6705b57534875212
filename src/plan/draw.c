/* Which rows a random selection takes, or each of several. */
#include <stdlib.h>

#include "infostrata/plan.h"

typedef struct {
    uint64_t word;
    int64_t row;
} drawn_row;

static bool comes_before(const drawn_row *a, const drawn_row *b)
{
    return a->word != b->word ? a->word < b->word : a->row < b->row;
}

/* heap[0] comes last of all; what is put in its place sinks to where it belongs. */
static void sink(drawn_row *heap, int64_t count, drawn_row row)
{
    int64_t at = 0;
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= count)
            break;
        child += child + 1 < count && comes_before(&heap[child], &heap[child + 1]);
        if (comes_before(&heap[child], &row))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = row;
}

static int compare_rows(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void ist_draw_rows(int64_t n, const int32_t *class_of, int64_t classes, int64_t count,
                   uint64_t seed, int64_t *rows)
{
    const drawn_row none = {UINT64_MAX, INT64_MAX}; /* comes after every row */
    drawn_row *heaps = ist_alloc((size_t)(classes * count), sizeof *heaps);
    for (int64_t i = 0; i < classes * count; i++)
        heaps[i] = none;
    for (int64_t row = 0; row < n; row++) {
        drawn_row *heap = heaps + (class_of ? class_of[row] : 0) * count;
        drawn_row drawn = {ist_random_word(seed, IST_RANDOM_SAMPLES, (uint64_t)row), row};
        if (comes_before(&drawn, &heap[0]))
            sink(heap, count, drawn);
    }
    for (int64_t i = 0; i < classes * count; i++)
        rows[i] = heaps[i].row;
    ist_free(heaps);
    qsort(rows, (size_t)(classes * count), sizeof *rows, compare_rows);
}

static int compare_drawn(const void *a, const void *b)
{
    const drawn_row *x = a, *y = b;
    return comes_before(y, x) - comes_before(x, y);
}

void ist_draw_subsets(int64_t n, int64_t size, int64_t count, uint64_t seed, int64_t *rows)
{
    drawn_row *all = ist_alloc((size_t)n, sizeof *all);
    for (int64_t row = 0; row < n; row++)
        all[row] = (drawn_row){ist_random_word(seed, IST_RANDOM_SAMPLES, (uint64_t)row), row};
    qsort(all, (size_t)n, sizeof *all, compare_drawn);
    for (int64_t i = 0; i < count * size; i++)
        rows[i] = all[i].row;
    ist_free(all);
    for (int64_t s = 0; s < count; s++)
        qsort(rows + s * size, (size_t)size, sizeof *rows, compare_rows);
}
