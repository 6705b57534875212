#include <math.h>
#include <string.h>

#include "fetch.h"
#include "infostrata/pairs.h"
#include "nearest_heap.h"

/* What a visiting copy of a row knows of its home: what it need not offer again. */
typedef struct {
    double bound;
    uint64_t bound_tie;
} request;

/* ---- the buffer of bounds -------------------------------------------------------------------- */

typedef struct {
    float *value; /* of the filter */
    int32_t *position;
} buffer;

static buffer buffer_of(const ist_nearest *s, int64_t row)
{
    float *value = s->waiting_room + row * 2 * s->capacity;
    return (buffer){value, (int32_t *)(void *)(value + s->capacity)};
}

/* The limit of a row if k others have filter values up to `value` and widths up to `widest`. */
static float limit_of(const ist_nearest *s, float value, double own, float widest)
{
    const ist_filter *filter = &s->rows->filter;
    return ist_filter_high_of_upper(filter, ist_filter_upper(filter, value, own + widest));
}

/* Drops what surely lies beyond the k nearest of those that wait. */
static void thin(ist_nearest *s, int64_t row)
{
    const ist_kernel *kernel = s->meeting.kernel;
    buffer b = buffer_of(s, row);
    int32_t count = s->waiting[row];
    if (count >= s->k) {
        float value = kernel->upper_of(b.value, count, s->k);
        s->limit[row] = fminf(s->limit[row], limit_of(s, value, 0, s->widest[row]));
    }
    s->waiting[row] = kernel->keep(s->limit[row], count, b.value, b.position);
}

enum { AT_ONCE = 8, LOOKS = 4 };

/* Those that wait for a row, and where they lie. */
typedef struct {
    const ist_slab *own, *other;
    const int32_t *other_kind;
    buffer waiting;
} queue;

static queue queue_of(const ist_nearest *s, int64_t row)
{
    const ist_meeting *m = &s->meeting;
    bool at_home = s->position == m->home->first;
    queue q = {.own = at_home ? m->home : m->guests, .waiting = buffer_of(s, row)};
    bool others_at_home = !at_home || m->same;
    q.other = others_at_home ? m->home : m->guests;
    q.other_kind = others_at_home ? m->home_kind : m->guest_kind;
    return q;
}

/* Drops of the first `count` what a look in float64 proves to lie beyond the bound; returns how many
 * stay. */
static int look_at(const ist_nearest *s, const queue *q, int64_t row, int32_t *position, int count)
{
    int64_t d = s->rows->d;
    double high = ist_look_high(s->bound[row], d), sum[AT_ONCE];
    for (int first = 0; first < count; first += LOOKS) {
        const float *narrow[LOOKS];
        const double *wide[LOOKS];
        for (int p = 0; p < LOOKS; p++) {
            int64_t at = position[first + p < count ? first + p : count - 1] - q->other->first;
            if (q->own->wide)
                wide[p] = q->other->wide + at * d;
            else
                narrow[p] = q->other->narrow + at * d;
        }
        if (q->own->wide)
            s->meeting.kernel->look_wide(q->own->wide + row * d, wide, d, sum + first);
        else
            s->meeting.kernel->look_narrow(q->own->narrow + row * d, narrow, d, sum + first);
    }
    int stay = 0;
    for (int p = 0; p < count; p++)
        if (!(sum[p] > high))
            position[stay++] = position[p];
    return stay;
}

/* Offers some of those that wait by their distances. */
static void decide_some(ist_nearest *s, const queue *q, int64_t row, int32_t first, int count,
                        bool look)
{
    int64_t a[AT_ONCE], b[AT_ONCE];
    int32_t *position = q->waiting.position + first;
    double distance[AT_ONCE];
    if (look && ist_rows_can_look(s->rows) && !isinf(s->bound[row]))
        count = look_at(s, q, row, position, count);
    s->meeting.stats->decided_again += count;
    for (int p = 0; p < count; p++) {
        a[p] = row;
        b[p] = position[p] - q->other->first;
    }
    for (int32_t p = first + AT_ONCE; p < s->waiting[row] && p < first + 2 * AT_ONCE; p++)
        ist_fetch_row(s->rows, q->other, q->waiting.position[p] - q->other->first);
    ist_exact_distances(s->meeting.kernel, s->rows, q->own, a, q->other, b, count, distance);
    for (int p = 0; p < count; p++) {
        ist_heap_offer(s, row, distance[p], position[p]);
        if (q->other_kind && distance[p] == s->bound[row] && q->other_kind[b[p]] >= 0)
            s->tie_kind[row] = q->other_kind[b[p]];
    }
}

