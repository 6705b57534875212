/* Which tiles need a visit. Pairs of tiles are judged in blocks: the distances of all rows of a block
 * from the pivots of the tiles on its other side say, row by row, what is settled without a look at
 * the pairs (docs/numerics.md). */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "sweep.h"

enum {
    MOST_BLOCK = 32,
    LEAST_BLOCK = 8,
    /* Tiles about each tile that are visited first where that teaches rows their limits. */
    NEAR = 6,
    /* Tiles of either side that are judged to see whether judging pays. */
    TRIAL = 16
};

/* What must be saved for sure, in tiles. */
static const double pays_from = 0.05;

/* What judging a pair of tiles costs beside the distances from pivots, and what thinning costs beside the
 * open rows' distances, each in whole tiles: measured (docs/performance.md, "Skipping"). A pass reads every
 * tile, which few features make the larger part of its work. */
static double reading_share(int64_t d)
{
    return 1 / (1 + (double)d / 20);
}

static double judging_work(int64_t d)
{
    const double pivots = 2.0 / IST_TILE;
    return pivots + 0.35 * reading_share(d);
}

/* Of this share of the rows of both sides; a whole tile where it is cheaper. A row of a whole tile serves
 * its columns too. */
static double thinning_work(int64_t d, double open)
{
    double reading = reading_share(d);
    return open > 0 ? fmin(1, 2 * open * (1 + 1.5 * reading) + 0.4 * reading) : 0;
}

/* Rows of both sides up to which thinning is cheaper. */
static int most_open(int64_t d)
{
    int rows = 0;
    while (rows < IST_TILE && thinning_work(d, (rows + 1) / (2.0 * IST_TILE)) < 1)
        rows++;
    return rows;
}

/* One side of a block. */
typedef struct {
    const ist_geometry *geometry;
    const ist_packed *packed;
    void *state;
    int64_t tile[MOST_BLOCK];
    int count;
    float *value;     /* [own tile][pivot of the other side][IST_TILE] */
    ist_roots *roots; /* [own tile][limit] */
} block_side;

typedef struct {
    ist_visit *visit;
    ist_geometry guests;
    ist_margins margins;
    int64_t limits;
    int size;      /* tiles of a side of a block */
    int most_open; /* rows of both sides: more are cheaper as a whole tile */
    block_side side[2];
    bool home_has_roots;                /* older limits do no harm */
    float *pivot_columns, *pivot_value; /* of the chunk's pivots; [home tile][IST_TILE] */
    float *nan;                         /* a tile */
    int64_t shift; /* home tile of chunk tile 0, where the chunk is part of home */
    int32_t *near; /* NEAR chunk tiles about each chunk tile; -1: none. NULL: none was visited */
} judge;

/* What the rows of one side of a pair of tiles get out of it. */
typedef struct {
    int count; /* open rows */
    uint32_t open[IST_MARK_WORDS];
    uint32_t *closer; /* [limit][IST_MARK_WORDS] */
} verdict;

/* ---- blocks ---------------------------------------------------------------------------------- */

/* Both sides of a block share half of the second-level cache. */
static int block_size(int64_t d)
{
    enum { TYPICAL = 1 << 20 };
    int64_t cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (cache <= 0)
        cache = TYPICAL;
    int64_t tiles = cache / 4 / (IST_TILE * d * (int64_t)sizeof(float));
    tiles = tiles / LEAST_BLOCK * LEAST_BLOCK;
    return (int)ist_max(LEAST_BLOCK, ist_min(MOST_BLOCK, tiles));
}

static void set_roots(const judge *j, const block_side *s)
{
    const ist_sweep *sweep = j->visit->sweep;
    const ist_consumer *consumer = sweep->consumer;
    for (int64_t m = 0; m < j->limits; m++) {
        const float *farther = consumer->farther(s->state, m);
        const float *closer = consumer->closer ? consumer->closer(s->state, m) : NULL;
        for (int t = 0; t < s->count; t++) {
            int64_t first = s->packed->row[s->tile[t]];
            int count = (int)(s->packed->row[s->tile[t] + 1] - first);
            ist_roots_of(sweep->rows, sweep->kernel, s->geometry, s->tile[t], count,
                         farther + first, closer ? closer + first : NULL,
                         s->roots + t * j->limits + m);
        }
    }
}

static void set_values(const judge *j, const block_side *s, const block_side *other)
{
    const ist_sweep *sweep = j->visit->sweep;
    for (int t = 0; t < s->count; t++)
        ist_pivot_values(other->geometry, sweep->kernel, other->tile, other->count,
                         s->packed->panels + s->tile[t] * IST_TILE * sweep->rows->d,
                         s->value + (int64_t)t * j->size * IST_TILE);
}

