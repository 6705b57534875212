/* `sbatch`: a Slurm script for a job, right at the first try. It asks for the memory and the time that the plan says. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job.h"
#include "sbatch.h"

/* Slurm's warning comes so long before the end, up to a minute earlier; a job that is short gets a quarter of its time. */
enum { WARNING = 180, RESTARTS = 50, MINUTE = 60, HOUR = 3600, DAY = 86400 };

bool ist_add_quoted(ist_text *out, const char *word)
{
    ist_text_add(out, "'");
    for (; *word; word++) {
        if ((unsigned char)*word < ' ' || *word == 0x7f)
            return false;
        if (*word == '\'')
            ist_text_add(out, "'\\''");
        else
            ist_text_add_bytes(out, word, 1);
    }
    ist_text_add(out, "'");
    return true;
}

int64_t ist_sbatch_seconds(double planned)
{
    double seconds =
        2 * planned + 10 * MINUTE; /* the estimate is one; loading and waiting come on top */
    if (seconds > DAY)
        return DAY; /* what is left goes into the next start */
    return (int64_t)((seconds + 10 * MINUTE - 1) / (10 * MINUTE)) * 10 * MINUTE;
}

int64_t ist_sbatch_mib(int64_t bytes)
{
    enum { SPARE = 100, ROUND = 50 };
    int64_t mib = (bytes >> 20) + (bytes >> 20) / 5 + SPARE;
    return (mib + ROUND - 1) / ROUND * ROUND;
}

static void add_time(ist_text *out, int64_t seconds)
{
    ist_text_add(out, "%lld-%02lld:%02lld:%02lld", (long long)(seconds / DAY),
                 (long long)(seconds % DAY / HOUR), (long long)(seconds % HOUR / MINUTE),
                 (long long)(seconds % MINUTE));
}

/* A name that Slurm's own reading of the line cannot misunderstand. */
static void add_name(ist_text *out, const char *name)
{
    for (; *name; name++) {
        bool plain = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
                            *name) != NULL;
        ist_text_add(out, "%c", plain ? *name : '_');
    }
}

static void add_head(const ist_sbatch *s, ist_text *out)
{
    ist_text_add(out, "#!/bin/bash\n#SBATCH --job-name=");
    add_name(out, s->name);
    ist_text_add(out, "\n#SBATCH --nodes=%d\n#SBATCH --ntasks=%d\n#SBATCH --cpus-per-task=1\n",
                 s->nodes, s->ranks);
    ist_text_add(out, "#SBATCH --mem-per-cpu=%lldM\n#SBATCH --time=", (long long)s->mib);
    add_time(out, s->seconds);
    int64_t warning = ist_min(WARNING, s->seconds / 4);
    ist_text_add(out, "\n#SBATCH --signal=B:USR1@%lld\n", (long long)warning);
    if (s->array > 0)
        ist_text_add(out, "#SBATCH --array=0-%d\n", s->array - 1);
    ist_text_add(out, "#SBATCH --%s\n#SBATCH --open-mode=append\n",
                 s->requeue ? "requeue" : "no-requeue");
    ist_text_add(
        out,
        "# %s\n# Options on sbatch's own command line win over these lines: sbatch -p PARTITION -A "
        "ACCOUNT SCRIPT\n",
        s->basis);
    if (s->array > 0)
        ist_text_add(out, "# When all have ended, their results are put together by: infostrata "
                          "collect MANIFEST\n");
    ist_text_add(
        out, "\n# module load ...   (what the program was built with, if your site has modules)\n"
             "export OMP_NUM_THREADS=1\n");
}

static void add_command(const ist_sbatch *s, ist_text *out)
{
    ist_text_add(out, "mpirun \"$program\" run \"$manifest\" --output \"$folder\"%s",
                 s->settings ? s->settings : "");
    if (s->array > 0)
        ist_text_add(out, " --shard \"$SLURM_ARRAY_TASK_ID/%d\"", s->array);
}

/* What is kept of the work: journals, and checkpoints of passes. */
static const char *const requeue_text =
    "kept() { stat -c '%n %s %Y' \"$folder/journal$share\"*.jsonl "
    "\"$folder/checkpoint$share\"* 2>/dev/null; }\n"
    "\n"
    "before=$(kept)\n"
    "told=no\n"
    "trap 'told=yes; kill -USR1 \"$pid\"' USR1\n";

static const char *const wait_text =
    " &\n"
    "pid=$!\n"
    "# A signal ends `wait`, not what it waits for: wait again, until mpirun is gone.\n"
    "rc=0\n"
    "while :; do\n"
    "    told=no\n"
    "    wait \"$pid\"\n"
    "    code=$?\n"
    "    [ \"$code\" = 127 ] || rc=$code\n"
    "    [ \"$told\" = yes ] || break\n"
    "done\n"
    "\n"
    "# 75: work is left. Start again, unless nothing was gained, it happened too often, or "
    "somebody wished the stop.\n"
    "wished=$(grep -c '\"reason\":\"infostrata stop\"' \"$folder/status$share.json\" "
    "2>/dev/null)\n";

