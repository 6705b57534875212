/* A rank's rows of a layer: opened together, read together, agreed on after every call. */
#include "infostrata/data.h"

#include <math.h>
#include <string.h>

#include "file.h"
#include "hdf5_file.h"
#include "message.h"
#include "source.h"

/* Values on their way to another type pass through a piece of this size. */
static const int64_t staging_bytes = 16 << 20;
/* A compressed chunk is unpacked as a whole: a piece may grow to this to hold it but once. */
static const int64_t chunk_staging_bytes = 256 << 20;
/* Chosen rows with more than this between them are read by themselves: about what a disk reads while it seeks. */
static const int64_t gap_bytes = 256 << 10;

void ist_matrix_release(ist_matrix *matrix)
{
    ist_free(matrix->narrow);
    ist_free(matrix->wide);
    *matrix = (ist_matrix){0};
}

/* ---- opening --------------------------------------------------------------------------------- */

/* One rank alone opens the file as any program does: MPI's way takes as long again. */
static ist_code open_hdf5(const ist_comm *comm, const ist_location *at, data_source *source,
                          ist_error *error)
{
    data_hdf5_quiet();
    const hid_t access = data_hdf5_access();
    if (comm->size > 1)
        H5Pset_fapl_mpio(access, comm->handle, MPI_INFO_NULL);
    const ist_code code = data_open(at, access, source, error);
    H5Pclose(access);
    return code;
}

static ist_code same_shape(const data_source *source, const ist_shape *expected, int64_t end,
                           ist_error *error)
{
    ist_shape shape;
    const ist_code code = data_layer_shape(source, &shape, error);
    if (code != IST_OK)
        return code;
    if (shape.rows != expected->rows || shape.d != expected->d || shape.wide != expected->wide)
        return data_fail(
            source->at, error, IST_REFUSED,
            "was changed since it was checked: %lld x %lld %s then, %lld x %lld %s now",
            (long long)expected->rows, (long long)expected->d, expected->type,
            (long long)shape.rows, (long long)shape.d, shape.type);
    if (end > shape.rows)
        return data_fail(source->at, error, IST_REFUSED, "has %lld rows, %lld are needed",
                         (long long)shape.rows, (long long)end);
    return IST_OK;
}

/* Collective. The ranks enter the collective open together or not at all. */
static ist_code open_together(const ist_comm *comm, const ist_location *at, data_source *source,
                              ist_stamp *stamp, ist_error *error)
{
    data_file_check(at, stamp, error);
    if (ist_agree(comm, error) != IST_OK)
        return error->code;
    if (at->dataset && *at->dataset)
        open_hdf5(comm, at, source, error);
    else
        data_open(at, H5P_DEFAULT, source, error);
    return ist_agree(comm, error);
}

/* ---- one piece ------------------------------------------------------------------------------- */

typedef struct {
    const data_source *source;
    ist_matrix *rows;
    int64_t first;         /* this rank's first row of the file ... */
    const int64_t *chosen; /* ... or all of its rows; NULL: they follow it */
    int64_t piece;         /* rows read at once; pieces start at multiples of it */
    bool scattered;        /* some chosen rows are far apart */
    bool direct;           /* the result has the stored type: read into it */
    void *staging;
    double *sample; /* one sample before pooling */
    int64_t nan, inf, first_bad;
} reading;

/* The number, in the file, of the i-th row of this rank. */
static int64_t row_number(const reading *r, int64_t i)
{
    return r->chosen ? r->chosen[i] : r->first + i;
}

/* The stored values already are the result, but for the byte order. */
static bool is_direct(const reading *r)
{
    const data_kind kind = r->source->type.kind;
    return !r->chosen && !r->source->at->pool && (kind == DATA_FLOAT32 || kind == DATA_FLOAT64);
}

static int64_t piece_rows(const data_source *source, bool direct)
{
    const int64_t row = data_row_bytes(source);
    const int64_t chunk = source->filtered ? source->chunk_rows : 1;
    int64_t rows = ist_max(1, (direct ? data_call_bytes : staging_bytes) / row);
    if (rows >= chunk)
        rows -= rows % chunk;
    else if (chunk <= chunk_staging_bytes / row)
        rows = chunk;
    return rows;
}

static ist_code refuse_rounded(const reading *r, const void *raw, int64_t position, int64_t row,
                               ist_error *error)
{
    ist_text value = {0};
    data_add_value(&value, r->source->type, raw, position);
    data_fail(
        r->source->at, error, IST_FAILED,
        "row %lld: the integer %s is beyond 2^53 and would be rounded: save differences from a "
        "common value, or float64",
        (long long)row, value.data);
    ist_text_release(&value);
    return IST_FAILED;
}

