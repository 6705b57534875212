/* Any text as a manifest: it is refused with faults, or it is a job, which written with its defaults is the same job. */
#include <stdlib.h>
#include <string.h>

#include "infostrata/measures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char path[] = "/jobs/job.yaml";

static ist_job *parse(const char *text, size_t length, ist_faults *faults)
{
    return ist_job_parse(text, length, path, NULL, ist_measure_schemas(), ist_measure_count,
                         faults);
}

static void print_faults(ist_faults *faults)
{
    ist_text page = {0};
    ist_faults_print(faults, NULL, &page);
    ist_text_release(&page);
    ist_faults_release(faults);
}

/* Templates of a job that was accepted can be filled in, whatever the cell. */
static void expand(const ist_job *job)
{
    size_t *first = ist_alloc(job->axis_count, sizeof *first);
    for (size_t l = 0; l < job->layer_count; l++) {
        ist_text address = {0};
        ist_address parts = {0};
        ist_job_expand(job, job->layers[l].address, first, &address);
        ist_address_split(address.data ? address.data : "", &parts);
        ist_address_release(&parts);
        ist_text_release(&address);
    }
    ist_free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ist_faults faults = {0};
    ist_job *job = parse((const char *)data, size, &faults);
    if ((job != NULL) != (faults.count == 0))
        abort();
    print_faults(&faults);
    if (!job)
        return 0;
    expand(job);
    ist_text resolved = {0}, again = {0};
    ist_job_write_resolved(job, "/jobs", &resolved);
    ist_faults none = {0};
    ist_job *same = parse(resolved.data, resolved.length, &none);
    if (!same) {
        fprintf(stderr, "its resolved form is refused:\n%s\n", resolved.data);
        ist_text page = {0};
        ist_faults_print(&none, NULL, &page);
        fprintf(stderr, "%s\n", page.data);
        abort();
    }
    ist_job_write_resolved(same, "/jobs", &again);
    if (again.length != resolved.length || memcmp(again.data, resolved.data, again.length) != 0) {
        fprintf(stderr, "resolved:\n%s\nresolved again:\n%s\n", resolved.data, again.data);
        abort();
    }
    print_faults(&none);
    ist_text_release(&resolved);
    ist_text_release(&again);
    ist_job_free(&job);
    ist_job_free(&same);
    return 0;
}
