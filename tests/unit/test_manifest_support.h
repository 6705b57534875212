/* What the tests of the manifest share: measures to hand in, manifests to read, their faults. */
#ifndef TEST_MANIFEST_SUPPORT_H
#define TEST_MANIFEST_SUPPORT_H

#include "infostrata/manifest.h"

/* "imbalance" (k, ties, seed, se, metric, scale) and the symmetric "likeness" (no labels). */
extern const ist_measure_schema *const test_schemas[];
extern const size_t test_schema_count;

/* Every name in tests/manifests/<folder> that ends so, without the ending, sorted. */
typedef struct {
    char **names;
    size_t count;
} name_list;
name_list manifest_names(const char *folder, const char *ending);
void release_names(name_list *list);

/* The text of tests/manifests/<folder>/<name><ending>; data is NULL where there is none. A line
 * "#repeat COUNT TEXT" stands for TEXT that often. */
ist_text manifest_text(const char *folder, const char *name, const char *ending);
/* A first line "# layers: a, b" gives the names to set with ist_job_set_layers. */
bool wants_layers(const char *text);
void set_wanted_layers(ist_job *job, const char *text, ist_faults *faults);

/* The job, or an assertion that shows the faults. */
ist_job *good_job(const char *text);
/* The same with settings of the command line, "KEY=VALUE". */
ist_job *good_job_set(const char *text, const char *const *set, size_t count);
/* What is printed for a manifest that must have faults, with the settings of its first lines "# --set KEY=VALUE" (released by the caller). */
ist_text faults_of(const char *text, size_t length, const char *path);

#endif
