/* The mark of a crash. All of it is ready before anything goes wrong: a signal handler may call write and open, but neither
 * allocate nor print. Each crash of a process has a file of its own, so that no line is torn by another's. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"

enum { STEP_ROOM = 1024, LINE_TASKS = 1000, STACK = 1 << 16 };

static const struct {
    int number;
    const char *name;
} deadly[] = {{SIGSEGV, "SIGSEGV"},
              {SIGBUS, "SIGBUS"},
              {SIGFPE, "SIGFPE"},
              {SIGILL, "SIGILL"},
              {SIGABRT, "SIGABRT"}};
enum { DEADLY = sizeof deadly / sizeof deadly[0] };

/* What is in flight. Two of them, so that the handler never meets one that is being changed. */
typedef struct {
    char step[STEP_ROOM]; /* a JSON string */
    const ist_hash *task;
    size_t count;
} flight;

static flight flights[2];
static atomic_int current;
static char *path; /* NULL: nobody watches */
static char head[100];
static struct sigaction before[DEADLY];
static char line[STEP_ROOM + 200 + LINE_TASKS * (IST_HASH_TEXT + 3)];
static stack_t stack_before;
static char handler_stack[STACK]; /* a stack that is used up is a crash, too */

/* ---- in the handler -------------------------------------------------------------------------- */

static size_t add(size_t at, const char *text)
{
    size_t length = strlen(text);
    memcpy(line + at, text, length);
    return at + length;
}

static size_t add_hash(size_t at, ist_hash hash)
{
    static const char digits[] = "0123456789abcdef";
    const uint64_t halves[2] = {hash.high, hash.low};
    line[at++] = '"';
    for (int h = 0; h < 2; h++)
        for (int shift = 60; shift >= 0; shift -= 4)
            line[at++] = digits[halves[h] >> shift & 15];
    line[at++] = '"';
    return at;
}

static void write_line(int file, const char *reason, const flight *f, size_t first, size_t count)
{
    size_t at = add(0, head);
    at = add(add(at, reason), "\",\"step\":");
    at = add(add(at, f->step[0] ? f->step : "\"\""), ",\"tasks\":[");
    for (size_t t = 0; t < count; t++) {
        if (t > 0)
            line[at++] = ',';
        at = add_hash(at, f->task[first + t]);
    }
    at = add(at, "]");
    at = ist_line_seal_bytes(line, at);
    for (size_t done = 0; done < at;) {
        ssize_t wrote = write(file, line + done, at - done);
        if (wrote <= 0 && errno != EINTR)
            return;
        done += wrote > 0 ? (size_t)wrote : 0;
    }
}

void ist_crash_mark(const char *reason)
{
    if (!path)
        return;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file < 0)
        return;
    const flight *f = &flights[atomic_load(&current)];
    for (size_t first = 0; first == 0 || first < f->count; first += LINE_TASKS)
        write_line(file, reason, f, first,
                   f->count - first < LINE_TASKS ? f->count - first : LINE_TASKS);
    fsync(file);
    close(file);
}

/* A signal that another process sent says nothing about the task. What handled it before (Open MPI prints a backtrace) does so
 * still: a fault happens again on return, a signal that was sent is sent again. */
static void crashed(int number, siginfo_t *info, void *context)
{
    (void)context;
    size_t d = 0;
    while (d + 1 < DEADLY && deadly[d].number != number)
        d++;
    bool sent = info->si_code <= 0;
    if (!sent || info->si_pid == getpid())
        ist_crash_mark(deadly[d].name);
    sigaction(number, &before[d], NULL);
    if (sent)
        raise(number);
}

/* ---- outside --------------------------------------------------------------------------------- */

void ist_crash_watch(const char *folder, ist_shard shard, int64_t run, int rank)
{
    char ending[80];
    snprintf(ending, sizeof ending, "-crash-%" PRId64 "-%d.jsonl", run, rank);
    snprintf(head, sizeof head, "{\"kind\":\"crash\",\"run\":%" PRId64 ",\"rank\":%d,\"signal\":\"",
             run, rank);
    ist_crash_clear();
    path = ist_shard_path(folder, shard, "journal", ending);
    const stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
    sigaltstack(&stack, &stack_before);
    struct sigaction action = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t d = 0; d < DEADLY; d++)
        sigaction(deadly[d].number, &action, &before[d]);
}

void ist_crash_unwatch(void)
{
    if (!path)
        return;
    for (size_t d = 0; d < DEADLY; d++)
        sigaction(deadly[d].number, &before[d], NULL);
    sigaltstack(&stack_before, NULL);
    ist_free(path);
    path = NULL;
    ist_crash_clear();
}

static void take_off(const flight *next)
{
    int free_one = 1 - atomic_load(&current);
    flights[free_one] = *next;
    atomic_store(&current, free_one);
}

void ist_crash_step(const char *step, const ist_hash *tasks, size_t count)
{
    flight next = {.task = tasks, .count = count};
    ist_text text = {0};
    ist_text_add_json(&text, step);
    if (text.length < sizeof next.step)
        memcpy(next.step, text.data, text.length);
    ist_text_release(&text);
    take_off(&next);
}

void ist_crash_tasks(const ist_hash *tasks, size_t count)
{
    flight next = flights[atomic_load(&current)];
    next.task = tasks;
    next.count = count;
    take_off(&next);
}

void ist_crash_clear(void)
{
    take_off(&(flight){.count = 0});
}
