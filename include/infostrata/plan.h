/* plan: job -> cells -> tasks -> distinct layers -> passes; cost and memory.
 *
 * Pure: no MPI, no files. Shapes come from the data room (the caller fills ist_layer.shape), what
 * a measure needs comes from its descriptor. The same plan is printed by `infostrata plan` and
 * walked by `infostrata run`.
 */
#ifndef INFOSTRATA_PLAN_H
#define INFOSTRATA_PLAN_H

#include "infostrata/base.h"
#include "infostrata/manifest.h"

/* ---- look-up by hash ----------------------------------------------------------------------- */

/* A map from hashes to positions in somebody's array. {0} is empty; release frees it. */
typedef struct {
    ist_hash *keys;
    size_t *values; /* SIZE_MAX: a free slot */
    size_t capacity, count;
} ist_index;

/* The value that stands for `key`. Where there is none yet, `value` (not SIZE_MAX) is put in. */
size_t *ist_index_add(ist_index *index, ist_hash key, size_t value);
/* SIZE_MAX if there is none. */
size_t ist_index_find(const ist_index *index, ist_hash key);
void ist_index_release(ist_index *index);

/* ---- distances ----------------------------------------------------------------------------- */

/* What is meant by the distance of two rows x, y (measures.md P4): of `euclidean` the square is kept,
 * sum of (x - y)^2; manhattan: sum of |x - y|; chebyshev: the largest |x - y|. cosine: the euclidean one of the rows
 * over their lengths (ist_normalise), whose square is 2 (1 - cos); to the engine such rows are euclidean. */
typedef enum {
    IST_METRIC_EUCLIDEAN,
    IST_METRIC_MANHATTAN,
    IST_METRIC_CHEBYSHEV,
    IST_METRIC_COSINE
} ist_metric;

/* In what units: as stored; of the root of the mean squared euclidean distance of two rows; each column less its
 * mean, over its standard deviation (ddof 1), constant ones 0. */
typedef enum { IST_SCALE_NONE, IST_SCALE_RMS, IST_SCALE_ZSCORE } ist_scale;
enum { IST_METRICS = IST_METRIC_CHEBYSHEV + 1 }; /* of the engine */

/* Of which metric are the rows that a layer in this one is made of? */
static inline ist_metric ist_metric_of_rows(ist_metric metric)
{
    return metric == IST_METRIC_COSINE ? IST_METRIC_EUCLIDEAN : metric;
}

/* ---- where data lie, and their shape ------------------------------------------------------- */

/* One dataset: an expanded address. file is absolute; dataset is empty for a .npy file; index is
 * NumPy's text between [ ] or empty. */
typedef struct {
    char *file, *dataset, *index;
    bool pool; /* average the dimensions after the channels */
} ist_location;

typedef struct {
    int64_t rows; /* samples in the file */
    int64_t d;    /* features of one sample, flattened (after pooling) */
    bool wide; /* held as float64: float64, 32- and 64-bit integers, pooled; else float32 exactly */
    int64_t value_bytes; /* stored bytes of one value, for the bytes to be read */
    int64_t row_values;  /* stored values of one sample (before pooling) */
    char type[16];       /* "float16", "int8", ... */
} ist_shape;

/* Which samples a layer or labels vector has, of those that the job takes of it. */
typedef struct {
    const ist_subsets *of; /* an entry's, of the job; NULL: all */
    int64_t index;         /* which of them */
} ist_draw;

/* A layer that several cells may share: one location, its passes run once a job. */
typedef struct {
    ist_location at;
    ist_metric metric; /* what is meant by the distance of its rows */
    bool zscore;       /* IST_SCALE_ZSCORE */
    bool rms;          /* some task wants to know the mean squared distance; part of no identity */
    bool dimension;    /* some task wants to know about how many it has; part of no identity */
    /* The layer identity as text: path relative to the output folder (so that both may move
     * together), ':' dataset, '[index]' without blanks, '|pool', '|first=n' (or what else says which samples), '|subset=i,size=m,seed=s', '|chebyshev', '|cosine', '|zscore'. */
    char *key;
    size_t cell;     /* the first that asks for it */
    ist_place place; /* where its address stands in the manifest */
    bool own_rows;   /* not the samples: `samples` does not speak of them */
    ist_shape shape;
    ist_draw draw;
    int64_t
        n; /* rows used: shape.rows, or as many as job->samples takes of them; of a subset its size */
    int64_t population; /* of a subset: the rows among which it is drawn */
} ist_layer;

