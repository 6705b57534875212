/* How much memory the program may use here: what is free, and what the batch system or a container gives. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "job.h"

static bool read_number(const char *path, int64_t *value)
{
    ist_text text = {0};
    ist_error ignored = {0};
    bool good = false;
    if (ist_read_file(path, 1 << 12, &text, &ignored) == IST_OK && text.length > 0) {
        text.data[strcspn(text.data, "\n")] = '\0';
        good = ist_parse_integer(text.data, value); /* "max" is none */
    }
    ist_text_release(&text);
    return good;
}

static int64_t system_memory(void)
{
    ist_text text = {0};
    ist_error ignored = {0};
    int64_t bytes = 0;
    if (ist_read_file("/proc/meminfo", 1 << 20, &text, &ignored) == IST_OK) {
        const char *line = strstr(text.data, "MemAvailable:");
        if (line && sscanf(line, "MemAvailable: %" SCNd64, &bytes) == 1)
            bytes *= 1024;
    }
    ist_text_release(&text);
    return bytes;
}

/* Bytes of a variable that Slurm sets in MiB; 0: it did not, or gives all there is. */
static int64_t slurm_memory(const char *name)
{
    const char *text = getenv(name);
    int64_t mib;
    if (!text || !ist_parse_integer(text, &mib) || mib <= 0 || mib > INT64_MAX >> 20)
        return 0;
    return mib << 20;
}

static int64_t slurm_cpus(void)
{
    const char *text = getenv("SLURM_CPUS_PER_TASK");
    int64_t cpus;
    return text && ist_parse_integer(text, &cpus) && cpus > 0 ? cpus : 1;
}

static void least(ist_memory_room *room, int64_t bytes, const char *from)
{
    if (bytes <= 0 || (room->bytes > 0 && bytes >= room->bytes))
        return;
    room->bytes = bytes;
    room->from = from;
}

/* The group of this process and those above it; `file` says how much each may have. */
static void cgroup_limits(ist_memory_room *room, const char *root, const char *group,
                          const char *file, int ranks)
{
    ist_text at = {0};
    ist_text_add(&at, "%s%s", root, group);
    for (size_t length = at.length; length >= strlen(root); length--) {
        if (length > strlen(root) && length < at.length && at.data[length] != '/')
            continue;
        ist_text path = {0};
        int64_t limit;
        ist_text_add(&path, "%.*s/%s", (int)length, at.data, file);
        if (read_number(path.data, &limit))
            least(room, limit / ranks, "the control group");
        ist_text_release(&path);
    }
    ist_text_release(&at);
}

/* Lines "0::/path" (version 2) and "5:memory:/path" (version 1). */
ist_memory_room ist_cgroup_memory(const char *groups, const char *root, int ranks)
{
    ist_memory_room room = {0};
    ist_text text = {0}, version1 = {0};
    ist_error ignored = {0};
    ist_text_add(&version1, "%s/memory", root);
    if (ist_read_file(groups, 1 << 16, &text, &ignored) == IST_OK)
        for (char *line = text.data, *end; line && *line; line = end ? end + 1 : NULL) {
            end = strchr(line, '\n');
            if (end)
                *end = '\0';
            const char *path = strchr(line, ':');
            path = path ? strchr(path + 1, ':') : NULL;
            if (path && strncmp(line, "0::", 3) == 0)
                cgroup_limits(&room, root, path + 1, "memory.max", ranks);
            else if (path && strstr(line, ":memory:"))
                cgroup_limits(&room, version1.data, path + 1, "memory.limit_in_bytes", ranks);
        }
    ist_text_release(&text);
    ist_text_release(&version1);
    return room;
}

/* What `ulimit -v` leaves of this process's addresses; 0: it sets no limit. */
static int64_t addresses_left(void)
{
    struct rlimit limit;
    ist_text text = {0};
    ist_error ignored = {0};
    long long pages = 0;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur > INT64_MAX)
        return 0;
    if (ist_read_file("/proc/self/statm", 1 << 12, &text, &ignored) != IST_OK ||
        sscanf(text.data, "%lld", &pages) != 1)
        pages = 0;
    ist_text_release(&text);
    return ist_max((int64_t)limit.rlim_cur - pages * sysconf(_SC_PAGESIZE), 1);
}

ist_memory_room ist_available_memory(int ranks)
{
    ist_memory_room room = {.from = "this machine"};
    least(&room, system_memory() / ranks, "free memory");
    /* What the program itself takes is counted there, too. */
    int64_t program = ist_resident_memory().now;
    ist_memory_room given = {0};
    least(&given, slurm_memory("SLURM_MEM_PER_NODE") / ranks, "SLURM_MEM_PER_NODE");
    least(&given, slurm_memory("SLURM_MEM_PER_CPU") * slurm_cpus(), "SLURM_MEM_PER_CPU");
    ist_memory_room group = ist_cgroup_memory("/proc/self/cgroup", "/sys/fs/cgroup", ranks);
    least(&given, group.bytes, group.from);
    if (given.bytes > 0)
        least(&room, ist_max(given.bytes - program, 1), given.from);
    least(&room, addresses_left(), "ulimit -v");
    return room;
}