static ist_code pool_rows(reading *r, int64_t next, int64_t count, double *out, ist_error *error)
{
    const int64_t values = r->source->view.row_values;
    const int64_t d = r->rows->d;
    const char *raw = r->staging;
    for (int64_t i = 0; i < count; i++, raw += data_row_bytes(r->source)) {
        const int64_t bad = data_to_double(r->source->type, raw, values, r->sample);
        if (bad >= 0)
            return refuse_rounded(r, raw, bad, row_number(r, next + i), error);
        data_pool_sample(r->sample, d, values / d, out + i * d);
    }
    return IST_OK;
}

static ist_code convert(reading *r, int64_t next, int64_t count, ist_error *error)
{
    const int64_t values = count * r->source->view.row_values, at = next * r->rows->d;
    const data_type type = r->source->type;
    if (r->source->at->pool)
        return pool_rows(r, next, count, r->rows->wide + at, error);
    if (!r->rows->wide) {
        data_to_float(type, r->staging, values, r->rows->narrow + at);
        return IST_OK;
    }
    const int64_t bad = data_to_double(type, r->staging, values, r->rows->wide + at);
    if (bad < 0)
        return IST_OK;
    return refuse_rounded(r, r->staging, bad,
                          row_number(r, next + bad / r->source->view.row_values), error);
}

static void count_bad(reading *r, int64_t next, int64_t count)
{
    const int64_t d = r->rows->d;
    for (int64_t i = next * d; i < (next + count) * d; i++) {
        const double value = r->rows->wide ? r->rows->wide[i] : (double)r->rows->narrow[i];
        if (isfinite(value))
            continue;
        if (isnan(value))
            r->nan++;
        else
            r->inf++;
        if (r->first_bad < 0)
            r->first_bad = row_number(r, i / d);
    }
}

/* Of the rows at raw, the first of which is the chosen row `next`, the chosen ones side by side. */
static void gather_chosen(const reading *r, int64_t next, int64_t count, char *raw)
{
    const size_t bytes = (size_t)data_row_bytes(r->source);
    for (int64_t i = 0; i < count; i++)
        memmove(raw + (size_t)i * bytes,
                raw + (size_t)(r->chosen[next + i] - r->chosen[next]) * bytes, bytes);
}

/* The first chosen row behind `next` that is far from the one before it. */
static int64_t end_of_run(const reading *r, int64_t next, int64_t stop)
{
    const int64_t gap = gap_bytes / data_row_bytes(r->source);
    do
        next++;
    while (next < stop && r->chosen[next] - r->chosen[next - 1] <= gap + 1);
    return next;
}

/* Chosen rows, those that are far apart by one call each: then no other rank has to take part. */
static ist_code read_chosen(const reading *r, int64_t next, int64_t count, ist_error *error)
{
    char *to = r->staging;
    for (int64_t stop; count > 0; count -= stop - next, next = stop) {
        stop = r->scattered ? end_of_run(r, next, next + count) : next + count;
        const int64_t span = r->chosen[stop - 1] + 1 - r->chosen[next];
        const ist_code code = data_read(r->source, r->chosen[next], span, to, error);
        if (code != IST_OK)
            return code;
        gather_chosen(r, next, stop - next, to);
        to += (stop - next) * data_row_bytes(r->source);
    }
    return IST_OK;
}

/* `count` rows of this rank, from its `next` on; a count of 0 still takes part in a collective read. */
static ist_code read_piece(reading *r, int64_t next, int64_t count, ist_error *error)
{
    const int64_t at = next * r->rows->d;
    void *to = r->staging;
    if (r->direct)
        to = r->rows->wide ? (void *)(r->rows->wide + at) : (void *)(r->rows->narrow + at);
    ist_code code = r->chosen && count > 0
                        ? read_chosen(r, next, count, error)
                        : data_read(r->source, count > 0 ? r->first + next : 0, count, to, error);
    if (code != IST_OK)
        return code;
    data_to_native(r->source->type, to, count * r->source->view.row_values);
    if (!r->direct)
        code = convert(r, next, count, error);
    if (code == IST_OK)
        count_bad(r, next, count);
    return code;
}

/* ---- all pieces ------------------------------------------------------------------------------ */

/* The first row of this rank, from `next` on, that is not in the same piece of the file. */
static int64_t end_of_piece(const reading *r, int64_t next)
{
    const int64_t count = r->rows->count;
    if (next == count)
        return next;
    const int64_t bound = (row_number(r, next) / r->piece + 1) * r->piece;
    if (!r->chosen)
        return ist_min(count, bound - r->first);
    while (next < count && r->chosen[next] < bound)
        next++;
    return next;
}

static int64_t piece_count(const reading *r)
{
    int64_t pieces = 0;
    for (int64_t next = 0; next < r->rows->count; next = end_of_piece(r, next))
        pieces++;
    return pieces;
}

