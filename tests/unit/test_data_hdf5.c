/* HDF5 layers: types, shapes, and every refusal with its words. */
#include <criterion/criterion.h>
#include <string.h>

#include "test_data_files.h"

/* 3 x 4 values that every type can hold. */
static const double small[12] = {0, 1, 2, 3, 4, 5, 6, 7, 100, 101, 102, 127};

static void expect_values(ist_location where, const double *expected, const char *type, bool wide)
{
    ist_shape shape;
    double *values = read_layer(where, &shape);
    cr_expect(strcmp(shape.type, type) == 0, "%s is not %s", shape.type, type);
    cr_expect(shape.wide == wide, "%s", type);
    for (int64_t i = 0; i < shape.rows * shape.row_values; i++)
        cr_expect(values[i] == expected[i], "%s value %lld: %g", type, (long long)i, values[i]);
    ist_free(values);
}

Test(data_hdf5, every_type_in_both_byte_orders)
{
    const struct {
        const char *name;
        hid_t little, big;
        bool wide;
        int bytes;
    } rows[] = {
        {"float16", h5_half(false), h5_half(true), false, 2},
        {"float32", H5T_IEEE_F32LE, H5T_IEEE_F32BE, false, 4},
        {"float64", H5T_IEEE_F64LE, H5T_IEEE_F64BE, true, 8},
        {"int8", H5T_STD_I8LE, H5T_STD_I8BE, false, 1},
        {"int16", H5T_STD_I16LE, H5T_STD_I16BE, false, 2},
        {"int32", H5T_STD_I32LE, H5T_STD_I32BE, true, 4},
        {"int64", H5T_STD_I64LE, H5T_STD_I64BE, true, 8},
        {"uint8", H5T_STD_U8LE, H5T_STD_U8BE, false, 1},
        {"uint16", H5T_STD_U16LE, H5T_STD_U16BE, false, 2},
        {"uint32", H5T_STD_U32LE, H5T_STD_U32BE, true, 4},
        {"uint64", H5T_STD_U64LE, H5T_STD_U64BE, true, 8},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        for (int big = 0; big < 2; big++) {
            const char *file = h5_file("types.h5", "/layers/a", big ? rows[k].big : rows[k].little,
                                       H5T_NATIVE_DOUBLE, 2, SIZES(3, 4), small);
            expect_values(at(file, "/layers/a", ""), small, rows[k].name, rows[k].wide);
            ist_shape shape;
            ist_error error = {0};
            const ist_location where = at(file, "layers/a", NULL);
            cr_assert(ist_probe_layer(&where, &shape, &error) == IST_OK);
            cr_expect(shape.rows == 3 && shape.d == 4 && shape.row_values == 4);
            cr_expect(shape.value_bytes == rows[k].bytes);
        }
    }
}

Test(data_hdf5, bool_of_h5py)
{
    const hid_t type = h5_bool();
    const int8_t values[] = {1, 0, 1};
    const double expected[] = {1, 0, 1};
    const char *file = h5_file("bool.h5", "/b", type, type, 1, SIZES(3), values);
    expect_values(at(file, "/b", ""), expected, "bool", false);
}

static void expect_shape(ist_location where, int64_t rows, int64_t d, int64_t row_values, bool wide)
{
    ist_error error = {0};
    ist_shape shape;
    cr_assert(ist_probe_layer(&where, &shape, &error) == IST_OK, "%s", error.text);
    cr_expect(shape.rows == rows && shape.d == d && shape.row_values == row_values &&
                  shape.wide == wide,
              "%lld x %lld of %lld", (long long)shape.rows, (long long)shape.d,
              (long long)shape.row_values);
}

