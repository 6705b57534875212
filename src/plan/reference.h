/* `against`: the cells that a cell is compared with. */
#ifndef IST_PLAN_REFERENCE_H
#define IST_PLAN_REFERENCE_H

#include "grid.h"

/* Reference cells of one cell, with the scratch space to find them. */
typedef struct {
    size_t *cells;
    size_t count, capacity;
    bool
        excluded; /* a cell named by its values is not in the grid: excluded_at are its positions */
    size_t *excluded_at;
    /* scratch: what each dimension may be; allowed positions at start[d] .. start[d] + counts[d] */
    size_t *start, *counts, *allowed, *at;
} ist_references;

void ist_references_init(ist_references *references, const ist_grid *grid);
void ist_references_release(ist_references *references);

/* The references of `cell` for an entry with `against`, in grid order. A cell that is its own
 * reference is left out. With `others` each pair of cells comes once: from its earlier cell, unless
 * only the later one has the earlier one as its reference. */
void ist_references_find(ist_references *references, const ist_grid *grid, const ist_plan *plan,
                         const ist_entry *entry, size_t cell);

#endif
