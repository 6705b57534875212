/* Slices of several columns: neighbours and counts in the k-d trees of the pairs. Samples are asked in the order of a tree:
 * near ones need the same cells. */
#include "infostrata/kdtree.h"
#include "room.h"

/* A tree of samples, by position, and what it is asked with. */
typedef struct {
    ist_rows rows;
    ist_kdtree *tree;
    ist_kd_search *search;
    ist_kd_counter *counter;
    ist_kd_work work;
} field;

/* Samples by position: sample[p] (NULL: p), column c of a sample at x[c stride + sample]. */
static ist_slab slab_of(int64_t n, const int32_t *sample, int64_t stride, int columns,
                        const double *x)
{
    ist_slab slab = {.count = n};
    slab.wide = ist_alloc_unset((size_t)(n * columns), sizeof *slab.wide);
    for (int c = 0; c < columns; c++)
        for (int64_t p = 0; p < n; p++)
            slab.wide[p * columns + c] = x[c * stride + (sample ? sample[p] : p)];
    return slab;
}

static void describe(field *f, int64_t n, int columns, const int64_t *start, int segments)
{
    f->rows = (ist_rows){.n = n,
                         .d = columns,
                         .metric = IST_METRIC_EUCLIDEAN,
                         .blocks = ist_blocks_new(start, segments),
                         .wide = true,
                         .home = {.count = n}};
}

/* k: neighbours that it is asked for. The field may not move any more. */
static void plant(field *f, const ist_kernel *kernel, const ist_slab *slab, const uint64_t *words,
                  int64_t k)
{
    const ist_tie_rule ties = {.by_index = words == NULL};
    f->tree = ist_kdtree_new(&f->rows, slab, kernel, ties, words);
    f->search = ist_kd_search_new(f->tree, k);
    f->counter = ist_kd_counter_new(f->tree, 1, false);
}

static void clear(field *f)
{
    ist_kd_search_free(&f->search);
    ist_kd_counter_free(&f->counter);
    ist_kdtree_free(&f->tree);
    ist_blocks_release(&f->rows.blocks);
}

/* Samples of the segment nearer than `limit` to the one at a place, or as near, itself not counted. */
static int64_t count_near(field *f, const ist_kd_segment *segment, int64_t place, double limit,
                          bool strictly)
{
    int64_t closer, equal;
    ist_kd_count(f->counter, segment, place, &limit, NULL, &closer, &equal, &f->work);
    return strictly ? closer : closer + equal;
}

/* ---- labels ---------------------------------------------------------------------------------- */

typedef struct {
    const double *psi;
    int64_t k, n; /* n: samples that are not alone in their class */
    int columns;
    bool difference;
    field own, all; /* class by class, and all of them; positions are the same */
    double *distance;
    int32_t *neighbour;
    ist_slice_found found;
} cloud;

static double term_of(cloud *c, const ist_kd_segment *class, int64_t place)
{
    int64_t held = ist_min(c->k, class->count - 1), k_all = ist_min(c->k, c->n - 1);
    int32_t near =
        ist_kd_nearest(c->own.search, class, place, c->distance, c->neighbour, &c->own.work);
    double limit = c->distance[held - 1];
    bool tied = near > held && c->distance[held] == limit;
    int64_t reach = tied ? count_near(&c->own, class, place, limit, false) : held;
    c->found.tied += tied;
    c->found.zero += limit == 0;
    const ist_kd_segment *all = c->all.tree->segment;
    int64_t place_in_all = c->all.tree->place[c->own.tree->position[place]];
    if (c->difference && limit > 0) {
        ist_kd_nearest(c->all.search, all, place_in_all, c->distance, c->neighbour, &c->all.work);
        if (c->distance[k_all - 1] > 0)
            return ist_slice_difference(c->psi, c->distance[k_all - 1], limit, k_all, held,
                                        class->count, c->columns);
    }
    return c->psi[reach] - c->psi[class->count] -
           c->psi[count_near(&c->all, all, place_in_all, limit, false)];
}

