/* The bounds of the float32 filter: docs/numerics.md derives every number of this file. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"

_Static_assert(FLT_EVAL_METHOD == 0, "the bounds assume operations rounded to their own type");

enum { PRODUCT_MOST_FEATURES = 16000000 };

/* Two radii r: (sqrt(D) +- r)^2 lies within (1 +- delta) D and (1 + 1/delta) r^2. Of float32 copies: */
static const double float_delta = 0x1p-22;

/* ---- what the values are like ---------------------------------------------------------------- */

/* Of a number that is not 0: the exponent of the lowest bit that is set. */
static int lowest_bit_of(double x)
{
    enum { STORED = DBL_MANT_DIG - 1, LOWEST = DBL_MIN_EXP - DBL_MANT_DIG };
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = bits >> STORED & 0x7ff;
    uint64_t mantissa = bits & ((UINT64_C(1) << STORED) - 1);
    if (exponent > 0)
        mantissa |= UINT64_C(1) << STORED;
    return LOWEST + (exponent > 1 ? exponent - 1 : 0) + __builtin_ctzll(mantissa);
}

/* Two values at most: each new one must be the least or the largest so far, or make room for itself. */
static void add_value(ist_value_census *census, double value)
{
    if (!census->two_valued || value == census->least || value == census->most)
        return;
    bool more = census->least < census->most;
    census->least = fmin(census->least, value);
    census->most = fmax(census->most, value);
    census->two_valued = !more;
}

static void add_row(ist_value_census *census, const double *value, int64_t d)
{
    for (int64_t f = 0; f < d; f++) {
        double size = fabs(value[f]);
        if (!(size <= DBL_MAX)) {
            census->finite = false;
            return;
        }
        add_value(census, value[f]);
        if (size == 0)
            continue;
        census->largest = size > census->largest ? size : census->largest;
        census->smallest = size < census->smallest ? size : census->smallest;
        int bit = lowest_bit_of(size);
        census->lowest_bit = bit < census->lowest_bit ? bit : census->lowest_bit;
    }
}

ist_value_census ist_filter_census(const ist_slab *slab, int64_t d, double *sum, double *squares)
{
    ist_value_census census = {.finite = true,
                               .smallest = INFINITY,
                               .lowest_bit = INT_MAX,
                               .least = INFINITY,
                               .most = -INFINITY,
                               .two_valued = true};
    double *room = ist_alloc((size_t)d, sizeof *room);
    for (int64_t i = 0; i < slab->count && census.finite; i++) {
        const double *value = ist_row_values(slab, i, d, room);
        add_row(&census, value, d);
        for (int64_t f = 0; f < d; f++) {
            sum[f] += value[f];
            *squares += value[f] * value[f];
        }
    }
    ist_free(room);
    return census;
}

double ist_filter_largest_norm(const ist_slab *slab, const double *centre, int64_t d)
{
    double largest = 0, *room = ist_alloc((size_t)d, sizeof *room);
    for (int64_t i = 0; i < slab->count; i++) {
        const double *value = ist_row_values(slab, i, d, room);
        double norm = 0;
        for (int64_t f = 0; f < d; f++)
            norm += (value[f] - centre[f]) * (value[f] - centre[f]);
        largest = fmax(largest, norm);
    }
    ist_free(room);
    return largest * (1 + 1e-6);
}

/* Values on a grid that float64 can square. */
static bool on_a_grid(const ist_value_census *census)
{
    return census->lowest_bit != INT_MAX && abs(census->lowest_bit) < 400;
}

void ist_filter_round_centre(const ist_value_census *census, int64_t d, double *centre)
{
    if (!on_a_grid(census))
        return;
    for (int64_t f = 0; f < d; f++)
        centre[f] = ldexp(rint(ldexp(centre[f], -census->lowest_bit)), census->lowest_bit);
}

/* ---- the filter ------------------------------------------------------------------------------ */

