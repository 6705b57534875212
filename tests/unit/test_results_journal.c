/* The journal: what was written is there again, whatever happened to the file. */
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/results/journal.h"
#include "../harness/scratch.h"
#include "test_results_support.h"

static ist_journal *open_journal(const char *folder, bool append)
{
    ist_error error = {0};
    ist_journal *journal = ist_journal_open(folder, (ist_shard){0}, append, &error);
    expect_ok(&error);
    return journal;
}

static void close_journal(ist_journal *journal)
{
    ist_error error = {0};
    ist_journal_close(&journal, &error);
    expect_ok(&error);
    cr_assert(journal == NULL);
}

static void add_outcome(ist_journal *journal, uint64_t i)
{
    ist_outcome outcome = outcome_number(i);
    ist_error error = {0};
    ist_journal_add_outcome(journal, &outcome, &error);
    expect_ok(&error);
}

static const ist_outcome *find(const ist_journal *journal, uint64_t i)
{
    ist_outcome like = outcome_number(i);
    return ist_journal_find(journal, like.id, like.source_content, like.target_content);
}

static bool is_right(const ist_journal *journal, uint64_t i)
{
    ist_outcome expected = outcome_number(i);
    return strcmp(outcome_text(find(journal, i)), outcome_text(&expected)) == 0;
}

/* ---- there and back -------------------------------------------------------------------------- */

Test(journal, outcomes_come_back)
{
    const char *folder = scratch_dir();
    ist_journal *journal = open_journal(folder, true);
    for (uint64_t i = 0; i < 50; i++)
        add_outcome(journal, i);
    for (int again = 0; again < 2; again++) {
        for (uint64_t i = 0; i < 50; i++)
            cr_expect(is_right(journal, i), "%d", (int)i);
        cr_expect(find(journal, 50) == NULL);
        cr_expect(ist_journal_knows(journal, (ist_hash){49, 7}));
        cr_expect(!ist_journal_knows(journal, (ist_hash){50, 7}));
        cr_expect(!ist_journal_find(journal, (ist_hash){1, 7}, (ist_hash){0, 8}, (ist_hash){3, 1}));
        cr_expect(ist_journal_damaged(journal) == 0);
        close_journal(journal);
        journal = open_journal(folder, again);
    }
    close_journal(journal);
}

Test(journal, the_last_line_of_a_key_wins)
{
    const char *folder = scratch_dir();
    ist_error error = {0};
    ist_outcome outcome = outcome_number(2);
    ist_journal *journal = open_journal(folder, true);
    add_outcome(journal, 2);
    const ist_outcome *there = find(journal, 2);
    outcome.reason = (char *)"later";
    ist_journal_add_outcome(journal, &outcome, &error);
    expect_ok(&error);
    cr_expect(find(journal, 2) == there);
    close_journal(journal);
    journal = open_journal(folder, false);
    cr_expect_str_eq(find(journal, 2)->reason, "later");
    close_journal(journal);
}

Test(journal, inputs_and_meta_are_added_only_if_new)
{
    const char *folder = scratch_dir(), *file = scratch_path("journal.jsonl");
    ist_error error = {0};
    ist_input_state input = {(char *)"../a b.h5:/x[:,\"0\"]", INT64_MAX, -5, 17, {1, 2}, 0};
    char *names[] = {(char *)"epoch", (char *)"test_error"};
    double values[] = {3, NAN};
    ist_journal *journal = open_journal(folder, true);
    ist_journal_add_input(journal, &input, &error);
    ist_journal_add_meta(journal, "w=4, s=1", names, values, 2, &error);
    ist_journal_add_meta(journal, "w=8, s=1", names, values, 0, &error);
    ist_journal_sync(journal, &error);
    long long size = file_size(file);
    ist_journal_add_input(journal, &input, &error);
    ist_journal_add_meta(journal, "w=4, s=1", names, values, 2, &error);
    cr_expect(file_size(file) == size);
    values[0] = 4;
    input.content.high = 3;
    ist_journal_add_input(journal, &input, &error);
    ist_journal_add_meta(journal, "w=4, s=1", names, values, 2, &error);
    expect_ok(&error);
    cr_expect(file_size(file) > size);
    close_journal(journal);
    journal = open_journal(folder, false);
    const ist_input_state *back = ist_journal_input(journal, input.key);
    cr_assert(back);
    cr_expect(back->size == INT64_MAX && back->mtime_ns == -5 && back->inode == 17);
    cr_expect(back->content.low == 1 && back->content.high == 3);
    cr_expect(!ist_journal_input(journal, "other"));
    const ist_meta *meta = ist_journal_meta_of(journal, "w=4, s=1");
    cr_assert(meta && meta->count == 2);
    cr_expect_str_eq(meta->names[1], "test_error");
    cr_expect(meta->values[0] == 4 && isnan(meta->values[1]));
    cr_expect(!ist_journal_meta_of(journal, "w=8, s=1"));
    close_journal(journal);
}

