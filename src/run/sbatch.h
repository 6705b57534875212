/* The text of a Slurm script, apart from what it is made of. Private to the room. */
#ifndef INFOSTRATA_RUN_SBATCH_H
#define INFOSTRATA_RUN_SBATCH_H

#include "infostrata/base.h"

typedef struct {
    const char *name;                        /* of the job */
    const char *program, *manifest, *folder; /* words of the shell, quoted already */
    const char *settings;                    /* " --set 'KEY=VALUE'", each; NULL: none */
    const char *basis;                       /* where memory and time come from, one line */
    int nodes, ranks, array;                 /* array: shares; 0: none */
    int64_t mib, seconds;                    /* a rank; until the end */
    bool requeue;
} ist_sbatch;

void ist_sbatch_write(const ist_sbatch *s, ist_text *out);

/* Appends a word in single quotes; false if it has control characters. */
bool ist_add_quoted(ist_text *out, const char *word);
/* What to ask for, of what is planned: twice the time and ten minutes, at most a day; a fifth more memory and 100 MiB. */
int64_t ist_sbatch_seconds(double planned);
int64_t ist_sbatch_mib(int64_t bytes);

#endif