/* Makes ready to judge all pairs of the tiles that both sides name. */
static void open_block(judge *j)
{
    block_side *home = &j->side[0], *guests = &j->side[1];
    if (!j->home_has_roots)
        set_roots(j, home);
    j->home_has_roots = true;
    set_roots(j, guests);
    set_values(j, home, guests);
    set_values(j, guests, home);
    ist_pack_pivots(guests->geometry, guests->tile, guests->count, j->pivot_columns);
    ist_pivot_values(home->geometry, j->visit->sweep->kernel, home->tile, home->count,
                     j->pivot_columns, j->pivot_value);
}

static void name_tiles(block_side *s, int64_t first, int size)
{
    s->count = (int)ist_min(size, s->geometry->tiles - first);
    for (int t = 0; t < s->count; t++)
        s->tile[t] = first + t;
}

/* ---- one pair of tiles ----------------------------------------------------------------------- */

static bool all_beyond(const judge *j, const block_side *s, int t, float sum, float factor,
                       float more)
{
    for (int64_t m = 0; m < j->limits; m++)
        if (!(sum > factor * s->roots[t * j->limits + m].most_beyond + more))
            return false;
    return true;
}

/* other: the least margin of the other side's rows. */
static void judge_rows(const judge *j, const block_side *s, int t, const float *margin,
                       const float *value, float other, const ist_between *between, int which,
                       verdict *v)
{
    const ist_near_kernel *kernel = j->visit->sweep->kernel->near;
    int64_t count = s->packed->row[s->tile[t] + 1] - s->packed->row[s->tile[t]];
    float reach = between->reach[which];
    uint32_t settled[IST_MARK_WORDS];
    memset(settled, 0xff, sizeof settled);
    for (int64_t m = 0; m < j->limits; m++) {
        const ist_roots *roots = s->roots + t * j->limits + m;
        uint32_t beyond[IST_MARK_WORDS], *closer = v->closer + m * IST_MARK_WORDS;
        kernel->beyond(margin, other, roots->beyond, between->factor, between->more[which], beyond);
        memset(closer, 0, sizeof beyond);
        if (roots->most_within > reach)
            kernel->within(value, roots->within, reach, j->margins.grow, j->margins.more, closer);
        for (int w = 0; w < IST_MARK_WORDS; w++)
            settled[w] &= beyond[w] | closer[w];
    }
    v->count = 0;
    for (int w = 0; w < IST_MARK_WORDS; w++) {
        int64_t rows = ist_max(0, ist_min(32, count - 32 * w));
        v->open[w] = ~settled[w] & (uint32_t)((UINT64_C(1) << rows) - 1);
        v->count += __builtin_popcount(v->open[w]);
    }
}

/* The verdicts of both sides; false if all pairs lie beyond all limits. */
static bool judge_tiles(const judge *j, int t, int u, verdict verdicts[2])
{
    const block_side *home = &j->side[0], *guests = &j->side[1];
    const ist_near_kernel *kernel = j->visit->sweep->kernel->near;
    int64_t a = home->tile[t], b = guests->tile[u];
    ist_between between =
        ist_between_tiles(home->geometry, a, guests->geometry, b, j->pivot_value[t * IST_TILE + u]);
    const float *values[2] = {home->value + ((int64_t)t * j->size + u) * IST_TILE,
                              guests->value + ((int64_t)u * j->size + t) * IST_TILE};
    float margin[2][IST_TILE], least[2];
    least[0] = kernel->margins(values[0], home->geometry->own + a * IST_TILE, j->margins.shrink,
                               margin[0]);
    least[1] = kernel->margins(values[1], guests->geometry->own + b * IST_TILE, j->margins.shrink,
                               margin[1]);
    float sum = least[0] + least[1];
    if (all_beyond(j, home, t, sum, between.factor, between.more[0]) &&
        all_beyond(j, guests, u, sum, between.factor, between.more[1]))
        return false;
    judge_rows(j, home, t, margin[0], values[0], least[1], &between, 0, &verdicts[0]);
    judge_rows(j, guests, u, margin[1], values[1], least[0], &between, 1, &verdicts[1]);
    return true;
}

