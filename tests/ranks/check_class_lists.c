/* Neighbours within classes from lists among all, against brute force, to the integer: lists of all lengths, so that all, some or no
 * rows are searched for again; ties, copies, small classes; the whole set and parts of it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "brute.h"
#include "checks.h"
#include "rows.h"

enum { N = 430, D = 5, PARTS = 3 };

/* ---- data ---------------------------------------------------------------------------------- */

typedef enum { SPREAD, LATTICE, COPIES, EQUAL, FAR, DATA } data_kind;

static double uniform(uint64_t item)
{
    return (double)(ist_random_word(23, IST_RANDOM_BENCH, item) >> 40) / (1 << 24);
}

static double *values_of(data_kind kind)
{
    double *values = ist_alloc((size_t)(N * D), sizeof *values);
    for (int64_t e = 0; e < N * D; e++) {
        int64_t row = e / D, column = e % D;
        double x = uniform((uint64_t)e);
        switch (kind) {
        case SPREAD: break;
        case LATTICE: x = floor(2.5 * x); break;
        case COPIES: x = row % 3 ? x : (double)(row % 7) / 8; break;
        case EQUAL: x = 0.5; break;
        case FAR: x += row % 11 == 0 ? 1e6 * (double)column : 0; break;
        case DATA: break;
        }
        values[e] = (double)(float)x;
    }
    return values;
}

/* Two classes that are large, some that are small, and (singles) some of one row. */
static int32_t class_of_row(int64_t row, bool singles)
{
    if (row < 12)
        return (int32_t)(2 + row / 4);
    if (singles && row < 15)
        return (int32_t)(5 + row - 12);
    return uniform((uint64_t)(N * D + row)) < 0.3 ? 0 : 1;
}
enum { CLASSES = 8 };

/* ---- one case ------------------------------------------------------------------------------ */

typedef struct {
    ist_metric metric;
    data_kind data;
    bool parts, singles, twin, wide, integers, filtered;
    int64_t k, length; /* in the class; of the lists */
} class_case;

typedef struct {
    const double *values;
    ist_rows natural, set;
    int64_t order[N], start[PARTS + 1];
    int32_t class_of[N];
    int64_t class_size[PARTS * CLASSES];
    ist_class_question question;
} class_data;

static void make(const ist_comm *comm, const ist_engine *engine, const class_case *c, class_data *d)
{
    int64_t whole[2] = {0, N};
    d->values = values_of(c->data);
    rows_distributed(comm, c->metric, d->values, N, D, c->wide, &d->natural);
    if (!c->filtered) {
        ist_filter_release(&d->natural.filter);
        d->natural.filter = (ist_filter){.form = IST_FILTER_NONE};
    }
    ist_random_parts(N, PARTS, d->order, d->start);
    if (c->parts)
        ist_rows_by_part(comm, &d->natural, PARTS, d->order, d->start, &d->set);
    ist_rows *set = c->parts ? &d->set : &d->natural;
    if (c->integers)
        rows_add_integers(set, d->values);
    ist_rows_cluster(comm, engine, set);
    const int64_t *start = c->parts ? d->start : whole;
    for (int64_t row = 0; row < N; row++)
        d->class_of[row] = class_of_row(row, c->singles);
    for (int p = 0; p < (c->parts ? PARTS : 1); p++)
        for (int64_t at = start[p]; at < start[p + 1]; at++)
            d->class_size[p * CLASSES + d->class_of[c->parts ? d->order[at] : at]]++;
    d->question = (ist_class_question){.rows = set,
                                       .class_of = d->class_of,
                                       .classes = CLASSES,
                                       .class_size = d->class_size,
                                       .leave_out = c->singles,
                                       .k = c->k};
}

static void unmake(const class_case *c, class_data *d)
{
    if (c->parts)
        ist_rows_release(&d->set);
    ist_rows_release(&d->natural);
    ist_free((void *)(uintptr_t)d->values);
}

/* ---- brute force --------------------------------------------------------------------------- */

static int64_t segment_of(const ist_rows *rows, int64_t position)
{
    return rows->blocks.segment[ist_blocks_find(&rows->blocks, position)];
}

static bool row_right(const class_data *d, const ist_class_lists *lists, int64_t i)
{
    const ist_class_question *q = &d->question;
    int64_t position = q->rows->home.first + i, k = q->k, held = 0;
    const int64_t *size = q->class_size + segment_of(q->rows, position) * CLASSES;
    int32_t own = q->class_of[ist_row_number(q->rows, position)];
    brute_other found[N];
    int64_t count = brute_others(q->rows, d->values, position, (ist_tie_rule){0}, found);
    brute_sort(found, count);
    for (int64_t a = 0; a < count && held < k; a++) {
        if (q->class_of[found[a].row] != own)
            continue;
        int64_t same = 0, closer = 0, equal = 0;
        for (int64_t b = 0; b < count; b++) {
            int32_t other = q->class_of[found[b].row];
            bool counted = !q->leave_out || size[other] > 1;
            same += other == own && found[b].distance <= found[a].distance;
            closer += counted && found[b].distance < found[a].distance;
            equal += counted && found[b].distance == found[a].distance;
        }
        int64_t at = i * k + held++;
        if (lists->distance[at] != found[a].distance || lists->reach[at] != same ||
            lists->closer[at] != closer || lists->equal[at] != equal)
            return false;
    }
    return lists->held[i] == held;
}