/* The samples by class, ascending, from start[class] on, count of classes + 1 numbers. Those alone in theirs come last, from
 * start[count] on. */
static int32_t *members_of(int64_t n, const ist_slice_classes *classes, int64_t *start)
{
    int32_t *member = ist_alloc((size_t)n, sizeof *member);
    int64_t *next = ist_alloc((size_t)classes->count, sizeof *next);
    for (int64_t c = 0; c < classes->count; c++) {
        next[c] = start[c];
        start[c + 1] = start[c] + (classes->size[c] < 2 ? 0 : classes->size[c]);
    }
    int64_t alone = start[classes->count];
    for (int64_t i = 0; i < n; i++) {
        int32_t c = classes->class_of[i];
        member[classes->size[c] < 2 ? alone++ : next[c]++] = (int32_t)i;
    }
    ist_free(next);
    return member;
}

static void plant_both(cloud *c, ist_slice_room *room, int64_t stride, const double *x,
                       const int32_t *member, const int64_t *start, int64_t classes)
{
    const int64_t whole[2] = {0, c->n};
    ist_slab slab = slab_of(c->n, member, stride, c->columns, x);
    describe(&c->own, c->n, c->columns, start, (int)classes);
    describe(&c->all, c->n, c->columns, whole, 1);
    plant(&c->own, room->kernel, &slab, NULL, c->k + 1);
    plant(&c->all, room->kernel, &slab, NULL, c->k);
    ist_slab_release(&slab);
}

ist_slice_found ist_slice_labels_cloud(ist_slice_room *room, int64_t n, int columns,
                                       const double *x, const ist_slice_classes *classes, int64_t k,
                                       bool difference)
{
    int64_t *start = ist_alloc((size_t)classes->count + 1, sizeof *start);
    int32_t *member = members_of(n, classes, start);
    cloud c = {.psi = room->psi,
               .k = k,
               .n = start[classes->count],
               .columns = columns,
               .difference = difference,
               .distance = ist_alloc((size_t)k + 1, sizeof *c.distance),
               .neighbour = ist_alloc((size_t)k + 1, sizeof *c.neighbour)};
    plant_both(&c, room, n, x, member, start, classes->count);
    for (int64_t i = c.n; i < n; i++)
        room->number[member[i]] = NAN;
    for (int64_t s = 0; s < c.own.tree->segments; s++) {
        const ist_kd_segment *class = &c.own.tree->segment[s];
        for (int64_t p = class->first; p < class->first + class->count; p++)
            room->number[member[c.own.tree->position[p]]] = term_of(&c, class, p);
    }
    clear(&c.own);
    clear(&c.all);
    ist_free(c.distance);
    ist_free(c.neighbour);
    ist_free(member);
    ist_free(start);
    c.found.value = ist_slice_value(room, room->number, n);
    return c.found;
}

/* ---- layers ---------------------------------------------------------------------------------- */

typedef struct {
    const double *psi;
    const ist_slice_ksg *ksg;
    field joint, side[2];
    double *distance;
    int32_t *neighbour;
    ist_slice_found found;
} pair;

/* Samples near sample i on one side, itself not counted. */
static int64_t count_beside(pair *p, int side, int64_t i, double limit, bool strictly)
{
    field *f = &p->side[side];
    return count_near(f, f->tree->segment, f->tree->place[i], limit, strictly);
}

/* The distance on one side to the farthest of the k nearest. */
static double box_of(const pair *p, int side, int64_t i)
{
    const ist_kdtree *tree = p->side[side].tree;
    double most = 0;
    for (int64_t e = 0; e < p->ksg->k; e++) {
        double distance = ist_kdtree_distance(tree, tree->place[i], tree->place[p->neighbour[e]]);
        most = distance > most ? distance : most;
    }
    return most;
}

