/* What a step holds on the rank that has most rows: the engine's sets and passes, and this room's
 * lists and tables. docs/plan.md has the same as a formula. */
#include "job.h"

/* The evidence of one task, with the messages of reverse pairs; classes of a labels target. */
static int64_t task_bytes(const ist_pass_shape *pass, int64_t rows)
{
    const int64_t number = sizeof(int32_t), rank = sizeof(int64_t);
    const int64_t row = 3 * rank, classes = number + 2 * rank;
    const int64_t told = 2 * 3 * sizeof(int64_t), told_at_once = INT64_C(1) << 20;
    return rows * (row + pass->k * (number + 2 * rank)) +
           ist_min(rows * pass->k, told_at_once) * told + pass->n * classes;
}

/* Neighbour lists that a pass 1 leaves behind; tables of targets and ranks of a pass 2. */
static int64_t result_bytes(const ist_pass_shape *pass)
{
    const int64_t number = sizeof(int32_t), rank = sizeof(int64_t);
    return pass->thresholds > 0 ? pass->thresholds * (number + rank) : pass->k * number;
}

int64_t ist_step_memory(const ist_pass_shape *pass, const ist_machine *machine)
{
    const int64_t order = sizeof(int64_t), drawn = 2 * sizeof(int64_t);
    const bool twins = machine->twins;
    const ist_set_shape read = {
        .n = pass->n, .d = pass->d, .wide = pass->wide, .segments = 1, .ranks = machine->ranks};
    ist_set_shape all = read, parts = read;
    all.twin = parts.twin = twins;
    parts.segments = IST_PARTS;
    int64_t rows = ist_max(ist_set_rows(&all), ist_set_rows(&parts));
    int64_t held = ist_set_bytes(&all), results = rows * result_bytes(pass);
    int64_t reading = ist_set_bytes(&read) + ist_duplicates_bytes(&read);
    if (twins)
        reading = ist_max(reading, ist_ordering_bytes(&all));
    if (pass->parts) {
        held += order * pass->n;
        int64_t drawing = held + 2 * drawn * pass->n;
        if (twins)
            reading = ist_max(reading, held + ist_ordering_bytes(&parts));
        held += ist_set_bytes(&parts);
        results *= 2;
        reading = ist_max(reading, ist_max(drawing, held + ist_reorder_bytes(&parts)));
    }
    /* A pass 1 looks for one neighbour more. */
    int64_t engine =
        pass->thresholds > 0
            ? ist_pass_bytes(&all, 0, ist_min(pass->batch, pass->thresholds), machine->chunk_bytes)
            : ist_pass_bytes(&all, pass->k + 1, 0, machine->chunk_bytes);
    return ist_max(reading, held + results + ist_max(engine, task_bytes(pass, rows)));
}

bool ist_may_skip(const ist_options *options)
{
    return options->skipping != IST_SKIP_NEVER && options->kernel->near;
}
