/* One run, from manifest to results: prepare, settle, schedule, walk, write the views. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "session.h"

/* ---- prepare: rank 0 looks, all ranks know --------------------------------------------------- */

/* Faults are printed by the rank that found them; the others learn only that there are some. */
static ist_code agree_on_faults(const ist_comm *comm, ist_faults *faults, ist_error *error)
{
    if (faults->count > 0 && comm->rank == 0)
        ist_print_faults(faults);
    if (faults->count > 0)
        ist_fail(error, IST_REFUSED, "%s", "");
    return ist_agree(comm, error);
}

/* Every rank parses the same text, which rank 0 reads: nothing else needs to travel. */
static ist_code share_job(ist_session *s, ist_faults *faults, ist_error *error)
{
    enum { MANIFEST_LIMIT = 1 << 20 };
    const ist_options *options = s->options;
    if (s->comm->rank == 0)
        ist_prepare_job(options, &s->known, faults);
    if (agree_on_faults(s->comm, faults, error) != IST_OK)
        return error->code;
    ist_text text = {0}, path = {0}, output = {0};
    if (s->comm->rank == 0) {
        ist_text_add(&text, "%s", s->known.job->text);
        ist_text_add(&path, "%s", s->known.job->path);
        ist_text_add(&output, "%s", s->known.job->output);
    }
    ist_share_text(s->comm, &text);
    ist_share_text(s->comm, &path);
    ist_share_text(s->comm, &output);
    const ist_overrides overrides = {output.data, options->set, options->set_count};
    if (s->comm->rank != 0)
        s->known.job = ist_job_parse(text.data, text.length, path.data, &overrides,
                                     ist_measure_schemas(), ist_measure_count, faults);
    ist_text_release(&text);
    ist_text_release(&path);
    ist_text_release(&output);
    if (!s->known.job)
        ist_fail(error, IST_REFUSED, "%s", "");
    return agree_on_faults(s->comm, faults, error);
}

static ist_code share_names(ist_session *s, ist_faults *faults, ist_error *error)
{
    ist_job *job = s->known.job;
    if (!job || !job->all_layers || job->layer_count > 0)
        return IST_OK;
    ist_named_values names = {0};
    if (s->comm->rank == 0)
        ist_prepare_names(job, &names, faults);
    if (agree_on_faults(s->comm, faults, error) == IST_OK) {
        int64_t count = (int64_t)names.count;
        MPI_Bcast(&count, 1, MPI_INT64_T, 0, s->comm->handle);
        char **shared = ist_alloc((size_t)count, sizeof *shared);
        for (int64_t i = 0; i < count; i++) {
            ist_text name = {0};
            if (s->comm->rank == 0)
                ist_text_add(&name, "%s", names.names[i]);
            ist_share_text(s->comm, &name);
            shared[i] = ist_copy_text(name.data);
            ist_text_release(&name);
        }
        ist_job_set_layers(job, (const char *const *)shared, (size_t)count, faults);
        for (int64_t i = 0; i < count; i++)
            ist_free(shared[i]);
        ist_free(shared);
    }
    ist_named_values_release(&names);
    return agree_on_faults(s->comm, faults, error);
}

static void share_bytes(const ist_comm *comm, void *bytes, size_t count)
{
    MPI_Bcast(bytes, ist_narrow((int64_t)count), MPI_BYTE, 0, comm->handle);
}

