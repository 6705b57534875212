/* rank_checks --list | NAME: one collective check under mpirun. Exit code 0 it holds, 1 it does not, 2 no such. */
#include "checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 500 };

static struct {
    const char *name;
    rank_check *check;
} checks[MOST];
static int count;
static bool failed;

void rank_check_register(const char *name, rank_check *check)
{
    if (count == MOST)
        abort();
    checks[count].name = name;
    checks[count++].check = check;
}

bool rank_check_agreed(MPI_Comm comm, bool holds, const char *text, const char *file, int line)
{
    int rank, ranks;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    int mine = holds ? ranks : rank, lowest;
    MPI_Allreduce(&mine, &lowest, 1, MPI_INT, MPI_MIN, comm);
    if (lowest == rank)
        fprintf(stderr, "%s:%d: on rank %d of %d: %s\n", file, line, rank, ranks, text);
    failed = failed || lowest < ranks;
    return lowest == ranks;
}

static rank_check *find(const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(checks[i].name, name) == 0)
            return checks[i].check;
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (int i = 0; i < count; i++)
            puts(checks[i].name);
        return 0;
    }
    rank_check *check = argc == 2 ? find(argv[1]) : NULL;
    if (!check) {
        fprintf(stderr, "usage: rank_checks --list | NAME\n");
        return 2;
    }
    MPI_Init(&argc, &argv);
    check(MPI_COMM_WORLD);
    /* All ranks know the same; none may still be printing when mpirun sees the first one end with 1. */
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Finalize();
    return failed ? 1 : 0;
}
