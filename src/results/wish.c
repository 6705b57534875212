/* The file by which `infostrata stop` tells a running job to end. It is never taken away: a run heeds one that is not
 * the one it found when it started, so that all shards of a job see it. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "infostrata/status.h"

ist_wish ist_wish_look(const char *path)
{
    struct stat info;
    ist_wish wish;
    memset(&wish, 0, sizeof wish); /* compared as bytes */
    if (lstat(path, &info) != 0)
        return wish;
    wish.there = 1;
    wish.inode = (int64_t)info.st_ino;
    wish.mtime_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    return wish;
}

char *ist_wish_path(const char *folder)
{
    return ist_join_path(folder, "stop");
}

ist_code ist_wish_make(const char *folder, ist_error *error)
{
    char now[IST_TIME_TEXT], *path = ist_wish_path(folder);
    ist_text text = {0};
    ist_text_add(&text, "stop, asked for at %s\n", ist_utc(now));
    ist_write_file(path, text.data, text.length, error);
    ist_text_release(&text);
    ist_free(path);
    return error->code;
}
