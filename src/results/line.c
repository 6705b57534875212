/* Lines of every kind but outcomes, and the checksum. */
#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

#include "line.h"

/* ---- checksum -------------------------------------------------------------------------------- */

static const char sum_name[] = ",\"sum\":\"";
enum { SUM_NAME = sizeof sum_name - 1, SUM_DIGITS = 16, SUM_TAIL = SUM_NAME + SUM_DIGITS + 2 };

static void add_tail(const char *bytes, size_t count, char tail[SUM_TAIL + 1])
{
    snprintf(tail, SUM_TAIL + 1, "%s%016" PRIx64 "\"}", sum_name,
             (uint64_t)XXH3_64bits(bytes, count));
}

void ist_line_seal(ist_text *line)
{
    char tail[SUM_TAIL + 1];
    add_tail(line->data, line->length, tail);
    ist_text_add(line, "%s\n", tail);
}

/* No printf: its hexadecimal digits are made here. */
size_t ist_line_seal_bytes(char *line, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t sum = XXH3_64bits(line, length);
    memcpy(line + length, sum_name, SUM_NAME);
    length += SUM_NAME;
    for (int shift = 60; shift >= 0; shift -= 4)
        line[length++] = digits[sum >> shift & 15];
    memcpy(line + length, "\"}\n", 3);
    return length + 3;
}

bool ist_line_open(const char *line, size_t length, ist_json_object *object)
{
    char tail[SUM_TAIL + 1];
    if (length < SUM_TAIL)
        return false;
    add_tail(line, length - SUM_TAIL, tail);
    return memcmp(line + length - SUM_TAIL, tail, SUM_TAIL) == 0 &&
           ist_json_open((ist_json){line, line + length}, object);
}

/* ---- inputs ---------------------------------------------------------------------------------- */

void ist_input_state_release(ist_input_state *input)
{
    ist_free(input->key);
    *input = (ist_input_state){0};
}

int64_t ist_line_run(const ist_json_object *line)
{
    int64_t run = 0;
    return ist_json_integer(ist_json_member(line, "run"), &run) ? run : 0;
}

void ist_line_input(const ist_input_state *input, int64_t run, ist_text *out)
{
    char hash[IST_HASH_TEXT];
    ist_text_add(out, "{\"kind\":\"input\",\"key\":");
    ist_text_add_json(out, input->key);
    ist_text_add(out, ",\"size\":%" PRId64 ",\"mtime_ns\":%" PRId64 ",\"inode\":%" PRId64,
                 input->size, input->mtime_ns, input->inode);
    ist_text_add(out, ",\"content\":\"%s\",\"run\":%" PRId64, ist_hash_format(input->content, hash),
                 run);
    ist_line_seal(out);
}

bool ist_read_input(const ist_json_object *line, ist_input_state *out)
{
    *out = (ist_input_state){.run = ist_line_run(line)};
    return ist_json_integer(ist_json_member(line, "size"), &out->size) &&
           ist_json_integer(ist_json_member(line, "mtime_ns"), &out->mtime_ns) &&
           ist_json_integer(ist_json_member(line, "inode"), &out->inode) &&
           ist_json_hash(ist_json_member(line, "content"), &out->content) &&
           ist_json_text(ist_json_member(line, "key"), &out->key);
}

/* ---- meta ------------------------------------------------------------------------------------ */

void ist_meta_release(ist_meta *meta)
{
    for (size_t i = 0; i < meta->count; i++)
        ist_free(meta->names[i]);
    ist_free(meta->names);
    ist_free(meta->values);
    ist_free(meta->cell);
    *meta = (ist_meta){0};
}

void ist_line_meta(const char *cell, char *const *names, const double *values, size_t count,
                   ist_text *out)
{
    ist_text_add(out, "{\"kind\":\"meta\",\"cell\":");
    ist_text_add_json(out, cell);
    ist_text_add(out, ",\"values\":[");
    for (size_t i = 0; i < count; i++) {
        ist_text_add(out, "%s{\"name\":", i ? "," : "");
        ist_text_add_json(out, names[i]);
        ist_text_add(out, ",\"value\":");
        ist_json_add_real(out, values[i]);
        ist_text_add(out, "}");
    }
    ist_text_add(out, "]");
    ist_line_seal(out);
}

static bool read_value(ist_json item, ist_meta *out)
{
    ist_json_object object;
    char *name = NULL;
    double value = 0;
    if (!ist_json_open(item, &object) ||
        !ist_json_real(ist_json_member(&object, "value"), &value) ||
        !ist_json_text(ist_json_member(&object, "name"), &name))
        return false;
    out->names = ist_grow(out->names, out->count, out->count + 1, sizeof *out->names);
    out->values = ist_grow(out->values, out->count, out->count + 1, sizeof *out->values);
    out->names[out->count] = name;
    out->values[out->count++] = value;
    return true;
}

bool ist_read_meta(const ist_json_object *line, ist_meta *out)
{
    *out = (ist_meta){0};
    ist_json values = ist_json_member(line, "values"), item = {NULL, NULL};
    bool good =
        ist_json_is_array(values) && ist_json_text(ist_json_member(line, "cell"), &out->cell);
    while (good && ist_json_next(values, &item))
        good = read_value(item, out);
    if (!good)
        ist_meta_release(out);
    return good;
}

/* ---- passes ---------------------------------------------------------------------------------- */

