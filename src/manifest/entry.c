/* One item under `measures`: the measure, what it is measured on, and in which cells. */
#include "room.h"

#include <string.h>

/* ---- names ----------------------------------------------------------------------------------- */

static ist_name make_name(reader *r, const node *item)
{
    return (ist_name){
        .text = pool_copy(r->memory, item->text), .place = item->place, .index = SIZE_MAX};
}

static void check_twice(reader *r, const char *what, const ist_name *names, size_t count)
{
    ist_value *texts = pool_alloc(r->scratch, count, sizeof *texts);
    for (size_t i = 0; i < count; i++)
        texts[i].text = names[i].text;
    value_index index = index_make(r->scratch, texts, count);
    for (size_t i = 1; i < count; i++) {
        if (value_compare(index.items[i - 1].value, index.items[i].value) != 0)
            continue;
        const ist_name *twice = &names[index.items[i].position];
        ist_faults_add(r->faults, twice->place, MSG_TWICE, twice->text, what);
    }
}

static void read_names(reader *r, const char *what, const node *value, ist_name **out,
                       size_t *count)
{
    static const char form[] = "a name or a list of names";
    size_t given = 0;
    const node *const *items = want_items(r, what, form, value, &given);
    *out = pool_alloc(r->memory, given, sizeof(ist_name));
    for (size_t i = 0; i < given; i++) {
        if (want_word(r, what, form, items[i]))
            (*out)[(*count)++] = make_name(r, items[i]);
    }
    check_twice(r, what, *out, *count);
}

static void read_layers(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    ist_entry *entry = into;
    if (value->kind == NODE_SCALAR && strcmp(value->text, "all") == 0)
        return;
    entry->all_layers = false;
    read_names(r, "'layers'", value, &entry->layers, &entry->layer_count);
}

