/* Joint sets: the larger of two distances, and its filter (docs/numerics.md section 13). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infostrata/pairs.h"

/* Against the roundings of the factors and of what they multiply. */
static const double slack = 0x1p-20;

/* ---- the filter ------------------------------------------------------------------------------ */

static bool is_power_of_two(double x)
{
    int exponent;
    return frexp(x, &exponent) == 0.5;
}

/* What a filter value of 1 stands for. */
static double unit_of(const ist_filter *filter)
{
    return filter->level ? filter->level[1] : ldexp(1, -filter->unit);
}

/* The unit in which the largest distance comes to 2^30, far from what float32 cannot hold; false if there is
 * none such. */
static bool set_joint_unit(ist_filter *joint, double largest)
{
    enum { WANTED = 30 };
    if (!(largest == 0 || (largest > 1e-230 && largest < 1e240)))
        return false;
    joint->unit = largest == 0 ? 0 : WANTED - ilogb(largest);
    return true;
}

/* The factor of one component's filter values, and what they contribute to the bounds. */
static bool join_one(ist_filter *joint, int c, const ist_filter *filter, double factor)
{
    double a = ldexp(factor * unit_of(filter), joint->unit);
    if (filter->largest > 0 && !(a > 0x1p-100 && a < 0x1p100))
        return false;
    double levels = filter->level ? (double)(filter->features + 3) * 0x1p-52 : 0;
    joint->factor[c] = filter->largest > 0 ? (float)a : 0;
    joint->relative = fmax(joint->relative, filter->relative + levels);
    joint->absolute = fmax(joint->absolute, joint->factor[c] * filter->absolute);
    joint->exact = joint->exact && filter->exact && !filter->level && is_power_of_two(factor);
    joint->zero_exact =
        joint->zero_exact && (filter->exact || (filter->zero_exact && joint->factor[c] >= 1));
    return true;
}

ist_filter ist_filter_joint(const ist_filter *const filter[2], const double factor[2])
{
    const ist_filter none = {.form = IST_FILTER_NONE};
    ist_filter joint = {.form = IST_FILTER_JOINT, .exact = true, .zero_exact = true};
    for (int c = 0; c < 2; c++) {
        if (filter[c]->form == IST_FILTER_NONE)
            return none;
        joint.largest = fmax(joint.largest, factor[c] * unit_of(filter[c]) * filter[c]->largest);
    }
    if (!set_joint_unit(&joint, joint.largest))
        return none;
    for (int c = 0; c < 2; c++)
        if (!join_one(&joint, c, filter[c], factor[c]))
            return none;
    joint.largest = ldexp(joint.largest, joint.unit);
    if (!joint.exact) {
        joint.relative = (1 + joint.relative) * (1 + slack) - 1;
        joint.margin = 0x1p-147;
        joint.absolute = joint.absolute * (1 + slack) + joint.margin;
    }
    return joint;
}

/* ---- copies ---------------------------------------------------------------------------------- */

typedef struct {
    int32_t kind[2];
    int32_t row;
} twofold;

