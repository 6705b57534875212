#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infostrata/kdtree.h"

bool ist_kdtree_possible(const ist_rows *rows)
{
    if (!ist_rows_are_joint(rows))
        return rows->d <= IST_TREE_FEATURES;
    return rows->component[0]->d <= IST_TREE_FEATURES && rows->component[1]->d <= IST_TREE_FEATURES;
}

void ist_kd_work_add(ist_kd_work *sum, const ist_kd_work *more)
{
    sum->families += more->families;
    sum->rows += more->rows;
    sum->taken += more->taken;
    sum->compared += more->compared;
}

/* ---- the shape of a segment's tree ----------------------------------------------------------- */

/* Halvings until a cell has at most IST_KD_LEAF rows. */
static int halvings(int64_t count)
{
    int levels = 0;
    while (ist_ceil_div(count, INT64_C(1) << levels) > IST_KD_LEAF)
        levels++;
    return levels;
}

enum { EIGHT = 3 }; /* halvings that make eight cells */

static ist_kd_segment segment_of(int64_t first, int64_t count)
{
    int halves = halvings(count), over = halves % EIGHT;
    return (ist_kd_segment){.first = first,
                            .count = count,
                            .levels = (int)ist_ceil_div(halves, EIGHT),
                            .bits = halves > 0 && over == 0 ? EIGHT : over};
}

/* Where cell `cell` of 2^bits begins. */
static int64_t start_of(const ist_kd_segment *s, int bits, int64_t cell)
{
    return s->first + (s->count * cell >> bits);
}

/* Families of all levels before one. */
static int64_t families_before(const ist_kd_segment *s, int level)
{
    if (level == 0)
        return 0;
    return 1 + (((INT64_C(1) << EIGHT * (level - 1)) - 1) / (IST_CELLS - 1) << s->bits);
}

static int kids_of(ist_kd_family family)
{
    return family.level == 0 ? 1 << family.segment->bits : IST_CELLS;
}

void ist_kd_range(ist_kd_family family, int c, int64_t *first, int64_t *last)
{
    const ist_kd_segment *s = family.segment;
    int bits = s->bits + EIGHT * family.level;
    int64_t cell = family.path * kids_of(family) + c;
    *first = start_of(s, bits, cell);
    *last = start_of(s, bits, cell + 1);
}

bool ist_kd_children(ist_kd_family family, int c, ist_kd_family *children)
{
    *children =
        (ist_kd_family){family.segment, family.level + 1, family.path * kids_of(family) + c};
    return children->level < family.segment->levels;
}

