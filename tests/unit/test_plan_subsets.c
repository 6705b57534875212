/* `subsets`: which rows, which tasks and layers, what is refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "../harness/scratch.h"
#include "test_plan_support.h"

#define HEAD "version: 1\nname: t\noutput: out\n"
#define AB "input: {file: x.h5, layers: [a, b], labels: [y]}\n"

/* How many rows are out of order, out of range or seen before? They are seen now. */
static int64_t wrong_rows(const int64_t *rows, int64_t size, int64_t n, bool *seen)
{
    int64_t wrong = 0, last = -1;
    for (int64_t i = 0; i < size; i++) {
        bool good = rows[i] > last && rows[i] < n && !seen[rows[i]];
        wrong += !good;
        if (good)
            seen[last = rows[i]] = true;
    }
    return wrong;
}

/* The first i subsets together are the rows of one random selection, each is in ascending order. */
static void expect_subsets(int64_t n, int64_t size, int64_t count, uint64_t seed)
{
    int64_t *rows = scratch_alloc((size_t)(size * count) * sizeof *rows);
    int64_t *chosen = scratch_alloc((size_t)(size * count) * sizeof *chosen), wrong = 0;
    bool *seen = ist_alloc((size_t)n, sizeof *seen);
    ist_draw_subsets(n, size, count, seed, rows);
    for (int64_t s = 0; s < count; s++) {
        wrong += wrong_rows(rows + s * size, size, n, seen);
        ist_draw_rows(n, NULL, 1, (s + 1) * size, seed, chosen);
        for (int64_t i = 0; i < (s + 1) * size; i++)
            wrong += !seen[chosen[i]];
    }
    cr_expect(wrong == 0, "%lld of %lld rows", (long long)wrong, (long long)(count * size));
    ist_free(seen);
}

Test(plan_subsets, drawn_by_words)
{
    expect_subsets(100, 10, 10, 0);
    expect_subsets(101, 33, 3, 7);
    expect_subsets(50, 50, 1, INT64_MAX);
    expect_subsets(7, 1, 2, 1);
}

Test(plan_subsets, a_task_and_a_layer_each)
{
    planned p = plan_of(HEAD AB "measures:\n"
                                "  - flow: {layers: a, target: y, k: [1, 2],"
                                " subsets: {size: 10, count: 2, seed: 4}}\n"
                                "  - likeness: {subsets: {size: 10, count: 1, seed: 4}}\n"
                                "  - likeness: {}\n");
    cr_assert(p.plan, "%s", fault_lines(&p.faults));
    expect_text(task_lines(p.plan), "flow a > <y> k=1\nflow a > <y> k=1\n"
                                    "flow a > <y> k=2\nflow a > <y> k=2\n"
                                    "likeness a > b k=1\nlikeness a > b k=1\n");
    const char *const keys[] = {
        "../x.h5:/layers/a|subset=0,size=10,seed=4", "../x.h5:/layers/a|subset=1,size=10,seed=4",
        "../x.h5:/layers/b|subset=0,size=10,seed=4", "../x.h5:/layers/a", "../x.h5:/layers/b"};
    const size_t sources[] = {0, 1, 0, 1, 0, 3};
    const int64_t subsets[] = {0, 1, 0, 1, 0, 0};
    cr_assert(p.plan->layer_count == 5 && p.plan->label_count == 2);
    for (size_t l = 0; l < 5; l++)
        cr_expect_str_eq(p.plan->layers[l].key, keys[l]);
    cr_expect_str_eq(p.plan->labels[1].key, "../x.h5:/labels/y|subset=1,size=10,seed=4|labels");
    for (size_t t = 0; t < 6; t++) {
        cr_expect(p.plan->tasks[t].source == sources[t] && p.plan->tasks[t].subset == subsets[t]);
        cr_expect((ist_task_subsets(p.plan, &p.plan->tasks[t]) != NULL) == (t < 5));
    }
    planned_release(&p);
}

/* What `count` is does not matter to a subset, size and seed do. */
Test(plan_subsets, identities)
{
    planned p = plan_of(HEAD AB "measures:\n"
                                "  - likeness: {subsets: {size: 10, count: 1}}\n"
                                "  - likeness: {subsets: {size: 10, count: 3}}\n"
                                "  - likeness: {subsets: {size: 11, count: 1}}\n"
                                "  - likeness: {subsets: {size: 10, count: 1, seed: 1}}\n");
    const size_t twins[] = {0, 0, 2, 3, 4, 5};
    cr_assert(p.plan && p.plan->task_count == 6);
    for (size_t t = 0; t < 6; t++)
        cr_expect(p.plan->tasks[t].twin == twins[t], "task %zu: %zu", t, p.plan->tasks[t].twin);
    planned_release(&p);
}

static void draw_all(ist_plan *plan, int64_t size, int64_t population)
{
    for (size_t i = 0; i < plan->layer_count; i++) {
        plan->layers[i].n = size;
        plan->layers[i].population = population;
    }
    for (size_t i = 0; i < plan->label_count; i++) {
        plan->labels[i].n = size;
        plan->labels[i].population = population;
    }
}

static void expect_check(const char *subsets, int64_t size, int64_t population, const char *says)
{
    planned p = plan_of(scratch_text(HEAD AB "measures:\n  - flow: {target: y, k: [1, 5],"
                                             " subsets: %s}\n",
                                     subsets));
    cr_assert(p.plan);
    shape_all(p.plan, population, 3);
    draw_all(p.plan, size, population);
    cr_expect(ist_plan_check(p.plan, &p.faults) == (*says == '\0'));
    expect_text(fault_lines(&p.faults), says);
    planned_release(&p);
}

Test(plan_subsets, refused_once)
{
    expect_check("{size: 7, count: 3}", 7, 21, "");
    expect_check("{size: 6, count: 3}", 6, 21,
                 "6:43: subsets of 6 samples are too small for k = 5 neighbours: 'size' must be at "
                 "least k + 2 = 7\n");
    expect_check("{size: 7, count: 3}", 7, 20,
                 "6:43: 3 disjoint subsets of 7 samples are 21, more than the 20 of "
                 "/jobs/x.h5:/layers/a\n");
}

/* Subsets have as many samples each whatever they are drawn among. */
Test(plan_subsets, of_unequal_files)
{
    planned p = plan_of(HEAD AB "measures: [{flow: {layers: [a, b], target: y,"
                                " subsets: {size: 7, count: 3}}}]\n");
    shape_all(p.plan, 30, 3);
    draw_all(p.plan, 7, 30);
    for (size_t i = 0; i < p.plan->label_count; i++)
        p.plan->labels[i].population = 31;
    cr_expect(!ist_plan_check(p.plan, &p.faults));
    expect_text(fault_lines(&p.faults),
                "5:13: /jobs/x.h5:/layers/a has 30 samples, but /jobs/x.h5:/labels/y has 31: the "
                "rows must be the same samples in both\n"
                "5:13: /jobs/x.h5:/layers/b has 30 samples, but /jobs/x.h5:/labels/y has 31: the "
                "rows must be the same samples in both\n");
    planned_release(&p);
}
