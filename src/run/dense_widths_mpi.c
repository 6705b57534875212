/* The widths of Gaussian kernels, by their rules (measures.md 4.3). They are the same to the bit for any number of ranks. */
#include <math.h>
#include <string.h>

#include "dense.h"

/* The alignment tries IST_WIDTHS_TRIED widths, evenly from LEAST to MOST mean distances. */
static const double LEAST = 0.3, MOST = 10;

static double tried(int number)
{
    return LEAST + (MOST - LEAST) * number / (IST_WIDTHS_TRIED - 1);
}

typedef struct {
    ist_dense_work *w;
    const ist_rows *rows;
    bool unequal; /* found among unequal samples alone */
} search;

/* Where half of the pairs are equal or more, that of the others: a width of 0 is none. */
static double median(search *f)
{
    int64_t count, sampled, equal = 0;
    double *distances =
        ist_sampled_distances(f->w->s->comm, f->rows, 0, IST_SAMPLED_ROWS, &count, &sampled);
    double found = ist_quantile(distances, count, 0.5);
    if (!(found > 0)) {
        while (equal < count && !(distances[equal] > 0))
            equal++;
        found = ist_quantile(distances + equal, count - equal, 0.5);
        f->unequal = found > 0;
    }
    ist_free(distances);
    return found;
}

static double mean(const search *f)
{
    int64_t count, sampled;
    double *distances =
        ist_sampled_distances(f->w->s->comm, f->rows, 0, IST_SAMPLED_ROWS, &count, &sampled);
    double found = ist_mean_in_order(distances, count);
    ist_free(distances);
    return found;
}

/* std (4 / (3 n))^(1/5), std^2 being the sum of the columns' variances: half of the mean squared distance. */
static double silverman(const search *f)
{
    ist_matrix values = {.narrow = f->rows->home.narrow,
                         .wide = f->rows->home.wide,
                         .count = f->rows->home.count,
                         .d = f->rows->d};
    int64_t n = f->rows->n;
    double square = ist_mean_square(f->w->s->comm, &values, values.count, n, values.d);
    return sqrt(square / 2) * ist_exp(ist_ln(4.0 / (3.0 * (double)n)) / 5);
}

static double nearest(const search *f)
{
    ist_session *s = f->w->s;
    ist_pass_stats stats = {0};
    ist_nearest *found = ist_pass_nearest(s->comm, &s->engine, f->rows, IST_WIDTH_NEIGHBOURS,
                                          (ist_tie_rule){0}, &stats);
    if (!found)
        return (double)NAN;
    double square = ist_mean_square_nearest(s->comm, f->rows, found, IST_WIDTH_NEIGHBOURS);
    ist_nearest_free(&found);
    return sqrt(square);
}

/* The first of the widths whose kernel is most like that of the labels: <K, L> / (|K| |L|). */
static double aligned(const search *f)
{
    ist_session *s = f->w->s;
    double unit = mean(f), best = -1, found = 0;
    ist_moment_kernel kernel[IST_WIDTHS_TRIED];
    ist_moments moments[IST_WIDTHS_TRIED];
    ist_pass_stats stats = {0};
    if (!(unit > 0))
        return 0;
    for (int t = 0; t < IST_WIDTHS_TRIED; t++)
        kernel[t] = (ist_moment_kernel){{ist_gaussian_weight(tried(t) * unit), 0}};
    if (!ist_pass_moments(s->comm, &s->engine, f->rows, f->w->label, IST_WIDTHS_TRIED, kernel,
                          moments, &stats))
        return (double)NAN;
    for (int t = 0; t < IST_WIDTHS_TRIED; t++) {
        double alike = moments[t].within / sqrt(moments[t].squares); /* |L| is the same for all */
        if (alike <= best)
            continue;
        best = alike;
        found = tried(t) * unit;
    }
    return found;
}

static double by_rule(search *f)
{
    const ist_dense_needs *needs = &f->w->needs.dense;
    switch (needs->rule) {
    case IST_WIDTH_GIVEN: return needs->width;
    case IST_WIDTH_MEDIAN: return median(f);
    case IST_WIDTH_SILVERMAN: return silverman(f);
    case IST_WIDTH_NEAREST: return nearest(f);
    case IST_WIDTH_ALIGNED: return aligned(f);
    }
    return (double)NAN;
}

static ist_hash key_of(const ist_dense_work *w, int side)
{
    ist_text what = {0};
    size_t labels = w->needs.dense.rule == IST_WIDTH_ALIGNED ? w->task->target : 0;
    ist_text_add(&what, "width %zu %d %.17g %zu", ist_dense_layer(w, side),
                 (int)w->needs.dense.rule, w->needs.dense.width, labels);
    ist_hash key = ist_hash_bytes(what.data, what.length, 0);
    ist_text_release(&what);
    return key;
}

ist_code ist_kernel_width(ist_dense_work *w, int side, double *width, ist_error *error)
{
    ist_session *s = w->s;
    ist_remembered *known = ist_remember(s, key_of(w, side));
    const ist_layer *layer = &s->known.plan->layers[ist_dense_layer(w, side)];
    if (isnan(known->number)) {
        search f = {.w = w, .rows = ist_dense_rows(w, side)};
        known->number = by_rule(&f);
        if (!known->values)
            known->values = ist_alloc(1, sizeof *known->values);
        known->values[0] = f.unequal;
    }
    *width = known->number;
    w->found.unequal[side] = known->values[0] != 0;
    if (isnan(*width))
        return ist_stop_in_pass(s, "matrices", error);
    if (*width > 0)
        return IST_OK;
    return ist_fail(
        error, IST_FAILED,
        "the rule for the kernel's width finds 0 in %s: too many of its rows are equal; "
        "give 'bandwidth' a number",
        layer->key);
}
