/* Sums of Gaussian kernels as a consumer of the all-pairs pass: of each row, over its pairs, as integers. A pair is counted twice where
 * it is found, at its home row; visiting rows bring nothing back. */
#include "moments.h"

#include <inttypes.h>
#include <string.h>

int64_t ist_moments_kept(bool labels)
{
    return labels ? IST_MOMENTS : IST_MOMENTS / 2;
}

static int64_t numbers_of(const moments_state *s)
{
    return s->kernels * ist_moments_kept(s->label != NULL);
}

int64_t ist_moments_bytes(int kernels, bool labels)
{
    return kernels * ist_moments_kept(labels) * (int64_t)sizeof(ist_int128);
}

double ist_gaussian_weight(double s)
{
    return 1 / (2 * s * s);
}

static size_t nothing(const void *state)
{
    (void)state;
    return 0;
}

static size_t back_bytes(const void *state)
{
    return (size_t)numbers_of(state) * sizeof(ist_int128);
}

static void pack_nothing(const void *home, int64_t first, int64_t count, void *message)
{
    (void)home, (void)first, (void)count, (void)message;
}

static void *init(const void *home, const ist_chunk *chunk, const void *message)
{
    (void)home, (void)chunk, (void)message;
    return NULL;
}

static void release(void *visiting)
{
    (void)visiting;
}

static void pack_back(const void *state, int64_t first, int64_t count, void *message)
{
    const moments_state *s = state;
    memcpy(message, s->sum + first * numbers_of(s),
           (size_t)(count * numbers_of(s)) * sizeof *s->sum);
}

static void merge(void *home, int64_t first, int64_t count, const void *message)
{
    moments_state *s = home;
    const char *from = message;
    for (int64_t e = 0; e < count * numbers_of(s); e++) {
        ist_int128 more;
        memcpy(&more, from + (size_t)e * sizeof more, sizeof more);
        s->sum[first * numbers_of(s) + e] += more;
    }
}

static const double *centre(const void *state, int component)
{
    const moments_state *s = state;
    return s->centre[component];
}

static void labels_of(const moments_state *s, int64_t position, int count, int64_t label[IST_TILE])
{
    memset(label, 0, IST_TILE * sizeof *label);
    for (int i = 0; i < count; i++)
        label[i] = s->label[ist_row_number(s->rows, position + i)];
}

static void take(void *rows, void *columns, const ist_tile *tile)
{
    moments_state *s = rows;
    int64_t row_label[IST_TILE], column_label[IST_TILE], found[IST_TILE][IST_MOMENTS];
    const int64_t kept = ist_moments_kept(s->label != NULL), times = tile->diagonal ? 1 : 2;
    (void)columns;
    if (s->label) {
        labels_of(s, tile->row_position, tile->rows, row_label);
        labels_of(s, tile->col_position, tile->cols, column_label);
    }
    for (int64_t m = 0; m < s->kernels; m++) {
        tile->kernel->moments(
            &(ist_moment_tile){.distance = {tile->distance, tile->other_distance},
                               .weight = {s->kernel[m].weight[0], s->kernel[m].weight[1]},
                               .rows = tile->rows,
                               .columns = tile->cols,
                               .row_label = s->label ? row_label : NULL,
                               .column_label = column_label},
            found);
        for (int i = 0; i < tile->rows; i++)
            for (int64_t q = 0; q < kept; q++)
                s->sum[((tile->row + i) * s->kernels + m) * kept + q] += times * found[i][q];
    }
}

static int64_t describe(const void *state, ist_text *what)
{
    const moments_state *s = state;
    char text[IST_HASH_TEXT];
    ist_hash hash =
        ist_hash_bytes(s->kernel, (size_t)s->kernels * sizeof *s->kernel, (uint64_t)s->kernels);
    if (s->label) {
        ist_hash both[2] = {hash,
                            ist_hash_bytes(s->label, (size_t)s->label_count * sizeof *s->label, 0)};
        hash = ist_hash_bytes(both, sizeof both, 0);
    }
    ist_text_add(what, "moments of %" PRId64 " kernels%s, ", s->kernels,
                 s->label ? " and labels" : "");
    ist_text_add(what, "%s", ist_hash_format(hash, text));
    return 0;
}

const ist_consumer ist_moments_consumer = {.out_bytes = nothing,
                                           .back_bytes = back_bytes,
                                           .touched_bytes = back_bytes,
                                           .pack_out = pack_nothing,
                                           .init = init,
                                           .pack_back = pack_back,
                                           .merge = merge,
                                           .release = release,
                                           .take = take,
                                           .centre = centre,
                                           .describe = describe,
                                           .home_alone = true,
                                           .components = true};
