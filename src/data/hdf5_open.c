/* Opening an HDF5 file. */
#include "hdf5_file.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"

void data_hdf5_quiet(void)
{
    /* The library reads this when it opens a file; it would prevail over the property below. */
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
}

hid_t data_hdf5_access(void)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    H5Pset_file_locking(access, false, true);
    return access;
}

static herr_t keep_deepest(unsigned depth, const H5E_error2_t *entry, void *out)
{
    (void)depth;
    ist_text *text = out;
    if (entry->desc && *entry->desc) {
        ist_text_release(text);
        ist_text_add(text, "%s", entry->desc);
    }
    return 0;
}

void data_hdf5_reason(ist_text *out)
{
    ist_text deepest = {0};
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_deepest, &deepest);
    if (deepest.data)
        ist_text_add_bytes(out, deepest.data, deepest.length);
    ist_text_release(&deepest);
}

/* HDF5 1.10 writes "truncated file: eof = 2048, sblock->base_addr = 0, stored_eof = 8672". */
static bool is_truncated(const char *reason, long long *end, long long *expected)
{
    const char *eof = strstr(reason, "eof = ");
    const char *stored = strstr(reason, "stored_eof = ");
    return strstr(reason, "truncated file") && eof && stored &&
           sscanf(eof, "eof = %lld", end) == 1 &&
           sscanf(stored, "stored_eof = %lld", expected) == 1;
}

/* Files that are taken for HDF5: by their first bytes. */
static const struct {
    const char *bytes;
    size_t count;
    const char *advice;
} others[] = {
    {"\x93NUMPY", 6, "is a NumPy .npy file: its address is its name alone, ending in .npy"},
    {"PK\x03\x04", 4,
     "is a zip archive, as .npz and PyTorch's .pt files are: save the arrays as "
     ".npy or HDF5"},
    {"CDF", 3, "is a classic netCDF file: convert it with 'nccopy -k netCDF-4 in.nc out.nc'"},
    {"\x80", 1, "is a Python pickle, which is never read: save the arrays as .npy or HDF5"},
};

static void explain_open(const ist_location *at, const char *reason, ist_error *error)
{
    long long end = 0;
    long long expected = 0;
    char head[8] = {0};
    const int64_t size = data_file_head(at->file, head, sizeof head);
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        if (size >= 8 && memcmp(head, others[k].bytes, others[k].count) == 0) {
            data_fail(at, error, IST_REFUSED, "this %s", others[k].advice);
            return;
        }
    }
    if (is_truncated(reason, &end, &expected))
        data_fail(
            at, error, IST_REFUSED,
            "the file is truncated: it ends at %lld bytes, expected %lld (an unfinished copy, "
            "or its writer was killed): write it again",
            end, expected);
    else if (size == 0)
        data_fail(at, error, IST_REFUSED, "the file is empty (0 bytes)");
    else if (memcmp(head, "\x89HDF\r\n\x1a\n", 8) == 0)
        data_fail(
            at, error, IST_REFUSED,
            "the HDF5 file is damaged or truncated: it cannot be opened (%s); it has %lld bytes",
            reason, (long long)size);
    else
        data_fail(at, error, IST_REFUSED, "is no HDF5 file (%s)", reason);
}

hid_t data_hdf5_open(const ist_location *at, hid_t access, ist_error *error)
{
    const bool local = access == H5P_DEFAULT;
    if (local)
        access = data_hdf5_access();
    H5Eclear2(H5E_DEFAULT);
    const hid_t file = H5Fopen(at->file, H5F_ACC_RDONLY, access);
    if (file < 0) {
        ist_text reason = {0};
        data_hdf5_reason(&reason);
        explain_open(at, reason.data ? reason.data : "no reason known", error);
        ist_text_release(&reason);
    }
    if (local)
        H5Pclose(access);
    return file < 0 ? -1 : file;
}
