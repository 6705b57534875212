/* The list of faults: kept in the order of their places, printed with their source lines. */
#include "room.h"

#include <string.h>

/* Appends text as a terminal may see it: control characters written out (names come from files). */
static void add_visible(ist_text *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f) {
            ist_text_add(out, "\\x%02x", c);
        } else {
            ist_text_add_bytes(out, text + i, 1);
        }
    }
}

static bool is_after(ist_place a, ist_place b)
{
    return a.line != b.line ? a.line > b.line : a.column > b.column;
}

/* Makes room at the fault's position; the last of a full list gives way. SIZE_MAX: no room. */
static size_t insert_at(ist_faults *faults, ist_place place)
{
    size_t at = faults->count;
    while (at > 0 && is_after(faults->place[at - 1], place))
        at--;
    if (faults->count == IST_MAX_FAULTS) {
        faults->dropped++;
        if (at == IST_MAX_FAULTS)
            return SIZE_MAX;
        ist_text_release(&faults->text[--faults->count]);
    }
    for (size_t i = faults->count; i > at; i--) {
        faults->text[i] = faults->text[i - 1];
        faults->place[i] = faults->place[i - 1];
    }
    faults->count++;
    faults->place[at] = place;
    faults->text[at] = (ist_text){0};
    return at;
}

void ist_faults_add(ist_faults *faults, ist_place place, const char *format, ...)
{
    size_t at = insert_at(faults, place);
    if (at == SIZE_MAX)
        return;
    ist_text message = {0};
    va_list arguments;
    va_start(arguments, format);
    ist_text_add_v(&message, format, arguments);
    va_end(arguments);
    add_visible(&faults->text[at], message.data, message.length);
    ist_text_release(&message);
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Bytes of the first `characters` characters of a text of `length` bytes. */
static size_t bytes_of(const char *text, size_t length, size_t characters)
{
    size_t at = 0;
    for (; at < length && characters > 0; characters--) {
        do
            at++;
        while (at < length && continues(text[at]));
    }
    return at;
}

/* Start of a line, NULL behind the last one; libyaml counts CR, LF and CRLF as one break. */
static const char *find_line(const char *text, int line)
{
    for (int i = 1; i < line; i++) {
        text += strcspn(text, "\r\n");
        if (*text == '\0')
            return NULL;
        text += text[0] == '\r' && text[1] == '\n' ? 2 : 1;
    }
    return text;
}

const char *text_at(const char *text, ist_place place)
{
    const char *line = find_line(text, place.line);
    if (!line)
        return NULL;
    if (place.line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
        line += 3;
    return line + bytes_of(line, strcspn(line, "\r\n"), (size_t)place.column - 1);
}

/* Bytes of a well-formed character that a terminal may see; 0: print something else. */
static size_t printable(const char *text, size_t length)
{
    unsigned char c = (unsigned char)text[0];
    size_t bytes = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (c < 0x20 || c == 0x7f || bytes > length)
        return 0;
    for (size_t i = 1; i < bytes; i++) {
        if (!continues(text[i]))
            return 0;
    }
    return c == 0xc2 && (unsigned char)text[1] < 0xa0 ? 0 : bytes;
}

static void add_printable(ist_text *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t bytes = printable(text + i, length - i);
        if (bytes) {
            ist_text_add_bytes(out, text + i, bytes);
        } else {
            ist_text_add(out, "%s", text[i] == '\t' ? " " : "?");
        }
        i += bytes ? bytes : 1;
    }
}

enum { BEFORE_CARET = 60, LINE_SHOWN = 100 };

/* The line and a caret below the column; of a long line, the part around it. */
static void print_source(ist_text *out, const char *text, ist_place place)
{
    const char *line = text_at(text, (ist_place){place.line, 1});
    if (!line)
        return;
    size_t length = strcspn(line, "\r\n"), column = (size_t)place.column;
    size_t skipped = column > BEFORE_CARET + 20 ? column - BEFORE_CARET : 0;
    size_t start = bytes_of(line, length, skipped);
    size_t end = start + bytes_of(line + start, length - start, LINE_SHOWN);
    ist_text_add(out, "%5d | %s", place.line, start ? "..." : "");
    add_printable(out, line + start, end - start);
    ist_text_add(out, "%s\n      | %s%*s\n", end < length ? "..." : "", start ? "   " : "",
                 (int)(column - skipped), "^");
}

static void add_setting(ist_text *out, const char *text)
{
    size_t length = strlen(text), end = bytes_of(text, length, LINE_SHOWN);
    ist_text_add(out, "--set ");
    add_printable(out, text, end);
    ist_text_add(out, "%s:", end < length ? "..." : "");
}

void ist_faults_print(const ist_faults *faults, const char *manifest_text, ist_text *out)
{
    const char *source = manifest_text ? manifest_text : faults->source;
    for (size_t i = 0; i < faults->count; i++) {
        ist_place place = faults->place[i];
        if (place.line < 0)
            add_setting(out, faults->set[(int)faults->set_count + place.line]);
        else
            ist_text_add(out, "%s:", faults->file ? faults->file : "manifest");
        if (place.line > 0)
            ist_text_add(out, "%d:%d:", place.line, place.column);
        ist_text_add(out, " error: %s\n", faults->text[i].data);
        if (source && place.line > 0)
            print_source(out, source, place);
    }
    if (faults->dropped > 0)
        ist_text_add(out, "%zu more faults\n", faults->dropped);
}

void ist_faults_release(ist_faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        ist_text_release(&faults->text[i]);
    for (size_t i = 0; i < faults->set_count; i++)
        ist_free(faults->set[i]);
    ist_free(faults->set);
    ist_free(faults->file);
    ist_free(faults->source);
    *faults = (ist_faults){0};
}
