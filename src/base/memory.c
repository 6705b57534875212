#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "infostrata/base.h"

enum { ALIGNMENT = 64 };

static void IST_NORETURN give_up(size_t bytes)
{
    fprintf(stderr, "infostrata: error: out of memory (%zu more bytes were asked for)\n", bytes);
    exit(IST_BROKEN);
}

/* The one mutable global of the program: it is set once, in main, before any rank can fail. */
static ist_memory_handler memory_handler = give_up;

void ist_on_memory_exhausted(ist_memory_handler handler)
{
    memory_handler = handler;
}

static void IST_NORETURN exhausted(size_t bytes)
{
    memory_handler(bytes);
    abort();
}

static size_t whole_lines(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT)
        exhausted(SIZE_MAX);
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return bytes ? bytes : ALIGNMENT;
}

void *ist_alloc_unset(size_t count, size_t size)
{
    size_t bytes = whole_lines(count, size);
    void *memory = aligned_alloc(ALIGNMENT, bytes);
    if (!memory)
        exhausted(bytes);
    return memory;
}

void *ist_alloc(size_t count, size_t size)
{
    return memset(ist_alloc_unset(count, size), 0, whole_lines(count, size));
}

void *ist_grow(void *memory, size_t used, size_t count, size_t size)
{
    void *grown = ist_alloc(count, size);
    if (memory && used > 0)
        memcpy(grown, memory, (used < count ? used : count) * size);
    ist_free(memory);
    return grown;
}

void ist_free(void *memory)
{
    free(memory);
}

char *ist_copy_text(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(ist_alloc(bytes, 1), text, bytes);
}

static int64_t status_bytes(const ist_text *status, const char *field)
{
    const char *line = strstr(status->data, field);
    int64_t kilobytes;
    if (!line || sscanf(line + strlen(field), ": %" SCNd64, &kilobytes) != 1)
        return 0;
    return 1024 * kilobytes;
}

/* Not getrusage: what that calls the maximum of a process begins with that of the process which
 * started it. */
ist_resident ist_resident_memory(void)
{
    ist_text status = {0};
    ist_error error = {0};
    ist_resident resident = {0};
    if (ist_read_file("/proc/self/status", 1 << 20, &status, &error) == IST_OK && status.data) {
        resident.now = status_bytes(&status, "\nVmRSS");
        resident.peak = status_bytes(&status, "\nVmHWM");
    }
    ist_text_release(&status);
    return resident;
}
