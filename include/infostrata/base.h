/* base: errors, text, numbers, hashes, random words, exact sums and index arithmetic.
 *
 * Local functions on plain values: no MPI, no HDF5. The collective half of the room is comm.h.
 */
#ifndef INFOSTRATA_BASE_H
#define INFOSTRATA_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#if defined(__GNUC__)
#define IST_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define IST_NORETURN __attribute__((noreturn))
#else
#define IST_PRINTF(text, first)
#define IST_NORETURN
#endif

/* ---- errors -------------------------------------------------------------------------------- */

/* What became of a call. The values are the program's exit codes (docs/manual.md). */
typedef enum {
    IST_OK = 0,
    IST_REFUSED = 2, /* bad command line, manifest or input: nothing was started */
    IST_BROKEN = 3,  /* cannot go on: files, full disk, memory, MPI */
    IST_FAILED = 4,  /* one task cannot be computed; the others go on */
    IST_STOPPED = 75 /* stopped with work left; the same command continues */
} ist_code;

enum { IST_ERROR_TEXT = 4096 };

/* An error is a value that the caller owns; {0} is "no error". */
typedef struct {
    ist_code code;
    char text[IST_ERROR_TEXT];
} ist_error;

/* Record an error and return its code. The first error recorded stays: a later one is dropped. */
ist_code ist_fail(ist_error *error, ist_code code, const char *format, ...) IST_PRINTF(3, 4);

/* ---- memory -------------------------------------------------------------------------------- */

/* Zeroed memory for count items of size bytes, 64-byte aligned, freed with ist_free. Never
 * returns NULL (also for count 0): exhausted memory ends the process through the handler below.
 * The plan refuses jobs that cannot fit before any of this memory is asked for. */
void *ist_alloc(size_t count, size_t size);
/* The same, not zeroed: for large room that is written before it is read. */
void *ist_alloc_unset(size_t count, size_t size);
/* As realloc for memory of ist_alloc that holds `used` items; grown part is zeroed. */
void *ist_grow(void *memory, size_t used, size_t count, size_t size);
void ist_free(void *memory);
char *ist_copy_text(const char *text);

/* Called once when memory is exhausted, with the bytes asked for; must not return. The default
 * prints one line and exits with IST_BROKEN; main replaces it by one that also ends the ranks. */
typedef void (*ist_memory_handler)(size_t bytes);
void ist_on_memory_exhausted(ist_memory_handler handler);

/* Bytes of this process in memory, with the programs and libraries that it runs: now, and at most
 * since it started. Both 0 if the system does not say. */
typedef struct {
    int64_t now, peak;
} ist_resident;
ist_resident ist_resident_memory(void);

/* ---- text ---------------------------------------------------------------------------------- */

/* A growing string. {0} is empty; data is NULL only while empty; release frees it. */
typedef struct {
    char *data;
    size_t length, capacity;
} ist_text;

void ist_text_add(ist_text *text, const char *format, ...) IST_PRINTF(2, 3);
void ist_text_add_v(ist_text *text, const char *format, va_list arguments);
void ist_text_add_bytes(ist_text *text, const char *bytes, size_t count);
/* Appends `value` as a JSON string with its quotes; control characters are escaped. */
void ist_text_add_json(ist_text *text, const char *value);
/* Appends "5 s", "12 min", "3.4 h" or "2.1 days"; "?" if negative. */
void ist_text_add_duration(ist_text *text, int64_t seconds);
void ist_text_release(ist_text *text);

/* The whole file as text (NUL-terminated beyond its length). Refused with a plain reason if it
 * cannot be read or is longer than limit bytes. */
ist_code ist_read_file(const char *path, size_t limit, ist_text *out, ist_error *error);

/* All bytes to an open file: short writes and EINTR go on, and a limit on file sizes (`ulimit -f`) is
 * an error like a full disk. False with errno otherwise. */
bool ist_write_all(int file, const char *bytes, size_t count);

/* Write a file whole or not at all: temporary name in the same folder (never through a link),
 * write, fsync, close, rename, fsync of the folder; every step's result is checked. */
ist_code ist_write_file(const char *path, const char *bytes, size_t count, ist_error *error);

/* Path of `path` seen from `folder` unless it is absolute; lexically normalised ("a/../b" is
 * "b"). The caller frees the result with ist_free. */
char *ist_join_path(const char *folder, const char *path);
/* The absolute path `path` written relative to the absolute folder `folder` ("../data/a.h5"). */
char *ist_relative_path(const char *path, const char *folder);
/* The folder part of a path ("." where it has none). */
char *ist_folder_of(const char *path);

/* ---- faults on purpose --------------------------------------------------------------------- */

/* A place where INFOSTRATA_FAULT=POINT:NTH:ACTION[@RANK][,...] lets something go wrong (docs/reliability.md): at the NTH time
 * (from it on: "NTH+") that this process comes by. Actions: kill9, segv, stop, sleep (a second), enospc, eio. Returns the errno
 * of a fault in a file operation, which the caller takes as if the operation had failed; 0 otherwise, and at once if the variable
 * is not set. */
int ist_fault(const char *point);
/* The same for file operations: false, with errno, if it is to fail. */
bool ist_fault_passed(const char *point);
/* Is the variable as it should be? Before any work. */
ist_code ist_fault_check(ist_error *error);
/* For tests in one process: as if the variable had this value (NULL: not set), all points counted anew. */
void ist_fault_set(const char *text);

/* ---- numbers ------------------------------------------------------------------------------- */

enum { IST_REAL_TEXT = 32 };

