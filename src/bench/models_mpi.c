/* `bench --verify`: the imbalance that the program finds of layers whose imbalance is known, by ranks and by distances among all pairs. */
#include <inttypes.h>
#include <math.h>

#include "estimator.h"
#include "global.h"
#include "infostrata/rounds.h"
#include "known.h"

enum { DEFAULT_ROWS = 20000, MOST_INSIDE = 1024, BINS = 20 };

/* Records of one direction, on rank 0. */
typedef struct {
    double imbalance, std_error, rmi, bound;
    ist_global global;
} found_values;

static void make_layer(const ist_comm *comm, const ist_engine *engine,
                       const ist_known_layers *layers, int side, ist_rows *rows)
{
    const int64_t start[2] = {0, layers->n}, d = layers->d[side];
    int64_t first, last;
    ist_blocks blocks = ist_blocks_new(start, 1);
    ist_blocks_range(&blocks, comm->size, comm->rank, &first, &last);
    ist_blocks_release(&blocks);
    size_t count = (size_t)((last - first) * d);
    double *wide = layers->wide ? ist_alloc(count, sizeof *wide) : NULL;
    float *narrow = layers->wide ? NULL : ist_alloc(count, sizeof *narrow);
    for (size_t e = 0; e < count; e++)
        if (layers->wide)
            wide[e] = layers->values[side][(size_t)(first * d) + e];
        else
            narrow[e] = (float)layers->values[side][(size_t)(first * d) + e];
    ist_rows_natural(comm, IST_METRIC_EUCLIDEAN, layers->n, d, narrow, wide, rows);
    ist_rows_cluster(comm, engine, rows);
}

/* First neighbours in one layer, their ranks in the other, and the reverse pairs: what a run hands to the measure. */
static found_values estimate(const ist_comm *comm, const ist_engine *engine, const ist_rows *source,
                             const ist_rows *target, const double *target_values, int64_t bins)
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
    ist_inside inside =
        ist_inside_find(comm, engine, target, false, 1, 1, nearest->neighbour, MOST_INSIDE, &stats);
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
    ist_estimator_imbalance(&imbalance, bins);
    int64_t *sums = ist_alloc(imbalance.measure->sum_count, sizeof *sums);
    imbalance.measure->partial(imbalance.params, &evidence, sums);
    ist_sum(comm, sums, imbalance.measure->sum_count);
    ist_totals totals = {.n = n, .all = sums};
    ist_record records[IST_MAX_RECORDS];
    size_t made = 0;
    ist_error error = {0};
    imbalance.measure->finish(imbalance.params, &totals, records, &made, &error);
    found_values found = {records[0].value, records[0].std_error, records[1].value,
                          records[2].value,
                          ist_global_find(comm, target, target_values, nearest->neighbour, bins)};
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

static void found_of(const ist_comm *comm, const ist_engine *engine, const ist_known_layers *layers,
                     int64_t bins, found_values found[2])
{
    ist_rows layer[2];
    for (int side = 0; side < 2; side++)
        make_layer(comm, engine, layers, side, &layer[side]);
    for (int direction = 0; direction < 2; direction++)
        found[direction] = estimate(comm, engine, &layer[direction], &layer[1 - direction],
                                    layers->values[1 - direction], bins);
    for (int side = 0; side < 2; side++)
        ist_rows_release(&layer[side]);
}

/* Nothing of a number that nobody knows. */
static void print_number(int width, int digits, double x)
{
    if (isnan(x))
        printf(" %*s", width, "");
    else
        printf(" %*.*f", width, digits, x);
}

/* ---- by ranks -------------------------------------------------------------------------------------- */

static bool tell_ranks(const ist_model *model, int64_t n, int direction, const found_values *found)
{
    double expected = ist_model_imbalance(model, direction);
    bool good = fabs(found->imbalance - expected) <= allowed(model, n, direction, found);
    printf("%-18s %s  %9.5f %9.5f +- %.5f ", model->name, direction ? "Y -> X" : "X -> Y", expected,
           found->imbalance, found->std_error);
    print_number(8, 4, ist_model_rmi(model, direction));
    printf(" %8.4f  %9.5f  %s\n", found->rmi, found->bound, good ? "ok" : "WRONG");
    return good;
}

