/* An index, a line end, then any bytes as a .npy file: it is refused, or all of its rows can be read. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/data/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first and the last row: one that is opened is as long as it says. */
static void read_rows(const data_source *source)
{
    enum { MOST = 1 << 20 };
    const int64_t values = source->view.row_values;
    const int64_t bytes = values * data_type_bytes(source->type);
    if (source->view.kept == 0 || values == 0 || bytes > MOST)
        return;
    void *raw = ist_alloc((size_t)bytes, 1);
    double *numbers = ist_alloc((size_t)values, sizeof *numbers);
    int64_t *integers = ist_alloc((size_t)values, sizeof *integers);
    const int64_t rows[] = {0, source->view.rows - 1};
    for (int i = 0; i < 2 && source->view.rows > 0; i++) {
        ist_error error = {0};
        if (data_npy_read(source, rows[i], 1, raw, &error) != IST_OK) {
            fprintf(stderr, "opened, but %s\n", error.text);
            abort();
        }
        data_to_native(source->type, raw, values);
        data_to_double(source->type, raw, values, numbers);
        data_to_integer(source->type, raw, values, integers);
    }
    ist_free(raw);
    ist_free(numbers);
    ist_free(integers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    const uint8_t *end = memchr(data, '\n', size);
    if (!end)
        return 0;
    if (file < 0)
        file = memfd_create("npy", 0);
    const size_t rest = size - (size_t)(end + 1 - data);
    if (file < 0 || ftruncate(file, 0) != 0 || pwrite(file, end + 1, rest, 0) != (ssize_t)rest)
        abort();
    char path[64], dataset[] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    char *index = ist_alloc((size_t)(end - data) + 1, 1);
    memcpy(index, data, (size_t)(end - data));
    const ist_location at = {.file = path, .dataset = dataset, .index = index};
    data_source source = {
        .at = &at, .file = -1, .dataset = -1, .stored_type = -1, .descriptor = -1};
    ist_error error = {0};
    if (data_npy_open(&source, &error) == IST_OK)
        read_rows(&source);
    else if (!*error.text)
        abort();
    if (source.descriptor >= 0)
        close(source.descriptor);
    ist_free(index);
    return 0;
}
