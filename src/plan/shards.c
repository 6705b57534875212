/* The cells of a job, shared out to runs that do not know of each other: by the plan alone, so that all of them share alike. */
#include <stdlib.h>

#include "infostrata/plan.h"

typedef struct {
    size_t cell;
    double cost;
} weighed_cell;

static int by_cost(const void *a, const void *b)
{
    const weighed_cell *x = a, *y = b;
    if (x->cost != y->cost)
        return x->cost > y->cost ? -1 : 1;
    return x->cell < y->cell ? -1 : x->cell > y->cell;
}

/* Passes grow with N^2 d; those that tasks share are counted for each, which is as unjust to all cells. */
static double cost_of(const ist_plan *plan, const ist_task *task)
{
    const ist_layer *source = &plan->layers[task->source];
    double n = (double)source->n, d = (double)source->shape.d;
    if (!task->labels_target)
        d += (double)plan->layers[task->target].shape.d;
    return 1 + n * n * (d + 1);
}

int *ist_plan_shards(const ist_plan *plan, int count)
{
    weighed_cell *cells = ist_alloc(plan->cell_count, sizeof *cells);
    double *load = ist_alloc((size_t)count, sizeof *load);
    int *shard_of = ist_alloc(plan->cell_count, sizeof *shard_of);
    for (size_t c = 0; c < plan->cell_count; c++)
        cells[c].cell = c;
    for (size_t t = 0; t < plan->task_count; t++)
        if (plan->tasks[t].twin == t)
            cells[plan->tasks[t].cell].cost += cost_of(plan, &plan->tasks[t]);
    qsort(cells, plan->cell_count, sizeof *cells, by_cost);
    for (size_t c = 0; c < plan->cell_count; c++) {
        int least = 0;
        for (int s = 1; s < count; s++)
            if (load[s] < load[least])
                least = s;
        shard_of[cells[c].cell] = least;
        load[least] += cells[c].cost;
    }
    ist_free(cells);
    ist_free(load);
    return shard_of;
}
