#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CANNOT(...) (fprintf(stderr, "harness: cannot " __VA_ARGS__), fputc('\n', stderr), abort())

/* ---- memory ---- */

/* A list, so that a leak checker sees that it is still held; freed at exit. */
typedef struct block {
    struct block *next;
    max_align_t bytes[];
} block;

static block *blocks;

static void free_blocks(void)
{
    while (blocks) {
        block *next = blocks->next;
        free(blocks);
        blocks = next;
    }
}

void *scratch_alloc(size_t size)
{
    block *b = calloc(1, sizeof *b + size);
    if (!b)
        CANNOT("allocate %zu bytes", size);
    if (!blocks)
        atexit(free_blocks);
    b->next = blocks;
    blocks = b;
    return b->bytes;
}

static char *format_text(const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *text = scratch_alloc((size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

const char *scratch_text(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = format_text(format, args);
    va_end(args);
    return text;
}

/* ---- the folder ---- */

static char folder[4096];
static pid_t owner;

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

/* Only in the process that made it: a forked child that exits must leave it alone. */
static void remove_folder(void)
{
    if (getpid() != owner)
        return;
    if (getenv("IST_KEEP_SCRATCH"))
        fprintf(stderr, "kept: %s\n", folder);
    else
        nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_dir(void)
{
    if (folder[0])
        return folder;
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/ist-XXXXXX", parent && *parent ? parent : "/tmp");
    if (!mkdtemp(folder))
        CANNOT("make a folder %s: %s", folder, strerror(errno));
    owner = getpid();
    atexit(remove_folder);
    return folder;
}

static void make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            CANNOT("make the folder %s: %s", path, strerror(errno));
        *slash = '/';
    }
}

const char *scratch_path(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *name = format_text(format, args);
    va_end(args);
    const char *dir = scratch_dir();
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = scratch_alloc(size);
    snprintf(path, size, "%s/%s", dir, name);
    make_parents(path);
    return path;
}

/* ---- files ---- */

void file_write(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        CANNOT("write %s: %s", path, strerror(errno));
}

void file_write_text(const char *path, const char *text)
{
    file_write(path, text, strlen(text));
}

char *file_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    size_t room = 1 << 16, used = 0;
    char *bytes = scratch_alloc(room);
    for (size_t got; (got = fread(bytes + used, 1, room - 1 - used, file)) > 0;) {
        used += got;
        if (room - 1 - used == 0) {
            char *larger = scratch_alloc(2 * room);
            memcpy(larger, bytes, used);
            bytes = larger;
            room *= 2;
        }
    }
    bool failed = ferror(file);
    fclose(file);
    bytes[used] = '\0';
    if (size)
        *size = used;
    return failed ? NULL : bytes;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

long long file_size(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (long long)info.st_size : -1;
}

void file_truncate(const char *path, size_t size)
{
    if (truncate(path, (off_t)size) != 0)
        CANNOT("truncate %s: %s", path, strerror(errno));
}

void file_flip(const char *path, size_t byte, int bit)
{
    unsigned char value;
    int file = open(path, O_RDWR);
    if (file < 0 || pread(file, &value, 1, (off_t)byte) != 1)
        CANNOT("read byte %zu of %s", byte, path);
    value = (unsigned char)(value ^ (1u << bit));
    if (pwrite(file, &value, 1, (off_t)byte) != 1 || close(file) != 0)
        CANNOT("write byte %zu of %s", byte, path);
}

bool file_same(const char *a, const char *b)
{
    size_t size_a, size_b;
    const char *bytes_a = file_read(a, &size_a), *bytes_b = file_read(b, &size_b);
    return bytes_a && bytes_b && size_a == size_b && memcmp(bytes_a, bytes_b, size_a) == 0;
}

/* ---- texts ---- */

static int line_length(const char *line)
{
    return (int)strcspn(line, "\n");
}

const char *text_difference(const char *got, const char *expected)
{
    for (int number = 1;; number++) {
        int length_got = line_length(got), length_expected = line_length(expected);
        if (length_got != length_expected || memcmp(got, expected, (size_t)length_got) != 0 ||
            got[length_got] != expected[length_expected])
            return scratch_text("line %d: '%.*s'%s is not '%.*s'%s", number, length_got, got,
                                got[length_got] ? "" : " (end)", length_expected, expected,
                                expected[length_expected] ? "" : " (end)");
        if (!got[length_got])
            return NULL;
        got += length_got + 1;
        expected += length_expected + 1;
    }
}
