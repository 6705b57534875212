/* Every row on every rank, and whether a tree of them is faster than tiles. */
#include <math.h>

#include "chunks.h"
#include "infostrata/place.h"
#include "infostrata/ring.h"
#include "infostrata/stop.h"
#include "kdtree_gather.h"

/* ---- all rows -------------------------------------------------------------------------------- */

static ist_slab gather_values(const ist_comm *comm, const ist_rows *rows)
{
    size_t values = (size_t)(rows->n * rows->d);
    ist_slab all = {.count = rows->n};
    MPI_Datatype row;
    MPI_Type_contiguous(ist_narrow(rows->d), rows->wide ? MPI_DOUBLE : MPI_FLOAT, &row);
    MPI_Type_commit(&row);
    if (rows->wide) {
        all.wide = ist_alloc(values, sizeof *all.wide);
        ist_gather_rows(comm, rows, row, rows->home.wide, all.wide, true);
    } else {
        all.narrow = ist_alloc(values, sizeof *all.narrow);
        ist_gather_rows(comm, rows, row, rows->home.narrow, all.narrow, true);
    }
    MPI_Type_free(&row);
    return all;
}

static ist_slab gather_all(const ist_comm *comm, const ist_rows *rows)
{
    if (!ist_rows_are_joint(rows))
        return gather_values(comm, rows);
    ist_slab all = {.count = rows->n, .component = ist_alloc(2, sizeof *all.component)};
    for (int c = 0; c < 2; c++)
        all.component[c] = gather_values(comm, rows->component[c]);
    return all;
}

ist_kdtree *ist_kdtree_gather(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                              ist_tie_rule ties, ist_pass_stats *stats)
{
    if (engine->tree == IST_TREE_NEVER || !ist_kdtree_possible(rows) ||
        ist_stop_broke_off(engine->stop))
        return NULL;
    double start = ist_seconds();
    int64_t row = (int64_t)ist_row_bytes(rows), others = rows->n - rows->home.count;
    ist_in_flight(stats, others * row);
    ist_slab all = gather_all(comm, rows);
    ist_in_flight(stats, -others * row);
    stats->bytes_sent += (comm->size - 1) * rows->home.count * row;
    stats->seconds_waiting += ist_seconds() - start;
    ist_kdtree *tree = ist_kdtree_new(rows, &all, engine->kernel, ties, NULL);
    ist_slab_release(&all);
    return tree;
}

/* ---- what is faster -------------------------------------------------------------------------- */

/* Seconds on one core of the 2-core test machine, of what a tree does; of a row whatever it asks; of a threshold, which
 * is sorted. */
static double tree_seconds(const ist_kd_work *work, int64_t rows, int64_t thresholds)
{
    const double row = 3e-7, threshold = 7e-8, family = 6e-8, distance = 1.9e-9;
    const double taken = 1.5e-8, compared = 3e-10;
    return (row + threshold * (double)thresholds) * (double)rows + family * (double)work->families +
           distance * (double)work->rows + taken * (double)work->taken +
           compared * (double)work->compared;
}

/* Of what tiles do with the pairs of home's rows, each counted for one of the two. Few features: what they read costs
 * more than the operations. Without filters everything is float64. k: neighbours, or 0. */
static double tiles_seconds(const ist_engine *engine, const ist_kdtree *tree, int64_t k,
                            int64_t thresholds)
{
    const double visit = 1.5e-10, candidate = 8e-9, few = 1e-10, each_of_few = 1.1e-10;
    const double many = 1.3e-9, unfiltered = 6e-9;
    double pairs = ist_kdtree_pairs(tree) * (ist_rows_are_joint(tree->rows) ? 2 : 1);
    if (!engine->kernel->near)
        return unfiltered * pairs;
    if (k > 0) {
        double others = 2 * pairs / (double)ist_max(1, tree->rows->home.count);
        double seen = (double)k * (1 + 2 * log(1 + others / (double)k));
        return visit * pairs + candidate * seen * (double)tree->rows->home.count;
    }
    return pairs *
           (thresholds <= IST_FEW_THRESHOLDS ? few + each_of_few * (double)thresholds : many);
}

/* Of all ranks together, so that all say the same. */
static bool is_faster(const ist_comm *comm, const ist_kdtree *tree, const ist_kd_work *work,
                      int64_t thresholds, double tiles_take)
{
    int64_t tried = ist_kdtree_tried(tree), rows = tree->rows->home.count;
    double times = tried > 0 ? (double)rows / (double)tried : 0;
    double saved = tiles_take - times * tree_seconds(work, tried, thresholds);
    return ist_sum_one(comm, (int64_t)(saved * 1e9)) > 0;
}

bool ist_kdtree_is_faster_for_nearest(const ist_comm *comm, const ist_engine *engine,
                                      const ist_kdtree *tree, int64_t k)
{
    if (engine->tree == IST_TREE_ALWAYS)
        return true;
    ist_kd_work work = ist_kdtree_try_nearest(tree, k);
    return is_faster(comm, tree, &work, 0, tiles_seconds(engine, tree, k, 0));
}

bool ist_kdtree_is_faster_for_counts(const ist_comm *comm, const ist_engine *engine,
                                     const ist_kdtree *tree, const ist_kd_question *question)
{
    if (engine->tree == IST_TREE_ALWAYS)
        return true;
    ist_kd_work work = ist_kdtree_try_counts(tree, question);
    return is_faster(comm, tree, &work, question->thresholds,
                     tiles_seconds(engine, tree, 0, question->thresholds));
}

/* ---- passes ---------------------------------------------------------------------------------- */

/* What must not wait for the end of a pass, and who is told how far it is. */
typedef struct {
    const ist_engine *engine;
    double attended; /* when */
    bool incomplete;
} attendant;

static bool look_after(void *data, double pairs)
{
    const double SECONDS = 0.002;
    attendant *a = data;
    const ist_engine *engine = a->engine;
    ist_place_tile();
    if (engine->pulse)
        atomic_fetch_add(&engine->pulse->pairs, (int_fast64_t)pairs);
    if (engine->attend && ist_seconds() - a->attended >= SECONDS) {
        engine->attend(engine->attend_data);
        a->attended = ist_seconds();
    }
    a->incomplete = a->incomplete || ist_stop_poll(engine->stop);
    return a->incomplete;
}

ist_nearest *ist_kdtree_pass_nearest(const ist_comm *comm, const ist_engine *engine,
                                     const ist_kdtree *tree, int64_t k, ist_pass_stats *stats)
{
    attendant a = {.engine = engine};
    const ist_kd_watch watch = {look_after, &a};
    ist_nearest *lists = ist_nearest_lists(tree->rows, k, tree->ties);
    bool complete = ist_kdtree_nearest(tree, k, &watch, lists, stats);
    if (ist_stop_break_off(engine->stop, comm, !complete))
        ist_nearest_free(&lists);
    return lists;
}

bool ist_kdtree_pass_counts(const ist_comm *comm, const ist_engine *engine, const ist_kdtree *tree,
                            const ist_kd_question *question, const ist_kd_answer *answer,
                            ist_pass_stats *stats)
{
    attendant a = {.engine = engine};
    const ist_kd_watch watch = {look_after, &a};
    bool complete = ist_kdtree_counts(tree, question, &watch, answer, stats);
    return !ist_stop_break_off(engine->stop, comm, !complete);
}
