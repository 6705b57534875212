/* What a manifest means: the forms of every key, defaults, templates, the job written out again. */
#include "test_manifest_support.h"

#include <criterion/criterion.h>
#include <string.h>

#define HEAD "version: 1\n"
#define TAIL "input: {file: acts.h5}\nmeasures: [imbalance]\n"

/* ---- equal jobs ------------------------------------------------------------------------------ */

static void same_text(const char *a, const char *b)
{
    cr_assert_eq(a == NULL, b == NULL);
    if (a)
        cr_expect_str_eq(a, b);
}

static void same_values(const ist_value *a, const ist_value *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        same_text(a[i].text, b[i].text);
        cr_expect_eq(a[i].is_number, b[i].is_number);
        cr_expect_eq(a[i].number, b[i].number);
    }
}

static void same_selection(const ist_selection *a, const ist_selection *b)
{
    cr_assert_eq(a->count, b->count);
    for (size_t c = 0; c < a->count; c++) {
        cr_expect_eq(a->choices[c].axis, b->choices[c].axis);
        cr_expect_eq(a->choices[c].others, b->choices[c].others);
        cr_assert_eq(a->choices[c].count, b->choices[c].count);
        for (size_t i = 0; i < a->choices[c].count; i++)
            cr_expect_eq(a->choices[c].positions[i], b->choices[c].positions[i]);
    }
}

static void same_name(const ist_name *a, const ist_name *b)
{
    same_text(a->text, b->text);
    cr_expect_eq(a->is_labels, b->is_labels);
    cr_expect_eq(a->index, b->index);
}

static void same_entry(const ist_entry *a, const ist_entry *b, size_t params)
{
    cr_assert(a->measure == b->measure && a->layer_count == b->layer_count &&
              a->target_count == b->target_count && a->pair_count == b->pair_count);
    cr_expect_eq(a->all_layers, b->all_layers);
    cr_expect_eq(a->has_against, b->has_against);
    for (size_t i = 0; i < a->layer_count; i++)
        same_name(&a->layers[i], &b->layers[i]);
    for (size_t i = 0; i < a->target_count; i++)
        same_name(&a->targets[i], &b->targets[i]);
    for (size_t i = 0; i < a->pair_count; i++) {
        same_name(&a->pairs[i].first, &b->pairs[i].first);
        same_name(&a->pairs[i].second, &b->pairs[i].second);
    }
    cr_expect(a->subsets.size == b->subsets.size && a->subsets.count == b->subsets.count &&
              a->subsets.seed == b->subsets.seed);
    same_selection(&a->against, &b->against);
    same_selection(&a->where, &b->where);
    for (size_t p = 0; p < params; p++) {
        cr_assert_eq(a->params[p].count, b->params[p].count);
        same_values(a->params[p].values, b->params[p].values, a->params[p].count);
    }
}

static void same_address(const ist_job *job, const char *a, const ist_job *other, const char *b)
{
    ist_address x = {0}, y = {0};
    ist_address_split(a, &x);
    ist_address_split(b, &y);
    same_text(x.dataset.data, y.dataset.data);
    same_text(x.index.data, y.index.data);
    cr_assert_eq(x.file.length == 0, y.file.length == 0);
    if (x.file.length > 0) {
        char *p = ist_join_path(job->folder, x.file.data);
        char *q = ist_join_path(other->folder, y.file.data);
        same_text(p, q);
        ist_free(p);
        ist_free(q);
    }
    ist_address_release(&x);
    ist_address_release(&y);
}

static void same_sources(const ist_job *job, const ist_source *a, const ist_job *other,
                         const ist_source *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        same_text(a[i].name, b[i].name);
        cr_expect_eq(a[i].pool, b[i].pool);
        same_address(job, a[i].address, other, b[i].address);
    }
}

static void same_grid(const ist_job *a, const ist_job *b)
{
    cr_assert(a->axis_count == b->axis_count && a->exclude_count == b->exclude_count);
    for (size_t i = 0; i < a->axis_count; i++) {
        same_text(a->axes[i].name, b->axes[i].name);
        cr_expect_eq(a->axes[i].zip, b->axes[i].zip);
        cr_assert_eq(a->axes[i].count, b->axes[i].count);
        same_values(a->axes[i].values, b->axes[i].values, a->axes[i].count);
    }
    for (size_t i = 0; i < a->exclude_count; i++)
        same_selection(&a->excludes[i], &b->excludes[i]);
}

