/* Slices of several columns: neighbours and counts in k-d trees. */
#include "tree.h"

enum { MOST = IST_SLICE_COLUMNS };

static void point_of(int64_t n, int columns, const double *x, int64_t i, double *point)
{
    for (int c = 0; c < columns; c++)
        point[c] = x[c * n + i];
}

/* ---- labels ---------------------------------------------------------------------------------- */

typedef struct {
    ist_slice_room *room;
    int64_t n, k;
    int columns;
    const double *x;
    bool difference;
    ist_tree all; /* the samples that are not alone in their class */
    ist_nears nears;
    ist_slice_found found;
} cloud;

static double kth_distance(cloud *c, const ist_tree *tree, int64_t i, const double *point,
                           int64_t k)
{
    bool tied;
    c->nears.own = i;
    c->nears.count = 0;
    c->nears.room = k;
    ist_tree_nearest(tree, point, &c->nears);
    return ist_nears_close(&c->nears, k, &tied);
}

/* The term of a sample, of a class with a tree of its own. */
static double term_of(cloud *c, const ist_tree *own, int64_t i)
{
    const double *psi = c->room->psi;
    double point[MOST];
    int64_t held = ist_min(c->k, own->n - 1);
    point_of(c->n, c->columns, c->x, i, point);
    double limit = kth_distance(c, own, i, point, held);
    int64_t reach = ist_tree_count(own, point, limit, false) - 1;
    c->found.tied += reach > held;
    c->found.zero += limit == 0;
    int64_t k_all = ist_min(c->k, c->all.n - 1);
    double among_all = c->difference ? kth_distance(c, &c->all, i, point, k_all) : 0;
    if (among_all > 0)
        return ist_slice_difference(psi, among_all, limit, k_all, held, own->n, c->columns);
    return psi[reach] - psi[own->n] - psi[ist_tree_count(&c->all, point, limit, false) - 1];
}

/* The samples by class, ascending; start[class] is where its own begin. Those alone in theirs come last. */
static int32_t *members_of(int64_t n, const ist_slice_classes *classes, int64_t *start)
{
    int32_t *member = ist_alloc((size_t)n, sizeof *member);
    int64_t *next = ist_alloc((size_t)classes->count, sizeof *next), at = 0;
    for (int alone = 0; alone < 2; alone++)
        for (int64_t c = 0; c < classes->count; c++)
            if ((classes->size[c] < 2) == alone) {
                start[c] = next[c] = at;
                at += classes->size[c];
            }
    for (int64_t i = 0; i < n; i++)
        member[next[classes->class_of[i]]++] = (int32_t)i;
    ist_free(next);
    return member;
}

ist_slice_found ist_slice_labels_cloud(ist_slice_room *room, int64_t n, int columns,
                                       const double *x, const ist_slice_classes *classes, int64_t k,
                                       bool difference)
{
    cloud c = {.room = room, .n = n, .k = k, .columns = columns, .x = x, .difference = difference};
    const int groups[2] = {columns, 0};
    const double factor[2] = {1, 1};
    int64_t *start = ist_alloc((size_t)classes->count, sizeof *start), kept = 0;
    int32_t *member = members_of(n, classes, start);
    c.nears.entry = ist_alloc((size_t)ist_min(k, n), sizeof *c.nears.entry);
    for (int64_t class = 0; class < classes->count; class ++)
        kept += classes->size[class] < 2 ? 0 : classes->size[class];
    for (int64_t i = kept; i < n; i++)
        room->number[member[i]] = NAN;
    if (kept > 0)
        c.all = ist_tree_new(kept, member, n, groups, x, NULL, factor);
    for (int64_t class = 0; class < classes->count; class ++) {
        if (classes->size[class] < 2)
            continue;
        const int32_t *own = member + start[class];
        ist_tree tree = ist_tree_new(classes->size[class], own, n, groups, x, NULL, factor);
        for (int64_t i = 0; i < classes->size[class]; i++)
            room->number[own[i]] = term_of(&c, &tree, own[i]);
        ist_tree_release(&tree);
    }
    ist_tree_release(&c.all);
    ist_free(c.nears.entry);
    ist_free(member);
    ist_free(start);
    c.found.value = ist_slice_value(room, room->number, n);
    return c.found;
}

