/* `status` and `stop`: what another shell sees of a job, and what it may tell it. No MPI; no input is opened. */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "job.h"

/* The output folder that is meant: the folder itself, or that of a manifest; the caller frees it. NULL: faults were
 * printed. */
static char *folder_meant(const ist_options *options)
{
    struct stat info;
    if (stat(options->manifest, &info) == 0 && S_ISDIR(info.st_mode))
        return ist_copy_text(options->manifest);
    ist_known_job known = {0};
    ist_faults faults = {0};
    char *folder = NULL;
    if (ist_prepare_job(options, &known, &faults))
        folder = ist_copy_text(known.job->output);
    else
        ist_print_faults(&faults);
    ist_faults_release(&faults);
    ist_known_job_release(&known);
    return folder;
}

static ist_code print_error(const ist_error *error)
{
    if (error->code != IST_OK)
        fprintf(stderr, "infostrata: error: %s\n", error->text);
    return error->code;
}

/* ---- status ---------------------------------------------------------------------------------- */

static void say_who(const ist_status *s, ist_text *out)
{
    ist_text_add(out, "host %s, process %" PRId64, s->host, s->pid);
    if (*s->slurm_job)
        ist_text_add(out, ", Slurm job %s", s->slurm_job);
    if (s->restarts > 0)
        ist_text_add(out, " (restart %" PRId64 ")", s->restarts);
    ist_text_add(out, ", %" PRId64 " rank(s), since %s", s->ranks, s->since);
}

static void say_state(const ist_status *s, bool lost, ist_text *out)
{
    if (lost) {
        ist_text_add(out, "ended without a word (killed?), last sign of life %s", s->heartbeat);
        return;
    }
    switch (s->state) {
    case IST_RUNNING: ist_text_add(out, "running"); break;
    case IST_FINISHED:
        ist_text_add(out, s->failed ? "finished, some tasks failed" : "finished");
        break;
    case IST_ENDED_STOPPED:
        ist_text_add(out, "stopped by %s; the same command continues", s->reason);
        break;
    case IST_ENDED_BROKEN: ist_text_add(out, "could not go on: see run.log"); break;
    }
}

static void say_work(const ist_status *s, ist_text *out)
{
    ist_text_add(out, "  rank 0 is at: %s, %" PRId64 " %%; %" PRId64 " passes in this run\n",
                 s->step, s->percent, s->steps);
    ist_text_add(out, "  %.3g pairs/s, about ", (double)s->pairs_per_second);
    ist_text_add_duration(out, s->seconds_left);
    ist_text_add(out, " left; %.1f core-hours so far; %.0f MiB a rank, planned %.0f\n",
                 (double)s->core_seconds / 3600, (double)s->memory / 1048576,
                 (double)s->memory_planned / 1048576);
}

static void say_status(const ist_status *s, bool lost, ist_text *out)
{
    ist_text_add(out, "job '%s': ", s->job);
    say_state(s, lost, out);
    ist_text_add(out, "\n  tasks: %" PRId64 " of %" PRId64 " done, %" PRId64 " failed\n  ", s->done,
                 s->tasks, s->failed);
    say_who(s, out);
    ist_text_add(out, "\n");
    if (s->state == IST_RUNNING && !lost && s->step_number > 0)
        say_work(s, out);
}

static void say_total(const ist_status *all, const bool *lost, size_t count, ist_text *out)
{
    int64_t tasks = 0, done = 0, failed = 0;
    size_t running = 0;
    for (size_t i = 0; i < count; i++) {
        tasks += all[i].tasks;
        done += all[i].done;
        failed += all[i].failed;
        running += all[i].state == IST_RUNNING && !lost[i];
    }
    ist_text_add(out,
                 "together: %" PRId64 " of %" PRId64 " tasks done, %" PRId64
                 " failed; %zu of %zu running\n",
                 done, tasks, failed, running, count);
}

ist_code ist_command_status(const ist_options *options, bool json)
{
    ist_error error = {0};
    char *folder = folder_meant(options);
    if (!folder)
        return IST_REFUSED;
    ist_status *all;
    bool *lost;
    size_t count;
    ist_status_all(folder, &all, &lost, &count, &error);
    ist_text page = {0};
    for (size_t i = 0; i < count; i++)
        if (json)
            ist_status_write(&all[i], &page);
        else
            say_status(&all[i], lost[i], &page);
    if (count > 1 && !json)
        say_total(all, lost, count, &page);
    if (page.data)
        fputs(page.data, stdout);
    ist_text_release(&page);
    ist_free(all);
    ist_free(lost);
    ist_free(folder);
    return print_error(&error);
}

/* ---- stop ------------------------------------------------------------------------------------ */

ist_code ist_command_stop(const ist_options *options)
{
    ist_error error = {0};
    char *folder = folder_meant(options);
    if (!folder)
        return IST_REFUSED;
    ist_status *all;
    bool *lost;
    size_t count, running = 0;
    ist_status_all(folder, &all, &lost, &count, &error);
    for (size_t i = 0; i < count; i++)
        running += all[i].state == IST_RUNNING && !lost[i];
    if (error.code == IST_OK && running == 0)
        ist_fail(&error, IST_REFUSED, "no run is at work in '%s': nothing to stop", folder);
    if (error.code == IST_OK && ist_wish_make(folder, &error) == IST_OK)
        printf("told %zu run(s) in %s to stop: they end in a moment, with exit code 75\n", running,
               folder);
    ist_free(all);
    ist_free(lost);
    ist_free(folder);
    return print_error(&error);
}
