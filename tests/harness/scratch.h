/* scratch: files and memory that live until the test's process ends. No dependency on Criterion or MPI.
 * A helper that cannot do its work (disk full, no memory) ends the process with a line on stderr: the
 * test then counts as crashed. */
#ifndef TESTS_HARNESS_SCRATCH_H
#define TESTS_HARNESS_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

/* This test's own empty folder, made at the first call under $TMPDIR (or /tmp), removed at exit.
 * With IST_KEEP_SCRATCH set it stays and its name is printed. */
const char *scratch_dir(void);
/* A path inside it, from a printf format; folders on the way are made. */
const char *scratch_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Memory and text of the test. */
void *scratch_alloc(size_t size);
const char *scratch_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whole files. */
void file_write(const char *path, const void *bytes, size_t size);
void file_write_text(const char *path, const char *text);
/* NUL-terminated; NULL if the file cannot be read. size may be NULL. */
char *file_read(const char *path, size_t *size);
bool file_exists(const char *path);
/* -1 if there is none. */
long long file_size(const char *path);
void file_truncate(const char *path, size_t size);
/* Turns over one bit. */
void file_flip(const char *path, size_t byte, int bit);
/* Byte for byte; false if one cannot be read. */
bool file_same(const char *a, const char *b);

/* Where two texts first differ: "line 3: 'abc' is not 'abd'", or NULL if they are equal. */
const char *text_difference(const char *got, const char *expected);

#endif