/* Are all copies small integers, so that no sum of differences, squares or products of two of them is
 * rounded? Every partial sum is at most (|x| + |y|)^2, or sqrt(d) (|x| + |y|), or |x| + |y|. */
static bool sums_are_exact(ist_filter_form form, const ist_value_census *census,
                           double largest_norm, int64_t d)
{
    if (census->lowest_bit == INT_MAX)
        return true;
    double square = ldexp(4 * largest_norm, -2 * census->lowest_bit);
    double most = ist_is_squared(form) ? square : sqrt(square * (double)d) * (1 + IST_SLACK);
    if (form == IST_FILTER_LARGEST)
        most = sqrt(square) * (1 + IST_SLACK);
    return on_a_grid(census) && most <= 0x1p24;
}

/* What a feature adds in which two rows differ, if there are but two values. */
static double step_of(ist_filter_form form, const ist_value_census *census)
{
    double t = census->most - census->least;
    return ist_is_squared(form) ? t * t : t;
}

/* Have all features that differ the same difference, and does what it adds add up without a sum being met
 * twice? */
static bool has_levels(ist_filter_form form, const ist_value_census *census, int64_t d)
{
    enum { MOST_LEVELS = 1 << 22 };
    return census->two_valued && census->least < census->most && d <= MOST_LEVELS &&
           step_of(form, census) >= DBL_MIN;
}

/* The definition's sums of 0 to d such steps; or none and one. */
static void set_levels(ist_filter *filter, const ist_value_census *census, int64_t d)
{
    filter->features = filter->form == IST_FILTER_LARGEST ? 1 : d;
    filter->level = ist_alloc((size_t)filter->features + 1, sizeof *filter->level);
    for (int64_t m = 0; m < filter->features; m++)
        filter->level[m + 1] = filter->level[m] + step_of(filter->form, census);
}

static double *copy_of(const double *values, int64_t d)
{
    double *copy = ist_alloc((size_t)d, sizeof *copy);
    for (int64_t f = 0; f < d; f++)
        copy[f] = values[f];
    return copy;
}

static void set_scale(ist_filter *filter, int scale)
{
    filter->scale = scale;
    filter->unit = ist_is_squared(filter->form) ? 2 * scale : scale;
}

/* Squares of the copies must neither overflow nor vanish. */
static int scale_for(double largest)
{
    enum { WANTED = 15 };
    bool comfortable = largest == 0 || (largest > 0x1p-30 && largest < 0x1p40);
    return comfortable ? 0 : WANTED - ilogb(largest);
}

/* Norms that integer copies may have, so that no sum of products leaves 32 bits, nor a copy 16. */
static const double most_integer_norm = 46340, most_integer = 32767;

/* The largest exponent with which no copy is too long, none of its numbers too large. Norms and numbers are about the centre. */
static int integer_scale(double largest_norm, double largest, int64_t d)
{
    enum { MOST_SCALE = 440 };
    double norm = sqrt(largest_norm) * (1 + IST_SLACK), rounding = 0.5 * sqrt((double)d) + 1;
    double room = fmin(most_integer_norm - rounding, 0x1p52);
    if (norm == 0 || room <= 0)
        return INT_MAX;
    int scale = ilogb(room / norm);
    if (ldexp(fmin(norm, largest), scale) > most_integer - 1)
        scale--;
    return scale < -MOST_SCALE || scale > MOST_SCALE ? INT_MAX : scale;
}

/* What widths and thresholds take on together is least where delta is the typical rounding of two copies over the root of
 * the distance. */
static double integer_delta(const ist_filter *filter, double distance, int64_t d)
{
    double rounding = sqrt((double)d / 12), length = sqrt(ldexp(distance, filter->unit));
    return ldexp(1, (int)fmax(-30, fmin(-1, ilogb(2 * rounding / length))));
}

