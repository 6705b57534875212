/* What measures share: their parameters, notes and standard errors. Private to the room. */
#ifndef INFOSTRATA_MEASURES_COMMON_H
#define INFOSTRATA_MEASURES_COMMON_H

#include "infostrata/measures.h"

/* Parameters that most measures have, as rows of their tables. */
extern const char *const ist_metric_words[], *const ist_scale_words[], *const ist_tie_words[],
                                                                           *const ist_se_words[];
#define IST_PARAM_METRIC_ROW                                                \
    {                                                                       \
        "metric", IST_PARAM_WORD, 0, 0, ist_metric_words, "euclidean", NULL \
    }
#define IST_PARAM_SCALE_ROW(standard)                                  \
    {                                                                  \
        "scale", IST_PARAM_WORD, 0, 0, ist_scale_words, standard, NULL \
    }
#define IST_PARAM_TIES_ROW                                          \
    {                                                               \
        "ties", IST_PARAM_WORD, 0, 0, ist_tie_words, "random", NULL \
    }
#define IST_PARAM_SEED_ROW                                       \
    {                                                            \
        "seed", IST_PARAM_INTEGER, 0, INT64_MAX, NULL, "0", NULL \
    }
#define IST_PARAM_SE_ROW                                        \
    {                                                           \
        "se", IST_PARAM_WORD, 0, 0, ist_se_words, "parts", NULL \
    }

int64_t ist_param_integer(const ist_value *const *values, int param);
double ist_param_real(const ist_value *const *values, int param);
bool ist_param_is(const ist_value *const *values, int param, const char *word);
ist_metric ist_param_metric(const ist_value *const *values, int param);
ist_scale ist_param_scale(const ist_value *const *values, int param);
ist_tie_rule ist_param_tie_rule(const ist_value *const *values, int ties, int seed);

/* k below the number of samples, these within 31 bits; `name` is the measure's. */
ist_code ist_check_neighbours(const char *name, int64_t k, int64_t n, ist_error *error);

/* Appends a code of the notes where it holds. */
void ist_note_if(ist_text *notes, bool holds, const char *code);
/* "name=value", behind a ';' where something stands before it. */
void ist_detail_real(ist_text *detail, const char *name, double value);
void ist_detail_integer(ist_text *detail, const char *name, int64_t value);
/* What was met while the rows were standardised or brought to length 1, of both layers: constant columns, rows of zeros. */
void ist_add_made_rows(const ist_totals *totals, ist_text *detail);
/* The dimension of the source, and a note where neighbours are too far away to tell of it. */
void ist_add_dimension(const ist_totals *totals, ist_text *notes, ist_text *detail);
/* Between layers: the dimension of the target; what the estimator finds of 1 nat between normal layers of these
 * dimensions, and a note where that is off by more than 30 %: with scale rms, which is the table's. */
void ist_add_calibration(const ist_totals *totals, ist_calibrated estimator, int64_t k, bool rms,
                         ist_text *notes, ist_text *detail);
/* What perfectly separated classes give: psi(N) - mean psi(n_y). */
double ist_label_ceiling(const ist_totals *totals);
/* The text, owned by the caller; the growing one is empty afterwards. */
char *ist_take_text(ist_text *text);

/* sd of the parts' values / sqrt(their number); *mean: theirs. */
double ist_error_of_parts(const double value[IST_PARTS], double *mean);

/* What a measure makes of the numbers of so many rows; part: -1 for all samples. */
typedef double (*ist_estimate)(const ist_value *const *params, const ist_totals *totals,
                               const double *values, int64_t n, int part);

/* The record of a measure with one value: the estimate from all rows; sd of the parts' estimates /
 * sqrt(their number) with `se: parts`, their mean in `detail`, and what the totals say by themselves (ties,
 * duplicates). The caller adds to notes and detail before, which are taken. */
ist_record ist_record_of(const ist_value *const *params, int se, const ist_totals *totals,
                         const char *quantity, const char *unit, int64_t k, ist_estimate estimate,
                         ist_text *notes, ist_text *detail);

/* That of information from joint neighbours: in nats, with what both such measures say in detail and notes. k, scale, se:
 * positions of these parameters; zero: rows whose k-th joint distance is 0; estimator: whose calibration it is. */
ist_record ist_joint_record(const ist_value *const *params, int k, int scale, int se,
                            const ist_totals *totals, int64_t zero, ist_calibrated estimator,
                            ist_estimate estimate);

/* ---- matrices (dense.c) ---------------------------------------------------------------------- */

extern const char *const ist_bandwidth_words[];
#define IST_PARAM_BANDWIDTH_ROW(condition)                                                \
    {                                                                                     \
        "bandwidth", IST_PARAM_REAL, 0, 1000000, ist_bandwidth_words, "median", condition \
    }
/* The rule that a parameter names, and the width where it is a number. */
void ist_param_bandwidth(const ist_value *const *values, int param, ist_dense_needs *needs);
/* Are width and operands possible? IST_REFUSED with what is wrong. */
ist_code ist_check_bandwidth(const ist_value *const *values, int param,
                             const ist_label_vector *labels, ist_error *error);
/* Solutions with a kernel (ist_dense_kind SOLUTIONS): the first parameters of a measure of them, in this order. */
enum {
    IST_SOLUTION_KERNEL,
    IST_SOLUTION_BANDWIDTH,
    IST_SOLUTION_RIDGE,
    IST_SOLUTION_CODING,
    IST_SOLUTION_CENTRED,
    IST_SOLUTION_PARAMS
};
extern const char *const ist_kernel_words[], *const ist_coding_words[], *const ist_answer_words[];
#define IST_SOLUTION_ROWS                                                                        \
    [IST_SOLUTION_KERNEL] = {"kernel", IST_PARAM_WORD, 0, 0, ist_kernel_words, "dumped", NULL},  \
    [IST_SOLUTION_BANDWIDTH] = IST_PARAM_BANDWIDTH_ROW("kernel=gaussian"),                       \
    [IST_SOLUTION_RIDGE] = {"ridge", IST_PARAM_REAL, 0, INT32_MAX, NULL, "0", NULL},             \
    [IST_SOLUTION_CODING] = {"coding", IST_PARAM_WORD, 0, 0, ist_coding_words, "one-hot", NULL}, \
    [IST_SOLUTION_CENTRED] = {"centred", IST_PARAM_WORD, 0, 0, ist_answer_words, "false", NULL}
ist_needs ist_solution_needs(const ist_value *const *values, const ist_label_vector *labels);
ist_code ist_check_solution(const ist_value *const *values, const ist_label_vector *labels,
                            ist_error *error);
/* Outputs, the condition of the kernel and what would mend it, before the facts of all matrices. */
void ist_add_solution_facts(const ist_totals *totals, double lost, ist_text *notes,
                            ist_text *detail);
/* What all such records say: the widths, in detail; `reproducible=` how far numbers of other ranks may be off, relatively, where BLAS had
 * a hand in it: 1e-10, or more where rounding errors have grown by the factor `lost`. 0: it had none. */
void ist_add_matrix_facts(const ist_totals *totals, double lost, ist_text *notes, ist_text *detail);
/* A record of one value (std_error: NaN without one). notes and detail are taken. */
ist_record ist_matrix_record(const ist_totals *totals, const char *quantity, const char *unit,
                             double value, double std_error, const char *se_method, ist_text *notes,
                             ist_text *detail);

/* The numbers that are not NaN: how many, and their sum from the first to the last. */
typedef struct {
    int64_t count;
    double sum;
} ist_counted_sum;
ist_counted_sum ist_sum_counted(const double *values, int64_t n);

#endif
