/* An HDF5 dataset: what is allowed, its shape, its rows. */
#include "hdf5_file.h"
#include "message.h"

#include <sys/stat.h>

/* ---- what a dataset may not be --------------------------------------------------------------- */

static const struct {
    H5Z_filter_t id;
    const char *name;
} filter_names[] = {
    {H5Z_FILTER_SZIP, "szip"},
    {H5Z_FILTER_NBIT, "n-bit"},
    {H5Z_FILTER_SCALEOFFSET, "scale-offset"},
    {307, "bzip2"},
    {32000, "lzf"},
    {32001, "blosc"},
    {32004, "lz4"},
    {32008, "bitshuffle"},
    {32013, "zfp"},
    {32015, "zstd"},
    {32026, "blosc2"},
};

static const char *filter_name(H5Z_filter_t id)
{
    for (size_t k = 0; k < sizeof filter_names / sizeof *filter_names; k++)
        if (filter_names[k].id == id)
            return filter_names[k].name;
    return "unknown";
}

static ist_code check_filters(data_source *source, hid_t properties, ist_error *error)
{
    const int count = H5Pget_nfilters(properties);
    for (int k = 0; k < count; k++) {
        unsigned flags = 0;
        size_t values = 0;
        const H5Z_filter_t id =
            H5Pget_filter2(properties, (unsigned)k, &flags, &values, NULL, 0, NULL, NULL);
        if (id != H5Z_FILTER_DEFLATE && id != H5Z_FILTER_SHUFFLE && id != H5Z_FILTER_FLETCHER32)
            return data_fail(source->at, error, IST_REFUSED,
                             "is stored through the filter %d (%s), which needs a plugin or is not "
                             "read: write it with compression='gzip' or none (read are deflate, "
                             "shuffle, fletcher32)",
                             (int)id, filter_name(id));
    }
    source->filtered = count > 0;
    return IST_OK;
}

/* Before the dataspace is looked at: for a virtual dataset that would open other files. */
static ist_code check_storage(data_source *source, hid_t properties, ist_error *error)
{
    if (H5Pget_layout(properties) == H5D_VIRTUAL)
        return data_fail(source->at, error, IST_REFUSED,
                         "is a virtual dataset, whose values lie in other files: name those files, "
                         "or copy the values into a dataset");
    if (H5Pget_external_count(properties) != 0)
        return data_fail(source->at, error, IST_REFUSED,
                         "keeps its values in an external file, which is not followed: copy them "
                         "into an HDF5 file with h5repack");
    return check_filters(source, properties, error);
}

/* ---- its extent ------------------------------------------------------------------------------ */

static ist_code read_sizes(data_source *source, ist_error *error)
{
    hsize_t sizes[DATA_MAX_RANK];
    const hid_t space = H5Dget_space(source->dataset);
    const H5S_class_t class = H5Sget_simple_extent_type(space);
    const int rank = H5Sget_simple_extent_dims(space, sizes, NULL);
    H5Sclose(space);
    if (class != H5S_SIMPLE && class != H5S_SCALAR)
        return data_fail(source->at, error, IST_REFUSED, "holds nothing (an HDF5 null dataspace)");
    source->view.rank = rank;
    for (int k = 0; k < rank; k++) {
        if (sizes[k] > INT64_MAX)
            return data_fail(source->at, error, IST_REFUSED, "has more values than can be counted");
        source->view.size[k] = (int64_t)sizes[k];
    }
    return data_view_index(source->at, &source->view, error);
}

/* Every read of filtered values takes whole chunks into memory. */
static ist_code check_chunks(data_source *source, hid_t properties, ist_error *error)
{
    hsize_t chunk[DATA_MAX_RANK];
    const data_view *view = &source->view;
    source->chunk_rows = 1;
    if (H5Pget_layout(properties) != H5D_CHUNKED ||
        H5Pget_chunk(properties, DATA_MAX_RANK, chunk) != view->rank)
        return IST_OK;
    double bytes = data_type_bytes(source->type);
    for (int k = 0; k < view->rank; k++)
        bytes *= (double)chunk[k];
    if (source->filtered && bytes > (double)data_call_bytes)
        return data_fail(source->at, error, IST_REFUSED,
                         "has compressed chunks of %.1f GiB, each of which is read as a whole; at "
                         "most 1 GiB: write it with smaller chunks (h5repack -l CHUNK=...)",
                         bytes / (double)data_call_bytes);
    if (view->kept)
        source->chunk_rows = (int64_t)chunk[view->axis[0]];
    return IST_OK;
}

