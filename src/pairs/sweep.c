#include <math.h>
#include <unistd.h>

#include "progress.h"
#include "sweep.h"

enum {
    /* Above this share of open pairs a whole float64 tile is cheaper than deciding them one by one. */
    MOST_OPEN = IST_TILE * IST_TILE / 5,
    /* A consumer that decides by itself and has had to decide so many of the recent tiles gets so many in
     * float64. It decides what has gathered over a few tiles at once. */
    RECENT = 8,
    EXACT_SPELL = 64
};

void ist_open_add(ist_open_list *open, ist_open_pair pair)
{
    if (open->count == open->room) {
        int64_t room = ist_max(2 * open->room, 1024);
        open->pair = ist_grow(open->pair, (size_t)open->count, (size_t)room, sizeof *open->pair);
        open->room = room;
    }
    open->pair[open->count++] = pair;
}

/* ---- float64 ----------------------------------------------------------------------------------- */

/* Home rows as the tiles want them. Tiles of the same rows mostly follow each other. */
static const ist_loaded *home_rows(const ist_visit *v, const ist_slab *home, int64_t row, int count,
                                   int component, int64_t d, const double *centre)
{
    const ist_kernel *kernel = v->sweep->kernel;
    ist_loaded *loaded = &v->work->home[component];
    if (loaded->count == count && loaded->row == row && loaded->of == home)
        return loaded;
    loaded->of = home;
    loaded->row = row;
    loaded->count = count;
    kernel->load_rows(home->narrow ? home->narrow + row * d : NULL,
                      home->wide ? home->wide + row * d : NULL, count, d, centre, loaded->values);
    if (centre)
        kernel->row_squares(loaded->values, count, d, loaded->square);
    return loaded;
}

/* Of a set or of one component of it. */
static void component_tile(const ist_visit *v, const ist_tile *tile, const ist_rows *set,
                           int component, const ist_slab *home, int64_t row, const ist_slab *guests,
                           int64_t col, double *distance)
{
    const ist_kernel *kernel = v->sweep->kernel;
    const ist_consumer *consumer = v->sweep->consumer;
    const double *centre = consumer->centre ? consumer->centre(v->sweep->state, component) : NULL;
    const ist_loaded *rows = home_rows(v, home, row, tile->rows, component, set->d, centre);
    double *columns = v->work->columns;
    kernel->load_columns(guests->narrow ? guests->narrow + col * set->d : NULL,
                         guests->wide ? guests->wide + col * set->d : NULL, tile->cols, set->d,
                         centre, columns);
    if (centre)
        kernel->squares(rows->values, rows->square, tile->rows, columns, set->d, distance);
    else
        kernel->exact[set->metric].tile(rows->values, tile->rows, columns, set->d, distance);
}

/* Is the pair another one than that of before? It is that from now on. */
static bool is_new(int64_t held[2], int64_t row, int64_t col)
{
    bool same = held[0] == row && held[1] == col;
    held[0] = row;
    held[1] = col;
    return !same;
}

static void exact_tile(const ist_visit *v, const ist_tile *tile, int64_t row, int64_t col)
{
    const ist_rows *rows = v->sweep->rows;
    const ist_slab *home = &rows->home, *guests = &v->chunk->slab;
    double *distance = v->work->distance, *other = v->work->other_distance;
    v->sweep->stats.exact_tiles++;
    if (!ist_rows_are_joint(rows)) {
        component_tile(v, tile, rows, 0, home, row, guests, col, distance);
        return;
    }
    component_tile(v, tile, rows->component[0], 0, &home->component[0], row, &guests->component[0],
                   col, distance);
    if (is_new(v->work->other_exact, row, col))
        component_tile(v, tile, rows->component[1], 1, &home->component[1], row,
                       &guests->component[1], col, other);
    if (v->sweep->consumer->components)
        return;
    for (int i = 0; i < tile->rows; i++)
        for (int at = i * IST_TILE; at < i * IST_TILE + tile->cols; at++) {
            double x = rows->factor[0] * distance[at], y = rows->factor[1] * other[at];
            distance[at] = x < y ? y : x;
        }
}

