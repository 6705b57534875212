/* Name and cell -> address -> location -> the distinct layer. */
#include <string.h>

#include "build.h"

static char *copy_part(const ist_text *text)
{
    return ist_copy_text(text->length ? text->data : "");
}

/* Where `source` lies in the cell at `positions`. */
static ist_location locate(const ist_job *job, const ist_source *source, const size_t *positions)
{
    ist_text address = {0}, file = {0};
    ist_address parts = {0};
    ist_job_expand(job, source->address, positions, &address);
    ist_address_split(address.data ? address.data : "", &parts);
    if (parts.file.length) {
        ist_text_add_bytes(&file, parts.file.data, parts.file.length);
    } else if (job->file) {
        ist_job_expand(job, job->file, positions, &file);
    }
    ist_location at = {
        .file = ist_join_path(job->folder, file.length ? file.data : ""),
        .dataset = copy_part(&parts.dataset),
        .index = copy_part(&parts.index),
        .pool = source->pool,
    };
    ist_address_release(&parts);
    ist_text_release(&address);
    ist_text_release(&file);
    return at;
}

void ist_release_location(ist_location *at)
{
    ist_free(at->file);
    ist_free(at->dataset);
    ist_free(at->index);
}

static void add_place(ist_text *key, const ist_job *job, const ist_location *at)
{
    char *path = ist_relative_path(at->file, job->output);
    ist_text_add(key, "%s", path);
    if (*at->dataset)
        ist_text_add(key, ":%s", at->dataset);
    if (*at->index) {
        ist_text_add_bytes(key, "[", 1);
        for (const char *c = at->index; *c; c++) {
            if (*c != ' ')
                ist_text_add_bytes(key, c, 1);
        }
        ist_text_add_bytes(key, "]", 1);
    }
    if (at->pool)
        ist_text_add(key, "|pool");
    ist_free(path);
}

bool ist_locate_samples(const ist_plan *plan, size_t cell, ist_location *at)
{
    const ist_job *job = plan->job;
    const ist_samples *samples = &job->samples;
    *at = (ist_location){0};
    if (samples->kind == IST_SAMPLES_PER_CLASS)
        *at = locate(job, &job->labels[samples->labels.index], ist_plan_cell(plan, cell));
    else if (samples->kind == IST_SAMPLES_ROWS)
        *at = locate(job, &(ist_source){.address = samples->rows}, ist_plan_cell(plan, cell));
    return at->file != NULL;
}

/* Which samples; nothing where it is all of them. */
static void add_samples(ist_text *key, const ist_plan *plan, size_t cell)
{
    static const char *const words[] = {[IST_SAMPLES_FIRST] = "first",
                                        [IST_SAMPLES_RANDOM] = "random",
                                        [IST_SAMPLES_PER_CLASS] = "per_class",
                                        [IST_SAMPLES_ROWS] = "rows"};
    const ist_samples *samples = &plan->job->samples;
    if (samples->kind == IST_SAMPLES_ALL)
        return;
    ist_text_add(key, "|%s=", words[samples->kind]);
    if (samples->count > 0)
        ist_text_add(key, "%lld", (long long)samples->count);
    if (samples->kind == IST_SAMPLES_RANDOM || samples->kind == IST_SAMPLES_PER_CLASS)
        ist_text_add(key, ",seed=%lld", (long long)samples->seed);
    ist_location by;
    if (!ist_locate_samples(plan, cell, &by))
        return;
    ist_text_add(key, "%s", samples->count > 0 ? ",of=" : "");
    add_place(key, plan->job, &by);
    ist_release_location(&by);
}

static char *key_of(const ist_plan *plan, size_t cell, const ist_location *at, ist_draw draw,
                    const char *ending)
{
    ist_text key = {0};
    add_place(&key, plan->job, at);
    add_samples(&key, plan, cell);
    if (draw.of)
        ist_text_add(&key, "|subset=%lld,size=%lld,seed=%lld", (long long)draw.index,
                     (long long)draw.of->size, (long long)draw.of->seed);
    ist_text_add(&key, "%s", ending);
    return key.data;
}

/* Where a name leads in a cell, and the identity of what lies there. */
typedef struct {
    ist_location at;
    char *key;
} place;

/* Is it a place that the index does not know yet? Then `out` holds it, and *position is `next`;
 * else *position is that of the one before. */
