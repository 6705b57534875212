/* manifest: the YAML text of a job -> a typed job, with file:line:column messages.
 *
 * No MPI, no HDF5, no input file is opened. The grammar is docs/manifest.md. The room does not know
 * any measure by name: it is handed their schemas (measures.def fills them), so that a new measure
 * is accepted without an edit here.
 */
#ifndef INFOSTRATA_MANIFEST_H
#define INFOSTRATA_MANIFEST_H

#include "infostrata/base.h"

/* ---- what a measure may be told -------------------------------------------------------------- */

typedef enum {
    IST_PARAM_INTEGER, /* decimal integer in [least, most] */
    IST_PARAM_REAL,    /* decimal number in [least, most]; with words[]: or one of them */
    IST_PARAM_WORD,    /* one of words[], e.g. ties: random | index */
    /* An address (docs/manifest.md), or `none`: a dataset whose rows are the samples; one with rows of its own. */
    IST_PARAM_SAMPLES,
    IST_PARAM_ROWS
} ist_param_type;

#define IST_NO_ADDRESS "none" /* where an address could stand */

typedef struct {
    const char *name;
    ist_param_type type;
    int64_t least, most;
    const char *const *words; /* NULL-terminated; for IST_PARAM_WORD, IST_PARAM_REAL */
    const char *standard;     /* the default as written in a manifest; "1, 2, 4": a list of these */
    const char *only; /* "method=mle": says something only where `method`, a parameter before it, is
                                 `mle`; then alone it is swept over and written; NULL: always */
} ist_param_spec;

/* Does a parameter name a dataset? */
static inline bool ist_param_is_address(const ist_param_spec *spec)
{
    return spec->type == IST_PARAM_SAMPLES || spec->type == IST_PARAM_ROWS;
}

/* IST_MAX_ADDRESSES: parameters of one measure that name datasets. */
enum { IST_MAX_PARAMS = 16, IST_MAX_ADDRESSES = 2 };

/* The most cells a grid may have, before `exclude`; also the most values of an axis. */
enum { IST_MAX_CELLS = 100000 };

typedef struct {
    const char *name;             /* "imbalance" */
    const char *summary;          /* one line for `infostrata measures` */
    const ist_param_spec *params; /* in the order of the records' params column */
    size_t param_count;           /* at most IST_MAX_PARAMS */
    bool symmetric;               /* one record a pair instead of both directions */
    bool takes_labels;            /* a labels target is allowed */
    bool wants_labels;            /* and nothing else */
    bool wants_target;            /* a layer or labels as `target`, no `pairs`, no `against` */
    bool alone;                   /* of one layer: no target */
    bool may_be_alone; /* of one layer where nothing else is named: no pairs of all layers */
    const char
        *series; /* results.h5: of what a record's series has one number each; NULL: it has none */
    bool by_class; /* `by`: one record more a class of the source's samples */
    /* `null`: which values speak against independence; none: there is no such test. */
    enum { IST_TAIL_NONE, IST_TAIL_UPPER, IST_TAIL_LOWER } tail;
} ist_measure_schema;

struct ist_value;
/* Does parameter p say anything, beside the values chosen for the others (by schema position)? */
bool ist_param_applies(const ist_measure_schema *schema, size_t p,
                       const struct ist_value *const *values);

/* ---- the typed job --------------------------------------------------------------------------- */

/* Where something stands in the manifest's text; both from 1; line 0: nowhere (a default); line -i: in the
 * i-th setting of the command line, counted from the last. */
typedef struct {
    int line, column;
} ist_place;

typedef struct ist_value {
    char *text; /* exactly as written in the manifest (or formatted short, for from/to and log) */
    double number;
    bool is_number;
} ist_value;

typedef struct {
    char *name;
    ist_place place;
    ist_value *values;
    size_t count;
    int zip; /* axes with the same zip >= 0 advance together; -1: on its own */
} ist_axis;

