/* Rows whose lists are too short: first the nearest of their class among the rows of the class, by float64 tiles; then, these distances
 * known, all rows of the segment are counted that are not farther, behind the float32 filter. */
#include <math.h>
#include <string.h>

#include "chunks.h"
#include "infostrata/place.h"
#include "infostrata/ring.h"
#include "infostrata/stop.h"

/* Rows by segment and class, in that order: group g has row[start[g]] .. row[start[g + 1]]. */
typedef struct {
    int64_t *start;
    int32_t *row;
} grouping;

typedef struct {
    const ist_comm *comm;
    const ist_engine *engine;
    const ist_class_question *q;
    const ist_rows *set;    /* that has the values: the question's, or its twin */
    const ist_rows *copies; /* the same rows, with the copies that are faster */
    int64_t *at;            /* of a twin: the position in it of each row; else NULL */
    int64_t segments;
    int64_t *segment_start; /* segments + 1 positions */
    grouping home;          /* home rows of `set` */
    grouping asked;         /* rows that are short, of all ranks: positions in the question's set */
    double *rows, *columns, *tile; /* of one tile */
    float *l;
    ist_places *near, *nowhere;
    double attended;
    bool stopped;
    ist_pass_stats *stats;
} search;

/* Some of the rows that are asked about, on every rank. */
typedef struct {
    int64_t first, count; /* of asked.row */
    ist_rows set;         /* their values and, where there is a filter, copies */
    double *nearest;      /* count x k, ascending: of their class; infinity beyond it */
    /* count x k, of the rows between the entry before and this one, or at it: those of the class; of all that are counted, the
     * nearer ones and those at it. */
    int32_t *same, *closer, *equal;
} batch;

static int64_t position_in_set(const search *s, int64_t position)
{
    return s->at ? s->at[position] : position;
}

static int64_t position_of_home(const search *s, int64_t row)
{
    int64_t position = s->set->home.first + row;
    return s->set->place ? s->set->place[position] : position;
}

static int32_t class_at(const search *s, int64_t position)
{
    return s->q->class_of[ist_row_number(s->q->rows, position)];
}

static int64_t segment_at(const search *s, int64_t position)
{
    const ist_blocks *blocks = &s->q->rows->blocks;
    return blocks->segment[ist_blocks_find(blocks, position)];
}

static int64_t group_at(const search *s, int64_t position)
{
    return segment_at(s, position) * s->q->classes + class_at(s, position);
}

/* `row` of the i-th of count rows at position[i]: NULL: i itself. */
static grouping group(const search *s, int64_t count, const int64_t *position, const int64_t *row)
{
    int64_t groups = s->segments * s->q->classes;
    grouping g = {ist_alloc((size_t)groups + 2, sizeof *g.start),
                  ist_alloc((size_t)count, sizeof *g.row)};
    for (int64_t i = 0; i < count; i++)
        g.start[group_at(s, position[i]) + 2]++;
    for (int64_t e = 2; e < groups + 2; e++)
        g.start[e] += g.start[e - 1];
    for (int64_t i = 0; i < count; i++)
        g.row[g.start[group_at(s, position[i]) + 1]++] = (int32_t)(row ? row[i] : i);
    return g;
}

static grouping group_home(const search *s)
{
    int64_t count = s->set->home.count;
    int64_t *position = ist_alloc((size_t)count, sizeof *position);
    for (int64_t i = 0; i < count; i++)
        position[i] = position_of_home(s, i);
    grouping g = group(s, count, position, NULL);
    ist_free(position);
    return g;
}

static grouping group_asked(const search *s, const bool *is_short)
{
    const ist_rows *rows = s->q->rows;
    bool *all = ist_alloc((size_t)rows->n, sizeof *all);
    ist_gather_rows(s->comm, rows, MPI_C_BOOL, is_short, all, true);
    int64_t count = 0;
    int64_t *position = ist_alloc((size_t)rows->n, sizeof *position);
    for (int64_t p = 0; p < rows->n; p++)
        if (all[p])
            position[count++] = p;
    grouping g = group(s, count, position, position);
    ist_free(position);
    ist_free(all);
    return g;
}

static int64_t *segment_starts(const ist_blocks *blocks, int64_t segments)
{
    int64_t *start = ist_alloc((size_t)segments + 1, sizeof *start);
    for (int64_t b = blocks->count; b-- > 0;)
        start[blocks->segment[b]] = blocks->start[b];
    start[segments] = blocks->start[blocks->count];
    return start;
}

