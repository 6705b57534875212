/* What passes are asked: the k nearest of every row, counts below its thresholds. Of a set with a twin there, and what is found is
 * brought home; by a k-d tree where that is faster. */
#include <string.h>

#include "elsewhere.h"
#include "infostrata/ring.h"
#include "kdtree_gather.h"
#include "keeping.h"

/* Records of the visited set's home rows, for those of the set that was asked about. */
static void *carry_home(const ist_comm *comm, const ist_rows *rows, size_t bytes, void *found)
{
    if (!rows->twin)
        return found;
    void *home = ist_alloc((size_t)rows->home.count, bytes);
    ist_carry(comm, rows, rows->twin, rows->twin->place, IST_CARRY_BACK, bytes, found, home);
    ist_free(found);
    return home;
}

/* Lists found in the twin, for the set's home rows and in its positions. Nothing waits any more: that
 * room goes before more is needed. */
static void bring_home(const ist_comm *comm, const ist_rows *rows, ist_nearest *nearest)
{
    const ist_rows *twin = rows->twin;
    size_t k = (size_t)nearest->k;
    ist_free(nearest->waiting_room);
    nearest->waiting_room = NULL;
    for (int64_t e = 0; e < twin->home.count * nearest->k; e++)
        nearest->neighbour[e] = (int32_t)twin->place[nearest->neighbour[e]];
    nearest->distance = carry_home(comm, rows, k * sizeof *nearest->distance, nearest->distance);
    nearest->neighbour = carry_home(comm, rows, k * sizeof *nearest->neighbour, nearest->neighbour);
    nearest->held = carry_home(comm, rows, sizeof *nearest->held, nearest->held);
    nearest->rows = rows;
    nearest->position = rows->home.first;
    nearest->count = rows->home.count;
}

/* Lists that are kept may be longer than those asked for. */
static ist_nearest *empty_lists(const ist_comm *comm, const ist_engine *engine,
                                const ist_nearest_question *q, ist_tie_rule ties)
{
    int64_t kept = ist_keeping_width(comm, engine, q->rows, q->place, &ties, q->k);
    return ist_nearest_new(q->rows, kept, ties);
}

/* Joint sets of integer copies in the place of what is asked about: where all that have a filter have the same copies of the second
 * component, whose tiles are computed once for all. made[count]: NULL where there is none. */
static void visit_integers(const ist_kernel *kernel, ist_nearest_question *q, int count,
                           ist_rows **made)
{
    const ist_rows *second = NULL;
    bool together = true;
    for (int i = 0; i < count; i++) {
        if (q[i].rows->filter.form != IST_FILTER_JOINT)
            continue;
        made[i] = ist_rows_join_integers(kernel, q[i].rows);
        const ist_rows *own = made[i] ? made[i]->component[1] : q[i].rows->component[1];
        together = together && (!second || own == second);
        second = own;
    }
    for (int i = 0; i < count; i++)
        if (made[i] && together)
            q[i].rows = made[i];
}

/* Answers all questions, by tiles; false, and none is answered: broken off. */
static bool visit_together(const ist_comm *comm, const ist_engine *engine, ist_nearest_question *q,
                           int count, ist_tie_rule ties, ist_pass_stats *stats)
{
    ist_pass_member *pass = ist_alloc((size_t)count, sizeof *pass);
    for (int i = 0; i < count; i++) {
        q[i].nearest = empty_lists(comm, engine, &q[i], ties);
        pass[i] = (ist_pass_member){q[i].rows, q[i].nearest, q[i].place};
    }
    bool whole = ist_pass_together(comm, engine, pass, count, &ist_nearest_consumer, &ties, stats);
    for (int i = 0; i < count; i++)
        if (!whole) {
            ist_nearest_free(&q[i].nearest);
        } else {
            ist_nearest_sort(q[i].nearest);
            ist_nearest_trim(q[i].nearest, q[i].k);
        }
    ist_free(pass);
    return whole;
}