/* So many wait, thinned, that the filter cannot tell most of them from the k nearest. */
static bool is_crowded(const ist_nearest *s, int64_t row)
{
    return s->waiting[row] > s->k + (s->capacity - s->k) / 2;
}

/* Offers all that wait by their distances. In an exact filter these are the filter values. */
static void decide(ist_nearest *s, int64_t row)
{
    queue q = queue_of(s, row);
    const ist_filter *filter = &s->rows->filter;
    int32_t count = s->waiting[row];
    bool crowded = is_crowded(s, row);
    if (filter->exact)
        for (int32_t p = 0; p < count; p++)
            ist_heap_offer(s, row, ist_filter_distance(filter, q.waiting.value[p]),
                           q.waiting.position[p]);
    else
        for (int32_t first = 0; first < count; first += AT_ONCE)
            decide_some(s, &q, row, first, count - first < AT_ONCE ? count - first : AT_ONCE,
                        crowded);
    s->waiting[row] = 0;
    s->widest[row] = 0;
    ist_heap_settle_bound(s, row);
}

static void make_room(ist_nearest *s, int64_t row)
{
    thin(s, row);
    if (is_crowded(s, row))
        decide(s, row);
}

/* widths: those of both rows, a rounded sum (docs/numerics.md section 5, upper bounds). */
static inline void wait_with(ist_nearest *s, int64_t row, float l, float widths, int32_t position)
{
    buffer b = buffer_of(s, row);
    int32_t at = s->waiting[row]++;
    b.value[at] = l;
    b.position[at] = position;
    s->widest[row] = widths > s->widest[row] ? widths : s->widest[row];
    if (s->waiting[row] == s->capacity)
        make_room(s, row);
}

/* ---- states ---------------------------------------------------------------------------------- */

/* Room for k and a good many more, so that thinning is rare. */
static int64_t capacity_for(int64_t k)
{
    enum { LEAST_ROOM = 20, ROUND = 16 };
    return ist_ceil_div(k + ist_max(LEAST_ROOM, k / 2), ROUND) * ROUND;
}

int64_t ist_nearest_bytes(int64_t k)
{
    const int64_t settled = sizeof(double) + sizeof(int32_t);
    const int64_t row =
        3 * sizeof(int32_t) + sizeof(double) + 2 * sizeof(uint64_t) + 3 * sizeof(float);
    const int64_t waiting = sizeof(float) + sizeof(int32_t);
    return k * settled + capacity_for(k) * waiting + row;
}

static ist_nearest *state_new(const ist_rows *rows, const ist_slab *slab, int64_t k,
                              ist_tie_rule ties)
{
    int64_t count = slab->count;
    ist_nearest *s = ist_alloc(1, sizeof *s);
    *s = (ist_nearest){.position = slab->first,
                       .count = count,
                       .k = k,
                       .capacity = capacity_for(k),
                       .ties = ties,
                       .rows = rows};
    /* Scans read whole tiles. */
    size_t padded = (size_t)count + IST_TILE, room = (size_t)(count * s->capacity);
    s->distance = ist_alloc((size_t)(count * k), sizeof *s->distance);
    s->neighbour = ist_alloc((size_t)(count * k), sizeof *s->neighbour);
    s->held = ist_alloc((size_t)count, sizeof *s->held);
    s->bound = ist_alloc((size_t)count, sizeof *s->bound);
    s->bound_tie = ist_alloc(padded, sizeof *s->bound_tie);
    s->base = ist_alloc(padded, sizeof *s->base);
    s->limit = ist_alloc(padded, sizeof *s->limit);
    s->strict = ist_alloc(padded, sizeof *s->strict);
    s->tie_kind = ist_alloc(padded, sizeof *s->tie_kind);
    s->waiting_room = ist_alloc_unset(2 * room, sizeof *s->waiting_room);
    s->waiting = ist_alloc((size_t)count, sizeof *s->waiting);
    s->widest = ist_alloc((size_t)count, sizeof *s->widest);
    for (int64_t i = 0; i < count; i++)
        s->base[i] = ist_tie_base(&ties, ist_row_number(rows, slab->first + i));
    return s;
}

