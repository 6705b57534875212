/* Phases of the division: the ranks form groups, and each group's leader asks rank 0 for portion after portion.
 * Nobody only manages: rank 0 leads a group itself and answers between the tiles of its own passes. */
#include <string.h>
#include <time.h>

#include "infostrata/place.h"
#include "stages.h"

enum { TAG_ASK = 1, TAG_GIVE = 2 };

/* What a leader says when it asks: the tasks that its group has done since it asked last, whether it can go on, and whether it
 * asks ahead, with a portion at work: then it will ask once more whatever it is given. */
typedef struct {
    int64_t done, failed, broken, ahead;
} report;
enum { REPORT = sizeof(report) / sizeof(int64_t) };

/* One phase. Rank 0 alone knows what is next. */
typedef struct {
    ist_session *s;
    const ist_comm *all;
    size_t next, end; /* portions */
    int asking;       /* leaders that have not been told that there is no more, rank 0 aside */
    /* Of every other leader: */
    bool asked;          /* there is no answer yet */
    MPI_Request request; /* of the answer */
    int64_t given;
} phase;

/* ---- rank 0 ------------------------------------------------------------------------------------ */

static int64_t give_next(phase *p)
{
    return p->next < p->end ? (int64_t)p->next++ : -1;
}

static void answer(phase *p, int leader)
{
    report said;
    MPI_Recv(&said, REPORT, MPI_INT64_T, leader, TAG_ASK, p->all->handle, MPI_STATUS_IGNORE);
    p->s->done += (size_t)said.done;
    p->s->failed += (size_t)said.failed;
    if (said.done > 0)
        ist_tell_progress(p->s);
    if (said.broken)
        p->next = p->end;
    int64_t portion = give_next(p);
    p->asking -= portion < 0 && !said.ahead;
    MPI_Send(&portion, 1, MPI_INT64_T, leader, TAG_GIVE, p->all->handle);
}

/* Answers all who have asked. */
static void attend(void *data)
{
    phase *p = data;
    for (int asked = 1; asked && p->asking > 0;) {
        MPI_Status status;
        MPI_Iprobe(MPI_ANY_SOURCE, TAG_ASK, p->all->handle, &asked, &status);
        if (asked)
            answer(p, status.MPI_SOURCE);
    }
}

/* Others may work for long yet: who waits for them must hear of a stop. */
static void attend_to_the_end(phase *p)
{
    const struct timespec pause = {0, 1000000};
    ist_place_rest(true);
    while (p->asking > 0) {
        attend(p);
        ist_stop_poll(p->s->engine.stop);
        if (p->asking > 0)
            nanosleep(&pause, NULL);
    }
    ist_place_rest(false);
}

/* ---- every leader ------------------------------------------------------------------------------ */

static void ask(phase *p, report *said)
{
    MPI_Irecv(&p->given, 1, MPI_INT64_T, 0, TAG_GIVE, p->all->handle, &p->request);
    MPI_Send(said, REPORT, MPI_INT64_T, 0, TAG_ASK, p->all->handle);
    p->asked = true;
    *said = (report){0};
}

/* Rank 0 may be long in answering: whoever waits for it must hear of a stop, and leaves the processor to others. */
static int64_t wait_for_answer(phase *p)
{
    const struct timespec pause = {0, 1000000};
    const double AT_ONCE = 0.001;
    double started = ist_seconds();
    int given = 0;
    while (MPI_Test(&p->request, &given, MPI_STATUS_IGNORE) == MPI_SUCCESS && !given) {
        ist_stop_poll(p->s->engine.stop);
        if (ist_seconds() - started > AT_ONCE)
            nanosleep(&pause, NULL);
    }
    p->asked = false;
    return p->given;
}

/* Rank 0 answers between tiles, but not while it reads: who asks ahead does not wait for that. A long portion is not taken
 * before it can be begun, for another group may be free sooner. */