void ist_sbatch_write(const ist_sbatch *s, ist_text *out)
{
    add_head(s, out);
    ist_text_add(out, "program=%s\nmanifest=%s\nfolder=%s\n\n", s->program, s->manifest, s->folder);
    if (!s->requeue) {
        ist_text_add(out, "exec ");
        add_command(s, out);
        ist_text_add(out, "\n");
        return;
    }
    if (s->array > 0)
        ist_text_add(out, "share=-$SLURM_ARRAY_TASK_ID-of-%d\n", s->array);
    else
        ist_text_add(out, "share=\n");
    ist_text_add(out, "%s", requeue_text);
    add_command(s, out);
    ist_text_add(out, "%s", wait_text);
    ist_text_add(
        out,
        "if [ \"$rc\" = 75 ] && [ \"${wished:-0}\" = 0 ] && [ \"${SLURM_RESTART_COUNT:-0}\" "
        "-lt %d ] &&\n"
        "    [ \"$(kept)\" != \"$before\" ]; then\n"
        "    scontrol requeue \"$SLURM_JOB_ID\"\n"
        "fi\n"
        "exit \"$rc\"\n",
        RESTARTS);
}

/* ---- the command ----------------------------------------------------------------------------- */

/* A path as a word of the shell; false if it cannot be one. The text is the caller's. */
static bool quoted(const char *path, ist_text *out, ist_error *error)
{
    char *here = getcwd(NULL, 0);
    char *absolute = ist_join_path(here ? here : "/", path);
    bool good = ist_add_quoted(out, absolute);
    if (!good)
        ist_fail(error, IST_REFUSED,
                 "a path with control characters cannot stand in a script: rename %s", path);
    ist_free(absolute);
    free(here);
    return good;
}

static bool add_settings(const ist_options *options, ist_text *out, ist_error *error)
{
    for (size_t i = 0; i < options->set_count; i++) {
        ist_text_add(out, " --set ");
        if (!ist_add_quoted(out, options->set[i])) {
            ist_fail(error, IST_REFUSED,
                     "a setting with control characters cannot stand in a "
                     "script: write it into the manifest");
            return false;
        }
    }
    return true;
}

static void describe(const ist_options *options, ist_known_job *known, ist_sbatch *s,
                     ist_text *basis, ist_error *error)
{
    ist_machine machine;
    ist_cost cost = ist_planned_cost(options, known, &machine, error);
    double seconds = cost.seconds / (double)ist_max(s->array, 1);
    s->mib = ist_sbatch_mib(cost.memory + machine.program);
    s->seconds =
        options->hours > 0 ? (int64_t)(3600 * options->hours) : ist_sbatch_seconds(seconds);
    ist_text_add(basis, "The plan: %.0f MiB a rank, about ",
                 (double)(cost.memory + machine.program) / 1048576);
    ist_text_add_duration(basis, (int64_t)seconds);
    ist_text_add(basis, " on %d cores like those that planned it%s.", s->ranks,
                 s->array > 0 ? ", for each share" : "");
    s->basis = basis->data;
}

static ist_code print_script(const ist_options *options, ist_known_job *known, ist_error *error)
{
    char own[PATH_MAX] = "";
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    ist_text program = {0}, manifest = {0}, folder = {0}, basis = {0}, script = {0}, settings = {0};
    ist_sbatch s = {.name = known->job->name,
                    .nodes = options->nodes,
                    .ranks = options->ranks,
                    .array = options->array,
                    .requeue = !options->no_requeue};
    if (quoted(length > 0 ? own : "infostrata", &program, error) &&
        quoted(options->manifest, &manifest, error) && quoted(known->job->output, &folder, error) &&
        add_settings(options, &settings, error)) {
        s.program = program.data;
        s.manifest = manifest.data;
        s.folder = folder.data;
        s.settings = settings.data;
        describe(options, known, &s, &basis, error);
    }
    if (error->code == IST_OK) {
        ist_sbatch_write(&s, &script);
        fputs(script.data, stdout);
    }
    ist_text_release(&program);
    ist_text_release(&manifest);
    ist_text_release(&folder);
    ist_text_release(&basis);
    ist_text_release(&settings);
    ist_text_release(&script);
    return error->code;
}

ist_code ist_command_sbatch(const ist_options *options)
{
    ist_known_job known = {0};
    ist_faults faults = {0};
    ist_error error = {0};
    ist_code code = IST_REFUSED;
    if (options->nodes > options->ranks)
        ist_fail(&error, IST_REFUSED, "%d nodes for %d ranks: give --ranks at least as many",
                 options->nodes, options->ranks);
    else if (ist_prepare(options, &known, &faults))
        print_script(options, &known, &error);
    if (faults.count > 0)
        ist_print_faults(&faults);
    else
        code = error.code;
    if (error.code != IST_OK)
        fprintf(stderr, "infostrata: error: %s\n", error.text);
    ist_faults_release(&faults);
    ist_known_job_release(&known);
    return code;
}