/* Are its rows held as float64? */
static inline bool ist_layer_is_wide(const ist_layer *layer)
{
    return layer->shape.wide || layer->zscore || layer->metric == IST_METRIC_COSINE;
}

/* The columns they have in memory at most: cosine, one more where there are zero rows. */
static inline int64_t ist_layer_columns(const ist_layer *layer)
{
    return layer->shape.d + (layer->metric == IST_METRIC_COSINE);
}

typedef struct {
    ist_location at;
    char *key; /* as a layer's, ending in '|labels': one dataset may be both */
    size_t name, cell;
    ist_draw draw;
    int64_t rows, n, population; /* as a layer's shape.rows, n, population */
    /* Filled in with the shapes. pair_share: of all pairs, those within a class. singles: some class has one
     * sample only, among all or within a random part. */
    int64_t classes, largest,
        smallest; /* how many there are; samples of the largest, of the smallest */
    double pair_share;
    bool singles;
} ist_label_vector;

/* ---- what a measure needs ------------------------------------------------------------------ */

/* How equal source distances are ordered and equal target distances counted (architecture 5). */
typedef struct {
    bool by_index;
    uint64_t seed;
} ist_tie_rule;

/* Among which samples the nearest are looked for. */
typedef enum {
    IST_AMONG_ALL,
    IST_AMONG_CLASS, /* those with the same label (labels target); who has no other is left out */
    IST_AMONG_DISTINCT, /* one of each row that is there several times: the first */
    IST_AMONG_JOINT     /* all, by the larger of the distances in source and target layer */
} ist_among;

/* What is to be counted in a pass 2. */
typedef enum {
    IST_COUNTS_NONE,
    IST_COUNTS_RANKS, /* in the target: the ranks of the neighbours (those in labels need no pass) */
    IST_COUNTS_REACH, /* in the source layer: how many are nearer than the k-th neighbour and how many as
                         near, of all samples that are not left out */
    IST_COUNTS_NEARER, /* the same of all samples */
    IST_COUNTS_JOINT, /* in the source layer and in the target layer: how many are nearer than the k-th joint
                         distance, and (where that is 0) how many at it */
    IST_COUNTS_JOINT_REACH, /* in both: how many are not farther than the k-th joint distance */
    IST_COUNTS_BOX /* in both: how many are nearer than the farthest, in that layer, of the k joint
                         neighbours, and how many as near as it */
} ist_count_kind;

/* Random projections (slices.h): how many, onto how many directions each, drawn with which seed; whether the measure asks for
 * their mean squared distances. */
typedef struct {
    int64_t count; /* 0: none */
    int columns;
    uint64_t seed;
    bool factors;
} ist_slice_needs;

/* What is to be found out about matrices of n x n, or of features x features (dense.h; docs/measures/). */
typedef enum {
    IST_DENSE_NOTHING,
    IST_DENSE_SPECTRA, /* eigenvalues of kernels over their trace: of the source, of a target, of both entrywise */
    IST_DENSE_TRACES,  /* of the same, the sum of their powers, estimated without a matrix */
    IST_DENSE_MOMENTS, /* of the same, the sum of their squares, exactly, without a matrix */
    IST_DENSE_LOGDETS, /* ln det(I + beta M) of the columns of the source, of a target, of both side by side */
    IST_DENSE_ALIGNMENT, /* centred alignment of two kernels */
    IST_DENSE_SOLUTIONS  /* of the source's kernel and a target: y' K^-1 y */
} ist_dense_kind;

/* K(x, y): exp(-|x - y|^2 / (2 s^2)); x'y; the layer is the matrix itself. */
typedef enum { IST_KERNEL_GAUSSIAN, IST_KERNEL_LINEAR, IST_KERNEL_DUMPED } ist_kernel_form;

