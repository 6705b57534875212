/* Labels, sample ids, single numbers, and what a file holds by name. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "../harness/scratch.h"
#include "test_data_files.h"

static void expect_integers(ist_location where, const int64_t *expected, int64_t count)
{
    ist_error error = {0};
    int64_t found = 0;
    cr_assert(ist_probe_integers(&where, &found, &error) == IST_OK, "%s", error.text);
    cr_assert(found == count, "%lld", (long long)found);
    int64_t values[16];
    cr_assert(ist_read_integers(&where, count, values, &error) == IST_OK, "%s", error.text);
    for (int64_t i = 0; i < count; i++)
        cr_expect(values[i] == expected[i], "value %lld: %lld", (long long)i, (long long)values[i]);
}

static void expect_refused(ist_location where, const char *const texts[])
{
    ist_error error = {0};
    int64_t values[16];
    cr_expect(ist_read_integers(&where, 3, values, &error) == IST_REFUSED, "not refused: %s",
              *texts);
    expect_message(&error, texts);
}

Test(data_integers, labels_of_every_type)
{
    const hid_t types[] = {H5T_STD_I8LE,   H5T_STD_I16BE,  H5T_STD_I32LE,  H5T_STD_I64BE,
                           H5T_STD_U8LE,   H5T_STD_U16LE,  H5T_STD_U32BE,  H5T_STD_U64LE,
                           h5_half(false), H5T_IEEE_F32BE, H5T_IEEE_F64LE, h5_half(true)};
    const int64_t labels[] = {7, 0, 100, 7};
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        expect_integers(
            at(h5_file("l.h5", "/labels/y", types[k], H5T_NATIVE_INT64, 1, SIZES(4), labels),
               "/labels/y", ""),
            labels, 4);
    const int64_t far[] = {INT64_MIN, -1, INT64_MAX};
    expect_integers(
        at(h5_file("l.h5", "/y", H5T_STD_I64LE, H5T_NATIVE_INT64, 1, SIZES(3), far), "/y", ""), far,
        3);
    const hid_t type = h5_bool();
    expect_integers(at(h5_file("l.h5", "/y", type, type, 1, SIZES(3), "\1\0\1"), "/y", ""),
                    (const int64_t[]){1, 0, 1}, 3);
    expect_integers(
        at(npy_file("l.npy", "{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }",
                    "\xff\xfe\0\3", 4),
           "", ""),
        (const int64_t[]){-2, 3}, 2);
}

Test(data_integers, a_column_of_many)
{
    const int64_t table[] = {1, 10, 2, 20, 3, 30};
    const char *file =
        h5_file("c.h5", "/y", H5T_STD_I32LE, H5T_NATIVE_INT64, 2, SIZES(3, 2), table);
    expect_integers(at(file, "/y", ":, 1"), (const int64_t[]){10, 20, 30}, 3);
    expect_integers(at(file, "/y", "-1"), (const int64_t[]){3, 30}, 2);
    expect_refused(at(file, "/y", ""), TEXTS("c.h5:/y: one integer a sample", "3 x 2",
                                             "One-hot labels? Save values.argmax(axis=1)"));
    const char *one = h5_file("o.h5", "/y", H5T_STD_I32LE, H5T_NATIVE_INT64, 2, SIZES(3, 1), table);
    expect_refused(at(one, "/y", ""), TEXTS("3 x 1: write the index [:, 0]"));
    expect_refused(at(one, "/y", "0, 0"), TEXTS("one dimension, the samples"));
}

Test(data_integers, refused)
{
    const double fractions[] = {1, 2.5, 3};
    expect_refused(
        at(h5_file("f.h5", "/y", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 1, SIZES(3), fractions), "/y",
           ""),
        TEXTS("f.h5:/y: row 1: 2.5 is no integer", "not regression"));
    const double nan[] = {1, 2, 0.0 / 0.0};
    expect_refused(
        at(h5_file("f.h5", "/y", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1, SIZES(3), nan), "/y", ""),
        TEXTS("row 2: NaN is no integer"));
    const uint64_t large[] = {UINT64_MAX, 1, 2};
    expect_refused(
        at(h5_file("f.h5", "/y", H5T_STD_U64LE, H5T_NATIVE_UINT64, 1, SIZES(3), large), "/y", ""),
        TEXTS("row 0: 18446744073709551615 does not fit into 64 bits"));
    expect_refused(at(h5_file("f.h5", "/y", H5T_C_S1, H5T_C_S1, 1, SIZES(3), "abc"), "/y", ""),
                   TEXTS("the type is text", "return_inverse"));
    expect_refused(
        at(h5_file("f.h5", "/y", H5T_STD_I8LE, H5T_STD_I8LE, 1, SIZES(2), "\1\2"), "/y", ""),
        TEXTS("has 2 entries, 3 are needed"));
    expect_refused(
        at(h5_file("f.h5", "/y", H5T_STD_I8LE, H5T_STD_I8LE, 1, SIZES(0), NULL), "/y", ""),
        TEXTS("there are no samples"));
}

Test(data_integers, only_what_is_asked_for)
{
    const double values[] = {1, 2, 2.5};
    int64_t got[2];
    ist_error error = {0};
    const ist_location where =
        at(h5_file("f.h5", "/y", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 1, SIZES(3), values), "/y", "");
    cr_expect(ist_read_integers(&where, 2, got, &error) == IST_OK && got[1] == 2);
}

/* ---- numbers ---------------------------------------------------------------------------------- */

