#include "progress.h"

#include <string.h>

/* ---- pairs ----------------------------------------------------------------------------------- */

static int64_t tiles_of(const ist_blocks *blocks, int64_t x)
{
    return ist_ceil_div(blocks->start[x + 1] - blocks->start[x], IST_TILE);
}

/* So many tiles make up a pair of superblocks, x <= y. */
static int64_t tiles_of_pair(const ist_progress *p, int64_t x, int64_t y)
{
    int64_t rows = tiles_of(p->blocks, x);
    return x == y ? rows * (rows + 1) / 2 : rows * tiles_of(p->blocks, y);
}

ist_progress *ist_progress_new(const ist_blocks *blocks)
{
    ist_progress *p = ist_alloc(1, sizeof *p);
    *p = (ist_progress){.blocks = blocks};
    p->first_pair = ist_alloc((size_t)blocks->count + 1, sizeof *p->first_pair);
    int64_t end = blocks->count;
    for (int64_t x = blocks->count - 1; x >= 0; x--) {
        if (blocks->segment[x] != blocks->segment[end - 1])
            end = x + 1;
        p->first_pair[x] = end - x;
    }
    for (int64_t x = 0; x <= blocks->count; x++) {
        int64_t more = p->first_pair[x];
        p->first_pair[x] = p->pairs;
        p->pairs += more;
    }
    p->words = ist_ceil_div(p->pairs, 64);
    p->finished = ist_alloc((size_t)p->words, sizeof *p->finished);
    return p;
}

void ist_progress_free(ist_progress **progress)
{
    ist_progress *p = *progress;
    *progress = NULL;
    if (!p)
        return;
    ist_free(p->first_pair);
    ist_free(p->finished);
    ist_free(p->begun);
    ist_free(p);
}

static bool is_finished(const ist_progress *p, int64_t pair)
{
    return p->finished[pair / 64] >> ((uint64_t)pair % 64) & 1;
}

static void finish(ist_progress *p, int64_t pair)
{
    p->finished[pair / 64] |= UINT64_C(1) << ((uint64_t)pair % 64);
}

bool ist_progress_finished(const ist_progress *p, int64_t x, int64_t y)
{
    if (p->blocks->segment[x] != p->blocks->segment[y])
        return true;
    return is_finished(p, x < y ? p->first_pair[x] + y - x : p->first_pair[y] + x - y);
}

/* ---- what is begun: a table with linear probing ------------------------------------------------ */

static int64_t home_of(const ist_progress *p, int64_t pair)
{
    uint64_t mixed = (uint64_t)pair * UINT64_C(0x9E3779B97F4A7C15);
    return (int64_t)(mixed >> 32) & (p->begun_room - 1);
}

/* Where the pair is, or would be. */
static int64_t place_of(const ist_progress *p, int64_t pair)
{
    int64_t at = home_of(p, pair);
    while (p->begun[at].pair >= 0 && p->begun[at].pair != pair)
        at = (at + 1) & (p->begun_room - 1);
    return at;
}

static ist_begun *find(ist_progress *p, int64_t pair)
{
    if (p->begun_room == 0)
        return NULL;
    if (p->begun[p->last].pair != pair)
        p->last = place_of(p, pair);
    return p->begun[p->last].pair == pair ? &p->begun[p->last] : NULL;
}

static void widen(ist_progress *p)
{
    enum { LEAST = 64 };
    int64_t room = p->begun_room;
    ist_begun *old = p->begun;
    p->begun_room = room ? 2 * room : LEAST;
    p->begun = ist_alloc((size_t)p->begun_room, sizeof *p->begun);
    p->last = 0;
    for (int64_t at = 0; at < p->begun_room; at++)
        p->begun[at].pair = -1;
    for (int64_t at = 0; at < room; at++)
        if (old[at].pair >= 0)
            p->begun[place_of(p, old[at].pair)] = old[at];
    ist_free(old);
}

static ist_begun *find_or_begin(ist_progress *p, int64_t pair)
{
    ist_begun *found = find(p, pair);
    if (found)
        return found;
    if (2 * (p->begun_count + 1) > p->begun_room)
        widen(p);
    p->last = place_of(p, pair);
    p->begun_count++;
    p->begun[p->last] = (ist_begun){.pair = pair};
    return &p->begun[p->last];
}

/* Those behind that would not be found any more move up. */
static void forget(ist_progress *p, int64_t at)
{
    int64_t mask = p->begun_room - 1, hole = at;
    for (int64_t next = (at + 1) & mask; p->begun[next].pair >= 0; next = (next + 1) & mask) {
        int64_t home = home_of(p, p->begun[next].pair);
        if (((next - home) & mask) >= ((next - hole) & mask)) {
            p->begun[hole] = p->begun[next];
            hole = next;
        }
    }
    p->begun[hole].pair = -1;
    p->begun_count--;
}

/* ---- tiles ------------------------------------------------------------------------------------- */

