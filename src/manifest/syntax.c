/* What libyaml says about text that is not YAML, in plain words and at its place. */
#include "room.h"

#include <string.h>
#include <yaml.h>

/* What the place where the list, map or quotes began is good for. */
typedef enum { UNUSED, ADDED, INSTEAD } opening;

/* libyaml's words -> ours. */
static const struct {
    const char *problem, *message;
    opening opened;
} translations[] = {
    {"mapping values are not allowed in this context", MSG_COLON, UNUSED},
    {"did not find expected key", MSG_NO_KEY, ADDED},
    {"did not find expected ',' or ']'", MSG_LIST_OPEN, ADDED},
    {"did not find expected ',' or '}'", MSG_MAP_OPEN, ADDED},
    {"did not find expected '-' indicator", MSG_NO_DASH, ADDED},
    {"block sequence entries are not allowed in this context", MSG_DASH, UNUSED},
    {"found unexpected end of stream", MSG_QUOTE_OPEN, INSTEAD},
    {"could not find expected ':'", MSG_NO_COLON, ADDED},
    {"found unknown escape character", MSG_ESCAPE, UNUSED},
    {"did not find expected <document start>", MSG_AFTER_END, UNUSED},
};

/* Line and column of a byte; CR, LF and CRLF end a line. */
static ist_place place_of_byte(const char *text, size_t byte)
{
    ist_place place = {1, 1};
    for (size_t i = 0; i < byte; i++) {
        bool pair = text[i] == '\r' && i + 1 < byte && text[i + 1] == '\n';
        if (pair)
            continue;
        if (text[i] == '\n' || text[i] == '\r') {
            place = (ist_place){place.line + 1, 1};
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

/* The reader's faults come without a mark: only the offset of the byte is known. */
static void reader_fault(const yaml_parser_t *parser, const char *text, size_t length,
                         ist_faults *faults)
{
    size_t mark = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    size_t byte = parser->problem_offset + mark;
    if (strcmp(parser->problem, "invalid trailing UTF-8 octet") == 0) { /* the first is meant */
        do
            byte--;
        while (byte > mark && (unsigned char)text[byte] < 0xc0);
    }
    ist_place place = place_of_byte(text + mark, byte < length ? byte - mark : length - mark);
    unsigned value = (unsigned)parser->problem_value;
    if (strcmp(parser->problem, "control characters are not allowed") == 0) {
        ist_faults_add(faults, place, MSG_CONTROL, value);
    } else {
        ist_faults_add(faults, place, MSG_UTF8, byte < length ? (unsigned char)text[byte] : value);
    }
}

/* A character that begins nothing in YAML: mostly a tab that indents, or @ and `. */
static void character_fault(ist_place place, const char *text, ist_faults *faults)
{
    const char *at = text_at(text, place);
    if (at && *at == '\t') {
        ist_faults_add(faults, place, MSG_TAB);
    } else {
        ist_faults_add(faults, place, MSG_START, at ? *at : '?');
    }
}

/* A map or list with text right behind it was meant as text: file: {width}/x.h5 */
static bool is_behind_brace(const char *problem, const char *text, ist_place place)
{
    const char *at = text_at(text, place);
    bool unexpected = strncmp(problem, "did not find expected", 21) == 0;
    return unexpected && at && place.column > 1 && (at[-1] == '}' || at[-1] == ']');
}

static void translated_fault(const yaml_parser_t *parser, ist_place place, ist_faults *faults)
{
    ist_place opened = {(int)parser->context_mark.line + 1, (int)parser->context_mark.column + 1};
    for (size_t i = 0; i < sizeof translations / sizeof translations[0]; i++) {
        if (strcmp(parser->problem, translations[i].problem) != 0)
            continue;
        ist_text message = {0};
        ist_text_add(&message, "%s", translations[i].message);
        if (translations[i].opened == ADDED)
            ist_text_add(&message, MSG_OPENED, opened.line, opened.column);
        if (translations[i].opened == INSTEAD)
            place = opened;
        ist_faults_add(faults, place, "%s", message.data);
        ist_text_release(&message);
        return;
    }
    ist_faults_add(faults, place, MSG_YAML, parser->problem);
}

void syntax_fault(const void *yaml_parser, const char *text, size_t length, ist_faults *faults)
{
    const yaml_parser_t *parser = yaml_parser;
    ist_place place = {(int)parser->problem_mark.line + 1, (int)parser->problem_mark.column + 1};
    if (!parser->problem) {
        ist_faults_add(faults, place, MSG_YAML, "no memory");
    } else if (parser->error == YAML_READER_ERROR) {
        reader_fault(parser, text, length, faults);
    } else if (strcmp(parser->problem, "found character that cannot start any token") == 0) {
        character_fault(place, text, faults);
    } else if (is_behind_brace(parser->problem, text, place)) {
        ist_faults_add(faults, place, MSG_BRACES);
    } else {
        translated_fault(parser, place, faults);
    }
}
