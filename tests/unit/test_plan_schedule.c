/* Passes: each runs once, serves everybody, comes in an order that works; and what it costs. */
#include "test_plan_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "../harness/scratch.h"

#define HEAD "version: 1\nname: t\noutput: out\n"

/* "nearest a k=2", "counts b: a/2 c/1 parts", the steps in order. */
static const char *step_lines(const ist_plan *plan, const ist_schedule *s)
{
    ist_text out = {0};
    for (size_t i = 0; i < s->step_count; i++) {
        const ist_step *step = &s->steps[i];
        if (step->counts) {
            const ist_target_pass *t = &s->targets[step->index];
            ist_text_add(&out, "counts %s%s:", plan->layers[t->layer].at.dataset,
                         t->by_index ? " by index" : "");
            for (size_t j = 0; j < t->slot_count; j++) {
                const ist_source_pass *from = &s->sources[t->slots[j].pass];
                ist_text_add(&out, " %s/%d", plan->layers[from->layer].at.dataset,
                             (int)t->slots[j].k);
            }
            ist_text_add(&out, "%s\n", t->parts ? " parts" : "");
        } else {
            const ist_source_pass *p = &s->sources[step->index];
            ist_text_add(&out, "nearest %s%s k=%d until %zu%s\n", plan->layers[p->layer].at.dataset,
                         p->ties.by_index ? " by index" : "", (int)p->k, p->last_step,
                         p->parts ? " parts" : "");
        }
    }
    const char *kept = scratch_text("%s", out.data ? out.data : "");
    ist_text_release(&out);
    return kept;
}

static void expect_steps(const char *manifest, const char *lines)
{
    planned p = plan_of(manifest);
    shape_all(p.plan, 1000, 3);
    ist_schedule *schedule = ist_schedule_new(p.plan, NULL);
    expect_text(step_lines(p.plan, schedule), lines);
    ist_schedule_free(&schedule);
    planned_release(&p);
}

/* ---- which passes, in which order ------------------------------------------------------------ */

Test(schedule, two_passes_a_layer_with_the_largest_k)
{
    expect_steps(HEAD "input: {file: x.h5, layers: [a, b, c]}\n"
                      "measures: [{flow: {layers: [a, b], k: [1, 30]}},"
                      " {flow: {pairs: [[a, c]], k: 5, se: none}}]\n",
                 "nearest /layers/a k=30 until 4 parts\n"
                 "nearest /layers/b k=30 until 5 parts\n"
                 "counts /layers/b: /layers/a/30 parts\n"
                 "nearest /layers/c k=5 until 5\n"
                 "counts /layers/c: /layers/a/5\n"
                 "counts /layers/a: /layers/b/30 /layers/c/5 parts\n");
}

Test(schedule, a_pass_2_comes_as_soon_as_its_sources_are_known)
{
    expect_steps(HEAD "input: {file: x.h5, layers: [a, b, c, d]}\n"
                      "measures: [{likeness: {pairs: [[a, b], [b, b], [c, d]], against: {s: 0}}}]\n"
                      "grid: {s: [0, 1]}\n",
                 "nearest /layers/a k=1 until 2\n"
                 "nearest /layers/b k=1 until 2\n"
                 "counts /layers/b: /layers/a/1 /layers/b/1\n"
                 "nearest /layers/c k=1 until 4\n"
                 "counts /layers/d: /layers/c/1\n");
}

Test(schedule, labels_need_pass_1_alone)
{
    expect_steps(HEAD "input: {file: x.h5, layers: [a, b], labels: [y]}\n"
                      "measures: [{flow: {target: y, k: 7}}]\n",
                 "nearest /layers/a k=7 until 0 parts\n"
                 "nearest /layers/b k=7 until 1 parts\n");
}

