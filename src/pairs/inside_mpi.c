/* Of a sample of rows: how many of the balls that all rows draw to their targets hold them. The other side of a rank, which says
 * how many rows one ball holds. */
#include <stdlib.h>
#include <string.h>

#include "elsewhere.h"
#include "sample.h"

/* At work on the set that has the values: the set itself, or its twin. */
typedef struct {
    const ist_rows *rows, *visited;
    bool by_index;
    int64_t k;
    int32_t *target;  /* home rows of the visited set x k: positions in it */
    double *distance; /* to those */
    ist_inside *found;
} balls;

void ist_inside_release(ist_inside *inside)
{
    ist_free(inside->position);
    ist_free(inside->twice);
    *inside = (ist_inside){0};
}

/* Of a position in the visited set: in the set that was asked about. */
static int64_t position_of(const balls *b, int64_t visited)
{
    return b->rows->twin ? b->visited->place[visited] : visited;
}

/* The sampled rows [first, first + count) on every rank, as tiles take columns. */
static void gather(const ist_comm *comm, const ist_kernel *kernel, const ist_rows *visited,
                   const int64_t *row, int count, double *columns)
{
    int64_t d = visited->d;
    const ist_slab *home = &visited->home;
    double *values = ist_alloc((size_t)(count * d), sizeof *values);
    for (int64_t s = 0; s < count; s++)
        for (int64_t f = 0; f < d && row[s] >= 0; f++)
            values[s * d + f] =
                home->wide ? home->wide[row[s] * d + f] : (double)home->narrow[row[s] * d + f];
    /* One rank alone has a term that is not 0: exact. */
    MPI_Allreduce(MPI_IN_PLACE, values, ist_narrow(count * d), MPI_DOUBLE, MPI_SUM, comm->handle);
    kernel->load_columns(NULL, values, count, d, NULL, columns);
    ist_free(values);
}

/* Adds 2 where the row is inside; says whether some are just at the border. */
static bool add_inner(const double *distance, int count, double limit, int64_t *twice)
{
    int64_t border = 0;
    for (int s = 0; s < count; s++) {
        twice[s] += 2 * (distance[s] < limit);
        border += distance[s] == limit;
    }
    return border > 0;
}

/* Rows at the border, as the ranks have them: the one that draws the ball is in it, the target is not. */
static void add_border(const balls *b, int64_t row, int64_t target, const double *distance,
                       const int64_t *sampled, int count, double limit, int64_t *twice)
{
    int64_t own = position_of(b, b->visited->home.first + row), to = position_of(b, target);
    for (int s = 0; s < count; s++) {
        if (distance[s] != limit || sampled[s] == to)
            continue;
        if (sampled[s] == own)
            twice[s] += 2;
        else if (!b->by_index)
            twice[s] += 1;
        else
            twice[s] += 2 * (ist_row_number(b->rows, sampled[s]) < ist_row_number(b->rows, to));
    }
}

/* One home row's balls against the sampled rows from `first` on, at these distances. */
static void add_row(const balls *b, int64_t row, const double *distance, int64_t first, int count)
{
    for (int64_t p = 0; p < b->k; p++) {
        int64_t at = row * b->k + p;
        int64_t *twice = b->found->twice + p * b->found->sampled + first;
        if (add_inner(distance, count, b->distance[at], twice))
            add_border(b, row, b->target[at], distance, b->found->position + first, count,
                       b->distance[at], twice);
    }
}

static void add_all(const ist_comm *comm, const ist_kernel *kernel, const balls *b)
{
    const ist_rows *visited = b->visited;
    const ist_slab *home = &visited->home;
    int64_t d = visited->d;
    size_t room = (size_t)(IST_TILE * d);
    int64_t *row = ist_sample_places(b->rows, b->found->position, b->found->sampled);
    double *columns = ist_alloc(room, sizeof *columns);
    double *tile = ist_alloc((size_t)IST_TILE * IST_TILE, sizeof *tile);
    for (int64_t first = 0; first < b->found->sampled; first += IST_TILE) {
        int count = (int)ist_min(IST_TILE, b->found->sampled - first);
        gather(comm, kernel, visited, row + first, count, columns);
        /* No more than the two tiles of values that a pass has, too. */
        double *rows = ist_alloc_unset(room, sizeof *rows);
        for (int64_t i = 0; i < home->count; i += IST_TILE) {
            int now = (int)ist_min(IST_TILE, home->count - i);
            kernel->load_rows(home->narrow ? home->narrow + i * d : NULL,
                              home->wide ? home->wide + i * d : NULL, now, d, NULL, rows);
            kernel->exact[visited->metric].tile(rows, now, columns, d, tile);
            for (int r = 0; r < now; r++)
                add_row(b, i + r, tile + (size_t)r * IST_TILE, first, count);
        }
        ist_free(rows);
    }
    ist_free(row);
    ist_free(columns);
    ist_free(tile);
}

ist_inside ist_inside_find(const ist_comm *comm, const ist_engine *engine, const ist_rows *rows,
                           bool by_index, int64_t k, int64_t stride, const int32_t *target,
                           int64_t most, ist_pass_stats *stats)
{
    ist_inside inside = {.k = k};
    inside.position = ist_sample_rows(rows, 0, most, &inside.sampled);
    inside.twice = ist_alloc((size_t)(k * inside.sampled), sizeof *inside.twice);
    balls b = {.rows = rows,
               .visited = rows->twin ? rows->twin : rows,
               .by_index = by_index,
               .k = k,
               .found = &inside};
    b.target = ist_alloc((size_t)(rows->home.count * k), sizeof *b.target);
    for (int64_t i = 0; i < rows->home.count; i++)
        memcpy(b.target + i * k, target + i * stride, (size_t)k * sizeof *b.target);
    if (rows->twin) {
        int32_t *there = ist_targets_in_twin(comm, rows, k, b.target);
        ist_free(b.target);
        b.target = there;
    }
    b.distance = ist_alloc((size_t)(b.visited->home.count * k), sizeof *b.distance);
    ist_turn_distances(comm, engine, b.visited, k, b.target, b.distance, stats);
    add_all(comm, engine->kernel, &b);
    ist_sum(comm, inside.twice, (size_t)(k * inside.sampled));
    ist_free(b.target);
    ist_free(b.distance);
    return inside;
}

void ist_inside_take(const ist_inside *inside, int64_t first, int64_t count, int64_t k,
                     int64_t *twice_inside)
{
    for (int64_t i = 0; i < count; i++)
        twice_inside[i] = -1;
    for (int64_t s = 0; s < inside->sampled; s++) {
        int64_t i = inside->position[s] - first;
        if (i < 0 || i >= count)
            continue;
        twice_inside[i] = 0;
        for (int64_t p = 0; p < k; p++)
            twice_inside[i] += inside->twice[p * inside->sampled + s];
    }
}