/* Distances of the open pairs one by one, put where exact_tile would put them. */
static void exact_pairs(const ist_visit *v, int64_t row, int64_t col)
{
    enum { AT_ONCE = 8 };
    const ist_sweep *sweep = v->sweep;
    const ist_open_list *open = &v->work->open;
    for (int64_t done = 0; done < open->count; done += AT_ONCE) {
        int64_t a[AT_ONCE], b[AT_ONCE], now = ist_min(AT_ONCE, open->count - done);
        double distance[AT_ONCE];
        for (int64_t p = 0; p < now; p++) {
            a[p] = row + open->pair[done + p].row;
            b[p] = col + open->pair[done + p].col;
        }
        ist_exact_distances(sweep->kernel, sweep->rows, &sweep->rows->home, a, &v->chunk->slab, b,
                            now, distance);
        for (int64_t p = 0; p < now; p++)
            v->work->distance[open->pair[done + p].row * IST_TILE + open->pair[done + p].col] =
                distance[p];
    }
}

/* ---- what is done ------------------------------------------------------------------------------ */

typedef struct {
    int64_t x, y; /* superblocks of the set */
    int i, j;     /* tiles in them */
} tile_pair;

static tile_pair pair_of(const ist_visit *v, int64_t a, int64_t b)
{
    const ist_rows *rows = v->sweep->rows;
    const ist_packed *home = &rows->packed, *guests = &v->chunk->packed;
    int64_t x = home->block[a], y = guests->block[b];
    int64_t row = rows->home.first + home->row[a], col = v->chunk->slab.first + guests->row[b];
    return (tile_pair){x, y, (int)((row - rows->blocks.start[x]) / IST_TILE),
                       (int)((col - rows->blocks.start[y]) / IST_TILE)};
}

static bool is_done(const ist_visit *v, int64_t a, int64_t b)
{
    if (!v->sweep->progress)
        return false;
    tile_pair p = pair_of(v, a, b);
    return ist_progress_has(v->sweep->progress, p.x, p.i, p.y, p.j);
}

void ist_visit_done(const ist_visit *v, int64_t a, int64_t b)
{
    if (!v->sweep->progress)
        return;
    tile_pair p = pair_of(v, a, b);
    ist_progress_mark(v->sweep->progress, p.x, p.i, p.y, p.j);
}

/* ---- one tile ---------------------------------------------------------------------------------- */

static void settle_open(ist_visit *v, ist_tile *tile, int64_t row, int64_t col)
{
    ist_sweep *sweep = v->sweep;
    const ist_open_list *open = &v->work->open;
    if (open->count > MOST_OPEN)
        exact_tile(v, tile, row, col);
    else
        exact_pairs(v, row, col);
    for (int64_t p = 0; p < open->count; p++) {
        ist_open_pair pair = open->pair[p];
        sweep->consumer->settle(sweep->state, v->columns, tile, pair,
                                v->work->distance[pair.row * IST_TILE + pair.col]);
    }
    sweep->stats.decided_again += open->count;
}

static bool is_filtered(const ist_sweep *sweep)
{
    ist_filter_form form = sweep->rows->filter.form;
    return form == IST_FILTER_JOINT ? sweep->kernel->joint != NULL
                                    : sweep->kernel->filter[form] != NULL;
}

static void filter_values(const ist_kernel *kernel, const ist_rows *rows, const ist_packed *home,
                          int64_t a, const ist_packed *guests, int64_t b, float *l)
{
    int64_t size = IST_TILE * ist_filter_words(&rows->filter, rows->d);
    kernel->filter[rows->filter.form](home->panels + a * size, guests->panels + b * size, rows->d,
                                      home->term + a * IST_TILE, guests->term + b * IST_TILE, l);
}

static void joint_values(const ist_visit *v, int64_t a, int64_t b, float *l)
{
    const ist_kernel *kernel = v->sweep->kernel;
    const ist_rows *rows = v->sweep->rows;
    const ist_packed *home = rows->packed.component, *guests = v->chunk->packed.component;
    filter_values(kernel, rows->component[0], &home[0], a, &guests[0], b, l);
    if (is_new(v->work->other_tile, a, b))
        filter_values(kernel, rows->component[1], &home[1], a, &guests[1], b, v->work->other_l);
    kernel->joint(rows->filter.factor[0], v->work->other_l, rows->filter.factor[1], l);
}

