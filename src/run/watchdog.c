#include "watchdog.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "infostrata/base.h"
#include "infostrata/signals.h"
#include "infostrata/place.h"
#include "patience.h"

struct ist_watchdog {
    ist_patience patience;
    char *log;
    ist_monitor *monitor;
    int rank, ranks;
    pthread_t thread;
    pthread_mutex_t mutex; /* of `end` */
    pthread_cond_t wake;
    bool end;
};

/* ---- the report ------------------------------------------------------------------------------ */

static void say(const ist_watchdog *w, const ist_whereabouts *place)
{
    char host[256] = "", now[IST_TIME_TEXT];
    gethostname(host, sizeof host - 1);
    ist_text line = {0};
    ist_text_add(
        &line,
        "%s infostrata: watchdog: rank %d of %d (host %s, process %d) gets no further since "
        "%.1f s: %s%s; %" PRId64 " tiles and %" PRId64 " exchanges done; ",
        ist_utc(now), w->rank, w->ranks, host, (int)getpid(), w->patience.idle,
        place->step[0] ? "at " : "before the first step", place->step, place->tiles, place->waits);
    if (place->rests)
        ist_text_add(&line, "it waits for other groups (%s)",
                     place->wait ? place->wait : "they are at work");
    else if (place->wait)
        ist_text_add(&line, "it waits for other ranks in %s", place->wait);
    else
        ist_text_add(&line, "it computes or reads");
    ist_text_add(&line, ". The run ends; a rank without such a line stands still itself; the same "
                        "command continues\n");
    ist_write_all(STDERR_FILENO, line.data, line.length);
    int file = open(w->log, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    if (file >= 0) {
        ist_write_all(file, line.data, line.length);
        close(file);
    }
    ist_text_release(&line);
}

static void end_now(int number)
{
    (void)number;
    _exit(IST_BROKEN);
}

/* Others, who wait for the same, have a moment to say where they are. */
static void end_all(const ist_watchdog *w, const ist_whereabouts *place)
{
    enum { GRACE_TO_SAY = 10 };
    const double least = 1, most = 5;
    double grace = w->patience.seconds < least  ? least
                   : w->patience.seconds > most ? most
                                                : w->patience.seconds;
    /* Whatever blocks in what follows, a file system or a pipe that nobody reads. */
    signal(SIGALRM, end_now);
    alarm((unsigned)grace + GRACE_TO_SAY);
    say(w, place);
    ist_monitor_abandon(w->monitor, "watchdog");
    const struct timespec pause = {(time_t)grace, 0};
    nanosleep(&pause, NULL);
    _exit(IST_BROKEN);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void look(ist_watchdog *w)
{
    ist_whereabouts place = ist_place_now();
    if (ist_patience_over(&w->patience, &place, ist_seconds()))
        end_all(w, &place);
}

static void *watch(void *data)
{
    ist_watchdog *w = data;
    pthread_mutex_lock(&w->mutex);
    while (!w->end) {
        look(w);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)(IST_PATIENCE_LOOK * 1e9);
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&w->wake, &w->mutex, &until);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void release(ist_watchdog *w)
{
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
    ist_free(w->log);
    ist_free(w);
}

ist_watchdog *ist_watchdog_new(double seconds, const char *log, ist_monitor *monitor, int rank,
                               int ranks)
{
    if (seconds <= 0)
        return NULL;
    ist_watchdog *w = ist_alloc(1, sizeof *w);
    *w = (ist_watchdog){.patience = {.seconds = seconds, .last = ist_seconds()},
                        .log = ist_copy_text(log),
                        .monitor = monitor,
                        .rank = rank,
                        .ranks = ranks};
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&w->mutex, NULL);
    if (ist_thread_start(&w->thread, watch, w))
        return w;
    release(w);
    return NULL;
}

void ist_watchdog_end(ist_watchdog **watchdog)
{
    ist_watchdog *w = *watchdog;
    *watchdog = NULL;
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->end = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    release(w);
}
