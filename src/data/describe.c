/* What a file holds, for people. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "hdf5_file.h"
#include "infostrata/data.h"
#include "message.h"

typedef struct {
    hid_t file;
    const char *path;
    ist_text *out;
    size_t datasets, others; /* others: links that leave the file, named types */
} page;

static ist_location location_of(const char *file, const char *dataset)
{
    return (ist_location){.file = (char *)file, .dataset = (char *)dataset};
}

/* ---- attributes ------------------------------------------------------------------------------ */

static bool add_text_attribute(hid_t attribute, hid_t type, ist_text *out)
{
    enum { SHOWN = 60 };
    const size_t size = H5Tget_size(type);
    char *fixed = NULL, *text = NULL;
    bool good;
    if (H5Tis_variable_str(type) > 0) {
        good = H5Aread(attribute, type, &text) >= 0 && text;
    } else {
        fixed = text = ist_alloc(size + 1, 1);
        good = H5Aread(attribute, type, text) >= 0;
    }
    if (good) {
        char shown[SHOWN + 1];
        snprintf(shown, sizeof shown, "%s", text);
        ist_text_add(out, "\"");
        data_add_printable(out, shown);
        ist_text_add(out, strlen(text) > SHOWN ? "...\"" : "\"");
    }
    if (!fixed && text)
        H5free_memory(text);
    ist_free(fixed);
    return good;
}

static bool add_number_attribute(hid_t attribute, hid_t type, ist_text *out)
{
    double value;
    if (H5Tget_class(type) != H5T_INTEGER && H5Tget_class(type) != H5T_FLOAT)
        return false;
    if (H5Aread(attribute, H5T_NATIVE_DOUBLE, &value) < 0)
        return false;
    ist_text_add(out, "%.10g", value);
    return true;
}

static herr_t add_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
    ist_text *out = context;
    (void)info;
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0)
        return 0;
    const hid_t space = H5Aget_space(attribute), type = H5Aget_type(attribute);
    const bool one =
        H5Sget_simple_extent_type(space) != H5S_NULL && H5Sget_simple_extent_npoints(space) == 1;
    ist_text_add(out, "%s", out->length ? ", " : "");
    data_add_printable(out, name);
    ist_text_add(out, " = ");
    if (!one || !(H5Tget_class(type) == H5T_STRING ? add_text_attribute(attribute, type, out)
                                                   : add_number_attribute(attribute, type, out)))
        ist_text_add(out, "...");
    H5Tclose(type);
    H5Sclose(space);
    H5Aclose(attribute);
    return 0;
}

static void add_attributes(hid_t object, const char *before, ist_text *out)
{
    ist_text list = {0};
    H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, add_attribute, &list);
    if (list.data)
        ist_text_add(out, "%s%s", before, list.data);
    ist_text_release(&list);
}

/* ---- datasets -------------------------------------------------------------------------------- */

