#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "infostrata/bench.h"
#include "machine.h"

/* Which step of the two below was taken, so that none is taken twice. */
static const char *const guard = "INFOSTRATA_BENCH_STEP";
enum { CLEARED = 1, FORCED = 2 };

static int step_taken(void)
{
    const char *text = getenv(guard);
    int64_t step = 0;
    return text && ist_parse_integer(text, &step) ? (int)step : 0;
}

static bool belongs_to_blas(const char *entry)
{
    static const char *const prefixes[] = {"OPENBLAS_", "GOTO_", "GOTOBLAS_"};
    for (size_t p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++)
        if (strncmp(entry, prefixes[p], strlen(prefixes[p])) == 0)
            return true;
    return false;
}

/* Whether there were any. unsetenv moves the entries behind, so every find starts anew. */
static bool clear_variables(void)
{
    bool any = false;
    for (char **entry = environ; *entry;) {
        if (!belongs_to_blas(*entry)) {
            entry++;
            continue;
        }
        char *name = ist_copy_text(*entry);
        name[strcspn(name, "=")] = '\0';
        any = unsetenv(name) == 0;
        ist_free(name);
        if (!any)
            return false;
        entry = environ;
    }
    return any;
}

static void start_anew(char **argv)
{
    execv("/proc/self/exe", argv);
}

static void take_step(char **argv, int step)
{
    char text[2] = {(char)('0' + step), '\0'};
    if (setenv(guard, text, 1) == 0)
        start_anew(argv);
}

/* The core to be named, if OpenBLAS's own choice is narrower than the machine; NULL: none. */
static const char *wider_core(const char *core)
{
    const char *wanted = ist_core_for(ist_set_widest());
    return wanted && ist_set_of_core(core) != ist_set_widest() ? wanted : NULL;
}

/* OpenBLAS reads its variables while it is loaded, long before main. Its own choice can be known only to a
 * process that was started without them: hence two steps. */
void ist_bench_environment(const char *core, char **argv)
{
    int step = step_taken();
    if (step < CLEARED && clear_variables())
        take_step(argv, CLEARED);
    const char *wanted = wider_core(core);
    if (step < FORCED && wanted && setenv("OPENBLAS_CORETYPE", wanted, 1) == 0)
        take_step(argv, FORCED);
}

void ist_blas_environment(const char *core, char **argv)
{
    const char *wanted = wider_core(core);
    if (wanted && !getenv("OPENBLAS_CORETYPE") && setenv("OPENBLAS_CORETYPE", wanted, 1) == 0)
        start_anew(argv);
}
