#include <string.h>

#include "csv.h"

static void begin(ist_csv *csv)
{
    if (csv->in_row)
        ist_text_add_bytes(&csv->text, ",", 1);
    csv->in_row = true;
}

void ist_csv_text(ist_csv *csv, const char *field)
{
    begin(csv);
    if (!field)
        return;
    size_t length = strlen(field);
    if (strcspn(field, ",\"\r\n") == length) {
        ist_text_add_bytes(&csv->text, field, length);
        return;
    }
    ist_text_add_bytes(&csv->text, "\"", 1);
    for (const char *c = field; *c; c++) {
        if (*c == '"')
            ist_text_add_bytes(&csv->text, "\"", 1);
        ist_text_add_bytes(&csv->text, c, 1);
    }
    ist_text_add_bytes(&csv->text, "\"", 1);
}

void ist_csv_integer(ist_csv *csv, int64_t field)
{
    begin(csv);
    ist_text_add(&csv->text, "%lld", (long long)field);
}

void ist_csv_real(ist_csv *csv, double field)
{
    char buffer[IST_REAL_TEXT];
    ist_csv_text(csv, ist_format_real(field, buffer));
}

void ist_csv_end(ist_csv *csv)
{
    ist_text_add_bytes(&csv->text, "\n", 1);
    csv->in_row = false;
}
