/* Input files for the tests of the data room. */
#include "test_data_files.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/data/source.h"
#include "../harness/scratch.h"

ist_location at(const char *file, const char *dataset, const char *index)
{
    return (ist_location){(char *)file, (char *)dataset, (char *)index, false};
}

hid_t h5_new(const char *name, const char **path)
{
    *path = scratch_path("%s", name);
    const hid_t file = H5Fcreate(*path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    cr_assert(file >= 0);
    return file;
}

void h5_add(hid_t file, const char *name, hid_t stored, hid_t in_memory, int rank,
            const hsize_t *sizes, hid_t properties, const void *values)
{
    const hid_t space = rank ? H5Screate_simple(rank, sizes, NULL) : H5Screate(H5S_SCALAR);
    const hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    const hid_t dataset = H5Dcreate2(file, name, stored, space, links, properties, H5P_DEFAULT);
    cr_assert(dataset >= 0, "dataset %s", name);
    if (values)
        cr_assert(H5Dwrite(dataset, in_memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(dataset);
    H5Pclose(links);
    H5Sclose(space);
}

const char *h5_file(const char *name, const char *dataset, hid_t stored, hid_t in_memory, int rank,
                    const hsize_t *sizes, const void *values)
{
    const char *path = NULL;
    const hid_t file = h5_new(name, &path);
    h5_add(file, dataset, stored, in_memory, rank, sizes, H5P_DEFAULT, values);
    H5Fclose(file);
    return path;
}

hid_t h5_half(bool big_endian)
{
    const hid_t type = H5Tcopy(big_endian ? H5T_IEEE_F32BE : H5T_IEEE_F32LE);
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
}

hid_t h5_bool(void)
{
    const hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
    H5Tenum_insert(type, "FALSE", &(int8_t){0});
    H5Tenum_insert(type, "TRUE", &(int8_t){1});
    return type;
}

const char *npy_version(const char *name, int version, const char *header, const void *bytes,
                        size_t count)
{
    const char *path = scratch_path("%s", name);
    const size_t length = strlen(header);
    const size_t start = version == 1 ? 10 : 12;
    unsigned char *file = calloc(start + length + count, 1);
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (unsigned char)version;
    for (size_t i = 8; i < start; i++)
        file[i] = (unsigned char)(length >> 8 * (i - 8));
    memcpy(file + start, header, length);
    if (count)
        memcpy(file + start + length, bytes, count);
    file_write(path, file, start + length + count);
    free(file);
    return path;
}

const char *npy_file(const char *name, const char *header, const void *bytes, size_t count)
{
    return npy_version(name, 1, header, bytes, count);
}

double *read_layer(ist_location where, ist_shape *shape)
{
    ist_error error = {0};
    data_source source;
    ist_code code = ist_probe_layer(&where, shape, &error);
    cr_assert(code == IST_OK, "%s", error.text);
    cr_assert(data_open(&where, H5P_DEFAULT, &source, &error) == IST_OK, "%s", error.text);
    const int64_t count = shape->rows * shape->row_values;
    void *raw = ist_alloc((size_t)count, (size_t)shape->value_bytes);
    double *values = ist_alloc((size_t)count, sizeof *values);
    cr_assert(data_read(&source, 0, shape->rows, raw, &error) == IST_OK, "%s", error.text);
    data_to_native(source.type, raw, count);
    data_to_double(source.type, raw, count, values);
    if (!data_type_wide(source.type)) {
        float *narrow = ist_alloc((size_t)count, sizeof *narrow);
        data_to_float(source.type, raw, count, narrow);
        for (int64_t i = 0; i < count; i++)
            cr_assert((double)narrow[i] == values[i] || values[i] != values[i]);
        ist_free(narrow);
    }
    ist_free(raw);
    data_close(&source);
    return values;
}

void expect_message(const ist_error *error, const char *const texts[])
{
    for (; *texts; texts++)
        cr_expect(strstr(error->text, *texts), "no '%s' in: %s", *texts, error->text);
    for (const char *c = error->text; *c; c++)
        cr_expect((unsigned char)*c >= 0x20, "control character in: %s", error->text);
}

void expect_layer_refused(ist_location where, const char *const texts[])
{
    ist_error error = {0};
    ist_shape shape;
    const ist_code code = ist_probe_layer(&where, &shape, &error);
    cr_expect(code == IST_REFUSED, "not refused: %s", *texts);
    expect_message(&error, texts);
}
