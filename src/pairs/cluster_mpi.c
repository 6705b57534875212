/* The clustered order of a set of rows, and what goes between the two orders. */
#include <math.h>
#include <string.h>

#include "chunks.h"
#include "cluster.h"
#include "elsewhere.h"
#include "infostrata/ring.h"
#include "infostrata/kdtree.h"

/* The order in the making: place[p], the position in the outer set of the row at position p, known to
 * all ranks. A run that lies in one rank's share of the positions is that rank's alone. */
typedef struct {
    const ist_comm *comm;
    const ist_near_kernel *kernel;
    const ist_rows *outer;
    int64_t *place;
    ist_run *own; /* runs of this rank that are still to be cut */
    int64_t own_count, own_room;
    float *sample, *centre, *direction;
} order_maker;

static void keep_for_later(order_maker *m, ist_run run)
{
    if (m->own_count == m->own_room) {
        int64_t room = 2 * m->own_room + 8;
        m->own = ist_grow(m->own, (size_t)m->own_count, (size_t)room, sizeof *m->own);
        m->own_room = room;
    }
    m->own[m->own_count++] = run;
}

/* The row of this rank at an outer position, or -1. */
static int64_t home_row(const ist_slab *home, int64_t position)
{
    int64_t row = position - home->first;
    return row >= 0 && row < home->count ? row : -1;
}

/* Sums of which one rank alone has a term that is not 0: exact in any order. */
static void put_together(const ist_comm *comm, float *values, int64_t count)
{
    const int64_t most = 1 << 28;
    for (int64_t done = 0; done < count; done += most)
        MPI_Allreduce(MPI_IN_PLACE, values + done, ist_narrow(ist_min(most, count - done)),
                      MPI_FLOAT, MPI_SUM, comm->handle);
}

static void agree_on_direction(order_maker *m, ist_run run)
{
    int64_t d = m->outer->d, sampled = ist_min(run.count, IST_CLUSTER_SAMPLE);
    memset(m->sample, 0, (size_t)(sampled * d) * sizeof *m->sample);
    for (int64_t s = 0; s < sampled; s++) {
        int64_t position = m->place[run.first + ist_share(run.count, sampled, s)];
        int64_t row = home_row(&m->outer->home, position);
        if (row >= 0)
            ist_copy_narrow(&m->outer->home, row, d, m->sample + s * d);
    }
    put_together(m->comm, m->sample, sampled * d);
    if (m->comm->rank == 0)
        ist_spread_direction(m->kernel, m->sample, sampled, d, m->centre, m->direction);
    else
        memset(m->centre, 0, (size_t)d * sizeof *m->centre);
    put_together(m->comm, m->centre, d);
    if (m->comm->rank != 0)
        memset(m->direction, 0, (size_t)d * sizeof *m->direction);
    put_together(m->comm, m->direction, d);
}

/* Runs that are shared by ranks are cut by all of them together; at most one such run begins in
 * each rank, and their sizes halve from level to level. */
static void cut_together(order_maker *m, ist_run run)
{
    const ist_comm *comm = m->comm;
    int owner = ist_blocks_owner(&m->outer->blocks, comm->size, run.first);
    if (owner == ist_blocks_owner(&m->outer->blocks, comm->size, run.first + run.count - 1)) {
        if (owner == comm->rank)
            keep_for_later(m, run);
        return;
    }
    agree_on_direction(m, run);
    float *projection = ist_alloc((size_t)run.count, sizeof *projection);
    for (int64_t i = 0; i < run.count; i++) {
        int64_t row = home_row(&m->outer->home, m->place[run.first + i]);
        if (row >= 0)
            projection[i] =
                ist_project(m->kernel, &m->outer->home, row, m->outer->d, m->centre, m->direction);
    }
    put_together(comm, projection, run.count);
    int64_t cut = ist_run_cut(run.count, IST_TILE);
    ist_cut_run(projection, run.count, cut, m->place + run.first);
    ist_free(projection);
    cut_together(m, (ist_run){run.first, cut});
    cut_together(m, (ist_run){run.first + cut, run.count - cut});
}