static search search_new(const ist_comm *comm, const ist_engine *engine,
                         const ist_class_question *q, const bool *is_short, ist_pass_stats *stats)
{
    const ist_blocks *blocks = &q->rows->blocks;
    search s = {.comm = comm,
                .engine = engine,
                .q = q,
                .set = q->rows->twin ? q->rows->twin : q->rows,
                .segments = blocks->segment[blocks->count - 1] + 1,
                .attended = ist_seconds(),
                .stats = stats};
    s.copies = ist_rows_for_nearest(engine->kernel, s.set);
    if (s.set->place) {
        s.at = ist_alloc((size_t)q->rows->n, sizeof *s.at);
        for (int64_t p = 0; p < q->rows->n; p++)
            s.at[s.set->place[p]] = p;
    }
    size_t side = (size_t)(IST_TILE * q->rows->d);
    s.segment_start = segment_starts(blocks, s.segments);
    s.home = group_home(&s);
    s.asked = group_asked(&s, is_short);
    s.rows = ist_alloc(side, sizeof *s.rows);
    s.columns = ist_alloc(side, sizeof *s.columns);
    s.tile = ist_alloc((size_t)IST_TILE * IST_TILE, sizeof *s.tile);
    s.l = ist_alloc((size_t)IST_TILE * IST_TILE, sizeof *s.l);
    s.near = ist_alloc(1, sizeof *s.near);
    s.nowhere = ist_alloc(1, sizeof *s.nowhere);
    return s;
}

static void search_release(search *s)
{
    ist_free(s->at);
    ist_free(s->segment_start);
    ist_free(s->home.start);
    ist_free(s->home.row);
    ist_free(s->asked.start);
    ist_free(s->asked.row);
    ist_free(s->rows);
    ist_free(s->columns);
    ist_free(s->tile);
    ist_free(s->l);
    ist_free(s->near);
    ist_free(s->nowhere);
}

/* ---- a batch ----------------------------------------------------------------------------------- */

/* As many as a chunk that visits may have bytes, with what is found for them on all ranks. */
static int64_t at_once(const search *s)
{
    const int64_t MOST = 4096, entry = sizeof(double) * (1 + s->comm->size) + 3 * sizeof(int32_t);
    int64_t copies = (int64_t)sizeof(float) * (s->set->d + 2);
    int64_t bytes = (int64_t)ist_row_bytes(s->set) + copies + s->q->k * entry;
    return ist_max(IST_TILE, ist_min(MOST, s->engine->chunk_bytes / bytes));
}

/* Of values that one rank has every rank gets all. */
static void share_values(const search *s, batch *b)
{
    size_t bytes = ist_row_bytes(s->set);
    const ist_slab *home = &s->set->home;
    char *to = ist_slab_values(s->set, &b->set.home);
    const char *from = ist_slab_values(s->set, home);
    for (int64_t i = 0; i < b->count; i++) {
        int64_t at = position_in_set(s, s->asked.row[b->first + i]) - home->first;
        if (at >= 0 && at < home->count)
            memcpy(to + (size_t)i * bytes, from + (size_t)at * bytes, bytes);
    }
    const int64_t MOST = 1 << 30;
    int64_t all = s->comm->size > 1 ? b->count * (int64_t)bytes : 0;
    for (int64_t done = 0; done < all; done += MOST)
        MPI_Allreduce(MPI_IN_PLACE, to + done, ist_narrow(ist_min(MOST, all - done)), MPI_BYTE,
                      MPI_BOR, s->comm->handle);
    s->stats->bytes_sent += all;
}

static bool is_filtered(const search *s)
{
    return s->engine->kernel->filter[s->copies->filter.form] != NULL;
}

/* Tiles of a batch are of one segment each. */
static ist_blocks blocks_of(const search *s, int64_t first, int64_t count)
{
    int64_t *start = ist_alloc((size_t)s->segments + 1, sizeof *start);
    for (int64_t p = 0; p <= s->segments; p++)
        start[p] = ist_min(ist_max(s->asked.start[p * s->q->classes] - first, 0), count);
    ist_blocks blocks = ist_blocks_new(start, (int)s->segments);
    ist_free(start);
    return blocks;
}

static batch batch_new(const search *s, int64_t first, int64_t count)
{
    size_t entries = (size_t)(count * s->q->k);
    batch b = {.first = first,
               .count = count,
               .nearest = ist_alloc(entries, sizeof *b.nearest),
               .same = ist_alloc(entries, sizeof *b.same),
               .closer = ist_alloc(entries, sizeof *b.closer),
               .equal = ist_alloc(entries, sizeof *b.equal)};
    for (size_t e = 0; e < entries; e++)
        b.nearest[e] = INFINITY;
    b.set = (ist_rows){.n = count,
                       .d = s->set->d,
                       .metric = s->set->metric,
                       .blocks = blocks_of(s, first, count),
                       .wide = s->set->wide,
                       .filter = s->copies->filter,
                       .home = ist_slab_new(s->set, 0, count)};
    share_values(s, &b);
    if (is_filtered(s))
        b.set.packed = ist_pack(&b.set, &b.set.home);
    return b;
}

