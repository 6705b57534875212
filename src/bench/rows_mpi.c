#include <inttypes.h>

#include "infostrata/data.h"
#include "infostrata/manifest.h"
#include "measure.h"

static void own_range(const ist_comm *comm, int64_t n, int64_t *first, int64_t *last)
{
    const int64_t start[2] = {0, n};
    ist_blocks blocks = ist_blocks_new(start, 1);
    ist_blocks_range(&blocks, comm->size, comm->rank, first, last);
    ist_blocks_release(&blocks);
}

static ist_code check_shape(const char *layer, const ist_shape *shape, ist_bench_work *work,
                            ist_error *error)
{
    if (work->n > shape->rows)
        return ist_fail(error, IST_REFUSED, "%s has %" PRId64 " rows, not %" PRId64, layer,
                        shape->rows, work->n);
    if (!work->n)
        work->n = shape->rows;
    work->d = shape->d;
    if (work->n < 2 || work->n > INT32_MAX || work->neighbours >= work->n)
        return ist_fail(error, IST_REFUSED,
                        "%s: %" PRId64 " rows are too few, or too many, for this work", layer,
                        work->n);
    return IST_OK;
}

/* Every rank looks at the file: there is nothing to send, and reading it is collective anyway. */
static ist_code read_layer(const ist_comm *comm, const ist_location *at, ist_bench_work *work,
                           const char *layer, ist_matrix *rows, ist_error *error)
{
    ist_shape shape = {0};
    ist_census census = {0};
    if (ist_probe_layer(at, &shape, error) == IST_OK)
        check_shape(layer, &shape, work, error);
    if (ist_agree(comm, error) != IST_OK)
        return error->code;
    int64_t first, last;
    own_range(comm, work->n, &first, &last);
    if (ist_read_rows(comm, at, &shape, NULL, first, last - first, rows, &census, error) ==
            IST_OK &&
        census.nan + census.inf > 0)
        ist_fail(error, IST_REFUSED, "%s has NaN or infinite values, the first in row %" PRId64,
                 layer, census.first_row);
    return error->code;
}

static ist_code layer_rows(const ist_comm *comm, ist_bench_work *work, const char *layer,
                           ist_matrix *rows, ist_error *error)
{
    ist_address parts = {{0}, {0}, {0}};
    ist_address_split(layer, &parts);
    ist_location at = {
        .file = ist_join_path(".", parts.file.data ? parts.file.data : ""),
        .dataset = ist_copy_text(parts.dataset.data ? parts.dataset.data : ""),
        .index = ist_copy_text(parts.index.data ? parts.index.data : ""),
    };
    ist_address_release(&parts);
    read_layer(comm, &at, work, layer, rows, error);
    ist_free(at.file);
    ist_free(at.dataset);
    ist_free(at.index);
    return error->code;
}

ist_code ist_bench_rows(const ist_comm *comm, ist_bench_work *work, const char *layer,
                        ist_rows *rows, ist_error *error)
{
    ist_matrix matrix = {0};
    if (layer && layer_rows(comm, work, layer, &matrix, error) != IST_OK) {
        ist_matrix_release(&matrix);
        return error->code;
    }
    if (!layer) {
        int64_t first, last;
        own_range(comm, work->n, &first, &last);
        matrix.narrow = ist_bench_normals(first, last - first, work->d);
    }
    ist_rows_natural(comm, IST_METRIC_EUCLIDEAN, work->n, work->d, matrix.narrow, matrix.wide,
                     rows);
    return IST_OK;
}
