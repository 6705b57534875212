#include "room.h"

#define EACH(list) (sizeof(list) / sizeof *(list))

/* How many arrays of each kind a room has. */
typedef struct {
    size_t sorts, line, at, spare;
} counts;

static counts counts_of(int columns, bool two_layers)
{
    if (columns > 1)
        return (counts){0};
    if (two_layers)
        return (counts){.sorts = 2, .line = 2, .at = 4, .spare = 2};
    return (counts){.sorts = 2, .line = 2, .at = 3, .spare = 1};
}

ist_slice_room *ist_slice_room_new(const ist_kernel *kernel, int64_t n, int columns,
                                   bool two_layers)
{
    ist_slice_room *r = ist_alloc(1, sizeof *r);
    size_t count = (size_t)n;
    counts has = counts_of(columns, two_layers);
    r->n = n;
    r->kernel = kernel;
    r->psi = ist_alloc_unset(count + 2, sizeof *r->psi);
    r->psi[0] = NAN;
    for (int64_t m = 1; m <= n + 1; m++)
        r->psi[m] = ist_digamma(m);
    r->number = ist_alloc_unset(count, sizeof *r->number);
    for (size_t i = 0; i < has.sorts; i++) {
        r->key[i] = ist_alloc_unset(count, sizeof *r->key[i]);
        r->item[i] = ist_alloc_unset(count, sizeof *r->item[i]);
    }
    for (size_t i = 0; i < has.line; i++)
        r->line[i] = ist_alloc_unset(count, sizeof *r->line[i]);
    for (size_t i = 0; i < has.at; i++)
        r->at[i] = ist_alloc_unset(count, sizeof *r->at[i]);
    for (size_t i = 0; i < has.spare; i++)
        r->spare[i] = ist_alloc_unset(count, sizeof *r->spare[i]);
    return r;
}

void ist_slice_room_free(ist_slice_room **room)
{
    ist_slice_room *r = *room;
    *room = NULL;
    if (!r)
        return;
    for (size_t i = 0; i < EACH(r->key); i++)
        ist_free(r->key[i]);
    for (size_t i = 0; i < EACH(r->item); i++)
        ist_free(r->item[i]);
    for (size_t i = 0; i < EACH(r->line); i++)
        ist_free(r->line[i]);
    for (size_t i = 0; i < EACH(r->at); i++)
        ist_free(r->at[i]);
    for (size_t i = 0; i < EACH(r->spare); i++)
        ist_free(r->spare[i]);
    ist_free(r->psi);
    ist_free(r->number);
    ist_free(r);
}

int64_t ist_slice_room_bytes(int64_t n, int columns, bool two_layers)
{
    const int64_t real = sizeof(double), place = sizeof(int32_t);
    counts has = counts_of(columns, two_layers);
    int64_t own = (2 + (int64_t)(has.sorts + has.line + has.spare)) * real +
                  (int64_t)(has.sorts + has.at) * place;
    return n * own + (columns > 1 ? ist_slice_cloud_bytes(n, columns, two_layers) : 0);
}

/* ---- sums ------------------------------------------------------------------------------------ */

double ist_slice_value(ist_slice_room *room, double *number, int64_t n)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(number[i]))
            number[count++] = number[i];
    return count == 0 ? (double)NAN
                      : room->psi[count] + ist_sum_in_order(number, count) / (double)count;
}

void ist_slice_add(ist_slice_sum *s, double value)
{
    if (s->count == 0)
        *s = (ist_slice_sum){.first = value, .least = value, .most = value};
    double above = value - s->first, next = s->sum + above;
    s->lost += fabs(s->sum) >= fabs(above) ? (s->sum - next) + above : (above - next) + s->sum;
    s->sum = next;
    s->least = value < s->least ? value : s->least;
    if (value > s->most) {
        s->most = value;
        s->most_at = s->count;
    }
    s->count++;
}

double ist_slice_mean(const ist_slice_sum *s)
{
    if (s->count == 0)
        return NAN;
    return s->first + (s->sum + s->lost) / (double)s->count;
}
