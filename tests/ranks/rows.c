#include "rows.h"

#include "brute.h"

void rows_distributed(const ist_comm *comm, ist_metric metric, const double *values, int64_t n,
                      int64_t d, bool wide, ist_rows *rows)
{
    const int64_t start[2] = {0, n};
    ist_blocks blocks = ist_blocks_new(start, 1);
    int64_t first, last;
    ist_blocks_range(&blocks, comm->size, comm->rank, &first, &last);
    ist_blocks_release(&blocks);
    size_t count = (size_t)((last - first) * d);
    double *mine = wide ? ist_alloc(count, sizeof *mine) : NULL;
    float *narrow = wide ? NULL : ist_alloc(count, sizeof *narrow);
    for (size_t e = 0; e < count; e++) {
        if (wide)
            mine[e] = values[(size_t)(first * d) + e];
        else
            narrow[e] = (float)values[(size_t)(first * d) + e];
    }
    ist_rows_natural(comm, metric, n, d, narrow, mine, rows);
}

ist_filter rows_filter(const ist_rows *rows, const double *values, ist_filter_form form)
{
    ist_slab all = {.count = rows->n, .wide = (double *)values};
    double *centre = ist_alloc((size_t)rows->d, sizeof *centre), squares = 0;
    ist_value_census census = ist_filter_census(&all, rows->d, centre, &squares);
    for (int64_t f = 0; f < rows->d; f++)
        centre[f] /= (double)rows->n;
    ist_filter_round_centre(&census, rows->d, centre);
    double norm = ist_filter_largest_norm(&all, centre, rows->d);
    bool centred = rows->wide || form == IST_FILTER_PRODUCT;
    ist_filter filter = ist_filter_new(form, &census, centre, centred, norm, rows->d);
    ist_free(centre);
    return filter;
}

void rows_add_integers(ist_rows *rows, const double *values)
{
    ist_filter filter = rows_filter(rows, values, IST_FILTER_INTEGER);
    double near = brute_distance(rows->metric, values, values + rows->d, rows->d);
    rows->gain = (ist_integer_gain){.near = near, .few = near};
    ist_filter_tune(&filter, near, rows->d);
    if (filter.form == IST_FILTER_INTEGER)
        ist_rows_add_integers(rows, &filter);
    ist_filter_release(&filter);
}