static void batch_release(batch *b)
{
    ist_slab_release(&b->set.home);
    ist_packed_release(&b->set.packed);
    ist_blocks_release(&b->set.blocks);
    ist_free(b->nearest);
    ist_free(b->same);
    ist_free(b->closer);
    ist_free(b->equal);
}

static const float *narrow_at(const ist_slab *slab, int64_t row, int64_t d)
{
    return slab->narrow ? slab->narrow + row * d : NULL;
}

static const double *wide_at(const ist_slab *slab, int64_t row, int64_t d)
{
    return slab->wide ? slab->wide + row * d : NULL;
}

/* Before a tile of so many pairs. False: it is to be left out. */
static bool goes_on(search *s, int rows, int columns)
{
    const double SECONDS = 0.002;
    ist_place_tile();
    s->stopped = s->stopped || ist_stop_poll(s->engine->stop);
    if (s->engine->attend && ist_seconds() - s->attended >= SECONDS) {
        s->engine->attend(s->engine->attend_data);
        s->attended = ist_seconds();
    }
    if (s->stopped)
        return false;
    s->stats->pairs += (double)rows * columns;
    s->stats->tiles++;
    if (s->engine->pulse)
        atomic_fetch_add(&s->engine->pulse->pairs, (int_fast64_t)rows * columns);
    return true;
}

/* Of the rows and columns that are loaded. */
static bool exact_tile(search *s, int rows, int columns)
{
    if (!goes_on(s, rows, columns))
        return false;
    s->engine->kernel->exact[s->set->metric].tile(s->rows, rows, s->columns, s->set->d, s->tile);
    s->stats->exact_tiles++;
    return true;
}

static void load_asked(const search *s, const batch *b, int64_t row, int rows)
{
    int64_t d = s->set->d;
    s->engine->kernel->load_rows(narrow_at(&b->set.home, row, d), wide_at(&b->set.home, row, d),
                                 rows, d, NULL, s->rows);
}

/* ---- the nearest of the class -------------------------------------------------------------------- */

/* Into k numbers, ascending. */
static void offer(double *nearest, int64_t k, double distance)
{
    int64_t e = k - 1;
    if (distance >= nearest[e])
        return;
    for (; e > 0 && nearest[e - 1] > distance; e--)
        nearest[e] = nearest[e - 1];
    nearest[e] = distance;
}

/* Home rows of a group, side by side, as columns. */
static void load_members(const search *s, const int32_t *member, int count, ist_slab *room)
{
    const ist_slab *home = &s->set->home;
    size_t bytes = ist_row_bytes(s->set);
    char *to = ist_slab_values(s->set, room);
    const char *from = ist_slab_values(s->set, home);
    for (int c = 0; c < count; c++)
        memcpy(to + (size_t)c * bytes, from + (size_t)member[c] * bytes, bytes);
    s->engine->kernel->load_columns(room->narrow, room->wide, count, s->set->d, NULL, s->columns);
}

/* Rows [row, row + rows) of the batch, all of group g. */
static void search_group(search *s, batch *b, int64_t g, int64_t row, int rows, ist_slab *room)
{
    int64_t k = s->q->k;
    load_asked(s, b, row, rows);
    for (int64_t at = s->home.start[g]; at < s->home.start[g + 1] && !s->stopped; at += IST_TILE) {
        const int32_t *member = s->home.row + at;
        int columns = (int)ist_min(IST_TILE, s->home.start[g + 1] - at);
        load_members(s, member, columns, room);
        if (!exact_tile(s, rows, columns))
            return;
        for (int r = 0; r < rows; r++) {
            int64_t own = position_in_set(s, s->asked.row[b->first + row + r]) - s->set->home.first;
            double *nearest = b->nearest + (row + r) * k;
            for (int c = 0; c < columns; c++)
                if (s->tile[r * IST_TILE + c] < nearest[k - 1] && member[c] != own)
                    offer(nearest, k, s->tile[r * IST_TILE + c]);
        }
    }
}