/* Rows that lie within some limit count all columns; open rows are counted pair by pair. */
static void count_closer(const judge *j, const block_side *s, int t, int64_t columns,
                         const verdict *v)
{
    const ist_consumer *consumer = j->visit->sweep->consumer;
    int64_t first = s->packed->row[s->tile[t]];
    for (int64_t m = 0; m < j->limits; m++)
        for (int w = 0; w < IST_MARK_WORDS; w++) {
            uint32_t bits = v->closer[m * IST_MARK_WORDS + w] & ~v->open[w];
            for (; bits; bits &= bits - 1)
                consumer->count_closer(s->state, first + 32 * w + __builtin_ctz(bits), m,
                                       (int32_t)columns);
        }
}

static void visit_pair(judge *j, int t, int u, bool judged, const verdict *verdicts)
{
    ist_visit *visit = j->visit;
    ist_pass_stats *stats = &visit->sweep->stats;
    const block_side *home = &j->side[0], *guests = &j->side[1];
    int64_t a = home->tile[t], b = guests->tile[u];
    int open = judged ? verdicts[0].count + verdicts[1].count : 0;
    if (open > j->most_open || (open > 0 && visit->exact_spell > 0)) {
        ist_visit_tile(visit, a, b, false);
        return;
    }
    int64_t rows = home->packed->row[a + 1] - home->packed->row[a];
    int64_t columns = guests->packed->row[b + 1] - guests->packed->row[b];
    if (judged) {
        count_closer(j, home, t, columns, &verdicts[0]);
        count_closer(j, guests, u, rows, &verdicts[1]);
        ist_visit_rows(visit, a, b, false, verdicts[0].open, j->nan);
        ist_visit_rows(visit, a, b, true, verdicts[1].open, j->nan);
    }
    ist_visit_done(visit, a, b);
    stats->pairs += (double)rows * (double)columns;
    if (open > 0)
        stats->tiles_thinned++;
    else
        stats->tiles_skipped++;
}

/* ---- near tiles first ------------------------------------------------------------------------ */

static bool is_near(const int32_t *near, int64_t tile)
{
    for (int n = 0; n < NEAR; n++)
        if (near[n] == tile)
            return true;
    return false;
}

static bool was_visited(const judge *j, int64_t a, int64_t b)
{
    int64_t chunk_a = a - j->shift;
    if (!j->near || chunk_a < 0 || chunk_a >= j->guests.tiles)
        return false;
    return is_near(j->near + b * NEAR, chunk_a) || is_near(j->near + chunk_a * NEAR, b);
}

static bool is_left(const judge *j, int64_t a, int64_t b)
{
    return ist_visit_wants(j->visit, a, b) && !was_visited(j, a, b);
}

static void insert_near(int32_t *near, float *distance, int32_t tile, float value)
{
    int at = NEAR - 1;
    if (!(value < distance[at]))
        return;
    for (; at > 0 && value < distance[at - 1]; at--) {
        distance[at] = distance[at - 1];
        near[at] = near[at - 1];
    }
    distance[at] = value;
    near[at] = tile;
}

/* The tiles whose pivots are nearest to each tile's, in its segment. */
static void find_near(judge *j)
{
    const int32_t *segment = j->visit->sweep->rows->blocks.segment;
    const int64_t *block = j->visit->chunk->packed.block;
    int64_t tiles = j->guests.tiles;
    float *distance = ist_alloc((size_t)(tiles * NEAR), sizeof *distance), value[IST_TILE];
    for (int64_t e = 0; e < tiles * NEAR; e++) {
        distance[e] = INFINITY;
        j->near[e] = -1;
    }
    for (int64_t first = 0; first < tiles; first += IST_TILE) {
        int64_t group[IST_TILE];
        int count = (int)ist_min(IST_TILE, tiles - first);
        for (int p = 0; p < count; p++)
            group[p] = first + p;
        ist_pack_pivots(&j->guests, group, count, j->pivot_columns);
        for (int64_t a = 0; a < tiles; a++) {
            ist_pivot_values(&j->guests, j->visit->sweep->kernel, &a, 1, j->pivot_columns, value);
            for (int p = 0; p < count; p++)
                if (group[p] != a && segment[block[group[p]]] == segment[block[a]])
                    insert_near(j->near + a * NEAR, distance + a * NEAR, (int32_t)group[p],
                                value[p]);
        }
    }
    ist_free(distance);
}

