/* Faults on purpose: tests let a run die, stand still or lose its disk at a chosen place. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "infostrata/base.h"

enum { MOST_FAULTS = 8, NAME = 32 };

typedef enum { KILL9, SEGV, STOP, USR1, SLEEP, ENOSPC_ERROR, EIO_ERROR } fault_action;
static const char *const action_names[] = {"kill9", "segv",   "stop", "usr1",
                                           "sleep", "enospc", "eio"};
static const char *const points[] = {"step",
                                     "tile",
                                     "slice",
                                     "round",
                                     "task",
                                     "layer.read",
                                     "journal.write",
                                     "journal.sync",
                                     "journal.close",
                                     "view.create",
                                     "view.write",
                                     "view.sync",
                                     "view.close",
                                     "view.rename",
                                     "view.folder",
                                     "checkpoint.create",
                                     "checkpoint.write",
                                     "checkpoint.sync",
                                     "checkpoint.close",
                                     "checkpoint.read"};

typedef struct {
    char point[NAME];
    int64_t nth, seen;
    bool from_then_on;
    fault_action action;
} fault;

static fault faults[MOST_FAULTS];
static int fault_count = -1; /* -1: the variable was not looked at */

/* Launchers say so before MPI does. */
static int64_t own_rank(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"};
    int64_t rank = 0;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        if (getenv(names[n]) && ist_parse_integer(getenv(names[n]), &rank))
            return rank;
    return 0;
}

static bool is_name(const char *name, const char *const *names, size_t count, size_t *at)
{
    for (*at = 0; *at < count; ++*at)
        if (strcmp(names[*at], name) == 0)
            return true;
    return false;
}

/* POINT:NTH[+]:ACTION[@RANK], cut up in place. */
static bool read_fault(char *text, fault *out, int64_t *rank)
{
    char *nth = strchr(text, ':'), *action = nth ? strchr(nth + 1, ':') : NULL;
    size_t at;
    *rank = -1;
    *out = (fault){0};
    if (!action)
        return false;
    *nth++ = *action++ = '\0';
    char *at_rank = strchr(action, '@');
    if (at_rank) {
        *at_rank++ = '\0';
        if (!ist_parse_integer(at_rank, rank) || *rank < 0)
            return false;
    }
    size_t length = strlen(nth);
    if (length > 0 && nth[length - 1] == '+') {
        out->from_then_on = true;
        nth[length - 1] = '\0';
    }
    if (!is_name(text, points, sizeof points / sizeof *points, &at) ||
        !ist_parse_integer(nth, &out->nth) || out->nth < 1)
        return false;
    snprintf(out->point, sizeof out->point, "%s", text);
    if (!is_name(action, action_names, sizeof action_names / sizeof *action_names, &at))
        return false;
    out->action = (fault_action)at;
    return true;
}

static bool read_faults(const char *text)
{
    fault_count = 0;
    char *copy = ist_copy_text(text ? text : "");
    bool good = true;
    for (char *next = copy, *item; good && next && *next;) {
        item = next;
        next = strchr(item, ',');
        if (next)
            *next++ = '\0';
        int64_t rank;
        fault read;
        good = fault_count < MOST_FAULTS && read_fault(item, &read, &rank);
        if (good && (rank < 0 || rank == own_rank()))
            faults[fault_count++] = read;
    }
    ist_free(copy);
    return good;
}

ist_code ist_fault_check(ist_error *error)
{
    const char *text = getenv("INFOSTRATA_FAULT");
    if (read_faults(text))
        return IST_OK;
    return ist_fail(error, IST_REFUSED,
                    "INFOSTRATA_FAULT is '%s', not POINT:NTH:ACTION[@RANK][,...] with a point and "
                    "an action of docs/reliability.md",
                    text);
}

void ist_fault_set(const char *text)
{
    read_faults(text);
}

static int act(fault_action action)
{
    switch (action) {
    case KILL9: raise(SIGKILL); break;
    case SEGV: raise(SIGSEGV); break;
    case STOP: raise(SIGSTOP); break;
    case USR1: raise(SIGUSR1); break;
    case SLEEP: sleep(1); break;
    case ENOSPC_ERROR: return ENOSPC;
    case EIO_ERROR: return EIO;
    }
    return 0;
}

bool ist_fault_passed(const char *point)
{
    int reason = ist_fault(point);
    if (reason != 0)
        errno = reason;
    return reason == 0;
}

int ist_fault(const char *point)
{
    int error = 0;
    if (fault_count < 0)
        read_faults(getenv("INFOSTRATA_FAULT"));
    for (int f = 0; f < fault_count; f++) {
        if (strcmp(faults[f].point, point) != 0)
            continue;
        int64_t seen = ++faults[f].seen;
        if (seen == faults[f].nth || (faults[f].from_then_on && seen > faults[f].nth))
            error = act(faults[f].action);
    }
    return error;
}
