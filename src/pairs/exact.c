/* Compiled without contraction (CMakeLists.txt): each operation is rounded, as the definition
 * says. */
#include <math.h>

#include "infostrata/pairs.h"

enum { AT_ONCE = 8 };

static double add(ist_metric metric, double sum, double t)
{
    switch (metric) {
    case IST_METRIC_COSINE: /* of rows over their lengths */
    case IST_METRIC_EUCLIDEAN: return sum + t * t;
    case IST_METRIC_MANHATTAN: return sum + fabs(t);
    case IST_METRIC_CHEBYSHEV: break;
    }
    return sum < fabs(t) ? fabs(t) : sum;
}

double ist_exact_distance(const ist_rows *rows, const ist_slab *x, int64_t a, const ist_slab *y,
                          int64_t b)
{
    double sum = 0;
    for (int c = 0; c < 2 && ist_rows_are_joint(rows); c++)
        sum = fmax(sum, rows->factor[c] * ist_exact_distance(rows->component[c], &x->component[c],
                                                             a, &y->component[c], b));
    if (ist_rows_are_joint(rows))
        return sum;
    for (int64_t f = 0, d = rows->d; f < d; f++)
        sum = add(rows->metric, sum,
                  x->wide ? x->wide[a * d + f] - y->wide[b * d + f]
                          : (double)x->narrow[a * d + f] - (double)y->narrow[b * d + f]);
    return sum;
}

/* At most eight pairs; the places of those that there are not repeat the last one. */
static void eight(const ist_exact_kernel *kernel, const ist_slab *x, const int64_t *a,
                  const ist_slab *y, const int64_t *b, int count, int64_t d, double *distance)
{
    const float *narrow[2][AT_ONCE] = {{0}};
    const double *wide[2][AT_ONCE] = {{0}};
    double found[AT_ONCE];
    for (int p = 0; p < AT_ONCE; p++) {
        int at = p < count ? p : count - 1;
        if (x->wide) {
            wide[0][p] = x->wide + a[at] * d;
            wide[1][p] = y->wide + b[at] * d;
        } else {
            narrow[0][p] = x->narrow + a[at] * d;
            narrow[1][p] = y->narrow + b[at] * d;
        }
    }
    if (x->wide)
        kernel->pairs_wide(wide[0], wide[1], d, found);
    else
        kernel->pairs_narrow(narrow[0], narrow[1], d, found);
    for (int p = 0; p < count; p++)
        distance[p] = found[p];
}

static void eight_joint(const ist_kernel *kernel, const ist_rows *rows, const ist_slab *x,
                        const int64_t *a, const ist_slab *y, const int64_t *b, int count,
                        double *distance)
{
    double found[2][AT_ONCE];
    for (int c = 0; c < 2; c++) {
        const ist_rows *component = rows->component[c];
        eight(&kernel->exact[component->metric], &x->component[c], a, &y->component[c], b, count,
              component->d, found[c]);
    }
    for (int p = 0; p < count; p++)
        distance[p] = fmax(rows->factor[0] * found[0][p], rows->factor[1] * found[1][p]);
}

void ist_exact_distances(const ist_kernel *kernel, const ist_rows *rows, const ist_slab *x,
                         const int64_t *a, const ist_slab *y, const int64_t *b, int64_t count,
                         double *distance)
{
    for (int64_t done = 0; done < count; done += AT_ONCE) {
        int now = (int)ist_min(count - done, AT_ONCE);
        if (ist_rows_are_joint(rows))
            eight_joint(kernel, rows, x, a + done, y, b + done, now, distance + done);
        else
            eight(&kernel->exact[rows->metric], x, a + done, y, b + done, now, rows->d,
                  distance + done);
    }
}
