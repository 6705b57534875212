/* Bytes of rank 0 as a pass of one superblock, a byte a row; how many rounds they come from is its progress. */
#include "so_far.h"

#include <string.h>

/* As whole passes, they are worth a file after this share of the time between two checkpoints. */
static const double WORTH_KEEPING = 1.0 / 180;

/* Counts up when what is stored changes. */
static const char version[] = "infostrata rounds 1";

static ist_keeper *keeper_of(const ist_so_far *f)
{
    return f->s->engine.keeper ? &f->s->keeper : NULL;
}

ist_so_far ist_so_far_new(ist_session *s, const char *what, const size_t *tasks, size_t count,
                          int64_t rounds, int64_t bytes)
{
    ist_so_far f = {.s = s, .what = what, .bytes = bytes, .rounds = rounds, .kept = ist_seconds()};
    ist_hash *parts = ist_alloc(3 * count + 2, sizeof *parts);
    parts[0] = ist_hash_bytes(version, sizeof version, (uint64_t)bytes);
    parts[1] = ist_hash_bytes(what, strlen(what), (uint64_t)rounds);
    for (size_t i = 0; i < count; i++) {
        const ist_task *task = &s->known.plan->tasks[tasks[i]];
        parts[3 * i + 2] = task->id;
        parts[3 * i + 3] = s->known.layer_content[task->source];
        parts[3 * i + 4] = ist_content_of_target(s, task);
    }
    f.identity = ist_hash_bytes(parts, (3 * count + 2) * sizeof *parts, 0);
    ist_free(parts);
    return f;
}

/* NULL: it can be taken up, after *done rounds. */
static const char *fault_of(const ist_so_far *f, const ist_kept *kept, int64_t *done)
{
    if (kept->rows != f->bytes || kept->blocks != 1 || kept->row_bytes != 1 ||
        kept->progress_bytes != sizeof *done)
        return "it is of another shape";
    memcpy(done, kept->progress, sizeof *done);
    return *done > 0 && *done <= f->rounds ? NULL : "what it says of finished rounds cannot be";
}

int64_t ist_so_far_take_up(ist_so_far *f, void *found)
{
    ist_keeper *keeper = keeper_of(f);
    const ist_kept *kept;
    int64_t start[2] = {0, f->bytes}, done = 0;
    const ist_blocks blocks = {.count = 1, .start = start};
    while (keeper && (kept = keeper->find(f->s, f->identity, 0, false))) {
        const char *fault = fault_of(f, kept, &done);
        bool bad = !fault && f->s->comm->rank == 0 && !keeper->read(f->s, kept, &blocks, 0, found);
        if (ist_largest(f->s->comm, bad))
            fault = "it is damaged or missing";
        if (!fault) {
            keeper->take_up(f->s, kept, (double)done / (double)f->rounds);
            return done;
        }
        keeper->reject(f->s, kept, fault);
    }
    return 0;
}

typedef struct {
    const void *found;
    size_t bytes;
} packed;

static void pack(const void *source, int64_t block, void *bytes)
{
    const packed *p = source;
    (void)block;
    memcpy(bytes, p->found, p->bytes);
}

/* Any rank may have to write the only superblock. */
static bool save(const ist_so_far *f, const void *found, int64_t done)
{
    ist_session *s = f->s;
    int64_t start[2] = {0, f->bytes};
    const ist_blocks blocks = {.count = 1, .start = start};
    char *everywhere = ist_alloc((size_t)f->bytes, 1);
    if (s->comm->rank == 0)
        memcpy(everywhere, found, (size_t)f->bytes);
    MPI_Bcast(everywhere, ist_narrow(f->bytes), MPI_BYTE, 0, s->comm->handle);
    ist_kept kept = {.identity = f->identity,
                     .rows = f->bytes,
                     .blocks = 1,
                     .row_bytes = 1,
                     .progress = (const char *)&done,
                     .progress_bytes = sizeof done};
    strncpy(kept.what, f->what, sizeof kept.what - 1);
    packed p = {everywhere, (size_t)f->bytes};
    bool saved = s->keeper.save(s, &kept, &blocks, pack, &p);
    ist_free(everywhere);
    return saved;
}

double ist_so_far_interval(const ist_session *s)
{
    return s->engine.keeper ? s->keeper.seconds * WORTH_KEEPING : 0;
}

bool ist_so_far_keep(ist_so_far *f, const void *found, int64_t done, bool leaving)
{
    const ist_keeper *keeper = keeper_of(f);
    if (!keeper || done == 0)
        return false;
    int64_t due = leaving || ist_seconds() - f->kept > ist_so_far_interval(f->s);
    if (!ist_largest(f->s->comm, due))
        return false;
    f->kept = ist_seconds();
    bool saved = save(f, found, done);
    if (saved)
        ist_drop_kept_of_round(f->s);
    return saved;
}
