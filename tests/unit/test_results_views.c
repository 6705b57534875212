/* results.csv and its neighbours, made of plan and journal. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "../harness/scratch.h"
#include "infostrata/results.h"
#include "test_plan_support.h"
#include "test_results_support.h"

#define HEAD "version: 1\nname: t\noutput: out\n"

typedef struct {
    planned p;
    ist_hash *layers, *labels;
    bool *layers_known, *labels_known;
    ist_journal *journal;
} fixture;

static ist_contents contents_of(const fixture *f)
{
    return (ist_contents){f->layers, f->labels, f->layers_known, f->labels_known};
}

static fixture start(const char *manifest)
{
    ist_error error = {0};
    fixture f = {.p = plan_of(manifest)};
    cr_assert(f.p.plan);
    f.layers = ist_alloc(f.p.plan->layer_count, sizeof *f.layers);
    f.labels = ist_alloc(f.p.plan->label_count, sizeof *f.labels);
    f.layers_known = ist_alloc(f.p.plan->layer_count, sizeof *f.layers_known);
    f.labels_known = ist_alloc(f.p.plan->label_count, sizeof *f.labels_known);
    for (size_t i = 0; i < f.p.plan->layer_count; i++) {
        f.layers[i] = (ist_hash){i + 1, 5};
        f.layers_known[i] = true;
    }
    for (size_t i = 0; i < f.p.plan->label_count; i++) {
        f.labels[i] = (ist_hash){i + 1, 6};
        f.labels_known[i] = true;
    }
    f.journal = ist_journal_open(scratch_dir(), (ist_shard){0}, true, &error);
    expect_ok(&error);
    return f;
}

static void finish(fixture *f)
{
    ist_error error = {0};
    ist_journal_close(&f->journal, &error);
    expect_ok(&error);
    ist_free(f->layers);
    ist_free(f->labels);
    ist_free(f->layers_known);
    ist_free(f->labels_known);
    planned_release(&f->p);
}

/* The outcome of a task: one record of this value, or a failure. */
static void add(fixture *f, size_t t, double value, const char *note, const char *reason)
{
    const ist_task *task = &f->p.plan->tasks[t];
    ist_record record = {.quantity = (char *)"imbalance",
                         .unit = (char *)"",
                         .value = value,
                         .std_error = value < 1 ? value / 8 : (double)NAN,
                         .se_method = (char *)"parts",
                         .k = 1,
                         .n = 1000,
                         .d_source = 3,
                         .d_target = task->labels_target ? 0 : 4,
                         .note = (char *)note,
                         .tie_fraction = 0.25,
                         .duplicates = 2,
                         .detail = (char *)"rank_sum=12.5;parts_mean=0.25"};
    ist_outcome outcome = {.id = task->id,
                           .source_content = f->layers[task->source],
                           .target_content = task->labels_target ? f->labels[task->target]
                                                                 : f->layers[task->target],
                           .failed = reason != NULL,
                           .reason = (char *)reason,
                           .records = &record,
                           .record_count = reason ? 0 : 1};
    ist_error error = {0};
    ist_journal_add_outcome(f->journal, &outcome, &error);
    expect_ok(&error);
}

static const char *view(fixture *f, const char *name)
{
    ist_error error = {0};
    ist_contents contents = contents_of(f);
    ist_views_write(scratch_dir(), f->p.plan, f->journal, &contents, &error);
    expect_ok(&error);
    const char *text = file_read(scratch_path("%s", name), NULL);
    cr_assert(text, "%s", name);
    return text;
}

#define COLUMNS                                                                                   \
    "measure,quantity,source,source_at,target,target_at,k,params,value,std_error,se_method,unit," \
    "n,"                                                                                          \
    "d_source,d_target,tie_fraction,duplicates,status,note,detail"