static void share_inputs(ist_session *s)
{
    const ist_plan *plan = s->known.plan;
    for (size_t l = 0; l < plan->layer_count; l++) {
        share_bytes(s->comm, &plan->layers[l].shape, sizeof plan->layers[l].shape);
        share_bytes(s->comm, &plan->layers[l].n, sizeof plan->layers[l].n);
    }
    for (size_t l = 0; l < plan->label_count; l++) {
        share_bytes(s->comm, &plan->labels[l].rows, sizeof plan->labels[l].rows);
        share_bytes(s->comm, &plan->labels[l].n, sizeof plan->labels[l].n);
        share_bytes(s->comm, &plan->labels[l].classes, sizeof plan->labels[l].classes);
        share_bytes(s->comm, &plan->labels[l].largest, sizeof plan->labels[l].largest);
        share_bytes(s->comm, &plan->labels[l].smallest, sizeof plan->labels[l].smallest);
        share_bytes(s->comm, &plan->labels[l].pair_share, sizeof plan->labels[l].pair_share);
        share_bytes(s->comm, &plan->labels[l].singles, sizeof plan->labels[l].singles);
    }
    ist_share_choices(s);
    share_bytes(s->comm, s->known.unverified, plan->task_count * sizeof *s->known.unverified);
    share_bytes(s->comm, s->known.label_content,
                plan->label_count * sizeof *s->known.label_content);
    share_bytes(s->comm, s->known.label_known, plan->label_count * sizeof *s->known.label_known);
}

static ist_code prepare(ist_session *s, ist_error *error)
{
    ist_faults faults = {0};
    if (share_job(s, &faults, error) == IST_OK && share_names(s, &faults, error) == IST_OK) {
        ist_prepare_plan(&s->known, &faults);
        if (agree_on_faults(s->comm, &faults, error) == IST_OK) {
            if (s->comm->rank == 0 && ist_prepare_inputs(&s->known, &faults))
                ist_prepare_samples(&s->known, &faults);
            if (agree_on_faults(s->comm, &faults, error) == IST_OK) {
                share_inputs(s);
                ist_mark_foreign(&s->known, s->options->shard);
            }
        }
    }
    ist_faults_release(&faults);
    return error->code;
}

/* ---- settle: what is done already ------------------------------------------------------------ */

static void share_pending(ist_session *s, bool *unsettled)
{
    const ist_plan *plan = s->known.plan;
    if (s->comm->rank == 0)
        ist_find_pending(&s->known, s->journal, s->options->retry_failed, s->pending, s->aside,
                         unsettled);
    share_bytes(s->comm, s->pending, plan->task_count * sizeof *s->pending);
    share_bytes(s->comm, s->aside, plan->task_count * sizeof *s->aside);
    if (unsettled)
        share_bytes(s->comm, unsettled, plan->layer_count * sizeof *unsettled);
}

static ist_code refuse_memory(const ist_session *s, size_t l, int64_t needed, ist_error *error)
{
    int64_t most = s->schedule ? ist_dense_samples(s->known.plan, s->schedule, &s->machine) : 0;
    ist_text layer = {0}, matrices = {0};
    ist_text_add(&matrices, "%s", "");
    if (most > 0)
        ist_text_add(&matrices, " (matrices fit up to n = %lld)", (long long)most);
    ist_location_text(&s->known.plan->layers[l].at, &layer);
    ist_fail(
        error, IST_REFUSED,
        "does not fit: %s needs %.1f MiB a rank on %d rank(s), %.1f MiB are there (%s); use more "
        "nodes (memory falls with ranks), fewer ranks a node, or `samples: {random: n}`%s",
        layer.data, (double)needed / 1048576, s->comm->size,
        (double)s->machine.memory_limit / 1048576,
        s->options->memory_limit > 0 ? "--max-memory" : ist_available_memory(1).from,
        matrices.data);
    ist_text_release(&layer);
    ist_text_release(&matrices);
    return error->code;
}

static ist_code check_layer_fits(const ist_session *s, size_t l, ist_error *error)
{
    const ist_layer *layer = &s->known.plan->layers[l];
    const ist_pass_shape least = {layer->n, ist_layer_columns(layer), ist_layer_is_wide(layer),
                                  .parts = layer->dimension, .k = 1};
    int64_t needed = ist_step_memory(&least, &s->machine);
    bool fits = s->machine.memory_limit == 0 || needed <= s->machine.memory_limit;
    return fits ? IST_OK : refuse_memory(s, l, needed, error);
}

