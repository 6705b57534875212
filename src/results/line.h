/* The lines of the journal: what they say <-> what the program knows. */
#ifndef IST_RESULTS_LINE_H
#define IST_RESULTS_LINE_H

#include "infostrata/results.h"
#include "json.h"

/* meta.* values of one cell. */
typedef struct {
    char *cell;
    char **names;
    double *values;
    size_t count;
} ist_meta;
void ist_meta_release(ist_meta *meta);

/* A pass as the journal has it: its texts are owned. */
typedef struct {
    ist_timing timing;
    char *kind, *kernel;
} ist_pass_time;
void ist_pass_time_release(ist_pass_time *pass);

void ist_input_state_release(ist_input_state *input);

/* The mark of a crash: which run, what it was (a signal's name), in which step, and the tasks in flight. */
typedef struct {
    int64_t run;
    char *signal, *step;
    ist_hash *task;
    size_t count;
} ist_crash;
void ist_crash_release(ist_crash *crash);

/* Each writes one line to `out`, with its checksum and '\n'. */
void ist_line_outcome(const ist_outcome *outcome, int64_t run, ist_text *out);
void ist_line_input(const ist_input_state *input, int64_t run, ist_text *out);
void ist_line_meta(const char *cell, char *const *names, const double *values, size_t count,
                   ist_text *out);
void ist_line_timing(const ist_timing *timing, ist_text *out);

/* The number of the run that wrote a line: 0 where it does not say so. */
int64_t ist_line_run(const ist_json_object *line);

/* Ends a line that is an object without its closing brace: checksum, brace, '\n'. */
void ist_line_seal(ist_text *line);
/* The same in the caller's room (64 bytes more than `length`), for a signal handler; returns the new length. */
size_t ist_line_seal_bytes(char *line, size_t length);

/* A line without its '\n' whose checksum is right: an object. */
bool ist_line_open(const char *line, size_t length, ist_json_object *object);

/* Each is false, and leaves nothing to release, if a member is missing or of another kind. */
bool ist_read_outcome(const ist_json_object *line, ist_outcome *out);
bool ist_read_input(const ist_json_object *line, ist_input_state *out);
bool ist_read_meta(const ist_json_object *line, ist_meta *out);
bool ist_read_timing(const ist_json_object *line, ist_pass_time *out);
bool ist_read_crash(const ist_json_object *line, ist_crash *out);

/* A run that tries failed tasks again: earlier crashes count no more. */
void ist_line_retry(int64_t run, ist_text *out);

#endif