Test(data_integers, single_numbers)
{
    const char *file = NULL;
    const double values[] = {0.5, 1.5, -2.5, 3.5};
    const int64_t large = (INT64_C(1) << 53) + 1;
    const hid_t handle = h5_new("s.h5", &file);
    h5_add(handle, "scalar", H5T_IEEE_F32BE, H5T_NATIVE_DOUBLE, 0, NULL, H5P_DEFAULT, values);
    h5_add(handle, "table", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 2, SIZES(2, 2), H5P_DEFAULT, values);
    h5_add(handle, "one", H5T_STD_I16LE, H5T_NATIVE_DOUBLE, 1, SIZES(1), H5P_DEFAULT, values + 3);
    h5_add(handle, "large", H5T_STD_I64LE, H5T_NATIVE_INT64, 0, NULL, H5P_DEFAULT, &large);
    H5Fclose(handle);
    const struct {
        const char *dataset, *index, *text;
        double value;
    } rows[] = {
        {"scalar", "", NULL, 0.5},
        {"table", "-1, 0", NULL, -2.5},
        {"one", "", NULL, 3},
        {"one", "0", NULL, 3},
        {"table", "", "one number is wanted, but the data are 2 x 2: pick one by an index", 0},
        {"table", "0", "one number is wanted", 0},
        {"large", "", "beyond 2^53", 0},
        {"absent", "", "there is no 'absent'", 0},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        double value = 0;
        ist_error error = {0};
        const ist_location where = at(file, rows[k].dataset, rows[k].index);
        const ist_code code = ist_read_scalar(&where, &value, &error);
        cr_expect(code == (rows[k].text ? IST_REFUSED : IST_OK), "%s: %s", rows[k].dataset,
                  error.text);
        cr_expect(value == rows[k].value, "%s: %g", rows[k].dataset, value);
        if (rows[k].text)
            expect_message(&error, TEXTS(rows[k].text));
    }
    double value = 0;
    ist_error error = {0};
    const ist_location npy = at(npy_file("s.npy",
                                         "{'descr': '<i4', 'fortran_order': False, 'shape': "
                                         "(), }",
                                         "\7\0\0\0", 4),
                                "", "");
    cr_expect(ist_read_scalar(&npy, &value, &error) == IST_OK && value == 7, "%s", error.text);
}

/* ---- names ------------------------------------------------------------------------------------ */

static void add_attribute(hid_t object, const char *name, hid_t type, int rank,
                          const hsize_t *sizes, const void *value)
{
    const hid_t space = rank ? H5Screate_simple(rank, sizes, NULL) : H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    cr_assert(H5Awrite(attribute, type, value) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
}

Test(data_names, attributes)
{
    const char *file = NULL;
    const hid_t handle = h5_new("a.h5", &file);
    add_attribute(handle, "test_error", H5T_NATIVE_DOUBLE, 0, NULL, &(double){0.25});
    add_attribute(handle, "epoch", H5T_NATIVE_INT64, 0, NULL, &(int64_t){12});
    add_attribute(handle, "one", H5T_NATIVE_FLOAT, 1, SIZES(1), &(float){3});
    add_attribute(handle, "many", H5T_NATIVE_FLOAT, 1, SIZES(2), (const float[]){1, 2});
    add_attribute(handle, "text", H5T_C_S1, 0, NULL, "x");
    add_attribute(handle, "rounded", H5T_NATIVE_UINT64, 0, NULL, &(uint64_t){UINT64_MAX});
    H5Fclose(handle);
    ist_named_values list;
    ist_list_attributes(file, &list);
    cr_assert(list.count == 3);
    cr_expect(strcmp(list.names[0], "epoch") == 0 && list.values[0] == 12);
    cr_expect(strcmp(list.names[1], "one") == 0 && list.values[1] == 3);
    cr_expect(strcmp(list.names[2], "test_error") == 0 && list.values[2] == 0.25);
    ist_named_values_release(&list);
    ist_list_attributes("/nowhere.h5", &list);
    cr_expect(list.count == 0);
    ist_list_attributes(npy_file("x.npy", "{}", NULL, 0), &list);
    cr_expect(list.count == 0);
}

static void add_layer(hid_t file, const char *name, int index)
{
    char path[64];
    snprintf(path, sizeof path, "/layers/%s", name);
    h5_add(file, path, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 2, SIZES(3, 2), H5P_DEFAULT, NULL);
    const hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT);
    if (index >= 0)
        add_attribute(dataset, "layer_index", H5T_NATIVE_INT, 0, NULL, &index);
    H5Dclose(dataset);
}

