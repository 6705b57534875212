/* rank_checks --list | NAME | --sizes NAME: one collective check under mpirun, on all ranks, or on groups of every size up to
 * their number. Exit code 0 it holds, 1 it does not, 2 no such. */
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

/* Ranks below `first` are one group, the others another, at the same time. */
static void check_in_two(rank_check *check, int first)
{
    MPI_Comm group;
    int rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_split(MPI_COMM_WORLD, rank < first, rank, &group);
    check(group);
    MPI_Comm_free(&group);
    MPI_Barrier(MPI_COMM_WORLD);
}

/* Of five ranks: 1 and 4, 2 and 3, all 5. */
static void check_all_sizes(rank_check *check)
{
    int ranks;
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    for (int first = 1; 2 * first <= ranks; first++)
        check_in_two(check, first);
    check(MPI_COMM_WORLD);
}

static bool any_failed(void)
{
    MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_C_BOOL, MPI_LOR, MPI_COMM_WORLD);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (int i = 0; i < count; i++)
            puts(checks[i].name);
        return 0;
    }
    bool sizes = argc == 3 && strcmp(argv[1], "--sizes") == 0;
    rank_check *check = argc == 2 + sizes ? find(argv[1 + sizes]) : NULL;
    if (!check) {
        fprintf(stderr, "usage: rank_checks --list | NAME | --sizes NAME\n");
        return 2;
    }
    MPI_Init(&argc, &argv);
    if (sizes)
        check_all_sizes(check);
    else
        check(MPI_COMM_WORLD);
    /* All ranks know the same; none may still be printing when mpirun sees the first one end with 1. */
    bool broken = any_failed();
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Finalize();
    return broken ? 1 : 0;
}
