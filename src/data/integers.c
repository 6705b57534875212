/* Vectors of integers: labels and sample ids. */
#include "infostrata/data.h"
#include "message.h"
#include "source.h"

enum { PIECE_BYTES = 16 << 20 };

static ist_code check_vector(const data_source *source, ist_error *error)
{
    const data_view *view = &source->view;
    if (view->kept == 1 && view->rows > 0)
        return IST_OK;
    ist_text sizes = {0};
    data_add_sizes(&sizes, view->rank, view->size);
    const char *advice = ": one dimension, the samples";
    if (view->kept == 2 && view->row_values == 1)
        advice = ": write the index [:, 0]";
    else if (view->kept == 2)
        advice =
            ". One-hot labels? Save values.argmax(axis=1); one of several columns is chosen by "
            "an index, [:, 0]";
    data_fail(source->at, error, IST_REFUSED,
              "one integer a sample is wanted, but the data are %s%s", sizes.data,
              view->rows == 0 ? ": there are no samples" : advice);
    ist_text_release(&sizes);
    return IST_REFUSED;
}

static ist_code open_vector(const ist_location *at, data_source *source, ist_error *error)
{
    const ist_code code = data_open(at, H5P_DEFAULT, source, error);
    return code == IST_OK ? check_vector(source, error) : code;
}

ist_code ist_probe_integers(const ist_location *at, int64_t *count, ist_error *error)
{
    data_source source;
    const ist_code code = open_vector(at, &source, error);
    *count = code == IST_OK ? source.view.rows : 0;
    data_close(&source);
    return code;
}

static ist_code refuse_value(const data_source *source, const void *raw, int64_t position,
                             int64_t row, ist_error *error)
{
    ist_text value = {0};
    data_add_value(&value, source->type, raw, position);
    const char *reason =
        data_type_is_float(source->type)
            ? "is no integer; labels are integers (classes, not regression targets)"
            : "does not fit into 64 bits with a sign";
    data_fail(source->at, error, IST_REFUSED, "row %lld: %s %s", (long long)row, value.data,
              reason);
    ist_text_release(&value);
    return IST_REFUSED;
}

static ist_code read_piece(const data_source *source, int64_t first, int64_t count, void *raw,
                           int64_t *values, ist_error *error)
{
    const ist_code code = data_read(source, first, count, raw, error);
    if (code != IST_OK)
        return code;
    data_to_native(source->type, raw, count);
    const int64_t bad = data_to_integer(source->type, raw, count, values);
    return bad < 0 ? IST_OK : refuse_value(source, raw, bad, first + bad, error);
}

static ist_code read_all(const data_source *source, int64_t count, int64_t *values,
                         ist_error *error)
{
    const int64_t bytes = data_type_bytes(source->type);
    const int64_t piece = ist_min(PIECE_BYTES / bytes, count);
    ist_code code = IST_OK;
    if (count > source->view.rows)
        return data_fail(source->at, error, IST_REFUSED, "has %lld entries, %lld are needed",
                         (long long)source->view.rows, (long long)count);
    void *raw = ist_alloc((size_t)piece, (size_t)bytes);
    for (int64_t first = 0; first < count && code == IST_OK; first += piece)
        code = read_piece(source, first, ist_min(piece, count - first), raw, values + first, error);
    ist_free(raw);
    return code;
}

ist_code ist_read_integers(const ist_location *at, int64_t count, int64_t *values, ist_error *error)
{
    data_source source;
    ist_code code = open_vector(at, &source, error);
    if (code == IST_OK)
        code = read_all(&source, count, values, error);
    data_close(&source);
    return code;
}
