#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "session.h"

void ist_part_order_for(ist_session *s, int64_t n)
{
    if (s->part_order.n == n)
        return;
    ist_free(s->part_order.order);
    s->part_order.order = ist_alloc((size_t)n, sizeof *s->part_order.order);
    s->part_order.n = n;
    ist_random_parts(n, IST_PARTS, s->part_order.order, s->part_order.start);
}

const ist_anchors *ist_anchors_for(ist_session *s, int64_t n, ist_anchor_choice choice)
{
    ist_anchors *met = &s->anchors;
    if (met->n == n && met->count == choice.count && met->seed == choice.seed)
        return met;
    ist_anchors_release(met);
    *met = ist_anchors_new(s->comm, n, choice.count, choice.seed);
    return met;
}

static void unload(ist_loaded *loaded)
{
    if (loaded->layer != SIZE_MAX)
        ist_rows_release(&loaded->all);
    if (loaded->has_parts)
        ist_rows_release(&loaded->parts);
    ist_free(loaded->first_equal);
    *loaded = (ist_loaded){.layer = SIZE_MAX};
}

/* A portion's small layers stay, for most of them are needed twice. */
static void put_aside(ist_session *s, ist_loaded *loaded)
{
    bool stays = loaded->layer != SIZE_MAX && s->portion && s->portion->kept > 0;
    if (!stays || s->shelf[loaded->layer]) {
        unload(loaded);
        return;
    }
    ist_loaded **place = &s->shelf[loaded->layer];
    *place = ist_alloc(1, sizeof **place);
    **place = *loaded;
    *loaded = (ist_loaded){.layer = SIZE_MAX};
}

static bool take_from_shelf(ist_session *s, size_t layer, ist_loaded *loaded)
{
    ist_loaded *kept = s->shelf[layer];
    if (!kept)
        return false;
    *loaded = *kept;
    ist_free(kept);
    s->shelf[layer] = NULL;
    return true;
}

void ist_unload_layers(ist_session *s)
{
    unload(&s->loaded);
    unload(&s->other);
    for (size_t l = 0; s->shelf && l < s->known.plan->layer_count; l++)
        if (s->shelf[l]) {
            unload(s->shelf[l]);
            ist_free(s->shelf[l]);
            s->shelf[l] = NULL;
        }
    ist_anchors_release(&s->anchors);
}

void ist_hold_layer(ist_session *s, ist_loaded *held)
{
    *held = s->loaded;
    s->loaded = (ist_loaded){.layer = SIZE_MAX};
}

void ist_put_back_layer(ist_session *s, ist_loaded *held)
{
    put_aside(s, &s->loaded);
    s->loaded = *held;
}

void ist_unload_other(ist_session *s)
{
    put_aside(s, &s->other);
}

/* NaN and Inf have no neighbours. */
static void judge(const ist_layer *layer, const ist_census *census, ist_text *reason)
{
    if (census->nan + census->inf == 0)
        return;
    ist_text_add(
        reason, "%s has %" PRId64 " NaN and %" PRId64 " infinite values, the first in row %" PRId64,
        layer->key, census->nan, census->inf, census->first_row);
    if (census->nan == 0 && layer->shape.value_bytes == 2)
        ist_text_add(reason, " (float16 overflows beyond 65504: write float32)");
}

static void set_failure(ist_session *s, size_t layer, const char *reason)
{
    s->facts[layer].failure = ist_copy_text(reason);
    ist_log_line(&s->log, "layer failed: %s", reason);
}

/* What was read goes into the journal with the state of the file, so that the next run knows the
 * content without reading it. The stamp is taken before the reading: a file that changes meanwhile
 * will not look the same. */
