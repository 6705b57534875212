/* HDF5 files that are damaged, locked, giant or named to mislead: words, never a crash. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../harness/scratch.h"
#include "test_data_files.h"

static const double small[12] = {0, 1, 2, 3, 4, 5, 6, 7, 100, 101, 102, 127};

/* ---- damaged files ---------------------------------------------------------------------------- */

Test(data_damaged, no_hdf5_file)
{
    const char *path = scratch_path("input.h5");
    const ist_location where = at(path, "/x", "");
    expect_layer_refused(where, TEXTS("input.h5:/x: there is no such file"));
    expect_layer_refused(at(scratch_dir(), "/x", ""), TEXTS("is a folder"));
    file_write(path, "", 0);
    expect_layer_refused(where, TEXTS("the file is empty (0 bytes)"));
    file_write_text(path, "some text that is long enough to be looked at");
    expect_layer_refused(where, TEXTS("is no HDF5 file"));
    file_write(path, "\x93NUMPY\x01\0some more text", sizeof "\x93NUMPY\x01\0some more text");
    expect_layer_refused(where, TEXTS("this is a NumPy .npy file"));
    file_write(path, "PK\x03\x04 and so on", sizeof "PK\x03\x04 and so on");
    expect_layer_refused(where, TEXTS(".npz and PyTorch's .pt"));
    file_write(path, "CDF\x01 and so on ......", sizeof "CDF\x01 and so on ......");
    expect_layer_refused(where, TEXTS("classic netCDF"));
    const char *pipe = scratch_path("pipe");
    cr_assert(mkfifo(pipe, 0600) == 0);
    expect_layer_refused(at(pipe, "/x", ""), TEXTS("no regular file"));
}

/* In a process of its own: root may read anything, so it becomes somebody else. */
static int try_as_other_user(const char *file)
{
    ist_error error = {0};
    ist_stamp stamp;
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        return 2;
    const bool refused = ist_stamp_file(file, &stamp, &error) == IST_REFUSED;
    return refused &&
                   strstr(error.text, "private.h5: may not be read: its mode is 0000, its owner") &&
                   strstr(error.text, "and this is user")
               ? 0
               : 1;
}

Test(data_damaged, may_not_be_read)
{
    const char *file =
        h5_file("private.h5", "/x", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 2, SIZES(3, 4), small);
    int status = 0;
    chmod(scratch_dir(), 0755);
    chmod(file, 0);
    const pid_t child = fork();
    if (child == 0)
        _exit(try_as_other_user(file));
    cr_assert(waitpid(child, &status, 0) == child && WIFEXITED(status));
    if (WEXITSTATUS(status) == 2)
        cr_skip_test("cannot become another user");
    cr_expect(WEXITSTATUS(status) == 0);
}

/* Cut at every length: refused in words, never a crash, never another answer than the whole file. */
Test(data_damaged, truncated_anywhere)
{
    float values[512];
    for (int i = 0; i < 512; i++)
        values[i] = (float)i;
    const char *whole =
        h5_file("whole.h5", "/layers/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 2, SIZES(64, 8), values);
    size_t size = 0;
    char *bytes = file_read(whole, &size);
    const char *cut = scratch_path("cut.h5");
    for (size_t length = 0; length < size; length += length < 200 ? 1 : 61) {
        file_write(cut, bytes, length);
        expect_layer_refused(at(cut, "/layers/x", ""), TEXTS("cut.h5:/layers/x: "));
    }
    file_write(cut, bytes, size - 1);
    char *expected = NULL;
    cr_assert(asprintf(&expected, "the file is truncated: it ends at %zu bytes, expected %zu",
                       size - 1, size) > 0);
    expect_layer_refused(at(cut, "/layers/x", ""), TEXTS(expected));
    free(expected);
}

/* One flipped bit in each byte of the metadata: whatever comes, it is no crash. */
Test(data_damaged, flipped_bits, .timeout = 60)
{
    const char *whole =
        h5_file("whole.h5", "/layers/x", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 2, SIZES(3, 4), small);
    size_t size = 0;
    char *bytes = file_read(whole, &size);
    const char *bent = scratch_path("bent.h5");
    for (size_t byte = 0; byte < size; byte++) {
        if (bytes[byte] == 0)
            continue;
        ist_error error = {0};
        ist_shape shape;
        const ist_location where = at(bent, "/layers/x", "");
        bytes[byte] ^= 4;
        file_write(bent, bytes, size);
        ist_probe_layer(&where, &shape, &error);
        bytes[byte] ^= 4;
    }
}

static void expect_size(ist_location where, int64_t rows, int64_t d)
{
    ist_error error = {0};
    ist_shape shape;
    cr_assert(ist_probe_layer(&where, &shape, &error) == IST_OK, "%s", error.text);
    cr_expect(shape.rows == rows && shape.d == d);
}

/* ---- large and odd ---------------------------------------------------------------------------- */

Test(data_damaged, sparse_giant_is_probed_at_once)
{
    const char *file = NULL;
    const hid_t handle = h5_new("giant.h5", &file);
    const hid_t chunks = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(chunks, 2, SIZES(100000, 16));
    h5_add(handle, "x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 2, SIZES(300000000, 16), chunks, NULL);
    const hid_t early = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_alloc_time(early, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(early, H5D_FILL_TIME_NEVER);
    h5_add(handle, "whole", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 2, SIZES(80000000, 16), early, NULL);
    H5Fclose(handle);
    const double start = ist_seconds();
    expect_size(at(file, "x", ""), 300000000, 16);
    expect_size(at(file, "whole", ""), 80000000, 16);
    cr_expect(ist_seconds() - start < 1.0);
    cr_expect(file_size(file) > 5000000000);
}

Test(data_damaged, control_characters_in_names)
{
    const char *name = "fc\033[2J\n1\x7f\xc2\x9b";
    const char *file = NULL;
    const hid_t handle = h5_new("names.h5", &file);
    h5_add(handle, name, H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 0, NULL, H5P_DEFAULT, NULL);
    H5Fclose(handle);
    expect_layer_refused(at(file, name, ""),
                         TEXTS("names.h5:fc\\x1b[2J\\n1\\x7f\\xc2\\x9b: no dim"));
    expect_layer_refused(at(file, "x", ""), TEXTS("It has fc\\x1b[2J\\n1\\x7f\\xc2\\x9b"));
}

/* A writer holds the file open: its lock must not keep us out. */
Test(data_damaged, locked_by_a_writer)
{
    const char *file =
        h5_file("busy.h5", "/x", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 2, SIZES(3, 4), small);
    char *command = NULL;
    cr_assert(asprintf(&command, "flock -x '%s' sleep 2 >/dev/null 2>&1 & sleep 0.3", file) > 0);
    cr_assert(system(command) == 0);
    free(command);
    expect_size(at(file, "/x", ""), 3, 4);
}
