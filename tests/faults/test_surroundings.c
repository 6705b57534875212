/* What surrounds a run goes wrong: disks, folders, views, terminals, locales, memory. */
#include "../program/support.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N = 150 };

static const char *write_job(void)
{
    input_example("x.h5", N, 1);
    return job_new("x", "input: {file: x.h5, layers: [a, b], labels: [y]}\n"
                        "measures:\n  - imbalance: {k: [1, 3]}\n"
                        "  - mi-sliced: {target: y, slices: 20, per_slice: true}\n");
}

/* A line of bash in the scratch folder; $P is the program. */
static spawn_result shell(const char *line)
{
    const char *argv[] = {"bash", "-c", scratch_text("P='%s'; %s", IST_PROGRAM, line), NULL};
    return spawn_run(&(spawn_options){.deadline = 45, .dir = scratch_dir()}, argv);
}

/* ---- disks ----------------------------------------------------------------------------------- */

/* A disk of its own, which is gone with the test's process. */
static void mount_disk(const char *folder, const char *size)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mkdir(folder, 0755) != 0 || mount("disk", folder, "tmpfs", 0, size) != 0)
        cr_skip_test("no file system can be mounted here");
}

/* All of it but so many bytes is taken. */
static void leave_free(const char *folder, size_t disk, size_t bytes)
{
    size_t size = disk - bytes;
    file_write(scratch_text("%s/filler", folder), scratch_alloc(size), size);
}

/* Whatever there is room for: the path and the bytes free are told, and the same command ends well once there is more. */
Test(surroundings, F10_a_small_disk, .timeout = 120)
{
    enum { DISK = 1 << 20, PAGE = 4096 };
    const char *job = write_job(), *expected = scratch_path("expected"), *disk = scratch_path("d");
    RUN(0, 0, job, expected);
    mount_disk(disk, "size=1m");
    static const int pages[] = {1, 2, 3, 5, 7};
    int ended = 0;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        const char *output = scratch_text("%s/out", disk);
        leave_free(disk, DISK, (size_t)pages[i] * PAGE);
        spawn_result r = PROGRAM(0, "run", job, "--output", output);
        cr_assert(r.code == 3 || r.code == 0, "%s", spawn_story(&r));
        if (r.code == 3) {
            ended++;
            cr_expect(strstr(r.err, "No space left on device") && strstr(r.err, disk), "%s",
                      spawn_story(&r));
        }
        remove(scratch_text("%s/filler", disk));
        RUN(0, 0, job, output);
        expect_same_results(output, expected, scratch_text("%d pages", pages[i]));
        spawn_result removed = shell(scratch_text("rm -r '%s'", output));
        EXPECT_CODE(removed, 0);
    }
    cr_expect(ended >= 3, "a full disk ended %d runs", ended);
}

/* ---- views ----------------------------------------------------------------------------------- */

Test(surroundings, F14_results_h5_comes_back, .timeout = 60)
{
    const char *job = write_job(), *output = scratch_path("out");
    RUN(0, 0, job, output);
    size_t size, now;
    const char *path = scratch_text("%s/results.h5", output);
    const char *whole = file_read(path, &size);
    cr_assert(whole && size > 0);
    for (int kind = 0; kind < 3; kind++) {
        switch (kind) {
        case 0: remove(path); break;
        case 1: file_truncate(path, size / 2); break;
        default: file_write_text(path, "neither HDF5 nor anything else\n");
        }
        spawn_result r = PROGRAM(0, "collect", job, "--output", output);
        EXPECT_CODE(r, 0);
        const char *again = file_read(path, &now);
        cr_expect(again && now == size && memcmp(again, whole, size) == 0, "kind %d", kind);
    }
}

/* ---- inputs ---------------------------------------------------------------------------------- */