Test(journal, passes_come_back)
{
    ist_error error = {0};
    ist_timing pass = {(char *)"a.h5:/x",
                       "nearest",
                       1,
                       2,
                       3,
                       4,
                       5,
                       "avx512",
                       0.1,
                       0.2,
                       1e12,
                       6,
                       7,
                       8,
                       9,
                       10,
                       11,
                       12,
                       13,
                       14};
    ist_journal *journal = open_journal(scratch_dir(), true);
    ist_journal_add_timing(journal, &pass, &error);
    expect_ok(&error);
    close_journal(journal);
    journal = open_journal(scratch_dir(), false);
    cr_assert(journal->pass_count == 1);
    const ist_timing *back = &journal->passes[0].timing;
    cr_expect_str_eq(back->layer, pass.layer);
    cr_expect_str_eq(back->kind, "nearest");
    cr_expect_str_eq(back->kernel, "avx512");
    cr_expect(back->n == 1 && back->d == 2 && back->k == 3 && back->thresholds == 4);
    cr_expect(back->ranks == 5 && back->seconds == 0.1 && back->seconds_waiting == 0.2);
    cr_expect(back->pairs == 1e12 && back->decided_again == 6 && back->exact_tiles == 7);
    cr_expect(back->tiles == 8 && back->bytes_sent == 9);
    cr_expect(back->most_in_flight == 10 && back->peak_memory == 11);
    cr_expect(back->tiles_skipped == 12 && back->tiles_thinned == 13);
    cr_expect(back->compared == 14);
    close_journal(journal);
}

Test(journal, all_journals_of_the_folder_are_read)
{
    const char *folder = scratch_path("out/x");
    mkdir(scratch_path("out/x"), 0777);
    ist_journal *journal = open_journal(folder, true);
    add_outcome(journal, 1);
    close_journal(journal);
    cr_assert(rename(scratch_path("out/x/journal.jsonl"), scratch_path("out/x/journal.2.jsonl")) ==
              0);
    file_write_text(scratch_path("out/x/journal.txt"), "nothing of ours\n");
    journal = open_journal(folder, true);
    add_outcome(journal, 2);
    close_journal(journal);
    journal = open_journal(folder, false);
    cr_expect(is_right(journal, 1) && is_right(journal, 2));
    cr_expect(ist_journal_damaged(journal) == 0);
    close_journal(journal);
}

Test(journal, no_folder_is_an_empty_journal)
{
    ist_journal *journal = open_journal(scratch_path("not/there"), false);
    cr_expect(find(journal, 1) == NULL);
    close_journal(journal);
    cr_expect(!file_exists(scratch_path("not/there")));
}

/* ---- damage ---------------------------------------------------------------------------------- */

enum { LINES = 6 };

/* A journal of LINES outcomes; ends[i] is the byte behind line i. */
static char *make_lines(size_t *size, size_t ends[LINES])
{
    ist_journal *journal = open_journal(scratch_dir(), true);
    for (uint64_t i = 0; i < LINES; i++) {
        add_outcome(journal, i);
        ends[i] = (size_t)file_size(scratch_path("journal.jsonl"));
    }
    close_journal(journal);
    return file_read(scratch_path("journal.jsonl"), size);
}

