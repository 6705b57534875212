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

void ist_rows_release(ist_rows *rows)
{
    twin_free(rows->twin);
    if (ist_rows_are_joint(rows))
        leave_components(rows);
    ist_slab_release(&rows->home);
    ist_packed_release(&rows->packed);
    ist_filter_release(&rows->filter);
    ist_blocks_release(&rows->blocks);
    *rows = (ist_rows){0};
}
