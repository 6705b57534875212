/* What a file holds, by name: layers, attributes. Local. */
#include "infostrata/data.h"

#include <math.h>
#include <stdlib.h>

#include "file.h"
#include "hdf5_file.h"
#include "message.h"

/* A file without a dataset, for messages; the location borrows the text. */
static ist_location location_of(const char *file, char *dataset)
{
    return (ist_location){.file = (char *)file, .dataset = dataset};
}

static void add_name(ist_named_values *list, const char *name, double value)
{
    const size_t used = list->count;
    list->names = ist_grow(list->names, used, used + 1, sizeof *list->names);
    list->values = ist_grow(list->values, used, used + 1, sizeof *list->values);
    list->names[used] = ist_copy_text(name);
    list->values[used] = value;
    list->count = used + 1;
}

void ist_named_values_release(ist_named_values *list)
{
    for (size_t i = 0; i < list->count; i++)
        ist_free(list->names[i]);
    ist_free(list->names);
    ist_free(list->values);
    *list = (ist_named_values){0};
}

/* ---- attributes ------------------------------------------------------------------------------ */

/* The number in an attribute, if it holds one that a double holds exactly. */
static bool read_attribute(hid_t attribute, double *value)
{
    int64_t raw = 0;
    data_type type;
    ist_error unwanted = {0};
    char none[] = "";
    const ist_location nowhere = {.file = none};
    const hid_t space = H5Aget_space(attribute);
    const hid_t stored = H5Aget_type(attribute);
    const bool one =
        H5Sget_simple_extent_type(space) != H5S_NULL && H5Sget_simple_extent_npoints(space) == 1;
    const bool good = one && data_hdf5_type(&nowhere, stored, &type, &unwanted) == IST_OK &&
                      H5Aread(attribute, stored, &raw) >= 0;
    H5Tclose(stored);
    H5Sclose(space);
    if (!good)
        return false;
    data_to_native(type, &raw, 1);
    return data_to_double(type, &raw, 1, value) < 0;
}

static bool attribute_of(hid_t object, const char *name, double *value)
{
    if (H5Aexists(object, name) <= 0)
        return false;
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0)
        return false;
    const bool good = read_attribute(attribute, value);
    H5Aclose(attribute);
    return good;
}

static herr_t keep_attribute(hid_t object, const char *name, const H5A_info_t *info, void *list)
{
    double value = 0;
    (void)info;
    if (attribute_of(object, name, &value))
        add_name(list, name, value);
    return 0;
}

/* Opens an HDF5 file for a question that has no error as its answer. */
static hid_t open_quietly(const ist_location *at, ist_error *error)
{
    data_hdf5_quiet();
    if (data_file_check(at, NULL, error) != IST_OK)
        return -1;
    return data_hdf5_open(at, H5P_DEFAULT, error);
}

void ist_list_attributes(const char *file, ist_named_values *attributes)
{
    ist_error unwanted = {0};
    const ist_location at = location_of(file, NULL);
    *attributes = (ist_named_values){0};
    const hid_t handle = open_quietly(&at, &unwanted);
    if (handle < 0)
        return;
    const hid_t root = H5Oopen(handle, "/", H5P_DEFAULT);
    H5Aiterate2(root, H5_INDEX_NAME, H5_ITER_INC, NULL, keep_attribute, attributes);
    H5Oclose(root);
    H5Fclose(handle);
}

/* ---- datasets -------------------------------------------------------------------------------- */

bool ist_has_dataset(const char *file, const char *dataset)
{
    ist_error unwanted = {0};
    const ist_location at = location_of(file, NULL);
    const hid_t handle = open_quietly(&at, &unwanted);
    hid_t object = -1;
    if (handle < 0)
        return false;
    const data_finding finding = data_hdf5_find(handle, &at, dataset, &object, &unwanted);
    /* a forbidden link is there, and is refused when it is read: it must not pass for absent */
    bool found = finding == DATA_FORBIDDEN;
    if (finding == DATA_FOUND) {
        found = H5Iget_type(object) == H5I_DATASET;
        H5Oclose(object);
    }
    H5Fclose(handle);
    return found;
}

/* ---- layers ---------------------------------------------------------------------------------- */

typedef struct {
    hid_t file;
    const ist_location *at;
    ist_error *error;
    ist_named_values *layers; /* values: layer_index, NaN without one */
} listing;

static herr_t keep_layer(hid_t group, const char *name, const H5L_info_t *info, void *out)
{
    listing *l = out;
    hid_t object = -1;
    double index = NAN;
    ist_text path = {0};
    (void)group;
    (void)info;
    ist_text_add(&path, "/layers/%s", name);
    const data_finding finding = data_hdf5_find(l->file, l->at, path.data, &object, l->error);
    ist_text_release(&path);
    if (finding != DATA_FOUND)
        return -1;
    if (H5Iget_type(object) == H5I_DATASET) {
        if (!attribute_of(object, "layer_index", &index))
            index = NAN;
        add_name(l->layers, name, index);
    }
    H5Oclose(object);
    return 0;
}

typedef struct {
    char *name;
    double index;
} indexed_name;

static int compare_layers(const void *a, const void *b)
{
    const indexed_name *one = a;
    const indexed_name *two = b;
    if (one->index < two->index || one->index > two->index)
        return one->index < two->index ? -1 : 1;
    return ist_compare_natural(one->name, two->name);
}

static void sort_layers(ist_named_values *layers)
{
    bool indexed = true;
    indexed_name *order = ist_alloc(layers->count, sizeof *order);
    for (size_t i = 0; i < layers->count; i++)
        indexed = indexed && !isnan(layers->values[i]);
    for (size_t i = 0; i < layers->count; i++)
        order[i] = (indexed_name){layers->names[i], indexed ? layers->values[i] : 0};
    qsort(order, layers->count, sizeof *order, compare_layers);
    for (size_t i = 0; i < layers->count; i++) {
        layers->names[i] = order[i].name;
        layers->values[i] = 0;
    }
    ist_free(order);
}

static ist_code list_group(listing *l)
{
    hid_t group = -1;
    if (data_hdf5_find(l->file, l->at, "/layers", &group, l->error) != DATA_FOUND)
        return l->error->code;
    if (H5Iget_type(group) != H5I_GROUP)
        data_fail(l->at, l->error, IST_REFUSED, "is no group: layers are datasets under /layers");
    else if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, keep_layer, l) < 0)
        data_fail(l->at, l->error, IST_REFUSED, "cannot be listed: the file is damaged");
    else if (l->layers->count == 0)
        data_fail(l->at, l->error, IST_REFUSED, "has no layers: there is no dataset in this group");
    H5Oclose(group);
    return l->error->code;
}

ist_code ist_list_layers(const char *file, ist_named_values *layers, ist_error *error)
{
    char group[] = "/layers";
    const ist_location at = location_of(file, group);
    *layers = (ist_named_values){0};
    const hid_t handle = open_quietly(&at, error);
    if (handle < 0)
        return error->code;
    listing l = {handle, &at, error, layers};
    const ist_code code = list_group(&l);
    if (code == IST_OK)
        sort_layers(layers);
    else
        ist_named_values_release(layers);
    H5Fclose(handle);
    return code;
}
