/* The time that passes take. */
#include <math.h>

#include "cost.h"

/* What the engine does beside the operations, on one core of the 2-core test machine, for both rows of
 * a pair: to look at a distance; to handle one that may be among the k nearest; to hold it against one of
 * FEW thresholds, or to place it among more, a little longer for each. */
static const double PAIR_SECONDS = 1.8e-10, CANDIDATE_SECONDS = 2e-8;
static const double FEW_SECONDS = 2.5e-10, MANY_SECONDS = 2e-9, MORE_SECONDS = 1e-11;
enum { FEW = 8 };

/* By a k-d tree: a row, each of its neighbours, each threshold; of the rows of a layer of d features that lie at a
 * threshold's distance, as many as about n to the power of 1 - 1/d. */
static const double TREE_SECONDS = 5e-7, TREE_NEIGHBOUR_SECONDS = 8e-8, TREE_EDGE_SECONDS = 2e-8;

/* The ten parts have a tenth of the rows each. */
double ist_pairs_of(const ist_layer *layer, bool parts)
{
    double n = (double)layer->n, part = n / IST_PARTS;
    return n * (n - 1) / 2 + (parts ? IST_PARTS * part * (part - 1) / 2 : 0);
}

void ist_add_visits(ist_cost *cost, const ist_layer *layer, double pairs)
{
    cost->pairs += pairs;
    cost->operations += pairs * 2 * (double)layer->shape.d;
    cost->seconds += PAIR_SECONDS * pairs;
}

/* The m-th row that a list of k sees enters it with probability k / m; twice as many do before it is known
 * how near the k are. */
double ist_candidate_seconds(double n, double among, int64_t k)
{
    double width = (double)k;
    double seen = width * (1 + 2 * (among > width ? log(among / width) : 0));
    return CANDIDATE_SECONDS * n * seen;
}

void ist_add_searches(ist_cost *cost, const ist_layer *layer, double pairs,
                      const ist_machine *machine)
{
    ist_metric metric = ist_metric_of_rows(layer->metric);
    bool may = machine->integers && machine->flops > 0 && metric == IST_METRIC_EUCLIDEAN;
    double d = (double)layer->shape.d;
    ist_add_visits(cost, layer, pairs);
    if (may && layer->n >= IST_INTEGER_ROWS && layer->shape.d >= IST_INTEGER_FEATURES)
        cost->seconds -= (1 - ist_integer_share(layer->shape.d)) * pairs * 2 * d / machine->flops;
}

/* Of all pairs against `total` thresholds a row, in batches. */
static double counting_seconds(double pairs, int64_t total, int64_t batches)
{
    double all = (double)total;
    if (total <= FEW * batches)
        return FEW_SECONDS * pairs * all;
    return (MANY_SECONDS * (double)batches + MORE_SECONDS * all) * pairs;
}

void ist_add_counting(ist_cost *cost, const ist_layer *layer, int64_t total, int64_t batches,
                      bool parts)
{
    double pairs = ist_pairs_of(layer, parts);
    double thresholds = (double)total * (double)layer->n * (parts ? 2 : 1);
    ist_add_visits(cost, layer, pairs * (double)batches);
    cost->operations += 3 * thresholds * (double)layer->shape.d;
    cost->seconds += counting_seconds(pairs, total, batches);
}

/* Each anchor with every row; counts of one side of a pair take half. */
void ist_add_anchors(ist_cost *cost, const ist_layer *layer, int64_t anchors, int64_t k,
                     int64_t total, int64_t batches)
{
    double pairs = (double)anchors * (double)layer->n, asking = (double)anchors;
    ist_add_visits(cost, layer, pairs * (double)batches);
    if (total == 0) {
        cost->seconds += ist_candidate_seconds(asking, (double)layer->n, k);
        return;
    }
    cost->operations += 3 * asking * (double)total * (double)layer->shape.d;
    cost->seconds += counting_seconds(pairs / 2, total, batches);
}

double ist_tree_seconds(const ist_layer *layer, int64_t k, int64_t thresholds, bool parts,
                        const ist_machine *machine)
{
    if (!machine->trees || layer->shape.d > IST_TREE_FEATURES)
        return INFINITY;
    double n = (double)layer->n, d = (double)layer->shape.d, log_n = log2(n + 1);
    double edge = d < 2 ? log_n : d < 3 ? sqrt(n) : cbrt(n) * cbrt(n);
    double row = TREE_SECONDS + TREE_NEIGHBOUR_SECONDS * (double)k +
                 TREE_EDGE_SECONDS * edge * (double)thresholds;
    return (parts ? 2 : 1) * n * row;
}

/* Of 20,000 samples, by directions from 2 on, with the power of N that they grow with: measured (docs/performance.md). */
typedef struct {
    double seconds, growth;
} cloud_rate;

double ist_slice_sample_seconds(double n, int columns, bool layers)
{
    const double LINE = 1.5e-7, PLANE = 1e-6, MEASURED_AT = 20000;
    static const cloud_rate of_labels[] = {
        {2.5e-6, 0.05}, {3.3e-6, 0.1}, {4.4e-6, 0.15}, {6.5e-6, 0.22}};
    static const cloud_rate of_layers[] = {
        {8e-6, 0.16}, {1.4e-5, 0.27}, {2.6e-5, 0.4}, {4.5e-5, 0.6}};
    if (columns == 1)
        return layers ? PLANE : LINE;
    const cloud_rate *rate = layers ? of_layers : of_labels;
    rate += columns - 2;
    return rate->seconds * pow(n / MEASURED_AT, rate->growth);
}

void ist_add_faster(ist_cost *cost, const ist_cost *tiles, double tree, const ist_machine *machine)
{
    double rate = machine->flops > 0 ? tiles->operations / machine->flops : 0;
    cost->pairs += tiles->pairs;
    if (tree < tiles->seconds + rate) {
        cost->seconds += tree;
        return;
    }
    cost->operations += tiles->operations;
    cost->seconds += tiles->seconds;
}

double ist_seconds_of(const ist_cost *cost, const ist_machine *machine)
{
    double operations = machine->flops > 0 ? cost->operations / machine->flops : 0;
    return (cost->seconds + operations) / (double)ist_max(machine->ranks, 1);
}
