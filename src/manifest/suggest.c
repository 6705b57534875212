/* What an unknown word may have meant: the field's other names for a thing, a slip of the finger,
 * a key that belongs elsewhere; else what is known. */
#include "room.h"

#include <string.h>

/* Words of other programs and papers. A row counts only where its second word is known: what a
 * later version brings is not suggested before. */
static const char *const synonyms[][2] = {
    {"n_neighbors", "k"},
    {"n_neighbours", "k"},
    {"neighbors", "k"},
    {"neighbours", "k"},
    {"maxk", "k"},
    {"ii", "imbalance"},
    {"information_imbalance", "imbalance"},
    {"information-imbalance", "imbalance"},
    {"cityblock", "manhattan"},
    {"l1", "manhattan"},
    {"linf", "chebyshev"},
    {"maximum", "chebyshev"},
    {"l2", "euclidean"},
    {"kraskov", "mi-ksg"},
    {"ksg", "mi-ksg"},
    {"n_projections", "slices"},
    {"random_state", "seed"},
    {"subset", "subsets"},
    {"subset_size", "subsets"},
    {"targets", "target"},
    {"label", "labels"},
    {"layer", "layers"},
};

static bool same_word(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a;
        if (x != *b)
            return false;
    }
    return *a == *b;
}

static const char *find(const char *word, const char *const *known, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, known[i]) == 0)
            return known[i];
    }
    return NULL;
}

static const char *synonym(const char *word, const char *const *known, size_t count)
{
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++) {
        const char *meant =
            same_word(word, synonyms[i][0]) ? find(synonyms[i][1], known, count) : NULL;
        if (meant)
            return meant;
    }
    return NULL;
}

enum { KNOWN_SHOWN = 12 };

const char *known_words(reader *r, const char *const *known, size_t count)
{
    if (count == 0)
        return "";
    ist_text list = {0};
    for (size_t i = 0; i < count && i < KNOWN_SHOWN; i++) {
        ist_text_add(&list, "%s%s", i ? ", " : "", shown(r, known[i]));
    }
    if (count > KNOWN_SHOWN)
        ist_text_add(&list, ", ...");
    return pool_format(r->scratch, MSG_KNOWN, pool_take(r->scratch, &list));
}

const char *suggestion(reader *r, const char *word, const char *const *known, size_t count)
{
    const char *meant = synonym(word, known, count);
    if (!meant)
        meant = ist_nearest_word(word, known, count);
    if (meant)
        return pool_format(r->scratch, MSG_MEANT, shown(r, meant));
    return known_words(r, known, count);
}
bool fault_counts(const reader *r, ist_place place)
{
    const ist_faults *faults = r->faults;
    if (faults->count < IST_MAX_FAULTS)
        return true;
    ist_place last = faults->place[IST_MAX_FAULTS - 1];
    return place.line < last.line || (place.line == last.line && place.column < last.column);
}

static bool in_table(const char *word, const key_spec *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, keys[i].name) == 0)
            return true;
    }
    return false;
}

/* Where a key would be right, NULL if nowhere. */
static const char *home_of(reader *r, const char *word)
{
    if (in_table(word, top_keys, top_key_count))
        return "at the top level";
    if (in_table(word, input_keys, input_key_count))
        return "under 'input'";
    if (in_table(word, entry_keys, entry_key_count))
        return "in a measure";
    for (size_t m = 0; m < r->job->schema_count; m++) {
        const ist_measure_schema *schema = r->job->schemas[m];
        if (strcmp(word, schema->name) == 0)
            return "under 'measures'";
        for (size_t p = 0; p < schema->param_count; p++) {
            if (strcmp(word, schema->params[p].name) == 0)
                return pool_format(r->scratch, MSG_IN_MEASURE, schema->name);
        }
    }
    return NULL;
}

void unknown_key(reader *r, const node *key, const char *where, const char *const *known,
                 size_t count)
{
    if (!fault_counts(r, key->place)) {
        ist_faults_add(r->faults, key->place, MSG_UNKNOWN_KEY, "", "", "");
        return;
    }
    const char *home = synonym(key->text, known, count) ? NULL : home_of(r, key->text);
    const char *hint =
        home ? pool_format(r->scratch, MSG_BELONGS, home) : suggestion(r, key->text, known, count);
    ist_faults_add(r->faults, key->place, MSG_UNKNOWN_KEY, key->text, where, hint);
}