/* How s is found: given; the median distance; Silverman's rule; from the 5 nearest; by alignment with the labels. */
typedef enum {
    IST_WIDTH_GIVEN,
    IST_WIDTH_MEDIAN,
    IST_WIDTH_SILVERMAN,
    IST_WIDTH_NEAREST,
    IST_WIDTH_ALIGNED
} ist_width_rule;
enum { IST_WIDTH_NEIGHBOURS = 5 };

typedef struct {
    ist_dense_kind kind;
    ist_kernel_form form;
    ist_width_rule rule;
    double width;  /* IST_WIDTH_GIVEN */
    double power;  /* TRACES: alpha */
    int probes;    /* TRACES */
    uint64_t seed; /* TRACES: of the probes */
    /* LOGDETS: beta, 0: 100 times the columns of all; M is the covariance, else the correlation; labels: what is
     * within the classes, else one column a class */
    double beta;
    bool covariance, within_classes;
    /* SOLUTIONS: what is added to the diagonal; labels as -1 and 1, else one column a class; less the mean of each
     * column; every sample left out in turn */
    double ridge;
    bool signs, centred, left_out;
} ist_dense_needs;

/* Whose neighbours are looked for: those of `count` rows that ist_draw_rows draws with this seed; count 0: of all. */
typedef struct {
    int64_t count;
    uint64_t seed;
} ist_anchor_choice;

/* What one task needs of the engine. */
typedef struct {
    ist_slice_needs
        slices; /* then no pass: rows of the source layer and of a target layer, projected */
    ist_dense_needs dense; /* neither */
    int64_t neighbours;    /* k nearest of the source layer */
    ist_among among;
    ist_count_kind counts;
    bool distances;   /* of the neighbours */
    bool any_order;   /* equal distances may come in any order: whatever `ties` */
    bool both;        /* the k nearest of the target layer, too */
    bool list_counts; /* how many of those looked at are as near as each neighbour (CLASS, JOINT) */
    bool parts;       /* all of this within 10 random parts of the rows, too */
    bool edges;       /* for each neighbour pair the rank of its reverse, in-sums, and in how many
                         balls rows lie */
    ist_tie_rule ties;
    ist_metric metric;
    ist_scale scale; /* of both layers */
    bool dimension;  /* of its layers: facts for the notes */
    ist_anchor_choice
        anchors; /* with neighbours among ALL, counts NONE or RANKS: neither parts nor edges nor distances */
} ist_needs;

enum { IST_PARTS = 10 };

/* The most classes for which a task may have records of their own. */
enum { IST_MAX_BY = 100 };

/* Are random parts of n samples large enough for k neighbours (architecture section 5)? */
static inline bool ist_parts_usable(int64_t n, int64_t k)
{
    return n / IST_PARTS >= 10 * k;
}

/* Among how many rows the two-NN dimension of a layer of n is found (ist_needs.dimension), whatever else the job does
 * with it: those of a random part, for a tenth of a pass; all, where they are few. */
static inline int64_t ist_dimension_rows(int64_t n)
{
    enum { FEW = 1000 };
    return n < FEW ? n : n / IST_PARTS;
}

/* The part of a measure's descriptor that planning uses; params[p] follows the schema's order. */
typedef struct {
    const ist_measure_schema *schema;
    int version; /* of the algorithm: part of every task's identity */
    /* labels: of a labels target, its shape known; else, or while nothing but metric and scale is asked for,
     * NULL. */
    ist_needs (*needs)(const ist_value *const *params, const ist_label_vector *labels);
    /* Is the task possible with n samples? IST_OK, or IST_REFUSED with the numbers. */
    ist_code (*check)(const ist_value *const *params, int64_t n, const ist_label_vector *labels,
                      ist_error *error);
} ist_measure_planner;

/* ---- the plan ------------------------------------------------------------------------------ */

