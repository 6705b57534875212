/* Cells: the points of the grid in order, the first axis slowest, less the excluded ones. */
#include "grid.h"

static void group_axes(ist_grid *grid)
{
    const ist_job *job = grid->job;
    for (size_t a = 0; a < job->axis_count; a++) {
        const ist_axis *axis = &job->axes[a];
        size_t partner = 0;
        while (partner < a && (axis->zip < 0 || job->axes[partner].zip != axis->zip))
            partner++;
        if (partner < a) {
            grid->dimension[a] = grid->dimension[partner];
        } else {
            grid->dimension[a] = grid->dimension_count;
            grid->sizes[grid->dimension_count++] = axis->count;
        }
    }
}

void ist_grid_init(ist_grid *grid, const ist_job *job)
{
    *grid = (ist_grid){.job = job, .point_count = 1};
    grid->dimension = ist_alloc(job->axis_count, sizeof *grid->dimension);
    grid->sizes = ist_alloc(job->axis_count, sizeof *grid->sizes);
    group_axes(grid);
    for (size_t d = 0; d < grid->dimension_count; d++)
        grid->point_count *= grid->sizes[d];
    grid->cell_at = ist_alloc(grid->point_count, sizeof *grid->cell_at);
}

void ist_plan_grid_release(ist_grid *grid)
{
    ist_free(grid->dimension);
    ist_free(grid->sizes);
    ist_free(grid->cell_at);
    *grid = (ist_grid){0};
}

bool ist_choice_holds(const ist_choice *choice, size_t position)
{
    for (size_t i = 0; i < choice->count; i++) {
        if (choice->positions[i] == position)
            return true;
    }
    return false;
}

bool ist_selection_holds(const ist_selection *selection, const size_t *positions)
{
    for (size_t i = 0; i < selection->count; i++) {
        const ist_choice *choice = &selection->choices[i];
        if (!ist_choice_holds(choice, positions[choice->axis]))
            return false;
    }
    return true;
}

static bool is_excluded(const ist_job *job, const size_t *positions)
{
    for (size_t i = 0; i < job->exclude_count; i++) {
        if (ist_selection_holds(&job->excludes[i], positions))
            return true;
    }
    return false;
}

/* The position of each axis at a point; the last dimension is the fastest. */
static void point_positions(const ist_grid *grid, size_t point, size_t *coordinates,
                            size_t *positions)
{
    for (size_t d = grid->dimension_count; d-- > 0; point /= grid->sizes[d])
        coordinates[d] = point % grid->sizes[d];
    for (size_t a = 0; a < grid->job->axis_count; a++)
        positions[a] = coordinates[grid->dimension[a]];
}

void ist_grid_cells(ist_grid *grid, ist_plan *plan)
{
    size_t axes = grid->job->axis_count;
    size_t *coordinates = ist_alloc(grid->dimension_count, sizeof *coordinates);
    plan->positions = ist_alloc(grid->point_count * axes, sizeof *plan->positions);
    plan->cell_count = 0;
    for (size_t point = 0; point < grid->point_count; point++) {
        size_t *positions = plan->positions + plan->cell_count * axes;
        point_positions(grid, point, coordinates, positions);
        bool excluded = is_excluded(grid->job, positions);
        grid->cell_at[point] = excluded ? SIZE_MAX : plan->cell_count++;
    }
    ist_free(coordinates);
}
