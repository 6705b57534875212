/* The passes that the program's own measures need: among classes, joint, with single thresholds, of permuted layers, and which
 * of them are shared. */
#include "test_plan_support.h"

#include <criterion/criterion.h>
#include <string.h>

#include "../harness/scratch.h"

#define HEAD                           \
    "version: 1\nname: t\noutput: o\n" \
    "input: {file: x.h5, layers: {a: /a, b: /b, c: /c}, labels: {y: /y, z: /z}}\n"

/* ---- a schedule as text ------------------------------------------------------------------------ */

static const char *layer_name(const ist_plan *plan, size_t layer)
{
    const char *key = plan->layers[layer].key;
    return strchr(key, ':') + 2;
}

static const char *labels_name(const ist_plan *plan, size_t labels)
{
    return plan->labels[labels].at.dataset + 1;
}

/* "nearest a and b k=2 with c index k=3 until 3" (joint passes that go together), "nearest a in y index k=2 distinct=2 distances=2 reach parts until 3" */
static void add_source(const ist_plan *plan, const ist_schedule *s, size_t source, ist_text *out)
{
    const ist_source_pass *p = &s->sources[source];
    ist_text_add(out, "nearest %s", layer_name(plan, p->layer));
    for (size_t m = p->together; m != SIZE_MAX; m = s->sources[m].together)
        ist_text_add(out, " and %s k=%d", layer_name(plan, s->sources[m].layer),
                     (int)s->sources[m].k);
    if (p->in_class)
        ist_text_add(out, " in %s", labels_name(plan, p->labels));
    if (p->other != SIZE_MAX)
        ist_text_add(out, " with %s scale %d", layer_name(plan, p->other), (int)p->scale);
    ist_text_add(out, "%s k=%d", p->ties.by_index ? " index" : "", (int)p->k);
    if (p->reads != SIZE_MAX)
        ist_text_add(out, " reads=%zu%s", p->reads, p->counted_alone ? " counted alone" : "");
    if (p->distinct_k)
        ist_text_add(out, " distinct=%d", (int)p->distinct_k);
    if (p->distance_k)
        ist_text_add(out, " distances=%d", (int)p->distance_k);
    ist_text_add(out, "%s%s until %zu\n", p->list_counts ? " reach" : "", p->parts ? " parts" : "",
                 p->last_step);
}

static const char *const kinds[] = {"none",  "ranks",       "reach", "nearer",
                                    "joint", "joint-reach", "box"};

/* "counts a without singles of y: ranks 0/3, reach 1/1 until 2"; a pass is told by its place among the
 * sources. */
static void add_target(const ist_plan *plan, const ist_target_pass *t, ist_text *out)
{
    ist_text_add(out, "counts %s%s", layer_name(plan, t->layer), t->by_index ? " index" : "");
    if (t->labels != SIZE_MAX)
        ist_text_add(out, " without singles of %s", labels_name(plan, t->labels));
    for (size_t i = 0; i < t->slot_count; i++)
        ist_text_add(out, "%s %s %zu/%d", i ? "," : ":", kinds[t->slots[i].kind], t->slots[i].pass,
                     (int)t->slots[i].k);
    ist_text_add(out, "%s until %zu\n", t->parts ? " parts" : "", t->last_step);
}

static const char *steps_of(const ist_plan *plan, const ist_schedule *s)
{
    ist_text out = {0};
    for (size_t i = 0; i < s->step_count; i++) {
        const ist_step *step = &s->steps[i];
        if (step->counts)
            add_target(plan, &s->targets[step->index], &out);
        else
            add_source(plan, s, step->index, &out);
    }
    const char *kept = scratch_text("%s", out.data ? out.data : "");
    ist_text_release(&out);
    return kept;
}

static planned shaped(const char *measures, bool singles)
{
    planned p = plan_of_measures(scratch_text(HEAD "measures:\n%s", measures));
    cr_assert(p.plan, "%s", fault_lines(&p.faults));
    shape_all(p.plan, 1000, 3);
    for (size_t i = 0; i < p.plan->label_count; i++) {
        p.plan->labels[i].classes = 10;
        p.plan->labels[i].largest = 200;
        p.plan->labels[i].smallest = singles ? 1 : 20;
        p.plan->labels[i].singles = singles;
    }
    return p;
}

