/* How a dataset lies in its file, and a better way where reading rows would be slow. */
#include "infostrata/data.h"
#include "message.h"
#include "source.h"

enum { GOOD_CHUNK = 1 << 20, SMALL_CHUNK = 1 << 14, MANY_CHUNKS = 1000 };

/* What HDF5 reads, from chunks as a whole, for what is wanted. Rows are taken in order, many at once. */
typedef struct {
    double bytes, chunks, waste; /* of a chunk; in which rows lie; bytes read for each one wanted */
    bool cuts_rows;
} chunking;

static chunking judge(const data_source *source, const hsize_t *chunk)
{
    const data_view *view = &source->view;
    chunking c = {.bytes = data_type_bytes(source->type), .chunks = 1, .waste = 1};
    for (int k = 0; k < view->rank; k++) {
        c.bytes *= (double)chunk[k];
        if (view->fixed[k] >= 0) {
            c.waste *= (double)ist_min((int64_t)chunk[k], view->size[k]);
            continue;
        }
        const int64_t across = (view->size[k] + (int64_t)chunk[k] - 1) / (int64_t)chunk[k];
        c.chunks *= (double)across;
        c.cuts_rows |= k != view->axis[0] && (int64_t)chunk[k] < view->size[k];
    }
    return c;
}

static const char *fault_of(const chunking *c)
{
    if (c->waste > 1)
        return "chunks also hold entries that this layer does not use";
    if (c->cuts_rows)
        return "chunks cut the rows";
    if (c->bytes < SMALL_CHUNK && c->chunks > MANY_CHUNKS)
        return "chunks are small";
    return NULL;
}

/* One entry of the dimensions that the index drops, whole rows, about a mebibyte. */
static void good_chunk(const data_source *source, int64_t *chunk)
{
    const data_view *view = &source->view;
    for (int k = 0; k < view->rank; k++)
        chunk[k] = view->fixed[k] >= 0 ? 1 : view->size[k];
    const int64_t rows = GOOD_CHUNK / data_row_bytes(source);
    chunk[view->axis[0]] = ist_max(1, ist_min(rows, view->rows));
}

void data_repack_advice(const data_source *source, ist_text *out)
{
    hsize_t chunk[DATA_MAX_RANK];
    int64_t better[DATA_MAX_RANK];
    const data_view *view = &source->view;
    if (source->file < 0 || view->kept == 0)
        return;
    const hid_t properties = H5Dget_create_plist(source->dataset);
    const bool chunked = H5Pget_layout(properties) == H5D_CHUNKED &&
                         H5Pget_chunk(properties, DATA_MAX_RANK, chunk) == view->rank;
    H5Pclose(properties);
    if (!chunked)
        return;
    const chunking c = judge(source, chunk);
    const char *fault = fault_of(&c);
    if (!fault)
        return;
    int64_t present[DATA_MAX_RANK];
    for (int k = 0; k < view->rank; k++)
        present[k] = (int64_t)chunk[k];
    ist_text_add(out, "%s (", fault);
    data_add_sizes(out, view->rank, present);
    ist_text_add(out, "): reading is slow; h5repack -l '%s:CHUNK=", source->at->dataset);
    good_chunk(source, better);
    for (int k = 0; k < view->rank; k++)
        ist_text_add(out, "%s%lld", k ? "x" : "", (long long)better[k]);
    ist_text_add(out, "'");
}
