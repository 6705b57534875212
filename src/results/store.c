/* What the journal knows, in memory. */
#include <string.h>

#include "journal.h"

/* Room for one more item. */
static void *grow(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity ? 2 * *capacity : 64;
    return ist_grow(items, count, *capacity, size);
}

static ist_hash key_of(ist_hash id, ist_hash source, ist_hash target)
{
    ist_hash all[3] = {id, source, target};
    return ist_hash_bytes(all, sizeof all, 0);
}

static ist_hash text_hash(const char *text)
{
    return ist_hash_bytes(text, strlen(text), 0);
}

/* ---- outcomes -------------------------------------------------------------------------------- */

void ist_journal_keep_outcome(ist_journal *journal, ist_outcome *outcome)
{
    ist_hash key = key_of(outcome->id, outcome->source_content, outcome->target_content);
    size_t at = *ist_index_add(&journal->by_key, key, journal->outcome_count);
    journal->run = ist_max(journal->run, outcome->run);
    if (at < journal->outcome_count && journal->outcomes[at]->run > outcome->run) {
        ist_outcome_release(outcome);
        return;
    }
    if (at < journal->outcome_count) {
        ist_outcome_release(journal->outcomes[at]);
        *journal->outcomes[at] = *outcome;
        return;
    }
    ist_index_add(&journal->by_id, outcome->id, at);
    journal->outcomes = grow(journal->outcomes, journal->outcome_count, &journal->outcome_capacity,
                             sizeof *journal->outcomes);
    journal->outcomes[at] = ist_alloc(1, sizeof *outcome);
    *journal->outcomes[at] = *outcome;
    journal->outcome_count++;
}

const ist_outcome *ist_journal_find(const ist_journal *journal, ist_hash id,
                                    ist_hash source_content, ist_hash target_content)
{
    size_t at = ist_index_find(&journal->by_key, key_of(id, source_content, target_content));
    return at == SIZE_MAX ? NULL : journal->outcomes[at];
}

bool ist_journal_knows(const ist_journal *journal, ist_hash id)
{
    return ist_index_find(&journal->by_id, id) != SIZE_MAX;
}

/* ---- inputs, cells, passes ------------------------------------------------------------------- */

void ist_journal_keep_input(ist_journal *journal, ist_input_state *input)
{
    size_t at = *ist_index_add(&journal->by_input, text_hash(input->key), journal->input_count);
    journal->run = ist_max(journal->run, input->run);
    if (at < journal->input_count && journal->inputs[at]->run > input->run) {
        ist_input_state_release(input);
        return;
    }
    if (at < journal->input_count) {
        ist_input_state_release(journal->inputs[at]);
        *journal->inputs[at] = *input;
        return;
    }
    journal->inputs = grow(journal->inputs, journal->input_count, &journal->input_capacity,
                           sizeof *journal->inputs);
    journal->inputs[at] = ist_alloc(1, sizeof *input);
    *journal->inputs[at] = *input;
    journal->input_count++;
}

const ist_input_state *ist_journal_input(const ist_journal *journal, const char *key)
{
    size_t at = ist_index_find(&journal->by_input, text_hash(key));
    return at == SIZE_MAX ? NULL : journal->inputs[at];
}

void ist_journal_keep_meta(ist_journal *journal, ist_meta *meta)
{
    size_t at = *ist_index_add(&journal->by_cell, text_hash(meta->cell), journal->meta_count);
    if (at < journal->meta_count) {
        ist_meta_release(&journal->metas[at]);
        journal->metas[at] = *meta;
        return;
    }
    journal->metas =
        grow(journal->metas, journal->meta_count, &journal->meta_capacity, sizeof *journal->metas);
    journal->metas[journal->meta_count++] = *meta;
}

const ist_meta *ist_journal_meta_of(const ist_journal *journal, const char *cell)
{
    size_t at = ist_index_find(&journal->by_cell, text_hash(cell));
    return at == SIZE_MAX ? NULL : &journal->metas[at];
}

void ist_journal_keep_pass(ist_journal *journal, ist_pass_time *pass)
{
    journal->passes = grow(journal->passes, journal->pass_count, &journal->pass_capacity,
                           sizeof *journal->passes);
    journal->passes[journal->pass_count++] = *pass;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* ---- crashes --------------------------------------------------------------------------------- */

void ist_journal_keep_crash(ist_journal *journal, ist_crash *crash)
{
    size_t at = journal->crash_count;
    journal->run = ist_max(journal->run, crash->run);
    journal->crashes =
        grow(journal->crashes, at, &journal->crash_capacity, sizeof *journal->crashes);
    journal->crashes[journal->crash_count++] = *crash;
    for (size_t t = 0; t < crash->count; t++) {
        size_t place = journal->flight_count++;
        journal->flights =
            grow(journal->flights, place, &journal->flight_capacity, sizeof *journal->flights);
        size_t *latest = ist_index_add(&journal->by_flight, crash->task[t], SIZE_MAX - 1);
        journal->flights[place] = (ist_flight){at, *latest == SIZE_MAX - 1 ? SIZE_MAX : *latest};
        *latest = place;
    }
}

/* Has an earlier entry of the same task the same run (the ranks of one start)? */
static bool is_repeated(const ist_journal *journal, size_t place)
{
    int64_t run = journal->crashes[journal->flights[place].crash].run;
    for (size_t f = journal->flights[place].next; f != SIZE_MAX; f = journal->flights[f].next)
        if (journal->crashes[journal->flights[f].crash].run == run)
            return true;
    return false;
}

ist_crashes ist_journal_crashes(const ist_journal *journal, ist_hash id)
{
    ist_crashes found = {0};
    int64_t latest = -1;
    for (size_t f = ist_index_find(&journal->by_flight, id); f != SIZE_MAX;
         f = journal->flights[f].next) {
        const ist_crash *crash = &journal->crashes[journal->flights[f].crash];
        if (crash->run < journal->retried)
            continue;
        found.count += !is_repeated(journal, f);
        if (crash->run <= latest)
            continue;
        latest = crash->run;
        found.signal = crash->signal;
        found.step = crash->step;
    }
    return found;
}

void ist_journal_release(ist_journal *journal)
{
    for (size_t i = 0; i < journal->outcome_count; i++) {
        ist_outcome_release(journal->outcomes[i]);
        ist_free(journal->outcomes[i]);
    }
    for (size_t i = 0; i < journal->input_count; i++) {
        ist_input_state_release(journal->inputs[i]);
        ist_free(journal->inputs[i]);
    }
    for (size_t i = 0; i < journal->meta_count; i++)
        ist_meta_release(&journal->metas[i]);
    for (size_t i = 0; i < journal->pass_count; i++)
        ist_pass_time_release(&journal->passes[i]);
    ist_free(journal->outcomes);
    ist_free(journal->inputs);
    ist_free(journal->metas);
    ist_free(journal->passes);
    for (size_t i = 0; i < journal->crash_count; i++)
        ist_crash_release(&journal->crashes[i]);
    ist_free(journal->crashes);
    ist_free(journal->flights);
    ist_index_release(&journal->by_flight);
    ist_index_release(&journal->by_key);
    ist_index_release(&journal->by_id);
    ist_index_release(&journal->by_input);
    ist_index_release(&journal->by_cell);
    ist_free(journal);
}
