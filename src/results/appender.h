/* A file that only grows, by whole lines. */
#ifndef IST_RESULTS_APPENDER_H
#define IST_RESULTS_APPENDER_H

#include "infostrata/base.h"
#include "syncer.h"

typedef struct {
    char *path;
    int file;         /* -1: not open */
    int64_t length;   /* bytes of whole lines */
    bool dirty;       /* lines that were not forced to disk yet */
    int broken;       /* errno of a sync that failed: what was lost stays lost */
    double last_sync; /* ist_seconds; when it was last begun */
    ist_syncer *syncer;
} ist_appender;

/* Opens (makes) the file, never through a link, and appends its bytes to `out`. */
ist_code ist_appender_open(ist_appender *appender, const char *path, ist_text *out,
                           ist_error *error);
/* The file goes on behind its first `length` bytes: what is beyond is cut off. */
ist_code ist_appender_cut(ist_appender *appender, int64_t length, ist_error *error);
/* Appends whole lines; a write that fails leaves nothing of them. If the last time was a second ago they are forced to disk, by a thread
 * that nobody waits for: if that fails the next call says so. */
ist_code ist_appender_add(ist_appender *appender, const char *bytes, size_t count,
                          ist_error *error);
/* Waits until all lines are on disk. */
ist_code ist_appender_sync(ist_appender *appender, ist_error *error);
/* Syncs and closes; also one that is not open. */
ist_code ist_appender_close(ist_appender *appender, ist_error *error);

/* Appends the bytes of a file to `out`, never through a link; one that is not there has none. */
ist_code ist_read_plain(const char *path, ist_text *out, ist_error *error);

#endif
