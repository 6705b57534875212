#include "infostrata/pairs.h"

void ist_slab_release(ist_slab *slab)
{
    ist_free(slab->narrow);
    ist_free(slab->wide);
    *slab = (ist_slab){0};
}

void ist_rows_release(ist_rows *rows)
{
    ist_slab_release(&rows->home);
    ist_packed_release(&rows->packed);
    ist_filter_release(&rows->filter);
    ist_blocks_release(&rows->blocks);
    *rows = (ist_rows){0};
}