/* A file that is not as the journal saw it is read before anything is computed: if its values are
 * the same, so are its results. */
static ist_code settle(ist_session *s, ist_error *error)
{
    const ist_plan *plan = s->known.plan;
    s->pending = ist_alloc(plan->task_count, sizeof *s->pending);
    s->aside = ist_alloc(plan->task_count, sizeof *s->aside);
    s->facts = ist_alloc(plan->layer_count, sizeof *s->facts);
    s->read = ist_alloc(plan->layer_count, sizeof *s->read);
    s->shelf = ist_alloc(plan->layer_count, sizeof(ist_loaded *));
    bool *unsettled = ist_alloc(plan->layer_count, sizeof *unsettled);
    if (s->comm->rank == 0)
        ist_recall_contents(&s->known, s->journal);
    share_bytes(s->comm, s->known.layer_content,
                plan->layer_count * sizeof *s->known.layer_content);
    share_bytes(s->comm, s->known.layer_known, plan->layer_count * sizeof *s->known.layer_known);
    share_pending(s, unsettled);
    bool any = false;
    ist_flights flights = {0};
    for (size_t l = 0; l < plan->layer_count && error->code == IST_OK; l++) {
        if (!unsettled[l])
            continue;
        if (!any)
            flights = ist_flights_of_layers(plan, s->pending);
        any = true;
        ist_depart_layer(s, l, &flights);
        if (ist_stop_now(s, error) == IST_OK && check_layer_fits(s, l, error) == IST_OK)
            ist_load_layer(s, l, false, error);
    }
    /* A layer is not looked at whole where the run was to stop meanwhile. */
    ist_stop_now(s, error);
    if (any && error->code == IST_OK)
        share_pending(s, NULL);
    ist_crash_clear();
    ist_flights_release(&flights);
    ist_free(unsettled);
    return error->code;
}

/* Failed tasks of the whole job, also of earlier runs: each is a row that says why. */
static size_t failed_tasks(const ist_session *s)
{
    ist_contents contents = ist_known_contents(&s->known);
    size_t failed = 0;
    for (size_t t = 0; t < s->known.plan->task_count; t++) {
        if (s->known.foreign && s->known.foreign[t])
            continue;
        const ist_outcome *outcome =
            ist_task_outcome(s->known.plan, &s->known.plan->tasks[t], &contents, s->journal);
        failed += outcome && outcome->failed;
    }
    return failed;
}

/* ---- schedule -------------------------------------------------------------------------------- */

static void link_tasks(ist_session *s)
{
    const ist_plan *plan = s->known.plan;
    const ist_schedule *schedule = s->schedule;
    s->first_of_step = ist_alloc(schedule->step_count, sizeof *s->first_of_step);
    s->next_task = ist_alloc(plan->task_count, sizeof *s->next_task);
    s->first_of_null = ist_alloc(schedule->null_count, sizeof *s->first_of_null);
    s->next_of_null = ist_alloc(plan->task_count, sizeof *s->next_of_null);
    s->permuted = ist_alloc(plan->task_count, sizeof *s->permuted);
    for (size_t i = 0; i < schedule->null_count; i++)
        s->first_of_null[i] = SIZE_MAX;
    for (size_t i = 0; i < schedule->step_count; i++)
        s->first_of_step[i] = SIZE_MAX;
    for (size_t t = plan->task_count; t-- > 0;) {
        const ist_task *task = &plan->tasks[t];
        const ist_route *route = ist_schedule_route(schedule, task);
        if (!s->pending[t] || task->twin != t || !route)
            continue;
        s->next_task[t] = s->first_of_step[route->last_step];
        s->first_of_step[route->last_step] = t;
        if (route->permuted == SIZE_MAX)
            continue;
        s->next_of_null[t] = s->first_of_null[route->permuted];
        s->first_of_null[route->permuted] = t;
    }
}

