/* Row i must be the same sample in both operands of a task: /sample_id decides, else a labels
 * vector that both files have; where neither is there the record says so. */
#include <inttypes.h>
#include <string.h>

#include "job.h"

/* A vector of integers of one file, read once. */
typedef struct {
    bool exists;
    int64_t count;
    ist_hash hash; /* of the rows that the job uses */
} id_vector;

typedef struct {
    const char *path;
    size_t choice; /* which of its rows (ist_choose) */
    id_vector ids;
    id_vector *labels; /* by job->labels */
} input_file;

typedef struct {
    const ist_known_job *known;
    const ist_job *job;
    input_file *files;
    size_t count;
    ist_index by_path, pairs;
    ist_faults *faults;
} checker;

static bool is_hdf5_path(const char *path)
{
    size_t length = strlen(path);
    return length < 4 || strcmp(path + length - 4, ".npy") != 0;
}

/* The rows of a vector that the job uses; 0 where it is too short for them, and so not one of this file's samples. */
static int64_t rows_used(const checker *c, size_t choice, int64_t count)
{
    if (choice == SIZE_MAX)
        return ist_rows_chosen(c->known, choice, count);
    const ist_chosen *chosen = &c->known->chosen[choice];
    return chosen->row[chosen->count - 1] < count ? chosen->count : 0;
}

/* `address`: dataset and perhaps an index, in the file. */
static id_vector read_vector(const checker *c, const input_file *file, const char *address,
                             int64_t **values)
{
    const char *path = file->path;
    id_vector vector = {0};
    ist_error error = {0};
    ist_address parts = {{0}, {0}, {0}};
    ist_address_split(address, &parts);
    ist_location at = {.file = ist_copy_text(path),
                       .dataset = ist_copy_text(parts.dataset.data ? parts.dataset.data : ""),
                       .index = ist_copy_text(parts.index.data ? parts.index.data : "")};
    ist_address_release(&parts);
    if (is_hdf5_path(path) && ist_has_dataset(path, at.dataset) &&
        ist_probe_integers(&at, &vector.count, &error) == IST_OK) {
        vector.count = rows_used(c, file->choice, vector.count);
        int64_t *read = ist_alloc((size_t)vector.count, sizeof *read);
        vector.exists =
            ist_read_chosen(c->known, &at, file->choice, vector.count, read, &error) == IST_OK;
        vector.hash = ist_hash_bytes(read, (size_t)vector.count * sizeof *read, 0);
        if (values)
            *values = read;
        else
            ist_free(read);
    }
    ist_free(at.file);
    ist_free(at.dataset);
    ist_free(at.index);
    return vector;
}

/* A labels address that names a dataset of whatever file the cell has. */
static bool is_common_label(const char *address)
{
    return address[0] == '/' && !strchr(address, '{') && !strchr(address, '[') &&
           !strchr(address, ':');
}

static ist_hash file_key(const char *path, size_t choice)
{
    return ist_hash_bytes(path, strlen(path), (uint64_t)choice + 1);
}

/* Of a subset it is the rows that it is drawn among which are looked at. */
static size_t file_of(checker *c, const char *path, size_t choice)
{
    choice = ist_choice_of_all(c->known, choice);
    size_t file = *ist_index_add(&c->by_path, file_key(path, choice), c->count);
    if (file < c->count)
        return file;
    c->files[c->count++] = (input_file){.path = path, .choice = choice};
    input_file *added = &c->files[file];
    const char *ids = c->job->sample_id ? c->job->sample_id : "/sample_id";
    added->ids = read_vector(c, added, ids, NULL);
    added->labels = ist_alloc(c->job->label_count, sizeof *added->labels);
    for (size_t l = 0; l < c->job->label_count && !added->ids.exists; l++)
        if (is_common_label(c->job->labels[l].address))
            added->labels[l] = read_vector(c, added, c->job->labels[l].address, NULL);
    return file;
}

static bool same(const id_vector *a, const id_vector *b)
{
    return a->count == b->count && ist_hash_compare(a->hash, b->hash) == 0;
}

static int64_t number_in_file(const checker *c, const input_file *file, int64_t row)
{
    return file->choice == SIZE_MAX ? row : c->known->chosen[file->choice].row[row];
}

/* Two operands of one task must have the same rows chosen: said once a pair of files. */
static bool same_choice(checker *c, size_t first, size_t second, ist_place place)
{
    const input_file *a = &c->files[first], *b = &c->files[second];
    if (a->choice == b->choice)
        return true;
    if (a->choice != SIZE_MAX && b->choice != SIZE_MAX) {
        ist_hash x = c->known->chosen[a->choice].hash, y = c->known->chosen[b->choice].hash;
        if (ist_hash_compare(x, y) == 0)
            return true;
    }
    uint64_t words[3] = {first < second ? first : second, first < second ? second : first, 1};
    size_t before = c->pairs.count;
    ist_index_add(&c->pairs, ist_hash_bytes(words, sizeof words, 0), before);
    if (c->pairs.count > before)
        ist_faults_add(c->faults, place,
                       "rows are not the same samples: 'samples' takes others from %s than from "
                       "%s, because their classes or numbers of rows differ; write the row "
                       "numbers into a file, 'samples: {rows: FILE.npy}'",
                       a->path, b->path);
    return false;
}

