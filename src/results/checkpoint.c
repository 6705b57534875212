/* Files of passes that are kept: superblock after superblock with a checksum each, and a line that says what they are. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "appender.h"
#include "json.h"
#include "line.h"

enum { FORMAT = 1, SUM = sizeof(ist_hash), MANIFEST = -1 };

void ist_checkpoint_release(ist_checkpoint *checkpoint)
{
    ist_free(checkpoint->first_block);
    ist_free(checkpoint->progress);
    *checkpoint = (ist_checkpoint){0};
}

int64_t ist_checkpoint_bytes(const ist_kept *kept)
{
    return kept->rows * kept->row_bytes + kept->blocks * SUM + 2 * (int64_t)kept->progress_bytes;
}

/* ---- the line -------------------------------------------------------------------------------------- */

static void add_hex(ist_text *out, const char *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        const char pair[2] = {digits[byte / 16], digits[byte % 16]};
        ist_text_add_bytes(out, pair, 2);
    }
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *text, ist_checkpoint *out)
{
    size_t length = strlen(text);
    out->progress = ist_alloc(length / 2 + 1, 1);
    out->kept.progress = out->progress;
    out->kept.progress_bytes = length / 2;
    for (size_t i = 0; i + 1 < length; i += 2) {
        int high = digit_of(text[i]), low = digit_of(text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out->progress[i / 2] = (char)(16 * high + low);
    }
    return length % 2 == 0;
}

void ist_checkpoint_line(const ist_checkpoint *c, ist_text *out)
{
    char hash[IST_HASH_TEXT];
    const ist_kept *kept = &c->kept;
    ist_text_add(out,
                 "{\"kind\":\"checkpoint\",\"format\":%d,\"identity\":\"%s\",\"what\":", FORMAT,
                 ist_hash_format(kept->identity, hash));
    ist_text_add_json(out, kept->what);
    ist_text_add(out,
                 ",\"generation\":%" PRId64 ",\"width\":%" PRId64 ",\"rows\":%" PRId64
                 ",\"blocks\":%" PRId64 ",\"row_bytes\":%" PRId64 ",\"complete\":%d,\"files\":[",
                 c->generation, kept->width, kept->rows, kept->blocks, kept->row_bytes,
                 kept->complete);
    for (int64_t f = 0; f <= c->files; f++)
        ist_text_add(out, "%s%" PRId64, f ? "," : "", c->first_block[f]);
    ist_text_add(out, "],\"progress\":\"");
    add_hex(out, kept->progress, kept->progress_bytes);
    ist_text_add(out, "\"");
    ist_line_seal(out);
}

/* Ascending from 0 to the number of superblocks. */
static bool read_files(ist_json array, ist_checkpoint *out)
{
    ist_json item = {NULL, NULL};
    int64_t count = 0;
    if (!ist_json_is_array(array))
        return false;
    while (ist_json_next(array, &item)) {
        out->first_block =
            ist_grow(out->first_block, (size_t)count, (size_t)count + 1, sizeof *out->first_block);
        if (!ist_json_integer(item, &out->first_block[count]) ||
            out->first_block[count] < (count ? out->first_block[count - 1] : 0))
            return false;
        count++;
    }
    out->files = count - 1;
    return count >= 2 && out->first_block[0] == 0 &&
           out->first_block[count - 1] == out->kept.blocks;
}

static bool read_line(const ist_json_object *line, ist_checkpoint *out)
{
    ist_kept *kept = &out->kept;
    int64_t format, complete;
    char *what = NULL, *progress = NULL;
    bool good = ist_json_equals(ist_json_member(line, "kind"), "checkpoint") &&
                ist_json_integer(ist_json_member(line, "format"), &format) && format == FORMAT &&
                ist_json_hash(ist_json_member(line, "identity"), &kept->identity) &&
                ist_json_integer(ist_json_member(line, "generation"), &out->generation) &&
                ist_json_integer(ist_json_member(line, "width"), &kept->width) &&
                ist_json_integer(ist_json_member(line, "rows"), &kept->rows) &&
                ist_json_integer(ist_json_member(line, "blocks"), &kept->blocks) &&
                ist_json_integer(ist_json_member(line, "row_bytes"), &kept->row_bytes) &&
                ist_json_integer(ist_json_member(line, "complete"), &complete) &&
                read_files(ist_json_member(line, "files"), out) &&
                ist_json_text(ist_json_member(line, "what"), &what) &&
                ist_json_text(ist_json_member(line, "progress"), &progress) &&
                read_hex(progress, out);
    if (good) {
        kept->complete = complete != 0;
        snprintf(kept->what, sizeof kept->what, "%s", what);
    }
    ist_free(what);
    ist_free(progress);
    return good;
}

bool ist_checkpoint_parse(const char *line, size_t length, ist_checkpoint *out)
{
    ist_json_object object;
    *out = (ist_checkpoint){0};
    if (ist_line_open(line, length, &object) && read_line(&object, out))
        return true;
    ist_checkpoint_release(out);
    return false;
}

/* ---- names ------------------------------------------------------------------------------------------ */

/* Of a file, or MANIFEST. */
static char *path_of(const char *folder, const ist_checkpoint *c, int64_t file)
{
    char hash[IST_HASH_TEXT];
    ist_text name = {0};
    ist_text_add(&name, "%s-%" PRId64, ist_hash_format(c->kept.identity, hash), c->generation);
    if (file == MANIFEST)
        ist_text_add(&name, ".json");
    else
        ist_text_add(&name, ".%" PRId64 ".raw", file);
    char *path = ist_join_path(folder, name.data);
    ist_text_release(&name);
    return path;
}

/* Is it a name that this file gives? `stem`: the bytes up to the generation's end. */
static bool is_ours(const char *name, size_t *stem)
{
    enum { DIGITS = IST_HASH_TEXT - 1 };
    if (strspn(name, "0123456789abcdef") != DIGITS || name[DIGITS] != '-')
        return false;
    size_t generation = strspn(name + DIGITS + 1, "0123456789");
    const char *rest = name + DIGITS + 1 + generation;
    *stem = (size_t)(rest - name);
    if (strcmp(rest, ".json") == 0)
        return generation > 0;
    size_t file = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
    return generation > 0 && file > 0 && strcmp(rest + 1 + file, ".raw") == 0;
}

static bool ends_with(const char *name, const char *ending)
{
    size_t length = strlen(name), tail = strlen(ending);
    return length >= tail && strcmp(name + length - tail, ending) == 0;
}

/* ---- the folder --------------------------------------------------------------------------------------- */

typedef struct {
    char **name;
    size_t count;
} names;

static ist_code list(const char *path, names *out, ist_error *error)
{
    *out = (names){0};
    DIR *directory = opendir(path);
    if (!directory && errno == ENOENT)
        return IST_OK;
    if (!directory)
        return ist_fail(error, IST_BROKEN, "cannot read the folder '%s': %s", path,
                        strerror(errno));
    for (const struct dirent *entry; (entry = readdir(directory));) {
        out->name = ist_grow(out->name, out->count, out->count + 1, sizeof *out->name);
        out->name[out->count++] = ist_copy_text(entry->d_name);
    }
    closedir(directory);
    return IST_OK;
}

static void names_release(names *n)
{
    for (size_t i = 0; i < n->count; i++)
        ist_free(n->name[i]);
    ist_free(n->name);
}

static void remove_in(const char *path, const char *name)
{
    char *file = ist_join_path(path, name);
    unlink(file);
    ist_free(file);
}

/* The line of one of the folder's .json; false if there is none to be believed. */
static bool read_one(const char *folder, const char *name, ist_text *lines)
{
    ist_text text = {0};
    ist_error ignored = {0};
    ist_checkpoint c;
    char *file = ist_join_path(folder, name), *own = NULL;
    bool good = ist_read_plain(file, &text, &ignored) == IST_OK && text.length > 0 &&
                ist_checkpoint_parse(text.data, text.length - 1, &c);
    if (good) {
        /* A file that somebody renamed would be looked for in vain. */
        own = path_of(folder, &c, MANIFEST);
        good = strcmp(strrchr(own, '/') + 1, name) == 0;
        if (good)
            ist_text_add_bytes(lines, text.data, text.length);
        ist_checkpoint_release(&c);
    }
    ist_free(own);
    ist_free(file);
    ist_text_release(&text);
    return good;
}

static bool has_manifest(const names *n, const char *name, size_t stem)
{
    for (size_t i = 0; i < n->count; i++)
        if (ends_with(n->name[i], ".json") && strncmp(n->name[i], name, stem) == 0 &&
            strcmp(n->name[i] + stem, ".json") == 0)
            return true;
    return false;
}

ist_code ist_checkpoints_read(const char *folder, ist_text *lines, size_t *dropped,
                              ist_error *error)
{
    names n;
    size_t stem;
    *dropped = 0;
    list(folder, &n, error);
    for (size_t i = 0; i < n.count; i++)
        if (ends_with(n.name[i], ".json") && is_ours(n.name[i], &stem) &&
            !read_one(folder, n.name[i], lines)) {
            remove_in(folder, n.name[i]);
            n.name[i][0] = '\0';
            ++*dropped;
        }
    for (size_t i = 0; i < n.count; i++)
        if (ends_with(n.name[i], ".tmp") ||
            (is_ours(n.name[i], &stem) && ends_with(n.name[i], ".raw") &&
             !has_manifest(&n, n.name[i], stem)))
            remove_in(folder, n.name[i]);
    names_release(&n);
    return error->code;
}

ist_code ist_checkpoints_prepare(const char *folder, ist_error *error)
{
    struct stat info;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        ist_fail(error, IST_BROKEN, "cannot make the folder '%s': %s", folder, strerror(errno));
    else if (lstat(folder, &info) != 0 || !S_ISDIR(info.st_mode))
        ist_fail(error, IST_BROKEN, "'%s' is not a folder", folder);
    return error->code;
}

void ist_checkpoints_remove(const char *folder)
{
    names n;
    size_t stem;
    ist_error ignored = {0};
    list(folder, &n, &ignored);
    for (size_t i = 0; i < n.count; i++)
        if (is_ours(n.name[i], &stem) || ends_with(n.name[i], ".tmp"))
            remove_in(folder, n.name[i]);
    names_release(&n);
    rmdir(folder);
}

void ist_checkpoint_remove_file(const char *folder, const ist_checkpoint *c, int64_t file)
{
    char *path = path_of(folder, c, file);
    unlink(path);
    ist_free(path);
}

void ist_checkpoint_remove(const char *folder, const ist_checkpoint *c)
{
    ist_checkpoint_remove_file(folder, c, MANIFEST);
    for (int64_t f = 0; f < c->files; f++)
        ist_checkpoint_remove_file(folder, c, f);
}

/* ---- writing --------------------------------------------------------------------------------------------- */

/* Bytes of another checkpoint, or of another superblock, are as wrong as damaged ones. */
static uint64_t seed_of(const ist_checkpoint *c, int64_t block)
{
    const uint64_t parts[] = {c->kept.identity.low, c->kept.identity.high, (uint64_t)c->generation,
                              (uint64_t)block};
    return ist_hash_bytes(parts, sizeof parts, 0).low;
}

static bool write_blocks(int descriptor, const ist_checkpoint *c, int64_t file,
                         const ist_blocks *blocks, ist_pack_block *pack, const void *source)
{
    char *bytes = NULL;
    bool good = true;
    for (int64_t b = c->first_block[file]; b < c->first_block[file + 1] && good; b++) {
        size_t count = (size_t)((blocks->start[b + 1] - blocks->start[b]) * c->kept.row_bytes);
        bytes = ist_grow(bytes, 0, count + SUM, 1);
        pack(source, b, bytes);
        ist_hash sum = ist_hash_bytes(bytes, count, seed_of(c, b));
        memcpy(bytes + count, &sum, SUM);
        good =
            ist_fault_passed("checkpoint.write") && ist_write_all(descriptor, bytes, count + SUM);
    }
    int reason = errno;
    ist_free(bytes);
    errno = reason;
    return good;
}

/* Forces to disk and closes; errno is the first reason. */
static bool finish(int descriptor, bool good)
{
    int reason = errno;
    if (good && (!ist_fault_passed("checkpoint.sync") || fsync(descriptor) != 0)) {
        good = false;
        reason = errno;
    }
    bool closed = close(descriptor) == 0;
    if (good && (!closed || !ist_fault_passed("checkpoint.close"))) {
        good = false;
        reason = errno;
    }
    errno = reason;
    return good;
}

static long long free_bytes(const char *folder)
{
    struct statvfs disk;
    return statvfs(folder, &disk) == 0 ? (long long)disk.f_bavail * (long long)disk.f_frsize : -1;
}

ist_code ist_checkpoint_write_file(const char *folder, const ist_checkpoint *c, int64_t file,
                                   const ist_blocks *blocks, ist_pack_block *pack,
                                   const void *source, ist_error *error)
{
    char *path = path_of(folder, c, file);
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    unlink(path); /* of a checkpoint that was begun */
    int descriptor = ist_fault_passed("checkpoint.create") ? open(path, flags, 0666) : -1;
    bool good = descriptor >= 0 &&
                finish(descriptor, write_blocks(descriptor, c, file, blocks, pack, source));
    if (!good) {
        ist_fail(error, IST_BROKEN, "cannot write '%s': %s (%" PRId64 " bytes needed, %lld free)",
                 path, strerror(errno), ist_checkpoint_bytes(&c->kept), free_bytes(folder));
        unlink(path);
    }
    ist_free(path);
    return error->code;
}

ist_code ist_checkpoint_write(const char *folder, const ist_checkpoint *c, ist_error *error)
{
    ist_text line = {0};
    ist_checkpoint_line(c, &line);
    char *path = path_of(folder, c, MANIFEST);
    ist_write_file(path, line.data, line.length, error);
    ist_free(path);
    ist_text_release(&line);
    return error->code;
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

static bool read_at(int descriptor, char *bytes, size_t count, off_t at)
{
    while (count > 0) {
        ssize_t got = pread(descriptor, bytes, count, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        bytes += got;
        at += got;
        count -= (size_t)got;
    }
    return true;
}

bool ist_checkpoint_read(const char *folder, const ist_checkpoint *c, const ist_blocks *blocks,
                         int64_t block, void *bytes)
{
    int64_t file = 0;
    if (block < 0 || block >= c->kept.blocks || !ist_fault_passed("checkpoint.read"))
        return false;
    while (c->first_block[file + 1] <= block)
        file++;
    int64_t before = c->first_block[file];
    int64_t at =
        (blocks->start[block] - blocks->start[before]) * c->kept.row_bytes + (block - before) * SUM;
    size_t count = (size_t)((blocks->start[block + 1] - blocks->start[block]) * c->kept.row_bytes);
    char *path = path_of(folder, c, file);
    int descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    ist_free(path);
    if (descriptor < 0)
        return false;
    ist_hash sum;
    bool good = read_at(descriptor, bytes, count, (off_t)at) &&
                read_at(descriptor, (char *)&sum, SUM, (off_t)(at + (int64_t)count));
    close(descriptor);
    return good && ist_hash_compare(sum, ist_hash_bytes(bytes, count, seed_of(c, block))) == 0;
}
