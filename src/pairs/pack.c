/* Copies of rows, tile by tile, as the filters want them, and which rows are equal. */
#include <stdlib.h>
#include <string.h>

#include "bounds.h"

/* Rows are copied LANES side by side, FEATURES at a time, so that what is read of a row and what is written of a feature lies
 * together. Each row's sums are added up in the order of its features. */
enum { LANES = 16, FEATURES = 32 };

typedef struct {
    int count;
    double value[FEATURES][LANES]; /* 0 beyond the count */
    double norm[LANES];            /* of the copies, squared */
    double error[LANES]; /* what the rounding took off: squared, or in the norm of the form */
} lanes;

static void load_features(const ist_slab *slab, int64_t row, int64_t d, int64_t from, int64_t count,
                          lanes *l)
{
    for (int r = 0; r < l->count; r++) {
        const double *wide = slab->wide ? slab->wide + (row + r) * d + from : NULL;
        const float *narrow = wide ? NULL : slab->narrow + (row + r) * d + from;
        for (int64_t f = 0; f < count; f++)
            l->value[f][r] = wide ? wide[f] : (double)narrow[f];
    }
}

/* Two features of 16 bits share a place. */
static inline void put_integers(const double *copy, int count, int64_t f, float *panel)
{
    for (int r = 0; r < count; r++) {
        int16_t integer = (int16_t)copy[r];
        char *place = (char *)(panel + f / 2 * IST_PANEL + r);
        memcpy(place + f % 2 * (int64_t)sizeof integer, &integer, sizeof integer);
    }
}

/* Puts feature f of the rows' copies, of these values, into its places in a panel. */
static inline __attribute__((always_inline)) void copy_feature(const ist_filter *filter,
                                                               ist_filter_form form,
                                                               const double *value, int64_t f,
                                                               float *panel, lanes *l)
{
    const double whole = 0x1.8p52; /* what is added to it is rounded to an integer */
    const double factor = ldexp(1, filter->scale), shift = filter->shift ? filter->shift[f] : 0;
    /* The subtraction was rounded too: half an ulp of float64, taken double. */
    const double lost = filter->shift ? DBL_EPSILON : 0;
    double copy[LANES];
    for (int r = 0; r < LANES; r++) {
        double x = (value[r] - shift) * factor;
        if (filter->level)
            x = value[r] == filter->most;
        copy[r] = form == IST_FILTER_INTEGER ? (x + whole) - whole : (double)(float)x;
        l->norm[r] += copy[r] * copy[r];
        double off = fabs(copy[r] - x) + lost * fabs(x);
        if (form == IST_FILTER_LARGEST)
            l->error[r] = off > l->error[r] ? off : l->error[r];
        else
            l->error[r] += ist_is_squared(form) ? off * off : off;
    }
    if (form == IST_FILTER_INTEGER) {
        put_integers(copy, l->count, f, panel);
        return;
    }
    for (int r = 0; r < l->count; r++)
        panel[f * IST_PANEL + r] = (float)copy[r];
}

/* Writes the copies of rows into their places in a panel. */
static inline __attribute__((always_inline)) void copy_rows(const ist_filter *filter,
                                                            ist_filter_form form,
                                                            const ist_slab *slab, int64_t row,
                                                            int64_t d, float *panel, lanes *l)
{
    for (int64_t from = 0; from < d; from += FEATURES) {
        int64_t count = ist_min(FEATURES, d - from);
        load_features(slab, row, d, from, count, l);
        for (int64_t f = 0; f < count; f++)
            copy_feature(filter, form, l->value[f], from + f, panel, l);
    }
}

/* Each form has loops of its own. */
static void copy_lanes(const ist_filter *filter, const ist_slab *slab, int64_t row, int64_t d,
                       float *panel, lanes *l)
{
    switch (filter->form) {
    case IST_FILTER_INTEGER: copy_rows(filter, IST_FILTER_INTEGER, slab, row, d, panel, l); break;
    case IST_FILTER_LARGEST: copy_rows(filter, IST_FILTER_LARGEST, slab, row, d, panel, l); break;
    case IST_FILTER_SIZES: copy_rows(filter, IST_FILTER_SIZES, slab, row, d, panel, l); break;
    case IST_FILTER_NONE:
    case IST_FILTER_JOINT:
    case IST_FILTER_DIRECT:
    case IST_FILTER_PRODUCT: copy_rows(filter, IST_FILTER_PRODUCT, slab, row, d, panel, l); break;
    }
}

static void set_term(const ist_filter *filter, double norm, double error, float *term, float *width)
{
    bool product = ist_is_product(filter->form);
    if (filter->exact) {
        *term = product ? (float)norm : 0;
        *width = 0;
        return;
    }
    double enlarged = ist_is_squared(filter->form) ? 2 * (1 + 1 / filter->delta) : 1;
    double moved = error > 0 ? enlarged * error * (1 + 2 * IST_SLACK) + DBL_MIN : 0;
    double tiny = filter->absolute;
    if (product) {
        *term = ist_down(norm * (1 - filter->share) - moved - tiny);
        *width = ist_up((2 * filter->share + 0x1p-23) * norm * (1 + IST_SLACK) +
                        2 * moved * (1 + IST_SLACK) + 3 * tiny);
    } else {
        double taken = moved * (1 + filter->share) * (1 + IST_SLACK);
        *term = moved > 0 ? -ist_up(taken) : 0;
        *width = moved > 0 ? ist_up((taken + moved) * (1 + IST_SLACK) + tiny) : ist_up(tiny);
    }
}

