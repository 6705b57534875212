/* Rows onto directions, tile by tile. Chunks of features are so short that those of a panel stay in the first-level
 * cache while the rows pass by. */
#include <math.h>
#include <string.h>

#include "infostrata/slices.h"

enum { GROUPS = 8, AT_ONCE = GROUPS * IST_PROJECT_ROWS, CHUNK = 128 };

static void tile_reference(const double *block, const double *panel, int width, int64_t features,
                           double *sums)
{
    for (int64_t f = 0; f < features; f++)
        for (int r = 0; r < IST_PROJECT_ROWS; r++)
            for (int c = 0; c < width; c++) {
                double *sum = &sums[r * IST_PROJECT_COLUMNS + c];
                *sum = fma(block[f * IST_PROJECT_ROWS + r], panel[f * width + c], *sum);
            }
}

#ifndef IST_NO_X86
ist_project_tile ist_project64_avx2, ist_project64_avx512;
#endif

ist_project_tile *ist_project_tile_of(const char *kernel)
{
#ifndef IST_NO_X86
    if (strncmp(kernel, "avx512", strlen("avx512")) == 0)
        return ist_project64_avx512;
    if (strcmp(kernel, "avx2") == 0)
        return ist_project64_avx2;
#else
    (void)kernel;
#endif
    return tile_reference;
}

/* All panels but the last have IST_PROJECT_COLUMNS directions. */
static int width_of(int64_t columns, int64_t first)
{
    int64_t left = ist_min(columns - first, IST_PROJECT_COLUMNS);
    return (int)(ist_ceil_div(left, IST_PROJECT_STEP) * IST_PROJECT_STEP);
}

int64_t ist_project_panels_size(int64_t columns, int64_t d)
{
    return ist_ceil_div(columns, IST_PROJECT_STEP) * IST_PROJECT_STEP * d;
}

double *ist_project_panels(const double *directions, int64_t columns, int64_t d)
{
    double *panels = ist_alloc((size_t)ist_project_panels_size(columns, d), sizeof *panels);
    for (int64_t c = 0; c < columns; c++) {
        int64_t first = c / IST_PROJECT_COLUMNS * IST_PROJECT_COLUMNS;
        int width = width_of(columns, first);
        double *panel = panels + first * d + (c - first);
        for (int64_t f = 0; f < d; f++)
            panel[f * width] = directions[c * d + f];
    }
    return panels;
}

int64_t ist_project_room(int64_t columns)
{
    int64_t panels = ist_ceil_div(columns, IST_PROJECT_COLUMNS);
    return AT_ONCE * CHUNK + panels * AT_ONCE * IST_PROJECT_COLUMNS;
}

/* `count` rows' features [first, first + features), feature-major in groups of IST_PROJECT_ROWS; rows beyond are 0. */
static void pack(const float *narrow, const double *wide, int64_t count, int64_t d, int64_t first,
                 int64_t features, double *block)
{
    for (int64_t r = 0; r < ist_ceil_div(count, IST_PROJECT_ROWS) * IST_PROJECT_ROWS; r++) {
        double *to = block + r / IST_PROJECT_ROWS * IST_PROJECT_ROWS * CHUNK + r % IST_PROJECT_ROWS;
        int64_t from = r * d + first;
        for (int64_t f = 0; f < features; f++) {
            double value = 0;
            if (r < count && narrow)
                value = (double)narrow[from + f];
            else if (r < count && wide)
                value = wide[from + f];
            to[f * IST_PROJECT_ROWS] = value;
        }
    }
}

/* Up to AT_ONCE rows onto all directions: the sums of group g and panel p lie at
 * sums[(p GROUPS + g) IST_PROJECT_ROWS IST_PROJECT_COLUMNS]. */
static void project_rows(ist_project_tile *tile, const float *narrow, const double *wide,
                         int64_t count, int64_t d, const double *panels, int64_t columns,
                         double *block, double *sums)
{
    enum { TILE = IST_PROJECT_ROWS * IST_PROJECT_COLUMNS };
    int64_t panel_count = ist_ceil_div(columns, IST_PROJECT_COLUMNS);
    int64_t groups = ist_ceil_div(count, IST_PROJECT_ROWS);
    memset(sums, 0, (size_t)(panel_count * GROUPS * TILE) * sizeof *sums);
    for (int64_t first = 0; first < d; first += CHUNK) {
        int64_t features = ist_min(CHUNK, d - first);
        pack(narrow, wide, count, d, first, features, block);
        for (int64_t p = 0; p < panel_count; p++) {
            int width = width_of(columns, p * IST_PROJECT_COLUMNS);
            const double *panel = panels + p * IST_PROJECT_COLUMNS * d + first * width;
            for (int64_t g = 0; g < groups; g++)
                tile(block + g * IST_PROJECT_ROWS * CHUNK, panel, width, features,
                     sums + (p * GROUPS + g) * TILE);
        }
    }
}

void ist_slice_project(ist_project_tile *tile, const float *narrow, const double *wide,
                       int64_t rows, int64_t d, const double *panels, int64_t columns, double *room,
                       double *out)
{
    enum { TILE = IST_PROJECT_ROWS * IST_PROJECT_COLUMNS };
    double *block = room, *sums = room + AT_ONCE * CHUNK;
    for (int64_t first = 0; first < rows; first += AT_ONCE) {
        int64_t count = ist_min(AT_ONCE, rows - first);
        project_rows(tile, narrow ? narrow + first * d : NULL, wide ? wide + first * d : NULL,
                     count, d, panels, columns, block, sums);
        for (int64_t c = 0; c < columns; c++) {
            const double *from = sums + c / IST_PROJECT_COLUMNS * GROUPS * TILE;
            double *to = out + c * rows + first;
            for (int64_t r = 0; r < count; r++)
                to[r] = from[r * IST_PROJECT_COLUMNS + c % IST_PROJECT_COLUMNS];
        }
    }
}
