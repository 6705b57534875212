/* Passes within classes whose neighbours a pass among all of the same layer has met anyway: they read its lists. */
#include "schedule.h"

/* Lists of a few times the length that holds the k nearest of an average class on average; more distances are not kept for it.
 * 0: too short to be of any use. */
static int64_t useful_length(const ist_plan *plan, const ist_source_pass *pass, int64_t length)
{
    enum { TIMES_MEAN = 4, LONGEST = 256, TIMES_K = 2 };
    double mean = (double)pass->k / plan->labels[pass->labels].pair_share;
    int64_t most = mean * TIMES_MEAN < LONGEST ? (int64_t)(mean * TIMES_MEAN) : LONGEST;
    int64_t useful = ist_min(length, ist_max(most, TIMES_K * pass->k));
    return useful >= TIMES_K * pass->k ? useful : 0;
}

/* Of each layer the longest lists among all its rows; SIZE_MAX: none. */
static size_t *longest_among_all(const ist_schedule *s, const ist_plan *plan)
{
    size_t *longest = ist_alloc(plan->layer_count, sizeof *longest);
    for (size_t l = 0; l < plan->layer_count; l++)
        longest[l] = SIZE_MAX;
    for (size_t i = 0; i < s->source_count; i++) {
        const ist_source_pass *pass = &s->sources[i];
        size_t *of = &longest[pass->layer];
        bool among_all = !pass->in_class && pass->other == SIZE_MAX && pass->anchors.count == 0;
        if (among_all && (*of == SIZE_MAX || pass->k > s->sources[*of].k))
            *of = i;
    }
    return longest;
}

/* A k-d tree is faster than any list; where samples alone in their class are left out of what is counted, passes leave them out. */
static bool may_read(const ist_plan *plan, const ist_source_pass *pass)
{
    return pass->in_class && ist_layer_columns(&plan->layers[pass->layer]) > IST_TREE_FEATURES &&
           !plan->labels[pass->labels].singles;
}

/* Passes 2 of which nothing would be left. */
static void mark_counted_alone(ist_schedule *s)
{
    for (size_t t = 0; t < s->target_count; t++) {
        const ist_target_pass *target = &s->targets[t];
        bool alone = true;
        for (size_t i = 0; i < target->slot_count; i++)
            alone = alone && s->sources[target->slots[i].pass].reads != SIZE_MAX;
        for (size_t i = 0; i < target->slot_count && alone; i++)
            s->sources[target->slots[i].pass].counted_alone = true;
    }
}

void ist_schedule_read_lists(ist_schedule *s, const ist_plan *plan)
{
    size_t *longest = longest_among_all(s, plan);
    for (size_t i = 0; i < s->source_count; i++) {
        ist_source_pass *pass = &s->sources[i];
        size_t from = longest[pass->layer];
        if (from == SIZE_MAX || !may_read(plan, pass))
            continue;
        int64_t length = useful_length(plan, pass, s->sources[from].k);
        if (length == 0)
            continue;
        pass->reads = from;
        s->sources[from].distance_k = ist_max(s->sources[from].distance_k, length);
    }
    ist_free(longest);
    mark_counted_alone(s);
}
