/* Tasks that may crash the program: what is in flight is told to whom it may concern, and what was in flight at two crashes is set
 * aside. */
#include "infostrata/place.h"
#include "session.h"

static void depart(const char *what, const char *key, const ist_flights *flights, size_t place)
{
    ist_text step = {0};
    ist_text_add(&step, "%s %s", what, key);
    const ist_hash *task = flights->start ? flights->task + flights->start[place] : NULL;
    size_t count = flights->start ? flights->start[place + 1] - flights->start[place] : 0;
    ist_crash_step(step.data, task, count);
    ist_place_step(step.data);
    ist_text_release(&step);
}

void ist_depart_layer(const ist_session *s, size_t layer, const ist_flights *flights)
{
    depart("reading of", s->known.plan->layers[layer].key, flights, layer);
}

void ist_depart_step(const ist_session *s, size_t i)
{
    const ist_step *step = &s->schedule->steps[i];
    depart(ist_step_words(step), s->known.plan->layers[ist_step_layer(s->schedule, step)].key,
           &s->flights, i);
}

void ist_depart_task(const ist_session *s, size_t task)
{
    ist_crash_tasks(&s->known.plan->tasks[task].id, 1);
}

/* A layer that nobody could read: its tasks need a row all the same. */
static ist_code know_operands(ist_session *s, const ist_task *task, ist_error *error)
{
    if (!s->known.layer_known[task->source])
        ist_leave_unread(s, task->source, error);
    if (error->code == IST_OK && !task->labels_target && !s->known.layer_known[task->target])
        ist_leave_unread(s, task->target, error);
    for (int x = 0; x < IST_MAX_ADDRESSES && error->code == IST_OK; x++)
        if (task->extra[x] != SIZE_MAX && !s->known.layer_known[task->extra[x]])
            ist_leave_unread(s, task->extra[x], error);
    return error->code;
}

static ist_code set_one_aside(ist_session *s, size_t t, ist_error *error)
{
    const ist_task *task = &s->known.plan->tasks[t];
    ist_text reason = {0};
    if (know_operands(s, task, error) == IST_OK) {
        if (s->journal) {
            ist_crashes crashes = ist_journal_crashes(s->journal, task->id);
            ist_text_add(&reason,
                         "was in flight at two crashes (%s, %s): set aside, --retry-failed tries "
                         "again",
                         crashes.signal, crashes.step);
        }
        ist_fail_task(s, t, reason.data ? reason.data : "", error);
    }
    ist_text_release(&reason);
    return error->code;
}

size_t ist_count_aside(const ist_session *s)
{
    size_t count = 0;
    for (size_t t = 0; t < s->known.plan->task_count; t++)
        count += s->aside[t] && s->known.plan->tasks[t].twin == t;
    return count;
}

ist_code ist_set_aside(ist_session *s, ist_error *error)
{
    for (size_t t = 0; t < s->known.plan->task_count && error->code == IST_OK; t++)
        if (s->aside[t] && s->known.plan->tasks[t].twin == t)
            set_one_aside(s, t, error);
    return error->code;
}
