#include "spawn.h"

#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CANNOT(what) (perror("harness: cannot " what), abort())

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

/* ---- the child ---- */

static void set_environment(const char *const *env)
{
    for (; env && *env; env++) {
        const char *equals = strchr(*env, '=');
        if (!equals) {
            unsetenv(*env);
            continue;
        }
        char *name = strndup(*env, (size_t)(equals - *env));
        setenv(name, equals + 1, 1);
        free(name);
    }
}

/* Open MPI in a test: as root, in a container, more ranks than cores. */
static const char *const mpi_environment[] = {
    "OMPI_ALLOW_RUN_AS_ROOT=1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
    "OMPI_MCA_mpi_yield_when_idle=1",
    "OMPI_MCA_btl_vader_single_copy_mechanism=none",
    "HWLOC_HIDE_ERRORS=2",
    NULL,
};

static _Noreturn void become(const spawn_options *o, const char *const argv[], pid_t parent,
                             int out, int err)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int s = 1; s < 32; s++)
        signal(s, SIG_DFL);
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    int in = open(o->input ? o->input : "/dev/null", O_RDONLY);
    if (in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(127);
    close_range(3, ~0u, 0);
    set_environment(mpi_environment);
    set_environment(o->env);
    if (o->dir && chdir(o->dir) != 0)
        _exit(127);
    execvp(argv[0], (char *const *)argv);
    dprintf(2, "cannot start %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static const char *join(const char *const argv[])
{
    const char *line = argv[0];
    for (argv++; *argv; argv++)
        line = scratch_text("%s %s", line, *argv);
    return line;
}

spawn_process spawn_start(const spawn_options *options, const char *const argv[])
{
    const spawn_options o = options ? *options : (spawn_options){0};
    spawn_process p = {
        .command = join(argv),
        .started = now(),
        .out = memfd_create("out", MFD_CLOEXEC),
        .err = memfd_create("err", MFD_CLOEXEC),
    };
    p.deadline = p.started + (o.deadline > 0 ? o.deadline : 60);
    if (p.out < 0 || p.err < 0 || fcntl(p.out, F_SETFL, O_APPEND) ||
        fcntl(p.err, F_SETFL, O_APPEND))
        CANNOT("make a memory file");
    fflush(NULL);
    /* Orphans of the command come to us: not every init (in a container, say) reaps at once, and until then a killed
     * process still answers to its number. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t self = getpid();
    p.pid = fork();
    if (p.pid < 0)
        CANNOT("fork");
    if (p.pid == 0)
        become(&o, argv, self, p.out, p.err);
    return p;
}

spawn_process spawn_start_ranks(int ranks, const spawn_options *options, const char *const argv[])
{
    const char *front[] = {"mpirun", "--oversubscribe",        "--bind-to", "none",
                           "-n",     scratch_text("%d", ranks)};
    size_t fronts = sizeof front / sizeof *front, count = 0;
    while (argv[count])
        count++;
    const char **all = scratch_alloc((fronts + count + 1) * sizeof *all);
    memcpy(all, front, sizeof front);
    memcpy(all + fronts, argv, count * sizeof *all);
    return spawn_start(options, all);
}

/* ---- its processes ---- */

/* Calls act for each living process of the session, and buries its dead but the leader (whose status is still wanted).
 * Without /proc only the leader is known. */
static void each_process(pid_t session, void (*act)(pid_t, void *), void *argument)
{
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        char path[300], line[1024];
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid <= 0)
            continue;
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        size_t got = fread(line, 1, sizeof line - 1, file);
        fclose(file);
        line[got] = '\0';
        /* pid (name) state ppid pgrp session; the name may hold blanks and brackets. */
        const char *rest = strrchr(line, ')');
        char state;
        int of = 0;
        if (!rest || sscanf(rest, ") %c %*d %*d %d", &state, &of) != 2 || of != session)
            continue;
        if (state != 'Z' || (pid != session && waitpid(pid, NULL, WNOHANG) != pid))
            act(pid, argument);
    }
    if (proc)
        closedir(proc);
}

static void send_signal(pid_t pid, void *argument)
{
    kill(pid, *(const int *)argument);
}

static void count_one(pid_t pid, void *argument)
{
    (void)pid;
    ++*(int *)argument;
}

typedef struct {
    const char *variable;
    pid_t found;
} rank_search;

static void match_rank(pid_t pid, void *argument)
{
    rank_search *search = argument;
    size_t size;
    const char *env = file_read(scratch_text("/proc/%d/environ", pid), &size);
    for (const char *at = env; at && at < env + size; at += strlen(at) + 1)
        if (strcmp(at, search->variable) == 0)
            search->found = pid;
}

int spawn_count(const spawn_process *p)
{
    int count = 0;
    each_process(p->pid, count_one, &count);
    return count;
}

void spawn_signal(const spawn_process *p, int signal)
{
    if (!p->ended)
        kill(p->pid, signal);
}

void spawn_signal_all(const spawn_process *p, int signal)
{
    spawn_signal(p, signal);
    each_process(p->pid, send_signal, &signal);
}

bool spawn_signal_rank(const spawn_process *p, int rank, int signal)
{
    rank_search search = {scratch_text("OMPI_COMM_WORLD_RANK=%d", rank), 0};
    /* A process that is just becoming another program (exec) shows no environment for a moment. */
    for (int look = 0; look < 20 && search.found == 0; look++) {
        each_process(p->pid, match_rank, &search);
        if (search.found == 0)
            usleep(10000);
    }
    return search.found > 0 && kill(search.found, signal) == 0;
}

/* ---- waiting ---- */

/* One look: has it ended, or is its time over? */
static void look(spawn_process *p)
{
    if (p->ended)
        return;
    pid_t got = waitpid(p->pid, &p->status, WNOHANG);
    if (got == 0 && now() > p->deadline) {
        p->timed_out = true;
        spawn_signal_all(p, SIGKILL);
        got = waitpid(p->pid, &p->status, 0);
    }
    p->ended = got != 0;
}

bool spawn_alive(spawn_process *p)
{
    look(p);
    return !p->ended;
}

bool spawn_wait_until(spawn_process *p, bool (*test)(void *), void *argument, double seconds)
{
    double end = now() + seconds;
    for (;;) {
        bool alive = spawn_alive(p);
        if (test(argument))
            return true;
        if (!alive || now() > end)
            return false;
        nap();
    }
}

static size_t size_of(int file)
{
    struct stat info;
    return fstat(file, &info) == 0 ? (size_t)info.st_size : 0;
}

static char *read_all(int file, size_t *size)
{
    size_t end = size_of(file);
    char *bytes = scratch_alloc(end + 1);
    ssize_t got = pread(file, bytes, end, 0);
    *size = got > 0 ? (size_t)got : 0;
    return bytes;
}

typedef struct {
    const spawn_process *process;
    const char *text;
    size_t seen[2];
} text_search;

static bool has_text(void *argument)
{
    text_search *search = argument;
    const int files[2] = {search->process->out, search->process->err};
    for (int i = 0; i < 2; i++) {
        size_t size = size_of(files[i]);
        if (size != search->seen[i] && strstr(read_all(files[i], &size), search->text))
            return true;
        search->seen[i] = size;
    }
    return false;
}

bool spawn_wait_text(spawn_process *p, const char *text, double seconds)
{
    return spawn_wait_until(p, has_text, &(text_search){p, text, {0, 0}}, seconds);
}

/* Ranks outlive a killed mpirun by up to a second; what is still there after five stays for ever. */
static int count_left(const spawn_process *p)
{
    int left = spawn_count(p);
    for (double end = now() + 5; left > 0 && now() < end; left = spawn_count(p))
        nap();
    if (left > 0)
        spawn_signal_all(p, SIGKILL);
    return left;
}

spawn_result spawn_finish(spawn_process *p)
{
    while (spawn_alive(p))
        nap();
    spawn_result r = {
        .code = WIFSIGNALED(p->status) ? 128 + WTERMSIG(p->status) : WEXITSTATUS(p->status),
        .timed_out = p->timed_out,
        .seconds = now() - p->started,
        .command = p->command,
    };
    r.left = count_left(p);
    r.out = read_all(p->out, &r.out_size);
    r.err = read_all(p->err, &r.err_size);
    close(p->out);
    close(p->err);
    return r;
}

spawn_result spawn_run(const spawn_options *options, const char *const argv[])
{
    spawn_process p = spawn_start(options, argv);
    return spawn_finish(&p);
}

spawn_result spawn_ranks(int ranks, const spawn_options *options, const char *const argv[])
{
    spawn_process p = spawn_start_ranks(ranks, options, argv);
    return spawn_finish(&p);
}

const char *spawn_story(const spawn_result *r)
{
    return scratch_text("%s\nended with %d%s after %.1f s\n--- standard output\n%s"
                        "--- standard error\n%s---",
                        r->command, r->code, r->timed_out ? " (deadline)" : "", r->seconds, r->out,
                        r->err);
}