static void same_job(const ist_job *a, const ist_job *b)
{
    same_text(a->name, b->name);
    same_text(a->output, b->output);
    same_grid(a, b);
    cr_assert(a->layer_count == b->layer_count && a->label_count == b->label_count &&
              a->meta_count == b->meta_count && a->entry_count == b->entry_count);
    cr_expect_eq(a->file == NULL, b->file == NULL);
    same_sources(a, a->layers, b, b->layers, a->layer_count);
    same_sources(a, a->labels, b, b->labels, a->label_count);
    same_sources(a, a->meta, b, b->meta, a->meta_count);
    same_address(a, a->sample_id, b, b->sample_id);
    cr_expect_eq(a->sample_id_given, b->sample_id_given);
    cr_expect(a->samples.kind == b->samples.kind && a->samples.count == b->samples.count &&
              a->samples.seed == b->samples.seed);
    same_text(a->samples.labels.text, b->samples.labels.text);
    cr_expect_eq(a->samples.rows == NULL, b->samples.rows == NULL);
    if (a->samples.rows && b->samples.rows)
        same_address(a, a->samples.rows, b, b->samples.rows);
    cr_expect_eq(a->deterministic, b->deterministic);
    for (size_t e = 0; e < a->entry_count; e++)
        same_entry(&a->entries[e], &b->entries[e], a->schemas[a->entries[e].measure]->param_count);
}

static ist_job *read_at(const ist_text *text, const char *path)
{
    ist_faults faults = {0};
    ist_text shown = {0};
    ist_job *job = ist_job_parse(text->data, text->length, path, NULL, test_schemas,
                                 test_schema_count, &faults);
    if (job && wants_layers(text->data))
        set_wanted_layers(job, text->data, &faults);
    ist_faults_print(&faults, NULL, &shown);
    cr_assert_eq(faults.count, 0, "%s", shown.data);
    ist_faults_release(&faults);
    return job;
}

Test(manifest_good, written_out_and_read_again)
{
    name_list list = manifest_names("good", ".yaml");
    for (size_t i = 0; i < list.count; i++) {
        char path[256];
        snprintf(path, sizeof path, "/a/b/jobs/%s.yaml", list.names[i]);
        ist_text text = manifest_text("good", list.names[i], ".yaml"), once = {0}, twice = {0};
        ist_job *job = read_at(&text, path);
        ist_job_write_resolved(job, "/a/out/run 1", &once);
        ist_job *again = read_at(&once, "/a/out/run 1/manifest.resolved.yaml");
        ist_job_write_resolved(again, "/a/out/run 1", &twice);
        cr_expect_str_eq(once.data, twice.data, "%s", list.names[i]);
        same_job(job, again);
        ist_job_free(&job);
        ist_job_free(&again);
        ist_text_release(&text);
        ist_text_release(&once);
        ist_text_release(&twice);
    }
    release_names(&list);
}

/* Every example of the manual that is a whole manifest, and the faults that it shows. */
Test(manifest_good, manual)
{
    ist_text manual = {0};
    ist_error error = {0};
    int count = 0;
    cr_assert_eq(ist_read_file(IST_SOURCE_DIR "/docs/manifest.md", 1 << 20, &manual, &error),
                 IST_OK);
    for (char *at = strstr(manual.data, "```yaml\nversion: 1\n"); at; count++) {
        char *start = at + strlen("```yaml\n"), *end = strstr(start, "```");
        cr_assert(end);
        *end = '\0';
        ist_job *job = good_job(start);
        ist_job_free(&job);
        at = strstr(end + 1, "```yaml\nversion: 1\n");
    }
    cr_expect_eq(count, 3);
    ist_text_release(&manual);
}

