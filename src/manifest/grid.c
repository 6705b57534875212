/* The grid: its axes, and which of them advance together. */
#include "room.h"

#include <string.h>

enum { MOST_AXES = 64 };

/* ---- axes ------------------------------------------------------------------------------------ */

/* The columns of results.csv that are no axes. */
static const char *const columns[] = {
    "measure", "quantity",     "source",    "source_at", "target",    "target_at",
    "k",       "params",       "value",     "std_error", "se_method", "unit",
    "n",       "d_source",     "status",    "note",      "detail",    "d_target",
    "meta",    "tie_fraction", "duplicates"};

/* [A-Za-z_][A-Za-z0-9_]*: the name stands between braces, and is a column of tables. */
static bool axis_name_is_good(const char *name)
{
    if (name[0] == '\0' || (name[0] >= '0' && name[0] <= '9'))
        return false;
    for (; *name; name++) {
        bool letter = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z');
        if (!letter && !(*name >= '0' && *name <= '9') && *name != '_')
            return false;
    }
    return true;
}

static void check_axis_name(reader *r, const node *key)
{
    bool column = strncmp(key->text, "meta.", 5) == 0;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        column = column || strcmp(key->text, columns[i]) == 0;
    }
    if (column) {
        ist_faults_add(r->faults, key->place, MSG_AXIS_COLUMN, key->text);
    } else if (!axis_name_is_good(key->text)) {
        ist_faults_add(r->faults, key->place, MSG_AXIS_NAME, key->text);
    }
}

static void add_axis(reader *r, const node *key, const node *value)
{
    ist_job *job = r->job;
    size_t at = job->axis_count++;
    ist_axis *axis = &job->axes[at];
    *axis = (ist_axis){.name = pool_copy(r->memory, key->text), .place = key->place, .zip = -1};
    r->axis_names[at] = axis->name;
    check_axis_name(r, key);
    read_axis_values(r, value, axis);
    r->on_axis[at] = index_make(r->scratch, axis->values, axis->count);
}

void read_grid(reader *r, const char *key, const node *value, void *into)
{
    (void)key, (void)into;
    r->axes_known = false;
    if (!want_map(r, "'grid'", "a map of axes", value))
        return;
    if (value->count > MOST_AXES) {
        ist_faults_add(r->faults, value->place, MSG_AXES, value->count, MOST_AXES);
        return;
    }
    r->axes_known = true;
    r->job->axes = pool_alloc(r->memory, value->count, sizeof(ist_axis));
    r->axis_names = pool_alloc(r->scratch, value->count, sizeof(char *));
    r->on_axis = pool_alloc(r->scratch, value->count, sizeof(value_index));
    for (size_t i = 0; i < value->count; i++) {
        if (!map_key(value, i)->broken)
            add_axis(r, map_key(value, i), map_value(value, i));
    }
}

ist_axis *find_axis(reader *r, const node *name, const char *where)
{
    if (name->broken || !r->axes_known)
        return NULL;
    for (size_t a = 0; a < r->job->axis_count; a++) {
        if (strcmp(r->job->axes[a].name, name->text) == 0)
            return &r->job->axes[a];
    }
    const char *hint = r->job->axis_count
                           ? suggestion(r, name->text, r->axis_names, r->job->axis_count)
                           : MSG_NO_AXES;
    ist_faults_add(r->faults, name->place, MSG_UNKNOWN_AXIS, shown(r, name->text), where, hint);
    return NULL;
}

/* ---- zip ------------------------------------------------------------------------------------- */

static void zip_axis(reader *r, const node *name, int group, const ist_axis **first)
{
    if (!want_word(r, "'zip'", "a list of lists of axes, [[a, b]]", name))
        return;
    ist_axis *axis = find_axis(r, name, "'zip'");
    if (!axis)
        return;
    if (axis->zip >= 0) {
        ist_faults_add(r->faults, name->place, MSG_TWICE, axis->name, "'zip'");
        return;
    }
    axis->zip = group;
    if (!*first) {
        *first = axis;
    } else if (axis->count && (*first)->count && axis->count != (*first)->count) {
        ist_faults_add(r->faults, name->place, MSG_ZIP_LENGTH, (*first)->name, (*first)->count,
                       axis->name, axis->count);
    }
}

void read_zip(reader *r, const char *key, const node *value, void *into)
{
    (void)key, (void)into;
    static const char form[] = "a list of lists of axes, [[a, b]]";
    if (!want_list(r, "'zip'", form, value))
        return;
    for (size_t g = 0; g < value->count; g++) {
        const node *group = value->items[g];
        const ist_axis *first = NULL;
        if (!want_list(r, "'zip'", form, group))
            continue;
        if (group->count < 2)
            ist_faults_add(r->faults, group->place, MSG_ZIP_ONE);
        for (size_t i = 0; i < group->count; i++)
            zip_axis(r, group->items[i], (int)g, &first);
    }
}
