/* The input section: the cell's file, its layers and labels, and which samples. */
#include "room.h"

#include <string.h>

bool name_is_good(const char *text)
{
    return *text && strlen(text) <= KEY_BYTES && strpbrk(text, "{}[]:;=,\"'") == NULL;
}

/* ---- sources: layers, labels, meta ----------------------------------------------------------- */

/* What a list of sources is called, and what its addresses stand for. */
typedef struct {
    const char *what, *forms, *folder;
    address_kind kind;
    bool long_form;
} source_rules;

static void read_path(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    ist_source *source = into;
    const char *text = want_word(r, "'path'", "an address", value);
    if (text && check_address(r, value, ADDRESS_LAYER))
        source->address = pool_copy(r->memory, text);
}

static void read_pool(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    static const char *const words[] = {"none", "mean"};
    const char *text = want_word(r, "'pool'", "'none' or 'mean'", value);
    if (!text)
        return;
    if (strcmp(text, "none") != 0 && strcmp(text, "mean") != 0) {
        ist_faults_add(r->faults, value->place, MSG_WORD, "'pool'", describe(r, value),
                       suggestion(r, text, words, 2));
    }
    ((ist_source *)into)->pool = strcmp(text, "mean") == 0;
}

static const key_spec long_keys[] = {{"path", read_path, true}, {"pool", read_pool, false}};

static bool check_name(reader *r, const node *name)
{
    if (name->broken)
        return false;
    if (!name_is_good(name->text)) {
        ist_faults_add(r->faults, name->place, MSG_NAME, shown(r, name->text));
    }
    return true;
}

static void read_source(reader *r, const source_rules *rules, const node *name, const node *value,
                        ist_source *out)
{
    out->name = pool_copy(r->memory, name->text);
    out->place = name->place;
    if (value->kind == NODE_MAP && rules->long_form) {
        walk_map(r, value, pool_format(r->scratch, "layer '%s'", name->text), long_keys, 2, out);
        return;
    }
    const char *what = pool_format(r->scratch, "'%s'", shown(r, name->text));
    const char *text = want_word(r, what, "an address", value);
    if (text && check_address(r, value, rules->kind))
        out->address = pool_copy(r->memory, text);
}

/* [name, ...]: each stands under the rules' folder of the cell's file. */
static void read_source_list(reader *r, const source_rules *rules, const node *list,
                             ist_source *out, size_t *count)
{
    for (size_t i = 0; i < list->count; i++) {
        const node *name = list->items[i];
        if (!want_word(r, rules->what, rules->forms, name) || !check_name(r, name))
            continue;
        out[*count].name = pool_copy(r->memory, name->text);
        out[*count].address = pool_format(r->memory, "%s/%s", rules->folder, name->text);
        out[(*count)++].place = name->place;
    }
    if (!r->file_given)
        ist_faults_add(r->faults, list->place, MSG_LIST_FILE, rules->what);
}

static void read_sources(reader *r, const source_rules *rules, const node *value, ist_source **out,
                         size_t *count)
{
    if (value->broken)
        return;
    bool list = value->kind == NODE_LIST && rules->folder, map = value->kind == NODE_MAP;
    if (!list && !map) {
        ist_faults_add(r->faults, value->place, MSG_KIND, rules->what, rules->forms,
                       describe(r, value));
        return;
    }
    *out = pool_alloc(r->memory, value->count, sizeof(ist_source));
    if (list)
        read_source_list(r, rules, value, *out, count);
    for (size_t i = 0; i < value->count && map; i++) {
        const node *name = map_key(value, i);
        if (!check_name(r, name))
            continue;
        read_source(r, rules, name, map_value(value, i), &(*out)[(*count)++]);
    }
}