typedef struct {
    size_t entry;
    size_t cell;                     /* the row's own cell */
    size_t source_name, target_name; /* job->layers, or job->labels for a labels target */
    size_t source_cell, target_cell; /* one of them differs from cell with `against` */
    int64_t subset; /* which of the entry's subsets; those of one record follow each other */
    bool labels_target;
    bool alone;           /* of the source alone: source and target are the same */
    size_t source;        /* plan->layers */
    size_t target;        /* plan->layers or plan->labels */
    int64_t permutations; /* of the null; 0: none */
    size_t within; /* plan->labels inside whose classes samples are permuted; SIZE_MAX: all */
    size_t by;     /* plan->labels for whose classes there are records, too; SIZE_MAX: none */
    size_t param[IST_MAX_PARAMS]; /* which value of each parameter's sweep */
    /* plan->layers: the datasets that parameters name, in the parameters' order; SIZE_MAX: none */
    size_t extra[IST_MAX_ADDRESSES];
    ist_hash id; /* of all that determines the number but the contents */
    size_t twin; /* the first task with this id (itself if it is the first) */
} ist_task;

typedef struct {
    const ist_job *job;
    const ist_measure_planner *const *measures; /* by schema position */
    size_t cell_count;
    size_t *positions; /* cell_count x axis_count */
    ist_task *tasks;   /* in grid order, then manifest order: the order of the results */
    size_t task_count;
    ist_layer *layers;
    size_t layer_count;
    ist_label_vector *labels;
    size_t label_count;
} ist_plan;

/* Expands the job. Faults (a reference cell that the grid excludes, no cell left, no task) go to
 * `faults`; then NULL. The plan borrows the job and the measures. */
ist_plan *ist_plan_new(const ist_job *job, const ist_measure_planner *const *measures,
                       ist_faults *faults);
void ist_plan_free(ist_plan **plan);

/* Shares 0 ... count - 1 of the job: whose each cell is. It depends on the plan (with its shapes) alone; the costliest cells go first, each to the share
 * that has least. The caller frees it. */
int *ist_plan_shards(const ist_plan *plan, int count);

/* rows[classes x count], ascending: of n rows, in each class (class_of[n], below `classes`; NULL: one class) those whose words of
 * (seed, row) are the smallest. No class may have fewer than `count`. Fewer rows of a seed are some of more. */
void ist_draw_rows(int64_t n, const int32_t *class_of, int64_t classes, int64_t count,
                   uint64_t seed, int64_t *rows);

/* rows[count x size]: of n rows, `count` disjoint subsets as ist_subsets says, each in ascending order. count x size is
 * at most n. */
void ist_draw_subsets(int64_t n, int64_t size, int64_t count, uint64_t seed, int64_t *rows);

const size_t *ist_plan_cell(const ist_plan *plan, size_t cell);
/* The subsets that the task is one of; NULL: it is about all samples. */
const ist_subsets *ist_task_subsets(const ist_plan *plan, const ist_task *task);
/* The chosen values of a task's parameters, by schema position. */
void ist_task_params(const ist_plan *plan, const ist_task *task,
                     const ist_value *values[IST_MAX_PARAMS]);
/* "noise=0.0;seed=1": the axes in which `other` differs from `cell`, in grid order; empty if none. */
void ist_plan_difference(const ist_plan *plan, size_t cell, size_t other, ist_text *out);
/* "width=64, seed=1", for messages and the journal's meta lines; empty without a grid. */
void ist_plan_cell_text(const ist_plan *plan, size_t cell, ist_text *out);
/* Where it is written which samples a cell's layers and labels have: labels (per_class), or row numbers (rows). False:
 * nowhere. The caller releases *at. */
bool ist_locate_samples(const ist_plan *plan, size_t cell, ist_location *at);
void ist_release_location(ist_location *at);
/* "file:dataset[index]" for messages. */
void ist_location_text(const ist_location *at, ist_text *out);

/* After all shapes are filled in: unequal N, k too large, ... All faults go to `faults`; returns
 * whether there were none. */
bool ist_plan_check(const ist_plan *plan, ist_faults *faults);

/* ---- passes -------------------------------------------------------------------------------- */