/* Of the questions that have no answer yet; none has one where the passes are broken off. */
static void nearest_by_tiles(const ist_comm *comm, const ist_engine *engine,
                             ist_nearest_question *q, int count, ist_tie_rule ties,
                             ist_pass_stats *stats)
{
    ist_nearest_question *open = ist_alloc((size_t)count, sizeof *open);
    ist_rows **made = ist_alloc((size_t)count, sizeof *made);
    int passes = 0;
    for (int i = 0; i < count; i++)
        if (!q[i].nearest)
            open[passes++] = q[i];
    visit_integers(engine->kernel, open, passes, made);
    bool whole = passes == 0 || visit_together(comm, engine, open, passes, ties, stats);
    for (int i = 0, at = 0; i < count; i++) {
        if (!whole) {
            ist_nearest_free(&q[i].nearest);
        } else if (!q[i].nearest) {
            q[i].nearest = open[at++].nearest;
            q[i].nearest->rows = q[i].rows;
        }
    }
    for (int i = 0; i < passes; i++)
        if (made[i]) {
            ist_rows_release(made[i]);
            ist_free(made[i]);
        }
    ist_free(made);
    ist_free(open);
}

void ist_pass_nearest_together(const ist_comm *comm, const ist_engine *engine,
                               ist_nearest_question *questions, int count, ist_tie_rule ties,
                               ist_pass_stats *stats)
{
    for (int i = 0; i < count; i++) {
        ist_nearest_question *q = &questions[i];
        q->nearest = NULL;
        ist_kdtree *tree = ist_kdtree_gather(comm, engine, q->rows, ties, stats);
        if (tree && ist_kdtree_is_faster_for_nearest(comm, engine, tree, q->k))
            q->nearest = ist_kdtree_pass_nearest(comm, engine, tree, q->k, stats);
        ist_kdtree_free(&tree);
    }
    nearest_by_tiles(comm, engine, questions, count, ties, stats);
}

ist_nearest *ist_pass_nearest(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                              int64_t k, ist_tie_rule ties, ist_pass_stats *stats)
{
    const ist_rows *visited = ist_rows_for_nearest(engine->kernel, rows);
    ist_nearest_question q = {.rows = rows->twin ? rows->twin : visited, .k = k};
    if (engine->keeper)
        q.place = engine->keeper->place;
    ist_pass_nearest_together(comm, engine, &q, 1, ties, stats);
    if (q.nearest && rows->twin)
        bring_home(comm, rows, q.nearest);
    if (q.nearest)
        q.nearest->rows = rows;
    return q.nearest;
}

/* Thresholds [from, from + count) of every row, side by side. */
static void *take_slots(const void *all, size_t bytes, int64_t rows, int64_t stride, int64_t from,
                        int64_t count)
{
    if (!all)
        return NULL;
    char *taken = ist_alloc((size_t)(rows * count), bytes);
    for (int64_t i = 0; i < rows; i++)
        memcpy(taken + (size_t)(i * count) * bytes,
               (const char *)all + (size_t)(i * stride + from) * bytes, (size_t)count * bytes);
    return taken;
}

/* A batch of thresholds, and where their results go. */
typedef struct {
    const ist_comm *comm;
    const ist_engine *engine;
    ist_kdtree **tree; /* of the rows that are visited; becomes NULL where tiles are faster */
    bool by_index;
    int64_t now;     /* thresholds a row */
    int32_t *target; /* either may be NULL */
    double *given;
    int64_t told; /* of the last so many the equal ones */
    ist_pass_stats *stats;
} counting;

/* Of each row the ranks of its thresholds, `stride` a row, and how many are equal to those that are told. */
typedef struct {
    int64_t stride, *twice_rank, told_stride, *equal;
} ranks_of;

/* The distances to the targets, or what was given: takes that over. */
static double *thresholds_of(const counting *c, const ist_rows *rows)
{
    if (!c->target)
        return c->given;
    int64_t entries = rows->home.count * c->now;
    double *distance = ist_alloc((size_t)entries, sizeof *distance);
    if (*c->tree)
        ist_kdtree_distances(*c->tree, c->now, c->target, distance);
    else
        ist_turn_distances(c->comm, c->engine, rows, c->now, c->target, distance, c->stats);
    for (int64_t e = 0; c->given && e < entries; e++)
        if (c->target[e] < 0)
            distance[e] = c->given[e];
    ist_free(c->given);
    return distance;
}