Test(manifest_good, resolved_text)
{
    ist_text out = {0};
    ist_job *job =
        good_job(HEAD "grid: {width: [4, 16], noise: [a]}\n"
                      "input: {file: \"../acts/{width}.h5\", layers: [fc1, fc2]}\n"
                      "measures:\n  - imbalance: {k: [1, 2], against: {width: others}}\n");
    ist_job_write_resolved(job, "/jobs/results/sweep", &out);
    cr_expect_str_eq(out.data, "version: 1\n"
                               "name: sweep\n"
                               "grid:\n"
                               "  width: [4, 16]\n"
                               "  noise: [a]\n"
                               "input:\n"
                               "  file: \"../../../acts/{width}.h5\"\n"
                               "  layers:\n"
                               "    fc1: /layers/fc1\n"
                               "    fc2: /layers/fc2\n"
                               "  samples: all\n"
                               "  deterministic: true\n"
                               "measures:\n"
                               "  - imbalance:\n"
                               "      layers: all\n"
                               "      against: {width: others}\n"
                               "      k: [1, 2]\n"
                               "      ties: random\n"
                               "      seed: 0\n"
                               "      se: parts\n"
                               "      metric: euclidean\n"
                               "      scale: none\n"
                               "output: .\n");
    ist_text_release(&out);
    ist_job_free(&job);
}

/* ---- keys ------------------------------------------------------------------------------------ */

Test(manifest_good, defaults)
{
    ist_job *job = good_job(HEAD TAIL);
    cr_expect_str_eq(job->name, "sweep");
    cr_expect_str_eq(job->path, "/jobs/sweep.yaml");
    cr_expect_str_eq(job->folder, "/jobs");
    cr_expect_str_eq(job->output, "/jobs/results/sweep");
    cr_expect_str_eq(job->file, "acts.h5");
    cr_expect_str_eq(job->sample_id, "/sample_id");
    cr_expect(job->all_layers && job->deterministic && !job->sample_id_given);
    cr_expect_eq(job->axis_count + job->layer_count + job->label_count + job->meta_count, 0);
    cr_expect_eq(job->samples.kind, IST_SAMPLES_ALL);
    const ist_entry *entry = &job->entries[0];
    cr_expect(job->entry_count == 1 && entry->all_layers && !entry->has_against);
    static const char *const defaults[] = {"1", "random", "0", "parts", "euclidean", "none"};
    for (size_t p = 0; p < 6; p++) {
        cr_expect_eq(entry->params[p].count, 1);
        cr_expect_str_eq(entry->params[p].values[0].text, defaults[p]);
    }
    ist_job_free(&job);
    cr_expect_null(job);
    ist_job_free(&job);
}

Test(manifest_good, output_of_the_command_line)
{
    ist_faults faults = {0};
    const char *text = HEAD TAIL "output: elsewhere\n";
    ist_job *job = ist_job_parse(text, strlen(text), "/jobs/a.b.yaml",
                                 &(ist_overrides){.output = "/tmp/../out"}, test_schemas,
                                 test_schema_count, &faults);
    cr_assert(job);
    cr_expect_str_eq(job->output, "/out");
    cr_expect_str_eq(job->name, "a.b");
    ist_job_free(&job);
    job = ist_job_parse(text, strlen(text), "/jobs/my sweep (2).yaml", NULL, test_schemas,
                        test_schema_count, &faults);
    cr_expect_str_eq(job->output, "/jobs/elsewhere");
    cr_expect_str_eq(job->name, "my_sweep__2_");
    ist_job_free(&job);
    ist_faults_release(&faults);
}

static void expect_axis(const char *form, const char *expected)
{
    ist_text text = {0}, values = {0};
    ist_text_add(&text, HEAD "grid: {x: %s}\n" TAIL, form);
    ist_job *job = good_job(text.data);
    for (size_t i = 0; i < job->axes[0].count; i++)
        ist_text_add(&values, "%s%s", i ? " " : "", job->axes[0].values[i].text);
    cr_expect_str_eq(values.data, expected, "%s", form);
    ist_text_release(&text);
    ist_text_release(&values);
    ist_job_free(&job);
}

Test(manifest_good, axes)
{
    expect_axis("[no, 010, 1e3, 0x10, nan, +1, 1.50, true]", "no 010 1e3 0x10 nan +1 1.50 true");
    expect_axis("{from: 0, to: 4}", "0 1 2 3 4");
    expect_axis("{from: 0, to: 1, step: 0.1}", "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1");
    expect_axis("{from: -0.3, to: 0.3, step: 0.1}", "-0.3 -0.2 -0.1 0 0.1 0.2 0.3");
    expect_axis("{from: 0, to: 10, step: 3}", "0 3 6 9");
    expect_axis("{from: 5, to: 1, step: -2}", "5 3 1");
    expect_axis("{from: 1e-3, to: 3e-3, step: 1e-3}", "0.001 0.002 0.003");
    expect_axis("{from: 7, to: 7}", "7");
    expect_axis("{log: [4, 512, 8]}", "4 8 16 32 64 128 256 512");
    expect_axis("{log: [1e-3, 1, 7]}", "0.001 0.00316228 0.01 0.0316228 0.1 0.316228 1");
    expect_axis("{log: [1000, 1, 4]}", "1000 100 10 1");
    expect_axis("{log: [1, 16777216, 4]}", "1 256 65536 16777216");
}

