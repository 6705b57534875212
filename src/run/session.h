/* One run at work: what its ranks hold while they walk the schedule. Private to the room. */
#ifndef INFOSTRATA_RUN_SESSION_H
#define INFOSTRATA_RUN_SESSION_H

#include "infostrata/anchors.h"
#include "infostrata/class_lists.h"
#include "infostrata/stop.h"
#include "flights.h"
#include "job.h"
#include "monitor.h"
#include "watchdog.h"

/* Neighbour lists of this rank's rows of one set, k entries each. */
typedef struct {
    int64_t k;           /* 0: there are none */
    int32_t *neighbour;  /* positions in the set */
    int32_t *held;       /* entries that a row has; NULL: all of them */
    int64_t distance_k;  /* distances kept of each row; 0: none */
    double *distance;    /* distance_k a row */
    int32_t *list_reach; /* of its class, how many are as near; NULL: not asked for */
    int32_t *closer,
        *equal; /* in a class: of all samples, nearer than each entry, at its distance; NULL: to be counted */
} ist_list;

/* What a pass 1 left behind. */
typedef struct {
    ist_list all, parts; /* among all samples (or those of the class); within the random parts */
    bool has_distinct;   /* some rows are equal: */
    ist_list distinct, distinct_parts;
    double *tie_fraction; /* by k - 1, k <= the largest asked for: rows with a tie at their k-th */
    char *failure; /* why there are none, beside what is wrong with the layer; NULL: nothing */
} ist_lists;

/* Classes of a labels vector, on every rank: labels may have any values, classes are 0, 1, ... in
 * ascending order of the labels. */
typedef struct {
    size_t label;      /* plan->labels; SIZE_MAX: none */
    int32_t *class_of; /* by row number */
    int64_t class_count;
    int64_t *size;      /* over all samples */
    int64_t *part_size; /* IST_PARTS x class_count; NULL until asked for */
    int64_t *label_of;  /* of each class, on rank 0 */
} ist_classes;

/* What was found when a layer was read. */
typedef struct {
    bool seen;
    char *failure; /* why its tasks fail; NULL: they do not */
    int64_t duplicates;
    int64_t constant;   /* columns that are constant, of a standardised layer */
    int64_t zero_rows;  /* rows of zeros, of a layer for cosines */
    double mean_square; /* layer.rms: the mean squared euclidean distance of two rows */
    double dimension;   /* layer.dimension: about how many; NaN: it cannot be told */
    bool has_dimension;
} ist_layer_facts;

/* Counts of the slots of one threshold, by this rank's rows of a set: column[slot] of `told` a row. */
typedef struct {
    int64_t told;
    int64_t *column; /* by slot; -1: nothing was counted */
    int64_t *closer, *equal;
} ist_told;

/* The values of a task for its permutations, where they are computed before the task has all it needs. */
typedef struct {
    double *value; /* on rank 0 */
    char *failure; /* why there are none; NULL: nothing */
} ist_permuted;

/* The layer in memory. */
typedef struct {
    size_t layer; /* SIZE_MAX: none */
    ist_rows all, parts;
    bool has_parts;
    bool clustered;       /* sets have their twins, if they get any */
    int32_t *first_equal; /* of each home row: the first row with the same values */
} ist_loaded;

/* The order of the random parts, for the sample size met last. */
typedef struct {
    int64_t n, *order, start[IST_PARTS + 1];
} ist_part_order;

/* Widths of kernels and eigenvalues that more than one task needs, the same on all ranks; until the portion is done. */
typedef struct {
    double number;
    double *values;
} ist_remembered;
typedef struct {
    ist_index index;
    ist_remembered *item;
    size_t count;
} ist_memory_of_matrices;

/* Passes on disk (keeper_mpi.c), the same on all ranks. */
typedef struct {
    ist_checkpoint checkpoint;
    size_t last_step; /* no longer needed after this step; SIZE_MAX: until the job is done */
    bool of_round;    /* nor when what its round found is on disk (so_far.h) */
} ist_kept_pass;

typedef struct {
    char *folder; /* NULL: passes are not kept */
    ist_kept_pass *item;
    size_t count;
    size_t last_step; /* of the passes at work */
    bool of_round;    /* the passes at work are those of rounds of a step */
    bool saved;       /* the last one that was to be kept is */
} ist_kept_passes;

