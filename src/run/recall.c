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
        ist_stamp_chosen(known, l, &now);
        if (seen->size == now.size && seen->mtime_ns == now.mtime_ns && seen->inode == now.inode) {
            known->layer_content[l] = seen->content;
            known->layer_known[l] = true;
        }
    }
}

void ist_find_pending(const ist_known_job *known, const ist_journal *journal, bool retry_failed,
                      bool *pending, bool *aside, bool *unsettled)
{
    ist_contents contents = ist_known_contents(known);
    for (size_t t = 0; t < known->plan->task_count; t++) {
        const ist_task *task = &known->plan->tasks[t];
        if (known->foreign && known->foreign[t]) {
            pending[t] = false;
            if (aside)
                aside[t] = false;
            continue;
        }
        const ist_outcome *outcome = ist_task_outcome(known->plan, task, &contents, journal);
        pending[t] = !outcome || (retry_failed && outcome->failed);
        bool crashes = pending[t] && ist_journal_crashes(journal, task->id).count >= IST_CRASHES;
        pending[t] = pending[t] && !crashes;
        if (aside)
            aside[t] = crashes;
        if (!unsettled || !pending[t] || !ist_journal_knows(journal, task->id))
            continue;
        unsettled[task->source] |= !known->layer_known[task->source];
        if (!task->labels_target)
            unsettled[task->target] |= !known->layer_known[task->target];
        for (size_t x = 0; x < IST_MAX_ADDRESSES; x++)
            if (task->extra[x] != SIZE_MAX)
                unsettled[task->extra[x]] |= !known->layer_known[task->extra[x]];
    }
}

void ist_mark_foreign(ist_known_job *known, ist_shard shard)
{
    const ist_plan *plan = known->plan;
    if (shard.count == 0)
        return;
    int *shard_of = ist_plan_shards(plan, shard.count);
    known->foreign = ist_alloc(plan->task_count, sizeof *known->foreign);
    for (size_t t = 0; t < plan->task_count; t++)
        known->foreign[t] = shard_of[plan->tasks[plan->tasks[t].twin].cell] != shard.index;
    ist_free(shard_of);
}