/* Of all ranks. */
static void merge_nearest(const search *s, batch *b)
{
    int64_t k = s->q->k, entries = b->count * k;
    if (s->comm->size == 1)
        return;
    double *each = ist_alloc((size_t)(entries * s->comm->size), sizeof *each);
    MPI_Allgather(b->nearest, ist_narrow(entries), MPI_DOUBLE, each, ist_narrow(entries),
                  MPI_DOUBLE, s->comm->handle);
    for (int r = 0; r < s->comm->size; r++)
        for (int64_t e = 0; e < entries && r != s->comm->rank; e++)
            offer(b->nearest + e / k * k, k, each[r * entries + e]);
    ist_free(each);
}

static void find_nearest(search *s, batch *b)
{
    ist_slab room = ist_slab_new(s->set, 0, IST_TILE);
    for (int64_t row = 0; row < b->count;) {
        int64_t g = group_at(s, s->asked.row[b->first + row]);
        int64_t end = ist_min(s->asked.start[g + 1] - b->first, b->count);
        int rows = (int)ist_min(IST_TILE, end - row);
        search_group(s, b, g, row, rows, &room);
        row += rows;
    }
    ist_slab_release(&room);
    merge_nearest(s, b);
}

/* ---- all that are as near ------------------------------------------------------------------------ */

/* The distance of the last entry that a row of the batch has. */
static double last_of(const search *s, const batch *b, int64_t row)
{
    int64_t size = s->q->class_size[group_at(s, s->asked.row[b->first + row])];
    int64_t held = ist_min(s->q->k, size - 1);
    return held > 0 ? b->nearest[row * s->q->k + held - 1] : -1;
}

/* The first entry that is not below a distance, which is not above the last. */
static int64_t entry_of(const double *nearest, double distance)
{
    int64_t e = 0;
    while (nearest[e] < distance)
        e++;
    return e;
}

/* A home row that is not farther than the last entry. */
static void add_row(const search *s, batch *b, int64_t row, int64_t home, double distance)
{
    int64_t asked = s->asked.row[b->first + row], position = position_of_home(s, home);
    if (position == asked)
        return;
    const double *nearest = b->nearest + row * s->q->k;
    int64_t at = row * s->q->k + entry_of(nearest, distance);
    b->same[at] += class_at(s, position) == class_at(s, asked);
    if (s->q->leave_out && s->q->class_size[group_at(s, position)] == 1)
        return;
    b->closer[at] += distance < b->nearest[at];
    b->equal[at] += distance == b->nearest[at];
}

/* Pairs that the filter leaves: their distances, and what these say. */
static void take_near(const search *s, batch *b, int64_t row, int64_t column, const double *limit)
{
    enum { AT_ONCE = 64 };
    for (int done = 0; done < s->near->count; done += AT_ONCE) {
        int64_t asked[AT_ONCE], home[AT_ONCE], now = ist_min(AT_ONCE, s->near->count - done);
        double distance[AT_ONCE];
        for (int64_t p = 0; p < now; p++) {
            asked[p] = row + s->near->at[done + p] / IST_TILE;
            home[p] = column + s->near->at[done + p] % IST_TILE;
        }
        ist_exact_distances(s->engine->kernel, s->set, &b->set.home, asked, &s->set->home, home,
                            now, distance);
        for (int64_t p = 0; p < now; p++)
            if (distance[p] <= limit[asked[p] - row])
                add_row(s, b, asked[p], home[p], distance[p]);
    }
    s->stats->decided_again += s->near->count;
}

/* A tile of the batch against the tiles of home that are of its segment. */
static void count_tile(search *s, batch *b, int64_t a)
{
    const ist_kernel *kernel = s->engine->kernel;
    const ist_filter *filter = &s->copies->filter;
    const ist_packed *asked = &b->set.packed, *home = &s->copies->packed;
    int64_t row = asked->row[a], size = IST_TILE * ist_filter_words(filter, s->set->d);
    int rows = (int)(asked->row[a + 1] - row);
    int32_t segment = b->set.blocks.segment[asked->block[a]];
    double limit[IST_TILE];
    float high[IST_TILE], nothing[IST_TILE];
    for (int r = 0; r < IST_TILE; r++) {
        limit[r] = r < rows ? last_of(s, b, row + r) : 0;
        high[r] = r < rows ? ist_filter_high(filter, limit[r]) : -INFINITY;
        nothing[r] = -INFINITY;
    }
    for (int64_t t = 0; t < home->tiles && !s->stopped; t++) {
        if (s->copies->blocks.segment[home->block[t]] != segment)
            continue;
        if (!goes_on(s, rows, (int)(home->row[t + 1] - home->row[t])))
            return;
        kernel->filter[filter->form](asked->panels + a * size, home->panels + t * size, s->set->d,
                                     asked->term + a * IST_TILE, home->term + t * IST_TILE, s->l);
        kernel->within(s->l, high, nothing, true, s->near, s->nowhere);
        take_near(s, b, row, home->row[t], limit);
    }
}

