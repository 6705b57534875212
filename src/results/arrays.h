/* The records of one entry of the manifest as arrays over axes, operands and parameters: what results.h5 shows. Pure. */
#ifndef IST_RESULTS_ARRAYS_H
#define IST_RESULTS_ARRAYS_H

#include "infostrata/results.h"

/* A key that stands for all positions of a dimension: a parameter that says nothing beside the others, the quantity of a
 * failed task. */
#define IST_EVERYWHERE SIZE_MAX

typedef enum { IST_COORDINATE_TEXT, IST_COORDINATE_INTEGER, IST_COORDINATE_REAL } ist_coordinate;

/* One dimension, and what its positions are called. A dimension of one position that is no axis and no operand is
 * `scalar`: the arrays do not have it. */
typedef struct {
    char *name;
    ist_coordinate type;
    const char **text; /* borrowed from job and array */
    double *number;    /* count, of INTEGER and REAL */
    size_t count;
    bool scalar;
} ist_dimension;

/* One row of results.csv. */
typedef struct {
    const ist_record *record; /* NULL: a failure */
    int64_t row;              /* in results.csv, from 0 */
    size_t *at;               /* dimension_count: position, or IST_EVERYWHERE */
} ist_array_row;

typedef struct {
    char *name; /* "0-imbalance" */
    ist_dimension *dimensions;
    size_t dimension_count;
    ist_array_row *rows;
    size_t row_count;
    int64_t slices; /* numbers of the longest series; 0: there is none */
    size_t size;    /* the product of the dimensions that are not scalar */
    bool
        list; /* such an array would be nearly empty or has too many dimensions: it is a list of rows */
    size_t *positions; /* the rows' */
    char **texts;
    size_t text_count;
} ist_array;

/* Of arrays with more than IST_ARRAY_SMALL numbers at least one in IST_ARRAY_SPARSE is there; else they are lists. */
enum { IST_ARRAY_SMALL = 1 << 22, IST_ARRAY_SPARSE = 64, IST_ARRAY_DIMENSIONS = 31 };

/* The entry's finished tasks as arrays; false if it has no task. first_row: for each task of the plan, its first row
 * in results.csv, -1: it is not finished. */
bool ist_array_make(const ist_plan *plan, size_t entry, const int64_t *first_row,
                    const ist_outcome *const *outcomes, ist_array *out);
void ist_array_release(ist_array *array);

/* Calls visit(context, offset) for each place of the array that a row fills. */
typedef void (*ist_array_visit)(void *context, size_t offset);
void ist_array_places(const ist_array *array, const ist_array_row *row, ist_array_visit visit,
                      void *context);

#endif
