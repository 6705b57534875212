/* The command line by GNU argp: one table of options, each with the commands that take it. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

enum {
    OPTION_KERNEL = 256,
    OPTION_CHUNK_MIB,
    OPTION_CHUNK_ROWS,
    OPTION_SKIPPING,
    OPTION_TREE,
    OPTION_MEMORY,
    OPTION_RANKS,
    OPTION_NOTES,
    OPTION_LIST,
    OPTION_LAYER,
    OPTION_ROUNDS,
    OPTION_CSV,
    OPTION_CALIBRATE,
    OPTION_HOURS,
    OPTION_CHECKPOINT,
    OPTION_FAIL_FAST,
    OPTION_RETRY,
    OPTION_JSON,
    OPTION_SHARD,
    OPTION_NODES,
    OPTION_ARRAY,
    OPTION_TIME,
    OPTION_ONCE,
    OPTION_DATA,
    OPTION_WATCHDOG,
    OPTION_SET,
    OPTION_VERIFY
};

typedef struct {
    unsigned commands;
    struct argp_option option;
} command_option;

static const command_option command_options[] = {
    {RUN | PLAN | CHECK | COLLECT | STATUS | STOP | SBATCH,
     {"output", 'o', "DIR", 0, "write results to DIR (default: the manifest's `output`)", 1}},
    {RUN | PLAN | CHECK | COLLECT | STATUS | STOP | SBATCH,
     {"set", OPTION_SET, "KEY=VALUE", 0,
      "VALUE in the place of the manifest's own, checked like it: input.samples.first=1000, "
      "measures.imbalance.k=[1,3]; again for more",
      1}},
    {RUN, {"quiet", 'q', NULL, 0, "no progress on the terminal (run.log has it)", 1}},
    {RUN,
     {"checkpoint-minutes", OPTION_CHECKPOINT, "M", 0,
      "keep a long pass on disk every M minutes (default 15; 0: never); results do not depend on "
      "it",
      1}},
    {RUN,
     {"fail-fast", OPTION_FAIL_FAST, NULL, 0,
      "stop at the first task that fails (default: it is a row with its reason, the others go on)",
      1}},
    {RUN,
     {"retry-failed", OPTION_RETRY, NULL, 0, "try tasks again that failed in an earlier run", 1}},
    {RUN,
     {"watchdog", OPTION_WATCHDOG, "S", 0,
      "end with 3 and a report of every rank if nothing is finished for S seconds (default 300; 0: "
      "never), or for ten times as long as it ever took",
      1}},
    {RUN,
     {"max-hours", OPTION_HOURS, "H", 0,
      "stop after H hours (0.5: half an hour) and exit with 75; the same command continues", 1}},
    {RUN,
     {"shard", OPTION_SHARD, "I/N", 0,
      "do share I (0 ... N-1) of the job's cells; `collect` puts the shares together", 1}},
    {CHECK,
     {"data", OPTION_DATA, NULL, 0,
      "read every value, too: NaN, constant columns, duplicates, chunks that are slow to read", 1}},
    {STATUS, {"json", OPTION_JSON, NULL, 0, "print status.json as it is, a line a run", 1}},
    {SBATCH, {"nodes", OPTION_NODES, "N", 0, "on N nodes (default 1)", 1}},
    {SBATCH,
     {"array", OPTION_ARRAY, "N", 0, "as a job array: N jobs of --ranks ranks, a share each", 1}},
    {SBATCH, {"time", OPTION_TIME, "H", 0, "ask for H hours (default: from the plan)", 1}},
    {SBATCH,
     {"no-requeue", OPTION_ONCE, NULL, 0, "start once: what is left then is yours to start", 1}},
    {PLAN | SBATCH,
     {"ranks", OPTION_RANKS, "P", 0, "for P ranks (default: this machine's cores)", 1}},
    {MEASURES, {"notes", OPTION_NOTES, NULL, 0, "explain the codes of the note column", 1}},
    {RUN | PLAN,
     {"max-memory", OPTION_MEMORY, "MIB", 0, "memory a rank may use (default: what is free)", 2}},
    {BENCH,
     {"work", 'w', "NAME", 0, "measure this work of the table, perhaps others (default: all)", 1}},
    {BENCH, {"list", OPTION_LIST, NULL, 0, "name the works of the table; measure nothing", 1}},
    {BENCH, {"rounds", OPTION_ROUNDS, "R", 0, "rounds of peak and engine (default 7)", 1}},
    {BENCH, {"csv", OPTION_CSV, "FILE", 0, "write what was measured to FILE", 1}},
    {BENCH,
     {"calibrate", OPTION_CALIBRATE, "FILE", OPTION_ARG_OPTIONAL,
      "make the table of the note `calibration` anew (to stdout without FILE), instead of "
      "measuring; "
      "with --samples and --dimensions only the lines of N and of the larger dimension D",
      1}},
    {BENCH,
     {"verify", OPTION_VERIFY, NULL, 0,
      "find the imbalance of normal layers whose imbalance is known, instead of measuring; with "
      "--samples of N samples (default 20,000)",
      1}},
    {BENCH, {"samples", 'n', "N", 0, "a work of your own: N rows", 2}},
    {BENCH, {"dimensions", 'd', "D", 0, "of D features", 2}},
    {BENCH, {"layer", OPTION_LAYER, "ADDRESS", 0, "or a layer's rows instead of random ones", 2}},
    {BENCH, {"neighbours", 'k', "K", 0, "find the K nearest of every row", 2}},
    {BENCH, {"thresholds", 't', "T", 0, "or count below T thresholds a row", 2}},
    {RUN | PLAN | BENCH,
     {"kernel", OPTION_KERNEL, "NAME", 0,
      "tile kernel: reference, avx2, avx512-skylake or avx512 (default: the best that this "
      "processor runs); "
      "results "
      "do not depend on it",
      3}},
    {RUN | BENCH,
     {"chunk-mib", OPTION_CHUNK_MIB, "MIB", 0,
      "bytes that travel between ranks at once (default 32); results do not depend on it", 3}},
    {RUN | PLAN | BENCH,
     {"skipping", OPTION_SKIPPING, "WHEN", 0,
      "leave out what the rows' places settle: auto (where a trial says that it pays; default, but "
      "not of bench), always or never (default of bench); results do not depend on it",
      3}},
    {RUN | PLAN | BENCH,
     {"tree", OPTION_TREE, "WHEN", 0,
      "answer layers of up to 3 features by a k-d tree: auto (where a trial says that it is "
      "faster; "
      "default, but not of bench), always or never (default of bench); results do not depend on it",
      3}},
    {RUN | BENCH,
     {"chunk-rows", OPTION_CHUNK_ROWS, "N", 0,
      "at most N rows travel at once; results do not depend on it", 3}},
};
enum { COMMAND_OPTIONS = sizeof command_options / sizeof command_options[0] };

/* ---- parsing --------------------------------------------------------------------------------- */

