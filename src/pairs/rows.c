#include "infostrata/pairs.h"

void ist_slab_release(ist_slab *slab)
{
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

void ist_rows_release(ist_rows *rows)
{
    twin_free(rows->twin);
    ist_slab_release(&rows->home);
    ist_packed_release(&rows->packed);
    ist_filter_release(&rows->filter);
    ist_blocks_release(&rows->blocks);
    *rows = (ist_rows){0};
}
