/* run: one function per command. It sees all rooms; what a command does, step by step, is
 * docs/trace.md. */
#ifndef INFOSTRATA_RUN_H
#define INFOSTRATA_RUN_H

#include "infostrata/base.h"
#include "infostrata/comm.h"
#include "infostrata/data.h"
#include "infostrata/pairs.h"
#include "infostrata/status.h"

/* What the command line says. */
typedef struct {
    const char *manifest;
    const char *output;     /* --output, relative to the current folder; NULL: the manifest's */
    const char *const *set; /* --set, each; owned by main */
    size_t set_count;
    const ist_kernel *kernel;
    int64_t chunk_bytes;       /* what travels between ranks at once */
    int64_t chunk_rows;        /* --chunk-rows; 0: no limit of its own */
    ist_skipping skipping;     /* --skipping */
    ist_tree_use tree;         /* --tree */
    double checkpoint_seconds; /* --checkpoint-minutes; 0: passes are not kept */
    double watchdog_seconds;   /* --watchdog; 0: none */
    bool fail_fast, retry_failed;
    int64_t memory_limit; /* --max-memory, bytes a rank; 0: what the machine has free */
    int ranks;            /* plan and sbatch only: --ranks */
    int nodes, array;     /* sbatch only: --nodes, --array; array 0: none */
    double hours;         /* sbatch only: --hours; 0: as planned */
    bool no_requeue;      /* sbatch only */
    double max_hours;     /* --max-hours; 0: no limit */
    ist_shard shard;      /* --shard */
    bool data;            /* check only: --data */
    bool quiet;
} ist_options;

/* Collective. Starts or continues the job; returns the exit code. Prints on rank 0 only. IST_STOPPED when a signal
 * (ist_signals_catch, before), --max-hours or `infostrata stop` ended it before its work was done. */
ist_code ist_run(const ist_comm *comm, const ist_options *options);

/* Local, without MPI: the page of the plan to stdout. */
ist_code ist_command_plan(const ist_options *options);
/* Local: manifest and inputs are as `run` wants them; says so on stdout. With --data every value is read, too; what
 * was found is said, and IST_REFUSED returned if some layer cannot be used. */
ist_code ist_command_check(const ist_options *options);
/* Local: what these files hold, on stdout; what could not be read, on stderr. */
ist_code ist_command_info(const char *const *files, size_t count);
/* Local: the views again from the journal. */
ist_code ist_command_collect(const ist_options *options);
/* Local: how far the job is whose folder or manifest `manifest` is; json: the status files as they are. */
ist_code ist_command_status(const ist_options *options, bool json);
/* Local: a Slurm script for the job to stdout. */
ist_code ist_command_sbatch(const ist_options *options);
/* Local: tells the runs of that folder to end, and returns at once. */
ist_code ist_command_stop(const ist_options *options);
/* Local: the measures and their parameters, or the codes of the note column. */
ist_code ist_command_measures(bool notes);

/* ---- facts of rows, for those who have no job ---------------------------------------------- */

/* Collective. Of n rows with d columns, `rows` of them on this rank: the mean squared euclidean distance of two of
 * them (`scale: rms`); the same bits for any number of ranks. */
double ist_mean_square(const ist_comm *comm, const ist_matrix *m, int64_t rows, int64_t n,
                       int64_t d);
/* Collective. The two-NN dimension of a set, within its segments (Facco et al. 2017, maximum likelihood); copies are
 * passed over; NaN where it cannot be told, or where the pass was broken off (ring.h). */
double ist_two_nn_dimension(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows);

#endif
