/* One portion at work: its steps in their order, by the ranks of the session. */
#include "session.h"

static void drop_lists(ist_session *s, size_t step)
{
    const ist_steps *steps = &s->portion->steps;
    for (size_t i = 0; i < steps->count; i++) {
        const ist_step *each = &s->schedule->steps[steps->step[i]];
        if (each->sliced)
            continue;
        if (each->counts && s->schedule->targets[each->index].last_step == step)
            ist_told_release(s->told[each->index]);
        if (!each->counts && s->schedule->sources[each->index].last_step == step)
            ist_lists_release(&s->lists[each->index]);
    }
}

ist_code ist_take_portion(ist_session *s, const ist_portion *portion, ist_error *error)
{
    const double LONG_SECONDS = 0.2;
    s->portion = portion;
    bool long_passes = portion->seconds > LONG_SECONDS * (double)portion->steps.count;
    for (size_t i = 0; i < portion->steps.count && error->code == IST_OK; i++) {
        ist_take_step(s, portion->steps.step[i], error);
        drop_lists(s, portion->steps.step[i]);
        /* What is finished must not wait for the end of a long pass; else the journal sees to it. */
        if (s->journal && long_passes)
            ist_journal_sync(s->journal, error);
        ist_agree(s->comm, error);
    }
    ist_unload_layers(s);
    return error->code;
}
