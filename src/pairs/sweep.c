#include <math.h>

#include "infostrata/pairs.h"

/* Above this share of open pairs a whole float64 tile is cheaper than deciding them one by one. */
enum { MOST_OPEN = IST_TILE * IST_TILE / 50 };

/* Room for one tile at work, in one allocation for the whole chunk. */
typedef struct {
    float c[IST_TILE * IST_TILE];
    double exact[IST_TILE * IST_TILE];
    ist_open_list open;
} workspace;

typedef struct {
    ist_sweep *sweep;
    const ist_chunk *chunk;
    void *columns;
    int64_t column_offset;
    workspace *work;
} visit;

/* The rows and columns of one tile within home and chunk. */
typedef struct {
    int64_t row, col; /* first row in home's slab, first column in the chunk's slab */
    int rows, cols;
    int64_t packed; /* the column tile's place in the chunk's panels */
    bool diagonal;
} place;

static void all_pairs_open(const place *at, ist_open_list *open)
{
    open->count = 0;
    for (int i = 0; i < at->rows; i++)
        for (int j = 0; j < at->cols; j++) {
            if (at->diagonal && i == j)
                continue;
            uint8_t sides = at->diagonal ? IST_ROW_SIDE : IST_ROW_SIDE | IST_COL_SIDE;
            open->pair[open->count++] = (ist_open_pair){(uint8_t)i, (uint8_t)j, sides};
        }
}

/* NaN answers every comparison with no: neither the pair of a row with itself nor a column that
 * is padding reaches a consumer. */
static void blank_tile(const place *at, float *c)
{
    for (int i = 0; i < at->rows; i++) {
        for (int j = at->cols; j < IST_TILE; j++)
            c[i * IST_TILE + j] = NAN;
        if (at->diagonal)
            c[i * IST_TILE + i] = NAN;
    }
}

static void exact_tile(const visit *v, const place *at)
{
    const ist_rows *rows = v->sweep->rows;
    const ist_slab *home = &rows->home;
    bool wide = home->wide != NULL;
    const void *row = wide ? (const void *)(home->wide + at->row * rows->d)
                           : (const void *)(home->narrow + at->row * rows->d);
    int64_t offset = at->packed * IST_TILE * rows->d;
    const void *panels = wide ? (const void *)(v->chunk->panels64 + offset)
                              : (const void *)(v->chunk->panels32 + offset);
    v->sweep->kernel->tile64(row, at->rows, panels, rows->d, wide, v->work->exact);
    v->sweep->stats.exact_tiles++;
}

/* Distances of the open pairs one by one, put where exact_tile would put them. */
static void exact_pairs(const visit *v, const place *at)
{
    enum { AT_ONCE = 8 };
    const ist_open_list *open = &v->work->open;
    for (int done = 0; done < open->count; done += AT_ONCE) {
        int now = open->count - done < AT_ONCE ? open->count - done : AT_ONCE;
        int64_t a[AT_ONCE], b[AT_ONCE];
        double distance[AT_ONCE];
        for (int p = 0; p < now; p++) {
            a[p] = at->row + open->pair[done + p].row;
            b[p] = at->col + open->pair[done + p].col;
        }
        ist_exact_distances(&v->sweep->rows->home, a, &v->chunk->slab, b, now, v->sweep->rows->d,
                            distance);
        for (int p = 0; p < now; p++)
            v->work->exact[open->pair[done + p].row * IST_TILE + open->pair[done + p].col] =
                distance[p];
    }
}

static void filter_tile(const visit *v, const place *at, ist_tile *tile)
{
    ist_sweep *sweep = v->sweep;
    const ist_rows *rows = sweep->rows;
    sweep->kernel->tile32(rows->home.narrow + at->row * rows->d, at->rows,
                          v->chunk->panels32 + at->packed * IST_TILE * rows->d, rows->d,
                          v->work->c);
    blank_tile(at, v->work->c);
    tile->c = v->work->c;
    v->work->open.count = 0;
    sweep->consumer->scan(sweep->state, v->columns, tile, &v->work->open);
}

