#include <hdf5_hl.h>
#include <string.h>

#include "infostrata/base.h"
#include "netcdf_hdf5.h"

hid_t ist_netcdf_new(void)
{
    enum { STEP = 1 << 20 };
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), plain = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_fapl_core(access, STEP, false);
    H5Pset_obj_track_times(plain, false);
    hid_t file = H5Fcreate("results.h5", H5F_ACC_TRUNC, plain, access);
    H5Pclose(access);
    H5Pclose(plain);
    return file;
}

char *ist_netcdf_image(hid_t file, size_t *count)
{
    H5Fflush(file, H5F_SCOPE_GLOBAL);
    ssize_t size = H5Fget_file_image(file, NULL, 0);
    if (size <= 0)
        return NULL;
    char *bytes = ist_alloc_unset((size_t)size, 1);
    *count = (size_t)size;
    if (H5Fget_file_image(file, bytes, *count) == size)
        return bytes;
    ist_free(bytes);
    return NULL;
}

hid_t ist_netcdf_group(hid_t file, const char *name)
{
    hid_t plain = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(plain, false);
    hid_t group = H5Gcreate2(file, name, H5P_DEFAULT, plain, H5P_DEFAULT);
    H5Pclose(plain);
    return group;
}

hid_t ist_netcdf_text_type(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

static bool write_attribute(hid_t owner, const char *name, hid_t type, const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(owner, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = attribute >= 0 && H5Awrite(attribute, type, value) >= 0;
    if (attribute >= 0)
        H5Aclose(attribute);
    H5Sclose(space);
    return good;
}

bool ist_netcdf_text(hid_t owner, const char *name, const char *text)
{
    hid_t type = ist_netcdf_text_type();
    bool good = write_attribute(owner, name, type, &text);
    H5Tclose(type);
    return good;
}

bool ist_netcdf_integer(hid_t owner, const char *name, int64_t value)
{
    return write_attribute(owner, name, H5T_NATIVE_INT64, &value);
}

hid_t ist_netcdf_dataset(hid_t group, const char *name, hid_t type, int dimension_count,
                         const hsize_t *size, const hid_t *scales, const void *values)
{
    hid_t plain = H5Pcreate(H5P_DATASET_CREATE);
    hid_t space =
        dimension_count ? H5Screate_simple(dimension_count, size, NULL) : H5Screate(H5S_SCALAR);
    H5Pset_obj_track_times(plain, false);
    hid_t set = H5Dcreate2(group, name, type, space, H5P_DEFAULT, plain, H5P_DEFAULT);
    bool good = set >= 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
    if (good && !scales && dimension_count > 0)
        good = H5DSset_scale(set, name) >= 0;
    for (int d = 0; good && scales && d < dimension_count; d++)
        good = H5DSattach_scale(set, scales[d], (unsigned)d) >= 0;
    H5Sclose(space);
    H5Pclose(plain);
    if (good)
        return set;
    if (set >= 0)
        H5Dclose(set);
    return -1;
}
