/* Options -> one call per command. The only place that knows MPI_COMM_WORLD and the process. */
#include <argp.h>
#include <cblas.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "infostrata/data.h"
#include "infostrata/results.h"
#include "infostrata/signals.h"
#include "options.h"

/* One message, not one a rank: before MPI_Init only the launcher's variables tell who we are. */
static bool is_first_rank(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *rank = getenv(names[i]);
        if (rank)
            return strcmp(rank, "0") == 0;
    }
    return true;
}

/* mpirun ends all ranks when the first of them fails: that must be the one that has something to say. */
static int refused(void)
{
    enum { SECONDS = 5 };
    if (!is_first_rank())
        sleep(SECONDS);
    return IST_REFUSED;
}

/* ---- commands -------------------------------------------------------------------------------- */

static void IST_NORETURN memory_exhausted(size_t bytes)
{
    char line[100];
    ist_crash_mark("out of memory");
    snprintf(line, sizeof line, "out of memory (%zu more bytes were asked for)", bytes);
    ist_abort_all(line);
}

/* Open MPI looks for networks for a fifth of a second: more than a small job takes. Ranks of one host talk through its memory, which
 * is the business of the layer `ob1`. Who has chosen how messages go, by the environment or mpirun's options, has it so. */
static void leave_networks_alone(void)
{
    const char *ranks = getenv("OMPI_COMM_WORLD_SIZE"),
               *here = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    bool alone = !ranks && !getenv("PMIX_RANK") && !getenv("PMI_RANK");
    bool chosen = getenv("OMPI_MCA_btl") || getenv("OMPI_MCA_mtl");
    if (!chosen && (alone || (ranks && here && strcmp(ranks, here) == 0)))
        setenv("OMPI_MCA_pml", "ob1", 0);
}

static ist_comm start_mpi(void)
{
    int given; /* one thread beside this one, which never calls MPI */
    leave_networks_alone();
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given);
    ist_on_memory_exhausted(memory_exhausted);
    return ist_comm_new(MPI_COMM_WORLD);
}

/* At the first exit with a code mpirun ends the other ranks, and one that is still inside MPI_Finalize may crash then (Open MPI
 * 4.1: a segmentation fault in 1 of some 500 refusals, and mpirun's code is 139). So rank 0 alone brings the code, and lets the
 * others go first. */
static int end_mpi(ist_comm *world, ist_code code)
{
    const struct timespec while_others_go = {.tv_nsec = 100000000};
    code = (ist_code)ist_largest(world, code);
    bool first = world->rank == 0, alone = world->size == 1;
    ist_comm_release(world);
    MPI_Finalize();
    if (code == IST_OK || !first)
        return IST_OK;
    if (!alone)
        nanosleep(&while_others_go, NULL);
    return code;
}

/* Large arrays go back to the system when they are freed, so that the memory of a step is what it holds: the
 * C library would keep them for reuse, up to 32 MiB each. Small ones are kept: a cell of a few thousand samples would
 * have each of its arrays mapped, cleared and unmapped anew, a tenth of its time. */
static void return_freed_memory(void)
{
    enum { LARGE = 2 << 20, KEPT = 16 << 20 };
    mallopt(M_MMAP_THRESHOLD, LARGE);
    mallopt(M_TRIM_THRESHOLD, KEPT);
}

/* A plain start, or one by an srun without PMIx, in an allocation of several tasks: one rank, or as many runs of one rank, in
 * one folder. `mpirun -n 1` is for who wants just that. */
static bool started_alone(void)
{
    const char *tasks = getenv("SLURM_NTASKS");
    int64_t count;
    bool launched = getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMIX_RANK");
    if (launched || !tasks || !ist_parse_integer(tasks, &count) || count < 2)
        return false;
    if (is_first_rank())
        fprintf(stderr,
                "infostrata: error: started as one rank in a Slurm allocation of %s tasks: start "
                "it with `mpirun "
                "infostrata run ...` or `srun --mpi=pmix infostrata run ...` (or, to have one "
                "rank, `mpirun -n 1`)\n",
                tasks);
    return true;
}

static int run_command(const ist_arguments *a)
{
    return_freed_memory();
    if (started_alone())
        return refused();
    ist_signals_catch();
    ist_comm world = start_mpi();
    return end_mpi(&world, ist_run(&world, &a->options));
}