static double pair_term(pair *p, int64_t place)
{
    const double *psi = p->psi, *factor = p->ksg->factor;
    const ist_kd_segment *all = p->joint.tree->segment;
    int64_t k = p->ksg->k, i = p->joint.tree->position[place];
    int32_t near =
        ist_kd_nearest(p->joint.search, all, place, p->distance, p->neighbour, &p->joint.work);
    double eps = p->distance[k - 1];
    p->found.tied += near > k && p->distance[k] == eps;
    p->found.zero += eps == 0;
    if (p->ksg->type == 2)
        return psi[k] - 1 / (double)k - psi[count_beside(p, 0, i, box_of(p, 0, i), false)] -
               psi[count_beside(p, 1, i, box_of(p, 1, i), false)];
    if (eps == 0)
        return psi[count_near(&p->joint, all, place, 0, false) + 1] -
               psi[count_beside(p, 0, i, 0, false) + 1] - psi[count_beside(p, 1, i, 0, false) + 1];
    return psi[k] - psi[count_beside(p, 0, i, ist_scaled_threshold(eps, factor[0]), true) + 1] -
           psi[count_beside(p, 1, i, ist_scaled_threshold(eps, factor[1]), true) + 1];
}

/* The joint tree first: it needs the values of both sides, and most room while it is made. */
static void plant_pair(pair *p, const ist_kernel *kernel, int64_t n, const int columns[2],
                       const double *const x[2])
{
    const int64_t whole[2] = {0, n};
    ist_slab slab[2], joint = {.count = n, .component = slab};
    describe(&p->joint, n, columns[0] + columns[1], whole, 1);
    for (int side = 0; side < 2; side++) {
        slab[side] = slab_of(n, NULL, n, columns[side], x[side]);
        describe(&p->side[side], n, columns[side], whole, 1);
        p->joint.rows.component[side] = &p->side[side].rows;
        p->joint.rows.factor[side] = p->ksg->factor[side];
    }
    bool words = p->ksg->type == 2 && !p->ksg->by_index;
    plant(&p->joint, kernel, &joint, words ? p->ksg->word : NULL, p->ksg->k + 1);
    for (int side = 0; side < 2; side++) {
        plant(&p->side[side], kernel, &slab[side], NULL, 1);
        ist_slab_release(&slab[side]);
    }
}

ist_slice_found ist_slice_layers_cloud(ist_slice_room *room, int64_t n, const int columns[2],
                                       const double *x, const double *y, const ist_slice_ksg *ksg)
{
    const double *const sides[2] = {x, y};
    size_t most = (size_t)ksg->k + 1;
    pair p = {.psi = room->psi,
              .ksg = ksg,
              .distance = ist_alloc(most, sizeof *p.distance),
              .neighbour = ist_alloc(most, sizeof *p.neighbour)};
    plant_pair(&p, room->kernel, n, columns, sides);
    for (int64_t place = 0; place < n; place++)
        room->number[p.joint.tree->position[place]] = pair_term(&p, place);
    clear(&p.joint);
    clear(&p.side[0]);
    clear(&p.side[1]);
    ist_free(p.distance);
    ist_free(p.neighbour);
    p.found.value = room->psi[n] + ist_sum_in_order(room->number, n) / (double)n;
    return p.found;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Beside the room, at most; classes of any number. */
int64_t ist_slice_cloud_bytes(int64_t n, int columns, bool two_layers)
{
    const int64_t real = sizeof(double), member = sizeof(int32_t);
    int64_t slab = n * columns * real;
    if (!two_layers)
        return slab + n * member + ist_kdtree_kept_bytes(n, columns, n) +
               ist_kdtree_bytes(n, columns, 1);
    int64_t joint = ist_kdtree_bytes(n, 2 * columns, 1);
    int64_t first = ist_kdtree_kept_bytes(n, 2 * columns, 1) + ist_kdtree_bytes(n, columns, 1);
    int64_t second = ist_kdtree_kept_bytes(n, 2 * columns, 1) +
                     ist_kdtree_kept_bytes(n, columns, 1) + ist_kdtree_bytes(n, columns, 1) - slab;
    return 2 * slab + ist_max(joint, ist_max(first, second));
}
