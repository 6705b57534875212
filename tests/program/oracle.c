#include "oracle.h"

#include "../harness/scratch.h"

#include <math.h>

/* ---- distances ------------------------------------------------------------------------------- */

static double distance_of(const double *x, const double *y, int64_t d)
{
    double sum = 0;
    for (int64_t f = 0; f < d; f++) {
        volatile double difference = x[f] - y[f];
        volatile double square = difference * difference;
        sum += square;
    }
    return sum;
}

static bool equals_earlier(const double *values, int64_t d, int64_t i)
{
    for (int64_t j = 0; j < i; j++) {
        int64_t f = 0;
        while (f < d && values[i * d + f] == values[j * d + f])
            f++;
        if (f == d)
            return true;
    }
    return false;
}

oracle_space oracle_layer(const double *values, int64_t n, int64_t d)
{
    oracle_space s = {.n = n, .distance = scratch_alloc((size_t)(n * n) * sizeof *s.distance)};
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++)
            s.distance[i * n + j] = distance_of(values + i * d, values + j * d, d);
        s.duplicates += equals_earlier(values, d, i);
    }
    return s;
}

oracle_space oracle_labels(const int64_t *values, int64_t n)
{
    oracle_space s = {.n = n, .distance = scratch_alloc((size_t)(n * n) * sizeof *s.distance)};
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            s.distance[i * n + j] = values[i] != values[j];
    return s;
}

/* ---- neighbours and ranks among some of the rows ----------------------------------------------- */

typedef struct {
    const int64_t *row;
    int64_t count;
} members;

/* Is x before y in the order seen from i? */
static bool is_before(const oracle_space *s, ist_tie_rule ties, int64_t i, int64_t x, int64_t y)
{
    double to_x = s->distance[i * s->n + x], to_y = s->distance[i * s->n + y];
    if (to_x != to_y)
        return to_x < to_y;
    if (ties.by_index)
        return x < y;
    uint64_t mine = ist_random_word(ties.seed, IST_RANDOM_TIES, (uint64_t)i);
    uint64_t of_x = ist_random_word(ties.seed, IST_RANDOM_TIES, (uint64_t)x) - mine;
    uint64_t of_y = ist_random_word(ties.seed, IST_RANDOM_TIES, (uint64_t)y) - mine;
    return of_x != of_y ? of_x < of_y : x < y;
}

/* The first of the other members that comes after `last` (-1: the very first); -1 if there is none. */
static int64_t next_neighbour(const oracle_space *s, ist_tie_rule ties, members m, int64_t i,
                              int64_t last)
{
    int64_t best = -1;
    for (int64_t a = 0; a < m.count; a++) {
        int64_t j = m.row[a];
        if (j == i || (last >= 0 && (j == last || !is_before(s, ties, i, last, j))))
            continue;
        if (best < 0 || is_before(s, ties, i, j, best))
            best = j;
    }
    return best;
}

static int64_t twice_rank(const oracle_space *s, ist_tie_rule ties, members m, int64_t i, int64_t j)
{
    int64_t twice = 2;
    double limit = s->distance[i * s->n + j];
    for (int64_t a = 0; a < m.count; a++) {
        int64_t l = m.row[a];
        double distance = s->distance[i * s->n + l];
        if (l == i || l == j)
            continue;
        if (distance < limit)
            twice += 2;
        else if (distance == limit)
            twice += ties.by_index ? 2 * (l < j) : 1;
    }
    return twice;
}

/* A directed pair of a row and one of its neighbours. */
typedef struct {
    int64_t from, to, twice;
} edge;

/* All edges among the members; *ties_at_k counts rows whose next neighbour is as far as the k-th. */
static edge *edges_of(const oracle_space *source, const oracle_space *target, members m, int64_t k,
                      ist_tie_rule ties, int64_t *ties_at_k)
{
    edge *edges = scratch_alloc((size_t)(m.count * k) * sizeof *edges), *at = edges;
    for (int64_t a = 0; a < m.count; a++) {
        int64_t i = m.row[a], j = -1;
        for (int64_t p = 0; p < k; p++) {
            j = next_neighbour(source, ties, m, i, j);
            *at++ = (edge){i, j, twice_rank(target, ties, m, i, j)};
        }
        int64_t next = next_neighbour(source, ties, m, i, j);
        *ties_at_k += next >= 0 &&
                      source->distance[i * source->n + next] == source->distance[i * source->n + j];
    }
    return edges;
}

static int64_t sum_of(const edge *edges, int64_t count)
{
    int64_t sum = 0;
    for (int64_t e = 0; e < count; e++)
        sum += edges[e].twice;
    return sum;
}

/* ---- standard errors ------------------------------------------------------------------------- */

/* In how many balls row v lies, times 2: what it adds to twice_rank of all edges. */
static int64_t twice_inside(const oracle_space *s, ist_tie_rule ties, const edge *edges,
                            int64_t count, int64_t v)
{
    int64_t twice = 0;
    for (int64_t e = 0; e < count; e++) {
        int64_t i = edges[e].from, j = edges[e].to;
        double limit = s->distance[i * s->n + j], distance = s->distance[i * s->n + v];
        if (v == i || (v != j && distance < limit))
            twice += 2;
        else if (v != j && distance == limit)
            twice += ties.by_index ? 2 * (v < j) : 1;
    }
    return twice;
}