static void add_storage(hid_t dataset, int rank, ist_text *out)
{
    hsize_t chunk[DATA_MAX_RANK];
    int64_t sizes[DATA_MAX_RANK];
    const hid_t properties = H5Dget_create_plist(dataset);
    switch (H5Pget_layout(properties)) {
    case H5D_CONTIGUOUS: ist_text_add(out, "contiguous"); break;
    case H5D_COMPACT: ist_text_add(out, "compact"); break;
    case H5D_VIRTUAL: ist_text_add(out, "virtual"); break;
    case H5D_CHUNKED:
        ist_text_add(out, "chunks ");
        if (H5Pget_chunk(properties, DATA_MAX_RANK, chunk) == rank)
            for (int k = 0; k < rank; k++)
                sizes[k] = (int64_t)chunk[k];
        data_add_sizes(out, rank, sizes);
        break;
    default: break;
    }
    static const struct {
        H5Z_filter_t id;
        const char *name;
    } names[] = {{H5Z_FILTER_DEFLATE, "deflate"},
                 {H5Z_FILTER_SHUFFLE, "shuffle"},
                 {H5Z_FILTER_FLETCHER32, "fletcher32"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (H5Pget_filter_by_id2(properties, names[i].id, NULL, NULL, NULL, 0, NULL, NULL) >= 0)
            ist_text_add(out, ", %s", names[i].name);
    H5Pclose(properties);
}

static int compare_integers(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void add_classes(const ist_location *at, ist_text *out)
{
    ist_error unwanted = {0};
    int64_t n = 0, classes = 0, least = INT64_MAX, most = 0;
    if (ist_probe_integers(at, &n, &unwanted) != IST_OK)
        return;
    int64_t *values = ist_alloc((size_t)n, sizeof *values);
    if (ist_read_integers(at, n, values, &unwanted) == IST_OK) {
        qsort(values, (size_t)n, sizeof *values, compare_integers);
        for (int64_t i = 0, begin = 0; i < n; i++) {
            if (i + 1 < n && values[i + 1] == values[i])
                continue;
            classes++;
            least = ist_min(least, i + 1 - begin);
            most = ist_max(most, i + 1 - begin);
            begin = i + 1;
        }
        ist_text_add(out, "; %lld class%s from %lld to %lld, of %lld to %lld samples",
                     (long long)classes, classes == 1 ? "" : "es", (long long)values[0],
                     (long long)values[n - 1], (long long)least, (long long)most);
    }
    ist_free(values);
}

/* Why this program does not read it, less the place, which stands in front already. */
static void add_refusal(const ist_location *at, const ist_error *error, ist_text *out)
{
    ist_text place = {0}, printable = {0};
    ist_text_add(&place, "%s:%s: ", at->file, at->dataset);
    data_add_printable(&printable, place.data);
    const size_t length = printable.length;
    const bool known = strncmp(error->text, printable.data, length) == 0;
    ist_text_add(out, "not read: %s", error->text + (known ? length : 0));
    ist_text_release(&place);
    ist_text_release(&printable);
}

static void add_dataset(page *p, const char *name)
{
    ist_text path = {0};
    ist_text_add(&path, "/%s", name);
    const ist_location at = location_of(p->path, path.data);
    data_source source;
    ist_error error = {0};
    p->datasets++;
    ist_text_add(p->out, "  ");
    data_add_printable(p->out, path.data);
    ist_text_add(p->out, "  ");
    if (data_open(&at, H5P_DEFAULT, &source, &error) == IST_OK) {
        ist_text_add(p->out, "%s, ", data_type_name(source.type));
        data_add_sizes(p->out, source.view.rank, source.view.size);
        ist_text_add(p->out, ", ");
        add_storage(source.dataset, source.view.rank, p->out);
        if (strncmp(path.data, "/labels/", strlen("/labels/")) == 0)
            add_classes(&at, p->out);
    } else {
        add_refusal(&at, &error, p->out);
    }
    if (source.dataset >= 0)
        add_attributes(source.dataset, "; ", p->out);
    ist_text_add(p->out, "\n");
    data_close(&source);
    ist_text_release(&path);
}

static herr_t add_link(hid_t root, const char *name, const H5L_info_t *info, void *context)
{
    page *p = context;
    if (info->type != H5L_TYPE_HARD) {
        p->others++;
        ist_text_add(p->out, "  /");
        data_add_printable(p->out, name);
        ist_text_add(p->out, info->type == H5L_TYPE_SOFT
                                 ? "  a soft link\n"
                                 : "  a link to another file, which is not followed\n");
        return 0;
    }
    const hid_t object = H5Oopen(root, name, H5P_DEFAULT);
    const bool dataset = object >= 0 && H5Iget_type(object) == H5I_DATASET;
    if (object >= 0)
        H5Oclose(object);
    if (dataset)
        add_dataset(p, name);
    return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

static ist_code describe_hdf5(const char *path, const ist_stamp *stamp, ist_text *out,
                              ist_error *error)
{
    const ist_location at = location_of(path, NULL);
    data_hdf5_quiet();
    page p = {.path = path, .out = out};
    p.file = data_hdf5_open(&at, H5P_DEFAULT, error);
    if (p.file < 0)
        return error->code;
    ist_text_add(out, "%s: HDF5, %lld bytes\n", path, (long long)stamp->size);
    const hid_t root = H5Oopen(p.file, "/", H5P_DEFAULT);
    add_attributes(root, "  attributes: ", out);
    if (out->data[out->length - 1] != '\n')
        ist_text_add(out, "\n");
    const herr_t status = H5Lvisit(root, H5_INDEX_NAME, H5_ITER_INC, add_link, &p);
    H5Oclose(root);
    H5Fclose(p.file);
    if (status < 0)
        return data_fail(&at, error, IST_REFUSED, "cannot be listed: the file is damaged");
    if (p.datasets + p.others == 0)
        ist_text_add(out, "  no datasets\n");
    return IST_OK;
}

static ist_code describe_npy(const char *path, ist_text *out, ist_error *error)
{
    const ist_location at = location_of(path, NULL);
    data_source source;
    const ist_code code = data_open(&at, H5P_DEFAULT, &source, error);
    if (code == IST_OK) {
        ist_text_add(out, "%s: .npy, %s, ", path, data_type_name(source.type));
        data_add_sizes(out, source.view.rank, source.view.size);
        ist_text_add(out, "%s%s\n", source.fortran ? ", Fortran order" : "",
                     source.type.swap ? ", other byte order" : "");
    }
    data_close(&source);
    return code;
}

ist_code ist_describe_file(const char *path, ist_text *out, ist_error *error)
{
    const ist_location at = location_of(path, NULL);
    ist_stamp stamp;
    char head[6] = {0};
    if (data_file_check(&at, &stamp, error) != IST_OK)
        return error->code;
    data_file_head(path, head, sizeof head);
    return memcmp(head, "\x93NUMPY", sizeof head) == 0 ? describe_npy(path, out, error)
                                                       : describe_hdf5(path, &stamp, out, error);
}