/* The names sorted; two equal ones are a fault. */
static value_index index_names(reader *r, const char *what, const ist_source *sources, size_t count)
{
    ist_value *names = pool_alloc(r->scratch, count, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i].text = sources[i].name;
    value_index index = index_make(r->scratch, names, count);
    for (size_t i = 1; i < count; i++) {
        if (value_compare(index.items[i - 1].value, index.items[i].value) != 0)
            continue;
        const ist_source *twice = &sources[index.items[i].position];
        ist_faults_add(r->faults, twice->place, MSG_TWICE, twice->name, what);
    }
    return index;
}

void index_sources(reader *r)
{
    const ist_job *job = r->job;
    r->layers = index_names(r, "'layers'", job->layers, job->layer_count);
    r->labels = index_names(r, "'labels'", job->labels, job->label_count);
    for (size_t i = 0; i < job->label_count; i++) {
        const ist_source *label = &job->labels[i];
        size_t at = index_find_word(&r->layers, label->name);
        if (at == SIZE_MAX)
            continue;
        const char *from = job->layers[at].place.line ? "" : MSG_OF_THE_FILE;
        ist_faults_add(r->faults, label->place, MSG_LAYER_AND_LABELS, label->name, from);
    }
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void read_file(reader *r, const char *key, const node *value, void *into)
{
    (void)key, (void)into;
    r->file_given = true; /* also where it is wrong: addresses need no second fault */
    const char *text = want_word(r, "'file'", "a path", value);
    if (!text || !check_template(r, value))
        return;
    if (ends_with(text, strlen(text), ".npy")) {
        ist_faults_add(r->faults, value->place, MSG_FILE_NPY, shown(r, text));
        return;
    }
    r->job->file = pool_copy(r->memory, text);
    r->job->file_place = value->place;
}

static void read_layers(reader *r, const char *key, const node *value, void *into)
{
    (void)key, (void)into;
    static const source_rules rules = {"'layers'", "'all', a list of names or a map name: address",
                                       "/layers", ADDRESS_LAYER, true};
    if (value->kind == NODE_SCALAR && strcmp(value->text, "all") == 0)
        return;
    r->job->all_layers = false;
    read_sources(r, &rules, value, &r->job->layers, &r->job->layer_count);
    bool empty = value->kind != NODE_SCALAR && value->count == 0;
    if (empty)
        ist_faults_add(r->faults, value->place, MSG_NO_LAYERS);
}

static void read_labels(reader *r, const char *key, const node *value, void *into)
{
    (void)key, (void)into;
    static const source_rules rules = {"'labels'", "a list of names or a map name: address",
                                       "/labels", ADDRESS_VECTOR, false};
    read_sources(r, &rules, value, &r->job->labels, &r->job->label_count);
}

static void read_meta(reader *r, const char *key, const node *value, void *into)
{
    (void)key, (void)into;
    static const source_rules rules = {"'meta'", "a map name: address", NULL, ADDRESS_SCALAR,
                                       false};
    read_sources(r, &rules, value, &r->job->meta, &r->job->meta_count);
}

static void read_sample_id(reader *r, const char *key, const node *value, void *into)
{
    (void)key, (void)into;
    const char *text = want_word(r, "'sample_id'", "an address", value);
    if (!text || !check_address(r, value, ADDRESS_VECTOR))
        return;
    r->job->sample_id = pool_copy(r->memory, text);
    r->job->sample_id_given = true;
}

/* ---- samples --------------------------------------------------------------------------------- */

static void read_count(reader *r, const char *key, const node *value, void *into)
{
    const char *what = pool_format(r->scratch, "'%s'", key);
    want_integer(r, what, value, 1, INT64_MAX, &((ist_samples *)into)->count);
}

static void read_seed(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    want_integer(r, "'seed'", value, 0, INT64_MAX, &((ist_samples *)into)->seed);
}

/* Which labels that are is known when all of `input` is. */
static void read_classes(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    const char *text = want_word(r, "'labels'", "the name of labels", value);
    if (text)
        ((ist_samples *)into)->labels =
            (ist_name){.text = pool_copy(r->memory, text), .place = value->place};
}

static void read_rows(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    const char *text = want_word(r, "'rows'", "an address", value);
    if (!text)
        return;
    ist_address parts = {0};
    ist_address_split(text, &parts);
    if (strchr(text, '{') || parts.file.length == 0)
        ist_faults_add(r->faults, value->place, MSG_ROWS, shown(r, text));
    else if (check_address(r, value, ADDRESS_VECTOR))
        ((ist_samples *)into)->rows = pool_copy(r->memory, text);
    ist_address_release(&parts);
}

static const key_spec first_keys[] = {{"first", read_count, true}},
                      random_keys[] = {{"random", read_count, true}, {"seed", read_seed, false}},
                      class_keys[] = {{"per_class", read_count, true},
                                      {"labels", read_classes, true},
                                      {"seed", read_seed, false}},
                      rows_keys[] = {{"rows", read_rows, true}};

/* By ist_samples_kind; the first key says which it is. */
static const struct {
    const key_spec *keys;
    size_t count;
} sample_forms[] = {[IST_SAMPLES_FIRST] = {first_keys, 1},
                    [IST_SAMPLES_RANDOM] = {random_keys, 2},
                    [IST_SAMPLES_PER_CLASS] = {class_keys, 3},
                    [IST_SAMPLES_ROWS] = {rows_keys, 1}};

static void read_samples(reader *r, const char *key, const node *value, void *into)
{
    (void)key, (void)into;
    ist_samples *samples = &r->job->samples;
    if (value->broken || (value->kind == NODE_SCALAR && strcmp(value->text, "all") == 0))
        return;
    for (int kind = IST_SAMPLES_FIRST; kind <= IST_SAMPLES_ROWS && value->kind == NODE_MAP; kind++)
        if (map_get(value, sample_forms[kind].keys[0].name)) {
            *samples = (ist_samples){.kind = (ist_samples_kind)kind, .place = value->place};
            walk_map(r, value, "'samples'", sample_forms[kind].keys, sample_forms[kind].count,
                     samples);
            return;
        }
    const char *given = value->kind == NODE_MAP && value->count && !map_key(value, 0)->broken
                            ? describe(r, map_key(value, 0))
                            : describe(r, value);
    ist_faults_add(r->faults, value->place, MSG_SAMPLES, given);
}

static void resolve_samples(reader *r)
{
    ist_name *name = &r->job->samples.labels;
    if (!name->text)
        return;
    name->is_labels = true;
    name->index = index_find_word(&r->labels, name->text);
    if (name->index == SIZE_MAX)
        ist_faults_add(r->faults, name->place, MSG_CLASSES, shown(r, name->text));
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void read_deterministic(reader *r, const char *key, const node *value, void *into)
{
    (void)key, (void)into;
    const char *text = want_word(r, "'deterministic'", "true or false", value);
    if (!text)
        return;
    r->job->deterministic = strcmp(text, "false") != 0;
    if (r->job->deterministic && strcmp(text, "true") != 0) {
        ist_faults_add(r->faults, value->place, MSG_KIND, "'deterministic'", "true or false",
                       describe(r, value));
    }
}

const key_spec input_keys[] = {
    {"file", read_file, false},
    {"layers", read_layers, false},
    {"labels", read_labels, false},
    {"sample_id", read_sample_id, false},
    {"meta", read_meta, false},
    {"samples", read_samples, false},
    {"deterministic", read_deterministic, false},
};
const size_t input_key_count = sizeof input_keys / sizeof input_keys[0];

void read_input(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    size_t before = r->faults->count + r->faults->dropped;
    if (!walk_map(r, value, "'input'", input_keys, input_key_count, into))
        return;
    ist_job *job = r->job;
    if (job->all_layers && !r->file_given) {
        ist_faults_add(r->faults, value->place, MSG_ALL_FILE);
    }
    index_sources(r);
    resolve_samples(r);
    r->names_known = r->faults->count + r->faults->dropped == before;
}
