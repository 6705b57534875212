/* Stages: layers that are compared with those of all cells, and the order in which the rest can be dealt out. */
#include "test_plan_support.h"

#include <criterion/criterion.h>
#include <string.h>

#include "../../src/plan/schedule.h"
#include "../harness/scratch.h"

#define HEAD "version: 1\nname: t\noutput: out\n"
#define CELLS(n) "grid: {s: {from: 1, to: " #n "}}\n"

static int64_t model(const ist_pass_shape *pass, const ist_machine *machine)
{
    return pass->n * pass->d * 8 / machine->ranks;
}

static const ist_machine two = {.ranks = 2, .flops = 1e9, .chunk_bytes = 1, .pass_memory = model};

/* An input that each cell's layer is compared with, and a second layer in each. */
static const char with_input[] =
    HEAD "input: {file: \"x{s}.h5\", layers: {a: /a, b: /b, in: \"data.h5:/x\"}}\n"
         "measures: [{flow: {k: 3, se: none, pairs: [[a, in], [a, b]]}}]\n" CELLS(4);
/* All cells against the first one, whose layers are the hubs. */
static const char with_reference[] = HEAD "input: {file: \"x{s}.h5\", layers: [a, b]}\n"
                                          "measures:\n"
                                          "  - flow: {k: 1, se: none, against: {s: 1}}\n"
                                          "  - flow: {k: 1, se: none, pairs: [[a, b]]}\n" CELLS(5);
/* All cells against all others: there is no hub. */
static const char all_with_all[] =
    HEAD "input: {file: \"x{s}.h5\", layers: [a]}\n"
         "measures: [{flow: {k: 1, se: none, against: {s: others}}}]\n" CELLS(9);

typedef struct {
    planned p;
    ist_schedule *schedule;
    ist_division *division;
} divided;

static divided divide(planned p, int64_t n, const ist_machine *machine)
{
    divided d = {.p = p};
    shape_all(p.plan, n, 10);
    d.schedule = ist_schedule_new(p.plan, NULL);
    d.division = ist_divide(p.plan, d.schedule, machine);
    return d;
}

static void release(divided *d)
{
    ist_division_free(&d->division);
    ist_schedule_free(&d->schedule);
    planned_release(&d->p);
}

/* "1/2: nearest x1.h5:/a, ...": the stage, the groups, and the steps of each portion. */
static const char *lines(const divided *d)
{
    ist_text out = {0};
    for (size_t p = 0; p < d->division->portion_count; p++) {
        const ist_portion *portion = &d->division->portions[p];
        ist_text_add(&out, "%d/%d:", portion->stage, portion->groups);
        for (size_t i = 0; i < portion->steps.count; i++) {
            const ist_step *step = &d->schedule->steps[portion->steps.step[i]];
            const char *key = d->p.plan->layers[ist_step_layer(d->schedule, step)].key;
            ist_text_add(&out, " %c %s", step->counts ? 'c' : 'n', key);
        }
        ist_text_add(&out, "\n");
    }
    const char *kept = scratch_text("%s", out.data);
    ist_text_release(&out);
    return kept;
}

static size_t step_of(const ist_schedule *s, bool counts, size_t index)
{
    size_t i = 0;
    while (s->steps[i].kind != IST_STEP_PASS || s->steps[i].counts != counts ||
           s->steps[i].index != index)
        i++;
    return i;
}

/* Nothing is needed before it is there, or after it is gone; every step is in one portion, in the order of stages. */
static void expect_order(const divided *d)
{
    const ist_schedule *s = d->schedule;
    for (size_t t = 0; t < s->target_count; t++)
        for (size_t i = 0; i < s->targets[t].slot_count; i++) {
            size_t source = s->targets[t].slots[i].pass;
            cr_expect(step_of(s, false, source) < step_of(s, true, t));
            cr_expect(s->sources[source].last_step >= step_of(s, true, t));
        }
    for (size_t t = 0; t < d->p.plan->task_count; t++) {
        const ist_route *route = ist_schedule_route(s, &d->p.plan->tasks[t]);
        cr_assert(route && route->last_step < s->step_count);
        size_t lists[2] = {route->source, route->second};
        for (int l = 0; l < 2 && route->source != SIZE_MAX; l++)
            if (lists[l] != SIZE_MAX)
                cr_expect(step_of(s, false, lists[l]) <= route->last_step &&
                          s->sources[lists[l]].last_step >= route->last_step);
        for (int side = 0; side < 2; side++) {
            if (route->target[side] == SIZE_MAX)
                continue;
            size_t step = step_of(s, true, route->target[side]);
            cr_expect(step <= route->last_step);
            cr_expect(s->steps[step].stage == s->steps[route->last_step].stage);
        }
    }
    bool *seen = ist_alloc(s->step_count, sizeof *seen);
    size_t count = 0;
    for (size_t p = 0; p < d->division->portion_count; p++) {
        const ist_portion *portion = &d->division->portions[p];
        cr_expect(p == 0 || portion->stage >= portion[-1].stage);
        for (size_t i = 0; i < portion->steps.count; i++, count++) {
            size_t step = portion->steps.step[i];
            cr_expect(!seen[step] && s->steps[step].stage == portion->stage);
            seen[step] = true;
        }
    }
    cr_expect(count == s->step_count);
    ist_free(seen);
}

