/* The lock of an output folder. It is told in two ways, and both must be free:
 *   the file FOLDER/lock, made whole (link, rename), says who holds it, also to other hosts;
 *   flock on that file, from before it is seen until the process ends, is given back by the kernel
 *   whatever the process dies of, and lets only one of two starters take over a dead run's file.
 * A file system may not know flock (some Lustre mounts): there the file alone has to do, and who
 * takes over looks again a moment later whether it is still his. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "holder.h"
#include "infostrata/results.h"

enum { ATTEMPTS = 40, PAUSE_MS = 25, SECOND_LOOK_MS = 300 };

typedef struct {
    char *path, *mine; /* the lock, and our file beside it before it becomes the lock */
    int file;          /* of `mine` */
    bool has_flock;
    ist_holder self;
} attempt;

typedef enum { TAKEN, HELD, AGAIN, BROKEN } outcome;

static void pause_ms(long ms)
{
    struct timespec time = {0, ms * 1000000};
    nanosleep(&time, NULL);
}

/* ---- folder ---------------------------------------------------------------------------------- */

static ist_code make_folder(const char *folder, ist_error *error)
{
    if (mkdir(folder, 0777) == 0)
        return IST_OK;
    if (errno == ENOENT) {
        char *parent = ist_folder_of(folder);
        bool root = strcmp(parent, folder) == 0;
        ist_code code = root ? ist_fail(error, IST_BROKEN, "there is no folder '%s'", folder)
                             : make_folder(parent, error);
        ist_free(parent);
        if (code != IST_OK)
            return code;
        if (mkdir(folder, 0777) == 0)
            return IST_OK;
    }
    int reason = errno;
    struct stat info;
    if (reason == EEXIST && stat(folder, &info) == 0 && S_ISDIR(info.st_mode))
        return IST_OK;
    return ist_fail(error, IST_BROKEN, "cannot make the folder '%s': %s", folder,
                    reason == EEXIST ? "there is a file of this name" : strerror(reason));
}

/* ---- our own file ---------------------------------------------------------------------------- */