/* Pass 1: the k nearest of every row of a layer, or of anchors. */
typedef struct {
    size_t layer;
    ist_anchor_choice anchors;
    bool in_class; /* among those with the same label only */
    size_t labels; /* in_class: plan->labels; else SIZE_MAX */
    size_t other;  /* a joint pass: the second layer; else SIZE_MAX */
    ist_scale scale;
    ist_tie_rule ties;
    int64_t k;
    int64_t distinct_k; /* among the distinct rows, too, if some rows are equal; 0: not */
    int64_t distance_k; /* so many distances are kept */
    bool parts, list_counts;
    /* in_class: the pass among all rows of the layer whose lists may say the same (SIZE_MAX: none); whatever is counted in the layer
     * is counted for such passes. */
    size_t reads;
    bool counted_alone;
    size_t first_null; /* schedule->nulls; SIZE_MAX: none */
    size_t last_step;  /* the neighbour lists may be freed after this step */
    /* Joint passes of one second layer go together, in the step of the first: that one (a pass alone: itself), and the next
     * (SIZE_MAX ends them). */
    size_t head, together;
} ist_source_pass;

/* Thresholds of a pass 2: the distances, in its layer, to the first k of a source's lists (RANKS), or one: to the
 * k-th alone (REACH, NEARER; the last one where a list is shorter), or of a joint pass (JOINT, BOX). */
typedef struct {
    size_t pass; /* schedule->sources */
    int64_t k;
    ist_count_kind kind;
} ist_slot;

/* The thresholds a row of a slot. */
static inline int64_t ist_slot_width(const ist_slot *slot)
{
    return slot->kind == IST_COUNTS_RANKS ? slot->k : 1;
}

/* Pass 2: the counts below the thresholds of all its slots, in the target layer. */
typedef struct {
    size_t layer;
    ist_anchor_choice anchors; /* of all its slots */
    size_t labels;             /* samples alone in their class are left out; SIZE_MAX: none are */
    bool by_index;
    bool parts;
    ist_slot *slots;
    size_t slot_count;
    size_t first_null; /* schedule->nulls; SIZE_MAX: none */
    size_t last_step;  /* counts of slots of one threshold are kept until then */
} ist_target_pass;

/* Permutations of a target layer, the same for all tasks that they serve, in the step of a pass that has what they
 * need: the second layer of a joint pass, or the layer of a pass 2 that counts ranks. */
typedef struct {
    bool counts; /* of targets[pass], else of sources[pass] */
    bool list_counts;
    size_t pass;
    size_t within; /* plan->labels inside whose classes rows are permuted; SIZE_MAX: all */
    uint64_t seed;
    int64_t permutations; /* the most that a task asks for: others take the first of them */
    ist_slot *slots;      /* what is counted of each permutation; of a joint pass in both layers */
    size_t slot_count;
    size_t next; /* the next of the same pass; SIZE_MAX ends them */
} ist_null_passes;
/* Slices of a layer, or of two (the first `slices` of a seed): they serve all tasks that ask for fewer, too. */
typedef struct {
    size_t layer, other; /* other: SIZE_MAX for labels */
    int64_t slices;
    int columns;
    uint64_t seed;
    double
        estimates; /* in each slice, of all samples: 1 a task, 1 for its parts, 1 a permutation */
    bool permutes; /* some task has a null */
} ist_slice_pass;

/* Matrices made of a layer, of one and a target layer or of labels: tasks of one kernel come one after the other. */
typedef struct {
    size_t layer, other;       /* other: SIZE_MAX: none, or one after the other (kind SOLUTIONS) */
    int64_t order, matrices;   /* of the largest: rows, and how many of them there are at once */
    int64_t columns, features; /* numbers a row beside them; the most features of a layer */
    int64_t outputs;           /* rows of a sample in the matrix */
    int probes, widths;        /* of traces; tried at once by the alignment rule */
    double operations;         /* float64, of all tasks */
} ist_dense_pass;
enum { IST_WIDTHS_TRIED = 100 };

