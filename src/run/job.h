/* What one run knows of its job. Private to the room. */
#ifndef INFOSTRATA_RUN_JOB_H
#define INFOSTRATA_RUN_JOB_H

#include "infostrata/data.h"
#include "infostrata/measures.h"
#include "infostrata/results.h"
#include "infostrata/run.h"

/* Rows of a file, ascending. */
typedef struct {
    int64_t count, *row;
    ist_hash hash; /* of them */
    size_t
        among; /* on rank 0, of a subset: the choice that it is drawn from (its own position if it is none) */
} ist_chosen;

/* Job and plan, and what the inputs said when they were looked at. The same on every rank. */
typedef struct {
    ist_job *job;
    ist_plan *plan;
    bool *unverified; /* by task: nothing shows that the operands' rows are the same samples */
    ist_hash *layer_content; /* by layer */
    bool *layer_known;
    ist_hash *label_content; /* by label vector: always known once inputs were read */
    bool *label_known;
    ist_chosen *chosen; /* where the job is about some rows of a file that are not the first */
    size_t chosen_count;
    size_t *layer_choice,
        *label_choice; /* by layer, by label vector: in chosen; SIZE_MAX: the first n */
    ist_index choices; /* of rank 0 */
    bool *foreign;     /* by task: another shard's; NULL: none is */
} ist_known_job;

void ist_known_job_release(ist_known_job *known);
/* The contents as the results room wants them; borrowed. */
ist_contents ist_known_contents(const ist_known_job *known);

/* ---- the steps before any work, in this order; each false (with faults) or true -------------- */

/* Local. The manifest -> job. The names for `layers: all` are still missing. */
bool ist_prepare_job(const ist_options *options, ist_known_job *known, ist_faults *faults);
/* Local. For `layers: all`: names of the first cell's file. */
bool ist_prepare_names(const ist_job *job, ist_named_values *names, ist_faults *faults);
/* Local: both of the above for a process of its own. */
bool ist_prepare_all_names(ist_known_job *known, ist_faults *faults);
/* Local. Job -> plan, without shapes. */
bool ist_prepare_plan(ist_known_job *known, ist_faults *faults);
/* Local: opens every input; fills in shapes, label contents and `unverified`. */
bool ist_prepare_inputs(ist_known_job *known, ist_faults *faults);
/* Local: rows are the same samples in the operands of every task. */
bool ist_prepare_samples(ist_known_job *known, ist_faults *faults);
/* Local: all of the above in one go, for commands without MPI. */
bool ist_prepare(const ist_options *options, ist_known_job *known, ist_faults *faults);

/* Local. What the job takes of a file of so many rows, `at` in a cell: a position in known->chosen, or SIZE_MAX: the first
 * ones. Faults are told once a choice. */
size_t ist_choose(ist_known_job *known, size_t cell, const ist_location *at, int64_t rows,
                  ist_faults *faults);
/* Local. A subset of such a choice of `population` rows, or the choice itself: draw.of NULL. A subset for which there are too few rows is
 * empty (ist_plan_check tells). */
size_t ist_choose_subset(ist_known_job *known, size_t choice, int64_t population, ist_draw draw);
/* Local. The choice that a subset is drawn from; any other: itself. */
size_t ist_choice_of_all(const ist_known_job *known, size_t choice);
/* Local. How many that are. */
int64_t ist_rows_chosen(const ist_known_job *known, size_t choice, int64_t rows);
/* Local. Of a vector of integers those n rows. */
ist_code ist_read_chosen(const ist_known_job *known, const ist_location *at, size_t choice,
                         int64_t n, int64_t *values, ist_error *error);
/* Local. A file's stamp as the journal keeps it for a layer: it changes with the rows that are taken, too. */
void ist_stamp_chosen(const ist_known_job *known, size_t layer, ist_stamp *stamp);
void ist_release_choices(ist_known_job *known);

/* Local. Classes of n labels as the plan wants them. */
void ist_describe_classes(const int64_t *values, ist_label_vector *labels);

/* Local. Classes 0, 1, ... of n labels in ascending order; returns their number. */
int64_t ist_number_classes(const int64_t *values, int64_t n, int32_t *class_of);
/* Local. Sizes of the classes, parts x class_count, in segments of an order (NULL: as they are). The caller
 * frees them. */
int64_t *ist_count_classes(const int32_t *class_of, int64_t class_count, const int64_t *order,
                           const int64_t *start, int parts);

/* Local. Reads every value of every layer and prints what was found; IST_REFUSED if some layer cannot be used. */
ist_code ist_check_data(const ist_known_job *known);

/* Prints faults to stderr. */
void ist_print_faults(ist_faults *faults);

/* ---- what is done already ------------------------------------------------------------------- */

/* Local. Contents of the layers whose files are as the journal saw them. */
void ist_recall_contents(ist_known_job *known, const ist_journal *journal);
/* Local. pending[t]: no outcome under the known contents, or (retry_failed) a failed one; aside[t] (may be NULL): instead, because it was
 * in flight at IST_CRASHES crashes. unsettled[layer] (may be NULL): the content must be known to tell, because the journal has an outcome
 * for the task under some content. */
enum { IST_CRASHES = 2 };
void ist_find_pending(const ist_known_job *known, const ist_journal *journal, bool retry_failed,
                      bool *pending, bool *aside, bool *unsettled);

/* Local: ist_machine.pass_memory. */
int64_t ist_step_memory(const ist_pass_shape *pass, const ist_machine *machine);
/* Local: ist_machine.layout. */
ist_dense_layout ist_matrix_layout_of(int64_t order, int ranks, int64_t outputs);
/* Local: may layers get twins (ist_machine.twins)? */
bool ist_may_skip(const ist_options *options);
/* Local. Bytes that the tasks of a job take on rank 0 beside the arrays of passes, about: in the plan, of which `planned` are in
 * memory already; in the journal, of those that are still to do; in the views, when they are made. Measured on 32,000 tasks. */
static inline int64_t ist_tasks_memory(size_t tasks, size_t planned, size_t to_do)
{
    enum { PLAN = 600, JOURNAL = 2300, VIEWS = 1200 };
    return PLAN * (int64_t)(tasks - planned) + JOURNAL * (int64_t)to_do + VIEWS * (int64_t)tasks;
}

/* Local. Bytes that each of so many ranks on this machine may use beside the program itself, and who says so: what is free, Slurm's variables, control
 * groups, `ulimit -v`; the least of them. 0: nobody says. */
typedef struct {
    int64_t bytes;
    const char *from;
} ist_memory_room;
ist_memory_room ist_available_memory(int ranks);
/* Local. What control groups of either version leave a rank: `groups` is like /proc/self/cgroup, `root` like /sys/fs/cgroup; the least of the
 * group's limit and those above it. Bytes 0: none is set. */
ist_memory_room ist_cgroup_memory(const char *groups, const char *root, int ranks);

/* Local, for commands without MPI: what is left to do costs so much on options->ranks cores like these, without a limit of memory. */
ist_cost ist_planned_cost(const ist_options *options, ist_known_job *known, ist_machine *machine,
                          ist_error *error);

/* Local. known->foreign for this shard, once the inputs are known. */
void ist_mark_foreign(ist_known_job *known, ist_shard shard);

/* Local: the meta columns of every cell, into the journal. */
ist_code ist_journal_meta(const ist_plan *plan, ist_journal *journal, ist_error *error);

#endif