/* Some values of one axis: positions in its list, ascending; `others`: every value but the cell's own. */
typedef struct {
    size_t axis;
    size_t *positions;
    size_t count;
    bool others;
} ist_choice;

/* A conjunction over axes; an axis that is not named is free. */
typedef struct {
    ist_choice *choices;
    size_t count;
} ist_selection;

/* One layer or one labels vector of the job, by name. address is the template with {axis} parts
 * still in it; without FILE it lies in the cell's input.file. */
typedef struct {
    char *name;
    char *address; /* "[FILE:]DATASET[INDEX]" or a .npy file, as written */
    bool pool;     /* average the dimensions after the channels */
    ist_place place;
} ist_source;

/* A name in an entry, resolved to a position in job->layers (or job->labels if is_labels). */
typedef struct {
    char *text;
    ist_place place;
    bool is_labels;
    size_t index;
} ist_name;

typedef struct {
    ist_name first, second;
} ist_name_pair;

/* One parameter of one entry: the values to sweep over (one where a scalar was written). */
typedef struct {
    ist_value *values;
    ist_place *places;
    size_t count;
} ist_param_values;

/* `input.samples`: which rows of every file the job is about, always in ascending order. */
typedef enum {
    IST_SAMPLES_ALL,
    IST_SAMPLES_FIRST, /* the first `count` */
    IST_SAMPLES_RANDOM, /* `count` of them, by the words of (seed, row): the same of files of equal N */
    IST_SAMPLES_PER_CLASS, /* the same of every class of `labels`, as they are in the cell */
    IST_SAMPLES_ROWS       /* those whose numbers stand in `rows`, from 0 */
} ist_samples_kind;

typedef struct {
    ist_samples_kind kind;
    int64_t count, seed;
    ist_name labels;
    char *rows; /* "FILE:DATASET[INDEX]" or a .npy file, relative to the manifest */
    ist_place place;
} ist_samples;

/* `subsets` of an entry: its measure on each of `count` disjoint random subsets of `size` samples; a record is their
 * mean. The samples in the order of their words of (seed, row): subset i has those from i x size on, so that a larger
 * count has the same ones first, and subset 0 the rows of `samples: {random: size}`. */
typedef struct {
    int64_t size, count; /* count 0: none, all samples */
    int64_t seed;
    ist_place place;
} ist_subsets;

/* One item under `measures`. */
typedef struct {
    size_t measure; /* position in the schemas */
    ist_place place;
    ist_name *layers; /* the layers asked for; count 0 and all_layers: every layer of the job */
    size_t layer_count;
    bool all_layers;
    ist_name *targets; /* `target`: labels or layers; then no pairs, no against */
    size_t target_count;
    ist_name_pair *pairs; /* `pairs`; then all_layers says nothing */
    size_t pair_count;
    bool has_against;
    int64_t permutations; /* `null`; 0: none */
    bool has_within;
    ist_name within; /* labels inside whose classes samples are permuted */
    bool has_by;
    ist_name by; /* labels for whose classes there are records, too */
    ist_subsets subsets;
    ist_selection against, where;
    ist_param_values params[IST_MAX_PARAMS]; /* by position in the schema; never empty */
} ist_entry;

typedef struct {
    char *path;   /* of the manifest, absolute */
    char *folder; /* of the manifest, absolute: relative paths start here */
    char *text;   /* the manifest itself */
    char *name;
    ist_axis *axes;
    size_t axis_count;
    ist_selection *excludes;
    size_t exclude_count;
    char *file; /* input.file, a template; NULL if every address names its own */
    ist_place file_place;
    bool all_layers; /* `layers: all` (or none given): the names come from the first cell's file */
    ist_source *layers; /* empty while all_layers is unresolved */
    size_t layer_count;
    ist_source *labels;
    size_t label_count;
    char *sample_id; /* address template; default "/sample_id", used where it exists */
    bool sample_id_given;
    ist_source
        *meta; /* `input.meta`: name -> address of a scalar; file attributes come by themselves */
    size_t meta_count;
    ist_samples samples;
    bool deterministic;
    ist_entry *entries;
    size_t entry_count;
    char *output; /* absolute */
    const ist_measure_schema *const *schemas;
    size_t schema_count;
} ist_job;

