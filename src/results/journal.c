/* The journal's life: read what is there, append what is new. */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"

/* ---- reading --------------------------------------------------------------------------------- */

/* One line whose checksum is right. A kind that we do not know is from a later version: passed
 * over. False if a member is not as it should be. */
static bool read_line(ist_journal *journal, const ist_json_object *line)
{
    ist_json kind = ist_json_member(line, "kind");
    if (ist_json_equals(kind, "task")) {
        ist_outcome outcome;
        bool good = ist_read_outcome(line, &outcome);
        if (good)
            ist_journal_keep_outcome(journal, &outcome);
        return good;
    }
    if (ist_json_equals(kind, "input")) {
        ist_input_state input;
        bool good = ist_read_input(line, &input);
        if (good)
            ist_journal_keep_input(journal, &input);
        return good;
    }
    if (ist_json_equals(kind, "meta")) {
        ist_meta meta;
        bool good = ist_read_meta(line, &meta);
        if (good)
            ist_journal_keep_meta(journal, &meta);
        return good;
    }
    if (ist_json_equals(kind, "pass")) {
        ist_pass_time pass;
        bool good = ist_read_timing(line, &pass);
        if (good)
            ist_journal_keep_pass(journal, &pass);
        return good;
    }
    if (ist_json_equals(kind, "crash")) {
        ist_crash crash;
        bool good = ist_read_crash(line, &crash);
        if (good)
            ist_journal_keep_crash(journal, &crash);
        return good;
    }
    if (ist_json_equals(kind, "retry")) {
        journal->retried = ist_max(journal->retried, ist_line_run(line));
        journal->run = ist_max(journal->run, ist_line_run(line));
    }
    return true;
}

/* The journal of the leader with this number; that of leader 0 is the main one. */
static char *path_of(const char *folder, ist_shard shard, int leader)
{
    char ending[32] = ".jsonl";
    if (leader > 0)
        snprintf(ending, sizeof ending, "-%d.jsonl", leader);
    return ist_shard_path(folder, shard, "journal", ending);
}

/* All lines of one file; returns the bytes up to the last '\n'. */
static size_t read_lines(ist_journal *journal, const ist_text *text)
{
    size_t at = 0;
    while (at < text->length) {
        const char *line = text->data + at, *end = memchr(line, '\n', text->length - at);
        if (!end) {
            journal->damaged++;
            break;
        }
        ist_json_object object;
        size_t length = (size_t)(end - line);
        if (!ist_line_open(line, length, &object) || !read_line(journal, &object))
            journal->damaged++;
        at += length + 1;
    }
    return at;
}

static int by_name(const void *a, const void *b)
{
    return ist_compare_natural(*(char *const *)a, *(char *const *)b);
}

/* Names of the journals other than `own` in the folder, sorted; a folder that is not there has none. */
static ist_code list_others(const char *folder, const char *own, char ***names, size_t *count,
                            ist_error *error)
{
    DIR *directory = opendir(folder);
    *names = NULL;
    *count = 0;
    if (!directory && errno == ENOENT)
        return IST_OK;
    if (!directory)
        return ist_fail(error, IST_BROKEN, "cannot read the folder '%s': %s", folder,
                        strerror(errno));
    for (const struct dirent *entry; (entry = readdir(directory));) {
        if (fnmatch("journal*.jsonl", entry->d_name, 0) != 0 || !strcmp(entry->d_name, own))
            continue;
        *names = ist_grow(*names, *count, *count + 1, sizeof **names);
        (*names)[(*count)++] = ist_copy_text(entry->d_name);
    }
    closedir(directory);
    if (*count)
        qsort(*names, *count, sizeof **names, by_name);
    return IST_OK;
}

static void read_others(ist_journal *journal, const char *folder, const char *own, ist_error *error)
{
    char **names = NULL;
    size_t count = 0;
    list_others(folder, own, &names, &count, error);
    for (size_t i = 0; i < count; i++) {
        ist_text text = {0};
        char *path = ist_join_path(folder, names[i]);
        if (error->code == IST_OK && ist_read_plain(path, &text, error) == IST_OK)
            read_lines(journal, &text);
        ist_text_release(&text);
        ist_free(path);
        ist_free(names[i]);
    }
    ist_free(names);
}

static void read_own(ist_journal *journal, const char *path, bool append, ist_error *error)
{
    ist_text text = {0};
    if (append) {
        if (ist_appender_open(&journal->appender, path, &text, error) == IST_OK)
            ist_appender_cut(&journal->appender, (int64_t)read_lines(journal, &text), error);
    } else if (ist_read_plain(path, &text, error) == IST_OK) {
        read_lines(journal, &text);
    }
    ist_text_release(&text);
}

