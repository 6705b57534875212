/* The grid of a job: axes that advance together (zip) form one dimension; the product of the
 * dimensions' sizes are the points, those that `exclude` leaves are the cells. */
#ifndef IST_PLAN_GRID_H
#define IST_PLAN_GRID_H

#include "infostrata/plan.h"

typedef struct {
    const ist_job *job;
    size_t dimension_count;
    size_t *dimension; /* by axis */
    size_t *sizes;     /* by dimension */
    size_t point_count;
    size_t *cell_at; /* by point; SIZE_MAX: excluded */
} ist_grid;

/* The manifest room has seen to it that there are not too many points. */
void ist_grid_init(ist_grid *grid, const ist_job *job);
void ist_plan_grid_release(ist_grid *grid);

/* Fills plan->positions and cell_count, and the grid's cell_at. */
void ist_grid_cells(ist_grid *grid, ist_plan *plan);

/* Does every choice hold the position of its axis? `others` holds none. */
bool ist_selection_holds(const ist_selection *selection, const size_t *positions);
bool ist_choice_holds(const ist_choice *choice, size_t position);

#endif
