/* The cells that the grid makes: how many, before any is made, and whether one is left. */
#include "room.h"

#include <stdlib.h>

/* The axes that the grid's product runs over: a zip counts once, through its first axis. */
static size_t leading_axes(const ist_job *job, size_t *leaders)
{
    size_t count = 0;
    for (size_t a = 0; a < job->axis_count; a++) {
        bool follows = false;
        for (size_t b = 0; b < a && job->axes[a].zip >= 0; b++) {
            follows = follows || job->axes[b].zip == job->axes[a].zip;
        }
        if (!follows)
            leaders[count++] = a;
    }
    return count;
}

static bool count_cells(reader *r, const node *grid, const size_t *leaders, size_t count)
{
    double product = 1; /* cannot overflow: 64 axes of 10^5 values are 10^320 at most, and inf > */
    ist_text written = {0};
    for (size_t i = 0; i < count; i++) {
        size_t values = r->job->axes[leaders[i]].count;
        if (values == 0)
            product = 0; /* a fault told already */
        product *= (double)values;
        ist_text_add(&written, "%s%zu", i ? " x " : "", values);
    }
    bool good = product > 0;
    if (product > IST_MAX_CELLS) {
        ist_faults_add(r->faults, grid->place, MSG_CELLS, written.data, product, IST_MAX_CELLS);
        good = false;
    }
    ist_text_release(&written);
    return good;
}

static int compare_positions(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static bool matches(const ist_selection *selection, const size_t *positions)
{
    for (size_t c = 0; c < selection->count; c++) {
        const ist_choice *choice = &selection->choices[c];
        if (!bsearch(&positions[choice->axis], choice->positions, choice->count, sizeof(size_t),
                     compare_positions))
            return false;
    }
    return true;
}

static bool is_excluded(const ist_job *job, const size_t *positions)
{
    for (size_t e = 0; e < job->exclude_count; e++) {
        if (matches(&job->excludes[e], positions))
            return true;
    }
    return false;
}

/* Sets an axis, and those zipped with it, to a position. */
static void move(const ist_job *job, size_t axis, size_t position, size_t *positions)
{
    for (size_t a = 0; a < job->axis_count; a++) {
        int zip = job->axes[a].zip;
        if (a == axis || (zip >= 0 && zip == job->axes[axis].zip))
            positions[a] = position;
    }
}

static bool any_cell_left(const ist_job *job, const size_t *leaders, size_t count,
                          size_t *positions)
{
    for (;;) {
        if (!is_excluded(job, positions))
            return true;
        size_t i = count;
        while (i > 0 && positions[leaders[i - 1]] + 1 == job->axes[leaders[i - 1]].count) {
            move(job, leaders[--i], 0, positions);
        }
        if (i == 0)
            return false;
        move(job, leaders[i - 1], positions[leaders[i - 1]] + 1, positions);
    }
}

void check_cells(reader *r, const node *grid, const node *exclude)
{
    const ist_job *job = r->job;
    size_t *leaders = pool_alloc(r->scratch, job->axis_count, sizeof *leaders);
    size_t *positions = pool_alloc(r->scratch, job->axis_count, sizeof *positions);
    size_t count = leading_axes(job, leaders);
    if (!count_cells(r, grid, leaders, count))
        return;
    /* Only where the grid is whole: zipped axes of unequal length have no cells to walk. */
    if (exclude && r->faults->count == 0 && !any_cell_left(job, leaders, count, positions)) {
        ist_faults_add(r->faults, exclude->place, MSG_NO_CELL);
    }
}
