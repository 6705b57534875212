/* measures: estimators as pure functions on what the engine found, and the table of them.
 *
 * A measure is one file of src/measures and one row of measures.def. Its descriptor states what it
 * needs (plan.h), turns a rank's rows into integer sums (partial) or into one real number a row (values), and
 * what comes of all ranks into records (finish). No MPI here: the run adds the sums and gathers the numbers.
 */
#ifndef INFOSTRATA_MEASURES_H
#define INFOSTRATA_MEASURES_H

#include "infostrata/base.h"
#include "infostrata/plan.h"
#include "infostrata/slices.h"

/* What the engine found for one task, for this rank's rows of one part of the samples (or of all
 * samples). "Row number" is the sample's row in the file. */
typedef struct {
    int64_t n;                /* samples in the part, all ranks */
    int64_t count;            /* this rank's rows of the part */
    int64_t k;                /* neighbours the task asks for */
    const int64_t *row;       /* count: row numbers */
    const int32_t *neighbour; /* count x k: row numbers, nearest first */
    /* count: how many neighbours each row has, fewer than k where its class has no more, 0 where it is left
     * out; NULL: k each. */
    const int32_t *held;
    const double *distance; /* needs.distances, count x k: of the neighbours, squared (euclidean) */
    const int32_t
        *list_reach; /* needs.list_counts, count x k: of those looked at, how many are as near */
    const int32_t
        *target_neighbour; /* needs.both, count x k: row numbers, nearest first in the target */
    /* What was counted in the source layer (0) and in the target layer (1), count: how many are nearer than the
     * task's distance, and how many at just that distance; NULL: nothing. */
    const int64_t *closer[2], *equal[2];
    /* count x k: twice the rank (measures.md P2/P3) of the neighbour in the target, among the
     * part's samples; labels are a space of distances 0 and 1 (ist_label_ranks). */
    const int64_t *twice_rank;
    /* Labels target only: class of every row number; size of each class within the part. */
    const int32_t *class_of;
    const int64_t *class_size;
    const int32_t
        *by; /* class of every row number, where there is a record for each; NULL: there is none */
    /* needs.edges only, count x k: twice the rank of the reverse neighbour pair (this row as
     * neighbour of its neighbour), -1 where this row is not among the first k of it; and per row
     * the number and the sum of twice-ranks of the pairs that point at it. */
    const int64_t *reverse_twice_rank, *in_count, *in_sum;
    /* needs.edges only, count: in how many of all rows' balls this row lies, times 2 (ist_inside of ring.h, the balls of the neighbours
     * in the target); -1 of rows that were not looked at. */
    const int64_t *twice_inside;
} ist_evidence;

/* What the slices of a task gave, on rank 0. */
typedef struct {
    int64_t count;       /* slices */
    const double *value; /* count: of each */
    const double
        *part; /* IST_PARTS x count: of each within the random parts; NULL: there are none */
    int64_t tied, zero; /* of ist_slice_found, over all slices */
} ist_slice_totals;

/* What was found of the matrices of a task, on rank 0 (ist_dense_kind says what). [3]: of the source, of the target, of
 * both together; a task of the source alone has the first one only. */
typedef struct {
    double width[2]; /* of the source's Gaussian kernel and of the target's; NaN: there is none */
    bool unequal
        [2]; /* the width is the median distance of unequal samples: half of all are 0 or more */
    const double *spectrum
        [3]; /* SPECTRA: n eigenvalues, ascending, of the kernels' matrices over their traces */
    int probes;
    const double *trace[3]; /* TRACES: by probe, the estimated sum of the eigenvalues' powers */
    double squares[3];      /* MOMENTS: the sum of the squares of the same matrices' entries */
    bool zero_or_one
        [2]; /* MOMENTS: all entries of a layer's kernel are, to the rounding of their sum */
    double logdet
        [3]; /* LOGDETS: ln det; within classes [1] is the classes' mean by their shares, [2] unused */
    /* ALIGNMENT, of matrices K (source) and L (target): sums over i, j of K L, K K, L L; their diagonals and row sums */
    double dot[3];
    const double *diagonal[2], *row_sum[2];
    bool centred; /* K and L are centred: their rows add up to 0 */
    /* SOLUTIONS, K with its ridge: of `outputs` columns of the target; outputs > 1 rows of K a sample where `whole` */
    int64_t outputs;
    bool whole;
    double complexity, kernel_trace, condition, ridge_wanted, asymmetry;
    /* left_out, by sample: the change of the weights (squared), of the tests (squared, the mean; NULL: no tests), the
     * residual (squared) of the prediction without it; labels: how many of these predictions are of another class */
    const double *weights, *tests, *residual;
    int64_t wrong;
    double
        cancelled; /* how much larger than the weights' changes the terms are whose difference they are */
} ist_dense_totals;

/* The sums of a task over all ranks: of all samples, and of each random part if asked for. */
typedef struct {
    int64_t n;
    bool has_parts;
    const int64_t *all;              /* sum_count */
    const int64_t *parts[IST_PARTS]; /* sum_count each; NULL where there are none */
    /* One number a row, in the order of the rows; a part's in an order of its own. NaN: left out. */
    const double *values, *part_values[IST_PARTS];
    int64_t part_n[IST_PARTS];
    int64_t d_source, d_target;
    bool labels_target;
    bool deterministic;        /* input.deterministic: layers are functions of the input */
    const int64_t *class_size; /* labels target: sizes over all samples */
    int64_t class_count;
    /* Records by class: their number, sizes over all samples and (IST_PARTS x by_count; NULL: no parts) in the parts,
     * labels. */
    int64_t by_count;
    const int64_t *by_size, *by_part_size, *by_label;
    int64_t anchors;           /* needs.anchors: rows that were asked, of all n; else 0 */
    const int64_t *by_anchors; /* of these, in each class; NULL without */
    double tie_fraction;       /* rows with a tie at the k-th neighbour */
    int64_t duplicates_source, duplicates_target; /* rows equal to an earlier row */
    int64_t constant_source, constant_target;     /* scale zscore: constant columns */
    int64_t zero_source, zero_target;             /* metric cosine: rows of zeros */
    /* needs.dimension: two-NN, of the source and of a target layer; NaN: unknown. Among so many rows: a random
     * part's, or all if they are few. */
    double dimension_source, dimension_target;
    int64_t dimension_rows;
    double square_source, square_target; /* scale rms: the mean squared distance of two rows */
    const ist_slice_totals *slices;      /* needs.slices */
    const ist_dense_totals *dense;       /* needs.dense */
} ist_totals;

