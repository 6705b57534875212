/* One portion at work: its steps in their order, by the ranks of the session. */
#include "session.h"

static void drop_lists(ist_session *s, size_t step)
{
    const ist_steps *steps = &s->portion->steps;
    for (size_t i = 0; i < steps->count; i++) {
        const ist_step *each = &s->schedule->steps[steps->step[i]];
        if (each->kind != IST_STEP_PASS)
            continue;
        if (each->counts && s->schedule->targets[each->index].last_step == step)
            ist_told_release(s->told[each->index]);
        for (size_t p = each->index; !each->counts && p != SIZE_MAX;
             p = s->schedule->sources[p].together)
            if (s->schedule->sources[p].last_step == step)
                ist_lists_release(&s->lists[p]);
    }
}

/* How often the permutations of a layer visit all pairs. */
static double null_visits(const ist_session *s, size_t null)
{
    const ist_null_passes *of = &s->schedule->nulls[null];
    int64_t at_once =
        ist_schedule_null_batch(s->known.plan, s->schedule, &s->portion->steps, null, &s->machine);
    double batches = (double)ist_ceil_div(of->permutations, at_once);
    return of->counts ? batches : (double)of->permutations + 2 * batches;
}

/* What a pass visits: all pairs, once more in the parts, for every batch of thresholds; and its permutations. */
static double pass_pairs(const ist_session *s, double pairs, bool parts, size_t null)
{
    double all = parts ? pairs * (1 + 1.0 / IST_PARTS) : pairs;
    for (; null != SIZE_MAX; null = s->schedule->nulls[null].next)
        all += pairs * null_visits(s, null);
    return all;
}

static double step_pairs(const ist_session *s, const ist_step *step)
{
    if (step->kind != IST_STEP_PASS)
        return 0;
    const ist_layer *layer = &s->known.plan->layers[ist_step_layer(s->schedule, step)];
    const ist_source_pass *sources = s->schedule->sources;
    double n = (double)layer->n, pairs = n * (n - 1) / 2, all = 0;
    int64_t anchors = step->counts ? s->schedule->targets[step->index].anchors.count
                                   : sources[step->index].anchors.count;
    if (anchors > 0)
        return n * (double)anchors;
    if (step->counts) {
        const ist_target_pass *pass = &s->schedule->targets[step->index];
        return pass_pairs(s, pairs, pass->parts, pass->first_null);
    }
    for (size_t p = step->index; p != SIZE_MAX; p = sources[p].together)
        all += pass_pairs(s, pairs, sources[p].parts, sources[p].first_null);
    return all;
}

const char *ist_step_words(const ist_step *step)
{
    static const char *const words[] = {[IST_STEP_PASS] = "neighbours in",
                                        [IST_STEP_SLICES] = "slices of",
                                        [IST_STEP_DENSE] = "matrices of"};
    return step->counts ? "counts in" : words[step->kind];
}

/* Rank 0 speaks of its own group. */
static void tell_step(ist_session *s, size_t i)
{
    if (!s->monitor)
        return;
    const ist_step *step = &s->schedule->steps[i];
    ist_text what = {0};
    ist_text_add(&what, "%s %s", ist_step_words(step),
                 s->known.plan->layers[ist_step_layer(s->schedule, step)].key);
    ist_monitor_step(s->monitor, what.data, step_pairs(s, step) / s->comm->size);
    ist_text_release(&what);
}

ist_code ist_take_portion(ist_session *s, const ist_portion *portion, ist_error *error)
{
    const double LONG_SECONDS = 0.2;
    s->portion = portion;
    bool long_passes = portion->seconds > LONG_SECONDS * (double)portion->steps.count;
    for (size_t i = 0; i < portion->steps.count && error->code == IST_OK; i++) {
        size_t step = portion->steps.step[i];
        if (ist_stop_now(s, error) != IST_OK)
            break;
        tell_step(s, step);
        ist_depart_step(s, step);
        ist_take_step(s, step, error);
        ist_crash_clear();
        drop_lists(s, step);
        /* What is finished must not wait for the end of a long pass; else the journal sees to it. */
        ist_error sync = {0};
        bool kept = s->kept.count > 0;
        if (s->journal && (long_passes || kept))
            ist_journal_sync(s->journal, &sync);
        if (ist_agree(s->comm, &sync) != IST_OK && error->code != IST_BROKEN)
            *error = sync;
        if (error->code == IST_OK && kept)
            ist_drop_kept(s, step);
    }
    ist_unload_layers(s);
    ist_forget_matrices(s);
    return error->code;
}