typedef enum { IST_STEP_PASS, IST_STEP_SLICES, IST_STEP_DENSE } ist_step_kind;

typedef struct {
    ist_step_kind kind;
    bool
        counts; /* a pass: false: sources[index], true: targets[index]; else slices[index], dense[index] */
    size_t index;
    /* Some task that it completes has permuted labels, or lists of a permuted layer; if within classes, the most
     * neighbours there (0: none). */
    bool permutes;
    int64_t class_k;
    int stage; /* 0 unless ist_divide says otherwise */
} ist_step;

/* What serves a task. SIZE_MAX: it is not pending (source), or needs nothing of the kind. */
typedef struct {
    size_t source; /* the lists of its source layer */
    size_t second; /* those of its target layer */
    size_t null;   /* lists of the source layer among all, for permuted labels */
    size_t slices; /* schedule->slices: then nothing else */
    size_t dense;  /* schedule->dense: then nothing else */
    /* What is counted for it, in the source layer (0) and in the target layer (1). */
    size_t target[2], slot[2];
    size_t permuted, permuted_slot; /* schedule->nulls: a permuted target layer */
    int64_t class_k;                /* null: neighbours within permuted classes */
    size_t last_step;               /* when all of it is there */
} ist_route;

typedef struct {
    ist_source_pass *sources;
    size_t source_count;
    ist_target_pass *targets;
    size_t target_count;
    ist_null_passes *nulls;
    size_t null_count;
    ist_slice_pass *slices;
    size_t slice_count;
    ist_dense_pass *dense;
    size_t dense_count;
    ist_step *steps; /* an order in which every pass 2 comes as soon as its sources are known */
    size_t step_count;
    int64_t carried;   /* bytes of the lists, all rows, that one stage leaves for a later one */
    size_t asked;      /* passes that the tasks would cost one by one */
    size_t tasks;      /* pending tasks, twins not counted */
    ist_route *routes; /* by task; that of a twin stands at its first task */
} ist_schedule;

/* The passes that serve the pending tasks (pending[t] for each task; NULL: all of them). */
ist_schedule *ist_schedule_new(const ist_plan *plan, const bool *pending);
void ist_schedule_free(ist_schedule **schedule);
/* The layer in whose passes permuted targets are computed: of a pass 2, the first of a joint one. */
static inline size_t ist_null_layer(const ist_schedule *schedule, const ist_null_passes *null)
{
    return null->counts ? schedule->targets[null->pass].layer : schedule->sources[null->pass].layer;
}
/* The layer that a step loads (of joint passes that go together the first one), and the second one; SIZE_MAX: none. */
size_t ist_step_layer(const ist_schedule *schedule, const ist_step *step);
size_t ist_step_other(const ist_schedule *schedule, const ist_step *step);
/* The last of the steps after which the lists of passes that go together may be freed. */
size_t ist_together_last_step(const ist_schedule *schedule, size_t head);
/* Are the steps in an order of stages (ist_divide)? */
bool ist_schedule_is_staged(const ist_schedule *schedule);
/* What serves a task of plan->tasks; NULL for one that is not pending. */
const ist_route *ist_schedule_route(const ist_schedule *schedule, const ist_task *task);

/* The rows whose neighbours are looked for: all n, or the anchors. */
static inline int64_t ist_asking_rows(int64_t n, ist_anchor_choice anchors)
{
    return anchors.count > 0 ? anchors.count : n;
}

/* Rows of the matrix that stand for one sample (kind SOLUTIONS): as many as the target has columns where the dumped
 * kernel is that of all outputs (n x c x n x c), else 1. */
int64_t ist_dense_outputs(const ist_plan *plan, const ist_task *task, const ist_dense_needs *needs);

/* ---- cost ---------------------------------------------------------------------------------- */

/* Layers of so many features, and joint sets of two such, may be answered by k-d trees. */
enum { IST_TREE_FEATURES = 3 };

/* A pass over n rows of a layer: the k nearest (thresholds = 0), or the counts below so many
 * thresholds a row, `batch` of them at once, for lists of up to k neighbours; of so many anchors (0: of every row). */
