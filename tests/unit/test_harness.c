/* The harness: exit codes come through, a deadline leaves nothing behind, files are what they were. */
#include "../harness/scratch.h"
#include "../harness/spawn.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHELL(line) ((const char *[]){"sh", "-c", line, NULL})

static void expect_code(const char *line, int code)
{
    spawn_result r = spawn_run(NULL, SHELL(line));
    cr_expect(r.code == code, "expected %d\n%s", code, spawn_story(&r));
    cr_expect(r.left == 0);
}

Test(harness, codes_come_through, .timeout = 30)
{
    expect_code("exit 0", 0);
    expect_code("exit 7", 7);
    expect_code("kill -9 $$", 137);
    expect_code("kill -11 $$", 139);
    spawn_result r = spawn_run(NULL, (const char *[]){"/no/such/program", NULL});
    cr_expect(r.code == 127);
    cr_expect(strstr(r.err, "cannot start /no/such/program"));
}

Test(harness, codes_come_through_mpirun, .timeout = 60)
{
    const struct {
        const char *line;
        int ranks, code;
    } cases[] = {{"exit 0", 1, 0}, {"exit 7", 1, 7}, {"exit 7", 3, 7}, {"kill -9 $$", 2, 137}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        spawn_result r = spawn_ranks(cases[i].ranks, NULL, SHELL(cases[i].line));
        cr_expect(r.code == cases[i].code, "expected %d\n%s", cases[i].code, spawn_story(&r));
    }
}

Test(harness, both_streams_are_kept_apart, .timeout = 30)
{
    spawn_options o = {.env = (const char *[]){"GREETING=hello", "HOME", NULL}};
    spawn_result r = spawn_run(&o, SHELL("echo $GREETING$HOME; echo oops >&2; cat"));
    cr_expect_str_eq(r.out, "hello\n");
    cr_expect_str_eq(r.err, "oops\n");
}

Test(harness, much_output_is_kept, .timeout = 30)
{
    spawn_result r = spawn_run(NULL, SHELL("yes 123456789 | head -n 100000"));
    cr_expect_eq(r.out_size, 1000000);
    cr_expect_eq(strlen(r.out), 1000000);
}

Test(harness, deadline_kills_children_of_children, .timeout = 30)
{
    spawn_options o = {.deadline = 0.5};
    spawn_process p = spawn_start(&o, SHELL("sleep 100 & (trap '' TERM; sleep 100) & sleep 100"));
    spawn_result r = spawn_finish(&p);
    cr_expect(r.timed_out);
    cr_expect_eq(r.code, 137);
    cr_expect(r.seconds < 5);
    cr_expect_eq(r.left, 0);
    cr_expect_eq(spawn_count(&p), 0);
}

Test(harness, deadline_kills_ranks, .timeout = 30)
{
    spawn_options o = {.deadline = 10};
    spawn_process p = spawn_start_ranks(3, &o, SHELL("trap '' TERM; echo up; sleep 100"));
    cr_assert(spawn_wait_text(&p, "up\nup\nup", 10));
    /* A shell says "up" before it starts its sleep: on a busy machine the processes come later. */
    for (int i = 0; i < 100 && spawn_count(&p) < 7; i++)
        usleep(50000);
    cr_expect_geq(spawn_count(&p), 7);
    p.deadline -= 8;
    spawn_result r = spawn_finish(&p);
    cr_expect(r.timed_out);
    cr_expect_eq(spawn_count(&p), 0);
}

Test(harness, one_rank_can_be_killed, .timeout = 30)
{
    spawn_process p = spawn_start_ranks(2, NULL, SHELL("echo up; exec sleep 100"));
    cr_assert(spawn_wait_text(&p, "up\nup", 10));
    cr_expect_not(spawn_signal_rank(&p, 2, SIGKILL));
    cr_assert(spawn_signal_rank(&p, 1, SIGKILL));
    spawn_result r = spawn_finish(&p);
    cr_expect(r.code == 137 && !r.timed_out, "%s", spawn_story(&r));
}

Test(harness, killed_launcher_leaves_nothing, .timeout = 30)
{
    spawn_process p = spawn_start_ranks(2, NULL, SHELL("echo up; exec sleep 100"));
    cr_assert(spawn_wait_text(&p, "up\nup", 10));
    spawn_signal_all(&p, SIGKILL);
    spawn_result r = spawn_finish(&p);
    cr_expect_eq(r.code, 137);
    cr_expect_eq(r.left, 0);
}

Test(harness, signal_reaches_the_command, .timeout = 30)
{
    spawn_process p = spawn_start(NULL, SHELL("trap 'echo got; exit 75' USR1; echo up; "
                                              "while :; do sleep 0.05; done"));
    cr_assert(spawn_wait_text(&p, "up", 10));
    spawn_signal(&p, SIGUSR1);
    spawn_result r = spawn_finish(&p);
    cr_expect_eq(r.code, 75);
    cr_expect_str_eq(r.out, "up\ngot\n");
}

Test(harness, wait_ends_with_the_command, .timeout = 30)
{
    spawn_process p = spawn_start(NULL, SHELL("exit 3"));
    cr_expect_not(spawn_wait_text(&p, "never", 20));
    spawn_result r = spawn_finish(&p);
    cr_expect_eq(r.code, 3);
    cr_expect(r.seconds < 10);
}

Test(harness, files)
{
    const char *path = scratch_path("a/b/%s.bin", "data"), *copy = scratch_path("copy");
    size_t size;
    file_write(path, "one\0two", 7);
    file_write(copy, "one\0two", 7);
    cr_expect(file_same(path, copy));
    cr_expect_arr_eq(file_read(path, &size), "one\0two", 8);
    cr_expect_eq(size, 7);
    file_flip(copy, 4, 0);
    cr_expect_not(file_same(path, copy));
    file_truncate(path, 3);
    cr_expect_eq(file_size(path), 3);
    cr_expect_not(file_exists(scratch_path("none")));
    cr_expect_null(file_read(scratch_path("none"), NULL));
    cr_expect_not(file_same(path, scratch_path("none")));
}

Test(harness, large_files)
{
    const char *path = scratch_path("large");
    size_t size = 300001;
    char *bytes = scratch_alloc(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i % 127);
    file_write(path, bytes, size);
    size_t got;
    cr_expect(memcmp(file_read(path, &got), bytes, size) == 0);
    cr_expect_eq(got, size);
}

Test(harness, text_differences)
{
    cr_expect_null(text_difference("a\nb\n", "a\nb\n"));
    cr_expect_str_eq(text_difference("a\nb\n", "a\nc\n"), "line 2: 'b' is not 'c'");
    cr_expect_str_eq(text_difference("a", "a\n"), "line 1: 'a' (end) is not 'a'");
    cr_expect_str_eq(text_difference("a\nbc", "a\nb"), "line 2: 'bc' (end) is not 'b' (end)");
}

Test(harness, folder_is_removed_by_its_owner_only, .timeout = 30)
{
    const char *path = scratch_path("kept");
    file_write_text(path, "x");
    spawn_run(NULL, SHELL("exit 0"));
    cr_expect(file_exists(path));
}
