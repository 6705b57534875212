/* What a step holds on the rank that has most rows: the engine's sets and passes, and this room's
 * lists and tables. docs/plan.md has the same as a formula. */
#include "infostrata/layout.h"

#include "job.h"
#include "slices.h"

/* The evidence of one task, with the messages of reverse pairs; classes of a labels target. */
static int64_t task_bytes(const ist_pass_shape *pass, int64_t rows)
{
    const int64_t number = sizeof(int32_t), rank = sizeof(int64_t);
    const int64_t row = 3 * rank, classes = number + 2 * rank;
    const int64_t told = 2 * 3 * sizeof(int64_t), told_at_once = INT64_C(1) << 20;
    return rows * (row + pass->k * (number + 2 * rank)) +
           ist_min(rows * pass->k, told_at_once) * told + pass->n * classes;
}

/* Neighbour lists that a pass 1 leaves behind; tables of targets and ranks of a pass 2. Those of a set of some of
 * the rows are there twice while they go back to the rows of the layer. */
static int64_t result_bytes(const ist_pass_shape *pass)
{
    const int64_t number = sizeof(int32_t), rank = sizeof(int64_t), real = sizeof(double);
    int64_t list = pass->k * number * ((pass->list_counts ? 2 : 1) + (pass->reads ? 2 : 0)) +
                   ist_min(pass->distance_k, pass->k) * real;
    int64_t bytes = pass->thresholds > 0 ? pass->thresholds * (number + rank) : list;
    return pass->some_segments > 0 ? 2 * bytes : bytes;
}

/* All samples and the parts of a layer: in memory, and at most while they are read and ordered. */
typedef struct {
    ist_set_shape read, all, parts;
    int64_t held, reading;
} layer_sets;

static layer_sets sets_of(const ist_pass_shape *pass, int64_t d, bool wide,
                          const ist_machine *machine)
{
    const int64_t order = sizeof(int64_t), drawn = 2 * sizeof(int64_t);
    layer_sets s = {
        .read = {.n = pass->n, .d = d, .wide = wide, .segments = 1, .ranks = machine->ranks}};
    s.all = s.parts = s.read;
    s.all.twin = s.parts.twin = machine->twins;
    s.all.integers = s.parts.integers = machine->integers;
    s.all.tree = s.parts.tree = machine->trees;
    s.parts.segments = IST_PARTS;
    s.held = ist_set_bytes(&s.all);
    s.reading = ist_set_bytes(&s.read) + ist_duplicates_bytes(&s.read);
    if (machine->twins)
        s.reading = ist_max(s.reading, ist_ordering_bytes(&s.all));
    if (!pass->parts)
        return s;
    s.held += order * pass->n;
    int64_t drawing = s.held + 2 * drawn * pass->n;
    if (machine->twins)
        s.reading = ist_max(s.reading, s.held + ist_ordering_bytes(&s.parts));
    s.held += ist_set_bytes(&s.parts);
    s.reading = ist_max(s.reading, ist_max(drawing, s.held + ist_reorder_bytes(&s.parts)));
    return s;
}

/* A set of some of the rows: itself, its order and places, what it takes to bring it there. */
static int64_t some_bytes(const ist_pass_shape *pass, const ist_set_shape *some)
{
    const int64_t order_and_place = 2 * sizeof(int64_t);
    if (pass->some_segments == 0)
        return 0;
    return ist_set_bytes(some) + order_and_place * pass->n + ist_reorder_bytes(some);
}

/* The pass itself, on the set that it visits. A pass 1 looks for one neighbour more. */
static int64_t visit_bytes(const ist_pass_shape *pass, const ist_set_shape *set,
                           const ist_machine *machine)
{
    if (pass->thresholds > 0)
        return ist_pass_bytes(set, 0, ist_min(pass->batch, pass->thresholds), machine->chunk_bytes);
    return ist_pass_bytes(set, pass->k + 1, 0, machine->chunk_bytes);
}

static ist_set_shape joint_set(const ist_pass_shape *pass, const layer_sets *own)
{
    ist_set_shape joint = own->all;
    joint.joint_d = pass->other_d;
    joint.joint_wide = pass->other_wide;
    return joint;
}

/* The second layer of a joint pass, and the joint sets of those that go together with it; they share the messages. */
static int64_t joint_bytes(const ist_pass_shape *pass, const layer_sets *own,
                           const ist_machine *machine)
{
    layer_sets other = sets_of(pass, pass->other_d, pass->other_wide, machine);
    ist_set_shape joint = joint_set(pass, own);
    ist_machine sharing = *machine;
    int64_t at_once = ist_max(pass->at_once, 1), beside = other.held + (at_once - 1) * own->held;
    sharing.chunk_bytes /= at_once;
    /* Of a layer that has a twin the rows come back into their own order, of the second one once. */
    int64_t in_order = machine->twins ? ist_set_bytes(&other.read) : 0;
    int64_t each = ist_set_bytes(&joint) - in_order + visit_bytes(pass, &joint, &sharing);
    int64_t reading = at_once > 1 ? beside + own->reading - own->held : 0;
    return ist_max(ist_max(other.reading, reading), beside + in_order + at_once * each);
}