static void expect_steps(const char *measures, bool singles, const char *lines)
{
    planned p = shaped(measures, singles);
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    expect_text(steps_of(p.plan, s), lines);
    for (size_t t = 0; t < p.plan->task_count; t++)
        cr_expect(ist_schedule_route(s, &p.plan->tasks[t]));
    ist_schedule_free(&s);
    planned_release(&p);
}

/* ---- classes ----------------------------------------------------------------------------------- */

/* One pass for all k; one threshold for each k, in the counts that the layer has anyway. */
Test(schedule_of_measures, ross)
{
    expect_steps("  - mi-ross: {layers: [a], target: y, k: [1, 3]}\n"
                 "  - imbalance: {pairs: [[a, b]], se: none}\n",
                 false,
                 "nearest a k=1 until 3\n"
                 "nearest a in y k=3 reach parts until 4\n"
                 "nearest b k=1 until 4\n"
                 "counts b: ranks 0/1 until 3\n"
                 "counts a: ranks 1/1, reach 2/1, reach 2/3 parts until 4\n");
}

Test(schedule_of_measures, ross_with_classes_of_one)
{
    expect_steps("  - mi-ross: {layers: [a], target: [y, z], se: none}\n"
                 "  - mi-mixed: {layers: [a], target: y, se: none, k: 3}\n"
                 "  - overlap: {layers: [a], target: y, se: none}\n",
                 true,
                 "nearest a k=30 until 0\n"
                 "nearest a in y k=3 distances=3 reach until 5\n"
                 "nearest a in z k=3 reach until 4\n"
                 "counts a without singles of y: reach 1/3 until 3\n"
                 "counts a without singles of z: reach 2/3 until 4\n"
                 "counts a: nearer 1/3 until 5\n");
}

/* ---- lists that are read -------------------------------------------------------------------------- */

static void expect_steps_wide(const char *measures, bool singles, const char *lines)
{
    planned p = shaped(measures, singles);
    shape_all(p.plan, 1000, 10);
    for (size_t i = 0; i < p.plan->label_count; i++)
        p.plan->labels[i].pair_share = 0.1;
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    expect_text(steps_of(p.plan, s), lines);
    ist_schedule_free(&s);
    planned_release(&p);
}

/* The pass within classes comes behind the one among all, whose lists keep distances and live until then. */
Test(schedule_of_measures, lists_that_classes_read)
{
    expect_steps_wide("  - mi-ross: {layers: [a], target: y}\n"
                      "  - imbalance: {layers: [a], target: y, k: [1, 30]}\n",
                      false,
                      "nearest a k=30 distances=30 parts until 1\n"
                      "nearest a in y k=3 reads=0 counted alone reach parts until 2\n"
                      "counts a: reach 1/3 parts until 2\n");
}

/* Longer lists keep what is useful of them; where ranks are counted anyway, those of classes may be dropped from them. */
Test(schedule_of_measures, lists_that_are_long)
{
    expect_steps_wide("  - imbalance: {pairs: [[a, b]], k: [1, 400], se: none}\n"
                      "  - mi-ross: {layers: [a], target: y, se: none}\n",
                      false,
                      "nearest a k=400 distances=120 until 3\n"
                      "nearest a in y k=3 reads=0 reach until 4\n"
                      "nearest b k=400 until 4\n"
                      "counts b: ranks 0/400 until 3\n"
                      "counts a: ranks 1/400, reach 2/3 until 4\n");
}

/* Of lists that are too short, and where samples alone in their class are left out. */
Test(schedule_of_measures, lists_that_classes_cannot_read)
{
    expect_steps_wide("  - imbalance: {layers: [a], target: y, k: 5, se: none}\n"
                      "  - mi-ross: {layers: [a], target: y, se: none}\n",
                      false,
                      "nearest a k=5 until 0\n"
                      "nearest a in y k=3 reach until 2\n"
                      "counts a: reach 1/3 until 2\n");
    expect_steps_wide("  - imbalance: {layers: [a], target: y, k: 30, se: none}\n"
                      "  - mi-ross: {layers: [a], target: y, se: none}\n",
                      true,
                      "nearest a k=30 until 0\n"
                      "nearest a in y k=3 reach until 2\n"
                      "counts a without singles of y: reach 1/3 until 2\n");
}

/* ---- lists that are shared --------------------------------------------------------------------- */

