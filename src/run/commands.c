/* The commands that need no ranks and no MPI. */
#include <inttypes.h>
#include <string.h>

#include "job.h"

static ist_code refused(ist_known_job *known, ist_faults *faults)
{
    ist_print_faults(faults);
    ist_faults_release(faults);
    ist_known_job_release(known);
    return IST_REFUSED;
}

static ist_code ended(ist_known_job *known, ist_faults *faults, ist_error *error)
{
    if (error->code != IST_OK)
        fprintf(stderr, "infostrata: error: %s\n", error->text);
    ist_faults_release(faults);
    ist_known_job_release(known);
    return error->code;
}

/* ---- plan ------------------------------------------------------------------------------------ */

static ist_machine assumed_machine(const ist_options *options, const ist_plan *plan)
{
    /* Seen at the start of runs on Debian 12, with MPI and HDF5. */
    enum { TYPICAL_WIDTH = 64, PROGRAM_MIB = 24 };
    int64_t limit = options->memory_limit;
    if (limit == 0)
        limit = ist_available_memory(options->ranks).bytes;
    return (ist_machine){
        .ranks = options->ranks,
        .flops = ist_kernel_rate(options->kernel, IST_FILTER_PRODUCT, TYPICAL_WIDTH, 0.02),
        .chunk_bytes = options->chunk_bytes,
        .memory_limit = limit,
        .twins = ist_may_skip(options),
        .trees = options->tree != IST_TREE_NEVER,
        .integers = options->kernel->filter[IST_FILTER_INTEGER] != NULL,
        .program = (PROGRAM_MIB << 20) + ist_tasks_memory(plan->task_count, 0, plan->task_count),
        .pass_memory = ist_step_memory,
        .layout = ist_matrix_layout_of};
}

/* Pending tasks as the journal says; NULL with an error. */
static bool *pending_tasks(ist_known_job *known, ist_error *error)
{
    ist_journal *journal = ist_journal_open(known->job->output, (ist_shard){0}, false, error);
    if (!journal)
        return NULL;
    bool *pending = ist_alloc(known->plan->task_count, sizeof *pending);
    ist_recall_contents(known, journal);
    ist_find_pending(known, journal, false, pending, NULL, NULL);
    ist_error closing = {0};
    ist_journal_close(&journal, &closing);
    return pending;
}

ist_cost ist_planned_cost(const ist_options *options, ist_known_job *known, ist_machine *machine,
                          ist_error *error)
{
    ist_cost cost = {0};
    *machine = assumed_machine(options, known->plan);
    machine->memory_limit = 0; /* it will run elsewhere */
    bool *pending = pending_tasks(known, error);
    if (pending) {
        ist_schedule *schedule = ist_schedule_new(known->plan, pending);
        ist_division *division = ist_divide(known->plan, schedule, machine);
        cost = ist_division_cost(known->plan, schedule, division, machine);
        ist_division_free(&division);
        ist_schedule_free(&schedule);
    }
    ist_free(pending);
    return cost;
}

static ist_code print_plan(const ist_options *options, ist_known_job *known, ist_error *error)
{
    bool *pending = pending_tasks(known, error);
    if (!pending)
        return error->code;
    ist_schedule *schedule = ist_schedule_new(known->plan, pending);
    ist_machine machine = assumed_machine(options, known->plan);
    ist_division *division = ist_divide(known->plan, schedule, &machine);
    ist_cost cost = ist_division_cost(known->plan, schedule, division, &machine);
    ist_text page = {0};
    ist_plan_print(known->plan, schedule, division, &cost, &machine, &page);
    if (page.data)
        fputs(page.data, stdout);
    ist_text_release(&page);
    if (machine.memory_limit > 0 && cost.memory > machine.memory_limit)
        ist_fail(error, IST_REFUSED,
                 "does not fit: %.1f MiB a rank are needed, %.1f MiB are there on %d rank(s)",
                 (double)cost.memory / 1048576, (double)machine.memory_limit / 1048576,
                 machine.ranks);
    ist_division_free(&division);
    ist_schedule_free(&schedule);
    ist_free(pending);
    return error->code;
}

ist_code ist_command_plan(const ist_options *options)
{
    ist_known_job known = {0};
    ist_faults faults = {0};
    ist_error error = {0};
    if (!ist_prepare(options, &known, &faults))
        return refused(&known, &faults);
    print_plan(options, &known, &error);
    return ended(&known, &faults, &error);
}

