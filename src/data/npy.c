/* .npy files: opening, and reading a range of rows in either order. */
#include "npy.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads exactly `count` bytes. A file may shrink while it is read: then the end comes early. */
static ist_code read_bytes(const data_source *source, int64_t offset, int64_t count, void *bytes,
                           ist_error *error)
{
    int64_t done = 0;
    while (done < count) {
        const ssize_t got =
            pread(source->descriptor, (char *)bytes + done, (size_t)(count - done), offset + done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return data_fail(source->at, error, IST_REFUSED, "cannot be read at byte %lld: %s",
                             (long long)(offset + done), strerror(errno));
        if (got == 0)
            return data_fail(
                source->at, error, IST_REFUSED,
                "the file is truncated: it ends at %lld bytes, expected at least %lld: "
                "write it again",
                (long long)(offset + done), (long long)(offset + count));
        done += got;
    }
    return IST_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

static ist_code refuse_magic(const data_source *source, const unsigned char *head, ist_error *error)
{
    if (memcmp(head, "\x89HDF", 4) == 0)
        return data_fail(source->at, error, IST_REFUSED,
                         "is an HDF5 file: its address needs a dataset, FILE:/layers/NAME");
    if (memcmp(head, "PK\x03\x04", 4) == 0)
        return data_fail(source->at, error, IST_REFUSED,
                         "is a zip archive (.npz, or PyTorch's .pt): save each array with np.save");
    return data_fail(source->at, error, IST_REFUSED,
                     "is no .npy file (its first bytes are not "
                     "NumPy's)");
}

/* The bytes before the dictionary, and its length: 10 and 2 in version 1, else 12 and 4. */
static ist_code read_prefix(const data_source *source, int64_t *start, int64_t *length,
                            ist_error *error)
{
    unsigned char head[DATA_NPY_PREFIX] = {0};
    ist_code code = read_bytes(source, 0, 10, head, error);
    if (code != IST_OK)
        return code;
    if (memcmp(head, "\x93NUMPY", 6) != 0)
        return refuse_magic(source, head, error);
    if (head[6] < 1 || head[6] > 3)
        return data_fail(source->at, error, IST_REFUSED,
                         "is of .npy version %d.%d; read are 1.0 to 3.0", head[6], head[7]);
    *start = 10;
    *length = head[8] | head[9] << 8;
    if (head[6] > 1) {
        code = read_bytes(source, 10, 2, head + 10, error);
        *start = 12;
        *length |= (int64_t)head[10] << 16 | (int64_t)head[11] << 24;
    }
    if (code == IST_OK && *length > DATA_NPY_HEADER)
        return data_fail(source->at, error, IST_REFUSED,
                         "has a .npy header of %lld bytes; at most %d", (long long)*length,
                         DATA_NPY_HEADER);
    return code;
}

static ist_code read_header(data_source *source, ist_error *error)
{
    int64_t start = 0;
    int64_t length = 0;
    ist_code code = read_prefix(source, &start, &length, error);
    if (code != IST_OK)
        return code;
    char *header = ist_alloc((size_t)length + 1, 1);
    code = read_bytes(source, start, length, header, error);
    if (code == IST_OK)
        code = data_npy_header(header, (size_t)length, source, error);
    ist_free(header);
    source->offset = start + length;
    return code;
}

static ist_code check_end(const data_source *source, ist_error *error)
{
    struct stat status;
    if (fstat(source->descriptor, &status) != 0)
        return data_fail(source->at, error, IST_REFUSED, "cannot be read: %s", strerror(errno));
    int64_t expected = data_type_bytes(source->type);
    for (int k = 0; k < source->view.rank; k++)
        expected *= source->view.size[k];
    expected += source->offset;
    if (status.st_size < expected)
        return data_fail(source->at, error, IST_REFUSED,
                         "the file is truncated: it ends at %lld bytes, expected %lld: write it "
                         "again",
                         (long long)status.st_size, (long long)expected);
    return IST_OK;
}

ist_code data_npy_open(data_source *source, ist_error *error)
{
    source->chunk_rows = 1;
    source->descriptor = open(source->at->file, O_RDONLY | O_CLOEXEC);
    if (source->descriptor < 0)
        return data_fail(source->at, error, IST_REFUSED, "cannot be opened: %s", strerror(errno));
    ist_code code = read_header(source, error);
    if (code == IST_OK)
        code = data_view_index(source->at, &source->view, error); /* also checks the product */
    if (code == IST_OK)
        code = check_end(source, error);
    return code;
}

/* ---- reading --------------------------------------------------------------------------------- */

enum { WINDOW = 4 << 20 }; /* bytes read at once where values do not lie side by side */

/* A dimension that is copied: its length, and its steps in the file and in the result, in values. */
typedef struct {
    int64_t count, file_step, out_step;
} loop;

typedef struct {
    const data_source *source;
    loop loops[DATA_MAX_RANK];
    int depth;
    int64_t start; /* of the first value in the file, in values */
    char *out, *window;
} copy;

/* Steps of the stored dimensions in the file. */
static void file_steps(const data_source *source, int64_t step[DATA_MAX_RANK])
{
    const data_view *view = &source->view;
    int64_t next = 1;
    for (int i = 0; i < view->rank; i++) {
        const int k = source->fortran ? i : view->rank - 1 - i;
        step[k] = next;
        next *= view->size[k];
    }
}

/* The kept dimensions as loops, innermost last; neighbours that run on in file and result alike
 * become one. */
static void plan_copy(copy *c, int64_t first, int64_t count)
{
    const data_view *view = &c->source->view;
    int64_t step[DATA_MAX_RANK] = {0};
    file_steps(c->source, step);
    c->start = first * (view->kept ? step[view->axis[0]] : 0);
    for (int k = 0; k < view->rank; k++)
        c->start += view->fixed[k] >= 0 ? view->fixed[k] * step[k] : 0;
    loop inner = {1, 1, 1};
    int64_t out_step = 1;
    c->depth = 0;
    for (int i = view->kept - 1; i >= 0; i--) {
        const int k = view->axis[i];
        const loop next = {i == 0 ? count : view->size[k], step[k], out_step};
        out_step *= next.count;
        if (inner.count == 1)
            inner = next;
        else if (next.file_step == inner.file_step * inner.count)
            inner.count *= next.count; /* out_step follows by itself: the result is dense */
        else if (next.count != 1) {
            c->loops[c->depth++] = inner;
            inner = next;
        }
    }
    c->loops[c->depth++] = inner;
}

/* The loop with the smallest step in the file goes innermost: one read then serves many values. */
static void order_loops(copy *c)
{
    int best = 0;
    for (int i = 1; i < c->depth; i++)
        if (c->loops[i].file_step < c->loops[best].file_step)
            best = i;
    const loop inner = c->loops[best];
    c->loops[best] = c->loops[0];
    c->loops[0] = inner;
}

static void scatter(const copy *c, const loop *inner, int64_t count, char *out)
{
    const int64_t bytes = data_type_bytes(c->source->type);
    for (int64_t i = 0; i < count; i++)
        memcpy(out + i * inner->out_step * bytes, c->window + i * inner->file_step * bytes,
               (size_t)bytes);
}

/* The innermost loop from value `from` of the file to value `to` of the result. */
static ist_code copy_run(const copy *c, int64_t from, int64_t to, ist_error *error)
{
    const loop *inner = &c->loops[0];
    const int64_t bytes = data_type_bytes(c->source->type);
    const int64_t base = c->source->offset;
    if (inner->file_step == 1 && inner->out_step == 1)
        return read_bytes(c->source, base + from * bytes, inner->count * bytes, c->out + to * bytes,
                          error);
    const int64_t most = ist_max(1, WINDOW / bytes / inner->file_step);
    for (int64_t i = 0; i < inner->count; i += most) {
        const int64_t count = ist_min(most, inner->count - i);
        const int64_t span = (count - 1) * inner->file_step + 1;
        const ist_code code = read_bytes(c->source, base + (from + i * inner->file_step) * bytes,
                                         span * bytes, c->window, error);
        if (code != IST_OK)
            return code;
        scatter(c, inner, count, c->out + (to + i * inner->out_step) * bytes);
    }
    return IST_OK;
}

/* Moves to the next run; false after the last. */
static bool next_run(const copy *c, int64_t position[DATA_MAX_RANK], int64_t *from, int64_t *to)
{
    for (int i = 1; i < c->depth; i++) {
        const loop *l = &c->loops[i];
        *from += l->file_step;
        *to += l->out_step;
        if (++position[i] < l->count)
            return true;
        *from -= l->count * l->file_step;
        *to -= l->count * l->out_step;
        position[i] = 0;
    }
    return false;
}

ist_code data_npy_read(const data_source *source, int64_t first, int64_t count, void *raw,
                       ist_error *error)
{
    if (count == 0)
        return IST_OK;
    copy c = {.source = source, .out = raw};
    int64_t position[DATA_MAX_RANK] = {0};
    plan_copy(&c, first, count);
    order_loops(&c);
    int64_t from = c.start;
    int64_t to = 0;
    ist_code code = IST_OK;
    c.window = ist_alloc(WINDOW, 1);
    do
        code = copy_run(&c, from, to, error);
    while (code == IST_OK && next_run(&c, position, &from, &to));
    ist_free(c.window);
    return code;
}