static int64_t tell_all_ranks(int64_t n, found_values (*found)[2])
{
    int64_t wrong = 0;
    printf("N = %" PRId64 ", k = 1. Expected: the limit of large N; rmi: by distances among all "
           "pairs, found by ranks in 20 bins\n"
           "%-18s %-6s  %9s %9s    %-7s  %8s %8s  %9s\n",
           n, "model", "", "expected", "found", "error", "rmi", "found", "bound");
    for (int m = 0; m < IST_MODELS; m++)
        for (int direction = 0; direction < 2; direction++)
            wrong += !tell_ranks(&ist_models[m], n, direction, &found[m][direction]);
    return wrong;
}

/* ---- by distances among all pairs ------------------------------------------------------------------ */

/* The imbalance as above; that it is not below its bound; the information, unless bins are too coarse for it: as far from the limit as the
 * imbalance may be, by the slope of the bound (dRMI / dDelta is -1 / Delta and steeper only near 1). */
static bool global_is_good(const ist_model *model, int64_t n, int direction,
                           const found_values *found)
{
    double expected = ist_model_global(model, direction), rmi = ist_model_rmi(model, direction);
    double slack = allowed(model, n, direction, found);
    bool coarse = expected * BINS < 4, good = true;
    if (!isnan(expected))
        good = fabs(found->global.imbalance - expected) <= slack;
    if (!isnan(expected) && !isnan(rmi) && !coarse)
        good = good && fabs(found->global.rmi - rmi) <= 2 * slack / expected &&
               ist_imbalance_bound(found->global.rmi) <= 1.01 * found->global.imbalance + slack;
    return good;
}

static int64_t tell_all_globals(int64_t n, found_values (*found)[2])
{
    int64_t wrong = 0;
    printf(
        "\nThe same with distances in the target among those of all pairs, in the place of ranks\n"
        "%-18s %-6s  %9s %9s %9s %9s %9s\n",
        "model", "", "expected", "found", "rmi", "found", "bound");
    for (int m = 0; m < IST_MODELS; m++)
        for (int direction = 0; direction < 2; direction++) {
            const found_values *f = &found[m][direction];
            bool good = global_is_good(&ist_models[m], n, direction, f);
            printf("%-18s %s ", ist_models[m].name, direction ? "Y -> X" : "X -> Y");
            print_number(9, 5, ist_model_global(&ist_models[m], direction));
            print_number(9, 5, f->global.imbalance);
            print_number(9, 4, ist_model_rmi(&ist_models[m], direction));
            print_number(9, 4, f->global.rmi);
            print_number(9, 5, ist_imbalance_bound(f->global.rmi));
            printf("  %s\n", good ? "ok" : "WRONG");
            wrong += !good;
        }
    return wrong;
}

/* ---- data set F -------------------------------------------------------------------------------------- */

static int64_t tell_number(const char *name, double expected, double found)
{
    bool good = fabs(found - expected) <= 1e-10;
    printf("%-34s %.10f %.10f  %s\n", name, expected, found, good ? "ok" : "WRONG");
    return !good;
}

static int64_t tell_data_f(const found_values *found)
{
    printf("\nData set F, A -> B, %d bins\n%-34s %12s %12s\n", IST_DATA_F_BINS, "", "brute force",
           "found");
    return tell_number("imbalance", ist_data_f.imbalance, found->imbalance) +
           tell_number("rmi", ist_data_f.rmi, found->rmi) +
           tell_number("imbalance, among all pairs", ist_data_f.global_imbalance,
                       found->global.imbalance) +
           tell_number("rmi, among all pairs", ist_data_f.global_rmi, found->global.rmi);
}

/* ---- all --------------------------------------------------------------------------------------------- */

ist_code ist_verify(const ist_comm *comm, const ist_verify_options *options)
{
    int64_t n = options->n > 0 ? options->n : DEFAULT_ROWS, wrong = 0;
    found_values found[IST_MODELS][2], f[2];
    for (int m = 0; m < IST_MODELS; m++) {
        ist_known_layers layers = ist_known_model(&ist_models[m], n);
        found_of(comm, &options->engine, &layers, BINS, found[m]);
        ist_known_release(&layers);
    }
    ist_known_layers layers = ist_known_data_f();
    found_of(comm, &options->engine, &layers, IST_DATA_F_BINS, f);
    ist_known_release(&layers);
    if (comm->rank == 0)
        wrong = tell_all_ranks(n, found) + tell_all_globals(n, found) + tell_data_f(&f[0]);
    ist_error error = {0};
    if (wrong > 0)
        ist_fail(&error, IST_BROKEN, "%" PRId64 " numbers are not what they should be", wrong);
    if (error.code != IST_OK)
        fprintf(stderr, "infostrata: error: %s\n", error.text);
    return ist_agree(comm, &error);
}