/* What a rank's time goes into; waiting is for other ranks' messages, or for other groups, and not in the others. */
typedef enum {
    IST_PHASE_READING,
    IST_PHASE_NEIGHBOURS,
    IST_PHASE_COUNTS,
    IST_PHASE_SLICES,
    IST_PHASE_TASKS,
    IST_PHASE_WAITING,
    IST_PHASES
} ist_phase;

typedef struct {
    const ist_comm *comm; /* the ranks that work on the present portion */
    const ist_options *options;
    ist_engine engine;
    ist_keeper keeper;
    ist_kept_passes kept;
    ist_machine machine;    /* with so many ranks */
    int64_t planned_memory; /* bytes a rank, the program itself included */
    ist_log log;
    ist_known_job known;
    ist_journal *journal; /* of the ranks' first one; NULL on the others */
    bool *pending;        /* by task */
    bool *aside;          /* by task: was in flight at two crashes */
    ist_flights flights;  /* by step */
    ist_schedule *schedule;
    ist_division *division;
    const ist_portion *portion; /* at work */
    ist_layer_facts *facts;     /* by layer */
    bool *read;                 /* by layer: by these ranks, since they began to work together */
    ist_loaded loaded, other;   /* other: the second layer of a joint pass */
    ist_loaded **shelf; /* by layer: others of a portion that is small enough to keep them; NULL */
    ist_part_order part_order;
    ist_anchors anchors; /* those met last */
    ist_classes classes; /* of the labels met last */
    ist_memory_of_matrices remembered;
    ist_classes by;      /* of those met last that records are by */
    ist_lists *lists;    /* by source pass */
    ist_told (*told)[2]; /* by target pass: of all samples, of the parts */
    /* The tasks that each step completes, as linked lists through next_task; SIZE_MAX ends one. */
    size_t *first_of_step, *next_task;
    size_t *first_of_null, *next_of_null; /* the same of schedule->nulls: those it is for */
    ist_permuted *permuted;               /* by task */
    ist_inside
        inside; /* of the neighbours whose ranks stand at inside_of, until the step is over */
    const int64_t *inside_of;
    size_t done, failed, to_do; /* tasks of this run */
    size_t failed_before;       /* tasks that failed in earlier runs, and stay so */
    ist_stop_reason stopped_by;
    double last_line; /* when the last progress line was written */
    int64_t passes,
        by_tree; /* steps so far, of this group; those that k-d trees answered, at least in part */
    double seconds[IST_PHASES];      /* of this rank, in this run */
    int64_t bytes_read;              /* of layers, by this rank */
    double peak_memory, peak_looked; /* bytes, and when the system was asked */
    double planned_pairs;            /* of all ranks, in this run */
    ist_pulse pulse;                 /* of the passes */
    ist_monitor *monitor;            /* rank 0 only, once the folder is open */
    ist_watchdog *watchdog;
    char *stop_file;   /* of `infostrata stop`; rank 0 only */
    ist_wish old_wish; /* as it was when the run began */
    double looked;     /* when it was looked at */
} ist_session;

/* Collective. known.chosen of rank 0, for all. */
void ist_share_choices(ist_session *s);

/* Collective. Brings a layer into memory, with its rows in the order of the parts if asked for.
 * A layer that cannot be used (NaN, Inf, unreadable) has facts[layer].failure afterwards; only
 * errors that end the run are returned. */
ist_code ist_load_layer(ist_session *s, size_t layer, bool parts, ist_error *error);
/* The same of a pass 1 (not of anchors): where its lists tell the dimension, this is left to ist_dimension_of_lists. */
ist_code ist_load_for_lists(ist_session *s, const ist_source_pass *pass, ist_error *error);
/* Collective, after a pass 1 whose layer is loaded: its two-NN dimension, if that is wanted and the lists tell it. */
void ist_dimension_of_lists(ist_session *s, const ist_source_pass *pass, const ist_lists *lists);
/* Collective. ist_two_nn_dimension from lists of a set's home rows that keep two distances or more. */
double ist_two_nn_dimension_of_list(const ist_comm *comm, const ist_rows *rows,
                                    const ist_list *list);
