#include "monitor.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "infostrata/signals.h"

/* How often, in seconds: a look; a line on a terminal is every look. */
static const double LOOK = 0.5, FILE_EVERY = 2, LINE_EVERY = 60;

struct ist_monitor {
    char *path;
    const ist_lock *lock;
    ist_log *log;
    const ist_pulse *pulse;
    bool terminal;
    pthread_t thread;
    bool started, end;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t wake;
    ist_status status;
    double planned_pairs, step_pairs;
    double pairs_before; /* the step: pairs of this rank until it began */
    double began;        /* the run: when its first pass did; 0: not yet */
    double last_file, last_beat, last_line;
    int64_t done_before; /* tasks, before this run */
};

/* ---- what is known --------------------------------------------------------------------------- */

static double pairs_now(const ist_monitor *m)
{
    return (double)atomic_load(&m->pulse->pairs);
}

/* This rank's pairs stand for those of all: shares are equal but for a superblock. */
static void refresh(ist_monitor *m)
{
    ist_status *s = &m->status;
    double ranks = (double)ist_max(s->ranks, 1), pairs = pairs_now(m), now = ist_seconds();
    double share = m->step_pairs > 0 ? (pairs - m->pairs_before) / m->step_pairs : 0;
    s->percent = ist_min((int64_t)(100 * share), 99);
    double seconds = m->began > 0 ? now - m->began : 0;
    s->pairs_per_second = seconds > 0 ? (int64_t)(pairs * ranks / seconds) : 0;
    double left = m->planned_pairs - pairs * ranks;
    s->seconds_left =
        s->pairs_per_second > 0 ? (int64_t)(left > 0 ? left / (double)s->pairs_per_second : 0) : -1;
    s->core_seconds = (int64_t)((now - m->log->start) * ranks);
    s->memory = ist_max(s->memory, ist_resident_memory().peak);
    ist_utc(s->heartbeat);
}

static void write_file(const ist_monitor *m)
{
    ist_text text = {0};
    ist_error ignored = {0}; /* a full disk is the journal's to report */
    ist_status_write(&m->status, &text);
    ist_write_file(m->path, text.data, text.length, &ignored);
    ist_text_release(&text);
}

static void describe(const ist_status *s, ist_text *out)
{
    ist_text_add(out, "%" PRId64 " of %" PRId64 " tasks done", s->done, s->tasks);
    if (s->failed > 0)
        ist_text_add(out, ", %" PRId64 " failed", s->failed);
    if (s->step_number > 0)
        ist_text_add(out, "; %s, %" PRId64 " %%", s->step, s->percent);
    if (s->pairs_per_second > 0) {
        ist_text_add(out, "; %.2g pairs/s; ", (double)s->pairs_per_second);
        ist_text_add_duration(out, s->seconds_left);
        ist_text_add(out, " left");
    }
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void tell(ist_monitor *m, double now)
{
    bool line = now - m->last_line >= LINE_EVERY && m->status.step_number > 0;
    if (!m->terminal && !line)
        return;
    ist_text text = {0};
    describe(&m->status, &text);
    if (line) {
        m->last_line = now;
        ist_log_line(m->log, "%s", text.data);
    } else {
        ist_log_passing(m->log, text.data);
    }
    ist_text_release(&text);
}

static void look(ist_monitor *m)
{
    double now = ist_seconds();
    refresh(m);
    if (now - m->last_beat >= IST_LOCK_BEAT_SECONDS) {
        m->last_beat = now;
        ist_lock_beat(m->lock);
    }
    if (now - m->last_file >= FILE_EVERY) {
        m->last_file = now;
        write_file(m);
    }
    tell(m, now);
}

static void *watch(void *data)
{
    ist_monitor *m = data;
    pthread_mutex_lock(&m->mutex);
    while (!m->end) {
        look(m);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)(LOOK * 1e9);
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&m->wake, &m->mutex, &until);
    }
    pthread_mutex_unlock(&m->mutex);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

ist_monitor *ist_monitor_new(const char *folder, ist_shard shard, const ist_lock *lock,
                             ist_log *log, const ist_pulse *pulse)
{
    ist_monitor *m = ist_alloc(1, sizeof *m);
    *m = (ist_monitor){.path = ist_shard_path(folder, shard, "status", ".json"),
                       .lock = lock,
                       .log = log,
                       .pulse = pulse,
                       .terminal = !log->quiet && isatty(STDERR_FILENO),
                       .last_line = ist_seconds(),
                       .last_beat = ist_seconds()};
    ist_status_self(&m->status);
    m->status.seconds_left = -1;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&m->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&m->mutex, NULL);
    return m;
}

void ist_monitor_end(ist_monitor **monitor, ist_run_state state, const char *reason)
{
    ist_monitor *m = *monitor;
    *monitor = NULL;
    if (!m)
        return;
    pthread_mutex_lock(&m->mutex);
    m->end = true;
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->mutex);
    if (m->started)
        pthread_join(m->thread, NULL);
    refresh(m);
    ist_log_passing(m->log, "");
    m->status.state = state;
    m->status.seconds_left = -1;
    snprintf(m->status.reason, sizeof m->status.reason, "%s", reason);
    write_file(m);
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->mutex);
    ist_free(m->path);
    ist_free(m);
}

void ist_monitor_abandon(ist_monitor *m, const char *reason)
{
    if (!m || pthread_mutex_trylock(&m->mutex) != 0)
        return;
    refresh(m);
    m->status.state = IST_ENDED_BROKEN;
    snprintf(m->status.reason, sizeof m->status.reason, "%s", reason);
    write_file(m);
    m->end = true;
    pthread_mutex_unlock(&m->mutex);
}

ist_status *ist_monitor_open(ist_monitor *m)
{
    pthread_mutex_lock(&m->mutex);
    return &m->status;
}

void ist_monitor_close(ist_monitor *m)
{
    m->done_before = m->status.done;
    pthread_mutex_unlock(&m->mutex);
    if (!m->started)
        m->started = ist_thread_start(&m->thread, watch, m);
}

void ist_monitor_plan(ist_monitor *m, double pairs, size_t passes)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->mutex);
    m->planned_pairs = pairs;
    m->status.steps = (int64_t)passes;
    pthread_mutex_unlock(&m->mutex);
}

void ist_monitor_step(ist_monitor *m, const char *what, double pairs)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->mutex);
    m->status.step_number++;
    snprintf(m->status.step, sizeof m->status.step, "%s", what);
    m->step_pairs = pairs;
    m->pairs_before = pairs_now(m);
    if (m->began <= 0)
        m->began = ist_seconds();
    pthread_mutex_unlock(&m->mutex);
}

void ist_monitor_tasks(ist_monitor *m, size_t done, size_t failed, int64_t journal_bytes)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->mutex);
    m->status.done = m->done_before + (int64_t)done;
    m->status.failed = (int64_t)failed;
    m->status.journal_bytes = journal_bytes;
    pthread_mutex_unlock(&m->mutex);
}
