#include <limits.h>
#include <math.h>
#include <string.h>

#include "filter.h"

/* What all ranks know of the values. */
typedef struct {
    ist_value_census census;
    double *centre;      /* d: the column means, on the grid of the values */
    double largest_norm; /* about the centre */
    bool centring_pays;  /* it takes off at least half of the sum of squares */
} survey;

static void add_columns(const ist_comm *comm, double *sum, int64_t d)
{
    enum { AT_ONCE = 1 << 20 };
    for (int64_t f = 0; f < d; f += AT_ONCE)
        MPI_Allreduce(MPI_IN_PLACE, sum + f, ist_narrow(ist_min(AT_ONCE, d - f)), MPI_DOUBLE,
                      MPI_SUM, comm->handle);
}

/* Every rank has met two values at most; they are the same two if none is another than the extremes. */
static void agree_on_values(const ist_comm *comm, ist_value_census *census)
{
    double least = -ist_largest_real(comm, -census->least);
    double most = ist_largest_real(comm, census->most);
    bool others = !census->two_valued;
    if (census->least <= census->most)
        others |= (census->least != least && census->least != most) ||
                  (census->most != least && census->most != most);
    census->least = least;
    census->most = most;
    census->two_valued = ist_largest(comm, others) == 0;
}

/* The centre serves the filter alone, so that its last bits may depend on the number of ranks. */
static survey survey_of(const ist_comm *comm, const ist_rows *rows)
{
    int64_t d = rows->d;
    survey s = {.centre = ist_alloc((size_t)d, sizeof *s.centre)};
    double squares = 0, centred = 0;
    s.census = ist_filter_census(&rows->home, d, s.centre, &squares);
    s.census.finite = ist_largest(comm, !s.census.finite) == 0;
    s.census.largest = ist_largest_real(comm, s.census.largest);
    s.census.smallest = -ist_largest_real(comm, -s.census.smallest);
    s.census.lowest_bit = (int)-ist_largest(comm, -(int64_t)s.census.lowest_bit);
    if (!s.census.finite)
        return s;
    agree_on_values(comm, &s.census);
    add_columns(comm, s.centre, d);
    add_columns(comm, &squares, 1);
    for (int64_t f = 0; f < d; f++) {
        s.centre[f] /= (double)ist_max(rows->n, 1);
        centred += s.centre[f] * s.centre[f] * (double)rows->n;
    }
    s.centring_pays = centred > 0.5 * squares;
    ist_filter_round_centre(&s.census, d, s.centre);
    s.largest_norm = ist_largest_real(comm, ist_filter_largest_norm(&rows->home, s.centre, d));
    return s;
}

/* Rows spread over the slab. */
static ist_slab sample_of(const ist_rows *rows, int64_t most)
{
    const ist_slab *home = &rows->home;
    int64_t d = rows->d, count = ist_min(home->count, most);
    ist_slab sample = {.count = count};
    if (rows->wide)
        sample.wide = ist_alloc((size_t)(count * d), sizeof *sample.wide);
    else
        sample.narrow = ist_alloc((size_t)(count * d), sizeof *sample.narrow);
    for (int64_t i = 0; i < count; i++) {
        int64_t from = i * home->count / count;
        if (rows->wide)
            memcpy(sample.wide + i * d, home->wide + from * d, (size_t)d * sizeof *sample.wide);
        else
            memcpy(sample.narrow + i * d, home->narrow + from * d,
                   (size_t)d * sizeof *sample.narrow);
    }
    return sample;
}

static ist_filter filter_of(const survey *s, const ist_rows *rows, ist_filter_form form)
{
    bool centred = rows->wide || (s->centring_pays && form == IST_FILTER_PRODUCT);
    return ist_filter_new(form, &s->census, s->centre, centred, s->largest_norm, rows->d);
}

/* Layers of the same width follow each other, and the trial takes longer than a small one's pass: what the processor did
 * for a width is kept. */
static double rate_of(ist_filter_form form, int64_t d)
{
    enum { KEPT = 16 };
    const double trial_seconds = 0.002;
    static struct {
        int64_t d;
        double rate[IST_FILTER_FORMS];
    } kept[KEPT];
    static int next;
    int at = 0;
    while (at < KEPT && kept[at].d != d)
        at++;
    if (at == KEPT) {
        at = next++ % KEPT;
        memset(&kept[at], 0, sizeof kept[at]);
        kept[at].d = d;
    }
    if (kept[at].rate[form] == 0)
        kept[at].rate[form] = ist_kernel_rate(ist_kernel_choose(NULL), form, d, trial_seconds);
    return kept[at].rate[form];
}

/* What a form does with the rows of a sample. */
typedef struct {
    double tile; /* nanoseconds of a pair, about: its operations */
    ist_doubt doubt;
} trial;