/* The rows that a list of that length can answer are those that were not searched for. */
static bool short_right(const class_data *d, int64_t length, const bool *is_short, int64_t i)
{
    const ist_class_question *q = &d->question;
    int64_t position = q->rows->home.first + i, held = 0;
    int32_t own = q->class_of[ist_row_number(q->rows, position)];
    int64_t size = q->class_size[segment_of(q->rows, position) * CLASSES + own];
    int64_t want = ist_min(q->k, size - 1);
    brute_other found[N];
    int64_t count = brute_others(q->rows, d->values, position, (ist_tie_rule){0}, found);
    int64_t end = 0;
    brute_sort(found, count);
    for (int64_t a = 0; a < count && held < want; a++) {
        held += q->class_of[found[a].row] == own;
        for (end = a + 1; end < count && found[end].distance == found[a].distance;)
            end++;
    }
    bool told = want == 0 || end < length || (length >= count && end == count);
    return is_short[i] == !told;
}

/* ---- the check ----------------------------------------------------------------------------- */

/* The first k distances of each row. */
static double *first_of_each(const ist_nearest *all, int64_t rows, int64_t k)
{
    double *first = ist_alloc((size_t)(rows * k), sizeof *first);
    for (int64_t e = 0; e < rows * k; e++)
        first[e] = all->distance[e / k * all->k + e % k];
    return first;
}

static void check_case(const ist_comm *comm, const class_case *c, int number)
{
    ist_engine engine = {.kernel = ist_kernel_choose(number % 5 == 4 ? "reference" : NULL),
                         .chunk_bytes = number % 2 ? 1 << 20 : 1 << 10,
                         .skipping = c->twin ? IST_SKIP_ALWAYS : IST_SKIP_NEVER};
    class_data d = {0};
    ist_pass_stats stats = {0};
    make(comm, &engine, c, &d);
    const ist_rows *rows = d.question.rows;
    int64_t longer = c->length + number % 3; /* neighbours that have no distance */
    ist_nearest *all = ist_pass_nearest(comm, &engine, rows, longer, (ist_tie_rule){0}, &stats);
    double *distance = first_of_each(all, rows->home.count, c->length);
    ist_class_lists lists = ist_class_lists_new(&d.question);
    const ist_lists_among_all among = {longer, c->length, all->neighbour, distance};
    bool *is_short = ist_alloc((size_t)rows->home.count, sizeof *is_short);
    int64_t count = ist_class_lists_take(&d.question, &among, &lists, is_short);
    for (int64_t i = 0; i < rows->home.count; i++)
        count -= is_short[i];
    bool right = count == 0;
    for (int64_t i = 0; i < rows->home.count; i++)
        right = right && short_right(&d, c->length, is_short, i);
    CHECK_ALL_TELL(comm->handle, right, "case %d: other rows are searched for", number);
    stats = (ist_pass_stats){0};
    bool whole = ist_class_lists_search(comm, &engine, &d.question, is_short, &lists, &stats);
    for (int64_t i = 0; i < rows->home.count; i++)
        right = right && row_right(&d, &lists, i);
    CHECK_ALL_TELL(comm->handle, whole && right, "case %d: data %d, k %d, lists of %d", number,
                   (int)c->data, (int)c->k, (int)c->length);
    ist_free(is_short);
    ist_free(distance);
    ist_class_lists_release(&lists);
    ist_nearest_free(&all);
    unmake(c, &d);
}

RANK_CHECK(class_lists)
{
    static const int64_t lengths[] = {1, 3, 8, 40, 120}, ks[] = {1, 3, 7};
    ist_comm mine = ist_comm_new(comm);
    for (int number = 0; number < 90; number++) {
        class_case c = {.metric = number % 7 == 6     ? IST_METRIC_MANHATTAN
                                  : number % 11 == 10 ? IST_METRIC_CHEBYSHEV
                                                      : IST_METRIC_EUCLIDEAN,
                        .data = (data_kind)(number % DATA),
                        .parts = number / 2 % 2,
                        .singles = number / 3 % 2,
                        .twin = number / 4 % 3 == 1,
                        .wide = number / 5 % 3 == 2,
                        .filtered = number % 8 != 5,
                        .k = ks[number / 5 % 3],
                        .length = lengths[number / 15 % 5]};
        c.integers = c.filtered && c.metric == IST_METRIC_EUCLIDEAN && !c.twin && number % 3 == 0;
        check_case(&mine, &c, number);
    }
    ist_comm_release(&mine);
}
