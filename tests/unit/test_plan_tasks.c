/* Jobs become tasks: which, in what order, on which layers, with which identities. */
#include "test_plan_support.h"

#include <criterion/criterion.h>
#include <string.h>

#include "../harness/scratch.h"

#define HEAD "version: 1\nname: t\noutput: out\n"
#define ABC "input: {file: acts.h5, layers: [a, b, c], labels: [y]}\n"

static void expect_tasks(const char *manifest, const char *lines)
{
    planned p = plan_of(manifest);
    cr_assert(p.plan, "%s", fault_lines(&p.faults));
    expect_text(task_lines(p.plan), lines);
    planned_release(&p);
}

static void expect_fault(const char *manifest, const char *lines)
{
    planned p = plan_of(manifest);
    cr_assert(!p.plan, "%s", p.plan ? task_lines(p.plan) : "");
    expect_text(fault_lines(&p.faults), lines);
    planned_release(&p);
}

/* ---- operands -------------------------------------------------------------------------------- */

Test(plan_tasks, all_pairs_in_both_directions_then_parameters)
{
    expect_tasks(HEAD ABC "measures: [{flow: {k: [1, 2]}}]\n", "flow a > b k=1\n"
                                                               "flow a > b k=2\n"
                                                               "flow b > a k=1\n"
                                                               "flow b > a k=2\n"
                                                               "flow a > c k=1\n"
                                                               "flow a > c k=2\n"
                                                               "flow c > a k=1\n"
                                                               "flow c > a k=2\n"
                                                               "flow b > c k=1\n"
                                                               "flow b > c k=2\n"
                                                               "flow c > b k=1\n"
                                                               "flow c > b k=2\n");
}

Test(plan_tasks, symmetric_measures_give_one_row_a_pair)
{
    expect_tasks(HEAD ABC "measures: [{likeness: {layers: [c, a]}}, {likeness: {}}]\n",
                 "likeness c > a k=1\n"
                 "likeness a > b k=1\n"
                 "likeness a > c k=1\n"
                 "likeness b > c k=1\n");
}

Test(plan_tasks, targets)
{
    expect_tasks(HEAD ABC "measures: [{flow: {layers: [a, b], target: [y, b]}}]\n",
                 "flow a > <y> k=1\n"
                 "flow a > b k=1\n"
                 "flow b > a k=1\n"
                 "flow b > <y> k=1\n");
}

Test(plan_tasks, pairs)
{
    expect_tasks(HEAD ABC "measures: [{flow: {pairs: [[c, a], [b, c]]}}]\n", "flow c > a k=1\n"
                                                                             "flow a > c k=1\n"
                                                                             "flow b > c k=1\n"
                                                                             "flow c > b k=1\n");
}

/* ---- cells ----------------------------------------------------------------------------------- */

Test(plan_tasks, first_axis_is_slowest_and_a_zip_stands_at_its_first_axis)
{
    expect_tasks(HEAD "grid: {w: [4, 8], s: [0, 1], t: [lo, hi]}\n"
                      "zip: [[w, t]]\n"
                      "exclude: [{w: 8, s: [0]}]\n" ABC
                      "measures: [{flow: {layers: [a], target: y, where: {s: [1, 0]}}}]\n",
                 "w=4, s=0, t=lo flow a > <y> k=1\n"
                 "w=4, s=1, t=lo flow a > <y> k=1\n"
                 "w=8, s=1, t=hi flow a > <y> k=1\n");
}

Test(plan_tasks, cells_come_before_entries)
{
    expect_tasks(HEAD "grid: {w: [4, 8]}\n" ABC "measures:\n"
                      "  - flow: {layers: a, target: y}\n"
                      "  - flow: {layers: b, target: y, where: {w: 8}}\n"
                      "  - flow: {layers: c, target: y}\n",
                 "w=4 flow a > <y> k=1\n"
                 "w=4 flow c > <y> k=1\n"
                 "w=8 flow a > <y> k=1\n"
                 "w=8 flow b > <y> k=1\n"
                 "w=8 flow c > <y> k=1\n");
}

