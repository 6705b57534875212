#include "test_plan_support.h"

#include <criterion/criterion.h>
#include <string.h>

#include "../harness/scratch.h"
#include "infostrata/measures.h"

/* ---- measures -------------------------------------------------------------------------------- */

static const char *const tie_words[] = {"random", "index", NULL};
static const char *const se_words[] = {"parts", "rows", "none", NULL};

static const ist_param_spec flow_params[] = {
    {"k", IST_PARAM_INTEGER, 1, 1000000, NULL, "1", NULL},
    {"ties", IST_PARAM_WORD, 0, 0, tie_words, "random", NULL},
    {"seed", IST_PARAM_INTEGER, 0, INT64_MAX, NULL, "0", NULL},
    {"se", IST_PARAM_WORD, 0, 0, se_words, "parts", NULL},
};
static const ist_measure_schema flow_schema = {.name = "flow",
                                               .summary = "for tests",
                                               .params = flow_params,
                                               .param_count =
                                                   sizeof flow_params / sizeof *flow_params,
                                               .takes_labels = true};
static const ist_measure_schema likeness_schema = {.name = "likeness",
                                                   .summary = "for tests",
                                                   .params = flow_params,
                                                   .param_count = 1,
                                                   .symmetric = true};

static int64_t integer(const ist_value *value)
{
    int64_t number = 0;
    cr_assert(ist_parse_integer(value->text, &number));
    return number;
}

static ist_needs flow_needs(const ist_value *const *params, const ist_label_vector *labels)
{
    (void)labels;
    return (ist_needs){
        .neighbours = integer(params[0]),
        .counts = IST_COUNTS_RANKS,
        .parts = strcmp(params[3]->text, "parts") == 0,
        .ties = {strcmp(params[1]->text, "index") == 0, (uint64_t)integer(params[2])},
    };
}

static ist_needs likeness_needs(const ist_value *const *params, const ist_label_vector *labels)
{
    (void)labels;
    return (ist_needs){.neighbours = integer(params[0]), .counts = IST_COUNTS_RANKS};
}

static ist_code check_k(const ist_value *const *params, int64_t n, const ist_label_vector *labels,
                        ist_error *error)
{
    (void)labels;
    if (integer(params[0]) < n)
        return IST_OK;
    return ist_fail(error, IST_REFUSED, "k = %s needs more than %lld samples", params[0]->text,
                    (long long)n);
}

static const ist_measure_planner flow_planners[] = {
    {&flow_schema, 1, flow_needs, check_k},
    {&flow_schema, 2, flow_needs, check_k},
};
static const ist_measure_planner likeness_planner = {&likeness_schema, 1, likeness_needs, check_k};
static const ist_measure_schema *const schemas[] = {&flow_schema, &likeness_schema};
static const ist_measure_planner *const planners[2][2] = {{&flow_planners[0], &likeness_planner},
                                                          {&flow_planners[1], &likeness_planner}};

/* ---- plans ----------------------------------------------------------------------------------- */

planned plan_of_version(const char *manifest, int version)
{
    planned p = {0};
    p.job = ist_job_parse(manifest, strlen(manifest), "/jobs/test.yaml",
                          &(ist_overrides){.output = "/jobs/out"}, schemas, 2, &p.faults);
    cr_assert(p.job, "%s", fault_lines(&p.faults));
    p.plan = ist_plan_new(p.job, planners[version - 1], &p.faults);
    cr_assert((p.plan == NULL) == (p.faults.count > 0));
    return p;
}

planned plan_of_measures(const char *manifest)
{
    planned p = {0};
    p.job = ist_job_parse(manifest, strlen(manifest), "/jobs/test.yaml",
                          &(ist_overrides){.output = "/jobs/out"}, ist_measure_schemas(),
                          ist_measure_count, &p.faults);
    cr_assert(p.job, "%s", fault_lines(&p.faults));
    p.plan = ist_plan_new(p.job, ist_measure_planners(), &p.faults);
    cr_assert((p.plan == NULL) == (p.faults.count > 0));
    return p;
}

planned plan_of(const char *manifest)
{
    return plan_of_version(manifest, 1);
}

void planned_release(planned *p)
{
    ist_plan_free(&p->plan);
    ist_job_free(&p->job);
    ist_faults_release(&p->faults);
}

void shape_all(ist_plan *plan, int64_t n, int64_t d)
{
    for (size_t i = 0; i < plan->layer_count; i++) {
        plan->layers[i].shape =
            (ist_shape){.rows = n, .d = d, .value_bytes = 4, .row_values = d, .type = "float32"};
        plan->layers[i].n = n;
    }
    for (size_t i = 0; i < plan->label_count; i++)
        plan->labels[i].rows = plan->labels[i].n = n;
}

/* ---- as text --------------------------------------------------------------------------------- */

static const char *keep(ist_text *text)
{
    const char *kept = scratch_text("%s", text->data ? text->data : "");
    ist_text_release(text);
    return kept;
}

static void add_operand(const ist_plan *plan, const char *name, size_t cell, size_t own,
                        ist_text *out)
{
    ist_text difference = {0};
    ist_plan_difference(plan, own, cell, &difference);
    ist_text_add(out, "%s", name);
    if (difference.length)
        ist_text_add(out, "{%s}", difference.data);
    ist_text_release(&difference);
}

const char *task_lines(const ist_plan *plan)
{
    const ist_job *job = plan->job;
    ist_text out = {0};
    for (size_t t = 0; t < plan->task_count; t++) {
        const ist_task *task = &plan->tasks[t];
        const ist_value *params[IST_MAX_PARAMS];
        ist_task_params(plan, task, params);
        ist_plan_cell_text(plan, task->cell, &out);
        ist_text_add(&out, "%s%s ", job->axis_count ? " " : "",
                     job->schemas[job->entries[task->entry].measure]->name);
        add_operand(plan, job->layers[task->source_name].name, task->source_cell, task->cell, &out);
        ist_text_add(&out, " > %s", task->labels_target ? "<" : "");
        add_operand(plan,
                    task->labels_target ? job->labels[task->target_name].name
                                        : job->layers[task->target_name].name,
                    task->target_cell, task->cell, &out);
        ist_text_add(&out, "%s k=%s\n", task->labels_target ? ">" : "", params[0]->text);
    }
    return keep(&out);
}

const char *fault_lines(const ist_faults *faults)
{
    ist_text out = {0};
    for (size_t i = 0; i < faults->count; i++)
        ist_text_add(&out, "%d:%d: %s\n", faults->place[i].line, faults->place[i].column,
                     faults->text[i].data);
    return keep(&out);
}

void expect_text(const char *got, const char *expected)
{
    const char *difference = text_difference(got, expected);
    cr_expect(!difference, "%s\n--- got\n%s", difference, got);
}