static bool is_new(const ist_plan *plan, size_t cell, const ist_source *source, ist_draw draw,
                   const char *ending, ist_index *index, size_t next, size_t *position, place *out)
{
    out->at = locate(plan->job, source, ist_plan_cell(plan, cell));
    out->key = key_of(plan, cell, &out->at, draw, ending);
    *position = *ist_index_add(index, ist_hash_bytes(out->key, strlen(out->key), 0), next);
    if (*position == next)
        return true;
    ist_release_location(&out->at);
    ist_free(out->key);
    return false;
}

static size_t add_layer(ist_builder *builder, const ist_layer *layer)
{
    ist_plan *plan = builder->plan;
    if (plan->layer_count == builder->layer_capacity) {
        builder->layer_capacity = builder->layer_capacity ? 2 * builder->layer_capacity : 64;
        plan->layers = ist_grow(plan->layers, plan->layer_count, builder->layer_capacity,
                                sizeof *plan->layers);
    }
    plan->layers[plan->layer_count] = *layer;
    return plan->layer_count++;
}

size_t ist_locate_layer(ist_builder *builder, size_t cell, size_t name, ist_layer_form form,
                        ist_draw draw)
{
    static const char *const endings[][2] = {
        [IST_METRIC_EUCLIDEAN] = {"", "|zscore"},
        [IST_METRIC_MANHATTAN] = {"|manhattan", "|manhattan|zscore"},
        [IST_METRIC_CHEBYSHEV] = {"|chebyshev", "|chebyshev|zscore"},
        [IST_METRIC_COSINE] = {"|cosine", "|cosine|zscore"}};
    ist_plan *plan = builder->plan;
    const ist_job *job = plan->job;
    bool zscore = form.scale == IST_SCALE_ZSCORE;
    size_t at = (cell * job->layer_count + name) * IST_LAYER_FORMS;
    size_t drawn = SIZE_MAX;
    size_t *known = draw.of ? &drawn : &builder->layer_at[at + 2 * form.metric + zscore];
    place found;
    if (*known == SIZE_MAX &&
        is_new(plan, cell, &job->layers[name], draw, endings[form.metric][zscore], &builder->layers,
               plan->layer_count, known, &found))
        add_layer(builder, &(ist_layer){.at = found.at,
                                        .metric = form.metric,
                                        .zscore = zscore,
                                        .key = found.key,
                                        .cell = cell,
                                        .draw = draw,
                                        .place = job->layers[name].place});
    plan->layers[*known].rms |= form.scale == IST_SCALE_RMS;
    return *known;
}

size_t ist_locate_address(ist_builder *builder, size_t cell, const char *address, ist_place where,
                          bool own_rows, ist_draw draw)
{
    ist_plan *plan = builder->plan;
    if (own_rows)
        draw = (ist_draw){0};
    ist_source source = {.address = (char *)address};
    place found;
    size_t position;
    if (is_new(plan, cell, &source, draw, own_rows ? "|rows" : "", &builder->layers,
               plan->layer_count, &position, &found))
        add_layer(builder, &(ist_layer){.at = found.at,
                                        .key = found.key,
                                        .cell = cell,
                                        .draw = draw,
                                        .place = where,
                                        .own_rows = own_rows});
    return position;
}

size_t ist_locate_labels(ist_builder *builder, size_t cell, size_t name, ist_draw draw)
{
    ist_plan *plan = builder->plan;
    const ist_job *job = plan->job;
    size_t drawn = SIZE_MAX;
    size_t *known = draw.of ? &drawn : &builder->label_at[cell * job->label_count + name];
    place found;
    if (*known != SIZE_MAX || !is_new(plan, cell, &job->labels[name], draw, "|labels",
                                      &builder->labels, plan->label_count, known, &found))
        return *known;
    if (plan->label_count == builder->label_capacity) {
        builder->label_capacity = builder->label_capacity ? 2 * builder->label_capacity : 64;
        plan->labels = ist_grow(plan->labels, plan->label_count, builder->label_capacity,
                                sizeof *plan->labels);
    }
    plan->labels[plan->label_count++] = (ist_label_vector){
        .at = found.at, .key = found.key, .name = name, .cell = cell, .draw = draw};
    return *known;
}
