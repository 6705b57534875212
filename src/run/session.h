/* One run at work: what its ranks hold while they walk the schedule. Private to the room. */
#ifndef INFOSTRATA_RUN_SESSION_H
#define INFOSTRATA_RUN_SESSION_H

#include "infostrata/ring.h"
#include "job.h"

/* The neighbour lists that a pass 1 left behind, for this rank's rows; positions in their set. */
typedef struct {
    int64_t k;            /* entries a row */
    int32_t *all;         /* of all samples */
    int64_t part_k;       /* 0: no lists within parts */
    int32_t *parts;       /* within the random parts */
    double *tie_fraction; /* by k - 1, k <= the largest asked for: rows with a tie at their k-th */
} ist_lists;

/* What was found when a layer was read. */
typedef struct {
    bool seen;
    char *failure; /* why its tasks fail; NULL: they do not */
    int64_t duplicates;
} ist_layer_facts;

/* The layer in memory. */
typedef struct {
    size_t layer; /* SIZE_MAX: none */
    ist_rows all, parts;
    bool has_parts;
} ist_loaded;

/* The order of the random parts, for the sample size met last. */
typedef struct {
    int64_t n, *order, start[IST_PARTS + 1];
} ist_part_order;

typedef struct {
    const ist_comm *comm;
    const ist_options *options;
    ist_engine engine;
    ist_machine machine;
    int64_t planned_memory; /* bytes a rank, the program itself included */
    ist_log log;
    ist_known_job known;
    ist_journal *journal; /* rank 0 only */
    bool *pending;        /* by task */
    ist_schedule *schedule;
    ist_layer_facts *facts; /* by layer */
    ist_loaded loaded;
    ist_part_order part_order;
    ist_lists *lists; /* by source pass */
    /* The tasks that each pass completes, as linked lists through next_task; SIZE_MAX ends one. */
    size_t *first_of_source, *first_of_target, *next_task;
    size_t done, failed, to_do; /* tasks of this run */
    double last_line;           /* when the last progress line was written */
} ist_session;

/* Collective. Brings a layer into memory, with its rows in the order of the parts if asked for.
 * A layer that cannot be used (NaN, Inf, unreadable) has facts[layer].failure afterwards; only
 * errors that end the run are returned. */
ist_code ist_load_layer(ist_session *s, size_t layer, bool parts, ist_error *error);
void ist_unload_layer(ist_session *s);

/* Collective. One step of the schedule, with the tasks that it completes. */
ist_code ist_step_nearest(ist_session *s, size_t source_pass, ist_error *error);
ist_code ist_step_counts(ist_session *s, size_t target_pass, ist_error *error);
void ist_lists_release(ist_lists *lists);

/* What the engine found for one task; arrays by this rank's rows of the set. */
typedef struct {
    size_t task;
    const ist_lists *lists;
    /* Twice-ranks of the task's neighbours in the target layer: first entry of the first row, and
     * entries a row; NULL for a labels target. */
    const int64_t *ranks, *part_ranks;
    int64_t stride, part_stride;
} ist_found;

/* Collective. Sums, record, one line of the journal. */
ist_code ist_complete_task(ist_session *s, const ist_found *found, ist_error *error);
/* Collective. The task's row says why there is no number. */
ist_code ist_fail_task(ist_session *s, size_t task, const char *reason, ist_error *error);

/* The samples of the set that a task is about: n, and the parts' order of that n. */
void ist_part_order_for(ist_session *s, int64_t n);

#endif