/* The whole text is one finite decimal number / integer, whatever the locale; no blanks. */
bool ist_parse_real(const char *text, double *value);
bool ist_parse_integer(const char *text, int64_t *value);
/* 17 significant digits ("%.17g"), always with '.'; NaN gives the empty string. */
const char *ist_format_real(double value, char buffer[IST_REAL_TEXT]);
/* The shortest text that reads back as the same number ("0.1", "4", "1e-05"). */
const char *ist_format_short(double value, char buffer[IST_REAL_TEXT]);
/* Order of names in which numbers inside them count as numbers: fc2 before fc10. */
int ist_compare_natural(const char *a, const char *b);
/* The candidate nearest to `word` in Damerau-Levenshtein distance, at most max(2, length / 3)
 * and less than the length, ignoring case; NULL if none is near. */
const char *ist_nearest_word(const char *word, const char *const *candidates, size_t count);

/* ---- hashes and random words --------------------------------------------------------------- */

typedef struct {
    uint64_t low, high;
} ist_hash;

/* XXH3-128: against accidents, not against attackers. */
ist_hash ist_hash_bytes(const void *bytes, size_t count, uint64_t seed);
int ist_hash_compare(ist_hash a, ist_hash b);
enum { IST_HASH_TEXT = 33 };
const char *ist_hash_format(ist_hash hash, char buffer[IST_HASH_TEXT]);
bool ist_hash_parse(const char *text, ist_hash *hash);

/* What a random word is for: a different purpose never meets the same counter. */
typedef enum {
    IST_RANDOM_TIES = 0,
    IST_RANDOM_PARTS = 1,
    IST_RANDOM_BENCH = 2,
    IST_RANDOM_NULL = 3,
    IST_RANDOM_SLICES = 4,
    IST_RANDOM_SAMPLES = 5,
    IST_RANDOM_BANDWIDTH = 6,
    IST_RANDOM_PROBES = 7
} ist_purpose;

/* Philox4x32-10 (Salmon et al. 2011; Random123), key = seed, counter = (item, purpose): the
 * same word on every rank and in every run. */
uint64_t ist_random_word(uint64_t seed, ist_purpose purpose, uint64_t item);

/* count standard normal numbers, the same everywhere: pair by pair (Box & Muller 1958) of the Philox words of key
 * seed and counter (pair, stream, purpose, branch). count is below 2^33. */
void ist_random_normals(uint64_t seed, ist_purpose purpose, uint32_t stream, uint32_t branch,
                        int64_t count, double *values);

/* order[0..n) = the rows 0..n-1 sorted by part, ascending within a part: part p holds positions
 * [start[p], start[p+1]), sizes differ by at most one. Row r's part depends on (n, parts, r)
 * alone. order holds n, start parts + 1 entries. */
void ist_random_parts(int64_t n, int parts, int64_t *order, int64_t *start);

/* Shuffles the items of each group, [start[g], start[g + 1]), in place (Fisher & Yates): round `round` of a seed is
 * the same everywhere. start[groups] is below 2^32. */
void ist_random_shuffle(uint64_t seed, uint64_t round, int groups, const int64_t *start,
                        int32_t *items);

/* ---- exact sums ---------------------------------------------------------------------------- */

__extension__ typedef __int128 ist_int128;

/* A sum of 128-bit integers kept as four 32-bit limbs, each in an int64: any number of additions stay
 * exact, and limbs of up to 2^31 ranks add with MPI_SUM in any order. */
enum { IST_WIDE_LIMBS = 4 };
void ist_wide_add(int64_t limbs[IST_WIDE_LIMBS], ist_int128 value);
ist_int128 ist_wide_value(const int64_t limbs[IST_WIDE_LIMBS]);

/* Neumaier's compensated sum, from the first value to the last: the same bits for the same order. */
double ist_sum_in_order(const double *values, int64_t count);

/* Ascending; no NaN. */
void ist_sort_reals(double *values, int64_t count);

/* ---- special functions --------------------------------------------------------------------- */

/* The same bits on every processor (SLEEF's functions without fused operations), within 1 ulp. */
double ist_ln(double x);
double ist_exp(double x);
/* cos(pi x) and sin(pi x). */
double ist_cos_pi(double x);
double ist_sin_pi(double x);
/* psi(n) of an integer n >= 1: the harmonic number of n - 1 less Euler's constant. */
double ist_digamma(int64_t n);
/* ln Gamma(twice / 2), twice >= 1. */
double ist_log_gamma_half(int64_t twice);

/* ---- index arithmetic ---------------------------------------------------------------------- */

/* First item of share `part` when `n` items are cut into `parts` contiguous shares whose sizes
 * differ by at most one: share p is [ist_share(n,parts,p), ist_share(n,parts,p+1)). */
int64_t ist_share(int64_t n, int64_t parts, int64_t part);
static inline int64_t ist_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t ist_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline int64_t ist_ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Seconds of the monotonic clock. */
double ist_seconds(void);
/* Cores of this machine that are switched on, at least 1. */
int ist_core_count(void);
/* UTC now as 2026-01-31T23:59:59Z. */
enum { IST_TIME_TEXT = 32 };
const char *ist_utc(char buffer[IST_TIME_TEXT]);

/* ---- log ----------------------------------------------------------------------------------- */

/* Lines for people: to stderr (unless quiet) and, with time stamps, to a file (unless NULL). A log
 * with speaks = false (every rank but one) drops what it is told. */
typedef struct {
    bool speaks, quiet;
    FILE *file;
    double start;
    bool passing; /* a line that the next one takes the place of stands on the terminal */
} ist_log;

void ist_log_line(ist_log *log, const char *format, ...) IST_PRINTF(2, 3);
/* To stderr alone, a terminal: the next line, of either kind, takes its place. "": takes it away. */
void ist_log_passing(ist_log *log, const char *line);

#endif
