/* .npy layers: versions, types, orders, headers of every kind, every truncation. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/data/npy.h"
#include "../harness/scratch.h"
#include "test_data_files.h"

static const float line[24] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                               12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};

static void expect_values(ist_location where, int64_t rows, int64_t d, const double *expected)
{
    ist_shape shape;
    double *values = read_layer(where, &shape);
    cr_assert(shape.rows == rows && shape.d == d, "%lld x %lld", (long long)shape.rows,
              (long long)shape.d);
    for (int64_t i = 0; i < rows * d; i++)
        cr_expect(values[i] == expected[i], "value %lld: %g is not %g", (long long)i, values[i],
                  expected[i]);
    ist_free(values);
}

Test(data_npy, versions)
{
    const char *header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n";
    const double expected[] = {0, 1, 2, 3, 4, 5};
    for (int version = 1; version <= 3; version++)
        expect_values(at(npy_version("v.npy", version, header, line, 24), "", ""), 2, 3, expected);
    expect_layer_refused(at(npy_version("v.npy", 4, header, line, 24), "", ""),
                         TEXTS("v.npy: is of .npy version 4.0; read are 1.0 to 3.0"));
}

Test(data_npy, types)
{
    static const struct {
        const char *descr, *type;
        unsigned char bytes[8]; /* of 3 (or true) */
        size_t count;
        double value;
    } rows[] = {
        {"<f2", "float16", {0x00, 0x42}, 2, 3},
        {">f2", "float16", {0x42, 0x00}, 2, 3},
        {"<f4", "float32", {0, 0, 0x40, 0x40}, 4, 3},
        {">f4", "float32", {0x40, 0x40, 0, 0}, 4, 3},
        {"=f4", "float32", {0, 0, 0x40, 0x40}, 4, 3},
        {"<f8", "float64", {0, 0, 0, 0, 0, 0, 8, 0x40}, 8, 3},
        {">f8", "float64", {0x40, 8}, 8, 3},
        {"|i1", "int8", {0xfd}, 1, -3},
        {"<i2", "int16", {0xfd, 0xff}, 2, -3},
        {">i2", "int16", {0xff, 0xfd}, 2, -3},
        {"<i4", "int32", {3}, 4, 3},
        {">i4", "int32", {0, 0, 0, 3}, 4, 3},
        {"<i8", "int64", {3}, 8, 3},
        {">i8", "int64", {0, 0, 0, 0, 0, 0, 0, 3}, 8, 3},
        {"|u1", "uint8", {0xfd}, 1, 253},
        {"<u2", "uint16", {0xfd, 0xff}, 2, 65533},
        {">u4", "uint32", {0xff, 0xff, 0xff, 0xff}, 4, 4294967295},
        {"<u8", "uint64", {3}, 8, 3},
        {"|b1", "bool", {1}, 1, 1},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        char header[100];
        ist_shape shape;
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (1,)}\n",
                 rows[k].descr);
        const char *file = npy_file("t.npy", header, rows[k].bytes, rows[k].count);
        double *values = read_layer(at(file, "", ""), &shape);
        cr_expect(values[0] == rows[k].value, "%s: %g", rows[k].descr, values[0]);
        cr_expect(strcmp(shape.type, rows[k].type) == 0, "%s: %s", rows[k].descr, shape.type);
        ist_free(values);
    }
}