static void visit_near(judge *j, const ist_meeting *meeting)
{
    int64_t tiles = j->guests.tiles;
    j->near = ist_alloc((size_t)(tiles * NEAR), sizeof *j->near);
    find_near(j);
    for (int64_t a = 0; a < tiles; a++)
        for (int n = 0; n < NEAR; n++) {
            int64_t b = j->near[a * NEAR + n];
            if (b < 0 || (b < a && is_near(j->near + b * NEAR, a)))
                continue;
            int64_t row = ist_min(a, b), column = ist_max(a, b);
            if (ist_visit_wants(j->visit, row + j->shift, column))
                ist_visit_tile(j->visit, row + j->shift, column, false);
        }
    j->visit->sweep->consumer->part(j->visit->sweep->state, j->visit->columns, meeting);
}

/* ---- the whole chunk ------------------------------------------------------------------------- */

/* What there is room for: a block's, or the trial's. */
static int most_tiles(int size)
{
    return size > TRIAL ? size : TRIAL;
}

int64_t ist_skip_bytes(int64_t tiles, int64_t d, int64_t limits)
{
    const int64_t number = sizeof(float);
    int64_t size = block_size(d), most = most_tiles((int)size);
    int64_t values = most * size * IST_TILE * number,
            roots = most * limits * (int64_t)sizeof(ist_roots);
    int64_t pivots = (d + most) * IST_TILE * number, nan = IST_TILE * IST_TILE * number;
    int64_t near = tiles * NEAR * (int64_t)(sizeof(int32_t) + sizeof(float));
    return ist_geometry_bytes(tiles, d) + 2 * (values + roots) + pivots + nan + near;
}

static judge judge_new(ist_visit *v)
{
    ist_sweep *sweep = v->sweep;
    judge j = {.visit = v,
               .margins = ist_margins_of(sweep->rows->d),
               .limits = sweep->consumer->limits(sweep->state),
               .size = block_size(sweep->rows->d),
               .most_open = most_open(sweep->rows->d)};
    j.guests = ist_geometry_new(sweep->rows, sweep->kernel, &v->chunk->packed);
    j.side[0] = (block_side){
        .geometry = sweep->geometry, .packed = &sweep->rows->packed, .state = sweep->state};
    j.side[1] = (block_side){.packed = &v->chunk->packed, .state = v->columns};
    int most = most_tiles(j.size);
    for (int s = 0; s < 2; s++) {
        j.side[s].value = ist_alloc((size_t)(most * j.size) * IST_TILE, sizeof(float));
        j.side[s].roots = ist_alloc((size_t)(most * j.limits), sizeof(ist_roots));
    }
    j.pivot_columns = ist_alloc((size_t)(IST_TILE * sweep->rows->d), sizeof *j.pivot_columns);
    j.pivot_value = ist_alloc((size_t)most * IST_TILE, sizeof *j.pivot_value);
    j.nan = ist_alloc(IST_TILE * IST_TILE, sizeof *j.nan);
    for (int e = 0; e < IST_TILE * IST_TILE; e++)
        j.nan[e] = NAN;
    return j;
}

static void judge_release(judge *j)
{
    ist_geometry_release(&j->guests);
    for (int s = 0; s < 2; s++) {
        ist_free(j->side[s].value);
        ist_free(j->side[s].roots);
    }
    ist_free(j->pivot_columns);
    ist_free(j->pivot_value);
    ist_free(j->nan);
    ist_free(j->near);
}

/* Of a row of pairs of tiles, two each. */
enum { VERDICTS = 2 * MOST_BLOCK };

static void verdicts_new(const judge *j, verdict verdicts[VERDICTS])
{
    size_t words = (size_t)j->limits * IST_MARK_WORDS;
    uint32_t *closer = ist_alloc(VERDICTS * words, sizeof *closer);
    for (size_t v = 0; v < VERDICTS; v++)
        verdicts[v].closer = closer + v * words;
}

static void verdicts_release(verdict verdicts[VERDICTS])
{
    ist_free(verdicts[0].closer);
}

/* Tiles spread over the slab. */
static void name_sample(block_side *s, int size)
{
    s->count = (int)ist_min(size, s->geometry->tiles);
    for (int t = 0; t < s->count; t++)
        s->tile[t] = ist_share(2 * s->geometry->tiles, 2 * s->count, 2 * t + 1) / 2;
}

static int64_t rows_of(const block_side *s, int t)
{
    return s->packed->row[s->tile[t] + 1] - s->packed->row[s->tile[t]];
}