/* ---- check, collect, measures ---------------------------------------------------------------- */

/* "1 cell, ", "4 tasks, " */
static void add_number(ist_text *text, size_t number, const char *of, const char *then)
{
    ist_text_add(text, "%zu %s%s%s", number, of, number == 1 ? "" : "s", then);
}

ist_code ist_command_check(const ist_options *options)
{
    ist_known_job known = {0};
    ist_faults faults = {0};
    ist_error error = {0};
    if (!ist_prepare(options, &known, &faults))
        return refused(&known, &faults);
    size_t unverified = 0;
    for (size_t t = 0; t < known.plan->task_count; t++)
        unverified += known.unverified[t];
    ist_text found = {0};
    add_number(&found, known.plan->cell_count, "cell", ", ");
    add_number(&found, known.plan->task_count, "task", ", ");
    add_number(&found, known.plan->layer_count, "layer", " and ");
    add_number(&found, known.plan->label_count, "label vector", "");
    printf("%s: %s found as the manifest says\n", options->manifest, found.data);
    ist_text_release(&found);
    if (unverified > 0)
        printf("%zu %s files without common sample ids or labels: that their rows are the same "
               "samples is taken on trust\n",
               unverified, unverified == 1 ? "task compares" : "tasks compare");
    ist_code code = options->data ? ist_check_data(&known) : IST_OK;
    ended(&known, &faults, &error);
    return code;
}

ist_code ist_command_collect(const ist_options *options)
{
    ist_known_job known = {0};
    ist_faults faults = {0};
    ist_error error = {0};
    if (!ist_prepare_job(options, &known, &faults) || !ist_prepare_all_names(&known, &faults) ||
        !ist_prepare_plan(&known, &faults))
        return refused(&known, &faults);
    /* No lock: a run may go on meanwhile; the journal is only read and views are renamed into place. */
    ist_journal *journal = ist_journal_open(known.job->output, (ist_shard){0}, false, &error);
    if (journal) {
        ist_contents_of_journal(known.plan, journal, known.layer_content, known.layer_known,
                                known.label_content, known.label_known);
        ist_contents contents = ist_known_contents(&known);
        if (ist_views_write(known.job->output, known.plan, journal, &contents, &error) == IST_OK)
            ist_arrays_write(known.job->output, known.plan, journal, &contents, &error);
        ist_error closing = {0};
        ist_journal_close(&journal, &closing);
    }
    if (error.code == IST_OK)
        printf("results in %s\n", known.job->output);
    return ended(&known, &faults, &error);
}

static void print_range(const ist_param_spec *spec)
{
    enum { LARGE = 1000000 }; /* a limit that nobody meets */
    printf(spec->type == IST_PARAM_REAL ? "number" : "integer");
    if (spec->most < LARGE)
        printf(" from %" PRId64 " to %" PRId64, spec->least, spec->most);
    else
        printf(", at least %" PRId64, spec->least);
}

static void print_parameter(const ist_param_spec *spec)
{
    printf("  %-14s default %-10s ", spec->name, spec->standard);
    for (size_t w = 0; spec->words && spec->words[w]; w++)
        printf("%s%s", w ? ", " : "one of ", spec->words[w]);
    if (spec->type == IST_PARAM_REAL || spec->type == IST_PARAM_INTEGER) {
        printf("%s", spec->words ? ", or a " : "");
        print_range(spec);
    }
    if (spec->type == IST_PARAM_SAMPLES)
        printf("the address of a dataset whose rows are the samples");
    if (spec->type == IST_PARAM_ROWS)
        printf("the address of a dataset with rows of its own");
    if (spec->only)
        printf(" (with %s)", spec->only);
    printf("\n");
}

ist_code ist_command_measures(bool notes)
{
    for (size_t n = 0; notes && n < ist_note_count; n++)
        printf("%s\n  %s\n", ist_notes[n].code, ist_notes[n].meaning);
    for (size_t m = 0; !notes && m < ist_measure_count; m++) {
        const ist_measure_schema *schema = ist_measures[m]->planner.schema;
        printf("%s\n  %s\n", schema->name, schema->summary);
        for (size_t p = 0; p < schema->param_count; p++)
            print_parameter(&schema->params[p]);
    }
    return IST_OK;
}