Test(journal, torn_at_every_byte, .timeout = 120)
{
    size_t size = 0, ends[LINES];
    char *whole = make_lines(&size, ends);
    const char *path = scratch_path("journal.jsonl");
    for (size_t cut = 0; cut < size; cut++) {
        file_write(path, whole, cut);
        size_t lines = 0;
        while (lines < LINES && ends[lines] <= cut)
            lines++;
        size_t last = lines ? ends[lines - 1] : 0;
        ist_journal *journal = open_journal(scratch_dir(), false);
        cr_assert(ist_journal_damaged(journal) == (cut > last), "%zu", cut);
        for (uint64_t i = 0; i < LINES; i++)
            cr_assert(i < lines ? is_right(journal, i) : !find(journal, i), "%zu", cut);
        close_journal(journal);
        cr_assert(file_size(path) == (long long)cut);
        if (cut > last + 1 && cut % 29)
            continue; /* what follows forces to disk, which takes its time */
        journal = open_journal(scratch_dir(), true);
        cr_assert(file_size(path) == (long long)last);
        add_outcome(journal, 99);
        close_journal(journal);
        journal = open_journal(scratch_dir(), false);
        cr_assert(ist_journal_damaged(journal) == 0);
        cr_assert(is_right(journal, 99) && (lines == 0 || is_right(journal, lines - 1)));
        close_journal(journal);
    }
}

/* One line is lost, two where a '\n' is hit; all others are there, and nothing wrong ever is. */
Test(journal, one_bit_turned_anywhere, .timeout = 240)
{
    size_t size = 0, ends[LINES];
    char *whole = make_lines(&size, ends);
    const char *path = scratch_path("journal.jsonl");
    const char *expected[LINES];
    for (uint64_t i = 0; i < LINES; i++) {
        ist_outcome outcome = outcome_number(i);
        expected[i] = outcome_text(&outcome);
    }
    file_write(path, whole, size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        file_flip(path, bit / 8, (int)(bit % 8));
        size_t hit = 0;
        while (ends[hit] <= bit / 8)
            hit++;
        bool newline = ends[hit] == bit / 8 + 1;
        ist_journal *journal = open_journal(scratch_dir(), false);
        cr_assert(ist_journal_damaged(journal) > 0);
        for (size_t i = 0; i < LINES; i++) {
            const ist_outcome *found = find(journal, i);
            bool lost = i == hit || (newline && i == hit + 1);
            cr_assert(lost ? !found : found != NULL, "bit %zu", bit);
            /* the texts are compared once a byte: it is their allocation that takes time */
            if (found && bit % 64 == 0)
                cr_assert(strcmp(outcome_text(found), expected[i]) == 0, "bit %zu", bit);
        }
        close_journal(journal);
        file_flip(path, bit / 8, (int)(bit % 8));
    }
}

/* Lines of a later version are not damage; a line of ours that lacks a member is. */
Test(journal, lines_with_a_good_checksum)
{
    ist_text text = {0};
    ist_text_add(&text, "{\"kind\":\"checkpoint\",\"x\":[1]");
    ist_line_seal(&text);
    ist_text line = {0};
    ist_text_add(&line, "{\"kind\":\"input\",\"key\":\"a\",\"size\":1");
    ist_line_seal(&line);
    ist_text_add_bytes(&text, line.data, line.length);
    file_write(scratch_path("journal.jsonl"), text.data, text.length);
    ist_text_release(&text);
    ist_text_release(&line);
    ist_journal *journal = open_journal(scratch_dir(), true);
    cr_expect(ist_journal_damaged(journal) == 1);
    cr_expect(!ist_journal_input(journal, "a"));
    close_journal(journal);
}

/* ---- files that are none, disks that are full ------------------------------------------------ */

static void expect_broken(bool append, const char *words)
{
    ist_error error = {0};
    ist_journal *journal = ist_journal_open(scratch_dir(), (ist_shard){0}, append, &error);
    cr_expect(!journal);
    cr_expect(error.code == IST_BROKEN);
    cr_expect(strstr(error.text, words), "%s", error.text);
}

Test(journal, links_and_pipes_are_refused, .timeout = 20)
{
    const char *path = scratch_path("journal.jsonl"), *secret = scratch_path("secret");
    file_write_text(secret, "mine\n");
    cr_assert(symlink(secret, path) == 0);
    expect_broken(true, "it is a symbolic link");
    expect_broken(false, "it is a symbolic link");
    unlink(path);
    cr_assert(mkdir(path, 0777) == 0);
    expect_broken(true, "journal.jsonl");
    rmdir(path);
    cr_assert(mkfifo(scratch_path("journal.3.jsonl"), 0666) == 0);
    expect_broken(true, "it is not a plain file");
    cr_expect_str_eq(file_read(secret, NULL), "mine\n");
}