ist_nearest *ist_nearest_new(const ist_rows *rows, int64_t k, ist_tie_rule ties)
{
    ist_nearest *s = state_new(rows, &rows->home, k, ties);
    for (int64_t i = 0; i < s->count; i++)
        ist_heap_set_bound(s, i, INFINITY, UINT64_MAX);
    return s;
}

ist_nearest *ist_nearest_lists(const ist_rows *rows, int64_t k, ist_tie_rule ties)
{
    ist_nearest *s = ist_alloc(1, sizeof *s);
    size_t count = (size_t)rows->home.count, entries = count * (size_t)k;
    *s = (ist_nearest){.position = rows->home.first,
                       .count = rows->home.count,
                       .k = k,
                       .ties = ties,
                       .rows = rows,
                       .distance = ist_alloc(entries, sizeof *s->distance),
                       .neighbour = ist_alloc(entries, sizeof *s->neighbour),
                       .held = ist_alloc(count, sizeof *s->held)};
    return s;
}

void ist_nearest_free(ist_nearest **nearest)
{
    ist_nearest *s = *nearest;
    if (!s)
        return;
    ist_free(s->distance);
    ist_free(s->neighbour);
    ist_free(s->held);
    ist_free(s->bound);
    ist_free(s->bound_tie);
    ist_free(s->base);
    ist_free(s->limit);
    ist_free(s->strict);
    ist_free(s->tie_kind);
    ist_free(s->waiting_room);
    ist_free(s->waiting);
    ist_free(s->widest);
    ist_free(s);
    *nearest = NULL;
}

void ist_nearest_trim(ist_nearest *s, int64_t k)
{
    if (k >= s->k)
        return;
    size_t entries = (size_t)(s->count * k), each = (size_t)k;
    double *distance = ist_alloc(entries, sizeof *distance);
    int32_t *neighbour = ist_alloc(entries, sizeof *neighbour);
    for (int64_t i = 0; i < s->count; i++) {
        memcpy(distance + i * k, s->distance + i * s->k, each * sizeof *distance);
        memcpy(neighbour + i * k, s->neighbour + i * s->k, each * sizeof *neighbour);
        s->held[i] = (int32_t)ist_min(s->held[i], k);
    }
    ist_free(s->distance);
    ist_free(s->neighbour);
    s->distance = distance;
    s->neighbour = neighbour;
    s->k = k;
}

/* ---- scanning -------------------------------------------------------------------------------- */

static void meet(void *rows, void *columns, const ist_meeting *meeting)
{
    ist_nearest *states[2] = {rows, columns};
    for (int side = 0; side < (meeting->same || meeting->one_sided ? 1 : 2); side++) {
        states[side]->meeting = *meeting;
        /* Kinds are those of the slab that is met. */
        for (int64_t i = 0; i < states[side]->count; i++)
            states[side]->tie_kind[i] = IST_ANY_KIND;
    }
}

static void part(void *rows, void *columns, const ist_meeting *meeting)
{
    ist_nearest *states[2] = {rows, columns};
    for (int side = 0; side < (meeting->same || meeting->one_sided ? 1 : 2); side++)
        for (int64_t i = 0; i < states[side]->count; i++)
            if (states[side]->waiting[i] > 0) {
                thin(states[side], i);
                decide(states[side], i);
            }
}

/* The first limits of rows that have none: k rows of the tile have filter values up to the k-th smallest, and
 * no width is larger than the widest. */
static void seed_limits(ist_nearest *s, const ist_tile *tile)
{
    float widest = 0;
    for (int j = 0; j < tile->cols; j++)
        widest = fmaxf(widest, tile->col_width[j]);
    for (int i = 0; i < tile->rows; i++) {
        if (!isinf(s->limit[tile->row + i]))
            continue;
        float value = tile->kernel->upper_of(tile->l + i * IST_TILE, IST_TILE, s->k);
        s->limit[tile->row + i] = limit_of(s, value, (double)tile->row_width[i], widest);
    }
}

