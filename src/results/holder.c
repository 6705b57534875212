#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holder.h"
#include "json.h"

/* ---- processes ------------------------------------------------------------------------------- */

/* Start of a process in ticks since boot: field 22 of /proc/PID/stat, where the second field, the
 * program's name in parentheses, may hold blanks and parentheses. 0 if there is no such file. */
static int64_t start_of(int64_t pid)
{
    char path[64];
    ist_text text = {0};
    ist_error ignored = {0};
    int64_t start = 0;
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    if (ist_read_file(path, 4096, &text, &ignored) == IST_OK && text.length > 0) {
        const char *at = strrchr(text.data, ')');
        if (at && strncmp(at, ") Z", 3) == 0)
            at = NULL; /* it has ended; nobody has asked how yet */
        for (int field = 2; at && field < 22; field++)
            at = strchr(at + 1, ' ');
        if (at)
            start = strtoll(at, NULL, 10);
    }
    ist_text_release(&text);
    return start;
}

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
    out[strcspn(out, "\r\n")] = '\0';
}

void ist_holder_self(ist_holder *out)
{
    *out = (ist_holder){.pid = getpid()};
    if (gethostname(out->host, sizeof out->host - 1) != 0)
        copy(out->host, sizeof out->host, "unknown");
    ist_text boot = {0};
    ist_error ignored = {0};
    if (ist_read_file("/proc/sys/kernel/random/boot_id", 64, &boot, &ignored) == IST_OK)
        copy(out->boot, sizeof out->boot, boot.data);
    ist_text_release(&boot);
    out->start = start_of(out->pid);
    ist_utc(out->since);
    copy(out->slurm_job, sizeof out->slurm_job, getenv("SLURM_JOB_ID"));
    const char *restarts = getenv("SLURM_RESTART_COUNT");
    if (!restarts || !ist_parse_integer(restarts, &out->restarts))
        out->restarts = 0;
}

/* ---- text ------------------------------------------------------------------------------------ */

void ist_holder_write(const ist_holder *holder, ist_text *out)
{
    ist_text_add(out, "{\"host\":");
    ist_text_add_json(out, holder->host);
    ist_text_add(out, ",\"pid\":%" PRId64 ",\"start\":%" PRId64 ",\"boot\":", holder->pid,
                 holder->start);
    ist_text_add_json(out, holder->boot);
    ist_text_add(out, ",\"since\":\"%s\",\"slurm_job\":", holder->since);
    ist_text_add_json(out, holder->slurm_job);
    ist_text_add(out, ",\"restarts\":%" PRId64 "}\n", holder->restarts);
}

static bool read_text(const ist_json_object *object, const char *name, char *out, size_t size)
{
    char *text = NULL;
    if (!ist_json_text(ist_json_member(object, name), &text))
        return false;
    copy(out, size, text);
    ist_free(text);
    return true;
}

bool ist_holder_read(const char *text, size_t length, ist_holder *out)
{
    ist_json_object object;
    *out = (ist_holder){0};
    while (length > 0 && text[length - 1] == '\n')
        length--;
    return length > 0 && ist_json_open((ist_json){text, text + length}, &object) &&
           ist_json_integer(ist_json_member(&object, "pid"), &out->pid) && out->pid > 0 &&
           out->pid <= INT32_MAX &&
           ist_json_integer(ist_json_member(&object, "start"), &out->start) &&
           ist_json_integer(ist_json_member(&object, "restarts"), &out->restarts) &&
           read_text(&object, "host", out->host, sizeof out->host) &&
           read_text(&object, "boot", out->boot, sizeof out->boot) &&
           read_text(&object, "since", out->since, sizeof out->since) &&
           read_text(&object, "slurm_job", out->slurm_job, sizeof out->slurm_job);
}

void ist_holder_text(const ist_holder *holder, ist_text *out)
{
    ist_text_add(out, "host %s, process %" PRId64, holder->host, holder->pid);
    if (*holder->slurm_job)
        ist_text_add(out, ", Slurm job %s", holder->slurm_job);
    ist_text_add(out, ", since %s", holder->since);
}

/* ---- judgement ------------------------------------------------------------------------------- */

ist_holder_state ist_holder_look(const ist_holder *holder, const ist_holder *self)
{
    bool same_job = *self->slurm_job && strcmp(holder->slurm_job, self->slurm_job) == 0;
    if (same_job && self->restarts > holder->restarts)
        return IST_HOLDER_GONE; /* Slurm ended that start before it made this one */
    if (strcmp(holder->host, self->host) != 0)
        return IST_HOLDER_UNKNOWN;
    if (strcmp(holder->boot, self->boot) != 0)
        return IST_HOLDER_GONE;
    if (kill((pid_t)holder->pid, 0) != 0 && errno == ESRCH)
        return IST_HOLDER_GONE;
    bool other_process = holder->start > 0 && start_of(holder->pid) != holder->start;
    return other_process ? IST_HOLDER_GONE : IST_HOLDER_ALIVE;
}