static ist_code remember(ist_session *s, size_t layer, const ist_stamp *stamp, ist_hash content,
                         ist_error *error)
{
    s->known.layer_content[layer] = content;
    s->known.layer_known[layer] = true;
    s->read[layer] = true;
    if (s->journal) {
        ist_stamp seen = *stamp;
        ist_stamp_chosen(&s->known, layer, &seen);
        ist_input_state state = {.key = s->known.plan->layers[layer].key,
                                 .size = seen.size,
                                 .mtime_ns = seen.mtime_ns,
                                 .inode = seen.inode,
                                 .content = content};
        ist_journal_add_input(s->journal, &state, error);
    }
    return ist_agree(s->comm, error);
}

/* Results must not change when the folders move together: the file's absolute path in a message of
 * the data room becomes the one seen from the output folder. */
static void portable_reason(const ist_session *s, size_t layer, const char *text, ist_text *reason)
{
    const char *file = s->known.plan->layers[layer].at.file;
    char *relative = ist_relative_path(file, s->known.job->output);
    for (const char *at = strstr(text, file); at; at = strstr(text, file)) {
        ist_text_add(reason, "%.*s%s", (int)(at - text), text, relative);
        text = at + strlen(file);
    }
    ist_text_add(reason, "%s", text);
    ist_free(relative);
}

ist_code ist_leave_unread(ist_session *s, size_t layer, ist_error *error)
{
    return remember(s, layer, &(ist_stamp){0}, (ist_hash){0, 0}, error);
}

/* A layer that could not be read has no content: its tasks fail now, and the next run tries again. */
static ist_code give_up_on(ist_session *s, size_t layer, const char *reason, ist_error *error)
{
    ist_text portable = {0};
    portable_reason(s, layer, reason, &portable);
    s->facts[layer].seen = true;
    set_failure(s, layer, portable.data);
    ist_text_release(&portable);
    return ist_leave_unread(s, layer, error);
}

/* A file that was written to while it was read has shown rows of several states. */
static void check_unchanged(ist_session *s, const ist_location *at, const ist_stamp *before,
                            ist_error *error)
{
    ist_stamp now = {0};
    if (s->comm->rank == 0 && ist_stamp_file(at->file, &now, error) == IST_OK &&
        (now.size != before->size || now.mtime_ns != before->mtime_ns ||
         now.inode != before->inode))
        ist_fail(error, IST_FAILED, "%s changed while it was read", at->file);
    ist_agree(s->comm, error);
}

/* What the measures that ask for the layer take for its rows. */
static void make_rows(const ist_comm *comm, const ist_layer *layer, int64_t rows, int64_t *columns,
                      ist_matrix *matrix, ist_layer_facts *facts)
{
    if (layer->zscore)
        facts->constant = ist_standardise(comm, rows, layer->n, *columns, matrix);
    if (layer->metric == IST_METRIC_COSINE)
        facts->zero_rows = ist_make_directions(comm, rows, columns, matrix);
    if (layer->rms)
        facts->mean_square = ist_mean_square(comm, matrix, rows, layer->n, *columns);
}

/* The rows of its file that a layer consists of; NULL: the first n. */
static const int64_t *rows_of(const ist_session *s, size_t layer)
{
    size_t choice = s->known.layer_choice[layer];
    return choice == SIZE_MAX ? NULL : s->known.chosen[choice].row;
}

