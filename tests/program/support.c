#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers --------------------------------------------------------------------------------- */

uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

double random_uniform(uint64_t *state)
{
    return (double)(random_next(state) >> 11) * 0x1p-53;
}

double *draw_normals(uint64_t seed, int64_t count)
{
    double *values = scratch_alloc((size_t)(count + 1) * sizeof *values);
    for (int64_t i = 0; i < count; i += 2) {
        double u = random_uniform(&seed), v = random_uniform(&seed);
        double radius = sqrt(-2 * log(1 - u));
        values[i] = radius * cos(2 * M_PI * v);
        values[i + 1] = radius * sin(2 * M_PI * v);
    }
    return values;
}

int64_t *draw_labels(uint64_t seed, int64_t n, int64_t classes)
{
    int64_t *labels = scratch_alloc((size_t)n * sizeof *labels);
    for (int64_t i = 0; i < n; i++)
        labels[i] = (int64_t)(random_uniform(&seed) * (double)classes);
    return labels;
}

double *draw_correlated(const double *x, double rho, uint64_t seed, int64_t count)
{
    double *y = draw_normals(seed, count);
    for (int64_t i = 0; i < count; i++)
        y[i] = rho * x[i] + sqrt(1 - rho * rho) * y[i];
    return y;
}

bool close_to(double a, double b, double tolerance)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * fmax(1, fabs(b));
}

/* ---- input files ----------------------------------------------------------------------------- */

hid_t type_half(void)
{
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
}

hid_t input_new(const char *path)
{
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    cr_assert(file >= 0, "cannot make %s", path);
    return file;
}

void input_close(hid_t file)
{
    cr_assert(H5Fclose(file) >= 0);
}

static void add_dataset(hid_t file, const char *name, hid_t stored, hid_t in_memory, int rank,
                        const hsize_t *sizes, const void *values)
{
    hid_t space = H5Screate_simple(rank, sizes, NULL);
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    hid_t set = H5Dcreate2(file, name, stored, space, links, H5P_DEFAULT, H5P_DEFAULT);
    cr_assert(set >= 0 && H5Dwrite(set, in_memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0,
              "cannot write the dataset %s", name);
    H5Dclose(set);
    H5Pclose(links);
    H5Sclose(space);
}

void input_layer(hid_t file, const char *dataset, hid_t stored, int64_t n, int64_t d,
                 const double *values)
{
    add_dataset(file, dataset, stored, H5T_NATIVE_DOUBLE, 2,
                (const hsize_t[]){(hsize_t)n, (hsize_t)d}, values);
}

void input_integers(hid_t file, const char *dataset, int64_t n, const int64_t *values)
{
    add_dataset(file, dataset, H5T_STD_I64LE, H5T_NATIVE_INT64, 1, (const hsize_t[]){(hsize_t)n},
                values);
}

void input_attribute(hid_t file, const char *object, const char *name, double value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate_by_name(file, object, name, H5T_IEEE_F64LE, space, H5P_DEFAULT,
                                        H5P_DEFAULT, H5P_DEFAULT);
    cr_assert(attribute >= 0 && H5Awrite(attribute, H5T_NATIVE_DOUBLE, &value) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
}

double *input_read(const char *path, const char *dataset, int64_t n, int64_t d)
{
    double *values = scratch_alloc((size_t)(n * d) * sizeof *values);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, dataset, H5P_DEFAULT), space = H5Dget_space(set);
    cr_assert(H5Sget_simple_extent_npoints(space) == n * d, "%s is not %lld x %lld", dataset,
              (long long)n, (long long)d);
    cr_assert(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Sclose(space);
    H5Dclose(set);
    H5Fclose(file);
    return values;
}

const char *input_example(const char *name, int64_t n, uint64_t seed)
{
    const char *path = scratch_path("%s", name);
    hid_t file = input_new(path);
    double *a = draw_normals(seed, 5 * n), *b = draw_normals(seed + 1000, 3 * n);
    for (int64_t i = 0; i < n; i++)
        b[3 * i] = a[5 * i] + 0.3 * b[3 * i];
    input_layer(file, "/layers/a", H5T_IEEE_F32LE, n, 5, a);
    input_layer(file, "/layers/b", H5T_IEEE_F32LE, n, 3, b);
    input_integers(file, "/labels/y", n, draw_labels(seed, n, 4));
    input_close(file);
    return path;
}

static double sum(const double *values, int64_t count)
{
    double total = 0;
    for (int64_t i = 0; i < count; i++)
        total += values[i];
    return total;
}

const data_set_f *input_data_set_f(void)
{
    data_set_f *f = scratch_alloc(sizeof *f);
    memset(f, 0, sizeof *f);
    const double *e = draw_normals(67890, 3 * F_ROWS);
    memcpy(f->a, draw_normals(12345, 4 * F_ROWS), sizeof f->a);
    for (int i = 0; i < F_ROWS; i++) {
        const double *x = f->a + 4 * i, *noise = e + 3 * i;
        f->b[3 * i] = tanh(x[0] + 0.3 * noise[0]);
        f->b[3 * i + 1] = tanh(x[0] * x[1] + 0.3 * noise[1]);
        f->b[3 * i + 2] = tanh(x[2] - x[3] + 0.3 * noise[2]);
        f->y[i] = (x[0] > 0) + 2 * (x[1] > 0);
        f->size[f->y[i]]++;
    }
    uint64_t state = 12345;
    cr_assert(random_next(&state) == UINT64_C(0x22118258a9d111a0));
    cr_assert(fabs(sum(f->a, 4 * F_ROWS) - -6.92520859456) < 1e-10);
    cr_assert(fabs(sum(f->b, 3 * F_ROWS) - -15.3987148088) < 1e-9);
    cr_assert(f->size[0] == 53 && f->size[1] == 68 && f->size[2] == 76 && f->size[3] == 59);
    hid_t file = input_new(scratch_path("f.h5"));
    input_layer(file, "/layers/a", H5T_IEEE_F64LE, F_ROWS, 4, f->a);
    input_layer(file, "/layers/b", H5T_IEEE_F64LE, F_ROWS, 3, f->b);
    input_integers(file, "/labels/y", F_ROWS, f->y);
    input_close(file);
    return f;
}

void input_change(const char *path, const char *dataset, int64_t row, double value)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, dataset, H5P_DEFAULT), space = H5Dget_space(set);
    hsize_t at[2] = {(hsize_t)row, 0}, one[2] = {1, 1};
    hid_t single = H5Screate(H5S_SCALAR);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, at, NULL, one, NULL);
    cr_assert(H5Dwrite(set, H5T_NATIVE_DOUBLE, single, space, H5P_DEFAULT, &value) >= 0);
    H5Sclose(single);
    H5Sclose(space);
    H5Dclose(set);
    input_close(file);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