static void ask_ahead(phase *p, const ist_portion *portion, report *said)
{
    const double SHORT_SECONDS = 0.25;
    if (p->all->rank == 0 || p->s->comm->rank != 0 || portion->seconds > SHORT_SECONDS)
        return;
    said->ahead = true;
    ask(p, said);
}

/* An answer that came ahead holds if it is a portion that can still be done. */
static int64_t asked_portion(phase *p, report *said)
{
    int64_t portion = p->asked ? wait_for_answer(p) : -1;
    if (portion >= 0 && !said->broken)
        return portion;
    ask(p, said);
    return wait_for_answer(p);
}

/* Collective in the group. The next portion; -1: there is none. */
static int64_t next_portion(phase *p, report *said, const ist_error *error)
{
    int64_t portion = -1;
    double started = ist_seconds();
    said->broken = error->code != IST_OK;
    ist_place_rest(true);
    if (p->all->rank == 0) {
        if (said->broken)
            p->next = p->end;
        attend(p);
        portion = give_next(p);
    } else if (p->s->comm->rank == 0) {
        portion = asked_portion(p, said);
    }
    if (p->s->comm->size > 1)
        ist_stop_wait(p->s->engine.stop, p->s->comm);
    MPI_Bcast(&portion, 1, MPI_INT64_T, 0, p->s->comm->handle);
    ist_place_rest(false);
    p->s->seconds[IST_PHASE_WAITING] += ist_seconds() - started;
    return portion;
}

static void work(phase *p, ist_error *error)
{
    ist_session *s = p->s;
    report said = {0};
    for (;;) {
        int64_t portion = next_portion(p, &said, error);
        if (portion < 0)
            return;
        size_t done = s->done, failed = s->failed;
        ask_ahead(p, &s->division->portions[portion], &said);
        ist_take_portion(s, &s->division->portions[portion], error);
        said.done += (int64_t)(s->done - done);
        said.failed += (int64_t)(s->failed - failed);
    }
}

/* ---- contents ---------------------------------------------------------------------------------- */

/* Collective. Each group has read layers of its own: all ranks come to know their contents. */
static void share_contents(ist_session *s, const ist_comm *all)
{
    size_t layers = s->known.plan->layer_count;
    ist_hash *content = ist_alloc(layers, sizeof *content);
    for (size_t l = 0; l < layers; l++)
        if (s->read[l])
            content[l] = s->known.layer_content[l];
    int count = ist_narrow((int64_t)layers);
    MPI_Allreduce(MPI_IN_PLACE, s->read, count, MPI_C_BOOL, MPI_LOR, all->handle);
    MPI_Allreduce(MPI_IN_PLACE, content, ist_narrow((int64_t)(layers * sizeof *content)), MPI_BYTE,
                  MPI_BOR, all->handle);
    for (size_t l = 0; l < layers; l++)
        if (s->read[l]) {
            s->known.layer_content[l] = content[l];
            s->known.layer_known[l] = true;
        }
    ist_free(content);
}

/* ---- phases ------------------------------------------------------------------------------------ */

static ist_code open_journal(ist_session *s, const ist_comm *all, int64_t run, ist_error *error)
{
    MPI_Bcast(&run, 1, MPI_INT64_T, 0, all->handle);
    if (s->comm->rank == 0 && all->rank != 0)
        s->journal =
            ist_journal_open_leader(s->known.job->output, s->options->shard, all->rank, run, error);
    return ist_agree(all, error);
}

/* Rank 0 reads what the other leaders wrote, also where the run was told to stop. */
static ist_code close_journals(ist_session *s, const ist_comm *all, ist_error *error)
{
    ist_error stopped = {0}, broken = {0};
    *(error->code == IST_BROKEN ? &broken : &stopped) = *error;
    if (s->journal)
        ist_journal_close(&s->journal, &broken);
    ist_agree(all, &broken);
    if (all->rank == 0 && broken.code == IST_OK)
        s->journal = ist_journal_open(s->known.job->output, s->options->shard, true, &broken);
    ist_agree(all, &broken);
    ist_agree(all, &stopped);
    *error = broken.code != IST_OK ? broken : stopped;
    return error->code;
}

