/* The page of `infostrata plan`. */
#include <string.h>

#include "schedule.h"
#include "units.h"

enum { LAYERS_SHOWN = 8, PLACE_WIDTH = 50 };

static void head(ist_text *out, const char *word)
{
    ist_text_add(out, "%-12s", word);
}

/* ---- the job --------------------------------------------------------------------------------- */

static void print_cells(const ist_plan *plan, ist_text *out)
{
    const ist_job *job = plan->job;
    size_t points = 1;
    head(out, "cells");
    for (size_t a = 0; a < job->axis_count; a++) {
        bool first_of_zip = true;
        for (size_t b = 0; b < a; b++)
            first_of_zip &= job->axes[a].zip < 0 || job->axes[b].zip != job->axes[a].zip;
        points *= first_of_zip ? job->axes[a].count : 1;
    }
    ist_add_count(out, (int64_t)plan->cell_count);
    for (size_t a = 0; a < job->axis_count; a++)
        ist_text_add(out, "%s%s %zu", a ? ", " : ": ", job->axes[a].name, job->axes[a].count);
    if (points != plan->cell_count) {
        ist_text_add(out, " (");
        ist_add_count(out, (int64_t)(points - plan->cell_count));
        ist_text_add(out, " excluded)");
    }
    ist_text_add(out, "\n");
}

static void print_tasks(const ist_plan *plan, const ist_schedule *schedule, ist_text *out)
{
    const ist_job *job = plan->job;
    size_t *counts = ist_alloc(job->schema_count, sizeof *counts), twins = 0;
    size_t subsets = 0, means = 0;
    for (size_t t = 0; t < plan->task_count; t++) {
        counts[job->entries[plan->tasks[t].entry].measure]++;
        twins += plan->tasks[t].twin != t;
        const bool drawn = ist_task_subsets(plan, &plan->tasks[t]) != NULL;
        subsets += drawn;
        means += drawn && plan->tasks[t].subset == 0;
    }
    head(out, "tasks");
    ist_add_count(out, (int64_t)plan->task_count);
    const char *separator = ": ";
    for (size_t m = 0; m < job->schema_count; m++) {
        if (counts[m] == 0)
            continue;
        ist_text_add(out, "%s%s ", separator, job->schemas[m]->name);
        ist_add_count(out, (int64_t)counts[m]);
        separator = ", ";
    }
    ist_text_add(out, "\n");
    size_t distinct = plan->task_count - twins;
    if (twins) {
        head(out, "");
        ist_add_count(out, (int64_t)distinct);
        ist_text_add(out, " distinct: the others have the same operands\n");
    }
    if (subsets) {
        head(out, "");
        ist_add_count(out, (int64_t)subsets);
        ist_text_add(out, " are of one subset each, of which ");
        ist_add_count(out, (int64_t)means);
        ist_text_add(out, " means are made\n");
    }
    if (schedule->tasks != distinct) {
        head(out, "to do");
        ist_add_count(out, (int64_t)schedule->tasks);
        ist_text_add(out, ", the others are done\n");
    }
    ist_free(counts);
}

/* ---- layers ---------------------------------------------------------------------------------- */

static void ask(ist_index *asked, const ist_plan *plan, const ist_task *task, size_t cell,
                size_t name)
{
    const ist_subsets *of = ist_task_subsets(plan, task);
    const uint64_t words[] = {cell, name, (uint64_t)(of ? of->size : 0),
                              (uint64_t)(of ? of->seed : 0), (uint64_t)task->subset};
    ist_index_add(asked, ist_hash_bytes(words, sizeof words, 0), 0);
}

/* How many (cell, name, subset) the tasks speak of. */
static size_t asked_layers(const ist_plan *plan)
{
    ist_index asked = {0};
    for (size_t t = 0; t < plan->task_count; t++) {
        const ist_task *task = &plan->tasks[t];
        ask(&asked, plan, task, task->source_cell, task->source_name);
        if (!task->labels_target)
            ask(&asked, plan, task, task->target_cell, task->target_name);
    }
    const size_t count = asked.count;
    ist_index_release(&asked);
    return count;
}

/* The end of a long path says more than its beginning. */
static void print_layer(const ist_layer *layer, ist_text *out)
{
    size_t length = strlen(layer->key);
    bool cut = length > PLACE_WIDTH;
    ist_text samples = {0}, features = {0};
    ist_add_count(&samples, layer->n);
    ist_add_count(&features, layer->shape.d);
    ist_text_add(out, "  %s%-*s %12s %9s  %s\n", cut ? "..." : "",
                 cut ? PLACE_WIDTH - 3 : PLACE_WIDTH,
                 cut ? layer->key + length - (PLACE_WIDTH - 3) : layer->key, samples.data,
                 features.data, layer->shape.type);
    ist_text_release(&samples);
    ist_text_release(&features);
}

