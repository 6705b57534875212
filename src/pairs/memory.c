/* What the engine holds on the rank that has most rows: the sums of what this room allocates. */
#include "anchors.h"
#include "infostrata/kdtree.h"
#include "sweep.h"

/* Superblocks of the set, and of the rank that has most. */
static int64_t all_blocks(const ist_set_shape *set)
{
    int64_t blocks = 0, size = ist_blocks_size(set->n);
    for (int s = 0; s < set->segments; s++)
        blocks += ist_ceil_div(
            ist_share(set->n, set->segments, s + 1) - ist_share(set->n, set->segments, s), size);
    return blocks;
}

static int64_t most_blocks(const ist_set_shape *set)
{
    return ist_ceil_div(all_blocks(set), ist_max(set->ranks, 1));
}

/* The components of a joint set. */
static ist_set_shape component(const ist_set_shape *set, int c)
{
    ist_set_shape one = *set;
    one.d = c ? set->joint_d : set->d;
    one.wide = c ? set->joint_wide : set->wide;
    one.joint_d = 0;
    return one;
}

static int64_t value_bytes(const ist_set_shape *set)
{
    ist_set_shape second = component(set, 1);
    int64_t joint = set->joint_d > 0 ? value_bytes(&second) : 0;
    return set->d * (int64_t)(set->wide ? sizeof(double) : sizeof(float)) + joint;
}

/* Of a row of the copies: values, term, width, kind; joint: width and kind once more. */
static int64_t copy_bytes(const ist_set_shape *set)
{
    ist_set_shape second = component(set, 1);
    const int64_t width_and_kind = sizeof(float) + sizeof(int32_t);
    int64_t joint = set->joint_d > 0 ? copy_bytes(&second) + width_and_kind : 0;
    return (set->d + 2) * (int64_t)sizeof(float) + (int64_t)sizeof(int32_t) + joint;
}

static bool may_have_integers(const ist_set_shape *set)
{
    return set->integers && set->n >= IST_INTEGER_ROWS &&
           ist_max(set->d, set->joint_d) >= IST_INTEGER_FEATURES;
}

/* Integer copies of the whole set: values, term, width, kind, superblocks. A twin has none. */
static int64_t integer_bytes(const ist_set_shape *set, int64_t padded)
{
    const int64_t word = sizeof(int32_t), block = sizeof(int64_t) + sizeof(int32_t);
    if (!may_have_integers(set))
        return 0;
    return padded * word * ((set->d + 1) / 2 + 3) + all_blocks(set) * block;
}

int64_t ist_set_rows(const ist_set_shape *set)
{
    return ist_min(set->n, most_blocks(set) * ist_blocks_size(set->n));
}

/* Superblocks, and a twin's with its places; with more than one segment its rows' numbers too. */
static int64_t order_bytes(const ist_set_shape *set)
{
    const int64_t block = sizeof(int64_t) + sizeof(int32_t), position = sizeof(int64_t);
    int64_t blocks = all_blocks(set) * block;
    return set->twin && set->joint_d == 0
               ? 2 * blocks + (set->segments > 1 ? 2 : 1) * position * set->n
               : blocks;
}

/* What is the joint set's own, for integer copies once more; of components that have twins, the values in their own order. */
static int64_t joint_bytes(const ist_set_shape *set, int64_t padded, int64_t tiles)
{
    int64_t kinds = (ist_set_rows(set) + IST_TILE) * (int64_t)sizeof(int32_t);
    int64_t bytes = padded * (int64_t)sizeof(float) + kinds + order_bytes(set) + tiles;
    if (may_have_integers(set))
        bytes *= 2;
    for (int c = 0; c < 2 && set->twin; c++) {
        ist_set_shape own = component(set, c);
        own.twin = own.integers = false;
        bytes += ist_set_bytes(&own);
    }
    return bytes;
}

