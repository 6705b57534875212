/* `bench --verify`: the imbalance that the program finds of layers whose imbalance is known. */
#include <inttypes.h>
#include <math.h>

#include "estimator.h"
#include "infostrata/rounds.h"
#include "models.h"

enum { DEFAULT_ROWS = 20000, MOST_INSIDE = 1024 };

/* Records of one direction, on rank 0. */
typedef struct {
    double imbalance, std_error, rmi, bound;
} found_values;

static void make_layer(const ist_comm *comm, const ist_engine *engine, const ist_model *model,
                       int64_t n, int side, ist_rows *rows)
{
    const int64_t start[2] = {0, n};
    int64_t first, last;
    ist_blocks blocks = ist_blocks_new(start, 1);
    ist_blocks_range(&blocks, comm->size, comm->rank, &first, &last);
    ist_blocks_release(&blocks);
    ist_rows_natural(comm, IST_METRIC_EUCLIDEAN, n, ist_model_columns(model, side),
                     ist_model_rows(model, n, side, first, last - first), NULL, rows);
    ist_rows_cluster(comm, engine, rows);
}

/* First neighbours in one layer, their ranks in the other, and the reverse pairs: what a run hands to the measure. */
static found_values estimate(const ist_comm *comm, const ist_engine *engine, const ist_rows *source,
                             const ist_rows *target)
{
    ist_pass_stats stats = {0};
    int64_t n = source->n, count = source->home.count;
    ist_nearest *nearest = ist_pass_nearest(comm, engine, source, 1, (ist_tie_rule){0}, &stats);
    int64_t *rank = ist_alloc((size_t)count, sizeof *rank),
            *row = ist_alloc((size_t)count, sizeof *row);
    int64_t *reverse = ist_alloc((size_t)count, sizeof *reverse);
    int64_t *in_count = ist_alloc((size_t)count, sizeof *in_count);
    int64_t *in_sum = ist_alloc((size_t)count, sizeof *in_sum);
    const ist_thresholds thresholds = {.stride = 1, .target = nearest->neighbour};
    ist_pass_counts(comm, engine, target, false, &thresholds, 1, rank, NULL, &stats);
    ist_reverse_pairs(comm, source, 1, 1, nearest->neighbour, rank, reverse, in_count, in_sum);
    ist_inside inside = ist_inside_find(comm, engine, target, false, 1, 1, nearest->neighbour,
                                        MOST_INSIDE, &stats);
    int64_t *twice_inside = ist_alloc((size_t)count, sizeof *twice_inside);
    ist_inside_take(&inside, target->home.first, count, 1, twice_inside);
    ist_inside_release(&inside);
    for (int64_t i = 0; i < count; i++)
        row[i] = source->home.first + i;
    const ist_evidence evidence = {.n = n,
                                   .count = count,
                                   .k = 1,
                                   .row = row,
                                   .neighbour = nearest->neighbour,
                                   .twice_rank = rank,
                                   .reverse_twice_rank = reverse,
                                   .in_count = in_count,
                                   .in_sum = in_sum,
                                   .twice_inside = twice_inside};
    ist_estimator imbalance;
    ist_estimator_imbalance(&imbalance);
    int64_t *sums = ist_alloc(imbalance.measure->sum_count, sizeof *sums);
    imbalance.measure->partial(imbalance.params, &evidence, sums);
    ist_sum(comm, sums, imbalance.measure->sum_count);
    ist_totals totals = {.n = n, .all = sums};
    ist_record records[IST_MAX_RECORDS];
    size_t made = 0;
    ist_error error = {0};
    imbalance.measure->finish(imbalance.params, &totals, records, &made, &error);
    found_values found = {records[0].value, records[0].std_error, records[1].value,
                          records[2].value};
    for (size_t r = 0; r < made; r++)
        ist_record_release(&records[r]);
    ist_free(sums);
    ist_free(row);
    ist_free(rank);
    ist_free(reverse);
    ist_free(in_count);
    ist_free(in_sum);
    ist_free(twice_inside);
    ist_nearest_free(&nearest);
    return found;
}

/* Four standard errors; and what the neighbours' distance adds, which is not 0 at any N: a share that falls as 1/N in two
 * columns; where the limit is 0 as the root. In one column next to nothing. */
static double allowed(const ist_model *model, int64_t n, int direction, const found_values *found)
{
    const double SHARE = 1000;
    double expected = ist_model_imbalance(model, direction), size = (double)n, spacing = 0;
    if (model->d == 2)
        spacing = expected * SHARE / size;
    else if (expected == 0)
        spacing = 2 / sqrt(size);
    return 4 * found->std_error + 4 / size + spacing;
}

static bool tell(const ist_model *model, int64_t n, int direction, const found_values *found)
{
    double expected = ist_model_imbalance(model, direction);
    bool good = fabs(found->imbalance - expected) <= allowed(model, n, direction, found);
    printf("%-18s %s  %9.5f %9.5f +- %.5f  %8.4f %8.4f  %9.5f  %s\n", model->name,
           direction ? "Y -> X" : "X -> Y", expected, found->imbalance, found->std_error,
           ist_model_rmi(model, direction), found->rmi, found->bound, good ? "ok" : "WRONG");
    return good;
}

ist_code ist_verify(const ist_comm *comm, const ist_verify_options *options)
{
    int64_t n = options->n > 0 ? options->n : DEFAULT_ROWS, wrong = 0;
    ist_error error = {0};
    if (comm->rank == 0)
        printf("N = %" PRId64
               ", k = 1. Expected: the limit of large N; rmi: by distances among all "
               "pairs, found by ranks in 20 bins\n"
               "%-18s %-6s  %9s %9s    %-7s  %8s %8s  %9s\n",
               n, "model", "", "expected", "found", "error", "rmi", "found", "bound");
    for (int m = 0; m < IST_MODELS; m++) {
        ist_rows layer[2];
        for (int side = 0; side < 2; side++)
            make_layer(comm, &options->engine, &ist_models[m], n, side, &layer[side]);
        for (int direction = 0; direction < 2; direction++) {
            found_values found =
                estimate(comm, &options->engine, &layer[direction], &layer[1 - direction]);
            if (comm->rank == 0)
                wrong += !tell(&ist_models[m], n, direction, &found);
        }
        for (int side = 0; side < 2; side++)
            ist_rows_release(&layer[side]);
    }
    if (wrong > 0)
        ist_fail(&error, IST_BROKEN, "%" PRId64 " of %d imbalances are not what they should be",
                 wrong, 2 * IST_MODELS);
    if (error.code != IST_OK)
        fprintf(stderr, "infostrata: error: %s\n", error.text);
    return ist_agree(comm, &error);
}
