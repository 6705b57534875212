/* Every message has a manifest that produces it, in tests/manifests/bad, with what is printed for it.
 * After a change of words: IST_UPDATE_EXPECTED=1 unit_tests --filter 'manifest_messages/golden',
 * and read the difference. */
#include "test_manifest_support.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *id, *format;
    bool part; /* of other messages */
} message;

#define IST_MESSAGE(id, text) {#id, text, false},
#define IST_PART(id, text) {#id, text, true},
static const message messages[] = {
#include "../../src/manifest/messages.def"
};
#undef IST_PART
#undef IST_MESSAGE
enum { MESSAGES = sizeof messages / sizeof messages[0] };

/* Behind the conversion at `format`. */
static const char *skip_conversion(const char *format)
{
    format++;
    return format + strspn(format, "0123456789.lz") + 1;
}

/* Does the text begin with what the format can have written? Conversions stand for anything. */
static bool begins_like(const char *text, const char *format)
{
    for (; *format; text++, format++) {
        if (format[0] == '%' && format[1] != '%') {
            const char *rest = skip_conversion(format);
            while (*text && *text != '\n' && !begins_like(text, rest))
                text++;
            return begins_like(text, rest);
        }
        format += format[0] == '%';
        if (*text != *format)
            return false;
    }
    return true;
}

static bool is_printed(const message *wanted, const char *printed)
{
    const char *lead = " error: ";
    for (const char *at = strstr(printed, lead); at; at = strstr(at + 1, lead)) {
        const char *line = at + strlen(lead), *end = strchr(line, '\n');
        if (begins_like(line, wanted->format))
            return true;
        for (; wanted->part && line < end; line++) {
            if (begins_like(line, wanted->format))
                return true;
        }
    }
    return false;
}

/* The name of the file for a message: KEY_TWICE is in key-twice.yaml. */
static void file_name(const char *id, char *name)
{
    for (; *id; id++)
        *name++ = *id == '_' ? '-' : (char)tolower((unsigned char)*id);
    *name = '\0';
}

static ist_text produced(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s.yaml", name);
    ist_text text = manifest_text("bad", name, ".yaml");
    ist_text shown = faults_of(text.data, text.length, path);
    ist_text_release(&text);
    return shown;
}

Test(manifest_messages, golden)
{
    name_list list = manifest_names("bad", ".yaml");
    for (size_t i = 0; i < list.count; i++) {
        ist_text shown = produced(list.names[i]);
        if (getenv("IST_UPDATE_EXPECTED")) {
            char path[4096];
            ist_error error = {0};
            snprintf(path, sizeof path, "%s/tests/manifests/bad/%s.expected", IST_SOURCE_DIR,
                     list.names[i]);
            cr_assert(ist_write_file(path, shown.data, shown.length, &error) == IST_OK, "%s",
                      error.text);
        }
        ist_text expected = manifest_text("bad", list.names[i], ".expected");
        cr_expect_str_eq(shown.data, expected.data ? expected.data : "(no file)", "%s.yaml",
                         list.names[i]);
        ist_text_release(&expected);
        ist_text_release(&shown);
    }
    release_names(&list);
}

Test(manifest_messages, each_has_a_manifest)
{
    for (size_t i = 0; i < MESSAGES; i++) {
        char name[64];
        file_name(messages[i].id, name);
        if (strcmp(messages[i].id, "NO_MANIFEST") == 0 || messages[i].part)
            continue;
        ist_text expected = manifest_text("bad", name, ".expected");
        cr_expect(expected.data, "message %s: no tests/manifests/bad/%s.yaml", messages[i].id,
                  name);
        cr_expect(!expected.data || is_printed(&messages[i], expected.data),
                  "%s.yaml does not produce: %s", name, messages[i].format);
        ist_text_release(&expected);
    }
}

Test(manifest_messages, each_part_is_used)
{
    name_list list = manifest_names("bad", ".expected");
    for (size_t i = 0; i < MESSAGES; i++) {
        bool found = !messages[i].part;
        for (size_t n = 0; n < list.count && !found; n++) {
            ist_text expected = manifest_text("bad", list.names[n], ".expected");
            found = is_printed(&messages[i], expected.data);
            ist_text_release(&expected);
        }
        cr_expect(found, "no manifest produces: %s", messages[i].format);
    }
    release_names(&list);
}

/* The third argument of the call at `call`. */
static const char *third_argument(const char *call)
{
    int depth = 0, commas = 0;
    for (; *call && commas < 2; call++) {
        depth += (*call == '(' || *call == '{') - (*call == ')' || *call == '}');
        commas += *call == ',' && depth == 1;
    }
    return call + strspn(call, " \n");
}

static void check_source(const char *path)
{
    ist_text source = {0};
    ist_error error = {0};
    cr_assert(ist_read_file(path, 1 << 20, &source, &error) == IST_OK, "%s", error.text);
    const char *name = "ist_faults_add(";
    for (const char *at = strstr(source.data, name); at; at = strstr(at + 1, name)) {
        const char *format = third_argument(at);
        bool known = strncmp(format, "MSG_", 4) == 0 || strncmp(format, "const char", 10) == 0 ||
                     strncmp(format, "\"%s\", message.data", 18) == 0;
        cr_expect(known, "%s tells a fault that is not in messages.def: %.60s", path, format);
    }
    ist_text_release(&source);
}

Test(manifest_messages, no_other_words)
{
    const char *const folder = IST_SOURCE_DIR "/src/manifest/";
    DIR *open = opendir(folder);
    cr_assert(open);
    for (const struct dirent *entry = readdir(open); entry; entry = readdir(open)) {
        const char *ending = strrchr(entry->d_name, '.');
        char path[4096];
        snprintf(path, sizeof path, "%s%s", folder, entry->d_name);
        if (ending && strcmp(ending, ".c") == 0)
            check_source(path);
    }
    closedir(open);
}

Test(manifest_messages, no_file)
{
    ist_faults faults = {0};
    ist_text shown = {0};
    cr_expect_null(ist_job_read("/nowhere/a.yaml", NULL, test_schemas, test_schema_count, &faults));
    ist_faults_print(&faults, NULL, &shown);
    cr_expect_str_eq(shown.data, "/nowhere/a.yaml: error: no manifest: cannot read "
                                 "'/nowhere/a.yaml': No such file or directory\n");
    ist_faults_release(&faults);
    ist_text_release(&shown);
}

Test(manifest_messages, bombs_are_cheap)
{
    static const char *const bombs[] = {"depth", "scalars", "size", "cells", "axis-long"};
    for (size_t i = 0; i < sizeof bombs / sizeof bombs[0]; i++) {
        double start = ist_seconds();
        ist_text shown = produced(bombs[i]);
        /* Milliseconds; the room is for a loaded machine and the sanitizers. */
        cr_expect_lt(ist_seconds() - start, 5, "%s", bombs[i]);
        ist_text_release(&shown);
    }
}