static ist_code check_memory(const ist_session *s, const ist_cost *cost, ist_error *error)
{
    int64_t limit = s->machine.memory_limit;
    if (limit == 0 || cost->memory <= limit)
        return IST_OK;
    return refuse_memory(s, cost->worst_layer, cost->memory, error);
}

static void tell_plan(ist_session *s, size_t tasks)
{
    if (!s->monitor)
        return;
    s->failed_before = failed_tasks(s);
    ist_status *status = ist_monitor_open(s->monitor);
    status->tasks = (int64_t)tasks;
    status->done = (int64_t)(tasks - s->to_do);
    status->failed = (int64_t)s->failed_before;
    status->memory_planned = s->planned_memory;
    ist_monitor_close(s->monitor);
    ist_monitor_plan(s->monitor, s->planned_pairs, s->schedule->step_count);
}

static ist_code make_schedule(ist_session *s, ist_error *error)
{
    s->schedule = ist_schedule_new(s->known.plan, s->pending);
    s->lists = ist_alloc(s->schedule->source_count, sizeof *s->lists);
    s->told = ist_alloc(s->schedule->target_count, sizeof *s->told);
    size_t aside = ist_count_aside(s);
    s->to_do = s->schedule->tasks + aside;
    s->division = ist_divide(s->known.plan, s->schedule, &s->machine);
    s->flights = ist_flights_of_steps(s->known.plan, s->schedule, s->pending);
    ist_cost cost = ist_division_cost(s->known.plan, s->schedule, s->division, &s->machine);
    if (check_memory(s, &cost, error) != IST_OK)
        return error->code;
    s->machine.program +=
        ist_tasks_memory(s->known.plan->task_count, s->known.plan->task_count, s->to_do);
    s->planned_memory = cost.memory + s->machine.program;
    link_tasks(s);
    size_t tasks = 0;
    for (size_t t = 0; t < s->known.plan->task_count; t++)
        tasks += s->known.plan->tasks[t].twin == t && !(s->known.foreign && s->known.foreign[t]);
    s->planned_pairs = cost.pairs;
    tell_plan(s, tasks);
    if (s->to_do == 0)
        ist_log_line(&s->log, "all %zu tasks are done already: nothing to compute", tasks);
    else
        ist_log_line(&s->log,
                     "%zu of %zu tasks to do: %zu + %zu passes (%zu asked), about %.0f MiB a rank, "
                     "about %.0f s on %d rank(s), kernel %s",
                     s->to_do, tasks, s->schedule->source_count, s->schedule->target_count,
                     s->schedule->asked, (double)s->planned_memory / 1048576, cost.seconds,
                     s->comm->size, s->engine.kernel->name);
    if (aside > 0)
        ist_log_line(&s->log,
                     "%zu of them were in flight at two crashes and are set aside: results.csv has "
                     "them as failed, --retry-failed tries again",
                     aside);
    return IST_OK;
}

/* ---- open and close -------------------------------------------------------------------------- */

/* Bytes this rank may use: what is free on its node, or given by the batch system, shared by the node's ranks. */
static int64_t memory_limit(const ist_comm *comm, const ist_options *options)
{
    if (options->memory_limit > 0)
        return options->memory_limit;
    MPI_Comm node;
    int ranks;
    MPI_Comm_split_type(comm->handle, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, &ranks);
    MPI_Comm_free(&node);
    int64_t mine = ist_available_memory(ranks).bytes;
    return -ist_largest(comm, -(mine > 0 ? mine : INT64_MAX));
}