static void pack_tile(const ist_rows *rows, const ist_slab *slab, int64_t first, int64_t count,
                      float *panels, float *term, float *width)
{
    int64_t d = rows->d, words = ist_filter_words(&rows->filter, d);
    for (int64_t i = 0; i < IST_TILE; i++)
        term[i] = NAN;
    for (int64_t i = 0; i < count; i += LANES) {
        lanes l = {.count = (int)ist_min(LANES, count - i)};
        float *panel = panels + i / IST_PANEL * IST_PANEL * words + i % IST_PANEL;
        copy_lanes(&rows->filter, slab, first + i, d, panel, &l);
        for (int r = 0; r < l.count; r++)
            set_term(&rows->filter, l.norm[r], l.error[r], term + i + r, width + i + r);
    }
}

/* ---- equal rows ------------------------------------------------------------------------------ */

typedef struct {
    uint64_t hash;
    int64_t row;
} suspect;

static int compare_suspects(const void *a, const void *b)
{
    const suspect *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* -0 and 0 are the same value. */
static uint64_t hash_of(const double *value, int64_t d)
{
    uint64_t hash = 0, bits;
    for (int64_t f = 0; f < d; f++) {
        double plain = value[f] + 0.0;
        memcpy(&bits, &plain, sizeof bits);
        hash = (hash ^ bits) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
    }
    return hash;
}

static bool rows_are_equal(const ist_slab *slab, int64_t a, int64_t b, int64_t d)
{
    for (int64_t f = 0; f < d; f++)
        if (slab->wide ? slab->wide[a * d + f] != slab->wide[b * d + f]
                       : slab->narrow[a * d + f] != slab->narrow[b * d + f])
            return false;
    return true;
}

/* Equal hashes are a suspicion: values are compared. One comparison a row, whatever the hashes. */
static void find_kinds(const ist_rows *rows, const ist_slab *slab, ist_packed *packed, double *room)
{
    for (int64_t row = 0; row < slab->count + IST_TILE; row++)
        packed->kind[row] = IST_NO_KIND;
    if (!rows->may_repeat)
        return;
    suspect *all = ist_alloc((size_t)slab->count, sizeof *all);
    int64_t head = 0;
    for (int64_t row = 0; row < slab->count; row++)
        all[row] = (suspect){hash_of(ist_row_values(slab, row, rows->d, room), rows->d), row};
    qsort(all, (size_t)slab->count, sizeof *all, compare_suspects);
    for (int64_t p = 1; p < slab->count; p++) {
        int64_t first = all[head].row, row = all[p].row;
        if (all[p].hash != all[head].hash) {
            head = p;
        } else if (rows_are_equal(slab, first, row, rows->d)) {
            packed->kind[first] = packed->kind[row] = (int32_t)first;
            packed->repeats = true;
        }
    }
    ist_free(all);
}

/* Tiles, and which rows are theirs. */
static ist_packed outline(const ist_blocks *blocks, const ist_slab *slab)
{
    ist_packed packed = {0};
    int64_t block = blocks->count, last = slab->first + slab->count, tiles = 0;
    if (slab->count > 0)
        block = ist_blocks_find(blocks, slab->first);
    for (int64_t b = block; b < blocks->count && blocks->start[b] < last; b++)
        tiles += ist_ceil_div(blocks->start[b + 1] - blocks->start[b], IST_TILE);
    packed.row = ist_alloc((size_t)tiles + 1, sizeof *packed.row);
    packed.block = ist_alloc((size_t)tiles, sizeof *packed.block);
    for (int64_t b = block; b < blocks->count && blocks->start[b] < last; b++)
        for (int64_t at = blocks->start[b]; at < blocks->start[b + 1]; at += IST_TILE) {
            int64_t tile = packed.tiles++, row = at - slab->first;
            packed.row[tile] = row;
            packed.row[tile + 1] = row + ist_min(IST_TILE, blocks->start[b + 1] - at);
            packed.block[tile] = b;
        }
    return packed;
}

static ist_packed pack_plain(const ist_rows *rows, const ist_slab *slab)
{
    ist_packed packed = outline(&rows->blocks, slab);
    if (rows->filter.form == IST_FILTER_NONE)
        return packed;
    size_t values = (size_t)(packed.tiles * IST_TILE);
    int64_t words = ist_filter_words(&rows->filter, rows->d);
    packed.panels = ist_alloc(values, (size_t)words * sizeof *packed.panels);
    packed.term = ist_alloc(values, sizeof *packed.term);
    packed.width = ist_alloc(values, sizeof *packed.width);
    packed.kind = ist_alloc((size_t)(slab->count + IST_TILE), sizeof *packed.kind);
    double *room = ist_alloc((size_t)rows->d, sizeof *room);
    for (int64_t t = 0; t < packed.tiles; t++)
        pack_tile(rows, slab, packed.row[t], packed.row[t + 1] - packed.row[t],
                  packed.panels + t * IST_TILE * words, packed.term + t * IST_TILE,
                  packed.width + t * IST_TILE);
    find_kinds(rows, slab, &packed, room);
    ist_free(room);
    return packed;
}

ist_packed ist_pack(const ist_rows *rows, const ist_slab *slab)
{
    if (rows->filter.form != IST_FILTER_JOINT)
        return pack_plain(rows, slab);
    ist_packed *component = ist_alloc(2, sizeof *component);
    for (int c = 0; c < 2; c++)
        component[c] = pack_plain(rows->component[c], &slab->component[c]);
    return ist_pack_joint(rows, slab, component);
}

void ist_packed_release(ist_packed *packed)
{
    for (int c = 0; c < 2 && packed->component; c++)
        ist_packed_release(&packed->component[c]);
    ist_free(packed->component);
    ist_free(packed->row);
    ist_free(packed->block);
    ist_free(packed->panels);
    ist_free(packed->term);
    ist_free(packed->width);
    ist_free(packed->kind);
    *packed = (ist_packed){0};
}
