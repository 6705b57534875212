#include "infostrata/pairs.h"

void ist_slab_release(ist_slab *slab)
{
    for (int c = 0; c < 2 && slab->component; c++)
        ist_slab_release(&slab->component[c]);
    ist_free(slab->component);
    ist_free(slab->narrow);
    ist_free(slab->wide);
    *slab = (ist_slab){0};
}

static void twin_free(ist_rows *twin)
{
    if (!twin)
        return;
    if (twin->order != twin->place)
        ist_free((void *)(uintptr_t)twin->order);
    ist_free(twin->place);
    ist_rows_release(twin);
    ist_free(twin);
}

/* Home's rows and their copies are the components'. */
static void leave_components(ist_rows *joint)
{
    ist_free(joint->home.component);
    ist_free(joint->packed.component);
    joint->home.component = NULL;
    joint->packed.component = NULL;
    for (int c = 0; c < 2; c++)
        if (joint->made[c]) {
            ist_rows_release(joint->made[c]);
            ist_free(joint->made[c]);
        }
}

/* Home's values are the set's. */
void ist_rows_drop_integers(ist_rows *rows)
{
    if (!rows->integer)
        return;
    rows->integer->home = (ist_slab){0};
    ist_rows_release(rows->integer);
    ist_free(rows->integer);
    rows->integer = NULL;
}

void ist_rows_unpack_integers(ist_rows *rows)
{
    if (rows->integer)
        ist_packed_release(&rows->integer->packed);
}

void ist_rows_add_integers(ist_rows *rows, const ist_filter *filter)
{
    ist_rows *integer = ist_alloc(1, sizeof *integer);
    *integer = (ist_rows){.n = rows->n,
                          .d = rows->d,
                          .metric = rows->metric,
                          .blocks = ist_blocks_copy(&rows->blocks),
                          .order = rows->order,
                          .wide = rows->wide,
                          .filter = ist_filter_copy(filter, rows->d),
                          .home = rows->home,
                          .may_repeat = rows->may_repeat};
    rows->integer = integer;
}

const ist_rows *ist_rows_for_nearest(const ist_kernel *kernel, const ist_rows *rows)
{
    ist_rows *integer = rows->integer;
    if (!integer || !kernel->filter[IST_FILTER_INTEGER])
        return rows;
    if (!integer->packed.row)
        integer->packed = ist_pack(integer, &integer->home);
    return integer;
}

/* Near thresholds lie where few distances do: about those of a hundredth of the pairs an eighth as many as about typical ones, and
 * what is left open of a distance is up to twice as much. */
const ist_rows *ist_rows_for_counts(const ist_kernel *kernel, const ist_rows *rows,
                                    int64_t thresholds, const double *distance)
{
    const double most_open = 0.1, open_of_few = 0.25;
    int64_t entries = rows->home.count * thresholds;
    double far = 0;
    if (thresholds > IST_FEW_THRESHOLDS || !rows->integer)
        return rows;
    for (int64_t e = 0; e < entries; e++)
        far += distance[e] > rows->gain.few ? 1 : distance[e] > rows->gain.near ? open_of_few : 0;
    double open = far / (double)ist_max(rows->home.count, 1) * rows->gain.open;
    return open > most_open ? rows : ist_rows_for_nearest(kernel, rows);
}

void ist_rows_release(ist_rows *rows)
{
    twin_free(rows->twin);
    ist_rows_drop_integers(rows);
    if (ist_rows_are_joint(rows))
        leave_components(rows);
    ist_slab_release(&rows->home);
    ist_packed_release(&rows->packed);
    ist_filter_release(&rows->filter);
    ist_blocks_release(&rows->blocks);
    *rows = (ist_rows){0};
}