/* Takes over the target and the distance. */
static bool count_by_tiles(const counting *c, const ist_rows *rows, double *distance,
                           const ranks_of *to)
{
    const ist_rows *visited = ist_rows_for_counts(c->engine->kernel, rows, c->now, distance);
    ist_counts *counts = ist_counts_new(visited, c->now, c->by_index, c->target, distance);
    bool complete = ist_pass(c->comm, c->engine, visited, &ist_counts_consumer, counts,
                             &(ist_tie_rule){0}, c->stats);
    if (complete) {
        ist_counts_scanned(counts);
        ist_counts_ranks(counts, to->stride, to->twice_rank, c->told, to->told_stride, to->equal);
    }
    ist_counts_free(&counts);
    return complete;
}

/* Takes over target and given. false: broken off. */
static bool count_batch(const counting *c, const ist_rows *rows, const ranks_of *to)
{
    double *distance = thresholds_of(c, rows);
    ist_kd_question question = {.thresholds = c->now,
                                .by_index = c->by_index && c->target,
                                .distance = distance,
                                .target = c->target};
    if (*c->tree && !ist_kdtree_is_faster_for_counts(c->comm, c->engine, *c->tree, &question))
        ist_kdtree_free(c->tree);
    if (!*c->tree)
        return count_by_tiles(c, rows, distance, to);
    ist_kd_answer answer = {.stride = to->stride,
                            .twice_rank = to->twice_rank,
                            .told = c->told,
                            .told_stride = to->told_stride,
                            .told_equal = to->equal};
    bool complete =
        ist_kdtree_pass_counts(c->comm, c->engine, *c->tree, &question, &answer, c->stats);
    ist_free(distance);
    ist_free(c->target);
    return complete;
}

/* columns [0, count) of `from`, side by side, to their place among `stride` columns. */
static void put_columns(const int64_t *from, int64_t rows, int64_t count, int64_t *to,
                        int64_t stride)
{
    for (int64_t i = 0; i < rows; i++)
        memcpy(to + i * stride, from + i * count, (size_t)count * sizeof *to);
}

static bool count_in_twin(const counting *c, const ist_rows *rows, const ranks_of *to)
{
    const ist_rows *twin = rows->twin;
    int64_t count = rows->home.count;
    counting there = *c;
    if (c->target)
        there.target = ist_targets_in_twin(c->comm, rows, c->now, c->target);
    if (c->given) {
        there.given = ist_alloc((size_t)(twin->home.count * c->now), sizeof *there.given);
        ist_carry(c->comm, rows, twin, twin->place, IST_CARRY_THERE,
                  (size_t)c->now * sizeof *there.given, c->given, there.given);
    }
    ist_free(c->target);
    ist_free(c->given);
    int64_t *ranks = ist_alloc((size_t)(twin->home.count * c->now), sizeof *ranks);
    int64_t *same = ist_alloc((size_t)(twin->home.count * c->told), sizeof *same);
    if (!count_batch(&there, twin, &(ranks_of){c->now, ranks, c->told, same})) {
        ist_free(ranks);
        ist_free(same);
        return false;
    }
    ranks = carry_home(c->comm, rows, (size_t)c->now * sizeof *ranks, ranks);
    put_columns(ranks, count, c->now, to->twice_rank, to->stride);
    ist_free(ranks);
    if (c->told > 0) {
        same = carry_home(c->comm, rows, (size_t)c->told * sizeof *same, same);
        put_columns(same, count, c->told, to->equal, to->told_stride);
    }
    ist_free(same);
    return true;
}