Test(plan_tasks, nothing_to_do)
{
    expect_fault(HEAD "grid: {w: [4, 8]}\nexclude: [{w: 4}]\n" ABC
                      "measures:\n  - flow: {where: {w: 4}}\n",
                 "8:5: nothing to do: no measure has operands in any cell (see 'where' and "
                 "'against')\n");
}

/* ---- against --------------------------------------------------------------------------------- */

Test(plan_tasks, against_a_value)
{
    expect_tasks(HEAD "grid: {noise: [0.0, 0.2], s: [0, 1]}\n" ABC "measures:\n"
                      "  - flow: {layers: [a], against: {noise: 0.0}}\n"
                      "  - likeness: {layers: [b], against: {noise: 0.0, s: 1}, where: {s: 0}}\n",
                 "noise=0.0, s=0 likeness b > b{s=1} k=1\n"
                 "noise=0.2, s=0 flow a > a{noise=0.0} k=1\n"
                 "noise=0.2, s=0 flow a{noise=0.0} > a k=1\n"
                 "noise=0.2, s=0 likeness b > b{noise=0.0;s=1} k=1\n"
                 "noise=0.2, s=1 flow a > a{noise=0.0} k=1\n"
                 "noise=0.2, s=1 flow a{noise=0.0} > a k=1\n");
}

Test(plan_tasks, against_with_pairs_first_here_second_there)
{
    expect_tasks(HEAD "grid: {s: [0, 1]}\n" ABC
                      "measures: [{flow: {pairs: [[a, b]], against: {s: [0, 1]}}}]\n",
                 "s=0 flow a > b{s=1} k=1\n"
                 "s=0 flow b{s=1} > a k=1\n"
                 "s=1 flow a > b{s=0} k=1\n"
                 "s=1 flow b{s=0} > a k=1\n");
}

Test(plan_tasks, others_give_each_pair_of_cells_once)
{
    expect_tasks(HEAD "grid: {s: [0, 1, 2]}\n" ABC
                      "measures: [{likeness: {layers: [a], against: {s: others}}}]\n",
                 "s=0 likeness a > a{s=1} k=1\n"
                 "s=0 likeness a > a{s=2} k=1\n"
                 "s=1 likeness a > a{s=2} k=1\n");
    expect_tasks(HEAD "grid: {w: [4, 8], s: [0, 1]}\n" ABC
                      "measures: [{likeness: {layers: [a], against: {s: others, w: others}}}]\n",
                 "w=4, s=0 likeness a > a{w=8;s=1} k=1\n"
                 "w=4, s=1 likeness a > a{w=8;s=0} k=1\n");
}

/* What the earlier cell cannot ask for, because 'where' or a value leaves it out, the later does. */
Test(plan_tasks, others_do_not_lose_pairs_that_come_from_one_side)
{
    expect_tasks(HEAD
                 "grid: {s: [0, 1, 2]}\n" ABC
                 "measures: [{likeness: {layers: [a], against: {s: others}, where: {s: 1}}}]\n",
                 "s=1 likeness a > a{s=0} k=1\n"
                 "s=1 likeness a > a{s=2} k=1\n");
    expect_tasks(
        HEAD "grid: {p: [0, 1], s: [0, 1]}\n" ABC
             "measures: [{likeness: {layers: [a], against: {p: 0, s: others}, where: {p: 1}}}]\n",
        "p=1, s=0 likeness a > a{p=0;s=1} k=1\n"
        "p=1, s=1 likeness a > a{p=0;s=0} k=1\n");
}

