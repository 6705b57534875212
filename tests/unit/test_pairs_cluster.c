/* Orders in which near rows lie together: the cuts, and what comes of them. */
#include "../../src/pairs/cluster.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static double uniform(uint64_t item)
{
    return (double)(ist_random_word(5, IST_RANDOM_PARTS, item) >> 11) * 0x1p-53;
}

static const ist_near_kernel *kernel(void)
{
    return ist_kernel_choose(NULL)->near;
}

Test(cluster, cuts_are_whole_leaves_about_the_middle)
{
    static const int64_t leaves[] = {16, IST_TILE};
    for (int l = 0; l < 2; l++)
        for (int64_t leaf = leaves[l], count = leaf + 1; count < 60 * leaf; count += 7) {
            int64_t cut = ist_run_cut(count, leaf);
            cr_assert(cut > 0 && cut < count && cut % leaf == 0, "%d of %d", (int)cut, (int)count);
            cr_expect(llabs(2 * cut - count) <= (count > 20 * leaf ? 10 * leaf : leaf), "%d of %d",
                      (int)cut, (int)count);
            if (count > 20 * leaf)
                cr_expect(cut % (10 * leaf) == 0, "%d of %d", (int)cut, (int)count);
        }
}

/* The place of a number among others, NaN after all of them. */
static int before(float a, float b)
{
    return isnan(a) ? 0 : isnan(b) ? 1 : a < b;
}

Test(cluster, cuts_take_the_smallest_and_keep_the_order)
{
    enum { N = 300 };
    float projection[N];
    int64_t item[N];
    for (int kind = 0; kind < 4; kind++)
        for (int64_t cut = 0; cut < N; cut += 37) {
            for (int i = 0; i < N; i++) {
                double u = uniform((uint64_t)(1000 * kind + i));
                projection[i] = (float)(kind == 0   ? u - 0.5
                                        : kind == 1 ? floor(4 * u) - 2
                                        : kind == 2 ? 0
                                                    : (u < 0.1   ? NAN
                                                       : u < 0.2 ? INFINITY
                                                                 : -1e-42 * u));
                item[i] = i;
            }
            ist_cut_run(projection, N, cut, item);
            for (int64_t i = 1; i < N; i++)
                cr_expect(i == cut || item[i] > item[i - 1], "kind %d: the order changed", kind);
            for (int64_t i = 0; i < cut; i++)
                for (int64_t j = cut; j < N; j++) {
                    float a = projection[item[i]], b = projection[item[j]];
                    cr_assert(before(a, b) || (!before(b, a) && item[i] < item[j]),
                              "kind %d, cut %d: %g after %g", kind, (int)cut, (double)a, (double)b);
                }
        }
}

/* Four far clusters of two tiles each, one row of each in turn. */
static void far_clusters(bool wide, int64_t d, double size)
{
    enum { CLUSTERS = 4, N = CLUSTERS * 2 * IST_TILE };
    ist_slab slab = {.count = N};
    slab.narrow = ist_alloc((size_t)(N * d), sizeof *slab.narrow);
    slab.wide = wide ? ist_alloc((size_t)(N * d), sizeof *slab.wide) : NULL;
    for (int64_t e = 0; e < N * d; e++) {
        int64_t cluster = e / d % CLUSTERS, column = e % d;
        double value = size * (20 * uniform((uint64_t)(999999 + 100 * cluster + column)) +
                               0.1 * uniform((uint64_t)e));
        slab.narrow[e] = (float)value;
        if (wide)
            slab.wide[e] = value;
    }
    int64_t row[N];
    bool seen[N] = {false};
    for (int64_t i = 0; i < N; i++)
        row[i] = i;
    ist_cluster_rows(kernel(), &slab, d, IST_TILE, N, row);
    for (int64_t i = 0; i < N; i++) {
        cr_assert(row[i] >= 0 && row[i] < N && !seen[row[i]], "row %d", (int)row[i]);
        seen[row[i]] = true;
        int64_t first = row[i / IST_TILE * IST_TILE];
        cr_expect(row[i] % CLUSTERS == first % CLUSTERS, "d %d: a tile of two clusters", (int)d);
    }
    ist_free(slab.narrow);
    ist_free(slab.wide);
}

Test(cluster, tiles_of_one_cluster)
{
    if (!kernel())
        cr_skip_test("no vector instructions");
    static const double sizes[] = {1, 1e-40, 1e36};
    for (int s = 0; s < 3; s++) {
        far_clusters(false, 3, sizes[s]);
        far_clusters(false, 70, sizes[s]);
    }
    far_clusters(true, 3, 1);
    far_clusters(true, 70, 1);
}

Test(cluster, equal_rows_stay_where_they_are)
{
    enum { N = 700, D = 5 };
    if (!kernel())
        cr_skip_test("no vector instructions");
    static float values[N * D];
    for (int e = 0; e < N * D; e++)
        values[e] = 0.1F;
    ist_slab slab = {.count = N, .narrow = values};
    int64_t row[N];
    for (int64_t i = 0; i < N; i++)
        row[i] = i;
    ist_cluster_rows(kernel(), &slab, D, IST_TILE, N, row);
    for (int64_t i = 0; i < N; i++)
        cr_expect(row[i] == i);
}

/* ---- the trial ------------------------------------------------------------------------------- */

static double promise(int64_t d, bool clustered)
{
    enum { N = 400 };
    float *sample = ist_alloc((size_t)(N * d), sizeof *sample);
    for (int64_t e = 0; e < N * d; e++) {
        double noise = 0, cluster = (double)(e / d % 7);
        for (int i = 0; i < 6; i++)
            noise += uniform((uint64_t)(7 * e + i)) - 0.5;
        sample[e] = (float)(noise + (clustered ? 30 * sin(cluster * (double)(e % d + 1)) : 0));
    }
    double found = ist_cluster_promise(ist_kernel_choose(NULL), sample, N, d);
    ist_free(sample);
    return found;
}

Test(cluster, promises)
{
    if (!kernel())
        cr_skip_test("no vector instructions");
    cr_expect(promise(2, false) > 0.4, "%g in a plane", promise(2, false));
    cr_expect(promise(64, false) < 0.02, "%g without structure", promise(64, false));
    cr_expect(promise(64, true) > 0.6, "%g with clusters", promise(64, true));
}
