#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "null.h"

/* What is looked for. */
typedef struct {
    ist_session *s;
    const ist_list *all;
    int64_t k;
    const int32_t *class_of;
    const int64_t *class_size;
    bool leave_out;
} search;

static int64_t wanted(const search *w, int64_t row)
{
    return ist_min(w->k, w->class_size[w->class_of[row]] - 1);
}

static bool counts(const search *w, int64_t row)
{
    return !w->leave_out || w->class_size[w->class_of[row]] > 1;
}

/* From the row's list; false if it is too short. */
static bool from_list(const search *w, int64_t i, ist_class_lists *out)
{
    const ist_list *all = w->all;
    const ist_rows *rows = &w->s->loaded.all;
    const double *distance = all->distance + i * all->distance_k;
    const int32_t *neighbour = all->neighbour + i * all->k;
    int64_t row = rows->home.first + i, want = wanted(w, row), held = 0, e = 0;
    int64_t length = ist_min(all->k, all->distance_k);
    int32_t own = w->class_of[row];
    out->held[i] = (int32_t)want;
    if (want == 0)
        return true;
    for (; e < length && held < want; e++)
        if (w->class_of[neighbour[e]] == own)
            out->distance[i * w->k + held++] = distance[e];
    if (held < want)
        return false;
    double last = distance[e - 1];
    while (e < length && distance[e] == last)
        e++;
    if (e == length && length < rows->n - 1)
        return false; /* more may be at the same distance */
    int64_t same = 0, closer = 0, equal = 0;
    for (int64_t j = 0; j < e; j++) {
        same += w->class_of[neighbour[j]] == own;
        closer += counts(w, neighbour[j]) && distance[j] < last;
        equal += counts(w, neighbour[j]) && distance[j] == last;
    }
    out->list_reach[i * w->k + want - 1] = (int32_t)same;
    out->closer[i] = closer;
    out->equal[i] = equal;
    return true;
}

/* ---- rows whose list is too short -------------------------------------------------------------- */

/* Some such rows, of all ranks: their numbers and values on every rank, their distances to this rank's rows. */
enum { MOST_AT_ONCE = 128 };
typedef struct {
    int64_t count;
    int64_t row[MOST_AT_ONCE];
    ist_slab values;  /* count rows */
    double *distance; /* count x rows of the visited home */
} batch;

/* The set that has the values: the twin, if there is one. */
static const ist_rows *visited(const search *w)
{
    const ist_rows *rows = &w->s->loaded.all;
    return rows->twin ? rows->twin : rows;
}

static int64_t number_in(const ist_rows *set, int64_t i)
{
    int64_t position = set->home.first + i;
    return set->place ? set->place[position] : position;
}

static void find_distances(const search *w, const int64_t *holder, batch *b)
{
    const ist_rows *set = visited(w);
    int64_t home = set->home.count, d = set->d;
    size_t entries = (size_t)(b->count * d);
    double *values = ist_alloc(entries, sizeof *values);
    for (int64_t q = 0; q < b->count; q++) {
        int64_t at = holder[b->row[q]] - set->home.first;
        for (int64_t f = 0; f < d && at >= 0 && at < home; f++)
            values[q * d + f] =
                set->wide ? set->home.wide[at * d + f] : (double)set->home.narrow[at * d + f];
    }
    MPI_Allreduce(MPI_IN_PLACE, values, ist_narrow((int64_t)entries), MPI_DOUBLE, MPI_SUM,
                  w->s->comm->handle);
    b->values = (ist_slab){.count = b->count};
    if (set->wide) {
        b->values.wide = values;
    } else {
        b->values.narrow = ist_alloc(entries, sizeof *b->values.narrow);
        for (size_t e = 0; e < entries; e++)
            b->values.narrow[e] = (float)values[e];
        ist_free(values);
    }
    int64_t *x = ist_alloc((size_t)home, sizeof *x), *y = ist_alloc((size_t)home, sizeof *y);
    b->distance = ist_alloc((size_t)(b->count * home), sizeof *b->distance);
    for (int64_t q = 0; q < b->count; q++) {
        for (int64_t j = 0; j < home; j++) {
            x[j] = q;
            y[j] = j;
        }
        ist_exact_distances(w->s->engine.kernel, set, &b->values, x, &set->home, y, home,
                            b->distance + q * home);
    }
    ist_free(x);
    ist_free(y);
    ist_slab_release(&b->values);
}

/* The k smallest distances of row q to its class, of all ranks, ascending; infinity where there are fewer. */
static void class_nearest(const search *w, const batch *b, int64_t q, double *nearest)
{
    const ist_rows *set = visited(w);
    int64_t home = set->home.count, k = w->k, found = 0, ranks = w->s->comm->size;
    double *mine = ist_alloc((size_t)(home + k), sizeof *mine);
    double *each = ist_alloc((size_t)(ranks * k), sizeof *each);
    for (int64_t j = 0; j < home; j++) {
        int64_t row = number_in(set, j);
        if (row != b->row[q] && w->class_of[row] == w->class_of[b->row[q]])
            mine[found++] = b->distance[q * home + j];
    }
    ist_sort_reals(mine, found);
    for (; found < k; found++)
        mine[found] = INFINITY;
    MPI_Allgather(mine, ist_narrow(k), MPI_DOUBLE, each, ist_narrow(k), MPI_DOUBLE,
                  w->s->comm->handle);
    ist_sort_reals(each, (ranks * k));
    memcpy(nearest, each, (size_t)k * sizeof *nearest);
    ist_free(mine);
    ist_free(each);
}

