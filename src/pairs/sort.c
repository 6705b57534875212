/* Merge sort: what is taken next is chosen without a branch, which nobody could predict. */
#include <string.h>

#include "sort.h"

static void merge(const ist_at_distance *left, const ist_at_distance *middle,
                  const ist_at_distance *end, ist_at_distance *to)
{
    const ist_at_distance *right = middle;
    while (left < middle && right < end) {
        bool next = right->distance < left->distance;
        *to++ = *(next ? right : left);
        right += next;
        left += !next;
    }
    memcpy(to, left, (size_t)(middle - left) * sizeof *to);
    memcpy(to + (middle - left), right, (size_t)(end - right) * sizeof *to);
}

bool ist_sort_by_distance(int64_t count, ist_at_distance *item, ist_at_distance *room)
{
    ist_at_distance *from = item, *to = room;
    for (int64_t run = 1; run < count; run *= 2) {
        for (int64_t i = 0; i < count; i += 2 * run)
            merge(from + i, from + ist_min(i + run, count), from + ist_min(i + 2 * run, count),
                  to + i);
        ist_at_distance *other = from;
        from = to;
        to = other;
    }
    bool distinct = true;
    for (int64_t i = 1; i < count; i++)
        distinct &= from[i - 1].distance < from[i].distance;
    if (from != item)
        memcpy(item, from, (size_t)count * sizeof *item);
    return distinct;
}
