/* Joint passes that go together at work: several layers beside the one that they have in common. */
#include "session.h"

/* The layers that are in memory, and their passes. */
typedef struct {
    int count;
    size_t pass[IST_MOST_TOGETHER];
    ist_loaded held[IST_MOST_TOGETHER];
} company;

/* From a pass on, as many as may be there at once: layers that cannot be used are left out. Returns the next pass. */
static size_t gather(ist_session *s, size_t pass, int64_t at_once, company *c, ist_error *error)
{
    const ist_source_pass *sources = s->schedule->sources;
    c->count = 0;
    for (; pass != SIZE_MAX && c->count < at_once && error->code == IST_OK;
         pass = sources[pass].together) {
        /* What is found while a layer is loaded is kept as its own, whatever was at work before. */
        ist_keep_in_place(s, sources[pass].layer, sources[pass].other);
        if (ist_load_operands(s, &sources[pass], &s->lists[pass], error)) {
            ist_hold_layer(s, &c->held[c->count]);
            c->pass[c->count++] = pass;
        }
    }
    return pass;
}

/* Of all samples, or within the parts, for those that ask for them. */
static void search(ist_session *s, const company *c, bool parts, ist_pass_stats *stats)
{
    ist_joint_search wanted[IST_MOST_TOGETHER];
    int count = 0;
    for (int i = 0; i < c->count; i++) {
        const ist_source_pass *pass = &s->schedule->sources[c->pass[i]];
        ist_lists *lists = &s->lists[c->pass[i]];
        if (parts && !pass->parts)
            continue;
        wanted[count++] = (ist_joint_search){.pass = pass,
                                             .rows = parts ? &c->held[i].parts : &c->held[i].all,
                                             .list = parts ? &lists->parts : &lists->all,
                                             .tie_fraction = parts ? NULL : &lists->tie_fraction};
    }
    if (count > 0)
        ist_find_joint(s, wanted, count, parts ? &s->other.parts : &s->other.all, stats);
}

/* Permutations have the memory of their layers for themselves. */
static ist_code permute(ist_session *s, const company *c, ist_error *error)
{
    for (int i = 0; i < c->count && error->code == IST_OK; i++) {
        const ist_source_pass *pass = &s->schedule->sources[c->pass[i]];
        if (pass->first_null == SIZE_MAX ||
            !ist_load_operands(s, pass, &s->lists[c->pass[i]], error))
            continue;
        ist_keep_in_place(s, pass->layer, pass->other);
        ist_permute_operands(s, pass->first_null, error);
    }
    return error->code;
}

static ist_code find_lists(ist_session *s, company *c, ist_error *error)
{
    static const char kind[] = "nearest-joint";
    ist_pass_stats stats = {0};
    double started = ist_seconds();
    int64_t k = 0;
    for (int i = 0; i < c->count; i++)
        k = ist_max(k, s->schedule->sources[c->pass[i]].k);
    for (int parts = 0; parts < 2 && error->code == IST_OK; parts++)
        search(s, c, parts, &stats);
    for (int i = 0; i < c->count; i++)
        ist_put_back_layer(s, &c->held[i]);
    if (error->code != IST_OK || c->count == 0)
        return error->code;
    ist_add_time(s, IST_PHASE_NEIGHBOURS, started, &stats);
    if (ist_stop_in_pass(s, kind, error) == IST_OK &&
        ist_journal_timing(s, kind, s->schedule->sources[c->pass[0]].layer, k, 0, started, &stats,
                           error) == IST_OK)
        permute(s, c, error);
    return error->code;
}

ist_code ist_find_joint_lists(ist_session *s, size_t head, ist_error *error)
{
    company *c = ist_alloc(1, sizeof *c);
    int64_t at_once =
        ist_schedule_together(s->known.plan, s->schedule, &s->portion->steps, head, &s->machine);
    for (size_t next = head; next != SIZE_MAX && error->code == IST_OK;) {
        next = gather(s, next, at_once, c, error);
        find_lists(s, c, error);
    }
    ist_unload_other(s);
    ist_free(c);
    return error->code;
}
