/* What the journal knows already. */
#include "job.h"

void ist_recall_contents(ist_known_job *known, const ist_journal *journal)
{
    for (size_t l = 0; l < known->plan->layer_count; l++) {
        const ist_layer *layer = &known->plan->layers[l];
        const ist_input_state *seen = ist_journal_input(journal, layer->key);
        ist_stamp now;
        ist_error error = {0};
        if (!seen || ist_stamp_file(layer->at.file, &now, &error) != IST_OK)
            continue;
        if (seen->size == now.size && seen->mtime_ns == now.mtime_ns && seen->inode == now.inode) {
            known->layer_content[l] = seen->content;
            known->layer_known[l] = true;
        }
    }
}

void ist_find_pending(const ist_known_job *known, const ist_journal *journal, bool *pending,
                      bool *unsettled)
{
    ist_contents contents = ist_known_contents(known);
    for (size_t t = 0; t < known->plan->task_count; t++) {
        const ist_task *task = &known->plan->tasks[t];
        pending[t] = !ist_task_outcome(known->plan, task, &contents, journal);
        if (!unsettled || !pending[t] || !ist_journal_knows(journal, task->id))
            continue;
        unsettled[task->source] |= !known->layer_known[task->source];
        if (!task->labels_target)
            unsettled[task->target] |= !known->layer_known[task->target];
    }
}
