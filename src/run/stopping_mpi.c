/* When a run ends before its work is done: what it looks for, and what it says. */
#include <string.h>
#include <sys/stat.h>

#include "session.h"

/* A job that ends at its limit has seen no warning: what ends the run (the chunk at work, the views) takes its time. */
static const double SHARE_OF_HOURS = 0.99;
static const double FILE_SECONDS = 0.5;
/* Tasks whose passes are done are finished in this time, where the reason leaves any. */
static const double PATIENCE = 30;

static bool wished(ist_session *s)
{
    double now = ist_seconds();
    if (!s->stop_file || now - s->looked < FILE_SECONDS)
        return false;
    s->looked = now;
    ist_wish wish = ist_wish_look(s->stop_file);
    return wish.there && memcmp(&wish, &s->old_wish, sizeof wish) != 0;
}

ist_stop_reason ist_watch(void *session)
{
    ist_session *s = session;
    if (wished(s))
        return IST_STOP_WISH;
    double hours = s->options->max_hours;
    bool late = hours > 0 && ist_seconds() - s->log.start > SHARE_OF_HOURS * 3600 * hours;
    return late ? IST_STOP_HOURS : IST_GO_ON;
}

static ist_code stopped(ist_error *error, const char *where)
{
    return ist_fail(error, IST_STOPPED, "%s", where);
}

ist_code ist_stop_now(ist_session *s, ist_error *error)
{
    return ist_stop_agreed(s->engine.stop, s->comm) == IST_GO_ON
               ? error->code
               : stopped(error, "between two passes");
}

ist_code ist_stop_in_pass(ist_session *s, const char *kind, ist_error *error)
{
    if (!ist_stop_broke_off(s->engine.stop))
        return error->code;
    ist_text where = {0};
    ist_text_add(&where, "in the pass '%s' of %s, which %s", kind,
                 s->known.plan->layers[s->loaded.layer].key,
                 s->kept.saved ? "goes on from here" : "begins anew");
    stopped(error, where.data);
    ist_text_release(&where);
    return error->code;
}

void ist_attend(const ist_session *s)
{
    if (s->engine.attend)
        s->engine.attend(s->engine.attend_data);
}

ist_code ist_stop_soon(ist_session *s, ist_error *error)
{
    ist_attend(s);
    return ist_stop_urgent(s->engine.stop, s->comm, PATIENCE)
               ? stopped(error, "among the tasks of a pass, which is repeated for the others")
               : error->code;
}

void ist_log_stop(ist_session *s, const ist_error *where)
{
    s->stopped_by = ist_stop_agreed(s->engine.stop, s->comm);
    if (!s->schedule) {
        ist_log_line(&s->log, "stopped by %s before the first pass; the same command continues",
                     ist_stop_text(s->stopped_by));
        return;
    }
    ist_log_line(
        &s->log,
        "stopped by %s %s; %zu of %zu tasks of this run are done; the same command continues",
        ist_stop_text(s->stopped_by), where->text, s->done, s->to_do);
}