Test(plan_tasks, against_one_axis_of_a_zip_moves_the_other)
{
    expect_tasks(HEAD "grid: {w: [4, 8, 16], t: [x, y, z]}\nzip: [[w, t]]\n" ABC
                      "measures: [{likeness: {layers: [a], against: {t: x}}}]\n",
                 "w=8, t=y likeness a > a{w=4;t=x} k=1\n"
                 "w=16, t=z likeness a > a{w=4;t=x} k=1\n");
}

Test(plan_tasks, a_reference_that_exclude_removes)
{
    const char *grid = "grid: {train: [net, none], p: [0, 1]}\nexclude: [{train: none, p: 0}]\n";
    expect_fault(
        scratch_text(HEAD "%s" ABC "measures:\n  - flow: {layers: [a], against: {p: 0}}\n", grid),
        "8:5: the cell train=none, p=1 is to be compared with the cell train=none, p=0, which "
        "'exclude' leaves out; restrict the cells of this measure with 'where'\n");
    expect_tasks(scratch_text(HEAD "%s" ABC
                                   "measures: [{likeness: {layers: [a], against: {p: others}}}]\n",
                              grid),
                 "train=net, p=0 likeness a > a{p=1} k=1\n");
}

/* ---- layers ---------------------------------------------------------------------------------- */

static const char *keys(const ist_plan *plan)
{
    ist_text out = {0};
    for (size_t i = 0; i < plan->layer_count; i++)
        ist_text_add(&out, "%s\n", plan->layers[i].key);
    for (size_t i = 0; i < plan->label_count; i++)
        ist_text_add(&out, "<%s>\n", plan->labels[i].key);
    const char *kept = scratch_text("%s", out.data);
    ist_text_release(&out);
    return kept;
}

Test(plan_layers, shared_ones_are_one)
{
    planned p = plan_of(HEAD "grid: {w: [4, 8]}\n"
                             "input:\n"
                             "  file: acts/w{w}.h5\n"
                             "  samples: {first: 100}\n"
                             "  layers:\n"
                             "    input: \"../data.h5:/images[0, :, :]\"\n"
                             "    same: \"../x/../data.h5:/images[0,:,:]\"\n"
                             "    top: /layers/top\n"
                             "    array: w{w}.npy\n"
                             "    pooled: {path: /layers/conv, pool: mean}\n"
                             "  labels: {y: \"../data.h5:/y\"}\n"
                             "measures: [{flow: {target: y}}]\n");
    expect_text(keys(p.plan), "../../data.h5:/images[0,:,:]|first=100\n"
                              "../acts/w4.h5:/layers/top|first=100\n"
                              "../w4.npy|first=100\n"
                              "../acts/w4.h5:/layers/conv|pool|first=100\n"
                              "../acts/w8.h5:/layers/top|first=100\n"
                              "../w8.npy|first=100\n"
                              "../acts/w8.h5:/layers/conv|pool|first=100\n"
                              "<../../data.h5:/y|first=100|labels>\n");
    const ist_layer *array = &p.plan->layers[2];
    cr_expect_str_eq(array->at.file, "/jobs/w4.npy");
    cr_expect_str_eq(array->at.dataset, "");
    cr_expect(array->place.line == 12 && array->cell == 0);
    cr_expect(p.plan->layers[3].at.pool);
    ist_text where = {0};
    ist_location_text(&p.plan->layers[0].at, &where);
    cr_expect_str_eq(where.data, "/data.h5:/images[0, :, :]");
    ist_text_release(&where);
    planned_release(&p);
}

/* ---- identities ------------------------------------------------------------------------------ */