/* A dataset with checksums. */
static void add_checked(hid_t file, const char *name, const double *values)
{
    hid_t space = H5Screate_simple(2, (const hsize_t[]){N, 4}, NULL);
    hid_t chunks = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(chunks, 2, (const hsize_t[]){50, 4});
    H5Pset_fletcher32(chunks);
    hid_t set = H5Dcreate2(file, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, chunks, H5P_DEFAULT);
    H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(set);
    H5Pclose(chunks);
    H5Sclose(space);
}

/* Where these bytes stand in a file. */
static size_t find_bytes(const char *path, const void *bytes, size_t count)
{
    size_t size;
    const char *all = file_read(path, &size), *at = memmem(all, size, bytes, count);
    cr_assert(at);
    return (size_t)(at - all);
}

/* With checksums in the file damage is found when it is read, and fails the tasks of that layer alone. Without any nobody can know: other values are
 * another content. */
Test(surroundings, F16_a_bit_of_an_input_turns, .timeout = 60)
{
    hid_t file = input_new(scratch_path("x.h5"));
    const double *values = draw_normals(3, 4 * N), *plain = draw_normals(4, 4 * N);
    add_checked(file, "/checked", values);
    input_layer(file, "/plain", H5T_IEEE_F64LE, N, 4, plain);
    input_layer(file, "/other", H5T_IEEE_F64LE, N, 4, draw_normals(5, 4 * N));
    input_close(file);
    const char *job =
        job_new("x", "input: {file: x.h5, layers: {c: /checked, p: /plain, o: /other}}\n"
                     "measures: [dimension]\n");
    const char *output = scratch_path("out"), *path = scratch_path("x.h5");
    RUN(0, 0, job, output);
    const char *before = file_read(scratch_text("%s/results.csv", output), NULL);
    file_flip(path, find_bytes(path, &values[321], sizeof *values) + 4, 2);
    file_flip(path, find_bytes(path, &plain[17], sizeof *plain) + 6, 2);
    RUN(4, 0, job, output);
    table t = results_of(output);
    size_t row = table_find(&t, WHERE("status=failed"));
    EXPECT_CELL(&t, row, "source", "c");
    const char *reason = table_text(&t, row, "reason");
    cr_expect(reason && strstr(reason, "x.h5:/checked"), "%s", reason ? reason : "");
    cr_expect(table_count(&t, WHERE("status=ok")) == 2);
    const char *value = table_text(&t, table_find(&t, WHERE("source=p")), "value");
    cr_expect(!strstr(before, value), "the value is that of before: %s", value);
}

Test(surroundings, F28_more_ranks_than_samples, .timeout = 60)
{
    input_example("x.h5", 3, 1);
    const char *job = job_new("x", "input: {file: x.h5, layers: [a, b], labels: [y]}\n"
                                   "measures:\n  - imbalance: {se: none}\n"
                                   "  - overlap: {k: 1, se: none}\n");
    const char *output = scratch_path("out"), *expected = scratch_path("expected");
    RUN(0, 0, job, expected);
    RUN(0, 5, job, output);
    expect_same_results(output, expected, "three samples on five ranks");
}

/* ---- who may do what ------------------------------------------------------------------------- */

/* The program as `nobody`. */
static spawn_result as_nobody(const char *arguments)
{
    return shell(scratch_text("export HOME=/tmp TMPDIR=/tmp; exec setpriv --reuid 65534 --regid "
                              "65534 --clear-groups \"$P\" %s",
                              arguments));
}

