#include "infostrata/pairs.h"

void ist_label_ranks(int64_t n, int64_t count, int64_t k, int64_t stride, const int64_t *row,
                     const int32_t *neighbour, const int32_t *class_of, const int64_t *class_size,
                     int64_t *twice_rank)
{
    for (int64_t i = 0; i < count; i++) {
        int32_t mine = class_of[row[i]];
        int64_t size = class_size[mine];
        for (int64_t p = 0; p < k; p++) {
            bool same = class_of[neighbour[i * stride + p]] == mine;
            twice_rank[i * stride + p] = same ? size : n - 1 + size;
        }
    }
}

void ist_label_pairs(int64_t count, int64_t k, const int64_t *row, const int32_t *neighbour,
                     const int32_t *class_of, int64_t *same, int64_t *other)
{
    for (int64_t i = 0; i < count; i++) {
        int32_t mine = class_of[row[i]];
        for (int64_t p = 0; p < k; p++)
            (class_of[neighbour[i * k + p]] == mine ? same : other)[mine]++;
    }
}

/* A ball within a class holds half of the class' other rows, but not the neighbour; one beyond it all of the class, and half of the rows of
 * other classes, but not the neighbour. A row's own balls hold it always. */
void ist_label_inside(int64_t count, int64_t k, const int64_t *row, const int32_t *neighbour,
                      const int32_t *class_of, int64_t class_count, const int64_t *same,
                      const int64_t *other, const int64_t *in_same, const int64_t *in_other,
                      int64_t *twice_inside)
{
    int64_t beyond = 0;
    for (int64_t c = 0; c < class_count; c++)
        beyond += other[c];
    for (int64_t i = 0; i < count; i++) {
        int32_t mine = class_of[row[i]];
        int64_t own_same = 0;
        for (int64_t p = 0; p < k; p++)
            own_same += class_of[neighbour[i * k + p]] == mine;
        int64_t within = same[mine] - own_same - in_same[i];
        int64_t across = other[mine] - (k - own_same);
        int64_t foreign = beyond - other[mine] - in_other[i];
        twice_inside[i] = 2 * k + within + 2 * across + foreign;
    }
}