static ist_code read_layer(ist_session *s, size_t l, ist_loaded *loaded, ist_error *error)
{
    const ist_layer *layer = &s->known.plan->layers[l];
    const int64_t start[2] = {0, layer->n};
    int64_t first, last;
    ist_blocks blocks = ist_blocks_new(start, 1);
    ist_blocks_range(&blocks, s->comm->size, s->comm->rank, &first, &last);
    ist_blocks_release(&blocks);

    ist_stamp stamp = {0};
    ist_matrix matrix = {0};
    ist_census census = {0};
    ist_error reading = {0};
    if (s->comm->rank == 0)
        ist_stamp_file(layer->at.file, &stamp, &reading);
    ist_agree(s->comm, &reading);
    if (reading.code == IST_OK)
        ist_read_rows(s->comm, &layer->at, &layer->shape, rows_of(s, l), first, last - first,
                      &matrix, &census, &reading);
    ist_fault("layer.read");
    if (reading.code == IST_OK) {
        check_unchanged(s, &layer->at, &stamp, &reading);
        if (reading.code != IST_OK) {
            ist_free(matrix.narrow);
            ist_free(matrix.wide);
        }
    }
    s->bytes_read += (last - first) * layer->shape.row_values * layer->shape.value_bytes;
    if (reading.code == IST_BROKEN)
        return ist_fail(error, IST_BROKEN, "%s", reading.text);
    if (reading.code != IST_OK)
        return give_up_on(s, l, reading.text, error);
    ist_layer_facts made = {.seen = true, .mean_square = NAN};
    int64_t columns = layer->shape.d;
    if (census.nan + census.inf == 0)
        make_rows(s->comm, layer, last - first, &columns, &matrix, &made);
    ist_rows_natural(s->comm, ist_metric_of_rows(layer->metric), layer->n, columns, matrix.narrow,
                     matrix.wide, &loaded->all);
    loaded->layer = l;
    ist_hash content;
    loaded->first_equal = ist_alloc((size_t)loaded->all.home.count, sizeof *loaded->first_equal);
    int64_t duplicates =
        ist_duplicates(s->comm, &s->engine, &loaded->all, loaded->first_equal, &content);
    if (!s->facts[l].seen) {
        ist_text reason = {0};
        judge(layer, &census, &reason);
        s->facts[l] = made;
        s->facts[l].duplicates = duplicates;
        if (reason.length > 0)
            set_failure(s, l, reason.data);
        ist_text_release(&reason);
        return remember(s, l, &stamp, content, error);
    }
    if (ist_hash_compare(content, s->known.layer_content[l]) != 0) {
        ist_text name = {0};
        ist_location_text(&layer->at, &name);
        ist_fail(error, IST_BROKEN, "%s changed while the job was running: start it again",
                 name.data);
        ist_text_release(&name);
    }
    return error->code;
}

/* By n alone (ist_dimension_rows), whatever else has brought the parts: a record must not depend on that. */
static bool within_parts(int64_t n)
{
    return ist_dimension_rows(n) < n;
}

static bool wants_dimension(const ist_session *s, size_t layer)
{
    const ist_layer *l = &s->known.plan->layers[layer];
    return l->dimension && !s->facts[layer].has_dimension && l->n >= 3;
}

static void find_dimension(ist_session *s, size_t layer, const ist_loaded *loaded)
{
    ist_layer_facts *facts = &s->facts[layer];
    if (!wants_dimension(s, layer))
        return;
    facts->dimension = ist_two_nn_dimension(
        s->comm, &s->engine, within_parts(loaded->all.n) ? &loaded->parts : &loaded->all);
    facts->has_dimension = true;
}

/* Two neighbours of every row are what the dimension is made of. */
static bool tells_dimension(const ist_session *s, const ist_source_pass *pass)
{
    return !pass->in_class && pass->other == SIZE_MAX && pass->anchors.count == 0 &&
           pass->distance_k >= 2 &&
           (pass->parts || !within_parts(s->known.plan->layers[pass->layer].n));
}

void ist_dimension_of_lists(ist_session *s, const ist_source_pass *pass, const ist_lists *lists)
{
    const ist_rows *all = &s->loaded.all, *parts = &s->loaded.parts;
    bool in_parts = within_parts(all->n);
    const ist_list *list = in_parts ? &lists->parts : &lists->all;
    if (!wants_dimension(s, pass->layer) || !tells_dimension(s, pass) || list->distance_k < 2)
        return;
    s->facts[pass->layer].dimension =
        ist_two_nn_dimension_of_list(s->comm, in_parts ? parts : all, list);
    s->facts[pass->layer].has_dimension = true;
}

static void cluster(ist_session *s, ist_loaded *loaded)
{
    if (!loaded->clustered)
        ist_rows_cluster(s->comm, &s->engine, &loaded->all);
    loaded->clustered = true;
}

static bool wants_parts(const ist_session *s, size_t layer, bool parts)
{
    return parts || (wants_dimension(s, layer) && within_parts(s->known.plan->layers[layer].n));
}

