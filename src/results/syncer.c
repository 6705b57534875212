#include "syncer.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "infostrata/base.h"
#include "infostrata/signals.h"

struct ist_syncer {
    int file;
    pthread_t thread;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t change;
    bool started, asked, end;
    int failed;
};

static void *work(void *data)
{
    ist_syncer *s = data;
    pthread_mutex_lock(&s->mutex);
    for (;;) {
        while (!s->asked && !s->end)
            pthread_cond_wait(&s->change, &s->mutex);
        if (!s->asked)
            break;
        pthread_mutex_unlock(&s->mutex);
        int reason = fdatasync(s->file) == 0 ? 0 : errno;
        pthread_mutex_lock(&s->mutex);
        if (reason != 0)
            s->failed = reason;
        s->asked = false;
        pthread_cond_broadcast(&s->change);
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

ist_syncer *ist_syncer_new(int file)
{
    ist_syncer *s = ist_alloc(1, sizeof *s);
    s->file = file;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->change, NULL);
    return s;
}

bool ist_syncer_ask(ist_syncer *s)
{
    if (!s->started)
        s->started = ist_thread_start(&s->thread, work, s);
    pthread_mutex_lock(&s->mutex);
    bool idle = !s->asked;
    if (idle && s->started) {
        s->asked = true;
        pthread_cond_signal(&s->change);
    } else if (idle && fdatasync(s->file) != 0) {
        s->failed = errno; /* there is no thread to be had */
    }
    pthread_mutex_unlock(&s->mutex);
    return idle;
}

/* A failure stays: Linux tells of it once, and what was lost stays lost. */
int ist_syncer_failed(ist_syncer *s)
{
    pthread_mutex_lock(&s->mutex);
    int reason = s->failed;
    pthread_mutex_unlock(&s->mutex);
    return reason;
}

int ist_syncer_wait(ist_syncer *s)
{
    pthread_mutex_lock(&s->mutex);
    while (s->asked)
        pthread_cond_wait(&s->change, &s->mutex);
    int reason = s->failed;
    pthread_mutex_unlock(&s->mutex);
    return reason;
}

void ist_syncer_free(ist_syncer **syncer)
{
    ist_syncer *s = *syncer;
    *syncer = NULL;
    if (!s)
        return;
    pthread_mutex_lock(&s->mutex);
    s->end = true;
    pthread_cond_signal(&s->change);
    pthread_mutex_unlock(&s->mutex);
    if (s->started)
        pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->change);
    pthread_mutex_destroy(&s->mutex);
    ist_free(s);
}