static double *boxes_of(const ist_kdtree *tree, ist_kd_family family)
{
    int64_t at = families_before(family.segment, family.level) + family.path;
    return tree->box + family.segment->box + at * tree->columns * IST_KD_BOX;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* What makes a tree: the rows as they came, and the order that becomes that of the places. */
typedef struct {
    ist_kdtree *tree;
    double *row; /* n x columns, by position */
    double
        weight[IST_KD_COLUMNS]; /* of a column's width, so that those of two components compare */
    struct keyed {
        double key;
        int32_t position;
    } * keyed;
    const uint64_t *words; /* by position; NULL: those of the ties */
} maker;

static uint64_t word_of(const maker *m, int32_t position)
{
    return m->words ? m->words[position]
                    : ist_tie_word(&m->tree->ties, ist_row_number(m->tree->rows, position));
}

static void take_rows(maker *m, const ist_slab *all, int component, int64_t offset)
{
    const ist_kdtree *tree = m->tree;
    int64_t d = tree->d[component], columns = tree->columns;
    for (int64_t i = 0; i < tree->rows->n; i++)
        for (int64_t f = 0; f < d; f++)
            m->row[i * columns + offset + f] =
                all->wide ? all->wide[i * d + f] : (double)all->narrow[i * d + f];
    bool squares = tree->metric[component] == IST_METRIC_EUCLIDEAN;
    double factor = tree->factor[component];
    for (int64_t f = 0; f < d; f++)
        m->weight[offset + f] = squares ? sqrt(factor) : factor;
}

/* ---- cutting --------------------------------------------------------------------------------- */

static int compare_keyed(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static double middle_of(double a, double b, double c)
{
    return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

/* Puts smaller keys before `cut`, equal ones about it: halves by pivots, each cut in three so that equal keys do
 * no harm; what pivots cannot halve in time is sorted. */
static void cut_keys(struct keyed *keyed, int64_t count, int64_t cut)
{
    int64_t first = 0, last = count;
    for (int patience = 2 * (int)log2((double)count + 1) + 4; last - first > 1; patience--) {
        if (patience == 0) {
            qsort(keyed + first, (size_t)(last - first), sizeof *keyed, compare_keyed);
            return;
        }
        double pivot =
            middle_of(keyed[first].key, keyed[first + (last - first) / 2].key, keyed[last - 1].key);
        int64_t smaller = first, larger = last;
        for (int64_t i = first; i < larger;) {
            struct keyed item = keyed[i];
            if (item.key < pivot) {
                keyed[i++] = keyed[smaller];
                keyed[smaller++] = item;
            } else if (item.key > pivot) {
                keyed[i] = keyed[--larger];
                keyed[larger] = item;
            } else {
                i++;
            }
        }
        if (cut < smaller)
            last = smaller;
        else if (cut >= larger)
            first = larger;
        else
            return;
    }
}

typedef struct {
    double low[IST_KD_COLUMNS], high[IST_KD_COLUMNS];
} extent;

static extent extent_of(const maker *m, int64_t first, int64_t last)
{
    const ist_kdtree *tree = m->tree;
    int columns = tree->columns;
    extent e;
    for (int f = 0; f < columns; f++) {
        e.low[f] = INFINITY;
        e.high[f] = -INFINITY;
    }
    for (int64_t p = first; p < last; p++) {
        const double *row = m->row + (int64_t)tree->position[p] * columns;
        for (int f = 0; f < columns; f++) {
            e.low[f] = row[f] < e.low[f] ? row[f] : e.low[f];
            e.high[f] = row[f] > e.high[f] ? row[f] : e.high[f];
        }
    }
    return e;
}

/* The column to be cut; -1: all rows are equal. */
static int widest_column(const maker *m, const extent *e)
{
    int widest = -1;
    double width = -1;
    for (int f = 0; f < m->tree->columns; f++)
        if (e->high[f] > e->low[f] && (e->high[f] - e->low[f]) * m->weight[f] > width) {
            widest = f;
            width = (e->high[f] - e->low[f]) * m->weight[f];
        }
    return widest;
}

typedef struct {
    uint64_t word;
    int64_t number;
    int32_t position;
} numbered;

static int compare_numbered(const void *a, const void *b)
{
    const numbered *x = a, *y = b;
    if (x->word != y->word)
        return x->word < y->word ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* Equal rows: into the order (word, number). */
static void order_equals(const maker *m, int64_t first, int64_t last)
{
    const ist_kdtree *tree = m->tree;
    numbered *all = ist_alloc((size_t)(last - first), sizeof *all);
    for (int64_t p = first; p < last; p++) {
        int32_t position = tree->position[p];
        int64_t number = ist_row_number(tree->rows, position);
        all[p - first] = (numbered){word_of(m, position), number, position};
    }
    qsort(all, (size_t)(last - first), sizeof *all, compare_numbered);
    for (int64_t p = first; p < last; p++)
        tree->position[p] = all[p - first].position;
    ist_free(all);
}

/* Cuts share `cell` of 2^level of a segment until there are `halves` levels. */
static void cut_cell(const maker *m, const ist_kd_segment *s, int level, int64_t cell, int halves)
{
    ist_kdtree *tree = m->tree;
    int64_t first = start_of(s, level, cell), last = start_of(s, level, cell + 1);
    extent e = extent_of(m, first, last);
    int column = widest_column(m, &e);
    if (column < 0) {
        order_equals(m, first, last);
        return;
    }
    if (level == halves)
        return;
    for (int64_t p = first; p < last; p++)
        m->keyed[p - first] = (struct keyed){
            m->row[(int64_t)tree->position[p] * tree->columns + column], tree->position[p]};
    int64_t middle = start_of(s, level + 1, 2 * cell + 1);
    cut_keys(m->keyed, last - first, middle - first);
    for (int64_t p = first; p < last; p++)
        tree->position[p] = m->keyed[p - first].position;
    cut_cell(m, s, level + 1, 2 * cell, halves);
    cut_cell(m, s, level + 1, 2 * cell + 1, halves);
}

/* ---- boxes ----------------------------------------------------------------------------------- */

static void set_box(double *boxes, int c, const extent *e, int columns)
{
    for (int f = 0; f < columns; f++) {
        boxes[f * IST_KD_BOX + c] = e->low[f];
        boxes[f * IST_KD_BOX + IST_CELLS + c] = e->high[f];
    }
}

/* Makes the boxes of a family and of all below; returns that of all its rows. */
static extent make_boxes(const maker *m, ist_kd_family family)
{
    int columns = m->tree->columns;
    double *boxes = boxes_of(m->tree, family);
    extent all = extent_of(m, 0, 0);
    for (int c = 0; c < IST_CELLS; c++) {
        extent e = extent_of(m, 0, 0);
        ist_kd_family children;
        int64_t first, last;
        if (c < kids_of(family) && ist_kd_children(family, c, &children)) {
            e = make_boxes(m, children);
        } else if (c < kids_of(family)) {
            ist_kd_range(family, c, &first, &last);
            e = extent_of(m, first, last);
        }
        set_box(boxes, c, &e, columns);
        for (int f = 0; f < columns; f++) {
            all.low[f] = fmin(all.low[f], e.low[f]);
            all.high[f] = fmax(all.high[f], e.high[f]);
        }
    }
    return all;
}

/* ---- the tree -------------------------------------------------------------------------------- */

/* The segments that home's rows are in. */
static void find_segments(ist_kdtree *tree)
{
    const ist_blocks *blocks = &tree->rows->blocks;
    int64_t home = tree->rows->home.first, end = home + tree->rows->home.count;
    tree->segment = ist_alloc((size_t)blocks->count + 1, sizeof *tree->segment);
    for (int64_t b = 0, next; b < blocks->count; b = next) {
        for (next = b + 1; next < blocks->count && blocks->segment[next] == blocks->segment[b];)
            next++;
        int64_t first = blocks->start[b], last = blocks->start[next];
        if (first < end && last > home)
            tree->segment[tree->segments++] = segment_of(first, last - first);
    }
}

static void make_segment(const maker *m, ist_kd_segment *s)
{
    cut_cell(m, s, 0, 0, halvings(s->count));
    if (s->levels > 0)
        make_boxes(m, (ist_kd_family){s, 0, 0});
}

static void settle_places(const maker *m)
{
    ist_kdtree *tree = m->tree;
    for (int64_t p = 0; p < tree->rows->n; p++) {
        const double *row = m->row + (int64_t)tree->position[p] * tree->columns;
        for (int f = 0; f < tree->columns; f++)
            tree->value[f * tree->stride + p] = row[f];
        tree->place[tree->position[p]] = (int32_t)p;
        tree->word[p] = word_of(m, tree->position[p]);
    }
}

ist_kdtree *ist_kdtree_new(const ist_rows *rows, const ist_slab *all, const ist_kernel *kernel,
                           ist_tie_rule ties, const uint64_t *words)
{
    ist_kdtree *tree = ist_alloc(1, sizeof *tree);
    *tree = (ist_kdtree){.rows = rows,
                         .kernel = kernel,
                         .ties = ties,
                         .components = ist_rows_are_joint(rows) ? 2 : 1,
                         .columns = (int)rows->d,
                         .factor = {1, 1},
                         .stride = rows->n + IST_CELLS};
    size_t n = (size_t)rows->n, columns = (size_t)tree->columns;
    maker m = {.tree = tree,
               .row = ist_alloc(n * columns, sizeof *m.row),
               .keyed = ist_alloc(n, sizeof *m.keyed),
               .words = words};
    int64_t offset = 0;
    for (int c = 0; c < tree->components; c++) {
        const ist_rows *one = tree->components > 1 ? rows->component[c] : rows;
        tree->d[c] = one->d;
        tree->metric[c] = one->metric;
        if (tree->components > 1)
            tree->factor[c] = rows->factor[c];
        take_rows(&m, tree->components > 1 ? &all->component[c] : all, c, offset);
        offset += one->d;
    }
    find_segments(tree);
    int64_t boxes = 0;
    for (int64_t s = 0; s < tree->segments; s++) {
        tree->segment[s].box = boxes;
        boxes += families_before(&tree->segment[s], tree->segment[s].levels) * tree->columns *
                 IST_KD_BOX;
    }
    tree->box = ist_alloc((size_t)boxes, sizeof *tree->box);
    tree->value = ist_alloc(columns * (size_t)tree->stride, sizeof *tree->value);
    tree->position = ist_alloc(n, sizeof *tree->position);
    tree->place = ist_alloc(n, sizeof *tree->place);
    tree->word = ist_alloc(n, sizeof *tree->word);
    for (int64_t p = 0; p < rows->n; p++)
        tree->position[p] = (int32_t)p;
    for (int64_t s = 0; s < tree->segments; s++)
        make_segment(&m, &tree->segment[s]);
    settle_places(&m);
    ist_free(m.row);
    ist_free(m.keyed);
    return tree;
}

void ist_kdtree_free(ist_kdtree **tree)
{
    ist_kdtree *t = *tree;
    if (!t)
        return;
    ist_free(t->segment);
    ist_free(t->value);
    ist_free(t->position);
    ist_free(t->place);
    ist_free(t->word);
    ist_free(t->box);
    ist_free(t);
    *tree = NULL;
}

/* Leaves have 16 rows and more, most families eight of them, and those above are an eighth of these and less; a first
 * family may have two leaves. */
int64_t ist_kdtree_kept_bytes(int64_t n, int64_t columns, int64_t segments)
{
    const int64_t real = sizeof(double), position = sizeof(int32_t), word = sizeof(uint64_t);
    int64_t families = n / (4 * IST_KD_LEAF) * 8 / 7 + ist_min(segments, n / IST_KD_LEAF) + 1;
    return columns * (n + IST_CELLS) * real + n * (2 * position + word) +
           families * columns * IST_KD_BOX * real;
}

int64_t ist_kdtree_bytes(int64_t n, int64_t columns, int64_t segments)
{
    return ist_kdtree_kept_bytes(n, columns, segments) +
           n * (columns * (int64_t)sizeof(double) + (int64_t)sizeof(struct keyed));
}

/* ---- questions ------------------------------------------------------------------------------- */

int64_t ist_kdtree_number(const ist_kdtree *tree, int64_t place)
{
    return ist_row_number(tree->rows, tree->position[place]);
}

void ist_kd_row(const ist_kdtree *tree, int64_t place, double x[IST_KD_COLUMNS])
{
    for (int f = 0; f < tree->columns; f++)
        x[f] = tree->value[f * tree->stride + place];
}

/* The larger of the components' numbers, each times its factor. */
static void join(const double factor[2], int count, double *first, const double *second)
{
    for (int j = 0; j < count; j++) {
        double x = factor[0] * first[j], y = factor[1] * second[j];
        first[j] = x > y ? x : y;
    }
}

void ist_kd_distances(const ist_kdtree *tree, const double *x, int64_t first, int count,
                      double *distance)
{
    double second[IST_KD_ROOM];
    double *to = distance;
    const double *value = tree->value + first;
    for (int c = 0; c < tree->components; c++) {
        tree->kernel->exact[tree->metric[c]].columns(x, value, tree->stride, tree->d[c], count, to);
        x += tree->d[c];
        value += tree->d[c] * tree->stride;
        to = second;
    }
    if (tree->components > 1)
        join(tree->factor, count, distance, second);
}

double ist_kdtree_distance(const ist_kdtree *tree, int64_t a, int64_t b)
{
    double x[IST_KD_COLUMNS], distance[IST_KD_ROOM] = {0};
    ist_kd_row(tree, a, x);
    ist_kd_distances(tree, x, b, 1, distance);
    return distance[0];
}

int ist_kd_judge(const ist_kdtree *tree, ist_kd_family family, const double *x,
                 double lower[IST_CELLS], double upper[IST_CELLS])
{
    double second[2][IST_CELLS];
    double *low = lower, *high = upper;
    const double *boxes = boxes_of(tree, family);
    for (int c = 0; c < tree->components; c++) {
        tree->kernel->exact[tree->metric[c]].cells(x, boxes, tree->d[c], low, high);
        x += tree->d[c];
        boxes += tree->d[c] * IST_KD_BOX;
        low = second[0];
        high = second[1];
    }
    if (tree->components > 1) {
        join(tree->factor, IST_CELLS, lower, second[0]);
        join(tree->factor, IST_CELLS, upper, second[1]);
    }
    return kids_of(family);
}

bool ist_kd_is_point(const ist_kdtree *tree, ist_kd_family family, int c)
{
    const double *boxes = boxes_of(tree, family) + c;
    bool point = true;
    for (int f = 0; f < tree->columns; f++)
        point = point && boxes[f * IST_KD_BOX] == boxes[f * IST_KD_BOX + IST_CELLS];
    return point;
}