/* Without a filter: rows [row, row + rows) of the batch, all of one segment, against home rows [first, last). */
static void count_segment(search *s, batch *b, int64_t row, int rows, int64_t first, int64_t last)
{
    int64_t d = s->set->d;
    const ist_slab *home = &s->set->home;
    double limit[IST_TILE];
    for (int r = 0; r < rows; r++)
        limit[r] = last_of(s, b, row + r);
    load_asked(s, b, row, rows);
    for (int64_t at = first; at < last && !s->stopped; at += IST_TILE) {
        int columns = (int)ist_min(IST_TILE, last - at);
        s->engine->kernel->load_columns(narrow_at(home, at, d), wide_at(home, at, d), columns, d,
                                        NULL, s->columns);
        if (!exact_tile(s, rows, columns))
            return;
        for (int r = 0; r < rows; r++) {
            const double *distance = s->tile + (size_t)r * IST_TILE;
            for (int c = 0; c < columns; c++)
                if (distance[c] <= limit[r])
                    add_row(s, b, row + r, at + c, distance[c]);
        }
    }
}

static void count_exactly(search *s, batch *b)
{
    const ist_slab *home = &s->set->home;
    for (int64_t row = 0; row < b->count;) {
        int64_t segment = segment_at(s, s->asked.row[b->first + row]);
        int64_t end = s->asked.start[(segment + 1) * s->q->classes] - b->first;
        int rows = (int)ist_min(IST_TILE, ist_min(end, b->count) - row);
        int64_t first = ist_max(s->segment_start[segment] - home->first, 0);
        int64_t last = ist_min(s->segment_start[segment + 1] - home->first, home->count);
        count_segment(s, b, row, rows, first, last);
        row += rows;
    }
}

static void count_all(search *s, batch *b)
{
    if (!is_filtered(s))
        count_exactly(s, b);
    for (int64_t a = 0; a < b->set.packed.tiles; a++)
        count_tile(s, b, a);
    int32_t *const found[] = {b->same, b->closer, b->equal};
    for (int f = 0; f < 3 && s->comm->size > 1; f++)
        MPI_Allreduce(MPI_IN_PLACE, found[f], ist_narrow(b->count * s->q->k), MPI_INT32_T, MPI_SUM,
                      s->comm->handle);
}

/* Entries at one distance have what was found at the first of them. */
static void write_row(const search *s, const batch *b, int64_t row, ist_class_lists *lists)
{
    int64_t k = s->q->k, position = s->asked.row[b->first + row];
    int64_t i = position - s->q->rows->home.first, at = row * k, to = i * k;
    if (i < 0 || i >= s->q->rows->home.count)
        return;
    int32_t same = 0, below = 0, equal = 0;
    for (int64_t e = 0; e < lists->held[i]; e++) {
        bool again = e > 0 && b->nearest[at + e] == b->nearest[at + e - 1];
        if (!again) {
            same += b->same[at + e];
            below += equal + b->closer[at + e];
            equal = b->equal[at + e];
        }
        lists->distance[to + e] = b->nearest[at + e];
        lists->reach[to + e] = same;
        lists->closer[to + e] = below;
        lists->equal[to + e] = equal;
    }
}

/* False: broken off. */
static bool take_batch(search *s, int64_t first, int64_t count, ist_class_lists *lists)
{
    batch b = batch_new(s, first, count);
    find_nearest(s, &b);
    count_all(s, &b);
    bool whole = !ist_stop_break_off(s->engine->stop, s->comm, s->stopped);
    for (int64_t row = 0; row < count && whole; row++)
        write_row(s, &b, row, lists);
    batch_release(&b);
    return whole;
}

bool ist_class_lists_search(const ist_comm *comm, const ist_engine *engine,
                            const ist_class_question *question, const bool *is_short,
                            ist_class_lists *lists, ist_pass_stats *stats)
{
    if (ist_stop_broke_off(engine->stop))
        return false;
    search s = search_new(comm, engine, question, is_short, stats);
    int64_t count = s.asked.start[s.segments * question->classes], most = at_once(&s);
    bool whole = true;
    for (int64_t first = 0; first < count && whole; first += most)
        whole = take_batch(&s, first, ist_min(most, count - first), lists);
    search_release(&s);
    return whole;
}
