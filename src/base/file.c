/* Whole files and paths. */
#include "infostrata/base.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- paths ----------------------------------------------------------------------------------- */

/* The next part of a path between slashes; false at its end. */
static bool next_part(const char **cursor, const char **part, size_t *length)
{
    *cursor += strspn(*cursor, "/");
    *part = *cursor;
    *length = strcspn(*cursor, "/");
    *cursor += *length;
    return *length > 0;
}

static bool is_parent(const char *part, size_t length)
{
    return length == 2 && part[0] == '.' && part[1] == '.';
}

/* Takes the last part off `out` unless there is none to take. */
static bool drop_part(ist_text *out, size_t root)
{
    if (out->length <= root)
        return false;
    const char *slash = strrchr(out->data, '/');
    size_t start = slash ? (size_t)(slash - out->data) : 0;
    const char *last = slash ? slash + 1 : out->data;
    if (strcmp(last, "..") == 0)
        return false;
    out->length = start > root ? start : root;
    out->data[out->length] = '\0';
    return true;
}

static void add_part(ist_text *out, size_t root, const char *part, size_t length)
{
    if (out->length > root)
        ist_text_add_bytes(out, "/", 1);
    ist_text_add_bytes(out, part, length);
}

/* Appends the parts of `path` to `out`, whose first `root` bytes are "/" or nothing. */
static void add_normalised(ist_text *out, size_t root, const char *path)
{
    const char *part = NULL;
    size_t length = 0;
    while (next_part(&path, &part, &length)) {
        if (length == 1 && part[0] == '.')
            continue;
        if (is_parent(part, length) && (drop_part(out, root) || root))
            continue;
        add_part(out, root, part, length);
    }
}

char *ist_join_path(const char *folder, const char *path)
{
    ist_text out = {0};
    bool absolute = path[0] == '/';
    size_t root = absolute || folder[0] == '/';
    ist_text_add(&out, "%s", root ? "/" : "");
    if (!absolute)
        add_normalised(&out, root, folder);
    add_normalised(&out, root, path);
    if (out.length == 0)
        ist_text_add(&out, ".");
    return out.data;
}

char *ist_relative_path(const char *path, const char *folder)
{
    char *whole = ist_join_path("/", path), *base = ist_join_path("/", folder);
    const char *a = whole, *b = base, *part_a = NULL, *part_b = NULL;
    size_t length_a = 0, length_b = 0;
    bool more_a = next_part(&a, &part_a, &length_a), more_b = next_part(&b, &part_b, &length_b);
    while (more_a && more_b && length_a == length_b && !memcmp(part_a, part_b, length_a)) {
        more_a = next_part(&a, &part_a, &length_a);
        more_b = next_part(&b, &part_b, &length_b);
    }
    ist_text out = {0};
    for (; more_b; more_b = next_part(&b, &part_b, &length_b))
        add_part(&out, 0, "..", 2);
    for (; more_a; more_a = next_part(&a, &part_a, &length_a))
        add_part(&out, 0, part_a, length_a);
    if (out.length == 0)
        ist_text_add(&out, ".");
    ist_free(whole);
    ist_free(base);
    return out.data;
}

char *ist_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ist_copy_text(".");
    ist_text out = {0};
    size_t length = slash == path ? 1 : (size_t)(slash - path);
    ist_text_add_bytes(&out, path, length);
    return out.data;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Reads to the end or to limit + 1 bytes, whichever comes first. */
