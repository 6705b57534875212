/* status.json, shards' files, the wish that a run end. */
#include "../harness/scratch.h"
#include "infostrata/results.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ist_status some_status(void)
{
    ist_status status = {.state = IST_RUNNING,
                         .ranks = 4,
                         .tasks = 1080,
                         .done = 412,
                         .failed = 3,
                         .step_number = 5,
                         .steps = 9,
                         .percent = 37,
                         .pairs_per_second = INT64_C(12345678901),
                         .seconds_left = -1};
    ist_status_self(&status);
    snprintf(status.job, sizeof status.job, "a \"job\"\n\x1b[2J");
    snprintf(status.step, sizeof status.step, "neighbours in ../a.npy");
    snprintf(status.heartbeat, sizeof status.heartbeat, "2026-01-31T23:59:59Z");
    return status;
}

Test(status, is_read_as_it_was_written)
{
    ist_status before = some_status(), after;
    ist_text text = {0};
    ist_status_write(&before, &text);
    cr_expect(!strchr(text.data, 0x1b), "%s", text.data);
    cr_expect(strchr(text.data, '\n') == text.data + text.length - 1, "one line");
    cr_assert(ist_status_read(text.data, text.length, &after));
    cr_expect(strcmp(after.job, before.job) == 0 && strcmp(after.host, before.host) == 0);
    cr_expect(strcmp(after.step, before.step) == 0 && after.pid == getpid());
    cr_expect(after.pairs_per_second == before.pairs_per_second && after.seconds_left == -1);
    cr_expect(after.tasks == 1080 && after.done == 412 && after.failed == 3);
    for (size_t length = 0; length + 1 < text.length; length++)
        cr_assert(!ist_status_read(text.data, length, &after), "torn after %zu bytes", length);
    ist_text_release(&text);
}

static void write_status(ist_shard shard, const ist_status *status)
{
    ist_text text = {0};
    char *path = ist_shard_path(scratch_dir(), shard, "status", ".json");
    ist_status_write(status, &text);
    file_write_text(path, text.data);
    ist_text_release(&text);
    ist_free(path);
}

/* This process holds the locks that say so; a status of a run without lock is that of one that is gone. */
Test(status, of_all_shards_and_whether_they_live)
{
    ist_error error = {0};
    ist_status status = some_status(), *all;
    ist_lock lock;
    bool *lost;
    size_t count;
    cr_expect(ist_status_all(scratch_dir(), &all, &lost, &count, &error) == IST_REFUSED);
    ist_free(all);
    ist_free(lost);
    error = (ist_error){0};
    cr_assert(ist_lock_take(scratch_dir(), (ist_shard){2, 11}, &lock, &error) == IST_OK);
    write_status((ist_shard){10, 11}, &status);
    write_status((ist_shard){2, 11}, &status);
    status.state = IST_FINISHED;
    status.done = status.tasks;
    write_status((ist_shard){3, 11}, &status);
    cr_assert(ist_status_all(scratch_dir(), &all, &lost, &count, &error) == IST_OK);
    cr_assert(count == 3);
    cr_expect(all[0].state == IST_RUNNING && !lost[0], "the lock of shard 2 is held");
    cr_expect(all[1].state == IST_FINISHED && !lost[1]);
    cr_expect(all[2].state == IST_RUNNING && lost[2], "nobody holds the lock of shard 10");
    ist_lock_release(&lock);
    ist_free(all);
    ist_free(lost);
}

Test(status, a_wish_is_heeded_once)
{
    ist_error error = {0};
    char *path = ist_wish_path(scratch_dir());
    ist_wish none = ist_wish_look(path);
    cr_expect(!none.there);
    cr_assert(ist_wish_make(scratch_dir(), &error) == IST_OK);
    ist_wish first = ist_wish_look(path), same = ist_wish_look(path);
    cr_expect(first.there && memcmp(&first, &same, sizeof first) == 0);
    usleep(10000);
    cr_assert(ist_wish_make(scratch_dir(), &error) == IST_OK);
    ist_wish second = ist_wish_look(path);
    cr_expect(memcmp(&first, &second, sizeof first) != 0, "another wish looks the same");
    ist_free(path);
}

Test(status, durations)
{
    const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {{-1, "?"},         {0, "0 s"},      {119, "119 s"},      {120, "2 min"},
                 {7199, "120 min"}, {7200, "2.0 h"}, {172800, "2.0 days"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ist_text text = {0};
        ist_text_add_duration(&text, cases[i].seconds);
        cr_expect(strcmp(text.data, cases[i].text) == 0, "%s, not %s", text.data, cases[i].text);
        ist_text_release(&text);
    }
}