Test(schedule, tie_rules_are_passes_of_their_own)
{
    expect_steps(
        HEAD
        "input: {file: x.h5, layers: [a, b]}\n"
        "measures: [{flow: {pairs: [[a, b]], ties: [random, index], seed: [0, 1], se: none}}]\n",
        "nearest /layers/a k=1 until 6\n"
        "nearest /layers/a k=1 until 6\n"
        "nearest /layers/a by index k=1 until 7\n"
        "nearest /layers/b k=1 until 8\n"
        "nearest /layers/b k=1 until 8\n"
        "nearest /layers/b by index k=1 until 9\n"
        "counts /layers/b: /layers/a/1 /layers/a/1\n"
        "counts /layers/b by index: /layers/a/1\n"
        "counts /layers/a: /layers/b/1 /layers/b/1\n"
        "counts /layers/a by index: /layers/b/1\n");
}

/* The input of 20 networks is swept once, whatever the cells. */
Test(schedule, a_shared_input_runs_once_a_job)
{
    planned p =
        plan_of(HEAD "grid: {w: {from: 1, to: 20}}\n"
                     "input: {file: \"w{w}.h5\", layers: {in: \"data.h5:/x\", top: /layers/top}}\n"
                     "measures: [{flow: {k: [1, 3]}}]\n");
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    cr_expect(s->tasks == 80 && s->asked == 160);
    cr_expect(s->source_count == 21 && s->target_count == 21 && s->step_count == 42);
    cr_expect(s->targets[1].layer == 0 && s->targets[1].slot_count == 20);
    ist_schedule_free(&s);
    planned_release(&p);
}

Test(schedule, every_list_lives_until_its_last_use)
{
    planned p =
        plan_of(HEAD "grid: {w: [1, 2, 3], s: [0, 1]}\n"
                     "input: {file: \"w{w}-{s}.h5\", layers: {in: \"data.h5:/x\", a: /a, b: /b},"
                     " labels: [y]}\n"
                     "measures: [{flow: {}}, {flow: {target: y, k: 4}},"
                     " {flow: {layers: [b], against: {s: others}}}]\n");
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    bool *made = ist_alloc(s->source_count, sizeof *made);
    for (size_t i = 0; i < s->step_count; i++) {
        if (!s->steps[i].counts) {
            made[s->steps[i].index] = true;
            continue;
        }
        const ist_target_pass *t = &s->targets[s->steps[i].index];
        for (size_t j = 0; j < t->slot_count; j++) {
            cr_expect(made[t->slots[j].pass]);
            cr_expect(s->sources[t->slots[j].pass].last_step >= i);
        }
    }
    cr_expect(s->step_count == s->source_count + s->target_count);
    ist_free(made);
    ist_schedule_free(&s);
    planned_release(&p);
}

/* A machine whose passes need so much. */
static int64_t model(const ist_pass_shape *pass, const ist_machine *machine)
{
    int64_t at_once = ist_min(pass->thresholds, pass->batch);
    return ist_ceil_div(pass->n, machine->ranks) *
           ((pass->wide ? 8 : 4) * pass->d + 100 * pass->k + 12 * pass->thresholds + 30 * at_once +
            (pass->parts ? 1000 : 0));
}

/* ---- pending tasks and routes ---------------------------------------------------------------- */

Test(schedule, only_what_is_pending)
{
    planned p = plan_of(HEAD "grid: {w: [4, 8]}\n"
                             "input: {layers: {a: \"x.h5:/a\", b: \"x.h5:/b\"}}\n"
                             "measures: [{flow: {k: [1, 2]}}]\n");
    shape_all(p.plan, 1000, 3);
    bool pending[8] = {false, true, false, false, false, true, false, false};
    ist_schedule *s = ist_schedule_new(p.plan, pending);
    cr_expect(s->tasks == 1 && s->asked == 4 && s->step_count == 2);
    expect_text(step_lines(p.plan, s), "nearest /a k=2 until 1 parts\n"
                                       "counts /b: /a/2 parts\n");
    for (size_t t = 0; t < 8; t++) {
        const ist_route *route = ist_schedule_route(s, &p.plan->tasks[t]);
        cr_expect((route != NULL) == (t % 4 == 1), "task %zu", t);
        if (route)
            cr_expect(route->source == 0 && route->target[1] == 0 && route->slot[1] == 0 &&
                      route->second == SIZE_MAX && route->last_step == 1);
    }
    ist_schedule_free(&s);
    bool none[8] = {false};
    s = ist_schedule_new(p.plan, none);
    cr_expect(s->tasks == 0 && s->asked == 0 && s->step_count == 0);
    ist_machine machine = {.ranks = 2, .flops = 1e9, .chunk_bytes = 1 << 20, .pass_memory = model};
    ist_cost cost = ist_schedule_cost(p.plan, s, &machine);
    cr_expect(cost.memory == 0 && cost.bytes_read == 0 && cost.seconds == 0);
    ist_schedule_free(&s);
    planned_release(&p);
}