/* Can this pair only tie with the bound? */
static bool is_tied(const ist_nearest *s, int64_t row, const ist_tile *tile, float l, int other,
                    bool row_side)
{
    const int32_t *kind = row_side ? tile->col_kind : tile->row_kind;
    return l >= s->strict[row] || (kind && s->tie_kind[row] == kind[other]);
}

/* What the kernels found for the rows of one side. Limits fall while the places are read, so they are
 * asked again. */
static void take_places(ist_nearest *s, const ist_tile *tile, const ist_places *places,
                        bool row_side)
{
    enum { AHEAD = 8 };
    int64_t first = row_side ? tile->row : tile->col;
    int64_t position = row_side ? tile->col_position : tile->row_position;
    bool ties = s->any_strict || tile->row_kind;
    for (int p = 0; p < places->count; p++) {
        int32_t soon = places->at[p + AHEAD < places->count ? p + AHEAD : p];
        int64_t next = first + (row_side ? soon / IST_TILE : soon % IST_TILE);
        buffer b = buffer_of(s, next);
        __builtin_prefetch(b.value + s->waiting[next], 1);
        __builtin_prefetch(b.position + s->waiting[next], 1);
        int32_t at = places->at[p];
        int i = at / IST_TILE, j = at % IST_TILE;
        int64_t row = first + (row_side ? i : j);
        float l = tile->l[at];
        if (!(l <= s->limit[row]))
            continue;
        if (ties && is_tied(s, row, tile, l, row_side ? j : i, row_side) &&
            (row_side ? tile->col_word[j] : tile->row_word[i]) - s->base[row] > s->bound_tie[row])
            continue;
        wait_with(s, row, l, tile->row_width[i] + tile->col_width[j],
                  (int32_t)(position + (row_side ? j : i)));
    }
}

static void find_ties(const ist_nearest *r, const ist_nearest *s, const ist_tile *tile,
                      const float *column_limit, ist_places *row_side, ist_places *column_side)
{
    uint64_t row_word[IST_TILE] = {0}, col_word[IST_TILE] = {0};
    memcpy(row_word, tile->row_word, (size_t)tile->rows * sizeof *row_word);
    memcpy(col_word, tile->col_word, (size_t)tile->cols * sizeof *col_word);
    ist_tie_side row = {r->limit + tile->row,   r->strict + tile->row,    row_word,
                        r->base + tile->row,    r->bound_tie + tile->row, tile->row_kind,
                        r->tie_kind + tile->row};
    ist_tie_side column = {column_limit,           s->strict + tile->col,    col_word,
                           s->base + tile->col,    s->bound_tie + tile->col, tile->col_kind,
                           s->tie_kind + tile->col};
    tile->kernel->within_ties(tile->l, &row, &column, row_side, column_side);
}

static void scan(void *rows, void *columns, const ist_tile *tile, ist_open_list *open)
{
    enum { MANY = IST_TILE * IST_TILE / 64, RARE = 16 };
    (void)open;
    ist_nearest *r = rows, *s = columns;
    float nobody[IST_TILE];
    const float *column_limit = s->limit + tile->col;
    if (tile->one_sided) {
        for (int j = 0; j < IST_TILE; j++)
            nobody[j] = -INFINITY;
        column_limit = nobody;
        seed_limits(r, tile);
    }
    ist_places row_side, column_side;
    tile->kernel->within(tile->l, r->limit + tile->row, column_limit, r->found < RARE, &row_side,
                         &column_side);
    r->found = (3 * r->found + row_side.count + column_side.count) / 4;
    if (row_side.count + column_side.count > MANY &&
        (r->any_strict || s->any_strict || tile->row_kind))
        find_ties(r, s, tile, column_limit, &row_side, &column_side);
    take_places(r, tile, &row_side, true);
    take_places(s, tile, &column_side, false);
}

/* One side of a pair at a known distance. `word` is the tie word of the other row. */
static void take_side(ist_nearest *s, int64_t row, double distance, uint64_t word, int32_t position)
{
    if (distance > s->bound[row] ||
        (distance == s->bound[row] && word - s->base[row] > s->bound_tie[row]))
        return;
    ist_heap_offer(s, row, distance, position);
    ist_heap_settle_bound(s, row);
}

