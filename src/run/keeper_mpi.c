/* Passes on disk: who keeps them while the job needs them. Every rank knows the same of them; files are written by the
 * ranks that have the rows, everything else is done by rank 0. */
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

#include "session.h"

/* What is left free for the journal. */
enum { RESERVE = 1 << 20 };

static const char *folder_of(const ist_session *s)
{
    return s->kept.folder;
}

/* ---- what there is --------------------------------------------------------------------------- */

static void add_item(ist_session *s, const ist_checkpoint *checkpoint, size_t last_step)
{
    ist_kept_passes *k = &s->kept;
    k->item = ist_grow(k->item, k->count, k->count + 1, sizeof *k->item);
    k->item[k->count++] = (ist_kept_pass){*checkpoint, last_step, k->of_round};
}

static void forget_item(ist_session *s, size_t at)
{
    ist_kept_passes *k = &s->kept;
    ist_checkpoint_release(&k->item[at].checkpoint);
    memmove(k->item + at, k->item + at + 1, (k->count - at - 1) * sizeof *k->item);
    k->count--;
}

static void remove_item(ist_session *s, size_t at)
{
    if (s->comm->rank == 0)
        ist_checkpoint_remove(folder_of(s), &s->kept.item[at].checkpoint);
    forget_item(s, at);
}

static bool has_any(void *data)
{
    const ist_session *s = data;
    return s->kept.count > 0;
}

static bool is_better(const ist_checkpoint *a, const ist_checkpoint *b)
{
    if (a->kept.complete != b->kept.complete)
        return a->kept.complete;
    return a->generation > b->generation;
}

static const ist_kept *find(void *data, ist_hash identity, int64_t width, bool wider)
{
    const ist_session *s = data;
    const ist_checkpoint *best = NULL;
    for (size_t i = 0; i < s->kept.count; i++) {
        const ist_checkpoint *c = &s->kept.item[i].checkpoint;
        bool fits = wider ? c->kept.width >= width : c->kept.width == width;
        if (fits && ist_hash_compare(c->kept.identity, identity) == 0 &&
            (!best || is_better(c, best)))
            best = c;
    }
    return best ? &best->kept : NULL;
}

static size_t item_of(const ist_session *s, const ist_kept *kept)
{
    size_t at = 0;
    while (&s->kept.item[at].checkpoint.kept != kept)
        at++;
    return at;
}

/* ---- taken up or not ---------------------------------------------------------------------------- */

static bool read_block(void *data, const ist_kept *kept, const ist_blocks *blocks, int64_t block,
                       void *bytes)
{
    const ist_session *s = data;
    return ist_checkpoint_read(folder_of(s), &s->kept.item[item_of(s, kept)].checkpoint, blocks,
                               block, bytes);
}

static void reject(void *data, const ist_kept *kept, const char *why)
{
    ist_session *s = data;
    ist_log_line(&s->log, "a checkpoint of the pass '%s' is not used: %s", kept->what, why);
    remove_item(s, item_of(s, kept));
}

static void take_up(void *data, const ist_kept *kept, double share)
{
    ist_session *s = data;
    ist_kept_pass *item = &s->kept.item[item_of(s, kept)];
    item->last_step = s->kept.last_step;
    item->of_round = s->kept.of_round;
    if (kept->complete)
        ist_log_line(&s->log, "the pass '%s' is there from an earlier start", kept->what);
    else
        ist_log_line(&s->log, "the pass '%s' goes on at %.1f %%", kept->what, 100 * share);
}

/* ---- to disk -------------------------------------------------------------------------------------- */

static int64_t next_generation(const ist_session *s, ist_hash identity)
{
    int64_t newest = 0;
    for (size_t i = 0; i < s->kept.count; i++) {
        const ist_checkpoint *c = &s->kept.item[i].checkpoint;
        if (ist_hash_compare(c->kept.identity, identity) == 0)
            newest = ist_max(newest, c->generation);
    }
    return newest + 1;
}

static ist_checkpoint checkpoint_new(const ist_session *s, const ist_kept *kept)
{
    int ranks = s->comm->size;
    ist_checkpoint c = {.kept = *kept, .files = ranks};
    c.generation = next_generation(s, kept->identity);
    c.first_block = ist_alloc((size_t)ranks + 1, sizeof *c.first_block);
    for (int r = 0; r <= ranks; r++)
        c.first_block[r] = ist_share(kept->blocks, ranks, r);
    c.progress = ist_alloc(kept->progress_bytes + 1, 1);
    if (kept->progress_bytes > 0)
        memcpy(c.progress, kept->progress, kept->progress_bytes);
    c.kept.progress = c.progress;
    return c;
}

/* A disk that is filled to the last byte would be the end of the journal. */
static ist_code prepare(const ist_session *s, const ist_kept *kept, ist_error *error)
{
    struct statvfs disk;
    if (ist_checkpoints_prepare(folder_of(s), error) != IST_OK || statvfs(folder_of(s), &disk) != 0)
        return error->code;
    int64_t needed = ist_checkpoint_bytes(kept) + RESERVE;
    int64_t available = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    if (available < needed)
        ist_fail(error, IST_BROKEN, "%s: %" PRId64 " bytes needed, %" PRId64 " free", folder_of(s),
                 needed, available);
    return error->code;
}