static void filtered_tile(ist_visit *v, ist_tile *tile, int64_t a, int64_t b)
{
    ist_sweep *sweep = v->sweep;
    const ist_rows *rows = sweep->rows;
    const ist_packed *home = &rows->packed, *guests = &v->chunk->packed;
    int64_t decided = sweep->stats.decided_again;
    float *l = v->work->l;
    if (ist_rows_are_joint(rows))
        joint_values(v, a, b, l);
    else
        filter_values(sweep->kernel, rows, home, a, guests, b, l);
    if (tile->diagonal)
        for (int i = 0; i < tile->rows; i++)
            l[i * IST_TILE + i] = NAN;
    tile->l = l;
    v->work->open.count = 0;
    sweep->consumer->scan(sweep->state, v->columns, tile, &v->work->open);
    v->decided += (sweep->stats.decided_again - decided - v->decided) / RECENT;
    if (v->decided > 2 * MOST_OPEN) {
        v->exact_spell = EXACT_SPELL;
        v->decided = 0;
    }
    if (v->work->open.count > 0)
        settle_open(v, tile, home->row[a], guests->row[b]);
}

static ist_tile tile_at(const ist_visit *v, int64_t a, int64_t b, bool diagonal)
{
    const ist_sweep *sweep = v->sweep;
    const ist_packed *home = &sweep->rows->packed, *guests = &v->chunk->packed;
    int64_t row = home->row[a], col = guests->row[b];
    bool repeats = home->repeats || guests->repeats;
    return (ist_tile){.kernel = sweep->kernel,
                      .rows = (int)(home->row[a + 1] - row),
                      .cols = (int)(guests->row[b + 1] - col),
                      .row = row,
                      .col = v->pairing == IST_PAIRS_ROWS ? 0 : col,
                      .row_position = sweep->rows->home.first + row,
                      .col_position = v->chunk->slab.first + col,
                      .row_width = home->width + a * IST_TILE,
                      .col_width = guests->width + b * IST_TILE,
                      .row_word = sweep->word + row,
                      .col_word = v->chunk->word + col,
                      .row_kind = repeats ? home->kind + row : NULL,
                      .col_kind = repeats ? guests->kind + col : NULL,
                      .row_slab = &sweep->rows->home,
                      .col_slab = &v->chunk->slab,
                      .row_at = row,
                      .col_at = col,
                      .diagonal = diagonal,
                      .one_sided = diagonal || v->pairing == IST_PAIRS_ROWS};
}

static void attend(ist_sweep *sweep)
{
    const double SECONDS = 0.002;
    if (!sweep->attend || ist_seconds() - sweep->attended < SECONDS)
        return;
    sweep->attend(sweep->attend_data);
    sweep->attended = ist_seconds();
}

void ist_visit_tile(ist_visit *v, int64_t a, int64_t b, bool diagonal)
{
    ist_sweep *sweep = v->sweep;
    attend(sweep);
    const ist_packed *home = &sweep->rows->packed, *guests = &v->chunk->packed;
    int64_t row = home->row[a], col = guests->row[b];
    ist_tile tile = tile_at(v, a, b, diagonal);
    bool filtered = sweep->consumer->scan && is_filtered(sweep);
    if (filtered && v->exact_spell == 0) {
        filtered_tile(v, &tile, a, b);
    } else {
        exact_tile(v, &tile, row, col);
        tile.distance = v->work->distance;
        if (sweep->consumer->components && ist_rows_are_joint(sweep->rows))
            tile.other_distance = v->work->other_distance;
        sweep->consumer->take(sweep->state, v->columns, &tile);
        v->exact_spell -= v->exact_spell > 0;
        sweep->stats.decided_again += filtered ? (int64_t)tile.rows * tile.cols : 0;
    }
    sweep->stats.tiles++;
    sweep->stats.pairs +=
        diagonal ? 0.5 * tile.rows * (tile.rows - 1) : (double)tile.rows * tile.cols;
    ist_visit_done(v, a, b);
}

/* ---- some rows of a tile ----------------------------------------------------------------------- */

static void turn_pairs(ist_open_list *open)
{
    for (int64_t p = 0; p < open->count; p++) {
        uint8_t row = open->pair[p].row;
        open->pair[p].row = open->pair[p].col;
        open->pair[p].col = row;
    }
}

