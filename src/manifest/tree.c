/* libyaml's events -> a tree of texts with their places. Only the subset of YAML that a manifest
 * needs passes (docs/manifest.md), within fixed limits: libyaml itself has none, and takes 42 s
 * for 200 KB of '['. */
#include "room.h"

#include <string.h>
#include <yaml.h>

typedef struct {
    yaml_parser_t parser;
    pool *memory;
    ist_faults *faults;
    const char *text;
    size_t length;
    size_t depth, scalars;
    bool failed; /* the text cannot be read further */
} source;

static ist_place place_of(yaml_mark_t mark)
{
    return (ist_place){(int)mark.line + 1, (int)mark.column + 1};
}

static bool next_event(source *s, yaml_event_t *event)
{
    if (yaml_parser_parse(&s->parser, event))
        return true;
    syntax_fault(&s->parser, s->text, s->length, s->faults);
    s->failed = true;
    return false;
}

static node *new_node(source *s, node_kind kind, ist_place place)
{
    node *made = pool_alloc(s->memory, 1, sizeof *made);
    *made = (node){.kind = kind, .place = place, .text = ""};
    return made;
}

/* Anchors and tags have no use here; the value behind them is still checked. */
static void refuse_extras(source *s, ist_place place, const yaml_char_t *anchor,
                          const yaml_char_t *tag)
{
    if (anchor)
        ist_faults_add(s->faults, place, MSG_ANCHOR, (const char *)anchor);
    if (tag)
        ist_faults_add(s->faults, place, MSG_TAG, (const char *)tag);
}

/* Control characters (C0, C1, DEL), line and paragraph breaks, byte order marks. */
static bool has_control(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f)
            return true;
        if (c == 0xc2 && (unsigned char)text[i + 1] < 0xa0)
            return true;
        if (strncmp(text + i, "\xe2\x80\xa8", 3) == 0)
            return true;
        if (strncmp(text + i, "\xe2\x80\xa9", 3) == 0)
            return true;
        if (strncmp(text + i, "\xef\xbb\xbf", 3) == 0)
            return true;
    }
    return false;
}

static node *read_scalar(source *s, const yaml_event_t *event)
{
    ist_place place = place_of(event->start_mark);
    node *made = new_node(s, NODE_SCALAR, place);
    const char *text = (const char *)event->data.scalar.value;
    refuse_extras(s, place, event->data.scalar.anchor, event->data.scalar.tag);
    made->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (has_control(text, event->data.scalar.length)) {
        ist_faults_add(s->faults, place, MSG_CONTROL_TEXT);
        made->broken = true;
    } else {
        made->text = pool_copy(s->memory, text);
    }
    if (++s->scalars > MANIFEST_SCALARS) {
        ist_faults_add(s->faults, place, MSG_SCALARS, MANIFEST_SCALARS);
        s->failed = true;
    }
    return made;
}

static void check_key(source *s, node *key)
{
    if (key->broken)
        return;
    if (key->kind != NODE_SCALAR) {
        ist_faults_add(s->faults, key->place, MSG_KEY_KIND);
        key->broken = true;
    } else if (strlen(key->text) > KEY_BYTES) {
        ist_faults_add(s->faults, key->place, MSG_KEY_LONG, strlen(key->text), KEY_BYTES);
        key->broken = true;
    } else if (!key->quoted && strcmp(key->text, "<<") == 0) {
        ist_faults_add(s->faults, key->place, MSG_MERGE);
        key->broken = true;
    }
}

/* libyaml lets a key stand twice; the second one is told and passed over. */
static void check_twins(source *s, const node *map)
{
    pool scratch = {0};
    ist_value *keys = pool_alloc(&scratch, map->count, sizeof *keys);
    for (size_t i = 0; i < map->count; i++)
        keys[i].text = (char *)map_key(map, i)->text;
    value_index index = index_make(&scratch, keys, map->count);
    size_t first = 0;
    for (size_t i = 1; i < map->count; i++) {
        const node *before = map_key(map, index.items[first].position);
        node *key = map->items[2 * index.items[i].position];
        if (value_compare(index.items[first].value, index.items[i].value) != 0) {
            first = i;
        } else if (!key->broken && !before->broken) {
            ist_faults_add(s->faults, key->place, MSG_KEY_TWICE, key->text, before->place.line,
                           before->place.column);
            key->broken = true;
        }
    }
    pool_release(&scratch);
}

