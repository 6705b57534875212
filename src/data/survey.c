/* Every value of a layer, read once by one process: what in it will fail a task, or make its numbers mean less. */
#include <math.h>
#include <string.h>

#include "infostrata/data.h"
#include "message.h"
#include "source.h"

static const int64_t piece_bytes = 16 << 20;

typedef struct {
    const data_source *source;
    int64_t d;
    int64_t piece; /* rows */
    void *raw;
    double *rows;   /* piece x d */
    double *sample; /* stored values of one sample, as numbers */
    double *first;  /* d: the first row */
    bool *varies;   /* d */
    ist_index seen; /* rows, by the hash of their values */
    ist_survey *found;
} survey;

static ist_code to_rows(survey *s, int64_t first, int64_t count, ist_error *error)
{
    const int64_t values = s->source->view.row_values;
    const char *raw = s->raw;
    for (int64_t i = 0; i < count; i++, raw += data_row_bytes(s->source)) {
        double *row = s->rows + i * s->d;
        const int64_t bad = data_to_double(s->source->type, raw, values, s->sample);
        if (bad >= 0)
            return data_fail(s->source->at, error, IST_REFUSED,
                             "row %lld: an integer is beyond 2^53 and would be rounded: save "
                             "differences from a common value, or float64",
                             (long long)(first + i));
        if (s->source->at->pool)
            data_pool_sample(s->sample, s->d, values / s->d, row);
        else
            memcpy(row, s->sample, (size_t)values * sizeof *row);
    }
    return IST_OK;
}

static bool count_not_finite(survey *s, const double *row, int64_t number)
{
    int64_t nan = 0, inf = 0;
    for (int64_t j = 0; j < s->d; j++) {
        nan += isnan(row[j]);
        inf += isinf(row[j]) != 0;
    }
    s->found->nan += nan;
    s->found->inf += inf;
    if (nan + inf > 0 && s->found->first_row < 0)
        s->found->first_row = number;
    return nan + inf > 0;
}

static void look_at_row(survey *s, double *row, int64_t number)
{
    bool zero = true;
    if (count_not_finite(s, row, number))
        return;
    for (int64_t j = 0; j < s->d; j++) {
        row[j] += 0.0; /* -0 is 0 */
        zero &= row[j] == 0;
        s->varies[j] |= row[j] != s->first[j];
    }
    s->found->zero_rows += zero;
    const size_t before = s->seen.count;
    ist_index_add(&s->seen, ist_hash_bytes(row, (size_t)s->d * sizeof *row, 0), 0);
    s->found->duplicates += s->seen.count == before;
}

static ist_code look_at_all(survey *s, int64_t n, ist_error *error)
{
    for (int64_t first = 0; first < n; first += s->piece) {
        const int64_t count = ist_min(s->piece, n - first);
        if (data_read(s->source, first, count, s->raw, error) != IST_OK)
            return error->code;
        data_to_native(s->source->type, s->raw, count * s->source->view.row_values);
        if (to_rows(s, first, count, error) != IST_OK)
            return error->code;
        if (first == 0)
            memcpy(s->first, s->rows, (size_t)s->d * sizeof *s->first);
        for (int64_t i = 0; i < count; i++)
            look_at_row(s, s->rows + i * s->d, first + i);
    }
    for (int64_t j = 0; n > 1 && j < s->d; j++) {
        if (s->varies[j])
            continue;
        if (s->found->constant_columns++ == 0)
            s->found->first_constant = j;
    }
    return IST_OK;
}

static ist_code survey_source(const data_source *source, int64_t n, ist_survey *found,
                              ist_error *error)
{
    ist_shape shape;
    if (data_layer_shape(source, &shape, error) != IST_OK)
        return error->code;
    n = n > 0 ? ist_min(n, shape.rows) : shape.rows;
    *found = (ist_survey){.rows = n, .d = shape.d, .first_row = -1, .first_constant = -1};
    survey s = {.source = source, .d = shape.d, .found = found};
    s.piece = ist_max(1, piece_bytes / data_row_bytes(source));
    if (s.piece > source->chunk_rows)
        s.piece -= s.piece % source->chunk_rows;
    s.piece = ist_min(s.piece, n);
    s.raw = ist_alloc_unset((size_t)s.piece, (size_t)data_row_bytes(source));
    s.rows = ist_alloc_unset((size_t)(s.piece * s.d), sizeof *s.rows);
    s.sample = ist_alloc_unset((size_t)shape.row_values, sizeof *s.sample);
    s.first = ist_alloc((size_t)s.d, sizeof *s.first);
    s.varies = ist_alloc((size_t)s.d, sizeof *s.varies);
    const ist_code code = look_at_all(&s, n, error);
    ist_free(s.raw);
    ist_free(s.rows);
    ist_free(s.sample);
    ist_free(s.first);
    ist_free(s.varies);
    ist_index_release(&s.seen);
    return code;
}

ist_code ist_survey_layer(const ist_location *at, int64_t n, ist_survey *found, ist_text *repack,
                          ist_error *error)
{
    data_source source;
    ist_code code = data_open(at, H5P_DEFAULT, &source, error);
    if (code == IST_OK)
        code = survey_source(&source, n, found, error);
    if (code == IST_OK && repack)
        data_repack_advice(&source, repack);
    data_close(&source);
    return code;
}