/* Distances are kept by home row and chunk column, whatever side asks. */
static void settle_rows(ist_visit *v, const ist_tile *tile, int64_t a, int64_t b, bool turned)
{
    ist_sweep *sweep = v->sweep;
    const ist_rows *rows = sweep->rows;
    ist_open_list *open = &v->work->open;
    int64_t row = rows->packed.row[a], col = v->chunk->packed.row[b];
    if (turned)
        turn_pairs(open);
    if (open->count > MOST_OPEN) {
        ist_tile whole = tile_at(v, a, b, false);
        exact_tile(v, &whole, row, col);
    } else {
        exact_pairs(v, row, col);
    }
    for (int64_t p = 0; p < open->count; p++) {
        ist_open_pair pair = open->pair[p];
        double distance = v->work->distance[pair.row * IST_TILE + pair.col];
        if (turned) {
            pair.row = open->pair[p].col;
            pair.col = open->pair[p].row;
            sweep->consumer->settle(v->columns, sweep->state, tile, pair, distance);
        } else {
            sweep->consumer->settle(sweep->state, v->columns, tile, pair, distance);
        }
    }
    sweep->stats.decided_again += open->count;
}

static ist_tile turned_tile(const ist_tile *tile)
{
    ist_tile turned = *tile;
    turned.rows = tile->cols;
    turned.cols = tile->rows;
    turned.row = tile->col;
    turned.col = tile->row;
    turned.row_position = tile->col_position;
    turned.col_position = tile->row_position;
    turned.row_width = tile->col_width;
    turned.col_width = tile->row_width;
    turned.row_word = tile->col_word;
    turned.col_word = tile->row_word;
    turned.row_kind = tile->col_kind;
    turned.col_kind = tile->row_kind;
    turned.row_slab = tile->col_slab;
    turned.col_slab = tile->row_slab;
    turned.row_at = tile->col_at;
    turned.col_at = tile->row_at;
    return turned;
}

/* Filter values of the marked rows alone, in their places of a tile of NaN. */
static void thin_tile(const ist_visit *v, const ist_packed *x, int64_t a, const ist_packed *y,
                      int64_t b, const uint8_t *which, int count, float *l)
{
    const ist_rows *rows = v->sweep->rows;
    const float *panels = x->panels + a * IST_TILE * rows->d, *from[IST_TILE];
    float term[IST_TILE], *to[IST_TILE];
    for (int r = 0; r < count; r++) {
        int i = which[r];
        from[r] = panels + i / IST_PANEL * IST_PANEL * rows->d + i % IST_PANEL;
        to[r] = l + i * IST_TILE;
        term[r] = x->term[a * IST_TILE + i];
    }
    v->sweep->kernel->near->thin[rows->filter.form](from, count, IST_PANEL,
                                                    y->panels + b * IST_TILE * rows->d, rows->d,
                                                    term, y->term + b * IST_TILE, to);
}

void ist_visit_rows(ist_visit *v, int64_t a, int64_t b, bool turned, const uint32_t *marks,
                    float *nan)
{
    ist_sweep *sweep = v->sweep;
    const ist_packed *home = &sweep->rows->packed, *guests = &v->chunk->packed;
    uint8_t which[IST_TILE];
    int count = 0;
    for (int w = 0; w < IST_MARK_WORDS; w++)
        for (uint32_t bits = marks[w]; bits; bits &= bits - 1)
            which[count++] = (uint8_t)(32 * w + __builtin_ctz(bits));
    if (count == 0)
        return;
    ist_tile tile = tile_at(v, a, b, false);
    tile.one_sided = true; /* the marked rows' */
    v->work->open.count = 0;
    tile.l = nan;
    if (turned) {
        thin_tile(v, guests, b, home, a, which, count, nan);
        tile = turned_tile(&tile);
        sweep->consumer->scan(v->columns, sweep->state, &tile, &v->work->open);
    } else {
        thin_tile(v, home, a, guests, b, which, count, nan);
        sweep->consumer->scan(sweep->state, v->columns, &tile, &v->work->open);
    }
    if (v->work->open.count > 0)
        settle_rows(v, &tile, a, b, turned);
    for (int r = 0; r < count; r++)
        for (int j = 0; j < IST_TILE; j++)
            nan[which[r] * IST_TILE + j] = NAN;
    sweep->stats.rows_thinned += count;
}