static int compare_twofold(const void *a, const void *b)
{
    const twofold *x = a, *y = b;
    for (int c = 0; c < 2; c++)
        if (x->kind[c] != y->kind[c])
            return x->kind[c] < y->kind[c] ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Equal are the rows that are of one kind in both components. */
static void join_kinds(int64_t rows, ist_packed *packed)
{
    const ist_packed *x = &packed->component[0], *y = &packed->component[1];
    for (int64_t row = 0; row < rows + IST_TILE; row++)
        packed->kind[row] = IST_NO_KIND;
    if (!x->repeats || !y->repeats)
        return;
    twofold *all = ist_alloc((size_t)rows, sizeof *all);
    int64_t count = 0, head = 0;
    for (int64_t row = 0; row < rows; row++)
        if (x->kind[row] >= 0 && y->kind[row] >= 0)
            all[count++] = (twofold){{x->kind[row], y->kind[row]}, (int32_t)row};
    qsort(all, (size_t)count, sizeof *all, compare_twofold);
    for (int64_t p = 1; p < count; p++) {
        int32_t first = all[head].row, row = all[p].row;
        if (all[p].kind[0] != all[head].kind[0] || all[p].kind[1] != all[head].kind[1]) {
            head = p;
        } else {
            packed->kind[first] = packed->kind[row] = first;
            packed->repeats = true;
        }
    }
    ist_free(all);
}

ist_packed ist_pack_joint(const ist_rows *rows, const ist_slab *slab, ist_packed *component)
{
    const ist_filter *filter = &rows->filter;
    ist_packed packed = {.tiles = component->tiles, .component = component};
    size_t tiles = (size_t)packed.tiles, values = tiles * IST_TILE;
    packed.row = ist_alloc(tiles + 1, sizeof *packed.row);
    packed.block = ist_alloc(tiles, sizeof *packed.block);
    memcpy(packed.row, component->row, (tiles + 1) * sizeof *packed.row);
    if (tiles > 0)
        memcpy(packed.block, component->block, tiles * sizeof *packed.block);
    packed.width = ist_alloc(values, sizeof *packed.width);
    packed.kind = ist_alloc((size_t)(slab->count + IST_TILE), sizeof *packed.kind);
    for (size_t at = 0; at < values && !filter->exact; at++) {
        double x = (double)filter->factor[0] * (double)component[0].width[at];
        double y = (double)filter->factor[1] * (double)component[1].width[at];
        double width = fmax(x, y) * (1 + slack) + filter->margin;
        packed.width[at] = nextafterf((float)width, INFINITY);
    }
    join_kinds(slab->count, &packed);
    return packed;
}

/* ---- sets ------------------------------------------------------------------------------------ */

void ist_rows_join(const ist_rows *const component[2], const double factor[2], ist_rows *joint)
{
    const ist_rows *x = component[0], *y = component[1];
    const ist_filter *const filters[2] = {&x->filter, &y->filter};
    *joint = (ist_rows){.n = x->n,
                        .d = x->d + y->d,
                        .metric = x->metric,
                        .blocks = ist_blocks_copy(&x->blocks),
                        .order = x->order,
                        .filter = ist_filter_joint(filters, factor),
                        .home = {.first = x->home.first, .count = x->home.count},
                        .may_repeat = x->may_repeat && y->may_repeat,
                        .component = {x, y},
                        .factor = {factor[0], factor[1]}};
    joint->home.component = ist_alloc(2, sizeof *joint->home.component);
    for (int c = 0; c < 2; c++)
        joint->home.component[c] = component[c]->home;
    if (joint->filter.form == IST_FILTER_NONE) {
        joint->packed = ist_pack(joint, &joint->home);
        return;
    }
    ist_packed *packed = ist_alloc(2, sizeof *packed);
    for (int c = 0; c < 2; c++)
        packed[c] = component[c]->packed;
    joint->packed = ist_pack_joint(joint, &joint->home, packed);
}

ist_rows *ist_rows_join_integers(const ist_kernel *kernel, const ist_rows *joint)
{
    const ist_rows *component[2];
    bool any = false;
    for (int c = 0; c < 2; c++) {
        component[c] = ist_rows_for_nearest(kernel, joint->component[c]);
        any = any || component[c] != joint->component[c];
    }
    if (!any)
        return NULL;
    ist_rows *integers = ist_alloc(1, sizeof *integers);
    ist_rows_join(component, joint->factor, integers);
    if (integers->filter.form == IST_FILTER_JOINT)
        return integers;
    ist_rows_release(integers);
    ist_free(integers);
    return NULL;
}

/* ---- thresholds ------------------------------------------------------------------------------ */

/* Numbers that are not negative are ordered as their bits are. */
double ist_scaled_threshold(double eps, double factor)
{
    const double most = INFINITY;
    uint64_t low = 0, high;
    memcpy(&high, &most, sizeof high);
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        double t;
        memcpy(&t, &middle, sizeof t);
        if (t * factor >= eps)
            high = middle;
        else
            low = middle + 1;
    }
    double threshold;
    memcpy(&threshold, &low, sizeof threshold);
    return threshold;
}
