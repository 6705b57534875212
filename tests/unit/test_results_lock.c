/* The lock: one run a folder, and a dead one blocks nobody. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../src/results/holder.h"
#include "../harness/scratch.h"
#include "infostrata/results.h"

static const char *folder(void)
{
    return scratch_path("results/out");
}

static const char *lock_path(void)
{
    return scratch_path("results/out/lock");
}

static ist_code take(ist_lock *lock, ist_error *error)
{
    *error = (ist_error){0};
    return ist_lock_take(folder(), (ist_shard){0}, lock, error);
}

static void expect_taken(void)
{
    ist_lock lock;
    ist_error error;
    cr_expect(take(&lock, &error) == IST_OK, "%s", error.text);
    cr_expect(lock.path && lock.descriptor >= 0);
    ist_lock_release(&lock);
    cr_expect(!file_exists(lock_path()));
}

static void expect_refused(const char *words)
{
    ist_lock lock;
    ist_error error;
    cr_expect(take(&lock, &error) == IST_REFUSED, "%d %s", error.code, error.text);
    cr_expect(strstr(error.text, words), "%s", error.text);
    cr_expect(!lock.path);
    ist_lock_release(&lock);
}

static void write_holder(const ist_holder *holder)
{
    ist_text text = {0};
    ist_holder_write(holder, &text);
    file_write(lock_path(), text.data, text.length);
    ist_text_release(&text);
}

/* Starts a process that takes the lock, says so, and sleeps until it is killed. */
static pid_t start_holder(void)
{
    int said[2];
    folder(); /* the scratch folder is the parent's, not the child's */
    cr_assert(pipe(said) == 0);
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        ist_lock lock;
        ist_error error;
        char result = (char)take(&lock, &error);
        if (write(said[1], &result, 1) == 1)
            pause();
        _exit(1);
    }
    char result = 1;
    close(said[1]);
    cr_assert(read(said[0], &result, 1) == 1);
    close(said[0]);
    cr_assert(result == IST_OK);
    return child;
}

/* ---- one process ----------------------------------------------------------------------------- */

Test(lock, makes_the_folder_and_names_the_holder)
{
    ist_lock lock;
    ist_error error;
    ist_holder holder;
    rmdir(folder());
    rmdir(scratch_path("results"));
    cr_assert(take(&lock, &error) == IST_OK, "%s", error.text);
    size_t size = 0;
    const char *text = file_read(lock_path(), &size);
    cr_assert(ist_holder_read(text, size, &holder), "%s", text);
    cr_expect(holder.pid == getpid() && holder.start > 0);
    cr_expect(*holder.host && *holder.boot && strlen(holder.since) == 20);
    expect_refused("the output folder is in use by another run (host ");
    expect_refused(scratch_text(", process %d, ", (int)getpid()));
    ist_lock_release(&lock);
    ist_lock_release(&lock);
    expect_taken();
}

Test(lock, a_folder_that_cannot_be_made)
{
    ist_lock lock;
    ist_error error = {0};
    file_write_text(scratch_path("file"), "x");
    cr_expect(ist_lock_take(scratch_path("file"), (ist_shard){0}, &lock, &error) == IST_BROKEN);
    cr_expect(strstr(error.text, "there is a file of this name"), "%s", error.text);
    error = (ist_error){0};
    cr_expect(ist_lock_take(scratch_text("%s/a/b", scratch_path("file")), (ist_shard){0}, &lock,
                            &error) == IST_BROKEN);
    cr_expect(strstr(error.text, "cannot make the folder"), "%s", error.text);
}

Test(lock, a_link_is_not_followed)
{
    ist_lock lock;
    ist_error error;
    cr_assert(mkdir(folder(), 0777) == 0 || file_exists(folder()));
    cr_assert(symlink(scratch_path("elsewhere"), lock_path()) == 0);
    cr_expect(take(&lock, &error) == IST_BROKEN);
    cr_expect(strstr(error.text, "symbolic link"), "%s", error.text);
    cr_expect(!file_exists(scratch_path("elsewhere")));
}

/* ---- what a file says ------------------------------------------------------------------------ */

Test(lock, files_of_the_dead_are_taken_over)
{
    ist_holder self;
    ist_holder_self(&self);
    expect_taken();
    ist_holder gone = self;
    gone.pid = 2000000000; /* beyond any pid_max */
    write_holder(&gone);
    expect_taken();
    ist_holder reused = self;
    reused.start--;
    write_holder(&reused);
    expect_taken();
    ist_holder before_boot = self;
    memset(before_boot.boot, '0', 8);
    write_holder(&before_boot);
    expect_taken();
    file_write_text(lock_path(), "");
    expect_taken();
    file_write_text(lock_path(), "{\"host\":");
    expect_taken();
}

Test(lock, the_living_and_the_unknown_are_not)
{
    ist_holder self, other;
    ist_holder_self(&self);
    expect_taken();
    write_holder(&self);
    expect_refused("in use by another run");
    other = self;
    memcpy(other.host, "elsewhere", 10);
    memcpy(other.slurm_job, "4711", 5);
    write_holder(&other);
    expect_refused("is held by a run on host elsewhere, process ");
    expect_refused(", Slurm job 4711, since ");
    expect_refused(scratch_text("rm '%s'", lock_path()));
}

