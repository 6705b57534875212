#include "test_pairs_support.h"

#include <float.h>
#include <math.h>

double next_uniform(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53 - 0.5;
}

ist_metric metric_of(ist_filter_form form)
{
    return form == IST_FILTER_SIZES     ? IST_METRIC_MANHATTAN
           : form == IST_FILTER_LARGEST ? IST_METRIC_CHEBYSHEV
                                        : IST_METRIC_EUCLIDEAN;
}

ist_rows filtered_rows(const data_kind *kind, int64_t n, int64_t d, bool wide, ist_filter_form form)
{
    uint64_t seed = (uint64_t)d;
    ist_rows rows = {.n = n, .d = d, .metric = metric_of(form), .wide = wide};
    const int64_t start[2] = {0, n};
    rows.blocks = ist_blocks_new(start, 1);
    rows.home.count = n;
    size_t values = (size_t)(n * d);
    rows.home.wide = wide ? ist_alloc(values, sizeof *rows.home.wide) : NULL;
    rows.home.narrow = wide ? NULL : ist_alloc(values, sizeof *rows.home.narrow);
    for (int64_t at = 0; at < n * d; at++) {
        double value = kind->offset + kind->scale * next_uniform(&seed);
        if (kind->grid > 0)
            value = kind->grid * rint(value / kind->grid);
        if (at / d == 7 && kind->outlier > 0)
            value *= kind->outlier;
        if (wide)
            rows.home.wide[at] = value;
        else
            rows.home.narrow[at] = (float)value;
    }
    double *centre = ist_alloc((size_t)d, sizeof *centre), squares = 0;
    ist_value_census census = ist_filter_census(&rows.home, d, centre, &squares);
    for (int64_t f = 0; f < d; f++)
        centre[f] /= n;
    ist_filter_round_centre(&census, d, centre);
    double norm = ist_filter_largest_norm(&rows.home, centre, d);
    bool centred = wide || form == IST_FILTER_PRODUCT;
    rows.filter = ist_filter_new(form, &census, centre, centred, norm, d);
    ist_free(centre);
    rows.packed = ist_pack(&rows, &rows.home);
    return rows;
}

void check_bounds(const ist_filter *filter, float l, float own, float other, double distance,
                  bounds_tally *t)
{
    double scaled = ldexp(distance, filter->unit);
    double upper = (1 + filter->relative) * ((double)l + (double)own + (double)other);
    double farther = distance > 0 ? distance * 1.01 : DBL_MIN, nearer = distance * 0.99;
    t->pairs++;
    t->wrong += (double)l > (1 + filter->relative) * scaled + filter->absolute;
    t->wrong += scaled > upper;
    t->wrong += l > ist_filter_high(filter, distance);
    t->wrong += l + other < ist_filter_low(filter, distance, own);
    t->wrong += l + other < ist_filter_low(filter, nearer, own);
    t->wrong += l > ist_filter_high(filter, farther);
    t->wrong += l == ist_filter_sure(filter, farther);
    t->wrong += distance > 0 && l == ist_filter_sure(filter, nearer);
    t->wrong +=
        ist_filter_upper(filter, l, (double)own + (double)other) * (1 + filter->relative) < scaled;
    float guessed = ist_filter_upper(filter, l, (double)own + (double)other);
    t->wrong += l > ist_filter_high_of_upper(filter, guessed);
    float shrunk = ist_filter_tree_shrink(filter) * ist_filter_high(filter, distance) -
                   ist_filter_tree_width(filter, own);
    t->wrong += shrunk > ist_filter_low(filter, distance, own);
    t->sure += l == ist_filter_sure(filter, distance);
    t->gap += (double)own + (double)other;
    t->distance += scaled;
}