int64_t ist_set_bytes(const ist_set_shape *set)
{
    int64_t padded = most_blocks(set) * ist_blocks_size(set->n);
    int64_t tiles = 2 * (int64_t)sizeof(int64_t) * (padded / IST_TILE);
    if (set->joint_d > 0)
        return joint_bytes(set, padded, tiles);
    ist_set_shape alone = *set;
    alone.twin = false;
    int64_t order = ist_max(order_bytes(set), order_bytes(&alone) + integer_bytes(set, padded));
    return ist_set_rows(set) * value_bytes(set) + padded * copy_bytes(set) + order + tiles;
}

/* The values twice, without copies, while rows go to their places. (Before, while runs are cut that ranks
 * share, there are 12 n bytes of keys, but the values once.) */
int64_t ist_ordering_bytes(const ist_set_shape *set)
{
    return 2 * ist_set_rows(set) * value_bytes(set) + order_bytes(set) + ist_reorder_bytes(set);
}

/* The table of all rows' hashes, as large again while it is sorted, and a leader for each of our own. */
int64_t ist_duplicates_bytes(const ist_set_shape *set)
{
    const int64_t entry = sizeof(ist_hash) + sizeof(int64_t);
    return 2 * entry * set->n + (int64_t)sizeof(int32_t) * ist_set_rows(set);
}

/* Two lists of rows, with an owner each, and what Open MPI 4 makes of them to describe the rows of a
 * message: three times 32 bytes a row. */
int64_t ist_reorder_bytes(const ist_set_shape *set)
{
    enum { DESCRIBED = 96 };
    int64_t rows = ist_set_rows(set), message = ist_min(rows, IST_CARRIED_AT_ONCE);
    return 3 * (int64_t)sizeof(int) * rows + 2 * DESCRIBED * message;
}

/* ---- passes ---------------------------------------------------------------------------------- */

/* Bytes a row: its state, what a visiting copy is told and what it brings back. */
typedef struct {
    int64_t state, out, back;
} traits;

static traits traits_of(const ist_consumer *consumer, const void *state, int64_t bytes)
{
    return (traits){bytes, (int64_t)consumer->out_bytes(state),
                    (int64_t)consumer->back_bytes(state)};
}

static traits traits_for(int64_t k, int64_t thresholds)
{
    int32_t target = 0;
    const ist_nearest nearest = {.k = k};
    const ist_counts counts = {.thresholds = thresholds, .target = &target};
    return thresholds > 0 ? traits_of(&ist_counts_consumer, &counts, ist_counts_bytes(thresholds))
                          : traits_of(&ist_nearest_consumer, &nearest, ist_nearest_bytes(k));
}

/* A chunk that is computed against home while the next one comes: its rows twice, their copies,
 * state and results; the requests of two and of the one that leaves. */
static int64_t visiting_bytes(const ist_set_shape *set, traits row, int64_t chunk_bytes)
{
    const int64_t word = sizeof(uint64_t);
    int64_t rows = ist_set_rows(set);
    int64_t travelling = value_bytes(set) + row.out + row.back;
    int64_t chunk = ist_max(chunk_bytes / travelling, ist_blocks_size(set->n));
    if (set->ranks < 2)
        return 0;
    int64_t here = value_bytes(set) + row.out + copy_bytes(set) + word + row.state + row.back;
    if (chunk >= rows)
        return rows * here;
    return chunk * (here + value_bytes(set) + 2 * row.out);
}

/* Geometry of home and of a chunk that is home's, and what judges them. */
static int64_t skipping_bytes(const ist_set_shape *set, int64_t thresholds, int64_t chunk_bytes)
{
    int64_t rows = ist_set_rows(set), chunk = ist_max(chunk_bytes / value_bytes(set), 1);
    int64_t limits = thresholds > 0 && thresholds <= IST_FEW_THRESHOLDS ? thresholds : 1;
    int64_t guests = ist_ceil_div(ist_min(rows, chunk), IST_TILE);
    if (!set->twin || set->joint_d > 0)
        return 0;
    return ist_geometry_bytes(ist_ceil_div(rows, IST_TILE), set->d) +
           ist_skip_bytes(guests, set->d, limits);
}

/* Targets on their way to the twin, or ranks on theirs back. (Lists of neighbours need less on theirs
 * than the candidates that are gone by then.) */
