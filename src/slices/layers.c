/* Two columns: the k nearest by the larger of the two distances. The plane is cut into strips of equally many samples
 * along x, each in the order of y: what is near lies next to a sample in its strip and next to its height in the strips
 * around. Samples of one height lie in the order of x, those of one x in strips one above the other: of many equal values only
 * the nearest are looked at. */
#include "plane.h"

#include <float.h>

typedef struct {
    int64_t n;
    const double *x, *y; /* by sample */
    const ist_slice_ksg *ksg;
    double *line[2];    /* x, y ascending */
    int32_t *sample[2]; /* whose they are; of equal x in the order of y, of equal y in that of x */
    int64_t strips, width;
    double *px, *py; /* strip after strip, ascending in y within each */
    int32_t *whose;
    int32_t *place; /* of a sample in the order of x, then in that of y: room->at */
} plane;

static double x_distance(const plane *p, double a, double b)
{
    return ist_apart(a, b) * p->ksg->factor[0];
}

static double y_distance(const plane *p, double a, double b)
{
    return ist_apart(a, b) * p->ksg->factor[1];
}

static int64_t strip_end(const plane *p, int64_t strip)
{
    return ist_min((strip + 1) * p->width, p->n);
}

static void sort_side(ist_slice_room *room, plane *p, int side, const double *column,
                      const int32_t *before)
{
    p->line[side] = room->line[side];
    p->sample[side] = room->at[side];
    ist_sort_column(room, p->n, column, before, p->line[side], p->sample[side]);
}

static bool has_equals(const double *line, int64_t n)
{
    for (int64_t i = 1; i < n; i++)
        if (line[i] == line[i - 1])
            return true;
    return false;
}

/* Samples a strip: about as wide as k samples are apart, a square root of the plane's. */
static int64_t strip_width(int64_t n, int64_t k)
{
    enum { LEAST = 16 };
    return ist_max(LEAST, (int64_t)(1.5 * sqrt((double)n * (double)(k + 1))));
}

static void fill_strips(ist_slice_room *room, plane *p)
{
    p->width = strip_width(p->n, p->ksg->k);
    p->strips = ist_ceil_div(p->n, p->width);
    p->px = room->spare[0];
    p->py = room->spare[1];
    p->whose = room->at[2];
    p->place = room->at[3];
    for (int64_t i = 0; i < p->n; i++)
        p->place[p->sample[0][i]] = (int32_t)i;
    int64_t *next = ist_alloc((size_t)p->strips, sizeof *next);
    for (int64_t s = 0; s < p->strips; s++)
        next[s] = s * p->width;
    for (int64_t i = 0; i < p->n; i++) {
        int32_t sample = p->sample[1][i];
        int64_t at = next[p->place[sample] / p->width]++;
        p->px[at] = p->x[sample];
        p->py[at] = p->line[1][i];
        p->whose[at] = sample;
    }
    ist_free(next);
}

/* false: it is not near enough, and nothing farther along x is. */
static inline bool look(const plane *p, int64_t at, double x, double dy, ist_nears *nears)
{
    double dx = x_distance(p, p->px[at], x);
    double distance = dx > dy ? dx : dy;
    nears->looked++;
    if (!ist_nears_wants(nears, distance))
        return false;
    ist_nears_offer(nears, distance, p->whose[at]);
    return true;
}

