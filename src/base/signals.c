#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "infostrata/signals.h"

/* One flag a signal: a handler that writes what another one reads would lose one of two that come together. */
static volatile sig_atomic_t caught_usr1, caught_interrupt, caught_terminate;
static volatile sig_atomic_t first_interrupt; /* in seconds; 0: there was none */

static sig_atomic_t seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (sig_atomic_t)now.tv_sec + 1;
}

/* Launchers and shells repeat signals within milliseconds: only a later one is a second wish. */
static void interrupted(void)
{
    sig_atomic_t now = seconds_now();
    if (first_interrupt && now - first_interrupt > 1) {
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
    }
    if (!first_interrupt)
        first_interrupt = now;
    caught_interrupt = 1;
}

static void handle(int number)
{
    if (number == SIGUSR1)
        caught_usr1 = 1;
    else if (number == SIGTERM)
        caught_terminate = 1;
    else
        interrupted();
}

void ist_signals_catch(void)
{
    static const int numbers[] = {SIGUSR1, SIGTERM, SIGINT};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
}

ist_stop_reason ist_signals_caught(void)
{
    if (caught_terminate)
        return IST_STOP_TERMINATE;
    if (caught_interrupt)
        return IST_STOP_INTERRUPT;
    return caught_usr1 ? IST_STOP_USR1 : IST_GO_ON;
}

bool ist_thread_start(pthread_t *thread, void *(*work)(void *data), void *data)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool started = pthread_create(thread, NULL, work, data) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

const char *ist_stop_text(ist_stop_reason reason)
{
    switch (reason) {
    case IST_GO_ON: break;
    case IST_STOP_HOURS: return "--max-hours";
    case IST_STOP_WISH: return "infostrata stop";
    case IST_STOP_USR1: return "SIGUSR1";
    case IST_STOP_INTERRUPT: return "SIGINT";
    case IST_STOP_TERMINATE: return "SIGTERM";
    }
    return "nothing";
}
