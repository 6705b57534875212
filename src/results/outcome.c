/* Lines of finished tasks. */
#include <inttypes.h>
#include <string.h>

#include "line.h"

void ist_outcome_release(ist_outcome *outcome)
{
    for (size_t i = 0; i < outcome->record_count; i++)
        ist_record_release(&outcome->records[i]);
    ist_free(outcome->records);
    ist_free(outcome->reason);
    *outcome = (ist_outcome){0};
}

/* ---- the fields of a record, in the order in which they are written ---------------------------- */

typedef enum { FIELD_TEXT, FIELD_REAL, FIELD_INTEGER } field_kind;

static const struct {
    const char *name;
    field_kind kind;
    size_t offset;
} fields[] = {
    {"quantity", FIELD_TEXT, offsetof(ist_record, quantity)},
    {"unit", FIELD_TEXT, offsetof(ist_record, unit)},
    {"value", FIELD_REAL, offsetof(ist_record, value)},
    {"std_error", FIELD_REAL, offsetof(ist_record, std_error)},
    {"se_method", FIELD_TEXT, offsetof(ist_record, se_method)},
    {"k", FIELD_INTEGER, offsetof(ist_record, k)},
    {"n", FIELD_INTEGER, offsetof(ist_record, n)},
    {"d_source", FIELD_INTEGER, offsetof(ist_record, d_source)},
    {"d_target", FIELD_INTEGER, offsetof(ist_record, d_target)},
    {"duplicates", FIELD_INTEGER, offsetof(ist_record, duplicates)},
    {"tie_fraction", FIELD_REAL, offsetof(ist_record, tie_fraction)},
    {"note", FIELD_TEXT, offsetof(ist_record, note)},
    {"detail", FIELD_TEXT, offsetof(ist_record, detail)},
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static void add_field(const char *at, field_kind kind, ist_text *out)
{
    char *text = NULL;
    double real = 0;
    int64_t integer = 0;
    switch (kind) {
    case FIELD_TEXT:
        memcpy(&text, at, sizeof text);
        ist_text_add_json(out, text ? text : "");
        break;
    case FIELD_REAL:
        memcpy(&real, at, sizeof real);
        ist_json_add_real(out, real);
        break;
    case FIELD_INTEGER:
        memcpy(&integer, at, sizeof integer);
        ist_text_add(out, "%" PRId64, integer);
        break;
    }
}

static bool read_field(ist_json value, field_kind kind, char *at)
{
    char *text = NULL;
    double real = 0;
    int64_t integer = 0;
    switch (kind) {
    case FIELD_TEXT:
        if (!ist_json_text(value, &text))
            return false;
        memcpy(at, &text, sizeof text);
        return true;
    case FIELD_REAL:
        if (!ist_json_real(value, &real))
            return false;
        memcpy(at, &real, sizeof real);
        return true;
    case FIELD_INTEGER:
        if (!ist_json_integer(value, &integer))
            return false;
        memcpy(at, &integer, sizeof integer);
        return true;
    }
    return false;
}

/* ---- outcomes -------------------------------------------------------------------------------- */

static void add_record(const ist_record *record, ist_text *out)
{
    for (size_t f = 0; f < FIELDS; f++) {
        ist_text_add(out, "%c\"%s\":", f ? ',' : '{', fields[f].name);
        add_field((const char *)record + fields[f].offset, fields[f].kind, out);
    }
    for (int64_t i = 0; i < record->series_count; i++) {
        ist_text_add(out, "%s", i ? "," : ",\"series\":[");
        ist_json_add_real(out, record->series[i]);
    }
    ist_text_add(out, "%s}", record->series_count > 0 ? "]" : "");
}

void ist_line_outcome(const ist_outcome *outcome, int64_t run, ist_text *out)
{
    char id[IST_HASH_TEXT], source[IST_HASH_TEXT], target[IST_HASH_TEXT];
    ist_text_add(out, "{\"kind\":\"task\",\"id\":\"%s\",\"source\":\"%s\",\"target\":\"%s\"",
                 ist_hash_format(outcome->id, id), ist_hash_format(outcome->source_content, source),
                 ist_hash_format(outcome->target_content, target));
    if (outcome->failed) {
        ist_text_add(out, ",\"status\":\"failed\",\"reason\":");
        ist_text_add_json(out, outcome->reason ? outcome->reason : "");
    } else {
        ist_text_add(out, ",\"status\":\"ok\",\"records\":[");
        for (size_t i = 0; i < outcome->record_count; i++) {
            ist_text_add(out, "%s", i ? "," : "");
            add_record(&outcome->records[i], out);
        }
        ist_text_add(out, "]");
    }
    ist_text_add(out, ",\"run\":%" PRId64, run);
    ist_line_seal(out);
}

/* Few records have one. */
static bool read_series(ist_json series, ist_record *out)
{
    ist_json item = {NULL, NULL};
    int64_t room = 0;
    if (!series.start)
        return true;
    if (!ist_json_is_array(series))
        return false;
    while (ist_json_next(series, &item)) {
        if (out->series_count == room) {
            out->series =
                ist_grow(out->series, (size_t)room, (size_t)(2 * room + 64), sizeof *out->series);
            room = 2 * room + 64;
        }
        if (!ist_json_real(item, &out->series[out->series_count++]))
            return false;
    }
    return true;
}

static bool read_record(ist_json item, ist_record *out)
{
    ist_json_object object;
    if (!ist_json_open(item, &object))
        return false;
    for (size_t f = 0; f < FIELDS; f++) {
        if (!read_field(ist_json_member(&object, fields[f].name), fields[f].kind,
                        (char *)out + fields[f].offset))
            return false;
    }
    return read_series(ist_json_member(&object, "series"), out);
}

static bool read_records(ist_json records, ist_outcome *out)
{
    ist_json item = {NULL, NULL};
    if (!ist_json_is_array(records))
        return false;
    while (ist_json_next(records, &item)) {
        out->records =
            ist_grow(out->records, out->record_count, out->record_count + 1, sizeof *out->records);
        if (!read_record(item, &out->records[out->record_count++]))
            return false;
    }
    return true;
}

bool ist_read_outcome(const ist_json_object *line, ist_outcome *out)
{
    *out = (ist_outcome){.run = ist_line_run(line)};
    ist_json status = ist_json_member(line, "status");
    out->failed = ist_json_equals(status, "failed");
    bool good = ist_json_hash(ist_json_member(line, "id"), &out->id) &&
                ist_json_hash(ist_json_member(line, "source"), &out->source_content) &&
                ist_json_hash(ist_json_member(line, "target"), &out->target_content);
    if (good && out->failed) {
        good = ist_json_text(ist_json_member(line, "reason"), &out->reason);
    } else if (good) {
        good = ist_json_equals(status, "ok") && read_records(ist_json_member(line, "records"), out);
    }
    if (!good)
        ist_outcome_release(out);
    return good;
}