typedef struct {
    int64_t n, d, anchors;
    bool wide, parts; /* parts: the same again in the random parts */
    int64_t k, thresholds, batch;
    int64_t distance_k; /* distances that the lists keep */
    bool list_counts;
    bool reads; /* may be answered from other lists, with what is counted below each entry */
    /* Among classes or some of the rows: a set of its own, in so many segments; 0: not. */
    int64_t some_segments;
    int64_t other_d; /* a joint pass: features of the second layer; else 0 */
    bool other_wide;
    int64_t together,
        at_once; /* of so many layers like this with the second one, so many at once; 0: alone */
    /* Permutations in its step. permutes: of samples, whatever comes of them; class_k: lists of so many within
     * permuted classes. Of a layer: so many at once, each with lists of null_k and null_thresholds a row. */
    bool permutes;
    int64_t class_k, null_at_once, null_k, null_thresholds;
    int64_t slices; /* no pass: so many slices of so many columns, of the second layer, too */
    int columns;
    double estimates;            /* in each slice */
    const ist_dense_pass *dense; /* no pass: this */
} ist_pass_shape;

typedef struct ist_machine ist_machine;

/* Rows get no integer copies (pairs.h) in sets of fewer rows or features: packing them would take as long as they save. */
enum { IST_INTEGER_ROWS = 4096, IST_INTEGER_FEATURES = 8 };
/* Of a float32 tile's time they take about so much. */
static inline double ist_integer_share(int64_t d)
{
    return 0.5 + 4 / (double)d;
}

/* Bytes a rank needs for a step, from the layer's reading to the tasks that the pass completes, the
 * lists that it leaves behind included. It never falls where the batch grows. */
typedef int64_t (*ist_pass_memory)(const ist_pass_shape *pass, const ist_machine *machine);
/* Rows and columns of the grid of so many ranks, its blocks, and bytes a rank of a matrix of `order` rows. */
typedef struct {
    int rows, columns, block;
    int64_t bytes;
} ist_dense_layout;
/* outputs: indices of a matrix that must not be torn apart. */
typedef ist_dense_layout (*ist_matrix_layout)(int64_t order, int ranks, int64_t outputs);

/* What the machine gives: a caller measures the rate (pairs room) or assumes one. */
struct ist_machine {
    int ranks;
    double flops;         /* a rank's float32 operations a second in a pass, 2 d a pair */
    int64_t chunk_bytes;  /* what travels at once */
    int64_t memory_limit; /* bytes a rank may use; 0: not limited */
    bool twins;      /* sets of rows may get clustered twins: which ones is known at run time */
    bool trees;      /* layers of few features may be answered by k-d trees */
    bool integers;   /* sets of rows may get integer copies: which ones is known at run time */
    int64_t program; /* bytes of the program itself with its libraries; not in the limit */
    ist_pass_memory pass_memory; /* the run room knows what is allocated */
    ist_matrix_layout layout;
};

typedef struct {
    int64_t memory;       /* bytes a rank at the worst step, without the program itself */
    size_t worst_layer;   /* plan->layers index of that step */
    int64_t bytes_read;   /* of input files, all ranks */
    int64_t dimensions;   /* layers whose two-NN dimension is found, beside the passes */
    double pairs;         /* unordered pairs visited */
    double operations;    /* 2 d a pair, 3 d a threshold */
    double seconds;       /* estimated */
    int64_t most_batches; /* largest number of threshold batches that a pass 2 needs */
    int64_t
        most_together; /* of joint passes, layers at once against one; 0: there are none that go together */
    /* Of these, for permuted target layers: joint passes and passes 2, the time of both, and the bytes a rank at the
     * worst of their steps. */
    int64_t null_joint, null_counts, null_memory;
    double null_seconds;
    /* Of these, steps of slices: how many slices, their time, bytes a rank at the worst of them. */
    int64_t slices, slice_memory;
    double slice_seconds;
    /* Of these, steps of matrices: the largest, how many at once, their time, bytes a rank at the worst of them and
     * for one matrix. */
    int64_t dense_order, dense_outputs, dense_matrices, dense_memory, matrix_memory;
    double dense_seconds;
} ist_cost;