Test(schedule, routes_lead_to_the_right_slot)
{
    planned p =
        plan_of(HEAD "input: {file: x.h5, layers: [a, b, c], labels: [y]}\n"
                     "measures: [{flow: {k: [1, 2], seed: [0, 1]}}, {flow: {target: y}}]\n");
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    for (size_t t = 0; t < p.plan->task_count; t++) {
        const ist_task *task = &p.plan->tasks[t];
        const ist_route *route = ist_schedule_route(s, task);
        cr_assert(route);
        cr_expect(s->sources[route->source].layer == task->source);
        if (task->labels_target) {
            cr_expect(route->target[1] == SIZE_MAX && route->slot[1] == SIZE_MAX);
        } else {
            cr_expect(s->sources[route->source].ties.seed == task->param[2]);
            cr_expect(s->targets[route->target[1]].layer == task->target);
            cr_expect(s->targets[route->target[1]].slots[route->slot[1]].pass == route->source);
        }
    }
    ist_schedule_free(&s);
    planned_release(&p);
}

/* ---- cost ------------------------------------------------------------------------------------ */

Test(cost, pairs_operations_bytes_seconds)
{
    planned p = plan_of(HEAD "input: {file: x.h5, layers: [a, b]}\n"
                             "measures: [{flow: {pairs: [[a, b]], k: 2, se: none}}]\n");
    shape_all(p.plan, 1000, 10);
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    ist_machine machine = {.ranks = 2, .flops = 1e9, .chunk_bytes = 1 << 20, .pass_memory = model};
    ist_cost cost = ist_schedule_cost(p.plan, s, &machine);
    double pairs = 4 * 999 * 500.0, operations = pairs * 20 + 2 * (3 * 2 * 1000 * 10.0);
    cr_expect(cost.pairs == pairs);
    cr_expect(cost.operations == operations);
    /* a, b, (b again in memory), a */
    cr_expect(cost.bytes_read == 3 * 1000 * 10 * 4);
    double candidates = 2 * 1000 * 2 * (1 + 2 * log(500)), compared = 2 * 2 * 999 * 500.0;
    double engine = 1.8e-10 * pairs + 2e-8 * candidates + 2.5e-10 * compared;
    double seconds = (operations / 1e9 + engine) / 2 + 0.04;
    cr_expect(cost.seconds > 0.999 * seconds && cost.seconds < 1.001 * seconds);
    cr_expect(cost.most_batches == 1);
    ist_schedule_free(&s);
    planned_release(&p);
}

/* Where trees may answer, few features take less time at large N; all pairs are answered either way. */
Test(cost, trees_of_few_features)
{
    for (int64_t d = 1; d <= 4; d++) {
        planned p = plan_of(HEAD "input: {file: x.h5, layers: [a, b]}\n"
                                 "measures: [{flow: {pairs: [[a, b]], k: 2, se: none}}]\n");
        shape_all(p.plan, 100000, d);
        ist_schedule *s = ist_schedule_new(p.plan, NULL);
        ist_machine machine = {
            .ranks = 1, .flops = 1e11, .chunk_bytes = 1 << 20, .pass_memory = model};
        ist_cost tiles = ist_schedule_cost(p.plan, s, &machine);
        machine.trees = true;
        ist_cost trees = ist_schedule_cost(p.plan, s, &machine);
        cr_expect(trees.pairs == tiles.pairs);
        cr_expect((trees.seconds < 0.9 * tiles.seconds) == (d <= 3), "%g and %g at d = %d",
                  trees.seconds, tiles.seconds, (int)d);
        cr_expect(d <= 3 || trees.seconds == tiles.seconds);
        ist_schedule_free(&s);
        planned_release(&p);
    }
}

