/* The plan's life, and its parts as text. */
#include "build.h"

static void fill(size_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = SIZE_MAX;
}

static void build(ist_builder *builder)
{
    ist_plan *plan = builder->plan;
    const ist_job *job = plan->job;
    ist_grid_init(&builder->grid, job);
    ist_grid_cells(&builder->grid, plan);
    size_t layers = plan->cell_count * job->layer_count * IST_LAYER_FORMS;
    size_t labels = plan->cell_count * job->label_count;
    builder->layer_at = ist_alloc(layers, sizeof *builder->layer_at);
    builder->label_at = ist_alloc(labels, sizeof *builder->label_at);
    fill(builder->layer_at, layers);
    fill(builder->label_at, labels);
    ist_references_init(&builder->references, &builder->grid);
    ist_build_tasks(builder);
}

static void release(ist_builder *builder)
{
    ist_plan_grid_release(&builder->grid);
    ist_references_release(&builder->references);
    ist_index_release(&builder->layers);
    ist_index_release(&builder->labels);
    ist_index_release(&builder->tasks);
    ist_free(builder->layer_at);
    ist_free(builder->label_at);
}

ist_plan *ist_plan_new(const ist_job *job, const ist_measure_planner *const *measures,
                       ist_faults *faults)
{
    ist_plan *plan = ist_alloc(1, sizeof *plan);
    *plan = (ist_plan){.job = job, .measures = measures};
    ist_builder builder = {.plan = plan, .faults = faults};
    size_t before = faults->count + faults->dropped;
    build(&builder);
    release(&builder);
    if (faults->count + faults->dropped == before && plan->task_count == 0) {
        ist_place place = job->entry_count ? job->entries[0].place : (ist_place){0};
        ist_faults_add(faults, place,
                       "nothing to do: no measure has operands in any cell (see 'where' and "
                       "'against')");
    }
    if (faults->count + faults->dropped != before)
        ist_plan_free(&plan);
    return plan;
}

void ist_plan_free(ist_plan **plan)
{
    ist_plan *old = *plan;
    *plan = NULL;
    if (!old)
        return;
    for (size_t i = 0; i < old->layer_count; i++) {
        ist_release_location(&old->layers[i].at);
        ist_free(old->layers[i].key);
    }
    for (size_t i = 0; i < old->label_count; i++) {
        ist_release_location(&old->labels[i].at);
        ist_free(old->labels[i].key);
    }
    ist_free(old->layers);
    ist_free(old->labels);
    ist_free(old->tasks);
    ist_free(old->positions);
    ist_free(old);
}

const size_t *ist_plan_cell(const ist_plan *plan, size_t cell)
{
    return plan->positions + cell * plan->job->axis_count;
}

const ist_subsets *ist_task_subsets(const ist_plan *plan, const ist_task *task)
{
    const ist_subsets *subsets = &plan->job->entries[task->entry].subsets;
    return subsets->count > 0 ? subsets : NULL;
}

void ist_task_params(const ist_plan *plan, const ist_task *task,
                     const ist_value *values[IST_MAX_PARAMS])
{
    const ist_entry *entry = &plan->job->entries[task->entry];
    size_t count = plan->measures[entry->measure]->schema->param_count;
    for (size_t p = 0; p < IST_MAX_PARAMS; p++)
        values[p] = p < count ? &entry->params[p].values[task->param[p]] : NULL;
}

void ist_plan_difference(const ist_plan *plan, size_t cell, size_t other, ist_text *out)
{
    const ist_job *job = plan->job;
    const size_t *here = ist_plan_cell(plan, cell), *there = ist_plan_cell(plan, other);
    const char *separator = "";
    for (size_t a = 0; a < job->axis_count; a++) {
        if (here[a] == there[a])
            continue;
        ist_text_add(out, "%s%s=%s", separator, job->axes[a].name,
                     job->axes[a].values[there[a]].text);
        separator = ";";
    }
}

void ist_plan_cell_text(const ist_plan *plan, size_t cell, ist_text *out)
{
    const ist_job *job = plan->job;
    const size_t *here = ist_plan_cell(plan, cell);
    ist_text_add(out, "%s", ""); /* data is a string also where there is no axis */
    for (size_t a = 0; a < job->axis_count; a++)
        ist_text_add(out, "%s%s=%s", a ? ", " : "", job->axes[a].name,
                     job->axes[a].values[here[a]].text);
}

void ist_location_text(const ist_location *at, ist_text *out)
{
    ist_text_add(out, "%s", at->file);
    if (*at->dataset)
        ist_text_add(out, ":%s", at->dataset);
    if (*at->index)
        ist_text_add(out, "[%s]", at->index);
}
