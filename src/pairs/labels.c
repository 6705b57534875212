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