/* ---- all tiles --------------------------------------------------------------------------------- */

static bool belongs_here(const ist_visit *v, int64_t a, int64_t b)
{
    if (v->pairing == IST_PAIRS_ROWS)
        return true;
    const ist_packed *home = &v->sweep->rows->packed, *guests = &v->chunk->packed;
    const int32_t *segment = v->sweep->rows->blocks.segment;
    int64_t x = home->block[a], y = guests->block[b];
    if (segment[x] != segment[y])
        return false;
    switch (v->pairing) {
    case IST_PAIRS_OWN:
        return x < y || (x == y && v->sweep->rows->home.first + home->row[a] <
                                       v->chunk->slab.first + guests->row[b]);
    case IST_PAIRS_EVEN: return (x + y) % 2 == 0;
    case IST_PAIRS_ODD: return (x + y) % 2 == 1;
    case IST_PAIRS_ALL:
    case IST_PAIRS_ROWS: break;
    }
    return true;
}

bool ist_visit_wants(const ist_visit *v, int64_t a, int64_t b)
{
    return belongs_here(v, a, b) && !is_done(v, a, b);
}

bool ist_visit_ends(const ist_visit *v)
{
    ist_fault("tile");
    return v->sweep->poke && v->sweep->poke(v->sweep->poke_data);
}

/* So many column tiles stay with their states in half of the second-level cache while the rows pass
 * by. Where that would be few it is better that a row tile stays, and all columns pass by. */
static int64_t tiles_at_once(const ist_sweep *sweep, int count)
{
    enum { TYPICAL = 1 << 20, FEW = 3 };
    int64_t cache = sysconf(_SC_LEVEL2_CACHE_SIZE), features = sweep->rows->d;
    int64_t row = (int64_t)sweep->consumer->touched_bytes(sweep->state);
    if (cache <= 0)
        cache = TYPICAL;
    for (int m = 1; m < count; m++) {
        features += sweep[m].rows->component[0]->d;
        row += (int64_t)sweep[m].consumer->touched_bytes(sweep[m].state);
    }
    row += features * (int64_t)sizeof(float);
    int64_t tiles = cache / 2 / (IST_TILE * row);
    return tiles < FEW ? INT64_MAX / 2 : tiles;
}

/* Tiles of rows with themselves come first: from then on every row has bounds. */
static void diagonal_tiles(ist_visit *v, int count)
{
    const ist_packed *home = &v->sweep->rows->packed, *guests = &v->chunk->packed;
    int64_t a = 0, offset = v->chunk->slab.first - v->sweep->rows->home.first;
    for (int64_t b = 0; b < guests->tiles; b++) {
        while (home->row[a] < guests->row[b] + offset)
            a++;
        for (int m = 0; m < count; m++)
            if (!is_done(&v[m], a, b))
                ist_visit_tile(&v[m], a, b, true);
    }
}

/* A pair of tiles in all sets that go together, one right after the other: the second component's values are still there.
 * Returns in how many. */
static int visit_all(ist_visit *v, int count, int64_t a, int64_t b)
{
    int visited = 0;
    for (int m = 0; m < count; m++)
        if (ist_visit_wants(&v[m], a, b)) {
            ist_visit_tile(&v[m], a, b, false);
            visited++;
        }
    return visited;
}

/* Some columns of a row of tiles. True: the rest is to be left out. */
static bool row_of_tiles(ist_visit *v, int count, int64_t a, int64_t first, int64_t last)
{
    enum { MANY = 64 }; /* tiles take up to some milliseconds each */
    int visited = 0;
    for (int64_t b = first; b < last; b++) {
        visited += visit_all(v, count, a, b);
        if (visited >= MANY && ist_visit_ends(v))
            return true;
        visited = visited >= MANY ? 0 : visited;
    }
    return ist_visit_ends(v);
}

static void all_tiles(ist_visit *v, int count)
{
    const ist_sweep *sweep = v->sweep;
    int64_t rows = sweep->rows->packed.tiles, columns = v->chunk->packed.tiles;
    int64_t at_once = tiles_at_once(sweep, count);
    for (int64_t group = 0; group < columns; group += at_once)
        for (int64_t a = 0; a < rows; a++)
            if (row_of_tiles(v, count, a, group, ist_min(group + at_once, columns)))
                return;
}