/* Some steps of a schedule, ascending. */
typedef struct {
    const size_t *step;
    size_t count;
} ist_steps;

/* Of these steps alone, or of all of them, with all ranks of the machine on each. */
ist_cost ist_steps_cost(const ist_plan *plan, const ist_schedule *schedule, const ist_steps *steps,
                        const ist_machine *machine);
ist_cost ist_schedule_cost(const ist_plan *plan, const ist_schedule *schedule,
                           const ist_machine *machine);
/* Thresholds a row that pass 2 of this target, which is one of the steps, may hold at once within
 * machine->memory_limit (at least 1, at most the slots' sum of k): the batch of the run. */
int64_t ist_schedule_batch(const ist_plan *plan, const ist_schedule *schedule,
                           const ist_steps *steps, size_t target, const ist_machine *machine);

/* Of sources[source], the first of joint passes that go together: how many layers may be in memory at once beside the second
 * one. At least 1, at most IST_MOST_TOGETHER. */
int64_t ist_schedule_together(const ist_plan *plan, const ist_schedule *schedule,
                              const ist_steps *steps, size_t source, const ist_machine *machine);
/* Then the second layer costs a sixteenth a pass: more would save little. */
enum { IST_MOST_TOGETHER = 16 };

/* The same of schedule->nulls[null]: permutations whose thresholds are held and counted at once, at least 1. */
int64_t ist_schedule_null_batch(const ist_plan *plan, const ist_schedule *schedule,
                                const ist_steps *steps, size_t null, const ist_machine *machine);
/* Thresholds a row of permuted layers that a pass 2 answers at once, at most. */
enum { IST_NULL_BATCH = 256 };

/* ---- groups of ranks ----------------------------------------------------------------------- */

/* Steps whose layers, passes and tasks are those of no other portion: what one group of ranks does by itself. */
typedef struct {
    ist_steps steps;
    int stage;
    double seconds; /* estimated, of one rank */
    int groups; /* as many share the ranks while portions like this are done; 1: all ranks on each */
    int64_t
        kept; /* bytes a rank of its layers, which stay in memory until it is done; 0: they do not */
} ist_portion;

/* Portions in the order in which they are begun: stage by stage, in each phases of 1, 2, 4, ... groups. */
typedef struct {
    ist_portion *portions;
    size_t portion_count;
    size_t *step; /* what the portions' steps point into */
} ist_division;

/* Divides a schedule for the ranks of a machine: small portions run many at a time, each on few ranks, where that
 * fits into machine->memory_limit and leaves no rank without work at the end for long. The same on every rank.
 *
 * A layer that is compared with those of many cells (a hub: an input, a reference network) would make one portion of them all. If it
 * pays, the schedule's steps are put into another order, of three stages: the passes 1 of hubs, by all ranks; all steps that load no
 * hub, in portions; what loads a hub and needs their lists, by all ranks. Lists go from stage to stage (schedule->carried). The memory of
 * a stage's portions is that with all of them on one group. */
ist_division *ist_divide(const ist_plan *plan, ist_schedule *schedule, const ist_machine *machine);
void ist_division_free(ist_division **division);
/* What it costs; memory is that of the worst step in the group that takes it. */
ist_cost ist_division_cost(const ist_plan *plan, const ist_schedule *schedule,
                           const ist_division *division, const ist_machine *machine);

/* Bytes that passes kept on disk take up at most, if all of them are long enough to be kept. */
int64_t ist_schedule_disk(const ist_plan *plan, const ist_schedule *schedule);
/* The most samples with which all steps of matrices would fit into machine->memory_limit; 0: they do, or none would. */
int64_t ist_dense_samples(const ist_plan *plan, const ist_schedule *schedule,
                          const ist_machine *machine);
/* The page that `infostrata plan` prints. */
void ist_plan_print(const ist_plan *plan, const ist_schedule *schedule,
                    const ist_division *division, const ist_cost *cost, const ist_machine *machine,
                    ist_text *out);

#endif