/* The longest chain of additions, within a block, of blocks, of chunks, and what the others need. */
double ist_filter_error(int64_t d)
{
    const double v = 0x1p-24;
    if (d <= IST_SINGLE_BLOCK)
        return (double)(d + 1 + 4) * v;
    int64_t blocks = ist_min(ist_ceil_div(d, IST_BLOCK), IST_CHUNK / IST_BLOCK);
    return (double)(IST_BLOCK + blocks + ist_ceil_div(d, IST_CHUNK) - 1 + 4) * v;
}

static void set_bounds(ist_filter *filter, int64_t d, bool rounded)
{
    const double v = 0x1p-24;
    double e = ist_filter_error(filter->form == IST_FILTER_LARGEST ? 1 : d);
    if (filter->form == IST_FILTER_INTEGER)
        e = 5 * v; /* sums are exact, and rounded once */
    double e64 = (double)(d + 3) * 0x1p-53;
    double moved = (1 + (rounded && ist_is_squared(filter->form) ? filter->delta : 0)) * (1 + e64) *
                   (1 + 0x1p-40);
    if (!ist_is_product(filter->form))
        moved *= (1 + 4 * v) / (1 - e);
    filter->share = e;
    filter->relative = moved - 1;
    filter->absolute = 2 * (double)d * 0x1p-149;
}

static double largest_about(const ist_value_census *census, const double *centre, int64_t d)
{
    double most = 0;
    for (int64_t f = 0; f < d; f++)
        most = fmax(most, fabs(centre[f]));
    return census->largest + most;
}

/* No distance is larger than (|x| + |y|)^2, or sqrt(d) (|x| + |y|), or |x| + |y|. */
static double largest_of(const ist_filter *filter, double largest_norm, int64_t d)
{
    double square = 4 * largest_norm;
    if (filter->level)
        return (double)filter->features;
    if (filter->form == IST_FILTER_SIZES)
        square *= (double)d;
    return ldexp(ist_is_squared(filter->form) ? square : sqrt(square), filter->unit) *
           (1 + IST_SLACK);
}

ist_filter ist_filter_new(ist_filter_form form, const ist_value_census *census,
                          const double *centre, bool centred, double largest_norm, int64_t d)
{
    ist_filter filter = {.form = form, .delta = float_delta};
    bool usable = census->finite && census->largest < 1e140 &&
                  (census->largest == 0 || census->largest > 1e-130) &&
                  d <= (ist_is_product(form) ? PRODUCT_MOST_FEATURES : IST_FILTER_MOST_FEATURES);
    if (!usable || form == IST_FILTER_NONE)
        return (ist_filter){.form = IST_FILTER_NONE};
    if (sums_are_exact(form, census, largest_norm, d)) {
        filter.exact = true;
        filter.shift = copy_of(centre, d);
        set_scale(&filter, census->lowest_bit == INT_MAX ? 0 : -census->lowest_bit);
        filter.largest = largest_of(&filter, largest_norm, d);
        return filter;
    }
    if (has_levels(form, census, d)) {
        filter.exact = true;
        filter.most = census->most;
        set_levels(&filter, census, d);
        filter.largest = largest_of(&filter, largest_norm, d);
        return filter;
    }
    int scale = scale_for(census->largest);
    if (form == IST_FILTER_INTEGER)
        scale = integer_scale(largest_norm, largest_about(census, centre, d), d);
    if (scale == INT_MAX)
        return (ist_filter){.form = IST_FILTER_NONE};
    centred |= form == IST_FILTER_INTEGER;
    if (centred)
        filter.shift = copy_of(centre, d);
    set_scale(&filter, scale);
    if (form == IST_FILTER_INTEGER)
        filter.delta = integer_delta(&filter, largest_norm, d);
    set_bounds(&filter, d, centred || filter.scale < 0);
    filter.largest = largest_of(&filter, largest_norm, d);
    filter.zero_exact = !ist_is_product(form) && !centred && filter.scale >= 0 &&
                        ilogb(census->smallest) - FLT_MANT_DIG + filter.scale > -70;
    return filter;
}

