#include "json.h"

#include <math.h>
#include <string.h>

enum { DEEPEST = 8 };

/* ---- form ------------------------------------------------------------------------------------ */

/* Each skip_* returns the byte behind what starts at `at`, or NULL if that is malformed. */
static const char *skip_value(const char *at, const char *end, int depth);

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static const char *skip_escape(const char *at, const char *end)
{
    if (at == end)
        return NULL;
    if (*at != 'u')
        return memchr("\"\\/bfnrt", *at, 8) ? at + 1 : NULL;
    for (int i = 1; i <= 4; i++) {
        if (end - at <= i || !is_hex(at[i]))
            return NULL;
    }
    return at + 5;
}

static const char *skip_string(const char *at, const char *end)
{
    if (at == end || *at != '"')
        return NULL;
    at++;
    while (at < end && *at != '"') {
        if ((unsigned char)*at < 0x20)
            return NULL;
        at = *at == '\\' ? skip_escape(at + 1, end) : at + 1;
        if (!at)
            return NULL;
    }
    return at < end ? at + 1 : NULL;
}

static const char *skip_integer(const char *at, const char *end)
{
    const char *start = at;
    if (at < end && *at == '-')
        at++;
    const char *digits = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at == digits || at - start > 20 ? NULL : at;
}

static const char *skip_word(const char *at, const char *end, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(end - at) >= length && memcmp(at, word, length) == 0 ? at + length : NULL;
}

/* The items of an object or array behind its opening bracket. */
static const char *skip_items(const char *at, const char *end, bool object, int depth)
{
    char close = object ? '}' : ']';
    if (depth == DEEPEST)
        return NULL;
    if (at < end && *at == close)
        return at + 1;
    for (;;) {
        if (object) {
            at = skip_string(at, end);
            if (!at || at == end || *at != ':')
                return NULL;
            at++;
        }
        at = skip_value(at, end, depth + 1);
        if (!at || at == end)
            return NULL;
        if (*at == close)
            return at + 1;
        if (*at != ',')
            return NULL;
        at++;
    }
}

static const char *skip_value(const char *at, const char *end, int depth)
{
    if (at == end)
        return NULL;
    switch (*at) {
    case '"': return skip_string(at, end);
    case '{': return skip_items(at + 1, end, true, depth);
    case '[': return skip_items(at + 1, end, false, depth);
    case 'n': return skip_word(at, end, "null");
    default: return skip_integer(at, end);
    }
}

/* ---- structure ------------------------------------------------------------------------------- */

bool ist_json_open(ist_json text, ist_json_object *out)
{
    out->count = 0;
    if (!text.start || text.start == text.end || *text.start != '{' ||
        skip_value(text.start, text.end, 0) != text.end)
        return false;
    const char *at = text.start + 1;
    while (*at != '}') {
        if (out->count == IST_JSON_MEMBERS)
            return false;
        ist_json *name = &out->names[out->count], *value = &out->values[out->count];
        *name = (ist_json){at, skip_string(at, text.end)};
        const char *start = name->end ? name->end + 1 : text.end;
        *value = (ist_json){start, skip_value(start, text.end, 1)};
        if (!value->end)
            return false; /* cannot be: all of it was well-formed */
        at = *value->end == ',' ? value->end + 1 : value->end;
        out->count++;
    }
    return true;
}

ist_json ist_json_member(const ist_json_object *object, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < object->count; i++) {
        const ist_json *one = &object->names[i];
        if ((size_t)(one->end - one->start) == length + 2 &&
            memcmp(one->start + 1, name, length) == 0)
            return object->values[i];
    }
    return (ist_json){NULL, NULL};
}

bool ist_json_is_array(ist_json value)
{
    return value.start && *value.start == '[';
}

bool ist_json_next(ist_json array, ist_json *cursor)
{
    if (!ist_json_is_array(array))
        return false;
    const char *at = cursor->end ? cursor->end : array.start;
    if (*at == ']' || (at == array.start && at[1] == ']'))
        return false;
    cursor->start = at + 1; /* behind '[' or ',' */
    cursor->end = skip_value(cursor->start, array.end, 0);
    return cursor->end != NULL;
}

/* ---- values ---------------------------------------------------------------------------------- */

static unsigned hex_value(const char *at)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        value = value * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static void add_utf8(ist_text *out, unsigned code)
{
    char bytes[3];
    size_t count = 0;
    if (code < 0x80) {
        bytes[count++] = (char)code;
    } else if (code < 0x800) {
        bytes[count++] = (char)(0xc0 | code >> 6);
        bytes[count++] = (char)(0x80 | (code & 0x3f));
    } else {
        bytes[count++] = (char)(0xe0 | code >> 12);
        bytes[count++] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[count++] = (char)(0x80 | (code & 0x3f));
    }
    ist_text_add_bytes(out, bytes, count);
}

/* Text that cannot be ours: a NUL, or half of a surrogate pair (our writer needs none). */
static bool is_foreign(unsigned code)
{
    return code == 0 || (code >= 0xd800 && code < 0xe000);
}

bool ist_json_text(ist_json value, char **out)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (!value.start || *value.start != '"')
        return false;
    ist_text text = {0};
    ist_text_add_bytes(&text, "", 0);
    const char *end = value.end - 1;
    for (const char *at = value.start + 1; at < end;) {
        if (*at != '\\') {
            ist_text_add_bytes(&text, at++, 1);
        } else if (at[1] != 'u') {
            ist_text_add_bytes(&text, &meanings[strchr(letters, at[1]) - letters], 1);
            at += 2;
        } else if (is_foreign(hex_value(at + 2))) {
            ist_text_release(&text);
            return false;
        } else {
            add_utf8(&text, hex_value(at + 2));
            at += 6;
        }
    }
    *out = text.data;
    return true;
}

bool ist_json_equals(ist_json value, const char *text)
{
    size_t length = strlen(text);
    return value.start && *value.start == '"' && (size_t)(value.end - value.start) == length + 2 &&
           memcmp(value.start + 1, text, length) == 0;
}

/* The bytes of a short value as a string; false if it is too long for one. */
static bool copy_short(const char *start, const char *end, char out[IST_HASH_TEXT])
{
    size_t length = (size_t)(end - start);
    if (length >= IST_HASH_TEXT)
        return false;
    memcpy(out, start, length);
    out[length] = '\0';
    return true;
}

bool ist_json_integer(ist_json value, int64_t *out)
{
    char text[IST_HASH_TEXT];
    return value.start && *value.start != '"' && copy_short(value.start, value.end, text) &&
           ist_parse_integer(text, out);
}

bool ist_json_real(ist_json value, double *out)
{
    char text[IST_HASH_TEXT];
    if (!value.start)
        return false;
    if (*value.start == 'n') {
        *out = (double)NAN;
        return true;
    }
    if (ist_json_equals(value, "inf") || ist_json_equals(value, "-inf")) {
        *out = value.start[1] == '-' ? -(double)INFINITY : (double)INFINITY;
        return true;
    }
    return *value.start == '"' && copy_short(value.start + 1, value.end - 1, text) &&
           ist_parse_real(text, out);
}

bool ist_json_hash(ist_json value, ist_hash *out)
{
    char text[IST_HASH_TEXT];
    return value.start && *value.start == '"' && copy_short(value.start + 1, value.end - 1, text) &&
           ist_hash_parse(text, out);
}

void ist_json_add_real(ist_text *out, double value)
{
    char text[IST_REAL_TEXT];
    if (isnan(value)) {
        ist_text_add(out, "null");
    } else {
        ist_text_add(out, "\"%s\"", ist_format_real(value, text));
    }
}
