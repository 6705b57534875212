/* Labels against one column: each class's neighbours are next to it in the order of its own values, and all samples
 * within their distance next to it in the order of all. */
#include "room.h"

/* The samples that are not alone in their class, in ascending order and by class. */
typedef struct {
    int64_t n;
    double *all;
    int32_t *class_of; /* of these */
    double *member;    /* by class, ascending within each */
    int32_t *place;    /* of a member: its place among all */
    int32_t *row;      /* of one among all: the sample's number */
} split;

static split split_of(ist_slice_room *room, int64_t n, const double *value, const int32_t *row,
                      const ist_slice_classes *classes)
{
    split s = {.all = room->line[0],
               .class_of = room->at[0],
               .member = room->line[1],
               .place = room->at[1],
               .row = room->at[2]};
    for (int64_t i = 0; i < n; i++) {
        int32_t c = classes->class_of[row[i]];
        if (classes->size[c] < 2) {
            room->number[row[i]] = NAN;
            continue;
        }
        s.all[s.n] = value[i];
        s.class_of[s.n] = c;
        s.row[s.n++] = row[i];
    }
    int64_t *next = ist_alloc((size_t)classes->count + 1, sizeof *next);
    for (int64_t c = 0; c < classes->count; c++)
        next[c + 1] = next[c] + (classes->size[c] < 2 ? 0 : classes->size[c]);
    for (int64_t i = 0; i < s.n; i++) {
        int64_t at = next[s.class_of[i]]++;
        s.member[at] = s.all[i];
        s.place[at] = (int32_t)i;
    }
    ist_free(next);
    return s;
}

double ist_slice_difference(const double *psi, double among_all, double in_class, int64_t k,
                            int64_t held, int64_t size, int columns)
{
    return psi[held] - psi[k] - psi[size] + (double)columns / 2 * ist_ln(among_all / in_class);
}

ist_slice_found ist_slice_labels(ist_slice_room *room, int64_t n, const double *value,
                                 const int32_t *row, const ist_slice_classes *classes, int64_t k,
                                 bool difference)
{
    split s = split_of(room, n, value, row, classes);
    const double *psi = room->psi;
    ist_slice_found found = {0};
    double *among_all = room->spare[0];
    int64_t k_all = ist_min(k, s.n - 1), first = 0;
    for (int64_t i = 0; i < s.n && difference; i++)
        among_all[i] = ist_window_of(s.all, s.n, i, k_all, &first).limit;
    for (int64_t c = 0, start = 0; c < classes->count; c++) {
        int64_t size = classes->size[c], held = ist_min(k, size - 1);
        if (size < 2)
            continue;
        const double *member = s.member + start;
        first = 0;
        for (int64_t i = 0; i < size; i++) {
            ist_window w = ist_window_of(member, size, i, held, &first);
            int64_t place = s.place[start + i], low = s.place[start + w.first],
                    high = s.place[start + w.last];
            double *number = &room->number[s.row[place]];
            found.tied += w.last - w.first > held;
            found.zero += w.limit == 0;
            if (difference && among_all[place] > 0 && w.limit > 0) {
                *number =
                    ist_slice_difference(psi, among_all[place], w.limit, k_all, held, size, 1);
                continue;
            }
            int64_t near = high - low + ist_reach_left(s.all, low, member[i], w.limit) +
                           ist_reach_right(s.all, high, s.n, member[i], w.limit);
            *number = psi[w.last - w.first] - psi[size] - psi[near];
        }
        start += size;
    }
    found.value = ist_slice_value(room, room->number, n);
    return found;
}
