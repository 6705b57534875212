/* Errors about a dataset. A name in an HDF5 file may hold anything, so nothing from a file reaches
 * a terminal or a log unescaped. */
#include "message.h"

#include <string.h>

/* The C1 control characters are two bytes in UTF-8; some terminals obey them. */
static bool is_c1(const unsigned char *byte)
{
    return byte[0] == 0xC2 && byte[1] >= 0x80 && byte[1] <= 0x9F;
}

void data_add_printable(ist_text *out, const char *text)
{
    for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++) {
        if (*byte == '\n')
            ist_text_add(out, "\\n");
        else if (*byte == '\t')
            ist_text_add(out, "\\t");
        else if (is_c1(byte)) {
            ist_text_add(out, "\\x%02x\\x%02x", byte[0], byte[1]);
            byte++;
        } else if (*byte < 0x20 || *byte == 0x7F)
            ist_text_add(out, "\\x%02x", *byte);
        else
            ist_text_add_bytes(out, (const char *)byte, 1);
    }
}

void data_add_sizes(ist_text *out, int rank, const int64_t *size)
{
    if (rank == 0)
        ist_text_add(out, "a single value");
    for (int k = 0; k < rank; k++)
        ist_text_add(out, "%s%lld", k ? " x " : "", (long long)size[k]);
}

static void add_location(ist_text *out, const ist_location *at)
{
    ist_text_add(out, "%s", at->file);
    if (at->dataset && *at->dataset)
        ist_text_add(out, ":%s", at->dataset);
    if (at->index && *at->index)
        ist_text_add(out, "[%s]", at->index);
}

ist_code data_fail(const ist_location *at, ist_error *error, ist_code code, const char *format, ...)
{
    ist_text raw = {0};
    ist_text printable = {0};
    va_list arguments;
    add_location(&raw, at);
    ist_text_add(&raw, ": ");
    va_start(arguments, format);
    ist_text_add_v(&raw, format, arguments);
    va_end(arguments);
    data_add_printable(&printable, raw.data);
    code = ist_fail(error, code, "%s", printable.data);
    ist_text_release(&raw);
    ist_text_release(&printable);
    return code;
}