static ist_machine machine_of(const ist_comm *comm, const ist_options *options)
{
    enum { TYPICAL_WIDTH = 64 };
    double rate = ist_kernel_rate(options->kernel, IST_FILTER_PRODUCT, TYPICAL_WIDTH, 0.02);
    bool integers = options->kernel->filter[IST_FILTER_INTEGER] != NULL;
    return (ist_machine){.ranks = comm->size,
                         .flops = ist_largest_real(comm, rate),
                         .chunk_bytes = options->chunk_bytes,
                         .memory_limit = memory_limit(comm, options),
                         .twins = ist_may_skip(options),
                         .trees = options->tree != IST_TREE_NEVER,
                         .integers = ist_largest(comm, integers) != 0,
                         .program = ist_largest(comm, ist_resident_memory().now),
                         .pass_memory = ist_step_memory,
                         .layout = ist_matrix_layout_of};
}

/* Labels were read whole before: `collect`, which opens no input, finds their contents here. */
static ist_code journal_labels(ist_session *s, ist_error *error)
{
    for (size_t l = 0; l < s->known.plan->label_count && error->code == IST_OK; l++) {
        const ist_label_vector *labels = &s->known.plan->labels[l];
        ist_stamp stamp = {0};
        if (ist_stamp_file(labels->at.file, &stamp, error) != IST_OK)
            break;
        ist_input_state state = {.key = labels->key,
                                 .size = stamp.size,
                                 .mtime_ns = stamp.mtime_ns,
                                 .inode = stamp.inode,
                                 .content = s->known.label_content[l]};
        ist_journal_add_input(s->journal, &state, error);
    }
    return error->code;
}

static FILE *open_log(const char *folder, ist_shard shard, ist_error *error)
{
    char *path = ist_shard_path(folder, shard, "run", ".log");
    int descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "a");
    if (!file)
        ist_fail(error, IST_BROKEN, "cannot write %s: %s", path, strerror(errno));
    ist_free(path);
    return file;
}

static void start_monitor(ist_session *s, const ist_lock *lock)
{
    s->monitor = ist_monitor_new(s->known.job->output, s->options->shard, lock, &s->log, &s->pulse);
    ist_status *status = ist_monitor_open(s->monitor);
    snprintf(status->job, sizeof status->job, "%s", s->known.job->name);
    snprintf(status->step, sizeof status->step, "looking at what is done already");
    status->ranks = s->comm->size;
    status->journal_bytes = ist_journal_length(s->journal);
    ist_monitor_close(s->monitor);
}

static ist_code open_folder(ist_session *s, ist_lock *lock, ist_error *error)
{
    if (s->comm->rank == 0 &&
        ist_lock_take(s->known.job->output, s->options->shard, lock, error) == IST_OK) {
        s->journal = ist_journal_open(s->known.job->output, s->options->shard, true, error);
        s->log.file = open_log(s->known.job->output, s->options->shard, error);
        s->stop_file = ist_wish_path(s->known.job->output);
        s->old_wish = ist_wish_look(s->stop_file);
        if (s->journal && ist_journal_meta(s->known.plan, s->journal, error) == IST_OK)
            journal_labels(s, error);
        if (error->code == IST_OK && s->options->retry_failed)
            ist_journal_add_retry(s->journal, error);
        if (error->code == IST_OK)
            start_monitor(s, lock);
    }
    if (ist_agree(s->comm, error) != IST_OK)
        return error->code;
    int64_t run = s->journal ? ist_journal_run(s->journal) : 0;
    MPI_Bcast(&run, 1, MPI_INT64_T, 0, s->comm->handle);
    ist_crash_watch(s->known.job->output, s->options->shard, run, s->comm->rank);
    char *log = ist_shard_path(s->known.job->output, s->options->shard, "run", ".log");
    s->watchdog = ist_watchdog_new(s->options->watchdog_seconds, log, s->monitor, s->comm->rank,
                                   s->comm->size);
    ist_free(log);
    return IST_OK;
}

