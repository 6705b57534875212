/* The command line: which options each command takes, and what they say. Private to the program (main.c). */
#ifndef INFOSTRATA_OPTIONS_H
#define INFOSTRATA_OPTIONS_H

#include "infostrata/rounds.h"
#include "infostrata/run.h"

/* Commands, as bits: which of them take an option. */
enum {
    RUN = 1,
    PLAN = 2,
    CHECK = 4,
    COLLECT = 8,
    MEASURES = 16,
    BENCH = 32,
    STATUS = 64,
    STOP = 128,
    SBATCH = 256,
    INFO = 512
};

typedef struct {
    ist_options options;
    ist_bench_options bench;
    const char *calibration; /* --calibrate's file */
    bool notes, list, json, calibrate, verify;
    const char **files; /* what is no option; info takes several */
    size_t file_count;
    bool several;
    const char **set; /* --set */
} ist_arguments;

/* Local. Fills *a from argv[1] (the command's name) on: the defaults, then what the line says. `takes` names the command's own
 * argument for --help (NULL: it has none). A bad option or --help ends the process, with IST_REFUSED or 0, as argp does; if `quiet`
 * (another rank says it) false is returned for a bad one instead. The texts are argv's; ist_arguments_release frees the rest. */
bool ist_arguments_read(ist_arguments *a, const char *command, unsigned bit, const char *takes,
                        const char *summary, bool quiet, int argc, char **argv);
void ist_arguments_release(ist_arguments *a);

#endif
