/* Labels may have any values: their classes, and what the plan wants to know of them. */
#include <stdlib.h>
#include <string.h>

#include "job.h"

static int compare_values(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t ist_number_classes(const int64_t *values, int64_t n, int32_t *class_of)
{
    int64_t *sorted = ist_alloc((size_t)n, sizeof *sorted), count = 0;
    memcpy(sorted, values, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_values);
    for (int64_t i = 0; i < n; i++)
        if (i == 0 || sorted[i] != sorted[i - 1])
            sorted[count++] = sorted[i];
    for (int64_t i = 0; i < n; i++) {
        const int64_t *at =
            bsearch(&values[i], sorted, (size_t)count, sizeof *sorted, compare_values);
        class_of[i] = (int32_t)(at - sorted);
    }
    ist_free(sorted);
    return count;
}

int64_t *ist_count_classes(const int32_t *class_of, int64_t class_count, const int64_t *order,
                           const int64_t *start, int parts)
{
    int64_t *size = ist_alloc((size_t)(parts * class_count), sizeof *size);
    for (int p = 0; p < parts; p++)
        for (int64_t at = start[p]; at < start[p + 1]; at++)
            size[p * class_count + class_of[order ? order[at] : at]]++;
    return size;
}

static bool any_single(const int64_t *size, int64_t entries)
{
    for (int64_t e = 0; e < entries; e++)
        if (size[e] == 1)
            return true;
    return false;
}

void ist_describe_classes(const int64_t *values, ist_label_vector *labels)
{
    int64_t n = labels->n, part_start[IST_PARTS + 1], start[2] = {0, n};
    int32_t *class_of = ist_alloc((size_t)n, sizeof *class_of);
    int64_t *order = ist_alloc((size_t)n, sizeof *order);
    ist_random_parts(n, IST_PARTS, order, part_start);
    labels->classes = ist_number_classes(values, n, class_of);
    int64_t *size = ist_count_classes(class_of, labels->classes, NULL, start, 1);
    int64_t *part_size = ist_count_classes(class_of, labels->classes, order, part_start, IST_PARTS);
    double pairs = 0;
    for (int64_t c = 0; c < labels->classes; c++) {
        labels->largest = ist_max(labels->largest, size[c]);
        labels->smallest = c == 0 ? size[c] : ist_min(labels->smallest, size[c]);
        pairs += (double)size[c] * (double)size[c];
    }
    labels->pair_share = pairs / ((double)n * (double)n);
    labels->singles =
        any_single(size, labels->classes) || any_single(part_size, IST_PARTS * labels->classes);
    ist_free(size);
    ist_free(part_size);
    ist_free(order);
    ist_free(class_of);
}