static void read_target(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    ist_entry *entry = into;
    read_names(r, "'target'", value, &entry->targets, &entry->target_count);
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static bool read_pair(reader *r, const node *item, ist_name_pair *out)
{
    static const char form[] = "a list of pairs, [[a, b], ...]";
    if (item->broken)
        return false;
    if (item->kind != NODE_LIST || item->count != 2) {
        ist_faults_add(r->faults, item->place, MSG_PAIR, describe_list(r, item));
        return false;
    }
    const node *first = item->items[0], *second = item->items[1];
    bool good = want_word(r, "'pairs'", form, first);
    good = want_word(r, "'pairs'", form, second) && good;
    if (good)
        *out = (ist_name_pair){make_name(r, first), make_name(r, second)};
    return good;
}

/* A pair twice is one record twice. Without `against`, [b, a] is [a, b]: both directions come. */
static void check_pairs(reader *r, const ist_entry *entry)
{
    ist_value *texts = pool_alloc(r->scratch, entry->pair_count, sizeof *texts);
    for (size_t i = 0; i < entry->pair_count; i++) {
        const ist_name_pair *pair = &entry->pairs[i];
        const char *a = pair->first.text, *b = pair->second.text;
        int order = strcmp(a, b);
        if (order == 0 && !entry->has_against) {
            ist_faults_add(r->faults, pair->first.place, MSG_SELF_PAIR, shown(r, a));
        }
        bool swap = order > 0 && !entry->has_against;
        texts[i].text = pool_format(r->scratch, "%s, %s", swap ? b : a, swap ? a : b);
    }
    value_index index = index_make(r->scratch, texts, entry->pair_count);
    for (size_t i = 1; i < entry->pair_count; i++) {
        if (value_compare(index.items[i - 1].value, index.items[i].value) != 0)
            continue;
        const ist_name_pair *twice = &entry->pairs[index.items[i].position];
        ist_faults_add(r->faults, twice->first.place, MSG_TWICE, index.items[i].value->text,
                       "'pairs'");
    }
}

static void read_pairs(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    ist_entry *entry = into;
    if (!want_list(r, "'pairs'", "a list of pairs, [[a, b], ...]", value))
        return;
    entry->pairs = pool_alloc(r->memory, value->count, sizeof(ist_name_pair));
    for (size_t i = 0; i < value->count; i++) {
        entry->pair_count += read_pair(r, value->items[i], &entry->pairs[entry->pair_count]);
    }
    check_pairs(r, entry);
}

/* ---- cells ----------------------------------------------------------------------------------- */

static void read_against(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    ist_entry *entry = into;
    entry->has_against = true;
    read_selection(r, "'against'", value, true, &entry->against);
}

static void read_where(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    read_selection(r, "'where'", value, false, &((ist_entry *)into)->where);
}

static void read_null(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    static const char *const known[] = {"permutations", "within"};
    enum { MOST_PERMUTATIONS = 100000 };
    ist_entry *entry = into;
    if (!want_map(r, "'null'", "a map, {permutations: R} or {permutations: R, within: LABELS}",
                  value))
        return;
    check_keys(r, value, "'null'", known, sizeof known / sizeof known[0]);
    const node *permutations = map_get(value, "permutations"), *within = map_get(value, "within");
    if (!permutations)
        ist_faults_add(r->faults, value->place, MSG_MISSING, "'null'", "permutations");
    else
        want_integer(r, "'permutations'", permutations, 1, MOST_PERMUTATIONS, &entry->permutations);
    if (within && want_word(r, "'within'", "the name of labels", within)) {
        entry->has_within = true;
        entry->within = make_name(r, within);
    }
}

static void read_by(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    ist_entry *entry = into;
    if (!want_word(r, "'by'", "the name of labels", value))
        return;
    entry->has_by = true;
    entry->by = make_name(r, value);
}

/* `against` first: what pairs may be depends on it. */
const key_spec entry_keys[] = {
    {"against", read_against, false}, {"layers", read_layers, false},
    {"target", read_target, false},   {"pairs", read_pairs, false},
    {"where", read_where, false},     {"null", read_null, false},
    {"by", read_by, false},           {"subsets", read_subsets, false},
};
const size_t entry_key_count = sizeof entry_keys / sizeof entry_keys[0];

/* ---- the entry ------------------------------------------------------------------------------- */

/* Two keys that say the same thing in two ways, or things that do not go together. */
static void check_together(reader *r, const node *map)
{
    static const char *const apart[][2] = {{"target", "pairs"},
                                           {"layers", "pairs"},
                                           {"target", "against"},
                                           {"null", "subsets"},
                                           {"by", "subsets"}};
    for (size_t i = 0; i < sizeof apart / sizeof apart[0]; i++) {
        const node *a = map_get(map, apart[i][0]), *b = map_get(map, apart[i][1]);
        if (a && b)
            ist_faults_add(r->faults, map->place, MSG_APART, apart[i][0], apart[i][1]);
    }
}

/* Operands that the measure does not have, and those that it must have. */
static void check_operands(reader *r, const ist_measure_schema *schema, const node *map,
                           ist_place place)
{
    static const char *const others[] = {"target", "pairs", "against"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const node *key = map && schema->alone ? map_get(map, others[i]) : NULL;
        if (key)
            ist_faults_add(r->faults, key->place, MSG_ALONE, schema->name, others[i]);
    }
    const node *null = map ? map_get(map, "null") : NULL;
    if (null && schema->tail == IST_TAIL_NONE)
        ist_faults_add(r->faults, null->place, MSG_NO_NULL, schema->name);
    for (size_t i = 1; i < sizeof others / sizeof others[0]; i++) {
        const node *key = map && schema->wants_target ? map_get(map, others[i]) : NULL;
        if (key)
            ist_faults_add(r->faults, key->place, MSG_ONLY_TARGET, schema->name, others[i]);
    }
    const node *by = map ? map_get(map, "by") : NULL;
    if (by && !schema->by_class)
        ist_faults_add(r->faults, by->place, MSG_NO_BY, schema->name);
    if (schema->wants_labels && !(map && map_get(map, "target")))
        ist_faults_add(r->faults, place, MSG_WANTS_LABELS, schema->name);
    if (schema->wants_target && !(map && map_get(map, "target")))
        ist_faults_add(r->faults, place, MSG_WANTS_TARGET, schema->name);
}

static void read_body(reader *r, const ist_measure_schema *schema, const node *map,
                      ist_entry *entry)
{
    const char *known[IST_MAX_PARAMS + sizeof entry_keys / sizeof *entry_keys];
    size_t count = 0;
    for (size_t k = 0; k < entry_key_count; k++)
        known[count++] = entry_keys[k].name;
    for (size_t p = 0; p < schema->param_count && p < IST_MAX_PARAMS; p++) {
        known[count++] = schema->params[p].name;
    }
    check_keys(r, map, pool_format(r->scratch, "'%s'", schema->name), known, count);
    for (size_t k = 0; k < entry_key_count; k++) {
        const node *value = map_get(map, entry_keys[k].name);
        if (value)
            entry_keys[k].read(r, entry_keys[k].name, value, entry);
    }
    check_together(r, map);
}

static const ist_measure_schema *find_measure(reader *r, const node *name, size_t *at)
{
    const ist_job *job = r->job;
    if (name->broken)
        return NULL;
    const char **known = pool_alloc(r->scratch, job->schema_count, sizeof(char *));
    for (size_t m = 0; m < job->schema_count; m++) {
        known[m] = job->schemas[m]->name;
        *at = m;
        if (strcmp(known[m], name->text) == 0)
            return job->schemas[m];
    }
    ist_faults_add(r->faults, name->place, MSG_MEASURE, shown(r, name->text),
                   suggestion(r, name->text, known, job->schema_count));
    return NULL;
}

static void read_entry(reader *r, const node *item)
{
    const char *form = "a measure's name, or {name: {key: value, ...}}";
    bool map = item->kind == NODE_MAP && item->count > 0;
    if (map && item->count > 1) {
        ist_faults_add(r->faults, map_key(item, 1)->place, MSG_ENTRY_KEYS,
                       shown(r, map_key(item, 1)->text), shown(r, map_key(item, 0)->text));
        return;
    }
    if (!map && !want_word(r, "an item of 'measures'", form, item))
        return;
    const node *name = map ? map_key(item, 0) : item, *body = map ? map_value(item, 0) : NULL;
    bool bare = !body || (body->kind == NODE_SCALAR && !body->quoted && !body->text[0]);
    size_t measure = 0;
    const ist_measure_schema *schema = find_measure(r, name, &measure);
    if (!schema)
        return;
    const char *what = pool_format(r->scratch, "'%s'", schema->name);
    if (!bare && !want_map(r, what, "a map of keys", body))
        return;
    ist_entry *entry = &r->job->entries[r->job->entry_count++];
    *entry = (ist_entry){.measure = measure, .place = name->place, .all_layers = true};
    if (!bare)
        read_body(r, schema, body, entry);
    check_operands(r, schema, bare ? NULL : body, entry->place);
    read_params(r, schema, bare ? NULL : body, entry);
}

void read_measures(reader *r, const char *key, const node *value, void *into)
{
    (void)key, (void)into;
    if (!want_list(r, "'measures'", "a list of measures", value))
        return;
    r->job->entries = pool_alloc(r->memory, value->count, sizeof(ist_entry));
    for (size_t i = 0; i < value->count; i++)
        read_entry(r, value->items[i]);
}