Test(surroundings, F36_permission_denied, .timeout = 90)
{
    const char *job = write_job(), *output = scratch_path("out");
    chmod(scratch_dir(), 0755);
    spawn_result r = as_nobody("--version");
    if (r.code != 0)
        cr_skip_test("cannot start the program as another user");
    /* A folder that cannot be made, and one whose files are somebody else's. */
    r = as_nobody(scratch_text("run '%s' --output '%s'", job, output));
    EXPECT_CODE(r, 3);
    EXPECT_SAYS(r, "Permission denied");
    EXPECT_SAYS(r, output);
    RUN(0, 0, job, output);
    r = as_nobody(scratch_text("run '%s' --output '%s'", job, output));
    EXPECT_CODE(r, 3);
    EXPECT_SAYS(r, "Permission denied");
    EXPECT_SAYS(r, output);
    r = as_nobody(scratch_text("collect '%s' --output '%s'", job, output));
    EXPECT_CODE(r, 3);
    EXPECT_SAYS(r, "Permission denied");
    /* An input. */
    chmod(scratch_path("x.h5"), 0);
    mkdir(scratch_path("open"), 0777);
    chmod(scratch_path("open"), 0777);
    r = as_nobody(scratch_text("run '%s' --output open/out", job));
    EXPECT_CODE(r, 2);
    EXPECT_SAYS(r, "may not be read: its mode is 0000");
    EXPECT_SAYS(r, "this is user 65534");
}

/* ---- terminals and locales ------------------------------------------------------------------- */

/* Nobody listens: the run goes on. Who asks for a page on stdout and cannot have it is told so. */
Test(surroundings, F45_nobody_listens, .timeout = 90)
{
    const char *job = write_job(), *expected = scratch_path("expected");
    RUN(0, 0, job, expected);
    static const struct {
        const char *line;
        int code;
    } cases[] = {{"\"$P\" run x.yaml -o out0 >&- 2>&-", 0},
                 {"\"$P\" run x.yaml -o out1 <&- >&- 2>&-", 0},
                 {"\"$P\" run x.yaml -o out2 >/dev/full 2>/dev/full", 0},
                 {"set -o pipefail; \"$P\" run x.yaml -o out3 2>&1 | true", 0},
                 {"\"$P\" plan x.yaml >/dev/full", 3},
                 {"\"$P\" sbatch x.yaml >/dev/full", 3},
                 {"\"$P\" measures >/dev/full", 3},
                 {"\"$P\" status out2 >/dev/full", 3},
                 {"set -o pipefail; \"$P\" measures | true; [[ $? == 3 || $? == 0 ]]", 0},
                 {"\"$P\" measures >&-", 0}};
    (void)job;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        spawn_result r = shell(cases[c].line);
        EXPECT_CODE(r, cases[c].code);
        if (c < 4) {
            const char *output = scratch_path("out%zu", c);
            expect_same_results(output, expected, cases[c].line);
            cr_expect(journal_count(output, "task") == journal_count(expected, "task"));
            const char *journal = file_read(scratch_text("%s/journal.jsonl", output), NULL);
            cr_expect(count_text(journal, "\n{") + 1 == count_text(journal, "\n"),
                      "something else stands in the journal\n%s", journal);
        } else if (cases[c].code == 3) {
            EXPECT_SAYS(r, "cannot write to standard output: No space left on device");
        }
    }
}

/* A decimal comma, and a language whose i has no dot. */
Test(surroundings, F40_the_locale, .timeout = 60)
{
    const char *job = write_job(), *expected = scratch_path("expected");
    RUN(0, 0, job, expected);
    spawn_result made = shell("mkdir l && localedef -i de_DE -f UTF-8 l/de_DE.UTF-8 && "
                              "localedef -i tr_TR -f UTF-8 l/tr_TR.UTF-8; ls l | wc -l");
    if (made.code != 0 || strncmp(made.out, "2", 1) != 0)
        cr_skip_test("no locales can be made (Debian's package locales)");
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "tr_TR.UTF-8" : "de_DE.UTF-8";
        /* It is one that this C library takes. */
        spawn_result comma =
            shell(scratch_text("LOCPATH=$PWD/l LC_ALL=%s locale decimal_point", name));
        cr_assert_str_eq(comma.out, ",\n");
        spawn_result r = shell(scratch_text(
            "LOCPATH=$PWD/l LC_ALL=%s LANG=%s \"$P\" run x.yaml -o %s", name, name, name));
        EXPECT_CODE(r, 0);
        expect_same_results(scratch_path("%s", name), expected, name);
    }
    (void)job;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Rows that nobody wrote: 600 MB a layer, in a file of some kilobytes. */
