/* support: what the whole-program tests share. Input files are HDF5, written here through its C interface; jobs are manifests
 * in the test's scratch folder; the program is run as a user runs it. */
#ifndef TESTS_PROGRAM_SUPPORT_H
#define TESTS_PROGRAM_SUPPORT_H

#include "../harness/scratch.h"
#include "../harness/spawn.h"

#include <criterion/criterion.h>
#include <hdf5.h>
#include <stdint.h>

/* ---- numbers --------------------------------------------------------------------------------- */

/* splitmix64 and normals in pairs, as in measures.md 11.2. What draw_* return lives until the test ends. */
uint64_t random_next(uint64_t *state);
double random_uniform(uint64_t *state); /* [0, 1) */
double *draw_normals(uint64_t seed, int64_t count);
/* rho x + sqrt(1 - rho^2) z, number by number. */
double *draw_correlated(const double *x, double rho, uint64_t seed, int64_t count);
int64_t *draw_labels(uint64_t seed, int64_t n, int64_t classes); /* 0 ... classes - 1 */

/* ---- input files ----------------------------------------------------------------------------- */

hid_t type_half(void);
hid_t input_new(const char *path);
void input_close(hid_t file);
/* A dataset of n x d values, stored as the type says; groups on the way are made. */
void input_layer(hid_t file, const char *dataset, hid_t stored, int64_t n, int64_t d,
                 const double *values);
void input_integers(hid_t file, const char *dataset, int64_t n, const int64_t *values);
/* A scalar attribute of the file, or of one of its datasets. */
void input_attribute(hid_t file, const char *object, const char *name, double value);
/* The values as they are stored. */
double *input_read(const char *path, const char *dataset, int64_t n, int64_t d);
/* A file with the float32 layers a (n x 5) and b (n x 3) of normals and labels y; a and b know of each other. */
const char *input_example(const char *name, int64_t n, uint64_t seed);
/* Data set F of measures.md 11.2, f.h5 with layers a and b and labels y: 256 samples. */
enum { F_ROWS = 256, F_CLASSES = 4 };
typedef struct {
    double a[4 * F_ROWS], b[3 * F_ROWS];
    int64_t y[F_ROWS], size[F_CLASSES];
} data_set_f;
const data_set_f *input_data_set_f(void);
/* Changes one value of a dataset in place. */
void input_change(const char *path, const char *dataset, int64_t row, double value);

/* ---- jobs ------------------------------------------------------------------------------------ */

/* A manifest in the scratch folder, `version: 1` in front; returns its path. */
const char *job_new(const char *name, const char *text);

/* The program with these arguments (NULL ends them) on so many ranks; 0: without mpirun. Started; or to its end. */
spawn_process program_start(int ranks, double deadline, const char *const arguments[]);
spawn_result program(int ranks, const char *const arguments[]);
#define PROGRAM(ranks, ...) program((ranks), (const char *const[]){__VA_ARGS__, NULL})
/* `infostrata run JOB --output FOLDER` with perhaps more options behind the folder; it must end with this code. */
spawn_result run_job(int code, int ranks, const char *const arguments[]);
#define RUN(code, ranks, job, ...) \
    run_job((code), (ranks), (const char *const[]){"run", (job), "--output", __VA_ARGS__, NULL})

#define EXPECT_CODE(result, expected)                                          \
    cr_assert((result).code == (expected), "expected code %d\n%s", (expected), \
              spawn_story(&(result)))
#define EXPECT_SAYS(result, text)                                           \
    cr_assert(strstr((result).out, (text)) || strstr((result).err, (text)), \
              "it does not say '%s'\n%s", (text), spawn_story(&(result)))

/* Of a text: how often it contains another. */
int count_text(const char *text, const char *part);
/* Lines of OUTPUT/journal*.jsonl of one kind (task, pass, input, meta); 0 if there is no journal. */
int journal_count(const char *output, const char *kind);
/* Both folders have the same results.csv, byte for byte. */
void expect_same_results(const char *output, const char *expected, const char *what);
/* The same but for rows that BLAS touches: these say so (`reproducible=` in `detail`), and their values agree as closely as they say. Returns
 * the number of such rows. */
size_t expect_near_results(const char *output, const char *expected, const char *what);

/* ---- tables ---------------------------------------------------------------------------------- */

/* A CSV file; row 0 is the first after the header. */
typedef struct {
    size_t rows, columns;
    const char **header, **cell;
} table;

table table_read(const char *path);
table results_of(const char *output);
/* A column's value, or else that of `name=value` in the columns params and detail. NULL: there is no such thing. */
const char *table_text(const table *t, size_t row, const char *name);
double table_real(const table *t, size_t row, const char *name);
/* Rows for which all of "name=value" hold (NULL ends them). table_find: the only one, or the test fails. */
size_t table_count(const table *t, const char *const where[]);
size_t table_find(const table *t, const char *const where[]);
#define WHERE(...) ((const char *const[]){__VA_ARGS__, NULL})

#define EXPECT_CELL(t, row, name, expected)                                              \
    do {                                                                                 \
        const char *got_ = table_text((t), (row), (name));                               \
        cr_expect(got_ &&strcmp(got_, (expected)) == 0, "row %zu: %s is '%s', not '%s'", \
                  (size_t)(row), (name), got_ ? got_ : "(missing)", (expected));         \
    } while (0)

/* |a - b| <= tolerance x max(1, |b|), or both NaN. */
bool close_to(double a, double b, double tolerance);

#endif