Test(data_npy, refused_types)
{
    static const struct {
        const char *descr, *what, *advice;
    } rows[] = {
        {"'|O'", "'|O' is Python objects (a pickle), which are never read", "astype('float32')"},
        {"'<c8'", "complex numbers", "arr.view('float64')"},
        {"'|S5'", "is text", "np.unique(arr, return_inverse=True)[1]"},
        {"'<U7'", "is text", "np.unique"},
        {"'|V2'", "raw bytes (bfloat16", "tensor.float().numpy()"},
        {"'<M8[ns]'", "dates", "astype('int64')"},
        {"'<m8[s]'", "durations", "astype('int64')"},
        {"'<f16'", "a float of another size", "astype('float64')"},
        {"'|f4'", "a float of another size", "astype"},
        {"'<i3'", "unknown type", "Save float32"},
        {"'<f4\033[2J'", "'<f4\\x1b[2J'", "float32"},
        {"[('x', '<f4'), ('y', '<f4')]", "a structured or unknown type", "Save float32"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        char header[150];
        snprintf(header, sizeof header, "{'descr': %s, 'fortran_order': False, 'shape': (1,), }\n",
                 rows[k].descr);
        expect_layer_refused(at(npy_file("r.npy", header, line, 32), "", ""),
                             TEXTS("r.npy: the type ", rows[k].what, rows[k].advice));
    }
}

/* x[a][b][c] of 4 x 3 x 2, value = its position in C order; stored in Fortran order. */
static const char *fortran_file(void)
{
    float stored[24];
    int n = 0;
    for (int c = 0; c < 2; c++)
        for (int b = 0; b < 3; b++)
            for (int a = 0; a < 4; a++)
                stored[n++] = (float)((a * 3 + b) * 2 + c);
    return npy_file("f.npy", "{'descr': '<f4', 'fortran_order': True, 'shape': (4, 3, 2), }\n",
                    stored, sizeof stored);
}

static void expect_index_forms(const char *file)
{
    double expected[24];
    int n = 0;
    for (int i = 0; i < 24; i++)
        expected[i] = i;
    expect_values(at(file, "", ""), 4, 6, expected);
    expect_values(at(file, NULL, "2"), 3, 2, expected + 12);
    for (int a = 0; a < 4; a++)
        for (int c = 0; c < 2; c++)
            expected[n++] = (a * 3 + 1) * 2 + c;
    expect_values(at(file, "", ":, 1"), 4, 2, expected);
    n = 0;
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 3; b++)
            expected[n++] = (a * 3 + b) * 2 + 1;
    expect_values(at(file, "", ":, :, -1"), 4, 3, expected);
    for (int b = 0; b < 3; b++)
        expected[b] = (3 * 3 + b) * 2;
    expect_values(at(file, "", "3, :, 0"), 3, 1, expected);
    for (int c = 0; c < 2; c++)
        expected[c] = (1 * 3 + 2) * 2 + c;
    expect_values(at(file, "", "1, 2"), 2, 1, expected);
}

Test(data_npy, orders_and_indices)
{
    expect_index_forms(npy_file(
        "c.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3, 2), }\n", line, 96));
    expect_index_forms(fortran_file());
}

/* Rows from the middle, longer than one window of the reader: both orders give the same. */
Test(data_npy, ranges_of_large_files)
{
    enum { N = 400000, D = 5, FROM = 123456, COUNT = 250000 };
    float *c_order = malloc(sizeof(float) * N * D);
    float *f_order = malloc(sizeof(float) * N * D);
    float *got = malloc(sizeof(float) * COUNT * D);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < D; j++)
            c_order[i * D + j] = f_order[j * N + i] = (float)(i * D + j);
    for (int fortran = 0; fortran < 2; fortran++) {
        char header[100];
        data_source source;
        ist_error error = {0};
        snprintf(header, sizeof header,
                 "{'descr': '<f4', 'fortran_order': %s, 'shape': (%d, %d), }\n",
                 fortran ? "True" : "False", N, D);
        const char *file =
            npy_file("l.npy", header, fortran ? f_order : c_order, sizeof(float) * N * D);
        const ist_location where = at(file, "", "");
        cr_assert(data_open(&where, H5P_DEFAULT, &source, &error) == IST_OK, "%s", error.text);
        memset(got, 0, sizeof(float) * COUNT * D);
        cr_assert(data_read(&source, FROM, COUNT, got, &error) == IST_OK);
        cr_expect(memcmp(got, c_order + FROM * D, sizeof(float) * COUNT * D) == 0);
        /* a column alone: values far apart in one of the orders */
        data_close(&source);
        const ist_location column = at(file, "", ":, 3");
        cr_assert(data_open(&column, H5P_DEFAULT, &source, &error) == IST_OK, "%s", error.text);
        cr_assert(data_read(&source, FROM, COUNT, got, &error) == IST_OK);
        for (int i = 0; i < COUNT; i++)
            cr_assert(got[i] == c_order[(FROM + i) * D + 3], "row %d", i);
        data_close(&source);
    }
    free(c_order);
    free(f_order);
    free(got);
}