/* Work of a block in whole tiles; adds the pairs of tiles to *pairs. */
static double work_of_block(judge *j, verdict *verdicts, double *pairs)
{
    const block_side *home = &j->side[0], *guests = &j->side[1];
    double work = 0;
    open_block(j);
    for (int t = 0; t < home->count; t++)
        for (int u = 0; u < guests->count; u++) {
            if (!is_left(j, home->tile[t], guests->tile[u]))
                continue;
            *pairs += 1;
            if (!judge_tiles(j, t, u, verdicts))
                continue;
            double open = verdicts[0].count + verdicts[1].count;
            work +=
                thinning_work(j->guests.d, open / (double)(rows_of(home, t) + rows_of(guests, u)));
        }
    return work;
}

/* Judges a sample: is enough of the work saved? */
static bool pays(judge *j, verdict *verdicts)
{
    int size = j->size < TRIAL ? j->size : TRIAL;
    double pairs = 0;
    name_sample(&j->side[0], size);
    name_sample(&j->side[1], size);
    j->home_has_roots = false;
    double work = work_of_block(j, verdicts, &pairs);
    return work + judging_work(j->guests.d) * pairs <= (1 - pays_from) * pairs;
}

static bool any_left(const judge *j)
{
    const block_side *home = &j->side[0], *guests = &j->side[1];
    for (int t = 0; t < home->count; t++)
        for (int u = 0; u < guests->count; u++)
            if (is_left(j, home->tile[t], guests->tile[u]))
                return true;
    return false;
}

/* All are judged before any is visited: a visit would take the numbers out of the nearest cache. */
static void visit_row_of_tiles(judge *j, int t, verdict *verdicts)
{
    const block_side *home = &j->side[0], *guests = &j->side[1];
    bool left[MOST_BLOCK] = {false}, judged[MOST_BLOCK] = {false};
    for (int u = 0; u < guests->count; u++) {
        left[u] = is_left(j, home->tile[t], guests->tile[u]);
        judged[u] = left[u] && judge_tiles(j, t, u, verdicts + 2 * (ptrdiff_t)u);
    }
    for (int u = 0; u < guests->count; u++)
        if (left[u])
            visit_pair(j, t, u, judged[u], verdicts + 2 * (ptrdiff_t)u);
}

static void visit_block(judge *j, bool judged, verdict *verdicts)
{
    block_side *home = &j->side[0], *guests = &j->side[1];
    if (!any_left(j))
        return;
    if (judged)
        open_block(j);
    for (int t = 0; t < home->count; t++) {
        if (judged)
            visit_row_of_tiles(j, t, verdicts);
        for (int u = 0; !judged && u < guests->count; u++)
            if (is_left(j, home->tile[t], guests->tile[u]))
                ist_visit_tile(j->visit, home->tile[t], guests->tile[u], false);
    }
}

void ist_skip_tiles(ist_visit *v, const ist_meeting *meeting)
{
    ist_sweep *sweep = v->sweep;
    judge j = judge_new(v);
    j.side[1].geometry = &j.guests;
    if (v->pairing == IST_PAIRS_OWN) {
        int64_t offset = v->chunk->slab.first - sweep->rows->home.first;
        while (sweep->rows->packed.row[j.shift] < offset)
            j.shift++;
        if (sweep->consumer->learns)
            visit_near(&j, meeting);
    }
    verdict verdicts[VERDICTS];
    verdicts_new(&j, verdicts);
    bool judged = sweep->skipping == IST_SKIP_ALWAYS || pays(&j, verdicts);
    bool left = false;
    for (int64_t a = 0; a < j.side[0].geometry->tiles && !left; a += j.size) {
        name_tiles(&j.side[0], a, j.size);
        j.home_has_roots = false;
        for (int64_t b = 0; b < j.guests.tiles && !left; b += j.size) {
            name_tiles(&j.side[1], b, j.size);
            visit_block(&j, judged, verdicts);
            left = ist_visit_ends(v);
        }
    }
    verdicts_release(verdicts);
    judge_release(&j);
}

double ist_skip_work(ist_visit *v)
{
    judge j = judge_new(v);
    j.side[1].geometry = &j.guests;
    verdict verdicts[VERDICTS];
    verdicts_new(&j, verdicts);
    double work = 0, pairs = 0;
    for (int64_t a = 0; a < j.guests.tiles; a += j.size)
        for (int64_t b = a; b < j.guests.tiles; b += j.size) {
            name_tiles(&j.side[0], a, j.size);
            name_tiles(&j.side[1], b, j.size);
            j.home_has_roots = false;
            work += work_of_block(&j, verdicts, &pairs);
        }
    verdicts_release(verdicts);
    judge_release(&j);
    return pairs > 0 ? work / pairs + judging_work(v->sweep->rows->d) : 1;
}