/* Collective. A rank that is done goes on with empty reads: every rank makes the same calls. */
static ist_code read_pieces(const ist_comm *comm, reading *r, ist_error *error)
{
    const int64_t calls = ist_largest(comm, piece_count(r));
    int64_t next = 0;
    for (int64_t call = 0; call < calls; call++) {
        const int64_t stop = end_of_piece(r, next);
        read_piece(r, next, stop - next, error);
        /* damage shows only on the rank that reads it */
        if (ist_agree(comm, error) != IST_OK)
            return error->code;
        next = stop;
    }
    return IST_OK;
}

/* Collective. Is there so much between chosen rows of some rank that reading it, too, would take longer? */
static bool is_scattered(const ist_comm *comm, const reading *r)
{
    int64_t runs = 0;
    for (int64_t next = 0; r->chosen && next < r->rows->count; runs++)
        next = end_of_run(r, next, r->rows->count);
    return ist_largest(comm, runs) > 1 && !r->source->filtered;
}

static hid_t transfer_of(const ist_comm *comm, const data_source *source, bool scattered)
{
    const hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
    if (comm->size == 1)
        return transfer;
    const bool together = !scattered && data_hdf5_reads_together(source);
    H5Pset_dxpl_mpio(transfer, together ? H5FD_MPIO_COLLECTIVE : H5FD_MPIO_INDEPENDENT);
    return transfer;
}

static ist_code read_source(const ist_comm *comm, data_source *source, ist_matrix *rows, reading *r,
                            ist_error *error)
{
    r->scattered = is_scattered(comm, r);
    r->direct = is_direct(r);
    r->piece = piece_rows(source, r->direct);
    const int64_t most = ist_min(r->piece, r->chosen ? source->view.rows : rows->count);
    if (!r->direct)
        r->staging = ist_alloc((size_t)most, (size_t)data_row_bytes(source));
    if (source->at->pool)
        r->sample = ist_alloc((size_t)source->view.row_values, sizeof *r->sample);
    if (source->file >= 0)
        source->transfer = transfer_of(comm, source, r->scattered);
    const ist_code code = read_pieces(comm, r, error);
    if (source->file >= 0)
        H5Pclose(source->transfer);
    ist_free(r->staging);
    ist_free(r->sample);
    return code;
}

/* Collective. Past the end of a file that shrinks while it is read HDF5 gives zeros. */
static ist_code still_same(const ist_comm *comm, const ist_location *at, const ist_stamp *before,
                           ist_error *error)
{
    ist_stamp now = *before;
    if (data_file_check(at, &now, error) == IST_OK &&
        (now.size != before->size || now.mtime_ns != before->mtime_ns ||
         now.inode != before->inode))
        data_fail(at, error, IST_FAILED, "the file was changed while it was read");
    return ist_agree(comm, error);
}

static void sum_census(const ist_comm *comm, const reading *r, ist_census *census)
{
    int64_t counts[2] = {r->nan, r->inf};
    ist_sum(comm, counts, 2);
    /* the smallest row is the largest negated one */
    const int64_t none = INT64_MIN;
    const int64_t row = ist_largest(comm, r->first_bad < 0 ? none : -r->first_bad);
    *census = (ist_census){counts[0], counts[1], row == none ? -1 : -row};
}

ist_code ist_read_rows(const ist_comm *comm, const ist_location *at, const ist_shape *shape,
                       const int64_t *chosen, int64_t first, int64_t count, ist_matrix *rows,
                       ist_census *census, ist_error *error)
{
    data_source source = {.at = at, .file = -1, .dataset = -1, .stored_type = -1, .descriptor = -1};
    ist_stamp stamp = {0};
    *rows = (ist_matrix){.count = count, .d = shape->d};
    *census = (ist_census){.first_row = -1};
    open_together(comm, at, &source, &stamp, error);
    if (error->code == IST_OK)
        same_shape(&source, shape,
                   chosen && count > 0 ? chosen[first + count - 1] + 1 : first + count, error);
    if (ist_agree(comm, error) == IST_OK) {
        reading r = {&source, rows, .first = first, .first_bad = -1};
        r.chosen = chosen ? chosen + first : NULL;
        const size_t values = (size_t)count * (size_t)shape->d;
        if (shape->wide)
            rows->wide = ist_alloc(values, sizeof *rows->wide);
        else
            rows->narrow = ist_alloc(values, sizeof *rows->narrow);
        if (read_source(comm, &source, rows, &r, error) == IST_OK &&
            still_same(comm, at, &stamp, error) == IST_OK)
            sum_census(comm, &r, census);
    }
    data_close(&source);
    if (error->code != IST_OK)
        ist_matrix_release(rows);
    if (error->code == IST_REFUSED) /* the job is under way: this layer's tasks fail */
        error->code = IST_FAILED;
    return error->code;
}