static void print_layers(const ist_plan *plan, ist_text *out)
{
    head(out, "layers");
    ist_add_count(out, (int64_t)plan->layer_count);
    ist_text_add(out, " distinct of ");
    ist_add_count(out, (int64_t)asked_layers(plan));
    ist_text_add(out, " asked");
    if (plan->label_count)
        ist_text_add(out, "; labels %zu", plan->label_count);
    ist_text_add(out, "\n\n  %-*s %12s %9s  %s\n", PLACE_WIDTH, "layer", "samples", "features",
                 "type");
    for (size_t i = 0; i < plan->layer_count && i < LAYERS_SHOWN; i++)
        print_layer(&plan->layers[i], out);
    if (plan->layer_count > LAYERS_SHOWN) {
        ist_text_add(out, "  ... and ");
        ist_add_count(out, (int64_t)(plan->layer_count - LAYERS_SHOWN));
        ist_text_add(out, " more\n");
    }
    ist_text_add(out, "\n");
}

/* ---- work ------------------------------------------------------------------------------------ */

/* Passes 1 of one kind; what there is none of is not told, but for the first. */
typedef enum { PASS_ALL, PASS_CLASS, PASS_JOINT } pass_kind;

static void add_kind(const ist_schedule *schedule, pass_kind kind, const char *what, ist_text *out)
{
    int64_t count = 0;
    for (size_t i = 0; i < schedule->source_count; i++) {
        const ist_source_pass *pass = &schedule->sources[i];
        pass_kind own = pass->in_class            ? PASS_CLASS
                        : pass->other != SIZE_MAX ? PASS_JOINT
                                                  : PASS_ALL;
        count += own == kind;
    }
    if (count == 0 && kind != PASS_ALL)
        return;
    ist_add_count(out, count);
    ist_text_add(out, "%s, ", what);
}

/* Those of labels, and of lists of one layer, need no passes. */
static void print_nulls(const ist_cost *cost, ist_text *out)
{
    if (cost->null_counts == 0)
        return;
    head(out, "nulls");
    if (cost->null_joint > 0) {
        ist_add_count(out, cost->null_joint);
        ist_text_add(out, " joint passes and ");
    }
    ist_add_count(out, cost->null_counts);
    ist_text_add(out, " for ranks, of permuted layers: about ");
    ist_add_duration(out, cost->null_seconds);
    ist_text_add(out, ", ");
    ist_add_bytes(out, cost->null_memory);
    ist_text_add(out, " a rank\n");
}

/* Projections are no passes: they are listed apart. */
static void print_slices(const ist_schedule *schedule, const ist_cost *cost, ist_text *out)
{
    if (schedule->slice_count == 0)
        return;
    head(out, "slices");
    ist_add_count(out, cost->slices);
    ist_text_add(out, " in %zu step%s: about ", schedule->slice_count,
                 schedule->slice_count == 1 ? "" : "s");
    ist_add_duration(out, cost->slice_seconds);
    ist_text_add(out, ", ");
    ist_add_bytes(out, cost->slice_memory);
    ist_text_add(out, " a rank\n");
}

/* Matrices, and how they lie on the ranks. */
static void print_dense(const ist_schedule *schedule, const ist_cost *cost,
                        const ist_machine *machine, ist_text *out)
{
    if (schedule->dense_count == 0)
        return;
    head(out, "matrices");
    ist_text_add(out, "%zu step%s: about ", schedule->dense_count,
                 schedule->dense_count == 1 ? "" : "s");
    ist_add_duration(out, cost->dense_seconds);
    ist_text_add(out, ", ");
    ist_add_bytes(out, cost->dense_memory);
    ist_text_add(out, " a rank\n");
    if (cost->dense_order == 0 || !machine->layout)
        return;
    ist_dense_layout layout =
        machine->layout(cost->dense_order, machine->ranks, cost->dense_outputs);
    head(out, "");
    ist_text_add(out, "the largest of order ");
    ist_add_count(out, cost->dense_order);
    ist_text_add(out, ", %lld at once: blocks of %d on %d x %d ranks, ",
                 (long long)cost->dense_matrices, layout.block, layout.rows, layout.columns);
    ist_add_bytes(out, cost->matrix_memory);
    ist_text_add(out, " each\n");
}