/* ---- this rank's own runs ------------------------------------------------------------------ */

/* Rows of `bytes` bytes to where `from` says: row i comes from row from[i]. In place, one cycle of the
 * permutation after the other. */
static void permute_rows(char *values, size_t bytes, int64_t count, const int64_t *from)
{
    bool *done = ist_alloc((size_t)count, sizeof *done);
    char *aside = ist_alloc(1, bytes);
    for (int64_t start = 0; start < count; start++) {
        if (done[start] || from[start] == start)
            continue;
        memcpy(aside, values + (size_t)start * bytes, bytes);
        int64_t at = start;
        while (from[at] != start) {
            memcpy(values + (size_t)at * bytes, values + (size_t)from[at] * bytes, bytes);
            done[at] = true;
            at = from[at];
        }
        memcpy(values + (size_t)at * bytes, aside, bytes);
        done[at] = true;
    }
    ist_free(aside);
    ist_free(done);
}

static void cut_own(const order_maker *m, ist_rows *rows)
{
    const ist_slab *home = &rows->home;
    int64_t *from = ist_alloc((size_t)home->count, sizeof *from);
    int64_t *place = ist_alloc((size_t)home->count, sizeof *place);
    for (int64_t i = 0; i < home->count; i++)
        from[i] = i;
    for (int64_t r = 0; r < m->own_count; r++)
        ist_cluster_rows(m->kernel, home, rows->d, IST_TILE, m->own[r].count,
                         from + (m->own[r].first - home->first));
    permute_rows(ist_slab_values(rows, home), ist_row_bytes(rows), home->count, from);
    for (int64_t i = 0; i < home->count; i++)
        place[i] = m->place[home->first + from[i]];
    memcpy(m->place + home->first, place, (size_t)home->count * sizeof *place);
    ist_free(from);
    ist_free(place);
}

static void share_places(const ist_comm *comm, const ist_rows *rows, int64_t *place)
{
    ist_gather_rows(comm, rows, MPI_INT64_T, NULL, place, true);
}

static int64_t *start_of_segments(const ist_blocks *blocks, int64_t *segments)
{
    int64_t *start = ist_alloc((size_t)blocks->count + 1, sizeof *start);
    *segments = 0;
    for (int64_t b = 0; b < blocks->count; b++)
        if (b == 0 || blocks->segment[b] != blocks->segment[b - 1])
            start[(*segments)++] = blocks->start[b];
    start[*segments] = blocks->start[blocks->count];
    return start;
}

static void order_maker_release(order_maker *m)
{
    ist_free(m->own);
    ist_free(m->sample);
    ist_free(m->centre);
    ist_free(m->direction);
}

static void make_twin(const ist_comm *comm, const ist_near_kernel *kernel, ist_rows *rows)
{
    size_t d = (size_t)rows->d;
    order_maker m = {.comm = comm, .kernel = kernel, .outer = rows};
    m.place = ist_alloc((size_t)rows->n, sizeof *m.place);
    m.sample = ist_alloc(IST_CLUSTER_SAMPLE * d, sizeof *m.sample);
    m.centre = ist_alloc(d, sizeof *m.centre);
    m.direction = ist_alloc(d, sizeof *m.direction);
    for (int64_t p = 0; p < rows->n; p++)
        m.place[p] = p;
    int64_t segments, *start = start_of_segments(&rows->blocks, &segments);
    for (int64_t s = 0; s < segments; s++)
        cut_together(&m, (ist_run){start[s], start[s + 1] - start[s]});
    ist_rows *twin = ist_alloc(1, sizeof *twin);
    ist_rows_elsewhere(comm, rows, ist_blocks_new(start, (int)segments), m.place, twin);
    cut_own(&m, twin);
    share_places(comm, twin, m.place);
    twin->place = m.place;
    twin->order = m.place;
    if (rows->order) {
        int64_t *number = ist_alloc((size_t)rows->n, sizeof *number);
        for (int64_t p = 0; p < rows->n; p++)
            number[p] = rows->order[m.place[p]];
        twin->order = number;
    }
    rows->twin = twin;
    ist_free(start);
    order_maker_release(&m);
}

