/* Addresses: [FILE:]DATASET[INDEX], or a .npy file; split, and checked as templates. */
#include "room.h"

#include <string.h>

bool ends_with(const char *text, size_t length, const char *end)
{
    size_t tail = strlen(end);
    return length >= tail && strncmp(text + length - tail, end, tail) == 0;
}

/* The first `wanted` outside { } (and [ ], for a colon); NULL if there is none. */
static const char *find_outside(const char *text, char wanted)
{
    int braces = 0, brackets = 0;
    for (; *text; text++) {
        if (*text == wanted && braces == 0 && brackets == 0)
            return text;
        if (*text == '{')
            braces++;
        if (*text == '}')
            braces--;
        if (*text == '[')
            brackets++;
        if (*text == ']')
            brackets--;
    }
    return NULL;
}

void ist_address_split(const char *address, ist_address *out)
{
    const char *colon = find_outside(address, ':');
    const char *rest = colon ? colon + 1 : address;
    const char *bracket = find_outside(rest, '[');
    size_t length = strlen(rest);
    bool has_index = bracket && rest[length - 1] == ']';
    if (has_index) {
        ist_text_add_bytes(&out->index, bracket + 1, (size_t)(rest + length - 1 - (bracket + 1)));
        length = (size_t)(bracket - rest);
    }
    if (colon)
        ist_text_add_bytes(&out->file, address, (size_t)(colon - address));
    bool npy = !colon && ends_with(rest, length, ".npy");
    ist_text_add_bytes(npy ? &out->file : &out->dataset, rest, length);
    ist_text_add(&out->file, "%s", "");
    ist_text_add(&out->dataset, "%s", "");
    ist_text_add(&out->index, "%s", "");
}

void ist_address_release(ist_address *address)
{
    ist_text_release(&address->file);
    ist_text_release(&address->dataset);
    ist_text_release(&address->index);
}

/* ---- the index ------------------------------------------------------------------------------- */

/* One item of an index, blanks taken off, with 0 for every {axis} that gives an integer. */
static bool reduce_item(reader *r, const char *item, ist_text *out)
{
    bool good = true;
    for (piece part = next_piece(r->job, &item); part.kind != PIECE_END;
         part = next_piece(r->job, &item)) {
        if (part.kind == PIECE_TEXT) {
            ist_text_add_bytes(out, part.text, part.length);
            continue;
        }
        const ist_axis *axis = &r->job->axes[part.axis];
        int64_t integer = 0;
        for (size_t i = 0; i < axis->count && part.format == AS_WRITTEN; i++) {
            good = good && ist_parse_integer(axis->values[i].text, &integer);
        }
        good = good && part.format != AS_FIXED;
        ist_text_add(out, "0");
    }
    return good;
}

typedef enum { ITEM_BAD, ITEM_INTEGER, ITEM_KEPT } item_kind;

static item_kind kind_of_item(reader *r, const char *item)
{
    ist_text reduced = {0};
    int64_t integer = 0;
    bool good = reduce_item(r, item, &reduced);
    const char *text = pool_take(r->scratch, &reduced);
    if (strcmp(text, ":") == 0)
        return ITEM_KEPT;
    return good && ist_parse_integer(text, &integer) ? ITEM_INTEGER : ITEM_BAD;
}

/* The items of an index between commas; *kept counts the ':'. */
static bool check_items(reader *r, const node *scalar, const char *index, int *kept)
{
    size_t start = (size_t)(find_outside(scalar->text, '[') - scalar->text) + 1, at = 0;
    for (bool more = true; more;) {
        size_t length = strcspn(index + at, ",");
        const char *from = index + at + strspn(index + at, " ");
        size_t kept_length = (size_t)(index + at + length - from);
        if (from > index + at + length)
            kept_length = 0;
        while (kept_length > 0 && from[kept_length - 1] == ' ')
            kept_length--;
        const char *item = pool_format(r->scratch, "%.*s", (int)kept_length, from);
        item_kind kind = kind_of_item(r, item);
        if (kind == ITEM_BAD) {
            ist_place place = place_inside(scalar, start + (size_t)(from - index));
            ist_faults_add(r->faults, place, MSG_INDEX_ITEM, shown(r, item));
            return false;
        }
        *kept += kind == ITEM_KEPT;
        more = index[at + length] == ',';
        at += length + 1;
    }
    return true;
}

static bool check_index(reader *r, const node *scalar, const char *index, address_kind kind)
{
    static const char *const needs[] = {"at least one ':', the samples", "one ':', the samples",
                                        "no ':'"};
    int kept = 0;
    if (!check_items(r, scalar, index, &kept))
        return false;
    bool good = kind == ADDRESS_LAYER ? kept >= 1 : kind == ADDRESS_VECTOR ? kept == 1 : kept == 0;
    if (!good) {
        ist_faults_add(r->faults, scalar->place, MSG_INDEX_KEPT, shown(r, index), needs[kind]);
    }
    return good;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool check_dataset(reader *r, const node *scalar, const ist_address *parts)
{
    const char *dataset = parts->dataset.data;
    size_t length = parts->dataset.length;
    bool file_like = ends_with(dataset, length, ".h5") || ends_with(dataset, length, ".hdf5");
    if (ends_with(parts->file.data, parts->file.length, ".npy")) {
        ist_faults_add(r->faults, scalar->place, MSG_NPY_DATASET, shown(r, dataset));
    } else if (parts->file.length == 0 && file_like) {
        ist_faults_add(r->faults, scalar->place, MSG_NO_DATASET, shown(r, dataset));
    } else if (strpbrk(dataset, "[]")) {
        ist_faults_add(r->faults, scalar->place, MSG_BRACKET, shown(r, scalar->text));
    } else if (dataset[0] != '/' || length < 2 || dataset[length - 1] == '/') {
        ist_faults_add(r->faults, scalar->place, MSG_DATASET, shown(r, dataset));
    } else if (parts->file.length == 0 && !r->file_given) {
        ist_faults_add(r->faults, scalar->place, MSG_NO_FILE, shown(r, scalar->text));
    } else {
        return true;
    }
    return false;
}

bool check_address(reader *r, const node *scalar, address_kind kind)
{
    if (!check_template(r, scalar))
        return false;
    ist_address parts = {0};
    ist_address_split(scalar->text, &parts);
    bool npy = parts.dataset.length == 0 && parts.file.length > 0 && scalar->text[0] != ':' &&
               ends_with(parts.file.data, parts.file.length, ".npy") &&
               !find_outside(scalar->text, ':');
    bool good = npy || check_dataset(r, scalar, &parts);
    bool indexed = scalar->text[strlen(scalar->text) - 1] == ']';
    if (good && indexed)
        good = check_index(r, scalar, parts.index.data, kind);
    ist_address_release(&parts);
    return good;
}