static void print_passes(const ist_schedule *schedule, const ist_cost *cost,
                         const ist_machine *machine, ist_text *out)
{
    head(out, "passes");
    ist_add_count(out, (int64_t)(schedule->source_count + schedule->target_count));
    ist_text_add(out, " run of ");
    ist_add_count(out, (int64_t)schedule->asked);
    ist_text_add(out, " asked: ");
    add_kind(schedule, PASS_ALL, " for neighbours", out);
    add_kind(schedule, PASS_CLASS, " within classes", out);
    add_kind(schedule, PASS_JOINT, " joint", out);
    ist_add_count(out, (int64_t)schedule->target_count);
    ist_text_add(out, " for ranks\n");
    if (cost->dimensions > 0) {
        head(out, "");
        ist_text_add(out, "and two-NN dimensions of ");
        ist_add_count(out, cost->dimensions);
        ist_text_add(out, " layers, for the notes\n");
    }
    if (cost->most_batches > 1) {
        head(out, "");
        ist_text_add(out, "ranks in up to %lld batches, because all thresholds do not fit\n",
                     (long long)cost->most_batches);
    }
    if (cost->most_together > 1) {
        head(out, "");
        ist_text_add(out, "joint ones of up to %lld layers at once with the same target layer\n",
                     (long long)cost->most_together);
    }
    print_nulls(cost, out);
    print_slices(schedule, cost, out);
    print_dense(schedule, cost, machine, out);
    head(out, "work");
    ist_add_large(out, cost->pairs);
    ist_text_add(out, " pairs, ");
    ist_add_large(out, cost->operations);
    ist_text_add(out, " operations\n");
    head(out, "reads");
    ist_add_bytes(out, cost->bytes_read);
    ist_text_add(out, "\n");
}

static bool are_dealt_out(const ist_division *division)
{
    for (size_t p = 0; p < division->portion_count; p++)
        if (division->portions[p].groups > 1)
            return true;
    return false;
}

/* In how many groups the ranks work on what has no layer in common; nothing where all work on all of it. */
static void print_groups(const ist_division *division, const ist_machine *machine, ist_text *out)
{
    const ist_portion *portions = division->portions;
    size_t count = division->portion_count;
    if (!are_dealt_out(division))
        return;
    bool stages = portions[count - 1].stage > 0;
    head(out, "groups");
    ist_add_count(out, (int64_t)count);
    ist_text_add(out, stages ? " portions, in stages for the layers in common:"
                             : " portions without a common layer:");
    for (size_t p = 0, from = 0; p < count; p++) {
        if (p + 1 < count && portions[p + 1].groups == portions[p].groups &&
            portions[p + 1].stage == portions[p].stage)
            continue;
        ist_text_add(out, "%s ", from ? "," : "");
        ist_add_count(out, (int64_t)(p + 1 - from));
        ist_text_add(out, " in %d group%s of %d", portions[p].groups,
                     portions[p].groups == 1 ? "" : "s", machine->ranks / portions[p].groups);
        from = p + 1;
    }
    ist_text_add(out, " rank(s)\n");
}

static void print_memory(const ist_plan *plan, const ist_schedule *schedule, const ist_cost *cost,
                         const ist_machine *machine, ist_text *out)
{
    head(out, "memory");
    ist_add_bytes(out, cost->memory);
    ist_text_add(out, " a rank");
    if (machine->memory_limit > 0) {
        ist_text_add(out, " of ");
        ist_add_bytes(out, machine->memory_limit);
    }
    if (schedule->step_count)
        ist_text_add(out, ", most for %s", plan->layers[cost->worst_layer].key);
    ist_text_add(out, "\n");
    if (machine->program > 0) {
        head(out, "");
        ist_text_add(out, "and ");
        ist_add_bytes(out, machine->program);
        ist_text_add(out, " for the program itself\n");
    }
    if (machine->memory_limit > 0 && cost->memory > machine->memory_limit) {
        head(out, "");
        ist_text_add(out,
                     "DOES NOT FIT: use more ranks on more nodes, a smaller k or fewer samples\n");
    }
}

void ist_plan_print(const ist_plan *plan, const ist_schedule *schedule,
                    const ist_division *division, const ist_cost *cost, const ist_machine *machine,
                    ist_text *out)
{
    head(out, "job");
    ist_text_add(out, "%s\n", plan->job->name);
    print_cells(plan, out);
    print_tasks(plan, schedule, out);
    print_layers(plan, out);
    print_passes(schedule, cost, machine, out);
    print_groups(division, machine, out);
    print_memory(plan, schedule, cost, machine, out);
    if (schedule->step_count > 0) {
        head(out, "disk");
        ist_text_add(out, "up to ");
        ist_add_bytes(out, ist_schedule_disk(plan, schedule));
        ist_text_add(out, " for checkpoints of long passes\n");
    }
    head(out, "time");
    ist_text_add(out, "about ");
    ist_add_duration(out, cost->seconds);
    ist_text_add(out, " on %d rank%s\n", machine->ranks, machine->ranks == 1 ? "" : "s");
    head(out, "output");
    ist_text_add(out, "%s\n", plan->job->output);
}