typedef struct {
    int64_t pair, x, y; /* x <= y */
    int bit;
} spot;

static spot spot_of(const ist_progress *p, int64_t x, int i, int64_t y, int j)
{
    if (y < x || (x == y && j < i))
        return spot_of(p, y, j, x, i);
    return (spot){p->first_pair[x] + y - x, x, y, i * IST_BLOCK_TILES + j};
}

static int64_t count_tiles(const ist_begun *begun)
{
    return __builtin_popcountll(begun->tiles[0]) + __builtin_popcountll(begun->tiles[1]);
}

void ist_progress_mark(ist_progress *p, int64_t x, int i, int64_t y, int j)
{
    spot at = spot_of(p, x, i, y, j);
    int64_t total = tiles_of_pair(p, at.x, at.y);
    p->marked++;
    if (total == 1) {
        finish(p, at.pair);
        return;
    }
    ist_begun *begun = find_or_begin(p, at.pair);
    begun->tiles[at.bit / 64] |= UINT64_C(1) << (at.bit % 64);
    if (count_tiles(begun) == total) {
        finish(p, at.pair);
        forget(p, p->last);
    }
}

bool ist_progress_has(ist_progress *p, int64_t x, int i, int64_t y, int j)
{
    spot at = spot_of(p, x, i, y, j);
    if (is_finished(p, at.pair))
        return true;
    const ist_begun *begun = find(p, at.pair);
    return begun && (begun->tiles[at.bit / 64] >> (at.bit % 64) & 1);
}

void ist_progress_blocks(const ist_progress *p, int64_t pair, int64_t *x, int64_t *y)
{
    int64_t low = 0, high = p->blocks->count;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (p->first_pair[middle] <= pair)
            low = middle;
        else
            high = middle;
    }
    *x = low;
    *y = low + pair - p->first_pair[low];
}

void ist_progress_add(ist_progress *p, const ist_begun *begun)
{
    if (is_finished(p, begun->pair))
        return;
    int64_t x, y;
    ist_progress_blocks(p, begun->pair, &x, &y);
    ist_begun *own = find_or_begin(p, begun->pair);
    for (int w = 0; w < IST_BEGUN_WORDS; w++)
        own->tiles[w] |= begun->tiles[w];
    if (count_tiles(own) == tiles_of_pair(p, x, y)) {
        finish(p, begun->pair);
        forget(p, p->last);
    }
}

ist_begun *ist_progress_begun(const ist_progress *p, int64_t *count)
{
    ist_begun *list = ist_alloc((size_t)p->begun_count, sizeof *list);
    *count = 0;
    for (int64_t at = 0; at < p->begun_room; at++)
        if (p->begun[at].pair >= 0)
            list[(*count)++] = p->begun[at];
    return list;
}

void ist_progress_tidy(ist_progress *p)
{
    int64_t count;
    ist_begun *list = ist_progress_begun(p, &count);
    for (int64_t i = 0; i < count; i++)
        if (is_finished(p, list[i].pair))
            forget(p, place_of(p, list[i].pair));
    ist_free(list);
}

/* ---- bytes --------------------------------------------------------------------------------------- */

void ist_progress_write(const ist_progress *p, ist_text *out)
{
    int64_t count;
    ist_begun *begun = ist_progress_begun(p, &count);
    ist_text_add_bytes(out, (const char *)p->finished, (size_t)p->words * sizeof *p->finished);
    ist_text_add_bytes(out, (const char *)begun, (size_t)count * sizeof *begun);
    ist_free(begun);
}

/* Only tiles that the pair has. */
static bool is_possible(const ist_progress *p, const ist_begun *begun)
{
    int64_t x, y;
    if (begun->pair < 0 || begun->pair >= p->pairs || is_finished(p, begun->pair))
        return false;
    ist_progress_blocks(p, begun->pair, &x, &y);
    int64_t rows = tiles_of(p->blocks, x), columns = tiles_of(p->blocks, y);
    ist_begun left = *begun;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = x == y ? i : 0; j < columns; j++) {
            int64_t bit = i * IST_BLOCK_TILES + j;
            left.tiles[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
        }
    return left.tiles[0] == 0 && left.tiles[1] == 0 && count_tiles(begun) < tiles_of_pair(p, x, y);
}

bool ist_progress_read(ist_progress *p, const char *bytes, size_t count)
{
    size_t bits = (size_t)p->words * sizeof *p->finished;
    if (count < bits || (count - bits) % sizeof(ist_begun) != 0)
        return false;
    memcpy(p->finished, bytes, bits);
    for (int64_t pair = p->pairs; pair < 64 * p->words; pair++)
        if (is_finished(p, pair))
            return false;
    for (size_t at = bits; at < count; at += sizeof(ist_begun)) {
        ist_begun begun;
        memcpy(&begun, bytes + at, sizeof begun);
        if (!is_possible(p, &begun))
            return false;
        ist_progress_add(p, &begun);
    }
    return true;
}
