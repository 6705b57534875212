/* Templates: text with {axis} parts, checked once and expanded for every cell. */
#include "room.h"

#include <locale.h>
#include <string.h>

/* ---- parts ----------------------------------------------------------------------------------- */

/* [0][width][d] for integers, [0][width].precision f for numbers, as printf has them. */
static bool parse_format(const char *text, const char *end, piece *part)
{
    size_t length = (size_t)(end - text);
    if (length == strlen("position") && strncmp(text, "position", length) == 0) {
        part->format = AS_POSITION;
        return true;
    }
    if (length == 0 || length > 8)
        return false;
    part->format = AS_INTEGER;
    part->zeros = *text == '0';
    for (; *text >= '0' && *text <= '9'; text++)
        part->width = part->width * 10 + (*text - '0');
    if (*text == '.') {
        part->format = AS_FIXED;
        if (text[1] < '0' || text[1] > '9')
            return false;
        for (text++; *text >= '0' && *text <= '9'; text++) {
            part->precision = part->precision * 10 + (*text - '0');
        }
    }
    if (part->format == AS_FIXED ? *text != 'f' : *text != 'd' && text != end)
        return false;
    return text + (text != end) == end && part->width <= 20 && part->precision <= 17;
}

static void parse_axis(const ist_job *job, const char *end, piece *part)
{
    const char *name = part->text + 1;
    const char *colon = memchr(name, ':', (size_t)(end - name));
    part->name_length = (size_t)((colon ? colon : end) - name);
    part->kind = PIECE_UNKNOWN;
    for (size_t a = 0; a < job->axis_count; a++) {
        const char *axis = job->axes[a].name;
        if (strlen(axis) != part->name_length || strncmp(axis, name, part->name_length) != 0)
            continue;
        part->axis = a;
        part->kind = PIECE_AXIS;
        if (colon && !parse_format(colon + 1, end, part))
            part->kind = PIECE_FORMAT;
    }
}

piece next_piece(const ist_job *job, const char **cursor)
{
    const char *text = *cursor;
    piece part = {.kind = PIECE_TEXT, .text = text};
    if (*text == '\0') {
        part.kind = PIECE_END;
    } else if (*text == '{' && strchr(text, '}')) {
        const char *end = strchr(text, '}');
        part.length = (size_t)(end - text) + 1;
        parse_axis(job, end, &part);
    } else if (*text == '{' || *text == '}') {
        part.kind = PIECE_OPEN;
        part.length = 1;
    } else {
        part.length = strcspn(text, "{}");
    }
    *cursor += part.length;
    return part;
}

/* ---- expanding ------------------------------------------------------------------------------- */

static void add_fixed(ist_text *out, const piece *part, double number)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0), before = uselocale(c);
    ist_text_add(out, part->zeros ? "%0*.*f" : "%*.*f", part->width, part->precision, number);
    uselocale(before);
    freelocale(c);
}

static void add_value(ist_text *out, const piece *part, const ist_value *value, size_t position)
{
    int64_t integer = 0;
    if (part->format == AS_POSITION) {
        ist_text_add(out, "%zu", position);
    } else if (part->format == AS_FIXED) {
        add_fixed(out, part, value->number);
    } else if (part->format == AS_INTEGER && ist_parse_integer(value->text, &integer)) {
        ist_text_add(out, part->zeros ? "%0*lld" : "%*lld", part->width, (long long)integer);
    } else {
        ist_text_add(out, "%s", value->text);
    }
}

void ist_job_expand(const ist_job *job, const char *text, const size_t *positions, ist_text *out)
{
    for (piece part = next_piece(job, &text); part.kind != PIECE_END;
         part = next_piece(job, &text)) {
        if (part.kind == PIECE_AXIS) {
            size_t at = positions[part.axis];
            add_value(out, &part, &job->axes[part.axis].values[at], at);
        } else {
            ist_text_add_bytes(out, part.text, part.length);
        }
    }
}

/* ---- checking -------------------------------------------------------------------------------- */

/* Does the format suit every value of the axis? */
static bool check_values(reader *r, const piece *part, const char *written, ist_place place)
{
    const ist_axis *axis = &r->job->axes[part->axis];
    int64_t integer = 0;
    for (size_t i = 0; i < axis->count; i++) {
        const ist_value *value = &axis->values[i];
        bool good =
            part->format == AS_FIXED ? value->is_number : ist_parse_integer(value->text, &integer);
        if (good)
            continue;
        ist_faults_add(r->faults, place, MSG_FORMAT_TYPE, written,
                       part->format == AS_FIXED ? "numbers" : "integers", axis->name,
                       shown(r, value->text));
        return false;
    }
    return true;
}

/* Two values written alike would send two cells to the same data. */
static bool check_alike(reader *r, const piece *part, const char *written, ist_place place)
{
    const ist_axis *axis = &r->job->axes[part->axis];
    ist_value *texts = pool_alloc(r->scratch, axis->count, sizeof *texts);
    for (size_t i = 0; i < axis->count; i++) {
        ist_text text = {0};
        add_value(&text, part, &axis->values[i], i);
        texts[i].text = pool_take(r->scratch, &text);
    }
    value_index index = index_make(r->scratch, texts, axis->count);
    for (size_t i = 1; i < axis->count; i++) {
        if (value_compare(index.items[i - 1].value, index.items[i].value) != 0)
            continue;
        ist_faults_add(r->faults, place, MSG_FORMAT_ALIKE, written,
                       axis->values[index.items[i - 1].position].text,
                       axis->values[index.items[i].position].text, index.items[i].value->text);
        return false;
    }
    return true;
}

static bool check_piece(reader *r, const piece *part, ist_place place)
{
    const char *written = pool_format(r->scratch, "%.*s", (int)part->length, part->text);
    const char *name = pool_format(r->scratch, "%.*s", (int)part->name_length, written + 1);
    switch (part->kind) {
    case PIECE_OPEN: ist_faults_add(r->faults, place, MSG_BRACE, written); return false;
    case PIECE_FORMAT:
        ist_faults_add(r->faults, place, MSG_FORMAT, shown(r, written));
        return false;
    case PIECE_UNKNOWN: {
        node key = {.place = place, .text = name};
        find_axis(r, &key, pool_format(r->scratch, "'%s'", shown(r, written)));
        return false;
    }
    case PIECE_AXIS:
        if (part->format == AS_WRITTEN || part->format == AS_POSITION)
            return true;
        return check_values(r, part, written, place) && check_alike(r, part, written, place);
    default: return true;
    }
}

bool check_template(reader *r, const node *scalar)
{
    const char *cursor = scalar->text;
    bool good = true;
    for (;;) {
        piece part = next_piece(r->job, &cursor);
        if (part.kind == PIECE_END)
            return good;
        good =
            check_piece(r, &part, place_inside(scalar, (size_t)(part.text - scalar->text))) && good;
    }
}
