/* One slice, and its parts, as the estimators see them. */
#include <string.h>

#include "slicing.h"

const double *ist_slice_column(const ist_slicing *w, int side, int64_t i)
{
    return w->batch.column[side] ? w->batch.column[side] + i * w->pass->columns * w->n : NULL;
}

ist_slice ist_slice_whole(const ist_slicing *w, const ist_slice_task *t, int64_t i,
                          const double factor[2])
{
    ist_slice slice = {.n = w->n,
                       .columns = {w->pass->columns, w->two ? w->pass->columns : 0},
                       .x = ist_slice_column(w, 0, i),
                       .y = ist_slice_column(w, 1, i),
                       .value = w->sorts ? w->value + i * w->n : NULL,
                       .row = w->sorts ? w->row + i * w->n : NULL,
                       .classes = {t->classes.class_of, t->classes.class_count, t->classes.size},
                       .factor = {factor[0], factor[1]},
                       .word = t->word};
    return slice;
}

void ist_slice_split(ist_slicing *w, int64_t i)
{
    const ist_part_order *parts = &w->s->part_order;
    int columns = w->pass->columns;
    if (w->sorts) {
        int64_t next[IST_PARTS];
        memcpy(next, parts->start, sizeof next);
        for (int64_t at = 0; at < w->n; at++) {
            int32_t place = w->part_of_place[w->row[i * w->n + at]];
            int p = IST_PARTS - 1;
            while (place < parts->start[p])
                p--;
            w->part_value[next[p]] = w->value[i * w->n + at];
            w->part_row[next[p]++] = (int32_t)(place - parts->start[p]);
        }
        return;
    }
    for (int side = 0; side < (w->two ? 2 : 1); side++) {
        const double *from = ist_slice_column(w, side, i);
        double *to = side == 0 ? w->part_x : w->part_y;
        for (int p = 0; p < IST_PARTS; p++)
            for (int c = 0; c < columns; c++)
                for (int64_t at = parts->start[p]; at < parts->start[p + 1]; at++)
                    *to++ = from[c * w->n + parts->order[at]];
    }
}

static ist_slice part_of(const ist_slicing *w, const ist_slice_task *t, int p,
                         const double factor[2])
{
    int64_t start = w->s->part_order.start[p], count = w->s->part_order.start[p + 1] - start;
    int64_t at = start * w->pass->columns;
    ist_slice slice = {.n = count,
                       .columns = {w->pass->columns, w->two ? w->pass->columns : 0},
                       .factor = {factor[0], factor[1]}};
    if (w->sorts) {
        slice.value = w->part_value + start;
        slice.row = w->part_row + start;
    } else {
        slice.x = w->part_x + at;
        slice.y = w->two ? w->part_y + at : NULL;
    }
    if (w->two)
        slice.word = t->part_word + start;
    else
        slice.classes = (ist_slice_classes){t->part_class + start, t->classes.class_count,
                                            t->classes.part_size + p * t->classes.class_count};
    return slice;
}

void ist_slice_estimate(ist_slicing *w, ist_slice_task *t, int64_t i, const double factor[2],
                        double *number)
{
    ist_slice slice = ist_slice_whole(w, t, i, factor);
    ist_slice_found found = t->measure->slice(t->params, w->room, &slice);
    number[0] = found.value;
    t->tied += found.tied;
    t->zero += found.zero;
    for (int p = 0; p < IST_PARTS && t->parts; p++) {
        slice = part_of(w, t, p, factor);
        number[1 + p] = t->measure->slice(t->params, w->room, &slice).value;
    }
}

void ist_slice_factors(const ist_slicing *w, bool wanted, int64_t i, double factor[2])
{
    for (int side = 0; side < 2; side++)
        factor[side] =
            !wanted ? 1 : ist_slice_factor(w->n, w->pass->columns, ist_slice_column(w, side, i));
}