const char *job_new(const char *name, const char *text)
{
    const char *path = scratch_path("%s.yaml", name);
    file_write_text(path, scratch_text("version: 1\n%s\n", text));
    return path;
}

spawn_process program_start(int ranks, double deadline, const char *const arguments[])
{
    size_t count = 0;
    while (arguments[count])
        count++;
    const char **argv = scratch_alloc((count + 2) * sizeof *argv);
    argv[0] = IST_PROGRAM;
    memcpy(argv + 1, arguments, count * sizeof *argv);
    const spawn_options options = {.deadline = deadline, .dir = scratch_dir()};
    return ranks > 0 ? spawn_start_ranks(ranks, &options, argv) : spawn_start(&options, argv);
}

spawn_result program(int ranks, const char *const arguments[])
{
    enum { DEADLINE = 45 };
    spawn_process p = program_start(ranks, DEADLINE, arguments);
    return spawn_finish(&p);
}

spawn_result run_job(int code, int ranks, const char *const arguments[])
{
    spawn_result r = program(ranks, arguments);
    EXPECT_CODE(r, code);
    return r;
}

int count_text(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}

int journal_count(const char *output, const char *kind)
{
    enum { MOST_LEADERS = 8 };
    int count = 0;
    for (int leader = 0; leader < MOST_LEADERS; leader++) {
        const char *name = leader ? scratch_text("journal-%d.jsonl", leader) : "journal.jsonl";
        const char *text = file_read(scratch_text("%s/%s", output, name), NULL);
        count += text ? count_text(text, scratch_text("{\"kind\":\"%s\"", kind)) : 0;
    }
    return count;
}

void expect_same_results(const char *output, const char *expected, const char *what)
{
    const char *got = file_read(scratch_text("%s/results.csv", output), NULL);
    const char *right = file_read(scratch_text("%s/results.csv", expected), NULL);
    cr_assert(got && right, "%s: no results.csv", what);
    const char *difference = text_difference(got, right);
    cr_assert(!difference, "%s: %s", what, difference);
}