/* ---- permutations ------------------------------------------------------------------------------ */

/* Groups' rows twice, who takes whose place and where it was taken to, or permuted classes; lists within these, and where rows whose
 * lists are short are found. */
static int64_t permutation_bytes(const ist_pass_shape *pass, int64_t rows)
{
    const int64_t number = sizeof(int32_t), position = sizeof(int64_t), real = sizeof(double);
    int64_t lists = rows * (2 * number + pass->class_k * (real + 3 * number) + 2 * position) +
                    pass->n * (2 * position + 1);
    int64_t order = pass->n * (3 * number + position);
    return pass->permutes ? order + (pass->class_k > 0 ? lists : pass->n * number) : 0;
}

/* A pass of so many thresholds a row. */
static int64_t counts_bytes(const ist_set_shape *set, int64_t thresholds,
                            const ist_machine *machine)
{
    return ist_pass_bytes(set, 0, thresholds, machine->chunk_bytes);
}

/* The ranks of permuted neighbours: targets and ranks, those of one permutation on their way. */
static int64_t permuted_ranks_bytes(const ist_pass_shape *pass, const layer_sets *own, int64_t rows,
                                    const ist_machine *machine)
{
    const int64_t number = sizeof(int32_t), rank = sizeof(int64_t);
    int64_t columns = pass->null_at_once * pass->null_thresholds;
    return rows * (columns * (number + rank) + 2 * rank * pass->null_thresholds) +
           counts_bytes(&own->all, ist_min(columns, IST_NULL_BATCH), machine);
}

/* The second layer's rows in another order, its joint set and pass; or the counts in either layer. */
static int64_t permuted_joint_bytes(const ist_pass_shape *pass, const layer_sets *own, int64_t rows,
                                    const ist_machine *machine)
{
    const int64_t number = sizeof(int32_t), real = sizeof(double), rank = sizeof(int64_t);
    layer_sets other = sets_of(pass, pass->other_d, pass->other_wide, machine);
    ist_set_shape joint = joint_set(pass, own), moved = other.read;
    moved.integers = machine->integers;
    int64_t columns = pass->null_at_once * pass->null_thresholds;
    int64_t lists = pass->null_at_once * pass->null_k * (2 * number + real);
    int64_t pairing = ist_set_bytes(&moved) + ist_reorder_bytes(&moved) + ist_set_bytes(&joint) +
                      ist_pass_bytes(&joint, pass->null_k + 1, 0, machine->chunk_bytes);
    int64_t in_twin = machine->twins ? real + 2 * rank : 0;
    int64_t counting = rows * columns * (real + 2 * rank + in_twin) +
                       ist_max(counts_bytes(&own->all, columns, machine),
                               counts_bytes(&other.all, columns, machine));
    return other.held + rows * (lists + columns * 2 * (real + rank)) + ist_max(pairing, counting);
}

static int64_t null_bytes(const ist_pass_shape *pass, const layer_sets *own, int64_t rows,
                          const ist_machine *machine)
{
    if (pass->null_at_once == 0)
        return 0;
    return pass->other_d > 0 ? permuted_joint_bytes(pass, own, rows, machine)
                             : permuted_ranks_bytes(pass, own, rows, machine);
}

/* A batch of projections, what an estimate works in, parts and permutations; the layers as they are read. */
static int64_t slices_bytes(const ist_pass_shape *pass, const ist_machine *machine)
{
    const int64_t real = sizeof(double), number = sizeof(int32_t);
    bool two = pass->other_d > 0;
    int64_t sides = two ? 2 : 1, columns = pass->columns, n = pass->n;
    int64_t at_once =
        ist_slices_at_once(n, pass->slices, columns, two, pass->estimates, machine->ranks);
    ist_slice_bytes each = ist_slice_bytes_of(n, columns, two);
    int64_t directions = ist_min(at_once * machine->ranks, pass->slices) * columns *
                         ist_max(pass->d, pass->other_d) * 2 * real;
    int64_t room = ist_slice_room_bytes(n, pass->columns, two);
    bool sorts = !two && columns == 1;
    int64_t parts = n * (sorts ? real + 3 * number : columns * sides * real + number);
    int64_t words = two ? 2 * n * real : 4 * n * number;
    int64_t permuted = pass->permutes ? n * (real + 3 * number + columns * real) : 0;
    int64_t found = 2 * (1 + IST_PARTS) * pass->slices * real;
    ist_machine plain = *machine;
    plain.twins = plain.integers = false;
    layer_sets own = sets_of(pass, pass->d, pass->wide, &plain);
    layer_sets other =
        two ? sets_of(pass, pass->other_d, pass->other_wide, &plain) : (layer_sets){0};
    int64_t moving = each.moved * at_once + directions;
    int64_t looking = each.sorted * at_once + room + parts + permuted;
    /* The memory of the first estimates stays while the columns of a second batch move. */
    int64_t second = ist_min(at_once, ist_ceil_div(pass->slices, machine->ranks) - at_once);
    int64_t again = second > 0 ? each.moved * second + directions : 0;
    int64_t work = each.kept * at_once + words + found + ist_max(moving, looking + again);
    return ist_max(ist_max(own.reading, own.held + other.reading), own.held + other.held + work);
}