Test(data_hdf5, shapes)
{
    float values[5 * 6 * 2 * 3];
    for (int i = 0; i < 180; i++)
        values[i] = (float)i;
    const char *file =
        h5_file("shapes.h5", "/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 4, SIZES(5, 6, 2, 3), values);
    expect_shape(at(file, "/x", ""), 5, 36, 36, false);
    expect_shape(at(file, "/x", "1"), 6, 6, 6, false);
    expect_shape(at(file, "/x", ":, 0, 0, 0"), 5, 1, 1, false);
    ist_location pooled = at(file, "/x", "");
    pooled.pool = true;
    expect_shape(pooled, 5, 6, 36, true);
    const char *line =
        h5_file("line.h5", "/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 1, SIZES(7), values);
    expect_shape(at(line, "/x", ""), 7, 1, 1, false);
}

/* Every index form against plain loops: x[e][n][c][p] = ((e 6 + n) 2 + c) 3 + p. */
Test(data_hdf5, values_behind_an_index)
{
    float values[180];
    double expected[180];
    int n = 0;
    for (int i = 0; i < 180; i++)
        values[i] = (float)i;
    const char *file =
        h5_file("index.h5", "/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 4, SIZES(5, 6, 2, 3), values);
    for (int r = 0; r < 6; r++)
        for (int p = 0; p < 3; p++)
            expected[n++] = ((4 * 6 + r) * 2 + 1) * 3 + p;
    expect_values(at(file, "/x", "-1, :, 1"), expected, "float32", false);
    n = 0;
    for (int e = 0; e < 5; e++)
        for (int c = 0; c < 2; c++)
            expected[n++] = ((e * 6 + 3) * 2 + c) * 3 + 2;
    expect_values(at(file, "/x", ":, 3, :, 2"), expected, "float32", false);
}

/* ---- refused types --------------------------------------------------------------------------- */

static hid_t complex_type(void)
{
    const hid_t type = H5Tcreate(H5T_COMPOUND, 8);
    H5Tinsert(type, "r", 0, H5T_NATIVE_FLOAT);
    H5Tinsert(type, "i", 4, H5T_NATIVE_FLOAT);
    return type;
}

static hid_t record_type(void)
{
    const hid_t type = H5Tcreate(H5T_COMPOUND, 8);
    H5Tinsert(type, "x", 0, H5T_NATIVE_FLOAT);
    H5Tinsert(type, "y", 4, H5T_NATIVE_FLOAT);
    return type;
}

static hid_t bfloat_type(void)
{
    const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(type, 15, 7, 8, 0, 7);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 127);
    return type;
}

static hid_t variable_text(void)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    return type;
}

static hid_t colour_type(void)
{
    const hid_t type = H5Tenum_create(H5T_NATIVE_INT);
    H5Tenum_insert(type, "RED", &(int){0});
    H5Tenum_insert(type, "GREEN", &(int){1});
    return type;
}

static hid_t twelve_bits(void)
{
    const hid_t type = H5Tcopy(H5T_STD_I16LE);
    H5Tset_precision(type, 12);
    return type;
}

Test(data_hdf5, refused_types)
{
    const struct {
        hid_t type;
        const char *what, *advice;
    } rows[] = {
        {complex_type(), "the type is complex numbers", "values.view('float64')"},
        {record_type(), "a compound (record) type", "each field as a dataset"},
        {H5Tcopy(H5T_C_S1), "the type is text", "np.unique(values, return_inverse=True)[1]"},
        {variable_text(), "the type is text", "np.unique"},
        {H5Tcreate(H5T_OPAQUE, 2), "an opaque type", "bfloat16 tensors need .float()"},
        {bfloat_type(), "the type is bfloat16", "tensor.float().numpy()"},
        {H5Tcopy(H5T_NATIVE_LDOUBLE), "a float of 16 bytes with 15 exponent", "astype('float64')"},
        {colour_type(), "an enumeration", "values.astype('int64')"},
        {H5Tcopy(H5T_STD_B8LE), "a bit field", "astype('uint8')"},
        {H5Tvlen_create(H5T_NATIVE_FLOAT), "variable-length", "equal length"},
        {H5Tarray_create2(H5T_NATIVE_FLOAT, 1, SIZES(3)), "an array type", "dimensions"},
        {H5Tcopy(H5T_STD_REF_OBJ), "a reference type", "the values"},
        {twelve_bits(), "an integer of 2 bytes with 12 bits in use", "float32"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        const char *file = h5_file("type.h5", "/x", rows[k].type, rows[k].type, 1, SIZES(2), NULL);
        expect_layer_refused(at(file, "/x", ""), TEXTS("type.h5:/x: ", rows[k].what, rows[k].advice,
                                                       "float16, float32"));
    }
}

/* ---- refused shapes and addresses ------------------------------------------------------------- */

Test(data_hdf5, refused_shapes)
{
    const char *file = NULL;
    const hid_t handle = h5_new("shape.h5", &file);
    const hid_t f32 = H5T_IEEE_F32LE;
    h5_add(handle, "scalar", f32, f32, 0, NULL, H5P_DEFAULT, NULL);
    h5_add(handle, "no_rows", f32, f32, 2, SIZES(0, 4), H5P_DEFAULT, NULL);
    h5_add(handle, "no_columns", f32, f32, 2, SIZES(4, 0), H5P_DEFAULT, NULL);
    h5_add(handle, "matrix", f32, f32, 2, SIZES(4, 3), H5P_DEFAULT, NULL);
    h5_add(handle, "giant", f32, f32, 2, SIZES(2, (UINT64_C(1) << 28) + 1), H5P_DEFAULT, NULL);
    h5_add(handle, "group/x", f32, f32, 2, SIZES(4, 3), H5P_DEFAULT, NULL);
    const hid_t named = H5Tcopy(f32);
    H5Tcommit2(handle, "type", named, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(named);
    const hid_t space = H5Screate(H5S_NULL);
    H5Dclose(H5Dcreate2(handle, "null", f32, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    H5Fclose(handle);
    const struct {
        const char *dataset, *index, *text;
    } rows[] = {
        {"scalar", "",
         "no dimension is left for the samples: a layer is N x d (the data are a "
         "single value)"},
        {"matrix", "0, 0", "no dimension is left for the samples"},
        {"no_rows", "", "there are no samples (0 rows) (the data are 0 x 4)"},
        {"no_columns", "", "there are no features (0 columns) (the data are 4 x 0)"},
        {"giant", "", "one sample has more than 1 GiB"},
        {"null", "", "holds nothing"},
        {"group", "", "is a group, not a dataset"},
        {"/", "", "is a group, not a dataset"},
        {"type", "", "is a named type, not a dataset"},
        {"matrx", "", "there is no 'matrx' in the file's root; did you mean 'matrix'? It has "},
        {"group/y", "", "there is no 'y' in /group. It has x"},
        {"matrix/y", "", "there is no 'matrix/y': /matrix is no group"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        expect_layer_refused(at(file, rows[k].dataset, rows[k].index),
                             TEXTS("shape.h5:", rows[k].dataset, rows[k].text));
    ist_location pooled = at(file, "matrix", "");
    pooled.pool = true;
    expect_layer_refused(pooled, TEXTS("averages the dimensions after the channels", "4 x 3"));
}

/* ---- features that read other files or run other code ----------------------------------------- */

Test(data_hdf5, soft_links_stay_inside)
{
    const char *file = NULL;
    const hid_t handle = h5_new("soft.h5", &file);
    h5_add(handle, "layers/fc1", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 2, SIZES(3, 4), H5P_DEFAULT,
           small);
    H5Lcreate_soft("/layers", handle, "absolute", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("layers/./fc1", handle, "relative", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("fc1", handle, "layers/beside", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("absolute/beside", handle, "twice", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("round", handle, "round", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/pong", handle, "ping", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/ping", handle, "pong", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("more/more", handle, "more", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/nowhere", handle, "dangling", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(handle);
    for (size_t k = 0; k < 5; k++)
        expect_values(at(file,
                         TEXTS("/absolute/fc1", "relative", "//layers//beside/", "twice",
                               "./layers/./fc1")[k],
                         ""),
                      small, "float32", false);
    for (size_t k = 0; k < 3; k++)
        expect_layer_refused(at(file, TEXTS("round", "ping", "more")[k], ""),
                             TEXTS("more than 16 soft links", "leads in a circle"));
    expect_layer_refused(at(file, "dangling", ""),
                         TEXTS("there is no 'nowhere' in the file's root"));
}

Test(data_hdf5, external_links_are_not_followed)
{
    const char *file = NULL;
    const char *other =
        h5_file("other.h5", "/g/x", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 2, SIZES(3, 4), small);
    const hid_t handle = h5_new("external.h5", &file);
    H5Lcreate_external(other, "/g/x", handle, "x", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external(other, "/g", handle, "g", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/g/x", handle, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(handle);
    for (size_t k = 0; k < 3; k++)
        expect_layer_refused(at(file, TEXTS("x", "g/x", "soft")[k], ""),
                             TEXTS("is an external link", "not followed", "name the other file"));
    cr_expect(ist_has_dataset(file, "x") && ist_has_dataset(file, "g/x"));
}

Test(data_hdf5, external_storage_and_virtual_datasets)
{
    const char *file = NULL;
    const char *other =
        h5_file("source.h5", "/x", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 2, SIZES(3, 4), small);
    const hid_t handle = h5_new("outside.h5", &file);
    const hid_t external = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(external, "/etc/passwd", 0, 48);
    h5_add(handle, "external", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 2, SIZES(3, 4), external, NULL);
    const hid_t virtual = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t space = H5Screate_simple(2, SIZES(3, 4), NULL);
    H5Pset_virtual(virtual, space, other, "/x", space);
    h5_add(handle, "virtual", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 2, SIZES(3, 4), virtual, NULL);
    H5Fclose(handle);
    expect_layer_refused(at(file, "external", ""),
                         TEXTS("outside.h5:external: keeps its values in an external file"));
    expect_layer_refused(at(file, "virtual", ""),
                         TEXTS("outside.h5:virtual: is a virtual dataset"));
}

static void add_filtered(hid_t file, const char *name, H5Z_filter_t filter, bool scale)
{
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(properties, 2, SIZES(2, 4));
    if (scale)
        H5Pset_scaleoffset(properties, H5Z_SO_FLOAT_DSCALE, 2);
    else
        H5Pset_filter(properties, filter, H5Z_FLAG_OPTIONAL, 0, NULL);
    h5_add(file, name, H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 2, SIZES(3, 4), properties, small);
    H5Pclose(properties);
}

Test(data_hdf5, filters)
{
    const char *file = NULL;
    const hid_t handle = h5_new("filters.h5", &file);
    const hid_t good = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(good, 2, SIZES(2, 3));
    H5Pset_shuffle(good);
    H5Pset_deflate(good, 6);
    H5Pset_fletcher32(good);
    h5_add(handle, "good", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 2, SIZES(3, 4), good, small);
    H5Pset_chunk(good, 2, SIZES(1 << 16, 1 << 13));
    h5_add(handle, "huge", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 2, SIZES(1 << 16, 1 << 13), good,
           NULL);
    add_filtered(handle, "zstd", 32015, false);
    add_filtered(handle, "own", 40000, false);
    add_filtered(handle, "scale", 0, true);
    H5Fclose(handle);
    expect_values(at(file, "good", ""), small, "float32", false);
    expect_layer_refused(at(file, "zstd", ""),
                         TEXTS("the filter 32015 (zstd)", "compression='gzip'"));
    expect_layer_refused(at(file, "own", ""), TEXTS("the filter 40000 (unknown)"));
    expect_layer_refused(at(file, "scale", ""), TEXTS("the filter 6 (scale-offset)"));
    expect_layer_refused(at(file, "huge", ""), TEXTS("compressed chunks of 2.0 GiB", "h5repack"));
}
