#include "infostrata/base.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../harness/scratch.h"

/* ---- paths ----------------------------------------------------------------------------------- */

static void expect_taken(char *got, const char *expected)
{
    cr_expect_str_eq(got, expected);
    ist_free(got);
}

Test(file, join_path)
{
    expect_taken(ist_join_path("/a/b", "c.h5"), "/a/b/c.h5");
    expect_taken(ist_join_path("/a/b", "/c"), "/c");
    expect_taken(ist_join_path("/a/b/", "../c/./d//e"), "/a/c/d/e");
    expect_taken(ist_join_path("/a", "../../../x"), "/x");
    expect_taken(ist_join_path("a", "../../x"), "../x");
    expect_taken(ist_join_path("..", "../x/.."), "../..");
    expect_taken(ist_join_path(".", "a/../b"), "b");
    expect_taken(ist_join_path("a", ".."), ".");
    expect_taken(ist_join_path("", "x"), "x");
    expect_taken(ist_join_path("/", "."), "/");
    expect_taken(ist_join_path("/a", "..b/...c"), "/a/..b/...c");
}

Test(file, relative_path)
{
    expect_taken(ist_relative_path("/a/b/c.h5", "/a/b"), "c.h5");
    expect_taken(ist_relative_path("/a/data/c.h5", "/a/b/d"), "../../data/c.h5");
    expect_taken(ist_relative_path("/a/b", "/a/b"), ".");
    expect_taken(ist_relative_path("/a", "/a/b/c"), "../..");
    expect_taken(ist_relative_path("/ab/c", "/a"), "../ab/c");
    expect_taken(ist_relative_path("/", "/a"), "..");
    expect_taken(ist_relative_path("/a", "/"), "a");
}

Test(file, folder_of)
{
    expect_taken(ist_folder_of("/a/b.yaml"), "/a");
    expect_taken(ist_folder_of("b.yaml"), ".");
    expect_taken(ist_folder_of("/b.yaml"), "/");
    expect_taken(ist_folder_of("a/b/c"), "a/b");
}

/* ---- reading --------------------------------------------------------------------------------- */

Test(file, read)
{
    const char *path = scratch_path("some.txt");
    file_write(path, "a\0b\n", 4);
    ist_text text = {0};
    ist_error error = {0};
    ist_text_add(&text, "> ");
    cr_expect_eq(ist_read_file(path, 4, &text, &error), IST_OK);
    cr_expect(text.length == 6 && memcmp(text.data, "> a\0b\n", 7) == 0);
    cr_expect_eq(ist_read_file(path, 3, &text, &error), IST_REFUSED);
    cr_expect(strstr(error.text, "longer than 3 bytes"));
    ist_text_release(&text);
}

Test(file, read_refused)
{
    ist_text text = {0};
    ist_error missing = {0}, folder = {0};
    cr_expect_eq(ist_read_file("/nowhere/x", 9, &text, &missing), IST_REFUSED);
    cr_expect_str_eq(missing.text, "cannot read '/nowhere/x': No such file or directory");
    cr_expect_eq(ist_read_file("/tmp", 9, &text, &folder), IST_REFUSED);
    cr_expect_str_eq(folder.text, "cannot read '/tmp': Is a directory");
    ist_text_release(&text);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* The file holds this and its folder holds nothing else. */
static void expect_alone(const char *path, const char *expected)
{
    ist_text text = {0};
    ist_error error = {0};
    cr_assert_eq(ist_read_file(path, 1 << 20, &text, &error), IST_OK, "%s", error.text);
    cr_expect_str_eq(text.data, expected);
    ist_text_release(&text);
    char *folder = ist_folder_of(path);
    const char *command = scratch_text("test \"$(ls -A '%s' | wc -l)\" = 1", folder);
    cr_expect_eq(system(command), 0, "something was left behind in %s", folder);
    ist_free(folder);
}

Test(file, write)
{
    const char *path = scratch_path("w/out.txt");
    ist_error error = {0};
    cr_expect_eq(ist_write_file(path, "first", 5, &error), IST_OK, "%s", error.text);
    cr_expect_eq(ist_write_file(path, "second", 6, &error), IST_OK, "%s", error.text);
    expect_alone(path, "second");
    cr_expect_eq(ist_write_file(path, NULL, 0, &error), IST_OK);
    expect_alone(path, "");
    cr_assert_eq(chdir(scratch_path("w")), 0);
    cr_expect_eq(ist_write_file("out.txt", "here", 4, &error), IST_OK, "%s", error.text);
    expect_alone(path, "here");
}

/* A full disk as far as a test can have one: the kernel refuses to let a file grow. */
Test(file, write_that_fails_keeps_the_old)
{
    const char *path = scratch_path("f/out.txt");
    static char many[100000];
    ist_error error = {0};
    cr_assert_eq(ist_write_file(path, "old", 3, &error), IST_OK);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {50000, RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_expect_eq(ist_write_file(path, many, sizeof many, &error), IST_BROKEN);
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_expect(strstr(error.text, "(100000 bytes): File too large"), "%s", error.text);
    expect_alone(path, "old");
}

Test(file, write_refuses)
{
    ist_error error = {0}, device = {0}, folder = {0}, closed = {0};
    cr_expect_eq(ist_write_file("/nowhere/x", "a", 1, &error), IST_BROKEN);
    cr_expect_str_eq(error.text, "cannot write '/nowhere/x' (1 bytes): No such file or directory");
    cr_expect_eq(ist_write_file("/dev/full", "a", 1, &device), IST_BROKEN);
    cr_expect_eq(ist_write_file("/tmp", "a", 1, &folder), IST_BROKEN);
    struct stat info;
    cr_expect(stat("/dev/full", &info) == 0 && S_ISCHR(info.st_mode), "/dev/full was replaced");
    if (geteuid() != 0) { /* root may write anywhere */
        const char *path = scratch_path("r/out.txt");
        cr_assert_eq(ist_write_file(path, "old", 3, &closed), IST_OK);
        chmod(scratch_path("r"), 0500);
        cr_expect_eq(ist_write_file(path, "new", 3, &closed), IST_BROKEN);
        chmod(scratch_path("r"), 0700);
        expect_alone(path, "old");
    }
}

Test(file, write_follows_no_link)
{
    const char *victim = scratch_path("victim/precious.txt"), *path = scratch_path("l/out.txt");
    ist_error error = {0};
    file_write_text(victim, "precious");
    cr_assert_eq(symlink(victim, path), 0);
    cr_expect_eq(ist_write_file(path, "mine", 4, &error), IST_OK);
    expect_alone(victim, "precious");
    expect_alone(path, "mine");
    struct stat info;
    cr_expect(lstat(path, &info) == 0 && S_ISREG(info.st_mode));
}