/* But for its dimension. */
static ist_code load_rows(ist_session *s, size_t layer, bool parts, ist_loaded *loaded,
                          ist_error *error)
{
    if (s->facts[layer].failure)
        return IST_OK;
    if (loaded->layer != layer)
        put_aside(s, loaded);
    if (loaded->layer != layer && !take_from_shelf(s, layer, loaded)) {
        if (read_layer(s, layer, loaded, error) != IST_OK || s->facts[layer].failure)
            return error->code;
    }
    cluster(s, loaded);
    if (wants_parts(s, layer, parts) && !loaded->has_parts) {
        ist_part_order_for(s, loaded->all.n);
        ist_rows_by_part(s->comm, &loaded->all, IST_PARTS, s->part_order.order, s->part_order.start,
                         &loaded->parts);
        loaded->has_parts = true;
        ist_rows_cluster(s->comm, &s->engine, &loaded->parts);
    }
    return IST_OK;
}

static ist_code load(ist_session *s, size_t layer, bool parts, ist_loaded *loaded, ist_error *error)
{
    if (load_rows(s, layer, parts, loaded, error) == IST_OK && !s->facts[layer].failure)
        find_dimension(s, layer, loaded);
    return error->code;
}

static ist_code load_timed(ist_session *s, size_t layer, bool parts, ist_loaded *loaded,
                           ist_error *error)
{
    double started = ist_seconds();
    load(s, layer, parts, loaded, error);
    s->seconds[IST_PHASE_READING] += ist_seconds() - started;
    return error->code;
}

ist_code ist_load_layer(ist_session *s, size_t layer, bool parts, ist_error *error)
{
    return load_timed(s, layer, parts, &s->loaded, error);
}

ist_code ist_load_for_lists(ist_session *s, const ist_source_pass *pass, ist_error *error)
{
    if (!tells_dimension(s, pass))
        return ist_load_layer(s, pass->layer, pass->parts, error);
    double started = ist_seconds();
    load_rows(s, pass->layer, pass->parts, &s->loaded, error);
    s->seconds[IST_PHASE_READING] += ist_seconds() - started;
    return error->code;
}

ist_code ist_load_other(ist_session *s, size_t layer, bool parts, ist_error *error)
{
    return load_timed(s, layer, parts, &s->other, error);
}

/* For slices, anchors and matrices, which have no use for what passes packed. */
static ist_code load_values(ist_session *s, size_t layer, ist_loaded *loaded, ist_error *error)
{
    if (s->facts[layer].failure)
        return IST_OK;
    if (loaded->layer != layer) {
        put_aside(s, loaded);
        if (!take_from_shelf(s, layer, loaded))
            return read_layer(s, layer, loaded, error);
    }
    ist_rows_unpack_integers(&loaded->all);
    ist_rows_unpack_integers(&loaded->parts);
    return IST_OK;
}

static bool is_ordered(const ist_loaded *loaded)
{
    return loaded->layer != SIZE_MAX && loaded->all.twin;
}

ist_code ist_load_plain(ist_session *s, size_t layer, size_t other, ist_error *error)
{
    const size_t wanted[2] = {layer, other};
    ist_loaded *const place[2] = {&s->loaded, &s->other};
    for (int side = 0; side < 2 && error->code == IST_OK; side++) {
        if (wanted[side] == SIZE_MAX ||
            load_values(s, wanted[side], place[side], error) != IST_OK ||
            s->facts[wanted[side]].failure || !is_ordered(place[side]))
            continue;
        unload(place[side]);
        read_layer(s, wanted[side], place[side], error);
    }
    return error->code;
}

ist_code ist_load_values(ist_session *s, size_t layer, size_t other, ist_error *error)
{
    double started = ist_seconds();
    if (load_values(s, layer, &s->loaded, error) == IST_OK && other != SIZE_MAX)
        load_values(s, other, &s->other, error);
    s->seconds[IST_PHASE_READING] += ist_seconds() - started;
    return error->code;
}