static void log_start(ist_session *s)
{
    char now[IST_TIME_TEXT];
    ist_log_line(&s->log, "infostrata: job '%s' on %d rank(s), output %s, %s", s->known.job->name,
                 s->comm->size, s->known.job->output, ist_utc(now));
    for (size_t i = 0; i < s->options->set_count; i++)
        ist_log_line(&s->log, "set on the command line: %s", s->options->set[i]);
    size_t damaged = s->journal ? ist_journal_damaged(s->journal) : 0;
    if (damaged > 0)
        ist_log_line(&s->log, "%zu damaged journal line(s) dropped: their tasks are computed again",
                     damaged);
}

static void log_memory(ist_session *s)
{
    int64_t mine = ist_max(ist_resident_memory().peak, (int64_t)s->peak_memory);
    int64_t peak = ist_largest(s->comm, mine);
    if (s->to_do > 0 && peak > 0)
        ist_log_line(&s->log,
                     "memory: at most %.1f MiB a rank; planned %.1f MiB, of which %.1f MiB are the "
                     "program itself",
                     (double)peak / 1048576, (double)s->planned_memory / 1048576,
                     (double)s->machine.program / 1048576);
}

static void log_trees(ist_session *s)
{
    int64_t sums[2] = {s->by_tree, s->passes};
    ist_sum(s->comm, sums, 2);
    if (sums[0] > 0)
        ist_log_line(&s->log, "%" PRId64 " of %" PRId64 " passes answered by k-d trees", sums[0],
                     sums[1]);
}

static ist_code write_views(ist_session *s, ist_error *error)
{
    int64_t failed = 0;
    if (s->comm->rank == 0) {
        ist_contents contents = ist_known_contents(&s->known);
        /* Views of a shard would be other shards' to overwrite. */
        if (ist_journal_sync(s->journal, error) == IST_OK && s->options->shard.count == 0 &&
            ist_views_write(s->known.job->output, s->known.plan, s->journal, &contents, error) ==
                IST_OK)
            ist_arrays_write(s->known.job->output, s->known.plan, s->journal, &contents, error);
        failed = (int64_t)failed_tasks(s);
    }
    if (ist_agree(s->comm, error) != IST_OK)
        return error->code;
    if (s->options->shard.count > 0)
        ist_log_line(&s->log, "shard %d of %d: `infostrata collect` makes the results of all%s",
                     s->options->shard.index, s->options->shard.count,
                     failed ? "; some tasks failed" : "");
    else
        ist_log_line(&s->log, "results in %s/results.csv%s", s->known.job->output,
                     failed ? "; some tasks failed, see status and detail there" : "");
    return ist_largest(s->comm, failed) > 0 ? IST_FAILED : IST_OK;
}

static void close_session(ist_session *s, ist_lock *lock, ist_code code)
{
    ist_run_state state = code == IST_STOPPED                    ? IST_ENDED_STOPPED
                          : code == IST_OK || code == IST_FAILED ? IST_FINISHED
                                                                 : IST_ENDED_BROKEN;
    const char *reason = code == IST_STOPPED ? ist_stop_text(s->stopped_by) : "";
    ist_crash_unwatch();
    ist_flights_release(&s->flights);
    ist_free(s->aside);
    ist_monitor_end(&s->monitor, state, reason);
    if (lock->path)
        ist_lock_release(lock);
    if (s->log.file)
        fclose(s->log.file);
    ist_unload_layers(s);
    ist_free(s->shelf);
    for (size_t l = 0; s->facts && l < s->known.plan->layer_count; l++)
        ist_free(s->facts[l].failure);
    for (size_t p = 0; s->lists && p < s->schedule->source_count; p++)
        ist_lists_release(&s->lists[p]);
    ist_free(s->facts);
    ist_free(s->read);
    for (size_t p = 0; s->told && p < s->schedule->target_count; p++)
        ist_told_release(s->told[p]);
    ist_free(s->lists);
    ist_free(s->told);
    ist_free(s->pending);
    ist_free(s->first_of_step);
    ist_free(s->next_task);
    ist_free(s->first_of_null);
    ist_free(s->next_of_null);
    for (size_t t = 0; s->permuted && t < s->known.plan->task_count; t++)
        ist_release_permuted(&s->permuted[t]);
    ist_free(s->permuted);
    ist_free(s->part_order.order);
    ist_classes_release(&s->classes);
    ist_classes_release(&s->by);
    ist_free(s->stop_file);
    ist_stop_free(&s->engine.stop);
    ist_division_free(&s->division);
    ist_schedule_free(&s->schedule);
    ist_known_job_release(&s->known);
}

