/* Everything that is checked before the first flop. */
#include <inttypes.h>
#include <string.h>

#include "job.h"

void ist_print_faults(ist_faults *faults)
{
    ist_text text = {0};
    ist_faults_print(faults, NULL, &text);
    if (text.data)
        fputs(text.data, stderr);
    ist_text_release(&text);
}

void ist_known_job_release(ist_known_job *known)
{
    ist_release_choices(known);
    ist_free(known->unverified);
    ist_free(known->layer_content);
    ist_free(known->layer_known);
    ist_free(known->label_content);
    ist_free(known->label_known);
    ist_free(known->foreign);
    ist_plan_free(&known->plan);
    ist_job_free(&known->job);
    *known = (ist_known_job){0};
}

ist_contents ist_known_contents(const ist_known_job *known)
{
    return (ist_contents){known->layer_content, known->label_content, known->layer_known,
                          known->label_known};
}

bool ist_prepare_job(const ist_options *options, ist_known_job *known, ist_faults *faults)
{
    const ist_overrides overrides = {options->output, options->set, options->set_count};
    known->job = ist_job_read(options->manifest, &overrides, ist_measure_schemas(),
                              ist_measure_count, faults);
    return known->job != NULL;
}

bool ist_prepare_names(const ist_job *job, ist_named_values *names, ist_faults *faults)
{
    size_t *first = ist_alloc(job->axis_count, sizeof *first);
    ist_text path = {0};
    ist_job_expand(job, job->file, first, &path);
    char *file = ist_join_path(job->folder, path.data ? path.data : "");
    ist_error error = {0};
    if (ist_list_layers(file, names, &error) != IST_OK)
        ist_faults_add(faults, job->file_place, "%s", error.text);
    else if (names->count == 0)
        ist_faults_add(faults, job->file_place, "%s has no datasets under /layers", file);
    ist_free(file);
    ist_free(first);
    ist_text_release(&path);
    return faults->count == 0;
}

bool ist_prepare_plan(ist_known_job *known, ist_faults *faults)
{
    ist_plan *plan = ist_plan_new(known->job, ist_measure_planners(), faults);
    if (!plan)
        return false;
    known->plan = plan;
    known->unverified = ist_alloc(plan->task_count, sizeof *known->unverified);
    known->layer_choice = ist_alloc(plan->layer_count, sizeof *known->layer_choice);
    known->label_choice = ist_alloc(plan->label_count, sizeof *known->label_choice);
    known->layer_content = ist_alloc(plan->layer_count, sizeof *known->layer_content);
    known->layer_known = ist_alloc(plan->layer_count, sizeof *known->layer_known);
    known->label_content = ist_alloc(plan->label_count, sizeof *known->label_content);
    known->label_known = ist_alloc(plan->label_count, sizeof *known->label_known);
    return true;
}

/* Which rows of a file of so many, and how many of how many. */
static size_t choose_rows(ist_known_job *known, size_t cell, const ist_location *at, int64_t rows,
                          ist_draw draw, int64_t *n, int64_t *population, ist_faults *faults)
{
    size_t choice = ist_choose(known, cell, at, rows, faults);
    *population = ist_rows_chosen(known, choice, rows);
    choice = ist_choose_subset(known, choice, *population, draw);
    *n = draw.of ? known->chosen[choice].count : *population;
    return choice;
}

/* The shape of a layer. Subsets of one dataset have the shape of the first of them, whose fault is told once: false. */
static bool probe_layer(const ist_plan *plan, ist_index *first, size_t l, ist_faults *faults)
{
    ist_layer *layer = &plan->layers[l];
    ist_error error = {0};
    ist_text what = {0};
    ist_location_text(&layer->at, &what);
    const ist_hash key = ist_hash_bytes(what.data, what.length, layer->at.pool);
    ist_text_release(&what);
    const size_t like = layer->draw.of ? *ist_index_add(first, key, l) : l;
    if (like < l) {
        layer->shape = plan->layers[like].shape;
        return layer->shape.rows > 0;
    }
    if (ist_probe_layer(&layer->at, &layer->shape, &error) == IST_OK)
        return true;
    ist_faults_add(faults, layer->place, "%s", error.text);
    return false;
}

static void probe_layers(ist_known_job *known, ist_faults *faults)
{
    ist_index first = {0};
    for (size_t l = 0; l < known->plan->layer_count; l++) {
        ist_layer *layer = &known->plan->layers[l];
        known->layer_choice[l] = SIZE_MAX;
        if (probe_layer(known->plan, &first, l, faults) && !layer->own_rows)
            known->layer_choice[l] =
                choose_rows(known, layer->cell, &layer->at, layer->shape.rows, layer->draw,
                            &layer->n, &layer->population, faults);
        if (layer->own_rows)
            layer->n = layer->shape.rows;
    }
    ist_index_release(&first);
}

/* Labels are small: they are read whole here, so that their content is known at once. */
static void probe_labels(ist_known_job *known, ist_faults *faults)
{
    const ist_job *job = known->job;
    for (size_t l = 0; l < known->plan->label_count; l++) {
        ist_label_vector *labels = &known->plan->labels[l];
        ist_error error = {0};
        size_t *choice = &known->label_choice[l];
        *choice = SIZE_MAX;
        if (ist_probe_integers(&labels->at, &labels->rows, &error) != IST_OK) {
            if (labels->draw.index == 0) /* the other subsets of it have the same fault */
                ist_faults_add(faults, job->labels[labels->name].place, "%s", error.text);
        } else {
            *choice = choose_rows(known, labels->cell, &labels->at, labels->rows, labels->draw,
                                  &labels->n, &labels->population, faults);
            if (faults->count > 0 || (labels->draw.of && labels->n == 0))
                continue;
            int64_t *values = ist_alloc((size_t)labels->n, sizeof *values);
            if (ist_read_chosen(known, &labels->at, *choice, labels->n, values, &error) == IST_OK) {
                known->label_content[l] =
                    ist_hash_bytes(values, (size_t)labels->n * sizeof *values, 0);
                ist_describe_classes(values, labels);
                known->label_known[l] = true;
            }
            ist_free(values);
            if (error.code != IST_OK)
                ist_faults_add(faults, job->labels[labels->name].place, "%s", error.text);
        }
    }
}

bool ist_prepare_inputs(ist_known_job *known, ist_faults *faults)
{
    probe_layers(known, faults);
    probe_labels(known, faults);
    return faults->count == 0 && ist_plan_check(known->plan, faults);
}

bool ist_prepare_all_names(ist_known_job *known, ist_faults *faults)
{
    if (!known->job->all_layers || known->job->layer_count > 0)
        return true;
    ist_named_values names = {0};
    bool ready =
        ist_prepare_names(known->job, &names, faults) &&
        ist_job_set_layers(known->job, (const char *const *)names.names, names.count, faults);
    ist_named_values_release(&names);
    return ready;
}

bool ist_prepare(const ist_options *options, ist_known_job *known, ist_faults *faults)
{
    return ist_prepare_job(options, known, faults) && ist_prepare_all_names(known, faults) &&
           ist_prepare_plan(known, faults) && ist_prepare_inputs(known, faults) &&
           ist_prepare_samples(known, faults);
}