void ist_pass_time_release(ist_pass_time *pass)
{
    ist_free(pass->timing.layer);
    ist_free(pass->kind);
    ist_free(pass->kernel);
    *pass = (ist_pass_time){0};
}

/* The whole numbers of a pass, in the order in which they are written. */
static const struct {
    const char *name;
    size_t offset;
    bool optional; /* journals of before have it not: 0 */
} pass_integers[] = {
    {"n", offsetof(ist_timing, n), false},
    {"d", offsetof(ist_timing, d), false},
    {"k", offsetof(ist_timing, k), false},
    {"thresholds", offsetof(ist_timing, thresholds), false},
    {"ranks", offsetof(ist_timing, ranks), false},
    {"decided_again", offsetof(ist_timing, decided_again), false},
    {"exact_tiles", offsetof(ist_timing, exact_tiles), false},
    {"tiles", offsetof(ist_timing, tiles), false},
    {"bytes_sent", offsetof(ist_timing, bytes_sent), false},
    {"most_in_flight", offsetof(ist_timing, most_in_flight), true},
    {"peak_memory", offsetof(ist_timing, peak_memory), true},
    {"tiles_skipped", offsetof(ist_timing, tiles_skipped), true},
    {"tiles_thinned", offsetof(ist_timing, tiles_thinned), true},
    {"compared", offsetof(ist_timing, compared), true},
};
enum { PASS_INTEGERS = sizeof pass_integers / sizeof pass_integers[0] };

static const struct {
    const char *name;
    size_t offset;
} pass_reals[] = {
    {"seconds", offsetof(ist_timing, seconds)},
    {"waiting", offsetof(ist_timing, seconds_waiting)},
    {"pairs", offsetof(ist_timing, pairs)},
};
enum { PASS_REALS = sizeof pass_reals / sizeof pass_reals[0] };

void ist_line_timing(const ist_timing *timing, ist_text *out)
{
    const char *base = (const char *)timing;
    ist_text_add(out, "{\"kind\":\"pass\",\"layer\":");
    ist_text_add_json(out, timing->layer);
    ist_text_add(out, ",\"pass\":");
    ist_text_add_json(out, timing->kind);
    ist_text_add(out, ",\"kernel\":");
    ist_text_add_json(out, timing->kernel ? timing->kernel : "");
    for (size_t i = 0; i < PASS_INTEGERS; i++) {
        int64_t value = 0;
        memcpy(&value, base + pass_integers[i].offset, sizeof value);
        ist_text_add(out, ",\"%s\":%" PRId64, pass_integers[i].name, value);
    }
    for (size_t i = 0; i < PASS_REALS; i++) {
        double value = 0;
        memcpy(&value, base + pass_reals[i].offset, sizeof value);
        ist_text_add(out, ",\"%s\":", pass_reals[i].name);
        ist_json_add_real(out, value);
    }
    ist_line_seal(out);
}

static bool read_numbers(const ist_json_object *line, ist_timing *timing)
{
    char *base = (char *)timing;
    for (size_t i = 0; i < PASS_INTEGERS; i++) {
        int64_t value = 0;
        ist_json member = ist_json_member(line, pass_integers[i].name);
        if (!member.start && pass_integers[i].optional)
            continue;
        if (!ist_json_integer(member, &value))
            return false;
        memcpy(base + pass_integers[i].offset, &value, sizeof value);
    }
    for (size_t i = 0; i < PASS_REALS; i++) {
        double value = 0;
        if (!ist_json_real(ist_json_member(line, pass_reals[i].name), &value))
            return false;
        memcpy(base + pass_reals[i].offset, &value, sizeof value);
    }
    return true;
}

bool ist_read_timing(const ist_json_object *line, ist_pass_time *out)
{
    *out = (ist_pass_time){0};
    bool good = read_numbers(line, &out->timing) &&
                ist_json_text(ist_json_member(line, "layer"), &out->timing.layer) &&
                ist_json_text(ist_json_member(line, "pass"), &out->kind) &&
                ist_json_text(ist_json_member(line, "kernel"), &out->kernel);
    if (!good) {
        ist_pass_time_release(out);
        return false;
    }
    out->timing.kind = out->kind;
    out->timing.kernel = out->kernel;
    return true;
}

/* ---- crashes --------------------------------------------------------------------------------- */

void ist_crash_release(ist_crash *crash)
{
    ist_free(crash->signal);
    ist_free(crash->step);
    ist_free(crash->task);
    *crash = (ist_crash){0};
}

bool ist_read_crash(const ist_json_object *line, ist_crash *out)
{
    *out = (ist_crash){.run = ist_line_run(line)};
    ist_json tasks = ist_json_member(line, "tasks"), item = {NULL, NULL};
    bool good = ist_json_is_array(tasks) &&
                ist_json_text(ist_json_member(line, "signal"), &out->signal) &&
                ist_json_text(ist_json_member(line, "step"), &out->step);
    for (size_t room = 0; good && ist_json_next(tasks, &item);) {
        if (out->count == room) {
            out->task = ist_grow(out->task, room, 2 * room + 64, sizeof *out->task);
            room = 2 * room + 64;
        }
        good = ist_json_hash(item, &out->task[out->count++]);
    }
    if (!good)
        ist_crash_release(out);
    return good;
}

void ist_line_retry(int64_t run, ist_text *out)
{
    ist_text_add(out, "{\"kind\":\"retry\",\"run\":%" PRId64, run);
    ist_line_seal(out);
}
