/* `check --data` and `info`: what lies in the files. No MPI. */
#include <inttypes.h>
#include <string.h>

#include "job.h"

/* ---- check --data ---------------------------------------------------------------------------- */

typedef struct {
    ist_text lines;
    ist_text advice; /* of slow chunks: each one once */
    size_t advised, more;
    size_t bad, remarked, read;
    int64_t values;
} report;

static void add_remark(ist_text *line, const char *format, ...) IST_PRINTF(2, 3);

static void add_remark(ist_text *line, const char *format, ...)
{
    va_list arguments;
    ist_text_add(line, "%s", line->length ? "; " : "");
    va_start(arguments, format);
    ist_text_add_v(line, format, arguments);
    va_end(arguments);
}

static void say_found(const ist_survey *found, ist_text *line)
{
    if (found->first_row >= 0)
        add_remark(line,
                   "%" PRId64 " NaN and %" PRId64 " Inf, the first in row %" PRId64
                   ": its tasks would fail",
                   found->nan, found->inf, found->first_row);
    if (found->constant_columns > 0)
        add_remark(line, "%" PRId64 " of %" PRId64 " columns constant, the first is %" PRId64,
                   found->constant_columns, found->d, found->first_constant);
    if (found->duplicates > 0)
        add_remark(line, "%" PRId64 " of %" PRId64 " rows equal an earlier one", found->duplicates,
                   found->rows);
    if (found->zero_rows > 0)
        add_remark(line, "%" PRId64 " rows all zero", found->zero_rows);
}

/* Files of a job are written by one program: what is wrong with one is wrong with all. The command for the first says it. */
static void say_layout(const ist_location *at, const ist_text *repack, report *r)
{
    if (!repack->length)
        return;
    if (r->advice.data && strstr(r->advice.data, repack->data)) {
        r->more++;
        return;
    }
    r->advised++;
    ist_text_add(&r->advice, "%s:%s: %s '%s' repacked.h5\n", at->file, at->dataset, repack->data,
                 at->file);
}

static void survey_layer(const ist_layer *layer, int64_t first, report *r)
{
    ist_error error = {0};
    ist_survey found = {0};
    ist_text line = {0}, repack = {0}, place = {0};
    ist_location_text(&layer->at, &place);
    r->read++;
    if (ist_survey_layer(&layer->at, first, &found, &repack, &error) != IST_OK) {
        r->bad++;
        ist_text_add(&r->lines, "%s\n", error.text);
    } else {
        say_found(&found, &line);
        say_layout(&layer->at, &repack, r);
        r->values += found.rows * found.d;
        r->bad += found.first_row >= 0;
        r->remarked += line.length > 0;
    }
    if (line.length)
        ist_text_add(&r->lines, "%s: %s\n", place.data, line.data);
    ist_text_release(&line);
    ist_text_release(&repack);
    ist_text_release(&place);
}

static bool same_place(const ist_location *a, const ist_location *b)
{
    return a->pool == b->pool && strcmp(a->file, b->file) == 0 &&
           strcmp(a->dataset ? a->dataset : "", b->dataset ? b->dataset : "") == 0 &&
           strcmp(a->index ? a->index : "", b->index ? b->index : "") == 0;
}

/* One dataset is several layers where it is asked for in several metrics. */
static bool is_surveyed(const ist_plan *plan, size_t l)
{
    for (size_t i = 0; i < l; i++)
        if (same_place(&plan->layers[i].at, &plan->layers[l].at))
            return true;
    return false;
}

static void say_labels(const ist_plan *plan, report *r)
{
    for (size_t l = 0; l < plan->label_count; l++) {
        const ist_label_vector *labels = &plan->labels[l];
        if (labels->draw.index > 0)
            continue;
        ist_text place = {0};
        ist_location_text(&labels->at, &place);
        if (labels->classes == 1)
            ist_text_add(&r->lines, "%s: all samples have the same label\n", place.data);
        else if (labels->smallest == 1)
            ist_text_add(&r->lines, "%s: %" PRId64 " classes, some of one sample\n", place.data,
                         labels->classes);
        r->remarked += labels->classes == 1 || labels->smallest == 1;
        ist_text_release(&place);
    }
}

/* The first rows if they are all that the job takes; of another selection the whole file: rows that it leaves out may be told of,
 * too. */
static int64_t rows_to_read(const ist_known_job *known, size_t layer)
{
    return known->layer_choice[layer] == SIZE_MAX ? known->plan->layers[layer].n : 0;
}

ist_code ist_check_data(const ist_known_job *known)
{
    report r = {0};
    for (size_t l = 0; l < known->plan->layer_count; l++)
        if (!is_surveyed(known->plan, l))
            survey_layer(&known->plan->layers[l], rows_to_read(known, l), &r);
    say_labels(known->plan, &r);
    if (r.lines.data)
        fputs(r.lines.data, stdout);
    if (r.advice.data)
        fputs(r.advice.data, stdout);
    if (r.more > 0)
        printf("%zu more datasets have the same chunks\n", r.more);
    printf("%zu layers read, %" PRId64 " values: %zu with remarks, %zu that cannot be used\n",
           r.read, r.values, r.remarked, r.bad);
    ist_text_release(&r.lines);
    ist_text_release(&r.advice);
    return r.bad > 0 ? IST_REFUSED : IST_OK;
}

/* ---- info ------------------------------------------------------------------------------------ */

ist_code ist_command_info(const char *const *files, size_t count)
{
    ist_code code = IST_OK;
    for (size_t f = 0; f < count; f++) {
        ist_error error = {0};
        ist_text page = {0};
        if (ist_describe_file(files[f], &page, &error) == IST_OK) {
            fputs(page.data, stdout);
        } else {
            fprintf(stderr, "infostrata: error: %s\n", error.text);
            code = error.code;
        }
        ist_text_release(&page);
    }
    return code;
}