static ist_journal *journal_new(void)
{
    ist_journal *journal = ist_alloc(1, sizeof *journal);
    journal->appender.file = -1;
    return journal;
}

/* Takes over the path. */
static ist_journal *open_own(ist_journal *journal, char *path, bool append, ist_error *error)
{
    if (error->code == IST_OK)
        read_own(journal, path, append, error);
    ist_free(path);
    journal->run++;
    if (error->code == IST_OK)
        return journal;
    ist_error ignored = {0};
    ist_journal_close(&journal, &ignored);
    return NULL;
}

ist_journal *ist_journal_open(const char *folder, ist_shard shard, bool append, ist_error *error)
{
    ist_journal *journal = journal_new();
    char *path = path_of(folder, shard, 0);
    read_others(journal, folder, strrchr(path, '/') + 1, error);
    return open_own(journal, path, append, error);
}

ist_journal *ist_journal_open_leader(const char *folder, ist_shard shard, int leader, int64_t run,
                                     ist_error *error)
{
    ist_journal *journal = open_own(journal_new(), path_of(folder, shard, leader), true, error);
    if (journal)
        journal->run = run;
    return journal;
}

int64_t ist_journal_run(const ist_journal *journal)
{
    return journal->run;
}

int64_t ist_journal_length(const ist_journal *journal)
{
    return journal->appender.length;
}

size_t ist_journal_damaged(const ist_journal *journal)
{
    return journal->damaged;
}

/* ---- appending ------------------------------------------------------------------------------- */

/* What is kept is what a reader of the line would see. */
static ist_code append(ist_journal *journal, ist_text *line, ist_error *error)
{
    ist_code code = ist_appender_add(&journal->appender, line->data, line->length, error);
    ist_json_object object;
    if (code == IST_OK && ist_line_open(line->data, line->length - 1, &object))
        read_line(journal, &object);
    ist_text_release(line);
    return code;
}

ist_code ist_journal_add_outcome(ist_journal *journal, const ist_outcome *outcome, ist_error *error)
{
    ist_text line = {0};
    ist_line_outcome(outcome, journal->run, &line);
    return append(journal, &line, error);
}

ist_code ist_journal_add_input(ist_journal *journal, const ist_input_state *input, ist_error *error)
{
    const ist_input_state *known = ist_journal_input(journal, input->key);
    if (known && known->size == input->size && known->mtime_ns == input->mtime_ns &&
        known->inode == input->inode && ist_hash_compare(known->content, input->content) == 0)
        return IST_OK;
    ist_text line = {0};
    ist_line_input(input, journal->run, &line);
    return append(journal, &line, error);
}

static bool same_meta(const ist_meta *known, char *const *names, const double *values, size_t count)
{
    if (known->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        bool both_nan = isnan(known->values[i]) && isnan(values[i]);
        if (strcmp(known->names[i], names[i]) != 0 || (known->values[i] != values[i] && !both_nan))
            return false;
    }
    return true;
}

ist_code ist_journal_add_meta(ist_journal *journal, const char *cell, char *const *names,
                              const double *values, size_t count, ist_error *error)
{
    const ist_meta *known = ist_journal_meta_of(journal, cell);
    if (known ? same_meta(known, names, values, count) : count == 0)
        return IST_OK;
    ist_text line = {0};
    ist_line_meta(cell, names, values, count, &line);
    return append(journal, &line, error);
}

ist_code ist_journal_add_timing(ist_journal *journal, const ist_timing *timing, ist_error *error)
{
    ist_text line = {0};
    ist_line_timing(timing, &line);
    return append(journal, &line, error);
}

ist_code ist_journal_add_retry(ist_journal *journal, ist_error *error)
{
    if (journal->crash_count == 0)
        return IST_OK;
    ist_text line = {0};
    ist_line_retry(journal->run, &line);
    return append(journal, &line, error);
}

ist_code ist_journal_sync(ist_journal *journal, ist_error *error)
{
    return ist_appender_sync(&journal->appender, error);
}

ist_code ist_journal_close(ist_journal **journal, ist_error *error)
{
    ist_journal *old = *journal;
    *journal = NULL;
    if (!old)
        return IST_OK;
    ist_code code = ist_appender_close(&old->appender, error);
    ist_journal_release(old);
    return code;
}