static int list_works(void)
{
    char name[IST_BENCH_NAME];
    for (int w = 0; w < IST_BENCH_WORKS; w++)
        printf("%s\n", ist_bench_name(&ist_bench_works[w], name));
    return IST_OK;
}

static int plan_command(const ist_arguments *a)
{
    return ist_command_plan(&a->options);
}

static int check_command(const ist_arguments *a)
{
    return ist_command_check(&a->options);
}

static int collect_command(const ist_arguments *a)
{
    return ist_command_collect(&a->options);
}

static int status_command(const ist_arguments *a)
{
    return ist_command_status(&a->options, a->json);
}

static int sbatch_command(const ist_arguments *a)
{
    return ist_command_sbatch(&a->options);
}

static int stop_command(const ist_arguments *a)
{
    return ist_command_stop(&a->options);
}

static int info_command(const ist_arguments *a)
{
    return ist_command_info(a->files, a->file_count);
}

static int measures_command(const ist_arguments *a)
{
    return ist_command_measures(a->notes);
}

static ist_engine engine_of(const ist_arguments *a)
{
    return (ist_engine){.kernel = a->options.kernel,
                        .chunk_bytes = a->options.chunk_bytes,
                        .chunk_rows = a->options.chunk_rows,
                        .skipping = a->bench.engine.skipping,
                        .tree = a->bench.engine.tree};
}

static ist_calibrate_options calibrate_options(const ist_arguments *a)
{
    return (ist_calibrate_options){
        .file = a->calibration, .n = a->bench.own.n, .d = a->bench.own.d, .engine = engine_of(a)};
}

static ist_verify_options verify_options(const ist_arguments *a)
{
    return (ist_verify_options){.n = a->bench.own.n, .engine = engine_of(a)};
}

static int bench_command(const ist_arguments *a)
{
    if (a->list)
        return list_works();
    ist_bench_options options = a->bench;
    options.commit = IST_GIT;
    options.engine = engine_of(a);
    ist_calibrate_options calibrate = calibrate_options(a);
    ist_verify_options verify = verify_options(a);
    ist_comm world = start_mpi();
    return end_mpi(&world, a->calibrate ? ist_calibrate(&world, &calibrate)
                           : a->verify  ? ist_verify(&world, &verify)
                                        : ist_bench(&world, &options));
}

typedef struct {
    const char *name, *arguments, *summary;
    unsigned bit;
    int (*act)(const ist_arguments *a);
} command;