Test(data_npy, headers_that_are_as_good)
{
    static const char *const headers[] = {
        "{\"shape\": (2, 3), \"fortran_order\": False, \"descr\": \"<f4\"}",
        "{'descr':'<f4','fortran_order':False,'shape':(2,3,)}\n",
        "  { 'descr' : '<f4' , 'fortran_order' : False , 'shape' : ( 2L , 3L ) , } \n",
    };
    const double expected[] = {0, 1, 2, 3, 4, 5};
    for (size_t k = 0; k < sizeof headers / sizeof *headers; k++)
        expect_values(at(npy_file("h.npy", headers[k], line, 24), "", ""), 2, 3, expected);
}

Test(data_npy, damaged_headers)
{
    static const char *const headers[] = {
        "",
        "{",
        "{}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'shape': (2, 3)}",
        "{'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 99999999999999999999)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} and more",
        "{'descr': '<f4', 'fortran_order: False, 'shape': (2, 3)}",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
        "1,1,1,1,1,1,1,1,1,1,1,1,1,1)}",
    };
    for (size_t k = 0; k < sizeof headers / sizeof *headers; k++)
        expect_layer_refused(at(npy_file("d.npy", headers[k], line, 24), "", ""),
                             TEXTS("d.npy: the .npy header is damaged", "save the array again"));
    expect_layer_refused(at(npy_file("d.npy",
                                     "{'descr': '<f4', 'fortran_order': False, 'shape': "
                                     "(4000000000, 4000000000), }",
                                     line, 24),
                            "", ""),
                         TEXTS("more values than can be counted"));
    expect_layer_refused(
        at(npy_file("d.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", line, 4),
           "", ""),
        TEXTS("no dimension is left"));
}

/* Every prefix of a header, parsed alone: refused, and read no further than its end (ASan). */
Test(data_npy, every_prefix_of_a_header)
{
    const char *header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    const ist_location where = at("p.npy", "", "");
    for (size_t length = 0; length < strlen(header); length++) {
        data_source source = {.at = &where};
        ist_error error = {0};
        char *copy = malloc(length + !length);
        memcpy(copy, header, length);
        cr_expect(data_npy_header(copy, length, &source, &error) == IST_REFUSED);
        free(copy);
    }
}

Test(data_npy, truncated_at_every_byte)
{
    const char *whole = npy_file(
        "w.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", line, 24);
    size_t size = 0;
    char *bytes = file_read(whole, &size);
    const char *cut = scratch_path("cut.npy");
    for (size_t length = 0; length < size; length++) {
        char ends[60];
        snprintf(ends, sizeof ends, "it ends at %zu bytes, expected ", length);
        file_write(cut, bytes, length);
        expect_layer_refused(at(cut, "", ""), TEXTS("cut.npy: the file is truncated: ", ends));
    }
    char expected[60];
    snprintf(expected, sizeof expected, "ends at %zu bytes, expected %zu:", size - 1, size);
    expect_layer_refused(at(cut, "", ""), TEXTS(expected));
}

Test(data_npy, no_npy_file)
{
    const char *path = scratch_path("n.npy");
    file_write(path, "\x89HDF\r\n\x1a\n and so on", sizeof "\x89HDF\r\n\x1a\n and so on");
    expect_layer_refused(at(path, "", ""), TEXTS("is an HDF5 file: its address needs a dataset"));
    file_write(path, "PK\x03\x04 and so on ...", sizeof "PK\x03\x04 and so on ...");
    expect_layer_refused(at(path, "", ""), TEXTS("zip archive (.npz"));
    file_write_text(path, "1.0 2.0 3.0 4.0\n");
    expect_layer_refused(at(path, "", ""), TEXTS("is no .npy file"));
    file_write(path, "\x93NUMPY\x02\0\xff\xff\xff\x7f and so on",
               sizeof "\x93NUMPY\x02\0\xff\xff\xff\x7f and so on");
    expect_layer_refused(at(path, "", ""), TEXTS("header of 2147483647 bytes; at most 65536"));
}

Test(data_npy, sparse_giant_is_probed_at_once)
{
    const char *path = npy_file(
        "g.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (700000000, 1), }\n", line, 8);
    file_truncate(path, 6000000000);
    const double start = ist_seconds();
    ist_error error = {0};
    ist_shape shape;
    const ist_location where = at(path, "", "");
    cr_assert(ist_probe_layer(&where, &shape, &error) == IST_OK, "%s", error.text);
    cr_expect(shape.rows == 700000000 && ist_seconds() - start < 1.0);
}