static void take(void *rows, void *columns, const ist_tile *tile)
{
    ist_nearest *r = rows, *s = columns;
    for (int i = 0; i < tile->rows; i++)
        for (int j = 0; j < tile->cols; j++) {
            if (tile->diagonal && i == j)
                continue;
            double distance = tile->distance[i * IST_TILE + j];
            take_side(r, tile->row + i, distance, tile->col_word[j],
                      (int32_t)(tile->col_position + j));
            if (!tile->one_sided)
                take_side(s, tile->col + j, distance, tile->row_word[i],
                          (int32_t)(tile->row_position + i));
        }
}

/* ---- skipping -------------------------------------------------------------------------------- */

static int64_t limits(const void *state)
{
    (void)state;
    return 1;
}

/* Every distance above the filter's limit is farther than the k-th nearest. */
static const float *farther(const void *state, int64_t m)
{
    const ist_nearest *s = state;
    (void)m;
    return s->limit;
}

/* ---- travelling ------------------------------------------------------------------------------ */

static size_t out_bytes(const void *state)
{
    (void)state;
    return sizeof(request);
}

/* A visiting copy brings back: how many, their distances, their positions. */
static size_t back_bytes(const void *state)
{
    const ist_nearest *s = state;
    return sizeof(int32_t) + (size_t)s->k * (sizeof(double) + sizeof(int32_t));
}

/* The limit, and a line of each of the two arrays in which candidates wait and of their numbers. */
static size_t touched_bytes(const void *state)
{
    enum { LINE = 64 };
    (void)state;
    return sizeof(float) + (size_t)3 * LINE;
}

static void pack_out(const void *home, int64_t first, int64_t count, void *message)
{
    const ist_nearest *s = home;
    request *requests = message;
    for (int64_t i = 0; i < count; i++)
        requests[i] = (request){s->bound[first + i], s->bound_tie[first + i]};
}

static void *init(const void *home, const ist_chunk *chunk, const void *message)
{
    const ist_nearest *origin = home;
    const request *requests = message;
    ist_nearest *s = state_new(origin->rows, &chunk->slab, origin->k, origin->ties);
    for (int64_t i = 0; i < s->count; i++)
        ist_heap_set_bound(s, i, requests[i].bound, requests[i].bound_tie);
    return s;
}

static void pack_back(const void *state, int64_t first, int64_t count, void *message)
{
    const ist_nearest *s = state;
    size_t from = (size_t)(first * s->k), entries = (size_t)(count * s->k);
    char *at = message;
    memcpy(at, s->distance + from, entries * sizeof *s->distance);
    at += entries * sizeof *s->distance;
    memcpy(at, s->neighbour + from, entries * sizeof *s->neighbour);
    at += entries * sizeof *s->neighbour;
    memcpy(at, s->held + first, (size_t)count * sizeof *s->held);
}

static void merge(void *home, int64_t first, int64_t count, const void *message)
{
    ist_nearest *s = home;
    size_t entries = (size_t)(count * s->k);
    const double *distance = message;
    const int32_t *neighbour = (const int32_t *)(distance + entries);
    const int32_t *held = neighbour + entries;
    for (int64_t i = 0; i < count; i++) {
        for (int64_t p = 0; p < held[i]; p++)
            ist_heap_offer(s, first + i, distance[i * s->k + p], neighbour[i * s->k + p]);
        ist_heap_settle_bound(s, first + i);
    }
}

static void release(void *visiting)
{
    ist_nearest *s = visiting;
    ist_nearest_free(&s);
}

/* Longer lists begin with the shorter ones. */
static int64_t describe(const void *state, ist_text *what)
{
    const ist_nearest *s = state;
    ist_text_add(what, "nearest");
    return s->k;
}

const ist_consumer ist_nearest_consumer = {.out_bytes = out_bytes,
                                           .back_bytes = back_bytes,
                                           .touched_bytes = touched_bytes,
                                           .pack_out = pack_out,
                                           .init = init,
                                           .pack_back = pack_back,
                                           .merge = merge,
                                           .release = release,
                                           .meet = meet,
                                           .part = part,
                                           .scan = scan,
                                           .take = take,
                                           .limits = limits,
                                           .farther = farther,
                                           .learns = true,
                                           .describe = describe};