static int64_t positive(struct argp_state *state, const char *what, const char *text)
{
    int64_t value;
    if (!ist_parse_integer(text, &value) || value < 1 || value > INT64_C(1) << 40)
        argp_error(state, "%s takes a positive whole number, not '%s'", what, text);
    return value;
}

static double hours(struct argp_state *state, const char *what, const char *text)
{
    double value;
    if (!ist_parse_real(text, &value) || value <= 0 || value > 1e6)
        argp_error(state, "%s takes a positive number of hours, not '%s'", what, text);
    return value;
}

static double minutes(struct argp_state *state, const char *text)
{
    double value;
    if (!ist_parse_real(text, &value) || value < 0 || value > 1e6)
        argp_error(state, "--checkpoint-minutes takes a number of minutes, or 0, not '%s'", text);
    return value;
}

static double watchdog_seconds(struct argp_state *state, const char *text)
{
    double value;
    if (!ist_parse_real(text, &value) || value < 0 || value > 1e9)
        argp_error(state, "--watchdog takes a number of seconds, or 0, not '%s'", text);
    return value;
}

static ist_shard shard_of(struct argp_state *state, const char *text)
{
    enum { MOST = 100000 };
    char index[16];
    int64_t i, n;
    size_t length = strcspn(text, "/");
    snprintf(index, sizeof index, "%.*s", (int)ist_min((int64_t)length, 15), text);
    if (text[length] != '/' || !ist_parse_integer(index, &i) ||
        !ist_parse_integer(text + length + 1, &n) || n < 1 || n > MOST || i < 0 || i >= n)
        argp_error(state, "--shard takes I/N with I from 0 to N-1 and N at most %d, not '%s'", MOST,
                   text);
    return (ist_shard){(int)i, (int)n};
}

