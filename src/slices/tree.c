/* Halves at the median of the widest column. Bounds of a box are computed as distances are, operation by operation,
 * and rounding keeps order: what they rule out, or in, the distance itself would. */
#include "tree.h"

enum { LEAF = 8 };

/* ---- distances ------------------------------------------------------------------------------- */

/* The larger of both groups' sums of t t, of parts t[0..columns). */
static double distance_of(const ist_tree *tree, const double *part)
{
    double most = 0;
    for (int g = 0, c = 0; g < 2; g++) {
        double sum = 0;
        for (int last = c + tree->columns[g]; c < last; c++)
            sum = sum + part[c] * part[c];
        double distance = sum * tree->factor[g];
        most = distance > most ? distance : most;
    }
    return most;
}

static int all_columns(const ist_tree *tree)
{
    return tree->columns[0] + tree->columns[1];
}

static double distance_to(const ist_tree *tree, const double *point, int64_t at)
{
    double part[IST_TREE_COLUMNS] = {0};
    int columns = all_columns(tree);
    for (int c = 0; c < columns; c++)
        part[c] = tree->point[at * columns + c] - point[c];
    return distance_of(tree, part);
}

/* The least distance that a sample of the box may have, or the most. */
static double bound_of(const ist_tree *tree, const ist_tree_node *node, const double *point,
                       bool farthest)
{
    double part[IST_TREE_COLUMNS] = {0};
    for (int c = 0; c < all_columns(tree); c++) {
        double below = node->low[c] - point[c], above = point[c] - node->high[c];
        double outside = below > above ? below : above;
        double across = -below > -above ? -below : -above;
        part[c] = farthest ? across : outside > 0 ? outside : 0;
    }
    return distance_of(tree, part);
}

/* ---- making ---------------------------------------------------------------------------------- */

typedef struct {
    ist_tree *tree;
    const double *column[IST_TREE_COLUMNS]; /* by sample */
} maker;

/* Moves the samples of [first, last) so that those before `middle` are not larger in a column, those after it not
 * smaller (Hoare 1961). */
static void halve(int32_t *whose, const double *column, int64_t first, int64_t last, int64_t middle)
{
    last--;
    while (first < last) {
        double pivot = column[whose[first + (last - first) / 2]];
        int64_t i = first, j = last;
        while (i <= j) {
            while (column[whose[i]] < pivot)
                i++;
            while (column[whose[j]] > pivot)
                j--;
            if (i <= j) {
                int32_t other = whose[i];
                whose[i++] = whose[j];
                whose[j--] = other;
            }
        }
        if (middle <= j)
            last = j;
        else if (middle >= i)
            first = i;
        else
            return;
    }
}

static int box_of(const maker *m, ist_tree_node *node)
{
    const ist_tree *tree = m->tree;
    int widest = 0;
    double width = -1;
    for (int c = 0; c < all_columns(tree); c++) {
        double low = INFINITY, high = -INFINITY;
        for (int32_t at = node->first; at < node->last; at++) {
            double value = m->column[c][tree->whose[at]];
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
        node->low[c] = low;
        node->high[c] = high;
        double own = ist_apart(high, low) * tree->factor[c < tree->columns[0] ? 0 : 1];
        if (own > width) {
            width = own;
            widest = c;
        }
    }
    return widest;
}

static int32_t make(maker *m, int32_t first, int32_t last)
{
    ist_tree *tree = m->tree;
    int32_t at = tree->node_count++;
    tree->node[at] = (ist_tree_node){.first = first, .last = last, .left = -1, .right = -1};
    int widest = box_of(m, &tree->node[at]);
    if (last - first <= LEAF)
        return at;
    int32_t middle = first + (last - first) / 2;
    halve(tree->whose, m->column[widest], first, last, middle);
    int32_t left = make(m, first, middle), right = make(m, middle, last);
    tree->node[at].left = left;
    tree->node[at].right = right;
    return at;
}

/* A leaf has more than LEAF / 2 samples, or is the only one. */
static int64_t most_nodes(int64_t n)
{
    return 2 * (n / (LEAF / 2) + 1);
}

ist_tree ist_tree_new(int64_t n, const int32_t *member, int64_t stride, const int columns[2],
                      const double *x, const double *y, const double factor[2])
{
    ist_tree tree = {.n = n,
                     .columns = {columns[0], columns[1]},
                     .factor = {factor[0], factor[1]},
                     .node = ist_alloc_unset((size_t)most_nodes(n), sizeof *tree.node),
                     .whose = ist_alloc_unset((size_t)n, sizeof *tree.whose)};
    int all = all_columns(&tree);
    maker m = {.tree = &tree};
    for (int c = 0; c < all; c++)
        m.column[c] = c < columns[0] ? x + c * stride : y + (c - columns[0]) * stride;
    for (int64_t i = 0; i < n; i++)
        tree.whose[i] = member ? member[i] : (int32_t)i;
    make(&m, 0, (int32_t)n);
    tree.point = ist_alloc_unset((size_t)(n * all), sizeof *tree.point);
    for (int64_t i = 0; i < n; i++)
        for (int c = 0; c < all; c++)
            tree.point[i * all + c] = m.column[c][tree.whose[i]];
    return tree;
}

void ist_tree_release(ist_tree *tree)
{
    ist_free(tree->point);
    ist_free(tree->whose);
    ist_free(tree->node);
    *tree = (ist_tree){0};
}

int64_t ist_tree_bytes(int64_t n, int columns)
{
    return n * (columns * (int64_t)sizeof(double) + (int64_t)sizeof(int32_t)) +
           most_nodes(n) * (int64_t)sizeof(ist_tree_node);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void visit(const ist_tree *tree, int32_t at, const double *point, ist_nears *nears)
{
    const ist_tree_node *node = &tree->node[at];
    if (node->left < 0) {
        for (int32_t i = node->first; i < node->last; i++) {
            if (tree->whose[i] == nears->own)
                continue;
            double distance = distance_to(tree, point, i);
            if (ist_nears_wants(nears, distance))
                ist_nears_offer(nears, distance, tree->whose[i]);
        }
        return;
    }
    double left = bound_of(tree, &tree->node[node->left], point, false);
    double right = bound_of(tree, &tree->node[node->right], point, false);
    bool swap = right < left;
    for (int turn = 0; turn < 2; turn++) {
        bool second = turn != swap;
        if (ist_nears_wants(nears, second ? right : left))
            visit(tree, second ? node->right : node->left, point, nears);
    }
}

void ist_tree_nearest(const ist_tree *tree, const double *point, ist_nears *nears)
{
    visit(tree, 0, point, nears);
}

static bool is_within(double distance, double limit, bool strictly)
{
    return strictly ? distance < limit : distance <= limit;
}

static int64_t count_in(const ist_tree *tree, int32_t at, const double *point, double limit,
                        bool strictly)
{
    const ist_tree_node *node = &tree->node[at];
    if (!is_within(bound_of(tree, node, point, false), limit, strictly))
        return 0;
    if (is_within(bound_of(tree, node, point, true), limit, strictly))
        return node->last - node->first;
    if (node->left >= 0)
        return count_in(tree, node->left, point, limit, strictly) +
               count_in(tree, node->right, point, limit, strictly);
    int64_t count = 0;
    for (int32_t i = node->first; i < node->last; i++)
        count += is_within(distance_to(tree, point, i), limit, strictly);
    return count;
}

int64_t ist_tree_count(const ist_tree *tree, const double *point, double limit, bool strictly)
{
    return count_in(tree, 0, point, limit, strictly);
}
