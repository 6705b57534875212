#include <stdlib.h>

#include "infostrata/kdtree.h"
#include "sort.h"

/* So many values are compared one by one. */
enum { FEW = 4 };

/* A threshold; by index a row is before it if (distance, number) is less than (value, number). */
typedef struct {
    double value;
    int64_t number;
    int64_t slot;
} limit;

struct ist_kd_counter {
    const ist_kdtree *tree;
    bool by_index;
    int64_t given;   /* thresholds */
    limit *sorted;   /* of these */
    double *value;   /* ascending; not by index each once */
    int64_t *number; /* by index */
    int64_t count;
    /* Of value m: rows at it, rows that are closer; of those counted for many values at once, how many more than
     * for value m - 1. */
    int64_t *equal, *below, *step;
    ist_at_distance *room;
    double x[IST_KD_COLUMNS];
    ist_kd_work work;
};

ist_kd_counter *ist_kd_counter_new(const ist_kdtree *tree, int64_t thresholds, bool by_index)
{
    size_t count = (size_t)thresholds;
    ist_kd_counter *c = ist_alloc(1, sizeof *c);
    *c = (ist_kd_counter){.tree = tree, .by_index = by_index, .given = thresholds};
    c->sorted = ist_alloc(count, sizeof *c->sorted);
    c->value = ist_alloc(count, sizeof *c->value);
    c->number = ist_alloc(count, sizeof *c->number);
    c->step = ist_alloc(count + 1, sizeof *c->step);
    c->equal = ist_alloc(count, sizeof *c->equal);
    c->below = ist_alloc(count, sizeof *c->below);
    c->room = ist_alloc(2 * count, sizeof *c->room);
    return c;
}

void ist_kd_counter_free(ist_kd_counter **counter)
{
    ist_kd_counter *c = *counter;
    if (!c)
        return;
    ist_free(c->sorted);
    ist_free(c->value);
    ist_free(c->number);
    ist_free(c->step);
    ist_free(c->equal);
    ist_free(c->below);
    ist_free(c->room);
    ist_free(c);
    *counter = NULL;
}

int64_t ist_kd_counter_bytes(int64_t thresholds)
{
    const int64_t each = sizeof(limit) + sizeof(double) + 4 * sizeof(int64_t);
    return thresholds * (each + 2 * (int64_t)sizeof(ist_at_distance));
}

/* ---- thresholds ------------------------------------------------------------------------------ */

static int compare_limits(const void *a, const void *b)
{
    const limit *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static void sort_thresholds(ist_kd_counter *c, const double *threshold, const int32_t *target)
{
    for (int64_t m = 0; m < c->given; m++)
        c->room[m] = (ist_at_distance){threshold[m], m};
    bool distinct = ist_sort_by_distance(c->given, c->room, c->room + c->given);
    for (int64_t m = 0; m < c->given; m++) {
        int64_t slot = c->room[m].at;
        int64_t number = c->by_index ? ist_row_number(c->tree->rows, target[slot]) : 0;
        c->sorted[m] = (limit){c->room[m].distance, number, slot};
    }
    if (!distinct && c->by_index)
        qsort(c->sorted, (size_t)c->given, sizeof *c->sorted, compare_limits);
    c->count = 0;
    for (int64_t m = 0; m < c->given; m++) {
        if (!c->by_index && m > 0 && c->sorted[m].value == c->sorted[m - 1].value)
            continue;
        c->value[c->count] = c->sorted[m].value;
        c->number[c->count++] = c->sorted[m].number;
    }
    for (int64_t m = 0; m < c->count; m++)
        c->step[m] = c->below[m] = c->equal[m] = 0;
    c->step[c->count] = 0;
}

/* The first of the values [from, to) that is at least `distance`. */
static int64_t from_on(const ist_kd_counter *c, int64_t from, int64_t to, double distance)
{
    while (to - from > FEW) {
        int64_t middle = from + (to - from) / 2;
        if (c->value[middle] < distance)
            from = middle + 1;
        else
            to = middle;
    }
    int64_t at = from;
    for (int64_t m = from; m < to; m++)
        at += c->value[m] < distance;
    return at;
}

/* The first that is larger. */
static int64_t beyond(const ist_kd_counter *c, int64_t from, int64_t to, double distance)
{
    while (to - from > FEW) {
        int64_t middle = from + (to - from) / 2;
        if (c->value[middle] <= distance)
            from = middle + 1;
        else
            to = middle;
    }
    int64_t at = from;
    for (int64_t m = from; m < to; m++)
        at += c->value[m] <= distance;
    return at;
}

/* `rows` more are closer than each of the values [from, to). */
static void closer_than(ist_kd_counter *c, int64_t from, int64_t to, int64_t rows)
{
    c->step[from] += rows;
    c->step[to] -= rows;
}

/* ---- cells ----------------------------------------------------------------------------------- */

/* By index a row at the distance of a value is before those of larger numbers. */
static void place_row(ist_kd_counter *c, double distance, int64_t place, int64_t from, int64_t to)
{
    int64_t m = from_on(c, from, to, distance);
    if (m < to && c->value[m] == distance) {
        int64_t number = ist_kdtree_number(c->tree, place);
        while (m < to && c->value[m] == distance && c->number[m] <= number)
            m++;
    }
    closer_than(c, m, to, 1);
}

static void take_leaf(ist_kd_counter *c, int64_t first, int64_t last, int64_t from, int64_t to)
{
    double distance[IST_KD_ROOM];
    int count = (int)(last - first);
    ist_kd_distances(c->tree, c->x, first, count, distance);
    c->work.rows += count;
    c->work.compared += count * (to - from);
    for (int j = 0; j < count && c->by_index; j++)
        place_row(c, distance[j], first + j, from, to);
    if (!c->by_index)
        c->tree->kernel->tally(distance, count, c->value + from, to - from, c->below + from,
                               c->equal + from);
}

/* By index: equal rows at the distance of the values [from, to) lie in the order of their numbers. */
static void take_point(ist_kd_counter *c, int64_t first, int64_t last, int64_t from, int64_t to)
{
    for (int64_t m = from; m < to; m++) {
        int64_t low = first, high = last;
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (ist_kdtree_number(c->tree, middle) < c->number[m])
                low = middle + 1;
            else
                high = middle;
        }
        closer_than(c, m, m + 1, low - first);
    }
}

