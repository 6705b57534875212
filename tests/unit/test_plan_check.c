/* What shapes rule out, told once. */
#include "test_plan_support.h"

#include <criterion/criterion.h>

#define HEAD "version: 1\nname: t\noutput: out\n"

Test(plan_check, all_is_well)
{
    planned p = plan_of(HEAD "input: {file: x.h5, layers: [a, b], labels: [y]}\n"
                             "measures: [{flow: {k: 9, target: [y, b]}}]\n");
    shape_all(p.plan, 10, 3);
    cr_expect(ist_plan_check(p.plan, &p.faults));
    cr_expect(p.faults.count == 0);
    planned_release(&p);
}

Test(plan_check, unequal_rows_once_a_pair)
{
    planned p = plan_of(HEAD "grid: {w: [4, 8]}\n"
                             "input: {file: x.h5, layers: [a, b], labels: [y]}\n"
                             "measures:\n"
                             "  - flow: {k: [1, 2]}\n"
                             "  - flow: {layers: a, target: y}\n");
    shape_all(p.plan, 1000, 3);
    p.plan->layers[1].shape.rows = p.plan->layers[1].n = 999;
    p.plan->labels[0].rows = p.plan->labels[0].n = 1001;
    cr_expect(!ist_plan_check(p.plan, &p.faults));
    expect_text(fault_lines(&p.faults),
                "7:5: /jobs/x.h5:/layers/a has 1000 samples, but /jobs/x.h5:/layers/b has 999: the "
                "rows must be the same samples in both\n"
                "8:5: /jobs/x.h5:/layers/a has 1000 samples, but /jobs/x.h5:/labels/y has 1001: "
                "the rows must be the same samples in both\n");
    planned_release(&p);
}

Test(plan_check, first_makes_rows_equal_or_is_too_much)
{
    planned p = plan_of(HEAD "input:\n"
                             "  file: x.h5\n"
                             "  samples: {first: 100}\n"
                             "  layers: {a: /layers/a, b: /layers/b}\n"
                             "  labels: {y: /labels/y}\n"
                             "measures: [{flow: {}}, {flow: {target: y}}]\n");
    shape_all(p.plan, 100, 3);
    p.plan->layers[0].shape.rows = 150;
    cr_expect(ist_plan_check(p.plan, &p.faults));
    p.plan->layers[1].shape.rows = 99;
    p.plan->labels[0].rows = 10;
    cr_expect(!ist_plan_check(p.plan, &p.faults));
    cr_expect(p.faults.count == 2);
    expect_text(fault_lines(&p.faults),
                "7:26: 'samples: {first: 100}' asks for more than the 99 rows of "
                "/jobs/x.h5:/layers/b\n"
                "8:12: 'samples: {first: 100}' asks for more than the 10 rows of "
                "/jobs/x.h5:/labels/y\n");
    planned_release(&p);
}

Test(plan_check, what_the_measure_refuses_stands_at_its_k)
{
    planned p = plan_of(HEAD "grid: {w: [4, 8]}\n"
                             "input: {file: x.h5, layers: [a, b]}\n"
                             "measures:\n"
                             "  - flow: {k: [1, 10, 9, 11]}\n");
    shape_all(p.plan, 10, 3);
    cr_expect(!ist_plan_check(p.plan, &p.faults));
    expect_text(fault_lines(&p.faults), "7:19: k = 10 needs more than 10 samples\n"
                                        "7:26: k = 11 needs more than 10 samples\n");
    planned_release(&p);
}