Test(lock, a_requeued_job_follows_itself)
{
    setenv("SLURM_JOB_ID", "4711", 1);
    setenv("SLURM_RESTART_COUNT", "1", 1);
    ist_holder self, other;
    ist_holder_self(&self);
    cr_assert(self.restarts == 1);
    expect_taken();
    other = self;
    memcpy(other.host, "elsewhere", 10);
    write_holder(&other);
    expect_refused("elsewhere");
    other.restarts = 0;
    write_holder(&other);
    expect_taken();
    memcpy(other.slurm_job, "4712", 5);
    write_holder(&other);
    expect_refused("elsewhere");
}

static void touch_lock(time_t seconds_ago)
{
    struct timespec times[2] = {{time(NULL) - seconds_ago, 0}, {time(NULL) - seconds_ago, 0}};
    cr_assert(utimensat(AT_FDCWD, lock_path(), times, 0) == 0);
}

/* R8: a run of another host is alive as long as its lock is touched. */
Test(lock, F38_without_heartbeat_for_long_is_taken_over)
{
    ist_holder other;
    expect_taken();
    ist_holder_self(&other);
    memcpy(other.host, "elsewhere", 10);
    write_holder(&other);
    touch_lock(IST_LOCK_SECONDS - 60);
    expect_refused("sign of life within the last 10 minutes");
    touch_lock(IST_LOCK_SECONDS + 60);
    expect_taken();
    /* A process of this host can be asked for: its heartbeat does not matter. */
    ist_holder_self(&other);
    write_holder(&other);
    touch_lock(IST_LOCK_SECONDS + 60);
    expect_refused("in use by another run");
}

Test(lock, heartbeat_touches_the_lock)
{
    ist_lock lock;
    ist_error error;
    struct stat info;
    cr_assert(take(&lock, &error) == IST_OK);
    touch_lock(1000);
    ist_lock_beat(&lock);
    cr_assert(stat(lock_path(), &info) == 0);
    cr_expect(info.st_mtime > time(NULL) - 100);
    ist_lock_release(&lock);
    ist_lock_beat(&lock);
}

/* Shards beside each other, but not beside the whole job. */
Test(lock, shards_and_the_whole_job)
{
    ist_lock first, second, whole;
    ist_error error = {0};
    const char *folder_path = folder();
    cr_assert(ist_lock_take(folder_path, (ist_shard){0, 2}, &first, &error) == IST_OK);
    cr_assert(ist_lock_take(folder_path, (ist_shard){1, 2}, &second, &error) == IST_OK);
    cr_expect(ist_lock_take(folder_path, (ist_shard){0, 0}, &whole, &error) == IST_REFUSED);
    cr_expect(strstr(error.text, "in use by another run"), "%s", error.text);
    cr_expect(!whole.path && !file_exists(lock_path()));
    ist_lock_release(&first);
    ist_lock_release(&second);
    error = (ist_error){0};
    cr_assert(ist_lock_take(folder_path, (ist_shard){0, 0}, &whole, &error) == IST_OK);
    cr_expect(ist_lock_take(folder_path, (ist_shard){1, 2}, &second, &error) == IST_REFUSED);
    ist_lock_release(&whole);
}

/* ---- several processes ----------------------------------------------------------------------- */

Test(lock, a_killed_run_does_not_block_the_next, .timeout = 30)
{
    pid_t child = start_holder();
    expect_refused(scratch_text(", process %d, ", (int)child));
    kill(child, SIGKILL);
    cr_assert(waitpid(child, NULL, 0) == child);
    cr_expect(file_exists(lock_path()));
    expect_taken();
}

/* Everybody starts at once on the lock of a dead run, or on none; the winner keeps it for a while. */
static int winners(int count)
{
    int start[2], said[2], won = 0;
    cr_assert(pipe(start) == 0 && pipe(said) == 0);
    for (int i = 0; i < count; i++) {
        if (fork() != 0)
            continue;
        char go = 0;
        close(start[1]);
        ist_lock lock;
        ist_error error;
        bool good = read(start[0], &go, 1) == 0 && take(&lock, &error) == IST_OK;
        char result = good ? 'y' : error.code == IST_REFUSED ? 'n' : '?';
        bool told = write(said[1], &result, 1) == 1;
        usleep(100000);
        _exit(told ? 0 : 1); /* dies with the lock in its hand */
    }
    close(start[0]);
    close(start[1]); /* the signal to start */
    for (int i = 0; i < count; i++) {
        char result = 0;
        cr_assert(read(said[0], &result, 1) == 1);
        cr_expect(result != '?');
        won += result == 'y';
    }
    while (wait(NULL) > 0)
        continue;
    close(said[0]);
    close(said[1]);
    return won;
}

Test(lock, of_many_starters_one_wins, .timeout = 120)
{
    for (int round = 0; round < 20; round++) {
        if (round % 4 == 0)
            unlink(lock_path()); /* else the last winner's file lies there, and he is dead */
        int won = winners(6);
        cr_assert(won == 1, "round %d: %d", round, won);
    }
}
