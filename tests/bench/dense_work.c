/* dense_work WORK LAYER.npy OUT: one piece of the dense room's work on a layer, timed, for tests/bench/dense_ratio.py. Prints
 * "seconds cpu" (of the slowest rank, of all ranks together), a line a part; writes the answers to OUT as float64. WORK:
 *   eigenvalues  of the layer's Gaussian kernel of width 1
 *   columns      A'A of the centred columns, as of two layers
 *   pair         A'A, B'B and A'B of centred columns of two layers: what logdet and cka of two layers need
 *   moments      the nearest neighbours (k = 10) by a float32 pass, without integer copies; then the sum of K and of K^2, width sqrt(d) */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "infostrata/dense.h"
#include "infostrata/moments.h"

static double cpu_seconds(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

typedef struct {
    const ist_comm *comm;
    double wall, cpu;
} stopwatch;

static stopwatch start(const ist_comm *comm)
{
    MPI_Barrier(comm->handle);
    return (stopwatch){comm, ist_seconds(), cpu_seconds()};
}

static void stop(const stopwatch *watch, const char *what)
{
    double wall = ist_seconds() - watch->wall, cpu = cpu_seconds() - watch->cpu;
    MPI_Allreduce(MPI_IN_PLACE, &cpu, 1, MPI_DOUBLE, MPI_SUM, watch->comm->handle);
    wall = ist_largest_real(watch->comm, wall);
    if (watch->comm->rank == 0)
        printf("%s %.4f %.4f\n", what, wall, cpu);
}

static void eigenvalues(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                        ist_text *answers, ist_error *error)
{
    ist_grid grid;
    ist_dense kernel;
    double *values = ist_alloc((size_t)rows->n, sizeof *values);
    ist_grid_new(comm, 1, &grid);
    stopwatch watch = start(comm);
    ist_gram_distances(&grid, engine->kernel, rows, &kernel, error);
    ist_gram_gaussian(&kernel, 1, &kernel);
    stop(&watch, "kernel");
    watch = start(comm);
    ist_dense_eigenvalues(&kernel, values, error);
    stop(&watch, "eigenvalues");
    ist_text_add_bytes(answers, (const char *)values, (size_t)rows->n * sizeof *values);
    ist_dense_release(&kernel);
    ist_grid_release(&grid);
    ist_free(values);
}

static void columns(const ist_comm *comm, const ist_rows *rows, ist_text *answers, ist_error *error)
{
    ist_grid grid;
    ist_dense product;
    int64_t count;
    const size_t d = (size_t)rows->d;
    double *mean = ist_alloc(d, sizeof *mean), *all = ist_alloc(d * d, sizeof *all);
    ist_grid_new(comm, 1, &grid);
    stopwatch watch = start(comm);
    ist_column_means(comm, &(ist_columns){.rows = rows}, mean, &count);
    ist_columns a = {.rows = rows, .mean = mean};
    /* As of two layers: no use is made of the symmetry. */
    double *same = ist_alloc(d, sizeof *same);
    memcpy(same, mean, d * sizeof *same);
    ist_columns b = {.rows = rows, .mean = same};
    ist_column_product(&grid, &a, &b, &product, error);
    stop(&watch, "columns");
    ist_dense_gather(&product, all);
    ist_text_add_bytes(answers, (const char *)all, d * d * sizeof *all);
    ist_dense_release(&product);
    ist_grid_release(&grid);
    ist_free(mean);
    ist_free(same);
    ist_free(all);
}

static void pair(const ist_comm *comm, const ist_rows *rows, ist_text *answers, ist_error *error)
{
    static const int sides[3][2] = {{0, 0}, {1, 1}, {0, 1}};
    ist_grid grid;
    const size_t d = (size_t)rows->d;
    double *mean[2], *all = ist_alloc(d * d, sizeof *all);
    ist_columns of[2];
    ist_grid_new(comm, 1, &grid);
    stopwatch watch = start(comm);
    for (int side = 0; side < 2; side++) {
        int64_t count;
        mean[side] = ist_alloc(d, sizeof *mean[side]);
        ist_column_means(comm, &(ist_columns){.rows = rows}, mean[side], &count);
        of[side] = (ist_columns){.rows = rows, .mean = mean[side]};
    }
    ist_dense product = {0};
    for (int which = 0; which < 3; which++) {
        ist_dense_release(&product);
        ist_column_product(&grid, &of[sides[which][0]], &of[sides[which][1]], &product, error);
    }
    stop(&watch, "pair");
    ist_dense_gather(&product, all);
    ist_text_add_bytes(answers, (const char *)all, d * d * sizeof *all);
    ist_dense_release(&product);
    ist_grid_release(&grid);
    ist_free(mean[0]);
    ist_free(mean[1]);
    ist_free(all);
}

/* Sums of K are held against float32: processors that can make integer copies run the kernel that makes none. */
static ist_engine without_integers(const ist_engine *engine)
{
    ist_engine plain = *engine;
    if (plain.kernel->filter[IST_FILTER_INTEGER])
        plain.kernel = ist_kernel_choose("avx512-skylake");
    return plain;
}

static void moments(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                    ist_text *answers)
{
    enum { NEAREST = 10 };
    ist_pass_stats stats = {0};
    const ist_engine plain = without_integers(engine);
    stopwatch watch = start(comm);
    ist_nearest *nearest = ist_pass_nearest(comm, &plain, rows, NEAREST, (ist_tie_rule){0}, &stats);
    stop(&watch, "nearest");
    ist_nearest_free(&nearest);
    const ist_moment_kernel kernel = {{1 / (2 * (double)rows->d), 0}};
    ist_moments found;
    watch = start(comm);
    ist_pass_moments(comm, engine, rows, NULL, 1, &kernel, &found, &stats);
    stop(&watch, "moments");
    ist_text_add_bytes(answers, (const char *)&found, 2 * sizeof(double));
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    ist_comm comm = ist_comm_new(MPI_COMM_WORLD);
    ist_error error = {0};
    ist_text answers = {0};
    if (argc != 4) {
        fprintf(stderr, "usage: dense_work eigenvalues|columns|pair|moments LAYER.npy OUT\n");
        MPI_Finalize();
        return 2;
    }
    ist_location at = {.file = argv[2]};
    ist_shape shape;
    ist_matrix read = {0};
    ist_census census;
    ist_rows rows = {0};
    const ist_engine engine = {
        .kernel = ist_kernel_choose(NULL), .chunk_bytes = 32 << 20, .skipping = IST_SKIP_NEVER};
    if (ist_probe_layer(&at, &shape, &error) == IST_OK) {
        const int64_t whole[2] = {0, shape.rows};
        int64_t first, last;
        ist_blocks blocks = ist_blocks_new(whole, 1);
        ist_blocks_range(&blocks, comm.size, comm.rank, &first, &last);
        ist_blocks_release(&blocks);
        ist_read_rows(&comm, &at, &shape, NULL, first, last - first, &read, &census, &error);
    }
    if (error.code == IST_OK) {
        ist_rows_natural(&comm, IST_METRIC_EUCLIDEAN, shape.rows, shape.d, read.narrow, read.wide,
                         &rows);
        if (strcmp(argv[1], "eigenvalues") == 0)
            eigenvalues(&comm, &engine, &rows, &answers, &error);
        else if (strcmp(argv[1], "columns") == 0)
            columns(&comm, &rows, &answers, &error);
        else if (strcmp(argv[1], "pair") == 0)
            pair(&comm, &rows, &answers, &error);
        else
            moments(&comm, &engine, &rows, &answers);
        ist_rows_release(&rows);
    }
    if (comm.rank == 0 && error.code == IST_OK)
        ist_write_file(argv[3], answers.data, answers.length, &error);
    if (error.code != IST_OK && comm.rank == 0)
        fprintf(stderr, "%s\n", error.text);
    ist_text_release(&answers);
    ist_comm_release(&comm);
    MPI_Finalize();
    return (int)error.code;
}