Test(cost, lists_that_are_kept_count)
{
    planned p = plan_of(HEAD "input: {file: x.h5, layers: [a, b, c]}\n"
                             "measures: [{flow: {k: 10, se: none}}]\n");
    shape_all(p.plan, 1000, 10);
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    ist_machine machine = {.ranks = 1, .chunk_bytes = 1, .pass_memory = model};
    int64_t list = 4 * 10 * 1000;
    int64_t counts = 1000 * (40 + 100 * 10 + 12 * 20 + 30 * 20);
    ist_cost cost = ist_schedule_cost(p.plan, s, &machine);
    cr_expect(cost.memory == counts + 3 * list, "%lld", (long long)cost.memory);
    cr_expect(cost.worst_layer == 2);
    ist_schedule_free(&s);
    planned_release(&p);
}

Test(cost, thresholds_that_do_not_fit_come_in_batches)
{
    planned p = plan_of(HEAD "input: {file: x.h5, layers: [a, b, c]}\n"
                             "measures: [{flow: {k: 10, se: none}}]\n");
    shape_all(p.plan, 1000, 10);
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    ist_machine machine = {.ranks = 1, .chunk_bytes = 1, .pass_memory = model};
    size_t c = s->steps[3].index; /* the worst step: all lists are there */
    size_t step[] = {0, 1, 2, 3, 4, 5};
    ist_steps all = {step, s->step_count};
    cr_assert(s->step_count == 6);
    cr_assert(s->steps[3].counts && s->targets[c].layer == 2);
    cr_expect(ist_schedule_batch(p.plan, s, &all, c, &machine) == 20);
    machine.memory_limit = 1000 * (40 + 100 * 10 + 12 * 20 + 30 * 7) + 3 * 4 * 10000;
    cr_expect(ist_schedule_batch(p.plan, s, &all, c, &machine) == 7);
    ist_cost cost = ist_schedule_cost(p.plan, s, &machine);
    cr_expect(cost.most_batches == 3);
    cr_expect(cost.memory <= machine.memory_limit);
    cr_expect(cost.pairs == (3 + 3 * 3) * 999 * 500.0);
    machine.memory_limit--;
    cr_expect(ist_schedule_batch(p.plan, s, &all, c, &machine) == 6);
    machine.memory_limit = 1;
    cr_expect(ist_schedule_batch(p.plan, s, &all, c, &machine) == 1);
    cr_expect(ist_schedule_cost(p.plan, s, &machine).memory > machine.memory_limit);
    ist_schedule_free(&s);
    planned_release(&p);
}

/* Passes of anchors serve nobody else: each n and seed has its own, and `dimension`, which any list of a layer would do for, one of all
 * rows. */