/* The end of a run that was told to stop: what is finished is safe and to be seen. */
static ist_code end_stopped(ist_session *s, ist_error *error)
{
    ist_error sync = {0};
    if (s->comm->rank == 0)
        ist_journal_sync(s->journal, &sync);
    ist_log_stop(s, error);
    ist_log_closing(s);
    *error = sync;
    if (ist_agree(s->comm, error) != IST_OK)
        return error->code;
    ist_code code = write_views(s, error);
    return code == IST_BROKEN ? code : IST_STOPPED;
}

/* The end of a run at its first failed task: the others are left for the next one. */
static ist_code end_failed(ist_session *s, ist_error *error)
{
    ist_error writing = {0};
    ist_log_line(&s->log, "%s", error->text);
    ist_code code = write_views(s, &writing);
    if (code == IST_BROKEN)
        *error = writing;
    return code == IST_BROKEN ? code : IST_FAILED;
}

ist_code ist_run(const ist_comm *comm, const ist_options *options)
{
    ist_error error = {0};
    ist_lock lock = {0};
    ist_session s = {.comm = comm,
                     .options = options,
                     .loaded = {.layer = SIZE_MAX},
                     .other = {.layer = SIZE_MAX},
                     .classes = {.label = SIZE_MAX},
                     .by = {.label = SIZE_MAX}};
    s.log = (ist_log){.speaks = comm->rank == 0, .quiet = options->quiet, .start = ist_seconds()};
    s.engine = (ist_engine){.kernel = options->kernel,
                            .chunk_bytes = options->chunk_bytes,
                            .chunk_rows = options->chunk_rows,
                            .skipping = options->skipping,
                            .tree = options->tree,
                            .pulse = &s.pulse,
                            .stop = ist_stop_new(comm, comm->rank == 0 ? ist_watch : NULL, &s)};
    ist_code code = prepare(&s, &error);
    if (code == IST_OK)
        code = open_folder(&s, &lock, &error);
    if (code == IST_OK) {
        s.machine = machine_of(comm, options);
        log_start(&s);
        code = ist_open_kept(&s, &error);
    }
    if (code == IST_OK)
        code = settle(&s, &error);
    if (code == IST_OK)
        code = make_schedule(&s, &error);
    if (code == IST_OK)
        code = ist_take_all(&s, &error);
    if (code == IST_OK)
        code = ist_set_aside(&s, &error);
    ist_watchdog_end(&s.watchdog);
    bool done = code == IST_OK;
    if (code == IST_OK) {
        ist_log_closing(&s);
        log_trees(&s);
        log_memory(&s);
        code = write_views(&s, &error);
    } else if (code == IST_STOPPED) {
        code = end_stopped(&s, &error);
    } else if (code == IST_FAILED) {
        code = end_failed(&s, &error);
    }
    /* A network file system may tell only now that its disk is full. */
    ist_error closing = {0};
    if (s.journal)
        ist_journal_close(&s.journal, &closing);
    if (ist_agree(comm, &closing) != IST_OK && error.code == IST_OK) {
        error = closing;
        code = closing.code;
    }
    if (comm->rank == 0 && error.text[0])
        fprintf(stderr, "infostrata: error: %s\n", error.text);
    ist_close_kept(&s, done && code != IST_BROKEN);
    close_session(&s, &lock, code);
    return code;
}