/* ---- layers ---------------------------------------------------------------------------------- */

typedef struct {
    const double *psi;
    int64_t n;
    const int *columns;
    const double *side[2]; /* x, y */
    ist_tree joint, alone[2];
    const ist_slice_ksg *ksg;
    ist_nears nears;
} pair;

/* Samples within `limit` (in the units of `factor`) of sample i on one side, itself not counted. */
static int64_t count_near(pair *p, int side, int64_t i, double factor, double limit, bool strictly)
{
    double point[MOST];
    point_of(p->n, p->columns[side], p->side[side], i, point);
    p->alone[side].factor[0] = factor;
    int64_t count = ist_tree_count(&p->alone[side], point, limit, strictly);
    return strictly && limit == 0 ? 0 : count - 1;
}

/* The farthest of the nearest, in the units of one side. */
static double box_of(const pair *p, int side)
{
    double most = 0;
    for (int64_t e = 0; e < p->nears.count; e++) {
        double sum = 0;
        for (int c = 0; c < p->columns[side]; c++)
            sum = sum + ist_apart(p->side[side][c * p->n + p->nears.entry[e].at],
                                  p->side[side][c * p->n + p->nears.own]);
        most = sum > most ? sum : most;
    }
    return most;
}

static double pair_term(pair *p, int64_t i, ist_slice_found *found)
{
    const double *psi = p->psi, *factor = p->ksg->factor;
    double point[IST_TREE_COLUMNS];
    bool tied;
    point_of(p->n, p->columns[0], p->side[0], i, point);
    point_of(p->n, p->columns[1], p->side[1], i, point + p->columns[0]);
    p->nears.own = i;
    p->nears.count = 0;
    ist_tree_nearest(&p->joint, point, &p->nears);
    double eps = ist_nears_close(&p->nears, p->ksg->k, &tied);
    found->tied += tied;
    found->zero += eps == 0;
    int64_t k = p->ksg->k;
    if (p->ksg->type == 2)
        return psi[k] - 1 / (double)k - psi[count_near(p, 0, i, 1, box_of(p, 0), false)] -
               psi[count_near(p, 1, i, 1, box_of(p, 1), false)];
    if (eps == 0)
        return psi[ist_tree_count(&p->joint, point, 0, false)] -
               psi[count_near(p, 0, i, 1, 0, false) + 1] -
               psi[count_near(p, 1, i, 1, 0, false) + 1];
    return psi[k] - psi[count_near(p, 0, i, factor[0], eps, true) + 1] -
           psi[count_near(p, 1, i, factor[1], eps, true) + 1];
}

ist_slice_found ist_slice_layers_cloud(ist_slice_room *room, int64_t n, const int columns[2],
                                       const double *x, const double *y, const ist_slice_ksg *ksg)
{
    const int only_x[2] = {columns[0], 0}, only_y[2] = {columns[1], 0};
    const double one[2] = {1, 1}; /* count_near has its own */
    pair p = {.psi = room->psi, .n = n, .columns = columns, .side = {x, y}, .ksg = ksg};
    p.joint = ist_tree_new(n, NULL, n, columns, x, y, ksg->factor);
    p.alone[0] = ist_tree_new(n, NULL, n, only_x, x, NULL, one);
    p.alone[1] = ist_tree_new(n, NULL, n, only_y, y, NULL, one);
    p.nears =
        (ist_nears){.room = ist_min(ksg->k + 1, n - 1), .ksg = ksg, .ordered = ksg->type == 2};
    p.nears.entry = ist_alloc((size_t)p.nears.room, sizeof *p.nears.entry);
    ist_slice_found found = {0};
    for (int64_t i = 0; i < n; i++)
        room->number[i] = pair_term(&p, i, &found);
    ist_free(p.nears.entry);
    ist_tree_release(&p.joint);
    ist_tree_release(&p.alone[0]);
    ist_tree_release(&p.alone[1]);
    found.value = room->psi[n] + ist_sum_in_order(room->number, n) / (double)n;
    return found;
}