Test(stages, an_input_of_all_cells)
{
    divided d = divide(plan_of(with_input), 100, &two);
    expect_order(&d);
    expect_text(lines(&d), "0/1: n ../data.h5:/x\n"
                           "1/2: n ../x1.h5:/a n ../x1.h5:/b c ../x1.h5:/b c ../x1.h5:/a\n"
                           "1/2: n ../x2.h5:/a n ../x2.h5:/b c ../x2.h5:/b c ../x2.h5:/a\n"
                           "1/2: n ../x3.h5:/a n ../x3.h5:/b c ../x3.h5:/b c ../x3.h5:/a\n"
                           "1/2: n ../x4.h5:/a n ../x4.h5:/b c ../x4.h5:/b c ../x4.h5:/a\n"
                           "2/1: c ../data.h5:/x\n");
    /* The lists of the input, and of each cell's a: three neighbours of 100 rows. */
    cr_expect(d.schedule->carried == 5 * 3 * 4 * 100);
    release(&d);
}

Test(stages, a_reference_network)
{
    divided d = divide(plan_of(with_reference), 100, &two);
    expect_order(&d);
    expect_text(lines(&d), "0/1: n ../x1.h5:/layers/a n ../x1.h5:/layers/b\n"
                           "1/2: n ../x2.h5:/layers/a n ../x2.h5:/layers/b c ../x2.h5:/layers/b "
                           "c ../x2.h5:/layers/a\n"
                           "1/2: n ../x3.h5:/layers/a n ../x3.h5:/layers/b c ../x3.h5:/layers/b "
                           "c ../x3.h5:/layers/a\n"
                           "1/2: n ../x4.h5:/layers/a n ../x4.h5:/layers/b c ../x4.h5:/layers/b "
                           "c ../x4.h5:/layers/a\n"
                           "1/2: n ../x5.h5:/layers/a n ../x5.h5:/layers/b c ../x5.h5:/layers/b "
                           "c ../x5.h5:/layers/a\n"
                           "2/1: c ../x1.h5:/layers/a c ../x1.h5:/layers/b\n");
    release(&d);
}

/* One portion as before, its steps in their own order. */
static void expect_plain(const char *manifest, int64_t n, const ist_machine *machine)
{
    divided d = divide(plan_of(manifest), n, machine);
    expect_order(&d);
    ist_schedule *plain = ist_schedule_new(d.p.plan, NULL);
    cr_expect(!ist_schedule_is_staged(d.schedule) && d.schedule->carried == 0);
    for (size_t i = 0; i < plain->step_count; i++) {
        cr_expect(plain->steps[i].counts == d.schedule->steps[i].counts);
        cr_expect(plain->steps[i].index == d.schedule->steps[i].index);
    }
    for (size_t p = 0; p < plain->source_count; p++)
        cr_expect(plain->sources[p].last_step == d.schedule->sources[p].last_step);
    ist_schedule_free(&plain);
    release(&d);
}

Test(stages, none_where_they_do_not_pay)
{
    const ist_machine one = {.ranks = 1, .flops = 1e9, .chunk_bytes = 1, .pass_memory = model};
    const ist_machine three = {.ranks = 3, .flops = 1e9, .chunk_bytes = 1, .pass_memory = model};
    expect_plain(with_input, 100, &one);
    expect_plain(with_input, 100, &three); /* four cells for three ranks */
    expect_plain(with_input, 60000, &two); /* long passes, which all ranks share */
    expect_plain(all_with_all, 100, &two);
}

/* Each group may have the lists of all cells: where they do not fit, they are dealt out as rows. */
Test(stages, none_where_they_do_not_fit)
{
    ist_machine small = two;
    const int64_t rows = 100 * 10 * 8, carried = 5 * 3 * 4 * 100;
    small.memory_limit = rows + 2 * carried + 2 * 3 * 4 * 100;
    divided d = divide(plan_of(with_input), 100, &small);
    cr_expect(ist_schedule_is_staged(d.schedule));
    ist_cost cost = ist_division_cost(d.p.plan, d.schedule, d.division, &small);
    cr_expect(cost.memory > rows + 2 * carried && cost.memory <= small.memory_limit);
    release(&d);
    small.memory_limit = rows / 2 + carried;
    expect_plain(with_input, 100, &small);
}

/* Joint neighbours of a cell's layer and the input need both layers, and so do the counts that follow from them. */
Test(stages, what_loads_the_shared_layer_comes_last)
{
    divided d =
        divide(plan_of_measures(
                   HEAD "input: {file: \"x{s}.h5\", layers: {a: /a, b: /b, in: \"data.h5:/x\"}}\n"
                        "measures:\n"
                        "  - mi-ksg: {pairs: [[a, in]]}\n"
                        "  - imbalance: {se: none, pairs: [[b, in]], null: {permutations: 2}}\n"
                        "  - overlap: {se: none, pairs: [[b, in]]}\n"
                        "  - cka: {pairs: [[b, in]]}\n" CELLS(8)),
               400, &two);
    cr_assert(ist_schedule_is_staged(d.schedule));
    expect_order(&d);
    for (size_t i = 0; i < d.schedule->step_count; i++) {
        const ist_step *step = &d.schedule->steps[i];
        size_t layer = ist_step_layer(d.schedule, step), other = ist_step_other(d.schedule, step);
        bool shared = strstr(d.p.plan->layers[layer].key, "data.h5") ||
                      (other != SIZE_MAX && strstr(d.p.plan->layers[other].key, "data.h5"));
        cr_expect(step->stage != 1 || !shared);
    }
    release(&d);
}