static bool read_all(int file, size_t limit, ist_text *out)
{
    char block[1 << 16];
    while (out->length <= limit) {
        size_t want = limit + 1 - out->length;
        ssize_t got = read(file, block, want < sizeof block ? want : sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        ist_text_add_bytes(out, block, (size_t)got);
        if (got == 0)
            return true;
    }
    return true;
}

ist_code ist_read_file(const char *path, size_t limit, ist_text *out, ist_error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return ist_fail(error, IST_REFUSED, "cannot read '%s': %s", path, strerror(errno));
    size_t before = out->length;
    bool whole = read_all(file, before + limit, out);
    int reason = errno;
    close(file);
    if (!whole)
        return ist_fail(error, IST_REFUSED, "cannot read '%s': %s", path, strerror(reason));
    if (out->length - before > limit) {
        return ist_fail(error, IST_REFUSED, "'%s' is longer than %zu bytes, the limit", path,
                        limit);
    }
    return IST_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Nothing but files and links is replaced: a rename over /dev/null would take the device away. */
static bool may_replace(int folder, const char *name)
{
    struct stat old;
    if (fstatat(folder, name, &old, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT;
    if (S_ISREG(old.st_mode) || S_ISLNK(old.st_mode))
        return true;
    errno = S_ISDIR(old.st_mode) ? EISDIR : EINVAL;
    return false;
}

/* A new file of a name that nobody else has; O_EXCL does not follow a link that waits there. */
static int create_beside(int folder, const char *name, ist_text *temporary)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        temporary->length = 0;
        ist_text_add(temporary, ".%s.%ld-%d.tmp", name, (long)getpid(), attempt);
        int file = openat(folder, temporary->data,
                          O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (file >= 0 || errno != EEXIST)
            return file;
    }
    return -1;
}

static bool write_whole(int file, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t done = write(file, bytes, count);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        bytes += done;
        count -= (size_t)done;
    }
    return true;
}

/* Beyond `ulimit -f` write() fails and raises SIGXFSZ, which would end the process: the signal is
 * held back and taken away. */
bool ist_write_all(int file, const char *bytes, size_t count)
{
    sigset_t limit, before;
    sigemptyset(&limit);
    sigaddset(&limit, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &limit, &before);
    bool good = write_whole(file, bytes, count);
    int reason = errno;
    if (!good && reason == EFBIG) {
        struct timespec now = {0, 0};
        while (sigtimedwait(&limit, NULL, &now) < 0 && errno == EINTR)
            continue;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = reason;
    return good;
}

/* Forces the bytes to disk and closes; errno is the first reason. A network file system may report
 * a full disk only here. */
static bool finish(int file, bool good)
{
    int reason = errno;
    if (good && (!ist_fault_passed("view.sync") || fsync(file) != 0)) {
        good = false;
        reason = errno;
    }
    bool closed = close(file) == 0;
    if ((!ist_fault_passed("view.close") || !closed) && good) {
        good = false;
        reason = errno;
    }
    errno = reason;
    return good;
}

static bool sync_folder(int folder)
{
    /* Some file systems cannot sync a folder and say so; their rename is as safe as it gets. */
    return (ist_fault_passed("view.folder") && fsync(folder) == 0) || errno == EINVAL ||
           errno == ENOTSUP;
}

/* The steps in the open folder; false with errno set, nothing left behind. */
static bool write_in(int folder, const char *name, const char *bytes, size_t count)
{
    if (!may_replace(folder, name))
        return false;
    ist_text temporary = {0};
    int file = ist_fault_passed("view.create") ? create_beside(folder, name, &temporary) : -1;
    bool good = file >= 0;
    if (good) {
        good = finish(file, ist_fault_passed("view.write") && ist_write_all(file, bytes, count)) &&
               ist_fault_passed("view.rename") &&
               renameat(folder, temporary.data, folder, name) == 0;
        int reason = errno;
        if (!good)
            unlinkat(folder, temporary.data, 0);
        errno = reason;
    }
    ist_text_release(&temporary);
    return good && sync_folder(folder);
}

ist_code ist_write_file(const char *path, const char *bytes, size_t count, ist_error *error)
{
    const char *slash = strrchr(path, '/');
    char *parent = ist_folder_of(path);
    int folder = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = folder >= 0 && write_in(folder, slash ? slash + 1 : path, bytes, count);
    int reason = errno;
    if (folder >= 0)
        close(folder);
    ist_free(parent);
    if (good)
        return IST_OK;
    return ist_fail(error, IST_BROKEN, "cannot write '%s' (%zu bytes): %s", path, count,
                    strerror(reason));
}
