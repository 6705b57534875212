#include "reference.h"

void ist_references_init(ist_references *references, const ist_grid *grid)
{
    size_t dimensions = grid->dimension_count, positions = 0;
    *references = (ist_references){0};
    references->start = ist_alloc(dimensions, sizeof *references->start);
    references->counts = ist_alloc(dimensions, sizeof *references->counts);
    references->at = ist_alloc(dimensions, sizeof *references->at);
    for (size_t d = 0; d < dimensions; d++) {
        references->start[d] = positions;
        positions += grid->sizes[d];
    }
    references->allowed = ist_alloc(positions, sizeof *references->allowed);
    references->excluded_at = ist_alloc(grid->job->axis_count, sizeof *references->excluded_at);
}

void ist_references_release(ist_references *references)
{
    ist_free(references->cells);
    ist_free(references->excluded_at);
    ist_free(references->start);
    ist_free(references->counts);
    ist_free(references->allowed);
    ist_free(references->at);
    *references = (ist_references){0};
}

static bool any_others(const ist_selection *against)
{
    for (size_t i = 0; i < against->count; i++) {
        if (against->choices[i].others)
            return true;
    }
    return false;
}

/* May the dimension be at `position`, seen from a cell that is at `own`? Axes of one zip that are
 * both named must agree. */
static bool may_be(const ist_grid *grid, const ist_selection *against, size_t dimension,
                   size_t position, size_t own)
{
    bool named = false;
    for (size_t i = 0; i < against->count; i++) {
        const ist_choice *choice = &against->choices[i];
        if (grid->dimension[choice->axis] != dimension)
            continue;
        named = true;
        if (choice->others ? position == own : !ist_choice_holds(choice, position))
            return false;
    }
    return named || position == own;
}

static size_t own_position(const ist_grid *grid, const size_t *positions, size_t dimension)
{
    size_t axis = 0;
    while (grid->dimension[axis] != dimension)
        axis++;
    return positions[axis];
}

/* Is the earlier cell `reference` compared with `cell` anyway, as the same pair? */
static bool comes_from_there(const ist_grid *grid, const ist_entry *entry, const size_t *cell,
                             const size_t *reference)
{
    if (!ist_selection_holds(&entry->where, reference))
        return false;
    for (size_t a = 0; a < grid->job->axis_count; a++) {
        if (!may_be(grid, &entry->against, grid->dimension[a], cell[a], reference[a]))
            return false;
    }
    return true;
}

static void add_reference(ist_references *references, size_t cell)
{
    if (references->count == references->capacity) {
        size_t capacity = references->capacity ? 2 * references->capacity : 16;
        references->cells =
            ist_grow(references->cells, references->count, capacity, sizeof *references->cells);
        references->capacity = capacity;
    }
    references->cells[references->count++] = cell;
}

static void note_excluded(ist_references *references, const ist_grid *grid)
{
    for (size_t a = 0; !references->excluded && a < grid->job->axis_count; a++) {
        size_t d = grid->dimension[a];
        references->excluded_at[a] = references->allowed[references->start[d] + references->at[d]];
    }
    references->excluded = true;
}

/* The next combination of allowed positions, the last dimension fastest. */
static bool advance(ist_references *references, size_t dimensions)
{
    for (size_t d = dimensions; d-- > 0;) {
        if (++references->at[d] < references->counts[d])
            return true;
        references->at[d] = 0;
    }
    return false;
}

static size_t point_of(const ist_references *references, const ist_grid *grid)
{
    size_t point = 0;
    for (size_t d = 0; d < grid->dimension_count; d++) {
        size_t position = references->allowed[references->start[d] + references->at[d]];
        point = point * grid->sizes[d] + position;
    }
    return point;
}

/* Lists what every dimension may be; false if one of them may be nothing. */
static bool list_allowed(ist_references *references, const ist_grid *grid, const ist_entry *entry,
                         const size_t *positions)
{
    for (size_t d = 0; d < grid->dimension_count; d++) {
        size_t own = own_position(grid, positions, d);
        references->counts[d] = references->at[d] = 0;
        for (size_t p = 0; p < grid->sizes[d]; p++) {
            if (may_be(grid, &entry->against, d, p, own))
                references->allowed[references->start[d] + references->counts[d]++] = p;
        }
        if (references->counts[d] == 0)
            return false;
    }
    return true;
}

void ist_references_find(ist_references *references, const ist_grid *grid, const ist_plan *plan,
                         const ist_entry *entry, size_t cell)
{
    const size_t *positions = ist_plan_cell(plan, cell);
    bool others = any_others(&entry->against);
    references->count = 0;
    references->excluded = false;
    if (!list_allowed(references, grid, entry, positions))
        return;
    do {
        size_t other = grid->cell_at[point_of(references, grid)];
        if (other == SIZE_MAX && !others) {
            note_excluded(references, grid);
        } else if (other == SIZE_MAX || other == cell) {
            continue;
        } else if (!others || other > cell ||
                   !comes_from_there(grid, entry, positions, ist_plan_cell(plan, other))) {
            add_reference(references, other);
        }
    } while (advance(references, grid->dimension_count));
}