ist_dense_layout ist_matrix_layout_of(int64_t order, int ranks, int64_t outputs)
{
    ist_grid_shape grid = ist_grid_shape_of(ranks);
    return (ist_dense_layout){grid.rows, grid.columns, ist_grid_block(outputs),
                              ist_dense_bytes(order, order, ranks, outputs)};
}

/* Matrices, what lies beside them on every rank, and the layers as they are read. */
static int64_t dense_bytes(const ist_pass_shape *pass, const ist_machine *machine)
{
    const ist_dense_pass *dense = pass->dense;
    const int64_t real = sizeof(double), labels = sizeof(int32_t) + sizeof(int64_t);
    int ranks = machine->ranks;
    int64_t order = dense->order, outputs = dense->outputs;
    int64_t matrices = dense->matrices * ist_dense_bytes(order, order, ranks, outputs);
    int64_t room = 0;
    if (order > 0) {
        room = ist_gram_room(pass->n, dense->features, real, ranks, outputs);
        room = ist_max(room, ist_eigenvalues_room(order, ranks, outputs));
        room = ist_max(room, ist_inverse_room(order, ranks, outputs));
        room = ist_max(room, ist_column_product_room(dense->features, dense->features));
    }
    if (dense->probes > 0)
        room = ist_max(room, ist_quadrature_room(pass->n, 2 * dense->features, real, dense->probes,
                                                 IST_QUADRATURE_STEPS, ranks));
    room = ist_max(room, ist_ceil_div(pass->n, ranks) * ist_moments_bytes(dense->widths, true));
    int64_t beside = pass->n * (labels + real * (dense->columns + 8 * outputs * outputs));
    ist_machine plain = *machine;
    plain.twins = false; /* but integers: a width may be that of the nearest */
    layer_sets own = sets_of(pass, pass->d, pass->wide, &plain);
    layer_sets other = pass->other_d > 0 ? sets_of(pass, pass->other_d, pass->other_wide, &plain)
                                         : (layer_sets){0};
    return ist_max(ist_max(own.reading, own.held + other.reading),
                   own.held + other.held + matrices + room + beside);
}

/* A pass of anchors, whose lists or ranks are shared out like rows. */
static int64_t anchors_bytes(const ist_pass_shape *pass, const layer_sets *own,
                             const ist_machine *machine)
{
    const int64_t number = sizeof(int64_t);
    ist_set_shape some = own->read;
    some.n = pass->anchors;
    int64_t rows = ist_set_rows(&some);
    int64_t results = rows * result_bytes(pass) + number * pass->anchors;
    int64_t thresholds = ist_min(pass->batch, pass->thresholds);
    int64_t engine =
        ist_anchors_bytes(&own->all, pass->anchors, pass->thresholds > 0 ? 0 : pass->k + 1,
                          thresholds, machine->chunk_bytes);
    return ist_max(own->reading, own->held + results + ist_max(engine, task_bytes(pass, rows)));
}

int64_t ist_step_memory(const ist_pass_shape *pass, const ist_machine *machine)
{
    if (pass->dense)
        return dense_bytes(pass, machine);
    if (pass->slices > 0)
        return slices_bytes(pass, machine);
    layer_sets own = sets_of(pass, pass->d, pass->wide, machine);
    ist_set_shape some = own.read;
    some.tree = machine->trees;
    some.integers = machine->integers;
    some.segments = (int)ist_max(1, ist_min(pass->some_segments, pass->n));
    if (pass->anchors > 0)
        return anchors_bytes(pass, &own, machine);
    int64_t rows = ist_max(ist_set_rows(&own.all), ist_set_rows(&own.parts));
    int64_t results =
        rows * result_bytes(pass) * (pass->parts ? 2 : 1) * ist_max(pass->together, 1);
    int64_t engine = visit_bytes(pass, &own.all, machine);
    if (pass->some_segments > 0)
        engine = ist_max(engine, some_bytes(pass, &some) + visit_bytes(pass, &some, machine));
    if (pass->other_d > 0)
        engine = joint_bytes(pass, &own, machine);
    int64_t after = ist_max(task_bytes(pass, rows), null_bytes(pass, &own, rows, machine));
    after += permutation_bytes(pass, rows);
    return ist_max(own.reading, own.held + results + ist_max(engine, after));
}

bool ist_may_skip(const ist_options *options)
{
    return options->skipping != IST_SKIP_NEVER && options->kernel->near;
}
