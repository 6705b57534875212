/* The bounds of the float32 filter: docs/numerics.md derives every number of this file. */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infostrata/pairs.h"

_Static_assert(FLT_EVAL_METHOD == 0, "the bounds assume operations rounded to their own type");

enum { PRODUCT_MOST_FEATURES = 16000000 };

/* Two radii r: (sqrt(D) +- r)^2 lies within (1 +- delta) D and (1 + 1/delta) r^2. Of float32 copies: */
static const double float_delta = 0x1p-22;
/* Against the roundings of this file's own arithmetic. */
static const double slack = 0x1p-20;

static float up(double x)
{
    return x < FLT_MAX ? nextafterf((float)x, INFINITY) : INFINITY;
}

static float down(double x)
{
    return x < FLT_MAX ? nextafterf((float)x, -INFINITY) : FLT_MAX;
}

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

/* A row's values as float64, where they are or in `room`. */
static const double *row_values(const ist_slab *slab, int64_t row, int64_t d, double *room)
{
    if (slab->wide)
        return slab->wide + row * d;
    for (int64_t f = 0; f < d; f++)
        room[f] = (double)slab->narrow[row * d + f];
    return room;
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
        const double *value = row_values(slab, i, d, room);
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
        const double *value = row_values(slab, i, d, room);
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

static bool is_product(ist_filter_form form)
{
    return form == IST_FILTER_PRODUCT || form == IST_FILTER_INTEGER;
}

static bool is_squared(ist_filter_form form)
{
    return form == IST_FILTER_DIRECT || is_product(form);
}

/* Are all copies small integers, so that no sum of differences, squares or products of two of them is
 * rounded? Every partial sum is at most (|x| + |y|)^2, or sqrt(d) (|x| + |y|), or |x| + |y|. */
static bool sums_are_exact(ist_filter_form form, const ist_value_census *census,
                           double largest_norm, int64_t d)
{
    if (census->lowest_bit == INT_MAX)
        return true;
    double square = ldexp(4 * largest_norm, -2 * census->lowest_bit);
    double most = is_squared(form) ? square : sqrt(square * (double)d) * (1 + slack);
    if (form == IST_FILTER_LARGEST)
        most = sqrt(square) * (1 + slack);
    return on_a_grid(census) && most <= 0x1p24;
}

/* What a feature adds in which two rows differ, if there are but two values. */
static double step_of(ist_filter_form form, const ist_value_census *census)
{
    double t = census->most - census->least;
    return is_squared(form) ? t * t : t;
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
    filter->unit = is_squared(filter->form) ? 2 * scale : scale;
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
    double norm = sqrt(largest_norm) * (1 + slack), rounding = 0.5 * sqrt((double)d) + 1;
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
    double moved =
        (1 + (rounded && is_squared(filter->form) ? filter->delta : 0)) * (1 + e64) * (1 + 0x1p-40);
    if (!is_product(filter->form))
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
    return ldexp(is_squared(filter->form) ? square : sqrt(square), filter->unit) * (1 + slack);
}

ist_filter ist_filter_new(ist_filter_form form, const ist_value_census *census,
                          const double *centre, bool centred, double largest_norm, int64_t d)
{
    ist_filter filter = {.form = form, .delta = float_delta};
    bool usable =
        census->finite && census->largest < 1e140 &&
        (census->largest == 0 || census->largest > 1e-130) &&
        d <= (is_product(form) ? PRODUCT_MOST_FEATURES : IST_FILTER_MOST_FEATURES);
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
    filter.zero_exact = !is_product(form) && !centred && filter.scale >= 0 &&
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

/* ---- copies ---------------------------------------------------------------------------------- */

/* Puts feature f of a copy into its place in a panel; returns it. */
static double put_copy(const ist_filter *filter, double x, int64_t f, float *panel)
{
    if (filter->form != IST_FILTER_INTEGER) {
        panel[f * IST_PANEL] = (float)x;
        return (double)panel[f * IST_PANEL];
    }
    const double whole = 0x1.8p52; /* what is added to it is rounded to an integer */
    int16_t copy = (int16_t)((x + whole) - whole);
    memcpy((char *)(panel + f / 2 * IST_PANEL) + f % 2 * (int64_t)sizeof copy, &copy, sizeof copy);
    return copy;
}

/* Writes the copy of a row into its place in a panel; returns its squared norm, and what the rounding took
 * off: the squared norm of it, or its norm of the form. */
static double copy_row(const ist_filter *filter, const double *value, int64_t d, float *panel,
                       double *error)
{
    double norm = 0, factor = ldexp(1, filter->scale);
    *error = 0;
    for (int64_t f = 0; f < d; f++) {
        double x = (filter->shift ? value[f] - filter->shift[f] : value[f]) * factor;
        if (filter->level)
            x = value[f] == filter->most;
        double copy = put_copy(filter, x, f, panel);
        norm += copy * copy;
        /* The subtraction was rounded too: half an ulp of float64, taken double. */
        double off = fabs(copy - x) + (filter->shift ? DBL_EPSILON * fabs(x) : 0);
        if (filter->form == IST_FILTER_LARGEST)
            *error = off > *error ? off : *error;
        else
            *error += is_squared(filter->form) ? off * off : off;
    }
    return norm;
}

static void set_term(const ist_filter *filter, double norm, double error, float *term, float *width)
{
    bool product = is_product(filter->form);
    if (filter->exact) {
        *term = product ? (float)norm : 0;
        *width = 0;
        return;
    }
    double enlarged = is_squared(filter->form) ? 2 * (1 + 1 / filter->delta) : 1;
    double moved = error > 0 ? enlarged * error * (1 + 2 * slack) + DBL_MIN : 0;
    double tiny = filter->absolute;
    if (product) {
        *term = down(norm * (1 - filter->share) - moved - tiny);
        *width = up((2 * filter->share + 0x1p-23) * norm * (1 + slack) + 2 * moved * (1 + slack) +
                    3 * tiny);
    } else {
        double taken = moved * (1 + filter->share) * (1 + slack);
        *term = moved > 0 ? -up(taken) : 0;
        *width = moved > 0 ? up((taken + moved) * (1 + slack) + tiny) : up(tiny);
    }
}

static void pack_tile(const ist_rows *rows, const ist_slab *slab, int64_t first, int64_t count,
                      double *room, float *panels, float *term, float *width)
{
    int64_t d = rows->d, words = ist_filter_words(&rows->filter, d);
    for (int64_t i = 0; i < IST_TILE; i++) {
        term[i] = NAN;
        if (i >= count)
            continue;
        double error;
        float *panel = panels + i / IST_PANEL * IST_PANEL * words + i % IST_PANEL;
        double norm =
            copy_row(&rows->filter, row_values(slab, first + i, d, room), d, panel, &error);
        set_term(&rows->filter, norm, error, term + i, width + i);
    }
}

/* ---- equal rows ------------------------------------------------------------------------------ */

typedef struct {
    uint64_t hash;
    int64_t row;
} suspect;

static int compare_suspects(const void *a, const void *b)
{
    const suspect *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* -0 and 0 are the same value. */
static uint64_t hash_of(const double *value, int64_t d)
{
    uint64_t hash = 0, bits;
    for (int64_t f = 0; f < d; f++) {
        double plain = value[f] + 0.0;
        memcpy(&bits, &plain, sizeof bits);
        hash = (hash ^ bits) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
    }
    return hash;
}

static bool rows_are_equal(const ist_slab *slab, int64_t a, int64_t b, int64_t d)
{
    for (int64_t f = 0; f < d; f++)
        if (slab->wide ? slab->wide[a * d + f] != slab->wide[b * d + f]
                       : slab->narrow[a * d + f] != slab->narrow[b * d + f])
            return false;
    return true;
}

/* Equal hashes are a suspicion: values are compared. One comparison a row, whatever the hashes. */
static void find_kinds(const ist_rows *rows, const ist_slab *slab, ist_packed *packed, double *room)
{
    for (int64_t row = 0; row < slab->count + IST_TILE; row++)
        packed->kind[row] = IST_NO_KIND;
    if (!rows->may_repeat)
        return;
    suspect *all = ist_alloc((size_t)slab->count, sizeof *all);
    int64_t head = 0;
    for (int64_t row = 0; row < slab->count; row++)
        all[row] = (suspect){hash_of(row_values(slab, row, rows->d, room), rows->d), row};
    qsort(all, (size_t)slab->count, sizeof *all, compare_suspects);
    for (int64_t p = 1; p < slab->count; p++) {
        int64_t first = all[head].row, row = all[p].row;
        if (all[p].hash != all[head].hash) {
            head = p;
        } else if (rows_are_equal(slab, first, row, rows->d)) {
            packed->kind[first] = packed->kind[row] = (int32_t)first;
            packed->repeats = true;
        }
    }
    ist_free(all);
}

/* Tiles, and which rows are theirs. */
static ist_packed outline(const ist_blocks *blocks, const ist_slab *slab)
{
    ist_packed packed = {0};
    int64_t block = blocks->count, last = slab->first + slab->count, tiles = 0;
    if (slab->count > 0)
        block = ist_blocks_find(blocks, slab->first);
    for (int64_t b = block; b < blocks->count && blocks->start[b] < last; b++)
        tiles += ist_ceil_div(blocks->start[b + 1] - blocks->start[b], IST_TILE);
    packed.row = ist_alloc((size_t)tiles + 1, sizeof *packed.row);
    packed.block = ist_alloc((size_t)tiles, sizeof *packed.block);
    for (int64_t b = block; b < blocks->count && blocks->start[b] < last; b++)
        for (int64_t at = blocks->start[b]; at < blocks->start[b + 1]; at += IST_TILE) {
            int64_t tile = packed.tiles++, row = at - slab->first;
            packed.row[tile] = row;
            packed.row[tile + 1] = row + ist_min(IST_TILE, blocks->start[b + 1] - at);
            packed.block[tile] = b;
        }
    return packed;
}

static ist_packed pack_plain(const ist_rows *rows, const ist_slab *slab)
{
    ist_packed packed = outline(&rows->blocks, slab);
    if (rows->filter.form == IST_FILTER_NONE)
        return packed;
    size_t values = (size_t)(packed.tiles * IST_TILE);
    int64_t words = ist_filter_words(&rows->filter, rows->d);
    packed.panels = ist_alloc(values, (size_t)words * sizeof *packed.panels);
    packed.term = ist_alloc(values, sizeof *packed.term);
    packed.width = ist_alloc(values, sizeof *packed.width);
    packed.kind = ist_alloc((size_t)(slab->count + IST_TILE), sizeof *packed.kind);
    double *room = ist_alloc((size_t)rows->d, sizeof *room);
    for (int64_t t = 0; t < packed.tiles; t++)
        pack_tile(rows, slab, packed.row[t], packed.row[t + 1] - packed.row[t], room,
                  packed.panels + t * IST_TILE * words, packed.term + t * IST_TILE,
                  packed.width + t * IST_TILE);
    find_kinds(rows, slab, &packed, room);
    ist_free(room);
    return packed;
}

ist_packed ist_pack(const ist_rows *rows, const ist_slab *slab)
{
    if (rows->filter.form != IST_FILTER_JOINT)
        return pack_plain(rows, slab);
    ist_packed *component = ist_alloc(2, sizeof *component);
    for (int c = 0; c < 2; c++)
        component[c] = pack_plain(rows->component[c], &slab->component[c]);
    return ist_pack_joint(rows, slab, component);
}

void ist_packed_release(ist_packed *packed)
{
    for (int c = 0; c < 2 && packed->component; c++)
        ist_packed_release(&packed->component[c]);
    ist_free(packed->component);
    ist_free(packed->row);
    ist_free(packed->block);
    ist_free(packed->panels);
    ist_free(packed->term);
    ist_free(packed->width);
    ist_free(packed->kind);
    *packed = (ist_packed){0};
}

static int compare_reals(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* min(1, what is open / the distance) */
static double doubt_of(const ist_filter *filter, double widths, double distance)
{
    if (filter->exact || (filter->zero_exact && distance == 0))
        return 0;
    double open = widths + 2 * filter->relative * distance;
    return distance > open ? open / distance : 1;
}

static void pack_widths(const ist_rows *rows, const ist_slab *sample, float *width)
{
    int64_t d = rows->d;
    double *room = ist_alloc((size_t)d, sizeof *room), error;
    float *panel = ist_alloc((size_t)(d * IST_PANEL), sizeof *panel), term;
    for (int64_t i = 0; i < sample->count; i++) {
        const double *value = row_values(sample, i, d, room);
        double norm = copy_row(&rows->filter, value, d, panel, &error);
        set_term(&rows->filter, norm, error, &term, width + i);
    }
    ist_free(room);
    ist_free(panel);
}

/* The nearest one of each row in the sample: its distance and the doubt about it. */
typedef struct {
    double *distance, *doubt;
} nearest_ones;

static void note_nearest(const nearest_ones *near, int64_t i, double distance, double doubt)
{
    if (distance < near->distance[i]) {
        near->distance[i] = distance;
        near->doubt[i] = doubt;
    }
}

/* The sum over all pairs; distances in the copies' units. */
static double doubt_of_pairs(const ist_kernel *kernel, const ist_rows *rows, const ist_slab *sample,
                             const nearest_ones *near)
{
    size_t count = (size_t)sample->count;
    double doubts = 0, factor = ldexp(1, rows->filter.unit);
    float *width = ist_alloc(count, sizeof *width);
    int64_t *one = ist_alloc(count, sizeof *one), *others = ist_alloc(count, sizeof *others);
    double *found = ist_alloc(count, sizeof *found);
    pack_widths(rows, sample, width);
    for (int64_t i = 0; i < sample->count; i++) {
        others[i] = i;
        for (int64_t j = 0; j < i; j++)
            one[j] = i;
        ist_exact_distances(kernel, rows, sample, one, sample, others, i, found);
        for (int64_t j = 0; j < i; j++) {
            double distance = found[j] * factor;
            double doubt =
                doubt_of(&rows->filter, (double)width[i] + (double)width[j], distance);
            doubts += doubt;
            note_nearest(near, i, distance, doubt);
            note_nearest(near, j, distance, doubt);
        }
    }
    ist_free(width);
    ist_free(one);
    ist_free(others);
    ist_free(found);
    return doubts;
}

ist_doubt ist_filter_doubt(const ist_kernel *kernel, const ist_rows *rows, const ist_slab *sample)
{
    int64_t count = sample->count;
    ist_doubt doubt = {0};
    if (count < 2)
        return doubt;
    nearest_ones near = {ist_alloc((size_t)count, sizeof *near.distance),
                         ist_alloc((size_t)count, sizeof *near.doubt)};
    for (int64_t i = 0; i < count; i++)
        near.distance[i] = INFINITY;
    doubt.all = doubt_of_pairs(kernel, rows, sample, &near) / (0.5 * (double)(count * (count - 1)));
    for (int64_t i = 0; i < count; i++)
        doubt.near += near.doubt[i] / (double)count;
    qsort(near.distance, (size_t)count, sizeof *near.distance, compare_reals);
    doubt.distance = ldexp(near.distance[count / 2], -rows->filter.unit);
    ist_free(near.distance);
    ist_free(near.doubt);
    return doubt;
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
        return t >= FLT_MAX ? INFINITY : (double)(float)t <= t ? (float)t : down(t);
    if (is_sure_zero(filter, threshold))
        return 0;
    return up((1 + filter->relative) * t + filter->absolute);
}

float ist_filter_low(const ist_filter *filter, double threshold, float width)
{
    if (filter->level)
        return (float)levels_below(filter, threshold);
    double t = ldexp(threshold, filter->unit);
    if (filter->exact)
        return t >= FLT_MAX ? FLT_MAX : (double)(float)t >= t ? (float)t : up(t);
    if (is_sure_zero(filter, threshold))
        return 0;
    return down(t / (1 + filter->relative) * (1 - 0x1p-50) - (double)width);
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
    return filter->exact ? 1 : down((1 - 0x1p-21) / (factor * factor));
}

float ist_filter_tree_width(const ist_filter *filter, float width)
{
    return filter->exact ? 0 : up(((double)width + 4 * filter->absolute) * (1 + slack));
}

float ist_filter_high_of_upper(const ist_filter *filter, float upper)
{
    if (filter->exact || isinf(upper) || (filter->zero_exact && upper == 0))
        return upper;
    double most = (1 + filter->relative) * (double)upper;
    double high = (1 + filter->relative) * most + filter->absolute;
    return (float)(high * (1 + 0x1p-22) + 0x1p-148);
}
