/* Records of several subsets -> one: the mean, and how much they differ. Pure. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "shown.h"

typedef struct {
    const ist_record **of; /* the same record of each subset */
    int64_t count;
    double *number; /* room for one of each */
} group;

static double mean_of(const group *g)
{
    return ist_sum_in_order(g->number, g->count) / (double)g->count;
}

/* A sum of infinite numbers says so; the compensation of one would make it NaN. */
static double mean_value(const group *g)
{
    double plain = 0;
    for (int64_t s = 0; s < g->count; s++)
        plain += g->number[s] = g->of[s]->value;
    return isfinite(plain) ? mean_of(g) : plain;
}

static double mean_ties(const group *g)
{
    for (int64_t s = 0; s < g->count; s++)
        g->number[s] = g->of[s]->tie_fraction;
    return mean_of(g);
}

static double error_of(const group *g, double mean)
{
    if (g->count < 2 || !isfinite(mean))
        return (double)NAN;
    for (int64_t s = 0; s < g->count; s++)
        g->number[s] = (g->of[s]->value - mean) * (g->of[s]->value - mean);
    const double squares = ist_sum_in_order(g->number, g->count);
    return sqrt(squares / (double)(g->count - 1) / (double)g->count);
}

/* ---- lists of words, with ';' between them ----------------------------------------------------- */

typedef struct {
    const char *at;
    size_t length;
} word;

/* The word at *cursor, and steps behind it; length 0: there is none. */
static word next_word(const char **cursor)
{
    word w = {*cursor, strcspn(*cursor, ";")};
    *cursor += w.length + (w.at[w.length] == ';');
    return w;
}

static bool has_word(const char *list, word wanted)
{
    const char *cursor = list ? list : "";
    for (word w = next_word(&cursor); w.length > 0; w = next_word(&cursor))
        if (w.length == wanted.length && memcmp(w.at, wanted.at, w.length) == 0)
            return true;
    return false;
}

static void add_word(ist_text *out, const char *text, size_t length)
{
    ist_text_add(out, "%s", out->length ? ";" : "");
    ist_text_add_bytes(out, text, length);
}

static char *take(ist_text *text)
{
    char *copy = ist_copy_text(text->data ? text->data : "");
    ist_text_release(text);
    return copy;
}

/* Every code that some subset has. */
static char *join_notes(const group *g)
{
    static const char one[] = "one-subset";
    ist_text notes = {0};
    for (int64_t s = 0; s < g->count; s++) {
        const char *cursor = g->of[s]->note ? g->of[s]->note : "";
        for (word w = next_word(&cursor); w.length > 0; w = next_word(&cursor))
            if (!has_word(notes.data, w))
                add_word(&notes, w.at, w.length);
    }
    if (g->count == 1)
        add_word(&notes, one, strlen(one));
    return take(&notes);
}

/* ---- details: name=value ----------------------------------------------------------------------- */

/* The value of a name in a record's details, as a number if it is one; false: neither. */
static bool find_number(const ist_record *record, const char *name, double *number)
{
    const char *cursor = record->detail ? record->detail : "";
    const size_t length = strlen(name);
    for (word w = next_word(&cursor); w.length > 0; w = next_word(&cursor)) {
        if (w.length <= length || w.at[length] != '=' || memcmp(w.at, name, length) != 0)
            continue;
        ist_text value = {0};
        ist_text_add_bytes(&value, w.at + length + 1, w.length - length - 1);
        bool is_number = value.data && ist_parse_real(value.data, number);
        ist_text_release(&value);
        return is_number;
    }
    return false;
}

/* The mean of numbers that differ. `reproducible` is a bound: the largest; `slice` and `max_sample` are names, of which there is
 * no mean. */
static void add_number(const group *g, const char *name, ist_text *details)
{
    double largest = -(double)INFINITY;
    if (strcmp(name, "slice") == 0 || strcmp(name, "max_sample") == 0)
        return;
    for (int64_t s = 0; s < g->count; s++) {
        if (!find_number(g->of[s], name, &g->number[s]))
            return;
        largest = fmax(largest, g->number[s]);
    }
    const bool bound = strcmp(name, "reproducible") == 0;
    ist_text both = {0};
    char real[IST_REAL_TEXT];
    ist_text_add(&both, "%s=%s", name, ist_format_real(bound ? largest : mean_of(g), real));
    add_word(details, both.data, both.length);
    ist_text_release(&both);
}

static bool in_all(const group *g, word wanted)
{
    bool all = true;
    for (int64_t s = 0; s < g->count; s++)
        all &= has_word(g->of[s]->detail, wanted);
    return all;
}

static char *join_details(const group *g)
{
    ist_text details = {0}, name = {0};
    const char *cursor = g->of[0]->detail ? g->of[0]->detail : "";
    for (word w = next_word(&cursor); w.length > 0; w = next_word(&cursor)) {
        if (in_all(g, w)) {
            add_word(&details, w.at, w.length);
            continue;
        }
        name.length = 0;
        ist_text_add(&name, "%.*s", (int)strcspn(w.at, "=;"), w.at);
        add_number(g, name.data, &details);
    }
    ist_text_release(&name);
    return take(&details);
}

/* ---- records ----------------------------------------------------------------------------------- */

static ist_record join_records(const group *g)
{
    const ist_record *first = g->of[0];
    ist_record record = *first;
    record.quantity = ist_copy_text(first->quantity);
    record.unit = ist_copy_text(first->unit ? first->unit : "");
    record.value = mean_value(g);
    record.std_error = error_of(g, record.value);
    record.se_method = ist_copy_text("subsets");
    record.duplicates = 0;
    for (int64_t s = 0; s < g->count; s++)
        record.duplicates += g->of[s]->duplicates;
    record.tie_fraction = mean_ties(g);
    record.note = join_notes(g);
    record.detail = join_details(g);
    record.series = NULL;
    record.series_count = 0;
    return record;
}

static void fail(ist_outcome *out, int64_t subset, const char *reason)
{
    ist_text text = {0};
    ist_text_add(&text, "subset %" PRId64 ": %s", subset, reason ? reason : "");
    out->failed = true;
    out->reason = take(&text);
}

/* Has every subset the record r of the first? A measure may leave one out that its samples do not allow. */
static bool are_alike(const ist_outcome *const *subsets, int64_t count, size_t r)
{
    for (int64_t s = 1; s < count; s++)
        if (subsets[s]->record_count <= r ||
            strcmp(subsets[s]->records[r].quantity, subsets[0]->records[r].quantity) != 0)
            return false;
    return true;
}

void ist_join_subsets(const ist_outcome *const *subsets, int64_t count, ist_outcome *out)
{
    *out = (ist_outcome){.id = subsets[0]->id};
    for (int64_t s = 0; s < count; s++)
        if (subsets[s]->failed) {
            fail(out, s, subsets[s]->reason);
            return;
        }
    group g = {.of = ist_alloc((size_t)count, sizeof *g.of),
               .count = count,
               .number = ist_alloc((size_t)count, sizeof *g.number)};
    out->records = ist_alloc(subsets[0]->record_count, sizeof *out->records);
    for (size_t r = 0; r < subsets[0]->record_count; r++) {
        if (!are_alike(subsets, count, r))
            continue;
        for (int64_t s = 0; s < count; s++)
            g.of[s] = &subsets[s]->records[r];
        out->records[out->record_count++] = join_records(&g);
    }
    ist_free(g.of);
    ist_free(g.number);
}