/* One row of results, less what the task itself says (cell, names, params). Texts are owned. */
typedef struct {
    char *quantity, *unit;
    double value, std_error; /* NaN: empty */
    char *se_method; /* parts, rows, anchors or none; subsets where several are put together */
    int64_t k, n, d_source, d_target, duplicates;
    double tie_fraction;
    char *note, *detail; /* codes joined by ';' ; "name=value;name=value" */
    double *series;      /* one number a slice, or a sample, for results.h5; NULL: none */
    int64_t series_count;
} ist_record;
void ist_record_release(ist_record *record);

typedef struct {
    ist_measure_planner planner;
    size_t sum_count; /* int64 sums of a partial */
    /* Adds this rank's rows to sums[sum_count]; NULL: the measure has no sums. */
    void (*partial)(const ist_value *const *params, const ist_evidence *evidence, int64_t *sums);
    /* One number for each row of the evidence, NaN for one that is left out; NULL: the measure has none. */
    void (*values)(const ist_value *const *params, const ist_evidence *evidence, double *values);
    /* Of one slice, or of its samples in a part or with a permuted target; NULL: the measure has no slices. */
    ist_slice_found (*slice)(const ist_value *const *params, ist_slice_room *room,
                             const ist_slice *slice);
    /* On one rank. Fills records[0..*count) (at most IST_MAX_RECORDS); IST_FAILED with the reason
     * otherwise. */
    ist_code (*finish)(const ist_value *const *params, const ist_totals *totals,
                       ist_record *records, size_t *count, ist_error *error);
} ist_measure;

enum { IST_MAX_RECORDS = 8 + IST_MAX_BY };

/* The table of measures.def, in its order. */
extern const ist_measure *const ist_measures[];
extern const size_t ist_measure_count;
/* The same table as the manifest and plan rooms want it; ist_measure_count entries. */
const ist_measure_schema *const *ist_measure_schemas(void);
const ist_measure_planner *const *ist_measure_planners(void);

/* The codes of the note column with a sentence each, for `infostrata measures --notes`. */
typedef struct {
    const char *code, *meaning;
} ist_note;
extern const ist_note ist_notes[];
extern const size_t ist_note_count;

/* ---- restricted information, and the imbalance's lower bound ------------------------------------------------------------ */

/* Restricted mutual information in nats: the divergence of the places (in [0, 1], bin[b] of all the pairs in the b-th of equal bins) from
 * evenly spread ones, less the bias of so many bins. */
double ist_rmi(const int64_t *bin, int64_t bins, int64_t pairs);
/* The smallest imbalance that goes with so much restricted mutual information (nats; docs/measures/imbalance.md): twice the
 * mean of the truncated exponential density of that divergence. 1 of 0 and less. */
double ist_imbalance_bound(double rmi);

/* ---- calibration --------------------------------------------------------------------------- */

/* What estimators of the information between two layers find of 1 nat (calibration.def, which `infostrata bench
 * --calibrate` makes; docs/design.md). X and Y are normal with d_x and d_y columns; the first m = min(d_x, d_y) of
 * both have the correlation rho^2 = 1 - exp(-2/m), the others are independent; euclidean, scale rms. */
typedef enum {
    IST_CALIBRATED_TYPE_1, /* mi-ksg type 1; mi-mixed form code, the same but for psi(N) - ln N */
    IST_CALIBRATED_TYPE_2, /* mi-ksg type 2 */
    IST_CALIBRATED_PAPER   /* mi-mixed form paper */
} ist_calibrated;

/* The axes of the table, ascending. The dimensions are those of both layers, d_x <= d_y. */
enum {
    IST_CALIBRATED_ESTIMATORS = IST_CALIBRATED_PAPER + 1,
    IST_CALIBRATED_NEIGHBOURS = 5,
    IST_CALIBRATED_SAMPLES = 5,
    IST_CALIBRATED_DIMENSIONS = 9,
    IST_CALIBRATED_SETS = 6
};
extern const int64_t ist_calibrated_neighbours[IST_CALIBRATED_NEIGHBOURS],
    ist_calibrated_samples[IST_CALIBRATED_SAMPLES],
    ist_calibrated_dimensions[IST_CALIBRATED_DIMENSIONS],
    /* rows among which a two-NN dimension was found */
    ist_calibrated_sets[IST_CALIBRATED_SETS];

/* nats found of 1 nat: of normal layers of d_x and d_y columns (any positive reals, in either order), n samples, k
 * neighbours. Linear in the logarithms of all four; outside the axes the nearest end. NaN where d_x or d_y is. */
double ist_calibration(ist_calibrated estimator, int64_t n, int64_t k, double d_x, double d_y);

/* The columns of the normal layer of which the two-NN dimension `found` is found, among `rows` rows: it is too
 * small, the more so the more columns there are. Linear in logarithms; within [1, the largest of the axis]. NaN of
 * NaN. */
double ist_calibrated_columns(double found, int64_t rows);

#endif
