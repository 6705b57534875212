/* Input files as the system sees them: present, regular, readable, unchanged. */
#include "file.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ist_code refuse_file(const ist_location *at, int number, const struct stat *status,
                            ist_error *error)
{
    if (number == ENOENT)
        return data_fail(at, error, IST_REFUSED, "there is no such file");
    if (number == EACCES && status)
        return data_fail(at, error, IST_REFUSED,
                         "may not be read: its mode is %04o, its owner %u, and this is user %u",
                         (unsigned)(status->st_mode & 07777), (unsigned)status->st_uid,
                         (unsigned)geteuid());
    return data_fail(at, error, IST_REFUSED, "cannot be read by user %u: %s", (unsigned)geteuid(),
                     strerror(number));
}

static ist_code check(const ist_location *at, struct stat *status, ist_error *error)
{
    if (stat(at->file, status) != 0)
        return refuse_file(at, errno, NULL, error);
    if (S_ISDIR(status->st_mode))
        return data_fail(at, error, IST_REFUSED, "is a folder, not a file");
    if (!S_ISREG(status->st_mode))
        return data_fail(at, error, IST_REFUSED, "is no regular file (a pipe or device)");
    const int descriptor = open(at->file, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return refuse_file(at, errno, status, error);
    close(descriptor);
    return IST_OK;
}

ist_code data_file_check(const ist_location *at, ist_stamp *stamp, ist_error *error)
{
    struct stat status;
    const ist_code code = check(at, &status, error);
    if (code == IST_OK && stamp)
        *stamp = (ist_stamp){
            .size = status.st_size,
            .mtime_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec,
            .inode = (int64_t)status.st_ino,
        };
    return code;
}

ist_code ist_stamp_file(const char *path, ist_stamp *stamp, ist_error *error)
{
    const ist_location at = {.file = (char *)path};
    return data_file_check(&at, stamp, error);
}

int64_t data_file_head(const char *path, char *head, size_t count)
{
    struct stat status;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return -1;
    const bool seen = fstat(descriptor, &status) == 0 && pread(descriptor, head, count, 0) >= 0;
    close(descriptor);
    return seen ? status.st_size : -1;
}