/* same, closer, equal: how many of the class are not farther than `last`; of all that count, nearer and at it. */
static void count_all(const search *w, const batch *b, int64_t q, double last, int64_t sums[3])
{
    const ist_rows *set = visited(w);
    int64_t home = set->home.count;
    memset(sums, 0, 3 * sizeof *sums);
    for (int64_t j = 0; j < home; j++) {
        int64_t row = number_in(set, j);
        double distance = b->distance[q * home + j];
        if (row == b->row[q] || distance > last)
            continue;
        sums[0] += w->class_of[row] == w->class_of[b->row[q]];
        sums[1] += counts(w, row) && distance < last;
        sums[2] += counts(w, row) && distance == last;
    }
    ist_sum(w->s->comm, sums, 3);
}

static void from_all(const search *w, const int64_t *holder, batch *b, ist_class_lists *out)
{
    const ist_rows *rows = &w->s->loaded.all;
    double *nearest = ist_alloc((size_t)w->k, sizeof *nearest);
    find_distances(w, holder, b);
    for (int64_t q = 0; q < b->count; q++) {
        int64_t want = wanted(w, b->row[q]), sums[3], i = b->row[q] - rows->home.first;
        class_nearest(w, b, q, nearest);
        count_all(w, b, q, nearest[want - 1], sums);
        if (i < 0 || i >= rows->home.count)
            continue;
        memcpy(out->distance + i * w->k, nearest, (size_t)want * sizeof *nearest);
        out->list_reach[i * w->k + want - 1] = (int32_t)sums[0];
        out->closer[i] = sums[1];
        out->equal[i] = sums[2];
    }
    ist_free(b->distance);
    ist_free(nearest);
}

/* Where each row number is found in the set that has the values. */
static int64_t *holders(const search *w)
{
    const ist_rows *set = visited(w);
    int64_t *holder = ist_alloc((size_t)set->n, sizeof *holder);
    for (int64_t p = 0; p < set->n; p++)
        holder[set->place ? set->place[p] : p] = p;
    return holder;
}

/* As many as the bytes that travel at once allow, on the rank that has most rows. */
static int64_t at_once(const search *w)
{
    int64_t home = ist_largest(w->s->comm, visited(w)->home.count);
    int64_t bytes = ist_max(1, home) * (int64_t)sizeof(double);
    return ist_max(1, ist_min(MOST_AT_ONCE, w->s->engine.chunk_bytes / bytes));
}

/* is_short: by row number, on all ranks. */
static void search_again(const search *w, const bool *is_short, ist_class_lists *out)
{
    int64_t *holder = holders(w), most = at_once(w);
    batch b = {0};
    for (int64_t row = 0; row < w->s->loaded.all.n; row++) {
        if (is_short[row])
            b.row[b.count++] = row;
        if (b.count == most) {
            from_all(w, holder, &b, out);
            b = (batch){0};
        }
    }
    if (b.count > 0)
        from_all(w, holder, &b, out);
    ist_free(holder);
}

ist_class_lists ist_class_lists_new(ist_session *s, const ist_list *all, int64_t k,
                                    const int32_t *class_of, const int64_t *class_size,
                                    bool leave_out)
{
    const ist_rows *rows = &s->loaded.all;
    search w = {s, all, k, class_of, class_size, leave_out};
    size_t count = (size_t)rows->home.count, entries = count * (size_t)k;
    ist_class_lists lists = {.held = ist_alloc(count, sizeof *lists.held),
                             .distance = ist_alloc(entries, sizeof *lists.distance),
                             .list_reach = ist_alloc(entries, sizeof *lists.list_reach),
                             .closer = ist_alloc(count, sizeof *lists.closer),
                             .equal = ist_alloc(count, sizeof *lists.equal)};
    bool *mine = ist_alloc(count, sizeof *mine), *is_short = ist_alloc((size_t)rows->n, 1);
    int64_t any = 0;
    for (int64_t i = 0; i < rows->home.count; i++) {
        mine[i] = !from_list(&w, i, &lists);
        any += mine[i];
    }
    if (ist_sum_one(s->comm, any) > 0) {
        ist_gather_rows(s->comm, rows, MPI_C_BOOL, mine, is_short, true);
        search_again(&w, is_short, &lists);
    }
    ist_free(mine);
    ist_free(is_short);
    return lists;
}

void ist_class_lists_release(ist_class_lists *lists)
{
    ist_free(lists->held);
    ist_free(lists->distance);
    ist_free(lists->list_reach);
    ist_free(lists->closer);
    ist_free(lists->equal);
    *lists = (ist_class_lists){0};
}