/* Equal distances in any order: the imbalance's pass does for the dimension, too. */
Test(schedule_of_measures, any_order)
{
    expect_steps("  - dimension: {layers: [a], method: [twonn, mle], seed: 7}\n"
                 "  - entropy-kl: {layers: [a, b], k: 4, se: none}\n"
                 "  - imbalance: {pairs: [[a, b]], ties: index, se: none}\n"
                 "  - overlap: {layers: [a], target: y, se: none, k: 20}\n",
                 false,
                 "nearest a index k=10 distinct=10 distances=10 parts until 3\n"
                 "nearest a k=20 until 1\n"
                 "nearest b index k=4 distances=4 until 4\n"
                 "counts b index: ranks 0/1 until 3\n"
                 "counts a index: ranks 1/1 until 4\n");
}

Test(schedule_of_measures, both_lists)
{
    expect_steps("  - overlap: {pairs: [[a, b], [b, c]], k: 20}\n", false,
                 "nearest a k=20 until 1\n"
                 "nearest b k=20 until 2\n"
                 "nearest c k=20 until 2\n");
}

/* Other metrics, other units are other layers. */
Test(schedule_of_measures, metrics)
{
    expect_steps("  - mi-ross: {layers: [a], target: y, metric: [euclidean, chebyshev], "
                 "scale: [none, rms, zscore], se: none}\n"
                 "  - entropy-kl: {layers: [a], metric: chebyshev, scale: rms, se: none}\n",
                 false,
                 "nearest a in y k=3 reach until 1\n"
                 "counts a: reach 0/3 until 1\n"
                 "nearest a|zscore in y k=3 reach until 3\n"
                 "counts a|zscore: reach 1/3 until 3\n"
                 "nearest a|chebyshev k=3 distances=3 until 4\n"
                 "nearest a|chebyshev in y k=3 reach until 6\n"
                 "counts a|chebyshev: reach 2/3 until 6\n"
                 "nearest a|chebyshev|zscore in y k=3 reach until 8\n"
                 "counts a|chebyshev|zscore: reach 3/3 until 8\n");
}

/* ---- joint passes ------------------------------------------------------------------------------ */

/* Type 1 takes the lists of type 2; both forms of mi-mixed, too. */
Test(schedule_of_measures, joint)
{
    expect_steps("  - mi-ksg: {pairs: [[a, b]], k: [3, 5], type: [1, 2], se: none}\n"
                 "  - mi-mixed: {pairs: [[a, b]], form: [code, paper], se: none}\n",
                 false,
                 "nearest a with b scale 1 k=5 distances=5 reach until 2\n"
                 "counts a: box 0/3, box 0/5, joint 0/3, joint 0/5, joint-reach 0/5 until 2\n"
                 "counts b: box 0/3, box 0/5, joint 0/3, joint 0/5, joint-reach 0/5 until 2\n");
}

Test(schedule_of_measures, joint_with_one_target)
{
    expect_steps("  - mi-ksg: {layers: [a, b], target: c}\n"
                 "  - mi-ksg: {pairs: [[a, c]], scale: none, se: none}\n",
                 false,
                 "nearest a with c scale 1 k=3 distances=3 reach parts until 5\n"
                 "nearest a with c scale 0 k=3 distances=3 reach until 5\n"
                 "counts a: joint 0/3, joint 2/3 parts until 5\n"
                 "nearest b with c scale 1 k=3 distances=3 reach parts until 5\n"
                 "counts b: joint 1/3 parts until 5\n"
                 "counts c: joint 0/3, joint 1/3, joint 2/3 parts until 5\n");
}

/* Wide enough that the target's tiles are worth sharing: one step, then each layer's counts. Layer c is too wide for b. */
static planned shaped_for_company(const char *measures)
{
    planned p = shaped(measures, false);
    for (size_t l = 0; l < p.plan->layer_count; l++) {
        const char *name = layer_name(p.plan, l);
        p.plan->layers[l].shape.d = *name == 'a' ? 20 : *name == 'b' ? 10 : 400;
    }
    return p;
}

static const char *const company = "  - mi-ksg: {layers: [a, b], target: c, k: 4}\n"
                                   "  - mi-mixed: {layers: [b], target: c, k: 6, se: none}\n"
                                   "  - mi-ksg: {pairs: [[c, b]], scale: none, se: none}\n";