static void choose_kernel(struct argp_state *state, ist_options *options, const char *name)
{
    options->kernel = ist_kernel_choose(name);
    if (options->kernel)
        return;
    ist_text names = {0};
    ist_kernel_names(&names);
    argp_error(state, "no kernel '%s' on this processor; it runs: %s", name, names.data);
    ist_text_release(&names);
}

static void choose_skipping(struct argp_state *state, ist_arguments *a, const char *name)
{
    static const char *const names[] = {"auto", "always", "never"};
    static const ist_skipping values[] = {IST_SKIP_AUTO, IST_SKIP_ALWAYS, IST_SKIP_NEVER};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) {
            a->options.skipping = a->bench.engine.skipping = values[i];
            return;
        }
    argp_error(state, "--skipping takes auto, always or never, not '%s'", name);
}

static void choose_tree(struct argp_state *state, ist_arguments *a, const char *name)
{
    static const char *const names[] = {"auto", "always", "never"};
    static const ist_tree_use values[] = {IST_TREE_AUTO, IST_TREE_ALWAYS, IST_TREE_NEVER};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) {
            a->options.tree = a->bench.engine.tree = values[i];
            return;
        }
    argp_error(state, "--tree takes auto, always or never, not '%s'", name);
}

static void pick_work(struct argp_state *state, ist_bench_options *bench, const char *name)
{
    if (ist_bench_pick(bench, name))
        return;
    char buffer[IST_BENCH_NAME];
    const char *near = ist_bench_guess(name, buffer);
    argp_error(state, "no work '%s'%s%s%s; infostrata bench --list", name,
               near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static error_t parse_bench_option(int key, char *text, struct argp_state *state)
{
    ist_bench_options *bench = &((ist_arguments *)state->input)->bench;
    switch (key) {
    case 'w': pick_work(state, bench, text); return 0;
    case OPTION_ROUNDS:
        bench->rounds = (int)ist_min(positive(state, "--rounds", text), 1 << 20);
        return 0;
    case OPTION_CSV: bench->csv = text; return 0;
    case 'n': bench->own.n = positive(state, "--samples", text); return 0;
    case 'd': bench->own.d = positive(state, "--dimensions", text); return 0;
    case OPTION_LAYER: bench->layer = text; return 0;
    case 'k': bench->own.neighbours = positive(state, "--neighbours", text); return 0;
    case 't': bench->own.thresholds = positive(state, "--thresholds", text); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_sbatch_option(int key, char *text, struct argp_state *state)
{
    enum { MOST = 100000 };
    ist_options *options = &((ist_arguments *)state->input)->options;
    switch (key) {
    case OPTION_NODES:
        options->nodes = (int)ist_min(positive(state, "--nodes", text), MOST);
        return 0;
    case OPTION_ARRAY:
        options->array = (int)ist_min(positive(state, "--array", text), MOST);
        return 0;
    case OPTION_TIME: options->hours = hours(state, "--time", text); return 0;
    case OPTION_ONCE: options->no_requeue = true; return 0;
    default: return parse_bench_option(key, text, state);
    }
}

/* They live as long as the process. */
static void add_setting(ist_arguments *a, const char *text)
{
    a->set = ist_grow(a->set, a->options.set_count, a->options.set_count + 1, sizeof *a->set);
    a->set[a->options.set_count++] = text;
    a->options.set = a->set;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    ist_arguments *a = state->input;
    switch (key) {
    case 'o': a->options.output = text; return 0;
    case OPTION_SET: add_setting(a, text); return 0;
    case 'q': a->options.quiet = true; return 0;
    case OPTION_KERNEL: choose_kernel(state, &a->options, text); return 0;
    case OPTION_CHUNK_MIB:
        if (positive(state, "--chunk-mib", text) > 1024)
            argp_error(state, "--chunk-mib takes at most 1024, not '%s'", text);
        a->options.chunk_bytes = ist_min(positive(state, "--chunk-mib", text), 1024) << 20;
        return 0;
    case OPTION_CHUNK_ROWS: a->options.chunk_rows = positive(state, "--chunk-rows", text); return 0;
    case OPTION_SKIPPING: choose_skipping(state, a, text); return 0;
    case OPTION_TREE: choose_tree(state, a, text); return 0;
    case OPTION_MEMORY:
        a->options.memory_limit = ist_min(positive(state, "--max-memory", text), 1 << 30) << 20;
        return 0;
    case OPTION_RANKS:
        a->options.ranks = (int)ist_min(positive(state, "--ranks", text), 1 << 24);
        return 0;
    case OPTION_HOURS: a->options.max_hours = hours(state, "--max-hours", text); return 0;
    case OPTION_WATCHDOG: a->options.watchdog_seconds = watchdog_seconds(state, text); return 0;
    case OPTION_FAIL_FAST: a->options.fail_fast = true; return 0;
    case OPTION_RETRY: a->options.retry_failed = true; return 0;
    case OPTION_CHECKPOINT: a->options.checkpoint_seconds = 60 * minutes(state, text); return 0;
    case OPTION_NOTES: a->notes = true; return 0;
    case OPTION_SHARD: a->options.shard = shard_of(state, text); return 0;
    case OPTION_JSON: a->json = true; return 0;
    case OPTION_LIST: a->list = true; return 0;
    case OPTION_DATA: a->options.data = true; return 0;
    case OPTION_VERIFY: a->verify = true; return 0;
    case OPTION_CALIBRATE:
        a->calibrate = true;
        a->calibration = text;
        return 0;
    case ARGP_KEY_ARG:
        if (a->options.manifest && !a->several)
            argp_error(state, "one manifest at a time: '%s' is one too many", text);
        a->options.manifest = text;
        a->files[a->file_count++] = text;
        return 0;
    default: return parse_sbatch_option(key, text, state);
    }
}

bool ist_arguments_read(ist_arguments *a, const char *command, unsigned bit, const char *takes,
                        const char *summary, bool quiet, int argc, char **argv)
{
    enum { ROUNDS = 7 };
    *a = (ist_arguments){
        .options = {.kernel = ist_kernel_choose(NULL),
                    .chunk_bytes = INT64_C(32) << 20,
                    .checkpoint_seconds = 15 * 60,
                    .watchdog_seconds = 5 * 60,
                    .tree = IST_TREE_AUTO,
                    .ranks = ist_core_count(),
                    .nodes = 1},
        .bench = {.rounds = ROUNDS, .engine = {.skipping = IST_SKIP_NEVER, .tree = IST_TREE_NEVER}},
        .several = bit == INFO};
    struct argp_option options[COMMAND_OPTIONS + 1] = {{0}};
    for (int o = 0, taken = 0; o < COMMAND_OPTIONS; o++)
        if (command_options[o].commands & bit)
            options[taken++] = command_options[o].option;
    struct argp parser = {options, parse_option, takes, summary, NULL, NULL, NULL};
    static char name[64]; /* argv has it as long as the process */
    snprintf(name, sizeof name, "infostrata %s", command);
    argv[1] = name;
    a->files = ist_alloc((size_t)argc, sizeof *a->files);
    argp_err_exit_status = IST_REFUSED;
    return argp_parse(&parser, argc - 1, argv + 1, quiet ? ARGP_NO_ERRS : 0, NULL, a) == 0;
}

void ist_arguments_release(ist_arguments *a)
{
    ist_free(a->files);
    ist_free(a->set);
}
