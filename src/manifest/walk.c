/* Reading the tree by tables: maps by their keys, scalars by the type the grammar expects. */
#include "room.h"

#include <string.h>

enum { SHOWN_BYTES = 60 };

const char *shown(reader *r, const char *text)
{
    size_t length = strlen(text);
    if (length <= SHOWN_BYTES)
        return text;
    size_t kept = SHOWN_BYTES;
    while (kept > 0 && ((unsigned char)text[kept] & 0xc0) == 0x80)
        kept--; /* whole characters */
    return pool_format(r->scratch, "%.*s...", (int)kept, text);
}

const char *describe(reader *r, const node *value)
{
    if (value->kind == NODE_LIST)
        return "a list";
    if (value->kind == NODE_MAP)
        return "a map";
    if (value->text[0] == '\0')
        return value->quoted ? "an empty text" : "nothing";
    return pool_format(r->scratch, "'%s'", shown(r, value->text));
}

const char *describe_list(reader *r, const node *value)
{
    if (value->kind != NODE_LIST)
        return describe(r, value);
    return pool_format(r->scratch, "a list of %zu", value->count);
}

ist_place place_inside(const node *scalar, size_t byte)
{
    ist_place place = scalar->place;
    place.column += scalar->quoted;
    for (size_t i = 0; i < byte; i++)
        place.column += ((unsigned char)scalar->text[i] & 0xc0) != 0x80;
    return place;
}

/* False, with a fault unless one was told, if the value is not of the kind. */
static bool want_kind(reader *r, const char *what, const char *kind, const node *value, bool good)
{
    if (value->broken)
        return false;
    if (!good)
        ist_faults_add(r->faults, value->place, MSG_KIND, what, kind, describe(r, value));
    return good;
}

const char *want_word(reader *r, const char *what, const char *kind, const node *value)
{
    bool good = value->kind == NODE_SCALAR && value->text[0];
    return want_kind(r, what, kind, value, good) ? value->text : NULL;
}

bool want_integer(reader *r, const char *what, const node *value, int64_t least, int64_t most,
                  int64_t *out)
{
    int64_t number = 0;
    bool good = value->kind == NODE_SCALAR && ist_parse_integer(value->text, &number);
    if (!want_kind(r, what, "an integer", value, good))
        return false;
    if (number < least) {
        ist_faults_add(r->faults, value->place, MSG_AT_LEAST, what, (long long)least,
                       (long long)number);
    } else if (number > most) {
        ist_faults_add(r->faults, value->place, MSG_AT_MOST, what, (long long)most,
                       (long long)number);
    } else {
        *out = number;
        return true;
    }
    return false;
}

bool want_real(reader *r, const char *what, const node *value, double *out)
{
    bool good = value->kind == NODE_SCALAR && ist_parse_real(value->text, out);
    return want_kind(r, what, "a number", value, good);
}

bool want_map(reader *r, const char *what, const char *kind, const node *value)
{
    return want_kind(r, what, kind, value, value->kind == NODE_MAP);
}

bool want_list(reader *r, const char *what, const char *kind, const node *value)
{
    return want_kind(r, what, kind, value, value->kind == NODE_LIST && value->count > 0);
}

const node *const *want_items(reader *r, const char *what, const char *kind, const node *value,
                              size_t *count)
{
    bool single = value->kind == NODE_SCALAR && value->text[0];
    bool list = value->kind == NODE_LIST && value->count > 0;
    *count = 0;
    if (!want_kind(r, what, kind, value, single || list))
        return NULL;
    *count = single ? 1 : value->count;
    const node **items = pool_alloc(r->scratch, *count, sizeof(node *));
    for (size_t i = 0; i < *count; i++)
        items[i] = single ? value : value->items[i];
    return items;
}

const node *map_get(const node *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++) {
        if (!map_key(map, i)->broken && strcmp(map_key(map, i)->text, key) == 0) {
            return map_value(map, i);
        }
    }
    return NULL;
}

void check_keys(reader *r, const node *map, const char *where, const char *const *known,
                size_t count)
{
    for (size_t i = 0; i < map->count; i++) {
        const node *key = map_key(map, i);
        bool good = key->broken;
        for (size_t k = 0; k < count && !good; k++)
            good = strcmp(key->text, known[k]) == 0;
        if (!good)
            unknown_key(r, key, where, known, count);
    }
}

bool walk_map(reader *r, const node *map, const char *where, const key_spec *keys, size_t count,
              void *into)
{
    if (!want_map(r, where, "a map of keys", map))
        return false;
    const char **names = pool_alloc(r->scratch, count, sizeof(char *));
    for (size_t k = 0; k < count; k++)
        names[k] = keys[k].name;
    check_keys(r, map, where, names, count);
    for (size_t k = 0; k < count; k++) {
        const node *value = map_get(map, keys[k].name);
        if (value) {
            keys[k].read(r, keys[k].name, value, into);
        } else if (keys[k].required) {
            ist_faults_add(r->faults, map->place, MSG_MISSING, where, keys[k].name);
        }
    }
    return true;
}
