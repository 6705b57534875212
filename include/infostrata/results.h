/* results: the door out. The output folder: lock, journal (the truth), the views made of it.
 *
 * Local: called by one rank only (rank 0 of the run, or a command without MPI). Nothing here knows
 * ranks. Every write is checked; a view is a whole file or absent (ist_write_file).
 */
#ifndef INFOSTRATA_RESULTS_H
#define INFOSTRATA_RESULTS_H

#include "infostrata/base.h"
#include "infostrata/measures.h"
#include "infostrata/pairs.h"
#include "infostrata/plan.h"
#include "infostrata/status.h"

/* ---- the folder and its lock --------------------------------------------------------------- */

typedef struct {
    char *path; /* NULL: not held */
    int descriptor;
} ist_lock;

/* Makes the folder (and its parents) if needed and takes `FOLDER/lock` (of a shard: `lock-I-of-N`), which names
 * host, pid, start time of the process and, under Slurm, the job. IST_REFUSED if another live run holds it,
 * naming that run; also the whole job if a shard is at work, and a shard if the whole job is. The lock of a process of
 * this host that is gone, that of an earlier start of the same Slurm job, and that of another host without a
 * heartbeat for IST_LOCK_SECONDS is taken over, so that a killed run never blocks the next one. */
enum { IST_LOCK_SECONDS = 600, IST_LOCK_BEAT_SECONDS = 30 };
ist_code ist_lock_take(const char *folder, ist_shard shard, ist_lock *lock, ist_error *error);
/* The holder is alive: to be called every IST_LOCK_BEAT_SECONDS or so, from any thread. */
void ist_lock_beat(const ist_lock *lock);
void ist_lock_release(ist_lock *lock);

/* ---- journal ------------------------------------------------------------------------------- */

/* What is known of one input: the state of its file, and the hash of the values used. */
typedef struct {
    char *key; /* ist_layer.key / ist_label_vector.key */
    int64_t size, mtime_ns, inode;
    ist_hash content;
    int64_t run; /* which run of the folder wrote it; the journal knows */
} ist_input_state;

/* One finished task. Key of the result: id and the operands' contents. */
typedef struct {
    ist_hash id, source_content, target_content;
    bool failed;
    char *reason; /* failed only */
    ist_record *records;
    size_t record_count;
    int64_t run; /* as an input's */
} ist_outcome;
void ist_outcome_release(ist_outcome *outcome);

/* One pass, for timings.csv. */
typedef struct {
    char *layer;      /* its key */
    const char *kind; /* "nearest" or "counts" */
    int64_t n, d, k, thresholds, ranks;
    const char *kernel;
    double seconds, seconds_waiting, pairs;
    int64_t decided_again, exact_tiles, tiles, bytes_sent;
    int64_t most_in_flight; /* bytes of messages at once, of the rank that had most */
    int64_t peak_memory;    /* bytes resident so far, of the rank that had most; 0: not known */
    int64_t tiles_skipped, tiles_thinned;
    int64_t compared; /* distances that a k-d tree computed; 0: tiles answered */
} ist_timing;

typedef struct ist_journal ist_journal;

/* Reads FOLDER/journal*.jsonl: one JSON object a line with its own checksum. A torn last line is
 * dropped (and cut off before anything is appended), a damaged line is skipped and counted; of the lines of a
 * key that of the latest run wins, and its last one. Opens FOLDER/journal.jsonl (of a shard: journal-I-of-N.jsonl) for
 * appending if `append`: a run begins; else the folder may be absent or read-only. */
ist_journal *ist_journal_open(const char *folder, ist_shard shard, bool append, ist_error *error);
/* A journal of its own for the leader of a group of ranks, from 1 on: FOLDER/journal-LEADER.jsonl (of a shard:
 * journal-I-of-N-LEADER.jsonl) is read and appended to, the others are not. run: that of the main journal. */
ist_journal *ist_journal_open_leader(const char *folder, ist_shard shard, int leader, int64_t run,
                                     ist_error *error);
/* The number of the run that appends: 1 for the first. */
int64_t ist_journal_run(const ist_journal *journal);
/* Bytes of whole lines in the file that is appended to. */
int64_t ist_journal_length(const ist_journal *journal);
/* Lines that were damaged or torn. */
size_t ist_journal_damaged(const ist_journal *journal);
/* NULL if there is none. */
const ist_outcome *ist_journal_find(const ist_journal *journal, ist_hash id,
                                    ist_hash source_content, ist_hash target_content);
/* Is there any outcome with this id, whatever the contents? */
bool ist_journal_knows(const ist_journal *journal, ist_hash id);
const ist_input_state *ist_journal_input(const ist_journal *journal, const char *key);

/* Append one line each. A line that comes a second or more after the last time forces all to disk;
 * the last lines of a burst wait for the next line or for sync: call it before longer work.
 * IST_BROKEN with path, needed and free bytes if the disk is full. The journal keeps a copy. */
ist_code ist_journal_add_outcome(ist_journal *journal, const ist_outcome *outcome,
                                 ist_error *error);
ist_code ist_journal_add_input(ist_journal *journal, const ist_input_state *input,
                               ist_error *error);
/* meta.* values of one cell (ist_plan_cell_text): names[i], values[i]. Added only if they differ
 * from what the journal has. */
ist_code ist_journal_add_meta(ist_journal *journal, const char *cell, char *const *names,
                              const double *values, size_t count, ist_error *error);
