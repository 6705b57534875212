/* Joint passes that go together: several layers against one second layer, whose tiles are then computed once for all of
 * them. */
#include "cost.h"

/* Is the second layer a tenth of what a pass takes? BESIDE: what is done with a pair besides its two distances, as features:
 * with 10 features each nothing was gained (docs/performance.md). So a tree, which may answer few features, is out of the
 * question, too. Less is not worth the memory of several layers. */
static bool is_worth_it(const ist_layer *layer, const ist_layer *other)
{
    enum { SHARE = 10, BESIDE = 100 };
    int64_t own = ist_layer_columns(layer), second = ist_layer_columns(other);
    return SHARE * second >= own + second + BESIDE;
}

static ist_hash key_of(const ist_source_pass *pass)
{
    uint64_t words[4] = {pass->other, (uint64_t)pass->scale, pass->ties.by_index, pass->ties.seed};
    return ist_hash_bytes(words, sizeof words, 0);
}

void ist_schedule_bring_together(ist_schedule *s, const ist_plan *plan)
{
    ist_index heads = {0};
    size_t *last = ist_alloc(s->source_count, sizeof *last), *by_layer = NULL, count = 0;
    by_layer = ist_alloc(s->source_count, sizeof *by_layer);
    size_t *start = ist_alloc(plan->layer_count + 1, sizeof *start);
    for (size_t i = 0; i < s->source_count; i++)
        start[s->sources[i].layer + 1]++;
    for (size_t l = 0; l < plan->layer_count; l++)
        start[l + 1] += start[l];
    for (size_t i = 0; i < s->source_count; i++, count++)
        by_layer[start[s->sources[i].layer]++] = i;
    for (size_t at = 0; at < count; at++) {
        size_t i = by_layer[at];
        ist_source_pass *pass = &s->sources[i];
        pass->head = i;
        pass->together = SIZE_MAX;
        if (pass->other == SIZE_MAX ||
            !is_worth_it(&plan->layers[pass->layer], &plan->layers[pass->other]))
            continue;
        pass->head = *ist_index_add(&heads, key_of(pass), i);
        if (pass->head != i)
            s->sources[last[pass->head]].together = i;
        last[pass->head] = i;
    }
    ist_index_release(&heads);
    ist_free(last);
    ist_free(by_layer);
    ist_free(start);
}

size_t ist_together_last_step(const ist_schedule *s, size_t head)
{
    size_t last = 0;
    for (size_t i = head; i != SIZE_MAX; i = s->sources[i].together)
        if (s->sources[i].last_step > last)
            last = s->sources[i].last_step;
    return last;
}

/* All are taken to be as large as the largest. */
ist_pass_shape ist_together_shape(const ist_plan *plan, const ist_schedule *s, size_t head)
{
    ist_pass_shape shape = ist_source_shape(plan, &s->sources[head]);
    int64_t count = 1;
    for (size_t i = s->sources[head].together; i != SIZE_MAX; i = s->sources[i].together, count++) {
        ist_pass_shape next = ist_source_shape(plan, &s->sources[i]);
        shape.d = ist_max(shape.d, next.d);
        shape.k = ist_max(shape.k, next.k);
        shape.distance_k = ist_max(shape.distance_k, next.distance_k);
        shape.wide |= next.wide;
        shape.parts |= next.parts;
        shape.list_counts |= next.list_counts;
    }
    if (count > 1) {
        shape.together = count;
        shape.at_once = 1;
    }
    return shape;
}

void ist_choose_together(ist_pass_shape *shape, int64_t kept, const ist_machine *machine)
{
    if (shape->together > 0)
        ist_most_that_fit(shape, &shape->at_once, ist_min(shape->together, IST_MOST_TOGETHER), kept,
                          machine);
}

int64_t ist_schedule_together(const ist_plan *plan, const ist_schedule *schedule,
                              const ist_steps *steps, size_t source, const ist_machine *machine)
{
    ist_pass_shape shape = ist_together_shape(plan, schedule, source);
    ist_choose_together(&shape, ist_kept_at(plan, schedule, steps, false, source, machine),
                        machine);
    return ist_max(shape.at_once, 1);
}
