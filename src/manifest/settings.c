/* `--set KEY=VALUE`: values of the command line, put into the tree before anything is read from it. */
#include <string.h>

#include "room.h"

typedef struct {
    pool *memory;
    ist_faults *faults;
    ist_place place; /* of this setting */
    const node *value;
} setting;

/* ---- the value ------------------------------------------------------------------------------- */

static void move_to(node *tree, ist_place place)
{
    tree->place = place;
    size_t items = tree->kind == NODE_MAP ? 2 * tree->count : tree->count;
    for (size_t i = 0; i < items; i++)
        move_to(tree->items[i], place);
}

/* A word, a number, or what YAML writes in [ ] and { }. */
static node *read_value(const setting *s, const char *text)
{
    ist_faults own = {0};
    node *value = NULL;
    if (*text == '\0')
        ist_faults_add(s->faults, s->place, MSG_SET_EMPTY);
    else
        value = tree_read(s->memory, text, strlen(text), &own);
    for (size_t i = 0; i < own.count; i++) {
        ist_faults_add(s->faults, s->place, MSG_SET_VALUE, own.text[i].data);
    }
    if (own.count > 0)
        value = NULL;
    if (value)
        move_to(value, s->place);
    ist_faults_release(&own);
    return value;
}

/* ---- the key --------------------------------------------------------------------------------- */

static node *new_node(const setting *s, node_kind kind, const char *text)
{
    node *made = pool_alloc(s->memory, 1, sizeof *made);
    *made = (node){.kind = kind, .place = s->place, .text = text};
    return made;
}

static void add_pair(const setting *s, node *map, node *key, node *value)
{
    node **items = pool_alloc(s->memory, 2 * (map->count + 1), sizeof *items);
    for (size_t i = 0; i < 2 * map->count; i++)
        items[i] = map->items[i];
    items[2 * map->count] = key;
    items[2 * map->count + 1] = value;
    map->items = items;
    map->count++;
}

static bool is_empty(const node *value)
{
    return value->kind == NODE_SCALAR && !value->quoted && value->text[0] == '\0';
}

/* `- imbalance` and `- imbalance:` are short for `- imbalance: {}`. */
static void open_up(const setting *s, node *item)
{
    node *key = new_node(s, NODE_SCALAR, item->text);
    key->place = item->place;
    item->kind = NODE_MAP;
    item->text = "";
    item->items = NULL;
    item->count = 0;
    if (key->text[0])
        add_pair(s, item, key, new_node(s, NODE_MAP, ""));
}

static void put(const setting *s, node **place, const char *path);

static void put_in_map(const setting *s, node *map, const char *name, const char *rest)
{
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map_key(map, i)->text, name) == 0) {
            put(s, &map->items[2 * i + 1], rest);
            return;
        }
    node *made = new_node(s, NODE_MAP, "");
    put(s, &made, rest);
    add_pair(s, map, new_node(s, NODE_SCALAR, name), made);
}

/* An item by its number from 0, or every one that is named so, as the entries of a measure are. */
static void put_in_list(const setting *s, node *list, const char *name, const char *rest)
{
    int64_t number;
    if (ist_parse_integer(name, &number)) {
        if (number >= 0 && number < (int64_t)list->count)
            put(s, &list->items[number], rest);
        else
            ist_faults_add(s->faults, s->place, MSG_SET_ITEM, name, list->count);
        return;
    }
    bool found = false;
    for (size_t i = 0; i < list->count; i++) {
        node *item = list->items[i];
        if (item->kind == NODE_SCALAR && strcmp(item->text, name) == 0)
            open_up(s, item);
        if (item->kind != NODE_MAP || !map_get(item, name))
            continue;
        put_in_map(s, item, name, rest);
        found = true;
    }
    if (!found)
        ist_faults_add(s->faults, s->place, MSG_SET_NAME, name);
}

/* What stands at *place gives way to the value; `path` leads there from it. */
static void put(const setting *s, node **place, const char *path)
{
    if (!path) {
        *place = (node *)s->value;
        return;
    }
    size_t length = strcspn(path, ".");
    const char *name = pool_format(s->memory, "%.*s", (int)length, path);
    const char *rest = path[length] == '.' ? path + length + 1 : NULL;
    if (is_empty(*place))
        open_up(s, *place);
    if (length == 0)
        ist_faults_add(s->faults, s->place, MSG_SET_KEY);
    else if ((*place)->kind == NODE_MAP)
        put_in_map(s, *place, name, rest);
    else if ((*place)->kind == NODE_LIST)
        put_in_list(s, *place, name, rest);
    else
        ist_faults_add(s->faults, s->place, MSG_SET_INSIDE, name, (*place)->text);
}

/* ---- all of them ----------------------------------------------------------------------------- */

void apply_settings(pool *memory, node *root, const ist_overrides *overrides, ist_faults *faults)
{
    for (size_t i = 0; i < overrides->set_count; i++) {
        const char *text = overrides->set[i], *sign = strchr(text, '=');
        setting s = {memory, faults, {(int)i - (int)overrides->set_count, 1}, NULL};
        if (!sign || sign == text) {
            ist_faults_add(faults, s.place, MSG_SET_KEY);
            continue;
        }
        s.value = read_value(&s, sign + 1);
        if (s.value)
            put(&s, &root, pool_format(memory, "%.*s", (int)(sign - text), text));
    }
}