/* The same for s->other, which is in memory while a joint pass runs and no longer: no other step reckons with it. */
ist_code ist_load_other(ist_session *s, size_t layer, bool parts, ist_error *error);
void ist_unload_other(ist_session *s);
/* Local. The layer in memory goes to *held, so that another one can be loaded beside it; and comes back in the place of that. */
void ist_hold_layer(ist_session *s, ist_loaded *held);
void ist_put_back_layer(ist_session *s, ist_loaded *held);
/* Local. What the outcome of a task whose operands are known says of its target's content. */
ist_hash ist_content_of_target(const ist_session *s, const ist_task *task);
/* Both as they are read, for slices and anchors: no twin, no parts (that of the loaded layer may be there). other: SIZE_MAX: none. */
ist_code ist_load_values(ist_session *s, size_t layer, size_t other, ist_error *error);
/* The same with the values in the rows' own places: read again where they have moved to a twin. */
ist_code ist_load_plain(ist_session *s, size_t layer, size_t other, ist_error *error);
/* Both, and those of the portion that are kept; and the anchors. */
void ist_unload_layers(ist_session *s);

/* Collective. Is the run to end before its work is done? Each leaves an error IST_STOPPED (with what is left) that all ranks share:
 *   between the steps;
 *   after a pass (of the layer that is loaded), if it was broken off;
 *   between the tasks of a step, whose passes would have to be repeated: for a while only if the reason leaves no time. */
ist_code ist_stop_now(ist_session *s, ist_error *error);
ist_code ist_stop_in_pass(ist_session *s, const char *kind, ist_error *error);
ist_code ist_stop_soon(ist_session *s, ist_error *error);
/* Local. Answers groups that wait for this rank: between pieces of work that no pass does, which answers by itself. */
void ist_attend(const ist_session *s);
/* Collective. The line of the log that says why and where; `where` is the error that those left. */
void ist_log_stop(ist_session *s, const ist_error *where);
/* Collective. The table that closes the log. */
void ist_log_closing(ist_session *s);
/* Local: ist_stop_watch of rank 0. */
ist_stop_reason ist_watch(void *session);

/* Collective, before any pass: what passes an earlier start left on disk, and that those to come are kept. */
ist_code ist_open_kept(ist_session *s, ist_error *error);
/* Local, before the passes of a step: what is kept of them belongs to its layers. */
void ist_keep_in_place(ist_session *s, size_t layer, size_t other);
/* Local. The place of passes over a layer, or over two (SIZE_MAX: one). */
ist_hash ist_place_of_passes(const ist_session *s, size_t layer, size_t other);
/* Collective, when all that follows from a step is in the journal: what it alone needed. */
void ist_drop_kept(ist_session *s, size_t step);
/* Collective: the same of passes of rounds. */
void ist_drop_kept_of_round(ist_session *s);
/* Collective, after groups have worked apart: what they left on disk, for all ranks again. */
void ist_reread_kept(ist_session *s, ist_error *error);
/* done: no later start will need any of it. */
void ist_close_kept(ist_session *s, bool done);

/* Collective. The classes of plan->labels[label]; with the sizes within parts if asked for. An error is the
 * reading's: the tasks fail. */
ist_code ist_load_classes(ist_session *s, size_t label, bool parts, ist_error *error);
/* Collective. The same into s->by. */
ist_code ist_load_by(ist_session *s, size_t label, bool parts, ist_error *error);
/* The same, for the caller: released by ist_classes_release also after an error. */
ist_code ist_read_classes(ist_session *s, size_t label, ist_classes *classes, ist_error *error);
void ist_classes_release(ist_classes *classes);
/* Collective. Of n rows, `rows` of them on this rank: mean[d] of each column, and square[d], the sum of the
 * squares of what is left without the mean; the same bits for any number of ranks (docs/numerics.md). */
void ist_column_moments(const ist_comm *comm, const ist_matrix *m, int64_t rows, int64_t n,
                        int64_t d, double *mean, double *square);
/* Collective. Each column less its mean, over its standard deviation (ddof 1), in float64; constant columns
 * become 0, their number is returned. */
