/* Every check of tests/ranks/check_*.c on groups of 1, 2, 3, 4 and 5 ranks, which one launch of five ranks makes: five launches
 * would take longer than what they check. With IST_RANKS ("35") at these numbers, each a launch of its own. */
#include "../harness/scratch.h"
#include "../harness/spawn.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char name[100];
    int ranks; /* 0: groups of all sizes */
} launch;

ParameterizedTestParameters(ranks, check)
{
    spawn_result list = spawn_run(NULL, (const char *[]){IST_RANK_CHECKS, "--list", NULL});
    const char *chosen = getenv("IST_RANKS");
    chosen = chosen ? chosen : "0";
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

ParameterizedTest(launch *l, ranks, check, .timeout = 200)
{
    enum { LARGEST = 5 };
    const char *const at_once[] = {IST_RANK_CHECKS, l->name, NULL};
    const char *const all_sizes[] = {IST_RANK_CHECKS, "--sizes", l->name, NULL};
    spawn_result r = spawn_ranks(l->ranks ? l->ranks : LARGEST, &(spawn_options){.deadline = 180},
                                 l->ranks ? at_once : all_sizes);
    cr_assert(r.code == 0, "%s at %d ranks\n%s", l->name, l->ranks, spawn_story(&r));
    cr_assert(r.left == 0, "%s at %d ranks left %d processes", l->name, l->ranks, r.left);
}