ist_code ist_journal_add_timing(ist_journal *journal, const ist_timing *timing, ist_error *error);
/* This run tries failed tasks again: crashes of earlier ones count no more. */
ist_code ist_journal_add_retry(ist_journal *journal, ist_error *error);
ist_code ist_journal_sync(ist_journal *journal, ist_error *error);
/* Syncs and frees; *journal becomes NULL. */
ist_code ist_journal_close(ist_journal **journal, ist_error *error);

/* ---- crashes ------------------------------------------------------------------------------- */

/* Local, on every rank. From now on a process that ends by a fault of its own (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, but none
 * that another process sent) leaves FOLDER/journal-crash-RUN-RANK.jsonl (of a shard: journal-I-of-N-crash-...), which names the tasks
 * in flight; what handled the signal before handles it then. To be called once, and ended by unwatch, in one thread. */
void ist_crash_watch(const char *folder, ist_shard shard, int64_t run, int rank);
void ist_crash_unwatch(void);
/* In flight: this step, and these tasks, which stay where they are until the next call; other tasks of the same step; nothing. */
void ist_crash_step(const char *step, const ist_hash *tasks, size_t count);
void ist_crash_tasks(const ist_hash *tasks, size_t count);
void ist_crash_clear(void);
/* Leaves the file now, for an end that is no signal; nothing where nobody watches. Safe in a signal handler. */
void ist_crash_mark(const char *reason);

/* At how many runs, since failed tasks were last tried again, some process crashed with this task in flight, and what the latest of
 * them was and in which step (the journal's; NULL: none). */
typedef struct {
    int count;
    const char *signal, *step;
} ist_crashes;
ist_crashes ist_journal_crashes(const ist_journal *journal, ist_hash id);

/* ---- checkpoints --------------------------------------------------------------------------- */

/* A pass on disk, in a folder of its own in the output folder: IDENTITY-GENERATION.json says what it is, IDENTITY-GENERATION.FILE.raw have the
 * superblocks' bytes, each with a checksum. The .json is renamed into place when all else is on disk. */
typedef struct {
    ist_kept kept;
    int64_t generation;
    int64_t files,
        *first_block; /* superblocks [first_block[f], first_block[f + 1]) are in file f */
    char *progress;   /* kept.progress */
} ist_checkpoint;

void ist_checkpoint_release(ist_checkpoint *checkpoint);
/* One line, sealed as the journal's are, and back: false if it is damaged, or of another version. */
void ist_checkpoint_line(const ist_checkpoint *checkpoint, ist_text *out);
bool ist_checkpoint_parse(const char *line, size_t length, ist_checkpoint *out);
/* Lines of all checkpoints in the folder. What is damaged, left over or begun is deleted, and counted; a folder that is not there
 * has none. */
ist_code ist_checkpoints_read(const char *folder, ist_text *lines, size_t *dropped,
                              ist_error *error);
/* Makes the folder. */
ist_code ist_checkpoints_prepare(const char *folder, ist_error *error);
/* Writes one of its files (forced to disk), or nothing; then, when all are there, what makes them a checkpoint. */
ist_code ist_checkpoint_write_file(const char *folder, const ist_checkpoint *checkpoint,
                                   int64_t file, const ist_blocks *blocks, ist_pack_block *pack,
                                   const void *source, ist_error *error);
ist_code ist_checkpoint_write(const char *folder, const ist_checkpoint *checkpoint,
                              ist_error *error);
/* The bytes of one superblock; false if they are not there or not as they were. */
bool ist_checkpoint_read(const char *folder, const ist_checkpoint *checkpoint,
                         const ist_blocks *blocks, int64_t block, void *bytes);
/* Deletes one file; what makes it a checkpoint first, then all files; the whole folder, if nothing else is in it. */
void ist_checkpoint_remove_file(const char *folder, const ist_checkpoint *checkpoint, int64_t file);
void ist_checkpoint_remove(const char *folder, const ist_checkpoint *checkpoint);
void ist_checkpoints_remove(const char *folder);
/* Bytes of all its files. */
int64_t ist_checkpoint_bytes(const ist_kept *kept);

/* ---- views --------------------------------------------------------------------------------- */

/* What the views need beside plan and journal: the present contents of the operands. */
typedef struct {
    const ist_hash *layer_content, *label_content; /* by plan->layers, plan->labels */
    const bool *layer_known, *label_known;         /* false: no content known, no row */
} ist_contents;

/* Contents as the journal last saw them (for `collect`): arrays owned by the caller. */
void ist_contents_of_journal(const ist_plan *plan, const ist_journal *journal,
                             ist_hash *layer_content, bool *layer_known, ist_hash *label_content,
                             bool *label_known);
/* What stands for the content of a task's target: that of the labels inside whose classes samples are permuted, and of
 * the datasets that parameters name, comes into it. Of `contents` the hashes are read. */
ist_hash ist_target_content(const ist_task *task, const ist_contents *contents);
/* The outcome of a task under these contents, NULL if it is not done. */
const ist_outcome *ist_task_outcome(const ist_plan *plan, const ist_task *task,
                                    const ist_contents *contents, const ist_journal *journal);

/* Writes results.csv, timings.csv and manifest.resolved.yaml. Rows: finished tasks of the present
 * manifest in the plan's order. Nothing in results.csv depends on time, machine or ranks. */
ist_code ist_views_write(const char *folder, const ist_plan *plan, const ist_journal *journal,
                         const ist_contents *contents, ist_error *error);

/* Writes results.h5: the rows of results.csv as arrays by name, a group "<entry>-<measure>" for each entry of the
 * manifest that has tasks (docs/results.md). The same bytes for the same results, by the same binary. */
ist_code ist_arrays_write(const char *folder, const ist_plan *plan, const ist_journal *journal,
                          const ist_contents *contents, ist_error *error);

#endif