static bool write_whole(int file, const ist_text *text)
{
    size_t done = 0;
    while (done < text->length) {
        ssize_t count = write(file, text->data + done, text->length - done);
        if (count < 0 && errno != EINTR)
            return false;
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

static ist_code make_mine(attempt *a, ist_error *error)
{
    ist_text text = {0};
    ist_holder_write(&a->self, &text);
    unlink(a->mine); /* left by a process of our number that died here */
    a->file = open(a->mine, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    bool good = a->file >= 0 && write_whole(a->file, &text);
    int reason = errno;
    ist_text_release(&text);
    if (!good)
        return ist_fail(error, IST_BROKEN, "cannot write '%s': %s", a->mine, strerror(reason));
    a->has_flock = flock(a->file, LOCK_EX | LOCK_NB) == 0;
    return IST_OK;
}

static bool same_file(int file, const char *path)
{
    struct stat open_one, named;
    return fstat(file, &open_one) == 0 && lstat(path, &named) == 0 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/* ---- somebody's file ------------------------------------------------------------------------- */

static ist_code refuse(const attempt *a, const ist_holder *holder, bool unknown, ist_error *error)
{
    ist_text who = {0};
    ist_holder_text(holder, &who);
    if (unknown) {
        ist_fail(error, IST_REFUSED,
                 "the output folder is held by a run on %s, which gave a sign of life within the "
                 "last %d minutes. If it is "
                 "known to be dead: rm '%s', and start again",
                 who.data, IST_LOCK_SECONDS / 60, a->path);
    } else {
        ist_fail(
            error, IST_REFUSED,
            "the output folder is in use by another run (%s); wait for its end, stop it, or give "
            "this one another folder with --output",
            who.data);
    }
    ist_text_release(&who);
    return error->code;
}

/* A file without a word in it was not made by link: a disk may have lost its contents in a crash. */
static outcome judge(attempt *a, const ist_text *text, bool flocked, bool silent, ist_error *error)
{
    ist_holder holder;
    if (!ist_holder_read(text->length ? text->data : "", text->length, &holder)) {
        if (flocked)
            return TAKEN;
        ist_fail(
            error, IST_REFUSED,
            "the output folder is held by a run that '%s' does not name. If no run is known to "
            "use the folder: rm '%s', and start again",
            a->path, a->path);
        return HELD;
    }
    ist_holder_state state = ist_holder_look(&holder, &a->self);
    if (state == IST_HOLDER_UNKNOWN && silent)
        state = IST_HOLDER_GONE;
    if (state == IST_HOLDER_GONE && (flocked || !a->has_flock))
        return TAKEN;
    if (state == IST_HOLDER_GONE)
        return AGAIN; /* its processes are still ending, or somebody else is taking over */
    bool seen_alive = a->has_flock && !flocked;
    refuse(a, &holder, state == IST_HOLDER_UNKNOWN && !seen_alive, error);
    return HELD;
}

static bool replace(attempt *a)
{
    if (rename(a->mine, a->path) != 0)
        return false;
    if (!a->has_flock)
        pause_ms(SECOND_LOOK_MS);
    return same_file(a->file, a->path);
}

/* No heartbeat for long. Both times are those of the file system that has the files: no clocks are compared. */
static bool is_silent(const attempt *a, int old)
{
    struct stat theirs, mine;
    return fstat(old, &theirs) == 0 && fstat(a->file, &mine) == 0 &&
           mine.st_mtim.tv_sec - theirs.st_mtim.tv_sec > IST_LOCK_SECONDS;
}

/* There is a lock file: whose is it? If nobody's, ours takes its place while its flock is held. */
static outcome take_over(attempt *a, ist_error *error)
{
    int old = open(a->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (old < 0 && errno == ENOENT)
        return AGAIN;
    if (old < 0) {
        ist_fail(error, IST_BROKEN, "cannot open '%s': %s", a->path,
                 errno == ELOOP ? "it is a symbolic link" : strerror(errno));
        return BROKEN;
    }
    ist_text text = {0};
    ist_error ignored = {0};
    bool flocked = flock(old, LOCK_EX | LOCK_NB) == 0;
    outcome result = AGAIN;
    if (same_file(old, a->path) && ist_read_file(a->path, 4096, &text, &ignored) == IST_OK)
        result = judge(a, &text, flocked, is_silent(a, old), error);
    if (result == TAKEN && !replace(a))
        result = AGAIN;
    ist_text_release(&text);
    close(old);
    return result;
}

/* ---- the lock -------------------------------------------------------------------------------- */

static outcome try_once(attempt *a, ist_error *error)
{
    if (link(a->mine, a->path) == 0) {
        unlink(a->mine);
        return TAKEN;
    }
    int reason = errno;
    if (reason == EEXIST)
        return take_over(a, error);
    /* Not every file system has links. */
    if (renameat2(AT_FDCWD, a->mine, AT_FDCWD, a->path, RENAME_NOREPLACE) == 0)
        return TAKEN;
    if (errno == EEXIST)
        return take_over(a, error);
    ist_fail(error, IST_BROKEN, "cannot make '%s': %s", a->path, strerror(reason));
    return BROKEN;
}

static outcome try_often(attempt *a, ist_error *error)
{
    outcome result = AGAIN;
    for (int i = 0; i < ATTEMPTS && result == AGAIN; i++) {
        if (i > 0)
            pause_ms(PAUSE_MS);
        result = try_once(a, error);
    }
    if (result == AGAIN)
        ist_fail(
            error, IST_REFUSED,
            "the output folder is in use: processes of another run on this host still hold '%s'",
            a->path);
    return result;
}

/* ---- shards and the whole job ---------------------------------------------------------------- */

/* A lock that is not ours: is a live run behind it? */
static bool is_held(const attempt *a, const char *path, ist_error *error)
{
    ist_text text = {0};
    ist_error ignored = {0};
    ist_holder holder;
    int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    bool held = file >= 0 && ist_read_file(path, 4096, &text, &ignored) == IST_OK &&
                ist_holder_read(text.length ? text.data : "", text.length, &holder);
    if (held) {
        ist_holder_state state = ist_holder_look(&holder, &a->self);
        held = state == IST_HOLDER_ALIVE || (state == IST_HOLDER_UNKNOWN && !is_silent(a, file));
    }
    if (held)
        refuse(a, &holder, false, error);
    ist_text_release(&text);
    if (file >= 0)
        close(file);
    return held;
}

/* Shards work side by side; the whole job and a shard would do the same tasks. Both look after they took their own lock, so that of two that
 * start at once at least one sees the other. */
static ist_code check_others(const attempt *a, const char *folder, ist_shard shard,
                             ist_error *error)
{
    DIR *directory = opendir(folder);
    if (!directory)
        return IST_OK;
    for (const struct dirent *entry; (entry = readdir(directory)) && error->code == IST_OK;) {
        const char *other = shard.count > 0 ? "lock" : "lock-*-of-*";
        if (fnmatch(other, entry->d_name, 0) != 0)
            continue;
        char *path = ist_join_path(folder, entry->d_name);
        is_held(a, path, error);
        ist_free(path);
    }
    closedir(directory);
    return error->code;
}

ist_code ist_lock_take(const char *folder, ist_shard shard, ist_lock *lock, ist_error *error)
{
    *lock = (ist_lock){NULL, -1};
    if (make_folder(folder, error) != IST_OK)
        return error->code;
    char name[128];
    attempt a = {.path = ist_shard_path(folder, shard, "lock", ""), .file = -1};
    ist_holder_self(&a.self);
    snprintf(name, sizeof name, ".lock.%08x.%lld.%lld",
             (unsigned)ist_hash_bytes(a.self.host, strlen(a.self.host), 0).low,
             (long long)a.self.pid, (long long)a.self.start);
    a.mine = ist_join_path(folder, name);
    if (make_mine(&a, error) == IST_OK && try_often(&a, error) == TAKEN) {
        *lock = (ist_lock){a.path, a.file};
        if (check_others(&a, folder, shard, error) != IST_OK)
            ist_lock_release(lock);
    } else {
        if (a.file >= 0)
            close(a.file);
        unlink(a.mine);
        ist_free(a.path);
    }
    ist_free(a.mine);
    return error->code;
}

void ist_lock_beat(const ist_lock *lock)
{
    if (lock->path)
        futimens(lock->descriptor, NULL);
}

void ist_lock_release(ist_lock *lock)
{
    if (!lock->path)
        return;
    if (same_file(lock->descriptor, lock->path))
        unlink(lock->path);
    close(lock->descriptor);
    ist_free(lock->path);
    *lock = (ist_lock){NULL, -1};
}
