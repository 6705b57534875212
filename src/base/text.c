/* Text: the growing string, JSON strings, order and likeness of names. */
#include "infostrata/base.h"

#include <string.h>

/* ---- the growing string ---------------------------------------------------------------------- */

/* Room for `more` bytes and the NUL behind them. */
static void reserve(ist_text *text, size_t more)
{
    size_t needed = text->length + more + 1;
    if (needed <= text->capacity)
        return;
    size_t capacity = text->capacity < 64 ? 64 : text->capacity;
    while (capacity < needed)
        capacity *= 2;
    text->data = ist_grow(text->data, text->capacity, capacity, 1);
    text->capacity = capacity;
}

void ist_text_add_bytes(ist_text *text, const char *bytes, size_t count)
{
    reserve(text, count);
    if (count)
        memcpy(text->data + text->length, bytes, count);
    text->length += count;
    text->data[text->length] = '\0';
}

void ist_text_add_v(ist_text *text, const char *format, va_list arguments) IST_PRINTF(2, 0);

void ist_text_add_v(ist_text *text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int count = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (count < 0)
        return; /* only an invalid wide character can do that, and we print none */
    reserve(text, (size_t)count);
    vsnprintf(text->data + text->length, (size_t)count + 1, format, arguments);
    text->length += (size_t)count;
}

void ist_text_add(ist_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    ist_text_add_v(text, format, arguments);
    va_end(arguments);
}

void ist_text_add_duration(ist_text *text, int64_t seconds)
{
    enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };
    double exact = (double)seconds;
    if (seconds < 0)
        ist_text_add(text, "?");
    else if (seconds < 2 * MINUTE)
        ist_text_add(text, "%lld s", (long long)seconds);
    else if (seconds < 2 * HOUR)
        ist_text_add(text, "%.0f min", exact / MINUTE);
    else if (seconds < 2 * DAY)
        ist_text_add(text, "%.1f h", exact / HOUR);
    else
        ist_text_add(text, "%.1f days", exact / DAY);
}

void ist_text_release(ist_text *text)
{
    ist_free(text->data);
    *text = (ist_text){0};
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* Bytes of the UTF-8 character at `text`, 0 if it is none (also overlong forms, surrogates). */
static size_t utf8_length(const unsigned char *text)
{
    static const struct {
        unsigned char low, high, second_low, second_high;
        size_t length;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
        if (text[0] < forms[f].low || text[0] > forms[f].high)
            continue;
        if (forms[f].length == 1)
            return 1;
        if (text[1] < forms[f].second_low || text[1] > forms[f].second_high)
            return 0;
        for (size_t b = 2; b < forms[f].length; b++) {
            if (text[b] < 0x80 || text[b] > 0xbf)
                return 0;
        }
        return forms[f].length;
    }
    return 0;
}

static void add_json_ascii(ist_text *text, unsigned char c)
{
    static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *hit = strchr(escaped, c);
    if (hit) {
        ist_text_add(text, "\\%c", letters[hit - escaped]);
    } else if (c < 0x20 || c == 0x7f) {
        ist_text_add(text, "\\u%04x", c);
    } else {
        ist_text_add_bytes(text, (const char *)&c, 1);
    }
}

void ist_text_add_json(ist_text *text, const char *value)
{
    ist_text_add_bytes(text, "\"", 1);
    const unsigned char *at = (const unsigned char *)value;
    while (*at) {
        size_t length = utf8_length(at);
        if (length == 1) {
            add_json_ascii(text, *at);
        } else if (length == 0) { /* not UTF-8: a JSON text must be, so the byte cannot stay */
            ist_text_add(text, "\\ufffd");
        } else {
            ist_text_add_bytes(text, (const char *)at, length);
        }
        at += length ? length : 1;
    }
    ist_text_add_bytes(text, "\"", 1);
}

/* ---- order and likeness of names ------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Compares the digit runs at *a and *b as numbers of any length and steps behind both. */
static int compare_runs(const char **a, const char **b)
{
    while (**a == '0')
        ++*a;
    while (**b == '0')
        ++*b;
    size_t length_a = strspn(*a, "0123456789"), length_b = strspn(*b, "0123456789");
    int order = length_a != length_b ? (length_a < length_b ? -1 : 1) : memcmp(*a, *b, length_a);
    *a += length_a;
    *b += length_b;
    return order;
}

int ist_compare_natural(const char *a, const char *b)
{
    const char *x = a, *y = b;
    while (*x && *y) {
        if (is_digit(*x) && is_digit(*y)) {
            int order = compare_runs(&x, &y);
            if (order)
                return order < 0 ? -1 : 1;
        } else if (*x != *y) {
            return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
        } else {
            x++;
            y++;
        }
    }
    if (*x || *y)
        return *x ? 1 : -1;
    int order = strcmp(a, b); /* fc01 and fc1 are two names */
    return (order > 0) - (order < 0);
}

enum { LONGEST_WORD = 128 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of neighbours) from a to b, ignoring case. */
static size_t edits(const char *a, size_t length_a, const char *b, size_t length_b)
{
    size_t rows[3][LONGEST_WORD + 1]; /* the row before the last is needed for swaps */
    for (size_t j = 0; j <= length_b; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= length_a; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= length_b; j++) {
            char x = lower(a[i - 1]), y = lower(b[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2])) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
    }
    return rows[length_a % 3][length_b];
}

const char *ist_nearest_word(const char *word, const char *const *candidates, size_t count)
{
    size_t length = strlen(word);
    if (length == 0 || length > LONGEST_WORD)
        return NULL;
    size_t best = (length / 3 > 2 ? length / 3 : 2) + 1; /* the first that is too far */
    if (best > length)
        best = length;
    const char *nearest = NULL;
    for (size_t c = 0; c < count; c++) {
        size_t other = strlen(candidates[c]);
        if (other > LONGEST_WORD || other + best <= length || length + best <= other)
            continue;
        size_t distance = edits(word, length, candidates[c], other);
        if (distance < best) {
            best = distance;
            nearest = candidates[c];
        }
    }
    return nearest;
}