Test(schedule_of_measures, joint_passes_of_one_target_go_together)
{
    planned p = shaped_for_company(company);
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    expect_text(steps_of(p.plan, s),
                "nearest a and b k=6 with c scale 1 k=4 distances=4 reach parts until 3\n"
                "counts a: joint 0/4 parts until 3\n"
                "nearest c with b scale 0 k=3 distances=3 reach until 4\n"
                "counts c: joint 0/4, joint 1/4, joint 1/6, joint 2/3 parts until 4\n"
                "counts b: joint 1/4, joint 1/6, joint 2/3 parts until 4\n");
    ist_schedule_free(&s);
    planned_release(&p);
}

/* 10 MB for each layer that is there at once. */
static int64_t memory_of_company(const ist_pass_shape *pass, const ist_machine *machine)
{
    (void)machine;
    return INT64_C(10000000) * (1 + pass->at_once);
}

Test(schedule_of_measures, as_many_layers_at_once_as_fit)
{
    planned p = shaped_for_company("  - mi-ksg: {layers: [a, b], target: c, se: none}\n");
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    ist_machine machine = {.ranks = 1, .pass_memory = memory_of_company};
    ist_division *division = ist_divide(p.plan, s, &machine);
    const ist_steps *steps = &division->portions[0].steps;
    double all = 999 * 500.0, dimensions = 3 * 1000 * 99 / 2;
    const int64_t limits[] = {0, 30000000, 29999999}, at_once[] = {2, 2, 1};
    for (int i = 0; i < 3; i++) {
        machine.memory_limit = limits[i];
        cr_expect(ist_schedule_together(p.plan, s, steps, 0, &machine) == at_once[i], "%d", i);
        ist_cost cost = ist_steps_cost(p.plan, s, steps, &machine);
        cr_expect(cost.most_together == at_once[i] && cost.memory == 10000000 * (1 + at_once[i]));
        /* Two layers, the target once for all that are there, and three passes of counts. */
        double joint = 2 + (at_once[i] == 2 ? 1 : 2);
        cr_expect(cost.pairs == (joint + 3) * all + dimensions, "%g", cost.pairs / all);
        ist_text out = {0};
        ist_plan_print(p.plan, s, division, &cost, &machine, &out);
        bool says = strstr(out.data, "joint ones of up to 2 layers at once with the same target");
        cr_expect(says == (at_once[i] == 2), "%s", out.data);
        ist_text_release(&out);
    }
    ist_division_free(&division);
    ist_schedule_free(&s);
    planned_release(&p);
}

/* ---- routes ------------------------------------------------------------------------------------ */

Test(schedule_of_measures, routes)
{
    planned p = shaped("  - mi-ksg: {pairs: [[a, b]], k: [1, 3], type: [1, 2], se: none}\n"
                       "  - mi-ross: {layers: [a, b], target: y, k: [1, 3], se: none}\n"
                       "  - overlap: {k: 3, se: none}\n"
                       "  - dimension: {se: none}\n",
                       false);
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    for (size_t t = 0; t < p.plan->task_count; t++) {
        const ist_task *task = &p.plan->tasks[t];
        const ist_route *route = ist_schedule_route(s, task);
        const ist_source_pass *lists = &s->sources[route->source];
        const ist_value *params[IST_MAX_PARAMS];
        ist_task_params(p.plan, task, params);
        ist_needs needs = p.plan->measures[p.plan->job->entries[task->entry].measure]->needs(
            params, task->labels_target ? &p.plan->labels[task->target] : NULL);
        cr_expect(lists->layer == task->source && lists->k >= needs.neighbours);
        cr_expect(lists->in_class == (needs.among == IST_AMONG_CLASS) &&
                  (lists->other == task->target) == (needs.among == IST_AMONG_JOINT));
        cr_expect((route->second != SIZE_MAX) == needs.both);
        cr_expect(lists->last_step >= route->last_step);
        for (int side = 0; side < 2; side++) {
            bool counted =
                needs.among == IST_AMONG_JOINT || (needs.counts == IST_COUNTS_REACH && side == 0);
            cr_assert((route->target[side] != SIZE_MAX) == counted);
            if (!counted)
                continue;
            const ist_target_pass *counts = &s->targets[route->target[side]];
            const ist_slot *slot = &counts->slots[route->slot[side]];
            cr_expect(counts->layer == (side ? task->target : task->source));
            cr_expect(slot->pass == route->source && slot->kind == needs.counts &&
                      slot->k == needs.neighbours && ist_slot_width(slot) == 1);
            cr_expect(counts->last_step >= route->last_step);
        }
    }
    ist_schedule_free(&s);
    planned_release(&p);
}

/* ---- tasks of one layer, parameters that say something only beside others ----------------------- */