Test(manifest_good, numbers_and_words)
{
    ist_job *job = good_job(HEAD "grid: {x: [1e3, no, 0x10, nan]}\n" TAIL);
    const ist_value *values = job->axes[0].values;
    cr_expect(values[0].is_number && values[0].number == 1000);
    cr_expect(!values[1].is_number && !values[2].is_number && !values[3].is_number);
    ist_job_free(&job);
}

Test(manifest_good, zip_and_exclude)
{
    ist_job *job = good_job(HEAD "grid: {a: [1, 2], b: [x, y, z], c: [3, 4], d: [0.0, 0.2]}\n"
                                 "zip: [[a, c]]\n"
                                 "exclude:\n  - {b: [z, x], d: 0}\n  - {c: 4.0}\n" TAIL);
    cr_expect_eq(job->axes[0].zip, 0);
    cr_expect_eq(job->axes[1].zip, -1);
    cr_expect_eq(job->axes[2].zip, 0);
    cr_assert_eq(job->exclude_count, 2);
    const ist_choice *choice = job->excludes[0].choices;
    cr_expect(choice[0].axis == 1 && choice[0].count == 2);
    cr_expect(choice[0].positions[0] == 0 && choice[0].positions[1] == 2);
    cr_expect(choice[1].axis == 3 && choice[1].count == 1 && choice[1].positions[0] == 0);
    cr_expect_eq(job->excludes[1].choices[0].positions[0], 1);
    ist_job_free(&job);
}

Test(manifest_good, entries)
{
    ist_text text = manifest_text("good", "label-noise", ".yaml");
    ist_job *job = good_job(text.data);
    const ist_entry *first = &job->entries[0], *pairs = &job->entries[2],
                    *target = &job->entries[3];
    cr_expect_eq(first->place.line, 15);
    cr_expect_eq(first->place.column, 5);
    cr_expect(!first->all_layers && first->layer_count == 2 && first->layers[0].index == 1);
    cr_expect(first->has_against && first->against.count == 2);
    cr_expect_str_eq(first->params[0].values[1].text, "30");
    cr_expect_eq(first->params[0].places[1].column, 55);
    cr_expect(job->entries[1].against.choices[0].others);
    cr_expect_eq(job->entries[1].where.count, 2);
    cr_expect(pairs->pair_count == 2 && pairs->pairs[1].second.index == 0);
    cr_expect(target->target_count == 1 && target->targets[0].is_labels);
    cr_expect_eq(target->targets[0].index, 0);
    ist_job_free(&job);
    ist_text_release(&text);
}

Test(manifest_good, layers_of_the_first_file)
{
    static const char *const names[] = {"conv1", "fc1", "block/out"};
    ist_faults faults = {0};
    ist_job *job =
        good_job(HEAD "input: {file: acts.h5, labels: [class]}\n"
                      "measures:\n  - imbalance: {layers: fc1, target: [class, conv1]}\n");
    cr_expect(job->all_layers && job->layer_count == 0);
    cr_expect(job->entries[0].targets[0].is_labels);
    cr_assert(ist_job_set_layers(job, names, 3, &faults));
    cr_expect_eq(job->layer_count, 3);
    cr_expect_str_eq(job->layers[2].address, "/layers/block/out");
    cr_expect_eq(job->entries[0].layers[0].index, 1);
    cr_expect(!job->entries[0].targets[1].is_labels && job->entries[0].targets[1].index == 0);
    ist_job_free(&job);
    ist_faults_release(&faults);
}

/* ---- templates and addresses ----------------------------------------------------------------- */

static void expect_expanded(const ist_job *job, const char *text, const char *expected)
{
    static const size_t positions[] = {1, 2, 0};
    ist_text out = {0};
    ist_job_expand(job, text, positions, &out);
    cr_expect_str_eq(out.data ? out.data : "", expected);
    ist_text_release(&out);
}

