/* `subsets` of an entry: the mean over disjoint random subsets. */
#include "room.h"

#include <string.h>

static void read_size(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    want_integer(r, "'size'", value, 2, INT32_MAX, &((ist_subsets *)into)->size);
}

static void read_count(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    enum { MOST_SUBSETS = 10000 };
    want_integer(r, "'count'", value, 1, MOST_SUBSETS, &((ist_subsets *)into)->count);
}

static void read_seed(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    want_integer(r, "'seed'", value, 0, INT64_MAX, &((ist_subsets *)into)->seed);
}

void read_subsets(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    static const key_spec keys[] = {
        {"size", read_size, true}, {"count", read_count, true}, {"seed", read_seed, false}};
    ist_subsets *subsets = &((ist_entry *)into)->subsets;
    *subsets = (ist_subsets){.place = value->place};
    if (want_map(r, "'subsets'", "a map, {size: m, count: c} or {size: m, count: c, seed: s}",
                 value))
        walk_map(r, value, "'subsets'", keys, sizeof keys / sizeof *keys, subsets);
}

void leave_error_out(reader *r, bool given, ist_param_values *se)
{
    static const char none[] = "none";
    for (size_t i = 0; given && i < se->count; i++)
        if (strcmp(se->values[i].text, none) != 0)
            ist_faults_add(r->faults, se->places[i], MSG_SE, se->values[i].text);
    if (se->count == 0)
        return; /* there is a fault already */
    se->values[0] = value_of(pool_copy(r->memory, none));
    se->count = 1;
}
