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
    ist_faults_add(r->faults, item->place, MSG_WORD, what, describe(r, item),
                   suggestion(r, text, spec->words, count));
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

static bool read_one(reader *r, const ist_param_spec *spec, const node *item, ist_value *out)
{
    const char *what = pool_format(r->scratch, "'%s'", spec->name);
    int64_t integer = 0;
    if (spec->type == IST_PARAM_WORD)
        return read_word(r, what, spec, item, out);
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
    const char *kind = spec->type == IST_PARAM_WORD ? "a word or a list of words"
                                                    : "an integer or a list of integers";
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
    out->values = pool_alloc(r->memory, 1, sizeof(ist_value));
    out->places = pool_alloc(r->memory, 1, sizeof(ist_place));
    out->values[0] = value_of(pool_copy(r->memory, spec->standard));
    out->count = 1;
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
    }
}
