#include "test_manifest_support.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static const char *const tie_words[] = {"random", "index", NULL};
static const char *const se_words[] = {"parts", "rows", "none", NULL};
static const char *const metric_words[] = {"euclidean", NULL};
static const char *const scale_words[] = {"none", NULL};

static const ist_param_spec imbalance_params[] = {
    {"k", IST_PARAM_INTEGER, 1, 1000000, NULL, "1", NULL},
    {"ties", IST_PARAM_WORD, 0, 0, tie_words, "random", NULL},
    {"seed", IST_PARAM_INTEGER, 0, INT64_MAX, NULL, "0", NULL},
    {"se", IST_PARAM_WORD, 0, 0, se_words, "parts", NULL},
    {"metric", IST_PARAM_WORD, 0, 0, metric_words, "euclidean", NULL},
    {"scale", IST_PARAM_WORD, 0, 0, scale_words, "none", NULL},
};
static const ist_measure_schema imbalance = {
    .name = "imbalance",
    .summary = "for tests",
    .params = imbalance_params,
    .param_count = sizeof imbalance_params / sizeof imbalance_params[0],
    .takes_labels = true,
    .by_class = true,
    .tail = IST_TAIL_LOWER,
};
static const ist_measure_schema likeness = {
    .name = "likeness", .summary = "for tests", .symmetric = true};

static const ist_param_spec extent_params[] = {{"keep", IST_PARAM_REAL, 0, 1, NULL, "0.9", NULL}};
static const ist_measure_schema extent = {.name = "extent",
                                          .summary = "for tests",
                                          .params = extent_params,
                                          .param_count = 1,
                                          .alone = true};
static const ist_measure_schema about = {
    .name = "about", .summary = "for tests", .takes_labels = true, .wants_labels = true};

static const char *const width_words[] = {"median", NULL};
static const ist_param_spec solve_params[] = {
    {"width", IST_PARAM_REAL, 0, 100, width_words, "median", NULL},
    {"test", IST_PARAM_ROWS, 0, 0, NULL, IST_NO_ADDRESS, NULL},
    {"initial", IST_PARAM_SAMPLES, 0, 0, NULL, IST_NO_ADDRESS, NULL},
};
static const ist_measure_schema solve = {.name = "solve",
                                         .summary = "for tests",
                                         .params = solve_params,
                                         .param_count = 3,
                                         .takes_labels = true,
                                         .wants_target = true};
static const ist_measure_schema extent_or_pair = {
    .name = "spread", .summary = "for tests", .symmetric = true, .may_be_alone = true};

const ist_measure_schema *const test_schemas[] = {&imbalance, &likeness, &extent,
                                                  &about,     &solve,    &extent_or_pair};
const size_t test_schema_count = sizeof test_schemas / sizeof *test_schemas;

/* ---- files ----------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

name_list manifest_names(const char *folder, const char *ending)
{
    char path[4096];
    name_list list = {0};
    snprintf(path, sizeof path, "%s/tests/manifests/%s", IST_SOURCE_DIR, folder);
    DIR *open = opendir(path);
    cr_assert(open, "no folder %s", path);
    for (const struct dirent *entry = readdir(open); entry; entry = readdir(open)) {
        size_t length = strlen(entry->d_name), tail = strlen(ending);
        if (length <= tail || strcmp(entry->d_name + length - tail, ending) != 0)
            continue;
        list.names = ist_grow(list.names, list.count, list.count + 1, sizeof(char *));
        list.names[list.count] = ist_copy_text(entry->d_name);
        list.names[list.count++][length - tail] = '\0';
    }
    closedir(open);
    cr_assert(list.count > 0, "nothing in %s", path);
    qsort(list.names, list.count, sizeof(char *), compare_names);
    return list;
}

void release_names(name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        ist_free(list->names[i]);
    ist_free(list->names);
    *list = (name_list){0};
}

/* Replaces the line "#repeat COUNT TEXT". */
static void repeat(ist_text *text)
{
    char *line = memmem(text->data, text->length, "#repeat ", 8);
    if (!line)
        return;
    ist_text out = {0};
    char *what = NULL, *end = strchr(line, '\n');
    long count = strtol(line + 8, &what, 10);
    bool comment = strncmp(what, " #", 2) == 0; /* a comment needs a line of its own */
    ist_text_add_bytes(&out, text->data, (size_t)(line - text->data));
    for (long i = 0; i < count; i++)
        ist_text_add_bytes(&out, what + 1, (size_t)(end - what) - 1 + comment);
    ist_text_add_bytes(&out, end, text->length - (size_t)(end - text->data));
    ist_text_release(text);
    *text = out;
}

ist_text manifest_text(const char *folder, const char *name, const char *ending)
{
    char path[4096];
    ist_text text = {0};
    ist_error error = {0};
    snprintf(path, sizeof path, "%s/tests/manifests/%s/%s%s", IST_SOURCE_DIR, folder, name, ending);
    if (ist_read_file(path, 1 << 24, &text, &error) == IST_OK)
        repeat(&text);
    return text;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

bool wants_layers(const char *text)
{
    return strncmp(text, "# layers:", 9) == 0;
}

void set_wanted_layers(ist_job *job, const char *text, ist_faults *faults)
{
    char line[256], *names[16], *rest = line;
    size_t count = 0;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(text + 9, "\n"), text + 9);
    for (char *name = strtok_r(line, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest))
        names[count++] = name;
    ist_job_set_layers(job, (const char *const *)names, count, faults);
}

ist_job *good_job(const char *text)
{
    return good_job_set(text, NULL, 0);
}

ist_job *good_job_set(const char *text, const char *const *set, size_t count)
{
    ist_faults faults = {0};
    ist_text shown = {0};
    ist_overrides overrides = {.set = set, .set_count = count};
    ist_job *job = ist_job_parse(text, strlen(text), "/jobs/sweep.yaml", set ? &overrides : NULL,
                                 test_schemas, test_schema_count, &faults);
    ist_faults_print(&faults, NULL, &shown);
    cr_assert(job, "%s", shown.data);
    ist_faults_release(&faults);
    ist_text_release(&shown);
    return job;
}

enum { MOST_SETTINGS = 8, SETTING = 200 };

/* Of the first lines "# --set KEY=VALUE". */
static size_t read_settings(const char *text, char settings[MOST_SETTINGS][SETTING])
{
    static const char mark[] = "# --set ";
    size_t count = 0;
    while (strncmp(text, mark, sizeof mark - 1) == 0 && count < MOST_SETTINGS) {
        text += sizeof mark - 1;
        int length = (int)strcspn(text, "\n");
        snprintf(settings[count++], SETTING, "%.*s", length, text);
        text += length + 1;
    }
    return count;
}

ist_text faults_of(const char *text, size_t length, const char *path)
{
    ist_faults faults = {0};
    ist_text shown = {0};
    char settings[MOST_SETTINGS][SETTING];
    const char *set[MOST_SETTINGS];
    size_t set_count = read_settings(text ? text : "", settings);
    for (size_t i = 0; i < set_count; i++)
        set[i] = settings[i];
    ist_job *job =
        ist_job_parse(text, length, path, &(ist_overrides){.set = set, .set_count = set_count},
                      test_schemas, test_schema_count, &faults);
    if (job && wants_layers(text))
        set_wanted_layers(job, text, &faults);
    ist_job_free(&job);
    cr_assert(faults.count > 0, "%s: no fault", path);
    ist_faults_print(&faults, NULL, &shown);
    ist_faults_release(&faults);
    return shown;
}
