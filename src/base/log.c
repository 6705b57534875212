#include "infostrata/base.h"

void ist_log_line(ist_log *log, const char *format, ...)
{
    if (!log->speaks)
        return;
    ist_text line = {0};
    va_list arguments;
    va_start(arguments, format);
    ist_text_add_v(&line, format, arguments);
    va_end(arguments);
    if (!log->quiet)
        fprintf(stderr, "%s%s\n", log->passing ? "\r\033[K" : "", line.data);
    log->passing = false;
    if (log->file) {
        char now[IST_TIME_TEXT];
        fprintf(log->file, "%s %10.3f %s\n", ist_utc(now), ist_seconds() - log->start, line.data);
        fflush(log->file);
    }
    ist_text_release(&line);
}

void ist_log_passing(ist_log *log, const char *line)
{
    enum { WIDTH = 118 }; /* a line that wraps could not be taken back */
    if (!log->speaks || log->quiet || (!*line && !log->passing))
        return;
    fprintf(stderr, "\r\033[K%.*s", WIDTH, line);
    fflush(stderr);
    log->passing = *line != '\0';
}
