#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "appender.h"
#include "holder.h"
#include "infostrata/results.h"
#include "json.h"

static const char *const states[] = {"running", "finished", "stopped", "broken"};
enum { STATES = sizeof states / sizeof states[0] };

char *ist_shard_path(const char *folder, ist_shard shard, const char *stem, const char *ending)
{
    ist_text name = {0};
    if (shard.count > 0)
        ist_text_add(&name, "%s-%d-of-%d%s", stem, shard.index, shard.count, ending);
    else
        ist_text_add(&name, "%s%s", stem, ending);
    char *path = ist_join_path(folder, name.data);
    ist_text_release(&name);
    return path;
}

void ist_status_self(ist_status *status)
{
    ist_holder self;
    ist_holder_self(&self);
    snprintf(status->host, sizeof status->host, "%s", self.host);
    snprintf(status->slurm_job, sizeof status->slurm_job, "%s", self.slurm_job);
    snprintf(status->since, sizeof status->since, "%s", self.since);
    status->pid = self.pid;
    status->restarts = self.restarts;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* Every member but the state, in the order of the file. */
#define TEXT(name)                                                          \
    {                                                                       \
#name, offsetof(ist_status, name), sizeof((ist_status *)NULL)->name \
    }
#define NUMBER(name)                         \
    {                                        \
#name, offsetof(ist_status, name), 0 \
    }
static const struct {
    const char *name;
    size_t offset, size; /* size 0: an int64_t */
} members[] = {
    TEXT(job),
    TEXT(reason),
    TEXT(host),
    NUMBER(pid),
    TEXT(slurm_job),
    NUMBER(restarts),
    NUMBER(ranks),
    TEXT(since),
    TEXT(heartbeat),
    NUMBER(tasks),
    NUMBER(done),
    NUMBER(failed),
    TEXT(step),
    NUMBER(step_number),
    NUMBER(steps),
    NUMBER(percent),
    NUMBER(pairs_per_second),
    NUMBER(seconds_left),
    NUMBER(memory),
    NUMBER(memory_planned),
    NUMBER(core_seconds),
    NUMBER(journal_bytes),
};
#undef TEXT
#undef NUMBER
enum { MEMBERS = sizeof members / sizeof members[0] };

void ist_status_write(const ist_status *status, ist_text *out)
{
    ist_text_add(out, "{\"state\":\"%s\"", states[status->state]);
    for (int m = 0; m < MEMBERS; m++) {
        const char *at = (const char *)status + members[m].offset;
        ist_text_add(out, ",\"%s\":", members[m].name);
        if (members[m].size > 0)
            ist_text_add_json(out, at);
        else
            ist_text_add(out, "%" PRId64, *(const int64_t *)(const void *)at);
    }
    ist_text_add(out, "}\n");
}

static bool read_member(const ist_json_object *object, int m, ist_status *out)
{
    char *at = (char *)out + members[m].offset, *text = NULL;
    ist_json value = ist_json_member(object, members[m].name);
    if (members[m].size == 0)
        return ist_json_integer(value, (int64_t *)(void *)at);
    if (!ist_json_text(value, &text))
        return false;
    snprintf(at, members[m].size, "%s", text);
    ist_free(text);
    return true;
}

bool ist_status_read(const char *text, size_t length, ist_status *out)
{
    ist_json_object object;
    *out = (ist_status){0};
    while (length > 0 && text[length - 1] == '\n')
        length--;
    if (length == 0 || !ist_json_open((ist_json){text, text + length}, &object))
        return false;
    int state = 0;
    while (state < STATES && !ist_json_equals(ist_json_member(&object, "state"), states[state]))
        state++;
    out->state = (ist_run_state)state;
    for (int m = 0; m < MEMBERS && state < STATES; m++)
        if (!read_member(&object, m, out))
            return false;
    return state < STATES;
}

/* ---- a folder -------------------------------------------------------------------------------- */

static int64_t seconds_since(const char *utc)
{
    struct tm parts = {0};
    if (!strptime(utc, "%Y-%m-%dT%H:%M:%SZ", &parts))
        return INT64_MAX;
    return (int64_t)(time(NULL) - timegm(&parts));
}

/* On this host processes can be asked for; on another one there are only its signs of life. */
static bool is_lost(const ist_status *status, const char *lock_path)
{
    ist_holder holder, self;
    ist_text text = {0};
    ist_error ignored = {0};
    bool held = ist_read_file(lock_path, 4096, &text, &ignored) == IST_OK &&
                ist_holder_read(text.data ? text.data : "", text.length, &holder);
    ist_text_release(&text);
    ist_holder_self(&self);
    if (!held || holder.pid != status->pid || strcmp(holder.host, status->host) != 0)
        return true;
    if (strcmp(holder.host, self.host) == 0)
        return ist_holder_look(&holder, &self) == IST_HOLDER_GONE;
    return seconds_since(status->heartbeat) > IST_LOCK_SECONDS;
}

static int by_name(const void *a, const void *b)
{
    return ist_compare_natural(*(char *const *)a, *(char *const *)b);
}

static char **status_files(const char *folder, size_t *count)
{
    char **names = NULL;
    DIR *directory = opendir(folder);
    *count = 0;
    if (!directory)
        return NULL;
    for (const struct dirent *entry; (entry = readdir(directory));) {
        if (strcmp(entry->d_name, "status.json") != 0 &&
            fnmatch("status-*-of-*.json", entry->d_name, 0) != 0)
            continue;
        names = ist_grow(names, *count, *count + 1, sizeof *names);
        names[(*count)++] = ist_copy_text(entry->d_name);
    }
    closedir(directory);
    if (*count)
        qsort(names, *count, sizeof *names, by_name);
    return names;
}

/* status-3-of-16.json -> lock-3-of-16 */
static char *lock_of(const char *folder, const char *name)
{
    size_t stem = strlen("status"), length = strlen(name) - stem - strlen(".json");
    ist_text lock = {0};
    ist_text_add(&lock, "lock%.*s", (int)length, name + stem);
    char *path = ist_join_path(folder, lock.data);
    ist_text_release(&lock);
    return path;
}

ist_code ist_status_all(const char *folder, ist_status **all, bool **lost, size_t *count,
                        ist_error *error)
{
    size_t found;
    char **names = status_files(folder, &found);
    *all = ist_alloc(found, sizeof **all);
    *lost = ist_alloc(found, sizeof **lost);
    *count = 0;
    for (size_t i = 0; i < found; i++) {
        char *path = ist_join_path(folder, names[i]), *lock = lock_of(folder, names[i]);
        ist_text text = {0};
        ist_error ignored = {0};
        ist_status *status = &(*all)[*count];
        if (ist_read_plain(path, &text, &ignored) == IST_OK &&
            ist_status_read(text.data ? text.data : "", text.length, status)) {
            (*lost)[*count] = status->state == IST_RUNNING && is_lost(status, lock);
            ++*count;
        }
        ist_text_release(&text);
        ist_free(path);
        ist_free(lock);
        ist_free(names[i]);
    }
    ist_free(names);
    if (*count > 0)
        return IST_OK;
    return ist_fail(error, IST_REFUSED,
                    "no run has left a status in '%s': is this the output folder?", folder);
}
