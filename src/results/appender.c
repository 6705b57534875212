#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "appender.h"

static const double SYNC_SECONDS = 1;

/* ---- reading --------------------------------------------------------------------------------- */

static bool is_plain(int file)
{
    struct stat info;
    if (fstat(file, &info) != 0)
        return false;
    errno = EINVAL;
    return S_ISREG(info.st_mode);
}

static bool read_all(int file, ist_text *out)
{
    char block[1 << 16];
    for (;;) {
        ssize_t got = read(file, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        ist_text_add_bytes(out, block, (size_t)got);
    }
}

/* O_NONBLOCK: opening a pipe that somebody put there must not wait; files do not mind. */
static ist_code open_and_read(const char *path, int flags, ist_text *out, int *file,
                              ist_error *error)
{
    *file = open(path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0666);
    if (*file >= 0 && is_plain(*file) && read_all(*file, out))
        return IST_OK;
    int reason = errno;
    if (*file >= 0)
        close(*file);
    *file = -1;
    if (reason == ENOENT && !(flags & O_CREAT))
        return IST_OK;
    return ist_fail(error, IST_BROKEN, "cannot open '%s': %s", path,
                    reason == ELOOP    ? "it is a symbolic link"
                    : reason == EINVAL ? "it is not a plain file"
                                       : strerror(reason));
}

ist_code ist_read_plain(const char *path, ist_text *out, ist_error *error)
{
    int file = -1;
    ist_code code = open_and_read(path, O_RDONLY, out, &file, error);
    if (file >= 0)
        close(file);
    return code;
}

/* A new file is only there once its folder is on disk. */
static void sync_folder(const char *path)
{
    char *folder = ist_folder_of(path);
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file >= 0) {
        fsync(file);
        close(file);
    }
    ist_free(folder);
}

ist_code ist_appender_open(ist_appender *appender, const char *path, ist_text *out,
                           ist_error *error)
{
    size_t before = out->length;
    *appender = (ist_appender){.file = -1, .last_sync = ist_seconds()};
    if (open_and_read(path, O_RDWR | O_CREAT | O_APPEND, out, &appender->file, error) != IST_OK)
        return error->code;
    appender->path = ist_copy_text(path);
    appender->syncer = ist_syncer_new(appender->file);
    appender->length = (int64_t)(out->length - before);
    if (appender->length == 0)
        sync_folder(path);
    return IST_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static ist_code fail(const ist_appender *appender, const char *what, size_t needed, int reason,
                     ist_error *error)
{
    struct statvfs disk;
    bool known = fstatvfs(appender->file, &disk) == 0;
    long long available = known ? (long long)disk.f_bavail * (long long)disk.f_frsize : -1;
    return ist_fail(error, IST_BROKEN,
                    "cannot %s '%s': %s (%zu bytes needed, %lld free); what was finished before "
                    "is kept, the same command goes on from there",
                    what, appender->path, strerror(reason), needed, available);
}

ist_code ist_appender_cut(ist_appender *appender, int64_t length, ist_error *error)
{
    if (length == appender->length)
        return IST_OK;
    if (ftruncate(appender->file, length) != 0)
        return fail(appender, "cut a torn line off", 0, errno, error);
    appender->length = length;
    appender->dirty = true;
    return ist_appender_sync(appender, error);
}

/* The first failure of all, if there was one before. */
static int failure_of(ist_appender *appender, int reason)
{
    if (appender->broken == 0)
        appender->broken = reason;
    return appender->broken;
}

static ist_code begin_sync(ist_appender *appender, ist_error *error)
{
    int reason = failure_of(appender, ist_syncer_failed(appender->syncer));
    double now = ist_seconds();
    if (reason == 0 && now - appender->last_sync < SYNC_SECONDS)
        return IST_OK;
    if (reason == 0 && !ist_fault_passed("journal.sync"))
        reason = failure_of(appender, errno);
    if (reason != 0)
        return fail(appender, "force to disk", 0, reason, error);
    if (ist_syncer_ask(appender->syncer)) {
        appender->dirty = false;
        appender->last_sync = now;
    }
    return IST_OK;
}

ist_code ist_appender_add(ist_appender *appender, const char *bytes, size_t count, ist_error *error)
{
    if (!ist_fault_passed("journal.write") || !ist_write_all(appender->file, bytes, count)) {
        fail(appender, "append to", count, errno, error);
        /* The first bytes of the line may have been written. If they cannot be taken back they are
         * a torn line, which the next start cuts off. */
        if (ftruncate(appender->file, appender->length) == 0)
            appender->dirty = true;
        return error->code;
    }
    appender->length += (int64_t)count;
    appender->dirty = true;
    return begin_sync(appender, error);
}

ist_code ist_appender_sync(ist_appender *appender, ist_error *error)
{
    int reason = failure_of(appender, ist_syncer_wait(appender->syncer));
    if (reason == 0 && !appender->dirty)
        return IST_OK;
    if (reason == 0 && (!ist_fault_passed("journal.sync") || fdatasync(appender->file) != 0))
        reason = failure_of(appender, errno);
    if (reason != 0)
        return fail(appender, "force to disk", 0, reason, error);
    appender->dirty = false;
    appender->last_sync = ist_seconds();
    return IST_OK;
}

ist_code ist_appender_close(ist_appender *appender, ist_error *error)
{
    ist_code code = IST_OK;
    if (appender->path) {
        code = ist_appender_sync(appender, error);
        ist_syncer_free(&appender->syncer);
        /* A network file system may tell only now that the disk is full. */
        bool closed = close(appender->file) == 0;
        if ((!ist_fault_passed("journal.close") || !closed) && code == IST_OK)
            code = ist_fail(error, IST_BROKEN, "cannot close '%s': %s", appender->path,
                            strerror(errno));
    }
    ist_free(appender->path);
    *appender = (ist_appender){.file = -1};
    return code;
}
