/* status: what a running job tells those who look at its folder, and who holds the folder. Local, no MPI. */
#ifndef INFOSTRATA_STATUS_H
#define INFOSTRATA_STATUS_H

#include "infostrata/base.h"

/* ---- shards -------------------------------------------------------------------------------- */

/* Share index of count of a job's cells; count 0: the whole job. A share has its own lock, journal, log and status in
 * the common folder. */
typedef struct {
    int index, count;
} ist_shard;

/* FOLDER/<stem><ending> of the whole job, FOLDER/<stem>-<index>-of-<count><ending> of a shard; the caller frees it. */
char *ist_shard_path(const char *folder, ist_shard shard, const char *stem, const char *ending);

/* ---- status.json --------------------------------------------------------------------------- */

typedef enum { IST_RUNNING, IST_FINISHED, IST_ENDED_STOPPED, IST_ENDED_BROKEN } ist_run_state;

/* Texts are the holder's own; what is not known is 0 or "". */
typedef struct {
    ist_run_state state;
    char job[128], host[256], slurm_job[64], since[IST_TIME_TEXT], heartbeat[IST_TIME_TEXT];
    char step[256];  /* what rank 0 does */
    char reason[64]; /* stopped: by what */
    int64_t pid, restarts, ranks;
    int64_t tasks, done,
        failed; /* of the whole job (or shard), earlier runs included; failed ones are done, too */
    int64_t step_number;            /* passes that rank 0 has begun in this run */
    int64_t steps;                  /* passes of this run, of all ranks */
    int64_t percent;                /* of the pass of rank 0 */
    int64_t pairs_per_second;       /* of all ranks */
    int64_t seconds_left;           /* -1: not known */
    int64_t memory, memory_planned; /* bytes of the rank that has most (running: of rank 0) */
    int64_t core_seconds;           /* ranks times the time of this run */
    int64_t journal_bytes; /* length of the journal, by which a script sees whether it grew */
} ist_status;

/* Who this process is: host, pid, slurm_job, restarts, since. */
void ist_status_self(ist_status *status);
/* One JSON object with a line end; sets no heartbeat. */
void ist_status_write(const ist_status *status, ist_text *out);
bool ist_status_read(const char *text, size_t length, ist_status *out);

/* All status files of a folder, the whole job's first, then shards in their order. lost[i]: it says "running", but its process is gone (or
 * has given no sign for long). Both arrays are the caller's. IST_REFUSED if there is none. */
ist_code ist_status_all(const char *folder, ist_status **all, bool **lost, size_t *count,
                        ist_error *error);

/* ---- a wish that the run end ---------------------------------------------------------------- */

/* The file FOLDER/stop, as it is now: a run ends when it looks other than at the run's start. */
typedef struct {
    int64_t there, inode, mtime_ns;
} ist_wish;
ist_wish ist_wish_look(const char *path);
/* The caller frees it. */
char *ist_wish_path(const char *folder);
ist_code ist_wish_make(const char *folder, ist_error *error);

#endif
