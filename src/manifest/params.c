/* The parameters of a measure, from the table it hands in: a scalar, or a list to sweep over. */
#include "room.h"

#include <string.h>

static size_t count_words(const char *const *words)
{
    size_t count = 0;
    while (words[count])
        count++;
    return count;
}

static bool read_word(reader *r, const char *what, const ist_param_spec *spec, const node *item,
                      ist_value *out)
{
    const char *text = want_word(r, what, "a word", item);
    if (!text)
        return false;
    size_t count = count_words(spec->words);
    for (size_t w = 0; w < count; w++) {
        if (strcmp(text, spec->words[w]) != 0)
            continue;
        *out = value_of(pool_copy(r->memory, text));
        return true;
    }
    const char *hint = suggestion(r, text, spec->words, count);
    if (spec->type == IST_PARAM_REAL)
        ist_faults_add(r->faults, item->place, MSG_WORD_OR_NUMBER, what, describe(r, item), hint);
    else
        ist_faults_add(r->faults, item->place, MSG_WORD, what, describe(r, item), hint);
    return false;
}

static ist_value integer_value(reader *r, int64_t integer)
{
    /* Not as written: 01 and 1 are one record. */
    ist_value value = {.text = pool_format(r->memory, "%lld", (long long)integer)};
    value.is_number = true;
    value.number = (double)integer;
    return value;
}

/* 0.90 and 0.9 are one record. */
static bool read_real(reader *r, const char *what, const ist_param_spec *spec, const node *item,
                      ist_value *out)
{
    char text[IST_REAL_TEXT], bound[IST_REAL_TEXT];
    double number = 0;
    if (!want_real(r, what, item, &number))
        return false;
    const char *least = ist_format_short((double)spec->least, text);
    const char *most = ist_format_short((double)spec->most, bound);
    if (number < (double)spec->least)
        ist_faults_add(r->faults, item->place, MSG_LEAST, what, least, item->text);
    else if (number > (double)spec->most)
        ist_faults_add(r->faults, item->place, MSG_MOST, what, most, item->text);
    if (number < (double)spec->least || number > (double)spec->most)
        return false;
    *out = (ist_value){.text = pool_copy(r->memory, ist_format_short(number, text)),
                       .number = number,
                       .is_number = true};
    return true;
}

/* A number, or what is no number and must be a word. */
static bool is_number(const node *item)
{
    double number = 0;
    return item->kind == NODE_SCALAR && !item->quoted && ist_parse_real(item->text, &number);
}

static bool read_dataset(reader *r, const char *what, const node *item, ist_value *out)
{
    const char *text = want_word(r, what, "an address", item);
    if (!text || (strcmp(text, IST_NO_ADDRESS) != 0 && !check_address(r, item, ADDRESS_LAYER)))
        return false;
    *out = value_of(pool_copy(r->memory, text));
    return true;
}

static bool read_one(reader *r, const ist_param_spec *spec, const node *item, ist_value *out)
{
    const char *what = pool_format(r->scratch, "'%s'", spec->name);
    int64_t integer = 0;
    if (ist_param_is_address(spec))
        return read_dataset(r, what, item, out);
    if (spec->type == IST_PARAM_WORD || (spec->words && !is_number(item)))
        return read_word(r, what, spec, item, out);
    if (spec->type == IST_PARAM_REAL)
        return read_real(r, what, spec, item, out);
    if (!want_integer(r, what, item, spec->least, spec->most, &integer))
        return false;
    *out = integer_value(r, integer);
    return true;
}

static void check_twice(reader *r, const ist_param_spec *spec, const ist_param_values *values)
{
    value_index index = index_make(r->scratch, values->values, values->count);
    for (size_t i = 1; i < values->count; i++) {
        if (strcmp(index.items[i - 1].value->text, index.items[i].value->text) != 0)
            continue;
        size_t at = index.items[i].position;
        ist_faults_add(r->faults, values->places[at], MSG_TWICE, values->values[at].text,
                       pool_format(r->scratch, "'%s'", spec->name));
    }
}

static void read_values(reader *r, const ist_param_spec *spec, const node *value,
                        ist_param_values *out)
{
    const char *what = pool_format(r->scratch, "'%s'", spec->name);
    static const char *const kinds[] = {
        [IST_PARAM_INTEGER] = "an integer or a list of integers",
        [IST_PARAM_REAL] = "a number or a list of numbers",
        [IST_PARAM_WORD] = "a word or a list of words",
        [IST_PARAM_SAMPLES] = "an address or a list of addresses",
        [IST_PARAM_ROWS] = "an address or a list of addresses",
    };
    const char *kind = kinds[spec->type];
    size_t count = 0;
    const node *const *items = want_items(r, what, kind, value, &count);
    out->values = pool_alloc(r->memory, count, sizeof(ist_value));
    out->places = pool_alloc(r->memory, count, sizeof(ist_place));
    for (size_t i = 0; i < count; i++) {
        if (!read_one(r, spec, items[i], &out->values[out->count]))
            continue;
        out->places[out->count++] = items[i]->place;
    }
    check_twice(r, spec, out);
}

static void set_standard(reader *r, const ist_param_spec *spec, ist_param_values *out)
{
    static const char between[] = ", ";
    size_t count = 1;
    for (const char *at = strstr(spec->standard, between); at; at = strstr(at + 1, between))
        count++;
    out->values = pool_alloc(r->memory, count, sizeof(ist_value));
    out->places = pool_alloc(r->memory, count, sizeof(ist_place));
    for (const char *at = spec->standard; out->count < count; out->count++) {
        const char *end = strstr(at, between);
        int length = end ? (int)(end - at) : (int)strlen(at);
        out->values[out->count] = value_of(pool_format(r->memory, "%.*s", length, at));
        at += length + (end ? (int)sizeof between - 1 : 0);
    }
}

bool ist_param_applies(const ist_measure_schema *schema, size_t p, const ist_value *const *values)
{
    const char *only = schema->params[p].only;
    if (!only)
        return true;
    size_t length = strcspn(only, "=");
    for (size_t q = 0; q < p; q++) {
        const char *name = schema->params[q].name;
        if (strlen(name) == length && strncmp(name, only, length) == 0)
            return strcmp(values[q]->text, only + length + 1) == 0;
    }
    return true;
}

void read_params(reader *r, const ist_measure_schema *schema, const node *map, ist_entry *entry)
{
    for (size_t p = 0; p < schema->param_count && p < IST_MAX_PARAMS; p++) {
        const node *value = map ? map_get(map, schema->params[p].name) : NULL;
        if (value) {
            read_values(r, &schema->params[p], value, &entry->params[p]);
        } else {
            set_standard(r, &schema->params[p], &entry->params[p]);
        }
        if (entry->subsets.count > 0 && strcmp(schema->params[p].name, "se") == 0)
            leave_error_out(r, value != NULL, &entry->params[p]);
    }
}