Test(plan_ids, the_same_operands_in_two_cells_are_twins)
{
    planned p =
        plan_of(HEAD "grid: {w: [4, 8]}\n"
                     "input: {file: \"w{w}.h5\", layers: {a: \"data.h5:/a\", b: \"data.h5:/b\", "
                     "c: /layers/c}}\n"
                     "measures: [{flow: {layers: [a, b], k: [1, 2]}}, {flow: {pairs: [[a, "
                     "c]], k: 1}}]\n");
    const size_t twins[] = {0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 10, 11};
    cr_assert(p.plan->task_count == 12);
    for (size_t t = 0; t < 12; t++) {
        cr_expect(p.plan->tasks[t].twin == twins[t], "task %zu: %zu", t, p.plan->tasks[t].twin);
        bool same = ist_hash_compare(p.plan->tasks[t].id, p.plan->tasks[twins[t]].id) == 0;
        cr_expect(same);
    }
    planned_release(&p);
}

static ist_hash first_id(const char *manifest, int version)
{
    planned p = plan_of_version(manifest, version);
    ist_hash id = p.plan->tasks[0].id;
    planned_release(&p);
    return id;
}

Test(plan_ids, what_determines_the_number_and_nothing_else)
{
    const char *base = HEAD "input: {file: x.h5, layers: [a, b], labels: [y]}\n"
                            "measures: [{flow: {k: 3}}]\n";
    const char *same[] = {
        HEAD "grid: {w: [4, 8]}\ninput: {layers: {p: \"x.h5:/layers/a\", q: \"x.h5:/layers/b\"}}\n"
             "measures: [{flow: {k: 3, ties: random, seed: 0}}]\n",
        HEAD "input: {file: ../jobs/x.h5, layers: [a, b]}\n"
             "measures: [{flow: {k: [3, 4], pairs: [[a, b]]}}, {likeness: {}}]\n",
    };
    const char *other[] = {
        HEAD "input: {file: x.h5, layers: [a, b]}\nmeasures: [{flow: {k: 4}}]\n",
        HEAD "input: {file: x.h5, layers: [b, a]}\nmeasures: [{flow: {k: 3}}]\n",
        HEAD "input: {file: x.h5, layers: [a, b]}\nmeasures: [{flow: {k: 3, seed: 1}}]\n",
        HEAD "input: {file: x.h5, layers: [a, b]}\nmeasures: [{flow: {k: 3, se: none}}]\n",
        HEAD "input: {file: x.h5, layers: [a, b], samples: {first: 9}}\n"
             "measures: [{flow: {k: 3}}]\n",
        HEAD "input: {file: x.h5, layers: [a, b]}\nmeasures: [{likeness: {k: 3}}]\n",
        HEAD "input: {file: x.h5, layers: [a], labels: {y: /layers/b}}\n"
             "measures: [{flow: {k: 3, target: y}}]\n",
    };
    ist_hash id = first_id(base, 1);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        cr_expect(ist_hash_compare(first_id(same[i], 1), id) == 0, "%s", same[i]);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        cr_expect(ist_hash_compare(first_id(other[i], 1), id) != 0, "%s", other[i]);
    cr_expect(ist_hash_compare(first_id(base, 2), id) != 0);
}

/* 2,000 cells x 10 pairs x 2 directions x 5 values: the expansion must not search. */
Test(plan_ids, two_hundred_thousand_tasks_are_planned_in_seconds, .timeout = 60)
{
    double start = ist_seconds();
    planned p = plan_of(HEAD "grid: {w: {from: 1, to: 200}, s: {from: 1, to: 10}}\n"
                             "input: {file: \"w{w}-{s}.h5\", layers: [a, b, c, d, e]}\n"
                             "measures: [{flow: {k: [1, 2, 3, 4, 5]}}]\n");
    cr_assert(p.plan);
    cr_expect(p.plan->task_count == 200000);
    cr_expect(p.plan->layer_count == 10000);
    ist_schedule *schedule = ist_schedule_new(p.plan, NULL);
    cr_expect(schedule->source_count == 10000 && schedule->target_count == 10000);
    cr_expect(schedule->step_count == 20000);
    ist_schedule_free(&schedule);
    planned_release(&p);
    cr_expect(ist_seconds() - start < 20, "%g s", ist_seconds() - start);
}