/* Most numbers a sampled row: wider rows are folded with random signs, which keeps their distances
 * roughly (a count sketch). */
enum { SKETCH = 128 };

/* The copy of a row that the filter would make, or its sketch: `width` numbers, added to. */
static void add_sketch(const ist_rows *rows, int64_t row, int64_t width, float *sketch)
{
    double factor = ldexp(1, rows->filter.scale);
    for (int64_t f = 0; f < rows->d; f++) {
        int64_t at = row * rows->d + f;
        double value = rows->wide ? rows->home.wide[at] : (double)rows->home.narrow[at];
        double shift = rows->filter.shift ? rows->filter.shift[f] : 0;
        float copy = (float)((value - shift) * factor);
        bool turned = f >= width && (ist_random_word(0, IST_RANDOM_PARTS, (uint64_t)f) & 1);
        sketch[f % width] += turned ? -copy : copy;
    }
}

/* Rows of the first segment. */
static int64_t first_segment(const ist_blocks *blocks)
{
    int64_t last = 1;
    while (last < blocks->count && blocks->segment[last] == blocks->segment[0])
        last++;
    return blocks->start[last];
}

/* The trial of `auto` takes a hundredth of a rank's share of a pass, about; where that leaves too few rows
 * to learn from there is nothing to gain either. What is left to do must be less than integer copies take, which a twin has not. */
static bool is_promising(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows)
{
    enum { LEAST = 192, MOST = 1024 };
    /* Not by a timing: a set's order decides which checkpoints it knows. */
    bool integers = rows->integer && engine->kernel->filter[IST_FILTER_INTEGER];
    const double part = 1.0 / 36, worth = 0.05;
    double wanted = worth + (integers ? 1 - ist_integer_share(rows->d) : 0);
    int64_t n = first_segment(&rows->blocks), d = ist_min(rows->d, SKETCH);
    int64_t count = ist_min(MOST, (int64_t)((double)n * part / sqrt((double)comm->size)));
    if (count < LEAST)
        return false;
    float *sample = ist_alloc((size_t)(count * d), sizeof *sample);
    for (int64_t s = 0; s < count; s++) {
        int64_t row = home_row(&rows->home, ist_share(n, count, s));
        if (row >= 0)
            add_sketch(rows, row, d, sample + s * d);
    }
    put_together(comm, sample, count * d);
    bool promising =
        comm->rank == 0 && ist_cluster_promise(engine->kernel, sample, count, d) >= wanted;
    ist_free(sample);
    return ist_largest(comm, promising) != 0;
}

void ist_rows_cluster(const ist_comm *comm, const ist_engine *engine, ist_rows *rows)
{
    if (engine->skipping == IST_SKIP_NEVER || !ist_rows_can_look(rows) ||
        rows->filter.form == IST_FILTER_NONE || ist_largest(comm, !engine->kernel->near))
        return;
    bool tree = engine->tree != IST_TREE_NEVER && ist_kdtree_possible(rows);
    if (engine->skipping == IST_SKIP_AUTO && (tree || !is_promising(comm, engine, rows)))
        return;
    /* The values exist twice for a moment, their copies never. */
    ist_slab home = rows->home;
    ist_packed_release(&rows->packed);
    ist_rows_drop_integers(rows);
    make_twin(comm, engine->kernel->near, rows);
    ist_slab_release(&rows->home);
    rows->home = (ist_slab){.first = home.first, .count = home.count};
    rows->twin->packed = ist_pack(rows->twin, &rows->twin->home);
}
