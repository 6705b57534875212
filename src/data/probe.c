/* Local questions about one dataset: is it a layer, a vector of integers, a number? */
#include "infostrata/data.h"
#include "message.h"
#include "source.h"

ist_code ist_probe_layer(const ist_location *at, ist_shape *shape, ist_error *error)
{
    data_source source;
    ist_code code = data_open(at, H5P_DEFAULT, &source, error);
    if (code == IST_OK)
        code = data_layer_shape(&source, shape, error);
    data_close(&source);
    return code;
}

const char *ist_hdf5_version(void)
{
#define TEXT(number) #number
#define VERSION(major, minor, release) TEXT(major) "." TEXT(minor) "." TEXT(release)
    return VERSION(H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
#undef VERSION
#undef TEXT
}

/* ---- one number ------------------------------------------------------------------------------ */

static ist_code read_one(const data_source *source, double *value, ist_error *error)
{
    int64_t raw = 0; /* room for one value of any type */
    double number = 0;
    if (source->view.rows != 1 || source->view.row_values != 1) {
        ist_text sizes = {0};
        data_add_sizes(&sizes, source->view.rank, source->view.size);
        data_fail(source->at, error, IST_REFUSED,
                  "one number is wanted, but the data are %s: pick one by an index, [0]",
                  sizes.data);
        ist_text_release(&sizes);
        return IST_REFUSED;
    }
    const ist_code code = data_read(source, 0, 1, &raw, error);
    if (code != IST_OK)
        return code;
    data_to_native(source->type, &raw, 1);
    if (data_to_double(source->type, &raw, 1, &number) >= 0)
        return data_fail(source->at, error, IST_REFUSED,
                         "the integer is beyond 2^53 and would be rounded");
    *value = number;
    return IST_OK;
}

ist_code ist_read_scalar(const ist_location *at, double *value, ist_error *error)
{
    data_source source;
    ist_code code = data_open(at, H5P_DEFAULT, &source, error);
    if (code == IST_OK)
        code = read_one(&source, value, error);
    data_close(&source);
    return code;
}
