/* The values of one axis: [value, ...], {from, to, step} or {log: [first, last, count]}. */
#include "room.h"

#include <math.h>
#include <string.h>

#define AXIS_FORMS "a list of values, {from, to, step} or {log: [first, last, count]}"

/* Values stand in file names, in `source_at` and on command lines: nothing to quote, no way up. */
static bool value_is_good(const char *text)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-";
    size_t length = strlen(text);
    return length > 0 && length <= KEY_BYTES && strspn(text, letters) == length &&
           strstr(text, "..") == NULL && strcmp(text, "others") != 0;
}

static bool read_listed(reader *r, const char *what, const node *list, ist_axis *axis)
{
    ist_value *values = pool_alloc(r->memory, list->count, sizeof *values);
    bool good = true;
    for (size_t i = 0; i < list->count; i++) {
        const node *item = list->items[i];
        const char *text = want_word(r, what, "a list of numbers or words", item);
        if (text && !value_is_good(text)) {
            ist_faults_add(r->faults, item->place, MSG_AXIS_VALUE, describe(r, item));
            text = NULL;
        }
        good = good && text;
        if (good)
            values[i] = value_of(pool_copy(r->memory, text));
    }
    axis->values = values;
    axis->count = good ? list->count : 0;
    return good;
}

/* Two equal values would be one cell twice; 0.0 and 0 are equal. */
static bool check_twice(reader *r, const char *what, const node *from, ist_axis *axis)
{
    value_index index = index_make(r->scratch, axis->values, axis->count);
    bool good = true;
    for (size_t i = 1; i < axis->count; i++) {
        if (value_compare(index.items[i - 1].value, index.items[i].value) != 0)
            continue;
        size_t at = index.items[i].position;
        ist_place place = from->kind == NODE_LIST ? from->items[at]->place : from->place;
        const char *text = axis->values[at].text, *before = index.items[i - 1].value->text;
        if (strcmp(text, before) == 0) {
            ist_faults_add(r->faults, place, MSG_TWICE, text, what);
        } else {
            ist_faults_add(r->faults, place, MSG_SAME, before, text, what);
        }
        good = false;
    }
    return good;
}

/* ---- {from, to, step} ------------------------------------------------------------------------ */

typedef struct {
    const node *from, *to, *step;
} range;

static void keep_from(reader *r, const char *key, const node *value, void *into)
{
    (void)r, (void)key;
    ((range *)into)->from = value;
}

static void keep_to(reader *r, const char *key, const node *value, void *into)
{
    (void)r, (void)key;
    ((range *)into)->to = value;
}

static void keep_step(reader *r, const char *key, const node *value, void *into)
{
    (void)r, (void)key;
    ((range *)into)->step = value;
}

static const key_spec range_keys[] = {
    {"from", keep_from, true}, {"to", keep_to, true}, {"step", keep_step, false}};

/* Digits behind the point of a decimal number as written; 1e-3 has three. */
static int decimals(const char *text)
{
    const char *point = strchr(text, '.'), *exponent = strpbrk(text, "eE");
    int64_t shift = 0;
    if (exponent)
        ist_parse_integer(exponent + 1, &shift);
    size_t behind = point ? strspn(point + 1, "0123456789") : 0;
    int64_t count = (int64_t)behind - shift;
    return count < 0 ? 0 : count > 17 ? 17 : (int)count;
}

/* value rounded to so many decimals: 3 steps of 0.1 are 0.3, not 0.30000000000000004. */
static double rounded(double value, int places)
{
    double scale = pow(10, places);
    if (fabs(value) * scale >= 0x1p52)
        return value;
    return round(value * scale) / scale + 0.0; /* + 0.0: no -0 */
}

static ist_value number_value(reader *r, double number)
{
    char buffer[IST_REAL_TEXT];
    return value_of(pool_copy(r->memory, ist_format_short(number, buffer)));
}