/* [first, last) of a strip have one height: those on either side of x, the nearest first. */
static void look_along(const plane *p, int64_t first, int64_t last, int64_t skip, double x,
                       double dy, ist_nears *nears)
{
    int64_t low = first, high = last;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (p->px[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    for (int64_t at = low; at < last && (at == skip || look(p, at, x, dy, nears)); at++)
        continue;
    for (int64_t at = low - 1; at >= first && (at == skip || look(p, at, x, dy, nears)); at--)
        continue;
}

/* How many on from `at`, in the direction `step`, `room` of them at most, are at its height, itself included: in steps that
 * double. */
static int64_t level_with(const double *at, int64_t room, int step)
{
    int64_t level = 1, stride = 1;
    while (level < room && stride > 0) {
        bool on = level - 1 + stride < room && at[step * (level - 1 + stride)] == *at;
        level += on ? stride : 0;
        stride = on ? 2 * stride : stride / 2;
    }
    return level;
}

static inline bool is_alone(const plane *p, int64_t at, int64_t next)
{
    return p->py[next] != p->py[at];
}

/* From [up, end) upwards and [start, up) downwards, height after height, while that alone does not rule samples out. */
static void look_around(const plane *p, int64_t start, int64_t up, int64_t end, int64_t skip,
                        double x, double y, ist_nears *nears)
{
    for (int64_t at = up, next; at < end; at = next) {
        double dy = y_distance(p, p->py[at], y);
        if (!ist_nears_wants(nears, dy))
            break;
        next = at + 1;
        if (next < end && !is_alone(p, at, next)) {
            next = at + level_with(p->py + at, end - at, 1);
            look_along(p, at, next, skip, x, dy, nears);
        } else if (at != skip) {
            look(p, at, x, dy, nears);
        }
    }
    for (int64_t at = up - 1, next; at >= start; at = next) {
        double dy = y_distance(p, p->py[at], y);
        if (!ist_nears_wants(nears, dy))
            break;
        next = at - 1;
        if (next >= start && !is_alone(p, at, next)) {
            next = at - level_with(p->py + at, at - start + 1, -1);
            look_along(p, next + 1, at + 1, skip, x, dy, nears);
        } else {
            look(p, at, x, dy, nears);
        }
    }
}

/* Does the height of its lowest and highest sample rule a strip out? */
static bool is_beyond(const plane *p, int64_t strip, double y, const ist_nears *nears)
{
    double low = p->py[strip * p->width], high = p->py[strip_end(p, strip) - 1];
    double outside = y < low ? low : high;
    return (y < low || y > high) && !ist_nears_wants(nears, y_distance(p, outside, y));
}

/* The first of a strip that is not below y, from where the search was before: those of one strip ask from low to high. */
static int64_t rise(const plane *p, int64_t cursor, int64_t end, double y)
{
    while (cursor < end && p->py[cursor] < y)
        cursor++;
    return cursor;
}

/* The nearest of the sample at place `at` of strip `own`. */
static void find_near(const plane *p, int64_t own, int64_t at, int64_t *cursor, ist_nears *nears)
{
    double x = p->px[at], y = p->py[at];
    look_around(p, own * p->width, at, strip_end(p, own), at, x, y, nears);
    for (int step = -1; step <= 1; step += 2)
        for (int64_t s = own + step; s >= 0 && s < p->strips; s += step) {
            double border = p->line[0][step < 0 ? strip_end(p, s) - 1 : s * p->width];
            if (!ist_nears_wants(nears, x_distance(p, border, x)))
                break;
            if (is_beyond(p, s, y, nears))
                continue;
            cursor[s] = rise(p, cursor[s], strip_end(p, s), y);
            look_around(p, s * p->width, cursor[s], strip_end(p, s), -1, x, y, nears);
        }
}

/* ---- what is counted ------------------------------------------------------------------------- */

/* Samples within `limit` of the one at `place` of a sorted column, itself not counted. */
static int64_t count_near(const plane *p, int side, int64_t place, double factor, double limit,
                          bool strictly)
{
    const double *line = p->line[side];
    const ist_span span = {line[place], factor, limit, strictly};
    return ist_extent_left(line, place, &span) + ist_extent_right(line, place, p->n, &span);
}

/* Samples equal in both, each itself included, by place in the order of x: those of equal x are in that of y there. */
static void count_copies(const plane *p, int32_t *copies)
{
    const double *x = p->line[0];
    for (int64_t i = 0, first = 0; i < p->n; i++) {
        double y = p->y[p->sample[0][i]];
        if (i + 1 < p->n && x[i + 1] == x[i] && p->y[p->sample[0][i + 1]] == y)
            continue;
        int32_t many = (int32_t)(i - first + 1);
        for (; first <= i; first++)
            copies[first] = many;
    }
}

/* The farthest of the nearest, in the units of one side. */
static double box_of(const ist_nears *nears, const double *column)
{
    double most = 0, own = column[nears->own];
    for (int64_t e = 0; e < nears->count; e++) {
        double distance = ist_apart(column[nears->entry[e].at], own);
        most = distance > most ? distance : most;
    }
    return most;
}

typedef struct {
    const double *psi;
    const plane *plane;
    int32_t *y_place; /* of a sample in the order of y */
    int32_t *copies;  /* by place in the order of x */
    bool has_copies, faint;
} counting;

/* Are there different values so near each other that their distance is 0? */
static bool has_faint(const plane *p, int side)
{
    for (int64_t i = 1; i < p->n; i++) {
        double a = p->line[side][i - 1], b = p->line[side][i];
        if (a != b && ist_apart(a, b) * p->ksg->factor[side] == 0)
            return true;
    }
    return false;
}

/* Samples at joint distance 0, itself included: its copies, unless distances vanish that are none. */
static int64_t count_zero(counting *c, int64_t x_place)
{
    const plane *p = c->plane;
    if (!c->has_copies) {
        count_copies(p, c->copies);
        c->faint = has_faint(p, 0) || has_faint(p, 1);
        c->has_copies = true;
    }
    if (!c->faint)
        return c->copies[x_place];
    int64_t count = 0, own = p->sample[0][x_place];
    for (int64_t j = 0; j < p->n; j++)
        count += x_distance(p, p->x[j], p->x[own]) == 0 && y_distance(p, p->y[j], p->y[own]) == 0;
    return count;
}

static double of_first_type(counting *c, int64_t x_place, int64_t y_place, double eps)
{
    const plane *p = c->plane;
    const double *psi = c->psi;
    if (eps == 0)
        return psi[count_zero(c, x_place)] - psi[count_near(p, 0, x_place, 1, 0, false) + 1] -
               psi[count_near(p, 1, y_place, 1, 0, false) + 1];
    return psi[p->ksg->k] - psi[count_near(p, 0, x_place, p->ksg->factor[0], eps, true) + 1] -
           psi[count_near(p, 1, y_place, p->ksg->factor[1], eps, true) + 1];
}

static double of_second_type(const counting *c, const ist_nears *nears, int64_t x_place,
                             int64_t y_place)
{
    const plane *p = c->plane;
    int64_t k = p->ksg->k;
    return c->psi[k] - 1 / (double)k -
           c->psi[count_near(p, 0, x_place, 1, box_of(nears, p->x), false)] -
           c->psi[count_near(p, 1, y_place, 1, box_of(nears, p->y), false)];
}

static void take(counting *c, ist_nears *nears, int32_t sample, ist_slice_found *found,
                 double *number)
{
    const plane *p = c->plane;
    bool tied;
    double eps = ist_nears_close(nears, p->ksg->k, &tied);
    found->tied += tied;
    found->zero += eps == 0;
    int64_t x_place = p->place[sample], y_place = c->y_place[sample];
    number[sample] = p->ksg->type == 1 ? of_first_type(c, x_place, y_place, eps)
                                       : of_second_type(c, nears, x_place, y_place);
}

static ist_slice_found in_plane(ist_slice_room *room, int64_t n, const double *x, const double *y,
                                const ist_slice_ksg *ksg)
{
    plane p = {.n = n, .x = x, .y = y, .ksg = ksg};
    sort_side(room, &p, 1, y, NULL);
    sort_side(room, &p, 0, x, p.sample[1]);
    if (has_equals(p.line[1], n))
        sort_side(room, &p, 1, y, p.sample[0]);
    fill_strips(room, &p);
    /* Sorting is over: its arrays are free. */
    counting c = {.psi = room->psi, .plane = &p, .y_place = room->item[0], .copies = room->item[1]};
    for (int64_t i = 0; i < n; i++)
        c.y_place[p.sample[1][i]] = (int32_t)i;
    ist_nears nears = {.room = ist_min(ksg->k + 1, n - 1), .ksg = ksg, .ordered = ksg->type == 2};
    nears.entry = ist_alloc((size_t)nears.room, sizeof *nears.entry);
    int64_t *cursor = ist_alloc((size_t)p.strips, sizeof *cursor);
    ist_slice_found found = {0};
    for (int64_t own = 0; own < p.strips; own++) {
        for (int64_t s = 0; s < p.strips; s++)
            cursor[s] = s * p.width;
        for (int64_t at = own * p.width; at < strip_end(&p, own); at++) {
            nears.own = p.whose[at];
            nears.count = 0;
            find_near(&p, own, at, cursor, &nears);
            take(&c, &nears, p.whose[at], &found, room->number);
        }
    }
    ist_free(cursor);
    ist_free(nears.entry);
    found.looked = nears.looked;
    found.value = room->psi[n] + ist_sum_in_order(room->number, n) / (double)n;
    return found;
}

double ist_slice_factor(int64_t n, int columns, const double *x)
{
    double square[IST_SLICE_COLUMNS], *rest = ist_alloc((size_t)n, sizeof *rest);
    for (int c = 0; c < columns; c++) {
        double mean = ist_sum_in_order(x + c * n, n) / (double)n;
        for (int64_t i = 0; i < n; i++)
            rest[i] = (x[c * n + i] - mean) * (x[c * n + i] - mean);
        square[c] = ist_sum_in_order(rest, n);
    }
    ist_free(rest);
    double mean_square = 2 * ist_sum_in_order(square, columns) / (double)(n - 1);
    return mean_square > 0 ? fmin(1 / mean_square, DBL_MAX) : 1;
}

ist_slice_found ist_slice_layers(ist_slice_room *room, int64_t n, const int columns[2],
                                 const double *x, const double *y, const ist_slice_ksg *ksg)
{
    if (columns[0] == 1 && columns[1] == 1)
        return in_plane(room, n, x, y, ksg);
    return ist_slice_layers_cloud(room, n, columns, x, y, ksg);
}