Test(cost, anchors)
{
    planned p = plan_of_measures(
        HEAD "input: {file: x.h5, layers: [a, b]}\n"
             "measures: [{imbalance: {pairs: [[a, b]], k: [2, 3], anchors: [50, 60], se: none}},\n"
             "  {imbalance: {pairs: [[a, b]], anchors: 60, seed: 4, ties: index}},\n"
             "  {dimension: {layers: [a], se: none}}]\n");
    shape_all(p.plan, 1000, 10);
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    cr_expect(s->source_count == 2 * 3 + 1 && s->target_count == 2 * 3, "%zu and %zu",
              s->source_count, s->target_count);
    size_t all = 0;
    for (size_t i = 0; i < s->source_count; i++)
        all += s->sources[i].anchors.count == 0;
    cr_expect(all == 1);
    for (size_t t = 0; t < s->target_count; t++)
        for (size_t i = 0; i < s->targets[t].slot_count; i++) {
            const ist_source_pass *from = &s->sources[s->targets[t].slots[i].pass];
            cr_expect(from->anchors.count == s->targets[t].anchors.count &&
                      from->anchors.seed == s->targets[t].anchors.seed);
        }
    ist_machine machine = {.ranks = 1, .flops = 1e9, .chunk_bytes = 1 << 20, .pass_memory = model};
    ist_cost cost = ist_schedule_cost(p.plan, s, &machine);
    double pairs = 4 * (50 + 60 + 60) * 1000.0 + 999 * 500.0;
    double thresholds = 2 * (3 * 50 + 3 * 60 + 60);
    cr_expect(cost.pairs == pairs, "%g pairs, not %g", cost.pairs, pairs);
    cr_expect(cost.operations == pairs * 20 + 3 * thresholds * 10);
    cr_expect(cost.seconds > cost.operations / 1e9);
    ist_schedule_free(&s);
    planned_release(&p);
}

/* A layer is read several times; its dimension is found once, within the parts, or among few rows. */
Test(cost, dimensions_are_found_once_a_layer)
{
    planned p = plan_of(HEAD "input: {file: x.h5, layers: [a, b, c]}\n"
                             "measures: [{flow: {k: 10, se: none}}]\n");
    ist_machine machine = {.ranks = 1, .flops = 1e9, .chunk_bytes = 1, .pass_memory = model};
    const int64_t rows[] = {5000, 900};
    const double pairs[] = {5000 * 499 / 2.0, 900 * 899 / 2.0};
    for (int r = 0; r < 2; r++) {
        shape_all(p.plan, rows[r], 10);
        ist_schedule *s = ist_schedule_new(p.plan, NULL);
        ist_cost without = ist_schedule_cost(p.plan, s, &machine);
        p.plan->layers[0].dimension = p.plan->layers[2].dimension = true;
        ist_cost with = ist_schedule_cost(p.plan, s, &machine);
        p.plan->layers[0].dimension = p.plan->layers[2].dimension = false;
        cr_expect(without.dimensions == 0 && with.dimensions == 2);
        cr_expect(with.pairs - without.pairs == 2 * pairs[r]);
        cr_expect(with.bytes_read == without.bytes_read);
        cr_expect(with.seconds - without.seconds > 2 * pairs[r] * 20 / 1e9);
        ist_schedule_free(&s);
    }
    planned_release(&p);
}

/* Integer copies take nearly half of the time of a search for neighbours, of nothing else, and only where there are enough rows
 * and features for them. */
Test(plan_cost, integer_copies)
{
    planned p = plan_of(HEAD "input: {file: x.h5, layers: [a, b]}\n"
                             "measures: [{flow: {k: 1, se: none}}]\n");
    const int64_t shapes[][2] = {{50000, 512}, {50000, 7}, {4000, 512}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        shape_all(p.plan, shapes[i][0], shapes[i][1]);
        ist_schedule *s = ist_schedule_new(p.plan, NULL);
        ist_machine machine = {.ranks = 1, .flops = 1e11, .chunk_bytes = 1, .pass_memory = model};
        ist_cost without = ist_schedule_cost(p.plan, s, &machine);
        machine.integers = true;
        ist_cost with = ist_schedule_cost(p.plan, s, &machine);
        double searching = without.operations / 2 / machine.flops;
        double saved = without.seconds - with.seconds;
        cr_expect(with.operations == without.operations);
        if (i == 0)
            cr_expect(saved > 0.4 * searching && saved < 0.5 * searching, "%g of %g", saved,
                      searching);
        else
            cr_expect(saved == 0, "%zu: %g", i, saved);
        ist_schedule_free(&s);
    }
    planned_release(&p);
}

/* ---- the page -------------------------------------------------------------------------------- */

