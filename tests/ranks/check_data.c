/* Reading a layer together: the same rows as a serial read, at any number of ranks, and the same error everywhere. */
#include "checks.h"

#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/scratch.h"
#include "infostrata/data.h"

/* ---- files: rank 0 writes them, the others learn their name ------------------------------------ */

enum { PATH = 512 };

/* Collective. What `write` makes on rank 0, seen by all. */
static const char *shared_file(MPI_Comm comm, const char *(*write)(void))
{
    static char path[PATH];
    int rank;
    MPI_Comm_rank(comm, &rank);
    if (rank == 0)
        snprintf(path, sizeof path, "%s", write());
    MPI_Bcast(path, PATH, MPI_CHAR, 0, comm);
    return path;
}

/* The value at (row, column): no two rows alike, exact in float16 up to 2048. */
static double value(int64_t row, int64_t column)
{
    return (double)((row * 7 + column * 13) % 2003 - 1000);
}

typedef struct {
    const char *dataset;
    int64_t rows, d;
    hid_t type;
    int64_t chunk; /* rows of a chunk; 0: contiguous */
    bool whole;    /* chunks of whole rows, else of half rows */
    bool filtered;
    int64_t from, to; /* rows that are written; the others are the fill value */
} table;

static hid_t half_type(void)
{
    const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
}

static hid_t properties_of(const table *t)
{
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t chunk[] = {(hsize_t)t->chunk, (hsize_t)(t->whole ? t->d : (t->d + 1) / 2)};
    if (t->chunk)
        H5Pset_chunk(properties, 2, chunk);
    if (t->filtered) {
        H5Pset_shuffle(properties);
        H5Pset_deflate(properties, 4);
        H5Pset_fletcher32(properties);
    }
    return properties;
}

