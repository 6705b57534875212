/* What holds for every measure of measures.def and for the notes. */
#include "infostrata/measures.h"

#include <criterion/criterion.h>
#include <string.h>

static bool word_fits(const ist_param_spec *spec, const char *word)
{
    int64_t value;
    double real;
    if (spec->type == IST_PARAM_INTEGER)
        return ist_parse_integer(word, &value) && value >= spec->least && value <= spec->most;
    if (ist_param_is_address(spec))
        return strcmp(word, IST_NO_ADDRESS) == 0;
    if (spec->type == IST_PARAM_REAL && ist_parse_real(word, &real))
        return real >= (double)spec->least && real <= (double)spec->most;
    for (size_t w = 0; spec->words && spec->words[w]; w++)
        if (strcmp(spec->words[w], word) == 0)
            return true;
    return false;
}

/* A default may be a list. */
static bool standard_fits(const ist_param_spec *spec)
{
    char text[100];
    snprintf(text, sizeof text, "%s", spec->standard);
    bool fits = true;
    for (char *at = text, *end; at; at = end) {
        end = strstr(at, ", ");
        if (end) {
            *end = '\0';
            end += 2;
        }
        fits = fits && word_fits(spec, at);
    }
    return fits;
}

/* "method=mle": a parameter before it, and one of its words. */
static bool only_fits(const ist_measure_schema *schema, size_t p)
{
    const char *only = schema->params[p].only;
    size_t length = only ? strcspn(only, "=") : 0;
    for (size_t q = 0; q < p && only; q++)
        if (strlen(schema->params[q].name) == length &&
            strncmp(schema->params[q].name, only, length) == 0)
            return word_fits(&schema->params[q], only + length + 1);
    return !only;
}

Test(measures, table)
{
    cr_assert(ist_measure_count > 0);
    for (size_t m = 0; m < ist_measure_count; m++) {
        const ist_measure *measure = ist_measures[m];
        const ist_measure_schema *schema = measure->planner.schema;
        cr_expect(ist_measure_schemas()[m] == schema);
        cr_expect(ist_measure_planners()[m] == &measure->planner);
        cr_expect(schema->summary[0] && measure->planner.version > 0 &&
                  (measure->sum_count > 0) == (measure->partial != NULL));
        cr_expect(measure->planner.needs && measure->planner.check && measure->finish);
        size_t addresses = 0;
        for (size_t p = 0; p < schema->param_count; p++)
            addresses += ist_param_is_address(&schema->params[p]);
        cr_expect(addresses <= IST_MAX_ADDRESSES, "%s", schema->name);
        cr_assert(schema->param_count <= IST_MAX_PARAMS);
        for (size_t p = 0; p < schema->param_count; p++)
            cr_expect(standard_fits(&schema->params[p]) && only_fits(schema, p), "%s.%s",
                      schema->name, schema->params[p].name);
        for (size_t other = 0; other < m; other++)
            cr_expect(strcmp(schema->name, ist_measures[other]->planner.schema->name) != 0);
    }
}

/* Codes are joined by ';' in a column: they hold nothing that would need quotes. */
Test(measures, notes)
{
    cr_assert(ist_note_count > 0);
    for (size_t n = 0; n < ist_note_count; n++) {
        const ist_note *note = &ist_notes[n];
        cr_expect(strspn(note->code, "abcdefghijklmnopqrstuvwxyz-") == strlen(note->code), "%s",
                  note->code);
        cr_expect(strlen(note->meaning) > 20, "%s", note->code);
        for (size_t other = 0; other < n; other++)
            cr_expect(strcmp(note->code, ist_notes[other].code) != 0);
    }
}