/* The features of the widest set, or of the widest of their components. */
static int64_t widest(const ist_sweep *sweep, int count, int component)
{
    int64_t most = 0;
    for (int m = 0; m < count; m++) {
        const ist_rows *rows = sweep[m].rows;
        most = ist_max(most, ist_rows_are_joint(rows) ? rows->component[component]->d : rows->d);
    }
    return most;
}

static ist_workspace *workspace_new(const ist_sweep *sweep, int count)
{
    const size_t tile = IST_TILE * IST_TILE;
    const int components = ist_rows_are_joint(sweep->rows) ? 2 : 1;
    int64_t columns = 0;
    ist_workspace *work = ist_alloc(1, sizeof *work);
    for (int c = 0; c < components; c++) {
        int64_t d = widest(sweep, count, c);
        work->home[c].values = ist_alloc((size_t)(IST_TILE * d), sizeof *work->home[c].values);
        columns = ist_max(columns, d);
    }
    work->columns = ist_alloc((size_t)(IST_TILE * columns), sizeof *work->columns);
    if (components == 2) {
        work->other_l = ist_alloc(tile, sizeof *work->other_l);
        work->other_distance = ist_alloc(tile, sizeof *work->other_distance);
    }
    for (int c = 0; c < 2; c++)
        work->other_tile[c] = work->other_exact[c] = -1;
    return work;
}

static void workspace_free(ist_workspace *work)
{
    ist_free(work->home[0].values);
    ist_free(work->home[1].values);
    ist_free(work->columns);
    ist_free(work->other_l);
    ist_free(work->other_distance);
    ist_free(work->open.pair);
    ist_free(work);
}

int64_t ist_workspace_bytes(int64_t d, bool joint)
{
    const int64_t tile = IST_TILE * IST_TILE * (sizeof(float) + sizeof(double));
    const int64_t values = IST_TILE * d * (int64_t)sizeof(double);
    return joint ? 2 * tile + 3 * values : tile + 2 * values;
}

static ist_meeting meeting_of(ist_sweep *sweep, const ist_chunk *chunk, ist_pairing pairing)
{
    const ist_rows *rows = sweep->rows;
    bool repeats = rows->packed.repeats || chunk->packed.repeats;
    return (ist_meeting){.kernel = sweep->kernel,
                         .home = &rows->home,
                         .guests = &chunk->slab,
                         .home_kind = repeats ? rows->packed.kind : NULL,
                         .guest_kind = repeats ? chunk->packed.kind : NULL,
                         .same = pairing == IST_PAIRS_OWN,
                         .one_sided = pairing == IST_PAIRS_ROWS,
                         .stats = &sweep->stats};
}

void ist_sweep_chunk(ist_sweep *sweep, int count, const ist_chunk *chunk, void *const *columns,
                     ist_pairing pairing)
{
    if (sweep->rows->home.count == 0 || chunk->slab.count == 0)
        return;
    ist_workspace *work = workspace_new(sweep, count);
    ist_visit *v = ist_alloc((size_t)count, sizeof *v);
    ist_meeting *meeting = ist_alloc((size_t)count, sizeof *meeting);
    for (int m = 0; m < count; m++) {
        v[m] = (ist_visit){.sweep = &sweep[m],
                           .chunk = &chunk[m],
                           .columns = columns[m],
                           .pairing = pairing,
                           .work = work};
        meeting[m] = meeting_of(&sweep[m], &chunk[m], pairing);
        if (sweep[m].consumer->meet)
            sweep[m].consumer->meet(sweep[m].state, columns[m], &meeting[m]);
    }
    if (pairing == IST_PAIRS_OWN)
        diagonal_tiles(v, count);
    if (sweep->geometry)
        ist_skip_tiles(v, meeting);
    else
        all_tiles(v, count);
    for (int m = 0; m < count; m++)
        if (sweep[m].consumer->part)
            sweep[m].consumer->part(sweep[m].state, columns[m], &meeting[m]);
    workspace_free(work);
    ist_free(v);
    ist_free(meeting);
}