static void one_tile(const visit *v, const place *at)
{
    ist_sweep *sweep = v->sweep;
    const ist_rows *rows = sweep->rows;
    ist_open_list *open = &v->work->open;
    ist_tile tile = {.kernel = sweep->kernel,
                     .rows = at->rows,
                     .cols = at->cols,
                     .row = at->row,
                     .col = at->col + v->column_offset,
                     .row_position = rows->home.first + at->row,
                     .col_position = v->chunk->slab.first + at->col,
                     .row_word = sweep->word + at->row,
                     .col_word = v->chunk->word + at->col,
                     .diagonal = at->diagonal};
    if (sweep->kernel->tile32 && rows->filter)
        filter_tile(v, at, &tile);
    else
        all_pairs_open(at, open);
    if (open->count > MOST_OPEN)
        exact_tile(v, at);
    else
        exact_pairs(v, at);
    for (int p = 0; p < open->count; p++) {
        ist_open_pair pair = open->pair[p];
        sweep->consumer->settle(sweep->state, v->columns, &tile, pair,
                                v->work->exact[pair.row * IST_TILE + pair.col]);
    }
    sweep->stats.tiles++;
    sweep->stats.decided_again += open->count;
    sweep->stats.pairs +=
        at->diagonal ? 0.5 * at->rows * (at->rows - 1) : (double)at->rows * at->cols;
}

static bool wanted(const ist_blocks *blocks, int64_t a, int64_t b, ist_pairing pairing)
{
    if (blocks->segment[a] != blocks->segment[b])
        return false;
    switch (pairing) {
    case IST_PAIRS_OWN: return a <= b;
    case IST_PAIRS_EVEN: return (a + b) % 2 == 0;
    case IST_PAIRS_ODD: return (a + b) % 2 == 1;
    case IST_PAIRS_ALL: break;
    }
    return true;
}

/* All tiles of home superblock a in one column tile. */
static void column_in_block(const visit *v, int64_t a, place at, bool same_block)
{
    const ist_blocks *blocks = &v->sweep->rows->blocks;
    int64_t home = v->sweep->rows->home.first;
    int64_t column = v->chunk->slab.first + at.col;
    for (int64_t row = blocks->start[a]; row < blocks->start[a + 1]; row += IST_TILE) {
        if (same_block && row > column)
            break;
        at.row = row - home;
        at.rows = (int)ist_min(IST_TILE, blocks->start[a + 1] - row);
        at.diagonal = same_block && row == column;
        one_tile(v, &at);
    }
}

void ist_sweep_chunk(ist_sweep *sweep, const ist_chunk *chunk, void *columns, int64_t column_offset,
                     ist_pairing pairing)
{
    const ist_rows *rows = sweep->rows;
    const ist_blocks *blocks = &rows->blocks;
    if (rows->home.count == 0 || chunk->slab.count == 0)
        return;
    int64_t first = ist_blocks_find(blocks, rows->home.first);
    int64_t last = ist_blocks_find(blocks, rows->home.first + rows->home.count - 1);
    workspace *work = ist_alloc(1, sizeof *work);
    visit v = {sweep, chunk, columns, column_offset, work};
    for (int64_t k = 0; k < chunk->block_count; k++) {
        int64_t b = chunk->first_block + k;
        place at = {.packed = chunk->tile_of_block[k]};
        for (int64_t col = blocks->start[b]; col < blocks->start[b + 1]; col += IST_TILE) {
            at.col = col - chunk->slab.first;
            at.cols = (int)ist_min(IST_TILE, blocks->start[b + 1] - col);
            sweep->consumer->enter(columns, at.col + column_offset, at.cols);
            for (int64_t a = first; a <= last; a++)
                if (wanted(blocks, a, b, pairing))
                    column_in_block(&v, a, at, pairing == IST_PAIRS_OWN && a == b);
            at.packed++;
            if (sweep->poke)
                sweep->poke(sweep->poke_data);
        }
    }
    ist_free(work);
}