Test(plan_print, the_page)
{
    planned p =
        plan_of(HEAD "grid: {w: {from: 1, to: 9}, s: [0, 1], t: [lo, hi]}\n"
                     "zip: [[s, t]]\n"
                     "exclude: [{w: 9, s: 1}]\n"
                     "input:\n"
                     "  file: acts/w{w}-{s}.h5\n"
                     "  layers: {in: \"data.h5:/x\", in2: \"data.h5:/z\", top: /layers/top}\n"
                     "  labels: {y: \"data.h5:/y\"}\n"
                     "measures: [{flow: {k: [1, 3]}}, {flow: {target: y}}, {likeness: {}}]\n");
    shape_all(p.plan, 60000, 512);
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    ist_machine machine = {.ranks = 4,
                           .flops = 1e11,
                           .memory_limit = 4000000000,
                           .program = 40000000,
                           .pass_memory = model};
    ist_cost cost = ist_schedule_cost(p.plan, s, &machine);
    ist_text out = {0};
    ist_division *division = ist_divide(p.plan, s, &machine);
    ist_plan_print(p.plan, s, division, &cost, &machine, &out);
    ist_division_free(&division);
    expect_text(
        out.data,
        "job         t\n"
        "cells       17: w 9, s 2, t 2 (1 excluded)\n"
        "tasks       306: flow 255, likeness 51\n"
        "            194 distinct: the others have the same operands\n"
        "layers      19 distinct of 51 asked; labels 1\n"
        "\n"
        "  layer                                                   samples  features  type\n"
        "  ../data.h5:/x                                            60,000       512  float32\n"
        "  ../data.h5:/z                                            60,000       512  float32\n"
        "  ../acts/w1-0.h5:/layers/top                              60,000       512  float32\n"
        "  ../acts/w1-1.h5:/layers/top                              60,000       512  float32\n"
        "  ../acts/w2-0.h5:/layers/top                              60,000       512  float32\n"
        "  ../acts/w2-1.h5:/layers/top                              60,000       512  float32\n"
        "  ../acts/w3-0.h5:/layers/top                              60,000       512  float32\n"
        "  ../acts/w3-1.h5:/layers/top                              60,000       512  float32\n"
        "  ... and 11 more\n"
        "\n"
        "passes      38 run of 561 asked: 19 for neighbours, 19 for ranks\n"
        "work        7.5e+10 pairs, 7.7e+13 operations\n"
        "reads       2.6 GB\n"
        "groups      19 portions, in stages for the layers in common: 1 in 1 group of 4, 17 in 4 "
        "groups of 1, 1 in 1 group of 4 "
        "rank(s)\n"
        "memory      91 MB a rank of 4.0 GB, most for ../data.h5:/x\n"
        "            and 40 MB for the program itself\n"
        "disk        up to 274 MB for checkpoints of long passes\n"
        "time        about 3 min 32 s on 4 ranks\n"
        "output      /jobs/out\n");
    ist_text_release(&out);
    ist_schedule_free(&s);
    planned_release(&p);
}

Test(plan_print, what_does_not_fit_and_what_is_done)
{
    planned p = plan_of(HEAD "input: {file: x.h5, layers: [a, b, c]}\n"
                             "measures: [{flow: {k: 10, se: none}}]\n");
    shape_all(p.plan, 1000, 10);
    bool pending[6] = {true, true, true, false, false, true};
    ist_schedule *s = ist_schedule_new(p.plan, pending);
    ist_machine machine = {
        .ranks = 1, .chunk_bytes = 1, .memory_limit = 200000, .pass_memory = model};
    ist_cost cost = ist_schedule_cost(p.plan, s, &machine);
    ist_text out = {0};
    ist_division *division = ist_divide(p.plan, s, &machine);
    ist_plan_print(p.plan, s, division, &cost, &machine, &out);
    ist_division_free(&division);
    cr_expect(strstr(out.data, "cells       1\n"));
    cr_expect(strstr(out.data, "to do       4, the others are done\n"));
    cr_expect(strstr(out.data, "batches, because all thresholds do not fit\n"));
    cr_expect(strstr(out.data, "            DOES NOT FIT: "), "%s", out.data);
    ist_text_release(&out);
    ist_schedule_free(&s);
    planned_release(&p);
}