Test(views, results_in_the_order_of_the_plan)
{
    fixture f = start(HEAD "grid: {noise: [0.0, 0.20], seed: [0]}\n"
                           "input: {file: \"n{noise}.h5\", layers: {a: \"d.h5:/a\", b: /b},"
                           " labels: {y: \"d.h5:/y\"}}\n"
                           "measures:\n"
                           "  - flow: {layers: [b], against: {noise: 0.0}, k: [1, 30]}\n"
                           "  - flow: {layers: [a], target: y, seed: 7}\n"
                           "  - likeness: {}\n");
    char *names[] = {(char *)"x10", (char *)"x9"};
    double first[] = {1, 0.1}, second[] = {2};
    ist_error error = {0};
    ist_journal_add_meta(f.journal, "noise=0.0, seed=0", names, first, 2, &error);
    ist_journal_add_meta(f.journal, "noise=0.20, seed=0", names, second, 1, &error);
    expect_ok(&error);
    /* tasks: 0 a>y, 1 a~b; then 2, 3 b>b{} k=1, 30; 4, 5 b{}>b; 6 a>y again; 7 a~b */
    cr_assert(f.p.plan->task_count == 8 && f.p.plan->tasks[6].twin == 0);
    add(&f, 7, 0.1, "ties;duplicates", NULL);
    add(&f, 0, 2, "", NULL);
    add(&f, 3, 0.5, "", NULL);
    add(&f, 4, 0, "", "layer 'b, \"x\"': NaN in row 3;\nsee log");
    const char *text = view(&f, "results.csv");
    expect_text(
        text,
        "noise,seed," COLUMNS ",meta.x9,meta.x10\n"
        "0.0,0,flow,imbalance,a,,y,,1,ties=random;seed=7;se=parts,2,,parts,,1000,3,,0.25,2,ok,,"
        "rank_sum=12.5;parts_mean=0.25,0.10000000000000001,1\n"
        "0.20,0,flow,imbalance,b,,b,noise=0.0,30,ties=random;seed=0;se=parts,0.5,0.0625,parts,,"
        "1000,"
        "3,4,0.25,2,ok,,rank_sum=12.5;parts_mean=0.25,,2\n"
        "0.20,0,flow,,b,noise=0.0,b,,1,ties=random;seed=0;se=parts,,,,,,,,,,failed,,\"reason=layer "
        "'b, \"\"x\"\"': NaN in row 3, see log\",,2\n"
        "0.20,0,flow,imbalance,a,,y,,1,ties=random;seed=7;se=parts,2,,parts,,1000,3,,0.25,2,ok,,"
        "rank_sum=12.5;parts_mean=0.25,,2\n"
        "0.20,0,likeness,imbalance,a,,b,,1,,0.10000000000000001,0.012500000000000001,parts,,1000,3,"
        "4,0.25,2,ok,ties;duplicates,rank_sum=12.5;parts_mean=0.25,,2\n");
    finish(&f);
}

/* The outcome of a task with one record of this value and these texts. */
static void add_subset(fixture *f, size_t t, double value, const char *note, const char *detail)
{
    const ist_task *task = &f->p.plan->tasks[t];
    double series[] = {value};
    ist_record record = {.quantity = (char *)"flow",
                         .unit = (char *)"nat",
                         .value = value,
                         .std_error = (double)NAN,
                         .se_method = (char *)"none",
                         .k = 1,
                         .n = 10,
                         .d_source = 3,
                         .d_target = 4,
                         .note = (char *)note,
                         .tie_fraction = value / 8,
                         .duplicates = 2,
                         .series = series,
                         .series_count = 1,
                         .detail = (char *)detail};
    ist_outcome outcome = {.id = task->id,
                           .source_content = f->layers[task->source],
                           .target_content = f->layers[task->target],
                           .records = &record,
                           .record_count = 1};
    ist_error error = {0};
    ist_journal_add_outcome(f->journal, &outcome, &error);
    expect_ok(&error);
}

/* Two directions of three subsets: a row when all are there, which says what they say together. */
Test(views, subsets_are_one_row)
{
    fixture f = start(HEAD "input: {file: x.h5, layers: [a, b]}\n"
                           "measures: [{flow: {subsets: {size: 10, count: 3, seed: 5}}}]\n");
    cr_assert(f.p.plan->task_count == 6);
    add_subset(&f, 0, 1, "ties", "rule=x;width=1;word=p;reproducible=1e-10;slice=1;max_sample=7");
    add_subset(&f, 2, 4, "duplicates;ties",
               "rule=x;width=2.5;word=q;reproducible=1e-08;slice=2;max_sample=9");
    add(&f, 3, 0.5, "", NULL);
    add(&f, 4, 0.5, "", "NaN in row 7");
    expect_text(view(&f, "results.csv"), COLUMNS "\n");
    add_subset(&f, 1, 1, "", "rule=x;width=1;word=p;reproducible=1e-09;slice=1;max_sample=8");
    expect_text(view(&f, "results.csv"),
                COLUMNS "\nflow,flow,a,,b,,1,"
                        "ties=random;seed=0;subsets=3;subset_size=10;subset_seed=5,2,1,subsets,nat,"
                        "10,3,4,0.25,6,ok,ties;duplicates,rule=x;width=1.5;reproducible=1e-08\n");
    add(&f, 5, 0.5, "", NULL);
    const char *failed = strstr(view(&f, "results.csv"), "flow,,b,");
    cr_assert(failed);
    expect_text(failed, "flow,,b,,a,,1,ties=random;seed=0;subsets=3;subset_size=10;subset_seed=5,"
                        ",,,,,,,,,failed,,reason=subset 1: NaN in row 7\n");
    finish(&f);
}