static void report(const checker *c, const input_file *a, const input_file *b, const char *dataset,
                   ist_place place)
{
    int64_t *x = NULL, *y = NULL, row = 0;
    id_vector in_a = read_vector(c, a, dataset, &x);
    id_vector in_b = read_vector(c, b, dataset, &y);
    int64_t shorter = ist_min(in_a.count, in_b.count);
    while (row < shorter && x[row] == y[row])
        row++;
    if (row < shorter)
        ist_faults_add(c->faults, place,
                       "rows are not the same samples: %s row %" PRId64 " is %" PRId64
                       " in %s and %" PRId64 " in %s",
                       dataset, number_in_file(c, a, row), x[row], a->path, y[row], b->path);
    else
        ist_faults_add(c->faults, place,
                       "rows are not the same samples: %s has %" PRId64
                       " entries in %s and %" PRId64 " in %s",
                       dataset, in_a.count, a->path, in_b.count, b->path);
    ist_free(x);
    ist_free(y);
}

/* False where nothing shows that the two files have the same samples; a difference is a fault. */
static bool verified(checker *c, size_t first, size_t second, ist_place place)
{
    const input_file *a = &c->files[first], *b = &c->files[second];
    uint64_t words[2] = {first < second ? first : second, first < second ? second : first};
    size_t pairs = c->pairs.count;
    bool new_pair =
        *ist_index_add(&c->pairs, ist_hash_bytes(words, sizeof words, 0), pairs) == pairs;
    if (a->ids.exists && b->ids.exists) {
        if (!same(&a->ids, &b->ids) && new_pair)
            report(c, a, b, c->job->sample_id ? c->job->sample_id : "/sample_id", place);
        return true;
    }
    bool shown = false;
    for (size_t l = 0; l < c->job->label_count; l++) {
        /* Files with ids did not read their labels; the other side may still need them. */
        const char *address = c->job->labels[l].address;
        if (!is_common_label(address))
            continue;
        for (int side = 0; side < 2; side++) {
            input_file *file = &c->files[side ? second : first];
            if (!file->labels[l].exists && file->ids.exists)
                file->labels[l] = read_vector(c, file, address, NULL);
        }
        if (!a->labels[l].exists || !b->labels[l].exists)
            continue;
        shown = true;
        if (!same(&a->labels[l], &b->labels[l]) && new_pair)
            report(c, a, b, address, place);
    }
    return shown;
}

/* Of one file, or verified. */
static bool are_same(checker *c, size_t a, size_t b, ist_place place)
{
    if (!same_choice(c, a, b, place))
        return false;
    return strcmp(c->files[a].path, c->files[b].path) == 0 || verified(c, a, b, place);
}

static bool ids_fit(const checker *c, const ist_plan *plan)
{
    for (size_t l = 0; l < plan->layer_count; l++) {
        const ist_layer *layer = &plan->layers[l];
        ist_hash key =
            file_key(layer->at.file, ist_choice_of_all(c->known, c->known->layer_choice[l]));
        size_t file = ist_index_find(&c->by_path, key);
        const int64_t n = layer->draw.of ? layer->population : layer->n;
        if (file == SIZE_MAX || layer->own_rows || layer->draw.index > 0 ||
            !c->files[file].ids.exists || c->files[file].ids.count == n)
            continue;
        ist_text name = {0};
        ist_location_text(&layer->at, &name);
        ist_faults_add(c->faults, layer->place,
                       "%s has %" PRId64 " rows, but its file has %" PRId64 " sample ids",
                       name.data, n, c->files[file].ids.count);
        ist_text_release(&name);
    }
    return c->faults->count == 0;
}

bool ist_prepare_samples(ist_known_job *known, ist_faults *faults)
{
    const ist_plan *plan = known->plan;
    checker c = {.known = known, .job = known->job, .faults = faults};
    c.files = ist_alloc(plan->layer_count + plan->label_count, sizeof *c.files);
    for (size_t t = 0; t < plan->task_count; t++) {
        const ist_task *task = &plan->tasks[t];
        if (task->subset > 0) { /* what holds for the first of them holds for all */
            known->unverified[t] = known->unverified[t - 1];
            continue;
        }
        const ist_location *source = &plan->layers[task->source].at;
        const ist_location *target =
            task->labels_target ? &plan->labels[task->target].at : &plan->layers[task->target].at;
        ist_place place = known->job->entries[task->entry].place;
        size_t of_target = task->labels_target ? known->label_choice[task->target]
                                               : known->layer_choice[task->target];
        size_t a = file_of(&c, source->file, known->layer_choice[task->source]);
        size_t b = file_of(&c, target->file, of_target);
        known->unverified[t] = !are_same(&c, a, b, place);
        if (task->within != SIZE_MAX) {
            size_t w =
                file_of(&c, plan->labels[task->within].at.file, known->label_choice[task->within]);
            known->unverified[t] |= !are_same(&c, a, w, place);
        }
        for (size_t x = 0; x < IST_MAX_ADDRESSES; x++) {
            size_t l = task->extra[x];
            if (l == SIZE_MAX || plan->layers[l].own_rows)
                continue;
            size_t e = file_of(&c, plan->layers[l].at.file, known->layer_choice[l]);
            known->unverified[t] |= !are_same(&c, a, e, place);
        }
        if (task->by != SIZE_MAX) {
            size_t w = file_of(&c, plan->labels[task->by].at.file, known->label_choice[task->by]);
            known->unverified[t] |= !are_same(&c, a, w, place);
        }
    }
    ids_fit(&c, plan);
    for (size_t f = 0; f < c.count; f++)
        ist_free(c.files[f].labels);
    ist_free(c.files);
    ist_index_release(&c.by_path);
    ist_index_release(&c.pairs);
    return faults->count == 0;
}
