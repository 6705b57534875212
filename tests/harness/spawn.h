/* spawn: run a command from a test, never longer than its deadline, and know how it ended.
 *
 *     spawn_result r = spawn_run(NULL, (const char *[]){IST_PROGRAM, "plan", path, NULL});
 *     spawn_result r = spawn_ranks(3, NULL, (const char *[]){IST_PROGRAM, "run", path, NULL});
 *     cr_assert(eq(int, r.code, 0), "%s", spawn_story(&r));
 *
 * or, to interfere while it runs,
 *
 *     spawn_process p = spawn_start_ranks(3, NULL, argv);
 *     spawn_wait_text(&p, "pass 2", 20);
 *     spawn_signal_rank(&p, 1, SIGKILL);
 *     spawn_result r = spawn_finish(&p);
 *
 * The command gets a session of its own. At the deadline every process of that session is killed, Open MPI's ranks
 * (which sit in process groups of their own) included; if the test's process dies, so does the command. A test that
 * spawns must not call MPI_Init. Give the deadline room below Criterion's .timeout. What these return lives until the
 * test ends. */
#ifndef TESTS_HARNESS_SPAWN_H
#define TESTS_HARNESS_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct {
    double deadline;        /* seconds; 0: 60 */
    const char *dir;        /* working folder; NULL: the test's */
    const char *const *env; /* "NAME=value" sets, "NAME" unsets; ends with NULL */
    const char *input;      /* standard input is this file; NULL: /dev/null */
} spawn_options;

typedef struct {
    int code;       /* exit status; 128 + n if signal n ended it; 127 if it could not be started */
    bool timed_out; /* killed at the deadline (code is then 137) */
    double seconds;
    int left; /* processes of it that were still there five seconds later (and were killed) */
    const char *out, *err; /* NUL-terminated */
    size_t out_size, err_size;
    const char *command;
} spawn_result;

typedef struct {
    pid_t pid; /* also the session's number */
    int out, err;
    double started, deadline;
    bool ended, timed_out;
    int status;
    const char *command;
} spawn_process;

/* options may be NULL. argv ends with NULL; argv[0] is looked up in PATH. */
spawn_result spawn_run(const spawn_options *options, const char *const argv[]);
/* The same under mpirun on so many ranks (oversubscribed, not bound; works as root). */
spawn_result spawn_ranks(int ranks, const spawn_options *options, const char *const argv[]);

spawn_process spawn_start(const spawn_options *options, const char *const argv[]);
spawn_process spawn_start_ranks(int ranks, const spawn_options *options, const char *const argv[]);
/* Wait until it ends, the deadline included. */
spawn_result spawn_finish(spawn_process *p);

/* Wait until the test says so, the command ends or the seconds are over: whether the test said so. */
bool spawn_wait_until(spawn_process *p, bool (*test)(void *), void *argument, double seconds);
/* Until its standard output or error contains text. */
bool spawn_wait_text(spawn_process *p, const char *text, double seconds);
/* Still running? */
bool spawn_alive(spawn_process *p);

/* Signals: to the command itself (mpirun, if there is one), to all of its processes, to one MPI rank (whether there was
 * such a rank). */
void spawn_signal(const spawn_process *p, int signal);
void spawn_signal_all(const spawn_process *p, int signal);
bool spawn_signal_rank(const spawn_process *p, int rank, int signal);
/* How many processes of its session live. */
int spawn_count(const spawn_process *p);

/* Command, code, time and both outputs, for a failed assertion's message. */
const char *spawn_story(const spawn_result *r);

#endif
