#include <math.h>

#include "infostrata/kdtree.h"

typedef struct {
    double distance;
    int64_t place;
} candidate;

struct ist_kd_search {
    const ist_kdtree *tree;
    const ist_kd_segment *segment;
    int64_t k, held;
    candidate *heap; /* the worst on top */
    double bound;    /* none farther is wanted */
    double x[IST_KD_COLUMNS];
    uint64_t base;
    int64_t self; /* place */
    ist_kd_work work;
};

ist_kd_search *ist_kd_search_new(const ist_kdtree *tree, int64_t k)
{
    ist_kd_search *s = ist_alloc(1, sizeof *s);
    *s = (ist_kd_search){.tree = tree, .k = k, .heap = ist_alloc((size_t)k, sizeof *s->heap)};
    return s;
}

void ist_kd_search_free(ist_kd_search **search)
{
    if (!*search)
        return;
    ist_free((*search)->heap);
    ist_free(*search);
    *search = NULL;
}

int64_t ist_kd_search_bytes(int64_t k)
{
    return k * (int64_t)sizeof(candidate);
}

/* ---- the heap -------------------------------------------------------------------------------- */

/* Ties are rare: words and numbers are looked up where one is met. */
static bool worse(const ist_kd_search *s, const candidate *a, const candidate *b)
{
    if (a->distance != b->distance)
        return a->distance > b->distance;
    const ist_kdtree *tree = s->tree;
    uint64_t tie_a = tree->word[a->place] - s->base, tie_b = tree->word[b->place] - s->base;
    if (tie_a != tie_b)
        return tie_a > tie_b;
    return ist_kdtree_number(tree, a->place) > ist_kdtree_number(tree, b->place);
}

static void sift_down(ist_kd_search *s, int64_t count, candidate item)
{
    candidate *heap = s->heap;
    int64_t at = 0;
    for (int64_t child = 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && worse(s, &heap[child + 1], &heap[child]);
        if (!worse(s, &heap[child], &item))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = item;
}

static void sift_up(ist_kd_search *s, int64_t at, candidate item)
{
    candidate *heap = s->heap;
    for (int64_t parent = (at - 1) / 2; at > 0 && worse(s, &item, &heap[parent]);
         parent = (at - 1) / 2) {
        heap[at] = heap[parent];
        at = parent;
    }
    heap[at] = item;
}

/* false: the row is worse than the k that are held. */
static bool offer(ist_kd_search *s, double distance, int64_t place)
{
    candidate item = {distance, place};
    if (s->held < s->k) {
        sift_up(s, s->held++, item);
    } else if (worse(s, &s->heap[0], &item)) {
        sift_down(s, s->k, item);
    } else {
        return false;
    }
    s->work.taken++;
    if (s->held == s->k)
        s->bound = s->heap[0].distance;
    return true;
}

/* ---- cells ----------------------------------------------------------------------------------- */

static void take_leaf(ist_kd_search *s, int64_t first, int64_t last)
{
    double distance[IST_KD_ROOM];
    int count = (int)(last - first);
    ist_kd_distances(s->tree, s->x, first, count, distance);
    s->work.rows += count;
    for (int j = 0; j < count; j++)
        if (distance[j] <= s->bound && first + j != s->self)
            offer(s, distance[j], first + j);
}

/* Equal rows at one distance lie in the order of their words, which from our own word on is that of their ties. */
static void take_point(ist_kd_search *s, int64_t first, int64_t last, double distance)
{
    const uint64_t *word = s->tree->word;
    int64_t low = first, high = last;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (word[middle] < s->base)
            low = middle + 1;
        else
            high = middle;
    }
    for (int64_t i = 0; i < last - first; i++) {
        int64_t place = low + i < last ? low + i : low + i - (last - first);
        if (place != s->self && !offer(s, distance, place))
            return;
    }
}

/* The nearest cells first. */
static int in_order(const double lower[IST_CELLS], int kids, double bound, int order[IST_CELLS])
{
    int count = 0;
    for (int c = 0; c < kids; c++) {
        if (lower[c] > bound)
            continue;
        int at = count++;
        for (; at > 0 && lower[order[at - 1]] > lower[c]; at--)
            order[at] = order[at - 1];
        order[at] = c;
    }
    return count;
}

static void visit(ist_kd_search *s, ist_kd_family family)
{
    double lower[IST_CELLS], upper[IST_CELLS];
    int order[IST_CELLS];
    int kids = ist_kd_judge(s->tree, family, s->x, lower, upper);
    int count = in_order(lower, kids, s->bound, order);
    s->work.families++;
    for (int i = 0; i < count && lower[order[i]] <= s->bound; i++) {
        int c = order[i];
        int64_t first, last;
        ist_kd_family children;
        ist_kd_range(family, c, &first, &last);
        if (lower[c] == upper[c] && ist_kd_is_point(s->tree, family, c))
            take_point(s, first, last, lower[c]);
        else if (ist_kd_children(family, c, &children))
            visit(s, children);
        else
            take_leaf(s, first, last);
    }
}

int32_t ist_kd_nearest(ist_kd_search *s, const ist_kd_segment *segment, int64_t place,
                       double *distance, int32_t *neighbour, ist_kd_work *work)
{
    const ist_kdtree *tree = s->tree;
    s->segment = segment;
    s->held = 0;
    s->bound = INFINITY;
    s->self = place;
    s->base = tree->ties.by_index ? 0 : tree->word[place];
    s->work = (ist_kd_work){0};
    ist_kd_row(tree, place, s->x);
    if (segment->levels > 0)
        visit(s, (ist_kd_family){segment, 0, 0});
    else
        take_leaf(s, segment->first, segment->first + segment->count);
    for (int64_t last = s->held - 1; last >= 0; last--) {
        candidate worst = s->heap[0];
        sift_down(s, last, s->heap[last]);
        distance[last] = worst.distance;
        neighbour[last] = tree->position[worst.place];
    }
    ist_kd_work_add(work, &s->work);
    return (int32_t)s->held;
}
