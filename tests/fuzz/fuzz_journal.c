/* Any lines as a journal, with their checksums made right so that what is behind them is reached: a line is damaged or
 * says something, and what it says is written and read again as the same. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/results/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the program writes it reads, as the same: all but bytes that are no UTF-8, which become U+FFFD when written. */
static ist_outcome written_and_read(const ist_outcome *outcome, ist_text *line)
{
    ist_json_object object;
    ist_outcome read;
    ist_line_outcome(outcome, outcome->run, line);
    if (!ist_line_open(line->data, line->length - 1, &object) ||
        !ist_read_outcome(&object, &read)) {
        fprintf(stderr, "not read again: %s\n", line->data);
        abort();
    }
    return read;
}

static void same_again(const ist_outcome *outcome)
{
    ist_text lines[3] = {{0}};
    ist_outcome first = written_and_read(outcome, &lines[0]);
    ist_outcome second = written_and_read(&first, &lines[1]);
    ist_outcome third = written_and_read(&second, &lines[2]);
    if (lines[1].length != lines[2].length ||
        memcmp(lines[1].data, lines[2].data, lines[1].length) != 0) {
        fprintf(stderr, "written: %sagain: %s", lines[1].data, lines[2].data);
        abort();
    }
    ist_outcome_release(&first);
    ist_outcome_release(&second);
    ist_outcome_release(&third);
    for (int i = 0; i < 3; i++)
        ist_text_release(&lines[i]);
}

static void read_line(const char *text, size_t length)
{
    ist_json_object line;
    ist_outcome outcome;
    ist_input_state input;
    ist_meta meta;
    ist_pass_time pass;
    if (!ist_line_open(text, length, &line))
        return;
    if (ist_read_outcome(&line, &outcome)) {
        same_again(&outcome);
        ist_outcome_release(&outcome);
    }
    if (ist_read_input(&line, &input))
        ist_input_state_release(&input);
    if (ist_read_meta(&line, &meta))
        ist_meta_release(&meta);
    if (ist_read_timing(&line, &pass))
        ist_pass_time_release(&pass);
}

/* All of it as a file, as a run would find it. */
static void read_file(const ist_text *text)
{
    static char folder[64];
    static int file = -1;
    char path[96];
    if (file < 0) {
        snprintf(folder, sizeof folder, "/dev/shm/ist-fuzz-XXXXXX");
        if (!mkdtemp(folder))
            abort();
        snprintf(path, sizeof path, "%s/journal.jsonl", folder);
        FILE *made = fopen(path, "w");
        file = made ? dup(fileno(made)) : -1;
        if (made)
            fclose(made);
    }
    if (file < 0 || ftruncate(file, 0) != 0 ||
        pwrite(file, text->data, text->length, 0) != (ssize_t)text->length)
        abort();
    ist_error error = {0};
    ist_journal *journal = ist_journal_open(folder, (ist_shard){0}, false, &error);
    if (!journal)
        abort(); /* a journal can always be read: what is damaged is passed over */
    ist_journal_close(&journal, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ist_text all = {0};
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        const size_t length = end ? (size_t)(end - data) - at : size - at;
        ist_text line = {0};
        ist_text_add_bytes(&line, (const char *)data + at, length);
        if (line.length && data[at] == '{')
            ist_line_seal(&line);
        else
            ist_text_add(&line, "\n");
        read_line(line.data, line.length - 1);
        ist_text_add_bytes(&all, line.data, line.length);
        ist_text_release(&line);
        at += length + 1;
    }
    if (all.data)
        read_file(&all);
    ist_text_release(&all);
    return 0;
}
