/* The views: what people and programs read, made of plan and journal, each file whole or absent. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"
#include "tables.h"

void ist_contents_of_journal(const ist_plan *plan, const ist_journal *journal,
                             ist_hash *layer_content, bool *layer_known, ist_hash *label_content,
                             bool *label_known)
{
    for (size_t i = 0; i < plan->layer_count; i++) {
        const ist_input_state *seen = ist_journal_input(journal, plan->layers[i].key);
        layer_known[i] = seen != NULL;
        layer_content[i] = seen ? seen->content : (ist_hash){0};
    }
    for (size_t i = 0; i < plan->label_count; i++) {
        const ist_input_state *seen = ist_journal_input(journal, plan->labels[i].key);
        label_known[i] = seen != NULL;
        label_content[i] = seen ? seen->content : (ist_hash){0};
    }
}

ist_hash ist_target_content(const ist_task *task, const ist_contents *contents)
{
    ist_hash all[3 + IST_MAX_ADDRESSES];
    size_t count = 0;
    all[count++] =
        (task->labels_target ? contents->label_content : contents->layer_content)[task->target];
    if (task->within != SIZE_MAX)
        all[count++] = contents->label_content[task->within];
    if (task->by != SIZE_MAX)
        all[count++] = contents->label_content[task->by];
    for (size_t x = 0; x < IST_MAX_ADDRESSES; x++)
        if (task->extra[x] != SIZE_MAX)
            all[count++] = contents->layer_content[task->extra[x]];
    return count == 1 ? all[0] : ist_hash_bytes(all, count * sizeof *all, 0);
}

/* Are the contents of all that the task reads known? */
static bool is_known(const ist_task *task, const ist_contents *contents)
{
    bool known = contents->layer_known[task->source];
    known &= (task->labels_target ? contents->label_known : contents->layer_known)[task->target];
    known &= task->within == SIZE_MAX || contents->label_known[task->within];
    known &= task->by == SIZE_MAX || contents->label_known[task->by];
    for (size_t x = 0; x < IST_MAX_ADDRESSES; x++)
        known &= task->extra[x] == SIZE_MAX || contents->layer_known[task->extra[x]];
    return known;
}

const ist_outcome *ist_task_outcome(const ist_plan *plan, const ist_task *task,
                                    const ist_contents *contents, const ist_journal *journal)
{
    (void)plan;
    if (!is_known(task, contents))
        return NULL;
    return ist_journal_find(journal, task->id, contents->layer_content[task->source],
                            ist_target_content(task, contents));
}

static ist_code write_view(const char *folder, const char *name, const ist_text *text,
                           ist_error *error)
{
    char *path = ist_join_path(folder, name);
    ist_code code = ist_write_file(path, text->data, text->length, error);
    ist_free(path);
    return code;
}

static ist_code write_table(const char *folder, const char *name, ist_csv *csv, ist_error *error)
{
    ist_code code = write_view(folder, name, &csv->text, error);
    ist_text_release(&csv->text);
    return code;
}

static ist_code write_resolved(const char *folder, const ist_job *job, ist_error *error)
{
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here))
        return ist_fail(error, IST_BROKEN, "cannot find the current folder: %s", strerror(errno));
    char *absolute = ist_join_path(here, folder);
    ist_text text = {0};
    ist_job_write_resolved(job, absolute, &text);
    ist_code code = write_view(folder, "manifest.resolved.yaml", &text, error);
    ist_text_release(&text);
    ist_free(absolute);
    return code;
}

ist_code ist_views_write(const char *folder, const ist_plan *plan, const ist_journal *journal,
                         const ist_contents *contents, ist_error *error)
{
    ist_csv timings = {0}, results = {0};
    ist_timings_table(journal, &timings);
    ist_results_table(plan, journal, contents, &results);
    write_resolved(folder, plan->job, error);
    if (error->code == IST_OK)
        write_table(folder, "timings.csv", &timings, error);
    if (error->code == IST_OK)
        write_table(folder, "results.csv", &results, error);
    ist_text_release(&timings.text);
    ist_text_release(&results.text);
    return error->code;
}