static void expect_layers(const char *file, const char *expected)
{
    ist_error error = {0};
    ist_named_values list;
    ist_text text = {0};
    cr_assert(ist_list_layers(file, &list, &error) == IST_OK, "%s", error.text);
    for (size_t i = 0; i < list.count; i++)
        ist_text_add(&text, "%s ", list.names[i]);
    cr_expect(strcmp(text.data, expected) == 0, "%s", text.data);
    ist_text_release(&text);
    ist_named_values_release(&list);
}

Test(data_names, layers)
{
    const char *file = NULL;
    hid_t handle = h5_new("l.h5", &file);
    add_layer(handle, "logits", 2);
    add_layer(handle, "fc10", 1);
    add_layer(handle, "fc2", 0);
    H5Fclose(handle);
    expect_layers(file, "fc2 fc10 logits ");
    handle = h5_new("m.h5", &file);
    add_layer(handle, "logits", 0); /* not all have one: names decide */
    add_layer(handle, "fc10", -1);
    add_layer(handle, "fc2", -1);
    H5Lcreate_soft("fc2", handle, "/layers/fc3", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(handle, "/layers/group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(handle);
    expect_layers(file, "fc2 fc3 fc10 logits ");
}

static void expect_no_layers(const char *file, const char *text)
{
    ist_error error = {0};
    ist_named_values list;
    cr_expect(ist_list_layers(file, &list, &error) == IST_REFUSED);
    cr_expect(list.count == 0 && list.names == NULL);
    expect_message(&error, TEXTS(text));
}

Test(data_names, layers_refused)
{
    const char *file = NULL;
    hid_t handle = h5_new("n.h5", &file);
    H5Fclose(handle);
    expect_no_layers(file, "n.h5:/layers: there is no 'layers' in the file's root. It is empty.");
    handle = h5_new("n.h5", &file);
    H5Gclose(H5Gcreate2(handle, "/layers", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(handle);
    expect_no_layers(file, "has no layers");
    handle = h5_new("n.h5", &file);
    add_layer(handle, "a", 0);
    H5Lcreate_external("other.h5", "/x", handle, "/layers/b", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(handle);
    expect_no_layers(file, "'b' is an external link");
    expect_no_layers("/nowhere.h5", "there is no such file");
}

Test(data_names, has_dataset)
{
    const char *file = NULL;
    const hid_t handle = h5_new("h.h5", &file);
    add_layer(handle, "a", 0);
    H5Lcreate_soft("/nowhere", handle, "dangling", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(handle);
    cr_expect(ist_has_dataset(file, "/layers/a") && ist_has_dataset(file, "layers/a"));
    cr_expect(!ist_has_dataset(file, "/layers") && !ist_has_dataset(file, "/sample_id"));
    cr_expect(!ist_has_dataset(file, "dangling") && !ist_has_dataset("/nowhere.h5", "/x"));
    cr_expect(!ist_has_dataset(npy_file("x.npy", "{}", NULL, 0), "/x"));
}

Test(data_names, stamps)
{
    ist_stamp before;
    ist_stamp after;
    ist_error error = {0};
    const char *path = scratch_path("stamp");
    file_write(path, "abc", 3);
    cr_assert(ist_stamp_file(path, &before, &error) == IST_OK && before.size == 3);
    usleep(20000);
    file_write(path, "abd", 3);
    cr_assert(ist_stamp_file(path, &after, &error) == IST_OK);
    cr_expect(after.mtime_ns > before.mtime_ns);
    cr_expect(ist_stamp_file("/nowhere", &after, &error) == IST_REFUSED);
    expect_message(&error, TEXTS("/nowhere: there is no such file"));
}

Test(data_names, version)
{
    cr_expect(strcmp(ist_hdf5_version(), "1.10.8") == 0 || strchr(ist_hdf5_version(), '.'));
}