static bool read_range(reader *r, const char *what, const node *map, ist_axis *axis)
{
    range parts = {0};
    double from = 0, to = 0, step = 1;
    if (!walk_map(r, map, what, range_keys, 3, &parts) || !parts.from || !parts.to)
        return false;
    bool good = want_real(r, "'from'", parts.from, &from);
    good = want_real(r, "'to'", parts.to, &to) && good;
    if (parts.step)
        good = want_real(r, "'step'", parts.step, &step) && good;
    if (!good)
        return false;
    double steps = (to - from) / step;
    if (step == 0 || !(steps > -1e-9)) {
        ist_faults_add(r->faults, map->place, MSG_RANGE, parts.from->text, parts.to->text,
                       parts.step ? parts.step->text : "1");
        return false;
    }
    double values = floor(steps + 1e-9) + 1;
    if (values > IST_MAX_CELLS) {
        ist_faults_add(r->faults, map->place, MSG_AXIS_LONG, what, values, IST_MAX_CELLS);
        return false;
    }
    int places = decimals(parts.from->text);
    int step_places = parts.step ? decimals(parts.step->text) : 0;
    if (step_places > places)
        places = step_places;
    axis->count = (size_t)values;
    axis->values = pool_alloc(r->memory, axis->count, sizeof *axis->values);
    for (size_t i = 0; i < axis->count; i++) {
        axis->values[i] = number_value(r, rounded(from + (double)i * step, places));
    }
    return true;
}

/* ---- {log: [first, last, count]} ------------------------------------------------------------- */

/* Whole numbers stay whole (4, 8, ..., 512); others keep six digits, as file names do. */
static ist_value log_value(reader *r, double number)
{
    double whole = round(number);
    if (whole != 0 && fabs(number - whole) < 1e-9 * fabs(whole))
        return number_value(r, whole);
    double shift = 5 - floor(log10(number)); /* a power of ten is exact only above 1 */
    double scale = pow(10, fabs(shift));
    double kept = shift < 0 ? round(number / scale) * scale : round(number * scale) / scale;
    return number_value(r, kept);
}

static void read_log(reader *r, const char *key, const node *value, void *into)
{
    (void)key;
    ist_axis *axis = into;
    double first = 0, last = 0;
    int64_t count = 0;
    if (value->kind != NODE_LIST || value->count != 3) {
        if (!value->broken) {
            ist_faults_add(r->faults, value->place, MSG_KIND, "'log'", "[first, last, count]",
                           describe_list(r, value));
        }
        return;
    }
    bool good = want_real(r, "'first'", value->items[0], &first);
    good = want_real(r, "'last'", value->items[1], &last) && good;
    good = want_integer(r, "'count'", value->items[2], 2, IST_MAX_CELLS, &count) && good;
    if (good && (first <= 0 || last <= 0)) {
        ist_faults_add(r->faults, value->place, MSG_LOG_POSITIVE);
        good = false;
    }
    if (!good)
        return;
    axis->count = (size_t)count;
    axis->values = pool_alloc(r->memory, axis->count, sizeof *axis->values);
    for (size_t i = 0; i < axis->count; i++) {
        double share = (double)i / (double)(count - 1);
        bool end = i == 0 || i + 1 == axis->count;
        double number = first * pow(last / first, share);
        axis->values[i] = end ? number_value(r, i ? last : first) : log_value(r, number);
    }
}

static const key_spec log_keys[] = {{"log", read_log, true}};

bool read_axis_values(reader *r, const node *value, ist_axis *axis)
{
    const char *what = pool_format(r->scratch, "axis '%s'", axis->name);
    bool good = false;
    if (value->broken)
        return false;
    if (value->kind == NODE_LIST && value->count > 0) {
        good = read_listed(r, what, value, axis);
    } else if (value->kind == NODE_MAP && map_get(value, "log")) {
        good = walk_map(r, value, what, log_keys, 1, axis) && axis->count > 0;
    } else if (value->kind == NODE_MAP && value->count > 0) {
        good = read_range(r, what, value, axis);
    } else {
        ist_faults_add(r->faults, value->place, MSG_KIND, what, AXIS_FORMS, describe(r, value));
    }
    good = good && check_twice(r, what, value, axis);
    if (!good)
        axis->count = 0;
    return good;
}
