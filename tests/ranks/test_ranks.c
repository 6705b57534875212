/* Every check of tests/ranks/check_*.c at 1, 2, 3, 4 and 5 ranks. Each is a process of its own under mpirun. */
#include "../harness/scratch.h"
#include "../harness/spawn.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    char name[100];
    int ranks;
} launch;

enum { MOST_RANKS = 5 };

ParameterizedTestParameters(ranks, check)
{
    spawn_result list = spawn_run(NULL, (const char *[]){IST_RANK_CHECKS, "--list", NULL});
    size_t names = 0, count = 0;
    for (const char *at = list.out; (at = strchr(at, '\n')); at++)
        names++;
    launch *launches = cr_malloc((names * MOST_RANKS + 1) * sizeof *launches);
    for (const char *at = list.out; *at; at += strcspn(at, "\n") + 1)
        for (int ranks = 1; ranks <= MOST_RANKS; ranks++, count++) {
            launches[count].ranks = ranks;
            snprintf(launches[count].name, sizeof launches->name, "%.*s", (int)strcspn(at, "\n"),
                     at);
        }
    return cr_make_param_array(launch, launches, count);
}

ParameterizedTest(launch *l, ranks, check, .timeout = 90)
{
    spawn_result r = spawn_ranks(l->ranks, &(spawn_options){.deadline = 75},
                                 (const char *[]){IST_RANK_CHECKS, l->name, NULL});
    cr_assert(r.code == 0, "%s at %d ranks\n%s", l->name, l->ranks, spawn_story(&r));
    cr_assert(r.left == 0, "%s at %d ranks left %d processes", l->name, l->ranks, r.left);
}