static const char *task_texts(const char *measures)
{
    planned p = shaped(measures, false);
    ist_text out = {0};
    for (size_t t = 0; t < p.plan->task_count; t++) {
        const ist_task *task = &p.plan->tasks[t];
        const ist_measure_schema *schema =
            p.plan->measures[p.plan->job->entries[task->entry].measure]->schema;
        const ist_value *params[IST_MAX_PARAMS];
        ist_task_params(p.plan, task, params);
        cr_expect(task->alone && !task->labels_target && task->target == task->source);
        ist_text_add(&out, "%s", layer_name(p.plan, task->source));
        for (size_t i = 0; i < schema->param_count && strcmp(schema->params[i].name, "scale"); i++)
            if (ist_param_applies(schema, i, params))
                ist_text_add(&out, " %s", params[i]->text);
        ist_text_add(&out, "%s\n", task->twin == t ? "" : " twin");
    }
    const char *kept = scratch_text("%s", out.data);
    ist_text_release(&out);
    planned_release(&p);
    return kept;
}

Test(tasks_of_measures, a_default_that_is_a_list)
{
    expect_text(
        task_texts("  - dimension: {layers: [a, b], method: [gride, twonn, mle], k: [5, 9]}\n"),
        "a gride 1\na gride 2\na gride 4\na gride 8\na twonn\na mle 5 mackay\na mle 9 mackay\n"
        "b gride 1\nb gride 2\nb gride 4\nb gride 8\nb twonn\nb mle 5 mackay\nb mle 9 mackay\n");
}

/* What says nothing makes no other task: no sweep over it, the same identity. */
Test(tasks_of_measures, parameters_that_say_nothing)
{
    expect_text(
        task_texts("  - dimension: {layers: [a], n1: [2, 3], k: [5, 9], keep: 0.5}\n"
                   "  - dimension: {layers: [a]}\n"
                   "  - dimension: {layers: [a], method: [twonn-fit, gride], n1: 2}\n"
                   "  - dimension: {layers: [a], method: gride, n1: [2, 4], average: levina}\n"),
        "a twonn\na twonn twin\na twonn-fit 0.9\na gride 2\na gride 2 twin\na gride 4\n");
}

/* ---- permuted layers ----------------------------------------------------------------------------- */

/* "a with b: seed 0 within y x9: joint 3, box 3", "counts b: seed 0 x9: ranks 0/7", for each of the nulls. */
static const char *nulls_of(const ist_plan *plan, const ist_schedule *s)
{
    const char *text = "";
    for (size_t i = 0; i < s->null_count; i++) {
        const ist_null_passes *null = &s->nulls[i];
        size_t layer = ist_null_layer(s, null);
        text = null->counts ? scratch_text("%scounts %s:", text, layer_name(plan, layer))
                            : scratch_text("%s%s with %s:", text, layer_name(plan, layer),
                                           layer_name(plan, s->sources[null->pass].other));
        text = scratch_text("%s seed %d%s%s x%d:", text, (int)null->seed,
                            null->within == SIZE_MAX ? "" : " within ",
                            null->within == SIZE_MAX ? "" : labels_name(plan, null->within),
                            (int)null->permutations);
        for (size_t j = 0; j < null->slot_count; j++)
            text = scratch_text("%s %s %zu/%d", text, kinds[null->slots[j].kind],
                                null->slots[j].pass, (int)null->slots[j].k);
        text = scratch_text("%s%s\n", text, null->list_counts ? " reach" : "");
    }
    return text;
}

static void expect_nulls(const char *measures, const char *lines)
{
    planned p = shaped(measures, false);
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    expect_text(nulls_of(p.plan, s), lines);
    for (size_t t = 0; t < p.plan->task_count; t++) {
        const ist_route *route = ist_schedule_route(s, &p.plan->tasks[t]);
        if (route->permuted == SIZE_MAX)
            continue;
        const ist_null_passes *null = &s->nulls[route->permuted];
        cr_expect(null->pass == (null->counts ? route->target[1] : route->source));
        cr_expect(null->slots[route->permuted_slot].pass == route->source);
        cr_expect(null->permutations >= p.plan->tasks[t].permutations);
    }
    ist_schedule_free(&s);
    planned_release(&p);
}