bool ist_pass_counts(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                     bool by_index, const ist_thresholds *thresholds, int64_t batch,
                     int64_t *twice_rank, int64_t *equal, ist_pass_stats *stats)
{
    int64_t stride = thresholds->stride, told = thresholds->told, count = rows->home.count;
    bool complete = true;
    /* Where numbers decide, they are the words that equal rows are ordered by. */
    ist_kdtree *tree = ist_kdtree_gather(comm, engine, rows->twin ? rows->twin : rows,
                                         (ist_tie_rule){.by_index = true}, stats);
    for (int64_t from = 0; from < stride && complete; from += batch) {
        int64_t now = ist_min(batch, stride - from);
        int64_t first_told = ist_max(from, stride - told);
        counting c = {.comm = comm,
                      .engine = engine,
                      .tree = &tree,
                      .by_index = by_index,
                      .now = now,
                      .told = ist_max(0, from + now - first_told),
                      .stats = stats};
        c.target = take_slots(thresholds->target, sizeof *c.target, count, stride, from, now);
        c.given = take_slots(thresholds->given, sizeof *c.given, count, stride, from, now);
        int64_t *same = c.told > 0 ? equal + first_told - (stride - told) : NULL;
        ranks_of to = {stride, twice_rank + from, told, same};
        complete = rows->twin ? count_in_twin(&c, rows, &to) : count_batch(&c, rows, &to);
    }
    ist_kdtree_free(&tree);
    return complete;
}

static bool counts_below_in_twin(const ist_comm *comm, const ist_engine *engine,
                                 const ist_rows *rows, int64_t thresholds, const double *threshold,
                                 int64_t *closer, int64_t *equal, ist_pass_stats *stats)
{
    const ist_rows *twin = rows->twin;
    size_t entries = (size_t)(twin->home.count * thresholds);
    double *there = ist_alloc(entries, sizeof *there);
    int64_t *found = ist_alloc(entries, sizeof *found), *same = ist_alloc(entries, sizeof *same);
    size_t bytes = (size_t)thresholds * sizeof *there;
    ist_carry(comm, rows, twin, twin->place, IST_CARRY_THERE, bytes, threshold, there);
    bool complete =
        ist_pass_counts_below(comm, engine, twin, thresholds, there, found, same, stats);
    ist_carry(comm, rows, twin, twin->place, IST_CARRY_BACK, bytes, found, closer);
    if (equal)
        ist_carry(comm, rows, twin, twin->place, IST_CARRY_BACK, bytes, same, equal);
    ist_free(there);
    ist_free(found);
    ist_free(same);
    return complete;
}

static bool counts_by_tiles(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                            int64_t thresholds, const double *threshold, int64_t *closer,
                            int64_t *equal, ist_pass_stats *stats)
{
    size_t entries = (size_t)(rows->home.count * thresholds);
    double *own = ist_alloc(entries, sizeof *own);
    if (entries > 0)
        memcpy(own, threshold, entries * sizeof *own);
    const ist_rows *visited = ist_rows_for_counts(engine->kernel, rows, thresholds, own);
    ist_counts *counts = ist_counts_new(visited, thresholds, false, NULL, own);
    bool complete =
        ist_pass(comm, engine, visited, &ist_counts_consumer, counts, &(ist_tie_rule){0}, stats);
    if (complete)
        ist_counts_get(counts, closer, equal);
    ist_counts_free(&counts);
    return complete;
}

bool ist_pass_counts_below(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                           int64_t thresholds, const double *threshold, int64_t *closer,
                           int64_t *equal, ist_pass_stats *stats)
{
    if (rows->twin)
        return counts_below_in_twin(comm, engine, rows, thresholds, threshold, closer, equal,
                                    stats);
    ist_kdtree *tree =
        ist_kdtree_gather(comm, engine, rows, (ist_tie_rule){.by_index = true}, stats);
    ist_kd_question question = {.thresholds = thresholds, .distance = threshold};
    ist_kd_answer answer = {.closer = closer, .equal = equal};
    bool complete =
        tree && ist_kdtree_is_faster_for_counts(comm, engine, tree, &question)
            ? ist_kdtree_pass_counts(comm, engine, tree, &question, &answer, stats)
            : counts_by_tiles(comm, engine, rows, thresholds, threshold, closer, equal, stats);
    ist_kdtree_free(&tree);
    return complete;
}