static void add_sparse(hid_t file, const char *name)
{
    hid_t space = H5Screate_simple(2, (const hsize_t[]){300000, 512}, NULL);
    hid_t chunks = H5Pcreate(H5P_DATASET_CREATE), links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_chunk(chunks, 2, (const hsize_t[]){1000, 512});
    H5Pset_create_intermediate_group(links, 1);
    H5Dclose(H5Dcreate2(file, name, H5T_IEEE_F32LE, space, links, chunks, H5P_DEFAULT));
    H5Pclose(links);
    H5Pclose(chunks);
    H5Sclose(space);
}

Test(surroundings, F41_a_limit_of_addresses, .timeout = 60)
{
    hid_t file = input_new(scratch_path("large.h5"));
    add_sparse(file, "/a");
    add_sparse(file, "/b");
    input_close(file);
    job_new("large", "input: {file: large.h5, layers: {a: /a, b: /b}}\nmeasures: [imbalance]\n");
    spawn_result r = shell("ulimit -v 900000; \"$P\" run large.yaml -o out");
    EXPECT_CODE(r, 2);
    EXPECT_SAYS(r, "does not fit: ");
    EXPECT_SAYS(r, "(ulimit -v)");
}

/* A user who says that there is more than there is: the run ends with 3, and at the third start without that task. */
Test(surroundings, F41_memory_that_runs_out_twice, .timeout = 60)
{
    hid_t file = input_new(scratch_path("large.h5"));
    add_sparse(file, "/layers/a");
    input_close(file);
    input_example("small.h5", N, 1);
    job_new("mixed", "grid: {c: [large, small]}\ninput: {file: '{c}.h5', layers: [a]}\n"
                     "measures: [dimension]\n");
    const char *line = "ulimit -v 900000; \"$P\" run mixed.yaml -o out --max-memory 100000";
    for (int start = 0; start < 2; start++) {
        spawn_result r = shell(line);
        EXPECT_CODE(r, 3);
        EXPECT_SAYS(r, "out of memory (");
    }
    spawn_result r = shell(line);
    EXPECT_CODE(r, 4);
    table t = results_of(scratch_path("out"));
    cr_expect(table_count(&t, WHERE("c=small", "status=ok")) == 1);
    const char *reason =
        table_text(&t, table_find(&t, WHERE("c=large", "status=failed")), "reason");
    cr_expect(reason && strstr(reason, "was in flight at two crashes (out of memory, "), "%s",
              reason ? reason : "");
}

/* ---- a large job ----------------------------------------------------------------------------- */

/* `status` reads what does not grow with the job: a journal that can only be waited for does not keep it, nor does a grid of 100,000 cells. */
Test(surroundings, status_does_not_grow_with_the_job, .timeout = 60)
{
    const char *output = scratch_path("out");
    RUN(0, 0, write_job(), output);
    cr_assert(mkfifo(scratch_text("%s/journal-7.jsonl", output), 0600) == 0);
    const char *large =
        job_new("large", "name: large\ngrid: {cell: {from: 1, to: 100000}}\noutput: out\n"
                         "input: {file: '{cell}.h5', layers: [a], labels: [y]}\n"
                         "measures:\n  - imbalance: {target: y}\n");
    const char *const asked[] = {output, large};
    for (int i = 0; i < 2; i++) {
        spawn_result r = PROGRAM(0, "status", asked[i]);
        EXPECT_CODE(r, 0);
        EXPECT_SAYS(r, "finished");
        cr_expect(r.seconds < 5, "%s",
                  spawn_story(&r)); /* milliseconds; the room is for a loaded machine */
    }
}