void ist_filter_tune(ist_filter *filter, double near, int64_t d)
{
    if (filter->form != IST_FILTER_INTEGER || filter->exact || !(near > 0))
        return;
    filter->delta = integer_delta(filter, near, d);
    set_bounds(filter, d, true);
}

ist_filter ist_filter_copy(const ist_filter *filter, int64_t d)
{
    ist_filter copy = *filter;
    if (filter->shift)
        copy.shift = copy_of(filter->shift, d);
    if (filter->level)
        copy.level = copy_of(filter->level, filter->features + 1);
    return copy;
}

void ist_filter_release(ist_filter *filter)
{
    ist_free(filter->shift);
    ist_free(filter->level);
    *filter = (ist_filter){0};
}

/* ---- thresholds ------------------------------------------------------------------------------ */

static bool is_sure_zero(const ist_filter *filter, double threshold)
{
    return filter->zero_exact && threshold == 0;
}

/* How many levels lie below a threshold. */
static int64_t levels_below(const ist_filter *filter, double threshold)
{
    int64_t low = 0, high = filter->features + 1;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (filter->level[middle] < threshold)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_level(const ist_filter *filter, int64_t m, double threshold)
{
    return m <= filter->features && filter->level[m] == threshold;
}

double ist_filter_distance(const ist_filter *filter, float l)
{
    return filter->level ? filter->level[(int64_t)l] : ldexp((double)l, -filter->unit);
}

/* In exact filters l is the distance: l above the largest float32 number up to t is above t. */
float ist_filter_high(const ist_filter *filter, double threshold)
{
    if (isinf(threshold))
        return INFINITY;
    if (filter->level) {
        int64_t m = levels_below(filter, threshold);
        return (float)(is_level(filter, m, threshold) ? m : m - 1);
    }
    double t = ldexp(threshold, filter->unit);
    if (filter->exact)
        return t >= FLT_MAX ? INFINITY : (double)(float)t <= t ? (float)t : ist_down(t);
    if (is_sure_zero(filter, threshold))
        return 0;
    return ist_up((1 + filter->relative) * t + filter->absolute);
}

float ist_filter_low(const ist_filter *filter, double threshold, float width)
{
    if (filter->level)
        return (float)levels_below(filter, threshold);
    double t = ldexp(threshold, filter->unit);
    if (filter->exact)
        return t >= FLT_MAX ? FLT_MAX : (double)(float)t >= t ? (float)t : ist_up(t);
    if (is_sure_zero(filter, threshold))
        return 0;
    return ist_down(t / (1 + filter->relative) * (1 - 0x1p-50) - (double)width);
}

float ist_filter_sure(const ist_filter *filter, double threshold)
{
    if (filter->level) {
        int64_t m = levels_below(filter, threshold);
        return is_level(filter, m, threshold) ? (float)m : -INFINITY;
    }
    double t = ldexp(threshold, filter->unit);
    bool sure =
        (filter->exact && t < FLT_MAX && (double)(float)t == t) || is_sure_zero(filter, threshold);
    return sure ? (float)t : -INFINITY;
}

float ist_filter_tree_shrink(const ist_filter *filter)
{
    double factor = 1 + filter->relative;
    return filter->exact ? 1 : ist_down((1 - 0x1p-21) / (factor * factor));
}

float ist_filter_tree_width(const ist_filter *filter, float width)
{
    return filter->exact ? 0 : ist_up(((double)width + 4 * filter->absolute) * (1 + IST_SLACK));
}

float ist_filter_high_of_upper(const ist_filter *filter, float upper)
{
    if (filter->exact || isinf(upper) || (filter->zero_exact && upper == 0))
        return upper;
    double most = (1 + filter->relative) * (double)upper;
    double high = (1 + filter->relative) * most + filter->absolute;
    return (float)(high * (1 + 0x1p-22) + 0x1p-148);
}
