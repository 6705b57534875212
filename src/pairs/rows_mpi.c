#include "elsewhere.h"
#include "filter.h"
#include "infostrata/ring.h"

void ist_rows_natural(const ist_comm *comm, ist_metric metric, int64_t n, int64_t d, float *narrow,
                      double *wide, ist_rows *rows)
{
    *rows = (ist_rows){.n = n, .d = d, .metric = metric};
    const int64_t start[2] = {0, n};
    rows->blocks = ist_blocks_new(start, 1);
    int64_t first, last;
    ist_blocks_range(&rows->blocks, comm->size, comm->rank, &first, &last);
    rows->home = (ist_slab){.first = first, .count = last - first, .narrow = narrow, .wide = wide};
    rows->wide = ist_largest(comm, wide != NULL);
    ist_filter integer = ist_filter_agree(comm, rows);
    rows->may_repeat = true;
    rows->packed = ist_pack(rows, &rows->home);
    rows->may_repeat = ist_largest(comm, rows->packed.repeats) != 0;
    if (integer.form != IST_FILTER_NONE)
        ist_rows_add_integers(rows, &integer);
    ist_filter_release(&integer);
}

/* Where the set's rows with `count` numbers are found in its twin. */
static int64_t *places_in_twin(const ist_rows *twin, const int64_t *order, int64_t count)
{
    int64_t *at = ist_alloc((size_t)twin->n, sizeof *at);
    int64_t *place = ist_alloc((size_t)count, sizeof *place);
    for (int64_t p = 0; p < twin->n; p++)
        at[twin->place[p]] = p;
    for (int64_t p = 0; p < count; p++)
        place[p] = at[order[p]];
    ist_free(at);
    return place;
}

void ist_rows_by_part(const ist_comm *comm, const ist_rows *natural, int parts,
                      const int64_t *order, const int64_t *start, ist_rows *rows)
{
    ist_blocks blocks = ist_blocks_new(start, parts);
    if (natural->twin) {
        int64_t *place = places_in_twin(natural->twin, order, start[parts]);
        ist_rows_elsewhere(comm, natural->twin, blocks, place, rows);
        ist_free(place);
    } else {
        ist_rows_elsewhere(comm, natural, blocks, order, rows);
    }
    rows->order = order;
    rows->packed = ist_pack(rows, &rows->home);
    if (natural->integer) {
        rows->gain = natural->gain;
        ist_rows_add_integers(rows, &natural->integer->filter);
    }
}

ist_rows *ist_rows_in_own_order(const ist_comm *comm, const ist_rows *rows)
{
    const ist_rows *twin = rows->twin;
    if (!twin)
        return NULL;
    ist_rows *own = ist_alloc(1, sizeof *own);
    int64_t *place = ist_alloc((size_t)rows->n, sizeof *place);
    for (int64_t p = 0; p < rows->n; p++)
        place[twin->place[p]] = p;
    ist_rows_elsewhere(comm, twin, ist_blocks_copy(&rows->blocks), place, own);
    ist_free(place);
    own->order = rows->order;
    own->packed = ist_pack(own, &own->home);
    return own;
}

void ist_rows_joint(const ist_comm *comm, const ist_rows *x, double x_factor, const ist_rows *y,
                    double y_factor, ist_rows *joint)
{
    const ist_rows *component[2] = {x, y};
    const double factor[2] = {x_factor, y_factor};
    ist_rows *made[2] = {NULL, NULL};
    for (int c = 0; c < 2; c++)
        if ((made[c] = ist_rows_in_own_order(comm, component[c])))
            component[c] = made[c];
    ist_rows_join(component, factor, joint);
    joint->made[0] = made[0];
    joint->made[1] = made[1];
}