/* `near`: the distance that integer copies are to tell best. */
static trial trial_of(const ist_rows *rows, const ist_slab *sample, const survey *s,
                      ist_filter_form form, double near)
{
    ist_rows tried = {.d = rows->d, .metric = rows->metric, .wide = rows->wide};
    trial t = {INFINITY, {.all = 1, .near = 1}};
    tried.filter = filter_of(s, rows, form);
    if (tried.filter.form == IST_FILTER_NONE)
        return t;
    ist_filter_tune(&tried.filter, near, rows->d);
    t.doubt = ist_filter_doubt(ist_kernel_choose(NULL), &tried, sample);
    t.tile = 2e9 * (double)rows->d / rate_of(form, rows->d);
    ist_filter_release(&tried.filter);
    return t;
}

/* The share of the pairs that are open for either side at a threshold: some times the doubt, the density of typical distances
 * about it. */
static double open_share(const trial *t)
{
    const double density = 8;
    return 2 * fmin(1, density * t->doubt.all);
}

/* Nanoseconds of a pair with the float64 distance where it is open. */
static double cost_of(const trial *t, int64_t d)
{
    return t->tile + open_share(t) * (10 + 0.2 * (double)d);
}

static ist_filter_form faster_form(const ist_rows *rows, const survey *s)
{
    if (rows->home.count < 2)
        return IST_FILTER_PRODUCT;
    ist_slab sample = sample_of(rows, 128);
    trial direct = trial_of(rows, &sample, s, IST_FILTER_DIRECT, 0);
    trial product = trial_of(rows, &sample, s, IST_FILTER_PRODUCT, 0);
    ist_slab_release(&sample);
    return cost_of(&direct, rows->d) < cost_of(&product, rows->d) ? IST_FILTER_DIRECT
                                                                  : IST_FILTER_PRODUCT;
}

static ist_filter_form form_for(const ist_rows *rows, const survey *s)
{
    switch (rows->metric) {
    case IST_METRIC_COSINE: /* of rows over their lengths */
    case IST_METRIC_EUCLIDEAN: return faster_form(rows, s);
    case IST_METRIC_MANHATTAN: return IST_FILTER_SIZES;
    case IST_METRIC_CHEBYSHEV: break;
    }
    return IST_FILTER_LARGEST;
}

/* ---- integer copies ---------------------------------------------------------------------------- */

static bool may_be_integer(const ist_rows *rows)
{
    return rows->metric == IST_METRIC_EUCLIDEAN && rows->filter.form != IST_FILTER_NONE &&
           rows->n >= IST_INTEGER_ROWS && rows->d >= IST_INTEGER_FEATURES &&
           ist_kernel_choose(NULL)->filter[IST_FILTER_INTEGER];
}

/* By rows of this rank. Processors that have the instructions are faster with them: only doubt is in question, so that the answer
 * does not depend on the time that anything takes. The share of a rank in a pass falls with their number. */
static bool try_integers(const ist_rows *rows, const survey *s, int ranks, ist_integer_gain *gain)
{
    enum { FEW = 64, LEAST = 128, MOST = 512, SHARE = 256 };
    const double most_doubt = 0.05;
    int64_t most = ist_min(MOST, LEAST + rows->n / SHARE);
    ist_slab few = sample_of(rows, FEW);
    ist_slab sample = sample_of(rows, ist_max(FEW, (int64_t)((double)most / sqrt((double)ranks))));
    trial first = trial_of(rows, &few, s, IST_FILTER_INTEGER, 0);
    trial integer = trial_of(rows, &sample, s, IST_FILTER_INTEGER, first.doubt.distance);
    ist_slab_release(&few);
    ist_slab_release(&sample);
    gain->near = integer.doubt.distance;
    gain->few = first.doubt.distance;
    /* Where many pairs are open a look at them, in any order of the features, settles most. */
    gain->open = open_share(&integer) * (10 + 0.1 * (double)rows->d) / integer.tile;
    return integer.doubt.near < most_doubt;
}

static ist_filter choose_integers(const ist_comm *comm, ist_rows *rows, const survey *s)
{
    ist_integer_gain gain = {0};
    ist_filter filter = {.form = IST_FILTER_NONE};
    if (ist_largest(comm, !may_be_integer(rows)))
        return filter;
    bool worth =
        comm->rank == 0 && rows->home.count > 1 && try_integers(rows, s, comm->size, &gain);
    if (!ist_largest(comm, worth))
        return filter;
    gain.open = ist_largest_real(comm, gain.open);
    gain.near = ist_largest_real(comm, gain.near);
    gain.few = ist_largest_real(comm, gain.few);
    rows->gain = gain;
    filter = filter_of(s, rows, IST_FILTER_INTEGER);
    ist_filter_tune(&filter, gain.near, rows->d);
    return filter;
}

ist_filter ist_filter_agree(const ist_comm *comm, ist_rows *rows)
{
    survey s = survey_of(comm, rows);
    int64_t form = IST_FILTER_NONE;
    if (s.census.finite) {
        form = comm->rank == 0 ? (int64_t)form_for(rows, &s) : 0;
        form = ist_largest(comm, form);
    }
    rows->filter = filter_of(&s, rows, (ist_filter_form)form);
    ist_filter integer = choose_integers(comm, rows, &s);
    ist_free(s.centre);
    return integer;
}