int64_t ist_standardise(const ist_comm *comm, int64_t rows, int64_t n, int64_t d, ist_matrix *m);
/* Collective. Each row over its length, in float64 (ist_normalise). Where a rank has rows of zeros all get one column
 * more (ist_mark_zero_rows), and *d counts it; returns how many there are, of all ranks. */
int64_t ist_make_directions(const ist_comm *comm, int64_t rows, int64_t *d, ist_matrix *m);

/* Some of the rows of a set, or all of them by class. */
typedef enum {
    IST_SUBSET_CLASSES, /* segments are the classes (of each part); rows alone in theirs are left out */
    IST_SUBSET_DISTINCT,   /* of equal rows (of a part) the first */
    IST_SUBSET_ACCOMPANIED /* rows that are not alone in their class (in their part) */
} ist_subset_kind;

typedef struct {
    const ist_rows *base; /* loaded.all or loaded.parts */
    ist_rows rows;
    int64_t *order, *place; /* by position in the subset: row number, position in the base */
    int64_t *start;
    int segments; /* 0: no row is left */
} ist_subset;

/* Collective, of the loaded layer; classes are those of s->classes. */
void ist_subset_new(ist_session *s, ist_subset_kind kind, bool parts, ist_subset *set);
void ist_subset_release(ist_subset *set);
/* Collective. Records of the subset's home rows, for those of the base; other rows' stay as they are. */
void ist_subset_bring(const ist_session *s, const ist_subset *set, size_t bytes, const void *from,
                      void *to);

/* Collective. The lists of a source pass, its layer (and classes) loaded. */
void ist_find_lists(ist_session *s, const ist_source_pass *pass, ist_lists *lists,
                    ist_pass_stats *stats);
void ist_lists_release(ist_lists *lists);
/* Collective. Neighbours within classes from a list among all of the same rows; rows whose list is too short are searched for. pass:
 * only if that is faster than it and the counts that follow it; false: it is not, or was broken off, and the lists are of no use. NULL:
 * anyhow, and to the end. */
bool ist_find_in_lists(ist_session *s, const ist_class_question *q, const ist_list *among,
                       ist_class_lists *lists, const ist_source_pass *pass, ist_pass_stats *stats);
/* Collective. The list of a pass within classes, its layer and classes loaded, with what is counted among all samples, from the
 * lists that pass->reads left; tie_fraction may be NULL. False: there are none, or it does not pay, or it was broken off. */
bool ist_find_from_lists(ist_session *s, const ist_source_pass *pass, bool parts, ist_list *list,
                         double **tie_fraction, ist_pass_stats *stats);
void ist_list_release(ist_list *list);
/* One of the joint passes that go together: the rows of its first layer (or their parts'), and what is found. */
typedef struct {
    const ist_source_pass *pass;
    const ist_rows *rows;
    ist_list *list;
    double **tie_fraction; /* NULL: not wanted */
} ist_joint_search;

/* Collective. The lists by the larger of the distances in two sets of rows, of which the second (its layer's, or its parts'; or
 * its rows in another order) is the same in all. */
void ist_find_joint(ist_session *s, const ist_joint_search *search, int count,
                    const ist_rows *second, ist_pass_stats *stats);
/* Collective. A line of timings.csv. */
ist_code ist_journal_timing(ist_session *s, const char *kind, size_t layer, int64_t k,
                            int64_t thresholds, double started, const ist_pass_stats *stats,
                            ist_error *error);
/* Local. Without what it waited, which is told apart. */
void ist_add_time(ist_session *s, ist_phase phase, double started, const ist_pass_stats *stats);
/* Collective. The operands of a pass 1 into memory; false: there is nothing to be found (the tasks will say why), or an error. */
bool ist_load_operands(ist_session *s, const ist_source_pass *pass, ist_lists *lists,
                       ist_error *error);
