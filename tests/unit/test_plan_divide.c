/* Portions: what has no layer in common, and how many groups of ranks share the work. */
#include "test_plan_support.h"

#include <criterion/criterion.h>
#include <string.h>

#include "../harness/scratch.h"

#define HEAD "version: 1\nname: t\noutput: out\n"

static int64_t model(const ist_pass_shape *pass, const ist_machine *machine)
{
    return pass->n * pass->d * 8 / machine->ranks;
}

/* "2: 0 1 2", the groups and the steps of each portion. */
static const char *portion_lines(const ist_division *division)
{
    ist_text out = {0};
    for (size_t p = 0; p < division->portion_count; p++) {
        const ist_portion *portion = &division->portions[p];
        ist_text_add(&out, "%d:", portion->groups);
        for (size_t i = 0; i < portion->steps.count; i++)
            ist_text_add(&out, " %zu", portion->steps.step[i]);
        ist_text_add(&out, "\n");
    }
    const char *kept = scratch_text("%s", out.data ? out.data : "");
    ist_text_release(&out);
    return kept;
}

static void expect_portions(const char *manifest, int64_t n, const ist_machine *machine,
                            const char *lines)
{
    planned p = plan_of(manifest);
    shape_all(p.plan, n, 10);
    ist_schedule *schedule = ist_schedule_new(p.plan, NULL);
    ist_division *division = ist_divide(p.plan, schedule, machine);
    expect_text(portion_lines(division), lines);
    ist_cost whole = ist_schedule_cost(p.plan, schedule, machine);
    ist_cost cost = ist_division_cost(p.plan, schedule, division, machine);
    cr_expect(cost.pairs == whole.pairs);
    cr_expect(cost.operations == whole.operations);
    ist_division_free(&division);
    ist_schedule_free(&schedule);
    planned_release(&p);
}

static const char cells[] = HEAD "input: {file: \"x{s}.h5\", layers: [a, b]}\n"
                                 "measures: [{flow: {k: 1, se: none, pairs: [[a, b]]}}]\n"
                                 "grid: {s: {from: 1, to: 4}}\n";
static const ist_machine four = {.ranks = 4, .flops = 1e9, .chunk_bytes = 1, .pass_memory = model};

Test(divide, cells_without_a_common_layer_are_portions)
{
    expect_portions(cells, 100, &four, "4: 0 1 2 3\n4: 4 5 6 7\n4: 8 9 10 11\n4: 12 13 14 15\n");
}

Test(divide, a_common_layer_makes_one_of_them)
{
    expect_portions(HEAD "input: {file: \"x{s}.h5\", layers: {a: /a, in: \"data.h5:/x\"}}\n"
                         "measures: [{flow: {k: 1, se: none, pairs: [[a, in]]}}]\n"
                         "grid: {s: {from: 1, to: 2}}\n",
                    100, &four, "1: 0 1 2 3 4 5\n");
}

Test(divide, labels_in_common_do_not)
{
    expect_portions(HEAD "input: {file: \"x{s}.h5\", layers: [a], labels: {y: \"data.h5:/y\"}}\n"
                         "measures: [{flow: {k: 1, se: none, target: y}}]\n"
                         "grid: {s: {from: 1, to: 2}}\n",
                    100, &four, "4: 0\n4: 1\n");
}

Test(divide, what_is_compared_across_cells_belongs_together)
{
    expect_portions(HEAD "input: {file: \"x{s}-{w}.h5\", layers: [a]}\n"
                         "measures: [{flow: {k: 1, se: none, against: {s: 1}}}]\n"
                         "grid: {w: [1, 2], s: {from: 1, to: 3}}\n",
                    100, &four, "4: 0 1 2 3 4 5\n4: 6 7 8 9 10 11\n");
}

/* Two seconds and more each on one rank: all work on one after the other. */
Test(divide, few_large_portions_are_for_all_ranks)
{
    expect_portions(cells, 20000, &four, "1: 0 1 2 3\n1: 4 5 6 7\n1: 8 9 10 11\n1: 12 13 14 15\n");
}

Test(divide, what_does_not_fit_on_few_ranks_takes_more)
{
    ist_machine small = four;
    small.memory_limit = 100 * 10 * 8 / 2 + 1000; /* and the lists */
    expect_portions(cells, 100, &small, "2: 0 1 2 3\n2: 4 5 6 7\n2: 8 9 10 11\n2: 12 13 14 15\n");
    small.memory_limit = 1;
    expect_portions(cells, 100, &small, "1: 0 1 2 3\n1: 4 5 6 7\n1: 8 9 10 11\n1: 12 13 14 15\n");
}

/* Phases of more and more groups, in each the longest first. */
Test(divide, large_before_small_and_long_before_short)
{
    planned p = plan_of(cells);
    shape_all(p.plan, 100, 10);
    p.plan->layers[4].n = p.plan->layers[5].n = 200;   /* cell 3: longer */
    p.plan->layers[6].n = p.plan->layers[7].n = 60000; /* cell 4: all ranks */
    ist_schedule *schedule = ist_schedule_new(p.plan, NULL);
    ist_division *division = ist_divide(p.plan, schedule, &four);
    expect_text(portion_lines(division), "1: 12 13 14 15\n4: 8 9 10 11\n4: 0 1 2 3\n4: 4 5 6 7\n");
    ist_division_free(&division);
    ist_schedule_free(&schedule);
    planned_release(&p);
}

Test(divide, one_rank_is_one_group)
{
    ist_machine one = four;
    one.ranks = 1;
    expect_portions(cells, 100, &one, "1: 0 1 2 3\n1: 4 5 6 7\n1: 8 9 10 11\n1: 12 13 14 15\n");
}

Test(divide, three_ranks_are_three_groups_or_two)
{
    ist_machine three = four;
    three.ranks = 3;
    expect_portions(cells, 100, &three, "3: 0 1 2 3\n3: 4 5 6 7\n3: 8 9 10 11\n3: 12 13 14 15\n");
}

Test(divide, nothing_to_do)
{
    planned p = plan_of(cells);
    shape_all(p.plan, 100, 10);
    bool none[8] = {false};
    cr_assert(p.plan->task_count <= 8);
    ist_schedule *schedule = ist_schedule_new(p.plan, none);
    ist_division *division = ist_divide(p.plan, schedule, &four);
    cr_expect(division->portion_count == 0);
    cr_expect(ist_division_cost(p.plan, schedule, division, &four).memory == 0);
    ist_division_free(&division);
    ist_schedule_free(&schedule);
    planned_release(&p);
}
