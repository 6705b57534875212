/* Opened datasets of either kind. */
#include "source.h"

#include <string.h>
#include <unistd.h>

#include "file.h"
#include "hdf5_file.h"
#include "message.h"
#include "npy.h"

ist_code data_open(const ist_location *at, hid_t access, data_source *source, ist_error *error)
{
    *source = (data_source){
        .at = at,
        .file = -1,
        .dataset = -1,
        .stored_type = -1,
        .transfer = H5P_DEFAULT,
        .descriptor = -1,
    };
    const bool npy = !at->dataset || !*at->dataset;
    if (access == H5P_DEFAULT ||
        npy) { /* with an MPI driver the ranks have agreed on this before */
        const ist_code code = data_file_check(at, NULL, error);
        if (code != IST_OK)
            return code;
    }
    return npy ? data_npy_open(source, error) : data_hdf5_dataset(source, access, error);
}

void data_close(data_source *source)
{
    if (source->stored_type >= 0)
        H5Tclose(source->stored_type);
    if (source->dataset >= 0)
        H5Oclose(source->dataset);
    if (source->file >= 0)
        H5Fclose(source->file);
    if (source->descriptor >= 0)
        close(source->descriptor);
}

ist_code data_read(const data_source *source, int64_t first, int64_t count, void *raw,
                   ist_error *error)
{
    return source->descriptor >= 0 ? data_npy_read(source, first, count, raw, error)
                                   : data_hdf5_read(source, first, count, raw, error);
}

int64_t data_row_bytes(const data_source *source)
{
    return source->view.row_values * data_type_bytes(source->type);
}

static ist_code refuse_kept(const data_source *source, const char *what, ist_error *error)
{
    ist_text sizes = {0};
    data_add_sizes(&sizes, source->view.rank, source->view.size);
    data_fail(source->at, error, IST_REFUSED, "%s (the data are %s)", what, sizes.data);
    ist_text_release(&sizes);
    return IST_REFUSED;
}

ist_code data_layer_shape(const data_source *source, ist_shape *shape, ist_error *error)
{
    const data_view *view = &source->view;
    if (view->kept == 0)
        return refuse_kept(source, "no dimension is left for the samples: a layer is N x d", error);
    if (source->at->pool && view->kept < 3)
        return refuse_kept(source,
                           "'pool: mean' averages the dimensions after the channels, but "
                           "there are none",
                           error);
    if (view->rows == 0 || view->row_values == 0)
        return refuse_kept(source,
                           view->rows == 0 ? "there are no samples (0 rows)"
                                           : "there are no features (0 columns)",
                           error);
    if (data_row_bytes(source) > data_call_bytes)
        return refuse_kept(source, "one sample has more than 1 GiB", error);
    *shape = (ist_shape){
        .rows = view->rows,
        .d = data_view_features(source->at, view),
        .wide = source->at->pool || data_type_wide(source->type),
        .value_bytes = data_type_bytes(source->type),
        .row_values = view->row_values,
    };
    strncpy(shape->type, data_type_name(source->type), sizeof shape->type - 1);
    return IST_OK;
}

void data_pool_sample(const double *sample, int64_t channels, int64_t area, double *out)
{
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0;
        for (int64_t i = 0; i < area; i++)
            sum += sample[c * area + i];
        out[c] = sum / (double)area;
    }
}