/* Collective. The permutations of a pass, whose operands are loaded, from schedule->nulls[first_null] on. */
ist_code ist_permute_operands(ist_session *s, size_t first_null, ist_error *error);
/* Collective. The step of joint passes that go together: as many layers at once as the plan says (joint_mpi.c). */
ist_code ist_find_joint_lists(ist_session *s, size_t head, ist_error *error);
void ist_told_release(ist_told told[2]);
/* Of a joint pass, s->loaded and s->other being its layers: what their distances are multiplied with. */
void ist_joint_factors(const ist_session *s, const ist_source_pass *pass, double factor[2]);
/* Collective. Of a joint list, what is counted for a slot in one of its layers, `rows` being that layer's: threshold[i x
 * stride] of home row i, in the units of the layer. side: 0 is the pass' first layer. */
void ist_joint_thresholds(ist_session *s, const ist_source_pass *pass, int side,
                          const ist_slot *slot, const ist_rows *rows, const ist_list *list,
                          int64_t stride, double *threshold, ist_pass_stats *stats);

/* What a step does, before the name of its layer: "counts in", ... */
const char *ist_step_words(const ist_step *step);
/* Local: what is in flight from here on, should this process crash: a layer's reading (flights: by layer), a step, or one task
 * of the step. */
void ist_depart_layer(const ist_session *s, size_t layer, const ist_flights *flights);
void ist_depart_step(const ist_session *s, size_t step);
void ist_depart_task(const ist_session *s, size_t task);
/* Local: tasks that were in flight at two crashes. Collective, when all others are done: they fail, and their rows say why. */
size_t ist_count_aside(const ist_session *s);
ist_code ist_set_aside(ist_session *s, ist_error *error);
/* Collective. The tasks of a layer that is not read have failed; the next run, which finds a state of the file that never was,
 * looks again. */
ist_code ist_leave_unread(ist_session *s, size_t layer, ist_error *error);

void ist_release_permuted(ist_permuted *permuted);

/* Collective. One step of the schedule, with the tasks that it completes. */
ist_code ist_take_step(ist_session *s, size_t step, ist_error *error);
/* Collective. All steps of a portion, by the ranks of s->comm; nothing of it stays in memory. */
ist_code ist_take_portion(ist_session *s, const ist_portion *portion, ist_error *error);
/* Collective. The whole division, phase by phase. */
ist_code ist_take_all(ist_session *s, ist_error *error);

/* What was counted for one task, by this rank's rows of a set: of row i closer[side][i x stride[side]], ... in the
 * source (0) and the target layer (1), or twice_rank[i x rank_stride]; NULL: nothing. */
typedef struct {
    const int64_t *twice_rank;
    int64_t rank_stride;
    const int64_t *closer[2], *equal[2];
    int64_t stride[2];
} ist_counted;

/* What the engine found for one task. */
typedef struct {
    size_t task;
    const ist_lists *lists, *second; /* of the source layer; of the target layer or NULL */
    const ist_lists *null;           /* among all, for permuted labels, or NULL */
    ist_counted all, parts;
} ist_found;

/* Collective. Sums, record, one line of the journal. */
ist_code ist_complete_task(ist_session *s, const ist_found *found, ist_error *error);
/* Collective. The end of a task: its records (of rank 0; released) or its failure go into the journal. */
ist_code ist_keep_records(ist_session *s, size_t task, ist_record *records, size_t count,
                          const ist_error *failure, ist_error *error);
/* Collective. The slices of a step, with the tasks that they serve. */
ist_code ist_take_slices(ist_session *s, size_t step, ist_error *error);
/* Collective. The matrices of a step, with the tasks that they serve. */
ist_code ist_take_dense(ist_session *s, size_t step, ist_error *error);
/* Local. What steps of matrices have remembered. */
void ist_forget_matrices(ist_session *s);
/* Local: a line about the tasks done, where it is time for one. */
void ist_tell_progress(ist_session *s);
/* Collective. The task's row says why there is no number. */
ist_code ist_fail_task(ist_session *s, size_t task, const char *reason, ist_error *error);

/* Local. Those of n rows that a pass or task asks about, for the ranks of s->comm; valid until others are asked for, or the layers
 * are unloaded. */
const ist_anchors *ist_anchors_for(ist_session *s, int64_t n, ist_anchor_choice choice);

/* The samples of the set that a task is about: n, and the parts' order of that n. */
void ist_part_order_for(ist_session *s, int64_t n);

#endif