static node *read_value(source *s, const yaml_event_t *event);

/* The nodes up to the end event of the list or map that `event` starts. */
static node *read_items(source *s, node_kind kind, const yaml_event_t *event)
{
    node *made = new_node(s, kind, place_of(event->start_mark));
    if (++s->depth > MANIFEST_DEPTH) {
        ist_faults_add(s->faults, made->place, MSG_DEPTH, MANIFEST_DEPTH);
        s->failed = true;
        return made;
    }
    ist_text items = {0};
    size_t count = 0;
    yaml_event_type_t end = kind == NODE_LIST ? YAML_SEQUENCE_END_EVENT : YAML_MAPPING_END_EVENT;
    for (bool open = true; open && !s->failed;) {
        yaml_event_t next;
        if (!next_event(s, &next))
            break;
        open = next.type != end;
        if (open) {
            node *item = read_value(s, &next);
            ist_text_add_bytes(&items, (const char *)&item, sizeof item);
            if (kind == NODE_MAP && count++ % 2 == 0)
                check_key(s, item);
        }
        yaml_event_delete(&next);
    }
    s->depth--;
    made->count = items.length / sizeof(node *) / (kind == NODE_MAP ? 2 : 1);
    made->items = (node **)(void *)pool_take(s->memory, &items);
    if (kind == NODE_MAP && !s->failed)
        check_twins(s, made);
    return made;
}

static node *read_value(source *s, const yaml_event_t *event)
{
    ist_place place = place_of(event->start_mark);
    switch (event->type) {
    case YAML_SCALAR_EVENT: return read_scalar(s, event);
    case YAML_SEQUENCE_START_EVENT:
        refuse_extras(s, place, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        return read_items(s, NODE_LIST, event);
    case YAML_MAPPING_START_EVENT:
        refuse_extras(s, place, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        return read_items(s, NODE_MAP, event);
    default: { /* an alias: the grammar of events has nothing else here */
        node *made = new_node(s, NODE_SCALAR, place);
        ist_faults_add(s->faults, place, MSG_ALIAS, (const char *)event->data.alias.anchor);
        made->broken = true;
        return made;
    }
    }
}

/* One event outside the document's value. */
static void read_frame(source *s, const yaml_event_t *event, node **root)
{
    ist_place place = place_of(event->start_mark);
    if (event->type == YAML_DOCUMENT_START_EVENT) {
        if (*root) {
            ist_faults_add(s->faults, place, MSG_DOCUMENTS);
            s->failed = true;
        } else if (event->data.document_start.version_directive ||
                   event->data.document_start.tag_directives.start !=
                       event->data.document_start.tag_directives.end) {
            ist_faults_add(s->faults, place, MSG_DIRECTIVE);
        }
    } else if (event->type != YAML_STREAM_START_EVENT && event->type != YAML_DOCUMENT_END_EVENT) {
        *root = read_value(s, event);
    }
}

node *tree_read(pool *owner, const char *text, size_t length, ist_faults *faults)
{
    source s = {.memory = owner, .faults = faults, .text = text, .length = length};
    node *root = NULL;
    if (!yaml_parser_initialize(&s.parser)) {
        ist_faults_add(faults, (ist_place){0}, MSG_YAML, "no memory");
        return NULL;
    }
    size_t mark = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    yaml_parser_set_encoding(&s.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&s.parser, (const unsigned char *)text + mark, length - mark);
    for (bool more = true; more && !s.failed;) {
        yaml_event_t event;
        if (!next_event(&s, &event))
            break;
        more = event.type != YAML_STREAM_END_EVENT;
        if (more)
            read_frame(&s, &event, &root);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&s.parser);
    if (!root && !s.failed)
        ist_faults_add(faults, (ist_place){1, 1}, MSG_EMPTY);
    return s.failed ? NULL : root;
}
