/* Every check of tests/ranks/check_*.c at 1, 2 and 5 ranks (or those in IST_RANKS, as "34"; sanitized at 3). Each launch is a
 * test of its own. */
#include "../harness/scratch.h"
#include "../harness/spawn.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char name[100];
    int ranks;
} launch;

ParameterizedTestParameters(ranks, check)
{
    spawn_result list = spawn_run(NULL, (const char *[]){IST_RANK_CHECKS, "--list", NULL});
    const char *chosen = getenv("IST_RANKS");
    chosen = chosen ? chosen : "125";
    size_t names = 0, count = 0;
    for (const char *at = list.out; (at = strchr(at, '\n')); at++)
        names++;
    launch *launches = cr_malloc((names * strlen(chosen) + 1) * sizeof *launches);
    for (const char *at = list.out; *at; at += strcspn(at, "\n") + 1)
        for (const char *digit = chosen; *digit; digit++, count++) {
            launches[count].ranks = *digit - '0';
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