/* The values [from, to) are those that the cells above have left open. */
static void visit(ist_kd_counter *c, ist_kd_family family, int64_t from, int64_t to)
{
    double lower[IST_CELLS], upper[IST_CELLS];
    int kids = ist_kd_judge(c->tree, family, c->x, lower, upper);
    c->work.families++;
    for (int cell = 0; cell < kids; cell++) {
        int64_t first, last;
        int64_t open = from_on(c, from, to, lower[cell]);
        int64_t end = beyond(c, open, to, upper[cell]);
        ist_kd_range(family, cell, &first, &last);
        closer_than(c, end, to, last - first);
        if (open == end)
            continue;
        ist_kd_family children;
        if (lower[cell] == upper[cell] && !c->by_index)
            c->equal[open] += last - first;
        else if (lower[cell] == upper[cell] && ist_kd_is_point(c->tree, family, cell))
            take_point(c, first, last, open, end);
        else if (ist_kd_children(family, cell, &children))
            visit(c, children, open, end);
        else
            take_leaf(c, first, last, open, end);
    }
}

/* ---- results --------------------------------------------------------------------------------- */

/* The row itself was counted, at distance 0. */
static void leave_out_self(ist_kd_counter *c, int64_t place)
{
    int64_t own = ist_kdtree_number(c->tree, place), m = 0;
    for (; m < c->count && c->value[m] == 0; m++) {
        if (c->by_index && own < c->number[m])
            break;
        c->equal[m] -= !c->by_index;
    }
    closer_than(c, m, c->count, -1);
}

static void tell(const ist_kd_counter *c, int64_t *closer, int64_t *equal)
{
    int64_t m = -1, below = 0;
    for (int64_t s = 0; s < c->given; s++) {
        bool again = !c->by_index && s > 0 && c->sorted[s].value == c->sorted[s - 1].value;
        if (!again)
            below += c->step[++m];
        closer[c->sorted[s].slot] = below + c->below[m];
        equal[c->sorted[s].slot] = c->equal[m];
    }
}

void ist_kd_count(ist_kd_counter *c, const ist_kd_segment *segment, int64_t place,
                  const double *threshold, const int32_t *target, int64_t *closer, int64_t *equal,
                  ist_kd_work *work)
{
    sort_thresholds(c, threshold, target);
    c->work = (ist_kd_work){0};
    ist_kd_row(c->tree, place, c->x);
    if (segment->levels > 0)
        visit(c, (ist_kd_family){segment, 0, 0}, 0, c->count);
    else
        take_leaf(c, segment->first, segment->first + segment->count, 0, c->count);
    leave_out_self(c, place);
    tell(c, closer, equal);
    ist_kd_work_add(work, &c->work);
}