static ist_code write_all(ist_session *s, const ist_checkpoint *c, const ist_blocks *blocks,
                          ist_pack_block *pack, const void *source, ist_error *error)
{
    int rank = s->comm->rank;
    if (rank == 0)
        prepare(s, &c->kept, error);
    if (ist_agree(s->comm, error) != IST_OK)
        return error->code;
    ist_checkpoint_write_file(folder_of(s), c, rank, blocks, pack, source, error);
    if (ist_agree(s->comm, error) == IST_OK && rank == 0)
        ist_checkpoint_write(folder_of(s), c, error);
    if (ist_agree(s->comm, error) != IST_OK) {
        if (rank == 0)
            ist_checkpoint_remove(folder_of(s), c);
        else
            ist_checkpoint_remove_file(folder_of(s), c, rank);
    }
    return error->code;
}

/* Two generations stay, of a whole pass one; what is older goes when the new one is there. */
static void remove_older(ist_session *s, const ist_kept *kept, int64_t generation)
{
    for (size_t i = s->kept.count; i-- > 0;) {
        const ist_checkpoint *other = &s->kept.item[i].checkpoint;
        if (ist_hash_compare(other->kept.identity, kept->identity) == 0 &&
            other->generation < generation - (kept->complete ? 0 : 1))
            remove_item(s, i);
    }
}

/* No checkpoint is no reason to end a run. */
static bool save(void *data, const ist_kept *kept, const ist_blocks *blocks, ist_pack_block *pack,
                 const void *source)
{
    ist_session *s = data;
    ist_error error = {0};
    double started = ist_seconds();
    ist_checkpoint c = checkpoint_new(s, kept);
    s->kept.saved = write_all(s, &c, blocks, pack, source, &error) == IST_OK;
    if (!s->kept.saved) {
        ist_log_line(&s->log, "no checkpoint of the pass '%s', the run goes on without: %s",
                     kept->what, error.text);
        ist_checkpoint_release(&c);
        return false;
    }
    add_item(s, &c, s->kept.last_step);
    remove_older(s, kept, c.generation);
    ist_log_line(&s->log, "%s: the pass '%s', %.1f MiB in %.2f s",
                 kept->complete ? "kept for later" : "checkpoint", kept->what,
                 (double)ist_checkpoint_bytes(kept) / 1048576, ist_seconds() - started);
    return true;
}

/* ---- a run's begin and end -------------------------------------------------------------------------- */

/* Collective. */
static ist_code read_folder(ist_session *s, ist_error *error)
{
    ist_text lines = {0};
    size_t dropped = 0;
    if (s->comm->rank == 0)
        ist_checkpoints_read(folder_of(s), &lines, &dropped, error);
    if (dropped > 0)
        ist_log_line(&s->log, "%zu damaged checkpoint(s) dropped", dropped);
    if (ist_agree(s->comm, error) == IST_OK) {
        ist_share_text(s->comm, &lines);
        for (size_t at = 0; at < lines.length;) {
            const char *line = lines.data + at, *end = memchr(line, '\n', lines.length - at);
            ist_checkpoint c;
            if (ist_checkpoint_parse(line, (size_t)(end - line), &c))
                add_item(s, &c, SIZE_MAX);
            at += (size_t)(end - line) + 1;
        }
    }
    ist_text_release(&lines);
    return error->code;
}

ist_code ist_open_kept(ist_session *s, ist_error *error)
{
    if (s->options->checkpoint_seconds <= 0)
        return IST_OK;
    s->kept.folder = ist_shard_path(s->known.job->output, s->options->shard, "checkpoint", "");
    if (read_folder(s, error) == IST_OK) {
        s->keeper = (ist_keeper){.data = s,
                                 .seconds = s->options->checkpoint_seconds,
                                 .has_any = has_any,
                                 .find = find,
                                 .read = read_block,
                                 .reject = reject,
                                 .take_up = take_up,
                                 .save = save};
        s->engine.keeper = &s->keeper;
        s->kept.last_step = SIZE_MAX;
    }
    return error->code;
}

ist_hash ist_place_of_passes(const ist_session *s, size_t layer, size_t other)
{
    const ist_plan *plan = s->known.plan;
    ist_text keys = {0};
    ist_text_add(&keys, "%s", plan->layers[layer].key);
    if (other != SIZE_MAX)
        ist_text_add(&keys, "\n%s", plan->layers[other].key);
    ist_hash place = ist_hash_bytes(keys.data, keys.length, 0);
    ist_text_release(&keys);
    return place;
}

void ist_keep_in_place(ist_session *s, size_t layer, size_t other)
{
    s->keeper.place = ist_place_of_passes(s, layer, other);
}

void ist_reread_kept(ist_session *s, ist_error *error)
{
    ist_error reading = {0};
    while (s->kept.count > 0)
        forget_item(s, s->kept.count - 1);
    if (s->kept.folder && read_folder(s, &reading) != IST_OK && error->code == IST_OK)
        *error = reading;
}

void ist_drop_kept(ist_session *s, size_t step)
{
    for (size_t i = s->kept.count; i-- > 0;)
        if (s->kept.item[i].last_step <= step)
            remove_item(s, i);
}

void ist_drop_kept_of_round(ist_session *s)
{
    for (size_t i = s->kept.count; i-- > 0;)
        if (s->kept.item[i].of_round)
            remove_item(s, i);
}

void ist_close_kept(ist_session *s, bool done)
{
    while (s->kept.count > 0)
        forget_item(s, s->kept.count - 1);
    ist_free(s->kept.item);
    s->kept.item = NULL;
    if (done && s->comm->rank == 0 && s->kept.folder)
        ist_checkpoints_remove(folder_of(s));
    ist_free(s->kept.folder);
    s->kept.folder = NULL;
}