Test(manifest_good, templates)
{
    ist_job *job = good_job(HEAD "grid: {w: [4, -16], v: [0.0, 0.2, 0.40], t: [rnd]}\n" TAIL);
    expect_expanded(job, "a/{t}-v{v}-w{w}.h5:/x[{v:position}, :]", "a/rnd-v0.40-w-16.h5:/x[2, :]");
    expect_expanded(job, "{w:04}|{w:6}|{w:d}|{w:05d}", "-016|   -16|-16|-0016");
    expect_expanded(job, "{v:.2f}|{v:.0f}|{v:06.1f}|{v:6.1f}|{w:.1f}",
                    "0.40|0|0000.4|   0.4|-16.0");
    expect_expanded(job, "{v:position}{w:position}{t:position}", "210");
    expect_expanded(job, "", "");
    ist_job_free(&job);
}

static void expect_split(const char *address, const char *file, const char *dataset,
                         const char *index)
{
    ist_address parts = {0};
    ist_address_split(address, &parts);
    cr_expect_str_eq(parts.file.data, file, "%s", address);
    cr_expect_str_eq(parts.dataset.data, dataset, "%s", address);
    cr_expect_str_eq(parts.index.data, index, "%s", address);
    ist_address_release(&parts);
}

Test(manifest_good, addresses)
{
    expect_split("/layers/fc1", "", "/layers/fc1", "");
    expect_split("a/b.h5:/x", "a/b.h5", "/x", "");
    expect_split("/acts/fc1[{epoch:position}, :, :]", "", "/acts/fc1", "{epoch:position}, :, :");
    expect_split("{w:04}/{n:.1f}.h5:/x[3, :]", "{w:04}/{n:.1f}.h5", "/x", "3, :");
    expect_split("acts.npy", "acts.npy", "", "");
    expect_split("/d/acts.npy[:, 0]", "/d/acts.npy", "", ":, 0");
    expect_split("a.h5:/odd.npy", "a.h5", "/odd.npy", "");
    expect_split("", "", "", "");
    expect_split("/x[", "", "/x[", "");
}

/* ---- settings of the command line ------------------------------------------------------------ */

/* A job with settings is, in every default, the one that says the same by itself. */
static void expect_set(const char *text, const char *const *set, size_t count, const char *same)
{
    ist_text first = {0}, second = {0};
    ist_job *job = good_job_set(text, set, count), *expected = good_job(same);
    ist_job_write_resolved(job, "/jobs", &first);
    ist_job_write_resolved(expected, "/jobs", &second);
    cr_expect_str_eq(first.data, second.data);
    ist_text_release(&first);
    ist_text_release(&second);
    ist_job_free(&job);
    ist_job_free(&expected);
}

Test(manifest_good, settings)
{
    static const char *const some[] = {"name=other",
                                       "input.samples.first=70",
                                       "measures.imbalance.k=[1, 30]",
                                       "measures.1.likeness.where={width: 4}",
                                       "grid.width=[4, 8]",
                                       "measures.imbalance.se=none"};
    expect_set(
        HEAD
        "grid: {width: {from: 1, to: 9}}\n"
        "input: {file: \"{width}.h5\"}\n"
        "measures: [imbalance, likeness: {layers: all}, imbalance: {k: 5, seed: 1}, imbalance: ]\n",
        some, sizeof some / sizeof *some,
        HEAD "name: other\n"
             "grid: {width: [4, 8]}\n"
             "input: {file: \"{width}.h5\", samples: {first: 70}}\n"
             "measures: [imbalance: {k: [1, 30], se: none}, likeness: {layers: all, where: {width: "
             "4}}, imbalance: {k: [1, "
             "30], seed: 1, se: none}, imbalance: {k: [1, 30], se: none}]\n");
    /* The last one holds; a part of what an earlier one has set; a value with '='. */
    static const char *const again[] = {"input.samples.first=70", "input.samples={random: 5}",
                                        "input.samples.seed=3", "output=a=b"};
    expect_set(HEAD "input: {file: x.h5}\nmeasures: [imbalance]\n", again,
               sizeof again / sizeof *again,
               HEAD "input: {file: x.h5, samples: {random: 5, seed: 3}}\nmeasures: [imbalance]\n"
                    "output: a=b\n");
}
