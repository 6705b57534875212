/* The k nearest of one sample, as they are found. */
#include "plane.h"

static uint64_t tie_of(const ist_nears *n, int32_t at)
{
    return n->ksg->by_index ? (uint64_t)at : n->ksg->word[at] - n->ksg->word[n->own];
}

/* Is a farther than b, in the order (distance, tie, number)? */
static bool is_farther(const ist_nears *n, const ist_near *a, const ist_near *b)
{
    if (a->distance != b->distance)
        return a->distance > b->distance;
    if (!n->ordered)
        return false;
    uint64_t x = tie_of(n, a->at), y = tie_of(n, b->at);
    return x != y ? x > y : a->at > b->at;
}

static void sink(ist_nears *n, int64_t at, ist_near entry)
{
    for (int64_t child = 2 * at + 1; child < n->count; child = 2 * at + 1) {
        if (child + 1 < n->count && is_farther(n, &n->entry[child + 1], &n->entry[child]))
            child++;
        if (!is_farther(n, &n->entry[child], &entry))
            break;
        n->entry[at] = n->entry[child];
        at = child;
    }
    n->entry[at] = entry;
}

void ist_nears_offer(ist_nears *n, double distance, int32_t at)
{
    ist_near entry = {distance, at};
    if (n->count == n->room) {
        if (is_farther(n, &n->entry[0], &entry))
            sink(n, 0, entry);
        return;
    }
    int64_t hole = n->count++;
    for (; hole > 0 && is_farther(n, &entry, &n->entry[(hole - 1) / 2]); hole = (hole - 1) / 2)
        n->entry[hole] = n->entry[(hole - 1) / 2];
    n->entry[hole] = entry;
}

double ist_nears_close(ist_nears *n, int64_t k, bool *tied)
{
    *tied = false;
    if (n->count <= k)
        return n->entry[0].distance;
    double next = n->entry[0].distance;
    n->count--;
    sink(n, 0, n->entry[n->count]);
    *tied = n->entry[0].distance == next;
    return n->entry[0].distance;
}