/* A file size limit is the full disk that needs no mount. */
Test(journal, a_full_disk_leaves_whole_lines)
{
    ist_journal *journal = open_journal(scratch_dir(), true);
    add_outcome(journal, 0);
    struct rlimit limit, before;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = (rlim_t)file_size(scratch_path("journal.jsonl")) + 100;
    setrlimit(RLIMIT_FSIZE, &limit);
    ist_outcome outcome = outcome_number(1);
    ist_error error = {0};
    cr_expect(ist_journal_add_outcome(journal, &outcome, &error) == IST_BROKEN);
    setrlimit(RLIMIT_FSIZE, &before);
    cr_expect(strstr(error.text, scratch_path("journal.jsonl")), "%s", error.text);
    cr_expect(strstr(error.text, "File too large") && strstr(error.text, " bytes needed, "), "%s",
              error.text);
    cr_expect(find(journal, 1) == NULL);
    add_outcome(journal, 3);
    close_journal(journal);
    journal = open_journal(scratch_dir(), false);
    cr_expect(ist_journal_damaged(journal) == 0);
    cr_expect(is_right(journal, 0) && !find(journal, 1) && is_right(journal, 3));
    close_journal(journal);
}

/* ---- size ------------------------------------------------------------------------------------ */

Test(journal, a_hundred_thousand_outcomes_take_seconds, .timeout = 120)
{
    double start = ist_seconds();
    ist_record record = {.quantity = (char *)"imbalance", .value = 0.5, .note = (char *)""};
    ist_outcome outcome = {.records = &record, .record_count = 1};
    ist_error error = {0};
    ist_journal *journal = open_journal(scratch_dir(), true);
    for (uint64_t i = 0; i < 100000; i++) {
        outcome.id = (ist_hash){i, i};
        ist_journal_add_outcome(journal, &outcome, &error);
    }
    expect_ok(&error);
    close_journal(journal);
    journal = open_journal(scratch_dir(), false);
    for (uint64_t i = 0; i < 100000; i++) {
        ist_hash id = {i, i}, none = {0};
        cr_assert(ist_journal_find(journal, id, none, none));
        cr_assert(ist_journal_knows(journal, id));
    }
    close_journal(journal);
    cr_expect(ist_seconds() - start < 60, "%g s", ist_seconds() - start);
}

/* ---- crashes --------------------------------------------------------------------------------- */

/* A process that dies in `run` with these tasks in flight. */
static void crash_in_child(const char *folder, int64_t run, const ist_hash *tasks, size_t count)
{
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        ist_crash_watch(folder, (ist_shard){0}, run, 3);
        ist_crash_step("counts in \"h\n1\"", tasks, count);
        raise(SIGSEGV);
        _exit(0);
    }
    int status;
    cr_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
              WTERMSIG(status) == SIGSEGV);
}

/* More tasks than a line has room for; the run of a crash that wrote no other line counts, too. */
Test(journal, F02_a_crash_leaves_its_tasks)
{
    enum { TASKS = 2500 };
    const char *folder = scratch_dir();
    static ist_hash tasks[TASKS];
    for (size_t t = 0; t < TASKS; t++)
        tasks[t] = (ist_hash){UINT64_C(0x9e3779b97f4a7c15) * (t + 1), t << 60};
    crash_in_child(folder, 4, tasks, TASKS);
    crash_in_child(folder, 5, tasks, 1);
    crash_in_child(folder, 6, NULL, 0);
    ist_journal *journal = open_journal(folder, true);
    cr_expect(ist_journal_damaged(journal) == 0);
    cr_expect(ist_journal_run(journal) == 7);
    for (size_t t = 0; t < TASKS; t++) {
        ist_crashes found = ist_journal_crashes(journal, tasks[t]);
        cr_expect(found.count == (t == 0 ? 2 : 1), "%zu: %d", t, found.count);
        cr_expect_str_eq(found.signal, "SIGSEGV");
        cr_expect_str_eq(found.step, "counts in \"h\n1\"");
    }
    cr_expect(ist_journal_crashes(journal, (ist_hash){1, 2}).count == 0);
    ist_error error = {0};
    ist_journal_add_retry(journal, &error);
    expect_ok(&error);
    cr_expect(ist_journal_crashes(journal, tasks[0]).count == 0);
    close_journal(journal);
    crash_in_child(folder, 7, tasks, 1);
    journal = open_journal(folder, false);
    cr_expect(ist_journal_crashes(journal, tasks[0]).count == 1);
    close_journal(journal);
}