/* Ranks that work apart do not remember the same of labels; nor may one group remove a pass on disk that others need. */
static void forget(ist_session *s)
{
    ist_classes_release(&s->classes);
    ist_classes_release(&s->by);
    for (size_t i = 0; i < s->kept.count; i++)
        s->kept.item[i].last_step = SIZE_MAX;
}

/* Collective. What the groups have found out that all must know. */
static void come_together(ist_session *s, int groups, size_t first, size_t end, bool whole)
{
    double started = ist_seconds();
    if (ist_schedule_is_staged(s->schedule))
        ist_share_facts(s, s->comm, s->read);
    share_contents(s, s->comm);
    if (whole)
        ist_bring_lists(s, s->comm, groups, first, end);
    forget(s);
    s->seconds[IST_PHASE_WAITING] += ist_seconds() - started;
}

/* The portions [first, end), by so many groups; groups differ by at most one rank. */
static ist_code in_groups(ist_session *s, size_t first, size_t end, int groups, ist_error *error)
{
    const ist_comm *all = s->comm;
    ist_machine machine = s->machine;
    ist_comm group;
    MPI_Comm_split(all->handle, (int)((int64_t)all->rank * groups / all->size), all->rank,
                   &group.handle);
    MPI_Comm_rank(group.handle, &group.rank);
    MPI_Comm_size(group.handle, &group.size);
    ist_lists *whole = ist_lend_lists(s, all, groups);
    forget(s);
    s->comm = &group;
    s->machine.ranks = group.size;
    memset(s->read, 0, s->known.plan->layer_count * sizeof *s->read);
    int64_t run = all->rank == 0 ? ist_journal_run(s->journal) : 0;
    if (open_journal(s, all, run, error) == IST_OK) {
        phase p = {.s = s, .all = all, .next = first, .end = end, .asking = groups - 1};
        s->engine.attend = all->rank == 0 ? attend : NULL;
        s->engine.attend_data = &p;
        work(&p, error);
        double started = ist_seconds();
        if (all->rank == 0)
            attend_to_the_end(&p);
        s->engine.attend = NULL;
        s->seconds[IST_PHASE_WAITING] += ist_seconds() - started;
    }
    double started = ist_seconds();
    ist_stop_wait(s->engine.stop, all);
    s->seconds[IST_PHASE_WAITING] += ist_seconds() - started;
    close_journals(s, all, error);
    s->comm = all;
    ist_reread_kept(s, error);
    s->machine = machine;
    MPI_Comm_free(&group.handle);
    ist_return_lists(s, whole);
    come_together(s, groups, first, end, error->code == IST_OK);
    return error->code;
}

static size_t end_of_phase(const ist_division *division, size_t first)
{
    size_t end = first + 1;
    while (end < division->portion_count &&
           division->portions[end].stage == division->portions[first].stage &&
           division->portions[end].groups == division->portions[first].groups)
        end++;
    return end;
}

ist_code ist_take_all(ist_session *s, ist_error *error)
{
    const ist_division *division = s->division;
    for (size_t p = 0; p < division->portion_count && error->code == IST_OK;) {
        size_t end = end_of_phase(division, p);
        int groups = division->portions[p].groups;
        if (groups > 1)
            in_groups(s, p, end, groups, error);
        for (; groups == 1 && p < end && error->code == IST_OK; p++)
            ist_take_portion(s, &division->portions[p], error);
        p = end;
        if (p < division->portion_count &&
            division->portions[p].stage != division->portions[p - 1].stage)
            ist_drop_stage(s, division->portions[p - 1].stage);
    }
    return error->code;
}
