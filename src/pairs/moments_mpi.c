#include "infostrata/moments.h"

#include <math.h>
#include <string.h>

#include "moments.h"
#include "sample.h"

static const double UNIT = 0x1p-52;

/* Exact sums of the rows of each segment, over all ranks: limbs of segment, kernel and moment. */
static void sum_segments(const ist_comm *comm, const moments_state *s, int64_t segments,
                         int64_t *limbs)
{
    const ist_rows *rows = s->rows;
    const int64_t each = s->kernels * ist_moments_kept(s->label != NULL);
    for (int64_t i = 0; i < rows->home.count; i++) {
        int64_t block = ist_blocks_find(&rows->blocks, rows->home.first + i);
        int64_t first = rows->blocks.segment[block] * each;
        for (int64_t e = 0; e < each; e++)
            ist_wide_add(limbs + (first + e) * IST_WIDE_LIMBS, s->sum[i * each + e]);
    }
    ist_sum(comm, limbs, (size_t)(segments * each * IST_WIDE_LIMBS));
}

static void moments_of(const int64_t *limbs, int64_t kept, ist_moments *moments)
{
    double value[IST_MOMENTS] = {0};
    for (int64_t q = 0; q < kept; q++)
        value[q] = (double)ist_wide_value(limbs + q * IST_WIDE_LIMBS) * UNIT;
    *moments = (ist_moments){value[0], value[1], value[2], value[3]};
}

/* Euclidean distances are taken about a centre. */
static void choose_centres(const ist_comm *comm, const ist_rows *rows, moments_state *s)
{
    bool joint = ist_rows_are_joint(rows);
    for (int c = 0; c < (joint ? 2 : 1); c++) {
        const ist_rows *set = joint ? rows->component[c] : rows;
        if (set->metric == IST_METRIC_EUCLIDEAN)
            s->centre[c] = ist_sample_mean(comm, set);
    }
}

bool ist_pass_moments(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                      const int64_t *label, int kernels, const ist_moment_kernel *kernel,
                      ist_moments *moments, ist_pass_stats *stats)
{
    const ist_rows *visited = rows->twin ? rows->twin : rows;
    const int64_t kept = ist_moments_kept(label != NULL), each = kernels * kept;
    int64_t segments = rows->blocks.segment[rows->blocks.count - 1] + 1, numbers = rows->n;
    for (int64_t p = 0; p < rows->n; p++)
        numbers = ist_max(numbers, ist_row_number(rows, p) + 1);
    moments_state state = {.rows = visited,
                           .kernels = kernels,
                           .kernel = kernel,
                           .label = label,
                           .label_count = numbers};
    choose_centres(comm, rows, &state);
    state.sum = ist_alloc((size_t)(visited->home.count * each), sizeof *state.sum);
    bool whole =
        ist_pass(comm, engine, visited, &ist_moments_consumer, &state, &(ist_tie_rule){0}, stats);
    if (whole) {
        int64_t *limbs = ist_alloc((size_t)(segments * each * IST_WIDE_LIMBS), sizeof *limbs);
        sum_segments(comm, &state, segments, limbs);
        for (int64_t m = 0; m < segments * kernels; m++)
            moments_of(limbs + m * kept * IST_WIDE_LIMBS, kept, &moments[m]);
        ist_free(limbs);
    }
    ist_free(state.sum);
    ist_free(state.centre[0]);
    ist_free(state.centre[1]);
    return whole;
}