static void add_table(hid_t file, const table *t)
{
    const hsize_t sizes[] = {(hsize_t)t->rows, (hsize_t)t->d};
    const hsize_t start[] = {(hsize_t)t->from, 0};
    const hsize_t count[] = {(hsize_t)(t->to - t->from), (hsize_t)t->d};
    const hid_t properties = properties_of(t);
    const hid_t space = H5Screate_simple(2, sizes, NULL);
    const hid_t memory = H5Screate_simple(2, count, NULL);
    const hid_t dataset =
        H5Dcreate2(file, t->dataset, t->type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    double *values = ist_alloc((size_t)(count[0] * count[1]), sizeof *values);
    for (int64_t i = t->from; i < t->to; i++)
        for (int64_t j = 0; j < t->d; j++)
            values[(i - t->from) * t->d + j] = value(i, j);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    if (t->to > t->from &&
        H5Dwrite(dataset, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, values) < 0)
        abort();
    ist_free(values);
    H5Dclose(dataset);
    H5Sclose(memory);
    H5Sclose(space);
    H5Pclose(properties);
}

static hid_t new_file(const char **path)
{
    *path = scratch_path("rows.h5");
    return H5Fcreate(*path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
}

/* ---- reading and comparing ---------------------------------------------------------------------- */

typedef struct {
    ist_comm comm;
    ist_location at;
    ist_shape shape;
    ist_matrix rows;
    ist_census census;
    ist_error error;
    int64_t first, count; /* this rank's share */
} reader;

static ist_code read_share(reader *r)
{
    if (r->error.code == IST_OK)
        ist_probe_layer(&r->at, &r->shape, &r->error);
    if (ist_agree(&r->comm, &r->error) != IST_OK)
        return r->error.code;
    r->first = ist_share(r->shape.rows, r->comm.size, r->comm.rank);
    r->count = ist_share(r->shape.rows, r->comm.size, r->comm.rank + 1) - r->first;
    return ist_read_rows(&r->comm, &r->at, &r->shape, NULL, r->first, r->count, &r->rows,
                         &r->census, &r->error);
}

static reader reader_of(MPI_Comm comm, const char *file, const char *dataset, const char *index)
{
    reader r = {.comm = ist_comm_new(comm)};
    r.at = (ist_location){(char *)file, (char *)dataset, (char *)index, false};
    return r;
}

static void release(reader *r)
{
    ist_matrix_release(&r->rows);
    ist_comm_release(&r->comm);
}

static double entry(const reader *r, int64_t row, int64_t column)
{
    const int64_t at = (row - r->first) * r->rows.d + column;
    return r->rows.wide ? r->rows.wide[at] : (double)r->rows.narrow[at];
}

/* The first of this rank's rows that is not value(row, column) inside [from, to) or 0 outside; -1: all are. */
static int64_t first_wrong(const reader *r, int64_t from, int64_t to)
{
    for (int64_t i = r->first; i < r->first + r->count; i++)
        for (int64_t j = 0; j < r->rows.d; j++)
            if (entry(r, i, j) != (i >= from && i < to ? value(i, j) : 0))
                return i;
    return -1;
}

/* Collective. Every rank holds the same text. */
static bool same_text(const reader *r)
{
    const int64_t hash =
        (int64_t)(ist_hash_bytes(r->error.text, strlen(r->error.text), 0).low >> 2);
    return ist_largest(&r->comm, hash) == hash && -ist_largest(&r->comm, -hash) == hash;
}

/* ---- what is read -------------------------------------------------------------------------------- */

static table tables[] = {
    {.dataset = "float32", .rows = 1003, .d = 37, .to = 1003},
    {.dataset = "float64", .rows = 1003, .d = 5, .to = 1003},
    {.dataset = "float16", .rows = 1003, .d = 5, .to = 1003},
    {.dataset = "big_endian", .rows = 101, .d = 4, .to = 101},
    {.dataset = "int16", .rows = 101, .d = 4, .to = 101},
    {.dataset = "int64", .rows = 101, .d = 4, .to = 101},
    {.dataset = "chunks", .rows = 1003, .d = 37, .chunk = 64, .to = 1003},
    {.dataset = "row_chunks", .rows = 1003, .d = 37, .chunk = 64, .whole = true, .to = 1003},
    {.dataset = "compressed", .rows = 1003, .d = 37, .chunk = 64, .filtered = true, .to = 1003},
    {.dataset = "few_rows", .rows = 3, .d = 4, .to = 3},
    {.dataset = "few_chunks", .rows = 3, .d = 4, .chunk = 2, .whole = true, .to = 3},
    {.dataset = "one_row", .rows = 1, .d = 2, .to = 1},
    {.dataset = "gaps", .rows = 1003, .d = 37, .chunk = 64, .whole = true, .from = 300, .to = 400},
    {.dataset = "never_written", .rows = 50, .d = 3, .chunk = 8, .whole = true},
    {.dataset = "never_allocated", .rows = 50, .d = 3},
};
enum { TABLES = sizeof tables / sizeof *tables };

static const char *all_tables(void)
{
    const char *path = NULL;
    const hid_t file = new_file(&path);
    for (int k = 0; k < TABLES; k++)
        tables[k].type = H5T_IEEE_F32LE;
    tables[1].type = H5T_IEEE_F64LE;
    tables[2].type = half_type();
    tables[3].type = H5T_IEEE_F64BE;
    tables[4].type = H5T_STD_I16LE;
    tables[5].type = H5T_STD_I64BE;
    for (int k = 0; k < TABLES; k++)
        add_table(file, &tables[k]);
    H5Fclose(file);
    return path;
}

RANK_CHECK(data_rows_of_every_kind)
{
    const char *file = shared_file(comm, all_tables);
    for (int k = 0; k < TABLES; k++) {
        reader r = reader_of(comm, file, tables[k].dataset, "");
        const ist_code code = read_share(&r);
        CHECK_ALL_TELL(comm, code == IST_OK, "%.280s", r.error.text);
        CHECK_ALL_TELL(comm, !r.rows.narrow == r.shape.wide && !r.rows.wide == !r.shape.wide,
                       "%.280s", tables[k].dataset);
        const int64_t wrong = first_wrong(&r, tables[k].from, tables[k].to);
        CHECK_ALL_TELL(comm, wrong < 0, "%s, row %lld", tables[k].dataset, (long long)wrong);
        CHECK_ALL(comm, r.census.nan == 0 && r.census.inf == 0 && r.census.first_row == -1);
        release(&r);
    }
}

/* Shares of any form: all rows on the last rank, none elsewhere. */
RANK_CHECK(data_rows_on_one_rank)
{
    const char *file = shared_file(comm, all_tables);
    for (int k = 0; k < TABLES; k++) {
        reader r = reader_of(comm, file, tables[k].dataset, "");
        ist_probe_layer(&r.at, &r.shape, &r.error);
        r.count = r.comm.rank == r.comm.size - 1 ? r.shape.rows : 0;
        ist_read_rows(&r.comm, &r.at, &r.shape, NULL, 0, r.count, &r.rows, &r.census, &r.error);
        CHECK_ALL_TELL(comm, r.error.code == IST_OK, "%.280s", r.error.text);
        CHECK_ALL(comm, r.rows.count == r.count);
        CHECK_ALL(comm, first_wrong(&r, tables[k].from, tables[k].to) < 0);
        release(&r);
    }
}

/* 35 MB of int8, of which one rank reads nearly all: several calls there, empty ones elsewhere. */
static const char *long_table(void)
{
    const char *path = NULL;
    const hid_t file = new_file(&path);
    const hsize_t sizes[] = {350000, 100};
    const hid_t space = H5Screate_simple(2, sizes, NULL);
    const hid_t dataset =
        H5Dcreate2(file, "x", H5T_STD_I8LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    int8_t *values = ist_alloc(35000000, 1);
    for (int64_t i = 0; i < 35000000; i++)
        values[i] = (int8_t)(i / 100 % 251 - 125);
    H5Dwrite(dataset, H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    ist_free(values);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Fclose(file);
    return path;
}

RANK_CHECK(data_rows_in_many_calls)
{
    reader r = reader_of(comm, shared_file(comm, long_table), "x", "");
    ist_probe_layer(&r.at, &r.shape, &r.error);
    const int64_t most = r.shape.rows - 10 * (r.comm.size - 1);
    r.first = r.comm.rank ? most + 10 * (r.comm.rank - 1) : 0;
    r.count = r.comm.rank ? 10 : most;
    ist_read_rows(&r.comm, &r.at, &r.shape, NULL, r.first, r.count, &r.rows, &r.census, &r.error);
    CHECK_ALL_TELL(comm, r.error.code == IST_OK, "%.280s", r.error.text);
    int64_t wrong = -1;
    for (int64_t i = 0; i < r.count && wrong < 0; i++)
        for (int64_t j = 0; j < 100; j++)
            if (entry(&r, r.first + i, j) != (double)((r.first + i) % 251 - 125))
                wrong = r.first + i;
    CHECK_ALL_TELL(comm, wrong < 0, "row %lld", (long long)wrong);
    release(&r);
}

/* ---- dimensions ---------------------------------------------------------------------------------- */

enum { N = 23, C = 3, H = 2, W = 5 };

static double pixel(int64_t n, int64_t c, int64_t i)
{
    return sin((double)((n * C + c) * H * W + i));
}

/* epochs x samples x channels x height x width */
static const char *images(void)
{
    const char *path = NULL;
    const hid_t file = new_file(&path);
    const hsize_t sizes[] = {2, N, C, H, W};
    const hid_t space = H5Screate_simple(5, sizes, NULL);
    static double values[2][N][C][H * W];
    for (int n = 0; n < N; n++)
        for (int c = 0; c < C; c++)
            for (int i = 0; i < H * W; i++) {
                values[0][n][c][i] = NAN; /* another epoch is never looked at */
                values[1][n][c][i] = pixel(n, c, i);
            }
    const hid_t dataset =
        H5Dcreate2(file, "x", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Fclose(file);
    return path;
}

RANK_CHECK(data_images_behind_an_index)
{
    reader r = reader_of(comm, shared_file(comm, images), "x", "-1, :");
    const ist_code code = read_share(&r);
    CHECK_ALL_TELL(comm, code == IST_OK, "%.280s", r.error.text);
    CHECK_ALL(comm, r.shape.rows == N && r.shape.d == C * H * W && r.census.nan == 0);
    bool same = true;
    for (int64_t n = r.first; n < r.first + r.count; n++)
        for (int64_t j = 0; j < C * H * W; j++)
            same = same && entry(&r, n, j) == pixel(n, j / (H * W), j % (H * W));
    CHECK_ALL(comm, same);
    release(&r);
}

RANK_CHECK(data_pooled_images)
{
    reader r = reader_of(comm, shared_file(comm, images), "x", "1");
    r.at.pool = true;
    const ist_code code = read_share(&r);
    CHECK_ALL_TELL(comm, code == IST_OK, "%.280s", r.error.text);
    CHECK_ALL(comm, r.shape.d == C && r.shape.wide && r.shape.row_values == C * H * W);
    bool same = true;
    for (int64_t n = r.first; n < r.first + r.count; n++)
        for (int64_t c = 0; c < C; c++) {
            double sum = 0;
            for (int i = 0; i < H * W; i++)
                sum += pixel(n, c, i);
            same = same && entry(&r, n, c) == sum / (H * W);
        }
    CHECK_ALL(comm, same);
    release(&r);
}

/* ---- .npy ---------------------------------------------------------------------------------------- */

static const char *npy(const char *name, bool fortran)
{
    enum { ROWS = 101, D = 6 };
    static struct {
        char head[10], header[118];
        float values[ROWS * D];
    } file = {.head = "\x93NUMPY\x01"};
    memset(file.header, ' ', sizeof file.header);
    file.head[8] = sizeof file.header;
    const int length = snprintf(file.header, sizeof file.header,
                                "{'descr': '<f4', 'fortran_order': %s, 'shape': (%d, %d), }",
                                fortran ? "True" : "False", ROWS, D);
    file.header[length] = ' ';
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < D; j++)
            file.values[fortran ? j * ROWS + i : i * D + j] = (float)value(i, j);
    const char *path = scratch_path("%s", name);
    file_write(path, &file, sizeof file);
    return path;
}

static const char *npy_c(void)
{
    return npy("c.npy", false);
}

static const char *npy_fortran(void)
{
    return npy("f.npy", true);
}

RANK_CHECK(data_npy_rows)
{
    const char *(*const files[])(void) = {npy_c, npy_fortran};
    for (int k = 0; k < 2; k++) {
        reader r = reader_of(comm, shared_file(comm, files[k]), "", "");
        const ist_code code = read_share(&r);
        CHECK_ALL_TELL(comm, code == IST_OK, "%.280s", r.error.text);
        CHECK_ALL(comm, r.shape.d == 6 && first_wrong(&r, 0, 101) < 0);
        release(&r);
    }
}

/* ---- NaN, Inf, integers --------------------------------------------------------------------------- */

static const char *bad_values(void)
{
    static float values[40][3];
    static int64_t integers[40];
    values[11][2] = NAN;
    values[12][0] = INFINITY;
    values[12][1] = -INFINITY;
    values[39][2] = NAN;
    integers[33] = -(INT64_C(1) << 53) - 1;
    const char *path = NULL;
    const hid_t file = new_file(&path);
    const hid_t space = H5Screate_simple(2, (const hsize_t[]){40, 3}, NULL);
    const hid_t line = H5Screate_simple(1, (const hsize_t[]){40}, NULL);
    const hid_t dataset =
        H5Dcreate2(file, "x", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t ids =
        H5Dcreate2(file, "ids", H5T_STD_I64LE, line, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dwrite(ids, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, integers);
    H5Dclose(ids);
    H5Dclose(dataset);
    H5Sclose(line);
    H5Sclose(space);
    H5Fclose(file);
    return path;
}

RANK_CHECK(data_census_of_nan_and_inf)
{
    reader r = reader_of(comm, shared_file(comm, bad_values), "x", "");
    const ist_code code = read_share(&r);
    CHECK_ALL_TELL(comm, code == IST_OK, "%.280s", r.error.text);
    CHECK_ALL(comm, r.census.nan == 2 && r.census.inf == 2 && r.census.first_row == 11);
    release(&r);
}

RANK_CHECK(data_integers_that_would_be_rounded)
{
    reader r = reader_of(comm, shared_file(comm, bad_values), "ids", "");
    const ist_code code = read_share(&r);
    CHECK_ALL(comm, code == IST_FAILED && same_text(&r) && !r.rows.wide);
    CHECK_ALL_TELL(
        comm, strstr(r.error.text, ":ids: row 33: the integer -9007199254740993 is beyond 2^53"),
        "%.280s", r.error.text);
    release(&r);
}

/* ---- files that fail ------------------------------------------------------------------------------ */

/* One chunk in the middle no longer has its checksum: only the rank that owns it meets that. */
static const char *damaged_chunk(void)
{
    const char *path = NULL;
    const hid_t file = new_file(&path);
    const table t = {.dataset = "x",
                     .rows = 1000,
                     .d = 2,
                     .type = H5T_IEEE_F32LE,
                     .chunk = 50,
                     .filtered = true,
                     .to = 1000};
    add_table(file, &t);
    haddr_t start = 0;
    hsize_t size = 0;
    unsigned mask = 0;
    const hid_t dataset = H5Dopen2(file, "x", H5P_DEFAULT);
    H5Dget_chunk_info_by_coord(dataset, (const hsize_t[]){700, 0}, &mask, &start, &size);
    H5Dclose(dataset);
    H5Fclose(file);
    file_flip(path, (size_t)(start + size / 2), 3);
    return path;
}

RANK_CHECK(data_damaged_chunk_is_everyones_error)
{
    reader r = reader_of(comm, shared_file(comm, damaged_chunk), "x", "");
    const ist_code code = read_share(&r);
    CHECK_ALL(comm, code == IST_FAILED && r.error.code == IST_FAILED && same_text(&r));
    CHECK_ALL(comm, !r.rows.narrow && !r.rows.wide);
    CHECK_ALL_TELL(comm,
                   strstr(r.error.text, "rows.h5:x: rows ") &&
                       strstr(r.error.text, "cannot be read: the file is damaged"),
                   "%.280s", r.error.text);
    release(&r);
}

/* Collective. The error of a read that must fail the same way on all ranks. */
static bool fails_with(reader *r, const char *text)
{
    r->first = ist_share(r->shape.rows, r->comm.size, r->comm.rank);
    r->count = ist_share(r->shape.rows, r->comm.size, r->comm.rank + 1) - r->first;
    const ist_code code = ist_read_rows(&r->comm, &r->at, &r->shape, NULL, r->first, r->count,
                                        &r->rows, &r->census, &r->error);
    const bool same = same_text(r);
    return code == IST_FAILED && same && strstr(r->error.text, text) && !r->rows.narrow &&
           !r->rows.wide;
}

RANK_CHECK(data_changed_after_the_probe)
{
    const char *file = shared_file(comm, all_tables);
    reader r = reader_of(comm, file, "float32", "");
    ist_probe_layer(&r.at, &r.shape, &r.error);
    r.at.dataset = (char *)"chunks";
    r.shape.d++;
    CHECK_ALL_TELL(comm,
                   fails_with(&r, "was changed since it was checked: 1003 x 38 float32 then, "
                                  "1003 x 37 float32 now"),
                   "%.280s", r.error.text);
    release(&r);
    r = reader_of(comm, file, "float32", "");
    ist_probe_layer(&r.at, &r.shape, &r.error);
    MPI_Barrier(comm);
    if (r.comm.rank == 0)
        file_truncate(file, 20000);
    MPI_Barrier(comm);
    CHECK_ALL_TELL(comm, fails_with(&r, "the file is truncated: it ends at 20000 bytes, expected"),
                   "%.280s", r.error.text);
    release(&r);
    r = reader_of(comm, "/nowhere/x.h5", "x", "");
    CHECK_ALL_TELL(comm, fails_with(&r, "/nowhere/x.h5:x: there is no such file"), "%.280s",
                   r.error.text);
    release(&r);
}

RANK_CHECK(data_refusals_are_everyones)
{
    static const struct {
        const char *dataset, *text;
    } rows[] = {
        {"nothing", "there is no 'nothing'"}, {"/", "is a group"}, {"float32/x", "is no group"}};
    const char *file = shared_file(comm, all_tables);
    for (int k = 0; k < 3; k++) {
        reader r = reader_of(comm, file, rows[k].dataset, "");
        CHECK_ALL_TELL(comm, fails_with(&r, rows[k].text), "%.280s", r.error.text);
        release(&r);
    }
    reader r = reader_of(comm, shared_file(comm, npy_c), "", "");
    r.shape = (ist_shape){.rows = 101, .d = 7};
    CHECK_ALL_TELL(comm, fails_with(&r, "was changed since it was checked"), "%.280s",
                   r.error.text);
    release(&r);
}
