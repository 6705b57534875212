/* Choices of cells: exclude, where, against. Values must be in their axis' list. */
#include "room.h"

#include <string.h>

enum { MOST_EXCLUDES = 1000 }; /* each is asked about every cell */

static void unknown_value(reader *r, const ist_axis *axis, const node *item)
{
    if (!fault_counts(r, item->place)) {
        ist_faults_add(r->faults, item->place, MSG_NOT_ON_AXIS, "", "", "");
        return;
    }
    const char **known = pool_alloc(r->scratch, axis->count, sizeof(char *));
    for (size_t i = 0; i < axis->count; i++)
        known[i] = axis->values[i].text;
    /* 0.3 is no slip of the finger for 0.2: a number gets the list, not a guess. */
    bool guess = !value_of(item->text).is_number;
    const char *hint =
        guess ? suggestion(r, item->text, known, axis->count) : known_words(r, known, axis->count);
    ist_faults_add(r->faults, item->place, MSG_NOT_ON_AXIS, describe(r, item), axis->name, hint);
}

static void read_positions(reader *r, const char *what, const node *value, ist_choice *choice)
{
    const ist_axis *axis = &r->job->axes[choice->axis];
    size_t count = 0;
    const node *const *items = want_items(r, what, "a value or a list of values", value, &count);
    bool *taken = pool_alloc(r->scratch, axis->count, sizeof *taken);
    choice->positions = pool_alloc(r->memory, count, sizeof(size_t));
    for (size_t i = 0; i < count && axis->count; i++) {
        if (!want_word(r, what, "a value or a list of values", items[i]))
            continue;
        ist_value wanted = value_of(items[i]->text);
        size_t at = index_find(&r->on_axis[choice->axis], &wanted);
        if (at == SIZE_MAX) {
            unknown_value(r, axis, items[i]);
        } else if (taken[at]) {
            ist_faults_add(r->faults, items[i]->place, MSG_TWICE, items[i]->text, what);
        }
        if (at != SIZE_MAX)
            taken[at] = true;
    }
    for (size_t at = 0; at < axis->count; at++) {
        if (taken[at])
            choice->positions[choice->count++] = at;
    }
}

void read_selection(reader *r, const char *where, const node *value, bool others,
                    ist_selection *out)
{
    if (!want_map(r, where, "a map axis: value", value))
        return;
    if (value->count == 0)
        ist_faults_add(r->faults, value->place, MSG_SELECTS_NOTHING, where);
    out->choices = pool_alloc(r->memory, value->count, sizeof(ist_choice));
    for (size_t i = 0; i < value->count; i++) {
        const node *item = map_value(value, i);
        const ist_axis *axis = find_axis(r, map_key(value, i), where);
        if (!axis)
            continue;
        ist_choice *choice = &out->choices[out->count++];
        choice->axis = (size_t)(axis - r->job->axes);
        choice->others = others && item->kind == NODE_SCALAR && strcmp(item->text, "others") == 0;
        const char *what = pool_format(r->scratch, "'%s'", axis->name);
        if (!choice->others)
            read_positions(r, what, item, choice);
    }
}

void read_exclude(reader *r, const char *key, const node *value, void *into)
{
    (void)key, (void)into;
    ist_job *job = r->job;
    if (!want_list(r, "'exclude'", "a list of maps axis: value", value))
        return;
    if (value->count > MOST_EXCLUDES) {
        ist_faults_add(r->faults, value->place, MSG_EXCLUDES, value->count, MOST_EXCLUDES);
        return;
    }
    job->excludes = pool_alloc(r->memory, value->count, sizeof(ist_selection));
    for (size_t i = 0; i < value->count; i++) {
        read_selection(r, "'exclude'", value->items[i], false,
                       &job->excludes[job->exclude_count++]);
    }
}