/* The variance of a sum over edges of which those that share a row depend on each other; and rows that are counted are rows, too. */
static double error_of_rows(const oracle_space *target, ist_tie_rule ties, const edge *edges,
                            int64_t count, int64_t n, int64_t k)
{
    double mean = (double)sum_of(edges, count) / 2 / (double)count, variance = 0;
    for (int64_t v = 0; v < n; v++) {
        double counted = (double)twice_inside(target, ties, edges, count, v) / 2 - (double)k * mean;
        double pairs = 0;
        for (int64_t e = 0; e < count; e++)
            pairs +=
                ((edges[e].from == v) + (edges[e].to == v)) * ((double)edges[e].twice / 2 - mean);
        variance += counted * (counted + 2 * pairs);
    }
    for (int64_t e = 0; e < count; e++)
        for (int64_t f = 0; f < count; f++) {
            const edge *x = &edges[e], *y = &edges[f];
            if (x->from == y->from || x->from == y->to || x->to == y->from || x->to == y->to)
                variance += ((double)x->twice / 2 - mean) * ((double)y->twice / 2 - mean);
        }
    return variance > 0 ? 2 / ((double)n * (double)n * (double)k) * sqrt(variance) : 0;
}

static void add_parts(const oracle_space *source, const oracle_space *target, int64_t k,
                      ist_tie_rule ties, oracle_answer *answer)
{
    enum { PARTS = 10 };
    int64_t n = source->n, start[PARTS + 1], unused = 0;
    int64_t *order = scratch_alloc((size_t)n * sizeof *order);
    double value[PARTS], squares = 0;
    ist_random_parts(n, PARTS, order, start);
    for (int p = 0; p < PARTS; p++) {
        members m = {order + start[p], start[p + 1] - start[p]};
        edge *edges = edges_of(source, target, m, k, ties, &unused);
        double size = (double)m.count;
        value[p] = (double)sum_of(edges, m.count * k) / (size * size * (double)k);
        answer->parts_mean += value[p] / PARTS;
    }
    for (int p = 0; p < PARTS; p++)
        squares += (value[p] - answer->parts_mean) * (value[p] - answer->parts_mean);
    answer->parts_error = sqrt(squares / (PARTS - 1)) / sqrt(PARTS);
    answer->has_parts = true;
}

oracle_answer oracle_imbalance(const oracle_space *source, const oracle_space *target, int64_t k,
                               ist_tie_rule ties, bool rows)
{
    int64_t n = source->n, ties_at_k = 0;
    int64_t *all = scratch_alloc((size_t)n * sizeof *all);
    for (int64_t i = 0; i < n; i++)
        all[i] = i;
    edge *edges = edges_of(source, target, (members){all, n}, k, ties, &ties_at_k);
    oracle_answer answer = {
        .twice_rank_sum = sum_of(edges, n * k),
        .tie_fraction = (double)ties_at_k / (double)n,
        .rows_error = rows ? error_of_rows(target, ties, edges, n * k, n, k) : 0,
    };
    if (n / 10 >= 10 * k)
        add_parts(source, target, k, ties, &answer);
    return answer;
}

/* ---- anchors --------------------------------------------------------------------------------- */

static bool is_anchor(int64_t n, int64_t row, int64_t count, uint64_t seed)
{
    int64_t before = 0;
    for (int64_t other = 0; other < n; other++)
        before += ist_random_word(seed, IST_RANDOM_SAMPLES, (uint64_t)other) <
                  ist_random_word(seed, IST_RANDOM_SAMPLES, (uint64_t)row);
    return before < count;
}

oracle_anchors_answer oracle_anchors(const oracle_space *source, const oracle_space *target,
                                     int64_t k, ist_tie_rule ties, int64_t count, uint64_t seed)
{
    int64_t n = source->n, ties_at_k = 0;
    int64_t *all = scratch_alloc((size_t)n * sizeof *all);
    for (int64_t i = 0; i < n; i++)
        all[i] = i;
    edge *edges = edges_of(source, target, (members){all, n}, k, ties, &ties_at_k);
    oracle_anchors_answer answer = {0};
    double *value = scratch_alloc((size_t)count * sizeof *value), mean = 0, squares = 0;
    int64_t found = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!is_anchor(n, i, count, seed))
            continue;
        int64_t sum = sum_of(edges + i * k, k), last = edges[i * k + k - 1].to;
        int64_t next = next_neighbour(source, ties, (members){all, n}, i, last);
        answer.twice_rank_sum += sum;
        answer.tie_fraction +=
            next >= 0 && source->distance[i * n + next] == source->distance[i * n + last];
        value[found++] = (double)sum / ((double)n * (double)k);
    }
    answer.tie_fraction /= (double)count;
    for (int64_t a = 0; a < count; a++)
        mean += value[a] / (double)count;
    for (int64_t a = 0; a < count; a++)
        squares += (value[a] - mean) * (value[a] - mean);
    double share = (double)count / (double)n;
    answer.error = sqrt(squares / (double)(count - 1) / (double)count * (1 - share));
    return answer;
}