/* HDF5 would read past the end of a file without an error that says so. */
static ist_code check_end(const data_source *source, hid_t properties, ist_error *error)
{
    struct stat status;
    const haddr_t start = H5Dget_offset(source->dataset);
    if (H5Pget_layout(properties) != H5D_CONTIGUOUS || start == HADDR_UNDEF ||
        stat(source->at->file, &status) != 0)
        return IST_OK;
    int64_t expected = data_type_bytes(source->type);
    for (int k = 0; k < source->view.rank; k++)
        expected *= source->view.size[k];
    if (__builtin_add_overflow(expected, start, &expected) || expected > status.st_size)
        return data_fail(source->at, error, IST_REFUSED,
                         "the file is truncated: it ends at %lld bytes, expected at least %lld (an "
                         "unfinished copy, or its writer was killed): write it again",
                         (long long)status.st_size, (long long)expected);
    return IST_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

static ist_code inspect(data_source *source, hid_t properties, ist_error *error)
{
    ist_code code = check_storage(source, properties, error);
    if (code == IST_OK) {
        source->stored_type = H5Dget_type(source->dataset);
        code = data_hdf5_type(source->at, source->stored_type, &source->type, error);
    }
    if (code == IST_OK)
        code = read_sizes(source, error);
    if (code == IST_OK)
        code = check_chunks(source, properties, error);
    if (code == IST_OK)
        code = check_end(source, properties, error);
    return code;
}

ist_code data_hdf5_dataset(data_source *source, hid_t access, ist_error *error)
{
    data_hdf5_quiet();
    source->file = data_hdf5_open(source->at, access, error);
    if (source->file < 0)
        return error->code;
    hid_t object = -1;
    if (data_hdf5_find(source->file, source->at, source->at->dataset, &object, error) != DATA_FOUND)
        return error->code;
    source->dataset = object;
    if (H5Iget_type(object) != H5I_DATASET)
        return data_fail(source->at, error, IST_REFUSED, "is %s, not a dataset",
                         H5Iget_type(object) == H5I_GROUP ? "a group" : "a named type");
    const hid_t properties = H5Dget_create_plist(object);
    if (properties < 0)
        return data_fail(source->at, error, IST_REFUSED, "cannot be opened: the file is damaged");
    const ist_code code = inspect(source, properties, error);
    H5Pclose(properties);
    return code;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The hyperslab of `count` rows; the memory has its form, so that HDF5 copies whole runs. */
static void select_rows(const data_view *view, int64_t first, int64_t count, hid_t *in_file,
                        hid_t *in_memory)
{
    hsize_t start[DATA_MAX_RANK];
    hsize_t length[DATA_MAX_RANK];
    for (int k = 0; k < view->rank; k++) {
        const bool fixed = view->fixed[k] >= 0;
        start[k] = fixed ? (hsize_t)view->fixed[k] : 0;
        length[k] = fixed ? 1 : (hsize_t)view->size[k];
    }
    if (view->kept) {
        start[view->axis[0]] = (hsize_t)first;
        length[view->axis[0]] = (hsize_t)ist_max(count, 1);
    }
    *in_memory = view->rank ? H5Screate_simple(view->rank, length, NULL) : H5Screate(H5S_SCALAR);
    if (count == 0) {
        /* a rank without rows still takes part in a collective read */
        H5Sselect_none(*in_file);
        H5Sselect_none(*in_memory);
    } else if (view->rank) {
        H5Sselect_hyperslab(*in_file, H5S_SELECT_SET, start, NULL, length, NULL);
    }
}

ist_code data_hdf5_read(const data_source *source, int64_t first, int64_t count, void *raw,
                        ist_error *error)
{
    hid_t in_memory = -1;
    hid_t in_file = H5Dget_space(source->dataset);
    select_rows(&source->view, first, count, &in_file, &in_memory);
    H5Eclear2(H5E_DEFAULT);
    /* the memory's type is the stored one: HDF5 moves bytes and converts nothing */
    const herr_t status =
        H5Dread(source->dataset, source->stored_type, in_memory, in_file, source->transfer, raw);
    if (status < 0) {
        ist_text reason = {0};
        data_hdf5_reason(&reason);
        data_fail(source->at, error, IST_REFUSED,
                  "rows %lld to %lld cannot be read: the file is damaged or truncated (HDF5: %s)",
                  (long long)first, (long long)(first + count - 1),
                  reason.data ? reason.data : "no reason known");
        ist_text_release(&reason);
    }
    H5Sclose(in_memory);
    H5Sclose(in_file);
    return status < 0 ? IST_REFUSED : IST_OK;
}

static bool all_chunks_written(const data_source *source, const hsize_t *chunk)
{
    hsize_t written = 0;
    hsize_t all = 1;
    const data_view *view = &source->view;
    for (int k = 0; k < view->rank; k++)
        all *= ((hsize_t)view->size[k] + chunk[k] - 1) / chunk[k];
    const hid_t space = H5Dget_space(source->dataset);
    const herr_t status = H5Dget_num_chunks(source->dataset, space, &written);
    H5Sclose(space);
    return status >= 0 && written == all;
}

static bool chunks_hold_rows(const data_view *view, const hsize_t *chunk)
{
    for (int k = 1; k < view->kept; k++)
        if ((int64_t)chunk[view->axis[k]] < view->size[view->axis[k]])
            return false;
    return true;
}

/* Not so: compressed chunks, which are read one by one anyway, and where a rank that meets a damaged
 * one would leave the others inside HDF5; chunks that cut rows, ten times slower together than alone
 * (102 MB: 2 to 8 s and 0.5 s); and values that were never written: HDF5 1.10's collective read
 * fails on missing chunks, and without any storage only the ranks without rows enter it. */
bool data_hdf5_reads_together(const data_source *source)
{
    hsize_t chunk[DATA_MAX_RANK];
    bool together = false;
    const hid_t properties = H5Dget_create_plist(source->dataset);
    const H5D_layout_t layout = H5Pget_layout(properties);
    if (layout == H5D_CONTIGUOUS)
        together = H5Dget_offset(source->dataset) != HADDR_UNDEF;
    else if (layout == H5D_CHUNKED && !source->filtered)
        together = H5Pget_chunk(properties, DATA_MAX_RANK, chunk) == source->view.rank &&
                   chunks_hold_rows(&source->view, chunk) && all_chunks_written(source, chunk);
    H5Pclose(properties);
    return together;
}