static const command commands[] = {
    {"run", "MANIFEST", "start or continue a job (under mpirun, or as one rank without)", RUN,
     run_command},
    {"plan", "MANIFEST", "what `run` would do: tasks, passes, memory, time; nothing is computed",
     PLAN, plan_command},
    {"check", "MANIFEST", "check the manifest and every input file it names", CHECK, check_command},
    {"info", "FILE...", "what HDF5 and .npy files hold: datasets, types, storage, classes", INFO,
     info_command},
    {"collect", "MANIFEST", "make results.csv and the other views again from the journal", COLLECT,
     collect_command},
    {"status", "FOLDER|MANIFEST", "how far a job is (from any shell, while it runs or later)",
     STATUS, status_command},
    {"stop", "FOLDER|MANIFEST", "tell a running job to stop; `run` continues it", STOP,
     stop_command},
    {"sbatch", "MANIFEST", "print a Slurm script for the job; submit it with sbatch", SBATCH,
     sbatch_command},
    {"measures", NULL, "list the measures and their parameters", MEASURES, measures_command},
    {"bench", NULL, "measure the engine against SGEMM's peak (under mpirun: one rank a core)",
     BENCH, bench_command},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_version(FILE *stream, struct argp_state *state)
{
    (void)state;
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    MPI_Get_library_version(mpi, &length);
    mpi[strcspn(mpi, ",\n")] = '\0';
    ist_text kernels = {0};
    ist_kernel_names(&kernels);
    fprintf(stream, "infostrata %s (%s)\n", IST_VERSION, IST_GIT);
    fprintf(stream, "MPI:     %s\n", mpi);
    fprintf(stream, "HDF5:    %s\n", ist_hdf5_version());
    fprintf(stream, "BLAS:    %s\n", openblas_get_config());
    fprintf(stream, "kernels: %s\n", kernels.data);
    ist_text_release(&kernels);
}

static void print_help(FILE *stream)
{
    fprintf(stream,
            "Usage: infostrata COMMAND [OPTION...] [MANIFEST]\n"
            "How information flows through a neural network's layers: exact, at any N.\n\n");
    for (int c = 0; c < COMMANDS; c++)
        fprintf(stream, "  %-10s %s\n", commands[c].name, commands[c].summary);
    fprintf(stream,
            "\n`infostrata COMMAND --help` lists a command's options.\n"
            "Exit codes: 0 done; 2 refused, nothing started; 3 could not go on; 4 finished, "
            "but some\ntasks failed; 75 stopped with work left: the same command continues.\n");
}

/* What the parser cannot see: arguments too few, too many, or that do not go together. */
static ist_code check_arguments(const command *chosen, const ist_arguments *a, ist_error *error)
{
    if (chosen->arguments && !a->options.manifest)
        return ist_fail(error, IST_REFUSED, "'%s' needs a %s: infostrata %s %s", chosen->name,
                        a->several ? "file" : "manifest", chosen->name,
                        a->several ? "acts.h5" : "job.yaml");
    if (a->calibrate && a->options.manifest)
        return ist_fail(error, IST_REFUSED, "the table's file is written --calibrate=%s",
                        a->options.manifest);
    if (!chosen->arguments && a->options.manifest)
        return ist_fail(error, IST_REFUSED, "'%s' takes no manifest: '%s' is one too many",
                        chosen->name, a->options.manifest);
    ist_calibrate_options calibrate = calibrate_options(a);
    ist_verify_options verify = verify_options(a);
    if (a->calibrate && a->verify)
        return ist_fail(error, IST_REFUSED, "--calibrate or --verify, one at a time");
    return a->calibrate ? ist_calibrate_check(&calibrate, &a->bench, error)
           : a->verify  ? ist_verify_check(&verify, &a->bench, error)
                        : ist_bench_check(&a->bench, error);
}

/* Whoever asked for a page or a script must not take half of one for the whole. A reader that went away knows. */
static int say_whether_heard(int code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (errno != EPIPE)
        fprintf(stderr, "infostrata: error: cannot write to standard output: %s\n",
                strerror(errno ? errno : EIO));
    return code == IST_OK ? IST_BROKEN : code;
}

static int obey(const command *chosen, int argc, char **argv)
{
    ist_arguments a;
    ist_error error = {0};
    argp_program_version_hook = print_version;
    if (!ist_arguments_read(&a, chosen->name, chosen->bit, chosen->arguments, chosen->summary,
                            !is_first_rank(), argc, argv))
        return refused();
    if (check_arguments(chosen, &a, &error) != IST_OK || ist_fault_check(&error) != IST_OK) {
        if (is_first_rank())
            fprintf(stderr, "infostrata: error: %s\n", error.text);
        return refused();
    }
    int code = say_whether_heard(chosen->act(&a));
    ist_arguments_release(&a);
    return code;
}

static int unknown_command(const char *word)
{
    const char *names[COMMANDS];
    for (int c = 0; c < COMMANDS; c++)
        names[c] = commands[c].name;
    const char *near = ist_nearest_word(word, names, COMMANDS);
    if (is_first_rank())
        fprintf(stderr, "infostrata: error: unknown command '%s'%s%s%s; see infostrata --help\n",
                word, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    return refused();
}

/* A file that is opened later must not get the number of a standard one that is closed: what is printed would go into it. */
static void keep_standard_files(void)
{
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++)
        if (fcntl(file, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            _exit(IST_BROKEN);
}

int main(int argc, char **argv)
{
    keep_standard_files();
    if (argc > 1 && strcmp(argv[1], "bench") == 0)
        ist_bench_environment(openblas_get_corename(), argv);
    if (argc > 1 && strcmp(argv[1], "run") == 0)
        ist_blas_environment(openblas_get_corename(), argv);
    openblas_set_num_threads(1);
    /* A full disk or a closed pipe is an error to report, not a reason to die unheard. */
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_help(stderr);
        return IST_REFUSED;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        print_version(stdout, NULL);
        return IST_OK;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return IST_OK;
    }
    for (int c = 0; c < COMMANDS; c++)
        if (strcmp(argv[1], commands[c].name) == 0)
            return obey(&commands[c], argc, argv);
    return unknown_command(argv[1]);
}
