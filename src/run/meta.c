/* The meta columns: scalar attributes of each cell's file, and what `input.meta` names. */
#include <string.h>

#include "job.h"

static void add_value(ist_named_values *list, const char *name, double value)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->names[i], name) == 0) {
            list->values[i] = value;
            return;
        }
    list->names = ist_grow(list->names, list->count, list->count + 1, sizeof *list->names);
    list->values = ist_grow(list->values, list->count, list->count + 1, sizeof *list->values);
    list->names[list->count] = ist_copy_text(name);
    list->values[list->count++] = value;
}

/* The address of a cell, opened up; the caller frees the three parts. */
static ist_location locate(const ist_job *job, const size_t *cell, const char *address)
{
    ist_text expanded = {0}, file = {0};
    ist_address parts = {{0}, {0}, {0}};
    ist_job_expand(job, address, cell, &expanded);
    ist_address_split(expanded.data ? expanded.data : "", &parts);
    if (parts.file.length > 0)
        ist_text_add(&file, "%s", parts.file.data);
    else if (job->file)
        ist_job_expand(job, job->file, cell, &file);
    ist_location at = {
        .file = ist_join_path(job->folder, file.data ? file.data : ""),
        .dataset = ist_copy_text(parts.dataset.data ? parts.dataset.data : ""),
        .index = ist_copy_text(parts.index.data ? parts.index.data : ""),
    };
    ist_address_release(&parts);
    ist_text_release(&expanded);
    ist_text_release(&file);
    return at;
}

static ist_code add_named(const ist_job *job, const size_t *cell, ist_named_values *list,
                          ist_error *error)
{
    for (size_t m = 0; m < job->meta_count && error->code == IST_OK; m++) {
        double value = 0;
        ist_location at = locate(job, cell, job->meta[m].address);
        if (ist_read_scalar(&at, &value, error) == IST_OK)
            add_value(list, job->meta[m].name, value);
        ist_free(at.file);
        ist_free(at.dataset);
        ist_free(at.index);
    }
    return error->code;
}

ist_code ist_journal_meta(const ist_plan *plan, ist_journal *journal, ist_error *error)
{
    const ist_job *job = plan->job;
    for (size_t c = 0; c < plan->cell_count && error->code == IST_OK; c++) {
        const size_t *cell = ist_plan_cell(plan, c);
        ist_named_values values = {0};
        if (job->file) {
            ist_location at = locate(job, cell, "/");
            ist_list_attributes(at.file, &values);
            ist_free(at.file);
            ist_free(at.dataset);
            ist_free(at.index);
        }
        if (add_named(job, cell, &values, error) == IST_OK && values.count > 0) {
            ist_text name = {0};
            ist_plan_cell_text(plan, c, &name);
            ist_journal_add_meta(journal, name.data ? name.data : "", values.names, values.values,
                                 values.count, error);
            ist_text_release(&name);
        }
        ist_named_values_release(&values);
    }
    return error->code;
}