/* One subset has no spread; an infinite value no error. */
Test(views, subsets_without_an_error)
{
    fixture f = start(HEAD "input: {file: x.h5, layers: [a, b]}\n"
                           "measures: [{likeness: {subsets: {size: 10, count: 1}}},"
                           " {likeness: {subsets: {size: 11, count: 2}}}]\n");
    add_subset(&f, 0, 2, "ties", "");
    add_subset(&f, 1, -(double)INFINITY, "", "");
    add_subset(&f, 2, 2, "", "");
    const char *text = view(&f, "results.csv");
    cr_expect(strstr(text, ",subsets=1;subset_size=10;subset_seed=0,2,,subsets,nat,10,3,4,0.25,2,"
                           "ok,ties;one-subset,\n"),
              "%s", text);
    cr_expect(strstr(text, ",subsets=2;subset_size=11;subset_seed=0,-inf,,subsets,nat,10,3,4,"),
              "%s", text);
    finish(&f);
}

/* What was computed from other contents is not shown; what the manifest no longer asks for neither. */
Test(views, only_what_belongs_to_the_present_contents)
{
    fixture f = start(HEAD "input: {file: x.h5, layers: [a, b]}\n"
                           "measures: [{flow: {se: none}}]\n");
    add(&f, 0, 0.5, "", NULL);
    add(&f, 1, 0.25, "", NULL);
    ist_outcome foreign = outcome_number(1);
    ist_error error = {0};
    ist_journal_add_outcome(f.journal, &foreign, &error);
    ist_contents contents = contents_of(&f);
    cr_expect(ist_task_outcome(f.p.plan, &f.p.plan->tasks[1], &contents, f.journal));
    expect_text(view(&f, "results.csv"), COLUMNS
                "\nflow,imbalance,a,,b,,1,ties=random;seed=0;se=none,0.5,0.0625,parts,,1000,3,4,"
                "0.25,2,ok,,rank_sum=12.5;parts_mean=0.25\n"
                "flow,imbalance,b,,a,,1,ties=random;seed=0;se=none,0.25,0.03125,parts,,1000,3,4,"
                "0.25,2,ok,,rank_sum=12.5;parts_mean=0.25\n");
    f.layers[1].low++;
    expect_text(view(&f, "results.csv"), COLUMNS "\n");
    cr_expect(!ist_task_outcome(f.p.plan, &f.p.plan->tasks[0], &contents, f.journal));
    f.layers[1].low--;
    f.layers_known[0] = false;
    expect_text(view(&f, "results.csv"), COLUMNS "\n");
    finish(&f);
}

Test(views, contents_as_the_journal_saw_them)
{
    fixture f = start(HEAD "input: {file: x.h5, layers: [a, b], labels: [y]}\n"
                           "measures: [{flow: {}}, {flow: {target: y}}]\n");
    ist_error error = {0};
    ist_input_state a = {f.p.plan->layers[0].key, 1, 2, 3, {4, 5}, 0};
    ist_input_state y = {f.p.plan->labels[0].key, 1, 2, 3, {6, 7}, 0};
    ist_journal_add_input(f.journal, &a, &error);
    ist_journal_add_input(f.journal, &y, &error);
    expect_ok(&error);
    ist_contents_of_journal(f.p.plan, f.journal, f.layers, f.layers_known, f.labels,
                            f.labels_known);
    cr_expect(f.layers_known[0] && !f.layers_known[1] && f.labels_known[0]);
    cr_expect(f.layers[0].low == 4 && f.labels[0].high == 7);
    finish(&f);
}

Test(views, timings_and_the_resolved_manifest)
{
    fixture f = start(HEAD "input: {file: x.h5, layers: [a, b]}\nmeasures: [{flow: {}}]\n");
    ist_timing pass = {(char *)"../x.h5:/a[0,:]",
                       "nearest",
                       1,
                       2,
                       3,
                       0,
                       5,
                       "avx2",
                       0.5,
                       0.25,
                       1e6,
                       6,
                       7,
                       8,
                       9,
                       10,
                       11,
                       12,
                       13,
                       14};
    ist_error error = {0};
    ist_journal_add_timing(f.journal, &pass, &error);
    expect_ok(&error);
    expect_text(
        view(&f, "timings.csv"),
        "layer,kind,n,d,k,thresholds,ranks,kernel,seconds,waiting,pairs,pairs_per_second,"
        "decided_again,exact_tiles,tiles,bytes_sent,most_in_flight,peak_memory,"
        "tiles_skipped,tiles_thinned,compared\n"
        "\"../x.h5:/"
        "a[0,:]\",nearest,1,2,3,0,5,avx2,0.5,0.25,1000000,2000000,6,7,8,9,10,11,12,13,14\n");
    cr_expect(strstr(view(&f, "manifest.resolved.yaml"), "flow"));
    finish(&f);
}

Test(views, a_folder_that_is_gone)
{
    fixture f = start(HEAD "input: {file: x.h5, layers: [a, b]}\nmeasures: [{flow: {}}]\n");
    ist_error error = {0};
    ist_contents contents = contents_of(&f);
    const char *gone = scratch_text("%s/gone", scratch_dir());
    cr_expect(ist_views_write(gone, f.p.plan, f.journal, &contents, &error) == IST_BROKEN);
    cr_expect(strstr(error.text, "manifest.resolved.yaml"), "%s", error.text);
    finish(&f);
}