static int64_t carrying_bytes(const ist_set_shape *set, int64_t thresholds)
{
    const int64_t target = sizeof(int32_t), rank = sizeof(int64_t);
    if (!set->twin || set->joint_d > 0)
        return 0;
    return 2 * rank * thresholds * ist_set_rows(set) + target * set->n + ist_reorder_bytes(set);
}

static bool may_have_tree(const ist_set_shape *set)
{
    return set->tree && set->d <= IST_TREE_FEATURES && set->joint_d <= IST_TREE_FEATURES;
}

/* The rows of all ranks as they come, and their tree; what it finds of home's rows. */
static int64_t tree_bytes(const ist_set_shape *set, int64_t k, int64_t thresholds)
{
    const int64_t neighbour = sizeof(double) + sizeof(int32_t), held = sizeof(int32_t);
    const int64_t threshold = sizeof(double) + sizeof(int32_t);
    int64_t tree = ist_kdtree_bytes(set->n, set->d + set->joint_d, set->segments);
    if (thresholds > 0)
        return tree +
               ist_max(set->n * value_bytes(set), ist_set_rows(set) * thresholds * threshold +
                                                      ist_kd_counter_bytes(thresholds));
    return tree + ist_max(set->n * value_bytes(set),
                          ist_set_rows(set) * (k * neighbour + held) + ist_kd_search_bytes(k));
}

int64_t ist_pass_bytes(const ist_set_shape *set, int64_t k, int64_t thresholds, int64_t chunk_bytes)
{
    const int64_t words = 2 * sizeof(uint64_t); /* of home and of the chunk that is home's */
    traits row = traits_for(k, thresholds);
    int64_t visiting = visiting_bytes(set, row, chunk_bytes) +
                       ist_workspace_bytes(ist_max(set->d, set->joint_d), set->joint_d > 0) +
                       skipping_bytes(set, thresholds, chunk_bytes);
    int64_t bytes = ist_max(ist_set_rows(set) * (row.state + words) + visiting,
                            carrying_bytes(set, thresholds));
    return may_have_tree(set) ? ist_max(bytes, tree_bytes(set, k, thresholds)) : bytes;
}

/* ---- anchors --------------------------------------------------------------------------------- */

int64_t ist_anchors_counting_bytes(int64_t thresholds)
{
    const int64_t twice = 2 * (sizeof(int32_t) + sizeof(double)), rank = sizeof(int64_t);
    traits row = traits_for(0, thresholds);
    return row.state + thresholds * (twice + rank) + 2 * row.back;
}

int64_t ist_anchors_searching_bytes(int64_t k)
{
    traits row = traits_for(k, 0);
    return row.state + 2 * row.back;
}

int64_t ist_anchors_at_once(int64_t value_bytes, int64_t state_bytes, int64_t chunk_bytes,
                            int64_t chunk_rows)
{
    int64_t rows = chunk_bytes / (2 * value_bytes + state_bytes);
    if (chunk_rows > 0)
        rows = ist_min(rows, chunk_rows);
    return ist_max(rows / IST_TILE, 1) * IST_TILE;
}

/* A batch of anchors with their copies; of home's rows their words and, of a twin, the places of all. */
int64_t ist_anchors_bytes(const ist_set_shape *set, int64_t count, int64_t k, int64_t thresholds,
                          int64_t chunk_bytes)
{
    const int64_t word = sizeof(uint64_t), position = sizeof(int64_t);
    int64_t state = thresholds > 0 ? ist_anchors_counting_bytes(thresholds)
                                   : ist_anchors_searching_bytes(k + 1);
    int64_t rows = ist_anchors_at_once(value_bytes(set), state, chunk_bytes, 0);
    rows = ist_min(rows, ist_ceil_div(count, IST_TILE) * IST_TILE);
    return rows * (value_bytes(set) + copy_bytes(set) + word + state) + word * ist_set_rows(set) +
           (set->twin ? position * set->n : 0) + ist_workspace_bytes(set->d, false);
}