/* ---- the command line ------------------------------------------------------------------------ */

/* What wins over the manifest's own. */
typedef struct {
    const char *output;     /* the folder, relative to the current one; NULL: the manifest's */
    const char *const *set; /* "KEY=VALUE": input.samples.first=1000, measures.imbalance.k=[1, 3] */
    size_t set_count;
} ist_overrides;

/* ---- faults ---------------------------------------------------------------------------------- */

/* All faults of one manifest, at most IST_MAX_FAULTS of them, in the order of their places. */
enum { IST_MAX_FAULTS = 20 };

typedef struct {
    char *file;   /* as the user named it */
    char *source; /* the manifest's text, kept for printing */
    char **set;   /* the settings, kept likewise */
    size_t set_count;
    ist_text text[IST_MAX_FAULTS]; /* "message", without place */
    ist_place place[IST_MAX_FAULTS];
    size_t count; /* faults kept */
    size_t dropped;
} ist_faults;

void ist_faults_add(ist_faults *faults, ist_place place, const char *format, ...) IST_PRINTF(3, 4);
/* "file:line:column: error: message" ("--set KEY=VALUE: error: message"), then the source line and a caret below it, for each fault;
 * manifest_text NULL: the text that was read. */
void ist_faults_print(const ist_faults *faults, const char *manifest_text, ist_text *out);
void ist_faults_release(ist_faults *faults);

/* ---- calls ----------------------------------------------------------------------------------- */

/* Read and check the manifest at `path`. Every fault goes to `faults`; returns the job, owned by
 * the caller, or NULL if there is any fault. `overrides` (NULL: none) win over what the
 * manifest says. Names in entries are resolved here unless job->all_layers, else by
 * ist_job_set_layers. */
ist_job *ist_job_read(const char *path, const ist_overrides *overrides,
                      const ist_measure_schema *const *schemas, size_t schema_count,
                      ist_faults *faults);

/* As above for text that stands at `path` (nothing is read): for tests and the fuzzer. */
ist_job *ist_job_parse(const char *text, size_t length, const char *path,
                       const ist_overrides *overrides, const ist_measure_schema *const *schemas,
                       size_t schema_count, ist_faults *faults);

/* For `layers: all`: names[0..count) are the layers under /layers of the first cell's file. Gives
 * the job its layers ("/layers/<name>") and resolves the entries' names. False if a fault was
 * added. */
bool ist_job_set_layers(ist_job *job, const char *const *names, size_t count, ist_faults *faults);

/* Frees the job and sets *job to NULL. */
void ist_job_free(ist_job **job);

/* The job as YAML with every default filled in and its paths written relative to `folder`
 * (absolute): reading it from there gives the same job. */
void ist_job_write_resolved(const ist_job *job, const char *folder, ist_text *out);

/* Writes `text` (an address or file template) with the axis values of one cell: {axis} exactly as
 * written, {axis:04} {axis:.2f} formatted, {axis:position} the 0-based place in the axis' list.
 * positions[a] is the cell's position on axis a. Templates are checked when the job is read, so
 * this cannot fail. */
void ist_job_expand(const ist_job *job, const char *text, const size_t *positions, ist_text *out);

/* Splits an expanded address. Parts are appended to the texts (released by the caller): file is
 * empty where the address has none; index is the text between [ ] or empty. */
typedef struct {
    ist_text file, dataset, index; /* dataset is empty for a .npy file */
} ist_address;
void ist_address_split(const char *address, ist_address *out);
void ist_address_release(ist_address *address);

#endif
