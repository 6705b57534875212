#include "rows.h"

void rows_distributed(const ist_comm *comm, ist_metric metric, const double *values, int64_t n,
                      int64_t d, bool wide, ist_rows *rows)
{
    const int64_t start[2] = {0, n};
    ist_blocks blocks = ist_blocks_new(start, 1);
    int64_t first, last;
    ist_blocks_range(&blocks, comm->size, comm->rank, &first, &last);
    ist_blocks_release(&blocks);
    size_t count = (size_t)((last - first) * d);
    double *mine = wide ? ist_alloc(count, sizeof *mine) : NULL;
    float *narrow = wide ? NULL : ist_alloc(count, sizeof *narrow);
    for (size_t e = 0; e < count; e++) {
        if (wide)
            mine[e] = values[(size_t)(first * d) + e];
        else
            narrow[e] = (float)values[(size_t)(first * d) + e];
    }
    ist_rows_natural(comm, metric, n, d, narrow, mine, rows);
}
