/* The names in entries: which layer or labels each one is, and whether anything is left to
 * measure. Done when the layers are known: at once, or with the first file (`layers: all`). */
#include "room.h"

#include <string.h>

typedef enum { AS_SOURCE, AS_TARGET, AS_SECOND } role;

static void unknown_name(reader *r, const ist_name *name, role as)
{
    const ist_job *job = r->job;
    size_t count = 0;
    if (!fault_counts(r, name->place)) {
        ist_faults_add(r->faults, name->place, MSG_UNKNOWN_LAYER, "", "");
        return;
    }
    const char **known =
        pool_alloc(r->scratch, job->layer_count + job->label_count, sizeof(char *));
    for (size_t i = 0; i < job->layer_count; i++)
        known[count++] = job->layers[i].name;
    for (size_t i = 0; i < job->label_count && as == AS_TARGET; i++) {
        known[count++] = job->labels[i].name;
    }
    const char *hint = suggestion(r, name->text, known, count);
    if (as == AS_TARGET) {
        ist_faults_add(r->faults, name->place, MSG_UNKNOWN_TARGET, shown(r, name->text), hint);
    } else {
        ist_faults_add(r->faults, name->place, MSG_UNKNOWN_LAYER, shown(r, name->text), hint);
    }
}

static void resolve_labels(reader *r, const ist_measure_schema *schema, ist_name *name, role as)
{
    const char *text = shown(r, name->text);
    if (as == AS_SOURCE) {
        ist_faults_add(r->faults, name->place, MSG_LABELS_SOURCE, text, text);
    } else if (as == AS_SECOND) {
        ist_faults_add(r->faults, name->place, MSG_LABELS_PAIR, text, text);
    } else if (!schema->takes_labels && !schema->alone) {
        ist_faults_add(r->faults, name->place, MSG_NO_LABELS, schema->name, text);
    }
    name->is_labels = true;
}

static void resolve_within(reader *r, ist_name *name)
{
    name->is_labels = true;
    name->index = index_find_word(&r->labels, name->text);
    if (name->index == SIZE_MAX)
        ist_faults_add(r->faults, name->place, MSG_WITHIN, shown(r, name->text));
}

static void resolve_by(reader *r, ist_name *name)
{
    name->is_labels = true;
    name->index = index_find_word(&r->labels, name->text);
    if (name->index == SIZE_MAX)
        ist_faults_add(r->faults, name->place, MSG_BY, shown(r, name->text));
}

static void resolve(reader *r, const ist_measure_schema *schema, ist_name *name, role as)
{
    size_t at = index_find_word(&r->labels, name->text);
    if (at != SIZE_MAX) {
        name->index = at;
        resolve_labels(r, schema, name, as);
        return;
    }
    name->index = index_find_word(&r->layers, name->text);
    if (as == AS_TARGET && schema->wants_labels && name->index != SIZE_MAX)
        ist_faults_add(r->faults, name->place, MSG_NOT_LABELS, schema->name, shown(r, name->text));
    bool pending = r->job->all_layers && r->job->layer_count == 0;
    if (name->index == SIZE_MAX && !pending)
        unknown_name(r, name, as);
}

/* Is there a pair of a layer asked for and a target that is not the layer itself? */
static bool any_target(const ist_job *job, const ist_entry *entry)
{
    size_t count = entry->all_layers ? job->layer_count : entry->layer_count;
    for (size_t t = 0; t < entry->target_count; t++) {
        const ist_name *target = &entry->targets[t];
        if (target->is_labels || count > 1)
            return true;
        if (count == 1 && (entry->all_layers ? 0 : entry->layers[0].index) != target->index)
            return true;
    }
    return false;
}

static void check_work(reader *r, const ist_entry *entry)
{
    size_t layers = entry->all_layers ? r->job->layer_count : entry->layer_count;
    const ist_measure_schema *schema = r->job->schemas[entry->measure];
    bool wants = schema->wants_labels || schema->wants_target;
    if (schema->alone || (wants && entry->target_count == 0))
        return; /* nothing to compare with; or that is missing, as was said */
    if (entry->pair_count > 0 || entry->has_against)
        return;
    if (schema->may_be_alone && entry->target_count == 0)
        return;
    if (entry->target_count == 0 && layers < 2) {
        ist_faults_add(r->faults, entry->place, MSG_ONE_LAYER);
    } else if (entry->target_count > 0 && !any_target(r->job, entry)) {
        ist_faults_add(r->faults, entry->targets[0].place, MSG_SELF_TARGET, entry->targets[0].text);
    }
}

void resolve_entries(reader *r)
{
    ist_job *job = r->job;
    for (size_t e = 0; e < job->entry_count; e++) {
        ist_entry *entry = &job->entries[e];
        const ist_measure_schema *schema = job->schemas[entry->measure];
        size_t before = r->faults->count + r->faults->dropped;
        for (size_t i = 0; i < entry->layer_count; i++) {
            resolve(r, schema, &entry->layers[i], AS_SOURCE);
        }
        for (size_t i = 0; i < entry->target_count; i++) {
            resolve(r, schema, &entry->targets[i], AS_TARGET);
        }
        for (size_t i = 0; i < entry->pair_count; i++) {
            resolve(r, schema, &entry->pairs[i].first, AS_SOURCE);
            resolve(r, schema, &entry->pairs[i].second, AS_SECOND);
        }
        if (entry->has_within)
            resolve_within(r, &entry->within);
        if (entry->has_by)
            resolve_by(r, &entry->by);
        bool known = !job->all_layers || job->layer_count > 0;
        if (known && r->faults->count + r->faults->dropped == before)
            check_work(r, entry);
    }
}

bool ist_job_set_layers(ist_job *job, const char *const *names, size_t count, ist_faults *faults)
{
    pool *memory = &((owned_job *)job)->memory, scratch = {0};
    reader r = {.job = job, .memory = memory, .scratch = &scratch, .faults = faults};
    size_t before = faults->count + faults->dropped;
    if (!faults->file)
        faults->file = ist_copy_text(job->path);
    if (!faults->source)
        faults->source = ist_copy_text(job->text);
    job->layers = pool_alloc(memory, count, sizeof(ist_source));
    job->layer_count = count;
    for (size_t i = 0; i < count; i++) {
        job->layers[i].name = pool_copy(memory, names[i]);
        job->layers[i].address = pool_format(memory, "/layers/%s", names[i]);
        if (!name_is_good(names[i])) {
            ist_faults_add(faults, job->file_place, MSG_FILE_NAME, shown(&r, names[i]));
        }
    }
    if (count == 0) {
        ist_faults_add(faults, job->file_place, MSG_FILE_EMPTY);
    } else {
        index_sources(&r);
        resolve_entries(&r);
    }
    pool_release(&scratch);
    return faults->count + faults->dropped == before;
}