Test(nulls, joint_passes_are_shared_by_all_who_permute_alike)
{
    expect_nulls(
        "  - mi-ksg: {pairs: [[a, b]], k: [1, 3], null: {permutations: 9}}\n"
        "  - mi-mixed: {pairs: [[a, b]], k: 3, form: [code, paper], null: {permutations: 99}}\n"
        "  - mi-ksg: {pairs: [[a, b]], seed: 4, null: {permutations: 9}}\n"
        "  - mi-ksg: {pairs: [[a, b]], null: {permutations: 9, within: y}}\n"
        "  - mi-ksg: {pairs: [[a, b]], k: 30}\n",
        "a with b: seed 0 x99: joint 0/1 joint 0/3 joint-reach 0/3 reach\n"
        "a with b: seed 4 x9: joint 0/3 reach\n"
        "a with b: seed 0 within y x9: joint 0/3 reach\n");
}

Test(nulls, ranks_of_all_sources_and_of_the_largest_k)
{
    expect_nulls("  - imbalance: {layers: [a, b], target: c, k: [1, 7], null: {permutations: 9}}\n"
                 "  - imbalance: {pairs: [[a, b]], ties: index, null: {permutations: 2}}\n",
                 "counts c: seed 0 x9: ranks 0/7 ranks 2/7\n"
                 "counts a: seed 0 x9: ranks 1/7\n"
                 "counts b: seed 0 x9: ranks 1/7\n"
                 "counts b: seed 0 x2: ranks 3/1\n"
                 "counts a: seed 0 x2: ranks 4/1\n");
}

Test(nulls, labels_and_lists_need_no_passes)
{
    planned p = shaped("  - mi-ross: {layers: [a], target: y, k: 4, null: {permutations: 9}}\n"
                       "  - overlap: {pairs: [[a, b]], null: {permutations: 9}}\n"
                       "  - imbalance: {layers: [c], target: y, null: {permutations: 9}}\n"
                       "  - imbalance: {pairs: [[a, c]], null: {permutations: 9}}\n",
                       false);
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    expect_text(nulls_of(p.plan, s),
                "counts c: seed 0 x9: ranks 0/1\ncounts a: seed 0 x9: ranks 2/1\n");
    size_t permutes = 0, in_classes = 0;
    for (size_t i = 0; i < s->step_count; i++) {
        permutes += s->steps[i].permutes;
        in_classes += s->steps[i].class_k == 4;
    }
    cr_expect(permutes == 3 && in_classes == 1, "%zu, %zu", permutes, in_classes);
    ist_schedule_free(&s);
    planned_release(&p);
}

/* 1,000 bytes for each threshold of a permutation held at once. */
static int64_t memory_of_nulls(const ist_pass_shape *pass, const ist_machine *machine)
{
    (void)machine;
    return 1000 * pass->null_at_once * pass->null_thresholds;
}

Test(nulls, cost_and_page)
{
    planned p = shaped(
        "  - mi-ksg: {pairs: [[a, b]], k: [1, 3], se: none, null: {permutations: 99}}\n", false);
    ist_schedule *s = ist_schedule_new(p.plan, NULL);
    ist_machine machine = {.ranks = 2, .pass_memory = memory_of_nulls};
    ist_division *division = ist_divide(p.plan, s, &machine);
    const ist_steps *steps = &division->portions[0].steps;
    ist_cost cost = ist_division_cost(p.plan, s, division, &machine);
    double all = 999 * 500.0; /* the value's own: a joint pass and two of counts */
    cr_expect(ist_schedule_null_batch(p.plan, s, steps, 0, &machine) == 32);
    cr_expect(cost.null_joint == 99 && cost.null_counts == 2 * 4 && cost.null_memory == 64000);
    double dimensions = 2 * 1000 * 99 / 2; /* two layers, each row within its part */
    cr_expect(cost.pairs == (2 + 2 + 2 * 99 + 2 * 4) * all + dimensions, "%g", cost.pairs / all);
    ist_text out = {0};
    ist_plan_print(p.plan, s, division, &cost, &machine, &out);
    cr_expect(
        strstr(out.data, "nulls       99 joint passes and 8 for ranks, of permuted layers: about "),
        "%s", out.data);
    machine.memory_limit = 14999; /* seven of two thresholds */
    cost = ist_schedule_cost(p.plan, s, &machine);
    cr_expect(ist_schedule_null_batch(p.plan, s, steps, 0, &machine) == 7);
    cr_expect(cost.null_joint == 99 && cost.null_counts == 2 * 15);
    ist_division_free(&division);
    ist_text_release(&out);
    ist_schedule_free(&s);
    planned_release(&p);
}
