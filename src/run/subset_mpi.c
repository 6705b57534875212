/* Some of a layer's rows, or all of them by class, as a set of its own: where a task's neighbours are looked for
 * among fewer than all, or where some are left out of what is counted. */
#include <string.h>

#include "session.h"

/* The base set's positions, segment by segment, as row numbers. */
typedef struct {
    const int64_t *order; /* NULL: the row numbers themselves */
    const int64_t *start;
    int segments;
} base_order;

static base_order base_of(const ist_session *s, bool parts, int64_t whole[2])
{
    whole[0] = 0;
    whole[1] = s->loaded.all.n;
    return parts ? (base_order){s->part_order.order, s->part_order.start, IST_PARTS}
                 : (base_order){NULL, whole, 1};
}

static int64_t row_at(const base_order *base, int64_t position)
{
    return base->order ? base->order[position] : position;
}

static void add_row(ist_subset *set, int64_t *rows, const base_order *base, int64_t position)
{
    set->place[*rows] = position;
    set->order[*rows] = row_at(base, position);
    ++*rows;
}

/* The rows of each class of each segment together, classes of one row left out. */
static void by_class(const ist_session *s, const base_order *base, ist_subset *set)
{
    const ist_classes *c = &s->classes;
    int64_t classes = c->class_count, rows = 0;
    int64_t *size =
        ist_count_classes(c->class_of, classes, base->order, base->start, base->segments);
    int64_t *at = ist_alloc((size_t)classes, sizeof *at);
    set->start = ist_alloc((size_t)(base->segments * classes + 1), sizeof *set->start);
    for (int p = 0; p < base->segments; p++) {
        const int64_t *here = size + p * classes;
        for (int64_t k = 0; k < classes; k++) {
            at[k] = rows;
            rows += here[k] > 1 ? here[k] : 0;
            if (here[k] > 1)
                set->start[++set->segments] = rows;
        }
        for (int64_t position = base->start[p]; position < base->start[p + 1]; position++) {
            int32_t own = c->class_of[row_at(base, position)];
            if (here[own] > 1)
                add_row(set, &at[own], base, position);
        }
    }
    ist_free(at);
    ist_free(size);
}

/* The rows of each segment for which wanted[] holds (by position of the base). */
static void by_choice(const base_order *base, const bool *wanted, ist_subset *set)
{
    int64_t rows = 0;
    set->start = ist_alloc((size_t)base->segments + 1, sizeof *set->start);
    for (int p = 0; p < base->segments; p++) {
        for (int64_t position = base->start[p]; position < base->start[p + 1]; position++)
            if (wanted[position])
                add_row(set, &rows, base, position);
        set->start[++set->segments] = rows;
    }
}

/* The first row equal to each, of all rows on every rank. */
static int32_t *gather_first_equal(const ist_session *s)
{
    const ist_rows *rows = &s->loaded.all;
    int32_t *all = ist_alloc((size_t)rows->n, sizeof *all);
    ist_gather_rows(s->comm, rows, MPI_INT32_T, s->loaded.first_equal, all, true);
    return all;
}

/* In each segment the first of equal rows. */
static bool *choose_distinct(const ist_session *s, const base_order *base, int64_t n)
{
    bool *wanted = ist_alloc((size_t)n, sizeof *wanted);
    int32_t *first = gather_first_equal(s);
    int *seen =
        ist_alloc((size_t)n, sizeof *seen); /* by first row: the last segment that had one, + 1 */
    for (int p = 0; p < base->segments; p++)
        for (int64_t position = base->start[p]; position < base->start[p + 1]; position++) {
            int32_t kind = first[row_at(base, position)];
            wanted[position] = seen[kind] != p + 1;
            seen[kind] = p + 1;
        }
    ist_free(seen);
    ist_free(first);
    return wanted;
}

/* Rows whose class has another one in the segment. */
static bool *choose_accompanied(const ist_session *s, const base_order *base, int64_t n)
{
    const ist_classes *c = &s->classes;
    bool *wanted = ist_alloc((size_t)n, sizeof *wanted);
    int64_t *size =
        ist_count_classes(c->class_of, c->class_count, base->order, base->start, base->segments);
    for (int p = 0; p < base->segments; p++)
        for (int64_t position = base->start[p]; position < base->start[p + 1]; position++)
            wanted[position] = size[p * c->class_count + c->class_of[row_at(base, position)]] > 1;
    ist_free(size);
    return wanted;
}

void ist_subset_new(ist_session *s, ist_subset_kind kind, bool parts, ist_subset *set)
{
    int64_t whole[2];
    base_order base = base_of(s, parts, whole);
    int64_t n = s->loaded.all.n;
    *set = (ist_subset){.base = parts ? &s->loaded.parts : &s->loaded.all,
                        .order = ist_alloc((size_t)n, sizeof *set->order),
                        .place = ist_alloc((size_t)n, sizeof *set->place)};
    if (kind == IST_SUBSET_CLASSES) {
        by_class(s, &base, set);
    } else {
        bool *wanted = kind == IST_SUBSET_DISTINCT ? choose_distinct(s, &base, n)
                                                   : choose_accompanied(s, &base, n);
        by_choice(&base, wanted, set);
        ist_free(wanted);
    }
    if (set->start[set->segments] == 0)
        set->segments = 0;
    else
        ist_rows_by_part(s->comm, &s->loaded.all, set->segments, set->order, set->start,
                         &set->rows);
}

void ist_subset_release(ist_subset *set)
{
    if (set->segments > 0)
        ist_rows_release(&set->rows);
    ist_free(set->order);
    ist_free(set->start);
    ist_free(set->place);
    *set = (ist_subset){0};
}

void ist_subset_bring(const ist_session *s, const ist_subset *set, size_t bytes, const void *from,
                      void *to)
{
    ist_carry(s->comm, set->base, &set->rows, set->place, IST_CARRY_BACK, bytes, from, to);
}
