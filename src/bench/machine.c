#include <string.h>

#include "machine.h"

static const char *const avx512 = "AVX-512", *const avx2 = "AVX2", *const avx = "AVX";
static const char *const sse = "SSE", *const plain = "plain C", *const other = "other";

const char *ist_set_of_kernel(const ist_kernel *kernel)
{
    if (strncmp(kernel->name, "avx512", 6) == 0)
        return avx512;
    return strcmp(kernel->name, "avx2") == 0 ? avx2 : plain;
}

const char *ist_set_widest(void)
{
    return ist_set_of_kernel(ist_kernel_choose(NULL));
}

/* The names of OpenBLAS 0.3 (driver/others/dynamic.c) for x86-64; unknown ones are not compared. */
const char *ist_set_of_core(const char *core)
{
    static const struct {
        const char *const *set;
        const char *core;
    } cores[] = {
        {&avx512, "SkylakeX"},  {&avx512, "Cooperlake"}, {&avx512, "SapphireRapids"},
        {&avx2, "Haswell"},     {&avx2, "Zen"},          {&avx, "Sandybridge"},
        {&avx, "Bulldozer"},    {&avx, "Piledriver"},    {&avx, "Steamroller"},
        {&avx, "Excavator"},    {&sse, "Prescott"},      {&sse, "Core2"},
        {&sse, "Penryn"},       {&sse, "Dunnington"},    {&sse, "Nehalem"},
        {&sse, "Atom"},         {&sse, "Nano"},          {&sse, "Athlon"},
        {&sse, "Opteron_SSE3"}, {&sse, "Opteron"},       {&sse, "Barcelona"},
        {&sse, "Bobcat"},
    };
    for (size_t c = 0; c < sizeof cores / sizeof cores[0]; c++)
        if (strcasecmp(core, cores[c].core) == 0)
            return *cores[c].set;
    return other;
}

const char *ist_core_for(const char *set)
{
    if (set == avx512)
        return "SkylakeX";
    return set == avx2 ? "Haswell" : NULL;
}

/* Line by line: on a large machine the file is long, and the name comes early. */
void ist_processor(ist_text *out)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[256];
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        const char *value = strchr(line, ':');
        found = value && strncmp(line, "model name", strlen("model name")) == 0;
        if (found) {
            value += 1 + strspn(value + 1, " ");
            ist_text_add(out, "%.*s", (int)strcspn(value, "\n"), value);
        }
    }
    if (file)
        fclose(file);
    if (!found)
        ist_text_add(out, "unknown processor");
}
